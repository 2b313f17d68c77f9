//! What a user needs to recognise their logins, and what answers a refresh that was repeated at once.

crate::sql::migration! {
    up: [
        "ALTER TABLE sessions ADD COLUMN user_agent text",
        "ALTER TABLE sessions ADD COLUMN address text",
        "ALTER TABLE sessions ADD COLUMN last_used_at {timestamp}",
        // What the token's successor was derived with, when the token was used.
        "ALTER TABLE refresh_tokens ADD COLUMN salt text",
    ],
    down: [
        "ALTER TABLE refresh_tokens DROP COLUMN salt",
        "ALTER TABLE sessions DROP COLUMN last_used_at",
        "ALTER TABLE sessions DROP COLUMN address",
        "ALTER TABLE sessions DROP COLUMN user_agent",
    ],
}
