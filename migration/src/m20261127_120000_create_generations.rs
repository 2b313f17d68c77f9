//! Generations: one row for each index of a collection, with all that its vectors are made with, instead of columns of
//! the collection. Chunks belong to a generation, and what is indexed of a document is a row for each generation.
//!
//! What is there becomes the active generation of its collection, under the id that its points have: nothing is embedded
//! again. Until now there was one model, without prefixes, and one language.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

use crate::sql;

/// The columns of chunks but for the generation, in their order.
const CHUNK: &str =
    "id, collection_id, document_id, chunk_index, content, digest, token_count, start_offset, end_offset,
    headings, page, meta";

const CHUNK_COLUMNS: &str = "
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
    meta {json} NOT NULL";

const UNIQUE_ID: &str = "CREATE UNIQUE INDEX chunks_collection_id_id_key ON chunks (collection_id, id)";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        sql::run(
            manager,
            &[
                "CREATE TABLE generations (
                    id {uuid} NOT NULL PRIMARY KEY,
                    collection_id {uuid} NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
                    embedding_model {json} NOT NULL,
                    placement text NOT NULL,
                    dimension integer NOT NULL CHECK (dimension > 0),
                    chunking {json} NOT NULL,
                    lexical_language text NOT NULL CHECK (lexical_language IN ('ENGLISH')),
                    state text NOT NULL CHECK (state IN ('BUILDING', 'ACTIVE', 'RETIRED')),
                    document_count integer NOT NULL CHECK (document_count >= 0),
                    chunk_count integer NOT NULL CHECK (chunk_count >= 0),
                    created_at {timestamp} NOT NULL
                )",
                "CREATE UNIQUE INDEX generations_collection_id_active_key ON generations (collection_id)
                 WHERE state = 'ACTIVE'",
                "CREATE INDEX generations_collection_id_idx ON generations (collection_id, id)",
                "CREATE INDEX generations_placement_idx ON generations (placement)",
                "INSERT INTO generations (id, collection_id, embedding_model, placement, dimension, chunking,
                    lexical_language, state, document_count, chunk_count, created_at)
                 SELECT generation, id,
                    CAST('{\"name\":\"' || embedding_model
                        || '\",\"revision\":\"1110a243fdf4706b3f48f1d95db1a4f5529b4d41\",\"pooling\":\"MEAN\"'
                        || ',\"document_prefix\":\"\",\"query_prefix\":\"\",\"precision\":\"FLOAT32\"}' AS {json}),
                    vector_store_name, 384, chunking, 'ENGLISH', 'ACTIVE',
                    (SELECT count(*) FROM documents WHERE collection_id = collections.id AND revision > 0),
                    chunk_count, created_at
                 FROM collections",
                "CREATE TABLE indexed_documents (
                    generation_id {uuid} NOT NULL REFERENCES generations (id) ON DELETE CASCADE,
                    document_id {uuid} NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
                    revision integer NOT NULL CHECK (revision > 0),
                    chunk_count integer NOT NULL CHECK (chunk_count >= 0),
                    PRIMARY KEY (generation_id, document_id)
                ) {without_rowid}",
                "CREATE INDEX indexed_documents_document_id_idx ON indexed_documents (document_id)",
                "INSERT INTO indexed_documents (generation_id, document_id, revision, chunk_count)
                 SELECT collections.generation, documents.id, documents.revision, documents.chunk_count
                 FROM documents JOIN collections ON collections.id = documents.collection_id
                 WHERE documents.revision > 0",
            ],
        )
        .await?;
        // Chunks before columns: they find their generation in the collection.
        let chunks = if is_postgres(manager) { postgres_chunks_up() } else { sqlite_chunks_up() };
        run(manager, &chunks).await?;
        sql::run(
            manager,
            &[
                "DROP INDEX collections_vector_store_name_idx",
                "ALTER TABLE collections DROP COLUMN embedding_model",
                "ALTER TABLE collections DROP COLUMN chunking",
                "ALTER TABLE collections DROP COLUMN vector_store_name",
                "ALTER TABLE collections DROP COLUMN chunk_count",
            ],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let chunks = if is_postgres(manager) { postgres_chunks_down() } else { sqlite_chunks_down() };
        run(manager, &chunks).await?;
        sql::run(
            manager,
            &[
                "ALTER TABLE collections ADD COLUMN embedding_model text NOT NULL DEFAULT ''",
                "ALTER TABLE collections ADD COLUMN chunking {json} NOT NULL DEFAULT '{}'",
                "ALTER TABLE collections ADD COLUMN vector_store_name text NOT NULL DEFAULT ''",
                "ALTER TABLE collections ADD COLUMN chunk_count integer NOT NULL DEFAULT 0 CHECK (chunk_count >= 0)",
                "UPDATE collections SET
                    embedding_model =
                        (SELECT embedding_model ->> 'name' FROM generations WHERE generations.id = generation),
                    chunking = (SELECT chunking FROM generations WHERE generations.id = generation),
                    vector_store_name = (SELECT placement FROM generations WHERE generations.id = generation),
                    chunk_count = (SELECT chunk_count FROM generations WHERE generations.id = generation)
                 WHERE generation IN (SELECT id FROM generations)",
                "CREATE INDEX collections_vector_store_name_idx ON collections (vector_store_name)",
                "DROP TABLE indexed_documents",
                "DROP TABLE generations",
            ],
        )
        .await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn is_postgres(manager: &SchemaManager<'_>) -> bool {
    manager.get_database_backend() == DbBackend::Postgres
}

async fn run(manager: &SchemaManager<'_>, statements: &[String]) -> Result<(), DbErr> {
    let statements: Vec<_> = statements.iter().map(String::as_str).collect();
    sql::run(manager, &statements).await
}

fn postgres_chunks_up() -> Vec<String> {
    [
        "DELETE FROM chunks WHERE collection_id NOT IN (SELECT id FROM collections)",
        "ALTER TABLE chunks ADD COLUMN generation_id uuid",
        "UPDATE chunks SET generation_id = collections.generation FROM collections
         WHERE collections.id = chunks.collection_id",
        "ALTER TABLE chunks ALTER COLUMN generation_id SET NOT NULL",
        "ALTER TABLE chunks DROP CONSTRAINT chunks_pkey",
        "ALTER TABLE chunks ADD PRIMARY KEY (collection_id, generation_id, document_id, chunk_index)",
    ]
    .map(str::to_owned)
    .into()
}

fn postgres_chunks_down() -> Vec<String> {
    [
        "DELETE FROM chunks WHERE generation_id NOT IN (SELECT generation FROM collections)",
        "ALTER TABLE chunks DROP CONSTRAINT chunks_pkey",
        "ALTER TABLE chunks DROP COLUMN generation_id",
        "ALTER TABLE chunks ADD PRIMARY KEY (collection_id, document_id, chunk_index)",
    ]
    .map(str::to_owned)
    .into()
}

/// SQLite keeps the rows in the order of the key, so another key is another table.
fn sqlite_chunks_up() -> Vec<String> {
    replaced(
        "generation_id {uuid} NOT NULL, PRIMARY KEY (collection_id, generation_id, document_id, chunk_index)",
        &format!("{CHUNK}, generation_id"),
        &format!(
            "SELECT {}, collections.generation FROM chunks JOIN collections ON collections.id = chunks.collection_id",
            CHUNK.split(", ").map(|column| format!("chunks.{}", column.trim())).collect::<Vec<_>>().join(", ")
        ),
    )
}

fn sqlite_chunks_down() -> Vec<String> {
    replaced(
        "PRIMARY KEY (collection_id, document_id, chunk_index)",
        CHUNK,
        &format!("SELECT {CHUNK} FROM chunks WHERE generation_id IN (SELECT generation FROM collections)"),
    )
}

/// The table of chunks with another end, filled with these columns of those rows.
fn replaced(end: &str, columns: &str, rows: &str) -> Vec<String> {
    vec![
        format!("CREATE TABLE new_chunks ({CHUNK_COLUMNS}, {end}) {{without_rowid}}"),
        format!("INSERT INTO new_chunks ({columns}) {rows}"),
        "DROP TABLE chunks".to_owned(),
        "ALTER TABLE new_chunks RENAME TO chunks".to_owned(),
        UNIQUE_ID.to_owned(),
    ]
}
