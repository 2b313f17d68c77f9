//! How a statement that reads is run: with a time limit, only while a caller waits for it, and with a limit of
//! concurrent statements per caller.
//!
//! PostgreSQL has its own time limit. SQLite calls a handler every few thousand steps to ask whether to continue.

use std::{
    collections::HashMap,
    fmt::{self, Debug},
    future::ready,
    hash::Hash,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use futures_util::{FutureExt, future::BoxFuture};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr,
    Statement,
    sea_query::Values,
    sqlx::{self, Connection, Postgres, Sqlite, postgres::PgConnection, sqlite::SqliteConnection},
};
use sea_query_sqlx::SqlxValues;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    StatementObserver,
    shelf::{Keeping, Shelf, Slot},
};

/// Steps of SQLite's virtual machine between two calls of the handler: less than a millisecond.
const STEPS: i32 = 4000;

tokio::task_local! {
    static LANE: Lane;
}

/// The share of each caller: a limited number of their statements, or of other work, runs concurrently, and the rest waits.
/// So callers with much of it delay only themselves.
#[derive(Clone, Debug)]
pub struct Lane(Arc<Semaphore>);

impl Lane {
    /// Runs `work`; the statements that it reads with belong to this lane.
    pub async fn run<T>(self, work: impl Future<Output = T>) -> T {
        LANE.scope(self, work).await
    }

    /// The result of `work`, which begins when the lane has room for it.
    pub async fn one_of<T>(self, work: impl Future<Output = T>) -> T {
        // A semaphore that is never closed gives its permit.
        let _permit = self.0.acquire().await;
        work.await
    }
}

/// A lane for each caller.
#[derive(Debug)]
pub struct Lanes<K> {
    width: usize,
    /// A lane ends with the last request in it.
    open: Mutex<HashMap<K, Weak<Semaphore>>>,
}

impl<K: Eq + Hash> Lanes<K> {
    /// Lanes in which `width` statements, or other work, run at the same time.
    #[must_use]
    pub fn new(width: usize) -> Self {
        Self { width, open: Mutex::default() }
    }

    /// The lane of a caller.
    pub fn of(&self, caller: K) -> Lane {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = open.get(&caller).and_then(Weak::upgrade) {
            return Lane(lane);
        }
        open.retain(|_, lane| lane.strong_count() > 0);
        let lane = Arc::new(Semaphore::new(self.width));
        open.insert(caller, Arc::downgrade(&lane));
        Lane(lane)
    }
}

/// The state that the handler of a SQLite connection checks: the deadline of the statement, and whether a caller waits
/// for it.
#[derive(Debug)]
pub(super) struct Watch {
    end: Instant,
    is_dropped: Arc<AtomicBool>,
}

impl Watch {
    pub(super) fn goes_on(&self) -> bool {
        !self.is_dropped.load(Ordering::Relaxed) && Instant::now() < self.end
    }
}

/// Tells the handler that no caller waits any longer.
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Gives a SQLite connection its handler, which looks into `slot`.
fn watch(connection: &mut SqliteConnection, slot: Slot) -> BoxFuture<'_, Result<(), sqlx::Error>> {
    async move {
        connection.lock_handle().await?.set_progress_handler(STEPS, move || slot.goes_on());
        Ok(())
    }
    .boxed()
}

/// PostgreSQL has its own time limit.
fn leave(_: &mut PgConnection, _: Slot) -> BoxFuture<'_, Result<(), sqlx::Error>> {
    ready(Ok(())).boxed()
}

/// The connections that read, and how their statements are run.
pub(super) struct Readers {
    connections: Connections,
    /// How long a statement may take on SQLite.
    timeout: Duration,
    observer: Option<StatementObserver>,
}

enum Connections {
    Sqlite(Shelf<Sqlite>),
    Postgres(Shelf<Postgres>),
}

impl Debug for Readers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Readers").finish_non_exhaustive()
    }
}

impl Readers {
    /// Readers with connections of this pool.
    pub(super) fn new(
        pool: &DatabaseConnection,
        keeping: Keeping,
        timeout: Duration,
        observer: Option<StatementObserver>,
    ) -> Self {
        let connections = match pool.get_database_backend() {
            DbBackend::Postgres => {
                Connections::Postgres(Shelf::new(pool.get_postgres_connection_pool(), leave, keeping))
            }
            _ => Connections::Sqlite(Shelf::new(pool.get_sqlite_connection_pool(), watch, keeping)),
        };
        Self { connections, timeout, observer }
    }

    fn backend(&self) -> DbBackend {
        match self.connections {
            Connections::Sqlite(_) => DbBackend::Sqlite,
            Connections::Postgres(_) => DbBackend::Postgres,
        }
    }

    /// Runs a statement in the caller's lane.
    async fn query(self: &Arc<Self>, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let turn = turn().await?;
        if let Some(observer) = &self.observer {
            observer(&statement.sql, &statement);
        }
        match &self.connections {
            Connections::Sqlite(shelf) => on_sqlite(shelf, statement, self.timeout).await,
            Connections::Postgres(_) => {
                let readers = Arc::clone(self);
                let work = async move {
                    let Connections::Postgres(shelf) = &readers.connections else { return Ok(Vec::new()) };
                    (on_postgres(shelf, statement).await, turn).0
                };
                Whole { work: Some(work.boxed()) }.await
            }
        }
    }

    /// Whether the database answers.
    pub(super) async fn check(&self) -> Result<(), DbErr> {
        match &self.connections {
            Connections::Sqlite(shelf) => {
                let mut taken = shelf.take().await.map_err(no_connection)?;
                taken.connection().ping().await.map_err(no_connection)?;
                shelf.put(taken);
            }
            Connections::Postgres(shelf) => {
                let mut taken = shelf.take().await.map_err(no_connection)?;
                taken.connection().ping().await.map_err(no_connection)?;
                shelf.put(taken);
            }
        }
        Ok(())
    }

    /// Leaves connections to transactions that would wait for one.
    pub(super) fn make_room(&self) {
        match &self.connections {
            Connections::Sqlite(shelf) => shelf.make_room(),
            Connections::Postgres(shelf) => shelf.make_room(),
        }
    }

    /// Closes all connections of the pool.
    pub(super) async fn close(&self) {
        match &self.connections {
            Connections::Sqlite(shelf) => shelf.close().await,
            Connections::Postgres(shelf) => shelf.close().await,
        }
    }
}

/// Runs a statement on SQLite, which ends it at its deadline or when the future is dropped.
async fn on_sqlite(shelf: &Shelf<Sqlite>, statement: Statement, timeout: Duration) -> Result<Vec<QueryResult>, DbErr> {
    let mut taken = shelf.take().await.map_err(no_connection)?;
    let is_dropped = Arc::new(AtomicBool::new(false));
    let _waiting = Waiting(Arc::clone(&is_dropped));
    taken.slot().set(Some(Watch { end: Instant::now() + timeout, is_dropped }));
    let (text, values) = parts(statement);
    let rows = sqlx::query_with(text, values).fetch_all(taken.connection()).await.map_err(failed)?;
    taken.slot().set(None);
    shelf.put(taken);
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Runs a statement on PostgreSQL to its end.
async fn on_postgres(shelf: &Shelf<Postgres>, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
    let mut taken = shelf.take().await.map_err(no_connection)?;
    let (text, values) = parts(statement);
    let rows = sqlx::query_with(text, values).fetch_all(taken.connection()).await.map_err(failed)?;
    shelf.put(taken);
    Ok(rows.into_iter().map(Into::into).collect())
}

/// A statement as the driver takes it. Its text comes from the query builder, with a placeholder for each value.
fn parts(statement: Statement) -> (sqlx::AssertSqlSafe<String>, SqlxValues) {
    let values = statement.values.unwrap_or_else(|| Values(Vec::new()));
    (sqlx::AssertSqlSafe(statement.sql), SqlxValues(values))
}

fn no_connection(error: sqlx::Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(error.into()))
}

fn failed(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}

/// Waits for the caller's turn, if the statement is in a lane.
async fn turn() -> Result<Option<OwnedSemaphorePermit>, DbErr> {
    match LANE.try_with(Clone::clone) {
        Ok(Lane(lane)) => Ok(Some(lane.acquire_owned().await.map_err(|closed| DbErr::Custom(closed.to_string()))?)),
        Err(_) => Ok(None),
    }
}

/// A statement on PostgreSQL, which continues there when no caller waits. So it keeps its connection and its turn until
/// it ends, at most until PostgreSQL's own time limit.
struct Whole<T: Send + 'static> {
    work: Option<BoxFuture<'static, T>>,
}

impl<T: Send + 'static> Future for Whole<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Some(work) = &mut self.work else { return Poll::Pending };
        let polled = work.poll_unpin(context);
        if polled.is_ready() {
            self.work = None;
        }
        polled
    }
}

impl<T: Send + 'static> Drop for Whole<T> {
    fn drop(&mut self) {
        if let (Some(work), Ok(runtime)) = (self.work.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(work.map(drop));
        }
    }
}

/// Where a reader's statements are run.
#[derive(Debug)]
pub(super) enum Executor<'c> {
    /// On any connection that reads, with a time limit.
    Readers(&'c Arc<Readers>),
    /// In the transaction, as long as it lasts.
    Transaction(&'c DatabaseTransaction),
}

#[async_trait]
impl ConnectionTrait for Executor<'_> {
    fn get_database_backend(&self) -> DbBackend {
        match self {
            Self::Readers(readers) => readers.backend(),
            Self::Transaction(transaction) => transaction.get_database_backend(),
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Readers(readers) => readers.query(statement).await,
            Self::Transaction(transaction) => transaction.query_all_raw(statement).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self {
            // Whoever wants one row says so in the statement.
            Self::Readers(readers) => Ok(readers.query(statement).await?.into_iter().next()),
            Self::Transaction(transaction) => transaction.query_one_raw(statement).await,
        }
    }

    async fn execute_raw(&self, _: Statement) -> Result<ExecResult, DbErr> {
        Err(writes())
    }

    async fn execute_unprepared(&self, _: &str) -> Result<ExecResult, DbErr> {
        Err(writes())
    }
}

fn writes() -> DbErr {
    DbErr::Custom("a reader does not write".to_owned())
}
