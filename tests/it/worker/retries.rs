//! Documents that failed are tried again with what failed, or not at all.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

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
const CANCEL: &str = "mutation($id: ID!) { operationCancel(input: { operationId: $id }) { userErrors { code } } }";
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

on_both_databases!(documents_whose_file_is_gone_do_not_stand_in_the_way_of_others_that_failed);
async fn documents_whose_file_is_gone_do_not_stand_in_the_way_of_others_that_failed(app: TestApp) {
    // Neither can be indexed.
    let (gone, there) = ("\u{fffd}".repeat(3), "\u{fffd}".repeat(4));
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    // More than a call tries again.
    for page in 0..6 {
        let documents: Vec<_> = (0..100)
            .map(|number| json!({ "fileName": format!("{page}-{number}.txt"), "content": { "text": gone } }))
            .collect();
        assert_eq!(ada.ingest_all(&id, json!(documents)).await["totals"]["failed"], 100);
    }
    ada.ingest_all(&id, texts(&[("x.txt", &there), ("y.txt", &there)])).await;
    let digest = hex::encode(Sha256::digest(&gone));
    std::fs::remove_file(app.data_dir().join(format!("originals/{}/{digest}", &digest[..2]))).unwrap();

    let payload = retry(&ada, json!({ "collectionId": id })).await;
    assert_eq!((&payload["userErrors"], &payload["hasMore"]), (&json!([]), &json!(false)), "{payload:#}");
    let ended = ada.ended(payload["operation"]["id"].as_str().unwrap()).await;
    let nodes = ended["documents"]["nodes"].as_array().unwrap();
    let mut tried: Vec<_> = nodes.iter().map(|node| node["document"]["uri"].as_str().unwrap()).collect();
    tried.sort_unstable();
    assert_eq!(tried, ["x.txt", "y.txt"]);
}
