//! What has to be done now and then without anybody asking: indexes built, old uploads, sessions, lines of the
//! audit log and unused originals removed.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{FutureExt, TryStreamExt, stream::TryChunksError};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::{
    db::repo::{audit_log, collections, operations, originals, sessions, uploads},
    disk,
    domain::scope::Scope,
    error::Error,
    service::Services,
    vector::Placement,
};

use super::integrity;

/// The shortest time between two looks for originals that nothing needs.
const SWEEP_INTERVAL: Duration = Duration::from_mins(5);
/// Each look goes through the whole store. The pause after one is at least this many times as long as it took.
const PAUSE_FACTOR: u32 = 50;
/// How many originals are looked up with one statement.
const SWEEP_SLICE: usize = 500;
/// An original is stored before the row that needs it, and stored again when the same bytes come again. One that is
/// younger than this is probably about to get its row: removing it would be safe, but whoever stored it would have to do
/// so again.
const MIN_AGE: TimeDelta = TimeDelta::minutes(5);

/// Time after which a comparison that failed is tried again.
const RETRY: Duration = Duration::from_mins(1);

pub(super) async fn run(services: Arc<Services>, stop: CancellationToken) {
    // What was being written when the last process ended is nobody's.
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
            warn!(error = &error as &dyn std::error::Error, "old lines of the audit log can't be removed now");
        }
        if let Err(error) = remove_ended_operations(&services, &stop).await {
            warn!(error = &error as &dyn std::error::Error, "old operations can't be removed now");
        }
        if let Err(error) = remove_ended_sessions(&services).await {
            warn!(error = &error as &dyn std::error::Error, "old sessions can't be removed now");
        }
        if let Err(error) = remove_expired_uploads(&services).await {
            warn!(error = &error as &dyn std::error::Error, "old uploads can't be removed now");
        }
    }
}

/// A rebuilt index is written beside the old one, so that for a moment all vectors may be there twice.
async fn optimize(services: &Services) -> Result<(), Error> {
    let vectors = services.config.data_dir.join("vectors");
    let size = tokio::task::spawn_blocking(move || disk::size_of(&vectors)).await.map_err(Error::internal)?;
    if !services.disk.has_room_for(size.unwrap_or(0)) {
        debug!("there is no room to optimise vectors");
        return Ok(());
    }
    let mut names = collections::placements(&services.database.reader(Scope::System)).await?;
    // The placement of new collections may hold what the last of them left.
    let own = services.placement();
    if !names.contains(&own.name) {
        names.push(own.name.clone());
    }
    for name in names {
        let placement = Placement { name, dimension: own.dimension };
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
        debug!(entries = removed, "old lines of the audit log removed");
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

/// Ended sessions are kept as long as a session can last: they tell from where an account was used.
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
    let removed = services
        .database
        .transaction(|tx| async move { Ok::<_, Error>(uploads::delete_expired(tx, now).await?) }.boxed())
        .await?;
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
        for digest in digests.into_iter().filter(|digest| !needed.contains(digest)) {
            if stop.is_cancelled() {
                return Ok(());
            }
            if remove_if_unused(services, &digest, stored_before).await? {
                debug!(digest, "unused original removed");
            }
        }
    }
    Ok(())
}

/// Looks again while nobody can begin to need the bytes, and removes them in that transaction. If it is rolled back after
/// all, bytes that nothing refers to are gone, which whoever stores them again sees.
async fn remove_if_unused(services: &Services, digest: &str, stored_before: DateTime<Utc>) -> Result<bool, Error> {
    services
        .database
        .transaction(|tx| {
            async move {
                originals::take(tx, digest).await?;
                let needed = originals::needed(&tx.reader(Scope::System), &[digest.to_owned()]).await?;
                // Stored again meanwhile: somebody is about to refer to it.
                if !needed.is_empty() || !services.blobs.is_older(digest, stored_before).await? {
                    return Ok(false);
                }
                fail::fail_point!(&format!("original-unused-{digest}"));
                services.blobs.delete(digest).await?;
                Ok(true)
            }
            .boxed()
        })
        .await
}
