//! Documents of many chunks, and readers of files that fail for a while.

use std::fs;

use docent::config::Config;
use serde_json::{Value, json};

use crate::support::{
    app::{TestApp, texts},
    caller::Caller,
    process::Server,
    program::script,
};

/// A text of so many words, of which some are found nowhere else: `w0`, `w1500`, and so on. Most of its chunks are alike,
/// so that they are embedded once.
fn words(count: usize) -> String {
    let word = |number: usize| if number.is_multiple_of(1500) { format!("w{number}") } else { "pump".into() };
    (0..count).map(word).collect::<Vec<_>>().join(" ")
}

/// A collection of the smallest chunks.
fn small_chunks() -> Value {
    json!({ "name": "Words", "chunking": { "maxTokens": 16, "overlapTokens": 0 } })
}

async fn with_small_chunks(app: &TestApp) -> (Caller, String) {
    let ada = app.user("ada").await;
    let id = ada.create_collection_with(small_chunks()).await;
    (ada, id)
}

async fn a_document_of_several_windows_is_whole(app: TestApp) {
    let (ada, id) = with_small_chunks(&app).await;
    let first = ada.ingest_all(&id, texts(&[("a.txt", &words(9001))])).await;
    assert_eq!(first["status"], "COMPLETED", "{first:#}");
    let chunks = first["totals"]["chunks"].as_u64().unwrap();
    assert!(chunks > 512, "{chunks}");
    for word in ["w0", "w1500", "w9000"] {
        let found = ada.search(json!({ "query": word, "mode": "LEXICAL" })).await;
        assert_eq!(found["nodes"].as_array().unwrap().len(), 1, "{word}");
    }
    // What is kept of the text is found as before, what is new as well.
    let second = ada.ingest_all(&id, texts(&[("a.txt", &format!("{} ferry", words(9001)))])).await;
    assert_eq!(second["status"], "COMPLETED", "{second:#}");
    for word in ["w0", "w9000", "ferry"] {
        let found = ada.search(json!({ "query": word, "mode": "LEXICAL" })).await;
        assert!(found["nodes"][0]["chunk"]["content"].as_str().unwrap().contains(word), "{word}: {found:#}");
    }
}

async fn a_document_of_too_many_chunks_is_refused_with_a_code(app: TestApp) {
    let (ada, id) = with_small_chunks(&app).await;
    let ended = ada.ingest_all(&id, texts(&[("a.txt", &words(500)), ("b.txt", "one two three")])).await;
    assert_eq!(ended["totals"]["completed"], 1, "{ended:#}");
    let failed = ended["documents"]["nodes"].as_array().unwrap().iter().find(|node| node["outcome"] == "FAILED");
    let error = &failed.unwrap()["error"];
    assert_eq!((&error["code"], &error["stage"]), (&json!("LIMIT_EXCEEDED"), &json!("CHUNK")));
    assert_eq!(error["retryable"], false);
    assert_eq!(
        error["message"],
        "The text has more than 20 chunks. Split the file, or ingest it into a collection with larger chunks \
         (`chunking.maxTokens`)."
    );
}

async fn on(on_postgres: bool, change: impl FnOnce(&mut Config)) -> TestApp {
    let mut config = Config::default();
    change(&mut config);
    TestApp::with(config, on_postgres).await
}

mod many_chunks {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn are_whole_on_sqlite() {
        a_document_of_several_windows_is_whole(on(false, |_| {}).await).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn are_whole_on_postgres() {
        a_document_of_several_windows_is_whole(on(true, |_| {}).await).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn are_refused_on_sqlite() {
        a_document_of_too_many_chunks_is_refused_with_a_code(on(false, |c| c.ingestion.max_chunks = 20).await).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn are_refused_on_postgres() {
        a_document_of_too_many_chunks_is_refused_with_a_code(on(true, |c| c.ingestion.max_chunks = 20).await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_survives_the_death_of_the_process_between_two_of_its_windows() {
    let directory = tempfile::tempdir().unwrap();
    let failpoints = [("FAILPOINTS", "ingest-upserted=1*off->1*return(abort)")];
    let mut server = Server::start(directory.path(), &failpoints).await;
    server.log_in("ada").await;
    let collection = server.create_collection(small_chunks()).await;
    let operation = server.ingest(&collection, texts(&[("a.txt", &words(9001))])).await;
    server.died().await;
    let server = server.restart(directory.path(), &[]).await;
    let ended = server.ended(&operation).await;
    assert_eq!(ended["status"], "COMPLETED", "{ended:#}");
    assert_eq!(ended["totals"]["completed"], 1);
    for word in ["w0", "w9000"] {
        let search = format!("{{ search(input: {{ query: \"{word}\", mode: LEXICAL }}) {{ nodes {{ rank }} }} }}");
        assert_eq!(server.data(&search, json!({})).await["search"]["nodes"].as_array().unwrap().len(), 1, "{word}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_moves_inside_a_document_that_takes_long() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), &[("FAILPOINTS", "ingest-upserted=sleep(2500)")]).await;
    server.log_in("ada").await;
    let collection = server.create_collection(small_chunks()).await;
    let operation = server.ingest(&collection, texts(&[("a.txt", &words(22_501)), ("b.txt", "One line.")])).await;
    let ended = server.ended(&operation).await;
    assert_eq!(ended["status"], "COMPLETED", "{ended:#}");
    let query = "query($id: ID!) { operation(id: $id) {
        progress documents { nodes { progress } } events(first: 100) { nodes { kind progress message } }
    } }";
    let told = server.data(query, json!({ "id": operation })).await["operation"].take();
    assert_eq!((&told["progress"], &told["documents"]["nodes"][0]["progress"]), (&json!(100), &json!(100)));
    let events = told["events"]["nodes"].as_array().unwrap();
    let ticks: Vec<_> = events.iter().filter(|event| event["kind"] == "DOCUMENT_PROGRESS").collect();
    assert!(ticks.len() >= 2, "{events:#?}");
    let progress: Vec<_> = events.iter().map(|event| event["progress"].as_i64().unwrap()).collect();
    assert!(progress.is_sorted() && ticks.iter().all(|tick| (1..100).contains(&tick["progress"].as_i64().unwrap())));
    assert!(ticks[0]["message"].as_str().unwrap().ends_with('%'), "{ticks:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_read_after_the_program_of_the_running_server_was_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("docent");
    fs::copy(env!("CARGO_BIN_EXE_docent"), &program).unwrap();
    let server = Server::start_program(&program, &directory.path().join("data"), &[]).await;
    server.log_in("ada").await;
    let collection = server.create_collection(small_chunks()).await;
    script(&program, "exit 3");
    let replaced = server.ingest(&collection, texts(&[("a.html", "<p>The tram crosses the bridge.")])).await;
    assert_eq!(server.ended(&replaced).await["status"], "COMPLETED");
    fs::remove_file(&program).unwrap();
    let removed = server.ingest(&collection, texts(&[("b.html", "<p>The ferry waits.")])).await;
    assert_eq!(server.ended(&removed).await["status"], "COMPLETED");
}

/// Ingests a page whose reader is a script, and returns the operation when it has ended.
async fn with_reader(on_postgres: bool, lines: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("reader");
    script(&program, lines);
    let mut config = Config::default();
    config.ingestion.max_attempts = 2;
    let app = TestApp::with_program(config, on_postgres, program).await;
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    ada.ingest_all(&id, texts(&[("a.html", "<p>The tram crosses the bridge.")])).await
}

async fn a_reader_that_was_killed_is_started_again(on_postgres: bool) {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    let program = env!("CARGO_BIN_EXE_docent");
    let lines = format!("if mkdir {} 2>/dev/null; then kill -9 $$; fi; exec {program} \"$@\"", mark.display());
    let ended = with_reader(on_postgres, &lines).await;
    assert_eq!(ended["status"], "COMPLETED", "{ended:#}");
}

async fn a_reader_that_is_killed_each_time_fails_its_document_in_the_end(on_postgres: bool) {
    let ended = with_reader(on_postgres, "kill -9 $$").await;
    assert_eq!(ended["status"], "FAILED", "{ended:#}");
    let error = &ended["documents"]["nodes"][0]["error"];
    assert_eq!((&error["code"], &error["stage"]), (&json!("READER_CRASHED"), &json!("EXTRACT")));
    assert_eq!(error["retryable"], true);
}

mod passing_faults_of_the_reader {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn on_sqlite() {
        a_reader_that_was_killed_is_started_again(false).await;
        a_reader_that_is_killed_each_time_fails_its_document_in_the_end(false).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn on_postgres() {
        a_reader_that_was_killed_is_started_again(true).await;
        a_reader_that_is_killed_each_time_fails_its_document_in_the_end(true).await;
    }
}
