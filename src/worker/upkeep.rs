//! Periodic maintenance: builds indexes, and deletes old uploads, sessions, audit log entries and unused original
//! files.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{FutureExt, TryStreamExt, stream::TryChunksError};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::{
    config::Config,
    db::{
        Transaction,
        repo::{audit_log, generations, operations, originals, sessions, uploads},
    },
    disk,
    domain::{job::Tenant, scope::Scope, worker::WorkerName},
    error::Error,
    jobs::{DropGeneration, enqueue},
    service::{Services, generations::grace},
};

use super::{
    dependency::placements,
    integrity,
    supervisor::Task,
    sync_source::{schedule::start_due, watch},
};

/// Time between two searches for unused original files.
const SWEEP_INTERVAL: Duration = Duration::from_mins(5);
/// Each search walks through the whole store. The pause after one is at least this many times as long as it took.
const PAUSE_FACTOR: u32 = 50;
/// How many original files are looked up with one statement.
pub(super) const SWEEP_SLICE: usize = 500;
/// An original file is stored before the row that refers to it, and stored again when the same bytes come again. A file
/// younger than this probably gets its row soon: deleting it would be safe, but the uploader would have to store it
/// again.
pub(super) const MIN_AGE: TimeDelta = TimeDelta::minutes(5);

/// A file that was begun so long ago is not arriving any more.
const ABANDONED: TimeDelta = TimeDelta::days(1);

/// All recurring tasks, with their schedules.
pub(super) fn tasks(config: &Config) -> Vec<Task> {
    let vector = &config.vector;
    let often = Duration::from_secs(vector.optimize_interval_seconds);
    let look_for_syncs = Duration::from_secs(config.sources.check_seconds);
    let compare = Duration::from_mins(vector.integrity_check_minutes);
    let sync = Task::new(WorkerName::SyncSchedule, look_for_syncs, |services, _| {
        async move { Ok(start_due(&services).await?) }.boxed()
    });
    let optimisation =
        Task::new(WorkerName::Optimisation, often, |services, _| async move { Ok(optimize(&services).await?) }.boxed());
    let integrity = Task::new(WorkerName::Integrity, compare, |services, stop| {
        async move { integrity::compare(&services, &stop).await }.boxed()
    });
    let files = Task::new(WorkerName::FileCheck, compare, |services, stop| {
        async move { integrity::walk(&services, &stop).await }.boxed()
    });
    let originals = Task::new(WorkerName::OriginalCleanUp, SWEEP_INTERVAL, |services, stop| {
        async move { Ok(remove_unused_originals(&services, &stop).await?) }.boxed()
    });
    let clean_up = Task::new(WorkerName::CleanUp, often, |services, stop| {
        async move { Ok(clean_up(&services, &stop).await?) }.boxed()
    });
    let audit = Task::new(WorkerName::AuditRetention, often, |services, _| {
        async move { Ok(remove_old_audit_entries(&services).await?) }.boxed()
    });
    let watch = Task::new(WorkerName::Watch, look_for_syncs, |services, stop| {
        async move { watch::run(&services, &stop).await }.boxed()
    });
    let mut tasks = vec![
        // It only looks; the row of a source decides.
        Task { is_own: true, ..sync },
        // The embedded engine belongs to its process.
        Task { is_own: vector.url.is_none(), ..optimisation },
        integrity,
        // It walks through the whole store, too.
        Task { rest: PAUSE_FACTOR, ..files },
        Task { rest: PAUSE_FACTOR, ..originals },
        clean_up,
        audit,
    ];
    if config.sources.watch_seconds > 0 && !config.sources.directories.is_empty() {
        // It only looks, too.
        tasks.push(Task { is_own: true, ..watch });
    }
    tasks
}

/// Removes unfinished files that have no owner any more. It walks through the whole store.
pub(super) async fn remove_unfinished(services: Arc<Services>) {
    let now = services.clock.now();
    // Another process may be receiving files into the same directory.
    let abandoned = if services.config.can_be_shared() { now - ABANDONED } else { now };
    match services.blobs.sweep_temporary(abandoned).await {
        Ok(0) => {}
        Ok(files) => debug!(files, "unfinished files removed"),
        Err(error) => warn!(error = &error as &dyn std::error::Error, "unfinished files can't be removed now"),
    }
}

/// What fails does not keep the rest from being removed.
async fn clean_up(services: &Services, stop: &CancellationToken) -> Result<(), Error> {
    let operations = remove_ended_operations(services, stop).await;
    let generations = drop_old_generations(services).await;
    let sessions = remove_ended_sessions(services).await;
    let uploads = remove_expired_uploads(services).await;
    operations.and(generations).and(sessions).and(uploads)
}

/// A rebuilt index is written next to the old one, so for a moment all vectors may exist twice.
async fn optimize(services: &Services) -> Result<(), Error> {
    let vectors = services.config.data_dir.join("vectors");
    let size = tokio::task::spawn_blocking(move || disk::size_of(&vectors)).await.map_err(Error::internal)?;
    if !services.disk.has_room_for(size.unwrap_or(0)) {
        debug!("there is no room to optimise vectors");
        return Ok(());
    }
    for placement in placements(services).await? {
        if services.vectors.optimize(&placement).await? {
            debug!(placement = placement.name, "placement optimised");
        }
    }
    Ok(())
}

async fn remove_old_audit_entries(services: &Services) -> Result<(), Error> {
    let days = services.config.audit.retention_days;
    if days == 0 {
        return Ok(());
    }
    let moment = services.clock.now() - TimeDelta::days(days);
    let removed = services.database.transaction(|tx| audit_log::delete_before(tx, moment).boxed()).await?;
    if removed > 0 {
        debug!(entries = removed, "old entries of the audit log removed");
    }
    Ok(())
}

/// Slice by slice, so that others write in between.
async fn remove_ended_operations(services: &Services, stop: &CancellationToken) -> Result<(), Error> {
    let days = services.config.ingestion.operation_retention_days;
    if days == 0 {
        return Ok(());
    }
    let moment = services.clock.now() - TimeDelta::days(days);
    while !stop.is_cancelled() {
        let rows = services.database.transaction(|tx| operations::delete_ended(tx, moment).boxed()).await?;
        if rows == 0 {
            break;
        }
        debug!(rows, "old operations removed");
    }
    Ok(())
}

/// Has the generations removed whose time of grace is over.
async fn drop_old_generations(services: &Services) -> Result<(), Error> {
    let now = services.clock.now();
    let reader = services.database.reader(Scope::System);
    let old = generations::retired_before(&reader, now - grace(services)).await?;
    if old.is_empty() {
        return Ok(());
    }
    let jobs: Vec<_> = old.iter().map(|generation| DropGeneration { generation: generation.id }).collect();
    let jobs = jobs.as_slice();
    services.database.transaction(|tx| enqueue(tx, jobs, Tenant::SYSTEM, now).boxed()).await?;
    Ok(())
}

/// Ended sessions are kept as long as a session can last, because they record the addresses from which an account was
/// used.
async fn remove_ended_sessions(services: &Services) -> Result<(), Error> {
    let moment = services.clock.now() - TimeDelta::days(services.config.auth.session_days);
    let removed = services.database.transaction(|tx| sessions::delete_ended(tx, moment).boxed()).await?;
    if removed > 0 {
        debug!(sessions = removed, "old sessions removed");
    }
    Ok(())
}

async fn remove_expired_uploads(services: &Services) -> Result<(), Error> {
    let now = services.clock.now();
    let removed = services.database.transaction(|tx| uploads::delete_expired(tx, now).boxed()).await?;
    if removed > 0 {
        debug!(uploads = removed, "expired uploads removed");
    }
    Ok(())
}

/// Removes originals that no document, no upload and no operation needs: those of removed documents, of replaced content,
/// of uploads that were never used.
async fn remove_unused_originals(services: &Services, stop: &CancellationToken) -> Result<(), Error> {
    let reader = services.database.reader(Scope::System);
    let stored_before = services.clock.now() - MIN_AGE;
    let mut slices = services.blobs.originals(stored_before).try_chunks(SWEEP_SLICE);
    while let Some(digests) = slices.try_next().await.map_err(|TryChunksError(_, error)| error)? {
        let needed = originals::needed(&reader, &digests).await?;
        for digest in digests.iter().filter(|digest| !needed.contains(*digest)) {
            if stop.is_cancelled() {
                return Ok(());
            }
            // Checked again while no transaction can add a reference.
            let remove =
                services.database.transaction(|tx| remove_if_unused(tx, services, digest, stored_before).boxed());
            if remove.await? {
                debug!(digest, "unused original removed");
            }
        }
    }
    Ok(())
}

/// Deletes the bytes if nothing refers to them now that their digest is locked. If the transaction is rolled back after
/// all, bytes without a reference are gone, which the next one that stores them notices.
pub(super) async fn remove_if_unused(
    tx: &Transaction<'_>,
    services: &Services,
    digest: &str,
    stored_before: DateTime<Utc>,
) -> Result<bool, Error> {
    originals::take(tx, digest).await?;
    let needed = originals::needed(&tx.reader(Scope::System), &[digest.to_owned()]).await?;
    // Stored again in the meantime: a reference is about to be added.
    if !needed.is_empty() || !services.blobs.is_older(digest, stored_before).await? {
        return Ok(false);
    }
    fail::fail_point!(&format!("original-unused-{digest}"));
    services.blobs.delete(digest).await?;
    Ok(true)
}
