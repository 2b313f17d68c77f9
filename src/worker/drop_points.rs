//! Deletes points without a row.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use super::{dependency::VECTORS, end_job, goes_on, payload};
use crate::{
    db::{
        DatabaseError, Transaction,
        repo::{
            documents,
            jobs::{ClaimedJob, Lease},
            operations,
        },
    },
    domain::{operation::Settlement, scope::Scope},
    error::Error,
    jobs::{DropPoints, DropTarget, Job},
    queue::{GiveUp, Handler, JobError},
    service::{Services, operations::settle_waiting},
    vector::{Placement, PointSelector},
};

pub(super) struct DropPointsHandler {
    pub(super) services: Arc<Services>,
}

#[async_trait]
impl Handler for DropPointsHandler {
    fn kind(&self) -> &'static str {
        DropPoints::KIND
    }

    fn needs(&self) -> &'static [&'static str] {
        &[VECTORS]
    }

    async fn run(&self, job: &ClaimedJob, _stop: &CancellationToken) -> Result<(), JobError> {
        let work: DropPoints = payload(job)?;
        let placement = Placement { name: work.placement.clone(), dimension: self.services.embedder.model().dimension };
        for selector in &self.selectors(&work).await? {
            self.services.vectors.delete(&placement, selector).await.map_err(Error::from)?;
        }
        self.services.vectors.flush(&placement).await.map_err(Error::from)?;
        let (lease, now) = (job.lease(), self.services.clock.now());
        self.services.database.transaction(|tx| end(tx, lease, &work, now).boxed()).await
    }

    async fn postponed(&self, _job: &ClaimedJob, _error: &JobError, _pause: Duration) {}

    async fn give_up(&self, _job: &ClaimedJob, reason: GiveUp<'_>) -> Result<(), JobError> {
        Err(goes_on("a removal", reason))
    }
}

impl DropPointsHandler {
    /// The current state decides, not that at enqueueing: newer content may have completed in the meantime.
    async fn selectors(&self, work: &DropPoints) -> Result<Vec<PointSelector>, DatabaseError> {
        let generation = work.generation;
        let reader = self.services.database.reader(Scope::System);
        Ok(match work.target {
            DropTarget::Documents(ref documents) => {
                documents.iter().map(|&document| PointSelector::Document { generation, document }).collect()
            }
            DropTarget::OldRevisions { document } => vec![match documents::find(&reader, document).await? {
                Some(found) => PointSelector::OlderRevisions { generation, document, than: found.revision },
                None => PointSelector::Document { generation, document },
            }],
            DropTarget::Revision { document, revision } => match documents::find(&reader, document).await? {
                Some(found) if found.revision == revision => Vec::new(),
                _ => vec![PointSelector::Revision { generation, document, revision }],
            },
        })
    }
}

async fn end(tx: &Transaction<'_>, lease: Lease, work: &DropPoints, now: DateTime<Utc>) -> Result<(), JobError> {
    end_job(tx, lease).await?;
    let Some(id) = work.operation else { return Ok(()) };
    let Some(mut run) = operations::lock(tx, Scope::System, id).await? else { return Ok(()) };
    run.start(now);
    while settle_waiting(tx, &mut run, &Settlement::deleted(), now).await?.has_next_page {}
    run.finish(now);
    operations::save(tx, run).await?;
    Ok(())
}
