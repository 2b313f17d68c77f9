//! Transactions: all or nothing, retried after interference by another one.

use std::{marker::PhantomData, time::Duration};

use futures_util::future::BoxFuture;
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};

use super::{Database, DatabaseError, Reader, news::Changes, statement::Executor};
use crate::domain::scope::Scope;

const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// An open transaction. Every function that writes takes one, so a write outside a transaction does not compile.
///
/// Rows are locked in one order, so that two transactions never deadlock: job, collection, account, operation, documents in
/// the order of their ids, then what belongs to a document (chunks, items, events). A transaction skips what it does not
/// need and never goes back. One that locks several documents, or changes the counters of their collection, locks the
/// collection first.
///
/// `'env` is the lifetime of what the body of the transaction borrows.
pub struct Transaction<'env> {
    pub(super) connection: DatabaseTransaction,
    pub(super) changes: Changes,
    environment: PhantomData<&'env ()>,
}

impl Transaction<'_> {
    /// Reads inside the transaction, on behalf of `scope`.
    #[must_use]
    pub fn reader(&self, scope: Scope) -> Reader<'_> {
        Reader { executor: Executor::Transaction(&self.connection), scope }
    }

    pub(super) fn is_postgres(&self) -> bool {
        self.connection.get_database_backend() == DbBackend::Postgres
    }
}

impl Database {
    /// Runs `body` in a transaction: committed if it returns `Ok`, rolled back otherwise, and run again, a few times,
    /// if another transaction interfered. The body may therefore run more than once; it must not reach for the
    /// network, compute for long, or change anything outside.
    ///
    /// # Errors
    /// The body's, or the database's.
    pub async fn transaction<'env, T, E, F>(&self, body: F) -> Result<T, E>
    where
        E: From<DatabaseError> + AsContention,
        F: for<'t> Fn(&'t Transaction<'env>) -> BoxFuture<'t, Result<T, E>> + Send + Sync,
    {
        let mut attempt = 1;
        loop {
            match self.attempt(&body).await {
                Err(error) if attempt < ATTEMPTS && error.is_contention() => {
                    let pause = (FIRST_PAUSE * 2_u32.pow(attempt)).mul_f64(rand::random_range(0.5..1.5));
                    tokio::time::sleep(pause).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    async fn attempt<'env, T, E, F>(&self, body: &F) -> Result<T, E>
    where
        E: From<DatabaseError>,
        F: for<'t> Fn(&'t Transaction<'env>) -> BoxFuture<'t, Result<T, E>> + Send + Sync,
    {
        self.readers.make_room();
        // SQLite: take the write lock at once, so that a read in the transaction never has to be upgraded.
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let connection = self.writer.begin_with_options(options).await.map_err(DatabaseError::from)?;
        let changes = Changes::new(&self.news);
        let mut transaction = Transaction { connection, changes, environment: PhantomData };
        let value = body(&transaction).await?;
        if let Some(notification) = transaction.changes.notification().filter(|_| transaction.is_postgres()) {
            transaction.connection.execute_unprepared(&notification).await.map_err(DatabaseError::from)?;
        }
        transaction.changes.commit();
        transaction.connection.commit().await.map_err(DatabaseError::from)?;
        Ok(value)
    }
}

/// Errors that can tell whether another transaction interfered.
pub trait AsContention {
    /// Whether the transaction should be run again.
    fn is_contention(&self) -> bool;
}

impl AsContention for DatabaseError {
    fn is_contention(&self) -> bool {
        matches!(self, Self::Contention(_))
    }
}
