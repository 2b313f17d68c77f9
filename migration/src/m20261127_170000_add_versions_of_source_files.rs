//! Pages have versions instead of times, and validators with which their server is asked for changes. Before, there were only
//! directories: a program of that time can't read another source, so the way back removes those. Their documents stay.

crate::sql::migration! {
    up: [
        "ALTER TABLE source_files ADD COLUMN version text",
        "ALTER TABLE source_files ADD COLUMN etag text",
        "ALTER TABLE source_files ADD COLUMN last_modified text",
    ],
    down: [
        "DELETE FROM sources WHERE (location ->> 'kind') <> 'DIRECTORY'",
        "ALTER TABLE source_files DROP COLUMN last_modified",
        "ALTER TABLE source_files DROP COLUMN etag",
        "ALTER TABLE source_files DROP COLUMN version",
    ],
}
