//! Documents that failed are tried again with what failed, or not at all.

use serde_json::{Value, json};

use super::behind::execute;
use crate::{
    on_both_databases,
    support::{
        app::{TestApp, texts},
        caller::Caller,
    },
};

const RETRY: &str = "mutation($input: DocumentsRetryInput!) {
    documentsRetry(input: $input) { operation { id } hasMore userErrors { code path } }
}";
const CANCEL: &str = "mutation($id: ID!) { operationCancel(id: $id) { userErrors { code } } }";
const DOCUMENTS: &str = "query($id: ID!) { collection(id: $id) { documents { nodes { id uri status } } } }";

async fn retry(caller: &Caller, input: Value) -> Value {
    caller.data(RETRY, json!({ "input": input })).await["documentsRetry"].take()
}

async fn only(caller: &Caller, collection: &str) -> Value {
    caller.data(DOCUMENTS, json!({ "id": collection })).await["collection"]["documents"]["nodes"][0].take()
}

on_both_databases!(a_document_whose_failed_content_is_forgotten_is_not_tried_with_older_content);
async fn a_document_whose_failed_content_is_forgotten_is_not_tried_with_older_content(mut app: TestApp) {
    const OLDER: &str = "The tram is red.";
    const NEWER: &str = "The ferry is blue.";
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    ada.ingest_all(&id, texts(&[("a.txt", OLDER)])).await;
    let unchanged = ada.ingest_all(&id, texts(&[("a.txt", OLDER)])).await;
    assert_eq!(unchanged["totals"]["skipped"], 1);
    app.stop_worker().await;
    app.leave_jobs();
    let newer = ada.ingest(&id, texts(&[("a.txt", NEWER)])).await["operation"]["id"].clone();
    ada.data(CANCEL, json!({ "id": newer })).await;
    let app = app.restart().await;
    let ada = app.anonymous().log_in("ada").await;
    ada.ended(newer.as_str().unwrap()).await;

    // Operations that ended long ago are removed. What they left out because it was unchanged says nothing of what failed.
    execute(&app, &format!("DELETE FROM operation_documents WHERE file_size = {}", NEWER.len())).await;
    let document = only(&ada, &id).await;
    assert_eq!(document["status"], "FAILED");
    let refused = retry(&ada, json!({ "ids": [document["id"]] })).await;
    assert_eq!(refused["userErrors"], json!([{ "code": "CONFLICT", "path": ["ids", "0"] }]), "{refused:#}");
    let refused = retry(&ada, json!({ "collectionId": id })).await;
    assert_eq!(refused["userErrors"], json!([{ "code": "CONFLICT", "path": ["collectionId"] }]), "{refused:#}");
    assert_eq!(only(&ada, &id).await, document);
}
