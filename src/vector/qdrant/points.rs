//! Our points, filters and questions in the protocol's words, and the server's answers in ours.

use qdrant_client::{
    Payload,
    qdrant::{
        AcornSearchParams, BatchResult, Condition, DenseVector, Filter, IdfParams, NamedVectors, PointId, PointStruct,
        Query, QueryBatchPoints, QueryPoints, Range, RetrievedPoint, ScoredPoint, SearchParams, SparseVector, Vector,
        VectorInput, Vectors, point_id::PointIdOptions, query, vector, vector_input, vector_output,
    },
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
pub(super) fn stored(point: Point, lexicon: &Lexicon) -> PointStruct {
    let words = lexicon.chunk(&point.text);
    let words =
        words.map(|words| vector::Vector::Sparse(SparseVector { values: words.values, indices: words.indices }));
    let embedding = vector::Vector::Dense(DenseVector { data: point.embedding });
    let vectors = [(field::EMBEDDING, Some(embedding)), (field::WORDS, words)];
    let vectors: Vec<_> =
        vectors.into_iter().filter_map(|(name, vector)| Some((name, Vector::from(vector?)))).collect();
    let payload = Payload::from([
        (field::GENERATION, point.generation.to_string().into()),
        (field::DOCUMENT, point.document.to_string().into()),
        (field::REVISION, i64::from(point.revision).into()),
    ]);
    PointStruct {
        id: Some(id(point.id)),
        payload: payload.into(),
        vectors: Some(Vectors::from(NamedVectors::from(vectors))),
    }
}

/// The most bytes that a point takes on its way: four for each number of the embedding, nine for each word with the
/// space after it, and its keys.
pub(super) fn most_bytes(point: &Point) -> usize {
    point.embedding.len() * 4 + point.text.len() * 5 + 256
}

/// The points of these generations.
pub(super) fn within(generations: &[GenerationId]) -> Filter {
    let generations: Vec<_> = generations.iter().map(ToString::to_string).collect();
    Filter::must([Condition::matches(field::GENERATION, generations)])
}

/// Those of `ids` that belong to the generation.
pub(super) fn among(generation: GenerationId, ids: &[ChunkId]) -> Filter {
    and(within(&[generation]), Condition::has_id(ids.iter().copied().map(id)))
}

fn and(mut filter: Filter, condition: Condition) -> Filter {
    filter.must.push(condition);
    filter
}

/// The points that a selector selects.
pub(super) fn selected(selector: &PointSelector) -> Filter {
    let of_document = |generation: &GenerationId, document: &_| {
        let document = Condition::matches(field::DOCUMENT, ToString::to_string(document));
        Filter::must([Condition::matches(field::GENERATION, generation.to_string()), document])
    };
    match selector {
        PointSelector::Document { generation, document } => of_document(generation, document),
        PointSelector::Revision { generation, document, revision } => {
            let this = Condition::matches(field::REVISION, i64::from(*revision));
            and(of_document(generation, document), this)
        }
        PointSelector::OlderRevisions { generation, document, than } => {
            let range = Range { lt: Some(f64::from(*than)), ..Range::default() };
            and(of_document(generation, document), Condition::range(field::REVISION, range))
        }
        PointSelector::Chunks { generation, chunks } => among(*generation, chunks),
        PointSelector::Generation(generation) => within(&[*generation]),
    }
}

/// The rankings of all legs.
pub(super) fn requests(collection: &str, question: &Question<'_>) -> QueryBatchPoints {
    let filter = question.filtered().map(within);
    let payload = || match question.sole_generation() {
        Some(_) => false.into(),
        None => vec![field::GENERATION].into(),
    };
    let request = |leg: &&Leg| QueryPoints {
        collection_name: collection.into(),
        limit: Some(question.candidates as u64),
        with_payload: Some(payload()),
        ..leg_query(leg, filter.as_ref())
    };
    QueryBatchPoints {
        collection_name: collection.into(),
        query_points: question.legs.iter().map(request).collect(),
        ..QueryBatchPoints::default()
    }
}

/// A leg. How rare a word is counts in the generations searched only.
fn leg_query(leg: &Leg, searched: Option<&Filter>) -> QueryPoints {
    let (using, vector, params) = match &leg.vector {
        LegVector::Dense(vector) => {
            let vector = vector_input::Variant::Dense(DenseVector { data: vector.clone() });
            let acorn = AcornSearchParams { enable: Some(true), ..AcornSearchParams::default() };
            let breadth = Some(index::BREADTH as u64);
            (field::EMBEDDING, vector, SearchParams { hnsw_ef: breadth, acorn: Some(acorn), ..SearchParams::default() })
        }
        LegVector::Sparse(vector) => {
            let words = SparseVector { values: vector.values.clone(), indices: vector.indices.clone() };
            let idf = searched.map(|filter| IdfParams { corpus: Some(filter.clone()) });
            let params = SearchParams { idf, ..SearchParams::default() };
            (field::WORDS, vector_input::Variant::Sparse(words), params)
        }
    };
    QueryPoints {
        query: Some(Query { variant: Some(query::Variant::Nearest(VectorInput { variant: Some(vector) })) }),
        using: Some(using.into()),
        filter: searched.cloned(),
        params: Some(params),
        ..QueryPoints::default()
    }
}

/// The server's answer to [`requests`].
pub(super) fn rankings(question: &Question<'_>, lists: Vec<BatchResult>) -> Rankings {
    let sole = question.sole_generation();
    lists.into_iter().map(|list| list.result.into_iter().filter_map(|point| hit(point, sole)).collect()).collect()
}

/// Only Docent writes points, so each has its keys; a point without them would belong to no document.
fn hit(point: ScoredPoint, sole: Option<GenerationId>) -> Option<VectorHit> {
    Some(VectorHit {
        generation: match sole {
            Some(generation) => generation,
            None => point.payload.get(field::GENERATION)?.as_str()?.parse().ok()?,
        },
        id: chunk(point.id)?,
        score: point.score,
        legs: Vec::new(),
    })
}

/// The id of the point that stands for a chunk.
pub(super) fn id(chunk: ChunkId) -> PointId {
    PointId::from(chunk.to_string())
}

/// The chunk that a point stands for.
pub(super) fn chunk(id: Option<PointId>) -> Option<ChunkId> {
    match id?.point_id_options? {
        PointIdOptions::Uuid(id) => id.parse().ok(),
        PointIdOptions::Num(_) => None,
    }
}

/// Where a point belongs.
pub(super) fn key(point: RetrievedPoint) -> Option<PointKey> {
    Some(PointKey {
        document: point.payload.get(field::DOCUMENT)?.as_str()?.parse().ok()?,
        revision: point.payload.get(field::REVISION)?.as_integer()?.try_into().ok()?,
        id: chunk(point.id)?,
    })
}

/// A point's chunk and its embedding.
pub(super) fn embedding(point: RetrievedPoint) -> Option<(ChunkId, Vec<f32>)> {
    match point.vectors?.get_vector_by_name(field::EMBEDDING)? {
        vector_output::Vector::Dense(embedding) => Some((chunk(point.id)?, embedding.data)),
        vector_output::Vector::Sparse(_) | vector_output::Vector::MultiDense(_) => None,
    }
}
