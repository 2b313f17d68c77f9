//! Our points, filters and questions in the engine's words, and its answers in ours.

use std::collections::HashMap;

use qdrant_edge::{
    AcornSearchParams, Condition, FieldCondition, Filter, HasIdCondition, IdfCorpusParams, IdfParams, JsonPath, Match,
    NamedQuery, Payload, PointId, PointStructPersisted, QueryBatchRequest, QueryEnum, QueryRequest, Range, Record,
    ScoredPoint, ScoringQuery, SearchParams, ValueVariants, VectorInternal, VectorPersisted, VectorStructInternal,
    VectorStructPersisted, WithPayloadInterface,
    external::{ordered_float::OrderedFloat, serde_json::Value},
};

use crate::{
    domain::id::{ChunkId, GenerationId},
    vector::{
        Point, PointKey, PointSelector, VectorHit, field, index,
        lexical::Lexicon,
        search::{Leg, LegVector, Question, Rankings},
    },
};

/// A point as it is stored.
pub(super) fn stored(point: Point, lexicon: &Lexicon) -> PointStructPersisted {
    let words = lexicon.chunk(&point.text).map(VectorPersisted::Sparse);
    let vectors = [(field::EMBEDDING, Some(VectorPersisted::Dense(point.embedding))), (field::WORDS, words)];
    let vectors = vectors.into_iter().filter_map(|(name, vector)| Some((name.into(), vector?))).collect();
    let payload = [
        (field::GENERATION, Value::from(point.generation.to_string())),
        (field::DOCUMENT, Value::from(point.document.to_string())),
        (field::REVISION, Value::from(point.revision)),
    ];
    PointStructPersisted {
        id: PointId::Uuid(point.id.0),
        vector: VectorStructPersisted::Named(vectors),
        payload: Some(Payload(payload.into_iter().map(|(key, value)| (key.into(), value)).collect())),
    }
}

/// The points of these generations.
pub(super) fn within(generations: &[GenerationId]) -> Filter {
    let generations: Vec<_> = generations.iter().map(ToString::to_string).collect();
    Filter::new_must(matches(field::GENERATION, Match::from(generations)))
}

/// Those of `ids` that belong to the generation.
pub(super) fn among(generation: GenerationId, ids: &[ChunkId]) -> Filter {
    let ids: HasIdCondition = ids.iter().map(|id| PointId::Uuid(id.0)).collect();
    and(within(&[generation]), Condition::HasId(ids))
}

fn and(mut filter: Filter, condition: Condition) -> Filter {
    filter.must.get_or_insert_default().push(condition);
    filter
}

/// The points that a selector selects.
pub(super) fn selected(selector: &PointSelector) -> Filter {
    let of_document = |generation: &GenerationId, document: &_| {
        let document = matches(field::DOCUMENT, text(document));
        Filter { must: Some(vec![matches(field::GENERATION, text(generation)), document]), ..Filter::new() }
    };
    match selector {
        PointSelector::Document { generation, document } => of_document(generation, document),
        PointSelector::Revision { generation, document, revision } => {
            let this = matches(field::REVISION, Match::from(i64::from(*revision)));
            and(of_document(generation, document), this)
        }
        PointSelector::OlderRevisions { generation, document, than } => {
            let range = Range { lt: Some(OrderedFloat(f64::from(*than))), ..Range::default() };
            let older = Condition::Field(FieldCondition::new_range(path(field::REVISION), range));
            and(of_document(generation, document), older)
        }
        PointSelector::Chunks { generation, chunks } => among(*generation, chunks),
        PointSelector::Generation(generation) => within(&[*generation]),
    }
}

fn matches(key: &str, value: Match) -> Condition {
    Condition::Field(FieldCondition::new_match(path(key), value))
}

/// Where a key lies in a payload.
pub(super) fn path(key: &str) -> JsonPath {
    JsonPath { first_key: key.into(), rest: Vec::new() }
}

fn text(value: &impl ToString) -> Match {
    Match::from(ValueVariants::String(value.to_string()))
}

/// The rankings of all legs, to be made over one state of the shard.
pub(super) fn requests(question: &Question<'_>) -> QueryBatchRequest {
    let filter = question.filtered().map(within);
    let payload = match question.sole_generation() {
        Some(_) => WithPayloadInterface::Bool(false),
        None => WithPayloadInterface::Fields(vec![path(field::GENERATION)]),
    };
    let request = |leg: &&Leg| QueryRequest {
        query: Some(nearest(leg)),
        params: Some(params(leg, filter.as_ref())),
        filter: filter.clone(),
        with_payload: payload.clone(),
        ..QueryRequest::new(question.candidates)
    };
    QueryBatchRequest::new(question.legs.iter().map(request).collect())
}

fn nearest(leg: &Leg) -> ScoringQuery {
    let (name, vector) = match &leg.vector {
        LegVector::Dense(vector) => (field::EMBEDDING, VectorInternal::Dense(vector.clone())),
        LegVector::Sparse(vector) => (field::WORDS, VectorInternal::Sparse(vector.clone())),
    };
    ScoringQuery::Vector(QueryEnum::Nearest(NamedQuery { query: vector, using: Some(name.into()) }))
}

/// How rare a word is counts in the generations searched only.
fn params(leg: &Leg, searched: Option<&Filter>) -> SearchParams {
    match leg.vector {
        LegVector::Dense(_) => SearchParams {
            hnsw_ef: Some(index::BREADTH),
            acorn: Some(AcornSearchParams { enable: true, max_selectivity: None }),
            ..SearchParams::default()
        },
        LegVector::Sparse(_) => SearchParams {
            idf: searched.map(|filter| IdfParams::Corpus(IdfCorpusParams { corpus: filter.clone() })),
            ..SearchParams::default()
        },
    }
}

/// The engine's answer to [`requests`].
pub(super) fn rankings(question: &Question<'_>, lists: Vec<Vec<ScoredPoint>>) -> Rankings {
    let sole = question.sole_generation();
    lists.into_iter().map(|list| list.into_iter().filter_map(|point| hit(point, sole)).collect()).collect()
}

/// Only Docent writes points, so each has its keys; a point without them would belong to no document.
fn hit(point: ScoredPoint, sole: Option<GenerationId>) -> Option<VectorHit> {
    Some(VectorHit {
        generation: match sole {
            Some(generation) => generation,
            None => point.payload?.0.get(field::GENERATION)?.as_str()?.parse().ok()?,
        },
        id: chunk(point.id)?,
        score: point.score,
        legs: Vec::new(),
    })
}

/// Where a point belongs.
pub(super) fn key(point: Record) -> Option<PointKey> {
    let payload = point.payload?.0;
    Some(PointKey {
        document: payload.get(field::DOCUMENT)?.as_str()?.parse().ok()?,
        revision: payload.get(field::REVISION)?.as_i64()?.try_into().ok()?,
        id: chunk(point.id)?,
    })
}

/// The chunk that a point stands for.
pub(super) fn chunk(id: PointId) -> Option<ChunkId> {
    match id {
        PointId::Uuid(id) => Some(ChunkId(id)),
        PointId::NumId(_) => None,
    }
}

/// The embedding among a point's vectors.
pub(super) fn embedding(vectors: Option<VectorStructInternal>) -> Option<Vec<f32>> {
    let Some(VectorStructInternal::Named(mut vectors)) = vectors else { return None };
    match HashMap::remove(&mut vectors, field::EMBEDDING)? {
        VectorInternal::Dense(embedding) => Some(embedding),
        VectorInternal::Sparse(_) | VectorInternal::MultiDense(_) => None,
    }
}
