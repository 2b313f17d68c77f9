//! Workers: what a server does without being asked, and how each of them does.

use chrono::{DateTime, Utc};

use super::{id::WorkerId, vocabulary::vocabulary};

vocabulary! {
    /// A worker of a process.
    pub enum WorkerName {
        /// Indexes documents.
        Ingestion => "INGESTION",
        /// Fills new generations.
        Reindex => "REINDEX",
        /// Brings collections in step with their sources.
        Sync => "SYNC",
        /// Makes the vector store hold what the database says.
        Reconcile => "RECONCILE",
        /// Removes what was deleted.
        Removal => "REMOVAL",
        /// Starts the syncs that are due.
        SyncSchedule => "SYNC_SCHEDULE",
        /// Notices changes in directories, and starts syncs of them.
        Watch => "WATCH",
        /// Builds indexes of vectors.
        Optimisation => "OPTIMISATION",
        /// Checks by counting whether the stores match the database.
        Integrity => "INTEGRITY",
        /// Looks for the files of documents, and compares counters.
        FileCheck => "FILE_CHECK",
        /// Removes original files that nothing needs.
        OriginalCleanUp => "ORIGINAL_CLEAN_UP",
        /// Removes what has expired: uploads, sessions, operations, generations.
        CleanUp => "CLEAN_UP",
        /// Removes old entries of the audit log.
        AuditRetention => "AUDIT_RETENTION",
    }
}

vocabulary! {
    /// What a worker does at the moment.
    pub enum WorkerState {
        /// It waits for work, or for its time.
        Idle => "IDLE",
        Working => "WORKING",
        /// It panicked, and waits to be started again.
        Restarting => "RESTARTING",
        /// Its process stops; it finishes its current step.
        Stopping => "STOPPING",
        Stopped => "STOPPED",
    }
}

/// How a worker of a process does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WorkerStatus {
    pub process: WorkerId,
    pub name: WorkerName,
    pub state: WorkerState,
    /// When its process last wrote this.
    pub heartbeat_at: DateTime<Utc>,
    pub started_at: DateTime<Utc>,
    /// Jobs that run now.
    pub running: i32,
    /// The one of them that has run longest.
    pub current_job: Option<String>,
    /// Jobs, or runs of a schedule, that were done since the start.
    pub completed: i64,
    /// Those that failed; most are tried again.
    pub failed: i64,
    /// How often it was started again after a panic.
    pub restarts: i32,
    /// The last failure; nothing internal.
    pub error: Option<String>,
    pub failed_at: Option<DateTime<Utc>>,
}

/// The jobs of one kind in the queue.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct QueueDepth {
    pub kind: String,
    /// Can be claimed now.
    pub ready: i64,
    /// Wait for their time: after a failure, or while something is unavailable.
    pub waiting: i64,
    /// Are held by a worker.
    pub running: i64,
    /// Can't be done, and wait for an administrator.
    pub dead: i64,
    /// When the oldest of those that are not dead was added.
    pub oldest_at: Option<DateTime<Utc>>,
}
