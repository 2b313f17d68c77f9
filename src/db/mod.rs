//! The relational database: pools, transactions, and the repositories, the only access to it.
//!
//! Reads go through a [`Reader`], which carries the caller's scope; those that come before there is one go through a
//! [`CredentialReader`]. Writes exist only on a [`Transaction`]. No SQL and no row type leaves this module.

mod backup;
mod credentials;
mod entity;
mod error;
mod listener;
mod migrate;
mod news;
pub mod repo;
mod shelf;
mod snapshot;
mod statement;
mod transaction;

use std::{path::Path, sync::Arc, time::Duration};

use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, Statement, sqlx};

pub use self::{
    backup::{Backup, BackupError},
    credentials::CredentialReader,
    error::DatabaseError,
    migrate::{MigrationError, MigrationState, Way},
    news::{EventNews, Topic},
    snapshot::Snapshot,
    statement::{Lane, Lanes},
    transaction::{AsContention, Transaction},
};
use self::{
    listener::Listener,
    news::News,
    shelf::Keeping,
    statement::{Executor, Readers},
};
use crate::{config::DatabaseConfig, domain::scope::Scope};

/// Called with every statement that is run: its text, and the same with its values.
pub type StatementObserver = Arc<dyn Fn(&str, &dyn std::fmt::Display) + Send + Sync>;

/// SQLite's database, in the data directory.
const SQLITE_FILE: &str = "docent.db";

/// How long after its last use a connection is taken for a good one. Testing it costs as much as a small statement.
const FRESH: Duration = Duration::from_secs(1);

/// Bytes at the start of a SQLite file that readers map into memory, 256 MiB. All of them map the same pages.
const MAPPED_BYTES: &str = "268435456";

/// An open database: one writer and several readers for SQLite, one pool for PostgreSQL; and who is told of commits.
#[derive(Clone, Debug)]
pub struct Database {
    readers: Arc<Readers>,
    writer: DatabaseConnection,
    /// Connections of snapshots: on SQLite one that nothing else uses.
    snapshots: DatabaseConnection,
    /// The host and port of a PostgreSQL server.
    place: Option<Arc<str>>,
    /// Who is told of commits.
    news: Arc<News>,
    /// Hears what other processes change.
    _listener: Option<Arc<Listener>>,
}

impl Database {
    /// Opens the database that the settings name: PostgreSQL by URL, else SQLite in the data directory. Nothing is
    /// migrated.
    ///
    /// # Errors
    /// When it can't be reached or opened.
    pub async fn open(
        config: &DatabaseConfig,
        data_dir: &Path,
        observer: Option<StatementObserver>,
    ) -> Result<Self, DatabaseError> {
        match &config.url {
            Some(url) => Self::open_postgres(url, config, observer).await,
            None => Self::open_sqlite(&data_dir.join(SQLITE_FILE), config, observer).await,
        }
    }

    /// Whether there may be a database. Of SQLite's the file is there; only a server can tell what it has.
    #[must_use]
    pub fn may_exist(config: &DatabaseConfig, data_dir: &Path) -> bool {
        config.url.is_some() || data_dir.join(SQLITE_FILE).exists()
    }

    async fn open_postgres(
        url: &str,
        config: &DatabaseConfig,
        observer: Option<StatementObserver>,
    ) -> Result<Self, DatabaseError> {
        let timeout = Duration::from_secs(config.statement_timeout_seconds);
        let mut options = ConnectOptions::new(url);
        options
            .max_connections(config.pool_size + config.max_overflow)
            .min_connections(1)
            .acquire_timeout(Duration::from_secs(config.pool_timeout_seconds))
            .max_lifetime(Duration::from_secs(config.pool_recycle_seconds))
            .sqlx_logging(false)
            .map_sqlx_postgres_opts(move |options| {
                // `plan_cache_mode` stays at `auto`. The server keeps one plan for a statement whose plan does not depend on
                // its values, and plans each execution of one on `chunks`: a plan for all partitions costs more.
                options
                    .application_name("docent")
                    .options([("statement_timeout", format!("{}ms", timeout.as_millis()))])
            });
        if config.pool_pre_ping {
            options.test_before_acquire_if_idle_for(FRESH);
        } else {
            options.test_before_acquire(false);
        }
        let place = place(url);
        let pool = connect(options, observer.clone()).await.map_err(|error| at(place.as_ref(), error))?;
        let keeping = Keeping { most: config.pool_size as usize, fresh: fresh(config), is_shared: true };
        let readers = Arc::new(Readers::new(&pool, keeping, timeout, observer));
        let news = Arc::new(News::new(false));
        let listener = Listener::start(url.to_owned(), Arc::clone(&news));
        let snapshots = pool.clone();
        Ok(Self { readers, writer: pool, snapshots, place, news, _listener: Some(Arc::new(listener)) })
    }

    async fn open_sqlite(
        path: &Path,
        config: &DatabaseConfig,
        observer: Option<StatementObserver>,
    ) -> Result<Self, DatabaseError> {
        // The writer comes first: it makes the file and puts it into WAL mode.
        let writer = connect(sqlite_options(path, config, false), observer.clone()).await?;
        forget_statistics(&writer).await?;
        let pool = connect(sqlite_options(path, config, true), None).await?;
        let timeout = Duration::from_secs(config.statement_timeout_seconds);
        let keeping = Keeping { most: config.pool_size as usize, fresh: Duration::MAX, is_shared: false };
        let readers = Arc::new(Readers::new(&pool, keeping, timeout, observer.clone()));
        let mut options = sqlite_options(path, config, true);
        options.min_connections(0).max_connections(1).connect_lazy(true);
        let snapshots = connect(options, observer).await?;
        // The data directory is locked.
        let news = Arc::new(News::new(true));
        Ok(Self { readers, writer, snapshots, place: None, news, _listener: None })
    }

    /// Reads on behalf of `scope`.
    #[must_use]
    pub fn reader(&self, scope: Scope) -> Reader<'_> {
        Reader { executor: Executor::Readers(&self.readers), scope }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it doesn't; the error says where it should.
    pub async fn check(&self) -> Result<(), DatabaseError> {
        self.readers.check().await.map_err(|error| at(self.place.as_ref(), error.into()))
    }

    /// Closes all connections; SQLite's log is written back into its file.
    ///
    /// # Errors
    /// When the last writes can't be brought to disk.
    pub async fn close(self) -> Result<(), DatabaseError> {
        self.readers.close().await;
        self.snapshots.close().await?;
        self.writer.close().await?;
        Ok(())
    }
}

/// A connection to read from, with a scope.
#[derive(Debug)]
pub struct Reader<'c> {
    executor: Executor<'c>,
    scope: Scope,
}

/// Where a PostgreSQL server is. Its URL has a password, and may leave the host to the environment.
fn place(url: &str) -> Option<Arc<str>> {
    let options: sqlx::postgres::PgConnectOptions = url.parse().ok()?;
    let place = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    };
    Some(place.into())
}

/// The same error, with its place, because the reader has to know where to look.
fn at(place: Option<&Arc<str>>, error: DatabaseError) -> DatabaseError {
    match place {
        Some(place) => DatabaseError::At { place: place.to_string(), source: Box::new(error) },
        None => error,
    }
}

fn sqlite_options(path: &Path, config: &DatabaseConfig, is_reader: bool) -> ConnectOptions {
    // A path is no URL, in which `%`, `?` and `#` mean something: the driver gets it as it is. What begins with a dot or
    // a slash is no URL for SQLite either.
    let path = Path::new(".").join(path);
    let mut options = ConnectOptions::new("sqlite://docent.db?mode=rwc");
    options
        .max_connections(if is_reader { config.pool_size } else { 1 })
        .min_connections(1)
        .acquire_timeout(Duration::from_secs(config.pool_timeout_seconds))
        .idle_timeout(None)
        .max_lifetime(None)
        // A file has no connection that could be cut.
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |options| {
            let options = options
                .filename(&path)
                .pragma("journal_mode", "WAL")
                // FULL: what was committed survives a power cut, not only a crash.
                .pragma("synchronous", "FULL")
                .pragma("foreign_keys", "ON")
                .pragma("temp_store", "MEMORY")
                .busy_timeout(Duration::from_secs(10));
            if is_reader {
                // Pages are read where the system has them, without a call and a copy for each. It maps what the file has, at most.
                options.pragma("query_only", "ON").pragma("mmap_size", MAPPED_BYTES)
            } else {
                options
            }
        });
    options
}

/// How long after its last use a connection is used without a test.
fn fresh(config: &DatabaseConfig) -> Duration {
    if config.pool_pre_ping { FRESH } else { Duration::MAX }
}

/// Removes the statistics of an earlier `ANALYZE`. Statements are written for their indexes, which SQLite chooses
/// without statistics. Statistics from a time when a table was small would make it scan the whole table, however large
/// it is now.
async fn forget_statistics(writer: &DatabaseConnection) -> Result<(), DatabaseError> {
    let tables = "SELECT name FROM sqlite_schema WHERE name IN ('sqlite_stat1', 'sqlite_stat4')";
    let tables = writer.query_all_raw(Statement::from_string(DbBackend::Sqlite, tables)).await?;
    for table in &tables {
        let name: String = table.try_get_by_index(0)?;
        writer.execute_unprepared(&format!("DELETE FROM {name}")).await?;
    }
    if !tables.is_empty() {
        writer.execute_unprepared("ANALYZE sqlite_schema").await?;
    }
    Ok(())
}

async fn connect(
    options: ConnectOptions,
    observer: Option<StatementObserver>,
) -> Result<DatabaseConnection, DatabaseError> {
    let mut connection = sea_orm::Database::connect(options).await?;
    if let Some(observer) = observer {
        connection.set_metric_callback(move |info| observer(&info.statement.sql, info.statement));
    }
    Ok(connection)
}
