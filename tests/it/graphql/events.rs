//! Following an operation. The socket has its own tests; here the engine is called directly.

use std::{
    fmt::Display,
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_graphql::Request;
use docent::{
    config::DatabaseConfig,
    db::Database,
    domain::{
        client::Client,
        id::{OperationId, RequestId},
        scope::Scope,
    },
    graphql::Schema,
    service::sessions,
};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    on_both_databases,
    support::{
        app::{TestApp, texts},
        caller::{Caller, uuid_of},
    },
};

const FOLLOW: &str = "subscription($id: ID!, $after: Cursor) {
    operationEvents(operationId: $id, after: $after) {
        cursor sequence kind progress document { uri collection { name } } operation { id status }
    }
}";

/// Every answer until the subscription completes.
async fn follow(app: &TestApp, caller: &Caller, id: &Value, after: &Value) -> Vec<Value> {
    let services = Arc::clone(app.app.services());
    let token = caller.token().map(|token| format!("Bearer {token}"));
    let viewer = sessions::authenticate(&services, token.as_deref(), Client::default()).await.unwrap();
    let schema: Schema = docent::graphql::schema(services);
    let variables = async_graphql::Variables::from_json(json!({ "id": id, "after": after }));
    let request = Request::new(FOLLOW).variables(variables).data(viewer).data(RequestId::generate());
    schema.execute_stream(request).map(|answer| serde_json::to_value(answer).unwrap()).collect().await
}

fn code(answers: &[Value]) -> &str {
    assert_eq!(answers.len(), 1, "{answers:#?}");
    answers[0]["errors"][0]["extensions"]["code"].as_str().unwrap()
}

on_both_databases!(a_listener_hears_the_whole_story_and_its_rest_from_any_cursor);
async fn a_listener_hears_the_whole_story_and_its_rest_from_any_cursor(app: TestApp) {
    let ada = app.user("ada").await;
    let collection = ada.create_collection("Letters").await;
    let payload = ada.ingest(&collection, texts(&[("a.txt", "One."), ("b.txt", "Two.")])).await;
    let id = &payload["operation"]["id"];
    let live = follow(&app, &ada, id, &Value::Null).await;
    let events: Vec<_> = live.iter().map(|answer| answer["data"]["operationEvents"].clone()).collect();
    assert!(live.iter().all(|answer| answer.get("errors").is_none()), "{live:#?}");
    assert_eq!(events[0]["kind"], "OPERATION_CREATED");
    let last = events.last().unwrap();
    assert_eq!((&last["kind"], &last["progress"]), (&json!("OPERATION_COMPLETED"), &json!(100)));
    assert_eq!(last["operation"], json!({ "id": id, "status": "COMPLETED" }));
    let sequence: Vec<_> = events.iter().map(|event| event["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequence, (1..=events.len() as u64).collect::<Vec<_>>());
    let completed: Vec<_> = events.iter().filter(|event| event["kind"] == "DOCUMENT_COMPLETED").collect();
    assert_eq!(completed.len(), 2);
    assert!(completed.iter().all(|event| event["document"]["collection"]["name"] == "Letters"));

    let told = |answers: &[Value]| {
        answers.iter().map(|a| a["data"]["operationEvents"]["sequence"].clone()).collect::<Vec<_>>()
    };
    for place in [0, 2, events.len() - 2] {
        let rest = follow(&app, &ada, id, &events[place]["cursor"]).await;
        assert_eq!(told(&rest), told(&live[place + 1..]));
    }
    let query = "query($id: ID!) { operation(id: $id) { events(first: 2) { edges { cursor } pageInfo { hasNextPage endCursor } } } }";
    let page = ada.data(query, json!({ "id": id })).await["operation"]["events"].clone();
    assert_eq!(
        (&page["edges"][1]["cursor"], &page["pageInfo"]["endCursor"]),
        (&events[1]["cursor"], &events[1]["cursor"])
    );
}

on_both_databases!(nobody_follows_what_they_may_not_see);
async fn nobody_follows_what_they_may_not_see(app: TestApp) {
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let collection = ada.create_collection_with(json!({ "name": "Letters", "isPublic": true })).await;
    let id = ada.ingest_all(&collection, texts(&[("a.txt", "One.")])).await["id"].clone();
    for stranger in [&eve, &app.anonymous()] {
        assert_eq!(code(&follow(&app, stranger, &id, &Value::Null).await), "NOT_FOUND");
    }
    assert_eq!(code(&follow(&app, &ada, &json!("nonsense"), &Value::Null).await), "NOT_FOUND");
    assert_eq!(code(&follow(&app, &ada, &id, &json!("nonsense")).await), "BAD_USER_INPUT");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_hears_of_events_and_does_not_look_for_them() {
    let mut app = TestApp::on_postgres().await;
    let ada = app.user("ada").await;
    let collection = ada.create_collection("Letters").await;
    app.stop_worker().await;
    app.leave_jobs();
    let payload = ada.ingest(&collection, texts(&[("a.txt", "One.")])).await;
    let id = payload["operation"]["id"].as_str().unwrap();
    let operation: OperationId = uuid_of(id).parse().unwrap();
    let scope = Scope::user(uuid_of(&ada.user_id().await).parse().unwrap());

    // The database as another process has it, and its statements.
    let statements = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&statements);
    let observer = Arc::new(move |statement: &str, _: &dyn Display| seen.lock().unwrap().push(statement.to_owned()));
    let config = DatabaseConfig { url: Some(app.database_url()), ..DatabaseConfig::default() };
    let other = Database::open(&config, app.data_dir(), Some(observer)).await.unwrap();
    for database in [&other, &app.app.services().database] {
        while !database.hears_others() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let mut events = pin!(docent::events::follow(other, scope, operation, 0));
    assert_eq!(events.next().await.unwrap().unwrap().sequence, 1);
    // It may not have heard yet of what was written before.
    assert!(timeout(Duration::from_millis(500), events.next()).await.is_err());
    statements.lock().unwrap().clear();
    assert!(timeout(Duration::from_millis(2500), events.next()).await.is_err());
    assert_eq!(*statements.lock().unwrap(), Vec::<String>::new(), "who waits for news does not look for it");

    ada.data("mutation($id: ID!) { operationCancel(id: $id) { userErrors { code } } }", json!({ "id": id })).await;
    let next = timeout(Duration::from_secs(30), events.next()).await.expect("the news arrives before anyone looks");
    assert_eq!(next.unwrap().unwrap().sequence, 2);
}
