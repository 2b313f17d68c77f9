//! How texts are split.

use async_graphql::{Enum, SimpleObject};

use super::number;
use crate::domain::chunking;

/// A strategy for splitting text into chunks. New values may be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "chunking::ChunkingStrategy")]
pub enum ChunkingStrategy {
    /// Splits at the largest natural boundary (paragraph, sentence, word) that keeps a chunk within its limit.
    Recursive,
    /// Like RECURSIVE, but follows the structure of Markdown: headings, lists, code, tables.
    Markdown,
    /// Whole sentences up to the limit, whatever paragraphs they are in.
    Sentence,
    /// As many tokens as the limit allows, wherever that is in the text, but between two words.
    Token,
    /// Like MARKDOWN, and source code at its items (functions, classes) and the parts of these, with the lines that name the
    /// definitions around a chunk as its headings. Knows Rust, Python, JavaScript, TypeScript, Go, Java, C and C++. Other code,
    /// and code that takes too long to parse, is split at its lines.
    Code,
    /// Small chunks are searched, each in a larger part of the document: its parent. A search returns the best chunk of each
    /// parent, and `Chunk.parent` has the text. The kind of each document decides where both end, as without a strategy.
    Hierarchical,
    /// A chunk ends where neighbouring sentences drift apart: their embeddings, by the collection's own model, differ more than
    /// those of most other neighbours in the document. Otherwise the kind of each document decides, as without a strategy.
    /// Indexing embeds each document twice.
    Semantic,
}

/// How the documents of a collection are split into chunks.
#[derive(SimpleObject)]
pub struct ChunkingConfig {
    /// The chunking strategy. Null: chosen for each document, CODE for source code, MARKDOWN for other text with structure
    /// and RECURSIVE for the rest.
    strategy: Option<ChunkingStrategy>,
    /// Maximum number of tokens in a chunk, counted with the embedding model's tokenizer.
    max_tokens: i32,
    /// Number of tokens that a chunk repeats from the previous one.
    overlap_tokens: i32,
    /// Maximum number of tokens in the parent of a chunk. Null unless the strategy is HIERARCHICAL.
    parent_max_tokens: Option<i32>,
    /// How many of a hundred places between sentences drift less than those where a chunk ends. Null unless the strategy is
    /// SEMANTIC.
    drift_percentile: Option<i32>,
}

impl From<chunking::ChunkingConfig> for ChunkingConfig {
    fn from(config: chunking::ChunkingConfig) -> Self {
        Self {
            strategy: config.strategy.map(Into::into),
            max_tokens: number(config.max_tokens),
            overlap_tokens: number(config.overlap_tokens),
            parent_max_tokens: config.parent_max_tokens.map(number),
            drift_percentile: config.drift_percentile.map(number),
        }
    }
}
