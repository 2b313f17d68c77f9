//! The family that all refresh tokens of a session share: it recognises used ones, which no longer have to be stored
//! for that.

crate::sql::migration! {
    up: [
        "ALTER TABLE refresh_tokens ADD COLUMN family text",
        "CREATE INDEX refresh_tokens_family_idx ON refresh_tokens (family)",
    ],
    down: ["DROP INDEX refresh_tokens_family_idx", "ALTER TABLE refresh_tokens DROP COLUMN family"],
}
