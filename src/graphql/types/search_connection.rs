//! The hits of a search, as a connection.

use std::{sync::Arc, time::Duration};

use async_graphql::{ComplexObject, SimpleObject};

use super::{Edge, PageInfo, SearchHit, SearchLeg, SearchLegErrorCode, number};
use crate::service::{
    highlight::Highlighter,
    search::{SearchOutcome, SearchRequest},
};

/// A page of the hits of a search, best first.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct SearchConnection {
    /// The hits of this page with their cursors.
    edges: Vec<Edge<SearchHit>>,
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

#[ComplexObject]
impl SearchConnection {
    /// The hits of this page.
    async fn nodes(&self) -> Vec<&SearchHit> {
        self.edges.iter().map(Edge::row).collect()
    }
}

impl SearchConnection {
    /// The answer to `request`.
    pub fn new(outcome: SearchOutcome, request: &SearchRequest) -> Self {
        let (words, ranking) = (Arc::new(Highlighter::new(&request.query)), Arc::<str>::from(request.ranking()));
        let edge = |hit| {
            let hit = SearchHit::new(hit, Arc::clone(&words), Arc::clone(&ranking));
            Edge::new(hit.cursor(), hit)
        };
        let edges: Vec<_> = outcome.hits.into_iter().map(edge).collect();
        let (start, end) = (edges.first().map(Edge::position), edges.last().map(Edge::position));
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
            edges,
        }
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
