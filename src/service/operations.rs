//! Operations: their progress, cancelling and following.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::{FutureExt, Stream, StreamExt, TryStreamExt, stream};

use super::{
    Services,
    access::forbidden,
    audit::Deed,
    frame::{Done, attempt, change},
    generations::give_up,
    limits,
};
use crate::{
    auth::viewer::Viewer,
    db::{
        DatabaseError, Lane, Transaction,
        repo::{
            collections, documents,
            operation_documents::{self, OperationItem},
            operations,
        },
    },
    domain::{
        action::Action,
        audit::AuditAction,
        document::DocumentStatus,
        id::{CollectionId, OperationId},
        operation::{FeedPosition, Operation, OperationEvent, OperationRun, OperationType, Settlement},
        page::{MAX_PAGE_SIZE, Page},
    },
    error::{Error, ViolationCode},
    events::{self, FeedEvent, FollowError},
};

/// Cancels an operation: documents that wait are left out at once, those being worked on at their next step; what is
/// finished stays.
///
/// # Errors
/// `NotFound`, or `Conflict` when it has ended or can't be stopped half-way.
pub async fn cancel(services: &Services, viewer: &Viewer, id: OperationId) -> Result<Operation, Error> {
    let tried = Deed::new(AuditAction::OperationCancel).to(id);
    attempt(services, viewer, &tried, async {
        viewer.require_user()?;
        let now = services.clock.now();
        change(services, viewer, &tried, now, |tx| cancel_within(tx, viewer, id, now).boxed()).await
    })
    .await
}

async fn cancel_within(
    tx: &Transaction<'_>,
    viewer: &Viewer,
    id: OperationId,
    now: DateTime<Utc>,
) -> Result<Done<Operation>, Error> {
    let action = Action::OperationCancel;
    if let Some(collection) = operations::collection_of(&tx.reader(viewer.scope()), id, action).await? {
        collections::hold(tx, viewer.scope(), collection, action).await?;
    }
    let Some(mut run) = operations::lock_allowed(tx, viewer.scope(), id, action).await? else {
        let is_seen = operations::find(&tx.reader(viewer.scope()), id).await?.is_some();
        return Err(if is_seen { forbidden(viewer) } else { Error::NotFound("operation") });
    };
    if run.operation().status.is_terminal() {
        return Err(Error::Conflict("This operation has already ended.".into()));
    }
    if !run.operation().can_be_cancelled() {
        return Err(Error::Conflict("A deletion can't be cancelled: its documents are already deleted.".into()));
    }
    if !run.request_cancel(now) {
        return Ok(Done::Nothing(run.into_parts().0));
    }
    match (run.operation().operation_type, run.operation().collection_id) {
        (OperationType::Reindex, collection) => {
            if let Some(collection) = collection {
                give_up(tx, collection, id, now).await?;
            }
            run.cancel(now);
        }
        (OperationType::Index | OperationType::Append | OperationType::Delete | OperationType::RemoveSource, _) => {
            leave_out_waiting(tx, &mut run, now).await?;
            run.finish(now);
        }
    }
    let operation = operations::save(tx, run).await?;
    let deed = Deed::new(AuditAction::OperationCancel).to(id).within(operation.collection_id);
    Ok(Done::This(operation, deed))
}

async fn leave_out_waiting(tx: &Transaction<'_>, run: &mut OperationRun, now: DateTime<Utc>) -> Result<(), Error> {
    let left_out = Settlement::cancelled();
    loop {
        let page = operation_documents::list_waiting(tx, run.operation().id, MAX_PAGE_SIZE).await?;
        let revisions: Vec<_> = page.items.iter().map(|item| (item.outcome.document_id, item.revision)).collect();
        documents::set_status(tx, &revisions, DocumentStatus::Failed, left_out.error(), now).await?;
        settle(tx, run, &page.items, &left_out, now).await?;
        if !page.has_next_page {
            return Ok(());
        }
    }
}

/// Settles the first page of the documents of an operation that wait for their turn, all in the same way. Returns them,
/// and whether there are more.
pub(crate) async fn settle_waiting(
    tx: &Transaction<'_>,
    run: &mut OperationRun,
    settlement: &Settlement,
    now: DateTime<Utc>,
) -> Result<Page<OperationItem>, DatabaseError> {
    let page = operation_documents::list_waiting(tx, run.operation().id, MAX_PAGE_SIZE).await?;
    settle(tx, run, &page.items, settlement, now).await?;
    Ok(page)
}

async fn settle(
    tx: &Transaction<'_>,
    run: &mut OperationRun,
    items: &[OperationItem],
    settlement: &Settlement,
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    let ordinals: Vec<_> = items.iter().map(|item| item.outcome.ordinal).collect();
    if !ordinals.is_empty() {
        let (operation, outcome, error) = (run.operation().id, settlement.outcome(), settlement.error());
        operation_documents::set_outcome(tx, operation, &ordinals, outcome, error, 0).await?;
    }
    for item in items {
        run.settle(item.outcome.document_id, settlement, now);
    }
    Ok(())
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
    let (scope, database) = (viewer.scope(), services.database.clone());
    let tried = Deed::new(AuditAction::Read).to(id).saying("Subscription.operationEvents");
    attempt(services, viewer, &tried, async {
        operations::find(&database.reader(scope), id).await?.map(drop).ok_or(MISSING)
    })
    .await?;
    let events = events::follow(database, scope, id, after).map_err(|error| of_follower(error, MISSING));
    Ok(in_lane(limits::lane(services, viewer), events))
}

/// The events of all operations that the caller can see, after a position or from now on.
///
/// # Errors
/// `Unauthenticated` without an account; `Invalid`, as the first item, when too much happened since the position.
pub fn follow_all(
    services: &Services,
    viewer: &Viewer,
    after: Option<FeedPosition>,
) -> Result<impl Stream<Item = Result<FeedEvent, Error>> + Send + use<>, Error> {
    viewer.require_user()?;
    Ok(feed(services, viewer, None, after))
}

/// The events of all operations on a collection, after a position or from now on.
///
/// # Errors
/// `NotFound`, at the start or, as the last item, when the caller loses permission or the collection is gone; `Invalid`, as the
/// first item, when too much happened since the position.
pub async fn follow_collection(
    services: &Services,
    viewer: &Viewer,
    id: CollectionId,
    after: Option<FeedPosition>,
) -> Result<impl Stream<Item = Result<FeedEvent, Error>> + Send + use<>, Error> {
    let tried = Deed::new(AuditAction::Read).to(id).within(Some(id)).saying("Subscription.collectionEvents");
    attempt(services, viewer, &tried, async {
        let is_visible = operations::are_visible_on(&services.database.reader(viewer.scope()), id).await?;
        if is_visible { Ok(()) } else { Err(Error::NotFound("collection")) }
    })
    .await?;
    Ok(feed(services, viewer, Some(id), after))
}

fn feed(
    services: &Services,
    viewer: &Viewer,
    collection: Option<CollectionId>,
    after: Option<FeedPosition>,
) -> impl Stream<Item = Result<FeedEvent, Error>> + Send + use<> {
    let (database, clock) = (services.database.clone(), Arc::clone(&services.clock));
    let events = events::feed(database, clock, viewer.scope(), collection, after)
        .map_err(|error| of_follower(error, Error::NotFound("collection")));
    in_lane(limits::lane(services, viewer), events)
}

/// What is read for a subscription between two answers, too, is the caller's: who has many delays only themselves.
fn in_lane<T>(lane: Lane, events: impl Stream<Item = T> + Send) -> impl Stream<Item = T> + Send {
    stream::unfold((lane, Box::pin(events)), |(lane, mut events)| async move {
        let event = lane.clone().run(events.next()).await?;
        Some((event, (lane, events)))
    })
}

fn of_follower(error: FollowError, missing: Error) -> Error {
    match error {
        FollowError::Gone => missing,
        FollowError::TooMuch => {
            let message = "Too much happened since `after`. List the operations, and follow them without it.";
            Error::invalid(ViolationCode::LimitExceeded, "after", message)
        }
        FollowError::Database(error) => error.into(),
    }
}
