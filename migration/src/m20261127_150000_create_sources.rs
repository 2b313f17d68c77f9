//! Sources of collections, their syncs, and what is remembered of each of their files.

crate::sql::migration! {
    up: [
        "CREATE TABLE sources (
            id {uuid} NOT NULL PRIMARY KEY,
            collection_id {uuid} NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
            user_id {uuid} REFERENCES users (id) ON DELETE SET NULL,
            name text NOT NULL,
            location {json} NOT NULL,
            interval_minutes integer CHECK (interval_minutes > 0),
            -- How many syncs in a row have to miss a file before its document is deleted. NULL: it is kept.
            vanish_after integer CHECK (vanish_after > 0),
            status text NOT NULL CHECK (status IN ('IDLE', 'SYNCING', 'REMOVING')),
            error text,
            last_run {uuid},
            next_run_at {timestamp},
            created_at {timestamp} NOT NULL,
            updated_at {timestamp} NOT NULL
        )",
        "CREATE UNIQUE INDEX sources_collection_id_name_key ON sources (collection_id, name)",
        "CREATE INDEX sources_collection_id_idx ON sources (collection_id, id)",
        "CREATE INDEX sources_user_id_idx ON sources (user_id)",
        "CREATE INDEX sources_next_run_at_idx ON sources (next_run_at)",
        "CREATE TABLE source_runs (
            id {uuid} NOT NULL PRIMARY KEY,
            source_id {uuid} NOT NULL REFERENCES sources (id) ON DELETE CASCADE,
            operation_id {uuid} REFERENCES operations (id) ON DELETE SET NULL,
            found integer NOT NULL,
            added integer NOT NULL,
            changed integer NOT NULL,
            unchanged integer NOT NULL,
            removed integer NOT NULL,
            failed integer NOT NULL,
            skipped integer NOT NULL,
            error text,
            started_at {timestamp} NOT NULL,
            completed_at {timestamp}
        )",
        "CREATE INDEX source_runs_source_id_idx ON source_runs (source_id, id)",
        "CREATE INDEX source_runs_operation_id_idx ON source_runs (operation_id)",
        "CREATE TABLE source_files (
            source_id {uuid} NOT NULL REFERENCES sources (id) ON DELETE CASCADE,
            uri {key} NOT NULL,
            document_id {uuid} NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
            file_size bigint NOT NULL,
            modified bigint NOT NULL,
            missed integer NOT NULL,
            PRIMARY KEY (source_id, uri)
        ) {without_rowid}",
        "CREATE INDEX source_files_document_id_idx ON source_files (document_id)",
        "ALTER TABLE documents ADD COLUMN source_id {uuid} REFERENCES sources (id) ON DELETE SET NULL",
        "CREATE INDEX documents_source_id_idx ON documents (source_id, id)",
    ],
    down: [
        "DROP INDEX documents_source_id_idx",
        "ALTER TABLE documents DROP COLUMN source_id",
        "DROP TABLE source_files",
        "DROP TABLE source_runs",
        "DROP TABLE sources",
    ],
}
