//! One SQL text for two databases.

use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, DbBackend},
};

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
pub async fn run(manager: &SchemaManager<'_>, statements: &[&str]) -> Result<(), DbErr> {
    let is_postgres = manager.get_database_backend() == DbBackend::Postgres;
    for statement in statements {
        let text = WORDS.iter().fold((*statement).to_owned(), |text, (placeholder, sqlite, postgres)| {
            text.replace(placeholder, if is_postgres { postgres } else { sqlite })
        });
        manager.get_connection().execute_unprepared(&text).await?;
    }
    Ok(())
}

/// Defines `Migration` from the statements that make a change and those that take it back.
macro_rules! migration {
    (up: [$($up:expr),* $(,)?], down: [$($down:expr),* $(,)?] $(,)?) => {
        #[derive(sea_orm_migration::prelude::DeriveMigrationName)]
        pub(crate) struct Migration;

        #[sea_orm_migration::async_trait::async_trait]
        impl sea_orm_migration::MigrationTrait for Migration {
            async fn up(
                &self,
                manager: &sea_orm_migration::SchemaManager,
            ) -> Result<(), sea_orm_migration::DbErr> {
                $crate::sql::run(manager, &[$($up),*]).await
            }

            async fn down(
                &self,
                manager: &sea_orm_migration::SchemaManager,
            ) -> Result<(), sea_orm_migration::DbErr> {
                $crate::sql::run(manager, &[$($down),*]).await
            }

            fn use_transaction(&self) -> Option<bool> {
                Some(true)
            }
        }
    };
}
pub(crate) use migration;
