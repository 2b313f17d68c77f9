//! What happened to an operation.

use async_graphql::{Context, Enum, Object, Result};

use super::{Document, Operation};
use crate::{
    domain::operation,
    error::Error,
    graphql::{
        pagination::{self, EventPosition},
        scalars::{Cursor, DateTime},
    },
};

/// What an event tells. OPERATION_COMPLETED, OPERATION_FAILED and OPERATION_CANCELLED end the story; nothing follows them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "operation::OperationEventKind")]
pub enum OperationEventKind {
    /// The operation was accepted.
    OperationCreated,
    /// A worker began.
    OperationStarted,
    /// A worker took up a document.
    DocumentStarted,
    /// A step of a document is done. Such events may be left out under load.
    DocumentProgress,
    /// A document can be searched.
    DocumentCompleted,
    /// A document could not be done; `message` says why.
    DocumentFailed,
    /// A document had nothing to do.
    DocumentSkipped,
    /// A step of a document failed for a passing reason and will be tried again.
    DocumentRetrying,
    /// A document was left out because the operation was cancelled.
    DocumentCancelled,
    /// A document was removed.
    DocumentDeleted,
    /// Somebody asked to stop the operation.
    CancelRequested,
    /// The operation is done.
    OperationCompleted,
    /// None of the operation's documents could be done.
    OperationFailed,
    /// The operation was stopped.
    OperationCancelled,
}

/// An event.
pub struct OperationEvent {
    event: operation::OperationEvent,
}

impl From<operation::OperationEvent> for OperationEvent {
    fn from(event: operation::OperationEvent) -> Self {
        Self { event }
    }
}

/// Something that happened to an operation. Events are kept, in order and without gaps.
#[Object]
impl OperationEvent {
    /// Its place in the operation's story: `operationEvents(after:)` and `Operation.events(after:)` go on behind it.
    async fn cursor(&self) -> Cursor {
        pagination::cursor(&EventPosition(self.event.sequence))
    }

    /// Its number in the operation's story, from 1, without gaps.
    async fn sequence(&self) -> i32 {
        self.event.sequence
    }

    /// What it tells.
    async fn kind(&self) -> OperationEventKind {
        self.event.kind.into()
    }

    /// When it happened.
    async fn at(&self) -> DateTime {
        self.event.at.into()
    }

    /// More about it, in words, where there is more to say.
    async fn message(&self) -> Option<&str> {
        self.event.message.as_deref()
    }

    /// The operation's progress when it happened, in percent, 0 to 100.
    async fn progress(&self) -> i32 {
        self.event.progress
    }

    /// The document that it is about, as it is now. Null when it is about none, or the document is gone.
    async fn document(&self, ctx: &Context<'_>) -> Result<Option<Document>> {
        match self.event.document_id {
            Some(id) => Document::load(ctx, id).await,
            None => Ok(None),
        }
    }

    /// The operation, as it is now.
    async fn operation(&self, ctx: &Context<'_>) -> Result<Operation> {
        Ok(Operation::load(ctx, self.event.operation_id).await?.ok_or(Error::NotFound("operation"))?)
    }
}
