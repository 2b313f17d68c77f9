//! Operations: their progress, cancelling and following.

use chrono::{DateTime, Utc};
use futures_util::{FutureExt, Stream, TryStreamExt};

use super::{
    Services,
    access::forbidden,
    audit::{self, Deed},
};
use crate::{
    auth::viewer::Viewer,
    db::{
        Transaction,
        repo::{
            collections, documents,
            operations::{self, LockedOperation},
        },
    },
    domain::{
        action::Action,
        audit::AuditAction,
        document::{DocumentStatus, ProcessingError, ProcessingErrorCode, ProcessingStage},
        id::{DocumentId, OperationId},
        operation::{DocumentOutcome, Operation, OperationEvent, OperationEventKind, OperationStatus},
        page::{MAX_PAGE_SIZE, PageRequest},
    },
    error::Error,
    events::{self, FollowError},
};

/// The outcome of one document.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Settlement {
    pub(crate) document: DocumentId,
    pub(crate) outcome: DocumentOutcome,
    pub(crate) kind: OperationEventKind,
    pub(crate) message: Option<String>,
    pub(crate) chunks: i32,
}

impl Settlement {
    pub(crate) fn completed(document: DocumentId, chunks: i32) -> Self {
        let (outcome, kind) = (DocumentOutcome::Completed, OperationEventKind::DocumentCompleted);
        Self { document, outcome, kind, message: None, chunks }
    }

    pub(crate) fn failed(document: DocumentId, error: &ProcessingError) -> Self {
        let (outcome, kind) = (DocumentOutcome::Failed, OperationEventKind::DocumentFailed);
        Self { document, outcome, kind, message: Some(error.message.clone()), chunks: 0 }
    }

    pub(crate) fn skipped(document: DocumentId, reason: &str) -> Self {
        let (outcome, kind) = (DocumentOutcome::Skipped, OperationEventKind::DocumentSkipped);
        Self { document, outcome, kind, message: Some(reason.to_owned()), chunks: 0 }
    }

    pub(crate) fn cancelled(document: DocumentId) -> Self {
        let (outcome, kind) = (DocumentOutcome::Cancelled, OperationEventKind::DocumentCancelled);
        Self { document, outcome, kind, message: None, chunks: 0 }
    }

    pub(crate) fn deleted_with_its_collection(document: DocumentId) -> Self {
        Self { message: Some("its collection is being deleted".to_owned()), ..Self::cancelled(document) }
    }

    pub(crate) fn deleted(document: DocumentId) -> Self {
        let (outcome, kind) = (DocumentOutcome::Completed, OperationEventKind::DocumentDeleted);
        Self { document, outcome, kind, message: None, chunks: 0 }
    }
}

/// Records that work on an operation has begun.
pub(crate) fn start(locked: &mut LockedOperation, now: DateTime<Utc>) {
    if locked.operation.status == OperationStatus::Pending {
        locked.operation.status = OperationStatus::Processing;
        locked.operation.started_at = Some(now);
        locked.record(OperationEventKind::OperationStarted, None, None, now);
    }
}

/// Counts one document and adds its event.
pub(crate) fn settle(locked: &mut LockedOperation, settlement: &Settlement, now: DateTime<Utc>) {
    let totals = &mut locked.operation.totals;
    match settlement.outcome {
        DocumentOutcome::Completed => totals.completed += 1,
        DocumentOutcome::Failed => totals.failed += 1,
        DocumentOutcome::Skipped => totals.skipped += 1,
        DocumentOutcome::Cancelled => totals.cancelled += 1,
        DocumentOutcome::Pending | DocumentOutcome::Processing => return,
    }
    totals.chunks += settlement.chunks;
    locked.record(settlement.kind, Some(settlement.document), settlement.message.clone(), now);
}

/// Ends an operation when all its documents are settled: cancelled if any was skipped for that, failed if all failed,
/// completed otherwise.
pub(crate) fn finish_if_settled(locked: &mut LockedOperation, now: DateTime<Utc>) {
    let totals = locked.operation.totals;
    if locked.operation.status.is_terminal() || totals.settled() < totals.documents {
        return;
    }
    let all_failed = totals.failed > 0 && totals.failed == totals.documents;
    let (status, kind) = if totals.cancelled > 0 {
        (OperationStatus::Cancelled, OperationEventKind::OperationCancelled)
    } else if all_failed {
        (OperationStatus::Failed, OperationEventKind::OperationFailed)
    } else {
        (OperationStatus::Completed, OperationEventKind::OperationCompleted)
    };
    let message = (totals.failed > 0).then(|| match (totals.failed, totals.documents) {
        (1, 1) => "The document could not be indexed. Its error has the reason.".to_owned(),
        (failed, all) => format!("{failed} of {all} documents could not be indexed. Their errors have the reasons."),
    });
    locked.operation.status = status;
    locked.operation.completed_at = Some(now);
    locked.operation.error_message.clone_from(&message);
    locked.record(kind, None, message, now);
}

/// The error of a document that was skipped by a cancelled operation.
pub(crate) fn cancellation(attempts: i32) -> ProcessingError {
    ProcessingError {
        stage: ProcessingStage::Store,
        code: ProcessingErrorCode::Cancelled,
        message: "The operation was cancelled before this document was indexed. Ingest it again to index it.".into(),
        attempts,
        retryable: true,
    }
}

/// Cancels an operation: documents that wait are left out at once, those being worked on at their next step; what is
/// finished stays.
///
/// # Errors
/// `NotFound`, or `Conflict` when it has ended or can't be stopped half-way.
pub async fn cancel(services: &Services, viewer: &Viewer, id: OperationId) -> Result<Operation, Error> {
    viewer.require_user()?;
    let now = services.clock.now();
    services.database.transaction(|tx| cancel_within(tx, viewer, id, now).boxed()).await
}

async fn cancel_within(
    tx: &Transaction<'_>,
    viewer: &Viewer,
    id: OperationId,
    now: DateTime<Utc>,
) -> Result<Operation, Error> {
    let action = Action::OperationCancel;
    if let Some(collection) = operations::collection_of(&tx.reader(viewer.scope()), id, action).await? {
        collections::hold(tx, viewer.scope(), collection, action).await?;
    }
    let Some(mut locked) = operations::lock_allowed(tx, viewer.scope(), id, action).await? else {
        let is_seen = operations::find(&tx.reader(viewer.scope()), id).await?.is_some();
        return Err(if is_seen { forbidden(viewer) } else { Error::NotFound("operation") });
    };
    if locked.operation.status.is_terminal() {
        return Err(Error::Conflict("This operation has already ended.".into()));
    }
    if !locked.operation.can_be_cancelled() {
        return Err(Error::Conflict("A deletion can't be cancelled: its documents are already deleted.".into()));
    }
    if !locked.cancel_requested {
        locked.cancel_requested = true;
        locked.record(OperationEventKind::CancelRequested, None, None, now);
        leave_out_waiting(tx, &mut locked, now).await?;
        finish_if_settled(&mut locked, now);
        let deed = Deed::new(AuditAction::OperationCancel).to(id).within(locked.operation.collection_id);
        audit::done(tx, viewer, deed, now).await?;
    }
    let operation = locked.operation.clone();
    operations::save(tx, locked).await?;
    Ok(operation)
}

async fn leave_out_waiting(
    tx: &Transaction<'_>,
    locked: &mut LockedOperation,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let id = locked.operation.id;
    let mut page = PageRequest { first: MAX_PAGE_SIZE, after: None };
    loop {
        let waiting = operations::list_waiting(tx, id, &page).await?;
        for item in &waiting.items {
            let (error, ordinal, document) = (cancellation(0), item.outcome.ordinal, item.outcome.document_id);
            operations::set_outcome(tx, id, ordinal, DocumentOutcome::Cancelled, Some(&error), 0).await?;
            documents::set_status(tx, (document, item.revision), DocumentStatus::Failed, Some(&error), now).await?;
            settle(locked, &Settlement::cancelled(document), now);
            page.after = Some(ordinal);
        }
        if !waiting.has_next_page {
            return Ok(());
        }
    }
}

/// The events of an operation after the sequence number `after`: first the stored ones, then each new one, until the
/// final event.
///
/// # Errors
/// `NotFound`, at the start or, as the last item, when the caller loses permission.
pub async fn follow(
    services: &Services,
    viewer: &Viewer,
    id: OperationId,
    after: i32,
) -> Result<impl Stream<Item = Result<OperationEvent, Error>> + Send + use<>, Error> {
    const MISSING: Error = Error::NotFound("operation");
    let scope = viewer.scope();
    let database = services.database.clone();
    if operations::find(&database.reader(scope), id).await?.is_none() {
        let (deed, now) =
            (Deed::new(AuditAction::Read).to(id).saying("Subscription.operationEvents"), services.clock.now());
        services.audit.refused(viewer, deed, &MISSING, now);
        return Err(MISSING);
    }
    Ok(events::follow(database, scope, id, after).map_err(|error| match error {
        FollowError::Gone => MISSING,
        FollowError::Database(error) => error.into(),
    }))
}
