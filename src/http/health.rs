//! Whether the process lives, and whether it can do its work.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Json, extract::State, http::StatusCode};
use futures_util::{
    FutureExt,
    future::{BoxFuture, WeakShared},
};
use serde::Serialize;

use super::HttpState;

/// Longer than any dependency that works takes to say so.
const DEADLINE: Duration = Duration::from_secs(5);

/// Checks whether every dependency works. Causes go to the log only, because the response is public.
pub type Readiness = Arc<dyn Fn() -> BoxFuture<'static, Vec<Dependency>> + Send + Sync>;

/// The same check, made once for all who ask while it is being made: anyone may ask, and it takes connections that others
/// wait for.
#[must_use]
pub fn once_for_all(check: Readiness) -> Readiness {
    type Running = WeakShared<BoxFuture<'static, Vec<Dependency>>>;
    let running: Mutex<Option<Running>> = Mutex::default();
    Arc::new(move || {
        let mut running = running.lock().unwrap_or_else(PoisonError::into_inner);
        let current = running.as_ref().and_then(WeakShared::upgrade).filter(|current| current.peek().is_none());
        let current = current.unwrap_or_else(|| check().shared());
        *running = current.downgrade();
        current.boxed()
    })
}

/// A part that the server needs, and whether it works.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dependency {
    pub name: &'static str,
    pub ready: bool,
    /// Whether nothing works without it.
    pub is_required: bool,
}

impl Dependency {
    /// A part without which nothing works.
    #[must_use]
    pub fn required(name: &'static str, ready: bool) -> Self {
        Self { name, ready, is_required: true }
    }

    fn word(self) -> &'static str {
        match self {
            Self { ready: true, .. } => "ok",
            Self { is_required: false, .. } => "degraded",
            Self { is_required: true, .. } => "unavailable",
        }
    }
}

#[derive(Serialize)]
pub struct Health {
    status: &'static str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    dependencies: BTreeMap<&'static str, &'static str>,
}

/// `GET /health/live`: 200 as long as the process answers at all.
pub async fn live() -> Json<Health> {
    Json(Health { status: "ok", dependencies: BTreeMap::new() })
}

/// `GET /health/ready`: 200 if every required dependency works, else 503. Both name each dependency. A server that was
/// told to stop is not ready, though it still answers for a moment.
pub async fn ready(State(state): State<Arc<HttpState>>) -> (StatusCode, Json<Health>) {
    if state.shutdown.is_cancelled() {
        let health = Health { status: "stopping", dependencies: BTreeMap::new() };
        return (StatusCode::SERVICE_UNAVAILABLE, Json(health));
    }
    let answered = tokio::time::timeout(DEADLINE, (state.readiness)()).await;
    let Ok(dependencies) = answered else {
        let health = Health { status: "unavailable", dependencies: BTreeMap::new() };
        return (StatusCode::SERVICE_UNAVAILABLE, Json(health));
    };
    let words: BTreeMap<_, _> = dependencies.into_iter().map(|each| (each.name, each.word())).collect();
    let has = |word| words.values().any(|each| *each == word);
    let (code, status) = if has("unavailable") {
        (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
    } else {
        (StatusCode::OK, if has("degraded") { "degraded" } else { "ok" })
    };
    (code, Json(Health { status, dependencies: words }))
}
