//! Deletes the remaining data of a collection that readers no longer see.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use super::{dependency::VECTORS, failpoint, goes_on, payload};
use crate::{
    db::{
        DatabaseError,
        repo::{
            chunks, collections, documents, generations,
            jobs::{self, ClaimedJob},
            open_operations, operations,
        },
    },
    domain::{
        action::Action,
        generation::Generation,
        id::{CollectionId, DocumentId, OperationId},
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
    vector::PointSelector,
};

/// Documents whose points and then rows are removed at a time.
const BATCH: u64 = 50;

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

    fn needs(&self) -> &'static [&'static str] {
        &[VECTORS]
    }

    async fn run(&self, job: &ClaimedJob, stop: &CancellationToken) -> Result<(), JobError> {
        let Payload { operation, collection: id } = payload(job)?;
        let database = &self.services.database;
        if let Some(collection) = collections::find(&database.reader(Scope::System), id).await? {
            self.leave_out_waiting(id).await?;
            let vectors = &self.services.vectors;
            let generations = generations::of_collection(&database.reader(Scope::System), collection.id).await?;
            for generation in &generations {
                vectors.ensure(&generation.placement).await.map_err(Error::from)?;
            }
            // A few documents at a time, so that no call exceeds the timeout of a store. Points go before rows, so that
            // after an interruption the rows still name what is left.
            loop {
                let some = documents::some_ids(&database.reader(Scope::System), id, BATCH).await?;
                if some.is_empty() {
                    break;
                }
                for Generation { id: generation, placement, .. } in &generations {
                    for document in some.iter().copied() {
                        let selector = PointSelector::Document { generation: *generation, document };
                        vectors.delete(placement, &selector).await.map_err(Error::from)?;
                    }
                    vectors.flush(placement).await.map_err(Error::from)?;
                }
                failpoint("collection-vectors-deleted")?;
                self.delete_rows(id, &some).await?;
                if stop.is_cancelled() {
                    return Err(JobError::Stopped);
                }
            }
            // What was being indexed meanwhile may have written points until its document was gone.
            for Generation { id, placement, .. } in &generations {
                vectors.delete(placement, &PointSelector::Generation(*id)).await.map_err(Error::from)?;
                vectors.flush(placement).await.map_err(Error::from)?;
            }
        }
        self.end(job, operation, id).await
    }

    async fn postponed(&self, _job: &ClaimedJob, _error: &JobError, _pause: Duration) {}

    async fn give_up(&self, _job: &ClaimedJob, reason: GiveUp<'_>) -> Result<(), JobError> {
        Err(goes_on("a removal", reason))
    }
}

impl DeleteCollection {
    async fn delete_rows(&self, id: CollectionId, some: &[DocumentId]) -> Result<(), DatabaseError> {
        self.services
            .database
            .transaction(|tx| {
                async move {
                    // Documents before their chunks: one that is being completed has its chunks by then.
                    collections::hold(tx, Scope::System, id, Action::CollectionDelete).await?;
                    documents::lock_many(tx, id, some).await?;
                    chunks::delete_of_documents(tx, id, some).await?;
                    documents::delete_many(tx, some).await
                }
                .boxed()
            })
            .await
    }

    /// Settles the waiting documents of the collection, so that followers see the end at once.
    async fn leave_out_waiting(&self, id: CollectionId) -> Result<(), DatabaseError> {
        let reader = self.services.database.reader(Scope::System);
        for operation in open_operations::cancelled_in(&reader, id).await? {
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
                    collections::hold(tx, Scope::System, id, Action::CollectionDelete).await?;
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

    async fn end(&self, job: &ClaimedJob, operation: OperationId, collection: CollectionId) -> Result<(), JobError> {
        let (lease, now) = (job.lease(), self.services.clock.now());
        self.services
            .database
            .transaction(|tx| {
                async move {
                    if !jobs::finish(tx, lease).await? {
                        return Err(JobError::LeaseLost);
                    }
                    collections::hold(tx, Scope::System, collection, Action::CollectionDelete).await?;
                    if let Some(mut locked) = operations::lock(tx, Scope::System, operation).await? {
                        start(&mut locked, now);
                        locked.operation.status = OperationStatus::Completed;
                        locked.operation.completed_at = Some(now);
                        locked.record(OperationEventKind::OperationCompleted, None, None, now);
                        operations::save(tx, locked).await?;
                    }
                    Ok(collections::delete(tx, collection).await?)
                }
                .boxed()
            })
            .await?;
        self.services.events.announce(operation);
        Ok(())
    }
}
