//! How the process ends, when something in it does not.

use std::time::{Duration, Instant};

use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection};
use serde_json::json;

use crate::support::{app::texts, process::Server};

/// More than the process may take beyond its grace, which is a second here, on a machine that is busy.
const END: Duration = Duration::from_secs(15);

const SHORT_GRACE: (&str, &str) = ("DOCENT__HTTP__SHUTDOWN_GRACE_SECONDS", "1");

/// Holds the write lock of the server's database.
async fn hold_writes(data_dir: &std::path::Path) -> DatabaseConnection {
    let mut options = ConnectOptions::new(format!("sqlite://{}", data_dir.join("docent.db").display()));
    options.max_connections(1);
    let connection = sea_orm::Database::connect(options).await.unwrap();
    connection.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
    connection
}

/// A server whose last notes can't be written, so that its stores don't close.
async fn that_can_not_close(data_dir: &std::path::Path, environment: &[(&str, &str)]) -> (Server, DatabaseConnection) {
    let server = Server::start(data_dir, environment).await;
    let hold = hold_writes(data_dir).await;
    // A refusal is noted in the audit log.
    server.client.use_token("not a token").await;
    server.graphql("{ viewer { id } }", json!({})).await.expect("a refusal");
    (server, hold)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_hangs_does_not_keep_the_process() {
    let directory = tempfile::tempdir().unwrap();
    let (mut server, _hold) = that_can_not_close(directory.path(), &[SHORT_GRACE]).await;
    let begun = Instant::now();
    server.signal("TERM").await;
    server.died().await;
    assert!(begun.elapsed() < END, "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn threads_that_are_all_blocked_do_not_keep_the_process() {
    let directory = tempfile::tempdir().unwrap();
    // Each of these documents blocks one of the threads that run everything.
    let environment = [SHORT_GRACE, ("FAILPOINTS", "ingest-begun=sleep(120000)")];
    let mut server = Server::start(directory.path(), &environment).await;
    server.log_in("ada").await;
    let create = "mutation { collectionCreate(input: { name: \"Letters\" }) { collection { id } } }";
    let collection = server.data(create, json!({})).await["collectionCreate"]["collection"]["id"].clone();
    let names: Vec<_> = (0..32).map(|number| format!("{number}.txt")).collect();
    let documents: Vec<_> = names.iter().map(|name| (name.as_str(), "The tram.")).collect();
    let ingest = "mutation($input: DocumentsIngestInput!) { documentsIngest(input: $input) { operation { id } } }";
    let input = json!({ "input": { "collectionId": collection, "documents": texts(&documents) } });
    // The response may never come.
    let _ = tokio::time::timeout(Duration::from_secs(2), server.graphql(ingest, input)).await;
    let begun = Instant::now();
    server.signal("TERM").await;
    server.died().await;
    assert!(begun.elapsed() < END, "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_the_process_at_once_whatever_it_waits_for() {
    let directory = tempfile::tempdir().unwrap();
    let environment = [("DOCENT__HTTP__SHUTDOWN_GRACE_SECONDS", "3600")];
    let (mut server, _hold) = that_can_not_close(directory.path(), &environment).await;
    server.signal("TERM").await;
    server.stopped_listening().await;
    server.signal("TERM").await;
    assert_eq!(server.died().await.code(), Some(128 + 15));
}
