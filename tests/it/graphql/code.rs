//! Source code: split at its items, whatever it contains.

use std::path::{Path, PathBuf};

use docent::config::Config;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::documents::upload;
use crate::{
    on_both_databases,
    support::{
        app::{TestApp, texts},
        caller::Caller,
        program::script,
    },
};

const DOCUMENTS: &str = "query($id: ID!) { collection(id: $id) { documents(first: 10) { nodes {
    fileName status chunkCount warnings { code } chunks(first: 20) { nodes { content headings } }
} } } }";

const PREVIEW: &str = "query($input: ChunkingPreviewInput!) { chunkingPreview(input: $input) {
    chunkings { chunkCount chunks { content headings } }
} }";

/// The documents of a collection, by the names of their files.
async fn documents(caller: &Caller, id: &str) -> Vec<Value> {
    let mut data = caller.data(DOCUMENTS, json!({ "id": id })).await;
    let Value::Array(mut nodes) = data["collection"]["documents"]["nodes"].take() else { panic!("{data:#}") };
    nodes.sort_by_key(|document| document["fileName"].as_str().unwrap().to_owned());
    nodes
}

async fn collection(caller: &Caller) -> String {
    let chunking = json!({ "maxTokens": 32, "overlapTokens": 0 });
    caller.create_collection_with(json!({ "name": "Boats", "chunking": chunking })).await
}

/// The headings of the chunk that begins with a line.
fn headings_at<'a>(chunks: &'a Value, line: &str) -> Option<&'a Value> {
    let mut chunks = chunks.as_array().unwrap().iter();
    chunks.find(|chunk| chunk["content"].as_str().unwrap().lines().next() == Some(line)).map(|chunk| &chunk["headings"])
}

/// Functions of some length, each between `head` and `tail`, in which `NAME` stands for its name.
fn functions(head: &str, line: &str, tail: &str) -> String {
    let function = |name: &str| format!("{head}{}{tail}\n", line.repeat(4)).replace("NAME", name);
    ["sail", "moor", "anchor"].map(function).concat()
}

on_both_databases!(code_of_each_language_is_split_at_its_items_which_are_named_above_their_parts);
async fn code_of_each_language_is_split_at_its_items_which_are_named_above_their_parts(app: TestApp) {
    let ada = app.user("ada").await;
    let id = collection(&ada).await;
    let rust = functions("    fn NAME(&mut self) {\n", "        self.speed = self.speed + 1;\n", "    }\n");
    let python = functions("    def NAME(self):\n", "        self.speed = self.speed + 1\n", "");
    let typescript = functions("  NAME(): void {\n", "    this.speed = this.speed + 1;\n", "  }\n");
    let go = functions("func (boat *Boat) NAME() {\n", "\tboat.speed = boat.speed + 1\n", "}\n");
    let java = functions("    void NAME() {\n", "        this.speed = this.speed + 1;\n", "    }\n");
    let c = functions("void NAME(struct boat *boat) {\n", "    boat->speed = boat->speed + 1;\n", "}\n");
    let cpp = functions("    void NAME() {\n", "        this->speed = this->speed + 1;\n", "    }\n");
    let cases = [
        ("a.rs", format!("use std::fmt;\n\nimpl Boat {{\n{rust}}}\n"), vec!["impl Boat {", "fn moor(&mut self) {"]),
        ("b.py", format!("import os\n\n@dataclass\nclass Boat:\n{python}"), vec!["class Boat:", "def moor(self):"]),
        (
            "c.ts",
            format!("import x from 'x';\n\nexport class Boat {{\n{typescript}}}\n"),
            vec!["export class Boat {", "moor(): void {"],
        ),
        ("d.go", format!("package boats\n\n{go}"), vec!["func (boat *Boat) moor() {"]),
        ("e.java", format!("package boats;\n\nclass Boat {{\n{java}}}\n"), vec!["class Boat {", "void moor() {"]),
        ("f.c", format!("#include <stdio.h>\n\n{c}"), vec!["void moor(struct boat *boat) {"]),
        ("g.cpp", format!("int a;\n\nclass Boat {{\n{cpp}}};\n"), vec!["class Boat {", "void moor() {"]),
    ];
    let files: Vec<_> = cases.iter().map(|(name, code, _)| (*name, code.as_str())).collect();
    ada.ingest_all(&id, texts(&files)).await;

    for (document, (name, code, expected)) in documents(&ada, &id).await.iter().zip(&cases) {
        assert_eq!((&document["fileName"], &document["warnings"]), (&json!(name), &json!([])));
        let (line, chunks) = (*expected.last().unwrap(), &document["chunks"]["nodes"]);
        assert_eq!(headings_at(chunks, line), Some(&json!(expected)), "{name}: {chunks:#}");

        let input = json!({
            "content": { "text": code }, "fileName": name, "chunking": { "maxTokens": 32, "overlapTokens": 0 },
        });
        let preview = ada.data(PREVIEW, json!({ "input": input })).await;
        assert_eq!(&preview["chunkingPreview"]["chunkings"][0]["chunks"], chunks, "{name}");
    }
}

/// Code on which a parser works long or takes all memory.
fn hostile() -> Vec<(&'static str, String)> {
    let fill = |start: &str, part: &str, bytes: usize| format!("{start}{}", part.repeat(bytes / part.len()));
    vec![
        ("a.ts", fill("sail", "(", 2_000_000)),
        ("b.cpp", fill("sail ", "a<", 500_000)),
        ("c.cpp", fill("", "template <class T = a<a<(", 500_000)),
        ("d.rs", fill("fn sail() ", "{\n", 1_000_000)),
        ("e.py", fill("sail = ", "[{(", 2_000_000)),
        ("f.java", fill("class A { int a = ", "(a)-(", 500_000)),
        ("g.go", fill("package a\nvar a = ", "func(a ", 500_000)),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_code_is_indexed_like_any_other_and_stops_nobody() {
    let app = TestApp::on_sqlite().await;
    let (eve, ada) = (app.user("eve").await, app.user("ada").await);
    let (bad, good) = (eve.create_collection("Bombs").await, collection(&ada).await);
    let mut files = Vec::new();
    for (name, code) in hostile() {
        let file = upload(&eve, name, code.as_bytes()).await;
        files.push(json!({ "content": { "uploadId": file } }));
        let input = json!({ "content": { "uploadId": file }, "chunking": { "code": {} }, "first": 1 });
        let preview = eve.data(PREVIEW, json!({ "input": input })).await;
        let count = preview["chunkingPreview"]["chunkings"][0]["chunkCount"].as_i64();
        assert!(count.is_some_and(|count| count > 0), "{name}: {preview:#}");
    }
    let operation = eve.ingest_all(&bad, json!(files)).await;
    assert_eq!(operation["totals"]["completed"], files.len(), "{operation:#}");
    for document in documents(&eve, &bad).await {
        let (count, warnings) = (document["chunkCount"].as_i64(), &document["warnings"]);
        assert!(count.is_some_and(|count| count > 0), "{document:#}");
        assert!(*warnings == json!([]) || *warnings == json!([{ "code": "CODE_NOT_PARSED" }]), "{warnings}");
    }

    let rust = functions("fn NAME(boat: &mut Boat) {\n", "    boat.speed = boat.speed + 1;\n", "}\n");
    ada.ingest_all(&good, texts(&[("a.rs", &format!("use std::fmt;\n\n{rust}"))])).await;
    let line = "fn moor(boat: &mut Boat) {";
    let found = documents(&ada, &good).await;
    assert_eq!(headings_at(&found[0]["chunks"]["nodes"], line), Some(&json!([line])), "{found:#?}");
}

/// A program that reads files by doing `lines`.
fn reader(folder: &Path, lines: &str) -> PathBuf {
    let path = folder.join("reader");
    script(&path, lines);
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn code_whose_parser_breaks_off_is_split_at_its_lines_with_a_warning() {
    for lines in ["kill -6 $$", "echo '[[{\"at\":1}]]'", "exec sleep 600"] {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.extraction.timeout_seconds = 2;
        let app = TestApp::with_program(config, false, reader(folder.path(), lines)).await;
        let ada = app.user("ada").await;
        let id = collection(&ada).await;
        let rust = functions("fn NAME(boat: &mut Boat) {\n", "    boat.speed = boat.speed + 1;\n", "}\n");

        let operation = ada.ingest_all(&id, texts(&[("a.rs", &rust), ("b.txt", "The tram.")])).await;

        assert_eq!(operation["totals"]["completed"], 2, "{operation:#}");
        let found = documents(&ada, &id).await;
        assert_eq!(found[0]["warnings"], json!([{ "code": "CODE_NOT_PARSED" }]), "{lines}");
        assert_eq!(found[1]["warnings"], json!([]));
        for chunk in found[0]["chunks"]["nodes"].as_array().unwrap() {
            let end = chunk["content"].as_str().unwrap().lines().last().unwrap().to_owned();
            assert!(end.is_empty() || end.ends_with(['{', '}', ';', '`']), "{chunk:#}");
        }
    }
}

async fn preview_a_file(caller: &Caller) -> Value {
    let input = json!({ "content": { "text": "<p>otters" }, "fileName": "a.html" });
    caller.graphql(PREVIEW, json!({ "input": input })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn previews_of_one_caller_are_made_one_by_one_and_those_of_others_beside_them() {
    let mut config = Config::default();
    config.extraction.concurrency = 4;
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let (busy, clash, first, second) = (place("busy"), place("clash"), place("first"), place("second"));

    let alone = format!("mkdir {0} || touch {1}; sleep 0.2; rmdir {0}", busy.display(), clash.display());
    let app = TestApp::with_program(config.clone(), false, reader(folder.path(), &alone)).await;
    let ada = app.user("ada").await;
    join_all((0..3).map(|_| preview_a_file(&ada))).await;
    assert!(!clash.exists());

    // The first one waits for the second one.
    let beside = format!(
        "mkdir {0} 2>/dev/null && until test -d {1}; do sleep 0.01; done || mkdir {1}",
        first.display(),
        second.display()
    );
    let app = TestApp::with_program(config, false, reader(folder.path(), &beside)).await;
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    tokio::join!(preview_a_file(&ada), preview_a_file(&eve));
    assert!(second.exists());
}
