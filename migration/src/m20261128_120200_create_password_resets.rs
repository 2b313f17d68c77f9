//! Tokens with which users set a new password after they forgot theirs. A token is kept as its SHA-256, one for an account.

crate::sql::migration! {
    up: [
        "CREATE TABLE password_resets (
            user_id {uuid} NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
            digest text NOT NULL,
            created_at {timestamp} NOT NULL,
            expires_at {timestamp} NOT NULL
        )",
        "CREATE UNIQUE INDEX password_resets_digest_key ON password_resets (digest)",
    ],
    down: ["DROP TABLE password_resets"],
}
