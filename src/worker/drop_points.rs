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
            documents, generations,
            jobs::{ClaimedJob, Lease},
            operations,
        },
    },
    domain::{
        generation::Generation,
        id::{DocumentId, GenerationId},
        operation::Settlement,
        scope::Scope,
    },
    error::Error,
    jobs::{DropPoints, DropTarget, Job},
    queue::{GiveUp, Handler, JobError},
    service::{Services, operations::settle_waiting},
    vector::PointSelector,
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
        for Generation { id, placement, .. } in &self.generations(&work).await? {
            for selector in &self.selectors(*id, &work.target).await? {
                self.services.vectors.delete(placement, selector).await.map_err(Error::from)?;
            }
            self.services.vectors.flush(placement).await.map_err(Error::from)?;
        }
        let (lease, now) = (job.lease(), self.services.clock.now());
        self.services.database.transaction(|tx| end(tx, lease, &work, now).boxed()).await
    }

    async fn postponed(&self, _job: &ClaimedJob, _error: &JobError, _pause: Duration) {}

    async fn give_up(&self, _job: &ClaimedJob, reason: GiveUp<'_>) -> Result<(), JobError> {
        Err(goes_on("a removal", reason))
    }
}

impl DropPointsHandler {
    /// The generations from which the points go. None if the collection is deleted by now: its points went with it.
    async fn generations(&self, work: &DropPoints) -> Result<Vec<Generation>, DatabaseError> {
        let reader = self.services.database.reader(Scope::System);
        let Some(generation) = generations::find(&reader, work.generation).await? else { return Ok(Vec::new()) };
        match work.target {
            DropTarget::Documents(_) => generations::of_collection(&reader, generation.collection_id).await,
            DropTarget::OldRevisions { .. } | DropTarget::Revision { .. } => Ok(vec![generation]),
        }
    }

    /// The current state decides, not that at enqueueing: newer content may have completed in the meantime.
    async fn selectors(
        &self,
        generation: GenerationId,
        target: &DropTarget,
    ) -> Result<Vec<PointSelector>, DatabaseError> {
        Ok(match *target {
            DropTarget::Documents(ref documents) => {
                documents.iter().map(|&document| PointSelector::Document { generation, document }).collect()
            }
            DropTarget::OldRevisions { document } => vec![match self.revision(generation, document).await? {
                Some(than) => PointSelector::OlderRevisions { generation, document, than },
                None => PointSelector::Document { generation, document },
            }],
            DropTarget::Revision { document, revision } => match self.revision(generation, document).await? {
                Some(found) if found == revision => Vec::new(),
                _ => vec![PointSelector::Revision { generation, document, revision }],
            },
        })
    }

    /// The revision of a document that a generation holds; `None` for a document that is deleted.
    async fn revision(&self, generation: GenerationId, document: DocumentId) -> Result<Option<i32>, DatabaseError> {
        let reader = self.services.database.reader(Scope::System);
        if documents::find(&reader, document).await?.is_none() {
            return Ok(None);
        }
        let indexed = generations::indexed(&reader, generation, &[document]).await?.remove(&document);
        // Revisions begin with 1.
        Ok(Some(indexed.map_or(0, |indexed| indexed.revision)))
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
