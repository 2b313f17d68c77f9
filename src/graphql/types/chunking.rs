//! How texts are cut.

use async_graphql::{Enum, SimpleObject};

use super::number;
use crate::domain::chunking;

/// The rule by which a text is cut into chunks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "chunking::ChunkingStrategy")]
pub enum ChunkingStrategy {
    /// At the largest natural border (paragraph, sentence, word) that keeps a chunk within its limit.
    Recursive,
    /// As RECURSIVE, but along the structure of Markdown: headings, lists, code, tables.
    Markdown,
}

/// How the documents of a collection are cut into chunks.
#[derive(SimpleObject)]
pub struct ChunkingConfig {
    /// The rule. Null: each document's kind decides, MARKDOWN for text with structure and RECURSIVE for the rest.
    strategy: Option<ChunkingStrategy>,
    /// The most tokens of the embedding model in one chunk.
    max_tokens: i32,
    /// How many tokens a chunk repeats from the one before it.
    overlap_tokens: i32,
}

impl From<chunking::ChunkingConfig> for ChunkingConfig {
    fn from(config: chunking::ChunkingConfig) -> Self {
        Self {
            strategy: config.strategy.map(Into::into),
            max_tokens: number(config.max_tokens),
            overlap_tokens: number(config.overlap_tokens),
        }
    }
}
