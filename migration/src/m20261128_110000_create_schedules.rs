//! When each recurring task is due, for all processes together, and what the workers of each process do.

crate::sql::migration! {
    up: [
        "CREATE TABLE schedules (
            name text NOT NULL PRIMARY KEY,
            due_at {timestamp} NOT NULL,
            runs bigint NOT NULL
        )",
        "CREATE TABLE workers (
            process {uuid} NOT NULL,
            name text NOT NULL,
            state text NOT NULL CHECK (state IN ('IDLE', 'WORKING', 'RESTARTING', 'STOPPING', 'STOPPED')),
            heartbeat_at {timestamp} NOT NULL,
            started_at {timestamp} NOT NULL,
            running integer NOT NULL,
            current_job text,
            completed bigint NOT NULL,
            failed bigint NOT NULL,
            restarts integer NOT NULL,
            error text,
            failed_at {timestamp},
            PRIMARY KEY (process, name)
        )",
        "CREATE INDEX workers_heartbeat_at_idx ON workers (heartbeat_at)",
    ],
    down: ["DROP TABLE workers", "DROP TABLE schedules"],
}
