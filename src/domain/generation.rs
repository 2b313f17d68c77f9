//! Generations: the indexes of collections, and what their vectors are made with.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    chunking::ChunkingConfig,
    id::{CollectionId, DocumentId, GenerationId},
    vocabulary::vocabulary,
};

/// What tells an embedding model from all others. Vectors of two models can't be compared.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct ModelKey {
    /// Its registered name.
    pub name: String,
    /// The revision that its files are pinned to.
    pub revision: String,
    pub pooling: Pooling,
    /// What the model reads before a chunk.
    pub document_prefix: String,
    /// What the model reads before a question.
    pub query_prefix: String,
    pub precision: Precision,
}

impl ModelKey {
    /// All that counts, as texts.
    #[must_use]
    pub fn parts(&self) -> [&str; 6] {
        let pooling = match self.pooling {
            Pooling::Mean => "MEAN",
        };
        let precision = match self.precision {
            Precision::Float32 => "FLOAT32",
            Precision::Int8 => "INT8",
        };
        [&self.name, &self.revision, pooling, &self.document_prefix, &self.query_prefix, precision]
    }
}

/// How a model makes one vector of those of the tokens.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Pooling {
    /// Their mean.
    Mean,
}

/// How exactly a model computes its linear layers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Precision {
    Float32,
    /// Weights in 8 bits, a scale for each output; values in 8 bits, a scale for each token. The vectors have a cosine of
    /// 0.997 to those of `Float32` on average, and the weights take a quarter of the memory.
    Int8,
}

vocabulary! {
    /// The language whose stop words and stems the lexical leg knows.
    pub enum LexicalLanguage {
        English => "ENGLISH",
    }
}

/// A physical vector collection, which holds the generations of one embedding configuration.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Placement {
    /// Its name: lower-case letters, digits, `-`.
    pub name: String,
    /// Dimension of the embeddings. The distance is cosine.
    pub dimension: usize,
}

vocabulary! {
    /// The state of a generation.
    pub enum GenerationState {
        /// Being filled. No search reads it.
        Building => "BUILDING",
        /// The one that searches read.
        Active => "ACTIVE",
        /// Replaced by a newer one; what is left of it is being removed.
        Retired => "RETIRED",
    }
}

/// One complete index of a collection: chunks, and points in a placement. What it was begun with never changes.
#[derive(Clone, PartialEq, Debug)]
pub struct Generation {
    pub id: GenerationId,
    pub collection_id: CollectionId,
    pub model: ModelKey,
    pub placement: Placement,
    pub chunking: ChunkingConfig,
    pub lexical_language: LexicalLanguage,
    pub state: GenerationState,
    /// Documents that are in it.
    pub document_count: i32,
    /// Chunks that are in it.
    pub chunk_count: i32,
    pub created_at: DateTime<Utc>,
}

/// What a generation holds of a document.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IndexedDocument {
    pub generation_id: GenerationId,
    pub document_id: DocumentId,
    /// The revision whose chunks are in the generation.
    pub revision: i32,
    pub chunk_count: i32,
}
