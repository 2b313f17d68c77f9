//! One ranking from the answers of the placements that a question goes to.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::future::join_all;
use tracing::warn;

use super::{
    Row, SearchRequest,
    gather::{Candidates, Corpus},
    question::Question,
    searched::{Place, Searched},
};
use crate::{
    db::repo::chunks::{self, ChunkKey},
    domain::{
        scope::Scope,
        search::{FusionSettings, SearchLegFailure, SearchLegKind, SearchLegState, SearchMode},
    },
    error::Error,
    service::{Services, fault::EMBEDDING_MODEL},
    vector::{LegReport, VectorAnswer, VectorHit, VectorQuery},
};

/// The placements, asked one question.
pub(super) struct FanOut<'a> {
    pub(super) services: &'a Services,
    pub(super) scope: Scope,
    pub(super) request: &'a SearchRequest,
    pub(super) question: &'a Question<'a>,
    pub(super) searched: &'a Searched,
}

impl FanOut<'_> {
    /// What one placement answers. A leg whose model is missing has failed; the other one is asked all the same.
    async fn ask(&self, place: &Place, depth: usize, is_last: bool) -> Result<VectorAnswer, Error> {
        let settings = &self.services.config.search;
        let (embedding, failure) = match self.question.embedding(&place.model) {
            Some(Ok(embedding)) => (Some(embedding.clone()), None),
            Some(Err(failure)) => (None, Some(*failure)),
            None => (None, None),
        };
        let text = self.question.text().map(str::to_owned);
        let mut answer = VectorAnswer { is_exhausted: true, ..VectorAnswer::default() };
        if embedding.is_some() || text.is_some() {
            let query = VectorQuery {
                generations: Arc::clone(&place.generations),
                is_whole: place.is_whole,
                embedding,
                text,
                limit: depth,
                candidates: depth,
                fusion: (self.request.mode == SearchMode::Hybrid).then_some(FusionSettings {
                    k: settings.rrf_k,
                    semantic_weight: settings.semantic_weight,
                    lexical_weight: settings.lexical_weight,
                }),
                whole_ties: !is_last,
                explain: self.request.explain,
                timeout: Duration::from_millis(settings.timeout_milliseconds),
            };
            answer = self.services.vectors.search(&place.placement, &query).await?;
        }
        answer.legs.extend(failure.map(|failure| LegReport::failed(SearchLegKind::Semantic, Duration::ZERO, failure)));
        Ok(answer)
    }
}

#[async_trait]
impl Corpus for FanOut<'_> {
    async fn candidates(&self, depth: usize, is_last: bool) -> Result<Candidates, Error> {
        let answers = join_all(self.searched.places.iter().map(|place| self.ask(place, depth, is_last))).await;
        let is_exhausted = answers.iter().flatten().all(|answer| answer.is_exhausted);
        let (hits, legs) = merge(self.request.mode, answers)?;
        Ok(Candidates { hits, legs, is_exhausted })
    }

    /// A hit without both (after a crash between two steps, or a deletion) is left out.
    async fn rows(&self, hits: &[VectorHit]) -> Result<Vec<Row>, Error> {
        let key = |hit: &VectorHit| {
            self.searched.homes.get(&hit.generation).map(|collection| ChunkKey { collection: *collection, id: hit.id })
        };
        let keys: Vec<_> = hits.iter().filter_map(key).collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let reader = self.services.database.reader(self.scope);
        let mut found = chunks::find_with_documents(&reader, &keys).await?;
        let row = |hit: &VectorHit| {
            let (chunk, document) = found.remove(&key(hit)?)?;
            Some(Row { hit: hit.clone(), chunk, document })
        };
        Ok(hits.iter().filter_map(row).collect())
    }
}

/// One ranking from those of several placements: first all firsts, then all seconds …, ties by score. Scores of different
/// models can't be compared, ranks can.
///
/// # Errors
/// If no leg of any placement answered.
pub(super) fn merge(
    mode: SearchMode,
    answers: Vec<Result<VectorAnswer, Error>>,
) -> Result<(Vec<VectorHit>, Vec<LegReport>), Error> {
    let mut ranked = Vec::new();
    let mut legs: Vec<LegReport> = Vec::new();
    let mut has_answer = false;
    let mut faults = Vec::new();
    for answer in answers {
        let answer = answer.unwrap_or_else(|fault| {
            faults.push(fault);
            VectorAnswer { hits: Vec::new(), legs: all_failed(mode), is_exhausted: true }
        });
        has_answer |= answer.legs.iter().any(|leg| leg.state != SearchLegState::Failed);
        ranked.extend(answer.hits.into_iter().enumerate());
        for report in answer.legs {
            match legs.iter_mut().find(|leg| leg.leg == report.leg) {
                None => legs.push(report),
                Some(leg) => add(leg, report),
            }
        }
    }
    let has_failed = legs.iter().any(|leg| leg.state == SearchLegState::Failed);
    if has_failed && !has_answer {
        let away = || Error::Unavailable { dependency: EMBEDDING_MODEL, retry_after_seconds: 2, source: None };
        return Err(faults.into_iter().next().unwrap_or_else(away));
    }
    for fault in &faults {
        warn!(error = fault as &dyn std::error::Error, "a placement could not be searched");
    }
    ranked.sort_by(|(rank, hit), (other_rank, other)| {
        rank.cmp(other_rank).then(other.score.total_cmp(&hit.score)).then(hit.id.cmp(&other.id))
    });
    Ok((ranked.into_iter().map(|(_, hit)| hit).collect(), legs))
}

/// The legs of a placement that could not be searched.
fn all_failed(mode: SearchMode) -> Vec<LegReport> {
    let legs: &[_] = match mode {
        SearchMode::Hybrid => &[SearchLegKind::Semantic, SearchLegKind::Lexical],
        SearchMode::Semantic => &[SearchLegKind::Semantic],
        SearchMode::Lexical => &[SearchLegKind::Lexical],
    };
    legs.iter().map(|leg| LegReport::failed(*leg, Duration::ZERO, SearchLegFailure::ServiceFailure)).collect()
}

/// Adds what a leg did in another placement. A leg that failed in one of them has failed.
fn add(leg: &mut LegReport, other: LegReport) {
    leg.elapsed = leg.elapsed.max(other.elapsed);
    leg.candidates += other.candidates;
    if other.state == SearchLegState::Failed {
        leg.state = SearchLegState::Failed;
        leg.failure = other.failure;
    }
}
