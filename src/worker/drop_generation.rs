//! Removes a retired generation: its points, then its chunks, then its row, which names what is left until then.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
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
        },
    },
    domain::{
        action::Action,
        generation::Generation,
        id::{CollectionId, DocumentId, GenerationId},
        scope::Scope,
    },
    error::Error,
    jobs::{DropGeneration, Job},
    queue::{GiveUp, Handler, JobError},
    service::{Services, generations::grace},
    vector::PointSelector,
};

/// Documents whose chunks are removed at a time.
const BATCH: u64 = 50;

pub(super) struct DropGenerationHandler {
    pub(super) services: Arc<Services>,
}

#[async_trait]
impl Handler for DropGenerationHandler {
    fn kind(&self) -> &'static str {
        DropGeneration::KIND
    }

    fn needs(&self) -> &'static [&'static str] {
        &[VECTORS]
    }

    async fn run(&self, job: &ClaimedJob, stop: &CancellationToken) -> Result<(), JobError> {
        let DropGeneration { generation: id } = payload(job)?;
        let database = &self.services.database;
        let (lease, now) = (job.lease(), self.services.clock.now());
        // It may have been chosen again before its time was over.
        let found = generations::find(&database.reader(Scope::System), id).await?;
        let Some(generation) = found.filter(|found| found.is_over(grace(&self.services), now)) else {
            return database.transaction(|tx| end_job(tx, lease).boxed()).await;
        };
        let Generation { collection_id: collection, placement, .. } = &generation;
        self.services.vectors.ensure(placement).await.map_err(Error::from)?;
        self.services.vectors.delete(placement, &PointSelector::Generation(id)).await.map_err(Error::from)?;
        self.services.vectors.flush(placement).await.map_err(Error::from)?;
        failpoint("generation-points-dropped")?;
        loop {
            let some = documents::some_ids(&database.reader(Scope::System), Whole::Generation(id), BATCH).await?;
            if some.is_empty() {
                break;
            }
            let (collection, some) = (*collection, some.as_slice());
            database.transaction(|tx| drop_rows(tx, collection, id, some).boxed()).await?;
            if stop.is_cancelled() {
                return Err(JobError::Stopped);
            }
        }
        let collection = *collection;
        database.transaction(|tx| end(tx, lease, collection, id).boxed()).await
    }

    async fn postponed(&self, _job: &ClaimedJob, _error: &JobError, _pause: Duration) {}

    async fn give_up(&self, _job: &ClaimedJob, reason: GiveUp<'_>) -> Result<(), JobError> {
        Err(goes_on("a removal", reason))
    }
}

async fn drop_rows(
    tx: &Transaction<'_>,
    collection: CollectionId,
    generation: GenerationId,
    some: &[DocumentId],
) -> Result<(), DatabaseError> {
    collections::hold(tx, Scope::System, collection, Action::CollectionDelete).await?;
    chunks::delete_from_generation(tx, collection, generation, some).await?;
    generations::drop_documents(tx, generation, some).await
}

async fn end(
    tx: &Transaction<'_>,
    lease: Lease,
    collection: CollectionId,
    generation: GenerationId,
) -> Result<(), JobError> {
    end_job(tx, lease).await?;
    collections::hold(tx, Scope::System, collection, Action::CollectionDelete).await?;
    Ok(generations::delete(tx, generation).await?)
}
