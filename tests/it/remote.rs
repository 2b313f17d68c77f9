//! The commands that speak to a server: the real program, against a real server.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    app::{PATIENCE, texts},
    caller::PASSWORD,
    process::Server,
};

const ALL: [&str; 4] = ["COLLECTION_READ", "COLLECTION_CREATE", "DOCUMENT_INGEST", "OPERATION_READ"];

fn command(home: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_docent"));
    command
        .args(arguments)
        .env_clear()
        .env("HOME", home)
        .envs(environment.iter().copied())
        .current_dir(home)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs a command that ends by itself.
fn docent(home: &Path, arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Output {
    let mut child = command(home, arguments, environment).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What a command says that succeeds.
fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// What a command says that fails.
fn complaint(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stderr)
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A server with an account and a key of it, and a person who has a home.
struct Desk {
    data: TempDir,
    home: TempDir,
    server: Server,
    environment: Vec<(String, String)>,
}

impl Desk {
    async fn new(actions: &[&str]) -> Self {
        Self::with(actions, &[]).await
    }

    async fn with(actions: &[&str], settings: &[(&str, &str)]) -> Self {
        let (data, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let server = Server::start(data.path(), settings).await;
        server.log_in("ada").await;
        let key = create_key(&server, actions).await;
        let environment = vec![("DOCENT_URL".to_owned(), server.url().to_owned()), ("DOCENT_API_KEY".to_owned(), key)];
        Self { data, home, server, environment }
    }

    fn environment(&self) -> Vec<(&str, &str)> {
        self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        docent(self.home.path(), arguments, &self.environment(), "")
    }

    fn start(&self, arguments: &[&str]) -> Running {
        Running::of(command(self.home.path(), arguments, &self.environment()).spawn().unwrap())
    }

    /// The folder that is added in most tests.
    fn folder(&self) -> PathBuf {
        self.home.path().join("letters")
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.folder().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// The documents of the collection that the commands have created.
    async fn documents(&self) -> Vec<Value> {
        let (mut documents, mut after) = (Vec::new(), Value::Null);
        loop {
            let query = "query($after: Cursor) { collections(first: 1) { nodes { documents(first: 100, after: $after) {
                nodes { id uri fileName fileSize status meta } pageInfo { endCursor hasNextPage }
            } } } }";
            let mut data = self.server.data(query, json!({ "after": after })).await;
            let Value::Array(nodes) = data["collections"]["nodes"].take() else { panic!("{data:#}") };
            let Some(mut page) = nodes.into_iter().next() else { return documents };
            documents.extend(page["documents"]["nodes"].as_array().unwrap().iter().cloned());
            if page["documents"]["pageInfo"]["hasNextPage"] != true {
                return documents;
            }
            after = page["documents"]["pageInfo"]["endCursor"].take();
        }
    }
}

async fn create_key(server: &Server, actions: &[&str]) -> String {
    let create = "mutation($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) { secret } }";
    let input = json!({ "name": "Test", "actions": actions });
    server.data(create, json!({ "input": input })).await["apiKeyCreate"]["secret"].as_str().unwrap().to_owned()
}

/// A command that runs until it is asked to end. Dropping it kills it.
struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    fn of(mut child: Child) -> Self {
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::stderr()));
        Self { child, lines }
    }

    /// The next line that it prints, as JSON.
    fn next(&self) -> Value {
        value(&self.lines.recv_timeout(PATIENCE).expect("it says something"))
    }

    async fn interrupt(mut self) -> ExitStatus {
        let kill = tokio::process::Command::new("kill").args(["-s", "INT", &self.child.id().to_string()]).status();
        assert!(kill.await.unwrap().success());
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the command runs on");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_with_a_password_stores_a_key_that_only_its_owner_can_read_and_no_password() {
    let desk = Desk::new(&ALL).await;
    let home = desk.home.path();
    let login = |password: &str| {
        let arguments = ["login", "--url", desk.server.url(), "--username", "ada"];
        docent(home, &arguments, &[], &format!("{password}\n"))
    };
    let refused = complaint(&login("something else"));
    assert!(refused.contains("the user name or the password is wrong"), "{refused}");
    let file = home.join(".config/docent/credentials.toml");
    assert!(!file.exists());

    let told = said(&login(PASSWORD));
    assert!(told.contains("as ada") && told.contains("DOCUMENT_INGEST"), "{told}");
    let stored = fs::read_to_string(&file).unwrap();
    assert!(stored.contains("docent_key_") && !stored.contains(PASSWORD), "{stored}");
    assert!(!told.contains("docent_key_"), "{told}");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    said(&docent(home, &["collections"], &[], ""));

    // The next login makes another key, and the one before is of no more use. No session is left open.
    said(&login(PASSWORD));
    assert_ne!(fs::read_to_string(&file).unwrap(), stored);
    let query = "{ viewer { sessions { totalCount } apiKeys { nodes { name actions revokedAt } } } }";
    let viewer = desk.server.data(query, json!({})).await["viewer"].take();
    assert_eq!(viewer["sessions"]["totalCount"], 1, "{viewer:#}");
    let keys = viewer["apiKeys"]["nodes"].as_array().unwrap();
    let made: Vec<_> = keys.iter().filter(|key| key["name"].as_str().unwrap().starts_with("Command line")).collect();
    assert_eq!(made.iter().map(|key| key["revokedAt"].is_null()).collect::<Vec<_>>(), [true, false], "{viewer:#}");
    assert!(made.iter().all(|key| key["actions"].as_array().unwrap().len() == ALL.len()), "{viewer:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_with_a_key_checks_it_before_it_is_stored() {
    let desk = Desk::new(&["COLLECTION_READ"]).await;
    let home = desk.home.path();
    let place = home.join("settings");
    let environment = [("DOCENT_URL", desk.server.url()), ("XDG_CONFIG_HOME", place.to_str().unwrap())];
    let login = |key: &str| docent(home, &["login", "--json"], &environment, key);
    let file = place.join("docent/credentials.toml");
    for key in ["docent_key_wrong\n", "\n", ""] {
        let refused = complaint(&login(key));
        assert!(refused.contains("API key"), "{key:?}: {refused}");
        assert!(!file.exists(), "{key:?}");
    }
    let told = value(&said(&login(&desk.environment[1].1)));
    assert_eq!(
        (&told["username"], &told["apiKey"]["actions"]),
        (&json!("ada"), &json!(["COLLECTION_READ"])),
        "{told:#}"
    );
    assert_eq!(told["file"], file.to_str().unwrap());
    let other = [("DOCENT_URL", "http://127.0.0.1:1"), ("XDG_CONFIG_HOME", place.to_str().unwrap())];
    complaint(&docent(home, &["login"], &other, &desk.environment[1].1));
    assert!(fs::read_to_string(&file).unwrap().contains(desk.server.url()), "a failed login changes nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_of_the_connection_say_what_to_do() {
    let desk = Desk::new(&["COLLECTION_READ"]).await;
    let home = desk.home.path();
    let url = desk.server.url();
    let (name, key) = ("DOCENT_API_KEY", desk.environment[1].1.as_str());
    let rows: [(&[(&str, &str)], &str); 5] = [
        (&[], "run `docent login`, or set DOCENT_URL and DOCENT_API_KEY"),
        (&[("DOCENT_URL", "http://127.0.0.1:1")], "there is no answer from http://127.0.0.1:1"),
        (&[("DOCENT_URL", "127.0.0.1:1")], "begins with http:// or https://"),
        (&[("DOCENT_URL", url), (name, "docent_key_wrong")], "does not accept the API key"),
        // A server that is not told apart from others by its settings has none that these commands could stumble over.
        (&[("DOCENT_URL", "http://127.0.0.1:1"), ("DOCENT__NO_SUCH", "setting")], "there is no answer"),
    ];
    for (environment, expected) in rows {
        let refused = complaint(&docent(home, &["collections"], environment, ""));
        assert!(refused.contains(expected), "{environment:?}: {refused}");
        assert!(!refused.contains(key), "{refused}");
    }
    fs::create_dir(desk.folder()).unwrap();
    let add = ["add", "letters", "--collection", "Letters"];
    let anonymous = complaint(&docent(home, &add, &[("DOCENT_URL", url)], ""));
    assert!(anonymous.contains("has to know who asks"), "{anonymous}");
    desk.server.create_collection(json!({ "name": "Letters" })).await;
    let missing = complaint(&desk.run(&add));
    assert!(missing.contains("does not allow DOCUMENT_INGEST and OPERATION_READ in «Letters»"), "{missing}");
    let missing = complaint(&desk.run(&["add", "letters", "--collection", "Others"]));
    assert!(missing.contains("docent login"), "{missing}");
    let missing = complaint(&desk.run(&["add", "nowhere", "--collection", "Letters"]));
    assert!(missing.contains("nowhere can't be read"), "{missing}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn add_sends_what_is_new_or_changed_and_says_what_failed() {
    let desk = Desk::new(&ALL).await;
    desk.write("a.md", "# Trams\n\nLine nine runs all night.");
    desk.write("deep/b.md", "The archive closes at noon.");
    desk.write("same.txt", "Nobody changes this.");
    desk.write("empty.txt", "");
    desk.write("left.tmp", "no document");
    desk.write(".git/config", "no document");
    let add = ["add", "letters", "--collection", "Letters", "--exclude", "*.tmp"];
    let first = desk.run(&add);
    let told = text(&first.stdout);
    assert_eq!(first.status.code(), Some(1), "a file failed: {told}{}", text(&first.stderr));
    let lines: Vec<_> = told.lines().collect();
    assert_eq!(lines[0], "The collection «Letters» was created.", "{told}");
    assert!(lines[1].starts_with("failed: empty.txt: The file is empty."), "{told}");
    assert_eq!(lines[2], "Left out: 1 excluded by patterns, 1 hidden.", "{told}");
    assert!(lines[3].starts_with("Letters: 3 added, 0 changed, 0 unchanged, 1 failed ("), "{told}");

    let again = desk.run(&[&add[..], &["--json"]].concat());
    assert_eq!(again.status.code(), Some(1));
    let again = value(&text(&again.stdout));
    let counts =
        |summary: &Value| ["added", "changed", "unchanged", "bytesSent"].map(|name| summary[name].as_u64().unwrap());
    assert_eq!(counts(&again), [0, 0, 3, 0], "{again:#}");
    assert_eq!(again["failed"][0]["uri"], "empty.txt", "{again:#}");
    assert_eq!(again["leftOut"], json!({ "EXCLUDED": 1, "HIDDEN": 1 }));

    let documents = desk.documents().await;
    let document = |uri: &str| documents.iter().find(|document| document["uri"] == uri).unwrap();
    assert_eq!(document("deep/b.md")["fileName"], "b.md");
    let update = "mutation($input: DocumentUpdateInput!) { documentUpdate(input: $input) { userErrors { message } } }";
    let input = json!({ "id": document("a.md")["id"], "meta": { "by": "ada" } });
    desk.server.data(update, json!({ "input": input })).await;

    desk.write("a.md", "# Trams\n\nLine nine rests.");
    // As long as before.
    desk.write("deep/b.md", "The archive opens at noon,.");
    desk.write("c.md", "A new one.");
    fs::remove_file(desk.folder().join("empty.txt")).unwrap();
    let third = value(&said(&desk.run(&[&add[..], &["--json"]].concat())));
    assert_eq!(counts(&third)[..3], [1, 2, 1], "{third:#}");
    let documents = desk.documents().await;
    let document = |uri: &str| documents.iter().find(|document| document["uri"] == uri).unwrap();
    assert_eq!(document("a.md")["meta"], json!({ "by": "ada" }), "metadata stays");
    assert_eq!(document("a.md")["fileSize"], "25");
    assert_eq!(documents.len(), 5, "what is gone from the folder stays: {documents:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn add_that_is_killed_can_be_run_again() {
    let desk = Desk::new(&ALL).await;
    for number in 0..250 {
        desk.write(&format!("{number}.txt"), &format!("Tram {number} runs all night."));
    }
    let add = ["add", "letters", "--collection", "Letters", "--json"];
    let mut killed = desk.start(&add);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let data = desk.server.data("{ collections(first: 1) { nodes { documentCount } } }", json!({})).await;
        if data["collections"]["nodes"][0]["documentCount"].as_i64().is_some_and(|count| count > 0) {
            break;
        }
        assert!(Instant::now() < deadline, "nothing is accepted");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    killed.child.kill().unwrap();
    killed.child.wait().unwrap();
    let summary = value(&said(&desk.run(&add)));
    let [added, unchanged] = ["added", "unchanged"].map(|name| summary[name].as_u64().unwrap());
    assert!(unchanged >= 100 && added + unchanged == 250, "{summary:#}");
    let documents = desk.documents().await;
    assert_eq!(documents.len(), 250);
    assert!(documents.iter().all(|document| document["status"] == "COMPLETED"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_is_watched_has_its_changes_added_until_the_command_is_stopped() {
    let desk = Desk::new(&ALL).await;
    desk.write("a.md", "Line nine runs all night.");
    let watching = desk.start(&["add", "letters", "--collection", "Letters", "--watch", "--json"]);
    assert_eq!(watching.next()["added"], 1);
    desk.write("deep/b.md", "The archive closes at noon.");
    let next = watching.next();
    assert_eq!((&next["added"], &next["changed"]), (&json!(1), &json!(0)), "{next:#}");
    desk.write("a.md", "Line nine rests.");
    let next = watching.next();
    assert_eq!((&next["added"], &next["changed"]), (&json!(0), &json!(1)), "{next:#}");
    desk.write("empty.md", "");
    let next = watching.next();
    assert_eq!(next["failed"][0]["uri"], "empty.md", "{next:#}");
    assert!(watching.interrupt().await.success());
    assert_eq!(desk.documents().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn search_shows_hits_to_people_and_to_programs() {
    let desk = Desk::new(&ALL).await;
    let letters = desk.server.create_collection(json!({ "name": "Letters" })).await;
    let other = desk.server.create_collection(json!({ "name": "Other" })).await;
    let documents = texts(&[
        ("tram.md", "# Trams\n\nLine nine runs all night.\u{1b}[2J"),
        ("noon.md", "The archive closes at noon."),
    ]);
    for (collection, documents) in [(&letters, documents), (&other, texts(&[("bus.md", "A bus runs at night, too.")]))]
    {
        let operation = desk.server.ingest(collection, documents).await;
        desk.server.ended(&operation).await;
    }
    let shown = said(&desk.run(&["search", "which", "trams", "run", "all", "night", "--collection", "letters"]));
    let lines: Vec<_> = shown.lines().collect();
    assert!(lines[0].starts_with("1. "), "{shown}");
    assert!(lines[1].starts_with("   Letters: tram.md  ("), "{shown}");
    assert!(shown.contains("Line nine runs all night"), "{shown}");
    assert!(!shown.contains('\u{1b}') && !shown.contains("bus.md"), "{shown}");

    let found = value(&said(&desk.run(&["search", "trams at night", "--limit", "2", "--json"])));
    let hits = found["hits"].as_array().unwrap();
    assert_eq!(
        (hits.len(), &hits[0]["document"]["uri"], &hits[0]["rank"]),
        (2, &json!("tram.md"), &json!(1)),
        "{found:#}"
    );
    assert!(found["legs"].as_array().unwrap().iter().all(|leg| leg["state"] == "COMPLETED"), "{found:#}");
    let found = value(&said(&desk.run(&["search", "noon", "--mode", "lexical", "--json"])));
    assert_eq!(found["hits"].as_array().unwrap().len(), 1, "{found:#}");
    let nothing = desk.run(&["search", "zeppelin", "--mode", "lexical"]);
    assert_eq!(said(&nothing), "");
    assert!(text(&nothing.stderr).contains("Nothing was found."));
    let unknown = complaint(&desk.run(&["search", "trams", "--collection", "Diaries"]));
    assert!(unknown.contains("«Diaries»") && unknown.contains("docent collections"), "{unknown}");

    let listed = said(&desk.run(&["collections"]));
    let lines: Vec<Vec<_>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[1][..3], ["Letters", "2", "2"], "{listed}");
    assert_eq!(lines[2][..3], ["Other", "1", "1"], "{listed}");
    let listed = value(&said(&desk.run(&["collections", "--json"])));
    assert_eq!(listed["collections"][0]["id"], letters);
    // An id is as good as a name.
    let found = desk.run(&["search", "night", "--json", "--collection", other.as_str().unwrap()]);
    assert_eq!(value(&said(&found))["hits"][0]["document"]["uri"], "bus.md");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operations_are_listed_and_followed_while_the_server_is_replaced() {
    // The server has to come back where it was.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let settings = [("DOCENT__HTTP__PORT", port.as_str())];
    let mut desk = Desk::with(&ALL, &settings).await;
    let collection = desk.server.create_collection(json!({ "name": "Letters" })).await;
    let following = desk.start(&["operations", "--follow", "--json"]);
    assert_eq!(following.next(), json!({ "operations": [] }));
    let end_of = |operation: &str| {
        loop {
            let event = following.next();
            if event["operation"]["id"] == operation && event["kind"] == "OPERATION_COMPLETED" {
                return;
            }
        }
    };
    // Events from now on: it may not listen yet.
    let mut operations = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    while operations.is_empty() || following.lines.try_recv().is_err() {
        assert!(Instant::now() < deadline, "nothing is heard");
        let name = format!("{}.md", operations.len());
        let operation = desk.server.ingest(&collection, texts(&[(&name, "Line nine runs all night.")])).await;
        desk.server.ended(&operation).await;
        operations.push(operation);
    }
    desk.server = desk.server.restart(desk.data.path(), &settings).await;
    let operation = desk.server.ingest(&collection, texts(&[("after.md", "The archive closes at noon.")])).await;
    end_of(&operation);
    assert!(following.interrupt().await.success());

    let listed = said(&desk.run(&["operations", "--collection", "Letters", "--limit", "1"]));
    assert_eq!(listed.lines().count(), 1, "{listed}");
    assert!(listed.contains("completed") && listed.contains("1 document ") && listed.contains("Letters"), "{listed}");
}

#[test]
fn completions_name_the_commands() {
    let home = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        // Settings of a server don't matter.
        let environment = [("DOCENT__NO_SUCH", "setting")];
        let script = said(&docent(home.path(), &["completions", shell], &environment, ""));
        for name in ["docent", "collections", "follow"] {
            assert!(script.contains(name), "{shell}: {name}");
        }
    }
}

#[test]
fn the_operations_of_the_commands_fit_the_schema() {
    let home = tempfile::tempdir().unwrap();
    for folder in ["src/cli/remote/graphql", "clients/rust/operations"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let manifest = said(&docent(home.path(), &["documents", "build", folder.to_str().unwrap()], &[], ""));
        assert!(!value(&manifest)["operations"].as_array().unwrap().is_empty());
    }
}
