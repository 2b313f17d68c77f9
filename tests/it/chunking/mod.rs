//! Chunks of texts: what they hold, where they end, and what they cost.

mod hostile;
mod large_code;
mod markdown;
mod properties;
mod strategies;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use docent::chunking::{self, Bounds, Outline};
use docent::config::ExtractionConfig;
use docent::domain::chunking::{ChunkingConfig, ChunkingStrategy, TextChunk};
use docent::embedding::{EmbeddingError, Tokenizer};
use docent::extract::{ExtractedText, Extractor};
use tokio_util::sync::CancellationToken;

/// Behaves like WordPiece: words and punctuation marks apart, words in pieces of four characters, words of more than a
/// hundred characters as one unknown token. It counts what it is given.
#[derive(Default)]
struct Pieces {
    bytes: AtomicUsize,
}

impl Tokenizer for Pieces {
    fn token_ranges(&self, text: &str) -> Result<Vec<Range<usize>>, EmbeddingError> {
        self.bytes.fetch_add(text.len(), Ordering::Relaxed);
        let mut ranges = Vec::new();
        let mut word = 0..0;
        for (at, character) in text.char_indices().chain([(text.len(), ' ')]) {
            if character.is_alphanumeric() {
                word.end = at + character.len_utf8();
                continue;
            }
            push_word(text, word, &mut ranges);
            word = at + character.len_utf8()..at + character.len_utf8();
            if !character.is_whitespace() {
                ranges.push(at..at + character.len_utf8());
            }
        }
        Ok(ranges)
    }
}

fn push_word(text: &str, word: Range<usize>, ranges: &mut Vec<Range<usize>>) {
    let places: Vec<usize> = text[word.clone()].char_indices().map(|(at, _)| word.start + at).collect();
    let piece = if places.len() > 100 { places.len() } else { 4 };
    for characters in places.chunks(piece.max(1)) {
        let end = places.iter().find(|&&at| at > characters[characters.len() - 1]).copied().unwrap_or(word.end);
        ranges.push(characters[0]..end);
    }
}

fn plain(text: impl Into<String>) -> ExtractedText {
    ExtractedText { text: text.into(), content_type: "text/plain".into(), ..ExtractedText::default() }
}

fn markdown(text: impl Into<String>) -> ExtractedText {
    ExtractedText { is_markdown: true, content_type: "text/markdown".into(), ..plain(text) }
}

fn config(max_tokens: u32, overlap_tokens: u32) -> ChunkingConfig {
    ChunkingConfig { strategy: None, max_tokens, overlap_tokens, parent_max_tokens: None, drift_percentile: None }
}

fn with_strategy(strategy: ChunkingStrategy, max_tokens: u32) -> ChunkingConfig {
    ChunkingConfig { strategy: Some(strategy), ..config(max_tokens, 0) }
}

fn split(text: &ExtractedText, config: &ChunkingConfig) -> Vec<TextChunk> {
    chunking::split(text, config, &Outline::default(), &Pieces::default(), &unbounded()).unwrap()
}

/// With the parts of the code in it, which the real child process finds.
async fn split_with_code(text: ExtractedText, config: &ChunkingConfig) -> Vec<TextChunk> {
    let extractor = Extractor::new(&ExtractionConfig::default(), 1, env!("CARGO_BIN_EXE_docent").into());
    let text = Arc::new(text);
    let code = chunking::code_outline(&extractor.slot().await.unwrap(), &text, config).await.unwrap();
    assert_eq!(code.warning(), None);
    let outline = Outline { code, ..Outline::default() };
    chunking::split(&text, config, &outline, &Pieces::default(), &unbounded()).unwrap()
}

fn contents(chunks: &[TextChunk]) -> Vec<&str> {
    chunks.iter().map(|chunk| chunk.content.as_str()).collect()
}

fn unbounded() -> Bounds {
    Bounds { max_chunks: usize::MAX, stop: CancellationToken::new() }
}
