//! Health checks.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use docent::http::health;
use serde_json::json;

use super::support::{Tiny, ready};

#[tokio::test]
async fn health_names_every_dependency() {
    let mut tiny = Tiny::new();
    let ask = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    assert_eq!(tiny.send(ask("/health/live")).await.json(), json!({ "status": "ok" }));
    let answer = tiny.send(ask("/health/ready")).await;
    assert_eq!(answer.json(), json!({ "status": "ok", "dependencies": { "database": "ok" } }));
    tiny.state.readiness = Arc::new(|| ready(&[("database", true), ("vectors", false)]));
    let answer = tiny.send(ask("/health/ready")).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    let dependencies = json!({ "database": "ok", "vectors": "unavailable" });
    assert_eq!(answer.json(), json!({ "status": "unavailable", "dependencies": dependencies }));
}

#[tokio::test]
async fn health_is_checked_once_for_all_who_ask_at_the_same_time() {
    let mut tiny = Tiny::new();
    let checks = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&checks);
    tiny.state.readiness = health::once_for_all(Arc::new(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        Box::pin(async {
            // Until all have asked.
            tokio::time::sleep(Duration::from_millis(200)).await;
            ready(&[("database", true)]).await
        })
    }));
    let ask = || tiny.send(Request::get("/health/ready").body(Body::empty()).unwrap());
    let (first, second, third) = tokio::join!(ask(), ask(), ask());
    assert_eq!([first.status, second.status, third.status], [StatusCode::OK; 3]);
    assert_eq!(checks.load(Ordering::SeqCst), 1);
    assert_eq!((ask().await.status, checks.load(Ordering::SeqCst)), (StatusCode::OK, 2));
}
