//! Where a text drifts from one subject to another: between neighbouring sentences whose embeddings differ more than those of
//! most others in it.

use std::{ops::Range, sync::Arc};

use tokio::task::spawn_blocking;
use unicode_segmentation::UnicodeSegmentation;

use crate::{
    domain::chunking::ChunkingConfig,
    embedding::{Embedder, EmbeddingError},
    extract::ExtractedText,
};

/// Sentences of one text that are embedded. In a longer text each of them is several.
const MAX_SENTENCES: usize = 2048;
/// Shorter ones, such as headings, belong to what follows.
const MIN_BYTES: usize = 32;
/// Of a longer one only the beginning is embedded.
const MAX_BYTES: usize = 4 << 10;
/// Sentences are looked for in pieces of this size: behind a full stop, the search for a border looks ahead from each
/// bracket.
const PIECE_BYTES: usize = 1 << 10;
/// Sentences that are embedded together.
const WINDOW: usize = 128;
/// Sentences on each side of a place that are compared: a single one says little.
const SIDE: usize = 2;

/// The places where `text` drifts, in bytes and in order: none, unless `config` says that it is cut there.
///
/// # Errors
/// What the model returns.
pub async fn drifts(
    embedder: &dyn Embedder,
    text: &Arc<ExtractedText>,
    config: &ChunkingConfig,
) -> Result<Vec<usize>, EmbeddingError> {
    let Some(percentile) = config.drift_percentile else { return Ok(Vec::new()) };
    let scanned = Arc::clone(text);
    let found = spawn_blocking(move || sentences(&scanned.text)).await;
    let found =
        found.map_err(|source| EmbeddingError::Model { action: "looking for sentences", source: source.into() })?;
    let mut vectors = Vec::with_capacity(found.len());
    for window in found.chunks(WINDOW) {
        let texts = window.iter().map(|range| beginning(&text.text[range.clone()]).to_owned()).collect();
        vectors.extend(embedder.embed_documents(texts).await?);
    }
    Ok(places(&found, &vectors, percentile as usize))
}

fn beginning(sentence: &str) -> &str {
    &sentence[..sentence.floor_char_boundary(MAX_BYTES)]
}

/// The sentences of a text, one after the other.
fn sentences(text: &str) -> Vec<Range<usize>> {
    let least = text.len().div_ceil(MAX_SENTENCES).max(MIN_BYTES);
    let mut found: Vec<Range<usize>> = Vec::new();
    let (mut start, mut seen, mut has_words) = (0, 0, false);
    for end in sentence_ends(text) {
        has_words = has_words || text[seen..end].chars().any(char::is_alphanumeric);
        seen = end;
        if has_words && end - start >= least {
            found.push(start..end);
            (start, has_words) = (end, false);
        }
    }
    match found.last_mut() {
        Some(last) => last.end = text.len(),
        None => found.push(0..text.len()),
    }
    found
}

fn sentence_ends(text: &str) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let piece = &text[start..text.floor_char_boundary(start + PIECE_BYTES)];
        let begins = piece.split_sentence_bound_indices().map(|(at, _)| start + at).skip(1);
        let before = ends.len();
        ends.extend(begins);
        // The last sentence goes on behind the piece, unless the piece is all of it.
        if ends.len() == before || start + piece.len() == text.len() {
            ends.push(start + piece.len());
        }
        start = ends.last().copied().unwrap_or(text.len());
    }
    ends
}

/// The starts of the sentences before which the drift is above the percentile.
fn places(sentences: &[Range<usize>], vectors: &[Vec<f32>], percentile: usize) -> Vec<usize> {
    let drift = |at: usize| {
        let (before, after) = (&vectors[at.saturating_sub(SIDE)..at], &vectors[at..vectors.len().min(at + SIDE)]);
        1.0 - cosine(&sum(before), &sum(after))
    };
    let drifts: Vec<f32> = (1..vectors.len()).map(drift).collect();
    let mut sorted = drifts.clone();
    sorted.sort_by(f32::total_cmp);
    let Some(&usual) = sorted.get(sorted.len().saturating_sub(1) * percentile / 100) else { return Vec::new() };
    let above = sentences.iter().skip(1).zip(drifts).filter(|(_, drift)| *drift > usual);
    above.map(|(sentence, _)| sentence.start).collect()
}

fn sum(vectors: &[Vec<f32>]) -> Vec<f32> {
    let mut sum = vectors.first().cloned().unwrap_or_default();
    for vector in vectors.iter().skip(1) {
        sum.iter_mut().zip(vector).for_each(|(total, value)| *total += value);
    }
    sum
}

fn cosine(one: &[f32], other: &[f32]) -> f32 {
    let dot = |one: &[f32], other: &[f32]| one.iter().zip(other).map(|(one, other)| one * other).sum::<f32>();
    let lengths = (dot(one, one) * dot(other, other)).sqrt();
    if lengths > 0.0 { dot(one, other) / lengths } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::{MAX_SENTENCES, places, sentences};

    fn texts(text: &str) -> Vec<&str> {
        sentences(text).into_iter().map(|range| text[range].trim()).collect()
    }

    #[test]
    fn short_sentences_belong_to_what_follows() {
        let text = "# Trams\n\nThe tram crosses the bridge at night. Yes. The ferry waits at the pier all day.\n\nEnd.";
        let expected =
            ["# Trams\n\nThe tram crosses the bridge at night.", "Yes. The ferry waits at the pier all day.\n\nEnd."];
        assert_eq!(texts(text), expected);
        assert_eq!(texts("Tram."), ["Tram."]);
        assert_eq!(texts(""), [""]);
    }

    #[test]
    fn a_long_text_has_no_more_sentences_than_allowed_and_they_are_all_of_it() {
        for text in ["The tram crosses the bridge at night. ".repeat(20_000), ".)".to_owned() + &")".repeat(500_000)] {
            let found = sentences(&text);
            assert!(found.len() <= MAX_SENTENCES, "{}", found.len());
            assert_eq!((found[0].start, found[found.len() - 1].end), (0, text.len()));
            assert!(found.windows(2).all(|pair| pair[0].end == pair[1].start));
        }
    }

    #[test]
    fn a_text_drifts_where_neighbours_differ_more_than_most() {
        let sentences: Vec<_> = (0..12).map(|at| at * 10..at * 10 + 10).collect();
        let subjects = |numbers: [u8; 12]| {
            numbers.map(|number| if number == 0 { vec![1.0, 0.1] } else { vec![0.1, 1.0] }).to_vec()
        };
        assert_eq!(places(&sentences, &subjects([0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1]), 90), [70]);
        assert_eq!(places(&sentences, &subjects([0; 12]), 90), [0; 0]);
        assert_eq!(places(&sentences[..1], &subjects([0; 12])[..1], 90), [0; 0]);
        assert_eq!(places(&[], &[], 90), [0; 0]);
    }
}
