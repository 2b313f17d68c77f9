//! Qdrant's engine inside the process: one Edge shard for each placement, each in its own directory.
//!
//! Concurrency and durability of the engine (0.9):
//! - Searches run concurrently with each other, with a write and with a rebuild. A write locks the segment that it
//!   changes for one point at a time.
//! - Writes to one shard run one after the other, and a flush waits for the write before it (`writes`).
//! - A write survives a crash of the process at once, because the log is mapped into memory. It survives a power cut
//!   after the next flush.
//! - A rebuild blocks others only for moments at its start and end. It can't be stopped. If the process ends during a
//!   rebuild, it leaves files that the next opening deletes.

mod points;
mod shard;
mod writes;

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use qdrant_edge::{
    CountRequest, EdgeShard, PointId, PointInsertOperations, PointOperations, Record, ScrollRequest, UpdateOperation,
    WithPayloadInterface, WithVector,
};
use tokio::sync::{Mutex, RwLock};

use crate::{
    config::{SearchConfig, VectorConfig},
    domain::id::{ChunkId, GenerationId},
};

use super::{
    Placement, Point, PointKey, PointSelector, VectorAnswer, VectorError, VectorQuery, VectorStore, field,
    lexical::Lexicon,
    search::{self, Engine, Question, Rankings},
};

use self::shard::Shard;

/// Placements in a directory. Only one process may have it open.
pub struct EdgeStore {
    directory: PathBuf,
    settings: VectorConfig,
    lexicon: Arc<Lexicon>,
    shards: RwLock<HashMap<String, Arc<Shard>>>,
    /// Held while a shard is opened, so that none is opened twice.
    opening: Mutex<()>,
}

impl EdgeStore {
    /// Makes the directory if it doesn't exist. Placements are opened one by one, by `ensure`.
    ///
    /// # Errors
    /// `Failed` if the directory can't be made; `Refused` if BM25's settings are out of range.
    pub fn open(directory: &Path, settings: &VectorConfig, search: &SearchConfig) -> Result<Self, VectorError> {
        fs::create_dir_all(directory).map_err(|error| VectorError::Failed {
            action: "making the directory for vectors",
            source: error.into(),
        })?;
        Ok(Self {
            directory: directory.to_owned(),
            settings: settings.clone(),
            lexicon: Arc::new(Lexicon::new(search)?),
            shards: RwLock::default(),
            opening: Mutex::default(),
        })
    }

    /// An open shard.
    ///
    /// # Errors
    /// `Unreachable` if the placement was made and is not open; `Refused` if it was never made.
    async fn shard(&self, placement: &Placement) -> Result<Arc<Shard>, VectorError> {
        if let Some(shard) = self.find(placement).await {
            return Ok(shard);
        }
        let action = "looking for a placement";
        let was_made = tokio::fs::try_exists(self.directory.join(directory_name(placement)?)).await;
        if was_made.map_err(|error| VectorError::Failed { action, source: error.into() })? {
            let source = format!("placement {} is not open yet", placement.name).into();
            Err(VectorError::Unreachable { action, source })
        } else {
            let source = format!("placement {} was never made", placement.name).into();
            Err(VectorError::Refused { action, source })
        }
    }

    async fn find(&self, placement: &Placement) -> Option<Arc<Shard>> {
        self.shards.read().await.get(&placement.name).cloned()
    }

    async fn open_shard(&self, placement: &Placement) -> Result<Arc<Shard>, VectorError> {
        let _opening = self.opening.lock().await;
        if let Some(shard) = self.find(placement).await {
            return Ok(shard);
        }
        let directory = self.directory.join(directory_name(placement)?);
        let (wanted, settings) = (placement.clone(), self.settings.clone());
        let shard = tokio::task::spawn_blocking(move || Shard::open(&directory, &wanted, &settings));
        let shard = shard
            .await
            .map_err(|panic| VectorError::Failed { action: "opening a placement", source: panic.into() })??;
        let shard = Arc::new(shard);
        self.shards.write().await.insert(placement.name.clone(), Arc::clone(&shard));
        Ok(shard)
    }
}

/// A placement's name, if it can't lead out of the store's directory.
fn directory_name(placement: &Placement) -> Result<&str, VectorError> {
    let name = placement.name.as_str();
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !name.is_empty() && name.bytes().all(fits) {
        Ok(name)
    } else {
        Err(VectorError::Refused {
            action: "opening a placement",
            source: format!("{name:?} is not a valid name for a placement").into(),
        })
    }
}

#[async_trait]
impl Engine for EdgeStore {
    async fn rank(&self, placement: &Placement, question: &Question<'_>) -> Result<Rankings, VectorError> {
        let requests = points::requests(question);
        let lists = self.shard(placement).await?.read("searching", |engine| engine.query_batch(requests)).await?;
        Ok(points::rankings(question, lists))
    }
}

#[async_trait]
impl VectorStore for EdgeStore {
    async fn ensure(&self, placement: &Placement) -> Result<(), VectorError> {
        placement.check_stored(self.open_shard(placement).await?.dimension)
    }

    async fn upsert(&self, placement: &Placement, points: Vec<Point>) -> Result<(), VectorError> {
        for point in &points {
            placement.check_embedding(point.embedding.len())?;
        }
        let shard = self.shard(placement).await?;
        let mut points = points.into_iter().peekable();
        while points.peek().is_some() {
            let batch: Vec<_> = points.by_ref().take(field::POINTS_PER_WRITE).collect();
            let lexicon = Arc::clone(&self.lexicon);
            // Finding the words takes longer than writing them, and no caller waits for it here.
            let stored = move || batch.into_iter().map(|point| points::stored(point, &lexicon)).collect();
            let stored = tokio::task::spawn_blocking(stored).await;
            let stored =
                stored.map_err(|panic| VectorError::Failed { action: "writing points", source: panic.into() })?;
            let upsert = PointOperations::UpsertPoints(PointInsertOperations::PointsList(stored));
            shard.write("writing points", UpdateOperation::PointOperation(upsert)).await?;
        }
        Ok(())
    }

    async fn delete(&self, placement: &Placement, selector: &PointSelector) -> Result<(), VectorError> {
        let delete = PointOperations::DeletePointsByFilter(points::selected(selector));
        self.shard(placement).await?.write("deleting points", UpdateOperation::PointOperation(delete)).await
    }

    async fn flush(&self, placement: &Placement) -> Result<(), VectorError> {
        self.shard(placement).await?.flush().await
    }

    async fn search(&self, placement: &Placement, query: &VectorQuery) -> Result<VectorAnswer, VectorError> {
        search::search(self, &self.lexicon, placement, query).await
    }

    async fn embeddings(
        &self,
        placement: &Placement,
        generation: GenerationId,
        ids: &[ChunkId],
    ) -> Result<HashMap<ChunkId, Vec<f32>>, VectorError> {
        let request = ScrollRequest {
            limit: Some(ids.len()),
            filter: Some(points::among(generation, ids)),
            with_payload: Some(WithPayloadInterface::Bool(false)),
            with_vector: WithVector::Selector(vec![field::EMBEDDING.into()]),
            ..ScrollRequest::new()
        };
        let read = |engine: &EdgeShard| engine.scroll(request);
        let (found, _) = self.shard(placement).await?.read("reading embeddings", read).await?;
        let embedding = |point: Record| Some((points::chunk(point.id)?, points::embedding(point.vector)?));
        Ok(found.into_iter().filter_map(embedding).collect())
    }

    async fn count(&self, placement: &Placement, generation: GenerationId) -> Result<usize, VectorError> {
        let request = CountRequest { filter: Some(points::within(&[generation])), exact: true };
        self.shard(placement).await?.read("counting points", |engine| engine.count(request)).await
    }

    async fn scroll(
        &self,
        placement: &Placement,
        generation: GenerationId,
        after: Option<ChunkId>,
        limit: usize,
    ) -> Result<Vec<PointKey>, VectorError> {
        let request = ScrollRequest {
            // The engine starts at the offset, not after it.
            offset: after.map(|id| PointId::Uuid(id.0)),
            limit: Some(limit.saturating_add(1)),
            filter: Some(points::within(&[generation])),
            with_payload: Some(WithPayloadInterface::Bool(true)),
            ..ScrollRequest::new()
        };
        let read = |engine: &EdgeShard| engine.scroll(request);
        let (found, _) = self.shard(placement).await?.read("listing points", read).await?;
        let found = found.into_iter().filter_map(points::key);
        Ok(found.filter(|point| after.is_none_or(|after| point.id > after)).take(limit).collect())
    }

    async fn optimize(&self, placement: &Placement) -> Result<bool, VectorError> {
        self.shard(placement).await?.optimize().await
    }

    async fn check(&self) -> Result<(), VectorError> {
        let directory = tokio::fs::metadata(&self.directory).await;
        directory
            .map(drop)
            .map_err(|error| VectorError::Failed { action: "looking at its directory", source: error.into() })
    }

    async fn close(&self) -> Result<(), VectorError> {
        let shards: Vec<_> = self.shards.write().await.drain().map(|(_, shard)| shard).collect();
        let mut outcome = Ok(());
        for shard in shards {
            outcome = outcome.and(shard.flush().await);
            // The engine flushes once more when it is dropped, which blocks.
            let _ = tokio::task::spawn_blocking(move || drop(shard)).await;
        }
        outcome
    }
}
