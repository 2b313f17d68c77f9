//! The ways in which a search finds candidates.

use async_graphql::{Enum, SimpleObject};

use crate::domain::search;

/// A leg: one way of finding candidates.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "search::SearchLegKind")]
pub enum SearchLegKind {
    /// By meaning: nearest embeddings.
    Semantic,
    /// By words: BM25.
    Lexical,
}

/// The state of a leg.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "search::SearchLegState")]
pub enum SearchLegState {
    /// It completed.
    Completed,
    /// It was not run: the mode doesn't use it, or there was nothing to search.
    Skipped,
    /// It failed. The result is based on the other leg.
    Failed,
}

/// What one leg of a search did.
#[derive(SimpleObject)]
pub struct SearchLeg {
    /// The leg.
    pub kind: SearchLegKind,
    /// The state of the leg.
    pub state: SearchLegState,
    /// Duration of the engine call, in milliseconds. Legs that run in the same call share it.
    pub took_ms: f64,
    /// Number of candidates that it found.
    pub candidates: i32,
    /// Why it failed, in a sentence. Null if it did not.
    pub message: Option<String>,
}
