//! Counters, and rows of chunks, compared with what was counted.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use super::{super::reconcile::kept_generations, Aim, go_on, originals::with_originals};
use crate::{
    db::{
        DatabaseError, Transaction,
        repo::{
            chunks as rows, collections, documents, generations, operations,
            totals::{self, Looked},
        },
    },
    domain::{
        action::Action,
        collection::Collection,
        generation::{Generation, GenerationState},
        id::{CollectionId, DocumentId, OperationId},
        integrity::{DamageKind, Findings},
        scope::Scope,
    },
    error::Error,
    queue::JobError,
    service::{Services, documents::index_again, generations::grace},
};

/// Rows that are looked up with one statement.
const PAGE: u64 = 200;

/// Compares the counters of collections, generations, documents and operations.
pub(super) async fn check(
    services: &Services,
    aim: Aim,
    findings: &mut Findings,
    stop: &CancellationToken,
) -> Result<(), JobError> {
    check_collections(services, aim, findings, stop).await?;
    check_generations(services, aim, findings, stop).await?;
    check_operations(services, aim, findings, stop).await
}

async fn check_collections(
    services: &Services,
    aim: Aim,
    findings: &mut Findings,
    stop: &CancellationToken,
) -> Result<(), JobError> {
    let mut after = None;
    loop {
        go_on(stop)?;
        let some = {
            let snapshot = services.database.snapshot().await?;
            totals::wrong_collections(&snapshot.reader(Scope::System), after, PAGE).await?
        };
        let Some(Looked { last, wrong }) = some else { return Ok(()) };
        after = Some(last);
        for id in wrong {
            if aim == Aim::Repair {
                services.database.transaction(|tx| recount_collection(tx, id).boxed()).await?;
            }
            findings.add(DamageKind::WrongTotals, format!("collection {id}"), 1, aim == Aim::Repair);
        }
    }
}

async fn recount_collection(tx: &Transaction<'_>, id: CollectionId) -> Result<(), DatabaseError> {
    collections::hold(tx, Scope::System, id, Action::CollectionUpdate).await?;
    totals::recount_collection(tx, id).await
}

async fn check_generations(
    services: &Services,
    aim: Aim,
    findings: &mut Findings,
    stop: &CancellationToken,
) -> Result<(), JobError> {
    let mut after = None;
    loop {
        go_on(stop)?;
        let some = {
            let snapshot = services.database.snapshot().await?;
            totals::wrong_generations(&snapshot.reader(Scope::System), after, PAGE).await?
        };
        let Some(Looked { last, wrong }) = some else { return Ok(()) };
        after = Some(last);
        let now = services.clock.now();
        // What is in one that is being removed is no longer counted.
        for generation in wrong.iter().filter(|generation| !generation.is_over(grace(services), now)) {
            if aim == Aim::Repair {
                services.database.transaction(|tx| recount_generation(tx, generation).boxed()).await?;
            }
            findings.add(DamageKind::WrongTotals, format!("generation {}", generation.id), 1, aim == Aim::Repair);
        }
    }
}

async fn recount_generation(tx: &Transaction<'_>, generation: &Generation) -> Result<(), DatabaseError> {
    collections::hold(tx, Scope::System, generation.collection_id, Action::CollectionUpdate).await?;
    totals::recount_generation(tx, generation.id).await
}

async fn check_operations(
    services: &Services,
    aim: Aim,
    findings: &mut Findings,
    stop: &CancellationToken,
) -> Result<(), JobError> {
    let since = kept_since(services);
    let mut after = None;
    loop {
        go_on(stop)?;
        let some = {
            let snapshot = services.database.snapshot().await?;
            totals::wrong_operations(&snapshot.reader(Scope::System), since, after, PAGE).await?
        };
        let Some(Looked { last, wrong }) = some else { return Ok(()) };
        after = Some(last);
        for id in wrong {
            if aim == Aim::Repair {
                services.database.transaction(|tx| recount_operation(tx, id).boxed()).await?;
            }
            findings.add(DamageKind::WrongTotals, format!("operation {id}"), 1, aim == Aim::Repair);
        }
    }
}

/// Operations that ended before are being removed.
fn kept_since(services: &Services) -> DateTime<Utc> {
    match services.config.ingestion.operation_retention_days {
        0 => DateTime::UNIX_EPOCH,
        days => services.clock.now() - TimeDelta::days(days),
    }
}

async fn recount_operation(tx: &Transaction<'_>, id: OperationId) -> Result<(), DatabaseError> {
    operations::lock(tx, Scope::System, id).await?;
    totals::recount_operation(tx, id).await
}

/// Compares the rows of chunks of each document with their number. What is wrong in the active generation is indexed
/// again by the server; other generations forget the document, and are filled again before they are searched.
pub(super) async fn chunks(
    services: &Services,
    collection: &Collection,
    aim: Aim,
    findings: &mut Findings,
    stop: &CancellationToken,
) -> Result<(), JobError> {
    for generation in kept_generations(services, collection.id).await? {
        let mut after = None;
        loop {
            go_on(stop)?;
            let reader = services.database.reader(Scope::System);
            let some = totals::wrong_chunks(&reader, &generation, after, PAGE).await?;
            let Some(Looked { last, wrong }) = some else { break };
            after = Some(last);
            if aim == Aim::Repair && !wrong.is_empty() {
                make_right(services, &generation, &wrong).await?;
            }
            for id in wrong {
                findings.add(DamageKind::WrongChunks, format!("document {id}"), 1, aim == Aim::Repair);
            }
        }
        if generation.state == GenerationState::Active {
            check_documents(services, &generation, aim, findings, stop).await?;
        }
    }
    Ok(())
}

/// Has documents of a generation made again. Of those whose originals are lost, what is left is kept, and counted again.
async fn make_right(services: &Services, generation: &Generation, wrong: &[DocumentId]) -> Result<(), JobError> {
    let there = with_originals(services, wrong).await?;
    let (again, lost): (Vec<_>, Vec<_>) = wrong.iter().copied().partition(|id| there.contains(id));
    let (again, lost, now) = (again.as_slice(), lost.as_slice(), services.clock.now());
    if !again.is_empty() {
        services.database.transaction(|tx| renew(tx, generation, again, now).boxed()).await?;
    }
    if !lost.is_empty() {
        services.database.transaction(|tx| count_what_is_left(tx, generation, lost).boxed()).await?;
    }
    Ok(())
}

async fn count_what_is_left(
    tx: &Transaction<'_>,
    generation: &Generation,
    lost: &[DocumentId],
) -> Result<(), DatabaseError> {
    collections::hold(tx, Scope::System, generation.collection_id, Action::CollectionUpdate).await?;
    totals::recount_chunks(tx, generation, lost).await?;
    recount_documents(tx, generation, lost).await
}

/// Has documents of a generation made again.
pub(super) async fn renew(
    tx: &Transaction<'_>,
    generation: &Generation,
    wrong: &[DocumentId],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let collection = generation.collection_id;
    if generation.state == GenerationState::Active {
        return index_again(tx, Scope::System, collection, wrong, now).await;
    }
    collections::hold(tx, Scope::System, collection, Action::CollectionUpdate).await?;
    rows::delete_from_generation(tx, collection, generation.id, wrong).await?;
    generations::drop_documents(tx, generation.id, wrong).await?;
    Ok(totals::recount_generation(tx, generation.id).await?)
}

/// Compares the numbers of chunks that documents name with those of the active generation.
async fn check_documents(
    services: &Services,
    generation: &Generation,
    aim: Aim,
    findings: &mut Findings,
    stop: &CancellationToken,
) -> Result<(), JobError> {
    let (mut after, mut count) = (None, 0);
    loop {
        go_on(stop)?;
        let reader = services.database.reader(Scope::System);
        let some = totals::wrong_documents(&reader, generation, after, PAGE).await?;
        let Some(Looked { last, wrong }) = some else { break };
        after = Some(last);
        count += wrong.len();
        if aim == Aim::Repair && !wrong.is_empty() {
            let wrong = wrong.as_slice();
            services.database.transaction(|tx| recount_documents(tx, generation, wrong).boxed()).await?;
        }
    }
    if count > 0 {
        let subject = format!("documents of collection {}", generation.collection_id);
        findings.add(DamageKind::WrongTotals, subject, count, aim == Aim::Repair);
    }
    Ok(())
}

async fn recount_documents(
    tx: &Transaction<'_>,
    generation: &Generation,
    wrong: &[DocumentId],
) -> Result<(), DatabaseError> {
    let found = collections::lock(tx, Scope::System, generation.collection_id, Action::CollectionUpdate).await?;
    // Another generation may be the active one by now.
    if found.is_some_and(|collection| collection.generation == generation.id) {
        documents::take_chunk_counts(tx, generation.collection_id, generation.id, Some(wrong)).await?;
    }
    Ok(())
}
