//! The ways in which a search finds candidates.

use async_graphql::{Enum, SimpleObject};

use crate::domain::search;

/// A leg: one way of finding candidates. New values may be added.
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
    /// It failed, in some of the collections at least. There, the result is based on the other leg.
    Failed,
}

/// Why a leg failed. New values may be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "search::SearchLegFailure")]
pub enum SearchLegErrorCode {
    /// The embedding model that collections were indexed with is not available on the server. They are searched by
    /// words only.
    ModelMissing,
    /// A part of the server failed or did not answer in time.
    ServiceFailure,
}

impl SearchLegErrorCode {
    /// The same for people.
    pub fn message(self, leg: SearchLegKind) -> &'static str {
        match (self, leg) {
            (Self::ModelMissing, _) => {
                "The embedding model of some or all of these collections is not available on this server, so they were \
                 not searched by meaning."
            }
            (Self::ServiceFailure, SearchLegKind::Semantic) => {
                "The search by meaning failed in some or all of these collections, so hits may be missing."
            }
            (Self::ServiceFailure, SearchLegKind::Lexical) => {
                "The search by words failed in some or all of these collections, so hits may be missing."
            }
        }
    }
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
    /// Why it failed. Null if it did not.
    pub code: Option<SearchLegErrorCode>,
    /// Why it failed, in a sentence. Null if it did not.
    pub message: Option<String>,
}
