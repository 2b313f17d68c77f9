//! ZIP archives: their files become documents of the operation that the archive came with.

use docent::config::Config;
use serde_json::{Value, json};

use super::behind::{found, idle};
use crate::{
    extract::samples::archive,
    graphql::documents::upload,
    on_both_databases,
    support::{app::TestApp, caller::Caller, process::Server},
};

const DOCUMENTS: &str = "query($id: ID!) {
    collection(id: $id) {
        documentCount chunkCount totalBytes
        documents(first: 100) { nodes { uri fileName contentType status chunkCount meta warnings { code message } } }
    }
}";

/// The operation that took an archive in, when it has ended.
async fn ingest(caller: &Caller, collection: &str, bytes: &[u8]) -> Value {
    let upload = upload(caller, "letters.zip", bytes).await;
    let documents = json!([{ "content": { "uploadId": upload }, "uri": "mail/letters.zip", "meta": { "year": 2026 } }]);
    caller.ingest_all(collection, documents).await
}

/// How many documents of an operation there are, how many completed and how many were unchanged.
fn totals(operation: &Value) -> [i64; 3] {
    assert_eq!((&operation["status"], &operation["progress"]), (&json!("COMPLETED"), &json!(100)), "{operation:#}");
    ["documents", "completed", "skipped"].map(|name| operation["totals"][name].as_i64().unwrap())
}

async fn collection(caller: &Caller, id: &str) -> Value {
    caller.data(DOCUMENTS, json!({ "id": id })).await["collection"].take()
}

on_both_databases!(the_files_of_an_archive_become_documents_of_its_operation);
async fn the_files_of_an_archive_become_documents_of_its_operation(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    let files = [("a.txt", "The tram waits."), ("notes/b.html", "<p>The ferry waits."), ("empty.txt", "")];
    let bytes = archive(&files);
    let operation = ingest(&ada, &id, &bytes).await;
    assert_eq!(totals(&operation), [3, 3, 0]);
    let uris: Vec<_> =
        operation["documents"]["nodes"].as_array().unwrap().iter().map(|it| &it["document"]["uri"]).collect();
    assert_eq!(uris, ["mail/letters.zip", "mail/letters.zip/a.txt", "mail/letters.zip/notes/b.html"]);

    let collection = collection(&ada, &id).await;
    let size = bytes.len() + files.iter().map(|(_, text)| text.len()).sum::<usize>();
    let counted = json!([collection["documentCount"], collection["chunkCount"], collection["totalBytes"]]);
    assert_eq!(counted, json!([3, 2, size.to_string()]));
    let documents = collection["documents"]["nodes"].as_array().unwrap();
    let of = |uri: &str| documents.iter().find(|document| document["uri"] == uri).unwrap();
    let whole = of("mail/letters.zip");
    assert_eq!((&whole["contentType"], &whole["chunkCount"]), (&json!("application/zip"), &json!(0)));
    let warning = json!({ "code": "PART_SKIPPED", "message": "«empty.txt» was left out. The file is empty." });
    assert_eq!(whole["warnings"], json!([warning]));
    let page = of("mail/letters.zip/notes/b.html");
    assert_eq!((&page["contentType"], &page["fileName"]), (&json!("text/html"), &json!("b.html")));
    assert_eq!((&page["meta"], &page["warnings"]), (&json!({ "year": 2026 }), &json!([])));
    assert_eq!(found(&ada, "ferry").await[0], ["The ferry waits."]);
}

on_both_databases!(an_archive_that_comes_again_changes_what_is_new_in_it);
async fn an_archive_that_comes_again_changes_what_is_new_in_it(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    let first = archive(&[("a.txt", "The tram waits."), ("b.txt", "The ferry waits.")]);
    assert_eq!(totals(&ingest(&ada, &id, &first).await), [3, 3, 0]);
    assert_eq!(totals(&ingest(&ada, &id, &first).await), [3, 1, 2]);
    let second = archive(&[("a.txt", "The giraffe waits."), ("c.txt", "The otter waits.")]);
    assert_eq!(totals(&ingest(&ada, &id, &second).await), [3, 3, 0]);
    idle(&app).await;
    // What is no longer in the archive stays, as a document of its own.
    assert_eq!(collection(&ada, &id).await["documentCount"], 4);
    for (word, sentences) in [("tram", 0), ("giraffe", 1), ("ferry", 1), ("otter", 1)] {
        assert_eq!(found(&ada, word).await[0].len(), sentences, "{word}");
    }
}

on_both_databases!(a_document_that_is_in_the_call_is_not_taken_from_the_archive_too);
async fn a_document_that_is_in_the_call_is_not_taken_from_the_archive_too(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    let bytes = archive(&[("a.txt", "The tram waits."), ("b.txt", "The ferry waits.")]);
    let upload = upload(&ada, "letters.zip", &bytes).await;
    let text = json!({ "fileName": "a.txt", "uri": "letters.zip/a.txt", "content": { "text": "The otter waits." } });
    let operation = ada.ingest_all(&id, json!([{ "content": { "uploadId": upload } }, text])).await;
    assert_eq!(totals(&operation), [3, 3, 0]);
    assert_eq!(found(&ada, "otter").await[0], ["The otter waits."]);
    assert!(found(&ada, "tram").await[0].is_empty());
    let documents = collection(&ada, &id).await["documents"]["nodes"].take();
    let whole = documents.as_array().unwrap().iter().find(|it| it["uri"] == "letters.zip").unwrap();
    assert!(whole["warnings"][0]["message"].as_str().unwrap().ends_with("were left out: 1."), "{whole:#}");
}

async fn check_quota(on_postgres: bool) {
    let mut config = Config::default();
    config.limits.stored_bytes_per_collection = 5_000;
    let app = TestApp::with(config, on_postgres).await;
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    let text = "The tram waits. ".repeat(400);
    let operation = ingest(&ada, &id, &archive(&[("a.txt", &text), ("b.txt", "The ferry waits.")])).await;
    assert_eq!(operation["status"], "FAILED", "{operation:#}");
    assert_eq!((&operation["totals"]["documents"], &operation["totals"]["failed"]), (&json!(1), &json!(1)));
    let error = &operation["documents"]["nodes"][0]["error"];
    assert_eq!((&error["code"], &error["retryable"]), (&json!("LIMIT_EXCEEDED"), &json!(true)));
    assert!(error["message"].as_str().unwrap().contains("5000 bytes"), "{error:#}");
    assert_eq!(collection(&ada, &id).await["documentCount"], 1, "all of its files or none");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_whose_files_exceed_the_quota_fails_as_a_whole_on_sqlite() {
    check_quota(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_whose_files_exceed_the_quota_fails_as_a_whole_on_postgres() {
    check_quota(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_survives_the_death_of_the_process_after_each_of_its_steps() {
    for step in ["ingest-unpacked", "ingest-completed"] {
        let directory = tempfile::tempdir().unwrap();
        let failpoints = format!("{step}=1*return(abort)");
        let mut server = Server::start(directory.path(), &[("FAILPOINTS", &failpoints)]).await;
        server.log_in("ada").await;
        let collection = server.create_collection(json!({ "name": "Letters" })).await;
        let bytes = archive(&[("a.txt", "The tram waits."), ("b.txt", "The ferry waits.")]);
        let upload = server.client.upload("letters.zip", bytes).await.unwrap();
        let operation = server.ingest(&collection, json!([{ "content": { "uploadId": upload } }])).await;
        server.died().await;
        let server = server.restart(directory.path(), &[]).await;
        let ended = server.ended(&operation).await;
        let totals = json!({ "documents": 3, "completed": 3, "failed": 0, "skipped": 0, "chunks": 2 });
        assert_eq!((&ended["status"], &ended["totals"]), (&json!("COMPLETED"), &totals), "{step}");
        server.kill();
    }
}
