//! A document's part in an operation.

use async_graphql::{Context, Enum, Object, Result};

use super::{Document, ProcessingError};
use crate::domain::operation;

/// The outcome of a document in an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "operation::DocumentOutcome")]
pub enum DocumentOutcome {
    /// Waiting for a worker.
    Pending,
    /// A worker is processing it.
    Processing,
    /// Completed.
    Completed,
    /// Failed. `error` has the reason.
    Failed,
    /// Nothing to do: the content under this uri was unchanged, or newer content has replaced it.
    Skipped,
    /// Skipped because the operation was cancelled.
    Cancelled,
}

/// A document in an operation.
pub struct OperationDocument {
    item: operation::OperationDocument,
}

impl From<operation::OperationDocument> for OperationDocument {
    fn from(item: operation::OperationDocument) -> Self {
        Self { item }
    }
}

/// A document in an operation.
#[Object]
impl OperationDocument {
    /// Its position in the request, from 0. The files of archives follow.
    async fn index(&self) -> i32 {
        self.item.ordinal
    }

    /// The document in its current state. Null if it no longer exists.
    async fn document(&self, ctx: &Context<'_>) -> Result<Option<Document>> {
        Document::load(ctx, self.item.document_id).await
    }

    /// Its outcome in this operation.
    async fn outcome(&self) -> DocumentOutcome {
        self.item.outcome.into()
    }

    /// Why it failed. Null if it did not.
    async fn error(&self) -> Option<ProcessingError> {
        self.item.error.clone().map(Into::into)
    }

    /// Percentage of it that is indexed, 0 to 100. Documents with few chunks go from 0 to 100 at once.
    async fn progress(&self) -> i32 {
        if self.item.outcome.is_settled() { 100 } else { self.item.percent }
    }

    /// Number of chunks that the operation made of it.
    async fn chunk_count(&self) -> i32 {
        self.item.chunk_count
    }
}
