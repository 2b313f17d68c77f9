//! Splits a text into chunks that fit the embedding model.
//!
//! A chunk ends at the strongest border within its limit: a heading, else a block, else a sentence, else a word. Strategies
//! differ in what is a border. The text is tokenised once, a little ahead of the splitting. Sizes are looked up, and each chunk
//! looks only at as much text as its limit allows. So the work grows linearly with the length of the text, and a caller who
//! stops early does no extra work. The items of source code come from a child process (`code`). This module knows nothing
//! of rows, vectors or files.

mod borders;
mod code;
mod cutter;
mod tokens;

use std::ops::Range;

use tokio_util::sync::CancellationToken;

use crate::domain::chunking::{ChunkingConfig, ChunkingStrategy, TextChunk};
use crate::embedding::{EmbeddingError, Tokenizer};
use crate::extract::{CodeOutline, ExtractedText};

use borders::{Borders, Heading, Table};
use cutter::Cutter;

pub use code::code_outline;

/// Limits that stop the splitting early.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// The most chunks of one text.
    pub max_chunks: usize,
    /// Cancelled when the chunks are no longer needed.
    pub stop: CancellationToken,
}

/// Why splitting a text stopped early.
#[derive(Debug, thiserror::Error)]
pub enum SplitError {
    #[error("the text has more than {limit} chunks")]
    TooManyChunks { limit: usize },
    #[error("cutting was stopped")]
    Stopped,
    #[error(transparent)]
    Tokenizer(#[from] EmbeddingError),
}

/// Splits `text` by `config`, in order. The same input gives the same chunks. `code` is its [`code_outline`].
///
/// Each chunk is trimmed, has at most `max_tokens` tokens, and adds a letter or digit to those before it. Together they
/// contain every letter and digit of the text. A chunk repeats up to `overlap_tokens` tokens (at most half of
/// `max_tokens`) from the previous one, starting at a sentence or word (with `Token`, at a word), but never across a heading
/// where headings are borders. The last of its `headings` is the one that it begins with, if it begins with one, or the header
/// row of the table that it begins in.
///
/// # Errors
/// `TooManyChunks` or `Stopped` as soon as a bound is reached, or what the tokenizer returns.
pub fn split(
    text: &ExtractedText,
    config: &ChunkingConfig,
    code: &CodeOutline,
    tokenizer: &dyn Tokenizer,
    bounds: &Bounds,
) -> Result<Vec<TextChunk>, SplitError> {
    let strategy = strategy(text, config);
    let borders = match strategy {
        ChunkingStrategy::Recursive => Borders::of_paragraphs(&text.text),
        ChunkingStrategy::Code => Borders::of_code(&text.text, code),
        ChunkingStrategy::Markdown => Borders::of_markdown(&text.text),
        ChunkingStrategy::Sentence | ChunkingStrategy::Token if text.is_markdown => Borders::of_sentences(&text.text),
        ChunkingStrategy::Sentence | ChunkingStrategy::Token => Borders::none(),
    };
    let mut cutter = Cutter::new(&text.text, &borders, tokenizer, config, strategy);
    let mut place = Place {
        text: &text.text,
        byte: 0,
        characters: 0,
        above: Vec::new(),
        below: &borders.headings,
        tables: &borders.tables,
    };

    let mut chunks = Vec::new();
    let mut range = 0..0;
    while range.end < text.text.len() {
        if bounds.stop.is_cancelled() {
            return Err(SplitError::Stopped);
        }
        let end = range.end;
        range = cutter.after(&range)?;
        if !text.text[end..range.end].chars().any(char::is_alphanumeric) {
            continue;
        }
        if chunks.len() == bounds.max_chunks {
            return Err(SplitError::TooManyChunks { limit: bounds.max_chunks });
        }
        let trimmed = trim(&text.text, &range);
        let content = &text.text[trimmed.clone()];
        place.advance(trimmed.start);
        chunks.push(TextChunk {
            content: content.to_owned(),
            start_offset: to_u32(place.characters),
            end_offset: to_u32(place.characters + content.chars().count()),
            token_count: to_u32(cutter.count(&trimmed)?),
            headings: place.headings(),
            page: page_of(&text.page_starts, trimmed.start),
        });
    }
    Ok(chunks)
}

fn strategy(text: &ExtractedText, config: &ChunkingConfig) -> ChunkingStrategy {
    match config.strategy {
        Some(strategy) => strategy,
        None if text.is_code => ChunkingStrategy::Code,
        None if text.is_markdown => ChunkingStrategy::Markdown,
        None => ChunkingStrategy::Recursive,
    }
}

/// A point in the text that only moves forward, with what is known of it.
struct Place<'a> {
    text: &'a str,
    byte: usize,
    /// Characters before it.
    characters: usize,
    /// The headings above it, outermost first.
    above: Vec<&'a Heading>,
    /// The headings after it, in order.
    below: &'a [Heading],
    /// The tables that end after it, in order.
    tables: &'a [Table],
}

impl Place<'_> {
    fn advance(&mut self, byte: usize) {
        self.characters += self.text[self.byte..byte].chars().count();
        self.byte = byte;
        while let Some((next, rest)) = self.below.split_first().filter(|(next, _)| next.at <= byte) {
            self.above.retain(|heading| heading.level < next.level);
            self.above.push(next);
            self.below = rest;
        }
        while let Some((_, rest)) = self.tables.split_first().filter(|(table, _)| table.rows.end <= byte) {
            self.tables = rest;
        }
    }

    /// The headings above it, and the header of the table whose rows it is in.
    fn headings(&self) -> Vec<String> {
        let table = self.tables.first().filter(|table| table.rows.start <= self.byte);
        let titles = self.above.iter().map(|heading| &heading.title).filter(|title| !title.is_empty());
        titles.chain(table.map(|table| &table.header)).cloned().collect()
    }
}

/// `range` without the white space at its ends.
fn trim(text: &str, range: &Range<usize>) -> Range<usize> {
    let slice = &text[range.clone()];
    let start = range.start + (slice.len() - slice.trim_start().len());
    start..start + slice.trim().len()
}

/// Counted from 1. Where several pages begin at one place, all but the last are empty.
fn page_of(page_starts: &[usize], byte: usize) -> Option<u32> {
    if page_starts.is_empty() {
        return None;
    }
    Some(to_u32(page_starts.partition_point(|&start| start <= byte).max(1)))
}

/// Places in a text as rows keep them. Texts are limited to far less than 4 GiB.
fn to_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
