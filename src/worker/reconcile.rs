//! Makes the vector store hold what the database says of a collection: points that are missing are made again from their
//! chunks, points that no chunk stands for are removed.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::{
    dependency::{VECTORS, no_space},
    end_job, failpoint, goes_on,
    integrity::Aim,
    payload,
};
use crate::{
    db::{
        DatabaseError, Transaction,
        repo::{
            chunks, collections, documents, generations, integrity_differences,
            jobs::{self, ClaimedJob, Lease},
            open_operations,
        },
    },
    domain::{
        chunk::NewChunk,
        generation::{Generation, GenerationState, IndexedDocument},
        id::{ChunkId, CollectionId, DocumentId},
        scope::Scope,
    },
    error::Error,
    ingest::{self, EmbeddingPlan, Target},
    jobs::{Job, Reconcile},
    queue::{GiveUp, Handler, JobError},
    service::{Services, generations::grace},
    vector::{PointKey, PointSelector},
};

/// Chunks and points that are compared, and made again, at a time.
const WINDOW: usize = 512;

pub(super) struct ReconcileHandler {
    pub(super) services: Arc<Services>,
}

#[async_trait]
impl Handler for ReconcileHandler {
    fn kind(&self) -> &'static str {
        Reconcile::KIND
    }

    fn needs(&self) -> &'static [&'static str] {
        &[VECTORS]
    }

    async fn run(&self, job: &ClaimedJob, stop: &CancellationToken) -> Result<(), JobError> {
        let Reconcile { collection: id } = payload(job)?;
        failpoint("reconcile-begun")?;
        let reader = self.services.database.reader(Scope::System);
        if collections::find(&reader, id).await?.is_some_and(|collection| collection.is_kept()) {
            for generation in kept_generations(&self.services, id).await? {
                walk(&self.services, &generation, Aim::Repair, stop).await?;
            }
        }
        let lease = job.lease();
        if self.services.database.transaction(|tx| end(tx, lease, id).boxed()).await? {
            info!(collection = %id, "vectors and chunks agree again");
        }
        Ok(())
    }

    async fn postponed(&self, _job: &ClaimedJob, _error: &JobError, _pause: Duration) {}

    async fn give_up(&self, _job: &ClaimedJob, reason: GiveUp<'_>) -> Result<(), JobError> {
        Err(goes_on("a repair", reason))
    }
}

/// Ends the job. Returns whether the collection, which differed, does so no more: a repair that was asked for again
/// meanwhile is still to come.
async fn end(tx: &Transaction<'_>, lease: Lease, id: CollectionId) -> Result<bool, JobError> {
    end_job(tx, lease).await?;
    let is_to_come = jobs::is_queued(&tx.reader(Scope::System), Reconcile::KIND, "collection", id).await?;
    Ok(!is_to_come && integrity_differences::delete(tx, id).await?)
}

/// The generations of a collection that are not about to be removed, the active one first.
pub(super) async fn kept_generations(
    services: &Services,
    collection: CollectionId,
) -> Result<Vec<Generation>, DatabaseError> {
    let mut all = generations::of_collection(&services.database.reader(Scope::System), collection).await?;
    all.retain(|generation| !generation.is_over(grace(services), services.clock.now()));
    all.sort_by_key(|generation| generation.state != GenerationState::Active);
    Ok(all)
}

/// Chunks without a point, and points without a chunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Unmatched {
    pub(super) missing: usize,
    pub(super) surplus: usize,
}

/// Goes through points and chunks of a generation side by side, in the order of their ids.
pub(super) async fn walk(
    services: &Services,
    generation: &Generation,
    aim: Aim,
    stop: &CancellationToken,
) -> Result<Unmatched, JobError> {
    let Generation { id, collection_id, placement, .. } = generation;
    services.vectors.ensure(placement).await.map_err(Error::from)?;
    let walk = Walk { services, generation };
    let mut found = Unmatched::default();
    let mut after = None;
    loop {
        // Points before rows: those of a document that becomes complete in between have their rows then.
        let points = services.vectors.scroll(placement, *id, after, WINDOW).await;
        let mut points = points.map_err(Error::from)?;
        let reader = services.database.reader(Scope::System);
        let mut rows = chunks::ids(&reader, *collection_id, *id, after, WINDOW as u64).await?;
        // As far as both reach.
        let ends = [
            (points.len() == WINDOW).then(|| points.last().map(|point| point.id)).flatten(),
            (rows.len() == WINDOW).then(|| rows.last().copied()).flatten(),
        ];
        let end = ends.into_iter().flatten().min();
        points.retain(|point| end.is_none_or(|end| point.id <= end));
        rows.retain(|row| end.is_none_or(|end| *row <= end));

        let stored: HashSet<_> = points.iter().map(|point| point.id).collect();
        let known: HashSet<_> = rows.iter().copied().collect();
        rows.retain(|row| !stored.contains(row));
        points.retain(|point| !known.contains(&point.id));
        if !rows.is_empty() {
            found.missing += walk.restore(&rows, aim).await?;
        }
        if !points.is_empty() {
            found.surplus += walk.remove(&points, aim).await?;
        }
        if stop.is_cancelled() {
            return Err(JobError::Stopped);
        }
        after = end;
        if end.is_none() {
            break;
        }
    }
    if aim == Aim::Repair {
        services.vectors.flush(placement).await.map_err(Error::from)?;
        if found != Unmatched::default() {
            let Unmatched { missing, surplus } = found;
            info!(collection = %collection_id, restored = missing, removed = surplus, "vectors repaired");
        }
    }
    Ok(found)
}

struct Walk<'w> {
    services: &'w Services,
    generation: &'w Generation,
}

impl Walk<'_> {
    /// The chunks among these that have no point and should have one, by document, with what the generation holds of it.
    async fn lost(
        &self,
        missing: &[ChunkId],
    ) -> Result<HashMap<DocumentId, (IndexedDocument, Vec<NewChunk>)>, JobError> {
        let Generation { id, collection_id, placement, .. } = self.generation;
        let there = self.services.vectors.embeddings(placement, *id, missing).await.map_err(Error::from)?;
        let missing: Vec<_> = missing.iter().copied().filter(|id| !there.contains_key(id)).collect();
        let reader = self.services.database.reader(Scope::System);
        let found = chunks::find_stored(&reader, *collection_id, &missing).await?;
        let ids: Vec<_> = found.iter().map(|row| row.chunk.document_id).collect();
        let indexed = generations::indexed(&reader, *id, &ids).await?;
        let mut by_document: HashMap<_, (IndexedDocument, Vec<NewChunk>)> = HashMap::new();
        for row in found {
            let chunk = &row.chunk;
            let Some(held) = indexed.get(&chunk.document_id) else { continue };
            // A chunk of newer content than the document's at that moment has its point from its own job.
            let index = u32::try_from(chunk.index).unwrap_or_default();
            if chunk.id == ChunkId::derive(*id, held.document_id, held.revision, index) {
                by_document.entry(held.document_id).or_insert_with(|| (held.clone(), Vec::new())).1.push(row);
            }
        }
        Ok(by_document)
    }

    /// Makes the points of these chunks again, or only looks for them. Returns how many are missing.
    async fn restore(&self, missing: &[ChunkId], aim: Aim) -> Result<usize, JobError> {
        let services = self.services;
        let lost = self.lost(missing).await?;
        let count = lost.values().map(|(_, rows)| rows.len()).sum();
        if aim == Aim::Report || count == 0 {
            return Ok(count);
        }
        if !services.disk.has_room() {
            return Err(no_space());
        }
        let Generation { id, collection_id, placement, .. } = self.generation;
        let rows: Vec<_> = lost.values().flat_map(|(_, rows)| rows).cloned().collect();
        let texts = ingest::texts(&rows);
        let EmbeddingPlan { texts, digests } = ingest::plan_embeddings(&rows, &texts, &HashMap::new());
        let embedder = services.embedders.get(&self.generation.model).await.map_err(Error::from)?;
        let embeddings = embedder.embed_documents(texts).await.map_err(Error::from)?;
        let embeddings = digests.into_iter().zip(embeddings).collect();
        let mut points = Vec::with_capacity(rows.len());
        for (&document, (held, rows)) in &lost {
            let target = Target { collection: *collection_id, generation: *id, document, revision: held.revision };
            points.extend(ingest::points(target, rows, ingest::texts(rows), &embeddings));
        }
        services.vectors.upsert(placement, points).await.map_err(Error::from)?;
        failpoint("reconcile-upserted")?;
        self.forget_replaced(lost.values().map(|(held, _)| (*held).clone())).await?;
        Ok(count)
    }

    /// Removes what was made for documents that were changed or removed meanwhile: their own clean-up may have been over.
    async fn forget_replaced(&self, made: impl Iterator<Item = IndexedDocument>) -> Result<(), JobError> {
        let made: Vec<_> = made.collect();
        let ids: Vec<_> = made.iter().map(|indexed| indexed.document_id).collect();
        let reader = self.services.database.reader(Scope::System);
        let now = generations::indexed(&reader, self.generation.id, &ids).await?;
        for IndexedDocument { generation_id, document_id: document, revision, .. } in made {
            if now.get(&document).is_none_or(|now| now.revision != revision) {
                let selector = PointSelector::Revision { generation: generation_id, document, revision };
                self.services.vectors.delete(&self.generation.placement, &selector).await.map_err(Error::from)?;
            }
        }
        Ok(())
    }

    /// Removes those of the points that no chunk stands for and none will, or only looks for them. Returns how many there
    /// are.
    async fn remove(&self, surplus: &[PointKey], aim: Aim) -> Result<usize, JobError> {
        let Generation { id, collection_id, placement, state, .. } = self.generation;
        if *state == GenerationState::Building {
            // The points of its documents come before their rows.
            return Ok(0);
        }
        let reader = self.services.database.reader(Scope::System);
        let ids: HashSet<_> = surplus.iter().map(|point| point.document).collect();
        let ids: Vec<_> = ids.into_iter().collect();
        // What is on its way before what is complete: a revision is on its way until the moment when it is complete.
        let open = open_operations::open_revisions(&reader, &ids).await?;
        let indexed = generations::indexed(&reader, *id, &ids).await?;
        let documents = documents::find_many(&reader, &ids).await?;
        let points: Vec<_> = surplus.iter().map(|point| point.id).collect();
        let rows = chunks::find_stored(&reader, *collection_id, &points).await?;
        let rows: HashSet<_> = rows.iter().map(|row| row.chunk.id).collect();
        let is_wanted = |point: &PointKey| {
            let complete = indexed.get(&point.document).map_or(0, |now| now.revision);
            let is_newer = documents.contains_key(&point.document) && point.revision > complete;
            rows.contains(&point.id) || is_newer && open.contains(&(point.document, point.revision))
        };
        let chunks: Vec<_> = surplus.iter().filter(|point| !is_wanted(point)).map(|point| point.id).collect();
        let count = chunks.len();
        if aim == Aim::Repair && count > 0 {
            let selector = PointSelector::Chunks { generation: *id, chunks };
            self.services.vectors.delete(placement, &selector).await.map_err(Error::from)?;
        }
        Ok(count)
    }
}
