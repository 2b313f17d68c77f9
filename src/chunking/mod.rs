//! Splits a text into chunks that fit the embedding model.
//!
//! A chunk ends at the strongest border within its limit: a heading, else a block, else a sentence, else a word. Strategies
//! differ in what is a border. The text is tokenised once, a little ahead of the splitting. Sizes are looked up, and each chunk
//! looks only at as much text as its limit allows. So the work grows linearly with the length of the text, and a caller who
//! stops early does no extra work. Parents are found first, as if they were chunks; no chunk crosses their borders. The items
//! of source code come from a child process (`code`), the places where a text drifts from the model (`drift`). This module
//! knows nothing of rows, vectors or files.

mod borders;
mod code;
mod cutter;
mod drift;
mod tokens;

use std::ops::Range;

use tokio_util::sync::CancellationToken;

use crate::domain::chunking::{ChunkingConfig, ChunkingStrategy, ParentPart, TextChunk};
use crate::embedding::{EmbeddingError, Tokenizer};
use crate::extract::{CodeOutline, ExtractedText};

use borders::{Borders, Heading, Table};
use cutter::Cutter;

pub use code::code_outline;
pub use drift::drifts;

/// What has to be known of a text before it is split.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outline {
    /// Its [`code_outline`].
    pub code: CodeOutline,
    /// Its [`drifts`].
    pub drifts: Vec<usize>,
}

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

/// Splits `text` by `config`, in order. The same input gives the same chunks.
///
/// Each chunk is trimmed, has at most `max_tokens` tokens, and adds a letter or digit to those before it. Together they
/// contain every letter and digit of the text. A chunk repeats up to `overlap_tokens` tokens (at most half of
/// `max_tokens`) from the previous one, starting at a sentence or word (with `Token`, at a word), but never across a heading
/// where headings are borders, and not where an item of source code that fits would be cut for its sake. The last of its
/// `headings` is the one that it begins with, if it begins with one, or the header row of the table that it begins in.
///
/// # Errors
/// `TooManyChunks` or `Stopped` as soon as a bound is reached, or what the tokenizer returns.
pub fn split(
    text: &ExtractedText,
    config: &ChunkingConfig,
    outline: &Outline,
    tokenizer: &dyn Tokenizer,
    bounds: &Bounds,
) -> Result<Vec<TextChunk>, SplitError> {
    let mut borders = match structure(text, config) {
        Structure::None => Borders::none(),
        Structure::Headings => Borders::of_sentences(&text.text),
        Structure::Paragraphs => Borders::of_paragraphs(&text.text),
        Structure::Blocks => Borders::of_markdown(&text.text),
        Structure::Items => Borders::of_code(&text.text, &outline.code),
    };
    let drifts = outline.drifts.iter().copied().filter(|&at| !borders.parts_heading(at));
    borders.fix(&drifts.collect::<Vec<_>>());
    let mut parents = Vec::new();
    if let Some(max_tokens) = config.parent_max_tokens {
        let config = ChunkingConfig { max_tokens, overlap_tokens: 0, ..*config };
        let ranges = parents_of(&text.text, &borders, &config, tokenizer, bounds)?;
        borders.fix(&ranges.iter().skip(1).map(|range| range.start).collect::<Vec<_>>());
        parents = parts(&text.text, &ranges);
    }
    let mut cutter = Cutter::new(&text.text, &borders, tokenizer, config);
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
            parent: parent_at(&parents, trimmed.start),
        });
    }
    Ok(chunks)
}

/// What of a text is a border, besides sentences and words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Structure {
    None,
    /// Nothing, but chunks know the headings above them.
    Headings,
    Paragraphs,
    /// Of Markdown.
    Blocks,
    /// The same, and the items of source code.
    Items,
}

fn structure(text: &ExtractedText, config: &ChunkingConfig) -> Structure {
    match config.strategy {
        Some(ChunkingStrategy::Recursive) => Structure::Paragraphs,
        Some(ChunkingStrategy::Markdown) => Structure::Blocks,
        Some(ChunkingStrategy::Sentence | ChunkingStrategy::Token) if text.is_markdown => Structure::Headings,
        Some(ChunkingStrategy::Sentence | ChunkingStrategy::Token) => Structure::None,
        Some(ChunkingStrategy::Code) => Structure::Items,
        None | Some(ChunkingStrategy::Hierarchical | ChunkingStrategy::Semantic) => {
            match (text.is_code, text.is_markdown) {
                (true, _) => Structure::Items,
                (false, true) => Structure::Blocks,
                (false, false) => Structure::Paragraphs,
            }
        }
    }
}

/// The larger pieces in which chunks are, one after the other.
fn parents_of(
    text: &str,
    borders: &Borders,
    config: &ChunkingConfig,
    tokenizer: &dyn Tokenizer,
    bounds: &Bounds,
) -> Result<Vec<Range<usize>>, SplitError> {
    let mut cutter = Cutter::new(text, borders, tokenizer, config);
    let mut parents = Vec::new();
    let mut range = 0..0;
    while range.end < text.len() {
        if bounds.stop.is_cancelled() {
            return Err(SplitError::Stopped);
        }
        range = cutter.after(&range)?;
        parents.push(range.clone());
    }
    Ok(parents)
}

/// Each parent without the white space at its ends.
fn parts(text: &str, parents: &[Range<usize>]) -> Vec<ParentPart> {
    let mut characters = 0;
    let part = |range: &Range<usize>| {
        let trimmed = trim(text, range);
        let start = characters + text[range.start..trimmed.start].chars().count();
        let end = start + text[trimmed.clone()].chars().count();
        characters = end + text[trimmed.end..range.end].chars().count();
        let (start_byte, end_byte) = (to_u32(trimmed.start), to_u32(trimmed.end));
        ParentPart { start: to_u32(start), end: to_u32(end), start_byte, end_byte }
    };
    parents.iter().map(part).collect()
}

/// The parent of a chunk that starts there.
fn parent_at(parents: &[ParentPart], byte: usize) -> Option<ParentPart> {
    parents.get(parents.partition_point(|parent| parent.end_byte as usize <= byte)).copied()
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
