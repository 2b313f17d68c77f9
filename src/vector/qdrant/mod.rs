//! A Qdrant server over gRPC (1.19 or newer, for word statistics over part of a collection): one collection for each
//! placement.
//!
//! Durability: a write is acknowledged when it is in the server's log and applied, so it survives a crash of the server
//! process. The server syncs its log to the disk every few seconds; no call can request it. So [`flush`] does nothing,
//! and a power cut at the server can lose the last seconds unless the collection is replicated. A comparison with the
//! database finds the lost points and writes them again.
//!
//! The server builds its indexes automatically, so `optimize` does nothing either.
//!
//! [`flush`]: VectorStore::flush

mod points;

use std::{collections::HashMap, future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;
use qdrant_client::{
    Qdrant, QdrantError,
    qdrant::{
        CountPoints, CreateCollection, CreateFieldIndexCollection, DeletePoints, Distance, FieldType, HnswConfigDiff,
        IntegerIndexParams, KeywordIndexParams, Modifier, OptimizersConfigDiff, PayloadIndexParams, PointId,
        PointStruct, PointsSelector, ScrollPoints, SparseVectorConfig, SparseVectorParams, UpsertPoints, VectorParams,
        VectorParamsMap, VectorsConfig, VectorsSelector, WithVectorsSelector, WriteOrdering, WriteOrderingType,
        payload_index_params::IndexParams, points_selector::PointsSelectorOneOf, vectors_config,
        with_payload_selector::SelectorOptions as PayloadOptions, with_vectors_selector::SelectorOptions,
    },
};
use tonic::Code;

use crate::{
    config::{SearchConfig, VectorConfig},
    domain::id::{ChunkId, GenerationId},
};

use super::{
    Placement, Point, PointKey, PointSelector, VectorAnswer, VectorError, VectorQuery, VectorStore, field, index,
    lexical::Lexicon,
    search::{self, Engine, Question, Rankings},
};

/// The most bytes in one write, well below what the server and proxies before it take.
const BYTES_PER_WRITE: usize = 8 * 1024 * 1024;

/// The oldest server that ranks by the words of a part of a collection. An older one takes the same calls, leaves that out
/// without a word, and ranks by what is in the collections of others.
const OLDEST: (u32, u32) = (1, 19);
const OLDEST_NAME: &str = "1.19";

const OPENING: &str = "opening a placement";

/// Collections of a Qdrant server.
pub struct QdrantStore {
    client: Qdrant,
    timeout: Duration,
    indexing_threshold: usize,
    lexicon: Arc<Lexicon>,
}

impl QdrantStore {
    /// Makes a client. It connects when it is first used.
    ///
    /// # Errors
    /// `Refused` if there is no URL, the URL is none, or BM25's settings are out of range.
    pub fn connect(settings: &VectorConfig, search: &SearchConfig) -> Result<Self, VectorError> {
        let action = "setting up the Qdrant client";
        let url = settings.url.as_deref();
        let url = url.ok_or_else(|| VectorError::Refused { action, source: "no URL is set".into() })?;
        let timeout = Duration::from_secs(settings.timeout_seconds);
        // The compatibility check would print to standard output.
        let client = Qdrant::from_url(url)
            .api_key(settings.api_key.as_deref().map(str::to_owned))
            .timeout(timeout)
            .connect_timeout(timeout)
            .skip_compatibility_check()
            .build()
            .map_err(|error| client_error(action, error))?;
        Ok(Self {
            client,
            timeout,
            indexing_threshold: settings.indexing_threshold,
            lexicon: Arc::new(Lexicon::new(search)?),
        })
    }

    /// Waits for a response, at most as long as the settings allow: the client alone may connect and try twice.
    async fn call<T>(
        &self,
        action: &'static str,
        answer: impl Future<Output = Result<T, QdrantError>>,
    ) -> Result<T, VectorError> {
        let answer = tokio::time::timeout(self.timeout, answer).await;
        answer.map_err(|_| VectorError::TimedOut { action })?.map_err(|error| client_error(action, error))
    }

    /// Refuses a server that is too old.
    async fn check_version(&self, action: &'static str) -> Result<(), VectorError> {
        let found = self.call(action, self.client.health_check()).await?.version;
        let is_new_enough = version(&found).is_some_and(|version| version >= OLDEST);
        if is_new_enough { Ok(()) } else { Err(VectorError::TooOld { found, needed: OLDEST_NAME }) }
    }

    /// The dimension of an existing collection's embeddings.
    async fn dimension(&self, placement: &Placement) -> Result<Option<usize>, VectorError> {
        if !self.call(OPENING, self.client.collection_exists(&placement.name)).await? {
            return Ok(None);
        }
        let info = self.call(OPENING, self.client.collection_info(&placement.name)).await?;
        let params = info.result.and_then(|info| info.config?.params?.vectors_config?.config);
        let Some(vectors_config::Config::ParamsMap(vectors)) = params else { return Ok(Some(0)) };
        let dimension = vectors.map.get(field::EMBEDDING).map_or(0, |params| params.size);
        Ok(Some(usize::try_from(dimension).unwrap_or(usize::MAX)))
    }

    /// Makes a collection and returns its dimension.
    async fn create(&self, placement: &Placement) -> Result<usize, VectorError> {
        let create = self.client.create_collection(collection(placement, self.indexing_threshold));
        let created = self.call(OPENING, Box::pin(create)).await;
        // If another process was faster, this one failed, but the collection is there.
        match self.dimension(placement).await? {
            Some(found) => Ok(found),
            None => created.map(|_| placement.dimension),
        }
    }

    /// Indexes the keys that searches and deletions filter by; making an index again changes nothing. Servers may
    /// refuse to filter by a key without one.
    async fn index_keys(&self, placement: &Placement) -> Result<(), VectorError> {
        let keyword = |is_tenant| {
            IndexParams::KeywordIndexParams(KeywordIndexParams {
                is_tenant: Some(is_tenant),
                ..KeywordIndexParams::default()
            })
        };
        let integer = IntegerIndexParams { lookup: Some(true), range: Some(true), ..IntegerIndexParams::default() };
        let indexes = [
            (field::GENERATION, FieldType::Keyword, keyword(true)),
            (field::DOCUMENT, FieldType::Keyword, keyword(false)),
            (field::REVISION, FieldType::Integer, IndexParams::IntegerIndexParams(integer)),
        ];
        for (key, field_type, params) in indexes {
            let index = CreateFieldIndexCollection {
                collection_name: placement.name.clone(),
                wait: Some(true),
                field_name: key.into(),
                field_type: Some(field_type.into()),
                field_index_params: Some(PayloadIndexParams { index_params: Some(params) }),
                ..CreateFieldIndexCollection::default()
            };
            self.call(OPENING, self.client.create_field_index(index)).await?;
        }
        Ok(())
    }

    async fn write(&self, placement: &Placement, points: Vec<Point>) -> Result<(), VectorError> {
        let action = "writing points";
        let lexicon = Arc::clone(&self.lexicon);
        // Finding the words takes long enough to hold up other requests.
        let stored = move || points.into_iter().map(|point| points::stored(point, &lexicon)).collect();
        let points: Vec<PointStruct> = tokio::task::spawn_blocking(stored)
            .await
            .map_err(|panic| VectorError::Failed { action, source: panic.into() })?;
        let upsert = UpsertPoints {
            collection_name: placement.name.clone(),
            wait: Some(true),
            points,
            ordering: Some(ordering()),
            ..UpsertPoints::default()
        };
        self.call(action, self.client.upsert_points(upsert)).await.map(drop)
    }
}

/// The first two numbers of a version.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim_start_matches('v').split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn collection(placement: &Placement, indexing_threshold: usize) -> CreateCollection {
    let threshold = index::threshold_kilobytes(indexing_threshold, placement.dimension) as u64;
    let embedding =
        VectorParams { size: placement.dimension as u64, distance: Distance::Cosine.into(), ..VectorParams::default() };
    let words = SparseVectorParams { modifier: Some(Modifier::Idf.into()), ..SparseVectorParams::default() };
    let vectors = VectorParamsMap { map: [(field::EMBEDDING.into(), embedding)].into() };
    CreateCollection {
        collection_name: placement.name.clone(),
        vectors_config: Some(VectorsConfig { config: Some(vectors_config::Config::ParamsMap(vectors)) }),
        sparse_vectors_config: Some(SparseVectorConfig { map: [(field::WORDS.into(), words)].into() }),
        hnsw_config: Some(HnswConfigDiff {
            m: Some(index::LINKS as u64),
            payload_m: Some(index::LINKS as u64),
            full_scan_threshold: Some(threshold),
            ..HnswConfigDiff::default()
        }),
        optimizers_config: Some(OptimizersConfigDiff {
            indexing_threshold: Some(threshold),
            ..OptimizersConfigDiff::default()
        }),
        ..CreateCollection::default()
    }
}

/// Writes of different clients arrive in the same order everywhere.
fn ordering() -> WriteOrdering {
    WriteOrdering { r#type: WriteOrderingType::Medium.into() }
}

#[async_trait]
impl Engine for QdrantStore {
    async fn rank(&self, placement: &Placement, question: &Question<'_>) -> Result<Rankings, VectorError> {
        let requests = points::requests(&placement.name, question);
        let answer = self.call("searching", self.client.query_batch(requests)).await?;
        Ok(points::rankings(question, answer.result))
    }
}

#[async_trait]
impl VectorStore for QdrantStore {
    async fn ensure(&self, placement: &Placement) -> Result<(), VectorError> {
        self.check_version(OPENING).await?;
        let found = match self.dimension(placement).await? {
            Some(found) => found,
            None => self.create(placement).await?,
        };
        placement.check_stored(found)?;
        self.index_keys(placement).await
    }

    async fn upsert(&self, placement: &Placement, points: Vec<Point>) -> Result<(), VectorError> {
        for point in &points {
            placement.check_embedding(point.embedding.len())?;
        }
        let mut batch = Vec::new();
        let mut bytes = 0;
        for point in points {
            let size = points::most_bytes(&point);
            if batch.len() == field::POINTS_PER_WRITE || (bytes + size > BYTES_PER_WRITE && !batch.is_empty()) {
                self.write(placement, std::mem::take(&mut batch)).await?;
                bytes = 0;
            }
            bytes += size;
            batch.push(point);
        }
        if batch.is_empty() { Ok(()) } else { self.write(placement, batch).await }
    }

    async fn delete(&self, placement: &Placement, selector: &PointSelector) -> Result<(), VectorError> {
        let filter = PointsSelectorOneOf::Filter(points::selected(selector));
        let delete = DeletePoints {
            collection_name: placement.name.clone(),
            wait: Some(true),
            points: Some(PointsSelector { points_selector_one_of: Some(filter) }),
            ordering: Some(ordering()),
            ..DeletePoints::default()
        };
        self.call("deleting points", self.client.delete_points(delete)).await.map(drop)
    }

    async fn flush(&self, _placement: &Placement) -> Result<(), VectorError> {
        Ok(())
    }

    async fn search(&self, placement: &Placement, query: &VectorQuery) -> Result<VectorAnswer, VectorError> {
        search::search(self, &self.lexicon, placement, query).await
    }

    async fn embeddings(
        &self,
        placement: &Placement,
        generation: GenerationId,
        ids: &[ChunkId],
    ) -> Result<HashMap<ChunkId, Vec<f32>>, VectorError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let names = VectorsSelector { names: vec![field::EMBEDDING.into()] };
        let request = ScrollPoints {
            collection_name: placement.name.clone(),
            filter: Some(points::among(generation, ids)),
            limit: Some(u32::try_from(ids.len()).unwrap_or(u32::MAX)),
            with_payload: Some(PayloadOptions::Enable(false).into()),
            with_vectors: Some(WithVectorsSelector { selector_options: Some(SelectorOptions::Include(names)) }),
            ..ScrollPoints::default()
        };
        let found = self.call("reading embeddings", self.client.scroll(request)).await?;
        Ok(found.result.into_iter().filter_map(points::embedding).collect())
    }

    async fn count(&self, placement: &Placement, generation: GenerationId) -> Result<usize, VectorError> {
        let request = CountPoints {
            collection_name: placement.name.clone(),
            filter: Some(points::within(&[generation])),
            exact: Some(true),
            ..CountPoints::default()
        };
        let counted = self.call("counting points", self.client.count(request)).await?;
        Ok(counted.result.map_or(0, |result| usize::try_from(result.count).unwrap_or(usize::MAX)))
    }

    async fn scroll(
        &self,
        placement: &Placement,
        generation: GenerationId,
        after: Option<ChunkId>,
        limit: usize,
    ) -> Result<Vec<PointKey>, VectorError> {
        let request = ScrollPoints {
            collection_name: placement.name.clone(),
            filter: Some(points::within(&[generation])),
            // The server starts at the offset, not after it.
            offset: after.map(|id| PointId::from(id.0.to_string())),
            limit: Some(u32::try_from(limit).unwrap_or(u32::MAX).saturating_add(1)),
            with_payload: Some(PayloadOptions::Enable(true).into()),
            ..ScrollPoints::default()
        };
        let found = self.call("listing points", self.client.scroll(request)).await?;
        let found = found.result.into_iter().filter_map(points::key);
        Ok(found.filter(|point| after.is_none_or(|after| point.id > after)).take(limit).collect())
    }

    async fn optimize(&self, _placement: &Placement) -> Result<bool, VectorError> {
        Ok(false)
    }

    async fn check(&self) -> Result<(), VectorError> {
        self.check_version("asking for its health").await
    }

    async fn close(&self) -> Result<(), VectorError> {
        Ok(())
    }
}

fn client_error(action: &'static str, error: QdrantError) -> VectorError {
    let (code, message) = match &error {
        QdrantError::ResponseError { status } | QdrantError::ResourceExhaustedError { status, .. } => {
            (status.code(), status.message())
        }
        QdrantError::Io(_) => (Code::Unavailable, ""),
        _ => (Code::InvalidArgument, ""),
    };
    // The client's own message when it can't connect; it has the code of an internal fault of the server.
    let unconnected = message.starts_with("Failed to connect");
    let source = error.into();
    match code {
        Code::Internal if unconnected => VectorError::Unreachable { action, source },
        Code::Unavailable => VectorError::Unreachable { action, source },
        // The client reports a timeout as a cancellation.
        Code::DeadlineExceeded | Code::Cancelled => VectorError::TimedOut { action },
        Code::Internal | Code::Unknown | Code::Aborted | Code::DataLoss | Code::ResourceExhausted => {
            VectorError::Failed { action, source }
        }
        Code::Ok
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::InvalidArgument
        | Code::NotFound
        | Code::OutOfRange
        | Code::PermissionDenied
        | Code::Unauthenticated
        | Code::Unimplemented => VectorError::Refused { action, source },
    }
}
