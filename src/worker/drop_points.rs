//! Deletes points without a row.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use super::{dependency::VECTORS, goes_on, payload};
use crate::{
    db::{
        DatabaseError,
        repo::{
            documents, generations,
            jobs::{self, ClaimedJob},
            operations,
        },
    },
    domain::{
        generation::Generation,
        id::{DocumentId, GenerationId},
        operation::DocumentOutcome,
        page::{MAX_PAGE_SIZE, PageRequest},
        scope::Scope,
    },
    error::Error,
    queue::{GiveUp, Handler, JobError},
    service::{
        Services,
        documents::{DROP_POINTS, DropPoints, DropTarget},
        operations::{Settlement, finish_if_settled, settle, start},
    },
    vector::PointSelector,
};

pub(super) struct DropPointsHandler {
    pub(super) services: Arc<Services>,
}

#[async_trait]
impl Handler for DropPointsHandler {
    fn kind(&self) -> &'static str {
        DROP_POINTS
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
        self.end(job, &work).await
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

    async fn end(&self, job: &ClaimedJob, work: &DropPoints) -> Result<(), JobError> {
        let (lease, now) = (job.lease(), self.services.clock.now());
        self.services
            .database
            .transaction(|tx| {
                async move {
                    if !jobs::finish(tx, lease).await? {
                        return Err(JobError::LeaseLost);
                    }
                    let Some(id) = work.operation else { return Ok(()) };
                    let Some(mut locked) = operations::lock(tx, Scope::System, id).await? else { return Ok(()) };
                    start(&mut locked, now);
                    let mut page = PageRequest { first: MAX_PAGE_SIZE, after: None };
                    loop {
                        let items = operations::list_waiting(tx, id, &page).await?;
                        for item in &items.items {
                            let outcome = DocumentOutcome::Completed;
                            let waiting = &item.outcome;
                            operations::set_outcome(tx, id, waiting.ordinal, outcome, None, 0).await?;
                            settle(&mut locked, &Settlement::deleted(waiting.document_id), now);
                            page.after = Some(waiting.ordinal);
                        }
                        if !items.has_next_page {
                            break;
                        }
                    }
                    finish_if_settled(&mut locked, now);
                    Ok(operations::save(tx, locked).await?)
                }
                .boxed()
            })
            .await?;
        if let Some(operation) = work.operation {
            self.services.events.announce(operation);
        }
        Ok(())
    }
}
