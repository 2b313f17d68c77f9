//! Connects the queue with its job handlers, one per file, and the periodic upkeep.

mod delete_collection;
pub mod dependency;
mod drop_generation;
mod drop_points;
mod ingest_document;
pub mod integrity;
mod reconcile;
mod reindex_collection;
mod remove_source;
mod supervisor;
mod sync_source;
mod upkeep;

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use self::{dependency::Vectors, supervisor::Supervisor};
use crate::{
    config::Config,
    db::{
        DatabaseError, Transaction,
        repo::jobs::{self, ClaimedJob, Lease},
    },
    domain::job::Lane,
    error::Error,
    extract::Extractor,
    jobs::Job,
    queue::{Dependency, GiveUp, Handler, JobError, QueueSettings, Runner},
    service::{Services, fault::is_away},
};

/// Removals and repairs at the same time.
const MAINTENANCE_SLOTS: usize = 4;
/// How long a deletion or a repair that fails waits before its retry. It is never given up.
const LONG_PAUSE: Duration = Duration::from_hours(1);

/// Runs jobs of the queue and maintains the stores until `stop` is cancelled.
pub async fn run(
    services: Arc<Services>,
    extractor: Arc<Extractor>,
    vectors: Arc<Vectors>,
    is_alone: bool,
    stop: CancellationToken,
) {
    let documents = Arc::new(ingest_document::IngestDocumentHandler {
        services: Arc::clone(&services),
        extractor,
        room: ingest_document::Room::new(services.config.ingestion.max_text_mib),
    });
    let handlers: Vec<Arc<dyn Handler>> = vec![
        Arc::new(reindex_collection::ReindexCollectionHandler { documents: Arc::clone(&documents) }),
        documents,
        Arc::new(drop_generation::DropGenerationHandler { services: Arc::clone(&services) }),
        Arc::new(drop_points::DropPointsHandler { services: Arc::clone(&services) }),
        Arc::new(delete_collection::DeleteCollectionHandler { services: Arc::clone(&services) }),
        Arc::new(reconcile::ReconcileHandler { services: Arc::clone(&services) }),
        Arc::new(sync_source::SyncSourceHandler::new(Arc::clone(&services))),
        Arc::new(remove_source::RemoveSourceHandler { services: Arc::clone(&services) }),
    ];
    let dependencies: Vec<Arc<dyn Dependency>> = vec![vectors, Arc::new(dependency::Space(Arc::clone(&services.disk)))];
    let runner = Arc::new(Runner::new(
        services.database.clone(),
        Arc::clone(&services.clock),
        settings(&services.config, is_alone),
        handlers,
        dependencies,
    ));
    let sweep = tokio::spawn(upkeep::remove_unfinished(Arc::clone(&services)));
    let tasks = upkeep::tasks(&services.config);
    Arc::new(Supervisor::new(services, runner, tasks)).run(stop).await;
    sweep.abort();
}

fn settings(config: &Config, is_alone: bool) -> QueueSettings {
    let ingestion = &config.ingestion;
    QueueSettings {
        lanes: vec![(Lane::Ingest, ingestion.concurrency), (Lane::Maintenance, MAINTENANCE_SLOTS)],
        lease: Duration::from_secs(u64::try_from(ingestion.lease_seconds).unwrap_or(30)),
        heartbeat: Duration::from_secs(ingestion.heartbeat_seconds),
        sweep: Duration::from_secs(ingestion.sweep_seconds),
        poll: Duration::from_millis(ingestion.poll_milliseconds),
        max_attempts: ingestion.max_attempts,
        max_crashes: ingestion.max_crashes,
        is_alone,
    }
}

/// A use case's error as the queue sees it.
impl From<Error> for JobError {
    fn from(error: Error) -> Self {
        match error {
            Error::Unavailable { dependency, .. } if is_away(&error) => {
                Self::Away { dependency, source: Box::new(error) }
            }
            Error::Unavailable { .. } | Error::DiskFull | Error::Timeout(_) => Self::Transient(Box::new(error)),
            error => Self::Unknown(Box::new(error)),
        }
    }
}

/// The message of a deletion or repair that keeps failing. It must never be given up.
fn goes_on(what: &str, reason: GiveUp<'_>) -> JobError {
    let reason = match reason {
        GiveUp::Failed(error) => format!("{what} failed and will be retried: {error}"),
        GiveUp::Crashed => format!("{what} crashed its worker and will be retried"),
    };
    JobError::Later { after: LONG_PAUSE, reason: reason.into() }
}

/// So that transactions of handlers can report a lost lease.
impl From<DatabaseError> for JobError {
    fn from(error: DatabaseError) -> Self {
        Error::from(error).into()
    }
}

impl crate::db::AsContention for JobError {
    fn is_contention(&self) -> bool {
        match self {
            Self::Transient(error) | Self::Unknown(error) => {
                error.downcast_ref::<Error>().is_some_and(crate::db::AsContention::is_contention)
            }
            Self::Later { .. } | Self::Away { .. } | Self::Unreadable(_) | Self::LeaseLost | Self::Stopped => false,
        }
    }
}

/// Removes a job that is done, if it is still held; otherwise the transaction must be rolled back.
async fn end_job(tx: &Transaction<'_>, lease: Lease) -> Result<(), JobError> {
    if jobs::finish(tx, lease).await? { Ok(()) } else { Err(JobError::LeaseLost) }
}

/// The payload of a job.
fn payload<J: Job>(job: &ClaimedJob) -> Result<J, JobError> {
    serde_json::from_value(job.payload.clone()).map_err(|error| JobError::Unreadable(error.into()))
}

/// A place where tests let a step fail or take the process down: `return(abort)` ends it as `kill -9` would,
/// `return(fail)` is an error that may pass. Outside tests this is nothing.
fn failpoint(name: &str) -> Result<(), JobError> {
    fail::fail_point!(name, |action| match action.as_deref() {
        Some("abort") => std::process::abort(),
        _ => Err(JobError::Transient("injected".into())),
    });
    let _ = name;
    Ok(())
}
