//! Operations that have not ended, and what they want.

use std::collections::HashSet;

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, sea_query::Expr};

use super::{operations::visible, same};
use crate::{
    db::{
        DatabaseError, Reader, Transaction,
        entity::{StoredEnum, operation, operation_document},
    },
    domain::{
        id::{CollectionId, DocumentId, OperationId},
        operation::{DocumentOutcome, OperationStatus, OperationType},
    },
};

fn is_open() -> Expr {
    operation::Column::Status.is_in([OperationStatus::Pending, OperationStatus::Processing].map(StoredEnum::stored))
}

fn has_open_outcome() -> Expr {
    let open = [DocumentOutcome::Pending, DocumentOutcome::Processing];
    operation_document::Column::Outcome.is_in(open.map(StoredEnum::stored))
}

/// The next operations after `after`, at most `limit`, in the order of their ids, each with the number of its documents that
/// are not settled if it has not ended.
pub async fn list(
    reader: &Reader<'_>,
    after: Option<OperationId>,
    limit: u64,
) -> Result<Vec<(OperationId, Option<usize>)>, DatabaseError> {
    let items = operation_document::Entity::find()
        .select_only()
        .expr(operation_document::Column::Ordinal.count())
        .filter(same(operation_document::Column::OperationId, operation::Column::Id))
        .filter(has_open_outcome());
    let items = Expr::SubQuery(None, Box::new(items.into_query().into()));
    let mut rows = operation::Entity::find().filter(visible(reader.scope));
    if let Some(after) = after {
        rows = rows.filter(operation::Column::Id.gt(after.0));
    }
    let rows: Vec<(uuid::Uuid, Option<i64>)> = rows
        .select_only()
        .column(operation::Column::Id)
        .expr_as(Expr::case(is_open(), items), "items")
        .order_by_asc(operation::Column::Id)
        .limit(limit)
        .into_tuple()
        .all(&reader.executor)
        .await?;
    let unsettled = |items: i64| usize::try_from(items).unwrap_or(0);
    Ok(rows.into_iter().map(|(id, items)| (OperationId(id), items.map(unsettled))).collect())
}

/// The documents of a locked operation that are not settled, each with its place.
pub async fn unsettled(tx: &Transaction<'_>, id: OperationId) -> Result<Vec<(i32, DocumentId)>, DatabaseError> {
    let rows: Vec<(i32, uuid::Uuid)> = operation_document::Entity::find()
        .select_only()
        .columns([operation_document::Column::Ordinal, operation_document::Column::DocumentId])
        .filter(operation_document::Column::OperationId.eq(id.0))
        .filter(has_open_outcome())
        .order_by_asc(operation_document::Column::Ordinal)
        .into_tuple()
        .all(&tx.connection)
        .await?;
    Ok(rows.into_iter().map(|(ordinal, document)| (ordinal, DocumentId(document))).collect())
}

/// The operations that index documents of a collection and have not ended.
fn indexing_in(collection: CollectionId) -> Condition {
    Condition::all()
        .add(operation::Column::CollectionId.eq(collection.0))
        .add(is_open())
        .add(operation::Column::OperationType.ne(OperationType::Delete.stored()))
}

/// Requests cancellation of all indexing in a collection, which the transaction has locked.
pub async fn cancel_in(tx: &Transaction<'_>, collection: CollectionId) -> Result<(), DatabaseError> {
    operation::Entity::update_many()
        .col_expr(operation::Column::CancelRequested, Expr::value(true))
        .filter(indexing_in(collection))
        .exec(&tx.connection)
        .await?;
    Ok(())
}

/// The operations on a collection that have not ended after [`cancel_in`].
pub async fn cancelled_in(reader: &Reader<'_>, collection: CollectionId) -> Result<Vec<OperationId>, DatabaseError> {
    let ids: Vec<uuid::Uuid> = operation::Entity::find()
        .select_only()
        .column(operation::Column::Id)
        .filter(indexing_in(collection))
        .filter(visible(reader.scope))
        .order_by_asc(operation::Column::Id)
        .into_tuple()
        .all(&reader.executor)
        .await?;
    Ok(ids.into_iter().map(OperationId).collect())
}

/// The revisions of these documents that are still on their way.
pub async fn open_revisions(
    reader: &Reader<'_>,
    documents: &[DocumentId],
) -> Result<HashSet<(DocumentId, i32)>, DatabaseError> {
    let operations = operation::Entity::find().filter(visible(reader.scope));
    let operations = operations.select_only().column(operation::Column::Id).into_query();
    let rows: Vec<(uuid::Uuid, i32)> = operation_document::Entity::find()
        .select_only()
        .column(operation_document::Column::DocumentId)
        .column(operation_document::Column::Revision)
        .filter(operation_document::Column::DocumentId.is_in(documents.iter().map(|id| id.0)))
        .filter(has_open_outcome())
        .filter(operation_document::Column::OperationId.in_subquery(operations))
        .into_tuple()
        .all(&reader.executor)
        .await?;
    Ok(rows.into_iter().map(|(document, revision)| (DocumentId(document), revision)).collect())
}
