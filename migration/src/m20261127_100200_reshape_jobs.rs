//! Jobs know who asked for them, what they are about, and where they wait.
//!
//! The table is made anew, since SQLite can't change a CHECK. What waits keeps its place: whoever asked for an operation
//! is the tenant of its jobs, removals go into their own lane.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

use crate::sql;

/// The id that stands for the system among tenants.
const SYSTEM: &str = "00000000-0000-0000-0000-000000000000";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let is_postgres = manager.get_database_backend() == DbBackend::Postgres;
        let system = if is_postgres { format!("'{SYSTEM}'::uuid") } else { "zeroblob(16)".to_owned() };
        let operation = if is_postgres {
            "(payload ->> 'operation')::uuid"
        } else {
            "unhex(replace(payload ->> 'operation', '-', ''))"
        };
        let copy = format!(
            "INSERT INTO new_jobs (id, kind, payload, status, tenant, lane, priority, attempts, crashes, suspicions,
                delays, run_at, scheduled_at, runs_again, lease_epoch, lease_until, last_error, created_at)
             SELECT id, kind, payload, status,
                coalesce((SELECT user_id FROM operations WHERE operations.id = {operation}), {system}),
                CASE kind WHEN 'ingest_document' THEN 'INGEST' ELSE 'MAINTENANCE' END,
                0, attempts, crashes, crashes, 0, run_at, created_at, false, lease_epoch, lease_until, last_error, created_at
             FROM jobs"
        );
        sql::run(
            manager,
            &[
                "CREATE TABLE new_jobs (
                    id {uuid} NOT NULL PRIMARY KEY,
                    kind text NOT NULL,
                    subject text,
                    payload {json} NOT NULL,
                    status text NOT NULL CHECK (status IN ('READY', 'WAITING', 'SUSPECT', 'LEASED', 'DEAD')),
                    tenant {uuid} NOT NULL,
                    lane text NOT NULL CHECK (lane IN ('INGEST', 'MAINTENANCE')),
                    priority integer NOT NULL,
                    attempts integer NOT NULL,
                    crashes integer NOT NULL,
                    suspicions integer NOT NULL,
                    delays integer NOT NULL,
                    run_at {timestamp} NOT NULL,
                    scheduled_at {timestamp} NOT NULL,
                    runs_again boolean NOT NULL,
                    lease_epoch integer NOT NULL,
                    lease_until {timestamp},
                    leased_by {uuid},
                    last_error text,
                    created_at {timestamp} NOT NULL
                )",
                &copy,
                "DROP TABLE jobs",
                "ALTER TABLE new_jobs RENAME TO jobs",
                // What may be claimed, tenant by tenant; then what waits for its time, by both of its limits.
                "CREATE INDEX jobs_status_lane_tenant_idx ON jobs (status, lane, tenant, priority, run_at, id)",
                "CREATE INDEX jobs_status_run_at_idx ON jobs (status, run_at)",
                "CREATE INDEX jobs_status_scheduled_at_idx ON jobs (status, scheduled_at)",
                "CREATE INDEX jobs_status_leased_by_idx ON jobs (status, leased_by)",
                "CREATE UNIQUE INDEX jobs_kind_subject_key ON jobs (kind, subject)",
                // Jobs were READY before their time.
                "UPDATE jobs SET status = 'WAITING' WHERE status = 'READY'",
            ],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        sql::run(
            manager,
            &[
                "CREATE TABLE old_jobs (
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
                "INSERT INTO old_jobs (id, kind, payload, status, attempts, crashes, run_at, lease_epoch, lease_until,
                    last_error, created_at)
                 SELECT id, kind, payload, CASE WHEN status IN ('WAITING', 'SUSPECT') THEN 'READY' ELSE status END,
                    attempts, crashes, run_at, lease_epoch, lease_until, last_error, created_at
                 FROM jobs",
                "DROP TABLE jobs",
                "ALTER TABLE old_jobs RENAME TO jobs",
                "CREATE INDEX jobs_status_crashes_run_at_idx ON jobs (status, crashes, run_at, id)",
                "CREATE INDEX jobs_status_lease_until_idx ON jobs (status, lease_until)",
            ],
        )
        .await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
