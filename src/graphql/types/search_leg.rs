//! The ways in which a search finds candidates.

use async_graphql::{Enum, SimpleObject};

use crate::domain::search;

/// One way of finding candidates.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "search::SearchLegKind")]
pub enum SearchLegKind {
    /// By meaning: nearest embeddings.
    Semantic,
    /// By words: BM25.
    Lexical,
}

/// What became of a leg.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "search::SearchLegState")]
pub enum SearchLegState {
    /// It answered.
    Completed,
    /// The mode doesn't use it, or there was nothing to search.
    Skipped,
    /// It failed; the answer rests on the other leg.
    Failed,
}

/// What became of one leg of a search.
#[derive(SimpleObject)]
pub struct SearchLeg {
    /// Which leg it is.
    pub kind: SearchLegKind,
    /// What became of it.
    pub state: SearchLegState,
    /// Milliseconds of the engine's call that it was part of; legs that go together share it.
    pub took_ms: f64,
    /// Candidates that it found.
    pub candidates: i32,
    /// Why it failed, in a sentence, if it did.
    pub message: Option<String>,
}
