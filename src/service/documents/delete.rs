//! Deletes documents of a caller.

use chrono::{DateTime, Utc};
use futures_util::FutureExt;

use super::{
    new_operation,
    selection::{AT_ONCE, check_number, home_of},
};
use crate::{
    auth::viewer::Viewer,
    db::{
        DatabaseError, Transaction,
        repo::{
            chunks,
            collections::{self, CounterChange},
            documents::{self, DocumentFilter, LockedDocument},
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
        access::lock_collection,
        audit::Deed,
        frame::{Done, attempt, change},
    },
};

/// What a deletion began with.
#[derive(Clone, PartialEq, Debug)]
pub struct Deleted {
    pub operation: Operation,
    pub documents: Vec<DocumentId>,
    /// Whether there may be more documents that match.
    pub has_more: bool,
}

/// Which documents to delete.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DeleteRequest {
    Ids(Vec<DocumentId>),
    /// The first that match, in a collection.
    Matching(CollectionId, DocumentFilter),
}

/// Removes documents. They are gone for readers at once; the operation removes their vectors.
///
/// # Errors
/// `Invalid` naming each id that does not exist for the caller, or a filter without a condition; `NotFound`; `Forbidden` for
/// documents that they may only read; `Conflict` for documents of different collections. Nothing is removed then.
pub async fn delete(services: &Services, viewer: &Viewer, request: DeleteRequest) -> Result<Deleted, Error> {
    let tried = Deed::new(AuditAction::DocumentsDelete);
    let tried = match &request {
        DeleteRequest::Ids(ids) => tried.to(ids.first().map(|id| AuditObject::from(*id))),
        DeleteRequest::Matching(collection, _) => tried.to(*collection).within(*collection),
    };
    attempt(services, viewer, &tried, async {
        let user = viewer.require_user_id()?;
        match &request {
            DeleteRequest::Ids(ids) => check_number(services, ids)?,
            DeleteRequest::Matching(_, filter) if *filter == DocumentFilter::default() => {
                let message = "Give at least one condition. `collectionDelete` deletes everything.";
                return Err(Error::invalid(ViolationCode::Required, "filter", message));
            }
            DeleteRequest::Matching(..) => {}
        }
        let now = services.clock.now();
        change(services, viewer, &tried, now, |tx| remove(tx, viewer, user, &request, now).boxed()).await
    })
    .await
}

async fn remove(
    tx: &Transaction<'_>,
    viewer: &Viewer,
    user: UserId,
    request: &DeleteRequest,
    now: DateTime<Utc>,
) -> Result<Done<Deleted>, Error> {
    // The collection is locked before its documents, as everywhere.
    let home = match request {
        DeleteRequest::Ids(ids) => home_of(tx, viewer, ids, Action::DocumentDelete).await?,
        DeleteRequest::Matching(collection, _) => *collection,
    };
    let collection = lock_collection(tx, viewer, home, Action::DocumentDelete).await?;
    let removed = match request {
        DeleteRequest::Ids(ids) => documents::lock_many(tx, home, ids).await?,
        DeleteRequest::Matching(_, filter) => documents::lock_matching(tx, home, filter, None, None, AT_ONCE).await?,
    };
    if removed.is_empty() {
        return Err(Error::invalid(ViolationCode::Conflict, "filter", "No document matches this filter."));
    }
    let has_more = matches!(request, DeleteRequest::Matching(..)) && removed.len() as u64 == AT_ONCE;

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
    let target = DropTarget::Documents(gone.clone());
    let job = DropPoints { operation: Some(id), ..DropPoints::of(&collection, target) };
    jobs::enqueue(tx, &[job], user.into(), now).await?;
    let deed = Deed::new(AuditAction::DocumentsDelete).to(id).within(collection.id);
    let deed = deed.saying(format!("documents: {}", removed.len()));
    Ok(Done::This(Deleted { operation, documents: gone, has_more }, deed))
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
