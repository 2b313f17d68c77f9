//! The events of operations.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, QueryTrait, sea_query::Expr,
};

use super::{
    INSERT_ROWS, convert,
    lists::pages,
    operations::{ids, visible},
    same,
};
use crate::{
    db::{
        DatabaseError, Reader, Transaction,
        entity::{StoredEnum, operation, operation_event},
        news::{Change, NewEvents},
    },
    domain::{
        id::OperationId,
        operation::{Operation, OperationEvent},
        page::{Page, PageRequest},
    },
};

/// Adds events of an operation. Followers learn of them when the transaction is committed.
pub(super) async fn insert_many(
    tx: &Transaction<'_>,
    operation: &Operation,
    events: Vec<OperationEvent>,
) -> Result<(), DatabaseError> {
    if !events.is_empty() {
        tx.after_commit(Change::EventsOf(NewEvents { operation: operation.id, collection: operation.collection_id }));
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
pub async fn list_of_one(
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

/// The same page of the events of each of several operations, in order, after the sequence number `page.after`.
pub async fn list(
    reader: &Reader<'_>,
    operations: &[OperationId],
    page: &PageRequest<i32>,
) -> Result<HashMap<OperationId, Page<OperationEvent>>, DatabaseError> {
    // Sequence numbers have no gaps, so a page is a range of them.
    let start = page.after.unwrap_or(0).saturating_add(1);
    let end = start.saturating_add(i32::try_from(page.first).unwrap_or(i32::MAX));
    let rows = operation_event::Entity::find()
        .filter(operation_event::Column::OperationId.in_subquery(ids(operations, reader.scope)))
        .filter(operation_event::Column::Seq.between(start, end))
        .order_by_asc(operation_event::Column::OperationId)
        .order_by_asc(operation_event::Column::Seq)
        .all(&reader.executor)
        .await?;
    let events: Vec<OperationEvent> = convert(rows)?;
    Ok(pages(events.into_iter().map(|event| (event.operation_id, event)), page.first))
}

/// The number of the last event until `moment` of each of several operations; without those that have none.
pub async fn last_until(
    reader: &Reader<'_>,
    operations: &[OperationId],
    moment: DateTime<Utc>,
) -> Result<HashMap<OperationId, i32>, DatabaseError> {
    let rows: Vec<(uuid::Uuid, i32)> = operation_event::Entity::find()
        .select_only()
        .column(operation_event::Column::OperationId)
        .column_as(operation_event::Column::Seq.max(), "last")
        .filter(operation_event::Column::OperationId.in_subquery(ids(operations, reader.scope)))
        .filter(operation_event::Column::At.lte(moment))
        .group_by(operation_event::Column::OperationId)
        .into_tuple()
        .all(&reader.executor)
        .await?;
    Ok(rows.into_iter().map(|(id, last)| (OperationId(id), last)).collect())
}

/// How many events each of several operations has.
pub async fn count(
    reader: &Reader<'_>,
    operations: &[OperationId],
) -> Result<HashMap<OperationId, i64>, DatabaseError> {
    let rows: Vec<(uuid::Uuid, i32)> = operation::Entity::find()
        .select_only()
        .column(operation::Column::Id)
        .column(operation::Column::LastSequence)
        .filter(operation::Column::Id.in_subquery(ids(operations, reader.scope)))
        .into_tuple()
        .all(&reader.executor)
        .await?;
    Ok(rows.into_iter().map(|(id, last)| (OperationId(id), i64::from(last))).collect())
}
