//! Operations that have not ended, and what they want.

use std::collections::HashSet;

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, sea_query::Expr};

use super::operations::visible;
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

/// The operations that index documents of a collection and have not ended.
fn indexing_in(collection: CollectionId) -> Condition {
    let open = [OperationStatus::Pending, OperationStatus::Processing];
    Condition::all()
        .add(operation::Column::CollectionId.eq(collection.0))
        .add(operation::Column::Status.is_in(open.map(StoredEnum::stored)))
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
    let open = [DocumentOutcome::Pending, DocumentOutcome::Processing];
    let operations = operation::Entity::find().filter(visible(reader.scope));
    let operations = operations.select_only().column(operation::Column::Id).into_query();
    let rows: Vec<(uuid::Uuid, i32)> = operation_document::Entity::find()
        .select_only()
        .column(operation_document::Column::DocumentId)
        .column(operation_document::Column::Revision)
        .filter(operation_document::Column::DocumentId.is_in(documents.iter().map(|id| id.0)))
        .filter(operation_document::Column::Outcome.is_in(open.map(StoredEnum::stored)))
        .filter(operation_document::Column::OperationId.in_subquery(operations))
        .into_tuple()
        .all(&reader.executor)
        .await?;
    Ok(rows.into_iter().map(|(document, revision)| (DocumentId(document), revision)).collect())
}
