//! Deletes documents of a caller.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use futures_util::FutureExt;

use super::new_operation;
use crate::{
    auth::viewer::Viewer,
    db::{
        DatabaseError, Reader, Transaction,
        repo::{
            chunks,
            collections::{self, CounterChange},
            documents::{self, LockedDocument},
            generations,
            operation_documents::{self, OperationItem},
            operations,
        },
    },
    domain::{
        action::Action,
        audit::{AuditAction, AuditObject},
        collection::Collection,
        id::{CollectionId, DocumentId, UserId},
        operation::{Operation, OperationDocument, OperationRun, OperationType},
    },
    error::{Error, ViolationCode},
    jobs::{self, DropPoints, DropTarget},
    service::{
        Services,
        access::{forbidden, lock_collection},
        audit::Deed,
        frame::{Done, attempt, change},
        validate::Violations,
    },
};

/// Removes documents. They are gone for readers at once; the operation removes their vectors.
///
/// # Errors
/// `Invalid` naming each id that does not exist for the caller, `Forbidden` for documents that they may only read,
/// `Conflict` for documents of different collections; nothing is removed then.
pub async fn delete(services: &Services, viewer: &Viewer, ids: Vec<DocumentId>) -> Result<Operation, Error> {
    let tried = Deed::new(AuditAction::DocumentsDelete).to(ids.first().map(|id| AuditObject::from(*id)));
    attempt(services, viewer, &tried, async {
        let user = viewer.require_user_id()?;
        let most = services.config.limits.ingest_documents;
        let mut violations = Violations::default();
        if ids.is_empty() {
            violations.add(ViolationCode::Required, "ids", "Name at least one document.");
        } else if ids.len() > most {
            violations.add(ViolationCode::TooLong, "ids", format!("Name at most {most} documents in one call."));
        }
        violations.check()?;
        let now = services.clock.now();
        change(services, viewer, &tried, now, |tx| remove(tx, viewer, user, &ids, now).boxed()).await
    })
    .await
}

async fn remove(
    tx: &Transaction<'_>,
    viewer: &Viewer,
    user: UserId,
    ids: &[DocumentId],
    now: DateTime<Utc>,
) -> Result<Done<Operation>, Error> {
    // The collection is locked before its documents, as everywhere.
    let reader = tx.reader(viewer.scope());
    let homes = documents::find_homes(&reader, ids, Action::DocumentDelete).await?;
    check_all_found(&reader, viewer, ids, &homes).await?;
    let collections: HashSet<_> = homes.into_values().collect();
    let (Some(home), true) = (collections.iter().next().copied(), collections.len() == 1) else {
        return Err(Error::Conflict("Name documents of one collection only.".into()));
    };
    let collection = lock_collection(tx, viewer, home, Action::DocumentDelete).await?;
    let removed = documents::lock_many(tx, home, ids).await?;

    let run = OperationRun::create(Operation {
        operation_type: OperationType::Delete,
        ..new_operation(&collection, user, removed.len(), now)
    });
    let id = run.operation().id;
    let mut items = Vec::new();
    for (ordinal, LockedDocument { document, next_revision }) in (0_i32..).zip(&removed) {
        items.push(OperationItem {
            outcome: OperationDocument::waiting(id, document.id, ordinal),
            revision: *next_revision,
            content: document.content.clone(),
        });
    }
    let gone = remove_rows(tx, &collection, &removed).await?;
    let operation = operations::insert(tx, run, None).await?;
    operation_documents::insert_many(tx, items).await?;
    let job = DropPoints { operation: Some(id), ..DropPoints::of(&collection, DropTarget::Documents(gone)) };
    jobs::enqueue(tx, &[job], user.into(), now).await?;
    let deed = Deed::new(AuditAction::DocumentsDelete).to(id).within(collection.id);
    Ok(Done::This(operation, deed.saying(format!("documents: {}", removed.len()))))
}

/// Removes the rows of locked documents of a locked collection. Returns their ids: their points have to be dropped.
pub(crate) async fn remove_rows(
    tx: &Transaction<'_>,
    collection: &Collection,
    removed: &[LockedDocument],
) -> Result<Vec<DocumentId>, DatabaseError> {
    let gone: Vec<_> = removed.iter().map(|removed| removed.document.id).collect();
    let mut counters = CounterChange::default();
    for LockedDocument { document, .. } in removed {
        counters.documents -= 1;
        counters.bytes -= document.content.file.size;
    }
    chunks::delete_of_documents(tx, collection.id, &gone).await?;
    generations::forget_documents(tx, &gone).await?;
    documents::delete_many(tx, &gone).await?;
    collections::add_to_counters(tx, collection.id, counters).await?;
    Ok(gone)
}

/// Rejects documents that the caller may not delete: `Forbidden` for those that they can see, `NotFound` for the
/// others.
async fn check_all_found(
    reader: &Reader<'_>,
    viewer: &Viewer,
    ids: &[DocumentId],
    found: &HashMap<DocumentId, CollectionId>,
) -> Result<(), Error> {
    if ids.iter().all(|id| found.contains_key(id)) {
        return Ok(());
    }
    let seen = documents::find_homes(reader, ids, Action::CollectionRead).await?;
    let mut violations = Violations::default();
    for (index, id) in ids.iter().enumerate() {
        if !seen.contains_key(id) && !found.contains_key(id) {
            violations.add(ViolationCode::NotFound, &format!("ids.{index}"), "There is no such document.");
        }
    }
    violations.check()?;
    Err(forbidden(viewer))
}
