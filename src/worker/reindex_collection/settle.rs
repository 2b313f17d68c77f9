//! The database changes of a reindexing: begun, a document settled, promoted, given up. One transaction each, which locks
//! the collection, then the operation, then the document.

use chrono::{DateTime, Utc};
use futures_util::FutureExt;

use super::{
    super::{
        end_job, failpoint,
        ingest_document::{Indexed, Work, keep_extraction},
    },
    Plan, ReindexCollectionHandler,
};
use crate::{
    db::{
        DatabaseError, Transaction,
        repo::{
            chunks, collections, documents, generations,
            jobs::{self, ClaimedJob, Lease},
            operation_documents::{self, OperationItem},
            operations,
        },
    },
    domain::{
        action::Action,
        collection::Collection,
        document::ProcessingError,
        generation::{Generation, GenerationState, IndexedDocument},
        operation::{OperationDocument, OperationRun, Settlement},
        scope::Scope,
    },
    ingest::Target,
    jobs::{DropPoints, DropTarget, ReindexCollection, enqueue},
    queue::JobError,
    service::{
        Services,
        generations::{activate, give_up},
    },
};

/// Why a generation that lacks documents is not promoted.
const KEPT: &str = "so the collection keeps its present index";

impl ReindexCollectionHandler {
    /// Marks the operation as being worked on. `None`: there is nothing (more) to do, and the job is gone.
    pub(super) async fn begin(&self, job: &ClaimedJob, asked: ReindexCollection) -> Result<Option<Plan>, JobError> {
        let (lease, now) = (job.lease(), self.documents.services.clock.now());
        self.documents.services.database.transaction(|tx| begin(tx, lease, asked, now).boxed()).await
    }

    /// Writes what became of a document: its chunks in the new generation, none of an archive, or why it has none.
    pub(super) async fn settle(
        &self,
        job: &ClaimedJob,
        plan: &Plan,
        work: &Work,
        result: Result<Option<Indexed>, ProcessingError>,
    ) -> Result<(), JobError> {
        let (lease, now) = (job.lease(), self.documents.services.clock.now());
        let (asked, result) = (plan.asked, &result);
        let services = &*self.documents.services;
        services.database.transaction(|tx| settle(tx, services, lease, asked, work, result, now).boxed()).await?;
        failpoint("reindex-settled")
    }

    /// Ends the job, and lets one like it go on.
    pub(super) async fn yield_to_others(&self, job: &ClaimedJob, next: ReindexCollection) -> Result<(), JobError> {
        let (lease, now) = (job.lease(), self.documents.services.clock.now());
        self.documents.services.database.transaction(|tx| go_on(tx, lease, next, now).boxed()).await
    }

    /// Promotes the generation if it is complete, and otherwise begins anew with what is missing.
    pub(super) async fn end_pass(&self, job: &ClaimedJob, plan: &Plan) -> Result<(), JobError> {
        let (lease, asked, now) = (job.lease(), plan.asked, self.documents.services.clock.now());
        self.documents.services.database.transaction(|tx| end_pass(tx, lease, asked, now).boxed()).await?;
        // A crash here leaves nothing to do: the transaction was the last step.
        failpoint("reindex-promoted").or(Ok(()))
    }

    /// Gives up the generation, because its job kept failing.
    pub(super) async fn abandon(&self, job: &ClaimedJob, asked: ReindexCollection) -> Result<(), JobError> {
        let (lease, now) = (job.lease(), self.documents.services.clock.now());
        self.documents.services.database.transaction(|tx| abandon(tx, lease, asked, now).boxed()).await
    }
}

/// What a job is about, while it is wanted.
struct Wanted {
    collection: Collection,
    run: OperationRun,
    generation: Generation,
}

/// `None` if the generation is not built any more: its operation has ended, or its collection is being deleted.
async fn lock_wanted(tx: &Transaction<'_>, asked: ReindexCollection) -> Result<Option<Wanted>, DatabaseError> {
    let collection = collections::lock(tx, Scope::System, asked.collection, Action::CollectionRead).await?;
    let run = operations::lock(tx, Scope::System, asked.operation).await?;
    let all = generations::of_locked(tx, asked.collection).await?;
    let is_built = |generation: &Generation| {
        generation.id == asked.generation
            && generation.state == GenerationState::Building
            && generation.operation == Some(asked.operation)
    };
    let (Some(collection), Some(run), Some(generation)) = (collection, run, all.into_iter().find(is_built)) else {
        return Ok(None);
    };
    let is_open = collection.is_kept() && !run.operation().status.is_terminal();
    Ok(is_open.then_some(Wanted { collection, run, generation }))
}

async fn begin(
    tx: &Transaction<'_>,
    lease: Lease,
    asked: ReindexCollection,
    now: DateTime<Utc>,
) -> Result<Option<Plan>, JobError> {
    if !jobs::prove(tx, lease).await? {
        return Err(JobError::LeaseLost);
    }
    let Some(Wanted { collection, mut run, generation }) = lock_wanted(tx, asked).await? else {
        return end_job(tx, lease).await.map(|()| None);
    };
    run.start(now);
    operations::save(tx, run).await?;
    let active = generations::active(tx, &collection).await?;
    Ok(Some(Plan { asked, collection, active, generation }))
}

async fn settle(
    tx: &Transaction<'_>,
    services: &Services,
    lease: Lease,
    asked: ReindexCollection,
    work: &Work,
    result: &Result<Option<Indexed>, ProcessingError>,
    now: DateTime<Utc>,
) -> Result<(), JobError> {
    if !jobs::prove(tx, lease).await? {
        return Err(JobError::LeaseLost);
    }
    // What was made for nothing goes with the generation.
    let Some(wanted) = lock_wanted(tx, asked).await? else { return Ok(()) };
    let Target { collection, generation, document, revision } = work.target;
    let current = documents::lock_many(tx, collection, &[document]).await?.pop();
    let user = wanted.run.operation().user_id;
    if current.is_none_or(|current| current.document.revision != revision) {
        // Deleted or replaced meanwhile. Newer content is missing in the generation, and so found again.
        let target = DropTarget::Revision { document, revision };
        let job = DropPoints { generation, target, operation: None };
        return Ok(enqueue(tx, &[job], user.into(), now).await?);
    }
    let settlement = match result {
        Ok(indexed) => {
            let rows = indexed.as_ref().map_or(&[][..], |indexed| indexed.rows.as_slice());
            let chunk_count = i32::try_from(rows.len()).unwrap_or(i32::MAX);
            chunks::replace(tx, collection, generation, document, rows).await?;
            let text = match indexed {
                Some(indexed) => keep_extraction(tx, services, indexed).await?,
                None => None,
            };
            let there =
                IndexedDocument { generation_id: generation, document_id: document, revision, chunk_count, text };
            generations::record(tx, there).await?;
            if revision > 1 {
                let target = DropTarget::OldRevisions { document };
                let job = DropPoints { generation, target, operation: None };
                enqueue(tx, &[job], user.into(), now).await?;
            }
            Settlement::completed(chunk_count)
        }
        Err(error) => Settlement::failed(error.clone()),
    };
    record(tx, wanted.run, work, &settlement, now).await
}

/// Writes the outcome of a document. One that changed after it was counted is not counted again.
async fn record(
    tx: &Transaction<'_>,
    mut run: OperationRun,
    work: &Work,
    settlement: &Settlement,
    now: DateTime<Utc>,
) -> Result<(), JobError> {
    let (operation, document) = (run.operation().id, work.target.document);
    if operation_documents::has_document(tx, operation, document).await? {
        if settlement.error().is_some() {
            let message = format!("A document that changed meanwhile could not be indexed, {KEPT}.");
            give_up(tx, work.target.collection, operation, now).await?;
            run.fail(message, now);
        }
    } else {
        let ordinal = run.operation().totals.settled();
        let outcome = OperationDocument::waiting(operation, document, ordinal);
        let item = OperationItem { outcome, ..work.item.clone() };
        operation_documents::insert_many(tx, vec![item]).await?;
        let (outcome, error) = (settlement.outcome(), settlement.error());
        operation_documents::set_outcome(tx, operation, &[ordinal], outcome, error, settlement.chunks()).await?;
        run.admit_document();
        run.settle(document, settlement, now);
    }
    operations::save(tx, run).await?;
    Ok(())
}

async fn go_on(
    tx: &Transaction<'_>,
    lease: Lease,
    next: ReindexCollection,
    now: DateTime<Utc>,
) -> Result<(), JobError> {
    end_job(tx, lease).await?;
    let operation = operations::find(&tx.reader(Scope::System), next.operation).await?;
    let user = operation.and_then(|operation| operation.user_id);
    Ok(enqueue(tx, &[next], user.into(), now).await?)
}

async fn end_pass(
    tx: &Transaction<'_>,
    lease: Lease,
    asked: ReindexCollection,
    now: DateTime<Utc>,
) -> Result<(), JobError> {
    end_job(tx, lease).await?;
    let Some(Wanted { collection, mut run, mut generation }) = lock_wanted(tx, asked).await? else { return Ok(()) };
    let totals = run.operation().totals;
    if totals.failed > 0 {
        let (failed, all) = (totals.failed, totals.documents);
        give_up(tx, collection.id, asked.operation, now).await?;
        run.fail(
            format!("{failed} of {all} documents could not be indexed, {KEPT}. Their errors have the reasons."),
            now,
        );
    } else if generations::is_complete(tx, collection.generation, generation.id).await? {
        activate(tx, &collection, &mut generation, now).await?;
        run.complete(now);
    } else {
        let user = run.operation().user_id;
        return Ok(enqueue(tx, &[ReindexCollection { after: None, ..asked }], user.into(), now).await?);
    }
    operations::save(tx, run).await?;
    Ok(())
}

async fn abandon(
    tx: &Transaction<'_>,
    lease: Lease,
    asked: ReindexCollection,
    now: DateTime<Utc>,
) -> Result<(), JobError> {
    end_job(tx, lease).await?;
    let Some(Wanted { collection, mut run, .. }) = lock_wanted(tx, asked).await? else { return Ok(()) };
    give_up(tx, collection.id, asked.operation, now).await?;
    run.fail(format!("A part of the server kept failing, {KEPT}. Reindex it again later."), now);
    operations::save(tx, run).await?;
    Ok(())
}
