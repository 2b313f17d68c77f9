//! Brings a collection in step with a site: its pages are accepted while others are still being found, so that a sync that
//! is interrupted finds most of them unchanged when it begins again.

use std::time::Duration;

use futures_util::{
    FutureExt, StreamExt,
    stream::{self, BoxStream},
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{
    Stop, SyncSourceHandler,
    read::Read,
    settle::{self, Progress, Started},
    slice,
};
use crate::{
    domain::source::{KnownFile, WebLocation, diff},
    error::Error,
    service::sources::{Budget, NewPage, Site, SiteError, Step, notice, reason},
    worker::dependency::no_space,
};

/// Seconds between checks whether a sync is still wanted while a site is read.
const CHECK: Duration = Duration::from_secs(2);

/// Pages that are accepted together.
#[derive(Default)]
struct Slice {
    added: Vec<NewPage>,
    changed: Vec<NewPage>,
    renamed: Vec<KnownFile>,
}

impl Slice {
    fn of(steps: Vec<Step>) -> Self {
        let mut slice = Self::default();
        for step in steps {
            match step {
                Step::New(page) if page.is_added => slice.added.push(page),
                Step::New(page) => slice.changed.push(page),
                Step::Renamed(page) => slice.renamed.push(page),
                Step::Nothing => {}
            }
        }
        slice
    }

    fn has_content(&self) -> bool {
        !self.added.is_empty() || !self.changed.is_empty()
    }
}

pub(super) fn stop_for(error: SiteError) -> Stop {
    match error {
        SiteError::Source(error) => Stop::Source(reason(&error)),
        SiteError::Server(Error::DiskFull) => Stop::Job(no_space()),
        SiteError::Server(error) => Stop::Job(error.into()),
    }
}

impl SyncSourceHandler {
    /// Returns what the owner should know although the sync went well.
    pub(super) async fn sync_site(
        &self,
        started: &Started,
        location: &WebLocation,
        progress: &mut Progress,
        stop: &CancellationToken,
    ) -> Result<Option<String>, Stop> {
        self.check_wanted(progress, stop).await?;
        let _turn = self.turn()?;
        let services = &*self.services;
        let known = self.known(progress).await?;
        let accepted_before = progress.begin_site();
        let pages = usize::try_from(location.max_pages).unwrap_or(0);
        let time = self.time();
        let open = Site::open(services, location, &known, Budget { pages, time, stores: true });
        // How many pages there are is known at the end. Until then the operation has as many as the source may have.
        let most = progress.at_most(pages);
        if progress.operation.is_some() {
            self.plan(progress, most).await?;
        }
        let mut site = self.unless_unwanted(progress, stop, open).await?.map_err(stop_for)?;
        let mut reading = steps(&mut site);
        loop {
            let read = self.unless_unwanted(progress, stop, slice(&mut reading)).await?;
            let (steps, is_last) = read.map_err(stop_for)?;
            self.accept_slice(Slice::of(steps), most, progress).await?;
            if is_last {
                break;
            }
        }
        drop(reading);
        let scan = site.into_scan();
        let diff = diff(&scan, known, started.source.on_vanish, progress.asked.is_confirmed);
        progress.read_site(&scan, &diff, accepted_before);
        self.forget(&diff, progress, stop).await?;
        Ok(notice(&scan, &diff))
    }

    async fn accept_slice(&self, slice: Slice, most: usize, progress: &mut Progress) -> Result<(), Stop> {
        if progress.operation.is_none() && slice.has_content() {
            self.plan(progress, most).await?;
        }
        let Slice { added, changed, renamed } = slice;
        if !renamed.is_empty() {
            let (database, before) = (&self.services.database, &*progress);
            let work = database.transaction(|tx| settle::rename(tx, before, &renamed).boxed());
            if !work.await? {
                return Err(Stop::Unwanted);
            }
        }
        let new = added.len();
        let pages = added.into_iter().chain(changed).enumerate().map(|(index, page)| {
            let NewPage { content, fingerprint, validators, .. } = page;
            Read { index, content, fingerprint, validators }
        });
        let read: Vec<_> = pages.collect();
        if read.is_empty() { Ok(()) } else { self.accept_page(&read, read.len(), new, progress).await }
    }

    /// Does some work on a place until it is done, the server stops, or nobody wants it any more.
    pub(super) async fn unless_unwanted<T>(
        &self,
        progress: &Progress,
        stop: &CancellationToken,
        work: impl Future<Output = T>,
    ) -> Result<T, Stop> {
        tokio::select! {
            done = work => Ok(done),
            end = self.until_unwanted(progress, stop) => Err(end),
        }
    }

    async fn until_unwanted(&self, progress: &Progress, stop: &CancellationToken) -> Stop {
        loop {
            if let Err(end) = self.check_wanted(progress, stop).await {
                return end;
            }
            tokio::select! {
                () = sleep(CHECK) => {}
                () = stop.cancelled() => {}
            }
        }
    }
}

/// Reads a site to its end.
fn steps<'a>(site: &'a mut Site<'_>) -> BoxStream<'a, Result<Step, SiteError>> {
    stream::unfold(site, |site| async move {
        let step = site.next().await.transpose()?;
        Some((step, site))
    })
    .boxed()
}
