//! Examines whether the stores match the database, and repairs what does not: on schedules by counting and by looking for
//! files, for `docent doctor` by looking at everything. Each repair is a step of its own that can be done again.

mod operations;
mod originals;
mod texts;
mod totals;
mod vectors;

use std::time::Duration;

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use super::dependency::placements;
use crate::{
    db::{
        DatabaseError,
        repo::{
            Direction,
            collections::{self, CollectionFilter, CollectionKey, CollectionSort},
            integrity_checks,
            jobs::{self, overdue, rescue_all, rescue_dead},
        },
    },
    domain::{
        collection::Collection,
        id::WorkerId,
        integrity::{Check, DamageKind, Findings},
        page::{MAX_PAGE_SIZE, PageRequest},
        scope::Scope,
        worker::WorkerName,
    },
    queue::JobError,
    service::Services,
};

/// What is done about damage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Aim {
    Report,
    Repair,
}

/// Which held jobs have no worker any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Workers {
    /// All of them: no other process works on this data.
    None,
    /// Those whose lease has been over for this long.
    Silent(Duration),
}

/// Looks at everything: each id, each byte.
///
/// # Errors
/// When a store fails. What was repaired until then stays so.
pub async fn examine(
    services: &Services,
    aim: Aim,
    workers: Workers,
    stop: &CancellationToken,
) -> Result<Findings, JobError> {
    let mut findings = Findings::default();
    leases(services, aim, workers, &mut findings).await?;
    open(services).await?;
    originals::check_documents(services, aim, &mut findings, stop).await?;
    originals::check_bytes(services, aim, &mut findings, stop).await?;
    let mut collections = Collections::new(services);
    while let Some(collection) = collections.next(stop).await? {
        totals::chunks(services, &collection, aim, &mut findings, stop).await?;
        texts::check(services, &collection, aim, &mut findings, stop).await?;
        // Last, because the repairs before it leave vectors without a chunk.
        vectors::walk(services, &collection, aim, &mut findings, stop).await?;
    }
    totals::check(services, aim, &mut findings, stop).await?;
    operations::check(services, aim, &mut findings, stop).await?;
    Ok(findings)
}

/// Compares by counting: the points and chunks of each generation, the jobs of operations, leases. Where points and chunks
/// differ in number, a job repairs them; the rest is only reported.
///
/// # Errors
/// When a store fails. What was found until then is known.
pub async fn compare(services: &Services, stop: &CancellationToken) -> Result<(), JobError> {
    let mut findings = Findings::default();
    let lease = Duration::from_secs(u64::try_from(services.config.ingestion.lease_seconds).unwrap_or(30));
    leases(services, Aim::Report, Workers::Silent(lease), &mut findings).await?;
    open(services).await?;
    let mut collections = Collections::new(services);
    let mut seen = 0;
    while let Some(collection) = collections.next(stop).await? {
        vectors::count(services, &collection, &mut findings).await?;
        seen += 1;
    }
    operations::check(services, Aim::Report, &mut findings, stop).await?;
    Ok(report(services, WorkerName::Integrity, seen, &findings).await?)
}

/// Goes through all documents: whether their files are there, without reading each byte, and whether counters are right.
/// Nothing is repaired, because a disk that is not mounted looks like lost files.
///
/// # Errors
/// When a store fails.
pub async fn walk(services: &Services, stop: &CancellationToken) -> Result<(), JobError> {
    let mut findings = Findings::default();
    originals::check_documents(services, Aim::Report, &mut findings, stop).await?;
    let mut collections = Collections::new(services);
    let mut seen = 0;
    while let Some(collection) = collections.next(stop).await? {
        texts::check(services, &collection, Aim::Report, &mut findings, stop).await?;
        seen += 1;
    }
    totals::check(services, Aim::Report, &mut findings, stop).await?;
    Ok(report(services, WorkerName::FileCheck, seen, &findings).await?)
}

/// Writes down what a check on a schedule has found, for all processes.
async fn report(
    services: &Services,
    worker: WorkerName,
    collections: usize,
    findings: &Findings,
) -> Result<(), DatabaseError> {
    let check = Check { worker, checked_at: services.clock.now(), collections, found: findings.counts() };
    let check = &check;
    services.database.transaction(|tx| integrity_checks::record(tx, check.clone()).boxed()).await
}

/// Between two steps of an examination.
///
/// # Errors
/// `Stopped`, when the process is to end.
fn go_on(stop: &CancellationToken) -> Result<(), JobError> {
    if stop.is_cancelled() { Err(JobError::Stopped) } else { Ok(()) }
}

/// Opens the placements, for a store that lost them. Opening takes several calls to a server, so each is opened once.
async fn open(services: &Services) -> Result<(), JobError> {
    for placement in placements(services).await? {
        services.vectors.ensure(&placement).await.map_err(crate::error::Error::from)?;
    }
    Ok(())
}

async fn leases(services: &Services, aim: Aim, workers: Workers, findings: &mut Findings) -> Result<(), DatabaseError> {
    let (database, now) = (&services.database, services.clock.now());
    let silent = match workers {
        Workers::None => None,
        Workers::Silent(time) => Some(time),
    };
    let held: Vec<jobs::HeldJob> = database.transaction(|tx| overdue(tx, silent, now).boxed()).await?;
    if aim == Aim::Repair && !held.is_empty() {
        match workers {
            Workers::None => database.transaction(|tx| rescue_all(tx, now).boxed()).await?,
            Workers::Silent(_) => {
                let own = WorkerId::generate();
                database.transaction(|tx| rescue_dead(tx, own, now).boxed()).await?
            }
        };
    }
    for job in held {
        findings.add(DamageKind::ExpiredLease, format!("{} {}", job.kind, job.id), 1, aim == Aim::Repair);
    }
    Ok(())
}

/// All collections that stay, one after the other.
struct Collections<'s> {
    services: &'s Services,
    page: PageRequest<CollectionKey>,
    found: std::vec::IntoIter<Collection>,
    is_last: bool,
}

impl<'s> Collections<'s> {
    fn new(services: &'s Services) -> Self {
        let page = PageRequest { first: MAX_PAGE_SIZE, after: None };
        Self { services, page, found: Vec::new().into_iter(), is_last: false }
    }

    /// # Errors
    /// When the database fails; `Stopped`.
    async fn next(&mut self, stop: &CancellationToken) -> Result<Option<Collection>, JobError> {
        loop {
            go_on(stop)?;
            if let Some(collection) = self.found.next() {
                if collection.is_kept() {
                    return Ok(Some(collection));
                }
                continue;
            }
            if self.is_last {
                return Ok(None);
            }
            let order = (CollectionSort::CreatedAt, Direction::Ascending);
            let reader = self.services.database.reader(Scope::System);
            let some = collections::list(&reader, &CollectionFilter::default(), order, &self.page).await?;
            self.page.after = some.items.last().map(|collection| CollectionKey { name: None, id: collection.id });
            self.is_last = !some.has_next_page;
            self.found = some.items.into_iter();
        }
    }
}
