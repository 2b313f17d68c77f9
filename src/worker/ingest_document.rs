//! One document's way: read, cut, embedded, indexed, and made true in one transaction.
//!
//! Every step can be done again: ids of chunks and points are derived from what they are. The points are safe on disk
//! before the transaction that makes them count; points that count for nothing are invisible and removed.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use super::{failpoint, payload};
use crate::{
    blob::BlobError,
    db::{
        Transaction,
        repo::{
            chunks::{self, NewChunk},
            collections::{self, CounterChange},
            documents,
            jobs::{self, ClaimedJob},
            operations::{self, LockedOperation, OperationItem},
        },
    },
    domain::{
        collection::Collection,
        document::{Document, DocumentStatus, ProcessingError, ProcessingErrorCode, ProcessingStage},
        id::OperationId,
        operation::{DocumentOutcome, OperationEventKind},
        scope::Scope,
    },
    error::Error,
    extract::{ExtractedText, Extractor},
    ingest::{self, Target},
    queue::{GiveUp, Handler, JobError},
    service::{
        Services,
        documents::{DropTarget, drop_points},
        operations::{INGEST_DOCUMENT, Settlement, cancellation, finish_if_settled, settle, start},
    },
    vector::Placement,
};

pub(super) struct IngestDocument {
    pub(super) services: Arc<Services>,
    pub(super) extractor: Arc<Extractor>,
}

#[derive(Clone, Copy, serde::Deserialize)]
struct Payload {
    operation: OperationId,
    ordinal: i32,
}

/// What a job needs to know before it begins.
struct Work {
    item: OperationItem,
    collection: Collection,
    target: Target,
}

/// Why a document's way ends before its goal.
enum Stop {
    /// The job itself failed, or has to wait.
    Job(JobError),
    /// The document can't be indexed, whoever tries.
    Document(ProcessingError),
}

impl<E: Into<JobError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Job(error.into())
    }
}

/// What a finished way leaves to be written.
struct Indexed {
    rows: Vec<NewChunk>,
    text: Description,
}

struct Description {
    content_type: String,
    title: Option<String>,
    language: Option<String>,
}

#[async_trait]
impl Handler for IngestDocument {
    fn kind(&self) -> &'static str {
        INGEST_DOCUMENT
    }

    async fn run(&self, job: &ClaimedJob, stop: &CancellationToken) -> Result<(), JobError> {
        let Some(work) = self.begin(job).await? else { return Ok(()) };
        failpoint("ingest-begun")?;
        match self.index(&work, stop).await {
            Ok(indexed) => self.complete(job, &work, indexed).await,
            Err(Stop::Job(error)) => Err(error),
            Err(Stop::Document(error)) => {
                let error = ProcessingError { attempts: job.attempts, ..error };
                self.fail(job, &error, DocumentStatus::Failed).await
            }
        }
    }

    async fn postponed(&self, job: &ClaimedJob, error: &JobError, pause: Duration) {
        if let Err(error) = self.tell_of_retry(job, pause).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a retry can't be told");
        }
        tracing::debug!(error = error as &dyn std::error::Error, "document postponed");
    }

    async fn give_up(&self, job: &ClaimedJob, reason: GiveUp<'_>) -> Result<(), JobError> {
        let (code, message, status) = match reason {
            GiveUp::Failed(_) => (
                ProcessingErrorCode::ServiceFailure,
                "A part of the server kept failing while this document was indexed. Try it again later.",
                DocumentStatus::Failed,
            ),
            GiveUp::Crashed => (
                ProcessingErrorCode::ReaderCrashed,
                "This document was being worked on each time a worker went down, so it was set aside. Ingest it again \
                 if you trust it.",
                DocumentStatus::Quarantined,
            ),
        };
        let error = ProcessingError {
            stage: ProcessingStage::Index,
            code,
            message: message.to_owned(),
            attempts: job.attempts,
            retryable: true,
        };
        self.fail(job, &error, status).await
    }
}

impl IngestDocument {
    /// Marks the document as being worked on. `None`: there is nothing (more) to do, and the job is gone.
    async fn begin(&self, job: &ClaimedJob) -> Result<Option<Work>, JobError> {
        let Payload { operation, ordinal } = payload(job)?;
        let now = self.services.clock.now();
        let (lease, is_first) = (job.lease(), job.attempts == 1);
        let work = self
            .services
            .database
            .transaction(|tx| {
                async move {
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
                    let collection = match (&document, locked.operation.collection_id) {
                        (Some(_), Some(id)) => collections::find(&system, id).await?,
                        _ => None,
                    };
                    if let Some(settlement) = settled_early(&locked, &item, document.as_ref()) {
                        conclude(tx, locked, &item, &settlement, now).await?;
                        return end_job(tx, lease).await.map(|()| None);
                    }
                    let Some(collection) = collection else {
                        return Err(JobError::Unknown("the collection of a document is missing".into()));
                    };
                    start(&mut locked, now);
                    if is_first {
                        locked.record(OperationEventKind::DocumentStarted, Some(item.outcome.document_id), None, now);
                    }
                    let outcome = DocumentOutcome::Processing;
                    operations::set_outcome(tx, operation, ordinal, outcome, None, 0).await?;
                    documents::set_status(tx, item.outcome.document_id, DocumentStatus::Processing, None, now).await?;
                    operations::save(tx, locked).await?;
                    let target = Target {
                        collection: collection.id,
                        generation: collection.generation,
                        document: item.outcome.document_id,
                        revision: item.revision,
                    };
                    Ok(Some(Work { item, collection, target }))
                }
                .boxed()
            })
            .await?;
        self.services.events.announce(operation);
        Ok(work)
    }

    /// From bytes to points that are safe on disk.
    async fn index(&self, work: &Work, stop: &CancellationToken) -> Result<Indexed, Stop> {
        let text = self.extract(work).await?;
        failpoint("ingest-extracted")?;
        self.go_on(work, stop).await?;

        let (text, passages) = self.cut(work, text).await?;
        failpoint("ingest-chunked")?;

        let mut known = self.known_embeddings(work).await?;
        let plan = ingest::plan_embeddings(&passages, &known);
        if !plan.missing.is_empty() {
            let embeddings = self.services.embedder.embed_documents(plan.missing.clone()).await.map_err(Error::from)?;
            plan.fulfil(embeddings, &mut known);
        }
        failpoint("ingest-embedded")?;
        self.go_on(work, stop).await?;

        let placement = self.placement(work);
        let vectors = &self.services.vectors;
        vectors.upsert(&placement, ingest::points(work.target, &passages, &known)).await.map_err(Error::from)?;
        failpoint("ingest-upserted")?;
        vectors.flush(&placement).await.map_err(Error::from)?;
        failpoint("ingest-flushed")?;
        Ok(Indexed { rows: ingest::rows(work.target, passages), text })
    }

    async fn extract(&self, work: &Work) -> Result<ExtractedText, Stop> {
        let bytes = match self.services.blobs.get(&work.item.content_hash).await {
            Ok(bytes) => bytes,
            Err(BlobError::NotFound { .. }) => {
                return Err(Stop::Document(ProcessingError {
                    stage: ProcessingStage::Store,
                    code: ProcessingErrorCode::OriginalMissing,
                    message: "The original of this document is no longer stored. Upload it again.".into(),
                    attempts: 0,
                    retryable: false,
                }));
            }
            Err(error) => return Err(Error::from(error).into()),
        };
        let declared = work.item.content_type.as_deref();
        self.extractor.extract(bytes, &work.item.file_name, declared).await.map_err(|error| {
            Stop::Document(ProcessingError {
                stage: ProcessingStage::Extract,
                code: error.code,
                message: error.message,
                attempts: 0,
                retryable: error.retryable,
            })
        })
    }

    async fn cut(&self, work: &Work, text: ExtractedText) -> Result<(Description, Vec<ingest::Passage>), Stop> {
        let (target, config) = (work.target, work.collection.chunking);
        let tokenizer = self.services.embedder.tokenizer();
        let (text, passages) = tokio::task::spawn_blocking(move || {
            let passages = ingest::passages(target, &text, &config, tokenizer.as_ref());
            (text, passages)
        })
        .await
        .map_err(|error| JobError::Unknown(error.into()))?;
        let passages = passages.map_err(Error::from)?;
        if passages.is_empty() {
            return Err(Stop::Document(ProcessingError {
                stage: ProcessingStage::Chunk,
                code: ProcessingErrorCode::NoText,
                message: "There is no text in this document.".into(),
                attempts: 0,
                retryable: false,
            }));
        }
        let text = Description { content_type: text.content_type, title: text.title, language: text.language };
        Ok((text, passages))
    }

    /// The embeddings of the document's present chunks, by digest: unchanged passages are not embedded again.
    async fn known_embeddings(&self, work: &Work) -> Result<HashMap<String, Vec<f32>>, JobError> {
        if work.target.revision == 1 {
            return Ok(HashMap::new());
        }
        let reader = self.services.database.reader(Scope::System);
        let digests = chunks::digests(&reader, work.target.collection, work.target.document).await?;
        let ids: Vec<_> = digests.values().copied().collect();
        let placement = self.placement(work);
        let mut found =
            self.services.vectors.embeddings(&placement, work.target.generation, &ids).await.map_err(Error::from)?;
        Ok(digests.into_iter().filter_map(|(digest, id)| Some((digest, found.remove(&id)?))).collect())
    }

    /// Between two steps: stops when the server does. A cancelled operation needs no more work either; what was done so
    /// far is settled by [`Self::begin`] when the job is taken up again.
    async fn go_on(&self, work: &Work, stop: &CancellationToken) -> Result<(), JobError> {
        let reader = self.services.database.reader(Scope::System);
        let is_cancelled = operations::is_cancel_requested(&reader, work.item.outcome.operation_id).await?;
        if is_cancelled || stop.is_cancelled() { Err(JobError::Stopped) } else { Ok(()) }
    }

    /// Makes the new content true: chunks, document, counters, outcome and event, and the end of the job.
    async fn complete(&self, job: &ClaimedJob, work: &Work, indexed: Indexed) -> Result<(), JobError> {
        let now = self.services.clock.now();
        let (lease, indexed) = (job.lease(), &indexed);
        let operation = work.item.outcome.operation_id;
        self.services
            .database
            .transaction(|tx| {
                async move {
                    end_job(tx, lease).await?;
                    let Some(locked) = operations::lock(tx, Scope::System, operation).await? else { return Ok(()) };
                    let document = work.target.document;
                    let found = documents::lock_many(tx, work.target.collection, &[document]).await?.pop();
                    let current = found.map(|found| found.document);
                    if let Some(settlement) = settled_early(&locked, &work.item, current.as_ref()) {
                        // The points that were written count for nothing.
                        let keep = current.as_ref().map_or(0, |document| document.revision);
                        let target = DropTarget::OtherRevisions { document, keep };
                        jobs::insert_many(tx, vec![drop_points(&work.collection, target, None, now)], now).await?;
                        return conclude(tx, locked, &work.item, &settlement, now).await;
                    }
                    let Some(current) = current else { return Ok(()) };
                    let chunk_count = i32::try_from(indexed.rows.len()).unwrap_or(i32::MAX);
                    chunks::replace(tx, work.target.collection, document, indexed.rows.clone()).await?;
                    let change = CounterChange {
                        documents: 0,
                        chunks: chunk_count - current.chunk_count,
                        bytes: work.item.file_size - current.file_size,
                    };
                    collections::add_to_counters(tx, work.target.collection, change).await?;
                    if current.revision > 0 {
                        let target = DropTarget::OtherRevisions { document, keep: work.item.revision };
                        jobs::insert_many(tx, vec![drop_points(&work.collection, target, None, now)], now).await?;
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

    /// Settles the document as failed, and ends the job.
    async fn fail(&self, job: &ClaimedJob, error: &ProcessingError, status: DocumentStatus) -> Result<(), JobError> {
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
                    let document = item.outcome.document_id;
                    operations::set_outcome(tx, operation, ordinal, DocumentOutcome::Failed, Some(error), 0).await?;
                    documents::set_status(tx, document, status, Some(error), now).await?;
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

    async fn tell_of_retry(&self, job: &ClaimedJob, pause: Duration) -> Result<(), JobError> {
        let Payload { operation, ordinal } = payload(job)?;
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
                    let message = format!("A part of the server failed; trying again in {} s.", pause.as_secs().max(1));
                    let kind = OperationEventKind::DocumentRetrying;
                    locked.record(kind, Some(item.outcome.document_id), Some(message), now);
                    Ok::<_, JobError>(operations::save(tx, locked).await?)
                }
                .boxed()
            })
            .await?;
        self.services.events.announce(operation);
        Ok(())
    }

    fn placement(&self, work: &Work) -> Placement {
        let dimension = self.services.embedder.model().dimension;
        Placement { name: work.collection.vector_store_name.clone(), dimension }
    }
}

/// Why a document needs no work (any more), if so: its operation was cancelled, it is gone, or newer content is complete.
fn settled_early(locked: &LockedOperation, item: &OperationItem, document: Option<&Document>) -> Option<Settlement> {
    let id = item.outcome.document_id;
    match document {
        None => Some(Settlement::skipped(id, "deleted meanwhile")),
        Some(document) if document.revision >= item.revision => {
            Some(Settlement::skipped(id, "overtaken by newer content"))
        }
        Some(_) if locked.cancel_requested => Some(Settlement::cancelled(id)),
        Some(_) => None,
    }
}

/// Writes what became of a document, and the end of the operation if it was the last.
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
        documents::set_status(tx, settlement.document, DocumentStatus::Failed, error.as_ref(), now).await?;
    }
    operations::set_outcome(tx, operation, ordinal, settlement.outcome, error.as_ref(), settlement.chunks).await?;
    start(&mut locked, now);
    settle(&mut locked, settlement, now);
    finish_if_settled(&mut locked, now);
    Ok(operations::save(tx, locked).await?)
}

/// Removes the job, if it is still held; otherwise nothing of the transaction may stand.
async fn end_job(tx: &Transaction<'_>, lease: jobs::Lease) -> Result<(), JobError> {
    if jobs::finish(tx, lease).await? { Ok(()) } else { Err(JobError::LeaseLost) }
}

fn completed(
    current: Document,
    work: &Work,
    indexed: &Indexed,
    chunk_count: i32,
    now: chrono::DateTime<chrono::Utc>,
) -> Document {
    Document {
        file_name: work.item.file_name.clone(),
        content_type: indexed.text.content_type.clone(),
        file_size: work.item.file_size,
        content_hash: work.item.content_hash.clone(),
        status: DocumentStatus::Completed,
        error: None,
        meta: work.item.meta.clone(),
        language: indexed.text.language.clone(),
        title: indexed.text.title.clone(),
        chunk_count,
        revision: work.item.revision,
        updated_at: now,
        ..current
    }
}
