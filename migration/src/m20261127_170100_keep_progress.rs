//! The progress that an operation has shown, below which it does not fall.

crate::sql::migration! {
    up: ["ALTER TABLE operations ADD COLUMN least_progress integer NOT NULL DEFAULT 0"],
    down: ["ALTER TABLE operations DROP COLUMN least_progress"],
}
