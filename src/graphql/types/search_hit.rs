//! Search hits.

use std::sync::Arc;

use async_graphql::{Object, SimpleObject};

use super::{Chunk, Document, SearchLegKind, number};
use crate::{
    graphql::{
        pagination::{self, HitPosition},
        scalars::Cursor,
    },
    service::{
        highlight::{self, Highlighter},
        search,
    },
};

/// A hit, and the question that it answers.
pub struct SearchHit {
    rank: u32,
    score: f32,
    chunk: Chunk,
    document: Document,
    explanation: ScoreExplanation,
    words: Arc<Highlighter>,
    ranking: Arc<str>,
}

impl SearchHit {
    /// A hit for a question with these words, in this ranking.
    pub fn new(hit: search::SearchHit, words: Arc<Highlighter>, ranking: Arc<str>) -> Self {
        let legs = hit.legs.into_iter().map(|leg| LegScore {
            leg: leg.leg.into(),
            rank: number(leg.rank),
            score: shown(leg.score),
        });
        Self {
            rank: hit.rank,
            score: hit.score,
            chunk: hit.chunk.into(),
            document: hit.document.into(),
            explanation: ScoreExplanation { legs: legs.collect() },
            words,
            ranking,
        }
    }

    /// The hit's place in the ranking.
    pub fn cursor(&self) -> Cursor {
        pagination::cursor(&HitPosition { rank: self.rank, ranking: self.ranking.as_ref().to_owned() })
    }
}

/// A chunk that answers a question. With `groupBy: DOCUMENT`, the best chunk of its document; otherwise, where chunks have
/// parents (HIERARCHICAL), the best chunk of its parent.
#[Object]
impl SearchHit {
    /// Its rank in the result, from 1.
    async fn rank(&self) -> i32 {
        number(self.rank)
    }

    /// The score by which hits are ranked; larger is better. HYBRID mode: the reciprocal rank fusion score, a sum
    /// over the legs. SEMANTIC mode: the cosine similarity. LEXICAL mode: the BM25 score. Scores of different modes
    /// can't be compared.
    async fn score(&self) -> f64 {
        shown(self.score)
    }

    /// The chunk.
    async fn chunk(&self) -> &Chunk {
        &self.chunk
    }

    /// The document that contains the chunk.
    async fn document(&self) -> &Document {
        &self.document
    }

    /// Excerpts of the chunk that contain words of the question, in the order of the text: at most three. Empty if
    /// the chunk was found by meaning only.
    async fn highlights(&self) -> Vec<Highlight> {
        self.words.highlights(self.chunk.text()).into_iter().map(Into::into).collect()
    }

    /// How the score was computed.
    async fn explanation(&self) -> &ScoreExplanation {
        &self.explanation
    }
}

/// How a score was computed.
#[derive(SimpleObject)]
pub struct ScoreExplanation {
    /// The result of each leg for the chunk. A leg that did not find the chunk is missing.
    legs: Vec<LegScore>,
}

/// The result of one leg for a chunk.
#[derive(SimpleObject)]
pub struct LegScore {
    /// The leg.
    leg: SearchLegKind,
    /// The chunk's rank among the leg's candidates, from 1.
    rank: i32,
    /// The leg's own score: cosine similarity (at most 1), or BM25.
    score: f64,
}

/// An excerpt of a chunk with the positions of matching words. All positions are in characters (Unicode scalar
/// values).
#[derive(SimpleObject)]
pub struct Highlight {
    /// The excerpt, exactly as in the chunk.
    text: String,
    /// The matching words, as ranges of `text`.
    ranges: Vec<HighlightRange>,
    /// Where the excerpt starts in the chunk's `content`.
    start_offset: i32,
}

/// A range of characters in a text.
#[derive(SimpleObject)]
pub struct HighlightRange {
    /// The position of the first character, from 0.
    start: i32,
    /// The position after the last character.
    end: i32,
}

/// A score of the engine, rounded to its real precision: 0.2 instead of 0.20000000298023224, which is the same number
/// in 32 bits.
fn shown(score: f32) -> f64 {
    score.to_string().parse().unwrap_or_else(|_| score.into())
}

impl From<highlight::Highlight> for Highlight {
    fn from(piece: highlight::Highlight) -> Self {
        let range =
            |range: std::ops::Range<usize>| HighlightRange { start: number(range.start), end: number(range.end) };
        Self {
            text: piece.text,
            ranges: piece.ranges.into_iter().map(range).collect(),
            start_offset: number(piece.start_offset),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn a_score_has_the_digits_that_the_engine_gave_it() {
        for (score, text) in [(0.2, "0.2"), (1.0, "1.0"), (0.190_909_1, "0.1909091"), (-0.1, "-0.1"), (17.25, "17.25")]
        {
            assert_eq!(serde_json::to_string(&shown(score)).unwrap(), text);
        }
        assert!(shown(f32::NAN).is_nan());
    }
}
