//! A real PostgreSQL for the tests of this process: the one that `TEST_DATABASE_URL` names, or one that is started here
//! and ends with the process.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use docent::{config::DatabaseConfig, db::Database};
use sea_orm::{ConnectionTrait, DatabaseConnection};
use tokio::sync::OnceCell;

const TEMPLATE: &str = "docent_template";

/// A running server, by the url of its maintenance database without the database's name.
struct Server {
    base_url: String,
}

static SERVER: OnceCell<Server> = OnceCell::const_new();
static COUNTER: AtomicU32 = AtomicU32::new(0);

/// The url of a fresh, migrated database.
pub async fn fresh_database() -> String {
    let server = SERVER.get_or_init(start).await;
    let name = format!("docent_{}_{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
    let admin = connect(&format!("{}/postgres", server.base_url)).await;
    execute(&admin, &format!("CREATE DATABASE {name} TEMPLATE {}", template())).await;
    admin.close().await.unwrap();
    format!("{}/{name}", server.base_url)
}

/// The url of a fresh database without any table.
pub async fn empty_database() -> String {
    let server = SERVER.get_or_init(start).await;
    let name = format!("docent_{}_{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
    let admin = connect(&format!("{}/postgres", server.base_url)).await;
    execute(&admin, &format!("CREATE DATABASE {name}")).await;
    admin.close().await.unwrap();
    format!("{}/{name}", server.base_url)
}

/// Removes a database that a test is done with, whoever is still connected. A run makes hundreds of them.
pub fn remove_database(url: &str) {
    let (base_url, name) = url.rsplit_once('/').unwrap();
    let (base_url, name) = (base_url.to_owned(), name.to_owned());
    let remove = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let admin = connect(&format!("{base_url}/postgres")).await;
            execute(&admin, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
            admin.close().await.unwrap();
        });
    };
    // A thread of its own: the caller's may be one that can't wait. A database that stays costs only space.
    let _ = std::thread::spawn(remove).join();
}

fn template() -> String {
    format!("{TEMPLATE}_{}", std::process::id())
}

async fn connect(url: &str) -> DatabaseConnection {
    let mut options = sea_orm::ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    sea_orm::Database::connect(options).await.unwrap_or_else(|error| panic!("can't connect to {url}: {error}"))
}

async fn execute(connection: &DatabaseConnection, statement: &str) {
    connection.execute_unprepared(statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
}

async fn start() -> Server {
    let base_url = match std::env::var("TEST_DATABASE_URL") {
        Ok(url) => url.trim_end_matches('/').trim_end_matches("/postgres").to_owned(),
        Err(_) => tokio::task::spawn_blocking(start_cluster).await.unwrap(),
    };
    let admin = connect(&format!("{base_url}/postgres")).await;
    execute(&admin, &format!("CREATE DATABASE {}", template())).await;
    admin.close().await.unwrap();
    let config = DatabaseConfig { url: Some(format!("{base_url}/{}", template())), ..DatabaseConfig::default() };
    let database = Database::open(&config, Path::new("."), None).await.unwrap();
    database.migrate_up().await.unwrap();
    database.close().await.unwrap();
    Server { base_url }
}

/// How often a port is chosen: another process may take it before PostgreSQL does.
const PORTS_TRIED: usize = 5;

/// Makes a cluster in a temporary folder and starts it on a free port. A child that waits for this process's end stops it
/// and removes the folder.
fn start_cluster() -> String {
    let bin = find_binaries();
    let folder = tempfile::Builder::new().prefix("docent-postgres-").tempdir().unwrap().keep();
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout.starts_with(b"0");
    // PostgreSQL refuses to run as root; Debian's package brings a user for it.
    let user = if is_root { "runuser -u postgres --" } else { "" };
    if is_root {
        shell(&format!("chown postgres: {}", folder.display()));
    }
    let (bin, data) = (bin.display(), folder.join("data"));
    let data = data.display();
    let log = folder.join("log");
    let log = log.display();
    shell(&format!(
        "{user} {bin}/initdb -D {data} -U postgres --auth=trust --no-sync --encoding=UTF8 --locale=C.UTF-8"
    ));
    let start = |port: u16| {
        let options = format!(
            "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -c synchronous_commit=off \
         -c full_page_writes=off -c max_connections=300 -c max_locks_per_transaction=256"
        );
        runs(&format!("{user} {bin}/pg_ctl -D {data} -l {log} -w -t 120 -o \"{options}\" start"))
    };
    let mut ports = std::iter::repeat_with(free_port).take(PORTS_TRIED);
    let port = ports.find(|port| start(*port)).unwrap_or_else(|| panic!("PostgreSQL does not start: see {log}"));

    let stop = format!("cat >/dev/null; {user} {bin}/pg_ctl -D {data} -m immediate stop; rm -rf {}", folder.display());
    let watcher = Command::new("sh")
        .args(["-c", &stop])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The pipe stays open as long as this process lives.
    std::mem::forget(watcher);
    format!("postgres://postgres@127.0.0.1:{port}")
}

fn find_binaries() -> PathBuf {
    let on_path =
        std::env::var_os("PATH").into_iter().flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let packaged =
        std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|e| e.path().join("bin"));
    on_path.chain(packaged).find(|folder| folder.join("initdb").exists()).expect(
        "PostgreSQL is missing: install it (Debian: apt-get install postgresql) or point TEST_DATABASE_URL at a server",
    )
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn shell(command: &str) {
    let output = run(command);
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Whether a command succeeds.
fn runs(command: &str) -> bool {
    run(command).status.success()
}

fn run(command: &str) -> Output {
    Command::new("sh").args(["-c", command]).stdin(Stdio::null()).output().unwrap()
}
