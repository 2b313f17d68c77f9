//! Processes one document: extract, split, embed, index, and commit in one transaction.
//!
//! Every step can be done again: ids of chunks and points are derived from what they are. The points are safe on disk
//! before the transaction that makes them count; points that count for nothing are invisible and removed.

mod index;
mod room;
mod settle;

use std::{
    sync::{Arc, atomic::AtomicI32},
    time::Duration,
};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::{
    dependency::{SPACE, VECTORS, no_space},
    failpoint,
};
use crate::{
    db::repo::{jobs::ClaimedJob, operation_documents::OperationItem},
    domain::{
        chunk::NewChunk,
        collection::Collection,
        document::{About, DocumentStatus, DocumentWarning, ProcessingError, ProcessingErrorCode, ProcessingStage},
        extraction::Extraction,
        generation::Generation,
        operation::OperationDocument,
    },
    extract::{ExtractError, Extractor},
    ingest::Target,
    jobs::{IngestDocument, Job},
    queue::{GiveUp, Handler, JobError},
    service::{Services, documents::Member},
};

use self::room::Reserved;
pub(super) use self::room::Room;
pub(super) use self::settle::keep_extraction;

pub(super) struct IngestDocumentHandler {
    pub(super) services: Arc<Services>,
    pub(super) extractor: Arc<Extractor>,
    pub(super) room: Room,
}

/// What a job needs to know before it begins.
pub(super) struct Work {
    pub(super) item: OperationItem,
    pub(super) collection: Collection,
    /// The generation that the document goes into.
    pub(super) generation: Generation,
    /// Another generation of the collection whose embeddings can be taken over: it has the same model.
    pub(super) source: Option<Generation>,
    pub(super) target: Target,
    /// The progress that was last reported.
    pub(super) percent: AtomicI32,
}

impl Work {
    /// The job that asked for it.
    fn asked(&self) -> IngestDocument {
        let OperationDocument { operation_id: operation, ordinal, .. } = self.item.outcome;
        IngestDocument { operation, ordinal, is_synced: false }
    }
}

/// Why the processing of a document ends early.
pub(super) enum Stop {
    /// The job itself failed, or has to wait.
    Job(JobError),
    /// The document can't be indexed, even with another attempt.
    Document(ProcessingError),
}

impl<E: Into<JobError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Job(error.into())
    }
}

/// What finished processing leaves to be written.
pub(super) struct Indexed {
    pub(super) rows: Arc<Vec<NewChunk>>,
    /// The files of an archive, which become documents.
    members: Vec<Member>,
    text: Description,
    /// What is kept of the text; `None` for archives.
    pub(super) extraction: Option<Extraction>,
    /// Released with the rows.
    _room: Reserved,
}

struct Description {
    content_type: String,
    about: About,
    warnings: Vec<DocumentWarning>,
}

impl IngestDocumentHandler {
    async fn process(&self, job: &ClaimedJob, work: &Work, stop: &CancellationToken) -> Result<(), Stop> {
        let indexed = self.index(work, stop).await?;
        self.complete(job, work, indexed).await
    }
}

#[async_trait]
impl Handler for IngestDocumentHandler {
    fn kind(&self) -> &'static str {
        IngestDocument::KIND
    }

    fn needs(&self) -> &'static [&'static str] {
        &[VECTORS, SPACE]
    }

    async fn run(&self, job: &ClaimedJob, stop: &CancellationToken) -> Result<(), JobError> {
        if !self.services.disk.has_room() {
            return Err(no_space());
        }
        let Some(work) = self.begin(job).await? else { return Ok(()) };
        failpoint("ingest-begun")?;
        match self.process(job, &work, stop).await {
            Ok(()) => Ok(()),
            Err(Stop::Job(error)) => Err(error),
            Err(Stop::Document(error)) => {
                let error = ProcessingError { attempts: job.attempts, ..error };
                self.fail(job, error, DocumentStatus::Failed, job.was_held_before()).await
            }
        }
    }

    async fn postponed(&self, job: &ClaimedJob, error: &JobError, pause: Duration) {
        if let Err(error) = self.tell_of_retry(job, error, pause).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a retry can't be announced");
        }
        tracing::debug!(error = error as &dyn std::error::Error, "document postponed");
    }

    async fn give_up(&self, job: &ClaimedJob, reason: GiveUp<'_>) -> Result<(), JobError> {
        let (stage, code, message, status) = match reason {
            GiveUp::Failed(error) => {
                let (stage, code, message) = failure(error);
                (stage, code, message, DocumentStatus::Failed)
            }
            GiveUp::Crashed => (
                ProcessingStage::Index,
                ProcessingErrorCode::ReaderCrashed,
                "A worker crashed each time it processed this document, so the document is quarantined. Ingest it \
                 again if you trust it.",
                DocumentStatus::Quarantined,
            ),
        };
        let message = message.to_owned();
        let error = ProcessingError { stage, code, message, attempts: job.attempts, retryable: true };
        self.fail(job, error, status, true).await
    }
}

/// What the owner of a document learns of the last fault of its job. The reader of files has words of its own.
fn failure(error: &JobError) -> (ProcessingStage, ProcessingErrorCode, &str) {
    let reader = match error {
        JobError::Transient(error) => error.downcast_ref::<ExtractError>(),
        _ => None,
    };
    match reader {
        Some(error) => (ProcessingStage::Extract, error.code, &error.message),
        None => (
            ProcessingStage::Index,
            ProcessingErrorCode::ServiceFailure,
            "A part of the server kept failing while this document was indexed. Ingest it again later.",
        ),
    }
}
