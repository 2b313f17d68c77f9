//! Chunks and points: the numbers of both for each generation, or each id.

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{
    super::reconcile::{Unmatched, kept_generations, walk as walk_generation},
    Aim,
};
use crate::{
    db::{
        DatabaseError,
        repo::{generations, jobs},
    },
    domain::{
        collection::Collection,
        generation::{Generation, GenerationState},
        id::CollectionId,
        integrity::{DamageKind, Findings},
        job::Tenant,
        scope::Scope,
    },
    error::Error,
    jobs::{DropPoints, Job, Reconcile, enqueue},
    queue::JobError,
    service::{Services, integrity::Difference},
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
        let subject = || format!("generation {} of collection {}", generation.id, collection.id);
        for (kind, count) in [(DamageKind::MissingVectors, found.missing), (DamageKind::OrphanVectors, found.surplus)] {
            if count > 0 {
                findings.add(kind, subject(), count, repaired);
            }
        }
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

/// Compares the numbers, and has what differs repaired. More points than chunks take two looks to be a difference.
pub(super) async fn count(
    services: &Services,
    collection: &Collection,
    findings: &mut Findings,
) -> Result<(), JobError> {
    let mut found: Option<Difference> = None;
    for generation in kept_generations(services, collection.id).await? {
        // What is being filled has its points before its rows.
        if generation.state == GenerationState::Building {
            continue;
        }
        if let Some(Difference { chunks, points }) = compare(services, &generation).await? {
            let sum = found.get_or_insert(Difference { chunks: 0, points: 0 });
            (sum.chunks, sum.points) = (sum.chunks + chunks, sum.points + points);
        }
    }
    if !services.integrity.found(collection.id, found) {
        return Ok(());
    }
    warn!(collection = %collection.id, ?found, "vectors and chunks differ; they will be repaired");
    repair(services, collection.id).await?;
    let Some(Difference { chunks, points }) = found else { return Ok(()) };
    let subject = format!("collection {}", collection.id);
    let count = usize::try_from((chunks - points).abs()).unwrap_or(usize::MAX);
    let kind = if points < chunks { DamageKind::MissingVectors } else { DamageKind::OrphanVectors };
    findings.add(kind, subject, count, false);
    Ok(())
}

/// How many chunks and points a generation has, where the numbers differ.
async fn compare(services: &Services, before: &Generation) -> Result<Option<Difference>, Error> {
    let points = services.vectors.count(&before.placement, before.id).await?;
    let points = i64::try_from(points).unwrap_or(i64::MAX);
    let reader = services.database.reader(Scope::System);
    let Some(now) = generations::find(&reader, before.id).await? else { return Ok(None) };
    // Rows may come and go while points are counted: the smaller number of chunks was true for sure.
    let (fewest, most) = (before.chunk_count.min(now.chunk_count), before.chunk_count.max(now.chunk_count));
    let (fewest, most) = (i64::from(fewest), i64::from(most));
    Ok(if points < fewest {
        Some(Difference { chunks: fewest, points })
    } else if points > most {
        Some(Difference { chunks: most, points })
    } else {
        None
    })
}

/// Enqueues the repair of a collection.
async fn repair(services: &Services, collection: CollectionId) -> Result<(), DatabaseError> {
    let now = services.clock.now();
    let job = [Reconcile { collection }];
    services.database.transaction(|tx| enqueue(tx, &job, Tenant::SYSTEM, now).boxed()).await
}
