//! Chunks and points: the numbers of both for each generation, or each id.

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{
    super::reconcile::{Unmatched, kept_generations, walk as walk_generation},
    Aim,
};
use crate::{
    db::{
        DatabaseError, Transaction,
        repo::{collections, generations, integrity_differences, jobs},
    },
    domain::{
        action::Action,
        collection::Collection,
        generation::{Generation, GenerationState},
        id::CollectionId,
        integrity::{DamageKind, Difference, Findings},
        job::Tenant,
        scope::Scope,
    },
    error::Error,
    jobs::{DropPoints, Job, Reconcile, enqueue},
    queue::JobError,
    service::Services,
};

/// Walks through every generation of a collection.
pub(super) async fn walk(
    services: &Services,
    collection: &Collection,
    aim: Aim,
    findings: &mut Findings,
    stop: &CancellationToken,
) -> Result<(), JobError> {
    let generations = kept_generations(services, collection.id).await?;
    let is_being_cleaned = is_being_cleaned(services, &generations).await?;
    let mut is_right = true;
    for generation in generations {
        let mut found = walk_generation(services, &generation, Aim::Report, stop).await?;
        if is_being_cleaned {
            found.surplus = 0;
        }
        if found == Unmatched::default() {
            continue;
        }
        let repaired = match aim {
            Aim::Report => false,
            Aim::Repair => match walk_generation(services, &generation, Aim::Repair, stop).await {
                Ok(_) => true,
                Err(JobError::Stopped) => return Err(JobError::Stopped),
                Err(error) => {
                    warn!(generation = %generation.id, error = &error as &dyn std::error::Error, "vectors are not repaired");
                    false
                }
            },
        };
        is_right &= repaired;
        let subject = || format!("generation {} of collection {}", generation.id, collection.id);
        for (kind, count) in [(DamageKind::MissingVectors, found.missing), (DamageKind::OrphanVectors, found.surplus)] {
            if count > 0 {
                findings.add(kind, subject(), count, repaired);
            }
        }
    }
    if aim == Aim::Repair && is_right {
        agree(services, collection.id).await?;
    }
    Ok(())
}

/// Whether a job waits that removes points of these generations, which are those of one collection.
async fn is_being_cleaned(services: &Services, generations: &[Generation]) -> Result<bool, DatabaseError> {
    let reader = services.database.reader(Scope::System);
    for generation in generations {
        if jobs::is_queued(&reader, DropPoints::KIND, "generation", generation.id).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Compares the numbers, and has what differs repaired.
pub(super) async fn count(
    services: &Services,
    collection: &Collection,
    findings: &mut Findings,
) -> Result<(), JobError> {
    let mut found: Option<(i64, i64)> = None;
    for generation in kept_generations(services, collection.id).await? {
        // What is being filled has its points before its rows.
        if generation.state == GenerationState::Building {
            continue;
        }
        if let Some((chunks, points)) = compare(services, &generation).await? {
            let sum = found.get_or_insert((0, 0));
            *sum = (sum.0 + chunks, sum.1 + points);
        }
    }
    let Some((chunks, points)) = found else {
        return Ok(agree(services, collection.id).await?);
    };
    let (id, now) = (collection.id, services.clock.now());
    if !services.database.transaction(|tx| differ(tx, id, chunks, points, now).boxed()).await? {
        return Ok(());
    }
    warn!(collection = %id, chunks, points, "vectors and chunks differ; they will be repaired");
    let count = usize::try_from((chunks - points).abs()).unwrap_or(usize::MAX);
    let kind = if points < chunks { DamageKind::MissingVectors } else { DamageKind::OrphanVectors };
    findings.add(kind, format!("collection {id}"), count, false);
    Ok(())
}

/// How many chunks and points a generation has, where the numbers differ.
async fn compare(services: &Services, before: &Generation) -> Result<Option<(i64, i64)>, Error> {
    let points = services.vectors.count(&before.placement, before.id).await?;
    let points = i64::try_from(points).unwrap_or(i64::MAX);
    let reader = services.database.reader(Scope::System);
    let Some(now) = generations::find(&reader, before.id).await? else { return Ok(None) };
    // Rows may come and go while points are counted: the smaller number of chunks was true for sure.
    let (fewest, most) = (before.chunk_count.min(now.chunk_count), before.chunk_count.max(now.chunk_count));
    let (fewest, most) = (i64::from(fewest), i64::from(most));
    Ok(if points < fewest {
        Some((fewest, points))
    } else if points > most {
        Some((most, points))
    } else {
        None
    })
}

/// Writes down that a collection differs, and has it repaired if that is sure. Returns whether it is.
async fn differ(
    tx: &Transaction<'_>,
    id: CollectionId,
    chunks: i64,
    points: i64,
    now: DateTime<Utc>,
) -> Result<bool, DatabaseError> {
    // It may be gone by now.
    if collections::lock(tx, Scope::System, id, Action::CollectionUpdate).await?.is_none() {
        return Ok(false);
    }
    let before = integrity_differences::find(&tx.reader(Scope::System), id).await?;
    let difference = Difference::seen(before, chunks, points);
    if difference.is_sure {
        enqueue(tx, &[Reconcile { collection: id }], Tenant::SYSTEM, now).await?;
    }
    integrity_differences::record(tx, id, difference).await?;
    Ok(difference.is_sure)
}

/// Writes down that a collection does not differ.
async fn agree(services: &Services, id: CollectionId) -> Result<(), DatabaseError> {
    if integrity_differences::find(&services.database.reader(Scope::System), id).await?.is_some() {
        services.database.transaction(|tx| integrity_differences::delete(tx, id).boxed()).await?;
    }
    Ok(())
}
