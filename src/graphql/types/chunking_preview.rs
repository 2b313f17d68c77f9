//! How a text would be split.

use async_graphql::SimpleObject;

use super::{ChunkingConfig, number};
use crate::{
    domain::chunking::TextChunk,
    service::chunk_preview::{ChunkPreview, Previewed},
};

/// A piece of a text.
#[derive(SimpleObject)]
pub struct PreviewChunk {
    /// The text.
    content: String,
    /// Where the chunk starts in the extracted text, in characters (Unicode scalar values).
    start_offset: i32,
    /// Where the chunk ends. The character at this position is the first one after the chunk.
    end_offset: i32,
    /// Number of tokens in the text, counted with the embedding model's tokenizer.
    token_count: i32,
    /// The headings above it, outermost first, and the header row of the table that it begins in.
    headings: Vec<String>,
    /// The page on which the chunk starts, from 1. Null if the format has no pages.
    page: Option<i32>,
    /// Where the parent of the chunk starts in the extracted text, in characters. Null unless the strategy is HIERARCHICAL.
    parent_start_offset: Option<i32>,
    /// Where the parent of the chunk ends. Null unless the strategy is HIERARCHICAL.
    parent_end_offset: Option<i32>,
}

impl From<TextChunk> for PreviewChunk {
    fn from(chunk: TextChunk) -> Self {
        Self {
            content: chunk.content,
            start_offset: number(chunk.start_offset),
            end_offset: number(chunk.end_offset),
            token_count: number(chunk.token_count),
            headings: chunk.headings,
            page: chunk.page.map(number),
            parent_start_offset: chunk.parent.map(|parent| number(parent.start)),
            parent_end_offset: chunk.parent.map(|parent| number(parent.end)),
        }
    }
}

/// The chunks of a text by one way to split it.
#[derive(SimpleObject)]
pub struct PreviewedChunking {
    /// How it was split.
    chunking: ChunkingConfig,
    /// Number of all chunks.
    chunk_count: i32,
    /// Number of tokens in all chunks.
    token_count: i32,
    /// Number of tokens in the smallest chunk. Null if there are none.
    min_tokens: Option<i32>,
    /// Number of tokens in the largest chunk. Null if there are none.
    max_tokens: Option<i32>,
    /// Number of tokens in a chunk on average. Null if there are none.
    mean_tokens: Option<f64>,
    /// The first chunks, in the order of the text.
    chunks: Vec<PreviewChunk>,
}

impl PreviewedChunking {
    fn new(ChunkPreview { config, chunks }: ChunkPreview, first: u32) -> Self {
        let sizes = || chunks.iter().map(|chunk| chunk.token_count);
        let total: u32 = sizes().fold(0, u32::saturating_add);
        let count = u32::try_from(chunks.len()).unwrap_or(u32::MAX);
        Self {
            chunking: config.into(),
            chunk_count: number(count),
            token_count: number(total),
            min_tokens: sizes().min().map(number),
            max_tokens: sizes().max().map(number),
            mean_tokens: (count > 0).then(|| f64::from(total) / f64::from(count)),
            chunks: chunks.into_iter().take(first as usize).map(Into::into).collect(),
        }
    }
}

/// A preview of how a text would be split.
#[derive(SimpleObject)]
pub struct ChunkingPreview {
    /// Number of characters that were split.
    length: i32,
    /// Whether the text is longer than that.
    is_truncated: bool,
    /// The chunks by each of the ways, in the order of the input.
    chunkings: Vec<PreviewedChunking>,
}

impl ChunkingPreview {
    /// With so many chunks of each way.
    pub fn new(Previewed { length, is_truncated, previews }: Previewed, first: u32) -> Self {
        let chunkings = previews.into_iter().map(|preview| PreviewedChunking::new(preview, first)).collect();
        Self { length: number(length), is_truncated, chunkings }
    }
}
