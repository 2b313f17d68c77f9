//! How one question becomes one ranking, with any engine.
//!
//! The legs go to the engine in one call. If that fails, each leg is tried alone, so that a broken leg loses only its own
//! candidates. [`Engine`] is what an engine has to provide; everything else is decided here, the order of equal scores and the
//! fusion too: an engine has no order for ties, and rebuilding a segment changes it.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use fail::fail_point;
use qdrant_edge::SparseVector;

use crate::domain::{
    id::{ChunkId, GenerationId},
    search::{FusionSettings, SearchLegFailure, SearchLegKind, SearchLegState},
};

use super::{
    LegContribution, LegReport, Placement, VectorAnswer, VectorError, VectorHit, VectorQuery, lexical::Lexicon,
};

const SEARCHING: &str = "searching";

/// One way of finding candidates, ready for an engine.
pub(super) struct Leg {
    pub(super) kind: SearchLegKind,
    pub(super) vector: LegVector,
}

/// The input of a leg.
pub(super) enum LegVector {
    Dense(Vec<f32>),
    Sparse(SparseVector),
}

/// A call to an engine.
pub(super) struct Question<'a> {
    /// The generations to search. At least one.
    pub(super) generations: &'a [GenerationId],
    /// Whether these are all that there are.
    pub(super) is_whole: bool,
    /// At least one.
    pub(super) legs: &'a [&'a Leg],
    /// Number of candidates from each leg.
    pub(super) candidates: usize,
}

impl Question<'_> {
    /// The generations that points have to be filtered by; `None` if every point is of one of them.
    pub(super) fn filtered(&self) -> Option<&[GenerationId]> {
        (!self.is_whole).then_some(self.generations)
    }

    /// The generation of every hit, where the filter tells it. Reading it from each candidate costs as much as finding them.
    pub(super) fn sole_generation(&self) -> Option<GenerationId> {
        match self.filtered() {
            Some([sole]) => Some(*sole),
            _ => None,
        }
    }
}

/// The candidates of each leg with their scores, in the order of the question's legs.
pub(super) type Rankings = Vec<Vec<VectorHit>>;

/// Something that ranks points.
#[async_trait]
pub(super) trait Engine: Sync {
    async fn rank(&self, placement: &Placement, question: &Question<'_>) -> Result<Rankings, VectorError>;
}

/// Answers a query with an engine.
pub(super) async fn search(
    engine: &dyn Engine,
    lexicon: &Lexicon,
    placement: &Placement,
    query: &VectorQuery,
) -> Result<VectorAnswer, VectorError> {
    if let Some(embedding) = &query.embedding {
        placement.check_embedding(embedding.len())?;
    }
    let legs = legs(lexicon, query);
    let deadline = tokio::time::Instant::now() + query.timeout;
    let candidates = query.candidates.max(query.limit);
    let search = Search { engine, placement, query, candidates, deadline };
    let (mut rankings, reports) = if legs.is_empty() || query.generations.is_empty() {
        (Rankings::new(), Vec::new())
    } else {
        search.run(&legs.iter().collect::<Vec<_>>()).await?
    };
    let have_found_all = rankings.iter().all(|ranking| ranking.len() < candidates);
    for ranking in &mut rankings {
        sort(ranking);
        if query.whole_ties {
            leave_out_torn_tie(ranking, candidates);
        }
    }
    let mut contributions = if query.explain { contributions(&rankings, &reports) } else { HashMap::new() };
    let mut hits = match query.fusion {
        // Whichever legs there are: a question without words still gets fused scores.
        Some(settings) => fused(settings, rankings, &reports),
        None => rankings.into_iter().next().unwrap_or_default(),
    };
    let is_exhausted = have_found_all && hits.len() <= query.limit;
    hits.truncate(query.limit);
    for hit in &mut hits {
        hit.legs = contributions.remove(&hit.id).unwrap_or_default();
    }
    Ok(VectorAnswer { hits, legs: for_each_leg(query, &reports), is_exhausted })
}

fn legs(lexicon: &Lexicon, query: &VectorQuery) -> Vec<Leg> {
    let semantic = query.embedding.clone().map(LegVector::Dense).map(|vector| (SearchLegKind::Semantic, vector));
    let words = query.text.as_deref().and_then(|text| lexicon.question(text)).map(LegVector::Sparse);
    let lexical = words.map(|vector| (SearchLegKind::Lexical, vector));
    semantic.into_iter().chain(lexical).map(|(kind, vector)| Leg { kind, vector }).collect()
}

/// One query on its way through one engine.
struct Search<'a> {
    engine: &'a dyn Engine,
    placement: &'a Placement,
    query: &'a VectorQuery,
    /// Number of candidates from each leg.
    candidates: usize,
    deadline: tokio::time::Instant,
}

impl Search<'_> {
    /// Runs all legs together and, if that fails, each alone.
    async fn run(&self, legs: &[&Leg]) -> Result<(Rankings, Vec<LegReport>), VectorError> {
        let together = self.ask(legs).await;
        if together.is_ok() || legs.len() == 1 {
            return together;
        }
        let mut found = Vec::new();
        let mut failed = Vec::new();
        for leg in legs {
            let started = Instant::now();
            match self.ask(&[leg]).await {
                Ok(answer) => found.push(answer),
                Err(error) => failed
                    .push((LegReport::failed(leg.kind, started.elapsed(), SearchLegFailure::ServiceFailure), error)),
            }
        }
        match (found.pop(), failed.pop()) {
            (Some((rankings, mut reports)), Some((report, error))) => {
                tracing::warn!(leg = ?report.leg, error = &error as &dyn std::error::Error, "a leg of a search failed");
                reports.push(report);
                Ok((rankings, reports))
            }
            (None, Some((_, error))) => Err(error),
            // Each leg works alone: the problem was temporary.
            (_, None) => self.ask(legs).await,
        }
    }

    async fn ask(&self, legs: &[&Leg]) -> Result<(Rankings, Vec<LegReport>), VectorError> {
        // The names hold what is searched, so that a test that lets a leg fail does so to its own searches only.
        fail_point!(
            &format!("vector-semantic-leg {:?}", self.query.generations),
            legs.iter().any(|leg| leg.kind == SearchLegKind::Semantic),
            |_| { Err(VectorError::Failed { action: SEARCHING, source: "injected by a test".into() }) }
        );
        fail_point!(
            &format!("vector-lexical-leg {:?}", self.query.generations),
            legs.iter().any(|leg| leg.kind == SearchLegKind::Lexical),
            |_| { Err(VectorError::Failed { action: SEARCHING, source: "injected by a test".into() }) }
        );
        let VectorQuery { generations, is_whole, .. } = self.query;
        let question = Question { generations, is_whole: *is_whole, legs, candidates: self.candidates };
        if tokio::time::Instant::now() >= self.deadline {
            return Err(VectorError::TimedOut { action: SEARCHING });
        }
        let started = Instant::now();
        let rankings = tokio::time::timeout_at(self.deadline, self.engine.rank(self.placement, &question))
            .await
            .map_err(|_| VectorError::TimedOut { action: SEARCHING })??;
        let elapsed = started.elapsed();
        let reports = legs.iter().zip(&rankings).map(|(leg, ranking)| success(leg.kind, elapsed, ranking.len()));
        let reports = reports.collect();
        Ok((rankings, reports))
    }
}

/// Best first. Scores tie often, and consecutive pages must not repeat or lose a hit.
fn sort(hits: &mut [VectorHit]) {
    hits.sort_unstable_by(|one, other| other.score.total_cmp(&one.score).then(one.id.cmp(&other.id)));
}

/// Leaves out the last candidates of a leg if they tie and there may be more like them: it is up to the engine which of them it
/// returns. A deeper search has them all.
fn leave_out_torn_tie(ranking: &mut Vec<VectorHit>, candidates: usize) {
    if ranking.len() >= candidates
        && let Some(last) = ranking.last().map(|hit| hit.score)
    {
        ranking.retain(|hit| hit.score > last);
    }
}

/// Rank and score of each chunk in each leg. The reports of a search that succeeded stand in the order of its legs;
/// that of a failed leg comes last and has no ranking.
fn contributions(rankings: &Rankings, reports: &[LegReport]) -> HashMap<ChunkId, Vec<LegContribution>> {
    let mut contributions: HashMap<_, Vec<_>> = HashMap::new();
    for (report, ranking) in reports.iter().zip(rankings) {
        for (rank, hit) in (1..).zip(ranking) {
            let contribution = LegContribution { leg: report.leg, rank, score: hit.score };
            contributions.entry(hit.id).or_default().push(contribution);
        }
    }
    contributions
}

/// Weighted reciprocal rank fusion (Cormack, Clarke, Büttcher 2009) as Qdrant computes it: a hit has 1 / (k - 1 + rank / weight)
/// of each leg that found it, with ranks from 1.
fn fused(settings: FusionSettings, rankings: Rankings, reports: &[LegReport]) -> Vec<VectorHit> {
    #[expect(clippy::cast_precision_loss, reason = "both are far below 2^24")]
    let share = |rank: usize, weight: f32| 1.0 / (settings.k as f32 - 1.0 + rank as f32 / weight);
    let mut fused: HashMap<ChunkId, VectorHit> = HashMap::new();
    for (report, ranking) in reports.iter().zip(rankings) {
        let weight = match report.leg {
            SearchLegKind::Semantic => settings.semantic_weight,
            SearchLegKind::Lexical => settings.lexical_weight,
        };
        for (rank, hit) in (1..).zip(ranking) {
            fused.entry(hit.id).or_insert(VectorHit { score: 0.0, ..hit }).score += share(rank, weight);
        }
    }
    let mut hits: Vec<_> = fused.into_values().collect();
    sort(&mut hits);
    hits
}

/// The reports in the order of the legs. A leg that had no words to look for found nothing.
fn for_each_leg(query: &VectorQuery, reports: &[LegReport]) -> Vec<LegReport> {
    let semantic = query.embedding.is_some().then_some(SearchLegKind::Semantic);
    let lexical = query.text.is_some().then_some(SearchLegKind::Lexical);
    let report = |kind| reports.iter().find(|report| report.leg == kind).copied();
    let asked = semantic.into_iter().chain(lexical);
    asked.map(|kind| report(kind).unwrap_or_else(|| success(kind, Duration::ZERO, 0))).collect()
}

fn success(leg: SearchLegKind, elapsed: Duration, candidates: usize) -> LegReport {
    LegReport { leg, state: SearchLegState::Completed, elapsed, candidates, failure: None }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn hit(number: u128, score: f32) -> VectorHit {
        VectorHit {
            id: ChunkId(Uuid::from_u128(number)),
            generation: GenerationId(Uuid::nil()),
            score,
            legs: Vec::new(),
        }
    }

    #[test]
    fn candidates_that_may_tie_with_further_ones_are_left_to_a_deeper_search() {
        let left = |scores: &[f32], candidates| {
            let mut hits = (0..).zip(scores).map(|(number, score)| hit(number, *score)).collect();
            leave_out_torn_tie(&mut hits, candidates);
            hits.len()
        };
        assert_eq!(left(&[0.9, 0.8, 0.8], 3), 1);
        assert_eq!(left(&[0.8, 0.8, 0.8], 3), 0);
        assert_eq!(left(&[0.9, 0.8, 0.8], 4), 3, "there are no more");
        assert_eq!(left(&[], 3), 0);
    }
}
