//! What became of the jobs of each kind since the start.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, Utc};

use super::JobError;

/// The jobs of one kind.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KindTally {
    pub completed: i64,
    pub failed: i64,
    /// The last failure, and when it was.
    pub error: Option<(String, DateTime<Utc>)>,
}

/// The jobs of all kinds.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<HashMap<&'static str, KindTally>>);

impl Tally {
    /// Counts a job that has run. One that waits, or that another worker has now, is neither done nor failed.
    pub(super) fn count(&self, kind: &'static str, result: &Result<(), JobError>, now: DateTime<Utc>) {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = kinds.entry(kind).or_default();
        match result {
            Ok(()) => tally.completed += 1,
            Err(JobError::LeaseLost | JobError::Stopped) => {}
            Err(error @ (JobError::Later { .. } | JobError::Away { .. })) => {
                tally.error = Some((error.to_string(), now));
            }
            Err(error @ (JobError::Transient(_) | JobError::Unknown(_) | JobError::Unreadable(_))) => {
                tally.failed += 1;
                tally.error = Some((error.to_string(), now));
            }
        }
    }

    pub(super) fn of(&self, kind: &str) -> KindTally {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(kind).cloned().unwrap_or_default()
    }
}
