//! Search: the question is embedded once, the engine is called once for each placement, and rows are read through the
//! scoped repositories.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;
use sha2::{Digest, Sha256};

use super::{Services, validate::Violations};
use crate::{
    auth::viewer::Viewer,
    db::repo::{
        chunks::{self, ChunkKey},
        collections::{self, SearchTarget},
        documents,
    },
    domain::{
        chunk::Chunk,
        document::Document,
        id::{CollectionId, DocumentId, GenerationId},
        page::Page,
        scope::Scope,
        search::{FusionSettings, SearchGroup, SearchLegKind, SearchLegState, SearchMode},
    },
    error::{Error, ViolationCode},
    vector::{LegContribution, LegReport, Placement, VectorAnswer, VectorHit, VectorQuery},
};

/// A question.
#[derive(Clone, PartialEq, Debug)]
pub struct SearchRequest {
    pub query: String,
    /// Where to search; `None`: everywhere that the caller can read.
    pub collections: Option<Vec<CollectionId>>,
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

/// Minimum number of rows read at once.
const MIN_ROWS: usize = 16;

/// Answers a question from the collections that the caller can read.
///
/// # Errors
/// `Invalid` for the input, `NotFound` for a collection that does not exist for the caller, `Unavailable` if no leg
/// could answer, or if one could not and `strict` was set.
pub async fn search(services: &Services, viewer: &Viewer, request: &SearchRequest) -> Result<SearchOutcome, Error> {
    let start = Instant::now();
    check(services, request)?;
    // The question is embedded while the database finds the collections.
    let (searched, (embedding, embedding_took)) = tokio::try_join!(
        searched_collections(services, viewer, request.collections.as_deref()),
        embed(services, request),
    )?;

    let Page { items: searched, has_next_page: is_partial } = searched;
    if request.strict && is_partial {
        let most = services.config.search.max_collections;
        let message = format!("You can read more than {most} collections. Name those to search in `collectionIds`.");
        return Err(Error::LimitExceeded { limit: "search.max_collections", message });
    }
    let text = (request.mode != SearchMode::Semantic).then(|| request.query.clone());
    let deepest = services.config.search.max_rank;
    let wanted = (request.after.unwrap_or(0) as usize + request.first as usize).min(deepest);
    let found = find(services, viewer, request, &searched, embedding, text, wanted).await?;

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
    let legs = all_legs(found.legs);
    if request.strict && legs.iter().any(|leg| leg.state == SearchLegState::Failed) {
        return Err(Error::Unavailable { dependency: "search engine", retry_after_seconds: 2, source: None });
    }
    let searched = searched.len();
    Ok(SearchOutcome {
        hits,
        has_next_page,
        legs,
        searched,
        is_partial,
        took: start.elapsed(),
        embedding: embedding_took,
    })
}

/// The embedded question, where the mode needs it, and how long that took.
async fn embed(services: &Services, request: &SearchRequest) -> Result<(Option<Vec<f32>>, Duration), Error> {
    let start = Instant::now();
    let embedding = match request.mode {
        SearchMode::Lexical => None,
        SearchMode::Hybrid | SearchMode::Semantic => Some(services.embedder.embed_query(&request.query).await?),
    };
    Ok((embedding, start.elapsed()))
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

async fn searched_collections(
    services: &Services,
    viewer: &Viewer,
    named: Option<&[CollectionId]>,
) -> Result<Page<SearchTarget>, Error> {
    let reader = services.database.reader(viewer.scope());
    let targets = match named {
        Some(ids) => collections::named_targets(&reader, ids).await?,
        None => collections::all_targets(&reader, services.config.search.max_collections).await?,
    };
    let is_missing = |id: &CollectionId| !targets.items.iter().any(|target| target.id == *id);
    if named.is_some_and(|ids| ids.iter().any(is_missing)) {
        return Err(Error::NotFound("collection"));
    }
    Ok(targets)
}

/// A hit with its rows.
struct Row {
    hit: VectorHit,
    chunk: Chunk,
    document: Document,
}

#[derive(Default)]
struct Found {
    hits: Vec<Row>,
    legs: Vec<LegReport>,
}

/// Finds more than `wanted` hits, if they exist, so that it is known whether there is another page.
///
/// A fused ranking depends on the number of candidates. To give a question the same ranking whichever page is
/// requested, the ranking is built in steps: first from as many candidates as the settings say; where those are not
/// enough, the hits that four times as many candidates add are appended; and so on.
async fn find(
    services: &Services,
    viewer: &Viewer,
    request: &SearchRequest,
    searched: &[SearchTarget],
    embedding: Option<Vec<f32>>,
    text: Option<String>,
    wanted: usize,
) -> Result<Found, Error> {
    if searched.is_empty() {
        return Ok(Found::default());
    }
    let settings = &services.config.search;
    let homes: HashMap<GenerationId, CollectionId> =
        searched.iter().map(|target| (target.generation, target.id)).collect();
    let mut placements: BTreeMap<&Placement, Vec<GenerationId>> = BTreeMap::new();
    for target in searched {
        placements.entry(&target.placement).or_default().push(target.generation);
    }
    let mut depth = settings.candidates;
    let mut known = HashSet::new();
    let mut selection = Selection::new(request);
    loop {
        let answers = try_join_all(placements.iter().map(async |(placement, generations)| {
            let query = VectorQuery {
                generations: generations.clone(),
                embedding: embedding.clone(),
                text: text.clone(),
                limit: depth,
                candidates: depth,
                fusion: FusionSettings {
                    k: settings.rrf_k,
                    semantic_weight: settings.semantic_weight,
                    lexical_weight: settings.lexical_weight,
                },
                explain: request.explain,
                timeout: Duration::from_millis(settings.timeout_milliseconds),
            };
            services.vectors.search(placement, &query).await
        }))
        .await?;
        let is_exhausted = answers.iter().all(|answer| answer.hits.len() < depth);
        let (mut candidates, legs) = merge(answers);
        candidates.retain(|hit| known.insert(hit.id));
        // Rows are read as they are needed: most candidates are never shown.
        for part in candidates.chunks((wanted + 1).max(MIN_ROWS)) {
            selection.extend(load(services, viewer.scope(), &homes, part).await?);
            if selection.hits.len() > wanted {
                break;
            }
        }
        if selection.hits.len() > wanted || is_exhausted || depth >= settings.max_rank * 2 {
            return Ok(Found { hits: selection.hits, legs });
        }
        depth *= 4;
    }
}

/// One ranking from those of several placements: first all firsts, then all seconds …, ties by score. Scores of different
/// models can't be compared, ranks can.
fn merge(answers: Vec<VectorAnswer>) -> (Vec<VectorHit>, Vec<LegReport>) {
    let mut ranked = Vec::new();
    let mut legs: Vec<LegReport> = Vec::new();
    for answer in answers {
        ranked.extend(answer.hits.into_iter().enumerate());
        for report in answer.legs {
            match legs.iter_mut().find(|leg| leg.leg == report.leg) {
                None => legs.push(report),
                Some(leg) => {
                    leg.elapsed = leg.elapsed.max(report.elapsed);
                    leg.candidates += report.candidates;
                    if report.state == SearchLegState::Failed {
                        leg.state = SearchLegState::Failed;
                        leg.message = report.message;
                    }
                }
            }
        }
    }
    ranked.sort_by(|(rank, hit), (other_rank, other)| {
        rank.cmp(other_rank).then(other.score.total_cmp(&hit.score)).then(hit.id.cmp(&other.id))
    });
    (ranked.into_iter().map(|(_, hit)| hit).collect(), legs)
}

/// The rows of hits, in their order; chunks and documents are read concurrently. A hit without both (after a crash
/// between two steps, or a deletion) is left out.
async fn load(
    services: &Services,
    scope: Scope,
    homes: &HashMap<GenerationId, CollectionId>,
    hits: &[VectorHit],
) -> Result<Vec<Row>, Error> {
    let key =
        |hit: &VectorHit| homes.get(&hit.generation).map(|collection| ChunkKey { collection: *collection, id: hit.id });
    let keys: Vec<_> = hits.iter().filter_map(key).collect();
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let documents: Vec<_> = hits.iter().map(|hit| hit.document).collect::<BTreeSet<_>>().into_iter().collect();
    let reader = services.database.reader(scope);
    let (mut chunks, documents) =
        tokio::try_join!(chunks::find_many(&reader, &keys), documents::find_many(&reader, &documents))?;
    let row = |hit: &VectorHit| {
        let chunk = chunks.remove(&key(hit)?)?;
        let document = documents.get(&chunk.document_id)?.clone();
        Some(Row { hit: hit.clone(), chunk, document })
    };
    Ok(hits.iter().filter_map(row).collect())
}

/// The candidates that are hits: with a sufficient score, and the first of their group.
struct Selection<'r> {
    request: &'r SearchRequest,
    seen: HashSet<DocumentId>,
    hits: Vec<Row>,
}

impl<'r> Selection<'r> {
    fn new(request: &'r SearchRequest) -> Self {
        Self { request, seen: HashSet::new(), hits: Vec::new() }
    }

    fn extend(&mut self, candidates: Vec<Row>) {
        for row in candidates {
            let is_good = self.request.min_score.is_none_or(|least| row.hit.score >= least);
            if is_good && (self.request.group == SearchGroup::Chunk || self.seen.insert(row.document.id)) {
                self.hits.push(row);
            }
        }
    }
}

/// A report for each leg; a leg that was not requested is SKIPPED.
fn all_legs(reports: Vec<LegReport>) -> Vec<LegReport> {
    let mut reports = reports;
    [SearchLegKind::Semantic, SearchLegKind::Lexical]
        .into_iter()
        .map(|kind| {
            let place = reports.iter().position(|report| report.leg == kind);
            place.map(|place| reports.swap_remove(place)).unwrap_or(LegReport {
                leg: kind,
                state: SearchLegState::Skipped,
                elapsed: Duration::ZERO,
                candidates: 0,
                message: None,
            })
        })
        .collect()
}
