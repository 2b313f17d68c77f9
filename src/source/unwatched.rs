//! On systems without inotify nothing is watched: directories are scanned at their intervals.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use super::SourceError;

/// There is none.
pub enum Watcher {}

impl Watcher {
    /// # Errors
    /// `Watch`, always.
    pub fn start(_: BTreeSet<PathBuf>) -> Result<Self, SourceError> {
        Err(SourceError::Watch("this system has no inotify".to_owned()))
    }

    #[must_use]
    pub fn failed(&self) -> &[(PathBuf, String)] {
        match *self {}
    }

    #[must_use]
    pub fn take_settled(&mut self, _: Duration, _: Duration) -> Vec<PathBuf> {
        match *self {}
    }
}
