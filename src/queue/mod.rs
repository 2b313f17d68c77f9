//! The job engine: claims, leases, heartbeats, retries. It knows nothing of documents.
//!
//! A job runs at least once. Its worker holds a lease with an epoch. A handler ends its job in the same transaction
//! that stores the result, and only while the epoch is still its own, so the work of a worker that was considered dead
//! never counts.

mod backoff;
mod claims;
mod gate;
mod held;
mod runner;
mod tally;

use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

pub use self::{
    backoff::pause,
    gate::Dependency,
    runner::{QueueSettings, Runner},
    tally::KindTally,
};
use crate::db::repo::jobs::ClaimedJob;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a job was not done.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The reason may be temporary; try again.
    #[error("{0}")]
    Transient(#[source] Cause),
    /// The reason may be temporary or not; try again a few times.
    #[error("{0}")]
    Unknown(#[source] Cause),
    /// It can't be done now. Try again after this time; it costs no attempt.
    #[error("{reason}")]
    Later {
        after: Duration,
        #[source]
        reason: Cause,
    },
    /// A dependency does not answer. Retry when it does; it costs no attempt.
    #[error("{source}")]
    Away {
        dependency: &'static str,
        #[source]
        source: Cause,
    },
    /// No handler understands the job. It is parked.
    #[error("{0}")]
    Unreadable(#[source] Cause),
    /// Another worker has the job now; the work done here does not count.
    #[error("the lease was lost")]
    LeaseLost,
    /// The server is stopping; the job is returned unchanged.
    #[error("the server is stopping")]
    Stopped,
}

/// Handles jobs of one kind.
#[async_trait]
pub trait Handler: Send + Sync {
    /// The kind of job, as stored. Frozen once released.
    fn kind(&self) -> &'static str;

    /// The [`Dependency`]s without which jobs of this kind are not started.
    fn needs(&self) -> &'static [&'static str] {
        &[]
    }

    /// Runs the job and removes it from the queue, in one transaction with its result. Stops between steps when `stop`
    /// is cancelled. May be called again for the same job after any of its steps.
    async fn run(&self, job: &ClaimedJob, stop: &CancellationToken) -> Result<(), JobError>;

    /// Announces that the job will be retried after `pause`. It is called once while the same reason keeps the job
    /// waiting.
    async fn postponed(&self, job: &ClaimedJob, error: &JobError, pause: Duration);

    /// Settles a job that will not be retried, and removes it from the queue. `JobError::Later` keeps it instead: for
    /// jobs that must never be given up.
    async fn give_up(&self, job: &ClaimedJob, reason: GiveUp<'_>) -> Result<(), JobError>;
}

/// Why a job will not be retried.
#[derive(Clone, Copy, Debug)]
pub enum GiveUp<'e> {
    /// It failed too often; this was the last attempt.
    Failed(&'e JobError),
    /// It crashed its worker too often.
    Crashed,
}
