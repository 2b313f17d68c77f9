//! How a statement that reads is run: with a time limit, only while a caller waits for it, and with a limit of
//! concurrent statements per caller.
//!
//! PostgreSQL has its own time limit. SQLite calls a handler every few thousand steps to ask whether to continue; the
//! handler is set when the statement gets its connection.

use std::{
    collections::HashMap,
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
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement,
    sqlx::{self, sqlite::SqliteConnection},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Steps of SQLite's virtual machine between two calls of the handler: less than a millisecond.
const STEPS: i32 = 4000;

tokio::task_local! {
    static LANE: Lane;
    static WATCH: Watch;
}

/// The share of each caller: a limited number of their statements runs concurrently, and the others wait. So callers
/// with many statements delay only themselves.
#[derive(Clone, Debug)]
pub struct Lane(Arc<Semaphore>);

impl Lane {
    /// Runs `work`; the statements that it reads with belong to this lane.
    pub async fn run<T>(self, work: impl Future<Output = T>) -> T {
        LANE.scope(self, work).await
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
    /// Lanes in which `width` statements run at the same time.
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
#[derive(Clone, Debug)]
struct Watch {
    end: Instant,
    is_dropped: Arc<AtomicBool>,
}

impl Watch {
    fn goes_on(&self) -> bool {
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

/// Sets the handler of a SQLite connection that was just taken from its pool, for the statement that took it.
pub(super) async fn watch(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let watch = WATCH.try_with(Clone::clone).ok();
    let mut handle = connection.lock_handle().await?;
    match watch {
        Some(watch) => handle.set_progress_handler(STEPS, move || watch.goes_on()),
        None => handle.remove_progress_handler(),
    }
    Ok(())
}

/// Where a reader's statements are run.
#[derive(Debug)]
pub(super) enum Executor<'c> {
    /// On any connection of the pool, with a time limit.
    Pool(&'c DatabaseConnection, Duration),
    /// In the transaction, as long as it lasts.
    Transaction(&'c DatabaseTransaction),
}

/// Runs a statement on a pool in the caller's lane.
async fn run<T: Send + 'static>(
    backend: DbBackend,
    timeout: Duration,
    statement: impl Future<Output = Result<T, DbErr>> + Send + 'static,
) -> Result<T, DbErr> {
    let turn = turn().await?;
    if backend == DbBackend::Sqlite {
        return watched(statement, timeout).await;
    }
    Whole { work: Some(async move { (statement.await, turn).0 }.boxed()) }.await
}

/// Waits for the caller's turn, if the statement is in a lane.
async fn turn() -> Result<Option<OwnedSemaphorePermit>, DbErr> {
    match LANE.try_with(Clone::clone) {
        Ok(Lane(lane)) => Ok(Some(lane.acquire_owned().await.map_err(|closed| DbErr::Custom(closed.to_string()))?)),
        Err(_) => Ok(None),
    }
}

/// Runs a statement on SQLite, which ends it at its deadline or when the future is dropped.
async fn watched<T>(work: impl Future<Output = Result<T, DbErr>>, timeout: Duration) -> Result<T, DbErr> {
    let is_dropped = Arc::new(AtomicBool::new(false));
    let _waiting = Waiting(Arc::clone(&is_dropped));
    WATCH.scope(Watch { end: Instant::now() + timeout, is_dropped }, work).await
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

#[async_trait]
impl ConnectionTrait for Executor<'_> {
    fn get_database_backend(&self) -> DbBackend {
        match self {
            Self::Pool(pool, _) => pool.get_database_backend(),
            Self::Transaction(transaction) => transaction.get_database_backend(),
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match *self {
            Self::Transaction(transaction) => transaction.query_all_raw(statement).await,
            Self::Pool(pool, timeout) => {
                let (backend, pool) = (pool.get_database_backend(), pool.clone());
                run(backend, timeout, async move { pool.query_all_raw(statement).await }).await
            }
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match *self {
            Self::Transaction(transaction) => transaction.query_one_raw(statement).await,
            Self::Pool(pool, timeout) => {
                let (backend, pool) = (pool.get_database_backend(), pool.clone());
                run(backend, timeout, async move { pool.query_one_raw(statement).await }).await
            }
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
