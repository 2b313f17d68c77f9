//! The jobs that run in this process: what stops each, and how many each tenant has in each lane.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio_util::sync::CancellationToken;

use crate::{
    db::repo::jobs::{ClaimedJob, Lease},
    domain::{
        id::JobId,
        job::{Lane, Tenant},
    },
};

#[derive(Default)]
pub(super) struct Held(Mutex<HashMap<Lease, Running>>);

struct Running {
    kind: String,
    stop: CancellationToken,
    lane: Lane,
    tenant: Tenant,
    suspicions: i32,
    since: Instant,
}

/// The suspect that is running.
#[derive(Clone, Copy)]
pub(super) struct RunningSuspect {
    pub(super) suspicions: i32,
    pub(super) since: Instant,
    /// Whether no other job is running.
    pub(super) is_alone: bool,
}

/// A job's entry, which is removed when the job ends in any way.
pub(super) struct Entry {
    held: Arc<Held>,
    lease: Lease,
}

impl Held {
    pub(super) fn add(self: &Arc<Self>, job: &ClaimedJob, stop: CancellationToken) -> Entry {
        let (lane, tenant, suspicions) = (job.lane, job.tenant, job.suspicions);
        let kind = job.kind.clone();
        self.lock().insert(job.lease(), Running { kind, stop, lane, tenant, suspicions, since: Instant::now() });
        Entry { held: Arc::clone(self), lease: job.lease() }
    }

    pub(super) fn leases(&self) -> Vec<Lease> {
        self.lock().keys().copied().collect()
    }

    /// Stops jobs that another worker has now.
    pub(super) fn stop(&self, lost: &[Lease]) {
        let running = self.lock();
        for job in lost.iter().filter_map(|lease| running.get(lease)) {
            job.stop.cancel();
        }
    }

    /// The jobs of a kind, each with the time since which it runs.
    pub(super) fn of_kind(&self, kind: &str) -> Vec<(Instant, JobId)> {
        let running = self.lock();
        running.iter().filter(|(_, job)| job.kind == kind).map(|(lease, job)| (job.since, lease.job)).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    pub(super) fn suspect(&self) -> Option<RunningSuspect> {
        let running = self.lock();
        let suspect = running.values().find(|job| job.suspicions > 0)?;
        Some(RunningSuspect { suspicions: suspect.suspicions, since: suspect.since, is_alone: running.len() == 1 })
    }

    /// How many jobs each tenant has in a lane. Suspects have a slot of their own.
    pub(super) fn in_lane(&self, lane: Lane) -> HashMap<Tenant, usize> {
        let mut tenants = HashMap::new();
        for job in self.lock().values().filter(|job| job.lane == lane && job.suspicions == 0) {
            *tenants.entry(job.tenant).or_default() += 1;
        }
        tenants
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Lease, Running>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.held.lock().remove(&self.lease);
    }
}
