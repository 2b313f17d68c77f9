//! Connections that read, each taken for one statement.
//!
//! The pool tests a connection whenever it is given back, which costs as much as a small statement: a round trip on
//! PostgreSQL, a visit to the connection's thread on SQLite. So connections that completed a statement are kept here,
//! outside the pool. The one that was used last serves first, because it has the statements prepared. A connection on which
//! a statement failed, or was left alone half-way, goes back to the pool and is tested there.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use sea_orm::sqlx::{self, Connection, Pool, pool::PoolConnection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::statement::Watch;

/// How long a connection may be without work before it goes back to the pool, which closes those that it does not need.
const IDLE: Duration = Duration::from_secs(600);

/// Prepares a connection that comes from the pool.
pub(super) type Prepare<DB> =
    for<'c> fn(&'c mut <DB as sqlx::Database>::Connection, Slot) -> BoxFuture<'c, Result<(), sqlx::Error>>;

/// How connections are kept.
pub(super) struct Keeping {
    /// How many read at the same time at most.
    pub most: usize,
    /// How long after its last use a connection is used without a test.
    pub fresh: Duration,
    /// Whether transactions take their connections from the same pool.
    pub is_shared: bool,
}

pub(super) struct Shelf<DB: sqlx::Database> {
    pool: Pool<DB>,
    prepare: Prepare<DB>,
    keeping: Keeping,
    places: Arc<Semaphore>,
    /// The one that was used last is at the back.
    kept: Mutex<VecDeque<(Held<DB>, Instant)>>,
}

/// A connection, and what belongs to it.
struct Held<DB: sqlx::Database> {
    connection: PoolConnection<DB>,
    slot: Slot,
    /// When it came from the pool.
    since: Instant,
}

/// A connection for one statement. Give it back with [`Shelf::put`] if the statement succeeded.
pub(super) struct Taken<DB: sqlx::Database> {
    held: Held<DB>,
    _place: OwnedSemaphorePermit,
}

impl<DB: sqlx::Database> Taken<DB> {
    pub(super) fn connection(&mut self) -> &mut DB::Connection {
        &mut self.held.connection
    }

    /// What the connection's handler looks at.
    pub(super) fn slot(&self) -> &Slot {
        &self.held.slot
    }
}

impl<DB: sqlx::Database> Shelf<DB> {
    pub(super) fn new(pool: &Pool<DB>, prepare: Prepare<DB>, keeping: Keeping) -> Self {
        let places = Arc::new(Semaphore::new(keeping.most));
        Self { pool: pool.clone(), prepare, keeping, places, kept: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Held<DB>, Instant)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pop(&self) -> Option<(Held<DB>, Instant)> {
        self.lock().pop_back()
    }

    /// A connection, as soon as there is one.
    pub(super) async fn take(&self) -> Result<Taken<DB>, sqlx::Error> {
        let place = Arc::clone(&self.places).acquire_owned();
        let place = tokio::time::timeout(self.pool.options().get_acquire_timeout(), place)
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?
            .map_err(|_| sqlx::Error::PoolClosed)?;
        while let Some((mut held, last)) = self.pop() {
            if last.elapsed() < self.keeping.fresh || held.connection.ping().await.is_ok() {
                return Ok(Taken { held, _place: place });
            }
            held.connection.close_on_drop();
        }
        let mut connection = self.pool.acquire().await?;
        let slot = Slot::default();
        (self.prepare)(&mut connection, slot.clone()).await?;
        Ok(Taken { held: Held { connection, slot, since: Instant::now() }, _place: place })
    }

    /// Keeps a connection for the next statement, unless the pool has to look after it.
    pub(super) fn put(&self, taken: Taken<DB>) {
        let is_old = self.pool.options().get_max_lifetime().is_some_and(|most| taken.held.since.elapsed() >= most);
        if is_old || self.is_wanted() {
            return;
        }
        let mut kept = self.lock();
        if self.places.is_closed() {
            return;
        }
        let now = Instant::now();
        // One at a time is enough: they come here more often than they grow old.
        if kept.front().is_some_and(|(_, last)| now.duration_since(*last) > IDLE) {
            kept.pop_front();
        }
        kept.push_back((taken.held, now));
    }

    /// Whether a transaction would wait for a connection.
    fn is_wanted(&self) -> bool {
        let most = self.pool.options().get_max_connections();
        self.keeping.is_shared && self.pool.size() >= most && self.pool.num_idle() == 0
    }

    /// Gives the pool what is kept here, if a transaction would wait for a connection.
    pub(super) fn make_room(&self) {
        if self.is_wanted() {
            self.lock().clear();
        }
    }

    /// Closes all connections of the pool.
    pub(super) async fn close(&self) {
        self.places.close();
        self.lock().clear();
        self.pool.close().await;
    }
}

/// Where the handler of a SQLite connection finds the statement that runs now.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot(Arc<Mutex<Option<Watch>>>);

impl Slot {
    pub(super) fn set(&self, watch: Option<Watch>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = watch;
    }

    /// Whether the statement may continue.
    pub(super) fn goes_on(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_none_or(Watch::goes_on)
    }
}
