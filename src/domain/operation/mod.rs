//! A long-running task that a caller requested, and its events.

mod feed;
mod run;
mod settlement;

use chrono::{DateTime, TimeDelta, Utc};

#[cfg(test)]
pub use self::run::run_of;
pub use self::{feed::FeedPosition, run::OperationRun, settlement::Settlement};
use super::{
    document::ProcessingError,
    id::{CollectionId, DocumentId, OperationId, SourceId, UserId},
    vocabulary::vocabulary,
};

vocabulary! {
    /// The type of an operation.
    pub enum OperationType {
        /// Adds the first documents of a collection.
        Index => "INDEX",
        /// Adds documents to a collection that already has some.
        Append => "APPEND",
        /// All documents of a collection, indexed anew beside the index that is searched.
        Reindex => "REINDEX",
        /// Documents, or the whole collection, removed.
        Delete => "DELETE",
        /// A source removed, with or without its documents.
        RemoveSource => "REMOVE_SOURCE",
    }
}

vocabulary! {
    /// The status of an operation.
    pub enum OperationStatus {
        Pending => "PENDING",
        Processing => "PROCESSING",
        Completed => "COMPLETED",
        Failed => "FAILED",
        Cancelled => "CANCELLED",
    }
}

impl OperationStatus {
    /// Whether nothing can follow.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Completed | Self::Failed | Self::Cancelled => true,
            Self::Pending | Self::Processing => false,
        }
    }
}

/// Number of documents of an operation by outcome, and the chunks made of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OperationTotals {
    pub documents: i32,
    pub completed: i32,
    pub failed: i32,
    pub skipped: i32,
    pub cancelled: i32,
    pub chunks: i32,
    /// Sum of the progress of documents in work, in percent.
    pub in_work: i32,
    /// The progress that was shown before something made less of it, in percent.
    pub least_progress: i32,
}

impl OperationTotals {
    /// Documents whose outcome is known.
    #[must_use]
    pub fn settled(&self) -> i32 {
        self.completed + self.failed + self.skipped + self.cancelled
    }

    /// Percents of documents that are done: settled documents, and the finished part of those in work.
    fn done(&self) -> i64 {
        i64::from(self.settled()) * 100 + i64::from(self.in_work)
    }

    /// Progress in percent, 0 to 100. 100 only when all documents are settled. It never falls, though documents come in or
    /// start again.
    #[must_use]
    pub fn progress(&self) -> i32 {
        if self.documents == 0 {
            return self.least_progress;
        }
        let most = if self.settled() < self.documents { 99 } else { 100 };
        let done = i32::try_from(self.done() / i64::from(self.documents)).unwrap_or(most);
        done.max(self.least_progress).min(most)
    }
}

/// Where the settings of an operation name its source.
pub const SOURCE: &str = "sourceId";

/// A long-running task. The mutation that starts it returns at once, and its events show its progress.
#[derive(Clone, PartialEq, Debug)]
pub struct Operation {
    pub id: OperationId,
    pub operation_type: OperationType,
    pub status: OperationStatus,
    pub collection_id: Option<CollectionId>,
    pub user_id: Option<UserId>,
    pub config: serde_json::Value,
    pub error_message: Option<String>,
    pub totals: OperationTotals,
    pub created_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub completed_at: Option<DateTime<Utc>>,
}

impl Operation {
    /// Progress in percent; a completed operation is at 100 even if it had nothing to do.
    #[must_use]
    pub fn progress(&self) -> i32 {
        if self.status == OperationStatus::Completed { 100 } else { self.totals.progress() }
    }

    /// When it will be complete if it goes on as it did so far. `None` unless it is being worked on and something is done.
    #[must_use]
    pub fn estimated_completion(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let started_at = self.started_at.filter(|_| self.status == OperationStatus::Processing)?;
        let (done, all) = (self.totals.done(), i64::from(self.totals.documents) * 100);
        let elapsed = (now - started_at).num_milliseconds().max(0);
        let left = i128::from(elapsed) * i128::from((all - done).max(0)) / i128::from((done > 0).then_some(done)?);
        now.checked_add_signed(TimeDelta::try_milliseconds(i64::try_from(left).ok()?)?)
    }

    /// The source that it syncs or removes, if it was begun for one.
    #[must_use]
    pub fn source_id(&self) -> Option<SourceId> {
        self.config.get(SOURCE)?.as_str()?.parse().ok()
    }

    /// Whether it can be stopped half-way: a removal can't, its documents are gone already.
    #[must_use]
    pub fn can_be_cancelled(&self) -> bool {
        !self.status.is_terminal() && self.adds_documents()
    }

    /// Whether it makes documents searchable, and does not remove any.
    #[must_use]
    pub fn adds_documents(&self) -> bool {
        match self.operation_type {
            OperationType::Index | OperationType::Append | OperationType::Reindex => true,
            OperationType::Delete | OperationType::RemoveSource => false,
        }
    }
}

vocabulary! {
    /// The outcome of one document in one operation.
    pub enum DocumentOutcome {
        Pending => "PENDING",
        Processing => "PROCESSING",
        Completed => "COMPLETED",
        Failed => "FAILED",
        /// Same uri, same content as before: nothing to do; or replaced by a newer version.
        Skipped => "SKIPPED",
        Cancelled => "CANCELLED",
    }
}

impl DocumentOutcome {
    /// Whether the document is settled in this operation.
    #[must_use]
    pub fn is_settled(self) -> bool {
        match self {
            Self::Completed | Self::Failed | Self::Skipped | Self::Cancelled => true,
            Self::Pending | Self::Processing => false,
        }
    }
}

/// One document's part in one operation.
#[derive(Clone, PartialEq, Debug)]
pub struct OperationDocument {
    pub operation_id: OperationId,
    pub document_id: DocumentId,
    /// Its position in the request, from 0. The files of archives follow.
    pub ordinal: i32,
    pub outcome: DocumentOutcome,
    pub error: Option<ProcessingError>,
    pub chunk_count: i32,
    /// Its progress; 0 before and after.
    pub percent: i32,
}

impl OperationDocument {
    /// A document that waits for its turn.
    #[must_use]
    pub fn waiting(operation_id: OperationId, document_id: DocumentId, ordinal: i32) -> Self {
        let outcome = DocumentOutcome::Pending;
        Self { operation_id, document_id, ordinal, outcome, error: None, chunk_count: 0, percent: 0 }
    }
}

vocabulary! {
    /// The kind of an event. The last three end the operation.
    pub enum OperationEventKind {
        OperationCreated => "OPERATION_CREATED",
        OperationStarted => "OPERATION_STARTED",
        DocumentStarted => "DOCUMENT_STARTED",
        /// A step of a document was done; such ticks may be left out.
        DocumentProgress => "DOCUMENT_PROGRESS",
        DocumentCompleted => "DOCUMENT_COMPLETED",
        DocumentFailed => "DOCUMENT_FAILED",
        DocumentSkipped => "DOCUMENT_SKIPPED",
        DocumentRetrying => "DOCUMENT_RETRYING",
        DocumentCancelled => "DOCUMENT_CANCELLED",
        DocumentDeleted => "DOCUMENT_DELETED",
        CancelRequested => "CANCEL_REQUESTED",
        OperationCompleted => "OPERATION_COMPLETED",
        OperationFailed => "OPERATION_FAILED",
        OperationCancelled => "OPERATION_CANCELLED",
    }
}

impl OperationEventKind {
    /// Whether no event can follow this one.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::OperationCompleted | Self::OperationFailed | Self::OperationCancelled)
    }
}

/// Something that happened to an operation. `sequence` counts from 1 without gaps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OperationEvent {
    pub operation_id: OperationId,
    pub sequence: i32,
    pub kind: OperationEventKind,
    pub document_id: Option<DocumentId>,
    pub message: Option<String>,
    /// The operation's progress in percent when this became true.
    pub progress: i32,
    pub at: DateTime<Utc>,
}
