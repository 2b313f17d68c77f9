//! What workers of all processes do, and what waits for them: for administrators.

use std::collections::HashMap;

use super::Services;
use crate::{
    auth::viewer::Viewer,
    db::repo::{jobs as queued, workers},
    domain::{
        action::Action,
        policy,
        worker::{QueueDepth, WorkerStatus},
    },
    error::Error,
    jobs::KINDS,
};

/// How the workers of all processes do; `None` for callers who don't run the server.
///
/// # Errors
/// `Unavailable`.
pub async fn list(services: &Services, viewer: &Viewer) -> Result<Option<Vec<WorkerStatus>>, Error> {
    if !policy::allows_on_server(viewer.scope(), Action::ServerManage) {
        return Ok(None);
    }
    Ok(Some(workers::list(&services.database.reader(viewer.scope())).await?))
}

/// The jobs of each kind in the queue; `None` for callers who don't run the server.
///
/// # Errors
/// `Unavailable`.
pub async fn queues(services: &Services, viewer: &Viewer) -> Result<Option<Vec<QueueDepth>>, Error> {
    if !policy::allows_on_server(viewer.scope(), Action::ServerManage) {
        return Ok(None);
    }
    let found = queued::depths(&services.database.reader(viewer.scope())).await?;
    let mut found: HashMap<_, _> = found.into_iter().map(|depth| (depth.kind.clone(), depth)).collect();
    let depth = |kind: &&str| {
        found.remove(*kind).unwrap_or_else(|| QueueDepth { kind: (*kind).to_owned(), ..QueueDepth::default() })
    };
    Ok(Some(KINDS.iter().map(depth).collect()))
}
