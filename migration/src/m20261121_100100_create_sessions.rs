//! Logins, and every refresh token that descended from them. A token is kept as the SHA-256 of its random value, so that
//! it can be looked up; a used one is kept too, so that its second use is noticed.

crate::sql::migration! {
    up: [
        "CREATE TABLE sessions (
            id {uuid} NOT NULL PRIMARY KEY,
            user_id {uuid} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
            created_at {timestamp} NOT NULL,
            expires_at {timestamp} NOT NULL,
            revoked_at {timestamp}
        )",
        "CREATE INDEX sessions_user_id_idx ON sessions (user_id)",
        "CREATE TABLE refresh_tokens (
            digest text NOT NULL PRIMARY KEY,
            session_id {uuid} NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
            created_at {timestamp} NOT NULL,
            used_at {timestamp}
        )",
        "CREATE INDEX refresh_tokens_session_id_idx ON refresh_tokens (session_id)",
    ],
    down: ["DROP TABLE refresh_tokens", "DROP TABLE sessions"],
}
