//! Periodic maintenance: builds indexes, and deletes old uploads, sessions, audit log entries and unused original
//! files.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{FutureExt, TryStreamExt, stream::TryChunksError};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::{
    db::{
        Transaction,
        repo::{audit_log, generations, operations, originals, sessions, uploads},
    },
    disk,
    domain::{job::Tenant, scope::Scope},
    error::Error,
    jobs::{DropGeneration, enqueue},
    service::{Services, generations::grace},
};

use super::{dependency::placements, integrity};

/// The shortest time between two searches for unused original files.
const SWEEP_INTERVAL: Duration = Duration::from_mins(5);
/// Each search walks through the whole store. The pause after one is at least this many times as long as it took.
const PAUSE_FACTOR: u32 = 50;
/// How many original files are looked up with one statement.
pub(super) const SWEEP_SLICE: usize = 500;
/// An original file is stored before the row that refers to it, and stored again when the same bytes come again. A file
/// younger than this probably gets its row soon: deleting it would be safe, but the uploader would have to store it
/// again.
pub(super) const MIN_AGE: TimeDelta = TimeDelta::minutes(5);

/// Time after which a comparison that failed is tried again.
const RETRY: Duration = Duration::from_mins(1);

pub(super) async fn run(services: Arc<Services>, stop: CancellationToken) {
    // Files that were being written when the last process ended have no owner.
    match services.blobs.sweep_temporary(services.clock.now()).await {
        Ok(0) => {}
        Ok(files) => debug!(files, "unfinished files removed"),
        Err(error) => warn!(error = &error as &dyn std::error::Error, "unfinished files can't be removed now"),
    }
    let mut tick = tokio::time::interval(Duration::from_secs(services.config.vector.optimize_interval_seconds));
    let mut sweep = tokio::time::interval(SWEEP_INTERVAL);
    let mut comparison = tokio::time::interval(Duration::from_mins(services.config.vector.integrity_check_minutes));
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            _ = sweep.tick() => {
                let begin = Instant::now();
                if let Err(error) = remove_unused_originals(&services, &stop).await {
                    warn!(error = &error as &dyn std::error::Error, "unused originals can't be removed now");
                }
                sweep.reset_after(SWEEP_INTERVAL.max(begin.elapsed() * PAUSE_FACTOR));
                continue;
            }
            _ = comparison.tick() => {
                if let Err(error) = integrity::check(&services, &stop).await {
                    warn!(error = &error as &dyn std::error::Error, "vectors and chunks can't be compared now");
                    comparison.reset_after(RETRY);
                }
                continue;
            }
            () = stop.cancelled() => return,
        }
        if let Err(error) = optimize(&services).await {
            warn!(error = &error as &dyn std::error::Error, "vectors can't be optimised now");
        }
        if let Err(error) = remove_old_audit_entries(&services).await {
            warn!(error = &error as &dyn std::error::Error, "old entries of the audit log can't be removed now");
        }
        if let Err(error) = remove_ended_operations(&services, &stop).await {
            warn!(error = &error as &dyn std::error::Error, "old operations can't be removed now");
        }
        if let Err(error) = drop_old_generations(&services).await {
            warn!(error = &error as &dyn std::error::Error, "old indexes can't be removed now");
        }
        if let Err(error) = remove_ended_sessions(&services).await {
            warn!(error = &error as &dyn std::error::Error, "old sessions can't be removed now");
        }
        if let Err(error) = remove_expired_uploads(&services).await {
            warn!(error = &error as &dyn std::error::Error, "old uploads can't be removed now");
        }
    }
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
