//! Accounts.

crate::sql::migration! {
    up: [
        "CREATE TABLE users (
            id {uuid} NOT NULL PRIMARY KEY,
            username text NOT NULL,
            email text NOT NULL,
            full_name text,
            password_hash text NOT NULL,
            role text NOT NULL CHECK (role IN ('ADMIN', 'MEMBER')),
            is_active boolean NOT NULL,
            created_at {timestamp} NOT NULL,
            updated_at {timestamp} NOT NULL
        )",
        // Names and addresses are compared without case.
        "CREATE UNIQUE INDEX users_username_key ON users (lower(username))",
        "CREATE UNIQUE INDEX users_email_key ON users (lower(email))",
    ],
    down: ["DROP TABLE users"],
}
