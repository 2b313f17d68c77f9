//! Removes what is left of a collection that is gone for its readers already.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use super::{dependency::VECTORS, payload, removal_goes_on};
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
        scope::Scope,
    },
    error::Error,
    queue::{GiveUp, Handler, JobError},
    service::{Services, collections::DELETE_COLLECTION, operations::start},
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

    fn needs(&self) -> &'static [&'static str] {
        &[VECTORS]
    }

    async fn run(&self, job: &ClaimedJob, stop: &CancellationToken) -> Result<(), JobError> {
        let Payload { operation, collection: id } = payload(job)?;
        let database = &self.services.database;
        if let Some(collection) = collections::find(&database.reader(Scope::System), id).await? {
            let placement =
                Placement { name: collection.vector_store_name, dimension: self.services.embedder.model().dimension };
            let vectors = &self.services.vectors;
            vectors.ensure(&placement).await.map_err(Error::from)?;
            let selector = PointSelector::Generation(collection.generation);
            vectors.delete(&placement, &selector).await.map_err(Error::from)?;
            vectors.flush(&placement).await.map_err(Error::from)?;
            while self.delete_some(id).await? {
                if stop.is_cancelled() {
                    return Err(JobError::Stopped);
                }
            }
        }
        self.end(job, operation, id).await
    }

    async fn postponed(&self, _job: &ClaimedJob, _error: &JobError, _pause: Duration) {}

    async fn give_up(&self, _job: &ClaimedJob, reason: GiveUp<'_>) -> Result<(), JobError> {
        Err(removal_goes_on(reason))
    }
}

impl DeleteCollection {
    /// Returns whether there may be more.
    async fn delete_some(&self, id: CollectionId) -> Result<bool, DatabaseError> {
        self.services
            .database
            .transaction(|tx| {
                async move {
                    let some = documents::some_ids(&tx.reader(Scope::System), id, BATCH).await?;
                    chunks::delete_of_documents(tx, id, &some).await?;
                    documents::delete_many(tx, &some).await?;
                    Ok::<_, DatabaseError>(!some.is_empty())
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
