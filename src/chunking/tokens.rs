//! The starts of the tokens of a text, found piece by piece as the cutter needs them, and stored compactly.

use crate::embedding::{EmbeddingError, Tokenizer};

use super::to_u32;

/// The text is tokenised in pieces of about this many bytes, so that a text with too many chunks is not tokenised to its
/// end. How much memory a piece takes is the tokenizer's concern.
const PIECE_BYTES: usize = 32 << 10;

/// The starts of the tokens in the first part of a text.
pub(super) struct TokenMap<'a> {
    text: &'a str,
    tokenizer: &'a dyn Tokenizer,
    starts: Vec<u32>,
    /// The end of that part, in bytes.
    known: usize,
}

impl<'a> TokenMap<'a> {
    pub fn new(text: &'a str, tokenizer: &'a dyn Tokenizer) -> Self {
        Self { text, tokenizer, starts: Vec::new(), known: 0 }
    }

    /// Finds all tokens before `byte`. Nothing is tokenised twice.
    pub fn reach(&mut self, byte: usize) -> Result<(), EmbeddingError> {
        while self.known < byte.min(self.text.len()) {
            let piece = piece(&self.text[self.known..]);
            let ranges = self.tokenizer.token_ranges(piece)?;
            self.starts.extend(ranges.into_iter().map(|range| to_u32(self.known + range.start)));
            self.known += piece.len();
        }
        Ok(())
    }

    /// The tokens that begin before `byte`.
    pub fn before(&self, byte: usize) -> usize {
        self.starts.partition_point(|&start| (start as usize) < byte)
    }

    /// Where the token of this number begins, if it is known.
    pub fn start_of(&self, number: usize) -> Option<usize> {
        self.starts.get(number).map(|&start| start as usize)
    }
}

/// A prefix of `text`, up to white space if there is any: no token crosses it.
fn piece(text: &str) -> &str {
    if text.len() <= PIECE_BYTES {
        return text;
    }
    let piece = &text[..text.floor_char_boundary(PIECE_BYTES)];
    match piece.rfind(char::is_whitespace) {
        Some(space) if space > 0 => &piece[..space],
        _ => piece,
    }
}
