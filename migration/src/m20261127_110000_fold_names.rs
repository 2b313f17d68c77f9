//! Names are compared and ordered by keys: NFC after Unicode's case folding, the same on both databases.
//!
//! SQL can't fold, so rows with other letters than ASCII are filled one by one. Rows that were apart before and have one
//! key now stay: the oldest keeps its name. A later account of the name gets a number behind its own (`ünal-2`), and so
//! does a later collection of one owner (`Über (2)`). Of accounts with one e-mail address only the oldest can sign in with
//! it; the others sign in with their user names. Of documents whose uris differ in their Unicode form alone, the one in
//! another form than NFC keeps its own.

use caseless::Caseless;
use sea_orm_migration::{
    prelude::*,
    sea_orm::{DbBackend, QueryResult, Statement},
};
use unicode_normalization::UnicodeNormalization;

use crate::sql;

/// Rows that are read at once.
const PAGE: u32 = 500;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let rows = Rows { manager, is_postgres: manager.get_database_backend() == DbBackend::Postgres };
        sql::run(
            manager,
            &[
                "DROP INDEX users_username_key",
                "DROP INDEX users_email_key",
                "DROP INDEX collections_owner_id_name_key",
                "DROP INDEX collections_name_idx",
                "DROP INDEX collections_public_name_idx",
                "DROP INDEX documents_collection_id_file_name_idx",
                "ALTER TABLE users ADD COLUMN username_key {key} NOT NULL DEFAULT ''",
                "ALTER TABLE users ADD COLUMN email_key {key} NOT NULL DEFAULT ''",
                "ALTER TABLE collections ADD COLUMN name_key {key} NOT NULL DEFAULT ''",
                "ALTER TABLE documents ADD COLUMN file_name_key {key} NOT NULL DEFAULT ''",
            ],
        )
        .await?;
        rows.fill("users", "username").await?;
        rows.fill("users", "email").await?;
        rows.fill("collections", "name").await?;
        rows.fill("documents", "file_name").await?;
        rows.compose_uris().await?;
        rows.part_user_names().await?;
        rows.part_addresses().await?;
        rows.part_collections().await?;
        sql::run(
            manager,
            &[
                "CREATE UNIQUE INDEX users_username_key_key ON users (username_key)",
                "CREATE UNIQUE INDEX users_email_key_key ON users (email_key)",
                "CREATE UNIQUE INDEX collections_owner_id_name_key_key ON collections (owner_id, name_key)
                 WHERE status <> 'DELETING'",
                "CREATE INDEX collections_name_key_idx ON collections (name_key, id)",
                "CREATE INDEX collections_public_name_key_idx ON collections (name_key, id) WHERE is_public",
                "CREATE INDEX documents_collection_id_file_name_key_idx
                 ON documents (collection_id, file_name_key, id)",
            ],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        sql::run(
            manager,
            &[
                "DROP INDEX documents_collection_id_file_name_key_idx",
                "DROP INDEX collections_public_name_key_idx",
                "DROP INDEX collections_name_key_idx",
                "DROP INDEX collections_owner_id_name_key_key",
                "DROP INDEX users_email_key_key",
                "DROP INDEX users_username_key_key",
                "ALTER TABLE documents DROP COLUMN file_name_key",
                "ALTER TABLE collections DROP COLUMN name_key",
                "ALTER TABLE users DROP COLUMN email_key",
                "ALTER TABLE users DROP COLUMN username_key",
                "CREATE UNIQUE INDEX users_username_key ON users (lower(username))",
                "CREATE UNIQUE INDEX users_email_key ON users (lower(email))",
                "CREATE UNIQUE INDEX collections_owner_id_name_key ON collections (owner_id, name)
                 WHERE status <> 'DELETING'",
                "CREATE INDEX collections_name_idx ON collections (name, id)",
                "CREATE INDEX collections_public_name_idx ON collections (name, id) WHERE is_public",
                "CREATE INDEX documents_collection_id_file_name_idx ON documents (collection_id, file_name, id)",
            ],
        )
        .await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn composed(text: &str) -> String {
    text.nfc().collect()
}

/// The key of a name, as the application makes it since this migration.
fn folded(text: &str) -> String {
    let seen = text.nfd().filter(|character| !is_ignorable(*character));
    let spaced = seen.map(|character| if character.is_whitespace() { ' ' } else { character });
    spaced.default_case_fold().nfc().collect()
}

/// Unicode's `Default_Ignorable_Code_Point`.
fn is_ignorable(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// The rows of the database, with their ids as hexadecimal digits.
struct Rows<'a> {
    manager: &'a SchemaManager<'a>,
    is_postgres: bool,
}

impl Rows<'_> {
    /// Fills the key of every row. What is ASCII alone the database can do by itself.
    async fn fill(&self, table: &str, column: &str) -> Result<(), DbErr> {
        let text = if self.is_postgres { format!("{column} COLLATE \"C\"") } else { column.to_owned() };
        self.run(&format!("UPDATE {table} SET {column}_key = lower({text})"), &[]).await?;
        let mut last = None;
        loop {
            let page = self.page(table, column, last.as_deref()).await?;
            for (id, name) in &page {
                let statement =
                    format!("UPDATE {table} SET {column} = $1, {column}_key = $2 WHERE id = {}", self.id(id));
                self.run(&statement, &[&composed(name), &folded(name)]).await?;
            }
            match page.into_iter().next_back() {
                Some((id, _)) => last = Some(id),
                None => return Ok(()),
            }
        }
    }

    /// Puts the uris of documents into their one form, save where another document has it.
    async fn compose_uris(&self) -> Result<(), DbErr> {
        let mut last = None;
        loop {
            let page = self.page("documents", "uri", last.as_deref()).await?;
            for (id, uri) in &page {
                let one_form = composed(uri);
                if one_form == *uri {
                    continue;
                }
                let statement = format!(
                    "UPDATE documents SET uri = $1 WHERE id = {} AND NOT EXISTS (SELECT 1 FROM documents AS other
                     WHERE other.collection_id = documents.collection_id AND other.uri = $1)",
                    self.id(id)
                );
                self.run(&statement, &[&one_form]).await?;
            }
            match page.into_iter().next_back() {
                Some((id, _)) => last = Some(id),
                None => return Ok(()),
            }
        }
    }

    async fn part_user_names(&self) -> Result<(), DbErr> {
        for (id, name) in self.later_twins("users", "username", "", "").await? {
            let mut number = 2;
            loop {
                let new = format!("{name}-{number}");
                let taken = "SELECT 1 AS one FROM users WHERE username_key = $1 LIMIT 1";
                if self.read(taken, &[&folded(&new)]).await?.is_empty() {
                    let statement =
                        format!("UPDATE users SET username = $1, username_key = $2 WHERE id = {}", self.id(&id));
                    self.run(&statement, &[&new, &folded(&new)]).await?;
                    break;
                }
                number += 1;
            }
        }
        Ok(())
    }

    async fn part_addresses(&self) -> Result<(), DbErr> {
        for (id, address) in self.later_twins("users", "email", "", "").await? {
            // No address has a space.
            let key = format!("{} {id}", folded(&address));
            self.run(&format!("UPDATE users SET email_key = $1 WHERE id = {}", self.id(&id)), &[&key]).await?;
        }
        Ok(())
    }

    async fn part_collections(&self) -> Result<(), DbErr> {
        let kept = "AND status <> 'DELETING'";
        for (id, name) in self.later_twins("collections", "name", "owner_id,", kept).await? {
            let mut number = 2;
            loop {
                let new = format!("{name} ({number})");
                let taken = format!(
                    "SELECT 1 AS one FROM collections WHERE name_key = $1 {kept}
                     AND owner_id = (SELECT owner_id FROM collections WHERE id = {}) LIMIT 1",
                    self.id(&id)
                );
                if self.read(&taken, &[&folded(&new)]).await?.is_empty() {
                    let statement =
                        format!("UPDATE collections SET name = $1, name_key = $2 WHERE id = {}", self.id(&id));
                    self.run(&statement, &[&new, &folded(&new)]).await?;
                    break;
                }
                number += 1;
            }
        }
        Ok(())
    }

    /// The rows with the key of an older one, oldest first: ids begin with their time.
    async fn later_twins(
        &self,
        table: &str,
        column: &str,
        within: &str,
        condition: &str,
    ) -> Result<Vec<(String, String)>, DbErr> {
        let statement = format!(
            "SELECT {} AS row_id, {column} AS name FROM (
                SELECT id, {column}, row_number() OVER (PARTITION BY {within} {column}_key ORDER BY id) AS place
                FROM {table} WHERE true {condition}
             ) AS numbered WHERE place > 1 ORDER BY id",
            self.id_text()
        );
        named(&self.read(&statement, &[]).await?)
    }

    /// The next rows whose text in a column is not ASCII alone.
    async fn page(&self, table: &str, column: &str, after: Option<&str>) -> Result<Vec<(String, String)>, DbErr> {
        let is_long = if self.is_postgres {
            format!("octet_length({column}) <> char_length({column})")
        } else {
            format!("length(CAST({column} AS blob)) <> length({column})")
        };
        let behind = after.map_or_else(String::new, |id| format!("AND id > {}", self.id(id)));
        let statement = format!(
            "SELECT {} AS row_id, {column} AS name FROM {table} WHERE {is_long} {behind} ORDER BY id LIMIT {PAGE}",
            self.id_text()
        );
        named(&self.read(&statement, &[]).await?)
    }

    fn id_text(&self) -> &'static str {
        if self.is_postgres { "id::text" } else { "hex(id)" }
    }

    /// An id in a statement.
    fn id(&self, id: &str) -> String {
        if self.is_postgres { format!("'{id}'::uuid") } else { format!("x'{id}'") }
    }

    async fn run(&self, statement: &str, texts: &[&str]) -> Result<(), DbErr> {
        let statement = self.statement(statement, texts);
        self.manager.get_connection().execute_raw(statement).await.map(drop)
    }

    async fn read(&self, statement: &str, texts: &[&str]) -> Result<Vec<QueryResult>, DbErr> {
        self.manager.get_connection().query_all_raw(self.statement(statement, texts)).await
    }

    fn statement(&self, statement: &str, texts: &[&str]) -> Statement {
        let values = texts.iter().map(|text| Value::from(*text));
        Statement::from_sql_and_values(self.manager.get_database_backend(), statement, values)
    }
}

fn named(rows: &[QueryResult]) -> Result<Vec<(String, String)>, DbErr> {
    rows.iter().map(|row| Ok((row.try_get("", "row_id")?, row.try_get("", "name")?))).collect()
}
