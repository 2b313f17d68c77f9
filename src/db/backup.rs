//! Copies of the database, made before a step that loses data, and compared with it row by row.
//!
//! SQLite: a file in the folder `backups` of the data directory, made while others read. PostgreSQL: a schema beside the
//! tables, in the transaction of the migration.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, Statement, TransactionTrait, sqlx};
use sha2::{Digest, Sha256};
use sqlx::Row;
use tracing::info;

use super::{Database, DatabaseError};

/// Where SQLite's copies are, in the data directory.
const FOLDER: &str = "backups";

/// How the names of SQLite's copies begin and end.
const NAME: (&str, &str) = ("docent-", ".db");

/// How the names of PostgreSQL's schemas with copies begin.
const SCHEMA: &str = "docent_backup";

/// The moment in the name of a copy.
const STAMP: &str = "%Y%m%d_%H%M%S_%3f";

/// How long to wait for one lock on PostgreSQL: less than the second after which it looks for a deadlock, and ends a
/// transaction.
const LOCK_TIMEOUT_MS: u32 = 500;

/// How long others can have the tables between two attempts to lock all of them.
const LOCK_PAUSE: Duration = Duration::from_millis(200);

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
    /// Copies SQLite's database and compares the copy with it, unless the newest copy is still the same as the database:
    /// a server whose migration fails at each start makes one. Nothing else may write meanwhile. A copy that was
    /// interrupted leaves nothing that looks like one.
    pub(super) async fn copy_on_sqlite(&self, data_dir: &Path, now: DateTime<Utc>) -> Result<Backup, BackupError> {
        let folder = data_dir.join(FOLDER);
        let path = folder.join(format!("{}{}{}", NAME.0, now.format(STAMP), NAME.1));
        let half = folder.join("docent.db.partial");
        let failed = |source| BackupError::Io { path: path.clone(), source };
        fs::create_dir_all(&folder).map_err(failed)?;
        remove(&half).map_err(failed)?;
        if let Some(newest) = newest(&folder).map_err(failed)? {
            match self.compare_on_sqlite(&newest).await {
                Ok((tables, rows)) => return Ok(Backup { place: newest.display().to_string(), tables, rows }),
                Err(error) => info!(
                    copy = %newest.display(),
                    error = &error as &dyn std::error::Error,
                    "an earlier copy of the database is not the same any more"
                ),
            }
        }
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
        fs::File::open(&folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        fail::fail_point!("backup-made", |_| std::process::abort());
        Ok(Backup { place: path.display().to_string(), tables, rows })
    }

    /// Writes a copy, and compares it. Returns the numbers of tables and rows.
    async fn fill_on_sqlite(&self, half: &Path) -> Result<(usize, i64), BackupError> {
        let failed = |source| BackupError::Io { path: half.to_owned(), source };
        self.writer.execute_unprepared(&format!("VACUUM INTO {}", quoted(half))).await?;
        fail::fail_point!("backup-copied", |_| std::process::abort());
        let compared = self.compare_on_sqlite(half).await?;
        fs::File::open(half).and_then(|file| file.sync_all()).map_err(failed)?;
        fail::fail_point!("backup-compared", |_| Err(BackupError::Differs { table: "injected".into() }));
        Ok(compared)
    }

    /// The numbers of tables and rows that a copy has, if it has those of the database.
    async fn compare_on_sqlite(&self, copy: &Path) -> Result<(usize, i64), BackupError> {
        self.writer.execute_unprepared(&format!("ATTACH DATABASE {} AS copy", quoted(copy))).await?;
        let compared = self.compare_attached().await;
        self.writer.execute_unprepared("DETACH DATABASE copy").await?;
        compared
    }

    async fn compare_attached(&self) -> Result<(usize, i64), BackupError> {
        let schema = |database: &str| {
            format!(
                "SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM {database}.sqlite_schema
                 WHERE name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY 1"
            )
        };
        if names(&self.writer, &schema("main")).await? != names(&self.writer, &schema("copy")).await? {
            return Err(BackupError::Differs { table: "sqlite_schema".into() });
        }
        let tables =
            "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'";
        let tables = names(&self.writer, tables).await?;
        let mut rows = 0;
        for table in &tables {
            let columns = format!("SELECT name FROM pragma_table_info('{table}')");
            let columns = names(&self.writer, &columns).await?;
            let row: Vec<_> = columns.iter().map(|column| format!("quote(\"{column}\")")).collect();
            let row = row.join(" || ',' || ");
            let text = |database: &str| format!("SELECT {row} FROM {database}.\"{table}\"");
            let original = sqlite_fingerprint(&self.writer, text("main")).await?;
            let copy = sqlite_fingerprint(&self.writer, text("copy")).await?;
            if original != copy {
                return Err(BackupError::Differs { table: table.clone() });
            }
            rows += original.rows;
        }
        Ok((tables.len(), rows))
    }
}

/// Copies all tables on PostgreSQL, and compares the copies with them. Nobody else reads or writes the tables until the
/// transaction ends: what is written later waits for the migrations. If these fail, the copies are gone again.
pub(super) async fn copy_on_postgres(
    transaction: &DatabaseTransaction,
    now: DateTime<Utc>,
) -> Result<Backup, BackupError> {
    let schema = format!("{SCHEMA}_{}", now.format(STAMP));
    let tables = "SELECT relname::text FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition
        AND relnamespace = current_schema()::regnamespace ORDER BY relname";
    let tables = names(transaction, tables).await?;
    lock_all(transaction, &tables).await?;
    transaction.execute_unprepared(&format!("CREATE SCHEMA {schema}")).await?;
    let mut rows = 0;
    for table in &tables {
        let copy = format!("CREATE TABLE {schema}.\"{table}\" AS TABLE \"{table}\"");
        transaction.execute_unprepared(&copy).await?;
        let original = postgres_fingerprint(transaction, &format!("\"{table}\"")).await?;
        let copy = postgres_fingerprint(transaction, &format!("{schema}.\"{table}\"")).await?;
        if original != copy {
            return Err(BackupError::Differs { table: table.clone() });
        }
        rows += original.rows;
    }
    fail::fail_point!("backup-copied", |_| std::process::abort());
    fail::fail_point!("backup-made", |_| std::process::abort());
    Ok(Backup { place: format!("schema {schema}"), tables: tables.len(), rows })
}

/// Locks these tables: all of them or none, so that others who have one and wait for another are let through. The lock
/// is the one that migrations need, because a lock that has to be raised later ends in deadlocks.
async fn lock_all(transaction: &DatabaseTransaction, tables: &[String]) -> Result<(), DatabaseError> {
    let tables: Vec<_> = tables.iter().map(|table| format!("\"{table}\"")).collect();
    let lock = format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", tables.join(", "));
    let mut has_waited = false;
    loop {
        let attempt = transaction.begin().await?;
        attempt.execute_unprepared(&format!("SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")).await?;
        match attempt.execute_unprepared(&lock).await.map_err(DatabaseError::from) {
            Ok(_) => {
                attempt.execute_unprepared("SET LOCAL lock_timeout = 0").await?;
                return Ok(attempt.commit().await?);
            }
            Err(DatabaseError::Contention(_)) => attempt.rollback().await?,
            Err(error) => return Err(error),
        }
        if !has_waited {
            info!("the database is copied as soon as nobody else uses its tables");
        }
        has_waited = true;
        tokio::time::sleep(LOCK_PAUSE).await;
    }
}

/// The newest copy in the folder. Their names begin with the moment at which they were made.
fn newest(folder: &Path) -> io::Result<Option<PathBuf>> {
    let mut newest = None;
    for file in fs::read_dir(folder)? {
        let name = file?.file_name().into_string().unwrap_or_default();
        if name.starts_with(NAME.0) && name.ends_with(NAME.1) {
            newest = newest.max(Some(name));
        }
    }
    Ok(newest.map(|name| folder.join(name)))
}

/// A path as a text in a statement.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "''"))
}

/// Removes a file, if it is there.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// The first column of all rows.
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
