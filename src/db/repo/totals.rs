//! Counters beside the rows that they count: those that differ, and how they are counted again. Each is compared in one
//! statement, so that what changes meanwhile makes no difference.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
    sea_query::{Asterisk, Expr, ExprTrait, Func, SimpleExpr},
};

use super::{convert, in_readable, operations, readable, same};
use crate::{
    db::{
        DatabaseError, Reader, Transaction,
        entity::{
            StoredEnum, chunk, collection, document, generation, indexed_document, operation, operation_document,
        },
    },
    domain::{
        collection::CollectionStatus,
        document::DocumentStatus,
        generation::Generation,
        id::{CollectionId, DocumentId, GenerationId, OperationId},
        operation::DocumentOutcome,
    },
};

/// A value of rows that belong to the row of the statement around it.
fn of<E: EntityTrait>(rows: Select<E>, value: SimpleExpr) -> SimpleExpr {
    Expr::SubQuery(None, Box::new(rows.select_only().expr(value).into_query().into()))
}

fn count() -> SimpleExpr {
    Expr::expr(Func::count(Expr::col(Asterisk)))
}

fn sum(column: impl ColumnTrait) -> SimpleExpr {
    Expr::expr(Func::coalesce([column.sum(), Expr::val(0)]))
}

/// Collections that stay: the counters of one that is being deleted are left as they are.
fn kept() -> Condition {
    Condition::all().add(collection::Column::Status.ne(CollectionStatus::Deleting.stored()))
}

fn documents() -> Select<document::Entity> {
    document::Entity::find().filter(same(document::Column::CollectionId, collection::Column::Id))
}

fn collection_counts() -> [(collection::Column, SimpleExpr); 2] {
    [
        (collection::Column::DocumentCount, of(documents(), count())),
        (collection::Column::TotalBytes, of(documents(), sum(document::Column::FileSize))),
    ]
}

/// Collections after `after` that count other documents or bytes than they have, in the order of their ids.
pub async fn wrong_collections(
    reader: &Reader<'_>,
    after: Option<CollectionId>,
    limit: u64,
) -> Result<Vec<CollectionId>, DatabaseError> {
    let mut rows = collection::Entity::find().filter(kept()).filter(differs(collection_counts()));
    rows = rows.filter(readable(reader.scope));
    if let Some(after) = after {
        rows = rows.filter(collection::Column::Id.gt(after.0));
    }
    let ids: Vec<uuid::Uuid> = rows
        .select_only()
        .column(collection::Column::Id)
        .order_by_asc(collection::Column::Id)
        .limit(limit)
        .into_tuple()
        .all(&reader.executor)
        .await?;
    Ok(ids.into_iter().map(CollectionId).collect())
}

/// Counts the documents and bytes of a collection again, which the transaction has locked.
pub async fn recount_collection(tx: &Transaction<'_>, id: CollectionId) -> Result<(), DatabaseError> {
    let update = collection::Entity::update_many().filter(collection::Column::Id.eq(id.0));
    let update = collection_counts().into_iter().fold(update, |update, (column, count)| update.col_expr(column, count));
    update.exec(&tx.connection).await?;
    Ok(())
}

fn indexed() -> Select<indexed_document::Entity> {
    indexed_document::Entity::find().filter(same(indexed_document::Column::GenerationId, generation::Column::Id))
}

fn generation_counts() -> [(generation::Column, SimpleExpr); 2] {
    [
        (generation::Column::DocumentCount, of(indexed(), count())),
        (generation::Column::ChunkCount, of(indexed(), sum(indexed_document::Column::ChunkCount))),
    ]
}

/// Generations after `after` that count other documents or chunks than they hold, in the order of their ids.
pub async fn wrong_generations(
    reader: &Reader<'_>,
    after: Option<GenerationId>,
    limit: u64,
) -> Result<Vec<Generation>, DatabaseError> {
    let collections = collection::Entity::find().filter(kept()).select_only().column(collection::Column::Id);
    let mut rows = generation::Entity::find()
        .filter(generation::Column::CollectionId.in_subquery(collections.into_query()))
        .filter(in_readable(generation::Column::CollectionId, reader.scope))
        .filter(differs(generation_counts()));
    if let Some(after) = after {
        rows = rows.filter(generation::Column::Id.gt(after.0));
    }
    convert(rows.order_by_asc(generation::Column::Id).limit(limit).all(&reader.executor).await?)
}

/// Counts again what a generation holds, whose collection the transaction has locked.
pub async fn recount_generation(tx: &Transaction<'_>, id: GenerationId) -> Result<(), DatabaseError> {
    let update = generation::Entity::update_many().filter(generation::Column::Id.eq(id.0));
    let update = generation_counts().into_iter().fold(update, |update, (column, count)| update.col_expr(column, count));
    update.exec(&tx.connection).await?;
    Ok(())
}

/// How many documents of a collection name another number of chunks than the generation has of them.
pub async fn wrong_documents(
    reader: &Reader<'_>,
    collection: CollectionId,
    generation: GenerationId,
) -> Result<usize, DatabaseError> {
    let other = indexed_document::Entity::find()
        .select_only()
        .expr(Expr::val(1))
        .filter(indexed_document::Column::GenerationId.eq(generation.0))
        .filter(same(indexed_document::Column::DocumentId, document::Column::Id))
        .filter(same(indexed_document::Column::ChunkCount, document::Column::ChunkCount).not());
    let found: Option<i64> = document::Entity::find()
        .filter(document::Column::CollectionId.eq(collection.0))
        .filter(in_readable(document::Column::CollectionId, reader.scope))
        .filter(Expr::exists(other.into_query()))
        .select_only()
        .expr(count())
        .into_tuple()
        .one(&reader.executor)
        .await?;
    Ok(usize::try_from(found.unwrap_or(0)).unwrap_or(0))
}

fn items(outcome: DocumentOutcome) -> SimpleExpr {
    let items = operation_document::Entity::find()
        .filter(same(operation_document::Column::OperationId, operation::Column::Id))
        .filter(operation_document::Column::Outcome.eq(outcome.stored()));
    of(items, count())
}

fn operation_counts() -> [(operation::Column, SimpleExpr); 4] {
    [
        (operation::Column::CompletedTotal, items(DocumentOutcome::Completed)),
        (operation::Column::FailedTotal, items(DocumentOutcome::Failed)),
        (operation::Column::SkippedTotal, items(DocumentOutcome::Skipped)),
        (operation::Column::CancelledTotal, items(DocumentOutcome::Cancelled)),
    ]
}

/// Operations after `after` that count other outcomes than their documents have, in the order of their ids: those that
/// have not ended, or not before `since`.
pub async fn wrong_operations(
    reader: &Reader<'_>,
    since: DateTime<Utc>,
    after: Option<OperationId>,
    limit: u64,
) -> Result<Vec<OperationId>, DatabaseError> {
    let is_recent =
        Condition::any().add(operation::Column::CompletedAt.is_null()).add(operation::Column::CompletedAt.gte(since));
    let mut rows = operation::Entity::find()
        .filter(is_recent)
        .filter(operations::visible(reader.scope))
        .filter(differs(operation_counts()));
    if let Some(after) = after {
        rows = rows.filter(operation::Column::Id.gt(after.0));
    }
    let ids: Vec<uuid::Uuid> = rows
        .select_only()
        .column(operation::Column::Id)
        .order_by_asc(operation::Column::Id)
        .limit(limit)
        .into_tuple()
        .all(&reader.executor)
        .await?;
    Ok(ids.into_iter().map(OperationId).collect())
}

/// Counts the outcomes of an operation again, which the transaction has locked.
pub async fn recount_operation(tx: &Transaction<'_>, id: OperationId) -> Result<(), DatabaseError> {
    let update = operation::Entity::update_many().filter(operation::Column::Id.eq(id.0));
    let update = operation_counts().into_iter().fold(update, |update, (column, count)| update.col_expr(column, count));
    update.exec(&tx.connection).await?;
    Ok(())
}

/// Rows in which one of the counters is not what was counted.
fn differs<C: ColumnTrait, const N: usize>(counts: [(C, SimpleExpr); N]) -> Condition {
    counts
        .into_iter()
        .fold(Condition::any(), |any, (column, count)| any.add(Expr::col(column.as_column_ref()).ne(count)))
}

/// The documents that a generation holds with another number of rows of chunks than it names, after `after`, in the order
/// of their ids. Those that are on their way are left out.
pub async fn wrong_chunks(
    reader: &Reader<'_>,
    generation: &Generation,
    after: Option<DocumentId>,
    limit: u64,
) -> Result<Vec<DocumentId>, DatabaseError> {
    let settled = [DocumentStatus::Completed, DocumentStatus::Failed, DocumentStatus::Quarantined];
    let settled = document::Entity::find()
        .select_only()
        .column(document::Column::Id)
        .filter(document::Column::CollectionId.eq(generation.collection_id.0))
        .filter(document::Column::Status.is_in(settled.map(StoredEnum::stored)))
        .filter(in_readable(document::Column::CollectionId, reader.scope));
    let mut wrong = indexed_document::Entity::find()
        .select_only()
        .column(indexed_document::Column::DocumentId)
        .filter(indexed_document::Column::GenerationId.eq(generation.id.0))
        .filter(indexed_document::Column::DocumentId.in_subquery(settled.into_query()))
        .filter(Expr::col(indexed_document::Column::ChunkCount.as_column_ref()).ne(chunk_rows(generation)));
    if let Some(after) = after {
        wrong = wrong.filter(indexed_document::Column::DocumentId.gt(after.0));
    }
    let wrong = wrong.order_by_asc(indexed_document::Column::DocumentId).limit(limit);
    let ids: Vec<uuid::Uuid> = wrong.into_tuple().all(&reader.executor).await?;
    Ok(ids.into_iter().map(DocumentId).collect())
}

/// The number of rows of chunks that a generation has of the document of the statement around it.
fn chunk_rows(generation: &Generation) -> SimpleExpr {
    let rows = chunk::Entity::find()
        .filter(chunk::Column::CollectionId.eq(generation.collection_id.0))
        .filter(chunk::Column::GenerationId.eq(generation.id.0))
        .filter(same(chunk::Column::DocumentId, indexed_document::Column::DocumentId));
    of(rows, count())
}

/// Counts the rows of chunks again that a generation has of these documents, whose collection the transaction has locked.
pub async fn recount_chunks(
    tx: &Transaction<'_>,
    generation: &Generation,
    documents: &[DocumentId],
) -> Result<(), DatabaseError> {
    indexed_document::Entity::update_many()
        .col_expr(indexed_document::Column::ChunkCount, chunk_rows(generation))
        .filter(indexed_document::Column::GenerationId.eq(generation.id.0))
        .filter(indexed_document::Column::DocumentId.is_in(documents.iter().map(|id| id.0)))
        .exec(&tx.connection)
        .await?;
    recount_generation(tx, generation.id).await
}
