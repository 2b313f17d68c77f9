//! How many subscriptions one account has, over all its connections.

use axum::{body::Body, http::Request, response::Response};
use docent::config::Config;
use futures_util::StreamExt;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{app::TestApp, caller::Caller, socket::Client};

/// It says nothing as long as nothing happens.
const FEED: &str = "subscription { viewerOperations { cursor } }";

async fn socket(app: &TestApp, caller: &Caller) -> Client {
    let mut client = Client::open(app.listen().await).await;
    client.initialise(json!({ "authorization": format!("Bearer {}", caller.token().unwrap()) })).await;
    client
}

/// Subscribes, and returns the refusal if there is one.
async fn follow(client: &mut Client, id: &str) -> Option<Value> {
    client.subscribe(id, FEED).await;
    settled(client).await
}

/// Waits until the server has read everything that was sent. Returns the error that came meanwhile.
async fn settled(client: &mut Client) -> Option<Value> {
    client.subscribe("query", "{ viewer { username } }").await;
    let mut refusal = None;
    loop {
        let mut message = client.next().await;
        match (message["type"].as_str().unwrap(), message["id"].as_str().unwrap()) {
            ("error", _) => refusal = Some(message["payload"][0].take()),
            ("complete", "query") => return refusal,
            _ => {}
        }
    }
}

async fn stream(app: &TestApp, caller: &Caller) -> Response {
    let request = Request::post("/graphql")
        .header("authorization", format!("Bearer {}", caller.token().unwrap()))
        .header("content-type", "application/json")
        .header("accept", "text/event-stream")
        .body(Body::from(json!({ "query": FEED }).to_string()))
        .unwrap();
    app.router.clone().oneshot(request).await.unwrap()
}

#[tokio::test]
async fn an_account_has_a_limited_number_of_subscriptions_over_all_its_sockets_and_streams() {
    let mut config = Config::default();
    config.limits.live_operations_per_account = 2;
    let app = TestApp::start(config).await;
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let create = "mutation { apiKeyCreate(input: { name: \"k\", actions: [OPERATION_READ] }) { secret } }";
    let secret = ada.data(create, json!({})).await["apiKeyCreate"]["secret"].take();
    let key = app.anonymous().with_token(secret.as_str().unwrap());

    let (mut first, mut second) = (socket(&app, &ada).await, socket(&app, &key).await);
    assert_eq!(follow(&mut first, "a").await, None);
    assert_eq!(follow(&mut second, "b").await, None);
    let refusal = follow(&mut first, "c").await.expect("a refusal");
    assert_eq!(refusal["extensions"]["code"], "COST_LIMIT_EXCEEDED", "{refusal:#}");
    let message = refusal["message"].as_str().unwrap();
    assert!(message.starts_with("This account already has 2 subscriptions") && message.contains("Complete one"));
    let refused = stream(&app, &ada).await.into_body().collect().await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&refused).contains("COST_LIMIT_EXCEEDED"), "{refused:?}");
    assert_eq!(follow(&mut socket(&app, &bob).await, "d").await, None, "another account has its own");

    // What is completed makes room, on whichever connection.
    second.send(json!({ "type": "complete", "id": "b" })).await;
    assert_eq!(settled(&mut second).await, None);
    let mut events = stream(&app, &ada).await.into_body().into_data_stream();
    assert_eq!(events.next().await.unwrap().unwrap(), ":\n\n");
    assert!(follow(&mut second, "e").await.is_some());
    drop(events);
    assert_eq!(follow(&mut second, "f").await, None);
}
