//! Brings a database from one migration to another, and keeps in the database which ones it has.

use std::collections::HashSet;

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, Statement, TransactionTrait};

/// The migrations that a database has. Name and columns are those of SeaORM's migrator, which kept them at first.
const TABLE: &str =
    "CREATE TABLE IF NOT EXISTS seaql_migrations (version varchar NOT NULL PRIMARY KEY, applied_at bigint NOT NULL)";

/// What a migration does.
#[async_trait]
pub(crate) trait Change: Send + Sync {
    async fn up(&self, transaction: &DatabaseTransaction) -> Result<(), DbErr>;
    async fn down(&self, transaction: &DatabaseTransaction) -> Result<(), DbErr>;
}

/// A migration, and whether a database has it.
pub struct Migration {
    pub name: &'static str,
    pub is_applied: bool,
    change: Box<dyn Change>,
}

/// Every migration, oldest first.
///
/// # Errors
/// When the database has migrations that this program doesn't know.
pub async fn status<C: ConnectionTrait>(database: &C) -> Result<Vec<Migration>, DbErr> {
    database.execute_unprepared(TABLE).await?;
    let query = Statement::from_string(database.get_database_backend(), "SELECT version FROM seaql_migrations");
    let rows = database.query_all_raw(query).await?;
    let mut applied = rows.iter().map(|row| row.try_get("", "version")).collect::<Result<HashSet<String>, DbErr>>()?;
    let migrations = crate::all()
        .into_iter()
        .map(|(name, change)| Migration { name, is_applied: applied.remove(name), change })
        .collect();
    match applied.iter().min() {
        Some(unknown) => Err(DbErr::Migration(format!(
            "the database has the migration {unknown}, which this version of the program does not know"
        ))),
        None => Ok(migrations),
    }
}

/// Applies the migrations that are missing, each in a transaction.
///
/// # Errors
/// When one fails; it left nothing behind and can be run again.
pub async fn up<C>(database: &C) -> Result<(), DbErr>
where
    C: ConnectionTrait + TransactionTrait<Transaction = DatabaseTransaction>,
{
    let is_postgres = database.get_database_backend() == DbBackend::Postgres;
    let now = if is_postgres { "extract(epoch FROM now())::bigint" } else { "unixepoch()" };
    let insert = format!("INSERT INTO seaql_migrations (version, applied_at) VALUES ($1, {now})");
    let migrations = status(database).await?;
    for migration in migrations.iter().filter(|migration| !migration.is_applied) {
        let transaction = database.begin().await?;
        migration.change.up(&transaction).await?;
        record(&transaction, &insert, migration.name).await?;
        transaction.commit().await?;
    }
    Ok(())
}

/// Takes back the newest `steps` migrations that were applied, or all, each in a transaction.
///
/// # Errors
/// When one fails; it changed nothing.
pub async fn down<C>(database: &C, steps: Option<u32>) -> Result<(), DbErr>
where
    C: ConnectionTrait + TransactionTrait<Transaction = DatabaseTransaction>,
{
    let steps = steps.map_or(usize::MAX, |steps| usize::try_from(steps).unwrap_or(usize::MAX));
    let migrations = status(database).await?;
    for migration in migrations.iter().rev().filter(|migration| migration.is_applied).take(steps) {
        let transaction = database.begin().await?;
        migration.change.down(&transaction).await?;
        record(&transaction, "DELETE FROM seaql_migrations WHERE version = $1", migration.name).await?;
        transaction.commit().await?;
    }
    Ok(())
}

async fn record(transaction: &DatabaseTransaction, statement: &str, name: &str) -> Result<(), DbErr> {
    let statement = Statement::from_sql_and_values(transaction.get_database_backend(), statement, [name.into()]);
    transaction.execute_raw(statement).await.map(drop)
}
