//! Text to vectors.
//!
//! Other layers use [`Embedder`] and [`Tokenizer`], and find the model of a generation in [`registry`]; [`pool`] has the
//! implementation that runs in this process, [`remote`] the one that asks another server. Must not know about documents, databases or vector stores.

pub mod added;
mod batches;
pub mod benchmark;
mod bert;
pub mod install;
pub mod installed;
mod linear;
pub mod model;
pub mod pool;
pub mod registry;
pub mod remote;
mod tokenizer;
mod weights;
mod word_pieces;

use std::sync::Arc;

use async_trait::async_trait;
use docent_kernels::int8;
use sha2::{Digest, Sha256};

use crate::{
    config::PrecisionChoice,
    domain::generation::{ModelKey, Placement, Precision},
};

/// What is known of a model.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ModelInfo {
    pub key: ModelKey,
    pub dimension: usize,
    /// The most tokens of one text, special tokens included; the rest is cut off.
    pub max_tokens: usize,
}

/// Tokens that a model adds to every text.
const SPECIAL_TOKENS: usize = 2;

/// The mark of the first model. Its placement got its name when there was no other one.
const FIRST_MARK: &str = "62fdb400";

impl ModelInfo {
    /// The most tokens of one text, special tokens not counted.
    #[must_use]
    pub fn text_tokens(&self) -> usize {
        self.max_tokens.saturating_sub(SPECIAL_TOKENS)
    }

    /// How many tokens the model reads of a text that has `text_tokens`, special tokens included.
    #[must_use]
    pub fn tokens_read(&self, text_tokens: usize) -> usize {
        (text_tokens + SPECIAL_TOKENS).min(self.max_tokens)
    }

    /// The placement of new generations with this model. Generations that exist have theirs in their rows.
    #[must_use]
    pub fn placement(&self) -> Placement {
        let plain =
            |character: char| if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { '-' };
        let name: String = self.key.name.chars().map(plain).collect();
        let stem = format!("{name}-{}-cosine", self.dimension);
        let mark = mark(&self.key);
        let name = if mark == FIRST_MARK { stem } else { format!("{stem}-{mark}") };
        Placement { name, dimension: self.dimension }
    }
}

/// The precision that a choice means on this machine.
#[must_use]
pub fn precision(choice: PrecisionChoice) -> Precision {
    match choice {
        PrecisionChoice::Auto if int8::is_faster() => Precision::Int8,
        PrecisionChoice::Auto | PrecisionChoice::F32 => Precision::Float32,
        PrecisionChoice::Int8 => Precision::Int8,
    }
}

/// Where each token of a text lies.
pub trait Tokenizer: Send + Sync {
    /// The byte range of every token of `text`, in order, without special tokens and without truncation.
    ///
    /// # Errors
    /// `EmbeddingError::Model` if the text can't be tokenised.
    fn token_ranges(&self, text: &str) -> Result<Vec<std::ops::Range<usize>>, EmbeddingError>;
}

/// Why text could not be embedded.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddingError {
    #[error("the embedding model {model} is not installed")]
    NotInstalled { model: String },
    #[error("the embedding model {model}, with which collections were indexed, is not available")]
    Missing { model: String },
    #[error("the endpoint of embedding model {model} can't be used now")]
    Unavailable {
        model: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("no embedding model is called {model}")]
    UnknownModel { model: String },
    #[error("file {file} of model {model} is not the pinned one")]
    WrongHash { model: String, file: String },
    #[error("there is no file {file} of model {model} in {folder}")]
    MissingFile { model: String, file: String, folder: std::path::PathBuf },
    #[error("model {model} could not be fetched from {url}")]
    Download {
        model: String,
        url: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the embedding model failed while {action}")]
    Model {
        action: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the embedding workers have stopped")]
    Stopped,
    #[error("file operation on {path} failed")]
    Io {
        path: std::path::PathBuf,
        #[source]
        source: std::io::Error,
    },
}

impl EmbeddingError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Missing { .. }
            | Self::Unavailable { .. }
            | Self::Download { .. }
            | Self::Stopped
            | Self::Io { .. } => true,
            Self::NotInstalled { .. }
            | Self::UnknownModel { .. }
            | Self::WrongHash { .. }
            | Self::MissingFile { .. }
            | Self::Model { .. } => false,
        }
    }
}

/// A loaded model. All embeddings have length 1.
#[async_trait]
pub trait Embedder: Send + Sync {
    fn model(&self) -> &ModelInfo;

    fn tokenizer(&self) -> Arc<dyn Tokenizer>;

    /// Whether it works, as far as that is known without asking it.
    fn is_available(&self) -> bool {
        true
    }

    /// Embeds chunks and returns the vectors in the same order. Chunks of concurrent calls share batches.
    async fn embed_documents(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EmbeddingError>;

    /// Embeds a question at once, ahead of waiting chunks.
    async fn embed_query(&self, text: &str) -> Result<Vec<f32>, EmbeddingError>;
}

/// Tells the placements of models apart that have the same name and dimension.
fn mark(key: &ModelKey) -> String {
    let mut hasher = Sha256::new();
    for part in key.parts() {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hex::encode(&hasher.finalize()[..4])
}
