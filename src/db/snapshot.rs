//! One state of the database, read with several statements.

use sea_orm::{
    AccessMode, DatabaseTransaction, DbBackend, IsolationLevel, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};

use super::{Database, DatabaseError, Reader, statement::Executor};
use crate::domain::scope::Scope;

/// A state of the database: what is changed after the first statement is not seen. It has a connection of its own until it
/// is dropped, and keeps nobody from writing.
#[derive(Debug)]
pub struct Snapshot {
    connection: DatabaseTransaction,
}

impl Snapshot {
    /// Reads on behalf of `scope`.
    #[must_use]
    pub fn reader(&self, scope: Scope) -> Reader<'_> {
        Reader { executor: Executor::Transaction(&self.connection), scope }
    }
}

impl Database {
    /// The state of the database from now on, for reading rows that belong together with several statements.
    ///
    /// # Errors
    /// When there is no connection for it.
    pub async fn snapshot(&self) -> Result<Snapshot, DatabaseError> {
        self.readers.make_room();
        let is_postgres = self.snapshots.get_database_backend() == DbBackend::Postgres;
        // SQLite's transactions see one state as they are.
        let options = TransactionOptions {
            isolation_level: is_postgres.then_some(IsolationLevel::RepeatableRead),
            access_mode: is_postgres.then_some(AccessMode::ReadOnly),
            sqlite_transaction_mode: Some(SqliteTransactionMode::Deferred),
        };
        Ok(Snapshot { connection: self.snapshots.begin_with_options(options).await? })
    }
}
