//! A vector store in front of the real one, that can be away.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use docent::{
    domain::id::{ChunkId, GenerationId},
    vector::{Placement, Point, PointKey, PointSelector, VectorAnswer, VectorError, VectorQuery, VectorStore},
};

pub struct Front {
    store: Arc<dyn VectorStore>,
    is_away: AtomicBool,
    refused: AtomicUsize,
    checks: AtomicUsize,
}

impl Front {
    pub fn of(store: Arc<dyn VectorStore>) -> Arc<Self> {
        Arc::new(Self {
            store,
            is_away: AtomicBool::new(false),
            refused: AtomicUsize::new(0),
            checks: AtomicUsize::new(0),
        })
    }

    pub fn go_away(&self) {
        self.is_away.store(true, Ordering::SeqCst);
    }

    pub fn come_back(&self) {
        self.is_away.store(false, Ordering::SeqCst);
    }

    /// Calls that found no server, not counting checks whether it is there.
    pub fn refused(&self) -> usize {
        self.refused.load(Ordering::SeqCst)
    }

    /// Checks whether the server is there.
    pub fn checks(&self) -> usize {
        self.checks.load(Ordering::SeqCst)
    }

    fn there(&self) -> Result<&dyn VectorStore, VectorError> {
        if self.is_away.load(Ordering::SeqCst) {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return Err(VectorError::Unreachable { action: "testing", source: "away".into() });
        }
        Ok(self.store.as_ref())
    }
}

#[async_trait]
impl VectorStore for Front {
    async fn ensure(&self, placement: &Placement) -> Result<(), VectorError> {
        self.there()?.ensure(placement).await
    }

    async fn upsert(&self, placement: &Placement, points: Vec<Point>) -> Result<(), VectorError> {
        self.there()?.upsert(placement, points).await
    }

    async fn delete(&self, placement: &Placement, selector: &PointSelector) -> Result<(), VectorError> {
        self.there()?.delete(placement, selector).await
    }

    async fn flush(&self, placement: &Placement) -> Result<(), VectorError> {
        self.there()?.flush(placement).await
    }

    async fn search(&self, placement: &Placement, query: &VectorQuery) -> Result<VectorAnswer, VectorError> {
        self.there()?.search(placement, query).await
    }

    async fn embeddings(
        &self,
        placement: &Placement,
        generation: GenerationId,
        ids: &[ChunkId],
    ) -> Result<HashMap<ChunkId, Vec<f32>>, VectorError> {
        self.there()?.embeddings(placement, generation, ids).await
    }

    async fn count(&self, placement: &Placement, generation: GenerationId) -> Result<usize, VectorError> {
        self.there()?.count(placement, generation).await
    }

    async fn scroll(
        &self,
        placement: &Placement,
        generation: GenerationId,
        after: Option<ChunkId>,
        limit: usize,
    ) -> Result<Vec<PointKey>, VectorError> {
        self.there()?.scroll(placement, generation, after, limit).await
    }

    async fn optimize(&self, placement: &Placement) -> Result<bool, VectorError> {
        self.there()?.optimize(placement).await
    }

    async fn check(&self) -> Result<(), VectorError> {
        self.checks.fetch_add(1, Ordering::SeqCst);
        if self.is_away.load(Ordering::SeqCst) {
            return Err(VectorError::Unreachable { action: "testing", source: "away".into() });
        }
        self.store.check().await
    }

    async fn close(&self) -> Result<(), VectorError> {
        self.store.close().await
    }
}
