//! API keys: what they allow, and when they end.

use serde_json::{Value, json};

use crate::{
    on_both_databases,
    support::{
        app::{TestApp, texts},
        caller::{Caller, code},
    },
};

const CREATE: &str = "mutation($input: ApiKeyCreateInput!) {
    apiKeyCreate(input: $input) { secret apiKey { id prefix actions collectionIds } userErrors { code path message } }
}";

async fn make(owner: &Caller, input: Value) -> (Caller, Value) {
    let payload = owner.data(CREATE, json!({ "input": input })).await["apiKeyCreate"].clone();
    let secret = payload["secret"].as_str().unwrap_or_else(|| panic!("{payload:#}"));
    (owner.with_token(secret), payload["apiKey"].clone())
}

const NAMES: &str = "{ collections { nodes { name } } }";
const INGEST: &str = "mutation($id: ID!) {
    documentsIngest(input: { collectionId: $id, documents: [{ fileName: \"n.txt\", content: { text: \"new\" } }] }) {
        operation { id } userErrors { code }
    }
}";

fn names(data: &Value) -> Vec<&str> {
    data["collections"]["nodes"].as_array().unwrap().iter().map(|node| node["name"].as_str().unwrap()).collect()
}

async fn with_two_collections(app: &TestApp) -> (Caller, String, String) {
    let ada = app.user("ada").await;
    let (first, second) = (ada.create_collection("First").await, ada.create_collection("Second").await);
    ada.ingest_all(&first, texts(&[("a.txt", "harbour")])).await;
    ada.ingest_all(&second, texts(&[("b.txt", "harbour")])).await;
    (ada, first, second)
}

on_both_databases!(a_key_does_what_it_names_where_it_names_it_and_nothing_else);
async fn a_key_does_what_it_names_where_it_names_it_and_nothing_else(app: TestApp) {
    let (ada, first, second) = with_two_collections(&app).await;
    let (key, shown) =
        make(&ada, json!({ "name": "reader", "actions": ["COLLECTION_READ"], "collectionIds": [first] })).await;
    assert_eq!(shown["actions"], json!(["COLLECTION_READ"]));
    assert!(key.token().unwrap().starts_with(shown["prefix"].as_str().unwrap()));
    assert_eq!(names(&key.data(NAMES, json!({})).await), ["First"]);
    assert_eq!(key.search(json!({ "query": "harbour" })).await["nodes"].as_array().unwrap().len(), 1);
    assert_eq!(code(&key.graphql(INGEST, json!({ "id": first })).await), "FORBIDDEN");
    assert_eq!(key.user_error_code(INGEST, json!({ "id": second })).await, "NOT_FOUND");
    assert_eq!(
        code(
            &key.graphql("mutation { collectionCreate(input: { name: \"x\" }) { collection { id } } }", json!({}))
                .await
        ),
        "FORBIDDEN"
    );
    let private =
        key.data("{ viewer { username email sessions { totalCount } apiKeys { totalCount } } }", json!({})).await;
    assert_eq!(private["viewer"], json!({ "username": "ada", "email": null, "sessions": null, "apiKeys": null }));
    assert_eq!(
        code(&key.graphql(CREATE, json!({ "input": { "name": "x", "actions": ["COLLECTION_READ"] } })).await),
        "FORBIDDEN"
    );
}

on_both_databases!(a_key_that_only_ingests_reads_nothing);
async fn a_key_that_only_ingests_reads_nothing(app: TestApp) {
    let (ada, first, _) = with_two_collections(&app).await;
    let (key, _) = make(&ada, json!({ "name": "writer", "actions": ["DOCUMENT_INGEST"] })).await;
    assert!(key.data(INGEST, json!({ "id": first })).await["documentsIngest"]["operation"]["id"].is_string());
    assert_eq!(names(&key.data(NAMES, json!({})).await), Vec::<&str>::new());
    assert_eq!(key.search(json!({ "query": "harbour" })).await["nodes"], json!([]));
}

on_both_databases!(a_key_can_do_no_more_than_its_owner_even_after_they_lost_a_right);
async fn a_key_can_do_no_more_than_its_owner_even_after_they_lost_a_right(app: TestApp) {
    let (ada, first, _) = with_two_collections(&app).await;
    let bob = app.user("bob").await;
    let role = "mutation($id: ID!, $role: CollectionRole!) {
        collectionMemberSet(input: { collectionId: $id, username: \"bob\", role: $role }) { userErrors { code } }
    }";
    ada.data(role, json!({ "id": first, "role": "EDITOR" })).await;
    let (key, _) =
        make(&bob, json!({ "name": "all", "actions": ["COLLECTION_READ", "DOCUMENT_INGEST", "COLLECTION_DELETE"] }))
            .await;
    assert!(key.data(INGEST, json!({ "id": first })).await["documentsIngest"]["operation"]["id"].is_string());
    let delete = "mutation($id: ID!) { collectionDelete(input: { collectionId: $id }) { deletedId } }";
    assert_eq!(code(&key.graphql(delete, json!({ "id": first })).await), "FORBIDDEN");
    ada.data(role, json!({ "id": first, "role": "VIEWER" })).await;
    assert_eq!(code(&key.graphql(INGEST, json!({ "id": first })).await), "FORBIDDEN");
    assert_eq!(names(&key.data(NAMES, json!({})).await), ["First"]);
}

on_both_databases!(a_key_ends_with_its_time_its_budget_its_revocation_and_its_owner);
async fn a_key_ends_with_its_time_its_budget_its_revocation_and_its_owner(app: TestApp) {
    let (ada, ..) = with_two_collections(&app).await;
    let bob = app.user("bob").await;
    let ask = async |key: &Caller| {
        key.send("POST", "/graphql", &[("content-type", "application/json")], "{\"query\":\"{ viewer { id } }\"}").await
    };

    let expires_at = (chrono::Utc::now() + chrono::TimeDelta::hours(1)).to_rfc3339();
    let (short, _) =
        make(&ada, json!({ "name": "short", "actions": ["COLLECTION_READ"], "expiresAt": expires_at })).await;
    assert_eq!(ask(&short).await.status, 200);
    let (revoked, shown) = make(&ada, json!({ "name": "revoked", "actions": ["COLLECTION_READ"] })).await;
    let revoke = "mutation($id: ID!) {
        apiKeyRevoke(input: { apiKeyId: $id }) { revokedId apiKey { name revokedAt } userErrors { code } }
    }";
    let payload = ada.data(revoke, json!({ "id": shown["id"] })).await["apiKeyRevoke"].clone();
    assert_eq!((&payload["revokedId"], &payload["apiKey"]["name"]), (&shown["id"], &json!("revoked")));
    assert!(payload["apiKey"]["revokedAt"].is_string(), "{payload:#}");
    assert_eq!(ada.data(revoke, json!({ "id": shown["id"] })).await["apiKeyRevoke"], payload, "once is enough");
    assert_eq!(ask(&revoked).await.status, 401);
    assert_eq!(bob.user_error_code(revoke, json!({ "id": shown["id"] })).await, "NOT_FOUND");

    let (poor, _) = make(&ada, json!({ "name": "poor", "actions": ["COLLECTION_READ"], "pointsBudget": "3" })).await;
    assert_eq!(ask(&poor).await.status, 200);
    assert_eq!(ask(&poor).await.json()["errors"][0]["extensions"]["code"], "COST_LIMIT_EXCEEDED");

    let (of_bob, _) = make(&bob, json!({ "name": "bob's", "actions": ["COLLECTION_READ"] })).await;
    assert_eq!(ask(&of_bob).await.status, 200);
    let bob_id = bob.data("{ viewer { id } }", json!({})).await["viewer"]["id"].clone();
    ada.data(
        "mutation($id: ID!) { userDeactivate(input: { userId: $id }) { user { isActive } userErrors { code } } }",
        json!({ "id": bob_id }),
    )
    .await;
    assert_eq!(ask(&of_bob).await.status, 401);
    assert_eq!(ask(&bob).await.status, 401);

    app.clock.advance(3600);
    assert_eq!(ask(&short).await.status, 401);
}

on_both_databases!(a_key_with_a_rate_waits_for_its_points_and_is_told_what_it_can_never_have);
async fn a_key_with_a_rate_waits_for_its_points_and_is_told_what_it_can_never_have(app: TestApp) {
    let (ada, ..) = with_two_collections(&app).await;
    let (slow, _) = make(&ada, json!({ "name": "slow", "actions": ["COLLECTION_READ"], "pointsPerMinute": 30 })).await;
    assert_eq!(names(&slow.data(NAMES, json!({})).await).len(), 2);
    assert_eq!(code(&slow.graphql(NAMES, json!({})).await), "RATE_LIMITED");
    app.clock.advance(60);
    assert_eq!(names(&slow.data(NAMES, json!({})).await).len(), 2);
    let dear = "{ collections(first: 50) { nodes { name } } }";
    assert_eq!(code(&slow.graphql(dear, json!({})).await), "COST_LIMIT_EXCEEDED");
    assert_eq!(names(&ada.data(dear, json!({})).await).len(), 2, "its owner has a bucket of their own");
}

on_both_databases!(a_key_learns_what_it_allows);
async fn a_key_learns_what_it_allows(app: TestApp) {
    let (ada, first, _) = with_two_collections(&app).await;
    let input =
        json!({ "name": "reader", "actions": ["COLLECTION_READ"], "collectionIds": [first], "pointsBudget": "9" });
    let (key, shown) = make(&ada, input).await;
    let own = "{ viewer { apiKey { id name actions collectionIds pointsBudget } } }";
    let found = key.data(own, json!({})).await["viewer"]["apiKey"].clone();
    assert_eq!(found["id"], shown["id"]);
    assert_eq!(found["actions"], json!(["COLLECTION_READ"]));
    assert_eq!((&found["collectionIds"], &found["pointsBudget"]), (&json!([first]), &json!("9")));
    assert_eq!(ada.data(own, json!({})).await["viewer"]["apiKey"], Value::Null);
}

on_both_databases!(a_key_fills_no_upload_but_its_own);
async fn a_key_fills_no_upload_but_its_own(app: TestApp) {
    let (ada, ..) = with_two_collections(&app).await;
    let (key, _) = make(&ada, json!({ "name": "writer", "actions": ["DOCUMENT_INGEST"] })).await;
    let create = "mutation { uploadCreate(input: { fileName: \"a.txt\" }) { upload { url } } }";
    let url = |data: Value| data["uploadCreate"]["upload"]["url"].as_str().unwrap().to_owned();
    let (hers, its) = (url(ada.data(create, json!({})).await), url(key.data(create, json!({})).await));
    assert_eq!(key.send("PUT", &hers, &[], "bytes").await.status, 404);
    assert_eq!(key.send("PUT", &its, &[], "bytes").await.status, 201);
}

on_both_databases!(a_key_says_what_it_is_good_for);
async fn a_key_says_what_it_is_good_for(app: TestApp) {
    let ada = app.user("ada").await;
    let refused = async |input: Value| {
        let payload = ada.data(CREATE, json!({ "input": input })).await["apiKeyCreate"].clone();
        assert_eq!(payload["secret"], Value::Null);
        payload["userErrors"][0]["path"]
            .as_array()
            .unwrap()
            .iter()
            .map(|step| step.as_str().unwrap())
            .collect::<Vec<_>>()
            .join(".")
    };
    assert_eq!(refused(json!({ "name": "x", "actions": [] })).await, "actions");
    assert_eq!(refused(json!({ "name": "x", "actions": ["COLLECTION_READ", "SERVER_MANAGE"] })).await, "actions.1");
    assert_eq!(refused(json!({ "name": " ", "actions": ["COLLECTION_READ"] })).await, "name");
    assert_eq!(
        refused(json!({ "name": "x", "actions": ["COLLECTION_READ"], "expiresAt": "2020-01-01T00:00:00Z" })).await,
        "expiresAt"
    );
    assert_eq!(
        refused(json!({ "name": "x", "actions": ["COLLECTION_READ"], "collectionIds": ["nothing"] })).await,
        "collectionIds.0"
    );
    assert_eq!(
        refused(json!({ "name": "x", "actions": ["COLLECTION_READ"], "pointsPerMinute": 0 })).await,
        "pointsPerMinute"
    );
}

on_both_databases!(a_key_can_be_limited_to_named_documents);
async fn a_key_can_be_limited_to_named_documents(app: TestApp) {
    const OTHER: &str = "query Other { __typename }";
    let ada = app.user("ada").await;
    let letters = ada.create_collection("Letters").await;
    ada.ingest_all(&letters, texts(&[("a.txt", "harbour")])).await;
    let named = format!("sha256:{}", docent::graphql::manifest::digest(NAMES));
    let input = json!({ "name": "box", "actions": ["COLLECTION_READ", "DOCUMENT_INGEST"], "documentIds": [named] });
    let (key, _) = make(&ada, input).await;
    assert_eq!(names(&key.data(NAMES, json!({})).await), ["Letters"]);
    for other in ["{ collections { nodes { name  } } }", "{ __typename }", INGEST] {
        assert_eq!(code(&key.graphql(other, json!({ "id": letters })).await), "FORBIDDEN", "{other}");
    }
    // Nor by another door.
    let url = ada
        .data(
            "query($id: ID!) { collection(id: $id) { documents { nodes { downloadUrl } } } }",
            json!({ "id": letters }),
        )
        .await;
    let url = url["collection"]["documents"]["nodes"][0]["downloadUrl"].as_str().unwrap();
    assert_eq!(key.send("GET", url, &[], "").await.status, 403);
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "list_collections" } });
    let hash = docent::graphql::manifest::digest(OTHER);
    let hashed = json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } });
    let json = ("content-type", "application/json");
    // Ada's client keeps the document, so that its hash is known.
    ada.send("POST", "/graphql", &[json], json!({ "query": OTHER, "extensions": hashed }).to_string()).await;
    let doors = [
        ("GET", "/graphql?query=%7B__typename%7D".to_owned(), vec![], String::new()),
        ("GET", format!("/graphql?documentId=sha256:{hash}"), vec![], String::new()),
        ("POST", "/graphql".to_owned(), vec![json], json!({ "extensions": hashed }).to_string()),
        (
            "POST",
            "/graphql".to_owned(),
            vec![json, ("accept", "text/event-stream")],
            json!({ "query": "subscription { viewerOperations { kind } }" }).to_string(),
        ),
        (
            "POST",
            "/graphql".to_owned(),
            vec![json],
            // One that is named, under the id of another.
            json!({ "documentId": format!("sha256:{hash}"), "query": "", "operationName": "Other" }).to_string(),
        ),
    ];
    for (method, path, headers, body) in doors {
        let answer = String::from_utf8(key.send(method, &path, &headers, body.clone()).await.body).unwrap();
        assert!(answer.contains("\"FORBIDDEN\"") && !answer.contains("\"data\""), "{path} {body}: {answer}");
    }
    let batch = json!([{ "query": NAMES }, { "query": OTHER }]).to_string();
    assert_eq!(key.send("POST", "/graphql", &[json], batch).await.status, 400);

    let refused = key.send("POST", "/mcp", &[("content-type", "application/json")], call.to_string()).await.json();
    assert_eq!(refused["result"]["structuredContent"]["errors"][0]["code"], "FORBIDDEN", "{refused:#}");

    let shown = ada.data("{ viewer { apiKeys { nodes { documentIds } } } }", json!({})).await;
    assert_eq!(shown["viewer"]["apiKeys"]["nodes"][0]["documentIds"], json!([named]));
    for ids in [json!([]), json!([""]), json!(["x".repeat(201)])] {
        let input = json!({ "name": "box", "actions": ["COLLECTION_READ"], "documentIds": ids });
        let payload = ada.data(CREATE, json!({ "input": input })).await["apiKeyCreate"].clone();
        assert_eq!(payload["userErrors"][0]["path"], json!(["documentIds"]), "{payload:#}");
    }
    // Digests are the same in capitals.
    let shouted = json!({ "name": "loud", "actions": ["COLLECTION_READ"], "documentIds": [named[7..].to_uppercase()] });
    let (loud, _) = make(&ada, shouted).await;
    assert_eq!(names(&loud.data(NAMES, json!({})).await), ["Letters"]);
}
