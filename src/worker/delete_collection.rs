//! Deletes the remaining data of a collection that readers no longer see.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use super::{dependency::VECTORS, end_job, failpoint, goes_on, payload};
use crate::{
    db::{
        DatabaseError, Transaction,
        repo::{
            chunks, collections,
            documents::{self, Whole},
            generations,
            jobs::{ClaimedJob, Lease},
            open_operations, operations,
        },
    },
    domain::{
        action::Action,
        generation::Generation,
        id::{CollectionId, DocumentId, OperationId},
        operation::{OperationType, Settlement},
        scope::Scope,
    },
    error::Error,
    jobs::{DeleteCollection, Job},
    queue::{GiveUp, Handler, JobError},
    service::{Services, operations::settle_waiting},
    vector::PointSelector,
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
            let vectors = &self.services.vectors;
            let generations = generations::of_collection(&database.reader(Scope::System), collection.id).await?;
            for generation in &generations {
                vectors.ensure(&generation.placement).await.map_err(Error::from)?;
            }
            // A few documents at a time, so that no call exceeds the timeout of a store. Points go before rows, so that
            // after an interruption the rows still name what is left.
            loop {
                let some = documents::some_ids(&database.reader(Scope::System), Whole::Collection(id), BATCH).await?;
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
                database.transaction(|tx| delete_rows(tx, id, &some).boxed()).await?;
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
        let (lease, now) = (job.lease(), self.services.clock.now());
        database.transaction(|tx| end(tx, lease, operation, id, now).boxed()).await
    }

    async fn postponed(&self, _job: &ClaimedJob, _error: &JobError, _pause: Duration) {}

    async fn give_up(&self, _job: &ClaimedJob, reason: GiveUp<'_>) -> Result<(), JobError> {
        Err(goes_on("a removal", reason))
    }
}

impl DeleteCollectionHandler {
    /// Settles the waiting documents of the collection, so that followers see the end at once.
    async fn leave_out_waiting(&self, id: CollectionId) -> Result<(), DatabaseError> {
        let reader = self.services.database.reader(Scope::System);
        for operation in open_operations::cancelled_in(&reader, id).await? {
            let now = self.services.clock.now();
            while self.services.database.transaction(|tx| leave_out_some(tx, id, operation, now).boxed()).await? {}
        }
        Ok(())
    }
}

/// Returns whether there may be more.
async fn leave_out_some(
    tx: &Transaction<'_>,
    id: CollectionId,
    operation: OperationId,
    now: DateTime<Utc>,
) -> Result<bool, DatabaseError> {
    collections::hold(tx, Scope::System, id, Action::CollectionDelete).await?;
    let Some(mut run) = operations::lock(tx, Scope::System, operation).await? else { return Ok(false) };
    let page = settle_waiting(tx, &mut run, &Settlement::deleted_with_its_collection(), now).await?;
    if run.operation().operation_type == OperationType::Reindex {
        run.cancel(now);
    }
    run.finish(now);
    operations::save(tx, run).await?;
    Ok(page.has_next_page)
}

async fn delete_rows(tx: &Transaction<'_>, id: CollectionId, some: &[DocumentId]) -> Result<(), DatabaseError> {
    // Documents before their chunks: one that is being completed has its chunks by then.
    collections::hold(tx, Scope::System, id, Action::CollectionDelete).await?;
    documents::lock_many(tx, id, some).await?;
    chunks::delete_of_documents(tx, id, some).await?;
    documents::delete_many(tx, some).await
}

async fn end(
    tx: &Transaction<'_>,
    lease: Lease,
    operation: OperationId,
    collection: CollectionId,
    now: DateTime<Utc>,
) -> Result<(), JobError> {
    end_job(tx, lease).await?;
    collections::hold(tx, Scope::System, collection, Action::CollectionDelete).await?;
    if let Some(mut run) = operations::lock(tx, Scope::System, operation).await? {
        run.start(now);
        run.finish(now);
        operations::save(tx, run).await?;
    }
    Ok(collections::delete(tx, collection).await?)
}
