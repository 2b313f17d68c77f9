//! How one question becomes one ranking, with any engine.
//!
//! The legs and their fusion go to the engine in one call. If that fails, each leg is tried alone, so that a broken leg
//! loses only its own candidates. [`Engine`] is what an engine has to provide; everything else is decided here.

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
    pub(super) generations: &'a [GenerationId],
    /// At least one.
    pub(super) legs: &'a [&'a Leg],
    /// Number of candidates from each leg.
    pub(super) candidates: usize,
    /// How to fuse the legs; without it there is one leg, and its ranking is the answer.
    pub(super) fusion: Option<FusionSettings>,
    /// Whether the candidates of each leg are reported.
    pub(super) explain: bool,
}

/// One ranking that an engine has to make for a question.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ranking {
    /// The candidates of the leg at this place in the question.
    Leg(usize),
    /// All candidates of all legs, fused.
    Fused,
}

impl Question<'_> {
    /// The rankings to compute, in an efficient order: an engine that sees the same leg twice in a row, once alone and
    /// once in the fusion, reads its vectors once.
    pub(super) fn rankings(&self) -> Vec<Ranking> {
        if self.fusion.is_some() && !self.explain {
            return vec![Ranking::Fused];
        }
        let mut rankings: Vec<_> = (0..self.legs.len()).map(Ranking::Leg).collect();
        if self.fusion.is_some() {
            rankings.insert(1, Ranking::Fused);
        }
        rankings
    }

    /// The ranking that is the answer, and so the one whose points need their keys.
    pub(super) fn answering(&self) -> Ranking {
        if self.fusion.is_some() { Ranking::Fused } else { Ranking::Leg(0) }
    }

    /// What each leg weighs in the fusion.
    pub(super) fn weights(&self) -> Vec<f32> {
        let weight = |settings: FusionSettings, kind| match kind {
            SearchLegKind::Semantic => settings.semantic_weight,
            SearchLegKind::Lexical => settings.lexical_weight,
        };
        self.fusion.map(|settings| self.legs.iter().map(|leg| weight(settings, leg.kind)).collect()).unwrap_or_default()
    }

    /// The maximum score of the fusion.
    pub(super) fn fused_limit(&self) -> usize {
        self.candidates * self.legs.len()
    }
}

/// What an engine answered.
#[derive(Default)]
pub(super) struct Rankings {
    /// The answering ranking, best first.
    pub(super) hits: Vec<VectorHit>,
    /// The candidates of each leg with their scores, best first, in the order of the question's legs. A fused answer has them
    /// only if it explains itself.
    pub(super) legs: Vec<Vec<(ChunkId, f32)>>,
}

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
    let search = Search {
        engine,
        placement,
        query,
        // Whichever legs there are: a question without words still gets fused scores.
        fusion: query.fusion,
        deadline: tokio::time::Instant::now() + query.timeout,
    };
    let (rankings, reports) = if legs.is_empty() || query.generations.is_empty() {
        (Rankings::default(), Vec::new())
    } else {
        search.run(&legs.iter().collect::<Vec<_>>()).await?
    };
    let mut contributions = if query.explain { contributions(&rankings, &reports) } else { HashMap::new() };
    let hits = best(rankings.hits, query.limit)
        .map(|hit| VectorHit { legs: contributions.remove(&hit.id).unwrap_or_default(), ..hit })
        .collect();
    Ok(VectorAnswer { hits, legs: for_each_leg(query, &reports) })
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
    fusion: Option<FusionSettings>,
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
            // Each leg works alone: the problem was temporary, or it is the fusion itself.
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
        let question = Question {
            generations: &self.query.generations,
            legs,
            candidates: self.query.candidates.max(self.query.limit),
            fusion: self.fusion,
            explain: self.query.explain,
        };
        if tokio::time::Instant::now() >= self.deadline {
            return Err(VectorError::TimedOut { action: SEARCHING });
        }
        let started = Instant::now();
        let rankings = tokio::time::timeout_at(self.deadline, self.engine.rank(self.placement, &question))
            .await
            .map_err(|_| VectorError::TimedOut { action: SEARCHING })??;
        let elapsed = started.elapsed();
        let candidates = |place: usize| rankings.legs.get(place).map_or(0, Vec::len);
        let reports =
            legs.iter().enumerate().map(|(place, leg)| success(leg.kind, elapsed, candidates(place))).collect();
        Ok((rankings, reports))
    }
}

/// Rank and score of each chunk in each leg. The reports of a search that succeeded stand in the order of its legs;
/// that of a failed leg comes last and has no ranking.
fn contributions(rankings: &Rankings, reports: &[LegReport]) -> HashMap<ChunkId, Vec<LegContribution>> {
    let mut contributions: HashMap<_, Vec<_>> = HashMap::new();
    for (report, found) in reports.iter().zip(&rankings.legs) {
        for (place, &(id, score)) in found.iter().enumerate() {
            let contribution = LegContribution { leg: report.leg, rank: place + 1, score };
            contributions.entry(id).or_default().push(contribution);
        }
    }
    contributions
}

/// The best hits. Scores tie often and the engine does not order ties, so they are ordered here: consecutive pages must
/// not repeat or lose a hit.
fn best(mut hits: Vec<VectorHit>, limit: usize) -> impl Iterator<Item = VectorHit> {
    hits.sort_unstable_by(|one, other| other.score.total_cmp(&one.score).then(one.id.cmp(&other.id)));
    hits.into_iter().take(limit)
}

/// The reports in the order of the legs. A leg that had no words to look for found nothing.
fn for_each_leg(query: &VectorQuery, reports: &[LegReport]) -> Vec<LegReport> {
    let semantic = query.embedding.is_some().then_some(SearchLegKind::Semantic);
    let lexical = query.text.is_some().then_some(SearchLegKind::Lexical);
    let report = |kind| reports.iter().find(|report| report.leg == kind).cloned();
    let asked = semantic.into_iter().chain(lexical);
    asked.map(|kind| report(kind).unwrap_or_else(|| success(kind, Duration::ZERO, 0))).collect()
}

fn success(leg: SearchLegKind, elapsed: Duration, candidates: usize) -> LegReport {
    LegReport { leg, state: SearchLegState::Completed, elapsed, candidates, failure: None }
}
