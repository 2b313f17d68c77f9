//! The graph itself: nodes by id, pages, counts, what is hidden, what is refused.

use serde_json::{Value, json};

use crate::{
    on_both_databases,
    support::{
        app::{TestApp, texts},
        caller::Caller,
    },
};

const NODES: &str = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }";

/// A document that is nothing but white space fails; the other one completes.
const TWO: &[(&str, &str)] = &[("good.txt", "The tram is red."), ("bad.txt", "  \n ")];

/// The one error of an answer: its code and message.
async fn refusal(caller: &Caller, query: &str, variables: Value) -> (String, String) {
    let answer = caller.graphql(query, variables).await;
    assert_eq!(answer["errors"].as_array().map(Vec::len), Some(1), "{answer:#}");
    let error = &answer["errors"][0];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&error["extensions"]["code"]), text(&error["message"]))
}

async fn ids_of_everything(app: &TestApp) -> (Caller, Vec<Value>) {
    let ada = app.user("ada").await;
    let collection = ada.create_collection("Letters").await;
    let operation = ada.ingest_all(&collection, texts(TWO)).await;
    let key = "mutation { apiKeyCreate(input: { name: \"reader\", actions: [COLLECTION_READ] }) { apiKey { id } } }";
    let key = ada.data(key, json!({})).await["apiKeyCreate"]["apiKey"]["id"].clone();
    let query = "query($id: ID!) {
        viewer { id sessions { nodes { id } } }
        collection(id: $id) {
            generations { id }
            members { nodes { id } }
            documents(filter: { uri: \"good.txt\" }) { nodes { id chunks { nodes { id } } } }
        }
        auditLog(filter: { collectionId: $id }) { nodes { id } }
    }";
    let found = ada.data(query, json!({ "id": collection })).await;
    let document = &found["collection"]["documents"]["nodes"][0];
    let chunk = &document["chunks"]["nodes"][0]["id"];
    let ids = [
        &found["viewer"]["id"],
        &json!(collection),
        &document["id"],
        chunk,
        &operation["id"],
        &found["collection"]["generations"][0]["id"],
        &found["collection"]["members"]["nodes"][0]["id"],
        &found["viewer"]["sessions"]["nodes"][0]["id"],
        &key,
        &found["auditLog"]["nodes"][0]["id"],
    ];
    (ada, ids.map(Clone::clone).to_vec())
}

on_both_databases!(every_node_is_found_by_its_id_and_not_by_a_stranger);
async fn every_node_is_found_by_its_id_and_not_by_a_stranger(app: TestApp) {
    let (ada, ids) = ids_of_everything(&app).await;
    let found = ada.data(NODES, json!({ "ids": ids })).await["nodes"].clone();
    let kinds = [
        "User",
        "Collection",
        "Document",
        "Chunk",
        "Operation",
        "Generation",
        "Member",
        "Session",
        "ApiKey",
        "AuditEntry",
    ];
    let expected: Vec<_> = kinds.iter().zip(&ids).map(|(kind, id)| json!({ "__typename": kind, "id": id })).collect();
    assert_eq!(found, json!(expected));

    let eve = app.user("eve").await;
    for stranger in [eve, app.anonymous()] {
        let answer = stranger.graphql(NODES, json!({ "ids": ids })).await;
        assert_eq!(answer["data"]["nodes"], json!(vec![Value::Null; ids.len()]));
        for (index, error) in answer["errors"].as_array().unwrap().iter().enumerate() {
            assert_eq!((&error["extensions"]["code"], &error["path"]), (&json!("NOT_FOUND"), &json!(["nodes", index])));
        }
    }
}

on_both_databases!(pages_outside_the_limits_and_foreign_cursors_are_refused);
async fn pages_outside_the_limits_and_foreign_cursors_are_refused(app: TestApp) {
    let (ada, ids) = ids_of_everything(&app).await;
    let lists = [
        "{ collections(PAGE) { totalCount } }",
        "{ operations(PAGE) { totalCount } }",
        "query($id: ID!) { node(id: $id) { ... on Collection { documents(PAGE) { totalCount } } } }",
        "query($id: ID!) { node(id: $id) { ... on Collection { operations(PAGE) { totalCount } } } }",
        "query($id: ID!) { node(id: $id) { ... on Document { chunks(PAGE) { totalCount } } } }",
        "query($id: ID!) { node(id: $id) { ... on Operation { documents(PAGE) { totalCount } } } }",
        "query($id: ID!) { node(id: $id) { ... on Operation { events(PAGE) { totalCount } } } }",
        "{ search(input: { query: \"tram\" }, PAGE) { tookMs } }",
    ];
    // A position in none of these lists, base64url of `1|weather|7`; and one that is not even that.
    for (page, expected) in [
        ("first: 0", "first must be between 1 and 100."),
        ("first: -1", "first must be between 1 and 100."),
        ("first: 101", "first must be between 1 and 100."),
        ("after: \"MXx3ZWF0aGVyfDc\"", "after is not a cursor of this "),
        ("after: \"%\"", "after is not a cursor of this "),
    ] {
        for (list, id) in lists.iter().zip([0, 0, 1, 1, 2, 4, 4, 0]) {
            let (code, message) = refusal(&ada, &list.replace("PAGE", page), json!({ "id": ids[id] })).await;
            assert_eq!(code, "BAD_USER_INPUT", "{list} {page}");
            assert!(message.starts_with(expected), "{list} {page}: {message}");
        }
    }
    let too_many = json!({ "ids": vec![ids[0].clone(); 101] });
    assert_eq!(refusal(&ada, NODES, too_many).await.0, "BAD_USER_INPUT");
}

on_both_databases!(a_cursor_of_one_order_is_foreign_to_another);
async fn a_cursor_of_one_order_is_foreign_to_another(app: TestApp) {
    let ada = app.user("ada").await;
    ada.create_collection("Letters").await;
    let list = "query($after: Cursor, $orderBy: CollectionOrder) {
        collections(after: $after, orderBy: $orderBy) { pageInfo { endCursor } }
    }";
    let by_name = json!({ "field": "NAME" });
    let cursor = ada.data(list, json!({ "orderBy": by_name })).await["collections"]["pageInfo"]["endCursor"].clone();
    ada.data(list, json!({ "after": cursor, "orderBy": by_name })).await;
    assert_eq!(refusal(&ada, list, json!({ "after": cursor })).await.0, "BAD_USER_INPUT");
}

on_both_databases!(a_nul_in_a_filter_or_cursor_never_reaches_the_database);
async fn a_nul_in_a_filter_or_cursor_never_reaches_the_database(app: TestApp) {
    let (ada, ids) = ids_of_everything(&app).await;
    // The cursor is base64url of `1|collection|<id>|a<NUL>b`.
    for query in [
        r#"{ collections(filter: { nameContains: "\u0000" }) { totalCount } }"#,
        r#"query($id: ID!) { collection(id: $id) { documents(filter: { uri: "\u0000" }) { totalCount } } }"#,
        r#"query($id: ID!) { collection(id: $id) { documents(filter: { fileNameContains: "\u0000" }) { totalCount } } }"#,
        r#"{ collections(orderBy: { field: NAME }, after: "MXxjb2xsZWN0aW9ufDAxOWYwMDAwLTAwMDAtNzAwMC04MDAwLTAwMDAwMDAwMDAwMHxhAGI") { totalCount } }"#,
    ] {
        assert_eq!(refusal(&ada, query, json!({ "id": ids[1] })).await.0, "BAD_USER_INPUT", "{query}");
    }
}

on_both_databases!(an_address_is_seen_by_its_owner_alone);
async fn an_address_is_seen_by_its_owner_alone(app: TestApp) {
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let id = ada.create_collection_with(json!({ "name": "Letters", "isPublic": true })).await;
    let owner = "query($id: ID!) { collection(id: $id) { owner { username email role } } }";
    let seen = async |caller: &Caller| caller.data(owner, json!({ "id": id })).await["collection"]["owner"].clone();
    assert_eq!(seen(&ada).await, json!({ "username": "ada", "email": "ada@example.org", "role": "ADMIN" }));
    for stranger in [eve, app.anonymous()] {
        assert_eq!(seen(&stranger).await, json!({ "username": "ada", "email": null, "role": null }));
    }
}

on_both_databases!(an_operation_lists_its_documents_by_outcome_and_by_what_they_are_now);
async fn an_operation_lists_its_documents_by_outcome_and_by_what_they_are_now(app: TestApp) {
    let ada = app.user("ada").await;
    let collection = ada.create_collection("Letters").await;
    let operation = ada.ingest_all(&collection, texts(TWO)).await["id"].clone();
    let list = "query($id: ID!, $filter: DocumentFilter, $outcomes: [DocumentOutcome!]) {
        operation(id: $id) { documents(filter: $filter, outcomes: $outcomes) {
            totalCount nodes { index outcome document { uri } }
        } }
    }";
    let uris = async |filter: Value, outcomes: Value| {
        let variables = json!({ "id": operation, "filter": filter, "outcomes": outcomes });
        let documents = ada.data(list, variables).await["operation"]["documents"].clone();
        let nodes = documents["nodes"].as_array().unwrap().clone();
        assert_eq!(documents["totalCount"], nodes.len());
        nodes.iter().map(|node| node["document"]["uri"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(uris(json!(null), json!(null)).await, ["good.txt", "bad.txt"]);
    assert_eq!(uris(json!(null), json!(["FAILED", "FAILED"])).await, ["bad.txt"]);
    assert_eq!(uris(json!({ "status": ["COMPLETED"] }), json!([])).await, ["good.txt"]);
    assert_eq!(uris(json!({ "fileNameContains": "BAD" }), json!(null)).await, ["bad.txt"]);
    assert_eq!(uris(json!({ "uri": "good.txt" }), json!(["FAILED"])).await, Vec::<Value>::new());

    let delete = "mutation($ids: [ID!]!) { documentsDelete(input: { ids: $ids }) { deletedIds userErrors { code } } }";
    let find = "query($id: ID!) { operation(id: $id) { documents { nodes { document { id } } } } }";
    let nodes = ada.data(find, json!({ "id": operation })).await["operation"]["documents"]["nodes"].clone();
    let good = nodes[0]["document"]["id"].clone();
    assert_eq!(ada.data(delete, json!({ "ids": [good] })).await["documentsDelete"]["deletedIds"], json!([good]));
    assert_eq!(uris(json!(null), json!(null)).await, [Value::Null, json!("bad.txt")]);
    assert_eq!(uris(json!({ "status": ["COMPLETED", "FAILED"] }), json!(null)).await, ["bad.txt"]);
}

on_both_databases!(a_list_is_counted_only_when_asked);
async fn a_list_is_counted_only_when_asked(mut app: TestApp) {
    let (ada, ids) = ids_of_everything(&app).await;
    app.stop_worker().await;
    let query = "query($id: ID!) { collection(id: $id) { documents { nodes { uri } COUNT } operations { nodes { events { nodes { kind } COUNT } } COUNT } } }";
    let count = async |word: &str| {
        let (data, statements) = app.counting(ada.data(&query.replace("COUNT", word), json!({ "id": ids[1] }))).await;
        // What is known is read, and not counted.
        let counts = ["COUNT(", "last_sequence\" FROM", "document_count\" FROM"];
        let counting = statements.iter().filter(|sql| counts.iter().any(|count| sql.contains(count))).count();
        (data, counting)
    };
    assert_eq!(count("").await.1, 0);
    let (data, counting) = count("totalCount").await;
    let operations = &data["collection"]["operations"];
    assert_eq!((&data["collection"]["documents"]["totalCount"], &operations["totalCount"]), (&json!(2), &json!(1)));
    let events = &operations["nodes"][0]["events"];
    assert_eq!(events["totalCount"], events["nodes"].as_array().unwrap().len());
    assert_eq!(counting, 3);
}

on_both_databases!(a_server_says_what_it_is);
async fn a_server_says_what_it_is(app: TestApp) {
    let is_claimed =
        async || app.anonymous().data("{ server { isClaimed } }", json!({})).await["server"]["isClaimed"].clone();
    assert_eq!(is_claimed().await, false);
    app.user("ada").await;
    assert_eq!(is_claimed().await, true);
    let formats = app.anonymous().data("{ server { formats { label mediaTypes extensions } } }", json!({})).await;
    let formats = formats["server"]["formats"].as_array().unwrap();
    let pdf = json!({ "label": "a PDF file", "mediaTypes": ["application/pdf"], "extensions": ["pdf"] });
    assert!(formats.contains(&pdf), "{formats:#?}");
    let has_extensions = |format: &Value| !format["extensions"].as_array().unwrap().is_empty();
    assert!(formats.iter().all(has_extensions), "{formats:#?}");
    let query = "{ server { version mode limits { maxPageSize uploadBytes } } embeddingModels { name isLoaded dimension maxTokens } }";
    let data = app.anonymous().data(query, json!({})).await;
    let mode = &app.app.services().config.database.url.as_ref().map_or("EMBEDDED", |_| "SERVER");
    let limits = json!({ "maxPageSize": 100, "uploadBytes": "104857600" });
    assert_eq!(data["server"], json!({ "version": env!("CARGO_PKG_VERSION"), "mode": mode, "limits": limits }));
    let model = json!({ "name": "all-MiniLM-L6-v2", "isLoaded": true, "dimension": 384, "maxTokens": 256 });
    assert_eq!(data["embeddingModels"], json!([model]));
}
