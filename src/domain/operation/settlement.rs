//! How a document ends in an operation.

use super::{DocumentOutcome, OperationEventKind};
use crate::domain::document::ProcessingError;

/// The outcome of one document, and what its operation says about it.
#[derive(Clone, PartialEq, Debug)]
pub struct Settlement {
    outcome: DocumentOutcome,
    event: OperationEventKind,
    message: Option<String>,
    error: Option<ProcessingError>,
    chunks: i32,
}

impl Settlement {
    /// It can be searched, in so many chunks.
    #[must_use]
    pub fn completed(chunks: i32) -> Self {
        Self { chunks, ..Self::new(DocumentOutcome::Completed, OperationEventKind::DocumentCompleted) }
    }

    /// It can't be indexed.
    #[must_use]
    pub fn failed(error: ProcessingError) -> Self {
        let message = Some(error.message.clone());
        let failed = Self::new(DocumentOutcome::Failed, OperationEventKind::DocumentFailed);
        Self { message, error: Some(error), ..failed }
    }

    /// There was nothing to do.
    #[must_use]
    pub fn skipped(reason: &str) -> Self {
        let skipped = Self::new(DocumentOutcome::Skipped, OperationEventKind::DocumentSkipped);
        Self { message: Some(reason.to_owned()), ..skipped }
    }

    /// It was left out because its operation is cancelled.
    #[must_use]
    pub fn cancelled() -> Self {
        let cancelled = Self::new(DocumentOutcome::Cancelled, OperationEventKind::DocumentCancelled);
        Self { error: Some(ProcessingError::cancelled()), ..cancelled }
    }

    /// It was left out because its collection is being deleted.
    #[must_use]
    pub fn deleted_with_its_collection() -> Self {
        Self { message: Some("its collection is being deleted".to_owned()), ..Self::cancelled() }
    }

    /// The operation that deletes it has removed its data.
    #[must_use]
    pub fn deleted() -> Self {
        Self::new(DocumentOutcome::Completed, OperationEventKind::DocumentDeleted)
    }

    fn new(outcome: DocumentOutcome, event: OperationEventKind) -> Self {
        Self { outcome, event, message: None, error: None, chunks: 0 }
    }

    #[must_use]
    pub fn outcome(&self) -> DocumentOutcome {
        self.outcome
    }

    /// The error of a document that failed or was left out.
    #[must_use]
    pub fn error(&self) -> Option<&ProcessingError> {
        self.error.as_ref()
    }

    /// The chunks that were made of it.
    #[must_use]
    pub fn chunks(&self) -> i32 {
        self.chunks
    }

    /// The kind of the event that reports it.
    pub(super) fn event(&self) -> OperationEventKind {
        self.event
    }

    /// The message of that event.
    pub(super) fn message(&self) -> Option<String> {
        self.message.clone()
    }
}
