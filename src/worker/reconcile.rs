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
    end_job, failpoint, goes_on, payload,
};
use crate::{
    db::repo::{chunks, collections, documents, generations, jobs::ClaimedJob, open_operations},
    domain::{
        chunk::NewChunk,
        collection::Collection,
        generation::{Generation, IndexedDocument},
        id::{ChunkId, DocumentId},
        scope::Scope,
    },
    error::Error,
    ingest::{self, EmbeddingPlan, Target},
    jobs::{Job, Reconcile},
    queue::{GiveUp, Handler, JobError},
    service::Services,
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
        let reader = self.services.database.reader(Scope::System);
        if let Some(collection) = collections::find(&reader, id).await?.filter(Collection::is_kept)
            && let Some(generation) = generations::find(&reader, collection.generation).await?
        {
            self.services.vectors.ensure(&generation.placement).await.map_err(Error::from)?;
            self.walk(&generation, stop).await?;
        }
        let lease = job.lease();
        self.services.database.transaction(|tx| end_job(tx, lease).boxed()).await?;
        self.services.integrity.repaired(id);
        Ok(())
    }

    async fn postponed(&self, _job: &ClaimedJob, _error: &JobError, _pause: Duration) {}

    async fn give_up(&self, _job: &ClaimedJob, reason: GiveUp<'_>) -> Result<(), JobError> {
        Err(goes_on("a repair", reason))
    }
}

impl ReconcileHandler {
    /// Goes through points and chunks side by side, in the order of their ids.
    async fn walk(&self, generation: &Generation, stop: &CancellationToken) -> Result<(), JobError> {
        let Generation { id, collection_id, placement, .. } = generation;
        let (mut restored, mut removed) = (0, 0);
        let mut after = None;
        loop {
            // Points before rows: those of a document that becomes complete in between have their rows then.
            let points = self.services.vectors.scroll(placement, *id, after, WINDOW).await;
            let mut points = points.map_err(Error::from)?;
            let reader = self.services.database.reader(Scope::System);
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
                restored += self.restore(generation, &rows).await?;
            }
            if !points.is_empty() {
                removed += self.remove(generation, &points).await?;
            }
            if stop.is_cancelled() {
                return Err(JobError::Stopped);
            }
            after = end;
            if end.is_none() {
                break;
            }
        }
        self.services.vectors.flush(placement).await.map_err(Error::from)?;
        if restored + removed > 0 {
            info!(collection = %collection_id, restored, removed, "vectors repaired");
        }
        Ok(())
    }

    /// Makes the points of these chunks again. Returns how many.
    async fn restore(&self, generation: &Generation, missing: &[ChunkId]) -> Result<usize, JobError> {
        let services = &self.services;
        if !services.disk.has_room() {
            return Err(no_space());
        }
        let Generation { id, collection_id, placement, .. } = generation;
        let there = services.vectors.embeddings(placement, *id, missing).await.map_err(Error::from)?;
        let missing: Vec<_> = missing.iter().copied().filter(|id| !there.contains_key(id)).collect();
        let reader = services.database.reader(Scope::System);
        let found = chunks::find_stored(&reader, *collection_id, &missing).await?;
        let ids: Vec<_> = found.iter().map(|row| row.chunk.document_id).collect();
        let indexed = generations::indexed(&reader, *id, &ids).await?;

        let mut by_document: HashMap<DocumentId, Vec<NewChunk>> = HashMap::new();
        for row in found {
            let chunk = &row.chunk;
            let Some(IndexedDocument { document_id, revision, .. }) = indexed.get(&chunk.document_id) else { continue };
            // A chunk of newer content than the document's at that moment has its point from its own job.
            let index = u32::try_from(chunk.index).unwrap_or_default();
            if chunk.id == ChunkId::derive(*id, *document_id, *revision, index) {
                by_document.entry(*document_id).or_default().push(row);
            }
        }
        let rows: Vec<_> = by_document.values().flatten().cloned().collect();
        let texts = ingest::texts(&rows);
        let EmbeddingPlan { texts, digests } = ingest::plan_embeddings(&rows, &texts, &HashMap::new());
        let embedder = services.embedders.get(&generation.model).await.map_err(Error::from)?;
        let embeddings = embedder.embed_documents(texts).await.map_err(Error::from)?;
        let embeddings = digests.into_iter().zip(embeddings).collect();
        let mut points = Vec::with_capacity(rows.len());
        for (&document, rows) in &by_document {
            let revision = indexed[&document].revision;
            let target = Target { collection: *collection_id, generation: *id, document, revision };
            points.extend(ingest::points(target, rows, ingest::texts(rows), &embeddings));
        }
        let restored = points.len();
        services.vectors.upsert(placement, points).await.map_err(Error::from)?;
        failpoint("reconcile-upserted")?;
        self.forget_replaced(generation, by_document.keys().map(|id| indexed[id].clone())).await?;
        Ok(restored)
    }

    /// Removes what was made for documents that were changed or removed meanwhile: their own clean-up may have been over.
    async fn forget_replaced(
        &self,
        generation: &Generation,
        made: impl Iterator<Item = IndexedDocument>,
    ) -> Result<(), JobError> {
        let made: Vec<_> = made.collect();
        let ids: Vec<_> = made.iter().map(|indexed| indexed.document_id).collect();
        let reader = self.services.database.reader(Scope::System);
        let now = generations::indexed(&reader, generation.id, &ids).await?;
        for IndexedDocument { generation_id, document_id: document, revision, .. } in made {
            if now.get(&document).is_none_or(|now| now.revision != revision) {
                let selector = PointSelector::Revision { generation: generation_id, document, revision };
                self.services.vectors.delete(&generation.placement, &selector).await.map_err(Error::from)?;
            }
        }
        Ok(())
    }

    /// Removes those of the points that no chunk stands for and none will. Returns how many there were.
    async fn remove(&self, generation: &Generation, surplus: &[PointKey]) -> Result<usize, JobError> {
        let Generation { id, collection_id, placement, .. } = generation;
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
        if chunks.is_empty() {
            return Ok(0);
        }
        let removed = chunks.len();
        let selector = PointSelector::Chunks { generation: *id, chunks };
        self.services.vectors.delete(placement, &selector).await.map_err(Error::from)?;
        Ok(removed)
    }
}
