//! Pages have versions instead of times, and validators with which their server is asked for changes.

crate::sql::migration! {
    up: [
        "ALTER TABLE source_files ADD COLUMN version text",
        "ALTER TABLE source_files ADD COLUMN etag text",
        "ALTER TABLE source_files ADD COLUMN last_modified text",
    ],
    down: [
        "ALTER TABLE source_files DROP COLUMN last_modified",
        "ALTER TABLE source_files DROP COLUMN etag",
        "ALTER TABLE source_files DROP COLUMN version",
    ],
}
