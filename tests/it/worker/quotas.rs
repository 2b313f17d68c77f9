//! How much an account and a collection may store.

use docent::config::Config;
use serde_json::{Value, json};

use super::behind::idle;
use crate::support::{
    app::{TestApp, texts},
    caller::Caller,
};

const LIMITS: &str = "{ server { limits { storedBytesPerAccount storedBytesPerCollection } } }";

/// What is refused: the code and the path.
fn refused(payload: &Value) -> (&str, &Value) {
    assert_eq!(payload["operation"], Value::Null, "{payload:#}");
    let error = &payload["userErrors"][0];
    (error["code"].as_str().unwrap(), &error["path"])
}

async fn put(caller: &Caller, name: &str, bytes: usize) -> (String, u16) {
    let (id, url) = caller.create_upload(name).await;
    let answer = caller.send("PUT", &url, &[], "x".repeat(bytes)).await;
    (id, answer.status)
}

async fn check(on_postgres: bool) {
    let mut config = Config::default();
    config.limits.stored_bytes_per_account = 5_000;
    config.limits.stored_bytes_per_collection = 3_000;
    let mut app = TestApp::with(config, on_postgres).await;
    let ada = app.user("ada").await;
    let told = ada.data(LIMITS, json!({})).await["server"]["limits"].take();
    assert_eq!(told, json!({ "storedBytesPerAccount": "5000", "storedBytesPerCollection": "3000" }));
    let (first, second) = (ada.create_collection("First").await, ada.create_collection("Second").await);
    let text = |letter: &str, bytes: usize| letter.repeat(bytes);

    ada.ingest_all(&first, texts(&[("a.txt", &text("a ", 1_000))])).await;
    // As much as there is room for, and nothing of a call that is too much.
    let payload = ada.ingest(&first, texts(&[("b.txt", &text("b", 500)), ("c.txt", &text("c", 501))])).await;
    assert_eq!(refused(&payload), ("LIMIT_EXCEEDED", &json!(["documents"])));
    assert!(payload["userErrors"][0]["message"].as_str().unwrap().contains("3000 bytes"), "{payload:#}");
    let payload = ada.ingest(&first, texts(&[("b.txt", &text("b", 500)), ("c.txt", &text("c", 500))])).await;
    ada.ended(payload["operation"]["id"].as_str().unwrap()).await;
    idle(&app).await;

    // Newer content counts while it is on its way, beside what it will take the place of.
    app.stop_worker().await;
    app.leave_jobs();
    let payload = ada.ingest(&first, texts(&[("c.txt", &text("d", 10))])).await;
    assert_eq!(refused(&payload).0, "LIMIT_EXCEEDED");
    let query = "query($id: ID!) { collection(id: $id) { totalBytes documents { nodes { id fileName } } } }";
    let found = ada.data(query, json!({ "id": first })).await["collection"].take();
    assert_eq!(found["totalBytes"], "3000");
    let nodes = found["documents"]["nodes"].as_array().unwrap();
    let b = &nodes.iter().find(|node| node["fileName"] == "b.txt").unwrap()["id"];
    let delete = "mutation($id: ID!) { documentsDelete(input: { ids: [$id] }) { operation { id } } }";
    ada.data(delete, json!({ "id": b })).await;
    let payload = ada.ingest(&first, texts(&[("c.txt", &text("d", 400))])).await;
    assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
    let payload = ada.ingest(&first, texts(&[("c.txt", &text("e", 101))])).await;
    assert_eq!(refused(&payload).0, "LIMIT_EXCEEDED", "500 were freed and 400 are on their way");

    // The account has 2,900 now. Uploads count until they are in a document, and then once.
    let (upload, status) = put(&ada, "u.txt", 2_000).await;
    assert_eq!(status, 201);
    assert_eq!(put(&ada, "v.txt", 101).await.1, 413);
    let payload = ada.ingest(&second, json!([{ "content": { "uploadId": upload } }])).await;
    assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
    let payload = ada.ingest(&second, texts(&[("w.txt", &text("w", 101))])).await;
    assert_eq!(refused(&payload).0, "LIMIT_EXCEEDED");
    assert!(payload["userErrors"][0]["message"].as_str().unwrap().contains("account"), "{payload:#}");
    let payload = ada.ingest(&second, texts(&[("w.txt", &text("w", 100))])).await;
    assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
    assert_eq!(put(&ada, "v.txt", 1).await.1, 413);

    // Others have room of their own.
    let bob = app.user("bob").await;
    assert_eq!(put(&bob, "v.txt", 5_000).await.1, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_the_quota_of_a_collection_or_an_account_is_refused_on_sqlite() {
    check(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_the_quota_of_a_collection_or_an_account_is_refused_on_postgres() {
    check(true).await;
}
