//! The protocol's words in the engine's, and back.

#![expect(clippy::cast_possible_truncation, reason = "the protocol's numbers are small in tests")]

use std::collections::HashMap;

use qdrant_client::qdrant::{
    self as proto, condition::ConditionOneOf, r#match::MatchValue, point_id::PointIdOptions, query, value::Kind,
    vector, vector_input, vector_output, vectors, vectors_config, vectors_output,
};
use qdrant_edge::{
    self as edge,
    external::{ordered_float::OrderedFloat, serde_json::Value},
};
use tonic::Status;

fn unsupported<T>(what: &str) -> Result<T, Status> {
    Err(Status::unimplemented(what))
}

/// The shape of a new collection.
pub fn shape(request: &proto::CreateCollection) -> Result<edge::EdgeConfig, Status> {
    let mut config = edge::EdgeConfig { max_search_threads: Some(1), ..edge::EdgeConfig::default() };
    let vectors = request.vectors_config.as_ref().and_then(|vectors| vectors.config.as_ref());
    let Some(vectors_config::Config::ParamsMap(vectors)) = vectors else {
        return unsupported("one vector without a name");
    };
    for (name, params) in &vectors.map {
        let distance = match params.distance() {
            proto::Distance::Cosine => edge::Distance::Cosine,
            other => return unsupported(other.as_str_name()),
        };
        let params = edge::EdgeVectorParams::builder(params.size as usize, distance).build();
        config.vectors.insert(name.as_str().into(), params);
    }
    for (name, params) in request.sparse_vectors_config.iter().flat_map(|vectors| &vectors.map) {
        let modifier = (params.modifier() == proto::Modifier::Idf).then_some(edge::Modifier::Idf);
        let params = edge::EdgeSparseVectorParams { modifier, ..edge::EdgeSparseVectorParams::default() };
        config.sparse_vectors.insert(name.as_str().into(), params);
    }
    Ok(config)
}

pub fn id(id: proto::PointId) -> Result<edge::PointId, Status> {
    match id.point_id_options {
        Some(PointIdOptions::Uuid(id)) => Ok(edge::PointId::Uuid(id.parse().unwrap())),
        Some(PointIdOptions::Num(id)) => Ok(edge::PointId::NumId(id)),
        None => unsupported("a point without an id"),
    }
}

pub fn id_of(id: edge::PointId) -> proto::PointId {
    let options = match id {
        edge::PointId::Uuid(id) => PointIdOptions::Uuid(id.to_string()),
        edge::PointId::NumId(id) => PointIdOptions::Num(id),
    };
    proto::PointId { point_id_options: Some(options) }
}

fn sparse(vector: proto::SparseVector) -> edge::SparseVector {
    edge::SparseVector { indices: vector.indices, values: vector.values }
}

pub fn point(point: proto::PointStruct) -> Result<edge::PointStructPersisted, Status> {
    let Some(vectors::VectorsOptions::Vectors(named)) = point.vectors.and_then(|vectors| vectors.vectors_options)
    else {
        return unsupported("a point without named vectors");
    };
    let vectors = named.vectors.into_iter().map(|(name, vector)| {
        let vector = match vector.vector {
            Some(vector::Vector::Dense(vector)) => edge::VectorPersisted::Dense(vector.data),
            Some(vector::Vector::Sparse(vector)) => edge::VectorPersisted::Sparse(sparse(vector)),
            _ => return unsupported("another kind of vector"),
        };
        Ok((name, vector))
    });
    let payload = point.payload.into_iter().map(|(key, value)| {
        let value = match value.kind {
            Some(Kind::StringValue(text)) => Value::from(text),
            Some(Kind::IntegerValue(number)) => Value::from(number),
            _ => return unsupported("another kind of value"),
        };
        Ok((key, value))
    });
    Ok(edge::PointStructPersisted {
        id: id(point.id.unwrap_or_default())?,
        vector: edge::VectorStructPersisted::Named(vectors.collect::<Result<_, _>>()?),
        payload: Some(edge::Payload(payload.collect::<Result<_, _>>()?)),
    })
}

/// The bytes of a point's vectors on the wire, at least.
pub fn bytes(point: &edge::PointStructPersisted) -> usize {
    let edge::VectorStructPersisted::Named(vectors) = &point.vector else { return 0 };
    let bytes = vectors.values().map(|vector| match vector {
        edge::VectorPersisted::Dense(vector) => vector.len() * 4,
        edge::VectorPersisted::Sparse(vector) => vector.indices.len() * 8,
        edge::VectorPersisted::MultiDense(_) => 0,
    });
    bytes.sum()
}

pub fn filter(filter: proto::Filter) -> Result<edge::Filter, Status> {
    if filter.min_should.is_some() || !filter.should.is_empty() {
        return unsupported("should");
    }
    let conditions = |conditions: Vec<_>| conditions.into_iter().map(condition).collect::<Result<Vec<_>, _>>();
    Ok(edge::Filter {
        must: Some(conditions(filter.must)?),
        must_not: Some(conditions(filter.must_not)?),
        ..edge::Filter::new()
    })
}

fn condition(condition: proto::Condition) -> Result<edge::Condition, Status> {
    match condition.condition_one_of {
        Some(ConditionOneOf::HasId(ids)) => {
            let ids = ids.has_id.into_iter().map(id).collect::<Result<edge::HasIdCondition, _>>()?;
            Ok(edge::Condition::HasId(ids))
        }
        Some(ConditionOneOf::Field(field)) => {
            if let Some(range) = field.range {
                let proto::Range { lt, gt, gte, lte } = range;
                let [lt, gt, gte, lte] = [lt, gt, gte, lte].map(|border| border.map(OrderedFloat));
                let path = field.key.parse().unwrap();
                let range = edge::Range { lt, gt, gte, lte };
                return Ok(edge::Condition::Field(edge::FieldCondition::new_range(path, range)));
            }
            let value = match field.r#match.and_then(|value| value.match_value) {
                Some(MatchValue::Keyword(text)) => edge::Match::from(edge::ValueVariants::String(text)),
                Some(MatchValue::Keywords(texts)) => edge::Match::from(texts.strings),
                Some(MatchValue::Integer(number)) => edge::Match::from(number),
                _ => return unsupported("another kind of match"),
            };
            let path = field.key.parse().unwrap();
            Ok(edge::Condition::Field(edge::FieldCondition::new_match(path, value)))
        }
        _ => unsupported("another kind of condition"),
    }
}

pub fn query_points(request: proto::QueryPoints) -> Result<edge::QueryRequest, Status> {
    let with_payload = request.with_payload.and_then(|selector| selector.selector_options);
    let with_payload = match with_payload {
        Some(proto::with_payload_selector::SelectorOptions::Enable(wanted)) => wanted.into(),
        Some(proto::with_payload_selector::SelectorOptions::Include(keys)) => {
            edge::WithPayloadInterface::Fields(keys.fields.iter().map(|key| key.parse().unwrap()).collect())
        }
        None => false.into(),
        Some(_) => return unsupported("payload without keys"),
    };
    let leg = prefetch(proto::PrefetchQuery {
        prefetch: request.prefetch,
        query: request.query,
        using: request.using,
        filter: request.filter,
        params: request.params,
        limit: request.limit,
        ..Default::default()
    })?;
    Ok(edge::QueryRequest {
        prefetches: leg.prefetches,
        query: leg.query,
        filter: leg.filter,
        params: leg.params,
        with_payload,
        ..edge::QueryRequest::new(leg.limit)
    })
}

fn prefetch(request: proto::PrefetchQuery) -> Result<edge::Prefetch, Status> {
    let limit = request.limit.unwrap_or(10);
    if limit == 0 {
        return Err(Status::invalid_argument("limit: value 0 invalid, must be 1 or larger"));
    }
    let query = request.query.and_then(|query| query.variant);
    Ok(edge::Prefetch {
        prefetches: request.prefetch.into_iter().map(prefetch).collect::<Result<_, _>>()?,
        query: query.map(|query| scoring(query, request.using.unwrap_or_default())).transpose()?,
        filter: request.filter.map(filter).transpose()?,
        params: request.params.map(params).transpose()?,
        ..edge::Prefetch::new(limit as usize)
    })
}

fn params(params: proto::SearchParams) -> Result<edge::SearchParams, Status> {
    let corpus = params.idf.and_then(|idf| idf.corpus).map(filter).transpose()?;
    let acorn = params.acorn.and_then(|acorn| acorn.enable);
    Ok(edge::SearchParams {
        hnsw_ef: params.hnsw_ef.map(|breadth| breadth as usize),
        acorn: acorn.map(|enable| edge::AcornSearchParams { enable, max_selectivity: None }),
        idf: corpus.map(|corpus| edge::IdfParams::Corpus(edge::IdfCorpusParams { corpus })),
        ..edge::SearchParams::default()
    })
}

fn scoring(query: query::Variant, using: String) -> Result<edge::ScoringQuery, Status> {
    let query = match query {
        query::Variant::Nearest(input) => match input.variant {
            Some(vector_input::Variant::Dense(vector)) => edge::VectorInternal::Dense(vector.data),
            Some(vector_input::Variant::Sparse(vector)) => edge::VectorInternal::Sparse(sparse(vector)),
            _ => return unsupported("another kind of vector"),
        },
        query::Variant::Rrf(rrf) => {
            let weights = rrf.weights.into_iter().map(OrderedFloat).collect::<Vec<_>>();
            let weights = (!weights.is_empty()).then_some(weights);
            let k = rrf.k.unwrap_or(2) as usize;
            return Ok(edge::ScoringQuery::Fusion(edge::Fusion::Rrf { k, weights }));
        }
        _ => return unsupported("another kind of query"),
    };
    let query = edge::NamedQuery { query, using: Some(using) };
    Ok(edge::ScoringQuery::Vector(edge::QueryEnum::Nearest(query)))
}

pub fn payload_of(payload: Option<edge::Payload>) -> HashMap<String, proto::Value> {
    let of = |value| match value {
        Value::String(text) => Kind::StringValue(text),
        other => Kind::IntegerValue(other.as_i64().unwrap()),
    };
    let payload = payload.into_iter().flat_map(|payload| payload.0);
    payload.map(|(key, value)| (key, proto::Value { kind: Some(of(value)) })).collect()
}

pub fn scored(point: edge::ScoredPoint) -> proto::ScoredPoint {
    proto::ScoredPoint {
        id: Some(id_of(point.id)),
        payload: payload_of(point.payload),
        score: point.score,
        ..Default::default()
    }
}

pub fn vectors_of(vectors: edge::VectorStructInternal) -> proto::VectorsOutput {
    let edge::VectorStructInternal::Named(vectors) = vectors else { return proto::VectorsOutput::default() };
    let vectors = vectors.into_iter().map(|(name, vector)| {
        let vector = match vector {
            edge::VectorInternal::Dense(data) => vector_output::Vector::Dense(proto::DenseVector { data }),
            edge::VectorInternal::Sparse(vector) => {
                let edge::SparseVector { indices, values } = vector;
                vector_output::Vector::Sparse(proto::SparseVector { indices, values })
            }
            edge::VectorInternal::MultiDense(_) => panic!("no point has several vectors under one name"),
        };
        (name, proto::VectorOutput { vector: Some(vector), ..Default::default() })
    });
    let named = proto::NamedVectorsOutput { vectors: vectors.collect() };
    proto::VectorsOutput { vectors_options: Some(vectors_output::VectorsOptions::Vectors(named)) }
}
