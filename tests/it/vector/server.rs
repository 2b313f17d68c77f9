//! What only a server can do: be away, be slow, and take no more than so much at once.

use std::time::{Duration, Instant};

use docent::{
    config::{Config, SearchConfig, VectorConfig},
    domain::id::{ChunkId, DocumentId, GenerationId},
    vector::{Placement, Point, VectorError, VectorQuery, VectorStore, qdrant::QdrantStore},
};
use serde_json::json;
use tokio::net::TcpListener;

use super::{DIMENSION, host::Host, semantic};
use crate::support::app::{PATIENCE, TestApp, texts};

fn connect(url: &str, timeout_seconds: u64) -> Result<QdrantStore, VectorError> {
    let settings = VectorConfig { url: Some(url.into()), timeout_seconds, ..VectorConfig::default() };
    QdrantStore::connect(&settings, &SearchConfig::default())
}

fn placement(dimension: usize) -> Placement {
    Placement { name: "chunks".into(), dimension }
}

#[tokio::test]
async fn an_upsert_is_split_by_points_and_by_bytes() {
    const MIB: usize = 1024 * 1024;
    let host = Host::start().await;
    let store = connect(&host.url(), 30).unwrap();
    let (small, large) = (placement(DIMENSION), Placement { name: "large".into(), dimension: 4_096 });
    let tenant = GenerationId::generate();
    let points = |dimension: usize, count: u32| -> Vec<Point> {
        let document = DocumentId::generate();
        let embedding = || (0..dimension).map(|place| if place == 0 { 1.0 } else { 0.0 }).collect();
        let id = |index| ChunkId::derive(tenant, document, 1, index);
        let point = |index| Point {
            id: id(index),
            generation: tenant,
            document,
            revision: 1,
            embedding: embedding(),
            text: "grain".into(),
        };
        (0..count).map(point).collect()
    };
    for (placement, count) in [(&small, 2_100), (&large, 900)] {
        store.ensure(placement).await.unwrap();
        store.upsert(placement, points(placement.dimension, count)).await.unwrap();
        assert_eq!(store.count(placement, tenant).await.unwrap(), count as usize);
    }
    let upserts = host.service.upserts.lock().unwrap().clone();
    assert_eq!(upserts[..3].iter().map(|upsert| upsert.0).collect::<Vec<_>>(), [1_000, 1_000, 100]);
    assert_eq!(upserts[3..].len(), 2);
    assert!(upserts[3..].iter().all(|&(_, bytes)| bytes <= 8 * MIB), "{upserts:?}");
}

#[tokio::test]
async fn two_clients_may_make_the_same_placement_at_once() {
    let host = Host::start().await;
    let stores: Vec<_> = (0..8).map(|_| connect(&host.url(), 30).unwrap()).collect();
    let placement = placement(DIMENSION);
    for made in futures_util::future::join_all(stores.iter().map(|store| store.ensure(&placement))).await {
        made.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let store = connect(&url, 30).unwrap();
    let tenant = GenerationId::generate();
    let errors = [
        store.check().await.unwrap_err(),
        store.ensure(&placement(DIMENSION)).await.unwrap_err(),
        store.search(&placement(DIMENSION), &semantic(tenant, 0.0)).await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, VectorError::Unreachable { .. }), "{error:?}");
        assert!(error.is_retryable());
    }
}

#[tokio::test]
async fn a_server_that_is_too_old_is_refused_with_both_versions() {
    let host = Host::start().await;
    let store = connect(&host.url(), 30).unwrap();
    for version in ["1.18.2", "0.99", "", "nonsense"] {
        version.clone_into(&mut host.service.version.lock().unwrap());
        for error in [store.ensure(&placement(DIMENSION)).await.unwrap_err(), store.check().await.unwrap_err()] {
            assert!(matches!(error, VectorError::TooOld { .. }) && !error.is_retryable(), "{error:?}");
            let message = error.to_string();
            assert!(message.contains(&format!("version {version},")) && message.contains("1.19 or newer"), "{message}");
        }
    }
    for version in ["1.19.0", "v1.19.3-dev", "1.100.0", "2.0.0"] {
        version.clone_into(&mut host.service.version.lock().unwrap());
        store.ensure(&placement(DIMENSION)).await.unwrap();
        store.check().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_at_the_start_is_used_when_it_comes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut config = Config::default();
    config.vector.url = Some(format!("http://{address}"));
    let app = TestApp::start(config).await;
    let health = app.anonymous().send("GET", "/health/ready", &[], "").await;
    assert_eq!((health.status, &health.json()["dependencies"]["vectors"]), (503, &json!("unavailable")));
    let ada = app.user("ada").await;
    let collection = ada.create_collection("Letters").await;

    let _host = Host::start_at(address).await;
    let deadline = Instant::now() + PATIENCE;
    while app.anonymous().send("GET", "/health/ready", &[], "").await.status != 200 {
        assert!(Instant::now() < deadline, "the store is there and not used");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let ended = ada.ingest_all(&collection, texts(&[("a.txt", "The ferry waits.")])).await;
    assert_eq!(ended["status"], "COMPLETED", "{ended:#}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // It takes connections and never answers.
    let mute = tokio::spawn(async move {
        let mut connections = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            connections.push(connection);
        }
    });
    let store = connect(&url, 1).unwrap();
    let query = VectorQuery { timeout: Duration::from_millis(50), ..semantic(GenerationId::generate(), 0.0) };
    let started = Instant::now();
    let errors = [
        store.search(&placement(DIMENSION), &query).await.unwrap_err(),
        store.ensure(&placement(DIMENSION)).await.unwrap_err(),
    ];
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    for error in errors {
        assert!(matches!(error, VectorError::TimedOut { .. }), "{error:?}");
    }
    mute.abort();
}

#[tokio::test]
async fn settings_that_lead_nowhere_are_refused() {
    let unset = QdrantStore::connect(&VectorConfig::default(), &SearchConfig::default());
    assert!(matches!(unset, Err(VectorError::Refused { .. })));
    assert!(matches!(connect("not a url", 30), Err(VectorError::Refused { .. })));
}
