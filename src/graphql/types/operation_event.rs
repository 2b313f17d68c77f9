//! Events of operations.

use async_graphql::{Context, Enum, Object, Result};

use super::{Document, Operation};
use crate::{
    domain::operation::{self, FeedPosition},
    error::Error,
    graphql::{
        pagination::{self, EventPosition},
        scalars::{Cursor, DateTime},
    },
};

/// The kind of an event. OPERATION_COMPLETED, OPERATION_FAILED and OPERATION_CANCELLED are final: no event
/// follows them. New values may be added, none of them final.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "operation::OperationEventKind")]
pub enum OperationEventKind {
    /// The operation was accepted.
    OperationCreated,
    /// A worker started the operation.
    OperationStarted,
    /// A worker started a document.
    DocumentStarted,
    /// A document completed a step. These events may be left out under load.
    DocumentProgress,
    /// A document is indexed and can be searched.
    DocumentCompleted,
    /// A document failed. `message` has the reason.
    DocumentFailed,
    /// A document needed no work.
    DocumentSkipped,
    /// A step of a document failed temporarily and will be retried.
    DocumentRetrying,
    /// A document was skipped because the operation was cancelled.
    DocumentCancelled,
    /// A document was deleted.
    DocumentDeleted,
    /// A user asked to cancel the operation.
    CancelRequested,
    /// The operation completed.
    OperationCompleted,
    /// All documents of the operation failed.
    OperationFailed,
    /// The operation was cancelled.
    OperationCancelled,
}

/// An event.
pub struct OperationEvent {
    event: operation::OperationEvent,
    /// The position in the feed that it came from, if it came from one.
    position: Option<FeedPosition>,
}

impl From<operation::OperationEvent> for OperationEvent {
    fn from(event: operation::OperationEvent) -> Self {
        Self { event, position: None }
    }
}

impl From<(operation::OperationEvent, FeedPosition)> for OperationEvent {
    fn from((event, position): (operation::OperationEvent, FeedPosition)) -> Self {
        Self { event, position: Some(position) }
    }
}

/// An event of an operation. Events are stored in order and without gaps.
#[Object]
impl OperationEvent {
    /// Its position in the list or subscription that it came from. Pass it there as `after` to continue after it.
    /// `operationEvents` and `Operation.events` have the same cursors, and so have `viewerOperations` and
    /// `collectionEvents`.
    async fn cursor(&self) -> Cursor {
        match &self.position {
            Some(position) => pagination::cursor(position),
            None => pagination::cursor(&EventPosition(self.event.sequence)),
        }
    }

    /// The number of the event in its operation, from 1, without gaps.
    async fn sequence(&self) -> i32 {
        self.event.sequence
    }

    /// The kind of event.
    async fn kind(&self) -> OperationEventKind {
        self.event.kind.into()
    }

    /// When it happened.
    async fn at(&self) -> DateTime {
        self.event.at.into()
    }

    /// Details in a sentence, if there are any.
    async fn message(&self) -> Option<&str> {
        self.event.message.as_deref()
    }

    /// The progress of the operation at that time, in percent, 0 to 100.
    async fn progress(&self) -> i32 {
        self.event.progress
    }

    /// The document concerned, in its current state. Null if there is none, or if it no longer exists.
    async fn document(&self, ctx: &Context<'_>) -> Result<Option<Document>> {
        match self.event.document_id {
            Some(id) => Document::load(ctx, id).await,
            None => Ok(None),
        }
    }

    /// The operation in its current state.
    async fn operation(&self, ctx: &Context<'_>) -> Result<Operation> {
        Ok(Operation::load(ctx, self.event.operation_id).await?.ok_or(Error::NotFound("operation"))?)
    }
}
