//! Migrations: one process at a time applies or reverts them. What loses data is done after a copy.
//!
//! On PostgreSQL copy and migrations are one transaction, which nobody else can read or write beside: what is written
//! meanwhile waits, and then meets the new tables. On SQLite the data directory is locked.

use std::path::Path;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, IsolationLevel, TransactionTrait};
use sea_orm_migration::{IntoSchemaManagerConnection, MigratorTrait};

use super::{
    Database, DatabaseError,
    backup::{self, Backup, BackupError},
};

/// The advisory lock of the process that migrates a PostgreSQL database.
const MIGRATING: i64 = 0x0d0c_e9a7;

/// A migration and whether the database has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MigrationState {
    pub name: String,
    pub is_applied: bool,
}

/// Which way the migrations of a database go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// All that are pending are applied; `destroy_data` allows those that lose data.
    Up { destroy_data: bool },
    /// The newest are reverted.
    Down { steps: u32 },
}

/// Why a database was not migrated. On PostgreSQL it is as it was; on SQLite each migration is a step of its own.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    #[error("a pending migration loses data")]
    LosesData,
    #[error("a migration failed; the database as it was before is {place}")]
    AfterBackup {
        place: String,
        #[source]
        source: DatabaseError,
    },
    #[error(transparent)]
    Backup(BackupError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<BackupError> for MigrationError {
    fn from(error: BackupError) -> Self {
        Self::Backup(error)
    }
}

impl From<sea_orm::DbErr> for MigrationError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Database(error.into())
    }
}

impl Database {
    /// Applies or reverts migrations. If that loses something, the database is copied before, and the copy is compared
    /// with it. On PostgreSQL one process at a time does so, without a time limit; a second process waits and then finds
    /// them applied.
    ///
    /// # Errors
    /// `LosesData` without consent; when there is no copy, or a migration fails. It can be run again.
    pub async fn migrate(
        &self,
        way: Way,
        data_dir: &Path,
        now: DateTime<Utc>,
    ) -> Result<Option<Backup>, MigrationError> {
        if self.writer.get_database_backend() != DbBackend::Postgres {
            let backup = if loses_data(&self.writer, way).await? {
                Some(self.copy_on_sqlite(data_dir, now).await?)
            } else {
                None
            };
            return match (apply(&self.writer, way).await, backup) {
                (Err(source), Some(Backup { place, .. })) => Err(MigrationError::AfterBackup { place, source }),
                (applied, backup) => Ok(applied.map(|()| backup)?),
            };
        }
        let transaction = self.begin_migrating().await?;
        let backup = if loses_data(&transaction, way).await? {
            Some(backup::copy_on_postgres(&transaction, now).await?)
        } else {
            None
        };
        apply(&transaction, way).await?;
        transaction.commit().await?;
        Ok(backup)
    }

    /// Applies all pending migrations without a copy.
    ///
    /// # Errors
    /// When one fails; it left nothing behind and can be run again.
    pub async fn migrate_up(&self) -> Result<(), DatabaseError> {
        self.migrate_without_copy(Way::Up { destroy_data: true }).await
    }

    /// Reverts the newest `steps` migrations, or all, without a copy.
    ///
    /// # Errors
    /// When one fails; it changed nothing.
    pub async fn migrate_down(&self, steps: Option<u32>) -> Result<(), DatabaseError> {
        self.migrate_without_copy(Way::Down { steps: steps.unwrap_or(u32::MAX) }).await
    }

    async fn migrate_without_copy(&self, way: Way) -> Result<(), DatabaseError> {
        if self.writer.get_database_backend() != DbBackend::Postgres {
            return apply(&self.writer, way).await;
        }
        let transaction = self.begin_migrating().await?;
        apply(&transaction, way).await?;
        Ok(transaction.commit().await?)
    }

    /// A transaction on PostgreSQL that has no time limit, and that one process at a time has.
    async fn begin_migrating(&self) -> Result<DatabaseTransaction, DatabaseError> {
        // Each statement sees what was committed before it: the copy what was on its way when its tables were locked.
        let transaction = self.writer.begin_with_config(Some(IsolationLevel::ReadCommitted), None).await?;
        transaction.execute_unprepared("SET LOCAL statement_timeout = 0").await?;
        transaction.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({MIGRATING})")).await?;
        Ok(transaction)
    }

    /// Every known migration, oldest first, and whether the database has it. Nothing is written.
    ///
    /// # Errors
    /// When the database has migrations that this program doesn't know.
    pub async fn migrations(&self) -> Result<Vec<MigrationState>, DatabaseError> {
        states(&self.writer).await
    }
}

async fn states(connection: &impl ConnectionTrait) -> Result<Vec<MigrationState>, DatabaseError> {
    let applied = migration::Migrator::get_applied_migrations_read_only(connection).await?;
    let applied: Vec<_> = applied.iter().map(|migration| migration.name().to_owned()).collect();
    Ok(migration::Migrator::migrations()
        .iter()
        .map(|migration| MigrationState {
            name: migration.name().to_owned(),
            is_applied: applied.iter().any(|name| name == migration.name()),
        })
        .collect())
}

/// Whether the database holds something, and a part of it is lost this way.
async fn loses_data(connection: &impl ConnectionTrait, way: Way) -> Result<bool, MigrationError> {
    let all = states(connection).await?;
    let is_empty = !all.iter().any(|migration| migration.is_applied);
    let loses = |name: &str| migration::LOSING.contains(&name);
    match way {
        _ if is_empty => Ok(false),
        Way::Down { .. } => Ok(true),
        Way::Up { destroy_data } => {
            let is_lost = all.iter().any(|migration| !migration.is_applied && loses(&migration.name));
            if is_lost && !destroy_data { Err(MigrationError::LosesData) } else { Ok(is_lost) }
        }
    }
}

async fn apply<'c>(connection: impl IntoSchemaManagerConnection<'c>, way: Way) -> Result<(), DatabaseError> {
    match way {
        Way::Up { .. } => migration::Migrator::up(connection, None).await?,
        Way::Down { steps } => migration::Migrator::down(connection, Some(steps)).await?,
    }
    Ok(())
}
