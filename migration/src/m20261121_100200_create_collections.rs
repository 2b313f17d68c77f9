//! Collections of documents.

crate::sql::migration! {
    up: [
        "CREATE TABLE collections (
            id {uuid} NOT NULL PRIMARY KEY,
            owner_id {uuid} NOT NULL REFERENCES users (id),
            name text NOT NULL,
            description text,
            status text NOT NULL CHECK (status IN ('READY', 'PROCESSING', 'DELETING')),
            is_public boolean NOT NULL,
            meta {json} NOT NULL,
            embedding_model text NOT NULL,
            chunking {json} NOT NULL,
            vector_store_name text NOT NULL,
            generation {uuid} NOT NULL,
            sync_mode text NOT NULL CHECK (sync_mode IN ('ONE_TIME', 'CONTINUOUS')),
            sync_interval_minutes integer,
            document_count integer NOT NULL CHECK (document_count >= 0),
            chunk_count integer NOT NULL CHECK (chunk_count >= 0),
            total_bytes bigint NOT NULL CHECK (total_bytes >= 0),
            created_at {timestamp} NOT NULL,
            updated_at {timestamp} NOT NULL
        )",
        // A collection that is being removed gives its name free.
        "CREATE UNIQUE INDEX collections_owner_id_name_key ON collections (owner_id, name) WHERE status <> 'DELETING'",
        "CREATE INDEX collections_name_idx ON collections (name, id)",
        "CREATE UNIQUE INDEX collections_generation_key ON collections (generation)",
    ],
    down: ["DROP TABLE collections"],
}
