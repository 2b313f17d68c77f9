//! Which jobs a runner takes next.
//!
//! - Each lane has its own slots. Within a lane tenants take turns, and no tenant gets all slots, so a caller with one
//!   document does not wait for another caller's thousands. The cost of a turn does not depend on the number of jobs.
//! - A job is a suspect if a process died while it ran. Suspects run one at a time. A suspect that runs alone keeps the
//!   process to itself for a while, so that another death identifies it; most suspects finish earlier. After that, other
//!   jobs run beside it again. The time alone doubles with each death, so that a job that crashes late is found too.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use futures_util::FutureExt;

use super::runner::Runner;
use crate::{
    db::{
        DatabaseError, Transaction,
        repo::jobs::{self, ClaimedJob, Holder},
    },
    domain::job::{Lane, Tenant},
};

/// How long a suspect first runs alone.
const ALONE: Duration = Duration::from_secs(2);
const LONGEST_ALONE: Duration = Duration::from_mins(10);

/// Whose turn was last in each lane.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<Lane, Tenant>>);

impl Turns {
    fn last(&self, lane: Lane) -> Option<Tenant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&lane).copied()
    }

    fn set(&self, lane: Lane, tenant: Tenant) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(lane, tenant);
    }
}

/// What one tenant may still claim in a lane.
struct Share {
    most: usize,
    held: HashMap<Tenant, usize>,
}

impl Share {
    fn of(&self, tenant: Tenant) -> usize {
        let left = self.most.saturating_sub(self.held.get(&tenant).copied().unwrap_or(0));
        // Each claim is a transaction, so a quarter at a time.
        if left * 4 < self.most { 0 } else { left }
    }
}

impl Runner {
    /// Claims the jobs that are available and for which there is room.
    pub(super) async fn claim(&self) -> Result<Vec<ClaimedJob>, DatabaseError> {
        if self.suspect_is_to_be_alone() {
            return Ok(Vec::new());
        }
        if self.claimable_kinds().is_empty() {
            return Ok(Vec::new());
        }
        self.promote_due().await?;
        let was_idle = self.held.is_empty();
        let mut claimed = Vec::new();
        if self.held.suspect().is_none()
            && let Some(suspect) = self.claim_suspect().await?
        {
            claimed.push(suspect);
            if was_idle {
                return Ok(claimed);
            }
        }
        for (lane, slots) in &self.settings.lanes {
            claimed.extend(self.claim_in(*lane, *slots).await?);
        }
        Ok(claimed)
    }

    fn suspect_is_to_be_alone(&self) -> bool {
        self.held.suspect().is_some_and(|suspect| {
            let doublings = u32::try_from(suspect.suspicions).unwrap_or(0).min(16);
            let time = ALONE.saturating_mul(1 << doublings).min(LONGEST_ALONE);
            suspect.is_alone && suspect.since.elapsed() < time
        })
    }

    /// The kinds whose dependencies are there.
    fn claimable_kinds(&self) -> Vec<&'static str> {
        let open = self.handlers.values().filter(|handler| self.gates.are_open(handler.needs()));
        open.map(|handler| handler.kind()).collect()
    }

    async fn promote_due(&self) -> Result<(), DatabaseError> {
        let now = self.clock.now();
        if jobs::has_due(&self.database, now).await? {
            self.database.transaction(|tx| jobs::promote_due(tx, now).boxed()).await?;
        }
        Ok(())
    }

    async fn claim_suspect(&self) -> Result<Option<ClaimedJob>, DatabaseError> {
        let kinds = self.claimable_kinds();
        let kinds = kinds.as_slice();
        if !jobs::has_suspect(&self.database, kinds).await? {
            return Ok(None);
        }
        let (holder, now) = (self.holder(), self.clock.now());
        self.database.transaction(|tx| jobs::claim_suspect(tx, holder, kinds, now).boxed()).await
    }

    async fn claim_in(&self, lane: Lane, slots: usize) -> Result<Vec<ClaimedJob>, DatabaseError> {
        let held = self.held.in_lane(lane);
        // Looked at after the slots: the slot of a job that found a gate closed is not filled again.
        let kinds = self.claimable_kinds();
        let kinds = kinds.as_slice();
        let free = slots.saturating_sub(held.values().sum());
        if free == 0 {
            return Ok(Vec::new());
        }
        let share = Share { most: (slots - slots / 4).max(1), held };
        let tenants = self.next_tenants(lane, free, &share, kinds).await?;
        let Some(last) = tenants.last() else { return Ok(Vec::new()) };
        self.turns.set(lane, *last);
        let (each, left_over) = (free / tenants.len(), free % tenants.len());
        let takes = tenants.iter().enumerate().map(|(index, tenant)| {
            let fair = each + usize::from(index < left_over);
            (*tenant, u64::try_from(fair.min(share.of(*tenant))).unwrap_or(u64::MAX))
        });
        let takes: Vec<_> = takes.collect();
        let (holder, now) = (self.holder(), self.clock.now());
        self.database.transaction(|tx| claim_for_each(tx, holder, lane, &takes, kinds, now).boxed()).await
    }

    /// The tenants whose turn it is, at most `most`: those after the last one, in a circle, that have jobs waiting and
    /// slots left.
    async fn next_tenants(
        &self,
        lane: Lane,
        most: usize,
        share: &Share,
        kinds: &[&str],
    ) -> Result<Vec<Tenant>, DatabaseError> {
        let last = self.turns.last(lane);
        let mut found = Vec::new();
        let (mut after, mut is_second_round) = (last, last.is_none());
        while found.len() < most {
            match jobs::next_tenant(&self.database, lane, kinds, after).await? {
                Some(tenant) if is_second_round && last.is_some_and(|last| tenant > last) => break,
                Some(tenant) => {
                    if share.of(tenant) > 0 {
                        found.push(tenant);
                    }
                    after = Some(tenant);
                }
                None if is_second_round => break,
                None => (after, is_second_round) = (None, true),
            }
        }
        Ok(found)
    }
}

/// Claims up to so many jobs of each of these tenants.
async fn claim_for_each(
    tx: &Transaction<'_>,
    holder: Holder,
    lane: Lane,
    takes: &[(Tenant, u64)],
    kinds: &[&str],
    now: DateTime<Utc>,
) -> Result<Vec<ClaimedJob>, DatabaseError> {
    let mut claimed = Vec::new();
    for (tenant, limit) in takes {
        claimed.extend(jobs::claim(tx, holder, lane, *tenant, kinds, *limit, now).await?);
    }
    Ok(claimed)
}
