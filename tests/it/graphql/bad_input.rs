//! Whatever comes in: a clear, coded answer, nothing changed, and the server serves on.

use serde_json::{Value, json};

use super::documents::upload;
use crate::{
    on_both_databases,
    support::{
        app::{TestApp, texts},
        caller::Caller,
    },
};

async fn user_errors(caller: &Caller, documents: Value) -> Vec<(String, String)> {
    let collection =
        caller.data("{ collections { nodes { id } } }", json!({})).await["collections"]["nodes"][0]["id"].clone();
    let payload = caller.ingest(collection.as_str().unwrap(), documents).await;
    assert_eq!(payload["operation"], Value::Null, "{payload:#}");
    let errors = payload["userErrors"].as_array().unwrap();
    let join =
        |path: &Value| path.as_array().unwrap().iter().map(|part| part.as_str().unwrap()).collect::<Vec<_>>().join(".");
    errors.iter().map(|error| (error["code"].as_str().unwrap().to_owned(), join(&error["path"]))).collect()
}

fn pair(code: &str, path: &str) -> (String, String) {
    (code.to_owned(), path.to_owned())
}

on_both_databases!(names_that_could_leave_their_folder_are_refused);
async fn names_that_could_leave_their_folder_are_refused(app: TestApp) {
    let ada = app.user("ada").await;
    ada.create_collection("Letters").await;
    for name in ["../../etc/passwd", "/etc/passwd", "a\u{0}b.txt", "..", "", "c:\\boot.ini", "line\nbreak.txt"] {
        let errors = user_errors(&ada, texts(&[(name, "text")])).await;
        assert!(errors.iter().any(|(_, path)| path == "documents.0.fileName"), "{name:?}: {errors:?}");
        let payload = ada.data(
            "mutation($name: String!) { uploadCreate(input: { fileName: $name }) { upload { id } userErrors { path } } }",
            json!({ "name": name }),
        ).await;
        assert_eq!(payload["uploadCreate"]["upload"], Value::Null, "{name:?}");
    }
    let counts = ada.data("{ collections { nodes { documentCount operations { totalCount } } } }", json!({})).await;
    assert_eq!(counts["collections"]["nodes"][0], json!({ "documentCount": 0, "operations": { "totalCount": 0 } }));
}

on_both_databases!(calls_that_make_no_sense_are_refused_as_a_whole);
async fn calls_that_make_no_sense_are_refused_as_a_whole(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    assert_eq!(user_errors(&ada, json!([])).await, [pair("REQUIRED", "documents")]);
    let many: Vec<_> =
        (0..101).map(|n| json!({ "fileName": format!("{n}.txt"), "content": { "text": "x" } })).collect();
    assert_eq!(user_errors(&ada, json!(many)).await, [pair("TOO_LONG", "documents")]);
    let twice = texts(&[("a.txt", "One."), ("a.txt", "Two.")]);
    assert_eq!(user_errors(&ada, twice).await, [pair("DUPLICATE", "documents.1.uri")]);
    let unknown = json!([{ "content": { "uploadId": "bm9uc2Vuc2U" }, "fileName": "a.txt" }]);
    assert_eq!(user_errors(&ada, unknown).await, [pair("NOT_FOUND", "documents.0.content.uploadId")]);
    let meta = json!([{ "content": { "text": "x" }, "fileName": "a.txt", "meta": [1] }]);
    assert_eq!(user_errors(&ada, meta).await, [pair("INVALID", "documents.0.meta")]);
    let nul = json!([{ "content": { "text": "x" }, "fileName": "a.txt", "meta": { "a": "\u{0}" } }]);
    assert_eq!(user_errors(&ada, nul).await, [pair("INVALID", "documents.0.meta")]);
    let both = "mutation($id: ID!) { documentsIngest(input: { collectionId: $id, documents: [
        { fileName: \"a.txt\", content: { text: \"x\", uploadId: \"y\" } }
    ] }) { operation { id } } }";
    assert_eq!(ada.error_code(both, json!({ "id": id })).await, "GRAPHQL_VALIDATION_FAILED");
}

on_both_databases!(ids_that_are_unknown_malformed_or_of_another_kind_are_not_found);
async fn ids_that_are_unknown_malformed_or_of_another_kind_are_not_found(app: TestApp) {
    let ada = app.user("ada").await;
    let collection = ada.create_collection("Letters").await;
    for id in ["", "nonsense", "bm9uc2Vuc2U", "Y29sbGVjdGlvbjowMTk", collection.as_str()] {
        for field in ["document", "operation"] {
            let answer =
                ada.graphql(&format!("query($id: ID!) {{ {field}(id: $id) {{ id }} }}"), json!({ "id": id })).await;
            assert_eq!(answer["data"], json!({ field: null }), "{id}");
            assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND", "{id}");
        }
        let cancel = "mutation($id: ID!) { operationCancel(input: { operationId: $id }) { userErrors { code } } }";
        assert_eq!(ada.user_error_code(cancel, json!({ "id": id })).await, "NOT_FOUND", "{id}");
    }
    for id in ["", "nonsense", "bm9uc2Vuc2U"] {
        let node = "query($id: ID!) { node(id: $id) { id } }";
        assert_eq!(ada.error_code(node, json!({ "id": id })).await, "NOT_FOUND", "{id}");
    }
}

on_both_databases!(filters_by_what_is_no_id_are_refused);
async fn filters_by_what_is_no_id_are_refused(app: TestApp) {
    let ada = app.user("ada").await;
    let (own, collection) = (ada.user_id().await, ada.create_collection("Letters").await);
    let rows = [
        ("auditLog", "userId", &own, &collection),
        ("auditLog", "collectionId", &collection, &own),
        ("operations", "collectionId", &collection, &own),
        ("collections", "ownerId", &own, &collection),
    ];
    for (field, name, right, of_another_kind) in rows {
        let list = format!("query($id: ID!) {{ {field}(filter: {{ {name}: $id }}) {{ totalCount }} }}");
        ada.data(&list, json!({ "id": right })).await;
        for wrong in ["", "nonsense", "bm9uc2Vuc2U", of_another_kind.as_str()] {
            let answer = ada.graphql(&list, json!({ "id": wrong })).await;
            assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{field} {wrong}: {answer}");
            assert!(answer["errors"][0]["message"].as_str().unwrap().starts_with(name), "{answer}");
        }
    }
}

on_both_databases!(values_that_their_types_do_not_allow_are_errors_of_the_request_that_name_their_place);
async fn values_that_their_types_do_not_allow_are_errors_of_the_request_that_name_their_place(app: TestApp) {
    let ada = app.user("ada").await;
    let log = "query($filter: AuditLogFilter, $first: Int, $after: Cursor) {
        auditLog(filter: $filter, first: $first, after: $after) { totalCount }
    }";
    let search = "query($input: SearchInput!, $first: Int) { search(input: $input, first: $first) { tookMs } }";
    let make = "mutation($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) { apiKey { id pointsBudget } } }";
    let key =
        |budget: Value| json!({ "input": { "name": "k", "actions": ["COLLECTION_READ"], "pointsBudget": budget } });
    let rows = [
        (log, json!({ "filter": { "since": "yesterday" } }), "filter.since"),
        (log, json!({ "filter": { "until": 7 } }), "filter.until"),
        (log, json!({ "first": 3_000_000_000_i64 }), "$first"),
        (log, json!({ "first": "ten" }), "$first"),
        (log, json!({ "after": 1 }), "$after"),
        (search, json!({ "input": { "query": "x" }, "first": 3_000_000_000_i64 }), "$first"),
        (search, json!({ "input": { "query": 1 } }), "input.query"),
        (make, key(json!("many")), "input.pointsBudget"),
        (make, key(json!(0.5)), "input.pointsBudget"),
    ];
    for (query, variables, place) in rows {
        let answer = ada.graphql(query, variables.clone()).await;
        assert!(answer.get("data").is_none(), "{variables}: {answer}");
        let error = &answer["errors"][0];
        assert_eq!(error["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED", "{variables}: {answer}");
        assert!(error["message"].as_str().unwrap().contains(place), "{variables}: {answer}");
    }
    // A whole number may be written as one.
    for budget in [json!(500), json!("500")] {
        let data = ada.data(make, key(budget)).await;
        assert_eq!(data["apiKeyCreate"]["apiKey"]["pointsBudget"], "500", "{data}");
    }
    let literal = "mutation { apiKeyCreate(input: { name: \"l\", actions: [COLLECTION_READ], pointsBudget: 500 }) {
        apiKey { pointsBudget }
    } }";
    assert_eq!(ada.data(literal, json!({})).await["apiKeyCreate"]["apiKey"]["pointsBudget"], "500");
}

on_both_databases!(pages_of_no_or_too_many_rows_and_foreign_cursors_are_refused);
async fn pages_of_no_or_too_many_rows_and_foreign_cursors_are_refused(app: TestApp) {
    let ada = app.user("ada").await;
    ada.create_collection("One").await;
    ada.create_collection("Two").await;
    let list =
        "query($first: Int, $after: Cursor) { collections(first: $first, after: $after) { pageInfo { endCursor } } }";
    for first in [0, 101, -1] {
        assert_eq!(ada.error_code(list, json!({ "first": first })).await, "BAD_USER_INPUT");
        let search = "query($first: Int) { search(input: { query: \"x\" }, first: $first) { nodes { rank } } }";
        assert_eq!(ada.error_code(search, json!({ "first": first })).await, "BAD_USER_INPUT");
    }
    let cursor = ada.data(list, json!({ "first": 1 })).await["collections"]["pageInfo"]["endCursor"].clone();
    for after in [json!("nonsense"), json!(""), json!("AAAA")] {
        assert_eq!(ada.error_code(list, json!({ "after": after })).await, "BAD_USER_INPUT");
    }
    let operations = "query($after: Cursor) { operations(after: $after) { totalCount } }";
    assert_eq!(ada.error_code(operations, json!({ "after": cursor })).await, "BAD_USER_INPUT");
    let search = "query($after: Cursor) { search(input: { query: \"x\" }, after: $after) { nodes { rank } } }";
    assert_eq!(ada.error_code(search, json!({ "after": cursor })).await, "BAD_USER_INPUT");
}

on_both_databases!(questions_that_are_empty_or_endless_are_refused);
async fn questions_that_are_empty_or_endless_are_refused(app: TestApp) {
    let anonymous = app.anonymous();
    let search = "query($query: String!) { search(input: { query: $query }) { nodes { rank } } }";
    for query in [String::new(), "   ".to_owned(), "word ".repeat(1000)] {
        assert_eq!(anonymous.error_code(search, json!({ "query": query })).await, "BAD_USER_INPUT");
    }
    // What looks like an attack is only a question.
    for query in ["'; DROP TABLE users; --", "%_\\", "\u{0}", "🚋🚋🚋", "*", "\u{202e}evil"] {
        assert_eq!(anonymous.data(search, json!({ "query": query })).await["search"]["nodes"], json!([]));
    }
}

/// Files that can't be read, and the code that each gets.
fn hostile_files() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let noise = |length: u32| (0..length).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[1]).collect::<Vec<u8>>();
    vec![
        ("empty.txt", Vec::new(), "EMPTY_FILE"),
        ("invalid.txt", b"\xef\xbb\xbfcaf\xe9 au lait, s'il vous pla\xeet".to_vec(), "INVALID_ENCODING"),
        ("blank.txt", b" \n\t \n".to_vec(), "NO_TEXT"),
        ("punctuation.md", b"--- *** ---".to_vec(), "NO_TEXT"),
        ("truncated.pdf", b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R".to_vec(), "CORRUPT_FILE"),
        ("notes.pdf", b"This is plain text that calls itself a PDF.".to_vec(), "FORMAT_MISMATCH"),
        ("truncated.docx", b"PK\x03\x04\x14\x00\x06\x00".to_vec(), "CORRUPT_FILE"),
        ("unknown.xyz", noise(2048), "UNSUPPORTED_FORMAT"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_can_not_be_read_fail_alone_with_a_code_and_a_sentence() {
    let app = TestApp::on_sqlite().await;
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    let mut documents = vec![json!({ "fileName": "good.txt", "content": { "text": "The tram is on time." } })];
    let files = hostile_files();
    for (name, bytes, _) in &files {
        documents.push(json!({ "content": { "uploadId": upload(&ada, name, bytes).await } }));
    }
    let operation = ada.ingest_all(&id, json!(documents)).await;
    assert_eq!(
        (&operation["status"], &operation["totals"]["completed"]),
        (&json!("COMPLETED"), &json!(1)),
        "{operation:#}"
    );
    let nodes = operation["documents"]["nodes"].as_array().unwrap();
    let found: Vec<_> = nodes[1..].iter().map(|node| node["error"]["code"].as_str().unwrap_or("none")).collect();
    let expected: Vec<_> = files.iter().map(|(_, _, code)| *code).collect();
    assert_eq!(found, expected, "{operation:#}");
    for node in &nodes[1..] {
        let message = node["error"]["message"].as_str().unwrap();
        assert!(message.ends_with('.') && message.len() > 20, "{message}");
    }
    assert_eq!(ada.search(json!({ "query": "tram" })).await["nodes"].as_array().unwrap().len(), 1);
}

on_both_databases!(a_field_that_fails_leaves_the_answers_of_the_others);
async fn a_field_that_fails_leaves_the_answers_of_the_others(app: TestApp) {
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let closed = ada.create_collection("Closed").await;
    let both = "mutation {
        apiKeyCreate(input: { name: \"key\", actions: [COLLECTION_READ] }) { secret userErrors { code } }
        userInvite(input: {}) { token }
    }";
    let answer = eve.graphql(both, json!({})).await;
    assert_eq!(answer["errors"].as_array().map(Vec::len), Some(1), "{answer:#}");
    assert_eq!(answer["errors"][0]["path"], json!(["userInvite"]));
    assert_eq!(answer["data"]["userInvite"], Value::Null);
    // The secret is shown this once.
    let secret = answer["data"]["apiKeyCreate"]["secret"].as_str().unwrap();
    assert_eq!(eve.with_token(secret).data("{ viewer { username } }", json!({})).await["viewer"]["username"], "eve");

    let queries = "query($id: ID!) { viewer { username } search(input: { query: \"x\", collectionIds: [$id] }) { nodes { rank } } }";
    let answer = eve.graphql(queries, json!({ "id": closed })).await;
    assert_eq!(answer["data"], json!({ "viewer": { "username": "eve" }, "search": null }), "{answer:#}");
}
