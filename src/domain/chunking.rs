//! How a text is split into chunks.

use serde::{Deserialize, Serialize};

/// The strategy for splitting a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ChunkingStrategy {
    /// At the largest natural boundary (paragraph, sentence, word) that keeps a chunk within the limit.
    Recursive,
    /// Like `Recursive`, but follows the structure of Markdown: headings, lists, code, tables.
    Markdown,
    /// Whole sentences up to the limit, whatever paragraphs they are in.
    Sentence,
    /// As many tokens as the limit allows, between two words.
    Token,
    /// Like `Markdown`, and blocks of source code at their items (functions, classes) and the parts of these.
    Code,
    /// Small chunks that are found, in larger parts that are shown. The kind of each document decides where both end.
    Hierarchical,
    /// Where neighbouring sentences drift apart, and otherwise as the kind of each document decides.
    Semantic,
}

/// A strategy with its limits, kept with the generation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ChunkingConfig {
    /// `None` lets the kind of each document decide: `Code` for source code, `Markdown` for other text with structure,
    /// `Recursive` for the rest.
    pub strategy: Option<ChunkingStrategy>,
    /// The most tokens of the embedding model in one chunk, headings not counted.
    pub max_tokens: u32,
    /// How many tokens a chunk repeats from the one before it.
    pub overlap_tokens: u32,
    /// The most tokens in the parent of a chunk. Only `Hierarchical` has parents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_max_tokens: Option<u32>,
    /// How many of a hundred places between sentences drift less than those where a chunk ends. Only `Semantic` has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift_percentile: Option<u32>,
}

/// A part of a text, in which small chunks are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParentPart {
    /// Where it starts in the document's extracted text, in characters.
    pub start: u32,
    /// Where it ends (exclusive), in characters.
    pub end: u32,
    /// The same in bytes.
    pub start_byte: u32,
    pub end_byte: u32,
}

/// A chunk from the cutter, before it belongs to a row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TextChunk {
    /// Its text, exactly `text[start_byte..end_byte]`.
    pub content: String,
    /// Where it starts in the document's extracted text, in characters (Unicode scalar values).
    pub start_offset: u32,
    /// Where it ends (exclusive), in characters.
    pub end_offset: u32,
    /// Tokens of the embedding model in `content`, special tokens not counted.
    pub token_count: u32,
    /// The headings above it, outermost first, and the header row of the table that it begins in.
    pub headings: Vec<String>,
    /// The page on which it starts, from 1, where the format has pages.
    pub page: Option<u32>,
    pub parent: Option<ParentPart>,
}
