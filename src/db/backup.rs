//! Copies of the database, made before a step that loses data, and compared with it row by row.
//!
//! SQLite: a file in the folder `backups` of the data directory, made while others read. PostgreSQL: a schema beside the
//! tables, in one transaction that keeps others from writing.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, Statement, sqlx};
use sha2::{Digest, Sha256};
use sqlx::Row;

use super::{Database, DatabaseError};

/// Where SQLite's copies are, in the data directory.
const FOLDER: &str = "backups";

/// How the names of PostgreSQL's schemas with copies begin.
const SCHEMA: &str = "docent_backup";

/// A copy that was compared with the database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Backup {
    /// Where it is, for people.
    pub place: String,
    pub tables: usize,
    pub rows: i64,
}

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("the database can't be copied")]
    Database(#[from] DatabaseError),
    #[error("the copy {} can't be written", path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the copy differs from the database in the table {table}; nothing was changed")]
    Differs { table: String },
}

impl From<sea_orm::DbErr> for BackupError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Database(error.into())
    }
}

impl From<sqlx::Error> for BackupError {
    fn from(error: sqlx::Error) -> Self {
        sea_orm::DbErr::Query(sea_orm::RuntimeErr::SqlxError(error.into())).into()
    }
}

/// The rows of a table, in numbers: the same for the same rows in any order.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Fingerprint {
    rows: i64,
    sum: String,
}

impl Database {
    /// Whether the database holds something, and applying the pending migrations loses a part of it.
    ///
    /// # Errors
    /// When the database has migrations that this program doesn't know.
    pub async fn is_to_lose_data(&self) -> Result<bool, DatabaseError> {
        let all = self.migrations().await?;
        let loses = |name: &str| migration::LOSING.contains(&name);
        Ok(all.iter().any(|one| one.is_applied) && all.iter().any(|one| !one.is_applied && loses(&one.name)))
    }

    /// Copies the whole database and compares the copy with it. Nothing else of this process may write meanwhile. A copy
    /// that was interrupted leaves nothing that looks like one.
    ///
    /// # Errors
    /// When it can't be made, or is not the same.
    pub async fn back_up(&self, data_dir: &Path, now: DateTime<Utc>) -> Result<Backup, BackupError> {
        let stamp = now.format("%Y%m%d_%H%M%S_%3f").to_string();
        if self.writer.get_database_backend() == DbBackend::Postgres {
            self.copy_on_postgres(&format!("{SCHEMA}_{stamp}")).await
        } else {
            self.copy_on_sqlite(&data_dir.join(FOLDER), &stamp).await
        }
    }

    async fn copy_on_sqlite(&self, folder: &Path, stamp: &str) -> Result<Backup, BackupError> {
        let (path, half) = (folder.join(format!("docent-{stamp}.db")), folder.join("docent.db.partial"));
        let failed = |source| BackupError::Io { path: path.clone(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        remove(&half).map_err(failed)?;
        let copied = self.fill_on_sqlite(&half).await;
        let (tables, rows) = match copied {
            Ok(copied) => copied,
            Err(error) => {
                // It may have filled the disk, which others need.
                remove(&half).map_err(failed)?;
                return Err(error);
            }
        };
        fs::rename(&half, &path).map_err(failed)?;
        fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        fail::fail_point!("backup-made", |_| std::process::abort());
        Ok(Backup { place: path.display().to_string(), tables, rows })
    }

    /// Writes a copy, and compares it. Returns the numbers of tables and rows.
    async fn fill_on_sqlite(&self, half: &Path) -> Result<(usize, i64), BackupError> {
        let failed = |source| BackupError::Io { path: half.to_owned(), source };
        let quoted = half.display().to_string().replace('\'', "''");
        self.writer.execute_unprepared(&format!("VACUUM INTO '{quoted}'")).await?;
        fail::fail_point!("backup-copied", |_| std::process::abort());
        self.writer.execute_unprepared(&format!("ATTACH DATABASE '{quoted}' AS copy")).await?;
        let compared = self.compare_on_sqlite().await;
        self.writer.execute_unprepared("DETACH DATABASE copy").await?;
        fs::File::open(half).and_then(|file| file.sync_all()).map_err(failed)?;
        fail::fail_point!("backup-compared", |_| Err(BackupError::Differs { table: "injected".into() }));
        compared
    }

    async fn compare_on_sqlite(&self) -> Result<(usize, i64), BackupError> {
        let tables =
            "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'";
        let tables = names(&self.writer, tables).await?;
        let mut rows = 0;
        for table in &tables {
            let columns = format!("SELECT name FROM pragma_table_info('{table}')");
            let columns = names(&self.writer, &columns).await?;
            let row: Vec<_> = columns.iter().map(|column| format!("quote(\"{column}\")")).collect();
            let row = row.join(" || ',' || ");
            let text = |schema: &str| format!("SELECT {row} FROM {schema}.\"{table}\"");
            let original = sqlite_fingerprint(&self.writer, text("main")).await?;
            let copy = sqlite_fingerprint(&self.writer, text("copy")).await?;
            if original != copy {
                return Err(BackupError::Differs { table: table.clone() });
            }
            rows += original.rows;
        }
        Ok((tables.len(), rows))
    }

    async fn copy_on_postgres(&self, schema: &str) -> Result<Backup, BackupError> {
        let transaction = self.begin_migrating().await?;
        let tables = "SELECT relname::text FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition
            AND relnamespace = current_schema()::regnamespace ORDER BY relname";
        let tables = names(&transaction, tables).await?;
        transaction.execute_unprepared(&format!("CREATE SCHEMA {schema}")).await?;
        let mut rows = 0;
        for table in &tables {
            transaction.execute_unprepared(&format!("LOCK TABLE \"{table}\" IN SHARE MODE")).await?;
            let copy = format!("CREATE TABLE {schema}.\"{table}\" AS TABLE \"{table}\"");
            transaction.execute_unprepared(&copy).await?;
            let original = postgres_fingerprint(&transaction, &format!("\"{table}\"")).await?;
            let copy = postgres_fingerprint(&transaction, &format!("{schema}.\"{table}\"")).await?;
            if original != copy {
                return Err(BackupError::Differs { table: table.clone() });
            }
            rows += original.rows;
        }
        fail::fail_point!("backup-copied", |_| std::process::abort());
        transaction.commit().await?;
        fail::fail_point!("backup-made", |_| std::process::abort());
        Ok(Backup { place: format!("schema {schema}"), tables: tables.len(), rows })
    }
}

/// Removes a file, if it is there.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

async fn names(connection: &impl ConnectionTrait, statement: &str) -> Result<Vec<String>, BackupError> {
    let statement = Statement::from_string(connection.get_database_backend(), statement);
    let rows = connection.query_all_raw(statement).await?;
    Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?)
}

/// SQLite has no function for it, so the rows come by here, one after the other.
async fn sqlite_fingerprint(writer: &DatabaseConnection, text: String) -> Result<Fingerprint, BackupError> {
    let mut rows = sqlx::query(sqlx::AssertSqlSafe(text)).fetch(writer.get_sqlite_connection_pool());
    let (mut count, mut sum) = (0, 0_u128);
    while let Some(row) = rows.try_next().await? {
        let digest = Sha256::digest(row.try_get::<String, _>(0)?);
        let half = digest.iter().take(16).fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
        (count, sum) = (count + 1, sum.wrapping_add(half));
    }
    Ok(Fingerprint { rows: count, sum: sum.to_string() })
}

async fn postgres_fingerprint(transaction: &DatabaseTransaction, table: &str) -> Result<Fingerprint, BackupError> {
    let text = format!("SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)), 0)::text FROM {table} AS t");
    let row = transaction.query_one_raw(Statement::from_string(DbBackend::Postgres, text)).await?;
    let missing = || DatabaseError::BadRow { place: "a backup", detail: "there is no count".into() };
    let row = row.ok_or_else(missing)?;
    Ok(Fingerprint { rows: row.try_get_by_index(0)?, sum: row.try_get_by_index(1)? })
}
