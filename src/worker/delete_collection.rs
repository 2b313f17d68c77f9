//! Removes what is left of a collection that is gone for its readers already.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use super::{failpoint, payload};
use crate::{
    db::{
        DatabaseError,
        repo::{
            chunks, collections, documents,
            jobs::{self, ClaimedJob},
            operations,
        },
    },
    domain::{
        id::{CollectionId, OperationId},
        operation::{OperationEventKind, OperationStatus},
        page::{MAX_PAGE_SIZE, PageRequest},
        scope::Scope,
    },
    error::Error,
    queue::{GiveUp, Handler, JobError},
    service::{
        Services,
        collections::DELETE_COLLECTION,
        operations::{Settlement, cancellation, finish_if_settled, settle, start},
    },
    vector::{Placement, PointSelector},
};

/// Documents that one transaction removes, with their chunks.
const BATCH: u64 = 200;

pub(super) struct DeleteCollection {
    pub(super) services: Arc<Services>,
}

#[derive(Clone, Copy, serde::Deserialize)]
struct Payload {
    operation: OperationId,
    collection: CollectionId,
}

#[async_trait]
impl Handler for DeleteCollection {
    fn kind(&self) -> &'static str {
        DELETE_COLLECTION
    }

    async fn run(&self, job: &ClaimedJob, stop: &CancellationToken) -> Result<(), JobError> {
        let Payload { operation, collection: id } = payload(job)?;
        let database = &self.services.database;
        if let Some(collection) = collections::find(&database.reader(Scope::System), id).await? {
            self.leave_out_waiting(id).await?;
            let placement =
                Placement { name: collection.vector_store_name, dimension: self.services.embedder.model().dimension };
            let vectors = &self.services.vectors;
            vectors.ensure(&placement).await.map_err(Error::from)?;
            let selector = PointSelector::Generation(collection.generation);
            vectors.delete(&placement, &selector).await.map_err(Error::from)?;
            failpoint("collection-vectors-deleted")?;
            while self.delete_some(id).await? {
                if stop.is_cancelled() {
                    return Err(JobError::Stopped);
                }
            }
            // What was being indexed meanwhile may have written points until its document was gone.
            vectors.delete(&placement, &selector).await.map_err(Error::from)?;
            vectors.flush(&placement).await.map_err(Error::from)?;
        }
        self.end(job, operation, id, None).await
    }

    async fn postponed(&self, _job: &ClaimedJob, _error: &JobError, _pause: Duration) {}

    async fn give_up(&self, job: &ClaimedJob, _reason: GiveUp<'_>) -> Result<(), JobError> {
        let Payload { operation, collection } = payload(job)?;
        let message = "The collection is gone, but its space could not be freed.";
        self.end(job, operation, collection, Some(message)).await
    }
}

impl DeleteCollection {
    /// Returns whether there may be more.
    async fn delete_some(&self, id: CollectionId) -> Result<bool, DatabaseError> {
        self.services
            .database
            .transaction(|tx| {
                async move {
                    // Documents before their chunks: one that is being completed has its chunks by then.
                    collections::hold(tx, id).await?;
                    let some = documents::some_ids(&tx.reader(Scope::System), id, BATCH).await?;
                    documents::lock_many(tx, id, &some).await?;
                    chunks::delete_of_documents(tx, id, &some).await?;
                    documents::delete_many(tx, &some).await?;
                    Ok::<_, DatabaseError>(!some.is_empty())
                }
                .boxed()
            })
            .await
    }

    /// Ends what waits to be indexed in the collection, so that whoever follows it sees the end at once.
    async fn leave_out_waiting(&self, id: CollectionId) -> Result<(), DatabaseError> {
        let reader = self.services.database.reader(Scope::System);
        for operation in operations::cancelled_in(&reader, id).await? {
            while self.leave_out_some(id, operation).await? {}
            self.services.events.announce(operation);
        }
        Ok(())
    }

    /// Returns whether there may be more.
    async fn leave_out_some(&self, id: CollectionId, operation: OperationId) -> Result<bool, DatabaseError> {
        let now = self.services.clock.now();
        self.services
            .database
            .transaction(|tx| {
                async move {
                    collections::hold(tx, id).await?;
                    let Some(mut locked) = operations::lock(tx, Scope::System, operation).await? else {
                        return Ok(false);
                    };
                    let page = PageRequest { first: MAX_PAGE_SIZE, after: None };
                    let waiting = operations::list_waiting(tx, operation, &page).await?;
                    let error = cancellation(0);
                    for item in &waiting.items {
                        let settlement = Settlement::deleted_with_its_collection(item.outcome.document_id);
                        let (ordinal, outcome) = (item.outcome.ordinal, settlement.outcome);
                        operations::set_outcome(tx, operation, ordinal, outcome, Some(&error), 0).await?;
                        settle(&mut locked, &settlement, now);
                    }
                    finish_if_settled(&mut locked, now);
                    operations::save(tx, locked).await?;
                    Ok::<_, DatabaseError>(waiting.has_next_page)
                }
                .boxed()
            })
            .await
    }

    async fn end(
        &self,
        job: &ClaimedJob,
        operation: OperationId,
        collection: CollectionId,
        failure: Option<&str>,
    ) -> Result<(), JobError> {
        let (lease, now) = (job.lease(), self.services.clock.now());
        self.services
            .database
            .transaction(|tx| {
                async move {
                    if !jobs::finish(tx, lease).await? {
                        return Err(JobError::LeaseLost);
                    }
                    collections::hold(tx, collection).await?;
                    if let Some(mut locked) = operations::lock(tx, Scope::System, operation).await? {
                        start(&mut locked, now);
                        let (status, kind) = match failure {
                            None => (OperationStatus::Completed, OperationEventKind::OperationCompleted),
                            Some(_) => (OperationStatus::Failed, OperationEventKind::OperationFailed),
                        };
                        locked.operation.status = status;
                        locked.operation.completed_at = Some(now);
                        locked.operation.error_message = failure.map(str::to_owned);
                        locked.record(kind, None, failure.map(str::to_owned), now);
                        operations::save(tx, locked).await?;
                    }
                    if failure.is_none() {
                        collections::delete(tx, collection).await?;
                    }
                    Ok(())
                }
                .boxed()
            })
            .await?;
        self.services.events.announce(operation);
        Ok(())
    }
}
