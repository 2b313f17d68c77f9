//! What was extracted from a file is kept: the file is read again only if readers would make something else of it.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use docent::{app::Aim, config::Config};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::behind::{count, execute, idle};
use crate::{
    extract::samples::{docx, heading, paragraph, pdf},
    on_both_databases,
    support::{
        app::{PATIENCE, TestApp, texts},
        caller::Caller,
        endpoint::Endpoint,
        process::Server,
        program::CountedProgram,
    },
};

const PAGE: &str =
    "<html><body><h1>Crossing</h1><p>The ferry waits at the pier below the castle until noon.</p></body></html>";
const CODE: &str = "use std::fmt;\n\nimpl Boat {\n    fn sail(&mut self) {\n        self.speed = self.speed + 1;\n    }\n\n    \
    fn moor(&mut self) {\n        self.speed = 0;\n        self.rope.tie_to(&self.pier);\n    }\n}\n";

/// The files of [`with_files`] that are read by a process of their own.
const FOREIGN: usize = 4;

/// A collection of files of different kinds, with headings, pages and rows.
async fn with_files(app: &TestApp) -> (Caller, String) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Files").await;
    let body = [
        heading(1, "Trams"),
        paragraph("The tram crosses the bridge at night and waits at the market."),
        heading(2, "Lines"),
        paragraph("Line nine runs until noon, with bicycles and dogs in its last car."),
    ];
    let lines =
        ["The ferry waits at the pier below the castle.", "", "Its captain paints the railing in a bright green."];
    let plain = "The train has gone.\r\n\r\nNobody waits for it, because the market is closed on Mondays.";
    let markdown = "# Notes\r\n\r\nThe hall is empty.\r\n\r\n## Gardens\r\n\r\n- They are behind the river.\r\n- They are green.\r\n";
    let table = "Name,Weight\nThe giant otter of the rivers,32\nThe sea otter of the northern coasts,45\n";
    // An encoding that nobody would guess.
    let old = encoding_rs::MACINTOSH.encode("Die Fähre wartet in Köln. Grüße aus dem Süden.").0.into_owned();
    let files: [(&str, Option<&str>, Vec<u8>); 8] = [
        ("ferries.pdf", None, pdf(&lines)),
        ("trams.docx", None, docx(&body.concat(), &[])),
        ("crossing.html", None, PAGE.into()),
        ("sizes.csv", None, table.into()),
        ("notes.md", None, markdown.into()),
        ("train.txt", None, plain.into()),
        ("old.txt", Some("text/plain; charset=macintosh"), old),
        ("boat.rs", None, CODE.into()),
    ];
    let mut documents = Vec::new();
    for (name, declared, bytes) in files {
        documents.push(json!({ "content": { "uploadId": upload(&ada, name, declared, bytes).await } }));
    }
    let ended = ada.ingest_all(&id, json!(documents)).await;
    assert_eq!(ended["totals"]["completed"], 8, "{ended:#}");
    (ada, id)
}

async fn upload(caller: &Caller, name: &str, declared: Option<&str>, bytes: Vec<u8>) -> Value {
    let create = "mutation($input: UploadCreateInput!) { uploadCreate(input: $input) { upload { id url } } }";
    let input = json!({ "fileName": name, "contentType": declared });
    let payload = caller.data(create, json!({ "input": input })).await;
    let upload = &payload["uploadCreate"]["upload"];
    assert_eq!(caller.send("PUT", upload["url"].as_str().unwrap(), &[], bytes).await.status, 201);
    upload["id"].clone()
}

const REINDEX: &str = "mutation($input: CollectionReindexInput!) {
    collectionReindex(input: $input) { operation { id } userErrors { message } }
}";

async fn reindex(caller: &Caller, collection: &str, chunking: &Value) {
    let input = json!({ "collectionId": collection, "chunking": chunking, "force": true });
    let payload = caller.data(REINDEX, json!({ "input": input })).await["collectionReindex"].take();
    let ended = caller.ended(payload["operation"]["id"].as_str().unwrap_or_else(|| panic!("{payload:#}"))).await;
    assert_eq!(ended["status"], "COMPLETED", "{ended:#}");
}

/// The documents with all that is known of their chunks.
async fn shown(caller: &Caller, collection: &str) -> Vec<Value> {
    let query = "query($id: ID!) { collection(id: $id) { documents(first: 10) { nodes {
        fileName text { content }
        chunks(first: 50) { nodes { index content tokenCount startOffset endOffset headings page } }
    } } } }";
    let mut data = caller.data(query, json!({ "id": collection })).await;
    let Value::Array(nodes) = data["collection"]["documents"]["nodes"].take() else { panic!("{data:#}") };
    nodes
}

fn of<'a>(shown: &'a [Value], name: &str) -> &'a Value {
    shown.iter().find(|document| document["fileName"] == name).unwrap()
}

/// The file in which a text is kept.
fn kept(app: &TestApp, document: &Value) -> PathBuf {
    let digest = hex::encode(Sha256::digest(document["text"]["content"].as_str().unwrap()));
    app.data_dir().join(format!("originals/{}/{digest}", &digest[..2]))
}

/// The program that reads files is counted: a reindexing, a preview, a repair and new metadata do without it.
async fn files_are_read_once(on_postgres: bool) {
    let program = CountedProgram::new();
    let app = TestApp::with_program(Config::default(), on_postgres, program.path()).await;
    let (ada, id) = with_files(&app).await;
    let first = program.starts();
    assert_eq!(first, FOREIGN + 1, "the code of a file is parsed, too");

    let chunking = json!({ "markdown": { "maxTokens": 24, "overlapTokens": 6 } });
    reindex(&ada, &id, &chunking).await;
    let documents = "query($id: ID!) { collection(id: $id) { documents { nodes { id fileName } } } }";
    let documents = ada.data(documents, json!({ "id": id })).await["collection"]["documents"]["nodes"].take();
    let page = documents.as_array().unwrap().iter().find(|document| document["fileName"] == "crossing.html").unwrap();
    let preview = "query($input: ChunkingPreviewInput!) { chunkingPreview(input: $input) { length } }";
    let input = json!({ "content": { "documentId": page["id"] }, "chunking": chunking });
    let length = ada.data(preview, json!({ "input": input })).await["chunkingPreview"]["length"].take();
    assert!(length.as_i64().is_some_and(|length| length > 60), "{length}");
    let again = json!([{
        "fileName": "crossing.html", "content": { "text": PAGE }, "meta": { "year": 2026 },
    }]);
    assert_eq!(ada.ingest_all(&id, again).await["totals"]["completed"], 1);
    assert_eq!(program.starts(), first);

    execute(&app, "UPDATE extractions SET version = 0").await;
    for _ in 0..2 {
        reindex(&ada, &id, &chunking).await;
        assert_eq!(program.starts(), first + FOREIGN, "texts of an older version are made again, once");
    }
    idle(&app).await;
}

/// Documents whose chunks are lost get them from their texts.
async fn a_repair_reads_no_file(on_postgres: bool) {
    let program = CountedProgram::new();
    let mut app = TestApp::with_program(Config::default(), on_postgres, program.path()).await;
    let ada = app.user("ada").await;
    let id = ada.create_collection("Pages").await;
    ada.ingest_all(&id, texts(&[("a.html", PAGE)])).await;
    idle(&app).await;
    app.stop_worker().await;
    execute(&app, "DELETE FROM chunks").await;
    app.app.examine(Aim::Repair).await.unwrap();
    let app = app.restart().await;
    idle(&app).await;
    assert_eq!((count(&app, "SELECT count(*) FROM chunks").await, program.starts()), (1, 1));
}

/// A step after the extraction fails for a while.
async fn another_attempt_reads_no_file(on_postgres: bool) {
    let program = CountedProgram::new();
    let app = TestApp::with_program(Config::default(), on_postgres, program.path()).await;
    let ada = app.user("ada").await;
    let id = ada.create_collection("Pages").await;
    app.vectors.go_away();
    let operation = ada.ingest(&id, texts(&[("a.html", PAGE)])).await["operation"]["id"].take();
    let ended = retried(&app, &ada, &operation).await;
    assert_eq!((&ended["status"], program.starts()), (&json!("COMPLETED"), 1));
}

/// The operation, whose document has to be tried again because the vector store is away, when it has ended.
async fn retried(app: &TestApp, caller: &Caller, operation: &Value) -> Value {
    let query = "query($id: ID!) { operation(id: $id) { events(first: 100) { nodes { kind } } } }";
    let deadline = Instant::now() + PATIENCE;
    loop {
        let told = caller.data(query, json!({ "id": operation })).await;
        let events = told["operation"]["events"]["nodes"].as_array().unwrap();
        if events.iter().any(|event| event["kind"] == "DOCUMENT_RETRYING") {
            break;
        }
        assert!(Instant::now() < deadline, "nothing is tried again: {told:#}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    app.vectors.come_back();
    let ended = caller.ended(operation.as_str().unwrap()).await;
    idle(app).await;
    ended
}

/// The same bytes by a name that says something else of them.
async fn another_ending_of_the_name_makes_another_text(on_postgres: bool) {
    let program = CountedProgram::new();
    let app = TestApp::with_program(Config::default(), on_postgres, program.path()).await;
    let ada = app.user("ada").await;
    let id = ada.create_collection("Pages").await;
    for (name, starts) in [("a.html", 1), ("b.HTML", 1), ("a.txt", 1), ("a.html", 2)] {
        let note = json!([{ "fileName": name, "uri": "note", "content": { "text": PAGE } }]);
        assert_eq!(ada.ingest_all(&id, note).await["totals"]["completed"], 1);
        let found = shown(&ada, &id).await;
        assert_eq!(found[0]["text"]["content"] == PAGE, name == "a.txt", "{found:#?}");
        assert_eq!(program.starts(), starts, "{name}");
    }
    idle(&app).await;
}

/// The sentences of a text are embedded once, whatever happens then.
async fn sentences_are_embedded_once(on_postgres: bool) {
    let endpoint = Endpoint::start().await;
    let mut config = Config::default();
    config.embedding.models = vec![endpoint.model("counter")];
    let app = TestApp::with(config, on_postgres).await;
    let ada = app.user("ada").await;
    let chunking = json!({ "semantic": { "maxTokens": 128, "overlapTokens": 0, "driftPercentile": 80 } });
    let input = json!({ "name": "Notes", "embeddingModel": "counter", "chunking": chunking });
    let id = ada.create_collection_with(input).await;
    let words = ["cabbage", "quiz", "hill", "noon", "strut", "wax", "decade", "jiffy"];
    let sentences = words.map(|word| format!("The {word} {word} {word} {word} tells of tram and {word}."));
    let asked = || {
        let bodies = endpoint.asked();
        let inputs = bodies.iter().flat_map(|body| body["input"].as_array().unwrap());
        inputs.filter(|text| text.as_str().unwrap().contains("tells of tram")).count()
    };
    app.vectors.go_away();
    let operation = ada.ingest(&id, texts(&[("a.txt", &sentences.join(" "))])).await["operation"]["id"].take();
    let ended = retried(&app, &ada, &operation).await;
    let chunks = usize::try_from(ended["totals"]["chunks"].as_u64().unwrap()).unwrap();
    assert!(chunks > 1, "{ended:#}");
    assert_eq!(
        asked(),
        sentences.len() + 2 * chunks,
        "both attempts embed the chunks, and the first one the sentences"
    );

    let before = asked();
    reindex(&ada, &id, &chunking).await;
    assert_eq!(asked(), before);
    let other = json!({ "semantic": { "maxTokens": 128, "overlapTokens": 0, "driftPercentile": 60 } });
    reindex(&ada, &id, &other).await;
    assert!(asked() >= before + sentences.len(), "another measure looks again");
    idle(&app).await;
}

mod what_was_found_out_is_not_found_out_again {
    use super::*;

    async fn all(on_postgres: bool) {
        files_are_read_once(on_postgres).await;
        a_repair_reads_no_file(on_postgres).await;
        another_attempt_reads_no_file(on_postgres).await;
        another_ending_of_the_name_makes_another_text(on_postgres).await;
        sentences_are_embedded_once(on_postgres).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn on_sqlite() {
        all(false).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn on_postgres() {
        all(true).await;
    }
}

on_both_databases!(chunks_of_a_kept_text_are_those_of_its_file);
async fn chunks_of_a_kept_text_are_those_of_its_file(app: TestApp) {
    let (ada, id) = with_files(&app).await;
    let sizes = json!({ "maxTokens": 16, "overlapTokens": 0 });
    reindex(&ada, &id, &sizes).await;
    let from_texts = shown(&ada, &id).await;
    let chunks = |name: &str| of(&from_texts, name)["chunks"]["nodes"].as_array().unwrap().clone();
    let pages: Vec<_> = chunks("ferries.pdf").iter().map(|chunk| chunk["page"].clone()).collect();
    assert_eq!((pages.first(), pages.last()), (Some(&json!(1)), Some(&json!(3))), "{pages:?}");
    let headings = |name: &str| chunks(name).last().unwrap()["headings"].clone();
    assert_eq!(headings("trams.docx"), json!(["Trams", "Lines"]));
    assert_eq!(headings("notes.md"), json!(["Notes", "Gardens"]));
    assert_eq!(headings("crossing.html"), json!(["Crossing"]));
    assert_eq!(headings("sizes.csv"), json!(["Name | Weight"]));
    assert_eq!(headings("boat.rs")[0], "impl Boat {");
    assert!(of(&from_texts, "old.txt")["text"]["content"].as_str().unwrap().contains("Fähre"), "{from_texts:#?}");

    execute(&app, "UPDATE extractions SET version = 0").await;
    reindex(&ada, &id, &sizes).await;
    assert_eq!(shown(&ada, &id).await, from_texts, "by readers of another version");

    let (lost, damaged) = (kept(&app, of(&from_texts, "crossing.html")), kept(&app, of(&from_texts, "trams.docx")));
    std::fs::remove_file(&lost).unwrap();
    std::fs::write(&damaged, "# Trams\n\nSomething else.").unwrap();
    reindex(&ada, &id, &sizes).await;
    assert_eq!(shown(&ada, &id).await, from_texts, "without the text of one file, and with a damaged one of another");
    let whole = of(&from_texts, "trams.docx")["text"]["content"].as_str().unwrap();
    assert_eq!((lost.exists(), std::fs::read_to_string(damaged).unwrap().as_str()), (true, whole));
    idle(&app).await;
}

/// A server on this data that fails whenever it has extracted something.
async fn that_extracts_nothing(server: Server, directory: &tempfile::TempDir) -> Server {
    let failpoints = ("FAILPOINTS", "ingest-extracted=return(fail)");
    server.restart(directory.path(), &[failpoints, ("DOCENT__INGESTION__MAX_ATTEMPTS", "2")]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_is_taken_up_again_after_the_death_of_the_process_is_not_extracted_again() {
    for step in ["ingest-text-stored", "ingest-embedded", "ingest-upserted", "ingest-flushed"] {
        let directory = tempfile::tempdir().unwrap();
        let failpoints = format!("{step}=1*return(abort)");
        let mut server = Server::start(directory.path(), &[("FAILPOINTS", &failpoints)]).await;
        server.log_in("ada").await;
        let collection = server.create_collection(json!({ "name": "Letters" })).await;
        let operation = server.ingest(&collection, texts(&[("a.html", PAGE)])).await;
        server.died().await;
        let server = that_extracts_nothing(server, &directory).await;
        let ended = server.ended(&operation).await;
        assert_eq!(
            (&ended["status"], &ended["totals"]["completed"]),
            (&json!("COMPLETED"), &json!(1)),
            "{step}: {ended:#}"
        );
        server.kill();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_kind_of_text_is_extracted_again_when_its_collection_is_reindexed() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), &[]).await;
    server.log_in("ada").await;
    let collection = server.create_collection(json!({ "name": "Letters" })).await;
    let files = [
        ("a.html", PAGE),
        ("b.md", "# Notes\n\nThe hall is empty."),
        ("c.txt", "The train has gone."),
        ("d.rs", CODE),
        ("e.csv", "Name,Weight\nOtter,32\n"),
    ];
    let operation = server.ingest(&collection, texts(&files)).await;
    assert_eq!(server.ended(&operation).await["totals"]["completed"], 5);
    let server = that_extracts_nothing(server, &directory).await;
    let input = json!({ "collectionId": collection, "chunking": { "maxTokens": 32, "overlapTokens": 8 } });
    let mut payload = server.data(REINDEX, json!({ "input": input })).await;
    let operation = payload["collectionReindex"]["operation"]["id"].take();
    let ended = server.ended(operation.as_str().unwrap()).await;
    assert_eq!((&ended["status"], &ended["totals"]["completed"]), (&json!("COMPLETED"), &json!(5)), "{ended:#}");
    // What is new is extracted, which fails here.
    let new = server.ingest(&collection, texts(&[("f.txt", "The ferry waits.")])).await;
    assert_eq!(server.ended(&new).await["status"], "FAILED");
    server.kill();
}
