//! A whole application on its own database, vectors and files, with its worker.

use std::{
    fmt::Display,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::Router;
use chrono::{DateTime, TimeDelta, Utc};
use docent::{
    app::{App, Parts},
    config::{Config, PrecisionChoice},
    disk::{Space, SpaceProbe},
    domain::clock::{Clock, SystemClock},
    http::connections,
    source::Names,
    vector::VectorStore,
};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    runtime::{self, Handle, RuntimeFlavor},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::{caller::Caller, front::Front, model, pdfium, postgres, scope_net};

/// How long a test waits for something that has to happen.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// How long a worker has at the end of a test for the jobs that are left.
const WORK_OFF: Duration = Duration::from_secs(30);

/// The machine's clock, moved by hand.
#[derive(Default)]
pub struct TestClock {
    offset_seconds: AtomicI64,
}

impl TestClock {
    pub fn advance(&self, seconds: i64) {
        self.offset_seconds.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + TimeDelta::seconds(self.offset_seconds.load(Ordering::SeqCst))
    }
}

/// A disk whose space is what a test says.
pub struct TestSpace {
    available: AtomicU64,
}

impl Default for TestSpace {
    fn default() -> Self {
        Self { available: AtomicU64::new(1 << 40) }
    }
}

impl TestSpace {
    pub fn set_available(&self, bytes: u64) {
        self.available.store(bytes, Ordering::SeqCst);
    }
}

impl SpaceProbe for TestSpace {
    fn space(&self) -> std::io::Result<Space> {
        Ok(Space { available: self.available.load(Ordering::SeqCst), total: 1 << 40 })
    }
}

/// An application. Dropping it fails the test if jobs are left in its queue: work that nobody looked at may have failed.
/// A test that means to leave some says so with [`leave_jobs`](Self::leave_jobs).
pub struct TestApp {
    pub app: Arc<App>,
    pub router: Router,
    pub clock: Arc<TestClock>,
    pub space: Arc<TestSpace>,
    pub vectors: Arc<Front>,
    config: Config,
    /// Kept until the application is gone.
    directory: Option<TempDir>,
    statements: Arc<Mutex<Vec<String>>>,
    program: PathBuf,
    names: Option<Arc<dyn Names>>,
    /// With their values, while somebody wants to see them.
    whole_statements: Arc<Mutex<Option<Vec<String>>>>,
    stop: CancellationToken,
    worker_stop: CancellationToken,
    worker: Option<JoinHandle<()>>,
    leaves_jobs: AtomicBool,
}

impl TestApp {
    pub async fn on_sqlite() -> Self {
        Self::start(Config::default()).await
    }

    pub async fn on_postgres() -> Self {
        Self::with(Config::default(), true).await
    }

    /// On SQLite, with these settings.
    pub async fn start(config: Config) -> Self {
        Self::with(config, false).await
    }

    /// On SQLite, in a data directory of this name.
    pub async fn in_directory(name: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = Config { data_dir: directory.path().join(name), ..Config::default() };
        Box::pin(Self::build(config, Arc::default(), Arc::default(), directory, docent(), None)).await
    }

    pub async fn with(config: Config, on_postgres: bool) -> Self {
        Self::with_program(config, on_postgres, docent()).await
    }

    /// With another program as the reader of files.
    pub async fn with_program(config: Config, on_postgres: bool, program: PathBuf) -> Self {
        Box::pin(Self::with_all(config, on_postgres, program, None)).await
    }

    /// With names of hosts that the operating system does not know.
    pub async fn with_names(config: Config, on_postgres: bool, names: Arc<dyn Names>) -> Self {
        Box::pin(Self::with_all(config, on_postgres, docent(), Some(names))).await
    }

    async fn with_all(mut config: Config, on_postgres: bool, program: PathBuf, names: Option<Arc<dyn Names>>) -> Self {
        if on_postgres {
            config.database.url = Some(postgres::fresh_database().await);
        }
        let directory = tempfile::tempdir().unwrap();
        Box::pin(Self::on_directory(config, Arc::default(), directory, program, names)).await
    }

    /// On a data directory and a database that an earlier program has left, at this time.
    pub async fn of_release(directory: TempDir, database_url: Option<String>, now: DateTime<Utc>) -> Self {
        let mut config = Config::default();
        config.database.url = database_url;
        let clock = TestClock::default();
        clock.advance((now - SystemClock.now()).num_seconds());
        Box::pin(Self::on_directory(config, Arc::new(clock), directory, docent(), None)).await
    }

    async fn on_directory(
        mut config: Config,
        clock: Arc<TestClock>,
        directory: TempDir,
        program: PathBuf,
        names: Option<Arc<dyn Names>>,
    ) -> Self {
        config.data_dir = directory.path().to_owned();
        config.extraction.library_dir = Some(pdfium::directory());
        config.database.pool_size = 4;
        config.ingestion.concurrency = 8;
        // As the embedder of all tests.
        config.embedding.precision = PrecisionChoice::F32;
        Box::pin(Self::build(config, clock, Arc::default(), directory, program, names)).await
    }

    async fn build(
        config: Config,
        clock: Arc<TestClock>,
        space: Arc<TestSpace>,
        directory: TempDir,
        program: PathBuf,
        names: Option<Arc<dyn Names>>,
    ) -> Self {
        let vectors = Front::of(docent::vector::open(&config).unwrap());
        let statements = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&statements);
        let whole_statements = Arc::new(Mutex::new(None));
        let seen_whole: Arc<Mutex<Option<Vec<String>>>> = Arc::clone(&whole_statements);
        let stop = CancellationToken::new();
        let parts = Parts {
            config: config.clone(),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            embedder: Some(model::embedder().await),
            vectors: Some(Arc::clone(&vectors) as Arc<dyn VectorStore>),
            space: Some(Arc::clone(&space) as Arc<dyn SpaceProbe>),
            names: names.clone(),
            statement_observer: Some(Arc::new(move |statement: &str, whole: &dyn Display| {
                scope_net::watch(statement);
                seen.lock().unwrap().push(statement.to_owned());
                if let Some(seen) = seen_whole.lock().unwrap().as_mut() {
                    seen.push(whole.to_string());
                }
            })),
            migrates: true,
            program: program.clone(),
            stop: stop.clone(),
        };
        let app = Arc::new(Box::pin(App::build(parts)).await.unwrap());
        let router = app.router();
        let working = Arc::clone(&app);
        let worker_stop = stop.child_token();
        let worker = Some(tokio::spawn({
            let stop = worker_stop.clone();
            async move { working.work(stop).await }
        }));
        Self {
            app,
            router,
            clock,
            space,
            vectors,
            config,
            directory: Some(directory),
            statements,
            whole_statements,
            stop,
            worker_stop,
            worker,
            program,
            names,
            leaves_jobs: AtomicBool::new(false),
        }
    }

    /// The application after a restart in good order, on the same data. Callers have to log in again.
    pub async fn restart(self) -> Self {
        self.restart_after(|_| {}).await
    }

    /// As [`restart`](Self::restart), with something done to the data directory in between.
    pub async fn restart_after(mut self, meanwhile: impl FnOnce(&Path)) -> Self {
        self.stop.cancel();
        self.stop_worker().await;
        self.app.close().await.unwrap();
        meanwhile(&self.config.data_dir);
        let (config, clock, space) = (self.config.clone(), Arc::clone(&self.clock), Arc::clone(&self.space));
        let (directory, program, names) = (self.directory.take().unwrap(), self.program.clone(), self.names.clone());
        // They wait for the next process.
        self.leave_jobs();
        drop(self);
        Box::pin(Self::build(config, clock, space, directory, program, names)).await
    }

    /// What a second server says that is started on the same database, with this data directory.
    pub async fn start_beside(&self, data_dir: &Path) -> Result<(), String> {
        let parts = Parts {
            embedder: Some(model::embedder().await),
            ..Parts::from_config(Config { data_dir: data_dir.to_owned(), ..self.config.clone() }).unwrap()
        };
        Box::pin(App::build(parts)).await.map(drop).map_err(|error| error.to_string())
    }

    /// Serves on a port of its own until the test ends.
    pub async fn listen(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (router, http, limits) = (self.router.clone(), self.config.http.clone(), self.app.connection_limits());
        tokio::spawn(connections::serve(listener, router, http, limits, CancellationToken::new()));
        address
    }

    pub fn data_dir(&self) -> &Path {
        &self.config.data_dir
    }

    pub fn is_on_postgres(&self) -> bool {
        self.config.database.url.is_some()
    }

    /// Where the database is, for looking behind the application's back.
    pub fn database_url(&self) -> String {
        self.config.database.url.clone().unwrap_or_else(|| sqlite_url(&self.config.data_dir.join("docent.db")))
    }

    pub fn anonymous(&self) -> Caller {
        Caller::new(self.router.clone(), None)
    }

    /// A caller with an account of this name, registered now.
    pub async fn user(&self, name: &str) -> Caller {
        let caller = self.anonymous();
        caller.register(name).await;
        caller.log_in(name).await
    }

    /// Ends the worker, so that only the test itself makes statements.
    pub async fn stop_worker(&mut self) {
        self.worker_stop.cancel();
        if let Some(worker) = self.worker.take() {
            worker.await.unwrap();
        }
    }

    /// Ends the worker in the middle of whatever it does; the rest of the application goes on.
    pub fn abandon_work(&mut self) {
        if let Some(worker) = self.worker.take() {
            worker.abort();
        }
    }

    /// From now on the test may end with jobs in the queue.
    pub fn leave_jobs(&self) {
        self.leaves_jobs.store(true, Ordering::SeqCst);
    }

    /// The kinds of the jobs in the queue, after the worker, if there is one, has had time to work them off. A thread of
    /// its own looks: the test's may be one that can't wait.
    fn jobs_left(&self) -> Vec<String> {
        let is_worked_on = self.worker.is_some()
            && Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread);
        let (url, patience) = (self.database_url(), if is_worked_on { WORK_OFF } else { Duration::ZERO });
        let look = move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(kinds_of_jobs(&url, Instant::now() + patience))
        };
        std::thread::spawn(look).join().unwrap()
    }

    /// What `work` returns, and the statements that it made.
    pub async fn counting<T>(&self, work: impl Future<Output = T>) -> (T, Vec<String>) {
        assert!(self.worker.is_none(), "stop the worker first: its statements would be counted");
        self.statements.lock().unwrap().clear();
        let value = work.await;
        (value, self.statements.lock().unwrap().clone())
    }
}

/// A path as a URL, in which some characters mean something.
pub fn sqlite_url(path: &Path) -> String {
    let path = path.display().to_string();
    format!("sqlite://{}", path.replace('%', "%25").replace('?', "%3F").replace('#', "%23"))
}

impl TestApp {
    /// The statements that `work` made, with their values. Stop the worker first.
    pub async fn seeing<T>(&self, work: impl Future<Output = T>) -> Vec<String> {
        *self.whole_statements.lock().unwrap() = Some(Vec::new());
        work.await;
        self.whole_statements.lock().unwrap().take().unwrap()
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        let is_looked_at = !self.leaves_jobs.load(Ordering::SeqCst) && !std::thread::panicking();
        let left = if is_looked_at { self.jobs_left() } else { Vec::new() };
        self.stop.cancel();
        // Unless another application goes on with it.
        if let (Some(url), Some(_)) = (&self.config.database.url, &self.directory) {
            postgres::remove_database(url);
        }
        assert!(left.is_empty(), "jobs are left in the queue: {left:?}; a test that means it says `app.leave_jobs()`");
    }
}

/// The kinds of the jobs that are in the queue of a database at this time, or nothing as soon as there are none.
async fn kinds_of_jobs(database_url: &str, deadline: Instant) -> Vec<String> {
    let connection = sea_orm::Database::connect(database_url).await.unwrap();
    let query = Statement::from_string(connection.get_database_backend(), "SELECT kind FROM jobs");
    loop {
        let rows = connection.query_all_raw(query.clone()).await.unwrap();
        if rows.is_empty() || Instant::now() >= deadline {
            connection.close().await.unwrap();
            return rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The program that the tests are for.
fn docent() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_docent"))
}

/// Texts as `documentsIngest` takes them: a name and a text each.
pub fn texts(documents: &[(&str, &str)]) -> Value {
    documents.iter().map(|(name, text)| json!({ "fileName": name, "content": { "text": text } })).collect()
}
