//! Workers, and what waits for them.

use async_graphql::{Enum, ID, SimpleObject};

use super::number;
use crate::{
    domain::worker,
    graphql::scalars::{BigInt, DateTime},
};

/// What a worker does. New values may be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "worker::WorkerName")]
pub enum WorkerName {
    /// Indexes documents.
    Ingestion,
    /// Fills new indexes of collections (`collectionReindex`).
    Reindex,
    /// Brings collections in step with their sources.
    Sync,
    /// Makes the vector store hold what the database says.
    Reconcile,
    /// Removes what was deleted.
    Removal,
    /// Starts syncs that are due.
    SyncSchedule,
    /// Notices changes in directories, and starts syncs of them. It works as long as its process does.
    Watch,
    /// Builds indexes of vectors.
    Optimisation,
    /// Compares numbers: whether the vector store and the queue match the database. Part of `Server.integrity`.
    Integrity,
    /// Looks for the files of all documents, and compares counters. Part of `Server.integrity`.
    FileCheck,
    /// Removes original files that nothing needs.
    OriginalCleanUp,
    /// Removes what has expired: uploads, sessions, operations, old indexes.
    CleanUp,
    /// Removes old entries of the audit log.
    AuditRetention,
}

/// The state of a worker.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "worker::WorkerState")]
pub enum WorkerState {
    /// It waits for work, or for its time.
    Idle,
    /// It works.
    Working,
    /// It crashed and is started again after a pause.
    Restarting,
    /// Its process is stopping. It finishes its current step.
    Stopping,
    /// Its process has ended.
    Stopped,
}

/// A worker of one process of the server.
#[derive(SimpleObject)]
pub struct Worker {
    /// What it does.
    name: WorkerName,
    /// The process that it belongs to: a new id after each start.
    process: ID,
    /// Its state at its last heartbeat.
    state: WorkerState,
    /// When its process last reported. An old heartbeat means that the process has ended without a word.
    heartbeat_at: DateTime,
    /// When its process started.
    started_at: DateTime,
    /// Number of jobs that ran at the last heartbeat.
    running: i32,
    /// The kind and id of the job among them that had run longest. Null for workers that run on a schedule.
    current_job: Option<String>,
    /// Number of jobs, or runs of a schedule, that were completed since the start.
    completed: BigInt,
    /// Number of those that failed. Most are tried again.
    failed: BigInt,
    /// How often it was started again after a crash.
    restarts: i32,
    /// What failed last. The log has the cause. Null if nothing has failed since the start.
    last_error: Option<String>,
    /// When that was.
    last_error_at: Option<DateTime>,
}

impl From<worker::WorkerStatus> for Worker {
    fn from(status: worker::WorkerStatus) -> Self {
        Self {
            name: status.name.into(),
            process: status.process.to_string().into(),
            state: status.state.into(),
            heartbeat_at: status.heartbeat_at.into(),
            started_at: status.started_at.into(),
            running: status.running,
            current_job: status.current_job,
            completed: BigInt(status.completed),
            failed: BigInt(status.failed),
            restarts: status.restarts,
            last_error: status.error,
            last_error_at: status.failed_at.map(Into::into),
        }
    }
}

/// The jobs of one kind in the queue, of all accounts together.
#[derive(SimpleObject)]
pub struct Queue {
    /// The kind of the jobs, such as `ingest_document`.
    kind: String,
    /// Number of jobs that are not done: ready, waiting and running.
    depth: i32,
    /// Number of jobs that a worker can claim now.
    ready: i32,
    /// Number of jobs that wait for their time, after a failure or while something is unavailable.
    waiting: i32,
    /// Number of jobs that a worker holds.
    running: i32,
    /// Number of jobs that can't be done because this version of the server does not understand them.
    dead: i32,
    /// When the oldest job that is not done was added. Null if there is none.
    oldest_at: Option<DateTime>,
}

impl From<worker::QueueDepth> for Queue {
    fn from(depth: worker::QueueDepth) -> Self {
        Self {
            kind: depth.kind,
            depth: number(depth.ready + depth.waiting + depth.running),
            ready: number(depth.ready),
            waiting: number(depth.waiting),
            running: number(depth.running),
            dead: number(depth.dead),
            oldest_at: depth.oldest_at.map(Into::into),
        }
    }
}
