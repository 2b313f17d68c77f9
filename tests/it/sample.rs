//! The sample of `docent serve --sample`: its texts are read, and each suggested question finds the right one first.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use docent::{
    config::{Config, LimitsConfig},
    service::sample,
};
use serde_json::{Value, json};

use crate::{
    docs::page,
    on_both_databases,
    support::{
        app::{PATIENCE, TestApp},
        caller::Caller,
    },
};

/// A suggested question, and the document that answers it.
struct Question {
    text: String,
    document: String,
}

/// What is in the folder beside the documents.
const NO_DOCUMENTS: [&str; 2] = ["ORIGIN.md", "questions.json"];

fn file(path: &str) -> String {
    std::fs::read_to_string(page::root().join(path)).unwrap()
}

fn questions() -> Vec<Question> {
    let rows: Vec<Value> = serde_json::from_str(&file("sample/questions.json")).unwrap();
    let field = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    rows.iter().map(|row| Question { text: field(row, "question"), document: field(row, "document") }).collect()
}

/// The documents of the sample, when all have been read.
async fn documents(caller: &Caller) -> Vec<Value> {
    let query = "{ collections(first: 1) { nodes { name documents(first: 100) {
        nodes { fileName status language contentType chunkCount error { message } }
    } } } }";
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut data = caller.data(query, json!({})).await;
        let collection = &mut data["collections"]["nodes"][0];
        assert_eq!(collection["name"], sample::NAME);
        let Value::Array(documents) = collection["documents"]["nodes"].take() else { panic!("{data:#}") };
        let is_open = |document: &Value| ["PENDING", "PROCESSING"].contains(&document["status"].as_str().unwrap());
        if !documents.iter().any(is_open) {
            return documents;
        }
        assert!(Instant::now() < deadline, "{documents:#?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn values<'d>(documents: &'d [Value], field: &str) -> BTreeSet<&'d str> {
    documents.iter().filter_map(|document| document[field].as_str()).collect()
}

on_both_databases!(each_suggested_question_finds_its_document_first);
async fn each_suggested_question_finds_its_document_first(app: TestApp) {
    sample::load(app.app.services()).await.unwrap().unwrap();
    let anyone = app.anonymous();
    let read = documents(&anyone).await;
    assert_eq!(values(&read, "status"), BTreeSet::from(["COMPLETED"]), "{read:#?}");
    assert!(values(&read, "language").is_superset(&BTreeSet::from(["de", "en"])), "{read:#?}");
    assert!(values(&read, "contentType").len() >= 6, "{read:#?}");

    for Question { text, document } in questions() {
        let query = "query($query: String!) {
            search(input: { query: $query }, first: 3) { nodes { score document { fileName } chunk { content } } }
        }";
        let data = anyone.data(query, json!({ "query": text })).await;
        assert_eq!(data["search"]["nodes"][0]["document"]["fileName"], *document, "{text}: {data:#}");
    }
}

on_both_databases!(loading_the_sample_again_changes_nothing);
async fn loading_the_sample_again_changes_nothing(app: TestApp) {
    let first = sample::load(app.app.services()).await.unwrap().unwrap();
    let read = documents(&app.anonymous()).await;
    let again = sample::load(app.app.services()).await.unwrap().unwrap();
    assert_eq!(again.id, first.id);
    assert_eq!(documents(&app.anonymous()).await, read);
    // From the first account on, the server belongs to somebody.
    app.user("ada").await;
    assert_eq!(sample::load(app.app.services()).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_takes_few_documents_at_once_takes_the_sample_in_parts() {
    let limits = LimitsConfig { ingest_documents: 5, ..LimitsConfig::default() };
    let app = TestApp::start(Config { limits, ..Config::default() }).await;
    sample::load(app.app.services()).await.unwrap().unwrap();
    let files = std::fs::read_dir(page::root().join("sample")).unwrap().count();
    assert_eq!(documents(&app.anonymous()).await.len(), files - NO_DOCUMENTS.len());
}

#[test]
fn the_sample_is_all_that_is_in_its_folder() {
    let code = file("src/service/sample.rs");
    let named = |name: &String| code.contains(&format!("sample!(\"{name}\")"));
    let names = std::fs::read_dir(page::root().join("sample")).unwrap();
    let names: BTreeSet<_> = names.map(|entry| entry.unwrap().file_name().display().to_string()).collect();
    let missing: Vec<_> = names.iter().filter(|name| !named(name)).collect();
    assert_eq!(missing, NO_DOCUMENTS);
    for Question { text, document } in questions() {
        assert!(names.contains(&document), "{text}");
    }
}

#[test]
fn the_program_and_the_playground_suggest_these_questions() {
    let questions: Vec<_> = questions().into_iter().map(|question| question.text).collect();
    let saved: Value = serde_json::from_str(&file("playground/operations/1-search-sample.json")).unwrap();
    assert!(questions.iter().any(|question| saved["query"] == **question));
    assert!(questions.iter().any(|question| file("src/cli/serve.rs").contains(question)));
    assert!(file("playground/src/pages/search/sample.ts").contains(&format!("\"{}\"", sample::NAME)));
}
