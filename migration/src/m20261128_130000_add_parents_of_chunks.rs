//! The larger part of its text that a small chunk is in.

crate::sql::migration! {
    up: ["ALTER TABLE chunks ADD COLUMN parent {json}"],
    down: ["ALTER TABLE chunks DROP COLUMN parent"],
}
