//! Chunks of documents. PostgreSQL stores them in 100 partitions by hash of the collection, so every statement about
//! chunks names its collection; SQLite clusters them by the same key.

use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, DbBackend},
};

const PARTITIONS: u32 = 100;

const COLUMNS: &str = "
    id {uuid} NOT NULL,
    collection_id {uuid} NOT NULL,
    document_id {uuid} NOT NULL,
    chunk_index integer NOT NULL CHECK (chunk_index >= 0),
    content text NOT NULL,
    digest text NOT NULL,
    token_count integer NOT NULL,
    start_offset integer NOT NULL,
    end_offset integer NOT NULL,
    headings {json} NOT NULL,
    page integer,
    meta {json} NOT NULL,
    PRIMARY KEY (collection_id, document_id, chunk_index)";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let is_partitioned = manager.get_database_backend() == DbBackend::Postgres;
        let tail = if is_partitioned { "PARTITION BY HASH (collection_id)" } else { "{without_rowid}" };
        crate::sql::run(manager, &[&format!("CREATE TABLE chunks ({COLUMNS}) {tail}")]).await?;
        if is_partitioned {
            for partition in 0..PARTITIONS {
                let statement = format!(
                    "CREATE TABLE chunks_{partition:02} PARTITION OF chunks
                     FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {partition})"
                );
                manager.get_connection().execute_unprepared(&statement).await?;
            }
        }
        crate::sql::run(manager, &["CREATE UNIQUE INDEX chunks_collection_id_id_key ON chunks (collection_id, id)"])
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::sql::run(manager, &["DROP TABLE chunks"]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
