//! Following one operation, or many. The socket has its own tests; here the engine is called directly.

use std::{
    collections::BTreeSet,
    fmt::Display,
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_graphql::Request;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use docent::{
    config::DatabaseConfig,
    db::Database,
    domain::{
        client::Client,
        id::{CollectionId, OperationId, RequestId},
        scope::Scope,
    },
    graphql::Schema,
    service::sessions,
};
use futures_util::{StreamExt, stream::BoxStream};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::reads::{connect, multiply};
use crate::{
    on_both_databases,
    support::{
        app::{PATIENCE, TestApp, texts},
        caller::{Caller, uuid_of},
    },
};

const FOLLOW: &str = "subscription($id: ID!, $after: Cursor) {
    operationEvents(operationId: $id, after: $after) {
        cursor sequence kind progress document { uri collection { name } } operation { id status }
    }
}";

/// The answers of a subscription, as they come.
async fn subscribe(app: &TestApp, caller: &Caller, document: &str, variables: Value) -> BoxStream<'static, Value> {
    let services = Arc::clone(app.app.services());
    let token = caller.token().map(|token| format!("Bearer {token}"));
    let viewer = sessions::authenticate(&services, token.as_deref(), Client::default()).await.unwrap();
    let schema: Schema = docent::graphql::schema(services);
    let variables = async_graphql::Variables::from_json(variables);
    let request = Request::new(document).variables(variables).data(viewer).data(RequestId::generate());
    schema.execute_stream(request).map(|answer| serde_json::to_value(answer).unwrap()).boxed()
}

/// Every answer until the subscription completes.
async fn follow(app: &TestApp, caller: &Caller, id: &Value, after: &Value) -> Vec<Value> {
    subscribe(app, caller, FOLLOW, json!({ "id": id, "after": after })).await.collect().await
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

const OF_COLLECTION: &str = "subscription($id: ID!, $after: Cursor) {
    event: collectionEvents(collectionId: $id, after: $after) { cursor sequence kind operation { id } }
}";
const OF_VIEWER: &str = "subscription($after: Cursor) {
    event: viewerOperations(after: $after) { cursor sequence kind operation { id } }
}";

/// A cursor before everything that happened in a test.
fn beginning(app: &TestApp) -> String {
    let moment = app.app.services().clock.now() - TimeDelta::hours(1);
    URL_SAFE_NO_PAD.encode(format!("1|feed|{}|", moment.timestamp_micros()))
}

async fn next_event(events: &mut BoxStream<'static, Value>) -> Value {
    let mut answer = timeout(PATIENCE, events.next()).await.expect("an event in time").expect("no end");
    assert!(answer.get("errors").is_none(), "{answer:#}");
    answer["data"]["event"].take()
}

/// Events until this many operations have ended.
async fn until_ended(events: &mut BoxStream<'static, Value>, operations: usize) -> Vec<Value> {
    let (mut heard, mut ended) = (Vec::new(), 0);
    while ended < operations {
        let event = next_event(events).await;
        ended += usize::from(event["kind"] == "OPERATION_COMPLETED");
        heard.push(event);
    }
    heard
}

/// Which events these are. Each is there once.
fn names(events: &[Value]) -> BTreeSet<(String, u64)> {
    let name =
        |event: &Value| (event["operation"]["id"].as_str().unwrap().to_owned(), event["sequence"].as_u64().unwrap());
    let names: BTreeSet<_> = events.iter().map(name).collect();
    assert_eq!(names.len(), events.len(), "an event came twice: {events:#?}");
    names
}

async fn is_silent(events: &mut BoxStream<'static, Value>) -> bool {
    timeout(Duration::from_millis(500), events.next()).await.is_err()
}

on_both_databases!(a_listener_of_a_collection_hears_all_its_operations_and_the_rest_from_any_cursor);
async fn a_listener_of_a_collection_hears_all_its_operations_and_the_rest_from_any_cursor(app: TestApp) {
    let ada = app.user("ada").await;
    let (letters, others) = (ada.create_collection("Letters").await, ada.create_collection("Others").await);
    let mut events = subscribe(&app, &ada, OF_COLLECTION, json!({ "id": letters, "after": beginning(&app) })).await;
    let (first, second) = tokio::join!(
        ada.ingest(&letters, texts(&[("a.txt", "One."), ("b.txt", "Two.")])),
        ada.ingest(&letters, texts(&[("c.txt", "Three.")])),
    );
    ada.ingest_all(&others, texts(&[("d.txt", "Four.")])).await;
    let heard = until_ended(&mut events, 2).await;
    for payload in [&first, &second] {
        let of_one = heard.iter().filter(|event| event["operation"]["id"] == payload["operation"]["id"]);
        let sequence: Vec<_> = of_one.map(|event| event["sequence"].as_u64().unwrap()).collect();
        assert_eq!(sequence, (1..=sequence.len() as u64).collect::<Vec<_>>(), "in order and without gaps");
    }
    assert_eq!(names(&heard).iter().map(|(operation, _)| operation).collect::<BTreeSet<_>>().len(), 2);

    for place in [0, heard.len() / 2, heard.len() - 2] {
        let after = json!({ "id": letters, "after": heard[place]["cursor"] });
        let mut rest = subscribe(&app, &ada, OF_COLLECTION, after).await;
        let mut again = Vec::new();
        for _ in place + 1..heard.len() {
            again.push(next_event(&mut rest).await);
        }
        assert_eq!(names(&again), names(&heard[place + 1..]), "after {place}");
        assert!(is_silent(&mut rest).await, "nothing comes twice");
    }
}

on_both_databases!(a_cursor_is_short_however_many_operations_there_are_and_loses_nothing);
async fn a_cursor_is_short_however_many_operations_there_are_and_loses_nothing(mut app: TestApp) {
    let ada = app.user("ada").await;
    let letters = ada.create_collection("Letters").await;
    app.abandon_work();
    app.leave_jobs();
    // More than a cursor names, and each has one event.
    for number in 0..60 {
        let name = format!("{number}.txt");
        ada.ingest(&letters, texts(&[(name.as_str(), "One.")])).await;
    }
    let variables = json!({ "id": letters, "after": beginning(&app) });
    let mut events = subscribe(&app, &ada, OF_COLLECTION, variables).await;
    let mut heard = Vec::new();
    while heard.len() < 60 {
        heard.push(next_event(&mut events).await);
    }
    names(&heard);
    assert!(heard.iter().all(|event| event["cursor"].as_str().unwrap().len() <= 2000));

    // Within the fifty that a cursor names nothing comes twice; beyond, what comes again is what came before.
    for (place, again) in [(9, 0), (49, 0), (58, 9)] {
        let after = json!({ "id": letters, "after": heard[place]["cursor"] });
        let mut rest = subscribe(&app, &ada, OF_COLLECTION, after).await;
        let mut found = Vec::new();
        for _ in 0..60 - (place + 1) + again {
            found.push(next_event(&mut rest).await);
        }
        assert!(names(&found).is_superset(&names(&heard[place + 1..])), "after {place}: {found:#?}");
        assert!(is_silent(&mut rest).await, "after {place}");
    }
}

on_both_databases!(a_cursor_stays_good_when_time_has_passed);
async fn a_cursor_stays_good_when_time_has_passed(app: TestApp) {
    let ada = app.user("ada").await;
    let letters = ada.create_collection("Letters").await;
    let variables = json!({ "after": beginning(&app) });
    let mut events = subscribe(&app, &ada, OF_VIEWER, variables).await;
    ada.ingest(&letters, texts(&[("a.txt", "One.")])).await;
    let cursor = until_ended(&mut events, 1).await.pop().unwrap()["cursor"].take();
    drop(events);
    app.clock.advance(300);
    // While nobody listened.
    let missed = ada.ingest_all(&letters, texts(&[("b.txt", "Two.")])).await["id"].clone();
    let mut events = subscribe(&app, &ada, OF_VIEWER, json!({ "after": cursor })).await;
    let heard = until_ended(&mut events, 1).await;
    assert!(heard.iter().all(|event| event["operation"]["id"] == missed), "{heard:#?}");
    assert_eq!(heard[0]["sequence"], 1);
    app.clock.advance(300);
    let next = ada.ingest(&letters, texts(&[("c.txt", "Three.")])).await["operation"]["id"].clone();
    let heard = until_ended(&mut events, 1).await;
    assert!(heard.iter().all(|event| event["operation"]["id"] == next), "{heard:#?}");
}

on_both_databases!(without_a_cursor_a_listener_hears_what_happens_from_now_on);
async fn without_a_cursor_a_listener_hears_what_happens_from_now_on(app: TestApp) {
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let letters = ada.create_collection("Letters").await;
    ada.ingest_all(&letters, texts(&[("a.txt", "One.")])).await;
    let mut events = subscribe(&app, &ada, OF_VIEWER, json!({})).await;
    let mut of_eve = subscribe(&app, &eve, OF_VIEWER, json!({})).await;
    assert!(is_silent(&mut events).await && is_silent(&mut of_eve).await);
    let new = ada.ingest(&letters, texts(&[("b.txt", "Two.")])).await["operation"]["id"].clone();
    let heard = until_ended(&mut events, 1).await;
    assert!(heard.iter().all(|event| event["operation"]["id"] == new), "{heard:#?}");
    assert!(is_silent(&mut of_eve).await, "what they may not see");
}

on_both_databases!(a_listener_of_a_collection_ends_with_their_permission);
async fn a_listener_of_a_collection_ends_with_their_permission(app: TestApp) {
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let letters = ada.create_collection("Letters").await;
    let share = "mutation($id: ID!) {
        collectionMemberSet(input: { collectionId: $id, username: \"bob\", role: VIEWER }) { userErrors { code } }
    }";
    ada.data(share, json!({ "id": letters })).await;
    let mut events = subscribe(&app, &bob, OF_COLLECTION, json!({ "id": letters })).await;
    assert!(is_silent(&mut events).await);
    let remove = "mutation($id: ID!, $user: ID!) {
        collectionMemberRemove(input: { collectionId: $id, userId: $user }) { userErrors { code } }
    }";
    ada.data(remove, json!({ "id": letters, "user": bob.user_id().await })).await;
    let rest: Vec<_> = timeout(PATIENCE, events.collect()).await.expect("an end");
    assert_eq!(code(&rest), "NOT_FOUND");
}

on_both_databases!(nobody_listens_to_what_they_may_not_see);
async fn nobody_listens_to_what_they_may_not_see(app: TestApp) {
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let letters = ada.create_collection_with(json!({ "name": "Letters", "isPublic": true })).await;
    for stranger in [&eve, &app.anonymous()] {
        let answers: Vec<_> = subscribe(&app, stranger, OF_COLLECTION, json!({ "id": letters })).await.collect().await;
        assert_eq!(code(&answers), "NOT_FOUND");
    }
    let answers: Vec<_> = subscribe(&app, &app.anonymous(), OF_VIEWER, json!({})).await.collect().await;
    assert_eq!(code(&answers), "UNAUTHENTICATED");
    let foreign = URL_SAFE_NO_PAD.encode("1|event|3");
    let answers: Vec<_> = subscribe(&app, &ada, OF_VIEWER, json!({ "after": foreign })).await.collect().await;
    assert_eq!(code(&answers), "BAD_USER_INPUT");
}

on_both_databases!(what_a_subscription_selects_is_read_for_each_event_so_it_has_to_be_cheap);
async fn what_a_subscription_selects_is_read_for_each_event_so_it_has_to_be_cheap(app: TestApp) {
    let ada = app.user("ada").await;
    let ask = async |selection: &str| {
        let body = json!({ "query": format!("subscription {{ viewerOperations {{ {selection} }} }}") }).to_string();
        let headers = [("content-type", "application/json"), ("accept", "text/event-stream")];
        String::from_utf8(ada.send("POST", "/graphql", &headers, body).await.body).unwrap()
    };
    let dear = "operation { documents(first: 100) { nodes { document { chunks(first: 5) { nodes { content } } } } } }";
    let answer = ask(dear).await;
    assert!(answer.contains("COST_LIMIT_EXCEEDED") && answer.contains("\"limit\":500"), "{answer}");
    let long = format!("kind # {}", "x".repeat(10_000));
    let answer = ask(&format!("{long}\n")).await;
    assert!(answer.contains("COST_LIMIT_EXCEEDED") && answer.contains("\"limit\":8192"), "{answer}");
}

on_both_databases!(a_listener_who_missed_too_much_is_told_so);
async fn a_listener_who_missed_too_much_is_told_so(mut app: TestApp) {
    let ada = app.user("ada").await;
    let letters = ada.create_collection("Letters").await;
    ada.ingest_all(&letters, texts(&[("a.txt", "One.")])).await;
    app.stop_worker().await;
    multiply(&connect(&app).await, "operations", "", &[("id", "{id}")]).await;
    let variables = json!({ "id": letters, "after": beginning(&app) });
    let answers: Vec<_> = subscribe(&app, &ada, OF_COLLECTION, variables).await.collect().await;
    assert_eq!(code(&answers), "BAD_USER_INPUT");
    let mut events = subscribe(&app, &ada, OF_COLLECTION, json!({ "id": letters })).await;
    assert!(is_silent(&mut events).await, "without a cursor nothing is missed");
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
    let clock = Arc::clone(&app.app.services().clock);
    let collection: CollectionId = uuid_of(&collection).parse().unwrap();
    let mut events = pin!(docent::events::follow(other.clone(), scope, operation, 0));
    let mut of_collection = pin!(docent::events::feed(other, clock, scope, Some(collection), None));
    assert_eq!(events.next().await.unwrap().unwrap().sequence, 1);
    // They may not have heard yet of what was written before.
    assert!(timeout(Duration::from_millis(500), events.next()).await.is_err());
    assert!(timeout(Duration::from_millis(500), of_collection.next()).await.is_err());
    statements.lock().unwrap().clear();
    assert!(timeout(Duration::from_millis(1500), events.next()).await.is_err());
    assert!(timeout(Duration::from_millis(1500), of_collection.next()).await.is_err());
    assert_eq!(*statements.lock().unwrap(), Vec::<String>::new(), "who waits for news does not look for it");

    ada.data(
        "mutation($id: ID!) { operationCancel(input: { operationId: $id }) { userErrors { code } } }",
        json!({ "id": id }),
    )
    .await;
    let next = timeout(Duration::from_secs(30), events.next()).await.expect("the news arrives before anyone looks");
    assert_eq!(next.unwrap().unwrap().sequence, 2);
    let next = timeout(Duration::from_secs(30), of_collection.next()).await.expect("and so do those of a collection");
    assert_eq!(next.unwrap().unwrap().0.sequence, 2);
}
