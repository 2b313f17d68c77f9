//! Generations: the indexes of collections, and what their vectors are made with.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{
    chunking::ChunkingConfig,
    id::{CollectionId, DocumentId, GenerationId, OperationId},
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
            Pooling::Cls => "CLS",
            Pooling::Remote => "REMOTE",
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
    /// That of the first token.
    Cls,
    /// As the server does it that runs the model.
    Remote,
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

/// Whether a model can be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ModelState {
    /// It is open.
    Loaded,
    /// It can be opened.
    Installed,
    /// It is open, and its endpoint does not answer.
    Unavailable,
    /// It is not there, or not as it was when something was made with it.
    Missing,
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
        /// Replaced, or given up while it was filled. It is kept for a time of grace, and then removed.
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
    /// The operation that fills it, or last did; `None` for the first generation of a collection.
    pub operation: Option<OperationId>,
    /// When searches last began to read it; `None` if they never did.
    pub promoted_at: Option<DateTime<Utc>>,
    /// Since when it is retired; `None` in the other states.
    pub retired_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

impl Generation {
    /// An operation fills it from now on.
    pub fn begin_filling(&mut self, operation: OperationId) {
        self.state = GenerationState::Building;
        self.operation = Some(operation);
        self.retired_at = None;
    }

    /// Searches read it from now on, so it holds all documents of its collection.
    pub fn promote(&mut self, now: DateTime<Utc>) {
        self.state = GenerationState::Active;
        self.promoted_at = Some(now);
        self.retired_at = None;
    }

    /// Its time of grace begins: it was replaced, or its filling was cancelled or failed.
    pub fn retire(&mut self, now: DateTime<Utc>) {
        self.state = GenerationState::Retired;
        self.retired_at = Some(now);
    }

    /// Whether its time of grace is over.
    #[must_use]
    pub fn is_over(&self, grace: TimeDelta, now: DateTime<Utc>) -> bool {
        self.state == GenerationState::Retired && self.retired_at.is_none_or(|retired_at| retired_at + grace <= now)
    }
}

/// What a generation holds of a document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IndexedDocument {
    pub generation_id: GenerationId,
    pub document_id: DocumentId,
    /// The revision whose chunks are in the generation.
    pub revision: i32,
    pub chunk_count: i32,
    /// The text that its chunks are cut from. `None` for archives, and for what was indexed before texts were kept.
    pub text: Option<StoredText>,
}

/// An extracted text in the blob store. The offsets of chunks refer to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredText {
    /// The SHA-256 of its bytes.
    pub digest: String,
    /// Its length in characters (Unicode scalar values).
    pub length: i32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::chunking::ChunkingConfig;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn generation() -> Generation {
        Generation {
            id: GenerationId::generate(),
            collection_id: CollectionId::generate(),
            model: ModelKey {
                name: "model".into(),
                revision: "1".into(),
                pooling: Pooling::Mean,
                document_prefix: String::new(),
                query_prefix: String::new(),
                precision: Precision::Float32,
            },
            placement: Placement { name: "model-4-cosine".into(), dimension: 4 },
            chunking: ChunkingConfig {
                strategy: None,
                max_tokens: 16,
                overlap_tokens: 0,
                parent_max_tokens: None,
                drift_percentile: None,
            },
            lexical_language: LexicalLanguage::English,
            state: GenerationState::Active,
            document_count: 0,
            chunk_count: 0,
            operation: None,
            promoted_at: None,
            retired_at: None,
            created_at: NOW,
        }
    }

    #[test]
    fn only_a_retired_generation_is_ever_over_and_only_after_its_grace() {
        let (grace, later) = (TimeDelta::minutes(60), NOW + TimeDelta::minutes(60));
        let mut generation = generation();
        assert!(!generation.is_over(grace, later));
        generation.retire(NOW);
        assert!(!generation.is_over(grace, later - TimeDelta::seconds(1)) && generation.is_over(grace, later));
        generation.begin_filling(OperationId::generate());
        assert_eq!((generation.state, generation.is_over(grace, later)), (GenerationState::Building, false));
        generation.promote(later);
        assert_eq!((generation.state, generation.promoted_at), (GenerationState::Active, Some(later)));
    }
}
