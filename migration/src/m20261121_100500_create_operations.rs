//! Operations, the outcome of each document in them, and their events.

crate::sql::migration! {
    up: [
        "CREATE TABLE operations (
            id {uuid} NOT NULL PRIMARY KEY,
            collection_id {uuid} REFERENCES collections (id) ON DELETE SET NULL,
            user_id {uuid} REFERENCES users (id) ON DELETE SET NULL,
            operation_type text NOT NULL
                CHECK (operation_type IN ('INDEX', 'APPEND', 'REINDEX', 'DELETE', 'REMOVE_SOURCE')),
            status text NOT NULL CHECK (status IN ('PENDING', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELLED')),
            config {json} NOT NULL,
            error_message text,
            document_total integer NOT NULL,
            completed_total integer NOT NULL,
            failed_total integer NOT NULL,
            skipped_total integer NOT NULL,
            cancelled_total integer NOT NULL,
            chunk_total integer NOT NULL,
            last_sequence integer NOT NULL,
            cancel_requested boolean NOT NULL,
            idempotency_key text,
            request_digest text,
            created_at {timestamp} NOT NULL,
            started_at {timestamp},
            completed_at {timestamp}
        )",
        "CREATE UNIQUE INDEX operations_user_id_idempotency_key_key ON operations (user_id, idempotency_key)",
        "CREATE INDEX operations_collection_id_idx ON operations (collection_id, id)",
        "CREATE INDEX operations_user_id_idx ON operations (user_id, id)",
        // What an operation wants of a document, until it is done: the content that will become the document's.
        "CREATE TABLE operation_documents (
            operation_id {uuid} NOT NULL REFERENCES operations (id) ON DELETE CASCADE,
            ordinal integer NOT NULL,
            document_id {uuid} NOT NULL,
            outcome text NOT NULL
                CHECK (outcome IN ('PENDING', 'PROCESSING', 'COMPLETED', 'FAILED', 'SKIPPED', 'CANCELLED')),
            error {json},
            chunk_count integer NOT NULL,
            revision integer NOT NULL,
            file_name text NOT NULL,
            uri text NOT NULL,
            content_type text,
            file_size bigint NOT NULL,
            content_hash text NOT NULL,
            meta {json} NOT NULL,
            PRIMARY KEY (operation_id, ordinal)
        )",
        "CREATE UNIQUE INDEX operation_documents_document_id_key ON operation_documents (document_id, operation_id)",
        "CREATE INDEX operation_documents_content_hash_idx ON operation_documents (content_hash)",
        "CREATE TABLE operation_events (
            operation_id {uuid} NOT NULL REFERENCES operations (id) ON DELETE CASCADE,
            seq integer NOT NULL CHECK (seq > 0),
            kind text NOT NULL,
            document_id {uuid},
            message text,
            progress integer NOT NULL CHECK (progress BETWEEN 0 AND 100),
            at {timestamp} NOT NULL,
            PRIMARY KEY (operation_id, seq)
        )",
    ],
    down: ["DROP TABLE operation_events", "DROP TABLE operation_documents", "DROP TABLE operations"],
}
