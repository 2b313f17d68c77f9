//! Operations: listed, cancelled, reported.

use serde_json::{Value, json};

use crate::{
    on_both_databases,
    support::app::{TestApp, texts},
};

const CANCEL: &str = "mutation($id: ID!) {
    operationCancel(input: { operationId: $id }) { operation { id status } userErrors { code } }
}";
const EVENTS: &str = "query($id: ID!, $first: Int, $after: Cursor) { operation(id: $id) {
    events(first: $first, after: $after) { nodes { sequence kind progress } totalCount pageInfo { hasNextPage endCursor } }
} }";

on_both_databases!(the_story_of_an_operation_has_no_gap_and_one_end);
async fn the_story_of_an_operation_has_no_gap_and_one_end(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    let operation = ada.ingest_all(&id, texts(&[("a.txt", "One."), ("b.txt", "Two."), ("c.txt", "Three.")])).await;
    let (mut events, mut after) = (Vec::new(), Value::Null);
    loop {
        let page =
            ada.data(EVENTS, json!({ "id": operation["id"], "first": 2, "after": after })).await["operation"]["events"]
                .clone();
        events.extend(page["nodes"].as_array().unwrap().clone());
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            assert_eq!(page["totalCount"], events.len());
            break;
        }
    }
    let sequence: Vec<_> = events.iter().map(|event| event["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequence, (1..=events.len() as u64).collect::<Vec<_>>());
    let kinds: Vec<_> = events.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!((kinds[0], kinds[1]), ("OPERATION_CREATED", "OPERATION_STARTED"));
    assert_eq!(kinds.iter().filter(|kind| **kind == "DOCUMENT_COMPLETED").count(), 3);
    assert_eq!(kinds.last(), Some(&"OPERATION_COMPLETED"));
    assert!(events.windows(2).all(|pair| pair[0]["progress"].as_i64() <= pair[1]["progress"].as_i64()));
}

on_both_databases!(a_cancelled_operation_leaves_out_what_waits);
async fn a_cancelled_operation_leaves_out_what_waits(mut app: TestApp) {
    app.stop_worker().await;
    app.leave_jobs();
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    let payload = ada.ingest(&id, texts(&[("a.txt", "One."), ("b.txt", "Two.")])).await;
    let operation = payload["operation"]["id"].clone();
    let cancelled = ada.data(CANCEL, json!({ "id": operation })).await["operationCancel"].clone();
    assert_eq!(cancelled["operation"]["status"], "CANCELLED");
    let ended = ada.ended(operation.as_str().unwrap()).await;
    assert_eq!(
        (&ended["totals"]["cancelled"], &ended["documents"]["nodes"][0]["error"]["code"]),
        (&json!(2), &json!("CANCELLED"))
    );
    let again = ada.data(CANCEL, json!({ "id": operation })).await["operationCancel"].clone();
    assert_eq!(again["userErrors"][0]["code"], "CONFLICT");
}

on_both_databases!(operations_are_hidden_from_strangers_also_those_on_public_collections);
async fn operations_are_hidden_from_strangers_also_those_on_public_collections(app: TestApp) {
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let id = ada.create_collection_with(json!({ "name": "Public", "isPublic": true })).await;
    let operation = ada.ingest_all(&id, texts(&[("a.txt", "One.")])).await["id"].clone();
    let find = "query($id: ID!) { operation(id: $id) { id } }";
    let count = "{ operations { totalCount } }";
    assert_eq!(eve.error_code(find, json!({ "id": operation })).await, "NOT_FOUND");
    assert_eq!(eve.data(count, json!({})).await["operations"]["totalCount"], 0);
    assert_eq!(ada.data(find, json!({ "id": operation })).await["operation"]["id"], operation);
    assert_eq!(ada.data(count, json!({})).await["operations"]["totalCount"], 1);
    assert_eq!(eve.user_error_code(CANCEL, json!({ "id": operation })).await, "NOT_FOUND");
}

on_both_databases!(filters_choose_operations_by_collection_type_and_status);
async fn filters_choose_operations_by_collection_type_and_status(app: TestApp) {
    let ada = app.user("ada").await;
    let (one, two) = (ada.create_collection("One").await, ada.create_collection("Two").await);
    ada.ingest_all(&one, texts(&[("a.txt", "One.")])).await;
    ada.ingest_all(&one, texts(&[("b.txt", "Two.")])).await;
    ada.ingest_all(&two, texts(&[("c.txt", "Three.")])).await;
    let list = "query($filter: OperationFilter) { operations(filter: $filter) { totalCount nodes { type } } }";
    let count =
        async |filter: Value| ada.data(list, json!({ "filter": filter })).await["operations"]["totalCount"].clone();
    assert_eq!(count(json!({ "collectionId": one })).await, 2);
    assert_eq!(count(json!({ "type": ["INDEX"] })).await, 2);
    assert_eq!(count(json!({ "type": ["APPEND"], "collectionId": one, "status": ["COMPLETED"] })).await, 1);
    assert_eq!(count(json!({ "status": ["FAILED"] })).await, 0);
}
