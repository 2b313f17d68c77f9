//! The real program as a process of its own, on its own data directory, to be killed.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use docent_client::{Answer, Client};
use serde_json::{Value, json};

use super::{app::PATIENCE, caller::PASSWORD, model, pdfium};

const DOCENT: &str = env!("CARGO_BIN_EXE_docent");

/// A running command. Dropping it kills it.
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts a command of the program that says with its first line that it works.
    pub async fn start(command: &str, data_dir: &Path, environment: &[(&str, &str)]) -> Self {
        spawn(Path::new(DOCENT), command, data_dir, environment).await.0
    }

    /// Sends the process a signal: `TERM` or `INT`.
    pub async fn signal(&self, name: &str) {
        let kill = tokio::process::Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(kill.await.unwrap().success());
    }

    /// Waits until the process has ended by itself.
    pub async fn died(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the process lives on");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// A running `docent serve`, and a client of it. Dropping it kills it.
pub struct Server {
    process: Process,
    url: String,
    pub client: Client,
}

impl Server {
    /// Starts the server on `data_dir` and waits until it listens. `environment` may hold `FAILPOINTS`.
    pub async fn start(data_dir: &Path, environment: &[(&str, &str)]) -> Self {
        Self::start_program(Path::new(DOCENT), data_dir, environment).await
    }

    /// As [`start`](Self::start), from a copy of the program.
    pub async fn start_program(program: &Path, data_dir: &Path, environment: &[(&str, &str)]) -> Self {
        let (process, url) = serve(program, data_dir, environment).await;
        let client = Client::new(&url).unwrap();
        Self { process, url, client }
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The answer to a GraphQL request, or `None` when the server is gone.
    pub async fn graphql(&self, query: &str, variables: Value) -> Option<Value> {
        self.client.send(query, variables).await.ok().map(|answer| answer.body)
    }

    /// The data of an answer without errors.
    pub async fn data(&self, query: &str, variables: Value) -> Value {
        let answer = self.client.send(query, variables).await;
        answer.and_then(Answer::data).unwrap_or_else(|error| panic!("{query}: {error}"))
    }

    /// Registers `name` and logs in.
    pub async fn log_in(&self, name: &str) {
        let input = json!({ "username": name, "email": format!("{name}@example.org"), "password": PASSWORD });
        let register = "mutation($input: UserRegisterInput!) { userRegister(input: $input) { userErrors { code } } }";
        self.data(register, json!({ "input": input })).await;
        self.client.log_in(name, PASSWORD).await.unwrap();
    }

    /// The id of a new collection.
    pub async fn create_collection(&self, input: Value) -> Value {
        let create = "mutation($input: CollectionCreateInput!) {
            collectionCreate(input: $input) { collection { id } }
        }";
        self.data(create, json!({ "input": input })).await["collectionCreate"]["collection"]["id"].take()
    }

    /// The id of the operation that takes these documents in.
    pub async fn ingest(&self, collection: &Value, documents: Value) -> String {
        let ingest = "mutation($input: DocumentsIngestInput!) {
            documentsIngest(input: $input) { operation { id } userErrors { code message } }
        }";
        let input = json!({ "collectionId": collection, "documents": documents });
        let data = self.data(ingest, json!({ "input": input })).await;
        data["documentsIngest"]["operation"]["id"].as_str().unwrap_or_else(|| panic!("{data:#}")).to_owned()
    }

    /// The server on the same data after the end of this one, which is killed if it lives, for the same caller.
    pub async fn restart(mut self, data_dir: &Path, environment: &[(&str, &str)]) -> Self {
        self.process.end();
        (self.process, self.url) = serve(Path::new(DOCENT), data_dir, environment).await;
        self.client.move_to(&self.url).await.unwrap();
        self
    }

    /// Ends the process as `kill -9` does.
    pub fn kill(mut self) {
        self.process.end();
    }

    /// Sends the process a signal: `TERM` or `INT`.
    pub async fn signal(&self, name: &str) {
        self.process.signal(name).await;
    }

    /// Waits until the process accepts no more connections.
    pub async fn stopped_listening(&self) {
        let deadline = Instant::now() + PATIENCE;
        let address = self.url.strip_prefix("http://").unwrap();
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            assert!(Instant::now() < deadline, "the server listens on");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the process has ended by itself.
    pub async fn died(&mut self) -> ExitStatus {
        self.process.died().await
    }

    /// The operation, when it has ended.
    pub async fn ended(&self, operation: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let query = "query($id: ID!) { operation(id: $id) {
                status totals { documents completed failed skipped chunks }
                documents(first: 100) { nodes { outcome error { code message } document { id uri status chunkCount } } }
                events(first: 100) { nodes { sequence kind document { id } } }
            } }";
            let mut data = self.data(query, json!({ "id": operation })).await;
            if ["COMPLETED", "FAILED", "CANCELLED"].contains(&data["operation"]["status"].as_str().unwrap()) {
                return data["operation"].take();
            }
            assert!(Instant::now() < deadline, "the operation does not end: {data:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Starts the server and waits until it says where it listens.
async fn serve(program: &Path, data_dir: &Path, environment: &[(&str, &str)]) -> (Process, String) {
    let (process, first) = spawn(program, "serve", data_dir, environment).await;
    let url =
        first.strip_prefix("listening on ").unwrap_or_else(|| panic!("unexpected first line: {first}")).to_owned();
    (process, url)
}

/// Starts the program and waits for the first line that it prints.
async fn spawn(program: &Path, name: &str, data_dir: &Path, environment: &[(&str, &str)]) -> (Process, String) {
    let mut command = Command::new(program);
    command
        .arg(name)
        .env_clear()
        .env("DOCENT__DATA_DIR", data_dir)
        .env("DOCENT__HTTP__PORT", "0")
        .env("DOCENT__EMBEDDING__MODEL_DIR", model::directory())
        .env("DOCENT__TELEMETRY__LOG", "warn")
        .envs(environment.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    // An older version refuses settings that it does not know.
    if program == Path::new(DOCENT) {
        command.env("DOCENT__EXTRACTION__LIBRARY_DIR", pdfium::directory());
    }
    let mut child = command.spawn().unwrap();
    let stdout = child.stdout.take().unwrap();
    let first = tokio::task::spawn_blocking(move || {
        let mut lines = BufReader::new(stdout).lines();
        let first = lines.next().expect("the process says that it works").unwrap();
        // The pipe must be read, or the server would block when it is full.
        std::thread::spawn(move || lines.for_each(drop));
        first
    })
    .await
    .unwrap();
    (Process { child }, first)
}
