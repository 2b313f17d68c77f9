//! Brings a collection in step with a source: scans the place, reads what is new or looks different, accepts it page by
//! page, and at last removes what is gone. Sites are read while they are scanned.
//!
//! What is accepted is remembered in the same transaction. So a sync that is interrupted goes on where it was when it is
//! started again, and a sync that finds nothing new writes only its own run.

mod read;
pub(super) mod schedule;
mod settle;
mod site;
pub(super) mod watch;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt, stream::BoxStream};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use self::{
    read::{Read, read_all},
    settle::{End, Progress, Started},
    site::stop_for,
};
use super::{
    dependency::{SPACE, no_space},
    failpoint, payload,
};
use crate::{
    db::repo::{jobs::ClaimedJob, operations, sources},
    domain::{
        id::DocumentId,
        scope::Scope,
        source::{BucketLocation, Cut, Diff, DirectoryLocation, FoundFile, KnownFile, Location, Scan, diff},
    },
    error::Error,
    jobs::{Job, SyncSource},
    queue::{GiveUp, Handler, JobError},
    service::{
        Services,
        sources::{Retry, SiteError, known_files, notice, open_bucket, reason, roots},
    },
    source::{Bucket, Directory, SourceError},
};

/// Files that are read and then accepted in one transaction.
const PAGE: usize = 100;
/// How long what was read waits for more before it is accepted, whatever else is still being read: bytes that no document
/// needs are removed after some minutes.
const SLICE: Duration = Duration::from_secs(5);
/// Sites and buckets that are read at the same time. They take long, and must not take all slots of the lane.
const REMOTE: usize = 2;
/// How long a sync of another one waits for one of these to end.
const TURN: Duration = Duration::from_secs(5);

pub(super) struct SyncSourceHandler {
    services: Arc<Services>,
    remote: Semaphore,
}

/// Why a sync ends early.
enum Stop {
    /// The job failed, or has to wait.
    Job(JobError),
    /// The place can't be read, or its files can't be accepted: this says why.
    Source(String),
    /// Nobody wants it any more: it was cancelled, or its source is being removed.
    Unwanted,
}

impl<E: Into<JobError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Job(error.into())
    }
}

/// An open place.
enum Place {
    Directory(Arc<Directory>),
    Bucket(Bucket),
}

/// An open place, and what is in it.
struct Opened {
    place: Place,
    scan: Scan,
    /// When reading it ends; `None`: when all of it was read.
    deadline: Option<Instant>,
}

#[async_trait]
impl Handler for SyncSourceHandler {
    fn kind(&self) -> &'static str {
        SyncSource::KIND
    }

    fn needs(&self) -> &'static [&'static str] {
        &[SPACE]
    }

    async fn run(&self, job: &ClaimedJob, stop: &CancellationToken) -> Result<(), JobError> {
        if !self.services.disk.has_room() {
            return Err(no_space());
        }
        let asked: SyncSource = payload(job)?;
        let (lease, now) = (job.lease(), self.services.clock.now());
        let database = &self.services.database;
        let Some(started) = database.transaction(|tx| settle::start(tx, lease, asked, now).boxed()).await? else {
            return Ok(());
        };
        failpoint("sync-begun")?;
        let mut progress = Progress::of(job.lease(), asked, &started);
        let end = match self.sync(&started, &mut progress, stop).await {
            Ok(error) => End { error, is_failure: false },
            Err(Stop::Unwanted) => End { error: None, is_failure: false },
            Err(Stop::Source(error)) => End { error: Some(error), is_failure: true },
            Err(Stop::Job(error)) => return Err(error),
        };
        failpoint("sync-done")?;
        let now = self.services.clock.now();
        database.transaction(|tx| settle::end(tx, &progress, &end, now).boxed()).await
    }

    async fn postponed(&self, _job: &ClaimedJob, error: &JobError, _pause: Duration) {
        tracing::debug!(error = error as &dyn std::error::Error, "sync postponed");
    }

    async fn give_up(&self, job: &ClaimedJob, reason: GiveUp<'_>) -> Result<(), JobError> {
        let asked: SyncSource = payload(job)?;
        let (lease, now) = (job.lease(), self.services.clock.now());
        let database = &self.services.database;
        let Some(started) = database.transaction(|tx| settle::start(tx, lease, asked, now).boxed()).await? else {
            return Ok(());
        };
        let error = match reason {
            GiveUp::Failed(_) => "A part of the server kept failing during this sync. Sync the source again later.",
            GiveUp::Crashed => "A worker crashed each time it synced this source. Sync it again if you trust it.",
        };
        let end = End { error: Some(error.to_owned()), is_failure: true };
        let progress = Progress::of(lease, asked, &started);
        database.transaction(|tx| settle::end(tx, &progress, &end, now).boxed()).await
    }
}

impl SyncSourceHandler {
    pub(super) fn new(services: Arc<Services>) -> Self {
        Self { services, remote: Semaphore::new(REMOTE) }
    }

    /// Returns what the owner should know although the sync went well.
    async fn sync(
        &self,
        started: &Started,
        progress: &mut Progress,
        stop: &CancellationToken,
    ) -> Result<Option<String>, Stop> {
        match &started.source.location {
            Location::Directory(directory) => {
                let opened = self.open_directory(directory, stop).await?;
                self.sync_files(started, opened, progress, stop).await
            }
            Location::Bucket(bucket) => {
                self.check_wanted(progress, stop).await?;
                let _turn = self.turn()?;
                let listed = self.unless_unwanted(progress, stop, self.list_bucket(bucket)).await?;
                self.sync_files(started, listed.map_err(stop_for)?, progress, stop).await
            }
            Location::Web(web) => self.sync_site(started, web, progress, stop).await,
        }
    }

    async fn sync_files(
        &self,
        started: &Started,
        mut opened: Opened,
        progress: &mut Progress,
        stop: &CancellationToken,
    ) -> Result<Option<String>, Stop> {
        let known = self.known(progress).await?;
        let diff = diff(&opened.scan, known, started.source.on_vanish, progress.asked.is_confirmed);
        progress.scanned(&opened.scan, &diff);
        let files: Vec<_> = diff.added.iter().chain(&diff.changed).cloned().collect();
        self.plan(progress, files.len()).await?;
        if self.accept(&opened, &files, diff.added.len(), progress, stop).await? {
            self.forget(&diff, progress, stop).await?;
        } else {
            opened.scan.cut(Cut::Time);
        }
        Ok(notice(&opened.scan, &diff))
    }

    /// The right to read a place that is not on this machine.
    fn turn(&self) -> Result<SemaphorePermit<'_>, Stop> {
        let later = |_| Stop::Job(JobError::Later { after: TURN, reason: "other places are being read".into() });
        self.remote.try_acquire().map_err(later)
    }

    /// How long one sync may read such a place.
    fn time(&self) -> Duration {
        Duration::from_mins(self.services.config.sources.web_minutes)
    }

    async fn known(&self, progress: &Progress) -> Result<Vec<KnownFile>, Stop> {
        let asked = progress.asked;
        let retry = if asked.operation.is_some() { Retry::Asked } else { Retry::Due(self.services.clock.now()) };
        Ok(known_files(&self.services.database.reader(Scope::System), asked.source, retry).await?)
    }

    async fn list_bucket(&self, location: &BucketLocation) -> Result<Opened, SiteError> {
        let bucket = open_bucket(&self.services, location)?;
        let deadline = Instant::now() + self.time();
        let scan = bucket.scan(self.services.config.sources.max_files, self.time()).await?;
        Ok(Opened { place: Place::Bucket(bucket), scan, deadline: Some(deadline) })
    }

    async fn open_directory(&self, location: &DirectoryLocation, stop: &CancellationToken) -> Result<Opened, Stop> {
        let directory = location.clone();
        let (roots, limit) = (roots(&self.services), self.services.config.sources.max_files);
        let stop = stop.clone();
        let work = tokio::task::spawn_blocking(move || {
            let directory = Directory::open(&directory, &roots)?;
            let scan = directory.scan(limit, || stop.is_cancelled())?;
            let place = Place::Directory(Arc::new(directory));
            Ok::<_, SourceError>(Opened { place, scan, deadline: None })
        });
        match work.await.map_err(Error::internal)? {
            Ok(opened) => Ok(opened),
            Err(SourceError::Stopped) => Err(Stop::Job(JobError::Stopped)),
            Err(error) => Err(Stop::Source(reason(&error))),
        }
    }

    /// Tells the operation how many files are to be read. A sync without any has no operation unless a caller waits for
    /// one.
    async fn plan(&self, progress: &mut Progress, files: usize) -> Result<(), Stop> {
        let now = self.services.clock.now();
        let before = &*progress;
        let work = self.services.database.transaction(|tx| settle::plan(tx, before, files, now).boxed());
        *progress = work.await?.ok_or(Stop::Unwanted)?;
        Ok(())
    }

    /// Returns whether all files were read in time.
    async fn accept(
        &self,
        opened: &Opened,
        files: &[FoundFile],
        added: usize,
        progress: &mut Progress,
        stop: &CancellationToken,
    ) -> Result<bool, Stop> {
        let mut reading = read_all(&self.services, &opened.place, files);
        loop {
            let (files, is_last) = self.unless_unwanted(progress, stop, slice(&mut reading)).await??;
            if !files.is_empty() {
                failpoint("sync-page-read")?;
                let count = files.len();
                let mut read: Vec<_> = files.into_iter().flatten().collect();
                read.sort_by_key(|file| file.index);
                // The files that are new come first.
                self.accept_page(&read, count, added, progress).await?;
            }
            if is_last || opened.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(is_last);
            }
        }
    }

    /// Accepts what could be read of so many files. Those whose index is below `new` were found for the first time.
    async fn accept_page(&self, read: &[Read], files: usize, new: usize, progress: &mut Progress) -> Result<(), Stop> {
        let now = self.services.clock.now();
        let (before, services) = (&*progress, &*self.services);
        let work =
            services.database.transaction(|tx| settle::accept(tx, services, before, (read, files), new, now).boxed());
        let next = match work.await {
            Ok(next) => next,
            // The documents have no room; the sentence says whose.
            Err(JobError::Unknown(error)) => match error.downcast::<Error>() {
                Ok(error) if !error.violations().is_empty() => return Err(Stop::Source(error.to_string())),
                Ok(error) => return Err(Stop::Job(JobError::Unknown(error))),
                Err(error) => return Err(Stop::Job(JobError::Unknown(error))),
            },
            Err(error) => return Err(Stop::Job(error)),
        };
        *progress = next.ok_or(Stop::Unwanted)?;
        Ok(failpoint("sync-page-accepted")?)
    }

    /// Counts what was missed, and removes the documents of what is gone for good.
    async fn forget(&self, diff: &Diff, progress: &mut Progress, stop: &CancellationToken) -> Result<(), Stop> {
        if !diff.returned.is_empty() || !diff.missed.is_empty() {
            let asked = &*progress;
            let work = self.services.database.transaction(|tx| settle::count_missed(tx, asked, diff).boxed());
            if !work.await? {
                return Err(Stop::Unwanted);
            }
        }
        for page in diff.vanished.chunks(PAGE) {
            self.check_wanted(progress, stop).await?;
            self.remove_archived(page, progress).await?;
            let ids: Vec<_> = page.iter().map(|file| file.document_id).collect();
            self.remove(&ids, page.len(), progress).await?;
            failpoint("sync-page-removed")?;
        }
        Ok(())
    }

    /// Removes the documents that came out of archives that are gone.
    async fn remove_archived(&self, gone: &[KnownFile], progress: &mut Progress) -> Result<(), Stop> {
        let reader = self.services.database.reader(Scope::System);
        let uris: Vec<_> = gone.iter().map(|file| file.uri.as_str()).collect();
        loop {
            let some = sources::some_archived(&reader, progress.asked.source, &uris, PAGE as u64).await?;
            if some.is_empty() {
                return Ok(());
            }
            self.remove(&some, 0, progress).await?;
        }
    }

    /// Removes documents, which are those of so many files.
    async fn remove(&self, ids: &[DocumentId], files: usize, progress: &mut Progress) -> Result<(), Stop> {
        let now = self.services.clock.now();
        let before = &*progress;
        let work = self.services.database.transaction(|tx| settle::remove(tx, before, (ids, files), now).boxed());
        *progress = work.await?.ok_or(Stop::Unwanted)?;
        Ok(())
    }

    async fn check_wanted(&self, progress: &Progress, stop: &CancellationToken) -> Result<(), Stop> {
        if stop.is_cancelled() {
            return Err(Stop::Job(JobError::Stopped));
        }
        let reader = self.services.database.reader(Scope::System);
        let Some(id) = progress.operation else { return Ok(()) };
        if operations::is_cancel_requested(&reader, id).await? { Err(Stop::Unwanted) } else { Ok(()) }
    }
}

/// What comes next of a place: as much as is accepted together, or what there is after some time. Whatever else is being
/// read goes on with the next slice. Returns also whether it was the last.
async fn slice<T, E>(reading: &mut BoxStream<'_, Result<T, E>>) -> Result<(Vec<T>, bool), E> {
    let (mut items, due) = (Vec::new(), Instant::now() + SLICE);
    while items.len() < PAGE {
        match timeout_at(due, reading.next()).await {
            Ok(Some(item)) => items.push(item?),
            Ok(None) => return Ok((items, true)),
            Err(_) => break,
        }
    }
    Ok((items, false))
}
