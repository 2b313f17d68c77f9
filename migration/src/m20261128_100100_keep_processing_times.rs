//! When a document was last accepted, begun, indexed or failed. For what was there before, that is when it last changed.

crate::sql::migration! {
    up: ["ALTER TABLE documents ADD COLUMN processed_at {timestamp}"],
    down: ["ALTER TABLE documents DROP COLUMN processed_at"],
}
