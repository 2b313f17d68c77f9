//! Where vectors live and how they are searched: one trait, two engines.
//!
//! A *placement* is a physical collection: one for each embedding configuration. The row of a generation says in which
//! one it is. Inside a placement, every point belongs to one *generation* of one collection; every call names the
//! generations it may touch, and the filter is added here, never by callers.
//!
//! [`edge`] runs Qdrant's engine in the process, [`qdrant`] speaks to a Qdrant server. Both store the same points: the
//! embedding, the words as a BM25 vector (`lexical`), and the keys of `field`. Both search through `search`.

pub mod edge;
mod field;
mod index;
mod lexical;
pub mod qdrant;
mod search;

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::{
    config::Config,
    domain::{
        id::{ChunkId, DocumentId, GenerationId},
        search::{FusionSettings, SearchLegFailure, SearchLegKind, SearchLegState},
    },
};

pub use self::lexical::WordMatcher;
use self::{edge::EdgeStore, qdrant::QdrantStore};
pub use crate::domain::generation::Placement;

impl Placement {
    /// Whether an embedding of `length` numbers belongs here.
    fn check_embedding(&self, length: usize) -> Result<(), VectorError> {
        self.check_dimensions(length, self.dimension)
    }

    /// Whether the stored data has the expected dimension.
    fn check_stored(&self, found: usize) -> Result<(), VectorError> {
        self.check_dimensions(self.dimension, found)
    }

    fn check_dimensions(&self, expected: usize, found: usize) -> Result<(), VectorError> {
        if expected == found {
            Ok(())
        } else {
            Err(VectorError::DimensionMismatch { name: self.name.clone(), expected, found })
        }
    }
}

/// What is stored for one chunk.
#[derive(Clone, PartialEq, Debug)]
pub struct Point {
    pub id: ChunkId,
    pub generation: GenerationId,
    pub document: DocumentId,
    /// The revision of the document that the chunk belongs to.
    pub revision: i32,
    /// The embedding, of the placement's dimension, with length 1.
    pub embedding: Vec<f32>,
    /// The words for the lexical leg.
    pub text: String,
}

/// A stored point, as a list names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PointKey {
    pub id: ChunkId,
    pub document: DocumentId,
    pub revision: i32,
}

/// Which points to delete.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PointSelector {
    /// All points of a document.
    Document { generation: GenerationId, document: DocumentId },
    /// The points of one revision of a document.
    Revision { generation: GenerationId, document: DocumentId, revision: i32 },
    /// The points of a document whose revision is lower than `than`.
    OlderRevisions { generation: GenerationId, document: DocumentId, than: i32 },
    /// Those of the chunks that are in the generation.
    Chunks { generation: GenerationId, chunks: Vec<ChunkId> },
    /// All points of a generation.
    Generation(GenerationId),
}

/// A question to one placement. At least one of `embedding` and `text` is set; each that is set is a leg.
#[derive(Clone, PartialEq, Debug)]
pub struct VectorQuery {
    /// The generations to search; never empty.
    pub generations: Arc<[GenerationId]>,
    /// Whether the placement has no others, so that none has to be left out.
    pub is_whole: bool,
    /// The semantic leg: the embedded question.
    pub embedding: Option<Vec<f32>>,
    /// The lexical leg: the question's words.
    pub text: Option<String>,
    /// How many hits to return.
    pub limit: usize,
    /// How many candidates each leg contributes to the fusion; at least `limit`.
    pub candidates: usize,
    /// How legs are fused. Then scores are those of the fusion, also where one leg alone is asked, so that they mean the
    /// same in every placement. `None` for the scores of one leg.
    pub fusion: Option<FusionSettings>,
    /// Whether to leave out the last candidates of a leg if they tie and there may be more like them.
    pub whole_ties: bool,
    /// Whether to report rank and score of each leg for each hit.
    pub explain: bool,
    pub timeout: Duration,
}

/// A hit, best first in its list.
#[derive(Clone, PartialEq, Debug)]
pub struct VectorHit {
    pub id: ChunkId,
    pub generation: GenerationId,
    /// The fused score; without fusion the leg's own: cosine similarity, or BM25.
    pub score: f32,
    /// The contribution of each leg that found the chunk; empty unless `explain` is set.
    pub legs: Vec<LegContribution>,
}

/// The result of one leg for one hit.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LegContribution {
    pub leg: SearchLegKind,
    /// From 1.
    pub rank: usize,
    /// The leg's own score: cosine similarity, or BM25.
    pub score: f32,
}

/// The result of one leg.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LegReport {
    pub leg: SearchLegKind,
    pub state: SearchLegState,
    /// How long the engine's call took that the leg was part of; legs that go together share it.
    pub elapsed: Duration,
    /// Candidates that it found.
    pub candidates: usize,
    /// For `Failed`: why.
    pub failure: Option<SearchLegFailure>,
}

impl LegReport {
    /// A leg that failed.
    #[must_use]
    pub fn failed(leg: SearchLegKind, elapsed: Duration, failure: SearchLegFailure) -> Self {
        Self { leg, state: SearchLegState::Failed, elapsed, candidates: 0, failure: Some(failure) }
    }
}

/// The answer of one placement.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct VectorAnswer {
    pub hits: Vec<VectorHit>,
    /// One for each requested leg.
    pub legs: Vec<LegReport>,
    /// Whether a higher limit and more candidates would find nothing more.
    pub is_exhausted: bool,
}

/// Why a call to a vector store failed.
#[derive(Debug, thiserror::Error)]
pub enum VectorError {
    #[error("the vector store can't be reached while {action}")]
    Unreachable {
        action: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the vector store did not answer in time while {action}")]
    TimedOut { action: &'static str },
    /// The store's own fault: a full disk, a broken file, an internal error of the server.
    #[error("the vector store failed while {action}")]
    Failed {
        action: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The caller's fault.
    #[error("the vector store refused while {action}")]
    Refused {
        action: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the Qdrant server has version {found}, and Docent needs {needed} or newer: upgrade the Qdrant server")]
    TooOld { found: String, needed: &'static str },
    #[error("placement {name} holds vectors of dimension {found}, not {expected}")]
    DimensionMismatch { name: String, expected: usize, found: usize },
}

impl VectorError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::Failed { .. } => true,
            Self::Refused { .. } | Self::TooOld { .. } | Self::DimensionMismatch { .. } => false,
        }
    }
}

/// Opens the store that the settings name: a Qdrant server if `vector.url` is set, otherwise Qdrant Edge in
/// `<data_dir>/vectors`.
///
/// # Errors
/// When the directory can't be made, or the settings can't be used. A server that can't be reached is no error here.
pub fn open(config: &Config) -> Result<Arc<dyn VectorStore>, VectorError> {
    Ok(match &config.vector.url {
        Some(_) => Arc::new(QdrantStore::connect(&config.vector, &config.search)?),
        None => Arc::new(EdgeStore::open(&config.data_dir.join("vectors"), &config.vector, &config.search)?),
    })
}

/// A store of points. All writes can be done again with the same effect; none is durable before [`flush`](Self::flush).
#[async_trait]
pub trait VectorStore: Send + Sync {
    /// Makes the placement if it doesn't exist.
    ///
    /// # Errors
    /// `DimensionMismatch` if it exists for another dimension.
    async fn ensure(&self, placement: &Placement) -> Result<(), VectorError>;

    /// Writes points, replacing those with the same ids.
    async fn upsert(&self, placement: &Placement, points: Vec<Point>) -> Result<(), VectorError>;

    /// Deletes the selected points.
    async fn delete(&self, placement: &Placement, selector: &PointSelector) -> Result<(), VectorError>;

    /// Returns when every write acknowledged before the call will survive a power cut, as far as the store can promise
    /// that (a server can't). Calls made at the same time share one pass over the disk.
    async fn flush(&self, placement: &Placement) -> Result<(), VectorError>;

    /// Searches only the generations named in the query. If one leg fails, its failure is reported with the hits of the
    /// other; an error means that every leg failed.
    async fn search(&self, placement: &Placement, query: &VectorQuery) -> Result<VectorAnswer, VectorError>;

    /// The embeddings of those of `ids` that exist in `generation`.
    async fn embeddings(
        &self,
        placement: &Placement,
        generation: GenerationId,
        ids: &[ChunkId],
    ) -> Result<HashMap<ChunkId, Vec<f32>>, VectorError>;

    /// How many points a generation has, exactly.
    async fn count(&self, placement: &Placement, generation: GenerationId) -> Result<usize, VectorError>;

    /// A generation's points after `after`, in the order of their ids, at most `limit`.
    async fn scroll(
        &self,
        placement: &Placement,
        generation: GenerationId,
        after: Option<ChunkId>,
        limit: usize,
    ) -> Result<Vec<PointKey>, VectorError>;

    /// Builds indexes and drops deleted points where it is worthwhile. It takes long and can be interrupted safely.
    /// Searches and writes continue in the meantime. Returns whether there was anything to do.
    async fn optimize(&self, placement: &Placement) -> Result<bool, VectorError>;

    /// Whether the store answers.
    async fn check(&self) -> Result<(), VectorError>;

    /// Flushes and closes everything. Called once, at shutdown.
    async fn close(&self) -> Result<(), VectorError>;
}
