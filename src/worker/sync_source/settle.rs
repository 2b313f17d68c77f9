//! The transactions of a sync. Each proves that the job is still held, and that the source is still to be synced.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::read::Read;
use crate::{
    db::{
        DatabaseError, Transaction,
        repo::{
            collections, documents,
            jobs::{self as queued, Lease},
            operation_documents::{self, ItemFilter},
            operations, source_runs, sources,
        },
    },
    domain::{
        action::Action,
        collection::Collection,
        content::Content,
        id::{DocumentId, OperationId},
        operation::OperationRun,
        scope::Scope,
        source::{Diff, KnownFile, RunCounts, Scan, Source, SourceRun, SourceStatus},
    },
    jobs::{self, DropPoints, DropTarget, SyncSource},
    queue::JobError,
    service::{
        Services,
        documents::{accept_from_source, remove_rows, uris_of_others},
        sources::{next_run, sync_operation},
    },
    worker::end_job,
};

/// What a sync begins with.
pub(super) struct Started {
    pub(super) source: Source,
    run: SourceRun,
}

/// How far a sync is.
#[derive(Clone)]
pub(super) struct Progress {
    lease: Lease,
    pub(super) asked: SyncSource,
    pub(super) operation: Option<OperationId>,
    counts: RunCounts,
}

impl Progress {
    pub(super) fn of(lease: Lease, asked: SyncSource, started: &Started) -> Self {
        let operation = started.run.operation_id.or(asked.operation);
        let counts = started.run.counts;
        Self { lease, asked, operation, counts }
    }

    /// The pages of a site that are to be accepted at most, apart from those that this run has accepted before.
    pub(super) fn at_most(&self, pages: usize) -> usize {
        let accepted = self.counts.added.saturating_add(self.counts.changed);
        pages.saturating_sub(usize::try_from(accepted).unwrap_or(0))
    }

    /// A site is read from its beginning. Returns how many pages this run has accepted before it was interrupted.
    pub(super) fn begin_site(&mut self) -> i32 {
        (self.counts.unchanged, self.counts.failed) = (0, 0);
        self.counts.added.saturating_add(self.counts.changed)
    }

    /// What is known when a site was read. Pages that were accepted before are not unchanged.
    pub(super) fn read_site(&mut self, scan: &Scan, diff: &Diff, accepted_before: i32) {
        self.counts.found = number(scan.files.len());
        self.counts.skipped = scan.skipped_count;
        self.counts.unchanged += (diff.unchanged - accepted_before).max(0);
        self.counts.failed += scan.failed;
    }

    /// What is known after the scan. Files that this run has accepted before it was interrupted are not unchanged.
    pub(super) fn scanned(&mut self, scan: &Scan, diff: &Diff) {
        self.counts.found = number(scan.files.len());
        self.counts.skipped = scan.skipped_count;
        self.counts.unchanged = (diff.unchanged - self.counts.added - self.counts.changed).max(0);
        self.counts.failed = 0;
    }
}

/// How a sync ends.
pub(super) struct End {
    pub(super) error: Option<String>,
    /// Whether the place could not be read, or its files not be accepted.
    pub(super) is_failure: bool,
}

/// Begins a run, or goes on with it. `None` if the source is gone; then the job has ended.
pub(super) async fn start(
    tx: &Transaction<'_>,
    lease: Lease,
    asked: SyncSource,
    now: DateTime<Utc>,
) -> Result<Option<Started>, JobError> {
    let Some((_, mut source)) = wanted(tx, lease, asked).await? else {
        end_job(tx, lease).await?;
        if let Some(id) = asked.operation {
            finish(tx, id, None, now).await?;
        }
        return Ok(None);
    };
    let run = if let Some(run) = source_runs::lock(tx, asked.run).await? {
        run
    } else {
        let run = SourceRun {
            id: asked.run,
            source_id: source.id,
            operation_id: asked.operation,
            counts: RunCounts::default(),
            error: None,
            started_at: now,
            completed_at: None,
        };
        source_runs::insert(tx, run.clone()).await?;
        source.last_run = Some(run.id);
        sources::update(tx, source.clone()).await?;
        run
    };
    Ok(Some(Started { source, run }))
}

/// Tells the operation how many documents it has at most, and makes one if there is something to read. `None` if the sync
/// is not wanted any more.
pub(super) async fn plan(
    tx: &Transaction<'_>,
    before: &Progress,
    files: usize,
    now: DateTime<Utc>,
) -> Result<Option<Progress>, JobError> {
    let Some((collection, source)) = wanted(tx, before.lease, before.asked).await? else { return Ok(None) };
    let Some(id) = before.operation else {
        if files == 0 {
            return Ok(Some(before.clone()));
        }
        let mut run = OperationRun::create(sync_operation(&collection, &source, source.user_id, files, now));
        run.start(now);
        let operation = operations::insert(tx, run, None).await?.id;
        if let Some(run) = source_runs::lock(tx, before.asked.run).await? {
            source_runs::update(tx, SourceRun { operation_id: Some(operation), ..run }).await?;
        }
        return Ok(Some(Progress { operation: Some(operation), ..before.clone() }));
    };
    let Some(mut run) = operations::lock(tx, Scope::System, id).await? else { return Ok(None) };
    if run.is_cancel_requested() {
        return Ok(None);
    }
    if run.operation().status.is_terminal() {
        // The run was interrupted after the last document. It may still have to remove what is gone.
        return Ok((files == 0).then(|| before.clone()));
    }
    run.start(now);
    run.plan(accepted(tx, id).await?.saturating_add(number(files)));
    operations::save(tx, run).await?;
    Ok(Some(before.clone()))
}

/// Accepts what was read of so many files. Those whose index is below `new` were found for the first time. `None` if the
/// sync is not wanted any more.
pub(super) async fn accept(
    tx: &Transaction<'_>,
    services: &Services,
    before: &Progress,
    (read, size): (&[Read], usize),
    new: usize,
    now: DateTime<Utc>,
) -> Result<Option<Progress>, JobError> {
    let Some((collection, source)) = wanted(tx, before.lease, before.asked).await? else { return Ok(None) };
    let Some(id) = before.operation else { return Ok(None) };
    let Some(mut run) = operations::lock(tx, Scope::System, id).await? else { return Ok(None) };
    if run.operation().status.is_terminal() || run.is_cancel_requested() {
        return Ok(None);
    }
    let uris: Vec<_> = read.iter().map(|file| file.content.uri.clone()).collect();
    let taken = uris_of_others(tx, &collection, source.id, &uris).await?;
    let own: Vec<_> = read.iter().filter(|file| !taken.contains(&file.content.uri)).collect();
    let contents: Vec<Content> = own.iter().map(|file| file.content.clone()).collect();

    let skipped = run.operation().totals.skipped;
    let accepted = accept_from_source(tx, services, &collection, &source, &mut run, &contents, now).await?;
    let unchanged = run.operation().totals.skipped - skipped;
    let left_out = number(size - own.len());
    run.leave_out(left_out);
    let states = own.iter().zip(&accepted).map(|(file, document)| KnownFile {
        uri: file.content.uri.clone(),
        fingerprint: file.fingerprint.clone(),
        validators: file.validators.clone(),
        document_id: document.id,
        missed: 0,
    });
    sources::remember(tx, source.id, states.collect()).await?;

    let mut after = before.clone();
    let added = number(own.iter().filter(|file| file.index < new).count());
    after.counts.added += added;
    after.counts.changed += number(own.len()) - added - unchanged;
    after.counts.unchanged += unchanged;
    after.counts.failed += left_out;
    operations::save(tx, run).await?;
    write_counts(tx, &after).await?;
    Ok(Some(after))
}

/// Remembers what a site now calls the state of pages that have not changed. Returns whether the sync is still wanted.
pub(super) async fn rename(tx: &Transaction<'_>, progress: &Progress, pages: &[KnownFile]) -> Result<bool, JobError> {
    let Some((_, source)) = wanted(tx, progress.lease, progress.asked).await? else { return Ok(false) };
    sources::remember(tx, source.id, pages.to_vec()).await?;
    Ok(true)
}

/// Counts one more sync without the files that are gone, and none for those that are back. Returns whether the sync is
/// still wanted.
pub(super) async fn count_missed(tx: &Transaction<'_>, progress: &Progress, diff: &Diff) -> Result<bool, JobError> {
    let Some((_, source)) = wanted(tx, progress.lease, progress.asked).await? else { return Ok(false) };
    sources::miss(tx, source.id, &diff.missed).await?;
    sources::find_again(tx, source.id, &diff.returned).await?;
    Ok(true)
}

/// Removes documents, which are those of so many files that are gone. `None` if the sync is not wanted any more.
pub(super) async fn remove(
    tx: &Transaction<'_>,
    before: &Progress,
    (ids, files): (&[DocumentId], usize),
    now: DateTime<Utc>,
) -> Result<Option<Progress>, JobError> {
    let Some((collection, source)) = wanted(tx, before.lease, before.asked).await? else { return Ok(None) };
    let found = documents::lock_many(tx, collection.id, ids).await?;
    let gone = remove_rows(tx, &collection, &found).await?;
    let mut after = before.clone();
    after.counts.removed += number(files);
    if !gone.is_empty() {
        let job = DropPoints::of(&collection, DropTarget::Documents(gone));
        jobs::enqueue(tx, &[job], source.user_id.into(), now).await?;
    }
    write_counts(tx, &after).await?;
    Ok(Some(after))
}

/// Ends the run and its job. The operation ends when the last of its documents is indexed.
pub(super) async fn end(
    tx: &Transaction<'_>,
    progress: &Progress,
    end: &End,
    now: DateTime<Utc>,
) -> Result<(), JobError> {
    end_job(tx, progress.lease).await?;
    let SyncSource { collection, source, run, .. } = progress.asked;
    collections::hold(tx, Scope::System, collection, Action::DocumentIngest).await?;
    let source = sources::lock(tx, collection, source).await?;
    if let Some(id) = progress.operation {
        let failure = end.error.as_deref().filter(|_| end.is_failure);
        finish(tx, id, failure, now).await?;
    }
    if let Some(mut source) = source {
        if source.status == SourceStatus::Syncing {
            source.status = SourceStatus::Idle;
            source.next_run_at = next_run(source.interval_minutes, now);
        }
        source.error.clone_from(&end.error);
        sources::update(tx, source).await?;
    }
    if let Some(run) = source_runs::lock(tx, run).await? {
        let (counts, error) = (progress.counts, end.error.clone());
        source_runs::update(tx, SourceRun { counts, error, completed_at: Some(now), ..run }).await?;
    }
    Ok(())
}

/// Ends an operation to which no documents are added any more: it has those that were accepted.
async fn finish(
    tx: &Transaction<'_>,
    id: OperationId,
    failure: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), JobError> {
    let Some(mut run) = operations::lock(tx, Scope::System, id).await? else { return Ok(()) };
    run.plan(accepted(tx, id).await?);
    run.start(now);
    match failure {
        Some(message) if run.operation().totals.documents == 0 => run.fail(message.to_owned(), now),
        _ => run.finish(now),
    }
    operations::save(tx, run).await?;
    Ok(())
}

/// Locks the collection and the source of a job that is still held, if the source is still to be synced.
async fn wanted(
    tx: &Transaction<'_>,
    lease: Lease,
    asked: SyncSource,
) -> Result<Option<(Collection, Source)>, JobError> {
    if !queued::prove(tx, lease).await? {
        return Err(JobError::LeaseLost);
    }
    let found = collections::lock(tx, Scope::System, asked.collection, Action::DocumentIngest).await?;
    let Some(collection) = found.filter(Collection::is_kept) else { return Ok(None) };
    let source = sources::lock(tx, asked.collection, asked.source).await?;
    Ok(source.filter(|source| source.status == SourceStatus::Syncing).map(|source| (collection, source)))
}

async fn accepted(tx: &Transaction<'_>, id: OperationId) -> Result<i32, DatabaseError> {
    let counts: HashMap<_, _> =
        operation_documents::count(&tx.reader(Scope::System), &[id], &ItemFilter::default()).await?;
    Ok(counts.get(&id).map_or(0, |count| i32::try_from(*count).unwrap_or(i32::MAX)))
}

async fn write_counts(tx: &Transaction<'_>, progress: &Progress) -> Result<(), DatabaseError> {
    if let Some(run) = source_runs::lock(tx, progress.asked.run).await? {
        source_runs::update(tx, SourceRun { counts: progress.counts, ..run }).await?;
    }
    Ok(())
}

fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
