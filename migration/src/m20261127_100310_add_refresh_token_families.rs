//! What all refresh tokens of a login have in common: it recognises used ones, which need not be kept for that any more.

crate::sql::migration! {
    up: [
        "ALTER TABLE refresh_tokens ADD COLUMN family text",
        "CREATE INDEX refresh_tokens_family_idx ON refresh_tokens (family)",
    ],
    down: ["DROP INDEX refresh_tokens_family_idx", "ALTER TABLE refresh_tokens DROP COLUMN family"],
}
