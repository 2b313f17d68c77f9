//! The store of originals that this database belongs to: one row, written at the first start.

crate::sql::migration! {
    up: [
        "CREATE TABLE stores (
            only_row boolean NOT NULL PRIMARY KEY CHECK (only_row),
            id {uuid} NOT NULL,
            registered_at {timestamp} NOT NULL
        )",
    ],
    down: ["DROP TABLE stores"],
}
