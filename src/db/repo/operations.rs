//! Operations, the outcome of each document in them, and their events.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, Order,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select, sea_query::Expr,
};

use super::{
    Direction, INSERT_ROWS, collections_among, collections_of, convert, in_allowed,
    lists::{all, count_of_all, first_of_all},
    operation_lists::on_collections,
    same, within,
};
use crate::{
    db::{
        DatabaseError, Reader, Transaction,
        entity::{StoredEnum, collection, operation, operation_document, operation_event, to_json},
        notify::News,
    },
    domain::{
        action::Action,
        content::{Content, StoredFile, UNKNOWN_TYPE},
        document::ProcessingError,
        id::{CollectionId, OperationId, UserId},
        operation::{
            DocumentOutcome, Operation, OperationDocument, OperationEvent, OperationRun, OperationStatus, OperationType,
        },
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

/// The work of an operation on one document: the content that will become the document's.
#[derive(Clone, PartialEq, Debug)]
pub struct OperationItem {
    pub outcome: OperationDocument,
    pub revision: i32,
    pub content: Content,
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
    let order = [(operation::Column::Id, Order::Desc)];
    let operations = || operation::Entity::find().filter(matching(filter));
    let (collections, gone) = places(reader.scope, filter);
    let backend = reader.executor.get_database_backend();
    let mut lists: Vec<_> = collections
        .into_iter()
        .map(|collections| on_collections(collections, operations(), page).statement(backend))
        .collect();
    if let Some(gone) = gone {
        let mut rows = operations().filter(gone).order_by_desc(operation::Column::Id).limit(u64::from(page.first) + 1);
        if let Some(after) = page.after {
            rows = rows.filter(Direction::Descending.after(operation::Column::Id, after.0));
        }
        lists.push(rows.into_query());
    }
    let rows: Vec<operation::Model> = all(reader, &first_of_all(lists, &order, page.first)).await?;
    Ok(Page::from_overfetched(convert(rows)?, page.first))
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

/// What the operation wants that an earlier call of this user under the same key made, by its place in the call.
pub async fn repeated_items(
    reader: &Reader<'_>,
    user: UserId,
    key: &str,
) -> Result<HashMap<i32, OperationItem>, DatabaseError> {
    let earlier = operation::Entity::find()
        .select_only()
        .column(operation::Column::Id)
        .filter(operation::Column::UserId.eq(user.0))
        .filter(operation::Column::IdempotencyKey.eq(key))
        .into_query();
    let rows = operation_document::Entity::find()
        .filter(operation_document::Column::OperationId.in_subquery(earlier))
        .all(&reader.executor)
        .await?;
    rows.into_iter().map(|row| Ok((row.ordinal, row.try_into()?))).collect()
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
    insert_events(tx, events).await?;
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
        .col_expr(operation::Column::LastSequence, Expr::value(last_sequence))
        .col_expr(operation::Column::CancelRequested, Expr::value(cancel_requested))
        .col_expr(operation::Column::StartedAt, Expr::value(operation.started_at))
        .col_expr(operation::Column::CompletedAt, Expr::value(operation.completed_at))
        .filter(operation::Column::Id.eq(operation.id.0))
        .exec(&tx.connection)
        .await?;
    insert_events(tx, events).await?;
    Ok(operation)
}

/// Adds events. Followers learn of them when the transaction is committed.
async fn insert_events(tx: &Transaction<'_>, events: Vec<OperationEvent>) -> Result<(), DatabaseError> {
    for event in &events {
        tx.after_commit(News::EventsOf(event.operation_id));
    }
    let rows: Vec<_> = events
        .into_iter()
        .map(|event| {
            operation_event::Model {
                operation_id: event.operation_id.0,
                seq: event.sequence,
                kind: event.kind.stored(),
                document_id: event.document_id.map(|id| id.0),
                message: event.message,
                progress: event.progress,
                at: event.at,
            }
            .into_active_model()
        })
        .collect();
    for part in rows.chunks(INSERT_ROWS) {
        operation_event::Entity::insert_many(part.to_vec()).exec_without_returning(&tx.connection).await?;
    }
    Ok(())
}

/// Events of an operation that is visible to the reader, in order, after the sequence number `page.after`.
pub async fn events(
    reader: &Reader<'_>,
    id: OperationId,
    page: &PageRequest<i32>,
) -> Result<Page<OperationEvent>, DatabaseError> {
    let operation = operation::Entity::find()
        .select_only()
        .expr(Expr::val(1))
        .filter(same(operation::Column::Id, operation_event::Column::OperationId))
        .filter(visible(reader.scope));
    let rows = operation_event::Entity::find()
        .filter(operation_event::Column::OperationId.eq(id.0))
        .filter(Expr::exists(operation.into_query()))
        .filter(operation_event::Column::Seq.gt(page.after.unwrap_or(0)))
        .order_by_asc(operation_event::Column::Seq)
        .limit(u64::from(page.first) + 1)
        .all(&reader.executor)
        .await?;
    Ok(Page::from_overfetched(convert(rows)?, page.first))
}

/// How many events an operation has.
pub async fn count_events(reader: &Reader<'_>, id: OperationId) -> Result<i64, DatabaseError> {
    let row = operation::Entity::find_by_id(id.0).filter(visible(reader.scope)).one(&reader.executor).await?;
    Ok(row.map_or(0, |row| i64::from(row.last_sequence)))
}

/// Adds the work of an operation on its documents.
pub async fn insert_items(tx: &Transaction<'_>, items: Vec<OperationItem>) -> Result<(), DatabaseError> {
    let rows: Vec<_> = items
        .into_iter()
        .map(|item| {
            let Content { file_name, uri, content_type, file, meta } = item.content;
            operation_document::Model {
                operation_id: item.outcome.operation_id.0,
                ordinal: item.outcome.ordinal,
                document_id: item.outcome.document_id.0,
                outcome: item.outcome.outcome.stored(),
                error: None,
                chunk_count: item.outcome.chunk_count,
                percent: item.outcome.percent,
                revision: item.revision,
                file_name,
                uri,
                content_type: Some(content_type),
                file_size: file.size,
                content_hash: file.digest,
                meta,
            }
            .into_active_model()
        })
        .collect();
    for part in rows.chunks(INSERT_ROWS) {
        operation_document::Entity::insert_many(part.to_vec()).exec_without_returning(&tx.connection).await?;
    }
    Ok(())
}

/// The work of an operation on one document.
pub async fn find_item(
    reader: &Reader<'_>,
    id: OperationId,
    ordinal: i32,
) -> Result<Option<OperationItem>, DatabaseError> {
    if find(reader, id).await?.is_none() {
        return Ok(None);
    }
    let row = operation_document::Entity::find_by_id((id.0, ordinal)).one(&reader.executor).await?;
    row.map(TryInto::try_into).transpose()
}

impl TryFrom<operation_document::Model> for OperationItem {
    type Error = DatabaseError;

    fn try_from(row: operation_document::Model) -> Result<Self, DatabaseError> {
        Ok(Self {
            revision: row.revision,
            content: Content {
                file_name: row.file_name.clone(),
                uri: row.uri.clone(),
                content_type: row.content_type.clone().unwrap_or_else(|| UNKNOWN_TYPE.to_owned()),
                file: StoredFile { digest: row.content_hash.clone(), size: row.file_size },
                meta: row.meta.clone(),
            },
            outcome: row.try_into()?,
        })
    }
}

/// The first of those documents of a locked operation that wait for their turn, in the order of the request.
pub async fn list_waiting(
    tx: &Transaction<'_>,
    id: OperationId,
    first: u32,
) -> Result<Page<OperationItem>, DatabaseError> {
    let query = operation_document::Entity::find()
        .filter(operation_document::Column::OperationId.eq(id.0))
        .filter(operation_document::Column::Outcome.eq(DocumentOutcome::Pending.stored()))
        .order_by_asc(operation_document::Column::Ordinal)
        .limit(u64::from(first) + 1);
    Ok(Page::from_overfetched(convert(query.all(&tx.connection).await?)?, first))
}

/// Writes the progress of a document in an operation.
pub async fn set_percent(
    tx: &Transaction<'_>,
    id: OperationId,
    ordinal: i32,
    percent: i32,
) -> Result<(), DatabaseError> {
    operation_document::Entity::update_many()
        .col_expr(operation_document::Column::Percent, Expr::value(percent))
        .filter(operation_document::Column::OperationId.eq(id.0))
        .filter(operation_document::Column::Ordinal.eq(ordinal))
        .exec(&tx.connection)
        .await?;
    Ok(())
}

/// Writes the outcome of documents in an operation. Their processing has ended, or starts again.
pub async fn set_outcome(
    tx: &Transaction<'_>,
    id: OperationId,
    ordinals: &[i32],
    outcome: DocumentOutcome,
    error: Option<&ProcessingError>,
    chunk_count: i32,
) -> Result<(), DatabaseError> {
    let error = error.map(|error| to_json("operation_documents.error", error)).transpose()?;
    operation_document::Entity::update_many()
        .col_expr(operation_document::Column::Outcome, Expr::value(outcome.stored()))
        .col_expr(operation_document::Column::Error, Expr::value(error))
        .col_expr(operation_document::Column::ChunkCount, Expr::value(chunk_count))
        .col_expr(operation_document::Column::Percent, Expr::value(0))
        .filter(operation_document::Column::OperationId.eq(id.0))
        .filter(operation_document::Column::Ordinal.is_in(ordinals.iter().copied()))
        .exec(&tx.connection)
        .await?;
    Ok(())
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
