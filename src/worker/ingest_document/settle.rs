//! The database changes of a document: started, completed, failed. One transaction each.

use std::{
    sync::atomic::{AtomicI32, Ordering},
    time::Duration,
};

use futures_util::FutureExt;

use super::{
    super::{dependency::SPACE, failpoint, payload},
    Indexed, IngestDocument, Payload, Work,
};
use crate::{
    db::{
        DatabaseError, Transaction,
        repo::{
            chunks,
            collections::{self, CounterChange},
            documents::{self, LockedDocument},
            generations,
            jobs::{self, ClaimedJob},
            operations::{self, LockedOperation, OperationItem},
        },
    },
    domain::{
        action::Action,
        collection::Collection,
        document::{Document, DocumentStatus, ProcessingError},
        generation::IndexedDocument,
        operation::{DocumentOutcome, OperationEventKind},
        scope::Scope,
    },
    ingest::Target,
    queue::JobError,
    service::{
        documents::{DropTarget, drop_points},
        fault::EMBEDDING_MODEL,
        operations::{Settlement, cancellation, finish_if_settled, settle, start},
    },
};

impl IngestDocument {
    /// Marks the document as being worked on. `None`: there is nothing (more) to do, and the job is gone.
    pub(super) async fn begin(&self, job: &ClaimedJob) -> Result<Option<Work>, JobError> {
        let Payload { operation, ordinal } = payload(job)?;
        let now = self.services.clock.now();
        let lease = job.lease();
        let work = self
            .services
            .database
            .transaction(|tx| {
                async move {
                    if !jobs::prove(tx, lease).await? {
                        return Err(JobError::LeaseLost);
                    }
                    let system = tx.reader(Scope::System);
                    let locked = operations::lock(tx, Scope::System, operation).await?;
                    let item = operations::find_item(&system, operation, ordinal).await?;
                    let (Some(mut locked), Some(item)) = (locked, item) else {
                        return end_job(tx, lease).await.map(|()| None);
                    };
                    if item.outcome.outcome.is_settled() {
                        return end_job(tx, lease).await.map(|()| None);
                    }
                    let document = documents::find(&system, item.outcome.document_id).await?;
                    // An earlier attempt may have reported progress.
                    locked.operation.totals.in_work -= item.outcome.percent;
                    let collection = match locked.operation.collection_id {
                        Some(id) => collections::find(&system, id).await?,
                        None => None,
                    };
                    let is_kept = collection.as_ref().is_some_and(Collection::is_kept);
                    if let Some(settlement) = settled_early(&locked, &item, document.as_ref(), is_kept) {
                        if job.was_held_before() {
                            drop_revision(tx, &locked, collection.as_ref(), &item, now).await?;
                        }
                        conclude(tx, locked, &item, &settlement, now).await?;
                        return end_job(tx, lease).await.map(|()| None);
                    }
                    let Some(collection) = collection else {
                        return Err(JobError::Unknown("the collection of a document is missing".into()));
                    };
                    let generation = generations::active(tx, &collection).await?;
                    start(&mut locked, now);
                    if item.outcome.outcome == DocumentOutcome::Pending {
                        locked.record(OperationEventKind::DocumentStarted, Some(item.outcome.document_id), None, now);
                    }
                    let outcome = DocumentOutcome::Processing;
                    operations::set_outcome(tx, operation, ordinal, outcome, None, 0).await?;
                    let target = (item.outcome.document_id, item.revision);
                    documents::set_status(tx, target, DocumentStatus::Processing, None, now).await?;
                    operations::save(tx, locked).await?;
                    let target = Target {
                        collection: collection.id,
                        generation: generation.id,
                        document: item.outcome.document_id,
                        revision: item.revision,
                    };
                    Ok(Some(Work { item, collection, generation, target, percent: AtomicI32::new(0) }))
                }
                .boxed()
            })
            .await?;
        self.services.events.announce(operation);
        Ok(work)
    }

    /// Commits the new content: chunks, document, counters, outcome and event, and the end of the job.
    pub(super) async fn complete(&self, job: &ClaimedJob, work: &Work, indexed: Indexed) -> Result<(), JobError> {
        let now = self.services.clock.now();
        let (lease, indexed) = (job.lease(), &indexed);
        let operation = work.item.outcome.operation_id;
        self.services
            .database
            .transaction(|tx| {
                async move {
                    end_job(tx, lease).await?;
                    // Its counters change below, and it is taken before the document, as everywhere.
                    let id = work.target.collection;
                    let collection = collections::lock(tx, Scope::System, id, Action::CollectionRead).await?;
                    let is_kept = collection.is_some_and(|collection| collection.is_kept());
                    let locked = operations::lock(tx, Scope::System, operation).await?;
                    let Some(mut locked) = locked else { return Ok(()) };
                    locked.operation.totals.in_work -= work.percent.load(Ordering::Relaxed);
                    let document = work.target.document;
                    let current = documents::lock_many(tx, work.target.collection, &[document]).await?.pop();
                    let present = current.as_ref().map(|current| &current.document);
                    if let Some(settlement) = settled_early(&locked, &work.item, present, is_kept) {
                        drop_revision(tx, &locked, Some(&work.collection), &work.item, now).await?;
                        return conclude(tx, locked, &work.item, &settlement, now).await;
                    }
                    let Some(current) = current else { return Ok(()) };
                    let chunk_count = i32::try_from(indexed.rows.len()).unwrap_or(i32::MAX);
                    let Target { generation, revision, .. } = work.target;
                    chunks::replace(tx, id, generation, document, &indexed.rows).await?;
                    let now_there =
                        IndexedDocument { generation_id: generation, document_id: document, revision, chunk_count };
                    generations::record(tx, now_there).await?;
                    let change =
                        CounterChange { documents: 0, bytes: work.item.file_size - current.document.file_size };
                    collections::add_to_counters(tx, work.target.collection, change).await?;
                    if work.item.revision > 1 {
                        let target = DropTarget::OldRevisions { document };
                        let job = drop_points(&work.collection, target, None, now).of(locked.operation.user_id);
                        jobs::insert_many(tx, vec![job], now).await?;
                    }
                    let updated = completed(current, work, indexed, chunk_count, now);
                    documents::update(tx, updated).await?;
                    let settlement = Settlement::completed(document, chunk_count);
                    conclude(tx, locked, &work.item, &settlement, now).await
                }
                .boxed()
            })
            .await?;
        self.services.events.announce(operation);
        // A crash here leaves nothing to do: the transaction was the last step.
        failpoint("ingest-completed").or(Ok(()))
    }

    /// Settles the document as failed, and ends the job. `may_have_points`: whether any attempt can have written some.
    pub(super) async fn fail(
        &self,
        job: &ClaimedJob,
        error: &ProcessingError,
        status: DocumentStatus,
        may_have_points: bool,
    ) -> Result<(), JobError> {
        let Payload { operation, ordinal } = payload(job)?;
        let now = self.services.clock.now();
        let lease = job.lease();
        self.services
            .database
            .transaction(|tx| {
                async move {
                    end_job(tx, lease).await?;
                    let locked = operations::lock(tx, Scope::System, operation).await?;
                    let item = operations::find_item(&tx.reader(Scope::System), operation, ordinal).await?;
                    let (Some(mut locked), Some(item)) = (locked, item) else { return Ok(()) };
                    if item.outcome.outcome.is_settled() {
                        return Ok(());
                    }
                    locked.operation.totals.in_work -= item.outcome.percent;
                    if may_have_points && let Some(id) = locked.operation.collection_id {
                        let collection = collections::find(&tx.reader(Scope::System), id).await?;
                        drop_revision(tx, &locked, collection.as_ref(), &item, now).await?;
                    }
                    let document = item.outcome.document_id;
                    operations::set_outcome(tx, operation, ordinal, DocumentOutcome::Failed, Some(error), 0).await?;
                    documents::set_status(tx, (document, item.revision), status, Some(error), now).await?;
                    start(&mut locked, now);
                    settle(&mut locked, &Settlement::failed(document, error), now);
                    finish_if_settled(&mut locked, now);
                    Ok::<_, JobError>(operations::save(tx, locked).await?)
                }
                .boxed()
            })
            .await?;
        self.services.events.announce(operation);
        Ok(())
    }

    /// Reports the progress of a document. Nothing depends on it, so a failure is ignored.
    pub(super) async fn tell_progress(&self, work: &Work, percent: i32) -> Result<(), DatabaseError> {
        let (operation, ordinal) = (work.item.outcome.operation_id, work.item.outcome.ordinal);
        let now = self.services.clock.now();
        let told = self
            .services
            .database
            .transaction(|tx| {
                async move {
                    let locked = operations::lock(tx, Scope::System, operation).await?;
                    let item = operations::find_item(&tx.reader(Scope::System), operation, ordinal).await?;
                    let (Some(mut locked), Some(item)) = (locked, item) else { return Ok(false) };
                    // Another worker may have it by now.
                    let is_ours = item.outcome.outcome == DocumentOutcome::Processing
                        && item.outcome.percent == work.percent.load(Ordering::Relaxed);
                    if !is_ours {
                        return Ok(false);
                    }
                    locked.operation.totals.in_work += percent - item.outcome.percent;
                    operations::set_percent(tx, operation, ordinal, percent).await?;
                    let kind = OperationEventKind::DocumentProgress;
                    locked.record(kind, Some(item.outcome.document_id), Some(format!("{percent} %")), now);
                    operations::save(tx, locked).await?;
                    Ok::<_, DatabaseError>(true)
                }
                .boxed()
            })
            .await?;
        if told {
            work.percent.store(percent, Ordering::Relaxed);
            self.services.events.announce(operation);
        }
        Ok(())
    }

    pub(super) async fn tell_of_retry(
        &self,
        job: &ClaimedJob,
        error: &JobError,
        pause: Duration,
    ) -> Result<(), JobError> {
        let Payload { operation, ordinal } = payload(job)?;
        let message = match error {
            JobError::Away { dependency: SPACE, .. } => {
                "The server's disk is nearly full; this document continues when there is space again.".to_owned()
            }
            JobError::Away { dependency: EMBEDDING_MODEL, .. } => {
                "The embedding model of this collection is not available; this document continues when it is."
                    .to_owned()
            }
            JobError::Away { dependency, .. } => {
                format!("The {dependency} does not answer; this document continues when it does.")
            }
            _ => format!("A part of the server failed; trying again in {} s.", pause.as_secs().max(1)),
        };
        let message = message.as_str();
        let now = self.services.clock.now();
        self.services
            .database
            .transaction(|tx| {
                async move {
                    let locked = operations::lock(tx, Scope::System, operation).await?;
                    let item = operations::find_item(&tx.reader(Scope::System), operation, ordinal).await?;
                    let (Some(mut locked), Some(item)) = (locked, item) else { return Ok(()) };
                    if item.outcome.outcome.is_settled() {
                        return Ok(());
                    }
                    let kind = OperationEventKind::DocumentRetrying;
                    locked.record(kind, Some(item.outcome.document_id), Some(message.to_owned()), now);
                    Ok::<_, JobError>(operations::save(tx, locked).await?)
                }
                .boxed()
            })
            .await?;
        self.services.events.announce(operation);
        Ok(())
    }
}

/// Why a document needs no work, if so: it is deleted, newer content is complete, its collection is being deleted, or
/// its operation was cancelled.
fn settled_early(
    locked: &LockedOperation,
    item: &OperationItem,
    document: Option<&Document>,
    is_collection_kept: bool,
) -> Option<Settlement> {
    let id = item.outcome.document_id;
    match document {
        None => Some(Settlement::skipped(id, "deleted meanwhile")),
        Some(document) if document.revision >= item.revision => {
            Some(Settlement::skipped(id, "replaced by newer content"))
        }
        Some(_) if !is_collection_kept => Some(Settlement::deleted_with_its_collection(id)),
        Some(_) if locked.cancel_requested => Some(Settlement::cancelled(id)),
        Some(_) => None,
    }
}

/// Has the points of a revision removed that will not count. Without its collection they went with the generation.
async fn drop_revision(
    tx: &Transaction<'_>,
    locked: &LockedOperation,
    collection: Option<&Collection>,
    item: &OperationItem,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), DatabaseError> {
    let Some(collection) = collection else { return Ok(()) };
    let target = DropTarget::Revision { document: item.outcome.document_id, revision: item.revision };
    let job = drop_points(collection, target, None, now).of(locked.operation.user_id);
    jobs::insert_many(tx, vec![job], now).await
}

/// Writes the outcome of a document, and the end of the operation if it was the last one.
async fn conclude(
    tx: &Transaction<'_>,
    mut locked: LockedOperation,
    item: &OperationItem,
    settlement: &Settlement,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), JobError> {
    let (operation, ordinal) = (item.outcome.operation_id, item.outcome.ordinal);
    let error = (settlement.outcome == DocumentOutcome::Cancelled).then(|| cancellation(0));
    if error.is_some() {
        let target = (settlement.document, item.revision);
        documents::set_status(tx, target, DocumentStatus::Failed, error.as_ref(), now).await?;
    }
    operations::set_outcome(tx, operation, ordinal, settlement.outcome, error.as_ref(), settlement.chunks).await?;
    start(&mut locked, now);
    settle(&mut locked, settlement, now);
    finish_if_settled(&mut locked, now);
    Ok(operations::save(tx, locked).await?)
}

/// Removes the job, if it is still held; otherwise the transaction must be rolled back.
async fn end_job(tx: &Transaction<'_>, lease: jobs::Lease) -> Result<(), JobError> {
    if jobs::finish(tx, lease).await? { Ok(()) } else { Err(JobError::LeaseLost) }
}

fn completed(
    LockedDocument { document: current, next_revision }: LockedDocument,
    work: &Work,
    indexed: &Indexed,
    chunk_count: i32,
    now: chrono::DateTime<chrono::Utc>,
) -> Document {
    // Newer content that is on its way, or failed, speaks for the document.
    let is_newest = next_revision == work.item.revision + 1;
    let (status, error) = if is_newest { (DocumentStatus::Completed, None) } else { (current.status, current.error) };
    Document {
        file_name: work.item.file_name.clone(),
        content_type: indexed.text.content_type.clone(),
        file_size: work.item.file_size,
        content_hash: work.item.content_hash.clone(),
        status,
        error,
        meta: work.item.meta.clone(),
        language: indexed.text.language.clone(),
        title: indexed.text.title.clone(),
        chunk_count,
        revision: work.item.revision,
        updated_at: now,
        ..current
    }
}
