//! One Edge shard: opening it, and running the engine's blocking calls away from the async threads.

use std::{fs, io, path::Path, sync::Arc};

use qdrant_edge::{
    CreateIndex, Distance, EdgeConfig, EdgeOptimizersConfig, EdgeShard, EdgeSparseVectorParams, EdgeVectorParams,
    FieldIndexOperations, HnswIndexConfig, KeywordIndexParams, Modifier, OperationError, OperationResult,
    PayloadFieldSchema, PayloadSchemaParams, UpdateOperation,
};
use tokio::{
    sync::Mutex,
    task::{JoinError, spawn_blocking},
};

use crate::{
    config::VectorConfig,
    disk::{self, FileSystem, SpaceProbe},
    vector::{Placement, VectorError, field, index},
};

use super::{points::path, writes::Writes};

/// A directory with this file is a shard; after a crash the engine recreates the rest.
const CONFIG_FILE: &str = "edge_config.json";
/// Where the engine builds segments; what a crash leaves there is of no use.
const BUILDING_SITE: &str = "temp_segments";

/// Where the engine logs writes before it applies them.
const LOG: &str = "wal";
/// What opening takes beside what the log holds: new files of the log, and pages of maps.
const OPENING_BYTES: u64 = 64 << 20;

/// Segments from this many points on are written anew when a fifth of their points is deleted. By default the engine
/// keeps the vectors of segments below 1,000 points for ever.
const VACUUM_FROM: usize = 100;

const OPENING: &str = "opening a placement";

/// An open shard.
pub(super) struct Shard {
    engine: Arc<EdgeShard>,
    writes: Writes<OperationError>,
    optimizing: Arc<Mutex<()>>,
    /// The dimension of its embeddings.
    pub(super) dimension: usize,
}

impl Shard {
    /// Opens the shard in `directory`, or makes it. Blocks.
    pub(super) fn open(directory: &Path, placement: &Placement, settings: &VectorConfig) -> Result<Self, VectorError> {
        check_space(directory)?;
        let engine = if directory.join(CONFIG_FILE).exists() {
            remove_leftovers(&directory.join(BUILDING_SITE)).map_err(|error| failed(OPENING, error))?;
            EdgeShard::load(directory, Some(tunables(placement.dimension, settings)))
        } else {
            EdgeShard::new(directory, shape(placement.dimension, settings))
        };
        let engine = engine.map_err(|error| engine_error(OPENING, error))?;
        let dimension = engine.config().vectors.get(field::EMBEDDING).map_or(0, |params| params.size);
        placement.check_stored(dimension)?;
        index_keys(&engine).map_err(|error| engine_error(OPENING, error))?;
        Ok(Self { engine: Arc::new(engine), writes: Writes::new(), optimizing: Arc::default(), dimension })
    }

    /// Runs a read on the blocking pool.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        action: &'static str,
        read: impl FnOnce(&EdgeShard) -> OperationResult<T> + Send + 'static,
    ) -> Result<T, VectorError> {
        let engine = Arc::clone(&self.engine);
        finished(action, spawn_blocking(move || read(&engine)).await)
    }

    /// Applies one operation, after those that are already waiting.
    pub(super) async fn write(&self, action: &'static str, operation: UpdateOperation) -> Result<(), VectorError> {
        let engine = Arc::clone(&self.engine);
        finished(action, self.writes.write(move || engine.update(operation)).await)
    }

    /// Makes every write that was acknowledged before this call durable.
    pub(super) async fn flush(&self) -> Result<(), VectorError> {
        let engine = Arc::clone(&self.engine);
        let flush = move || {
            fail::fail_point!(&format!("vector-flush {}", engine.path().display()));
            engine.flush()
        };
        finished("flushing", self.writes.flush(flush).await)
    }

    /// Lets the engine rebuild segments where it is worthwhile. Returns whether there were any; also false if another
    /// call is already rebuilding.
    pub(super) async fn optimize(&self) -> Result<bool, VectorError> {
        let Ok(turn) = Arc::clone(&self.optimizing).try_lock_owned() else { return Ok(false) };
        let optimize = move |engine: &EdgeShard| {
            let _turn = turn;
            engine.optimize()
        };
        let rebuilt = self.read("optimising", optimize).await?;
        // The engine removes what it has replaced in the flush after that, also where nothing was left to rebuild.
        self.flush().await?;
        Ok(rebuilt)
    }
}

/// After a crash, opening applies what was logged, through memory maps of sparse files. Where such a page finds no space the
/// process is killed, so a placement on a full disk is away until there is space.
fn check_space(directory: &Path) -> Result<(), VectorError> {
    let parent = directory.parent().unwrap_or(directory);
    let space = FileSystem(parent.to_owned()).space().map_err(|error| failed(OPENING, error))?;
    let needed = OPENING_BYTES + disk::size_of(&directory.join(LOG)).unwrap_or(0);
    if space.holds(needed) {
        return Ok(());
    }
    let (free, needed) = (space.available >> 20, needed >> 20);
    let source = format!("the disk has {free} MiB free, and {needed} MiB are needed: make room on it").into();
    Err(VectorError::Unreachable { action: OPENING, source })
}

/// What can't change once points are stored, and the tunables.
fn shape(dimension: usize, settings: &VectorConfig) -> EdgeConfig {
    let words = EdgeSparseVectorParams { modifier: Some(Modifier::Idf), ..EdgeSparseVectorParams::default() };
    EdgeConfig {
        vectors: [(field::EMBEDDING.into(), EdgeVectorParams::builder(dimension, Distance::Cosine).build())].into(),
        sparse_vectors: [(field::WORDS.into(), words)].into(),
        ..tunables(dimension, settings)
    }
}

/// What follows the settings whenever a shard is opened.
fn tunables(dimension: usize, settings: &VectorConfig) -> EdgeConfig {
    let threshold = index::threshold_kilobytes(settings.indexing_threshold, dimension);
    EdgeConfig {
        hnsw_config: Some(HnswIndexConfig {
            m: index::LINKS,
            payload_m: Some(index::LINKS),
            full_scan_threshold: threshold,
            ..HnswIndexConfig::default()
        }),
        optimizers: Some(EdgeOptimizersConfig {
            indexing_threshold: Some(threshold),
            vacuum_min_vector_number: Some(VACUUM_FROM),
            ..EdgeOptimizersConfig::default()
        }),
        max_search_threads: Some(settings.search_threads.max(1)),
        ..EdgeConfig::default()
    }
}

/// Indexes the keys that searches and deletions filter by, and has points of one generation stored side by side.
fn index_keys(engine: &EdgeShard) -> OperationResult<()> {
    let indexed = engine.info()?.payload_schema;
    for (key, is_tenant) in [(field::GENERATION, true), (field::DOCUMENT, false)] {
        if indexed.contains_key(&path(key)) {
            continue;
        }
        let params = KeywordIndexParams { is_tenant: Some(is_tenant), ..KeywordIndexParams::default() };
        let schema = PayloadFieldSchema::FieldParams(PayloadSchemaParams::Keyword(params));
        let index = CreateIndex { field_name: path(key), field_schema: Some(schema) };
        engine.update(UpdateOperation::FieldIndexOperation(FieldIndexOperations::CreateIndex(index)))?;
    }
    Ok(())
}

fn remove_leftovers(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn finished<T>(action: &'static str, result: Result<OperationResult<T>, JoinError>) -> Result<T, VectorError> {
    // The engine panics when it finds an invalid state.
    result.map_err(|panic| failed(action, panic))?.map_err(|error| engine_error(action, error))
}

fn failed(action: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> VectorError {
    VectorError::Failed { action, source: source.into() }
}

fn engine_error(action: &'static str, error: OperationError) -> VectorError {
    match error {
        OperationError::ServiceError { .. }
        | OperationError::InconsistentStorage { .. }
        | OperationError::FileNotFound { .. }
        | OperationError::OutOfMemory { .. }
        | OperationError::OutOfAppendableCapacity { .. }
        | OperationError::Cancelled { .. } => failed(action, error),
        OperationError::Timeout { .. } => VectorError::TimedOut { action },
        _ => VectorError::Refused { action, source: error.into() },
    }
}
