//! Qdrant's own gRPC services on the engine that runs in this process, so that the client is tested against the real
//! protocol and the real engine. Serves what `QdrantStore` asks for; everything else is `UNIMPLEMENTED`.

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, RwLock},
};

use qdrant_client::qdrant::{
    self as proto, collections_server, points_selector::PointsSelectorOneOf, points_server, qdrant_server,
};
use qdrant_edge as edge;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};

use super::wire;

type Answer<T> = Result<Response<T>, Status>;

/// A running server. It ends when this is dropped.
pub struct Host {
    pub address: SocketAddr,
    pub service: Service,
    server: tokio::task::JoinHandle<()>,
    _directory: tempfile::TempDir,
}

impl Host {
    pub async fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap()).await
    }

    /// The same, at an address.
    pub async fn start_at(address: SocketAddr) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let version = Arc::new(Mutex::new("1.19.0".to_owned()));
        let service = Service { directory: directory.path().into(), version, ..Service::default() };
        let points = points_server::PointsServer::new(service.clone()).max_decoding_message_size(usize::MAX);
        let server = Server::builder()
            .add_service(points)
            .add_service(collections_server::CollectionsServer::new(service.clone()))
            .add_service(qdrant_server::QdrantServer::new(service.clone()))
            .serve_with_incoming(TcpListenerStream::new(listener));
        let server = tokio::spawn(async move { server.await.unwrap() });
        Self { address, service, server, _directory: directory }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[derive(Clone, Default)]
pub struct Service {
    directory: PathBuf,
    shards: Arc<RwLock<HashMap<String, Arc<edge::EdgeShard>>>>,
    /// The size of each upsert, in points and bytes.
    pub upserts: Arc<Mutex<Vec<(usize, usize)>>>,
    /// The version that it says it has.
    pub version: Arc<Mutex<String>>,
}

impl Service {
    fn shard(&self, collection: &str) -> Result<Arc<edge::EdgeShard>, Status> {
        let shard = self.shards.read().unwrap().get(collection).cloned();
        shard.ok_or_else(|| Status::not_found(format!("Collection `{collection}` doesn't exist!")))
    }

    async fn engine<T: Send + 'static>(
        &self,
        collection: &str,
        call: impl FnOnce(&edge::EdgeShard) -> edge::OperationResult<T> + Send + 'static,
    ) -> Result<T, Status> {
        let shard = self.shard(collection)?;
        let result = tokio::task::spawn_blocking(move || call(&shard)).await.unwrap();
        result.map_err(|error| match error {
            edge::OperationError::ServiceError { .. } => Status::internal(error.to_string()),
            _ => Status::invalid_argument(error.to_string()),
        })
    }

    async fn update(
        &self,
        collection: &str,
        operation: edge::UpdateOperation,
    ) -> Answer<proto::PointsOperationResponse> {
        self.engine(collection, |shard| shard.update(operation)).await?;
        let status = proto::UpdateStatus::Completed.into();
        let result = proto::UpdateResult { operation_id: None, status };
        Ok(Response::new(proto::PointsOperationResponse { result: Some(result), ..Default::default() }))
    }
}

/// A service of which some calls are served and the others refused.
macro_rules! service {
    ($service:path { $($served:tt)* } refused { $($name:ident: $request:ident -> $response:ident;)* }) => {
        #[tonic::async_trait]
        impl $service for Service {
            $($served)*
            $(async fn $name(&self, _: Request<proto::$request>) -> Answer<proto::$response> {
                Err(Status::unimplemented(stringify!($name)))
            })*
        }
    };
}

service! {
    qdrant_server::Qdrant {
        async fn health_check(&self, _: Request<proto::HealthCheckRequest>) -> Answer<proto::HealthCheckReply> {
            let version = self.version.lock().unwrap().clone();
            Ok(Response::new(proto::HealthCheckReply { version, ..proto::HealthCheckReply::default() }))
        }
    } refused {}
}

service! {
    collections_server::Collections {
        async fn get(
            &self,
            request: Request<proto::GetCollectionInfoRequest>,
        ) -> Answer<proto::GetCollectionInfoResponse> {
            let shard = self.shard(&request.into_inner().collection_name)?;
            let vectors = shard.config().vectors.iter().map(|(name, params)| {
                let params = proto::VectorParams { size: params.size as u64, ..Default::default() };
                (name.clone(), params)
            }).collect();
            let map = proto::vectors_config::Config::ParamsMap(proto::VectorParamsMap { map: vectors });
            let params = proto::CollectionParams {
                vectors_config: Some(proto::VectorsConfig { config: Some(map) }),
                ..Default::default()
            };
            let config = proto::CollectionConfig { params: Some(params), ..Default::default() };
            let info = proto::CollectionInfo { config: Some(config), ..Default::default() };
            Ok(Response::new(proto::GetCollectionInfoResponse { result: Some(info), time: 0.0 }))
        }

        async fn create(
            &self,
            request: Request<proto::CreateCollection>,
        ) -> Answer<proto::CollectionOperationResponse> {
            let request = request.into_inner();
            let directory = self.directory.join(&request.collection_name);
            let mut shards = self.shards.write().unwrap();
            if shards.contains_key(&request.collection_name) {
                return Err(Status::already_exists(format!("Collection `{}` already exists!", request.collection_name)));
            }
            let shard = edge::EdgeShard::new(&directory, wire::shape(&request)?);
            let shard = shard.map_err(|error| Status::internal(error.to_string()))?;
            shards.insert(request.collection_name, Arc::new(shard));
            Ok(Response::new(proto::CollectionOperationResponse { result: true, time: 0.0 }))
        }

        async fn delete(
            &self,
            request: Request<proto::DeleteCollection>,
        ) -> Answer<proto::CollectionOperationResponse> {
            let result = self.shards.write().unwrap().remove(&request.into_inner().collection_name).is_some();
            Ok(Response::new(proto::CollectionOperationResponse { result, time: 0.0 }))
        }

        async fn collection_exists(
            &self,
            request: Request<proto::CollectionExistsRequest>,
        ) -> Answer<proto::CollectionExistsResponse> {
            let exists = self.shards.read().unwrap().contains_key(&request.into_inner().collection_name);
            let result = Some(proto::CollectionExists { exists });
            Ok(Response::new(proto::CollectionExistsResponse { result, time: 0.0 }))
        }
    } refused {
        list: ListCollectionsRequest -> ListCollectionsResponse;
        update: UpdateCollection -> CollectionOperationResponse;
        update_aliases: ChangeAliases -> CollectionOperationResponse;
        list_collection_aliases: ListCollectionAliasesRequest -> ListAliasesResponse;
        list_aliases: ListAliasesRequest -> ListAliasesResponse;
        collection_cluster_info: CollectionClusterInfoRequest -> CollectionClusterInfoResponse;
        update_collection_cluster_setup: UpdateCollectionClusterSetupRequest -> UpdateCollectionClusterSetupResponse;
        create_shard_key: CreateShardKeyRequest -> CreateShardKeyResponse;
        delete_shard_key: DeleteShardKeyRequest -> DeleteShardKeyResponse;
        list_shard_keys: ListShardKeysRequest -> ListShardKeysResponse;
    }
}

service! {
    points_server::Points {
        async fn upsert(&self, request: Request<proto::UpsertPoints>) -> Answer<proto::PointsOperationResponse> {
            let request = request.into_inner();
            assert_eq!(request.wait, Some(true), "an upsert must be applied before it is acknowledged");
            let points = request.points.into_iter().map(wire::point).collect::<Result<Vec<_>, _>>()?;
            self.upserts.lock().unwrap().push((points.len(), points.iter().map(wire::bytes).sum()));
            let upsert = edge::PointOperations::UpsertPoints(edge::PointInsertOperations::PointsList(points));
            self.update(&request.collection_name, edge::UpdateOperation::PointOperation(upsert)).await
        }

        async fn delete(&self, request: Request<proto::DeletePoints>) -> Answer<proto::PointsOperationResponse> {
            let request = request.into_inner();
            assert_eq!(request.wait, Some(true), "a deletion must be applied before it is acknowledged");
            let selector = request.points.and_then(|points| points.points_selector_one_of);
            let Some(PointsSelectorOneOf::Filter(selected)) = selector else {
                return Err(Status::unimplemented("deletion by ids"));
            };
            let delete = edge::PointOperations::DeletePointsByFilter(wire::filter(selected)?);
            self.update(&request.collection_name, edge::UpdateOperation::PointOperation(delete)).await
        }

        async fn create_field_index(
            &self,
            request: Request<proto::CreateFieldIndexCollection>,
        ) -> Answer<proto::PointsOperationResponse> {
            let request = request.into_inner();
            let schema = match request.field_type() {
                proto::FieldType::Keyword => edge::PayloadSchemaType::Keyword,
                proto::FieldType::Integer => edge::PayloadSchemaType::Integer,
                other => return Err(Status::unimplemented(other.as_str_name())),
            };
            let index = edge::CreateIndex {
                field_name: request.field_name.parse().unwrap(),
                field_schema: Some(edge::PayloadFieldSchema::FieldType(schema)),
            };
            let create = edge::FieldIndexOperations::CreateIndex(index);
            self.update(&request.collection_name, edge::UpdateOperation::FieldIndexOperation(create)).await
        }

        async fn scroll(&self, request: Request<proto::ScrollPoints>) -> Answer<proto::ScrollResponse> {
            let request = request.into_inner();
            if request.limit == Some(0) {
                return Err(Status::invalid_argument("limit: value 0 invalid, must be 1 or larger"));
            }
            let with_vectors = request.with_vectors.is_some();
            let with_payload = matches!(request.with_payload.as_ref().and_then(|asked| asked.selector_options.as_ref()), Some(proto::with_payload_selector::SelectorOptions::Enable(true)));
            let scroll = edge::ScrollRequest {
                offset: request.offset.map(wire::id).transpose()?,
                limit: request.limit.map(|limit| limit as usize),
                filter: request.filter.map(wire::filter).transpose()?,
                with_vector: edge::WithVector::Bool(with_vectors),
                with_payload: Some(edge::WithPayloadInterface::Bool(with_payload)),
                ..edge::ScrollRequest::new()
            };
            let (found, next) = self.engine(&request.collection_name, |shard| shard.scroll(scroll)).await?;
            let result = found.into_iter().map(|record| proto::RetrievedPoint {
                id: Some(wire::id_of(record.id)),
                vectors: record.vector.map(wire::vectors_of),
                payload: wire::payload_of(record.payload),
                ..Default::default()
            }).collect();
            let next_page_offset = next.map(wire::id_of);
            Ok(Response::new(proto::ScrollResponse { result, next_page_offset, ..Default::default() }))
        }

        async fn count(&self, request: Request<proto::CountPoints>) -> Answer<proto::CountResponse> {
            let request = request.into_inner();
            let exact = request.exact.unwrap_or(true);
            let count = edge::CountRequest { filter: request.filter.map(wire::filter).transpose()?, exact };
            let count = self.engine(&request.collection_name, |shard| shard.count(count)).await? as u64;
            Ok(Response::new(proto::CountResponse { result: Some(proto::CountResult { count }), ..Default::default() }))
        }

        async fn query_batch(&self, request: Request<proto::QueryBatchPoints>) -> Answer<proto::QueryBatchResponse> {
            let request = request.into_inner();
            let queries = request.query_points.into_iter().map(wire::query_points).collect::<Result<_, _>>()?;
            let batch = edge::QueryBatchRequest::new(queries);
            let lists = self.engine(&request.collection_name, |shard| shard.query_batch(batch)).await?;
            let scored = |points: Vec<_>| points.into_iter().map(wire::scored).collect();
            let result = lists.into_iter().map(|points| proto::BatchResult { result: scored(points) }).collect();
            Ok(Response::new(proto::QueryBatchResponse { result, ..Default::default() }))
        }
    } refused {
        get: GetPoints -> GetResponse;
        update_vectors: UpdatePointVectors -> PointsOperationResponse;
        delete_vectors: DeletePointVectors -> PointsOperationResponse;
        set_payload: SetPayloadPoints -> PointsOperationResponse;
        overwrite_payload: SetPayloadPoints -> PointsOperationResponse;
        delete_payload: DeletePayloadPoints -> PointsOperationResponse;
        clear_payload: ClearPayloadPoints -> PointsOperationResponse;
        delete_field_index: DeleteFieldIndexCollection -> PointsOperationResponse;
        create_vector_name: CreateVectorNameRequest -> PointsOperationResponse;
        delete_vector_name: DeleteVectorNameRequest -> PointsOperationResponse;
        search: SearchPoints -> SearchResponse;
        search_batch: SearchBatchPoints -> SearchBatchResponse;
        search_groups: SearchPointGroups -> SearchGroupsResponse;
        recommend: RecommendPoints -> RecommendResponse;
        recommend_batch: RecommendBatchPoints -> RecommendBatchResponse;
        recommend_groups: RecommendPointGroups -> RecommendGroupsResponse;
        discover: DiscoverPoints -> DiscoverResponse;
        discover_batch: DiscoverBatchPoints -> DiscoverBatchResponse;
        update_batch: UpdateBatchPoints -> UpdateBatchResponse;
        query: QueryPoints -> QueryResponse;
        query_groups: QueryPointGroups -> QueryGroupsResponse;
        facet: FacetCounts -> FacetResponse;
        search_matrix_pairs: SearchMatrixPoints -> SearchMatrixPairsResponse;
        search_matrix_offsets: SearchMatrixPoints -> SearchMatrixOffsetsResponse;
    }
}
