//! The placements that a question goes to, and one ranking of their answers.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::join_all;
use tracing::warn;

use super::{
    Row, SearchRequest,
    gather::{Candidates, Corpus},
    question::Question,
};
use crate::{
    db::repo::{
        chunks::{self, ChunkKey},
        collections::SearchTarget,
        documents,
    },
    domain::{
        generation::{ModelKey, Placement},
        id::{CollectionId, GenerationId},
        scope::Scope,
        search::{FusionSettings, SearchLegFailure, SearchLegKind, SearchLegState, SearchMode},
    },
    error::Error,
    service::{Services, fault::EMBEDDING_MODEL},
    vector::{LegReport, VectorAnswer, VectorHit, VectorQuery},
};

/// The searched collections, grouped by the calls that they take.
pub(super) struct Places<'a> {
    services: &'a Services,
    scope: Scope,
    request: &'a SearchRequest,
    question: &'a Question<'a>,
    /// Ordered, so that ties between placements always end the same way.
    places: Vec<Place<'a>>,
    homes: HashMap<GenerationId, CollectionId>,
}

/// A placement, the model of its vectors, and the generations to search there.
struct Place<'a> {
    placement: &'a Placement,
    model: &'a ModelKey,
    generations: Vec<GenerationId>,
}

impl<'a> Places<'a> {
    pub(super) fn new(
        services: &'a Services,
        scope: Scope,
        request: &'a SearchRequest,
        question: &'a Question<'a>,
        searched: &'a [SearchTarget],
    ) -> Self {
        let homes = searched.iter().map(|target| (target.generation, target.id)).collect();
        Self { services, scope, request, question, places: grouped(searched), homes }
    }

    /// What one placement answers. A leg whose model is missing has failed; the other one is asked all the same.
    async fn ask(&self, place: &Place<'_>, depth: usize) -> Result<VectorAnswer, Error> {
        let settings = &self.services.config.search;
        let (embedding, failure) = match self.question.embedding(place.model) {
            Some(Ok(embedding)) => (Some(embedding.clone()), None),
            Some(Err(failure)) => (None, Some(*failure)),
            None => (None, None),
        };
        let text = self.question.text().map(str::to_owned);
        let mut answer = VectorAnswer::default();
        if embedding.is_some() || text.is_some() {
            let query = VectorQuery {
                generations: place.generations.clone(),
                embedding,
                text,
                limit: depth,
                candidates: depth,
                fusion: (self.request.mode == SearchMode::Hybrid).then_some(FusionSettings {
                    k: settings.rrf_k,
                    semantic_weight: settings.semantic_weight,
                    lexical_weight: settings.lexical_weight,
                }),
                explain: self.request.explain,
                timeout: Duration::from_millis(settings.timeout_milliseconds),
            };
            answer = self.services.vectors.search(place.placement, &query).await?;
        }
        answer.legs.extend(failure.map(|failure| LegReport::failed(SearchLegKind::Semantic, Duration::ZERO, failure)));
        Ok(answer)
    }
}

#[async_trait]
impl Corpus for Places<'_> {
    async fn candidates(&self, depth: usize, is_last: bool) -> Result<Candidates, Error> {
        let mut answers = join_all(self.places.iter().map(|place| self.ask(place, depth))).await;
        let is_exhausted = answers.iter().flatten().all(|answer| answer.hits.len() < depth);
        if self.request.mode != SearchMode::Hybrid && !is_last {
            for answer in answers.iter_mut().flatten() {
                leave_out_torn_tie(&mut answer.hits, depth);
            }
        }
        let (hits, legs) = merge(self.request.mode, answers)?;
        Ok(Candidates { hits, legs, is_exhausted })
    }

    /// Chunks and documents are read concurrently. A hit without both (after a crash between two steps, or a deletion) is
    /// left out.
    async fn rows(&self, hits: &[VectorHit]) -> Result<Vec<Row>, Error> {
        let key = |hit: &VectorHit| {
            self.homes.get(&hit.generation).map(|collection| ChunkKey { collection: *collection, id: hit.id })
        };
        let keys: Vec<_> = hits.iter().filter_map(key).collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let documents: Vec<_> = hits.iter().map(|hit| hit.document).collect::<BTreeSet<_>>().into_iter().collect();
        let reader = self.services.database.reader(self.scope);
        let (mut chunks, documents) =
            tokio::try_join!(chunks::find_many(&reader, &keys), documents::find_many(&reader, &documents))?;
        let row = |hit: &VectorHit| {
            let chunk = chunks.remove(&key(hit)?)?;
            let document = documents.get(&chunk.document_id)?.clone();
            Some(Row { hit: hit.clone(), chunk, document })
        };
        Ok(hits.iter().filter_map(row).collect())
    }
}

fn grouped(searched: &[SearchTarget]) -> Vec<Place<'_>> {
    let mut places: HashMap<(&Placement, &ModelKey), Vec<GenerationId>> = HashMap::new();
    for target in searched {
        places.entry((&target.placement, &target.model)).or_default().push(target.generation);
    }
    let place = |((placement, model), generations)| Place { placement, model, generations };
    let mut places: Vec<_> = places.into_iter().map(place).collect();
    places.sort_unstable_by_key(|place| (place.placement, place.model.parts()));
    places
}

/// Leaves out the last hits if they tie, and there may be more like them: it is up to the engine which of them it returns,
/// and that changes when it rebuilds a segment. A deeper look has them all.
pub(super) fn leave_out_torn_tie(hits: &mut Vec<VectorHit>, depth: usize) {
    if hits.len() >= depth
        && let Some(VectorHit { score: last, .. }) = hits.last().cloned()
    {
        hits.retain(|hit| hit.score > last);
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
            VectorAnswer { hits: Vec::new(), legs: all_failed(mode) }
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
