//! The process dies, a step fails, a worker comes back too late: nothing that was acknowledged is lost or done twice.

use serde_json::json;

use crate::support::{app::texts, process::Server};

/// Every step of a document's way, in order.
const STEPS: &[&str] = &[
    "ingest-begun",
    "ingest-extracted",
    "ingest-chunked",
    "ingest-text-stored",
    "ingest-embedded",
    "ingest-upserted",
    "ingest-flushed",
    "ingest-completed",
];

/// Checks that an operation of one document ended as if nothing had happened: completed once, found once.
async fn check_whole(server: &Server, operation: &str, chunks: u64) {
    let ended = server.ended(operation).await;
    assert_eq!(ended["status"], "COMPLETED", "{ended:#}");
    assert_eq!(ended["totals"], json!({ "documents": 1, "completed": 1, "failed": 0, "skipped": 0, "chunks": chunks }));
    let events = ended["events"]["nodes"].as_array().unwrap();
    let sequence: Vec<_> = events.iter().map(|event| event["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequence, (1..=events.len() as u64).collect::<Vec<_>>());
    for kind in ["DOCUMENT_COMPLETED", "OPERATION_COMPLETED"] {
        assert_eq!(events.iter().filter(|event| event["kind"] == kind).count(), 1, "{kind} in {events:#?}");
    }
    let search = "{ search(input: { query: \"tram\" }, first: 100) { nodes { chunk { id content } } } }";
    let hits = server.data(search, json!({})).await["search"]["nodes"].as_array().unwrap().len();
    assert_eq!(hits as u64, chunks);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_survives_the_death_of_the_process_after_each_of_its_steps() {
    for step in STEPS {
        let directory = tempfile::tempdir().unwrap();
        let failpoints = format!("{step}=1*return(abort)");
        let mut server = Server::start(directory.path(), &[("FAILPOINTS", &failpoints)]).await;
        server.log_in("ada").await;
        let collection = server.create_collection(json!({ "name": "Letters" })).await;
        let operation = server.ingest(&collection, texts(&[("a.txt", "The tram crosses the bridge.")])).await;
        server.died().await;
        let server = server.restart(directory.path(), &[]).await;
        check_whole(&server, &operation, 1).await;
        server.kill();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replacement_survives_the_death_of_the_process_after_each_of_its_steps() {
    for step in ["ingest-text-stored", "ingest-embedded", "ingest-upserted", "ingest-flushed", "ingest-completed"] {
        let directory = tempfile::tempdir().unwrap();
        // The first document passes the step, its replacement does not.
        let failpoints = format!("{step}=1*off->1*return(abort)");
        let mut server = Server::start(directory.path(), &[("FAILPOINTS", &failpoints)]).await;
        server.log_in("ada").await;
        let collection = server.create_collection(json!({ "name": "Letters" })).await;
        let first = server.ingest(&collection, texts(&[("a.txt", "The ferry waits.")])).await;
        server.ended(&first).await;
        let second = server.ingest(&collection, texts(&[("a.txt", "The tram crosses the bridge.")])).await;
        server.died().await;
        let server = server.restart(directory.path(), &[]).await;
        check_whole(&server, &second, 1).await;
        let search = "{ search(input: { query: \"ferry\", mode: LEXICAL }) { nodes { rank } } }";
        assert_eq!(server.data(search, json!({})).await["search"]["nodes"], json!([]), "{step}");
        server.kill();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_fails_for_a_while_is_tried_again_until_it_works() {
    for step in &STEPS[..STEPS.len() - 1] {
        let directory = tempfile::tempdir().unwrap();
        let failpoints = format!("{step}=2*return(fail)");
        let server = Server::start(directory.path(), &[("FAILPOINTS", &failpoints)]).await;
        server.log_in("ada").await;
        let collection = server.create_collection(json!({ "name": "Letters" })).await;
        let operation = server.ingest(&collection, texts(&[("a.txt", "The tram crosses the bridge.")])).await;
        check_whole(&server, &operation, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_kills_every_worker_is_set_aside_and_the_others_are_indexed() {
    let directory = tempfile::tempdir().unwrap();
    let crashes = [("FAILPOINTS", "ingest-extracted=return(abort)"), ("DOCENT__INGESTION__MAX_CRASHES", "2")];
    let mut server = Server::start(directory.path(), &crashes).await;
    server.log_in("ada").await;
    let collection = server.create_collection(json!({ "name": "Letters" })).await;
    let operation = server.ingest(&collection, texts(&[("a.txt", "The tram crosses the bridge.")])).await;
    server.died().await;
    let mut server = server.restart(directory.path(), &crashes).await;
    server.died().await;
    let server = server.restart(directory.path(), &crashes).await;
    let ended = server.ended(&operation).await;
    assert_eq!(ended["status"], "FAILED");
    let document = &ended["documents"]["nodes"][0];
    assert_eq!(document["document"]["status"], "QUARANTINED", "{ended:#}");
    assert_eq!(document["error"]["code"], "READER_CRASHED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_at_any_moment_lose_nothing_and_do_nothing_twice() {
    const DOCUMENTS: usize = 40;
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start(directory.path(), &[]).await;
    server.log_in("ada").await;
    let collection = server.create_collection(json!({ "name": "Letters" })).await;
    let documents: Vec<(String, String)> =
        (0..DOCUMENTS).map(|n| (format!("{n}.txt"), format!("Letter {n} tells of tram number {n}."))).collect();
    let documents: Vec<(&str, &str)> = documents.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let operation = server.ingest(&collection, texts(&documents)).await;
    for moment in [30, 110, 190, 70, 250] {
        tokio::time::sleep(std::time::Duration::from_millis(moment)).await;
        server = server.restart(directory.path(), &[]).await;
    }
    let ended = server.ended(&operation).await;
    assert_eq!(ended["status"], "COMPLETED", "{ended:#}");
    assert_eq!(ended["totals"]["completed"], DOCUMENTS);
    assert_eq!(ended["totals"]["chunks"], DOCUMENTS);
    let search = "{ search(input: { query: \"tram\" }, first: 100) { nodes { document { uri } } } }";
    let hits = server.data(search, json!({})).await["search"]["nodes"].clone();
    let mut found: Vec<_> =
        hits.as_array().unwrap().iter().map(|hit| hit["document"]["uri"].as_str().unwrap()).collect();
    found.sort_unstable();
    let mut expected: Vec<_> = documents.iter().map(|(name, _)| *name).collect();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_on_the_same_data_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), &[]).await;
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_docent"))
        .args(["migrate", "status"])
        .env("DOCENT__DATA_DIR", directory.path())
        .output()
        .unwrap();
    assert!(!output.status.success());
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("is used by another docent process"), "{message}");
    server.kill();
}
