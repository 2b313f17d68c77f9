//! One SQL text for two databases.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr};

/// The words in which the databases differ: placeholder, SQLite, PostgreSQL.
const WORDS: &[(&str, &str, &str)] = &[
    ("{uuid}", "blob", "uuid"),
    ("{timestamp}", "text", "timestamptz"),
    ("{json}", "text", "jsonb"),
    // Text that is ordered by its characters' code points.
    ("{key}", "text", "text COLLATE \"C\""),
    ("{without_rowid}", "WITHOUT ROWID", ""),
];

/// Runs statements one after the other, with the placeholders `{uuid}`, `{timestamp}`, `{json}`, `{key}` and
/// `{without_rowid}` replaced by the database's words.
///
/// # Errors
/// The database's, at the first statement that fails.
pub async fn run(transaction: &DatabaseTransaction, statements: &[&str]) -> Result<(), DbErr> {
    let is_postgres = transaction.get_database_backend() == DbBackend::Postgres;
    for statement in statements {
        let text = WORDS.iter().fold((*statement).to_owned(), |text, (placeholder, sqlite, postgres)| {
            text.replace(placeholder, if is_postgres { postgres } else { sqlite })
        });
        transaction.execute_unprepared(&text).await?;
    }
    Ok(())
}

/// Defines `Migration` from the statements that make a change and those that take it back.
macro_rules! migration {
    (up: [$($up:expr),* $(,)?], down: [$($down:expr),* $(,)?] $(,)?) => {
        pub(crate) struct Migration;

        #[async_trait::async_trait]
        impl $crate::runner::Change for Migration {
            async fn up(&self, transaction: &sea_orm::DatabaseTransaction) -> Result<(), sea_orm::DbErr> {
                $crate::sql::run(transaction, &[$($up),*]).await
            }

            async fn down(&self, transaction: &sea_orm::DatabaseTransaction) -> Result<(), sea_orm::DbErr> {
                $crate::sql::run(transaction, &[$($down),*]).await
            }
        }
    };
}
pub(crate) use migration;
