//! Uploads.

crate::sql::migration! {
    up: [
        "CREATE TABLE uploads (
            id {uuid} NOT NULL PRIMARY KEY,
            user_id {uuid} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
            file_name text NOT NULL,
            content_type text,
            file_size bigint,
            content_hash text,
            created_at {timestamp} NOT NULL,
            expires_at {timestamp} NOT NULL
        )",
        "CREATE INDEX uploads_user_id_idx ON uploads (user_id, id)",
        "CREATE INDEX uploads_expires_at_idx ON uploads (expires_at)",
    ],
    down: ["DROP TABLE uploads"],
}
