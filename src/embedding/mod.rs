//! Text to vectors.
//!
//! Other layers use [`Embedder`] and [`Tokenizer`]; [`pool`] has the implementation that runs in this process. Must not
//! know about documents, databases or vector stores.

mod batches;
pub mod benchmark;
mod bert;
pub mod download;
mod float32;
pub mod install;
mod int8;
mod kernels;
mod linear;
mod matrix;
pub mod model;
pub mod pool;
mod tokenizer;
mod weights;
mod word_pieces;

use std::sync::Arc;

use async_trait::async_trait;

/// What is known of a model.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ModelInfo {
    /// Its registered name.
    pub name: String,
    pub dimension: usize,
    /// The most tokens of one text, special tokens included; the rest is cut off.
    pub max_tokens: usize,
    /// The revision that its files are pinned to.
    pub revision: String,
}

/// How exactly a model computes its linear layers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Precision {
    Float32,
    /// Weights in 8 bits, a scale for each output; values in 8 bits, a scale for each token. The vectors have a cosine of
    /// 0.997 to those of `Float32` on average, and the weights take a quarter of the memory.
    Int8,
}

/// Tokens that a model adds to every text.
const SPECIAL_TOKENS: usize = 2;

impl ModelInfo {
    /// The most tokens of one text, special tokens not counted.
    #[must_use]
    pub fn text_tokens(&self) -> usize {
        self.max_tokens.saturating_sub(SPECIAL_TOKENS)
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
            Self::Download { .. } | Self::Stopped | Self::Io { .. } => true,
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

    /// Embeds chunks and returns the vectors in the same order. Chunks of concurrent calls share batches.
    async fn embed_documents(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EmbeddingError>;

    /// Embeds a question at once, ahead of waiting chunks.
    async fn embed_query(&self, text: &str) -> Result<Vec<f32>, EmbeddingError>;
}

/// What the vectors of this model are kept under: vectors of different models can't be compared.
#[must_use]
pub fn placement_name(model: &ModelInfo) -> String {
    format!("{}-{}-cosine", model.name.to_lowercase(), model.dimension)
}
