//! A document's part in an operation.

use async_graphql::{Context, Enum, Object, Result};

use super::{Document, ProcessingError};
use crate::domain::operation;

/// What became of a document in an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "operation::DocumentOutcome")]
pub enum DocumentOutcome {
    /// It waits for its turn.
    Pending,
    /// A worker is busy with it.
    Processing,
    /// It is done.
    Completed,
    /// It could not be done; `error` says why.
    Failed,
    /// There was nothing to do: the same content under the same uri as before, or overtaken by a newer one.
    Skipped,
    /// It was left out because the operation was cancelled.
    Cancelled,
}

/// A document's part in an operation.
pub struct OperationDocument {
    item: operation::OperationDocument,
}

impl From<operation::OperationDocument> for OperationDocument {
    fn from(item: operation::OperationDocument) -> Self {
        Self { item }
    }
}

/// A document's part in an operation.
#[Object]
impl OperationDocument {
    /// Its place in the request, from 0.
    async fn index(&self) -> i32 {
        self.item.ordinal
    }

    /// The document as it is now. Null when it is gone.
    async fn document(&self, ctx: &Context<'_>) -> Result<Option<Document>> {
        Document::load(ctx, self.item.document_id).await
    }

    /// What became of it in this operation.
    async fn outcome(&self) -> DocumentOutcome {
        self.item.outcome.into()
    }

    /// Why it could not be done, if so.
    async fn error(&self) -> Option<ProcessingError> {
        self.item.error.clone().map(Into::into)
    }

    /// How much of it is indexed, 0 to 100; documents of few chunks go from 0 to 100 at once.
    async fn progress(&self) -> i32 {
        if self.item.outcome.is_settled() { 100 } else { self.item.percent }
    }

    /// Chunks that it gave in this operation.
    async fn chunk_count(&self) -> i32 {
        self.item.chunk_count
    }
}
