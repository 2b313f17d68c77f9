//! What the program of each release has left on a disk: this program opens it, and goes on with it. The fixtures are in
//! `tests/it/fixtures/releases`; each has the same documents.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use docent::app::Aim;
use sea_orm::ConnectionTrait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::behind::{found, idle};
use crate::support::{
    app::{PATIENCE, TestApp, sqlite_url, texts},
    caller::Caller,
    folder, postgres,
};

const GUIDE: &str = "# Harbour\n\nThe lighthouse keeper sells tickets on Sundays.\n";

/// A word of each text that is to be found, and its document. Of `bells` and `anchors` the old program had no chunks yet.
const WORDS: [(&str, &str); 5] = [
    ("ferry", "ferry.txt"),
    ("lighthouse", "guide.md"),
    ("bells", "waiting.txt"),
    ("anchors", "working.txt"),
    ("bridge", "tram.txt"),
];

/// What is to be known of a fixture beside what is the same in all.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Facts {
    made_at: DateTime<Utc>,
    refresh_token: String,
    api_key: String,
    upload: String,
}

/// The folders of the fixtures for a database, one for each release.
fn releases(database: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/releases");
    let mut all: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.retain(|path| path.is_dir());
    all.sort();
    assert!(!all.is_empty());
    all.into_iter().map(|path| path.join(database)).collect()
}

/// An application on a copy of a fixture, an hour after it was made. Its vectors are not there: they are large, and made
/// again from the chunks.
async fn opened(fixture: &Path, database_url: Option<String>) -> (TestApp, Facts) {
    let facts: Facts = serde_json::from_slice(&fs::read(fixture.join("facts.json")).unwrap()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    folder::copy(&fixture.join("directory"), directory.path());
    let file = sqlite_url(&directory.path().join("docent.db")) + "?mode=rwc";
    let connection = sea_orm::Database::connect(database_url.as_deref().unwrap_or(&file)).await.unwrap();
    connection.execute_unprepared(&fs::read_to_string(fixture.join("database.sql")).unwrap()).await.unwrap();
    connection.close().await.unwrap();
    let now = facts.made_at + TimeDelta::hours(1);
    (TestApp::of_release(directory, database_url, now).await, facts)
}

const COLLECTIONS: &str = "{ collections { nodes {
    id name description viewerRole meta
    documents(first: 50) { nodes { fileName status chunkCount error { code } } }
    operations { nodes { status totals { failed } } }
} } }";

/// The collections of a caller, in the order of their names.
async fn collections(caller: &Caller) -> Vec<Value> {
    let mut data = caller.data(COLLECTIONS, json!({})).await;
    let mut found: Vec<Value> = serde_json::from_value(data["collections"]["nodes"].take()).unwrap();
    found.sort_by_key(|collection| collection["name"].as_str().unwrap().to_owned());
    found
}

fn names(collections: &[Value]) -> Vec<&str> {
    collections.iter().map(|collection| collection["name"].as_str().unwrap()).collect()
}

/// The files of a collection in the order of their names, with how they do.
fn documents(collection: &Value) -> Vec<(&str, &str)> {
    let nodes = collection["documents"]["nodes"].as_array().unwrap();
    let mut found: Vec<_> = nodes
        .iter()
        .map(|document| (document["fileName"].as_str().unwrap(), document["status"].as_str().unwrap()))
        .collect();
    found.sort_unstable();
    found
}

/// Waits until each text is found by its words and by its meaning.
async fn all_found(caller: &Caller) {
    let deadline = Instant::now() + PATIENCE;
    for (word, name) in WORDS {
        loop {
            let legs = found(caller, word).await;
            let is_found = |leg: &Vec<String>| leg.first().is_some_and(|content| content.contains(word));
            if legs.iter().all(is_found) {
                break;
            }
            assert!(Instant::now() < deadline, "{name}: {legs:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn check(fixture: &Path, database_url: Option<String>) {
    let place = fixture.display();
    let (app, facts) = opened(fixture, database_url).await;
    let ada = app.anonymous().log_in("ada").await;
    // What waited, and what the old program was killed with, is done.
    idle(&app).await;
    let all = collections(&ada).await;
    assert_eq!(names(&all), ["Ferries", "Trams"], "{place}: the third was being deleted");
    let (ferries, trams) = (&all[0], &all[1]);
    assert_eq!((&ferries["viewerRole"], &ferries["description"]), (&json!("OWNER"), &json!("All that floats")));
    assert_eq!(ferries["meta"], json!({ "city": "Basel" }), "{place}");
    let expected = [
        ("broken.pdf", "FAILED"),
        ("ferry.txt", "COMPLETED"),
        ("guide.md", "COMPLETED"),
        ("waiting.txt", "COMPLETED"),
        ("working.txt", "COMPLETED"),
    ];
    assert_eq!(documents(ferries), expected, "{place}");
    assert_eq!(documents(trams), [("tram.txt", "COMPLETED")], "{place}");
    for collection in &all {
        let operations = collection["operations"]["nodes"].as_array().unwrap();
        assert!(operations.len() == 2 && operations.iter().all(|one| one["status"] == "COMPLETED"), "{collection:#}");
        for document in collection["documents"]["nodes"].as_array().unwrap() {
            let has_failed = document["status"] == "FAILED";
            assert_eq!((document["error"].is_object(), document["chunkCount"] == 0), (has_failed, has_failed));
        }
    }
    all_found(&ada).await;

    // Others have what they had.
    let bob = app.anonymous().log_in("bob").await;
    let seen = collections(&bob).await;
    assert_eq!(names(&seen), ["Ferries", "Trams"], "{place}");
    assert_eq!((&seen[0]["viewerRole"], &seen[1]["viewerRole"]), (&json!("VIEWER"), &Value::Null), "{place}");
    let reader = app.anonymous().with_token(&facts.api_key);
    assert!(names(&collections(&reader).await).contains(&"Ferries"), "{place}");
    let refresh = "mutation($token: String!) { sessionRefresh(input: { refreshToken: $token }) { accessToken } }";
    let renewed = app.anonymous().data(refresh, json!({ "token": facts.refresh_token })).await;
    let renewed = app.anonymous().with_token(renewed["sessionRefresh"]["accessToken"].as_str().unwrap());
    assert_eq!(renewed.user_id().await, ada.user_id().await);

    // What is there is recognised, and an upload can still be used.
    let id = ferries["id"].as_str().unwrap();
    assert_eq!(ada.ingest_all(id, texts(&[("guide.md", GUIDE)])).await["totals"]["skipped"], 1, "{place}");
    let later = ada.ingest_all(id, json!([{ "content": { "uploadId": facts.upload } }])).await;
    assert_eq!(later["status"], "COMPLETED", "{place}: {later:#}");
    assert_eq!(found(&ada, "canal").await[0].len(), 1, "{place}");

    idle(&app).await;
    let mut app = app.restart().await;
    all_found(&app.anonymous().log_in("ada").await).await;
    idle(&app).await;
    app.stop_worker().await;
    let findings = app.app.examine(Aim::Report).await.unwrap();
    assert!(findings.in_order().is_empty(), "{place}: {findings:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_directory_of_every_release_opens_with_sqlite() {
    for fixture in releases("sqlite") {
        check(&fixture, None).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_directory_of_every_release_opens_with_postgres() {
    for fixture in releases("postgres") {
        check(&fixture, Some(postgres::empty_database().await)).await;
    }
}
