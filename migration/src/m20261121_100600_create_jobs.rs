//! The queue. A job that is done is deleted; one that can't be done stays as DEAD.

crate::sql::migration! {
    up: [
        "CREATE TABLE jobs (
            id {uuid} NOT NULL PRIMARY KEY,
            kind text NOT NULL,
            payload {json} NOT NULL,
            status text NOT NULL CHECK (status IN ('READY', 'LEASED', 'DEAD')),
            attempts integer NOT NULL,
            crashes integer NOT NULL,
            run_at {timestamp} NOT NULL,
            lease_epoch integer NOT NULL,
            lease_until {timestamp},
            last_error text,
            created_at {timestamp} NOT NULL
        )",
        "CREATE INDEX jobs_status_crashes_run_at_idx ON jobs (status, crashes, run_at, id)",
        "CREATE INDEX jobs_status_lease_until_idx ON jobs (status, lease_until)",
    ],
    down: ["DROP TABLE jobs"],
}
