//! The tokenizer of a model.

use std::ops::Range;

use super::{EmbeddingError, Tokenizer};

/// About how many bytes are tokenised at a time. The library needs a hundred times the memory of its input.
const PIECE_BYTES: usize = 16 * 1024;

/// A tokenizer as `tokenizer.json` describes it, without the truncation and padding in the file.
pub(super) struct ModelTokenizer {
    inner: tokenizers::Tokenizer,
    max_tokens: usize,
}

impl ModelTokenizer {
    /// Reads the content of `tokenizer.json`.
    pub(super) fn load(file: &[u8], max_tokens: usize) -> Result<Self, EmbeddingError> {
        let mut inner = tokenizers::Tokenizer::from_bytes(file)
            .map_err(|source| EmbeddingError::Model { action: "reading its tokenizer", source })?;
        inner.with_padding(None);
        inner.with_truncation(None).map_err(failed)?;
        Ok(Self { inner, max_tokens })
    }

    /// What the model reads: the ids of the tokens between the two special ones, cut to what the model takes.
    pub(super) fn ids(&self, text: &str) -> Result<Vec<u32>, EmbeddingError> {
        let encoding = self.inner.encode_fast(text, true).map_err(failed)?;
        let mut ids = encoding.get_ids().to_vec();
        if let (true, Some(end)) = (ids.len() > self.max_tokens, ids.last().copied()) {
            ids.truncate(self.max_tokens - 1);
            ids.push(end);
        }
        Ok(ids)
    }
}

impl Tokenizer for ModelTokenizer {
    fn token_ranges(&self, text: &str) -> Result<Vec<Range<usize>>, EmbeddingError> {
        let mut ranges = Vec::new();
        let mut start = 0;
        while start < text.len() {
            let end = piece_end(text, start);
            let encoding = self.inner.encode(&text[start..end], false).map_err(failed)?;
            ranges.extend(encoding.get_offsets().iter().map(|(from, to)| start + from..start + to));
            start = end;
        }
        Ok(ranges)
    }
}

/// Where the piece that begins at `start` ends: at white space, which no token crosses.
fn piece_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let search_from = (start + PIECE_BYTES).min(bytes.len());
    let space = bytes[search_from..].iter().position(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t'));
    space.map_or(bytes.len(), |distance| search_from + distance)
}

fn failed(source: tokenizers::Error) -> EmbeddingError {
    EmbeddingError::Model { action: "splitting a text into tokens", source }
}
