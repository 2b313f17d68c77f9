//! Following an operation. The socket has its own tests; here the engine is called directly.

use std::sync::Arc;

use async_graphql::Request;
use docent::{
    domain::{client::Client, id::RequestId},
    graphql::Schema,
    service::sessions,
};
use futures_util::StreamExt;
use serde_json::{Value, json};

use crate::{
    on_both_databases,
    support::{
        app::{TestApp, texts},
        caller::Caller,
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
