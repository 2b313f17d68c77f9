//! Removes a source, with or without its documents.

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use serde_json::json;

use super::lock;
use crate::{
    auth::viewer::Viewer,
    db::{
        Transaction,
        repo::{operations, sources},
    },
    domain::{
        action::Action,
        audit::AuditAction,
        id::{SourceId, UserId},
        operation::{Operation, OperationRun, OperationType, SOURCE},
        source::SourceStatus,
    },
    error::Error,
    jobs::{self, RemoveSource},
    service::{
        Services,
        audit::Deed,
        documents::new_operation,
        frame::{Done, attempt, change},
    },
};

/// Removes a source. Its documents disappear as its operation goes on, or stay and belong to no source.
///
/// # Errors
/// `NotFound`, `Forbidden`, or `Conflict` if it is being removed.
pub async fn remove(
    services: &Services,
    viewer: &Viewer,
    id: SourceId,
    keeps_documents: bool,
) -> Result<Operation, Error> {
    let tried = Deed::new(AuditAction::SourceRemove).to(id);
    attempt(services, viewer, &tried, async {
        let user = viewer.require_user_id()?;
        let now = services.clock.now();
        change(services, viewer, &tried, now, |tx| mark(tx, viewer, user, id, keeps_documents, now).boxed()).await
    })
    .await
}

async fn mark(
    tx: &Transaction<'_>,
    viewer: &Viewer,
    user: UserId,
    id: SourceId,
    keeps_documents: bool,
    now: DateTime<Utc>,
) -> Result<Done<Operation>, Error> {
    let needed = [Action::CollectionUpdate, Action::DocumentDelete];
    let (collection, mut source) = lock(tx, viewer, id, &needed).await?;
    let documents = if keeps_documents { 0 } else { sources::count_documents(tx, id).await? };
    let run = OperationRun::create(Operation {
        operation_type: OperationType::RemoveSource,
        config: json!({ "source": source.name, SOURCE: id, "keepDocuments": keeps_documents }),
        ..new_operation(&collection, user, documents, now)
    });
    let operation = operations::insert(tx, run, None).await?;
    source.status = SourceStatus::Removing;
    source.next_run_at = None;
    source.updated_at = now;
    let deed = Deed::new(AuditAction::SourceRemove).to(id).within(collection.id).saying(source.name.clone());
    sources::update(tx, source).await?;
    let job = RemoveSource { collection: collection.id, source: id, operation: operation.id, keeps_documents };
    jobs::enqueue(tx, &[job], user.into(), now).await?;
    Ok(Done::This(operation, deed))
}
