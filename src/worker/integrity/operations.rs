//! Operations and syncs that have not ended, and on which no job works any more. They get their jobs again, or end.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use super::{Aim, go_on};
use crate::{
    db::{
        DatabaseError, Transaction,
        repo::{collections, generations, jobs, open_operations, operations, source_runs, sources},
    },
    domain::{
        action::Action,
        collection::Collection,
        generation::GenerationState,
        id::{DocumentId, OperationId},
        integrity::{DamageKind, Findings},
        operation::{OperationRun, OperationType},
        scope::Scope,
        source::{Source, SourceRun, SourceStatus},
    },
    error::Error,
    jobs::{
        DeleteCollection, DropPoints, DropTarget, IngestDocument, Job, ReindexCollection, RemoveSource, SyncSource,
        enqueue,
    },
    queue::JobError,
    service::{Services, sources::request},
};

/// Operations that are looked up with one statement.
const PAGE: u64 = 500;

/// Looks at each operation that has not ended, and then at each source that is being synced.
pub(super) async fn check(
    services: &Services,
    aim: Aim,
    findings: &mut Findings,
    stop: &CancellationToken,
) -> Result<(), JobError> {
    let (database, now) = (&services.database, services.clock.now());
    let reader = database.reader(Scope::System);
    let working = jobs::count_by_operation(&reader).await?;
    let mut after = None;
    loop {
        go_on(stop)?;
        let some = open_operations::list(&reader, after, PAGE).await?;
        let Some((last, _)) = some.last() else { break };
        after = Some(*last);
        for (id, unsettled) in some.into_iter().filter_map(|(id, unsettled)| Some((id, unsettled?))) {
            // Most have a job for each document, or one for all; the others are looked at more closely.
            if working.get(&id).is_some_and(|jobs| *jobs >= unsettled) {
                continue;
            }
            if database.transaction(|tx| look_at(tx, id, aim, now).boxed()).await? {
                findings.add(DamageKind::StuckOperation, format!("operation {id}"), 1, aim == Aim::Repair);
            }
        }
    }
    for source in sources::syncing(&reader).await? {
        if database.transaction(|tx| look_at_source(tx, &source, aim, now).boxed()).await? {
            findings.add(DamageKind::StuckOperation, format!("source {}", source.id), 1, aim == Aim::Repair);
        }
    }
    Ok(())
}

/// Whether an operation is stuck. A job ends under the lock of its operation, so what is seen here fits together.
async fn look_at(tx: &Transaction<'_>, id: OperationId, aim: Aim, now: DateTime<Utc>) -> Result<bool, Error> {
    let Some(operation) = operations::find(&tx.reader(Scope::System), id).await? else { return Ok(false) };
    let collection = match operation.collection_id {
        Some(id) => collections::lock(tx, Scope::System, id, Action::OperationRead).await?,
        None => None,
    };
    let Some(mut run) = operations::lock(tx, Scope::System, id).await? else { return Ok(false) };
    if run.operation().status.is_terminal() {
        return Ok(false);
    }
    let jobs = jobs::of_operation(tx, id).await?;
    let unsettled = open_operations::unsettled(tx, id).await?;
    let lost = match operation.operation_type {
        OperationType::Index | OperationType::Append => {
            let has = |job: &jobs::QueuedJob| serde_json::from_value::<IngestDocument>(job.payload.clone()).ok();
            let ingested = jobs.iter().filter(|job| job.kind == IngestDocument::KIND);
            let ingested: HashSet<_> = ingested.filter_map(has).map(|job| job.ordinal).collect();
            let lost: Vec<_> =
                unsettled.iter().map(|(ordinal, _)| *ordinal).filter(|at| !ingested.contains(at)).collect();
            let is_followed = match operation.source_id() {
                Some(source) => jobs::is_queued(&tx.reader(Scope::System), SyncSource::KIND, "source", source).await?,
                None => false,
            };
            // Without a document left it would end with the last one, and there is none.
            let is_over = unsettled.is_empty() && jobs.is_empty() && !is_followed;
            if lost.is_empty() && !is_over {
                return Ok(false);
            }
            lost
        }
        OperationType::Reindex | OperationType::Delete | OperationType::RemoveSource if !jobs.is_empty() => {
            return Ok(false);
        }
        OperationType::Reindex | OperationType::Delete | OperationType::RemoveSource => Vec::new(),
    };
    if aim == Aim::Repair {
        let documents: Vec<_> = unsettled.into_iter().map(|(_, document)| document).collect();
        if !resume(tx, &run, collection.as_ref(), &lost, documents, now).await? {
            end(&mut run, now);
            operations::save(tx, run).await?;
        }
    }
    Ok(true)
}

/// Gives an operation its jobs again. Returns whether there is anything left to do.
async fn resume(
    tx: &Transaction<'_>,
    run: &OperationRun,
    collection: Option<&Collection>,
    lost: &[i32],
    documents: Vec<DocumentId>,
    now: DateTime<Utc>,
) -> Result<bool, DatabaseError> {
    let (operation, user) = (run.operation().id, run.operation().user_id.into());
    let Some(collection) = collection else { return Ok(false) };
    match run.operation().operation_type {
        OperationType::Index | OperationType::Append => {
            let job = |ordinal: &i32| IngestDocument { operation, ordinal: *ordinal, is_synced: false };
            let jobs: Vec<_> = lost.iter().map(job).collect();
            enqueue(tx, &jobs, user, now).await?;
            Ok(!jobs.is_empty())
        }
        OperationType::Reindex => {
            let all = generations::of_locked(tx, collection.id).await?;
            let filled = all.into_iter().find(|generation| {
                generation.state == GenerationState::Building && generation.operation == Some(operation)
            });
            let Some(generation) = filled else { return Ok(false) };
            let (collection, generation) = (collection.id, generation.id);
            let job = ReindexCollection { operation, collection, generation, after: None };
            enqueue(tx, &[job], user, now).await?;
            Ok(true)
        }
        OperationType::Delete if !collection.is_kept() => {
            let job = DeleteCollection { operation, collection: collection.id };
            enqueue(tx, &[job], user, now).await?;
            Ok(true)
        }
        OperationType::Delete => {
            let job = DropPoints::of(collection, DropTarget::Documents(documents));
            enqueue(tx, &[DropPoints { operation: Some(operation), ..job }], user, now).await?;
            Ok(true)
        }
        OperationType::RemoveSource => {
            let Some(source) = run.operation().source_id() else { return Ok(false) };
            if sources::lock(tx, collection.id, source).await?.is_none() {
                return Ok(false);
            }
            let keeps_documents = run.operation().config["keepDocuments"] == true;
            let job = RemoveSource { collection: collection.id, source, operation, keeps_documents };
            enqueue(tx, &[job], user, now).await?;
            Ok(true)
        }
    }
}

/// Ends an operation for which nothing is left to do, with the documents that it has.
fn end(run: &mut OperationRun, now: DateTime<Utc>) {
    run.start(now);
    if run.operation().operation_type == OperationType::Reindex {
        return run.fail("Its index was lost. Reindex the collection again.".to_owned(), now);
    }
    run.plan(run.operation().totals.settled());
    run.finish(now);
}

/// Whether a source waits for a sync for which there is no job.
async fn look_at_source(
    tx: &Transaction<'_>,
    found: &Source,
    aim: Aim,
    now: DateTime<Utc>,
) -> Result<bool, DatabaseError> {
    collections::hold(tx, Scope::System, found.collection_id, Action::DocumentIngest).await?;
    let Some(source) = sources::lock(tx, found.collection_id, found.id).await? else { return Ok(false) };
    let reader = tx.reader(Scope::System);
    let is_worked_on = jobs::is_queued(&reader, SyncSource::KIND, "source", source.id).await?;
    if source.status != SourceStatus::Syncing || is_worked_on {
        return Ok(false);
    }
    if aim == Aim::Repair {
        if let Some(id) = source.last_run
            && let Some(run) = source_runs::lock(tx, id).await?.filter(|run| run.completed_at.is_none())
        {
            let error = Some("This sync was interrupted. Another one has been started.".to_owned());
            source_runs::update(tx, SourceRun { error, completed_at: Some(now), ..run }).await?;
        }
        request(tx, source, None, false, now).await?;
    }
    Ok(true)
}
