//! Starts syncs of directories that have changed, between those at their intervals.

use std::{
    collections::{BTreeSet, HashSet},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::schedule::{Reason, Start, start};
use crate::{
    db::repo::sources,
    domain::{
        id::{CollectionId, SourceId},
        scope::Scope,
        source::{Location, Source},
    },
    error::Error,
    queue::JobError,
    service::Services,
    source::{SourceError, Watcher},
};

/// A directory whose changes do not end is scanned after so many times the quiet that is waited for.
const MAX_WAIT: u32 = 12;
/// The time after which directories are tried again that could not be watched.
const RETRY: Duration = Duration::from_mins(5);

/// Starts syncs of changed directories until `stop` is cancelled.
pub(in crate::worker) async fn run(services: &Services, stop: &CancellationToken) -> Result<(), JobError> {
    let mut tick = tokio::time::interval(Duration::from_secs(services.config.sources.check_seconds));
    let mut watch = Watch::default();
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = stop.cancelled() => return Err(JobError::Stopped),
        }
        // What has been seen stays seen.
        if let Err(error) = watch.look(services).await {
            warn!(error = &error as &dyn std::error::Error, "changes of directories are not followed now");
        }
    }
}

#[derive(Default)]
struct Watch {
    /// What `watcher` was asked to watch, and when.
    directories: BTreeSet<PathBuf>,
    begun: Option<Instant>,
    watcher: Option<Watcher>,
    /// Sources that have changed and are not synced yet.
    changed: HashSet<(CollectionId, SourceId)>,
}

impl Watch {
    async fn look(&mut self, services: &Services) -> Result<(), Error> {
        let sources = sources::continuous(&services.database.reader(Scope::System)).await?;
        let directories = sources.iter().filter_map(directory).map(Path::to_owned).collect();
        let mut settled = self.follow(directories).await?;
        settled.extend(self.take_settled(Duration::from_secs(services.config.sources.watch_seconds)).await?);
        let is_changed =
            |source: &&Source| directory(source).is_some_and(|path| settled.iter().any(|seen| seen == path));
        let changed = sources.iter().filter(is_changed);
        self.changed.extend(changed.map(|source| (source.collection_id, source.id)));
        self.sync(services).await
    }

    /// Watches these directories, if others were watched before, or if some could not be. Returns those that the watcher
    /// before has seen change.
    async fn follow(&mut self, directories: BTreeSet<PathBuf>) -> Result<Vec<PathBuf>, Error> {
        if directories.is_empty() {
            *self = Self::default();
            return Ok(Vec::new());
        }
        let has_failed = self.watcher.as_ref().is_none_or(|watcher| !watcher.failed().is_empty());
        let is_time = self.begun.is_none_or(|begun| begun.elapsed() >= RETRY);
        if self.directories == directories && !(has_failed && is_time) {
            return Ok(Vec::new());
        }
        self.directories.clone_from(&directories);
        self.begun = Some(Instant::now());
        let before = self.watcher.take();
        let restart = move || {
            let watcher = Watcher::start(directories)?;
            // The one before goes on until the new one has begun.
            let settled = before.map_or_else(Vec::new, |mut it| it.take_settled(Duration::ZERO, Duration::ZERO));
            Ok::<_, SourceError>((watcher, settled))
        };
        let restarted = tokio::task::spawn_blocking(restart).await.map_err(Error::internal)?;
        let (watcher, settled) = restarted.map_err(Error::internal)?;
        for (directory, reason) in watcher.failed() {
            warn!(directory = %directory.display(), reason, "not watched: it is scanned at its interval only");
        }
        self.watcher = Some(watcher);
        Ok(settled)
    }

    async fn take_settled(&mut self, quiet: Duration) -> Result<Vec<PathBuf>, Error> {
        let Some(mut watcher) = self.watcher.take() else { return Ok(Vec::new()) };
        let take = move || (watcher.take_settled(quiet, quiet * MAX_WAIT), watcher);
        let (settled, watcher) = tokio::task::spawn_blocking(take).await.map_err(Error::internal)?;
        self.watcher = Some(watcher);
        Ok(settled)
    }

    /// Syncs what has changed. A source that is being synced waits, because the sync may have missed the change.
    async fn sync(&mut self, services: &Services) -> Result<(), Error> {
        for (collection, id) in self.changed.clone() {
            let now = services.clock.now();
            let work = services.database.transaction(|tx| start(tx, collection, id, Reason::Change, now).boxed());
            match work.await? {
                Start::Busy => {}
                Start::Begun | Start::NotDue => {
                    debug!(source = %id, "directory has changed");
                    self.changed.remove(&(collection, id));
                }
            }
        }
        Ok(())
    }
}

/// The directory that a source follows.
fn directory(source: &Source) -> Option<&Path> {
    match &source.location {
        Location::Directory(directory) => Some(Path::new(&directory.path)),
        Location::Web(_) | Location::Bucket(_) => None,
    }
}
