//! External dependencies of jobs, and the pause while one is unavailable.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tracing::{info, warn};

use super::{Cause, backoff};

/// An external dependency that may be unavailable for a while.
#[async_trait]
pub trait Dependency: Send + Sync {
    /// What handlers call it.
    fn name(&self) -> &'static str;

    /// Whether it answers.
    async fn check(&self) -> Result<(), Cause>;
}

/// Dependencies, and which of them are unavailable.
pub(super) struct Gates {
    dependencies: HashMap<&'static str, Arc<dyn Dependency>>,
    away: Mutex<HashMap<&'static str, Absence>>,
}

struct Absence {
    /// How often it was found unavailable.
    looks: i32,
    looked_at: DateTime<Utc>,
    look_again_at: DateTime<Utc>,
    is_being_looked_at: bool,
}

impl Gates {
    pub(super) fn new(dependencies: Vec<Arc<dyn Dependency>>, now: DateTime<Utc>) -> Self {
        let dependencies: HashMap<_, _> = dependencies.into_iter().map(|one| (one.name(), one)).collect();
        // None counts as available before its first check.
        let unknown = |name: &&'static str| {
            (*name, Absence { looks: 0, looked_at: now, look_again_at: now, is_being_looked_at: false })
        };
        let away = Mutex::new(dependencies.keys().map(unknown).collect());
        Self { dependencies, away }
    }

    /// Whether no required dependency is known to be unavailable.
    pub(super) fn are_open(&self, needs: &[&'static str]) -> bool {
        let away = self.away();
        needs.iter().all(|name| !away.contains_key(name))
    }

    /// Records that a dependency is unavailable.
    pub(super) fn close(&self, name: &'static str, now: DateTime<Utc>) {
        if self.dependencies.contains_key(name) {
            self.away().entry(name).or_insert_with(|| {
                warn!(dependency = name, "does not answer; jobs that need it wait");
                Absence::new(1, now)
            });
        }
    }

    /// The dependencies that are due for a check. Each is handed out once until [`Self::looked`] is called.
    pub(super) fn due(&self, now: DateTime<Utc>) -> Vec<Arc<dyn Dependency>> {
        let mut away = self.away();
        let due = away.iter_mut().filter(|(_, absence)| {
            // A clock that was set back does not keep the gate closed.
            !absence.is_being_looked_at && (now >= absence.look_again_at || now < absence.looked_at)
        });
        let names: Vec<_> = due
            .map(|(name, absence)| {
                absence.is_being_looked_at = true;
                *name
            })
            .collect();
        names.into_iter().filter_map(|name| self.dependencies.get(name).cloned()).collect()
    }

    /// Records the result of a check. Returns whether the dependency is available again.
    pub(super) fn looked(&self, name: &'static str, found: &Result<(), Cause>, now: DateTime<Utc>) -> bool {
        let mut away = self.away();
        if found.is_ok() {
            if away.remove(name).is_some_and(|absence| absence.looks > 0) {
                info!(dependency = name, "answers again");
            }
            return true;
        }
        if let Some(absence) = away.get_mut(name) {
            *absence = Absence::new(absence.looks.saturating_add(1), now);
        }
        false
    }

    fn away(&self) -> MutexGuard<'_, HashMap<&'static str, Absence>> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Absence {
    fn new(looks: i32, now: DateTime<Utc>) -> Self {
        let pause = TimeDelta::from_std(backoff::pause(looks)).unwrap_or_default();
        Self { looks, looked_at: now, look_again_at: now + pause, is_being_looked_at: false }
    }
}
