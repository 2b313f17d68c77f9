//! Whether the process lives, and whether it can do its work.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{Json, extract::State, http::StatusCode};
use futures_util::future::BoxFuture;
use serde::Serialize;

use super::HttpState;

/// Longer than any dependency that works takes to say so.
const DEADLINE: Duration = Duration::from_secs(5);

/// Asks every dependency whether it works. Causes belong in the log: the answer is public.
pub type Readiness = Arc<dyn Fn() -> BoxFuture<'static, Vec<Dependency>> + Send + Sync>;

/// A part that the server needs, and whether it works.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dependency {
    pub name: &'static str,
    pub ready: bool,
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

/// `GET /health/ready`: 200 when every dependency works, else 503; either way it names each.
pub async fn ready(State(state): State<Arc<HttpState>>) -> (StatusCode, Json<Health>) {
    let answered = tokio::time::timeout(DEADLINE, (state.readiness)()).await.ok();
    let ready = answered.as_ref().is_some_and(|dependencies| dependencies.iter().all(|each| each.ready));
    let dependencies = answered.unwrap_or_default().into_iter().map(|each| (each.name, word(each.ready))).collect();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Health { status: word(ready), dependencies }))
}

fn word(works: bool) -> &'static str {
    if works { "ok" } else { "unavailable" }
}
