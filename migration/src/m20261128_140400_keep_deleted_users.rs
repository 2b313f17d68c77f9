//! Deleted accounts. Their rows stay, without names, because operations, invitations and collections refer to them.

crate::sql::migration! {
    up: ["ALTER TABLE users ADD COLUMN deleted_at {timestamp}"],
    down: ["ALTER TABLE users DROP COLUMN deleted_at"],
}
