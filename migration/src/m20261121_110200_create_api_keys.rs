//! Credentials for programs. A key is kept as the SHA-256 of its random secret.

crate::sql::migration! {
    up: [
        "CREATE TABLE api_keys (
            id {uuid} NOT NULL PRIMARY KEY,
            user_id {uuid} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
            name text NOT NULL,
            prefix text NOT NULL,
            digest text NOT NULL,
            actions {json} NOT NULL,
            all_collections boolean NOT NULL,
            points_per_minute integer CHECK (points_per_minute > 0),
            points_budget bigint CHECK (points_budget > 0),
            points_spent bigint NOT NULL CHECK (points_spent >= 0),
            created_at {timestamp} NOT NULL,
            expires_at {timestamp},
            last_used_at {timestamp},
            revoked_at {timestamp}
        )",
        "CREATE UNIQUE INDEX api_keys_digest_key ON api_keys (digest)",
        "CREATE INDEX api_keys_user_id_idx ON api_keys (user_id, id)",
        // The collections that a key can access, if it can't access all. Deleting a collection deletes its row.
        "CREATE TABLE api_key_collections (
            api_key_id {uuid} NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
            collection_id {uuid} NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
            PRIMARY KEY (api_key_id, collection_id)
        ) {without_rowid}",
        "CREATE INDEX api_key_collections_collection_id_idx ON api_key_collections (collection_id)",
        // A key fills and uses no other uploads than its own.
        "ALTER TABLE uploads ADD COLUMN api_key_id {uuid}",
    ],
    down: [
        "ALTER TABLE uploads DROP COLUMN api_key_id",
        "DROP TABLE api_key_collections",
        "DROP TABLE api_keys",
    ],
}
