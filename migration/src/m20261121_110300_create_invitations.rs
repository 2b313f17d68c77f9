//! Invitations to register. The token is kept as its SHA-256.

crate::sql::migration! {
    up: [
        "CREATE TABLE invitations (
            id {uuid} NOT NULL PRIMARY KEY,
            digest text NOT NULL,
            email text,
            role text NOT NULL CHECK (role IN ('ADMIN', 'MEMBER')),
            invited_by {uuid} REFERENCES users (id) ON DELETE SET NULL,
            created_at {timestamp} NOT NULL,
            expires_at {timestamp} NOT NULL,
            used_at {timestamp}
        )",
        "CREATE UNIQUE INDEX invitations_digest_key ON invitations (digest)",
    ],
    down: ["DROP TABLE invitations"],
}
