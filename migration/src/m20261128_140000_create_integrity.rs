//! What the checks of the stores have found, for all processes together: the last check of each worker, and the collections
//! whose chunks and points differ until they are repaired.

crate::sql::migration! {
    up: [
        "CREATE TABLE integrity_checks (
            worker text NOT NULL PRIMARY KEY,
            checked_at {timestamp} NOT NULL,
            collections integer NOT NULL CHECK (collections >= 0),
            findings {json} NOT NULL
        )",
        "CREATE TABLE integrity_differences (
            collection_id {uuid} NOT NULL PRIMARY KEY REFERENCES collections (id) ON DELETE CASCADE,
            chunks bigint NOT NULL,
            points bigint NOT NULL,
            is_sure boolean NOT NULL
        )",
    ],
    down: ["DROP TABLE integrity_differences", "DROP TABLE integrity_checks"],
}
