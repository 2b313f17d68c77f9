//! Search results.

use std::{sync::Arc, time::Duration};

use async_graphql::SimpleObject;

use super::{PageInfo, SearchHit, SearchLeg, SearchLegErrorCode, number};
use crate::service::{
    highlight::Highlighter,
    search::{SearchOutcome, SearchRequest},
};

/// The result of a search.
#[derive(SimpleObject)]
pub struct SearchResult {
    /// The hits of this page, best first.
    hits: Vec<SearchHit>,
    /// Paging information.
    page_info: PageInfo,
    /// The result of each leg.
    legs: Vec<SearchLeg>,
    /// Number of collections that were searched.
    searched_collections: i32,
    /// Whether the viewer can read more collections than one search takes. If so, only the newest were searched.
    /// Use `collectionIds` to choose others.
    is_partial: bool,
    /// Total duration of the search in milliseconds, including `embeddingMs`.
    took_ms: f64,
    /// Time to embed the question, in milliseconds.
    embedding_ms: f64,
}

impl SearchResult {
    /// The answer to `request`.
    pub fn new(outcome: SearchOutcome, request: &SearchRequest) -> Self {
        let (words, ranking) = (Arc::new(Highlighter::new(&request.query)), Arc::<str>::from(request.ranking()));
        let hit = |hit| SearchHit::new(hit, Arc::clone(&words), Arc::clone(&ranking));
        let hits: Vec<_> = outcome.hits.into_iter().map(hit).collect();
        let (start, end) = (hits.first().map(SearchHit::cursor), hits.last().map(SearchHit::cursor));
        let legs = outcome.legs.into_iter().map(|leg| {
            let (kind, code) = (leg.leg.into(), leg.failure.map(SearchLegErrorCode::from));
            SearchLeg {
                kind,
                state: leg.state.into(),
                took_ms: milliseconds(leg.elapsed),
                candidates: number(leg.candidates),
                code,
                message: code.map(|code| code.message(kind).to_owned()),
            }
        });
        Self {
            page_info: PageInfo::new(outcome.has_next_page, request.after.is_some(), start, end),
            legs: legs.collect(),
            searched_collections: number(outcome.searched),
            is_partial: outcome.is_partial,
            took_ms: milliseconds(outcome.took),
            embedding_ms: milliseconds(outcome.embedding),
            hits,
        }
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
