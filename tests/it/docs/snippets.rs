//! Runs the snippets of the documentation as a reader does: those of a page in their order, in one shell, with one server.

use std::{collections::BTreeMap, fs, path::Path, process::Stdio};

use async_graphql::parser::{
    parse_query,
    types::{DocumentOperations, OperationType},
};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use super::page::{Page, Snippet, manual};
use crate::support::{app::PATIENCE, model, pdfium, process::Server};

/// What is not run: its page, how it begins, and why.
const NOT_RUN: &[(&str, &str, &str)] = &[
    ("README.md", "make run", "builds everything, and runs these tests"),
    ("docs/command-line.md", "docent login\n", "asks on a terminal"),
    ("docs/first-hour.md", "make run", "builds everything"),
    ("docs/running.md", "DATABASE_URL=", "needs a PostgreSQL server and a Qdrant server; other tests have them"),
    ("docs/running.md", "DOCENT__INGESTION__ENABLED=", "needs these servers, too"),
    ("docs/running.md", "location /docs/", "is for nginx"),
    ("docs/schema.md", "cp schema.graphql", "is a step of a release"),
];

/// Pages that are run at the same time.
const AT_ONCE: usize = 2;

/// What a page that is not the README begins with: the requests of the README, and a key.
const KEY: &str = r#"api 'mutation { apiKeyCreate(input: {name: \"Files\", actions: [COLLECTION_READ, COLLECTION_CREATE, DOCUMENT_INGEST, OPERATION_READ]}) { secret } }' | pick secret > key.txt
"#;

/// The line after what a snippet prints.
const DONE: &str = "@@done";

fn is_run(page: &Page, snippet: &Snippet) -> bool {
    !NOT_RUN.iter().any(|(path, start, _)| page.path == *path && snippet.text.starts_with(start))
}

/// Somebody who reads a page and tries everything.
struct Reader {
    home: TempDir,
    server: Server,
    /// The data of the server.
    _data: TempDir,
    shell: Shell,
    /// Values of the answers so far, by their names. An object with an id has that as its value.
    answers: BTreeMap<String, String>,
}

impl Reader {
    async fn new() -> Self {
        let (home, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (path, text) in [
            ("letters/trams.md", "# Trams\n\nLine nine runs all night.\n"),
            ("letters/1923/editor.md", "# To the editor\n\nThe last tram leaves at eleven.\n"),
            ("papers/otters.md", "# Otters\n\nOtters hold hands while they sleep.\n"),
            ("password.txt", "correct horse battery\n"),
        ] {
            let path = home.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let directories = json!([home.path().join("papers")]).to_string();
        let server = Server::start(data.path(), &[("DOCENT__SOURCES__DIRECTORIES", &directories)]).await;
        let shell = Shell::start(home.path()).await;
        Self { home, server, _data: data, shell, answers: BTreeMap::new() }
    }

    /// The text with the places of this reader instead of those of the documentation.
    fn own(&self, text: &str) -> String {
        let papers = self.home.path().join("papers");
        text.replace("http://127.0.0.1:8080", self.server.url())
            .replace("https://docent.example.org", self.server.url())
            .replace("/srv/papers", papers.to_str().unwrap())
    }

    async fn try_out(&mut self, snippet: &Snippet) -> Result<(), String> {
        let text = self.own(&snippet.text);
        match snippet.language.as_str() {
            "sh" => self.command(&text).await,
            "graphql" => self.request(&text).await,
            "toml" => {
                fs::write(self.home.path().join("docent.toml"), &text).unwrap();
                self.shell.run("docent --config docent.toml config print\n").await.map(drop)
            }
            "json" => serde_json::from_str::<Value>(&text).map(drop).map_err(|error| error.to_string()),
            other => Err(format!("nobody knows how to run «{other}»")),
        }
    }

    async fn command(&mut self, text: &str) -> Result<(), String> {
        let known = self.answers.iter().map(|(name, value)| (name.to_uppercase(), value));
        // The caller's own token stays.
        let used = known.filter(|(name, _)| name != "TOKEN" && text.contains(&format!("${name}")));
        let mut lines: Vec<_> = used.map(|(name, value)| format!("{name}={}\n", quoted(value))).collect();
        lines.push(text.to_owned());
        let said = self.shell.run(&lines.concat()).await?;
        if is_refused(&said) { Err(said) } else { Ok(()) }
    }

    /// Sends a request with the token of the shell.
    async fn request(&mut self, text: &str) -> Result<(), String> {
        let document = parse_query(text).map_err(|error| error.to_string())?;
        let DocumentOperations::Single(operation) = document.operations else {
            return Err("there are several operations".to_owned());
        };
        let mut variables = BTreeMap::new();
        for definition in &operation.node.variable_definitions {
            let name = definition.node.name.node.to_string();
            let value = match self.answers.get(&name) {
                Some(value) => value.clone(),
                None => self.shell.run(&format!("echo \"${}\"\n", name.to_uppercase())).await?.trim().to_owned(),
            };
            variables.insert(name, value);
        }
        let body = json!({ "query": text, "variables": variables }).to_string();
        fs::write(self.home.path().join(".request"), body).unwrap();
        let (accept, seconds) = match operation.node.ty {
            // It ends with the operation; others don't end.
            OperationType::Subscription if text.contains("operationEvents(") => ("text/event-stream", 60),
            OperationType::Subscription => ("text/event-stream", 2),
            _ => ("application/json", 60),
        };
        let url = self.server.url();
        let send = format!(
            "curl -s -N --max-time {seconds} {url}/graphql -H 'content-type: application/json' -H 'accept: {accept}' \
             -H \"authorization:${{TOKEN:+ Bearer $TOKEN}}\" -d @.request || [ $? = 28 ]\n"
        );
        let said = self.shell.run(&send).await?;
        if is_refused(&said) || said.trim().is_empty() {
            return Err(said);
        }
        for line in said.lines() {
            let line = line.trim_start_matches("data:").trim();
            if let Ok(answer) = serde_json::from_str::<Value>(line) {
                self.note("", &answer["data"]);
            }
        }
        Ok(())
    }

    /// Remembers what an answer has; of a list the first row.
    fn note(&mut self, name: &str, value: &Value) {
        match value {
            Value::String(text) => {
                self.answers.insert(name.to_owned(), text.clone());
            }
            Value::Array(rows) => rows.iter().rev().for_each(|row| self.note(name, row)),
            Value::Object(fields) => {
                for (field, value) in fields {
                    self.note(if field == "id" { name } else { field }, value);
                }
            }
            _ => {}
        }
    }

    /// What does not work in a page.
    async fn read(&mut self, page: &Page) -> Vec<String> {
        let mut faults = Vec::new();
        for snippet in page.snippets().iter().filter(|snippet| is_run(page, snippet)) {
            if let Err(said) = self.try_out(snippet).await {
                faults.push(format!("{}:{}\n{}\n{said}", page.path, snippet.line, snippet.text));
            }
        }
        faults
    }
}

/// A shell that waits for commands, and stops at the first that fails.
struct Shell {
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    home: String,
}

impl Shell {
    async fn start(home: &Path) -> Self {
        let mut child = Command::new("bash")
            .args(["-euo", "pipefail"])
            .current_dir(home)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", home)
            // Of a server that does not run.
            .env("DOCENT__DATA_DIR", home.join("stopped"))
            .env("DOCENT__EMBEDDING__MODEL_DIR", model::directory())
            .env("DOCENT__EXTRACTION__LIBRARY_DIR", pdfium::directory())
            .env("DOCENT__TELEMETRY__LOG", "warn")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let home = home.to_str().unwrap().to_owned();
        let mut shell = Self { _child: child, input, output: BufReader::new(output).lines(), home };
        // Commands that go on until Ctrl-C get it after some seconds.
        let docent = env!("CARGO_BIN_EXE_docent");
        let prepare = format!(
            "exec 2>&1\n\
             docent() {{ case \" $* \" in\n\
             *' --follow '*|*' --watch '*) timeout --signal INT 3 '{docent}' \"$@\" || [ $? = 124 ] ;;\n\
             *) '{docent}' \"$@\" ;;\n\
             esac; }}\n"
        );
        shell.run(&prepare).await.unwrap();
        shell
    }

    /// What a piece of a script prints, or what it says before it fails.
    async fn run(&mut self, script: &str) -> Result<String, String> {
        fs::write(Path::new(&self.home).join(".script"), script).unwrap();
        let run = format!(". ./.script </dev/null\necho\necho {DONE}\n");
        if self.input.write_all(run.as_bytes()).await.is_err() {
            return Err("the shell has ended".to_owned());
        }
        let mut said = String::new();
        let read = async {
            while let Some(line) = self.output.next_line().await.unwrap() {
                if line == DONE {
                    return true;
                }
                said.extend([line.as_str(), "\n"]);
            }
            false
        };
        match timeout(PATIENCE, read).await {
            Ok(true) => Ok(said),
            Ok(false) => Err(said),
            Err(_) => Err(format!("{said}It does not end.")),
        }
    }
}

fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// Whether an answer says that something is wrong.
fn is_refused(said: &str) -> bool {
    said.contains("\"errors\":") || said.contains("\"userErrors\":[{")
}

/// What does not work in a page, for a reader who has followed the README.
async fn faults(page: Page) -> Vec<String> {
    if !page.snippets().iter().any(|snippet| is_run(&page, snippet)) {
        return Vec::new();
    }
    let mut reader = Reader::new().await;
    let mut faults = Vec::new();
    if page.path != "README.md" {
        faults = reader.read(&Page::read("README.md")).await;
        faults.extend(reader.command(KEY).await.err());
    }
    if faults.is_empty() { reader.read(&page).await } else { faults }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_snippet_of_the_documentation_works() {
    let faults: Vec<_> = stream::iter(manual()).map(faults).buffer_unordered(AT_ONCE).collect().await;
    let faults = faults.concat();
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_requests_of_the_readme_can_be_sent_again_from_a_new_shell() {
    let page = Page::read("README.md");
    let mut reader = Reader::new().await;
    assert_eq!(reader.read(&page).await, Vec::<String>::new());
    reader.shell = Shell::start(reader.home.path()).await;
    let snippets = page.snippets();
    for snippet in snippets.iter().filter(|snippet| is_run(&page, snippet)) {
        let said = reader.shell.run(&reader.own(&snippet.text)).await.unwrap();
        // The account and the collection are there; nothing else is refused.
        assert!(!said.contains("\"errors\":"), "{said}");
        assert!(said.contains("tram.md"), "{said}");
    }
}

#[test]
fn what_is_not_run_is_in_the_documentation() {
    for (path, start, reason) in NOT_RUN {
        let snippets = Page::read(*path).snippets();
        assert!(snippets.iter().any(|snippet| snippet.text.starts_with(start)), "{path}: {start} ({reason})");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snippet_that_does_not_work_is_found() {
    let text = "```graphql\nquery { nothing }\n```\n```sh\ndocent add\n```\n";
    let page = Page { path: "PAGE.md".into(), text: text.into() };
    let found = Reader::new().await.read(&page).await;
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("GRAPHQL_VALIDATION_FAILED") && found[1].contains("--collection"), "{found:?}");
}
