//! Search: the question is embedded once for each model, the engine is called once for each placement, and rows are read
//! through the scoped repositories.
//!
//! `searched` has the placements and what is searched in them, `question` the question as the legs need it, `candidates` asks the placements and makes one ranking of their
//! answers, `gather` reads rows of that ranking until there are enough hits.

mod candidates;
pub mod compare;
mod gather;
mod question;
mod searched;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};

pub use self::searched::Searchable;
use self::{
    candidates::FanOut,
    gather::{Depths, Selection, gather},
    question::Question,
};
use super::{Services, validate::Violations};
use crate::{
    auth::viewer::Viewer,
    domain::{
        chunk::Chunk,
        document::Document,
        id::{CollectionId, GenerationId},
        search::{SearchGroup, SearchLegKind, SearchLegState, SearchMode},
    },
    error::{Error, ViolationCode},
    vector::{LegContribution, LegReport, VectorHit},
};

/// A question.
#[derive(Clone, PartialEq, Debug)]
pub struct SearchRequest {
    pub query: String,
    /// Where to search; `None`: everywhere that the caller can read.
    pub collections: Option<Vec<CollectionId>>,
    /// The generation to search, whatever its state, by those who may change its collection; `None`: active ones.
    pub generation: Option<GenerationId>,
    pub mode: SearchMode,
    pub group: SearchGroup,
    /// How many hits, 1 to 100.
    pub first: u32,
    /// The rank of the last hit already seen.
    pub after: Option<u32>,
    /// Hits with a lower score are left out.
    pub min_score: Option<f32>,
    /// Whether a failed leg is an error.
    pub strict: bool,
    /// Whether to report the result of each leg for each hit.
    pub explain: bool,
}

impl SearchRequest {
    /// Identifies its ranking among those of other questions: all pages of one ranking have the same value.
    #[must_use]
    pub fn ranking(&self) -> String {
        let mut hasher = Sha256::new();
        for part in [self.query.as_bytes(), format!("{:?} {:?} {:?}", self.mode, self.group, self.min_score).as_bytes()]
        {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        let collections: Option<BTreeSet<_>> = self.collections.as_ref().map(|ids| ids.iter().map(|id| id.0).collect());
        for id in collections.into_iter().flatten() {
            hasher.update(id);
        }
        if let Some(generation) = self.generation {
            hasher.update("generation");
            hasher.update(generation.0);
        }
        hex::encode(&hasher.finalize()[..8])
    }
}

/// An answer, best hit first.
#[derive(Clone, PartialEq, Debug)]
pub struct SearchOutcome {
    pub hits: Vec<SearchHit>,
    pub has_next_page: bool,
    /// The results of both legs.
    pub legs: Vec<LegReport>,
    /// How many collections were searched.
    pub searched: usize,
    /// Whether there are collections that were not searched, because there are too many.
    pub is_partial: bool,
    pub took: Duration,
    /// The part of `took` that embedding the question needed.
    pub embedding: Duration,
}

/// A chunk that answers the question, or the best chunk of its document.
#[derive(Clone, PartialEq, Debug)]
pub struct SearchHit {
    /// From 1.
    pub rank: u32,
    pub score: f32,
    pub chunk: Chunk,
    pub document: Document,
    pub legs: Vec<LegContribution>,
}

/// Answers a question from the collections that the caller can read.
///
/// # Errors
/// `Invalid` for the input, `NotFound` for a collection that does not exist for the caller, `Unavailable` if no leg
/// could answer, or if one could not and `strict` was set.
pub async fn search(services: &Services, viewer: &Viewer, request: &SearchRequest) -> Result<SearchOutcome, Error> {
    let start = Instant::now();
    check(services, request)?;
    let mut question = Question::new(request);
    // Most collections have the default model, so the question is embedded with it while the database finds them.
    let default = [&services.embedders.default_model().key];
    let embedded = async {
        question.embed(services, default).await;
        Ok(())
    };
    let (searched, ()) = tokio::try_join!(searched::find(services, viewer, request), embedded)?;
    let is_partial = searched.is_partial;
    if request.strict && is_partial {
        let most = services.config.search.max_collections;
        let message = format!("You can read more than {most} collections. Name those to search in `collectionIds`.");
        return Err(Error::LimitExceeded(message));
    }
    question.embed(services, searched.models()).await;
    let settings = &services.config.search;
    let deepest = settings.max_rank;
    let wanted = (request.after.unwrap_or(0) as usize + request.first as usize).min(deepest);
    let corpus = FanOut { services, scope: viewer.scope(), request, question: &question, searched: &searched };
    let depths = Depths { first: settings.candidates, last: deepest * 2 };
    let found = gather(&corpus, depths, wanted, Selection::new(request)).await?;

    let first = request.after.unwrap_or(0) as usize;
    // The ranking ends at the last rank, even if there are more hits.
    let has_next_page = found.hits.len() > wanted && wanted < deepest;
    let hits = (1_u32..)
        .zip(found.hits)
        .take(wanted)
        .skip(first)
        .map(|(rank, Row { hit, chunk, document })| SearchHit {
            rank,
            score: hit.score,
            document,
            chunk,
            legs: hit.legs,
        })
        .collect();
    let legs = all_legs(&found.legs);
    if request.strict && legs.iter().any(|leg| leg.state == SearchLegState::Failed) {
        return Err(Error::Unavailable { dependency: "search engine", retry_after_seconds: 2, source: None });
    }
    Ok(SearchOutcome {
        hits,
        has_next_page,
        legs,
        searched: searched.homes.len(),
        is_partial,
        took: start.elapsed(),
        embedding: question.took,
    })
}

fn check(services: &Services, request: &SearchRequest) -> Result<(), Error> {
    let limits = &services.config.limits;
    let mut violations = Violations::default();
    let length = request.query.chars().count();
    if request.query.trim().is_empty() {
        violations.add(ViolationCode::Required, "query", "The query is empty. Ask a question.");
    } else if length > limits.query_characters {
        let most = limits.query_characters;
        violations.add(ViolationCode::TooLong, "query", format!("Shorten the query to {most} characters."));
    }
    if request.collections.as_ref().is_some_and(|ids| ids.len() > limits.search_collections) {
        let most = limits.search_collections;
        violations.add(ViolationCode::TooLong, "collectionIds", format!("Name at most {most} collections."));
    }
    if request.generation.is_some() && request.collections.is_some() {
        let message = "A generation is of one collection. Name collections or a generation, not both.";
        violations.add(ViolationCode::Conflict, "generationId", message);
    }
    let deepest = services.config.search.max_rank;
    if request.after.is_some_and(|rank| rank as usize >= deepest) {
        violations.add(
            ViolationCode::TooLong,
            "after",
            format!("Paging ends at rank {deepest}. Ask a narrower question instead."),
        );
    }
    violations.check()
}

/// A hit with its rows.
#[derive(Clone, PartialEq, Debug)]
struct Row {
    hit: VectorHit,
    chunk: Chunk,
    document: Document,
}

/// A report for each leg; a leg that was not requested is SKIPPED.
fn all_legs(reports: &[LegReport]) -> Vec<LegReport> {
    let skipped =
        |leg| LegReport { leg, state: SearchLegState::Skipped, elapsed: Duration::ZERO, candidates: 0, failure: None };
    let report = |leg| reports.iter().find(|report| report.leg == leg).copied().unwrap_or_else(|| skipped(leg));
    [SearchLegKind::Semantic, SearchLegKind::Lexical].map(report).into()
}
