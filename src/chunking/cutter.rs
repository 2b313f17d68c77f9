//! Decides where the next chunk starts and ends.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use crate::domain::chunking::{ChunkingConfig, ChunkingStrategy};
use crate::embedding::{EmbeddingError, Tokenizer};

use super::borders::Borders;
use super::tokens::TokenMap;
use super::trim;

/// A chunk may have this many bytes for each token that it may have. Prose has four to six; a tokenizer that reads a
/// word of megabytes as one unknown token would otherwise make one chunk of it.
const MAX_BYTES_PER_TOKEN: usize = 32;

pub(super) struct Cutter<'a> {
    text: &'a str,
    borders: &'a Borders,
    tokens: TokenMap<'a>,
    tokenizer: &'a dyn Tokenizer,
    max_tokens: usize,
    overlap_tokens: usize,
    /// Whether chunks begin and end at sentences where they can.
    keeps_sentences: bool,
}

impl<'a> Cutter<'a> {
    pub fn new(text: &'a str, borders: &'a Borders, tokenizer: &'a dyn Tokenizer, config: &ChunkingConfig) -> Self {
        let max_tokens = (config.max_tokens as usize).max(1);
        Self {
            text,
            borders,
            tokens: TokenMap::new(text, tokenizer),
            tokenizer,
            max_tokens,
            keeps_sentences: config.strategy != Some(ChunkingStrategy::Token),
            overlap_tokens: (config.overlap_tokens as usize).min(max_tokens / 2),
        }
    }

    /// The chunk after `last`, untrimmed. It begins in `last` or at its end, and ends after it.
    pub fn after(&mut self, last: &Range<usize>) -> Result<Range<usize>, EmbeddingError> {
        // No chunk that begins in `last` or at its end reaches further, so no question about tokens does.
        self.tokens.reach(self.next_character(self.most_bytes(last.end, self.max_tokens)))?;
        let start = self.overlap_start(last);
        let (limit, limit_alone) = (self.limit(start, self.max_tokens), self.limit(last.end, self.max_tokens));
        // Without room for anything new there is no overlap; only words of thousands of bytes bring that about. Nor is there
        // one for whose sake an item would be cut that fits.
        let item_end = self.borders.item_end(last.end, limit_alone);
        let has_room = limit > last.end && item_end.is_none_or(|end| end <= limit);
        let (start, limit) = if has_room { (start, limit) } else { (last.end, limit_alone) };
        let range = start..self.end(start, last.end, limit);
        if self.fits(&range)? {
            return Ok(range);
        }
        // Pieces of a word can have more tokens than their share of the word's.
        let mut tokens = self.max_tokens;
        loop {
            tokens /= 2;
            let range = last.end..self.limit(last.end, tokens).min(range.end);
            if tokens == 0 || self.fits(&range)? {
                return Ok(range);
            }
        }
    }

    /// The tokens of a trimmed chunk, as the model will count them.
    pub fn count(&self, range: &Range<usize>) -> Result<usize, EmbeddingError> {
        if self.parts_words(range.start) || self.parts_words(range.end) {
            return Ok(self.tokenizer.token_ranges(&self.text[range.clone()])?.len());
        }
        Ok(self.tokens.before(range.end) - self.tokens.before(range.start))
    }

    fn fits(&self, range: &Range<usize>) -> Result<bool, EmbeddingError> {
        Ok(self.count(&trim(self.text, range))? <= self.max_tokens)
    }

    /// The furthest end of a chunk of `max_tokens` from `start`; at least one character away.
    fn limit(&self, start: usize, max_tokens: usize) -> usize {
        let by_tokens = self.tokens.start_of(self.tokens.before(start) + max_tokens).unwrap_or(self.text.len());
        let by_bytes = self.most_bytes(start, max_tokens);
        self.text.floor_char_boundary(by_tokens).min(by_bytes).max(self.next_character(start))
    }

    /// Where a chunk of `max_tokens` from `start` ends at the latest, by its bytes.
    fn most_bytes(&self, start: usize, max_tokens: usize) -> usize {
        self.text.floor_char_boundary(start.saturating_add(max_tokens.saturating_mul(MAX_BYTES_PER_TOKEN)))
    }

    fn next_character(&self, byte: usize) -> usize {
        self.text.ceil_char_boundary((byte + 1).min(self.text.len()))
    }

    /// The best end in `after + 1..=limit` of a chunk from `start`.
    fn end(&self, start: usize, after: usize, limit: usize) -> usize {
        if let Some(fixed) = self.borders.first_fixed(after, limit) {
            return fixed;
        }
        if limit == self.text.len() {
            return limit;
        }
        if let Some(border) = self.borders.strongest(after, limit) {
            return border;
        }
        // One character more shows whether something begins at the limit itself.
        let window = &self.text[start..self.next_character(limit)];
        if self.keeps_sentences {
            let sentence = window.split_sentence_bound_indices().last().map(|(at, _)| start + at);
            if let Some(sentence) = sentence.filter(|&at| at > after && !self.borders.parts_heading(at)) {
                return sentence;
            }
        }
        let word = window.split_word_bound_indices().next_back().map(|(at, _)| start + at);
        word.filter(|&at| at > after).unwrap_or(limit)
    }

    /// Where the chunk after `last` starts, so that it repeats at most the overlap.
    fn overlap_start(&self, last: &Range<usize>) -> usize {
        let heading = self.borders.last_heading(last.start, last.end);
        let first_token = self.tokens.before(last.end).saturating_sub(self.overlap_tokens);
        let earliest = self.tokens.start_of(first_token).unwrap_or(last.end).max(heading.unwrap_or(0));
        if self.overlap_tokens == 0 || earliest <= trim(self.text, last).start || earliest >= last.end {
            return last.end;
        }
        let chunk = &self.text[last.clone()];
        if self.keeps_sentences {
            let mut sentences = chunk.split_sentence_bound_indices().map(|(at, _)| last.start + at);
            if let Some(sentence) = sentences.find(|&at| at >= earliest) {
                return sentence;
            }
        }
        let mut words = chunk.unicode_word_indices().map(|(at, _)| last.start + at);
        words.find(|&at| at >= earliest).unwrap_or(last.end)
    }

    /// Whether a border at `at` would split a word.
    fn parts_words(&self, at: usize) -> bool {
        let before = self.text[..at].chars().next_back();
        let after = self.text[at..].chars().next();
        before.is_some_and(char::is_alphanumeric) && after.is_some_and(char::is_alphanumeric)
    }
}
