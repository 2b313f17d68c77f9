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
            chunks, collections, documents,
            jobs::{self, ClaimedJob},
            open_operations, operations,
        },
    },
    domain::{
        action::Action,
        id::{CollectionId, DocumentId, OperationId},
        operation::Settlement,
        page::{MAX_PAGE_SIZE, PageRequest},
        scope::Scope,
    },
    error::Error,
    jobs::{DeleteCollection, Job},
    queue::{GiveUp, Handler, JobError},
    service::Services,
    vector::{Placement, PointSelector},
};

/// Documents whose points and then rows are removed at a time.
const BATCH: u64 = 50;

pub(super) struct DeleteCollectionHandler {
    pub(super) services: Arc<Services>,
}

#[async_trait]
impl Handler for DeleteCollectionHandler {
    fn kind(&self) -> &'static str {
        DeleteCollection::KIND
    }

    fn needs(&self) -> &'static [&'static str] {
        &[VECTORS]
    }

    async fn run(&self, job: &ClaimedJob, stop: &CancellationToken) -> Result<(), JobError> {
        let DeleteCollection { operation, collection: id } = payload(job)?;
        let database = &self.services.database;
        if let Some(collection) = collections::find(&database.reader(Scope::System), id).await? {
            self.leave_out_waiting(id).await?;
            let placement =
                Placement { name: collection.vector_store_name, dimension: self.services.embedder.model().dimension };
            let vectors = &self.services.vectors;
            vectors.ensure(&placement).await.map_err(Error::from)?;
            let generation = collection.generation;
            // A few documents at a time, so that no call exceeds the timeout of a store. Points go before rows, so that
            // after an interruption the rows still name what is left.
            loop {
                let some = documents::some_ids(&database.reader(Scope::System), id, BATCH).await?;
                if some.is_empty() {
                    break;
                }
                for document in some.iter().copied() {
                    let selector = PointSelector::Document { generation, document };
                    vectors.delete(&placement, &selector).await.map_err(Error::from)?;
                }
                vectors.flush(&placement).await.map_err(Error::from)?;
                failpoint("collection-vectors-deleted")?;
                self.delete_rows(id, &some).await?;
                if stop.is_cancelled() {
                    return Err(JobError::Stopped);
                }
            }
            // What was being indexed meanwhile may have written points until its document was gone.
            vectors.delete(&placement, &PointSelector::Generation(generation)).await.map_err(Error::from)?;
            vectors.flush(&placement).await.map_err(Error::from)?;
        }
        self.end(job, operation, id).await
    }

    async fn postponed(&self, _job: &ClaimedJob, _error: &JobError, _pause: Duration) {}

    async fn give_up(&self, _job: &ClaimedJob, reason: GiveUp<'_>) -> Result<(), JobError> {
        Err(goes_on("a removal", reason))
    }
}

impl DeleteCollectionHandler {
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
                    let Some(mut run) = operations::lock(tx, Scope::System, operation).await? else {
                        return Ok(false);
                    };
                    let page = PageRequest { first: MAX_PAGE_SIZE, after: None };
                    let waiting = operations::list_waiting(tx, operation, &page).await?;
                    let left_out = Settlement::deleted_with_its_collection();
                    for item in &waiting.items {
                        let (ordinal, outcome) = (item.outcome.ordinal, left_out.outcome());
                        operations::set_outcome(tx, operation, ordinal, outcome, left_out.error(), 0).await?;
                        run.settle(item.outcome.document_id, &left_out, now);
                    }
                    run.finish(now);
                    operations::save(tx, run).await?;
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
                    if let Some(mut run) = operations::lock(tx, Scope::System, operation).await? {
                        run.start(now);
                        run.finish(now);
                        operations::save(tx, run).await?;
                    }
                    Ok(collections::delete(tx, collection).await?)
                }
                .boxed()
            })
            .await
    }
}
