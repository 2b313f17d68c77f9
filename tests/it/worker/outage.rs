//! The vector store is away for ten minutes in the middle of ingestion and removals.

use std::time::{Duration, Instant};

use docent::{db::repo::jobs, domain::scope::Scope};
use serde_json::{Value, json};

use super::behind::points;
use crate::{
    on_both_databases,
    support::app::{PATIENCE, TestApp, texts},
};

async fn until(app: &TestApp, holds: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "it does not come true");
        app.clock.advance(5);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn open_jobs(app: &TestApp) -> i64 {
    jobs::count_open(&app.app.services().database.reader(Scope::System)).await.unwrap()
}

on_both_databases!(a_store_that_is_away_for_ten_minutes_fails_nothing_and_leaves_nothing_behind);
async fn a_store_that_is_away_for_ten_minutes_fails_nothing_and_leaves_nothing_behind(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    let old = ada.ingest_all(&id, texts(&[("old.txt", "The ferry waits."), ("gone.txt", "The tram is gone.")])).await;
    let gone = old["documents"]["nodes"][1]["document"]["id"].clone();

    app.vectors.go_away();
    let new: Vec<_> = (0..40).map(|n| (format!("{n}.txt"), format!("Letter {n} tells of the bridge."))).collect();
    let new: Vec<_> = new.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let accepted = ada.ingest(&id, texts(&new)).await;
    let operation = accepted["operation"]["id"].as_str().unwrap().to_owned();
    let delete = "mutation($id: ID!) { documentsDelete(input: { ids: [$id] }) { operation { id } } }";
    let payload = ada.data(delete, json!({ "id": gone })).await;
    let removal = payload["documentsDelete"]["operation"]["id"].as_str().unwrap().to_owned();
    // Ten minutes, by the clock that the server looks at: 1 + 2 + 4 + 8 + 16 + 32 s, then a look each minute.
    until(&app, async || app.vectors.checks() >= 14).await;
    let refused = app.vectors.refused();
    assert!(refused <= 20, "{refused} calls were made to a store that is away");
    let ada = app.anonymous().log_in("ada").await;
    let query =
        "query($id: ID!) { operation(id: $id) { status totals { failed } events(first: 100) { nodes { kind } } } }";
    let told: Value = ada.data(query, json!({ "id": operation })).await["operation"].take();
    assert_eq!((&told["status"], &told["totals"]["failed"]), (&json!("PROCESSING"), &json!(0)));
    let events = told["events"]["nodes"].as_array().unwrap();
    let retries = events.iter().filter(|event| event["kind"] == "DOCUMENT_RETRYING").count();
    assert!((1..=8).contains(&retries), "{retries} of {events:?}");

    app.vectors.come_back();
    until(&app, async || open_jobs(&app).await == 0).await;
    let ada = app.anonymous().log_in("ada").await;
    let ended = ada.ended(&operation).await;
    assert_eq!((&ended["status"], &ended["totals"]["completed"]), (&json!("COMPLETED"), &json!(40)));
    assert_eq!(ada.ended(&removal).await["status"], "COMPLETED");
    assert_eq!(points(&app, &id).await, 41);
}
