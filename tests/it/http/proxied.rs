//! The server below a path that a proxy gives it, with everything that it hands out.

use docent::config::{Config, HttpConfig};
use serde_json::{Value, json};

use crate::support::{
    app::{TestApp, texts},
    caller::Caller,
    socket::{Client, SUBPROTOCOL},
};

async fn below() -> TestApp {
    let http = HttpConfig { base_path: "/docs".into(), ..HttpConfig::default() };
    TestApp::start(Config { http, ..Config::default() }).await
}

/// The data of an answer of the API below the path.
async fn data(caller: &Caller, query: &str, variables: Value) -> Value {
    let body = json!({ "query": query, "variables": variables }).to_string();
    let answer = caller.send("POST", "/docs/graphql", &[("content-type", "application/json")], body).await;
    let mut answer = answer.json();
    assert!(answer.get("errors").is_none(), "{query}: {answer:#}");
    answer["data"].take()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_addresses_that_the_server_gives_out_have_its_path_and_work() {
    let app = below().await;
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    let create = "mutation { uploadCreate(input: { fileName: \"a.txt\" }) { upload { id url } } }";
    let upload = data(&ada, create, json!({})).await["uploadCreate"]["upload"].take();
    let url = upload["url"].as_str().unwrap();
    assert!(url.starts_with("/docs/uploads/"), "{url}");
    assert_eq!(ada.send("PUT", url, &[], "The letter.").await.status, 201);
    ada.ingest_all(&id, json!([{ "content": { "uploadId": upload["id"] } }])).await;
    let list = "query($id: ID!) { collection(id: $id) { documents { nodes { downloadUrl } } } }";
    let mut found = data(&ada, list, json!({ "id": id })).await;
    let url = found["collection"]["documents"]["nodes"][0]["downloadUrl"].take();
    let url = url.as_str().unwrap();
    assert!(url.starts_with("/docs/documents/"), "{url}");
    let whole = ada.send("GET", url, &[], "").await;
    assert_eq!((whole.status, whole.body.as_slice()), (200, b"The letter.".as_slice()));
    // A proxy may take the path off.
    assert_eq!(ada.send("GET", url.strip_prefix("/docs").unwrap(), &[], "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_playground_and_the_rest_are_below_the_path_too() {
    let app = below().await;
    let anonymous = app.anonymous();
    let without_slash = anonymous.send("GET", "/docs", &[], "").await;
    assert_eq!(without_slash.status, 307);
    assert_eq!(without_slash.headers["location"], "/docs/");
    let page = anonymous.send("GET", "/docs/", &[], "").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    for path in ["/docs/health/live", "/docs/health/ready", "/docs/schema.graphql", "/health/live"] {
        assert_eq!(anonymous.send("GET", path, &[], "").await.status, 200, "{path}");
    }
    for path in ["/docsx/health/live", "/other/health/live", "/docs/docs/health/live"] {
        assert_eq!(anonymous.send("GET", path, &[], "").await.status, 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_below_the_path_is_one() {
    let app = below().await;
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    let operation = ada.ingest_all(&id, texts(&[("a.txt", "The letter.")])).await;
    let address = app.listen().await;
    let mut socket = Client::connect_below("/docs", address, &[SUBPROTOCOL]).await.unwrap();
    socket.initialise(json!({ "headers": { "Authorization": format!("Bearer {}", ada.token().unwrap()) } })).await;
    let query = format!("subscription {{ operationEvents(operationId: {}) {{ kind }} }}", operation["id"]);
    socket.subscribe("s", &query).await;
    assert_eq!(socket.next().await["type"], "next");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_path_addresses_begin_at_the_root() {
    let app = TestApp::start(Config::default()).await;
    let ada = app.user("ada").await;
    let (_, url) = ada.create_upload("a.txt").await;
    assert!(url.starts_with("/uploads/"), "{url}");
    let nowhere = ada.send("GET", "/docs/health/live", &[], "").await;
    assert_eq!(nowhere.status, 404);
}
