//! Removes what is left of a collection that is gone for its readers already.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use super::payload;
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
                    let some = documents::some_ids(&tx.reader(Scope::System), id, BATCH).await?;
                    chunks::delete_of_documents(tx, id, &some).await?;
                    documents::delete_many(tx, &some).await?;
                    Ok::<_, DatabaseError>(!some.is_empty())
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
