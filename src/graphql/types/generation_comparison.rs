//! Two generations side by side.

use std::sync::Arc;

use async_graphql::SimpleObject;

use super::SearchHit;
use crate::service::{
    highlight::Highlighter,
    search::{self, compare::ComparedQuery},
};

/// How two generations answer the same questions.
#[derive(SimpleObject)]
pub struct GenerationComparison {
    /// The questions, in the requested order.
    queries: Vec<GenerationQuery>,
    /// The mean of their overlaps, 0 to 1.
    overlap: f64,
}

/// How two generations answer one question.
#[derive(SimpleObject)]
pub struct GenerationQuery {
    /// The question.
    query: String,
    /// The best documents in the first generation, each with its best chunk.
    hits: Vec<SearchHit>,
    /// The best documents in the other generation, each with its best chunk.
    other_hits: Vec<SearchHit>,
    /// The part of the documents that both generations found, 0 to 1.
    overlap: f64,
}

impl From<Vec<ComparedQuery>> for GenerationComparison {
    fn from(compared: Vec<ComparedQuery>) -> Self {
        let queries: Vec<GenerationQuery> = compared.into_iter().map(Into::into).collect();
        let sum: f64 = queries.iter().map(|query| query.overlap).sum();
        let count = u32::try_from(queries.len()).unwrap_or(u32::MAX).max(1);
        Self { overlap: sum / f64::from(count), queries }
    }
}

impl From<ComparedQuery> for GenerationQuery {
    fn from(compared: ComparedQuery) -> Self {
        let ComparedQuery { request, hits, overlap } = compared;
        let (words, ranking) = (Arc::new(Highlighter::new(&request.query)), Arc::<str>::from(request.ranking()));
        let shown = |hits: Vec<search::SearchHit>| {
            hits.into_iter().map(|hit| SearchHit::new(hit, Arc::clone(&words), Arc::clone(&ranking))).collect()
        };
        let [hits, other_hits] = hits.map(shown);
        Self { query: request.query, hits, other_hits, overlap }
    }
}
