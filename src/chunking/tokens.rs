//! Where the tokens of a whole text begin, found once and kept small.

use crate::embedding::{EmbeddingError, Tokenizer};

use super::to_u32;

/// The text is tokenised in pieces of about this many bytes: tokenizers need a hundred bytes of memory for each of text.
const PIECE_BYTES: usize = 32 << 10;

/// The beginnings of all tokens.
pub(super) struct TokenMap {
    starts: Vec<u32>,
}

impl TokenMap {
    pub fn new(text: &str, tokenizer: &dyn Tokenizer) -> Result<Self, EmbeddingError> {
        let mut starts = Vec::new();
        let mut offset = 0;
        while offset < text.len() {
            let piece = piece(&text[offset..]);
            starts.extend(tokenizer.token_ranges(piece)?.into_iter().map(|range| to_u32(offset + range.start)));
            offset += piece.len();
        }
        Ok(Self { starts })
    }

    /// The tokens that begin before `byte`.
    pub fn before(&self, byte: usize) -> usize {
        self.starts.partition_point(|&start| (start as usize) < byte)
    }

    /// Where the token of this number begins.
    pub fn start_of(&self, number: usize) -> Option<usize> {
        self.starts.get(number).map(|&start| start as usize)
    }
}

/// The beginning of `text`, up to white space if there is any: no token reaches across it.
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
