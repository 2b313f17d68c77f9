//! The database changes of a document: started, completed, failed. One transaction each.

use std::{
    sync::atomic::{AtomicI32, Ordering},
    time::Duration,
};

use chrono::{DateTime, Utc};
use futures_util::FutureExt;

use super::{
    super::{dependency::SPACE, end_job, failpoint, payload},
    Indexed, IngestDocumentHandler, Stop, Work,
};
use crate::{
    db::{
        DatabaseError, Transaction,
        repo::{
            chunks,
            collections::{self, CounterChange},
            documents::{self, LockedDocument},
            extractions, generations,
            jobs::{self, ClaimedJob, Lease},
            operation_documents::{self, OperationItem},
            operations,
        },
    },
    domain::{
        action::Action,
        collection::Collection,
        content::Content,
        document::{Document, DocumentStatus, ProcessingError, ProcessingErrorCode, ProcessingStage},
        extraction::Extraction,
        generation::{IndexedDocument, StoredText},
        id::CollectionId,
        operation::{DocumentOutcome, OperationDocument, OperationRun, Settlement},
        scope::Scope,
    },
    error::Error,
    ingest::Target,
    jobs::{DropPoints, DropTarget, IngestDocument, enqueue},
    queue::JobError,
    service::{
        Services,
        documents::{Archive, accept_members, remove_left},
        fault::EMBEDDING_MODEL,
        uploads::hold_bytes,
    },
};

impl IngestDocumentHandler {
    /// Marks the document as being worked on. `None`: there is nothing (more) to do, and the job is gone.
    pub(super) async fn begin(&self, job: &ClaimedJob) -> Result<Option<Work>, JobError> {
        let asked: IngestDocument = payload(job)?;
        let now = self.services.clock.now();
        self.services.database.transaction(|tx| begin(tx, job, asked, now).boxed()).await
    }

    /// Commits the new content: chunks, document, counters, outcome and event, and the end of the job.
    /// The files of an archive are accepted with it.
    pub(super) async fn complete(&self, job: &ClaimedJob, work: &Work, indexed: Indexed) -> Result<(), Stop> {
        let (services, lease, now) = (&*self.services, job.lease(), self.services.clock.now());
        let done = services.database.transaction(|tx| complete(tx, services, lease, work, &indexed, now).boxed()).await;
        done.map_err(refused)?;
        // A crash here leaves nothing to do: the transaction was the last step.
        let _ = failpoint("ingest-completed");
        Ok(())
    }

    /// Settles the document as failed, and ends the job. `may_have_points`: whether any attempt can have written some.
    pub(super) async fn fail(
        &self,
        job: &ClaimedJob,
        error: ProcessingError,
        status: DocumentStatus,
        may_have_points: bool,
    ) -> Result<(), JobError> {
        let asked: IngestDocument = payload(job)?;
        let (lease, now) = (job.lease(), self.services.clock.now());
        let failed = Settlement::failed(error);
        self.services
            .database
            .transaction(|tx| fail(tx, lease, asked, &failed, status, may_have_points, now).boxed())
            .await
    }

    /// Reports the progress of a document. Nothing depends on it, so a failure is ignored.
    pub(super) async fn tell_progress(&self, work: &Work, percent: i32) -> Result<(), DatabaseError> {
        let now = self.services.clock.now();
        if self.services.database.transaction(|tx| tell_progress(tx, work, percent, now).boxed()).await? {
            work.percent.store(percent, Ordering::Relaxed);
        }
        Ok(())
    }

    pub(super) async fn tell_of_retry(
        &self,
        job: &ClaimedJob,
        error: &JobError,
        pause: Duration,
    ) -> Result<(), JobError> {
        let asked: IngestDocument = payload(job)?;
        let reason = match error {
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
        let now = self.services.clock.now();
        Ok(self.services.database.transaction(|tx| tell_of_retry(tx, asked, &reason, now).boxed()).await?)
    }
}

/// Locks the operation of a job and finds its document. `None` if the document is settled, or the operation is gone.
async fn lock_unsettled(
    tx: &Transaction<'_>,
    asked: IngestDocument,
) -> Result<Option<(OperationRun, OperationItem)>, DatabaseError> {
    let run = operations::lock(tx, Scope::System, asked.operation).await?;
    let item = operation_documents::find(&tx.reader(Scope::System), asked.operation, asked.ordinal).await?;
    Ok(run.zip(item).filter(|(_, item)| !item.outcome.outcome.is_settled()))
}

async fn begin(
    tx: &Transaction<'_>,
    job: &ClaimedJob,
    asked: IngestDocument,
    now: DateTime<Utc>,
) -> Result<Option<Work>, JobError> {
    let lease = job.lease();
    if !jobs::prove(tx, lease).await? {
        return Err(JobError::LeaseLost);
    }
    let Some((mut run, item)) = lock_unsettled(tx, asked).await? else {
        return end_job(tx, lease).await.map(|()| None);
    };
    let system = tx.reader(Scope::System);
    let id = item.outcome.document_id;
    let document = documents::find(&system, id).await?;
    // An earlier attempt may have reported progress.
    run.take_back_progress(item.outcome.percent);
    let collection = match run.operation().collection_id {
        Some(id) => collections::find(&system, id).await?,
        None => None,
    };
    let is_kept = collection.as_ref().is_some_and(Collection::is_kept);
    if let Some(settlement) = settled_early(&run, &item, document.as_ref(), is_kept) {
        if job.was_held_before() {
            drop_revision(tx, &run, collection.as_ref(), &item, now).await?;
        }
        conclude(tx, run, &item, &settlement, DocumentStatus::Failed, now).await?;
        return end_job(tx, lease).await.map(|()| None);
    }
    let Some(collection) = collection else {
        return Err(JobError::Unknown("the collection of a document is missing".into()));
    };
    let generation = generations::active(tx, &collection).await?;
    if item.outcome.outcome == DocumentOutcome::Pending {
        run.start_document(id, now);
    }
    documents::set_status(tx, &[(id, item.revision)], DocumentStatus::Processing, None, now).await?;
    // After the document: who changes the document changes its items, too.
    operation_documents::set_outcome(tx, asked.operation, &[asked.ordinal], DocumentOutcome::Processing, None, 0)
        .await?;
    operations::save(tx, run).await?;
    let target = Target { collection: collection.id, generation: generation.id, document: id, revision: item.revision };
    Ok(Some(Work { item, collection, generation, source: None, target, percent: AtomicI32::new(0) }))
}

/// Files of an archive for which there is no room are a fact about the archive; all else is a fault of the moment.
fn refused(error: JobError) -> Stop {
    let refusal = match &error {
        JobError::Unknown(cause) => cause.downcast_ref::<Error>(),
        _ => None,
    };
    let Some(Error::Invalid(violations)) = refusal else { return Stop::Job(error) };
    let message = violations.first().map_or_else(String::new, |violation| violation.message.clone());
    Stop::Document(ProcessingError {
        stage: ProcessingStage::Store,
        code: ProcessingErrorCode::LimitExceeded,
        message,
        attempts: 0,
        retryable: true,
    })
}

async fn complete(
    tx: &Transaction<'_>,
    services: &Services,
    lease: Lease,
    work: &Work,
    indexed: &Indexed,
    now: DateTime<Utc>,
) -> Result<(), JobError> {
    end_job(tx, lease).await?;
    let Target { collection: id, generation, document, revision } = work.target;
    // Its counters change below, and it is taken before the document, as everywhere.
    let collection = collections::lock(tx, Scope::System, id, Action::CollectionRead).await?;
    if collection.as_ref().is_some_and(|collection| collection.generation != generation) {
        // Another generation was promoted meanwhile. The job is taken up again, for that one.
        return Err(JobError::Stopped);
    }
    let is_kept = collection.as_ref().is_some_and(Collection::is_kept);
    let run = operations::lock(tx, Scope::System, work.item.outcome.operation_id).await?;
    let Some(mut run) = run else { return Ok(()) };
    run.take_back_progress(work.percent.load(Ordering::Relaxed));
    let current = documents::lock_many(tx, id, &[document]).await?.pop();
    let present = current.as_ref().map(|current| &current.document);
    if let Some(settlement) = settled_early(&run, &work.item, present, is_kept) {
        drop_revision(tx, &run, Some(&work.collection), &work.item, now).await?;
        return conclude(tx, run, &work.item, &settlement, DocumentStatus::Failed, now).await;
    }
    let (Some(collection), Some(current)) = (collection, current) else { return Ok(()) };
    // Its owner may have changed its name or metadata meanwhile.
    let OperationDocument { operation_id, ordinal, .. } = work.item.outcome;
    let item = operation_documents::find(&tx.reader(Scope::System), operation_id, ordinal).await?;
    let content = item.map_or_else(|| work.item.content.clone(), |item| item.content);
    let source = current.document.source_id;
    let archive = Archive { content: &content, source, members: &indexed.members };
    if may_leave_files(&current.document, indexed) {
        let (system, tenant) = (tx.reader(Scope::System), run.operation().user_id.into());
        remove_left(tx, &system, &collection, archive, tenant, now).await?;
    }
    let left_out = accept_members(tx, services, &collection, &mut run, archive, now).await?;
    let chunk_count = i32::try_from(indexed.rows.len()).unwrap_or(i32::MAX);
    chunks::replace(tx, id, generation, document, &indexed.rows).await?;
    let text = keep_extraction(tx, services, indexed).await?;
    if revision > 1 {
        extractions::forget_others(tx, document, &[&content.file.digest]).await?;
    }
    let now_there = IndexedDocument { generation_id: generation, document_id: document, revision, chunk_count, text };
    generations::record(tx, now_there).await?;
    let bytes = content.file.size - current.document.content.file.size;
    let change = CounterChange { documents: 0, bytes };
    collections::add_to_counters(tx, id, change).await?;
    if work.item.revision > 1 {
        let job = DropPoints::of(&work.collection, DropTarget::OldRevisions { document });
        enqueue(tx, &[job], run.operation().user_id.into(), now).await?;
    }
    let mut document = completed(current, work, content, indexed, chunk_count, now);
    document.warnings.extend(left_out);
    documents::update(tx, document).await?;
    conclude(tx, run, &work.item, &Settlement::completed(chunk_count), DocumentStatus::Completed, now).await
}

async fn fail(
    tx: &Transaction<'_>,
    lease: Lease,
    asked: IngestDocument,
    failed: &Settlement,
    status: DocumentStatus,
    may_have_points: bool,
    now: DateTime<Utc>,
) -> Result<(), JobError> {
    end_job(tx, lease).await?;
    let Some((mut run, item)) = lock_unsettled(tx, asked).await? else { return Ok(()) };
    run.take_back_progress(item.outcome.percent);
    if may_have_points && let Some(id) = run.operation().collection_id {
        let collection = collections::find(&tx.reader(Scope::System), id).await?;
        drop_revision(tx, &run, collection.as_ref(), &item, now).await?;
    }
    conclude(tx, run, &item, failed, status, now).await
}

/// Records what was found out about a document before it is settled, if it is still there. Any attempt finds out the same, so
/// this needs no lease.
pub(super) async fn record_extraction(
    tx: &Transaction<'_>,
    services: &Services,
    collection: CollectionId,
    extraction: &Extraction,
) -> Result<(), Error> {
    let document = extraction.document_id;
    let Some(current) = documents::lock_many(tx, collection, &[document]).await?.pop() else { return Ok(()) };
    hold_bytes(tx, &services.blobs, std::slice::from_ref(&extraction.text.digest)).await?;
    extractions::keep(tx, extraction.clone()).await?;
    let present = &current.document.content.file.digest;
    // Of other content, which failed or was replaced on its way.
    Ok(extractions::forget_others(tx, document, &[&extraction.original, present]).await?)
}

/// Records what is kept of a document that is being settled, and makes sure that its text is there, and stays. Returns that.
pub(in crate::worker) async fn keep_extraction(
    tx: &Transaction<'_>,
    services: &Services,
    indexed: &Indexed,
) -> Result<Option<StoredText>, Error> {
    let Some(extraction) = &indexed.extraction else { return Ok(None) };
    hold_bytes(tx, &services.blobs, std::slice::from_ref(&extraction.text.digest)).await?;
    extractions::keep(tx, extraction.clone()).await?;
    Ok(Some(extraction.text.clone()))
}

/// Returns whether the progress was written.
async fn tell_progress(
    tx: &Transaction<'_>,
    work: &Work,
    percent: i32,
    now: DateTime<Utc>,
) -> Result<bool, DatabaseError> {
    let asked = work.asked();
    let Some((mut run, item)) = lock_unsettled(tx, asked).await? else { return Ok(false) };
    let before = work.percent.load(Ordering::Relaxed);
    // Another worker may have it by now.
    if item.outcome.outcome != DocumentOutcome::Processing || item.outcome.percent != before {
        return Ok(false);
    }
    run.report_progress(item.outcome.document_id, before, percent, now);
    operation_documents::set_percent(tx, asked.operation, asked.ordinal, percent).await?;
    operations::save(tx, run).await?;
    Ok(true)
}

async fn tell_of_retry(
    tx: &Transaction<'_>,
    asked: IngestDocument,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    let Some((mut run, item)) = lock_unsettled(tx, asked).await? else { return Ok(()) };
    run.postpone_document(item.outcome.document_id, reason.to_owned(), now);
    operations::save(tx, run).await?;
    Ok(())
}

/// Whether a document was complete before, and is an archive now, whose files could all be read: it has no chunks and no
/// warnings. What can't be read of an archive may still be in it, and one that became a text is probably damaged.
fn may_leave_files(before: &Document, indexed: &Indexed) -> bool {
    before.revision > 0 && indexed.rows.is_empty() && indexed.text.warnings.is_empty()
}

/// Why a document needs no work, if so: it is deleted, newer content is complete, its collection is being deleted, or
/// its operation was cancelled.
fn settled_early(
    run: &OperationRun,
    item: &OperationItem,
    document: Option<&Document>,
    is_collection_kept: bool,
) -> Option<Settlement> {
    match document {
        None => Some(Settlement::skipped("deleted meanwhile")),
        Some(document) if document.revision >= item.revision => Some(Settlement::skipped("replaced by newer content")),
        Some(_) if !is_collection_kept => Some(Settlement::deleted_with_its_collection()),
        Some(_) if run.is_cancel_requested() => Some(Settlement::cancelled()),
        Some(_) => None,
    }
}

/// Has the points of a revision removed that will not count. Without its collection they went with the generation.
async fn drop_revision(
    tx: &Transaction<'_>,
    run: &OperationRun,
    collection: Option<&Collection>,
    item: &OperationItem,
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    let Some(collection) = collection else { return Ok(()) };
    let target = DropTarget::Revision { document: item.outcome.document_id, revision: item.revision };
    enqueue(tx, &[DropPoints::of(collection, target)], run.operation().user_id.into(), now).await
}

/// Writes the outcome of a document, and the end of the operation if it was the last one. A document with an error gets
/// this status.
async fn conclude(
    tx: &Transaction<'_>,
    mut run: OperationRun,
    item: &OperationItem,
    settlement: &Settlement,
    status: DocumentStatus,
    now: DateTime<Utc>,
) -> Result<(), JobError> {
    let (document, error) = (item.outcome.document_id, settlement.error());
    if error.is_some() {
        documents::set_status(tx, &[(document, item.revision)], status, error, now).await?;
    }
    let (operation, ordinals) = (item.outcome.operation_id, [item.outcome.ordinal]);
    operation_documents::set_outcome(tx, operation, &ordinals, settlement.outcome(), error, settlement.chunks())
        .await?;
    run.start(now);
    run.settle(document, settlement, now);
    run.finish(now);
    operations::save(tx, run).await?;
    Ok(())
}

fn completed(
    LockedDocument { document: current, next_revision }: LockedDocument,
    work: &Work,
    content: Content,
    indexed: &Indexed,
    chunk_count: i32,
    now: DateTime<Utc>,
) -> Document {
    // Newer content that is on its way, or failed, speaks for the document.
    let is_newest = next_revision == work.item.revision + 1;
    let (status, error) = if is_newest { (DocumentStatus::Completed, None) } else { (current.status, current.error) };
    let mut about = indexed.text.about.clone();
    if current.is_title_given {
        about.title.clone_from(&current.about.title);
    }
    Document {
        content: Content { content_type: indexed.text.content_type.clone(), ..content },
        status,
        error,
        about,
        warnings: indexed.text.warnings.clone(),
        chunk_count,
        revision: work.item.revision,
        updated_at: now,
        processed_at: now,
        ..current
    }
}
