//! Indexes from which followers of all operations on a collection start: those that are open, and those that ended lately.
//! Neither has all operations, so that PostgreSQL never counts the operations of others in one of them.

crate::sql::migration! {
    up: [
        "CREATE INDEX operations_collection_id_open_idx ON operations (collection_id, id) WHERE completed_at IS NULL",
        "CREATE INDEX operations_collection_id_completed_at_idx ON operations (collection_id, completed_at) WHERE completed_at IS NOT NULL",
    ],
    down: [
        "DROP INDEX operations_collection_id_completed_at_idx",
        "DROP INDEX operations_collection_id_open_idx",
    ],
}
