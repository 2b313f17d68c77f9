//! Whether the vector store matches the database, as far as it is known: workers compare and repair.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};
use tracing::info;

use crate::domain::{
    id::CollectionId,
    integrity::{DamageKind, Findings},
    vocabulary::Vocabulary,
};

/// What the last comparison found and no job has repaired yet.
#[derive(Default)]
pub struct Integrity {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    checked_at: Option<DateTime<Utc>>,
    collections: usize,
    differing: HashMap<CollectionId, Difference>,
    /// Collections that had more points than chunks at the last check. While documents are indexed, points are written
    /// first, so it takes a second check to be sure.
    suspected: HashSet<CollectionId>,
    /// What the last check found, by kind.
    found: HashMap<DamageKind, usize>,
}

/// The numbers of chunks and points of a collection, where they differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Difference {
    pub chunks: i64,
    pub points: i64,
}

/// The last check in numbers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct IntegrityReport {
    /// When the last comparison of all collections ended; `None` before the first since the start.
    pub checked_at: Option<DateTime<Utc>>,
    /// Collections that were compared.
    pub collections: usize,
    /// Collections that differ and are not repaired yet.
    pub differing: usize,
    /// Missing points in them, at least.
    pub missing_points: i64,
    /// Surplus points in them, at least.
    pub surplus_points: i64,
    /// What the last check found, for each kind.
    pub found: Vec<(DamageKind, usize)>,
}

impl Integrity {
    /// The current report.
    pub fn report(&self) -> IntegrityReport {
        let state = self.state();
        let differences = || state.differing.values();
        IntegrityReport {
            checked_at: state.checked_at,
            collections: state.collections,
            differing: state.differing.len(),
            missing_points: differences().map(|found| (found.chunks - found.points).max(0)).sum(),
            surplus_points: differences().map(|found| (found.points - found.chunks).max(0)).sum(),
            found: DamageKind::ALL.iter().map(|kind| (*kind, state.found.get(kind).copied().unwrap_or(0))).collect(),
        }
    }

    /// Records that a collection was repaired or deleted.
    pub(crate) fn repaired(&self, collection: CollectionId) {
        let mut state = self.state();
        state.suspected.remove(&collection);
        if state.differing.remove(&collection).is_some() {
            info!(collection = %collection, "vectors and chunks agree again");
        }
    }

    /// Records what a comparison found. Returns whether it has to be repaired.
    pub(crate) fn found(&self, collection: CollectionId, found: Option<Difference>) -> bool {
        let mut state = self.state();
        let Some(found) = found else {
            state.suspected.remove(&collection);
            state.differing.remove(&collection);
            return false;
        };
        if found.points > found.chunks && state.suspected.insert(collection) {
            return false;
        }
        state.differing.insert(collection, found);
        true
    }

    /// Records that all collections were compared, and what else was found, and forgets deleted ones.
    pub(crate) fn examined(&self, all: &HashSet<CollectionId>, findings: &Findings, at: DateTime<Utc>) {
        let mut state = self.state();
        state.differing.retain(|id, _| all.contains(id));
        state.suspected.retain(|id| all.contains(id));
        (state.checked_at, state.collections) = (Some(at), all.len());
        state.found = findings.in_order().iter().map(|finding| (finding.kind, finding.count)).collect();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
