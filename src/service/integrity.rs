//! Whether the stores match the database, as the last checks of all processes have found: workers compare and repair.

use chrono::{DateTime, Utc};

use super::Services;
use crate::{
    auth::viewer::Viewer,
    db::repo::{integrity_checks, integrity_differences},
    domain::{
        action::Action,
        integrity::{Check, DamageKind, Differences},
        policy,
        vocabulary::Vocabulary,
        worker::WorkerName,
    },
    error::Error,
};

/// The last checks in numbers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IntegrityReport {
    /// When the last comparison of all collections ended; `None` before the first.
    pub checked_at: Option<DateTime<Utc>>,
    /// When all files were last looked for; `None` before the first time.
    pub files_checked_at: Option<DateTime<Utc>>,
    /// Collections that were compared.
    pub collections: usize,
    /// Collections that differ and are not repaired yet.
    pub differences: Differences,
    /// What the last checks found, for each kind.
    pub found: Vec<(DamageKind, usize)>,
}

/// The current report; `None` for callers who don't run the server.
///
/// # Errors
/// `Unavailable`.
pub async fn report(services: &Services, viewer: &Viewer) -> Result<Option<IntegrityReport>, Error> {
    if !policy::allows_on_server(viewer.scope(), Action::ServerManage) {
        return Ok(None);
    }
    let reader = services.database.reader(viewer.scope());
    let checks = integrity_checks::list(&reader).await?;
    let differences = integrity_differences::sum(&reader).await?;
    let by = |worker: WorkerName| checks.iter().find(|check| check.worker == worker);
    let comparison = by(WorkerName::Integrity);
    Ok(Some(IntegrityReport {
        checked_at: comparison.map(|check| check.checked_at),
        files_checked_at: by(WorkerName::FileCheck).map(|check| check.checked_at),
        collections: comparison.map_or(0, |check| check.collections),
        differences,
        found: DamageKind::ALL.iter().map(|kind| (*kind, found(&checks, *kind))).collect(),
    }))
}

fn found(checks: &[Check], wanted: DamageKind) -> usize {
    checks.iter().flat_map(|check| &check.found).filter(|(kind, _)| *kind == wanted).map(|(_, count)| count).sum()
}
