//! A data directory that an older version of the program has filled.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::support::{app::texts, process::Server};

/// Texts with many different subjects: this project's own.
const FILES: [&str; 4] = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"];

/// Questions that the answers are compared for.
const QUESTIONS: usize = 50;

const MODES: [&str; 3] = ["SEMANTIC", "LEXICAL", "HYBRID"];

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// Lines of the files, evenly spread over them.
fn questions() -> Vec<String> {
    let text = FILES.map(file).join("\n");
    let lines: Vec<_> = text.lines().filter(|line| line.chars().count() > 60).collect();
    assert!(lines.len() >= QUESTIONS, "{} lines", lines.len());
    let question = |line: &str| line.chars().filter(|character| !"`|*#".contains(*character)).take(120).collect();
    lines.chunks(lines.len() / QUESTIONS).take(QUESTIONS).map(|chunk| question(chunk[0])).collect()
}

/// A search for the ten best hits, and the same as the older version takes it, which had a page of its own kind.
const SEARCH: &str = "query($query: String!, $mode: SearchMode!) {
    search(input: { query: $query, mode: $mode }, first: 10) {
        nodes { rank score chunk { id content } document { id uri } }
    }
}";
const OLD_SEARCH: &str = "query($query: String!, $mode: SearchMode!) {
    search(input: { query: $query, mode: $mode, first: 10 }) {
        nodes: hits { rank score chunk { id content } document { id uri } }
    }
}";

/// The answers to each question, alone by meaning and by words, and together.
async fn answers(server: &Server, search: &str) -> Vec<Value> {
    let mut answers = Vec::new();
    for question in questions() {
        for mode in MODES {
            let variables = json!({ "query": question, "mode": mode });
            answers.push(server.data(search, variables).await["search"].take());
        }
    }
    answers
}

/// Hits at the same rank that are not the same.
#[derive(PartialEq, Eq, Debug, Default)]
struct Differences {
    /// Those with the same score.
    ties: usize,
    others: usize,
}

fn differences(after: &Value, before: &Value) -> Differences {
    let hits = |answer: &Value| answer["nodes"].as_array().unwrap().clone();
    let (after, before) = (hits(after), hits(before));
    let score = |hit: &Value| hit["score"].as_f64().unwrap();
    let mut found = Differences { ties: 0, others: after.len().abs_diff(before.len()) };
    for (after, before) in after.iter().zip(&before) {
        if (score(after) - score(before)).abs() > 1e-5 {
            found.others += 1;
        } else if after["chunk"] != before["chunk"] {
            found.ties += 1;
        }
    }
    found
}

/// Ingests documents and returns their operation when it has ended.
async fn ingest(server: &Server, collection: &Value, documents: Value) -> Value {
    let operation = server.ingest(collection, documents).await;
    server.ended(&operation).await
}

/// A text as the older version takes it, which called the content of a document its source.
fn old_text(name: &str, text: &str) -> Value {
    json!([{ "fileName": name, "source": { "text": text } }])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs an older version of the program, whose path is in DOCENT_OLD_PROGRAM"]
async fn a_data_directory_of_an_older_version_answers_as_before() {
    let old = std::env::var_os("DOCENT_OLD_PROGRAM").expect("DOCENT_OLD_PROGRAM has the path of an older version");
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start_program(Path::new(&old), directory.path(), &[]).await;
    server.log_in("ada").await;
    let long = server.create_collection(json!({ "name": "Long" })).await;
    let short = json!({ "name": "Short", "chunking": { "maxTokens": 32, "overlapTokens": 8 } });
    let short = server.create_collection(short).await;
    for collection in [&long, &short] {
        for name in FILES {
            // A second revision, so that they differ from what a new collection has.
            ingest(&server, collection, old_text(name, "This will be replaced.")).await;
            assert_eq!(ingest(&server, collection, old_text(name, &file(name))).await["status"], "COMPLETED");
        }
    }
    let before = answers(&server, OLD_SEARCH).await;
    assert!(before.iter().filter(|answer| answer["nodes"].as_array().unwrap().len() == 10).count() > QUESTIONS);

    let server = server.restart(directory.path(), &[]).await;
    let after = answers(&server, SEARCH).await;
    let mut same_hybrids = 0;
    for (number, (after, before)) in after.chunks(MODES.len()).zip(before.chunks(MODES.len())).enumerate() {
        let [semantic, lexical, hybrid] = [0, 1, 2].map(|mode| differences(&after[mode], &before[mode]));
        assert_eq!((semantic, lexical.others), (Differences::default(), 0), "question {number}");
        same_hybrids += usize::from(hybrid == Differences::default());
    }
    // The older version let the engine order ties among the hundred candidates of a leg, and the fusion goes by that order. How
    // many there are depends on the texts.
    assert!(same_hybrids * 3 >= QUESTIONS * 2, "{same_hybrids} of {QUESTIONS} hybrid answers are the same");
    println!("{same_hybrids} of {QUESTIONS} hybrid answers are the same, and all others");
    // What is there is recognised, and new collections lie beside the old ones.
    let same = texts(&[(FILES[0], &file(FILES[0]))]);
    assert_eq!(ingest(&server, &long, same).await["totals"]["skipped"], 1);
    let changed = texts(&[(FILES[0], "The tram waits.")]);
    assert_eq!(ingest(&server, &long, changed).await["status"], "COMPLETED");
    server.create_collection(json!({ "name": "New" })).await;
    let names = "{ collections { nodes {
        name vectorStoreName chunkCount embeddingModel { name isLoaded precision }
    } } }";
    let data = server.data(names, json!({})).await;
    for collection in data["collections"]["nodes"].as_array().unwrap() {
        let is_new = collection["name"] == "New";
        assert_eq!(collection["chunkCount"] == 0, is_new, "{collection}");
        assert_eq!(collection["embeddingModel"]["isLoaded"], true, "{collection}");
        // What is there keeps its precision. A new collection has the one that is fastest here, and vectors of two never meet.
        let is_exact = collection["embeddingModel"]["precision"] == "FLOAT32";
        assert_eq!(collection["vectorStoreName"] == "all-minilm-l6-v2-384-cosine", is_exact, "{collection}");
        assert!(is_exact || is_new, "{collection}");
    }
}
