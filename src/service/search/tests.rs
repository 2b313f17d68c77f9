//! Rankings without an engine: how those of several placements become one, and how hits are taken from it.

use std::{sync::Mutex, time::Duration};

use async_trait::async_trait;
use serde_json::json;
use uuid::Uuid;

use super::{
    Row, SearchRequest,
    candidates::merge,
    gather::{Candidates, Corpus, Depths, Selection, gather},
};
use crate::{
    domain::{
        chunk::Chunk,
        content::{Content, StoredFile},
        document::{About, Document, DocumentStatus},
        id::{ChunkId, CollectionId, DocumentId, GenerationId},
        search::{SearchGroup, SearchLegFailure, SearchLegKind, SearchLegState, SearchMode},
    },
    error::Error,
    vector::{LegReport, VectorAnswer, VectorHit},
};

const NIL: Uuid = Uuid::nil();

/// The hit of chunk `number`.
fn hit(number: u128, score: f32) -> VectorHit {
    VectorHit { id: ChunkId(Uuid::from_u128(number)), generation: GenerationId(NIL), score, legs: Vec::new() }
}

/// Ten chunks make a document.
fn row(hit: VectorHit) -> Row {
    let document_id = DocumentId(Uuid::from_u128(hit.id.0.as_u128() / 10));
    let chunk = Chunk {
        id: hit.id,
        collection_id: CollectionId(NIL),
        generation_id: hit.generation,
        document_id,
        index: 0,
        content: String::new(),
        token_count: 0,
        start_offset: 0,
        end_offset: 0,
        headings: Vec::new(),
        page: None,
        parent: None,
        meta: json!({}),
    };
    let document = Document {
        source_id: None,
        id: document_id,
        collection_id: CollectionId(NIL),
        content: Content {
            file_name: String::new(),
            uri: String::new(),
            content_type: String::new(),
            file: StoredFile { digest: String::new(), size: 0 },
            meta: json!({}),
        },
        status: DocumentStatus::Completed,
        error: None,
        about: About::default(),
        is_title_given: false,
        warnings: Vec::new(),
        chunk_count: 1,
        revision: 1,
        created_at: chrono::DateTime::UNIX_EPOCH,
        updated_at: chrono::DateTime::UNIX_EPOCH,
        processed_at: chrono::DateTime::UNIX_EPOCH,
    };
    Row { hit, chunk, document }
}

fn request(group: SearchGroup, min_score: Option<f32>) -> SearchRequest {
    SearchRequest {
        query: "tram".into(),
        collections: None,
        generation: None,
        mode: SearchMode::Hybrid,
        group,
        first: 10,
        after: None,
        min_score,
        strict: false,
        explain: false,
    }
}

fn completed(leg: SearchLegKind, candidates: usize) -> LegReport {
    LegReport { leg, state: SearchLegState::Completed, elapsed: Duration::ZERO, candidates, failure: None }
}

/// The answer of a placement in which both legs worked.
fn answer(hits: &[(u128, f32)]) -> VectorAnswer {
    VectorAnswer {
        hits: hits.iter().map(|(number, score)| hit(*number, *score)).collect(),
        legs: [SearchLegKind::Semantic, SearchLegKind::Lexical].map(|leg| completed(leg, hits.len())).into(),
        is_exhausted: true,
    }
}

fn numbers<'h>(hits: impl IntoIterator<Item = &'h VectorHit>) -> Vec<u128> {
    hits.into_iter().map(|hit| hit.id.0.as_u128()).collect()
}

fn away() -> Error {
    Error::Unavailable { dependency: "vector store", retry_after_seconds: 2, source: None }
}

#[test]
fn rankings_are_merged_rank_by_rank_whatever_their_scores() {
    let answers = vec![
        Ok(answer(&[(1, 0.9), (2, 0.8), (3, 0.7)])),
        Ok(answer(&[(4, 12.0), (5, 11.0)])),
        Ok(answer(&[(7, 0.9), (6, 0.8)])),
    ];
    let (hits, legs) = merge(SearchMode::Hybrid, answers).unwrap();
    assert_eq!(numbers(&hits), [4, 1, 7, 5, 2, 6, 3], "ties by score, then by id");
    assert_eq!(
        legs.iter().map(|leg| (leg.state, leg.candidates)).collect::<Vec<_>>(),
        [(SearchLegState::Completed, 7), (SearchLegState::Completed, 7)]
    );
}

#[test]
fn a_placement_that_fails_loses_only_its_own_hits_and_both_legs_say_so() {
    let answers = vec![Err(away()), Ok(answer(&[(1, 0.9), (2, 0.8)]))];
    let (hits, legs) = merge(SearchMode::Hybrid, answers).unwrap();
    assert_eq!(numbers(&hits), [1, 2]);
    for leg in legs {
        assert_eq!((leg.state, leg.failure), (SearchLegState::Failed, Some(SearchLegFailure::ServiceFailure)));
        assert_eq!(leg.candidates, 2);
    }
    let words =
        VectorAnswer { hits: Vec::new(), legs: vec![completed(SearchLegKind::Lexical, 0)], ..VectorAnswer::default() };
    let (_, legs) = merge(SearchMode::Lexical, vec![Err(away()), Ok(words)]).unwrap();
    assert_eq!(legs.iter().map(|leg| leg.leg).collect::<Vec<_>>(), [SearchLegKind::Lexical], "the other is not asked");
}

#[test]
fn a_missing_model_fails_the_semantic_leg_and_the_lexical_one_goes_on() {
    let missing = || LegReport::failed(SearchLegKind::Semantic, Duration::ZERO, SearchLegFailure::ModelMissing);
    let without = VectorAnswer {
        hits: vec![hit(3, 0.1)],
        legs: vec![completed(SearchLegKind::Lexical, 1), missing()],
        ..VectorAnswer::default()
    };
    let (hits, legs) = merge(SearchMode::Hybrid, vec![Ok(answer(&[(1, 0.2)])), Ok(without)]).unwrap();
    assert_eq!(numbers(&hits), [1, 3]);
    let states: Vec<_> = legs.iter().map(|leg| (leg.leg, leg.state, leg.failure)).collect();
    assert_eq!(
        states,
        [
            (SearchLegKind::Semantic, SearchLegState::Failed, Some(SearchLegFailure::ModelMissing)),
            (SearchLegKind::Lexical, SearchLegState::Completed, None),
        ]
    );
    // Without a leg that answers there is no answer.
    let nothing = VectorAnswer { legs: vec![missing()], ..VectorAnswer::default() };
    let refused = merge(SearchMode::Semantic, vec![Ok(nothing.clone())]).unwrap_err();
    assert!(matches!(refused, Error::Unavailable { dependency: "embedding model", .. }), "{refused}");
    let refused = merge(SearchMode::Semantic, vec![Ok(nothing), Err(away())]).unwrap_err();
    assert!(matches!(refused, Error::Unavailable { dependency: "vector store", .. }), "{refused}");
}

#[test]
fn nothing_to_search_is_no_failure() {
    let (hits, legs) = merge(SearchMode::Hybrid, Vec::new()).unwrap();
    assert!(hits.is_empty() && legs.is_empty());
}

#[test]
fn a_selection_leaves_out_low_scores_and_later_chunks_of_a_document() {
    let candidates = || [(10, 0.9), (11, 0.8), (20, 0.7), (12, 0.6), (30, 0.1)].map(|(n, score)| row(hit(n, score)));
    let select = |request: &SearchRequest| {
        let mut selection = Selection::new(request);
        for part in candidates().chunks(2) {
            selection.extend(part.to_vec());
        }
        numbers(selection.hits.iter().map(|row| &row.hit))
    };
    assert_eq!(select(&request(SearchGroup::Chunk, None)), [10, 11, 20, 12, 30]);
    assert_eq!(select(&request(SearchGroup::Chunk, Some(0.65))), [10, 11, 20]);
    assert_eq!(select(&request(SearchGroup::Document, None)), [10, 20, 30]);
    assert_eq!(select(&request(SearchGroup::Document, Some(0.65))), [10, 20]);
}

/// Chunks 0, 1, 2 … in this order, up to a number; those that are not hidden have rows.
struct Numbers {
    count: u128,
    is_hidden: fn(u128) -> bool,
    /// The depths that were asked for.
    depths: Mutex<Vec<usize>>,
}

impl Numbers {
    fn new(count: u128, is_hidden: fn(u128) -> bool) -> Self {
        Self { count, is_hidden, depths: Mutex::default() }
    }
}

#[async_trait]
impl Corpus for Numbers {
    async fn candidates(&self, depth: usize, _is_last: bool) -> Result<Candidates, Error> {
        self.depths.lock().unwrap().push(depth);
        let hits: Vec<_> = (0..self.count).take(depth).map(|number| hit(number, 0.5)).collect();
        let is_exhausted = hits.len() < depth;
        Ok(Candidates { hits, legs: vec![completed(SearchLegKind::Lexical, depth)], is_exhausted })
    }

    async fn rows(&self, hits: &[VectorHit]) -> Result<Vec<Row>, Error> {
        let is_seen = |hit: &&VectorHit| !(self.is_hidden)(hit.id.0.as_u128());
        Ok(hits.iter().filter(is_seen).cloned().map(row).collect())
    }
}

/// The chunks of the hits, and the depths that were needed.
async fn gathered(corpus: &Numbers, wanted: usize, group: SearchGroup) -> (Vec<u128>, Vec<usize>) {
    let request = request(group, None);
    let depths = Depths { first: 20, last: 300 };
    let found = gather(corpus, depths, wanted, Selection::new(&request)).await.unwrap();
    let depths = corpus.depths.lock().unwrap().clone();
    assert_eq!(found.legs[0].candidates, *depths.last().unwrap(), "the legs report the last step");
    (numbers(found.hits.iter().map(|row| &row.hit)), depths)
}

#[tokio::test]
async fn candidates_are_asked_for_until_there_are_enough_hits() {
    let all: fn(u128) -> bool = |_| false;
    // Enough at once; one more than wanted shows that there is another page.
    let (hits, depths) = gathered(&Numbers::new(1000, all), 15, SearchGroup::Chunk).await;
    assert!(hits.len() > 15 && depths == [20], "{hits:?} {depths:?}");
    // Each step appends what it adds to what there was.
    let (hits, depths) = gathered(&Numbers::new(1000, all), 100, SearchGroup::Chunk).await;
    assert_eq!(depths, [20, 80, 320]);
    assert_eq!(hits[..101], (0..101).collect::<Vec<_>>());
    // Hits of few documents, and hits that the reader can't see, take more candidates.
    let (hits, depths) = gathered(&Numbers::new(1000, all), 6, SearchGroup::Document).await;
    assert_eq!((&hits[..7], depths), ([0, 10, 20, 30, 40, 50, 60].as_slice(), vec![20, 80]));
    let (hits, depths) = gathered(&Numbers::new(1000, |number| number < 50), 5, SearchGroup::Chunk).await;
    assert_eq!((&hits[..6], depths), ([50, 51, 52, 53, 54, 55].as_slice(), vec![20, 80]));
}

#[tokio::test]
async fn it_ends_where_nothing_is_left_or_at_the_last_depth() {
    let (hits, depths) = gathered(&Numbers::new(30, |_| false), 50, SearchGroup::Chunk).await;
    assert_eq!((hits.len(), depths), (30, vec![20, 80]));
    let (hits, depths) = gathered(&Numbers::new(1000, |_| true), 5, SearchGroup::Chunk).await;
    assert_eq!((hits.len(), depths), (0, vec![20, 80, 320]));
}
