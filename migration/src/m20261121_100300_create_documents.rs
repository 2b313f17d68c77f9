//! Documents, one for each uri in a collection.

crate::sql::migration! {
    up: [
        "CREATE TABLE documents (
            id {uuid} NOT NULL PRIMARY KEY,
            collection_id {uuid} NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
            file_name text NOT NULL,
            uri text NOT NULL,
            content_type text NOT NULL,
            file_size bigint NOT NULL CHECK (file_size >= 0),
            content_hash text NOT NULL,
            status text NOT NULL CHECK (status IN ('PENDING', 'PROCESSING', 'COMPLETED', 'FAILED', 'QUARANTINED')),
            error {json},
            meta {json} NOT NULL,
            language text,
            title text,
            chunk_count integer NOT NULL CHECK (chunk_count >= 0),
            revision integer NOT NULL,
            next_revision integer NOT NULL,
            created_at {timestamp} NOT NULL,
            updated_at {timestamp} NOT NULL
        )",
        "CREATE UNIQUE INDEX documents_collection_id_uri_key ON documents (collection_id, uri)",
        "CREATE INDEX documents_collection_id_idx ON documents (collection_id, id)",
        "CREATE INDEX documents_collection_id_file_name_idx ON documents (collection_id, file_name, id)",
        "CREATE INDEX documents_content_hash_idx ON documents (content_hash)",
    ],
    down: ["DROP TABLE documents"],
}
