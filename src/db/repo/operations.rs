//! Operations.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
    sea_query::{Alias, Expr, ExprTrait, Query, SelectStatement},
};

use super::{
    collections_among, collections_of, convert, exists, in_allowed,
    lists::{Below, Keyset, all, count_of_all, first_of_all, pages},
    operation_events, within,
};
use crate::{
    db::{
        DatabaseError, Reader, Transaction,
        entity::{StoredEnum, collection, operation, operation_document, operation_event},
    },
    domain::{
        action::Action,
        id::{CollectionId, OperationId, UserId},
        operation::{Operation, OperationRun, OperationStatus, OperationType},
        page::{Page, PageRequest},
        scope::Scope,
    },
};

/// Which operations to list.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct OperationFilter {
    pub collection: Option<CollectionId>,
    pub status: Vec<OperationStatus>,
    pub operation_type: Vec<OperationType>,
}

/// The repetition of a call, found by its idempotency key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Idempotency {
    pub key: String,
    /// SHA-256 of the request.
    pub request_digest: String,
}

/// Operations on which a scope may perform `action`: those on collections in which it may, and its own where the
/// collection is gone.
pub(super) fn allowed(scope: Scope, action: Action) -> Condition {
    if scope == Scope::System {
        return Condition::all();
    }
    let on_collections = in_allowed(operation::Column::CollectionId, scope, action);
    Condition::any().add(on_collections).add_option(own_without_collection(scope, action))
}

/// Operations on which a scope may perform `action`, though their collection is gone.
fn own_without_collection(scope: Scope, action: Action) -> Option<Condition> {
    let gone = Condition::all().add(operation::Column::CollectionId.is_null());
    match scope {
        Scope::System => Some(gone),
        Scope::Anonymous => None,
        Scope::Account(caller) => {
            // A key limited to some collections does not cover one that is deleted.
            let is_good = caller.key.is_none_or(|key| key.all_collections && key.actions.contains(action));
            is_good.then(|| gone.add(operation::Column::UserId.eq(caller.user.0)))
        }
    }
}

/// Operations that exist for a scope.
pub(super) fn visible(scope: Scope) -> Condition {
    allowed(scope, Action::OperationRead)
}

/// The given operations that are visible to the scope.
pub(super) fn among(operations: &[OperationId], scope: Scope) -> Select<operation::Entity> {
    operation::Entity::find()
        .filter(operation::Column::Id.is_in(operations.iter().map(|id| id.0)))
        .filter(visible(scope))
}

/// The ids of these.
pub(super) fn ids(operations: &[OperationId], scope: Scope) -> SelectStatement {
    among(operations, scope).select_only().column(operation::Column::Id).into_query()
}

/// The operations that match a filter, regardless of the caller.
fn matching(filter: &OperationFilter) -> Condition {
    let mut condition = Condition::all();
    if !filter.status.is_empty() {
        condition = condition.add(operation::Column::Status.is_in(filter.status.iter().map(|value| value.stored())));
    }
    if !filter.operation_type.is_empty() {
        let types = filter.operation_type.iter().map(|value| value.stored());
        condition = condition.add(operation::Column::OperationType.is_in(types));
    }
    condition
}

/// Where the operations of a filter are: on collections, in parts, and on collections that no longer exist.
fn places(scope: Scope, filter: &OperationFilter) -> (Vec<Select<collection::Entity>>, Option<Condition>) {
    match filter.collection {
        Some(id) => (vec![collections_among(&[id], scope, Action::OperationRead)], None),
        None => (collections_of(scope, Action::OperationRead), own_without_collection(scope, Action::OperationRead)),
    }
}

/// The collection of an operation on which the reader may perform `action`.
pub async fn collection_of(
    reader: &Reader<'_>,
    id: OperationId,
    action: Action,
) -> Result<Option<CollectionId>, DatabaseError> {
    let collection: Option<Option<uuid::Uuid>> = operation::Entity::find_by_id(id.0)
        .select_only()
        .column(operation::Column::CollectionId)
        .filter(allowed(reader.scope, action))
        .into_tuple()
        .one(&reader.executor)
        .await?;
    Ok(collection.flatten().map(CollectionId))
}

/// One operation.
pub async fn find(reader: &Reader<'_>, id: OperationId) -> Result<Option<Operation>, DatabaseError> {
    Ok(find_many(reader, &[id]).await?.remove(&id))
}

/// The given operations that are visible to the reader.
pub async fn find_many(
    reader: &Reader<'_>,
    ids: &[OperationId],
) -> Result<HashMap<OperationId, Operation>, DatabaseError> {
    let rows = operation::Entity::find()
        .filter(operation::Column::Id.is_in(ids.iter().map(|id| id.0)))
        .filter(visible(reader.scope))
        .all(&reader.executor)
        .await?;
    rows.into_iter().map(|row| Ok((OperationId(row.id), row.try_into()?))).collect()
}

/// A page of operations, newest first.
pub async fn list(
    reader: &Reader<'_>,
    filter: &OperationFilter,
    page: &PageRequest<OperationId>,
) -> Result<Page<Operation>, DatabaseError> {
    let rows = rows_of(reader, filter, &[matching(filter)], page).await?;
    Ok(Page::from_overfetched(convert(rows)?, page.first))
}

/// Operations that have not ended or ended after `moment`, on a collection or all that there are for the reader, newest
/// first: each with the number of its last event.
pub async fn list_active(
    reader: &Reader<'_>,
    collection: Option<CollectionId>,
    moment: DateTime<Utc>,
    page: &PageRequest<OperationId>,
) -> Result<Page<(OperationId, i32)>, DatabaseError> {
    let filter = OperationFilter { collection, ..OperationFilter::default() };
    let states = [operation::Column::CompletedAt.is_null(), operation::Column::CompletedAt.gt(moment)];
    let rows = rows_of(reader, &filter, &states.map(|state| Condition::all().add(state)), page).await?;
    let numbered = rows.into_iter().map(|row| (OperationId(row.id), row.last_sequence)).collect();
    Ok(Page::from_overfetched(numbered, page.first))
}

/// The first rows, and one more, of the operations where a filter says, newest first. Each meets one of the conditions, which
/// exclude each other.
async fn rows_of(
    reader: &Reader<'_>,
    filter: &OperationFilter,
    conditions: &[Condition],
    page: &PageRequest<OperationId>,
) -> Result<Vec<operation::Model>, DatabaseError> {
    let keyset = Keyset::newest_first(operation::Column::Id, page);
    let backend = reader.executor.get_database_backend();
    let mut lists = Vec::new();
    for condition in conditions {
        let operations = || operation::Entity::find().filter(condition.clone());
        let (collections, gone) = places(reader.scope, filter);
        for collections in collections {
            lists.push(on_collections(collections, operations(), page).statement(backend));
        }
        lists.extend(gone.map(|gone| keyset.page_of(operations().filter(gone)).into_query()));
    }
    all(reader, &first_of_all(lists, &keyset.order(), page.first)).await
}

/// Whether the reader can see the operations on a collection.
pub async fn are_visible_on(reader: &Reader<'_>, id: CollectionId) -> Result<bool, DatabaseError> {
    exists(collections_among(&[id], reader.scope, Action::OperationRead), &reader.executor).await
}

/// How many operations a list has in all.
pub async fn count(reader: &Reader<'_>, filter: &OperationFilter) -> Result<i64, DatabaseError> {
    let ids = |which: Condition| {
        let rows = operation::Entity::find().filter(which).filter(matching(filter));
        rows.select_only().column(operation::Column::Id).into_query()
    };
    let (collections, gone) = places(reader.scope, filter);
    let on_collections =
        collections.into_iter().map(|collections| within(operation::Column::CollectionId, collections));
    let lists = on_collections.map(|which| Condition::all().add(which)).chain(gone).map(ids).collect();
    count_of_all(reader, lists).await
}

/// The same page of the operations on each of several collections, newest first.
pub async fn list_of_collections(
    reader: &Reader<'_>,
    collections: &[CollectionId],
    page: &PageRequest<OperationId>,
) -> Result<HashMap<CollectionId, Page<Operation>>, DatabaseError> {
    let collections = collections_among(collections, reader.scope, Action::OperationRead);
    let below = on_collections(collections, operation::Entity::find(), page);
    let operations: Vec<Operation> = convert(below.of_each(reader).await?)?;
    let under = operations.into_iter().filter_map(|operation| Some((operation.collection_id?, operation)));
    Ok(pages(under, page.first))
}

/// A page of those of the operations that are on collections, newest first.
fn on_collections(
    collections: Select<collection::Entity>,
    operations: Select<operation::Entity>,
    page: &PageRequest<OperationId>,
) -> Below<collection::Entity, operation::Entity> {
    Below {
        parents: collections,
        parent: collection::Column::Id,
        rows: operations,
        link: operation::Column::CollectionId,
        page: Keyset::newest_first(operation::Column::Id, page),
    }
}

/// How many operations there are on each of several collections.
pub async fn count_of_collections(
    reader: &Reader<'_>,
    collections: &[CollectionId],
) -> Result<HashMap<CollectionId, i64>, DatabaseError> {
    let collections = collections_among(collections, reader.scope, Action::OperationRead);
    let rows: Vec<(uuid::Uuid, i64)> = operation::Entity::find()
        .select_only()
        .column(operation::Column::CollectionId)
        .column_as(operation::Column::Id.count(), "operations")
        .filter(within(operation::Column::CollectionId, collections))
        .group_by(operation::Column::CollectionId)
        .into_tuple()
        .all(&reader.executor)
        .await?;
    Ok(rows.into_iter().map(|(id, count)| (CollectionId(id), count)).collect())
}

/// The places of those of the operations that wait, among the waiting operations of the same account that the reader sees,
/// from 1. Accounts take turns, so the operations of others hardly count.
pub async fn queue_positions(
    reader: &Reader<'_>,
    ids: &[OperationId],
) -> Result<HashMap<OperationId, i64>, DatabaseError> {
    let waiting = Alias::new("waiting");
    let own = |column: operation::Column| Expr::col((waiting.clone(), column));
    let is_pending = OperationStatus::Pending.stored();
    let before = operation::Entity::find()
        .select_only()
        .column_as(operation::Column::Id.count(), "before")
        .filter(operation::Column::Status.eq(is_pending.as_str()))
        .filter(visible(reader.scope))
        .filter(
            Expr::col(operation::Column::UserId.as_column_ref()).equals((waiting.clone(), operation::Column::UserId)),
        )
        .filter(Expr::col(operation::Column::Id.as_column_ref()).lte(own(operation::Column::Id)))
        .into_query();
    let statement = Query::select()
        .expr(own(operation::Column::Id))
        .expr(Expr::SubQuery(None, Box::new(before.into())))
        .from_as(operation::Entity, waiting.clone())
        .and_where(own(operation::Column::Id).is_in(ids.iter().map(|id| id.0)))
        .and_where(own(operation::Column::Status).eq(is_pending.as_str()))
        .to_owned();
    let rows = reader.executor.query_all(&statement).await?;
    let places = rows.iter().map(|row| {
        let (id, place): (uuid::Uuid, i64) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        Ok::<_, DatabaseError>((OperationId(id), place))
    });
    // One whose account is gone has no place, nor has one that the reader does not see.
    Ok(places.collect::<Result<Vec<_>, _>>()?.into_iter().filter(|(_, place)| *place > 0).collect())
}

/// Whether cancellation of an operation was requested.
pub async fn is_cancel_requested(reader: &Reader<'_>, id: OperationId) -> Result<bool, DatabaseError> {
    let requested: Option<bool> = operation::Entity::find_by_id(id.0)
        .select_only()
        .column(operation::Column::CancelRequested)
        .filter(visible(reader.scope))
        .into_tuple()
        .one(&reader.executor)
        .await?;
    Ok(requested.unwrap_or(false))
}

/// The operation that an earlier call under the same key made, and the digest of that call.
pub async fn find_repeated(
    tx: &Transaction<'_>,
    user: UserId,
    key: &str,
) -> Result<Option<(Operation, String)>, DatabaseError> {
    let row = operation::Entity::find()
        .filter(operation::Column::UserId.eq(user.0))
        .filter(operation::Column::IdempotencyKey.eq(key))
        .one(&tx.connection)
        .await?;
    row.map(|row| {
        let digest = row.request_digest.clone().unwrap_or_default();
        Ok((row.try_into()?, digest))
    })
    .transpose()
}

/// Adds an operation with its first events. Returns it.
pub async fn insert(
    tx: &Transaction<'_>,
    new: OperationRun,
    idempotency: Option<Idempotency>,
) -> Result<Operation, DatabaseError> {
    let is_keyed = idempotency.is_some();
    let (key, digest) = idempotency.map(|repeat| (repeat.key, repeat.request_digest)).unzip();
    let (cancel_requested, last_sequence) = (new.is_cancel_requested(), new.last_sequence());
    let (operation, events) = new.into_parts();
    let row = operation::ActiveModel {
        id: Set(operation.id.0),
        collection_id: Set(operation.collection_id.map(|id| id.0)),
        user_id: Set(operation.user_id.map(|id| id.0)),
        operation_type: Set(operation.operation_type.stored()),
        status: Set(operation.status.stored()),
        config: Set(operation.config.clone()),
        error_message: Set(operation.error_message.clone()),
        document_total: Set(operation.totals.documents),
        completed_total: Set(operation.totals.completed),
        failed_total: Set(operation.totals.failed),
        skipped_total: Set(operation.totals.skipped),
        cancelled_total: Set(operation.totals.cancelled),
        chunk_total: Set(operation.totals.chunks),
        percent_total: Set(operation.totals.in_work),
        least_progress: Set(operation.totals.least_progress),
        last_sequence: Set(last_sequence),
        cancel_requested: Set(cancel_requested),
        idempotency_key: Set(key),
        request_digest: Set(digest),
        created_at: Set(operation.created_at),
        started_at: Set(operation.started_at),
        completed_at: Set(operation.completed_at),
    };
    row.insert(&tx.connection).await.map_err(|error| match DatabaseError::from(error) {
        // Another call under the same key was faster. The transaction that runs again finds it.
        DatabaseError::Constraint(cause) if is_keyed => DatabaseError::Contention(cause),
        error => error,
    })?;
    operation_events::insert_many(tx, &operation, events).await?;
    Ok(operation)
}

/// Locks an operation that is visible to the scope until the transaction ends.
pub async fn lock(tx: &Transaction<'_>, scope: Scope, id: OperationId) -> Result<Option<OperationRun>, DatabaseError> {
    lock_allowed(tx, scope, id, Action::OperationRead).await
}

/// Locks an operation on which the scope may perform `action` until the transaction ends.
pub async fn lock_allowed(
    tx: &Transaction<'_>,
    scope: Scope,
    id: OperationId,
    action: Action,
) -> Result<Option<OperationRun>, DatabaseError> {
    let allowed = allowed(scope, action);
    let row = operation::Entity::find_by_id(id.0).filter(allowed).lock_exclusive().one(&tx.connection).await?;
    row.map(|row| {
        let (cancel_requested, last_sequence) = (row.cancel_requested, row.last_sequence);
        Ok(OperationRun::restore(row.try_into()?, cancel_requested, last_sequence))
    })
    .transpose()
}

/// Writes a locked operation back, with its new events. Returns it.
pub async fn save(tx: &Transaction<'_>, changed: OperationRun) -> Result<Operation, DatabaseError> {
    let (cancel_requested, last_sequence) = (changed.is_cancel_requested(), changed.last_sequence());
    let (operation, events) = changed.into_parts();
    operation::Entity::update_many()
        .col_expr(operation::Column::Status, Expr::value(operation.status.stored()))
        .col_expr(operation::Column::ErrorMessage, Expr::value(operation.error_message.clone()))
        .col_expr(operation::Column::DocumentTotal, Expr::value(operation.totals.documents))
        .col_expr(operation::Column::CompletedTotal, Expr::value(operation.totals.completed))
        .col_expr(operation::Column::FailedTotal, Expr::value(operation.totals.failed))
        .col_expr(operation::Column::SkippedTotal, Expr::value(operation.totals.skipped))
        .col_expr(operation::Column::CancelledTotal, Expr::value(operation.totals.cancelled))
        .col_expr(operation::Column::ChunkTotal, Expr::value(operation.totals.chunks))
        .col_expr(operation::Column::PercentTotal, Expr::value(operation.totals.in_work))
        .col_expr(operation::Column::LeastProgress, Expr::value(operation.totals.least_progress))
        .col_expr(operation::Column::LastSequence, Expr::value(last_sequence))
        .col_expr(operation::Column::CancelRequested, Expr::value(cancel_requested))
        .col_expr(operation::Column::StartedAt, Expr::value(operation.started_at))
        .col_expr(operation::Column::CompletedAt, Expr::value(operation.completed_at))
        .filter(operation::Column::Id.eq(operation.id.0))
        .exec(&tx.connection)
        .await?;
    operation_events::insert_many(tx, &operation, events).await?;
    Ok(operation)
}

/// Rows that one slice removes of each kind at most.
const SLICE: u64 = 10_000;
/// Operations of one slice; with their rows, as they come, they fit into it.
const OPERATIONS: u64 = 20;

/// Removes operations that ended before `moment`, oldest first, with their events and documents, or as many rows of them as
/// fit into one slice. Returns how many rows; 0: there is nothing left to remove.
pub async fn delete_ended(tx: &Transaction<'_>, moment: DateTime<Utc>) -> Result<u64, DatabaseError> {
    let ids: Vec<uuid::Uuid> = operation::Entity::find()
        .select_only()
        .column(operation::Column::Id)
        .filter(operation::Column::CompletedAt.lt(moment))
        .order_by_asc(operation::Column::CompletedAt)
        .limit(OPERATIONS)
        .into_tuple()
        .all(&tx.connection)
        .await?;
    let mut removed = 0;
    for id in ids {
        let (of_events, of_documents) = (operation_event::Column::OperationId, operation_document::Column::OperationId);
        removed += delete_some::<operation_event::Entity>(tx, of_events, operation_event::Column::Seq, id).await?;
        removed += delete_some::<operation_document::Entity>(tx, of_documents, operation_document::Column::Ordinal, id)
            .await?;
        if removed >= SLICE {
            return Ok(removed);
        }
        removed += operation::Entity::delete_by_id(id).exec(&tx.connection).await?.rows_affected;
    }
    Ok(removed)
}

/// Removes the first rows below an operation.
async fn delete_some<E: EntityTrait>(
    tx: &Transaction<'_>,
    link: E::Column,
    key: E::Column,
    id: uuid::Uuid,
) -> Result<u64, DatabaseError> {
    let some = E::find().select_only().column(key).filter(link.eq(id)).order_by_asc(key).limit(SLICE);
    let rows = E::delete_many().filter(link.eq(id)).filter(key.in_subquery(some.into_query()));
    Ok(rows.exec(&tx.connection).await?.rows_affected)
}
