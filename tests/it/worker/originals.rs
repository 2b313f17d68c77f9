//! What was acknowledged keeps its bytes, whatever is cleaned up beside it.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use docent::domain::{
    clock::{Clock, SystemClock},
    id::CollectionId,
};
use sea_orm::ConnectionTrait;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{
    on_both_databases,
    support::{
        app::{TestApp, texts},
        pause::Pause,
    },
};

const DELETE: &str = "mutation($id: ID!) { documentsDelete(input: { ids: [$id] }) { operation { id } } }";

/// A text that no other test has, and its digest.
fn unique_text(app: &TestApp) -> (String, String) {
    let text = format!("The ferry waits. {} {}", app.database_url(), CollectionId::generate());
    let digest = hex::encode(Sha256::digest(&text));
    (text, digest)
}

/// What a global id names.
fn without_kind(id: &str) -> String {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(id).unwrap()).unwrap();
    text.split_once(':').unwrap().1.to_owned()
}

/// Makes an original look as if it had been stored long ago.
fn make_old(app: &TestApp, digest: &str) {
    let path = app.data_dir().join(format!("originals/{}/{digest}", &digest[..2]));
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified((SystemClock.now() - chrono::TimeDelta::minutes(10)).into()).unwrap();
}

on_both_databases!(bytes_that_are_ingested_again_while_they_are_cleaned_up_stay);
async fn bytes_that_are_ingested_again_while_they_are_cleaned_up_stay(app: TestApp) {
    let (text, digest) = unique_text(&app);
    let ada = app.user("ada").await;
    let collection = ada.create_collection("Letters").await;
    let operation = ada.ingest_all(&collection, texts(&[("a.txt", &text)])).await;
    let document = operation["documents"]["nodes"][0]["document"]["id"].clone();
    let payload = ada.data(DELETE, json!({ "id": document })).await;
    ada.ended(payload["documentsDelete"]["operation"]["id"].as_str().unwrap()).await;
    make_old(&app, &digest);

    // The server starts again, checks, and finds that nothing refers to these bytes.
    let mut pause = Pause::at(format!("original-unused-{digest}"));
    let app = app.restart().await;
    let ada = app.anonymous().with_token(ada.token().unwrap());
    pause.reached().await;
    let again = texts(&[("b.txt", &text)]);
    let mut ingest = std::pin::pin!(ada.ingest(&collection, again));
    // The call may have to wait for the clean-up; it must not be acknowledged and then lose its bytes.
    let early = tokio::time::timeout(Duration::from_secs(1), &mut ingest).await;
    pause.release();
    let payload = match early {
        Ok(payload) => payload,
        Err(_) => ingest.await,
    };
    let ended = ada.ended(payload["operation"]["id"].as_str().unwrap_or_else(|| panic!("{payload:#}"))).await;
    assert_eq!(ended["status"], "COMPLETED", "{ended:#}");
    assert!(app.app.services().blobs.exists(&digest).await.unwrap(), "the only copy of the document is gone");
}

on_both_databases!(bytes_that_are_uploaded_again_while_they_are_cleaned_up_stay_or_are_refused);
async fn bytes_that_are_uploaded_again_while_they_are_cleaned_up_stay_or_are_refused(app: TestApp) {
    let (text, digest) = unique_text(&app);
    let ada = app.user("ada").await;
    app.app.services().blobs.put_bytes(text.clone().into()).await.unwrap();
    make_old(&app, &digest);
    let (_, url) = ada.create_upload("a.txt").await;

    // The clean-up holds SQLite's only writer while it waits, so nothing else is written until it is released.
    let mut pause = Pause::at(format!("original-unused-{digest}"));
    let app = app.restart().await;
    let ada = app.anonymous().with_token(ada.token().unwrap());
    pause.reached().await;
    let mut put = std::pin::pin!(ada.send("PUT", &url, &[], text));
    let early = tokio::time::timeout(Duration::from_secs(1), &mut put).await;
    pause.release();
    let answer = match early {
        Ok(answer) => answer,
        Err(_) => put.await,
    };
    let is_stored = app.app.services().blobs.exists(&digest).await.unwrap();
    assert!(is_stored || answer.status == 503, "acknowledged with {} and gone", answer.status);
}

on_both_databases!(an_upload_that_expires_while_it_is_ingested_is_refused);
async fn an_upload_that_expires_while_it_is_ingested_is_refused(app: TestApp) {
    let ada = app.user("ada").await;
    let collection = ada.create_collection("Letters").await;
    let (upload, url) = ada.create_upload("a.txt").await;
    assert_eq!(ada.send("PUT", &url, &[], "The ferry waits.").await.status, 201);
    let mut pause = Pause::at(format!("documents-checked-{}", without_kind(&collection)));
    let documents = json!([{ "content": { "uploadId": upload } }]);
    let ingest = tokio::spawn({
        let (ada, collection) = (ada.clone(), collection.clone());
        async move { ada.ingest(&collection, documents).await }
    });
    pause.reached().await;
    let connection = sea_orm::Database::connect(app.database_url()).await.unwrap();
    connection.execute_unprepared("DELETE FROM uploads").await.unwrap();
    pause.release();
    let payload = ingest.await.unwrap();
    assert_eq!(payload["operation"], json!(null), "{payload:#}");
    assert_eq!(payload["userErrors"][0]["code"], "NOT_FOUND", "{payload:#}");
    assert_eq!(payload["userErrors"][0]["path"], json!(["documents", "0", "content", "uploadId"]));
}
