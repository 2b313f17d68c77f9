//! The job engine: claims, leases, signs of life, retries. It knows nothing of documents.
//!
//! A job runs at least once. Whoever runs it holds a lease with an epoch; a handler ends its job in the same transaction
//! that makes the work true, and only while the epoch is still its own, so work of a worker that was given up for dead
//! never counts.

mod backoff;
mod claims;
mod gate;
mod held;
mod runner;

use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

pub use self::{
    gate::Dependency,
    runner::{QueueSettings, Runner},
};
use crate::db::repo::jobs::ClaimedJob;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a job was not done.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The reason may pass; try again.
    #[error("{0}")]
    Transient(#[source] Cause),
    /// Nobody knows whether the reason passes; try again a few times.
    #[error("{0}")]
    Unknown(#[source] Cause),
    /// It can't be done now. Try again after this time; it costs no attempt.
    #[error("{reason}")]
    Later {
        after: Duration,
        #[source]
        reason: Cause,
    },
    /// Something that the server depends on does not answer. Try again when it does; it costs no attempt.
    #[error("{source}")]
    Away {
        dependency: &'static str,
        #[source]
        source: Cause,
    },
    /// Nobody understands what the job says. It is put aside.
    #[error("{0}")]
    Unreadable(#[source] Cause),
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

    /// The [`Dependency`]s without which jobs of this kind are not begun.
    fn needs(&self) -> &'static [&'static str] {
        &[]
    }

    /// Does the job and removes it from the queue, in one transaction with what it made true. Stops between steps when
    /// `stop` is cancelled. May be called again for the same job after any of its steps.
    async fn run(&self, job: &ClaimedJob, stop: &CancellationToken) -> Result<(), JobError>;

    /// Tells whom it concerns that the job will be tried again after `pause`. Is called once while the same reason keeps
    /// the job waiting.
    async fn postponed(&self, job: &ClaimedJob, error: &JobError, pause: Duration);

    /// Settles a job that will not be tried again, and removes it from the queue. `JobError::Later` instead keeps it: for
    /// jobs that nobody may give up.
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
