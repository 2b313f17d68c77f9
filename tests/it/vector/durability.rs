//! What the embedded store keeps when its process ends at any moment, and what goes on beside what.
//!
//! A copy of the directory, taken while the store is open, is what a process that dies at that moment leaves behind.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use docent::{
    config::{SearchConfig, VectorConfig},
    disk,
    domain::id::{ChunkId, GenerationId},
    vector::{Placement, Point, PointSelector, VectorError, VectorQuery, VectorStore, edge::EdgeStore},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tempfile::TempDir;

use super::{chunk, document, lexical, point, semantic};
use crate::support::folder;

fn placement() -> Placement {
    Placement { name: "wide".into(), dimension: WIDTH }
}

/// Wide enough that building an index takes a while.
const WIDTH: usize = 32;

async fn open(directory: &Path, settings: &VectorConfig) -> EdgeStore {
    let store = EdgeStore::open(directory, settings, &SearchConfig::default()).unwrap();
    store.ensure(&placement()).await.unwrap();
    store
}

/// An embedding of length 1 far from that of any other number.
fn embedding(number: u32) -> Vec<f32> {
    let mut random = StdRng::seed_from_u64(number.into());
    let vector: Vec<f32> = (0..WIDTH).map(|_| random.random_range(-1.0..1.0)).collect();
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    vector.into_iter().map(|number| number / length).collect()
}

fn wide_point(generation: GenerationId, number: u32) -> Point {
    Point { embedding: embedding(number), ..point(generation, number.into(), 0.0, &format!("harbour word{number}")) }
}

fn nearest(generation: GenerationId, number: u32) -> VectorQuery {
    VectorQuery { embedding: Some(embedding(number)), limit: 1, ..semantic(generation, 0.0) }
}

async fn write(store: &EdgeStore, generation: GenerationId, numbers: std::ops::Range<u32>) {
    let points = numbers.map(|number| wide_point(generation, number)).collect();
    store.upsert(&placement(), points).await.unwrap();
}

/// What is left of a store whose process dies now.
fn left_by(directory: &TempDir) -> TempDir {
    let left = tempfile::tempdir().unwrap();
    folder::copy(directory.path(), left.path());
    left
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_survives_an_abrupt_end() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), &VectorConfig::default()).await;
    let (tenant, dropped) = (GenerationId::generate(), GenerationId::generate());
    write(&store, tenant, 0..40).await;
    write(&store, dropped, 0..10).await;
    store.flush(&placement()).await.unwrap();
    // After the flush, so only in the log.
    write(&store, tenant, 40..50).await;
    store.delete(&placement(), &PointSelector::Generation(dropped)).await.unwrap();

    let left = left_by(&directory);
    let reopened = open(left.path(), &VectorConfig::default()).await;
    assert_eq!(reopened.count(&placement(), tenant).await.unwrap(), 50);
    assert_eq!(reopened.count(&placement(), dropped).await.unwrap(), 0);
    let hits = reopened.search(&placement(), &nearest(tenant, 45)).await.unwrap().hits;
    assert_eq!(hits[0].id, chunk(tenant, 45));
    let words = VectorQuery { limit: 60, candidates: 60, ..lexical(tenant, "harbour") };
    assert_eq!(reopened.search(&placement(), &words).await.unwrap().hits.len(), 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flush_leaves_little_to_do_for_the_next_opening() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), &VectorConfig::default()).await;
    let tenant = GenerationId::generate();
    write(&store, tenant, 0..40).await;
    store.flush(&placement()).await.unwrap();

    // Without its log, the shard is what the flush has put into its segments.
    let left = left_by(&directory);
    fs::remove_dir_all(left.path().join("wide").join(qdrant_edge::WAL_PATH)).unwrap();
    let reopened = open(left.path(), &VectorConfig::default()).await;
    assert_eq!(reopened.count(&placement(), tenant).await.unwrap(), 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_store_can_be_opened_again_and_answers_nothing_meanwhile() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), &VectorConfig::default()).await;
    let tenant = GenerationId::generate();
    write(&store, tenant, 0..40).await;
    store.close().await.unwrap();
    assert!(matches!(store.count(&placement(), tenant).await, Err(VectorError::Unreachable { .. })));

    let reopened = open(directory.path(), &VectorConfig::default()).await;
    assert_eq!(reopened.count(&placement(), tenant).await.unwrap(), 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_space_of_deleted_points_is_free_after_optimising() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), &VectorConfig::default()).await;
    let segments = || disk::size_of(&directory.path().join("wide/segments")).unwrap();
    let empty = segments();
    let tenant = GenerationId::generate();
    write(&store, tenant, 0..2_000).await;
    store.flush(&placement()).await.unwrap();
    let full = segments();
    store.delete(&placement(), &PointSelector::Generation(tenant)).await.unwrap();
    store.flush(&placement()).await.unwrap();
    store.optimize(&placement()).await.unwrap();

    let left = segments();
    assert!(left - empty < (full - empty) / 4, "{empty} bytes when empty, {full} when full, {left} are left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_is_in_use_is_not_opened_twice() {
    let directory = tempfile::tempdir().unwrap();
    let _store = open(directory.path(), &VectorConfig::default()).await;
    let second = EdgeStore::open(directory.path(), &VectorConfig::default(), &SearchConfig::default()).unwrap();
    assert!(matches!(second.ensure(&placement()).await, Err(VectorError::Failed { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_placement_stays_in_the_directory_of_its_store() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), &VectorConfig::default()).await;
    for name in ["", "..", "../elsewhere", "/tmp/elsewhere", "A", "a b"] {
        let outside = Placement { name: name.into(), dimension: WIDTH };
        let error = store.ensure(&outside).await.unwrap_err();
        assert!(matches!(error, VectorError::Refused { .. }), "{name:?}: {error:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_small_writes_at_once_are_durable_and_share_their_flushes() {
    let faults = fail::FailScenario::setup();
    let flushes = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&flushes);
    let directory = tempfile::tempdir().unwrap();
    let fault = format!("vector-flush {}", directory.path().join(placement().name).display());
    fail::cfg_callback(fault, move || {
        counter.fetch_add(1, Ordering::SeqCst);
    })
    .unwrap();
    let store = Arc::new(open(directory.path(), &VectorConfig::default()).await);
    let tenant = GenerationId::generate();
    let writers: Vec<_> = (0..40)
        .map(|writer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for number in (writer * 50)..(writer * 50 + 50) {
                    write(&store, tenant, number..number + 1).await;
                    store.flush(&placement()).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let left = left_by(&directory);
    faults.teardown();

    assert_eq!(open(left.path(), &VectorConfig::default()).await.count(&placement(), tenant).await.unwrap(), 2_000);
    let flushes = flushes.load(Ordering::SeqCst);
    assert!(flushes <= 500, "{flushes} flushes for 2,000 calls");
}

/// Settings with which the points of [`a_big_shard`] are worth an index.
fn eager() -> VectorConfig {
    VectorConfig { indexing_threshold: 500, ..VectorConfig::default() }
}

const MANY: u32 = 1_500;

async fn a_big_shard(directory: &TempDir) -> (Arc<EdgeStore>, GenerationId) {
    let store = open(directory.path(), &eager()).await;
    let tenant = GenerationId::generate();
    write(&store, tenant, 0..MANY).await;
    store.flush(&placement()).await.unwrap();
    (Arc::new(store), tenant)
}

/// Starts to optimise, and returns when the engine is building.
async fn start_optimising(store: &Arc<EdgeStore>, directory: &TempDir) -> tokio::task::JoinHandle<bool> {
    let optimising = Arc::clone(store);
    let optimising = tokio::spawn(async move { optimising.optimize(&placement()).await.unwrap() });
    let site = directory.path().join("wide").join("temp_segments");
    while !site.exists() && !optimising.is_finished() {
        tokio::task::yield_now().await;
    }
    optimising
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn searches_and_writes_go_on_while_the_store_optimises() {
    let directory = tempfile::tempdir().unwrap();
    let (store, tenant) = a_big_shard(&directory).await;
    let optimising = start_optimising(&store, &directory).await;
    assert!(!store.optimize(&placement()).await.unwrap(), "one rebuild at a time");

    let mut meanwhile = 0;
    let mut written = MANY;
    while !optimising.is_finished() {
        for number in [0, MANY / 2, written - 1] {
            let hits = store.search(&placement(), &nearest(tenant, number)).await.unwrap().hits;
            assert_eq!(hits[0].id, chunk(tenant, number.into()));
        }
        write(&store, tenant, written..written + 1).await;
        store.flush(&placement()).await.unwrap();
        written += 1;
        meanwhile += usize::from(!optimising.is_finished());
    }
    assert!(optimising.await.unwrap(), "there was an index to build");
    assert!(meanwhile > 0, "nothing was done while it was built");

    assert_eq!(store.count(&placement(), tenant).await.unwrap(), written as usize);
    for number in [0, MANY / 2, written - 1] {
        let hits = store.search(&placement(), &nearest(tenant, number)).await.unwrap().hits;
        assert_eq!(hits[0].id, chunk(tenant, number.into()));
    }
    assert!(!store.optimize(&placement()).await.unwrap(), "nothing is left to do");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abrupt_end_while_the_store_optimises_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (store, tenant) = a_big_shard(&directory).await;
    let optimising = start_optimising(&store, &directory).await;
    write(&store, tenant, MANY..MANY + 20).await;
    let replaced = Point { embedding: embedding(9_999), ..wide_point(tenant, 7) };
    store.upsert(&placement(), vec![replaced]).await.unwrap();
    let deleted = PointSelector::Document { generation: tenant, document: document(8) };
    store.delete(&placement(), &deleted).await.unwrap();
    store.flush(&placement()).await.unwrap();
    let left = left_by(&directory);
    assert!(!optimising.is_finished(), "the index was built before the store was copied");

    let reopened = open(left.path(), &eager()).await;
    assert!(!left.path().join("wide").join("temp_segments").exists(), "an unfinished segment was kept");
    assert_eq!(reopened.count(&placement(), tenant).await.unwrap(), MANY as usize + 19);
    let mut listed: Vec<ChunkId> = Vec::new();
    loop {
        let page = reopened.scroll(&placement(), tenant, listed.last().copied(), 1_000).await.unwrap();
        if page.is_empty() {
            break;
        }
        listed.extend(page.into_iter().map(|point| point.id));
    }
    assert_eq!(listed.len(), MANY as usize + 19, "each once");
    let hits = reopened.search(&placement(), &nearest(tenant, 9_999)).await.unwrap().hits;
    assert_eq!(hits[0].id, chunk(tenant, 7));
    optimising.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted_points_are_cleared_away() {
    let directory = tempfile::tempdir().unwrap();
    let settings = VectorConfig { indexing_threshold: 1_000_000, ..VectorConfig::default() };
    let store = open(directory.path(), &settings).await;
    let (old, new) = (GenerationId::generate(), GenerationId::generate());
    write(&store, old, 0..1_000).await;
    write(&store, new, 0..1_000).await;
    store.delete(&placement(), &PointSelector::Generation(old)).await.unwrap();
    assert!(store.optimize(&placement()).await.unwrap());
    assert!(!store.optimize(&placement()).await.unwrap());
    assert_eq!(store.count(&placement(), new).await.unwrap(), 1_000);
    let hits = store.search(&placement(), &nearest(new, 500)).await.unwrap().hits;
    assert_eq!(hits[0].id, chunk(new, 500));
}
