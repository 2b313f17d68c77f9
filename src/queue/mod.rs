//! The job engine: claims, leases, signs of life, retries. It knows nothing of documents.
//!
//! A job runs at least once. Whoever runs it holds a lease with an epoch; a handler ends its job in the same transaction
//! that makes the work true, and only while the epoch is still its own, so work of a worker that was given up for dead
//! never counts.

mod backoff;
mod runner;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

pub use self::runner::{QueueSettings, Runner};
use crate::db::repo::jobs::ClaimedJob;

/// Why a job was not done.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The reason may pass; try again.
    #[error("{0}")]
    Transient(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Nobody knows whether the reason passes; try again a few times.
    #[error("{0}")]
    Unknown(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Another worker has the job now; what was done here does not count.
    #[error("the lease was lost")]
    LeaseLost,
    /// The server is stopping; the job goes back as it was.
    #[error("the server is stopping")]
    Stopped,
}

/// Does jobs of one kind.
#[async_trait]
pub trait Handler: Send + Sync {
    /// The kind of job, as stored. Frozen once released.
    fn kind(&self) -> &'static str;

    /// Does the job and removes it from the queue, in one transaction with what it made true. Stops between steps when
    /// `stop` is cancelled. May be called again for the same job after any of its steps.
    async fn run(&self, job: &ClaimedJob, stop: &CancellationToken) -> Result<(), JobError>;

    /// Tells whom it concerns that the job will be tried again after `pause`.
    async fn postponed(&self, job: &ClaimedJob, error: &JobError, pause: std::time::Duration);

    /// Settles a job that will not be tried again, and removes it from the queue.
    async fn give_up(&self, job: &ClaimedJob, reason: GiveUp<'_>) -> Result<(), JobError>;
}

/// Why a job will not be tried again.
#[derive(Clone, Copy, Debug)]
pub enum GiveUp<'e> {
    /// It failed too often; this was the last time.
    Failed(&'e JobError),
    /// It took its worker down too often.
    Crashed,
}
