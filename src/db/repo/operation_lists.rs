//! Lists that hang below many parents at once, read in one statement each: operations of collections, documents and
//! events of operations. What loaders call.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
    sea_query::SelectStatement,
};

use super::{
    Direction, convert, documents,
    documents::DocumentFilter,
    lists::{first_of_each, pages},
    operations::visible,
};
use crate::{
    db::{
        DatabaseError, Reader,
        entity::{StoredEnum, document, operation, operation_document, operation_event},
    },
    domain::{
        id::{CollectionId, OperationId},
        operation::{DocumentOutcome, Operation, OperationDocument, OperationEvent},
        page::{Page, PageRequest},
        scope::Scope,
    },
};

/// Which documents of an operation to list.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct ItemFilter {
    /// Those with one of these outcomes; empty: all.
    pub outcomes: Vec<DocumentOutcome>,
    /// Those that match as documents. Anything but the default leaves out documents that are gone.
    pub documents: DocumentFilter,
}

/// A list of an operation's documents, in the order of the request: the same for many operations at once.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ItemList {
    pub filter: ItemFilter,
    pub page: PageRequest<i32>,
}

/// The same page of the operations on each of several collections, newest first.
pub async fn of_collections(
    reader: &Reader<'_>,
    collections: &[CollectionId],
    page: &PageRequest<OperationId>,
) -> Result<HashMap<CollectionId, Page<Operation>>, DatabaseError> {
    let mut query = on_collections(reader.scope, collections);
    if let Some(after) = page.after {
        query = query.filter(Direction::Descending.after(operation::Column::Id, after.0));
    }
    let order = (operation::Column::Id, sea_orm::Order::Desc);
    let rows = first_of_each(reader, query, operation::Column::CollectionId, order, page.first).await?;
    let operations: Vec<Operation> = convert(rows)?;
    let under = operations.into_iter().filter_map(|operation| Some((operation.collection_id?, operation)));
    Ok(pages(under, page.first))
}

/// How many operations there are on each of several collections.
pub async fn count_of_collections(
    reader: &Reader<'_>,
    collections: &[CollectionId],
) -> Result<HashMap<CollectionId, i64>, DatabaseError> {
    let rows: Vec<(uuid::Uuid, i64)> = on_collections(reader.scope, collections)
        .select_only()
        .column(operation::Column::CollectionId)
        .column_as(operation::Column::Id.count(), "operations")
        .group_by(operation::Column::CollectionId)
        .into_tuple()
        .all(&reader.executor)
        .await?;
    Ok(rows.into_iter().map(|(id, count)| (CollectionId(id), count)).collect())
}

fn on_collections(scope: Scope, collections: &[CollectionId]) -> Select<operation::Entity> {
    operation::Entity::find()
        .filter(operation::Column::CollectionId.is_in(collections.iter().map(|id| id.0)))
        .filter(visible(scope))
}

/// The same page of the events of each of several operations, in order, after the sequence number `page.after`.
pub async fn events(
    reader: &Reader<'_>,
    operations: &[OperationId],
    page: &PageRequest<i32>,
) -> Result<HashMap<OperationId, Page<OperationEvent>>, DatabaseError> {
    // Sequence numbers have no gaps, so a page is a range of them.
    let start = page.after.unwrap_or(0).saturating_add(1);
    let end = start.saturating_add(i32::try_from(page.first).unwrap_or(i32::MAX));
    let rows = operation_event::Entity::find()
        .filter(operation_event::Column::OperationId.in_subquery(ids(reader.scope, operations)))
        .filter(operation_event::Column::Seq.between(start, end))
        .order_by_asc(operation_event::Column::OperationId)
        .order_by_asc(operation_event::Column::Seq)
        .all(&reader.executor)
        .await?;
    let events: Vec<OperationEvent> = convert(rows)?;
    Ok(pages(events.into_iter().map(|event| (event.operation_id, event)), page.first))
}

/// How many events each of several operations has.
pub async fn count_events(
    reader: &Reader<'_>,
    operations: &[OperationId],
) -> Result<HashMap<OperationId, i64>, DatabaseError> {
    let rows: Vec<(uuid::Uuid, i32)> = operation::Entity::find()
        .select_only()
        .column(operation::Column::Id)
        .column(operation::Column::LastSequence)
        .filter(operation::Column::Id.in_subquery(ids(reader.scope, operations)))
        .into_tuple()
        .all(&reader.executor)
        .await?;
    Ok(rows.into_iter().map(|(id, last)| (OperationId(id), i64::from(last))).collect())
}

/// The same page of the documents of each of several operations.
pub async fn items(
    reader: &Reader<'_>,
    operations: &[OperationId],
    list: &ItemList,
) -> Result<HashMap<OperationId, Page<OperationDocument>>, DatabaseError> {
    let mut query = operation_document::Entity::find().filter(matching(reader.scope, operations, &list.filter));
    if let Some(after) = list.page.after {
        query = query.filter(operation_document::Column::Ordinal.gt(after));
    }
    let order = (operation_document::Column::Ordinal, sea_orm::Order::Asc);
    let first = list.page.first;
    let rows = first_of_each(reader, query, operation_document::Column::OperationId, order, first).await?;
    let items: Vec<OperationDocument> = convert(rows)?;
    Ok(pages(items.into_iter().map(|item| (item.operation_id, item)), first))
}

/// How many documents of a filter each of several operations has.
pub async fn count_items(
    reader: &Reader<'_>,
    operations: &[OperationId],
    filter: &ItemFilter,
) -> Result<HashMap<OperationId, i64>, DatabaseError> {
    let rows: Vec<(uuid::Uuid, i64)> = operation_document::Entity::find()
        .select_only()
        .column(operation_document::Column::OperationId)
        .column_as(operation_document::Column::Ordinal.count(), "documents")
        .filter(matching(reader.scope, operations, filter))
        .group_by(operation_document::Column::OperationId)
        .into_tuple()
        .all(&reader.executor)
        .await?;
    Ok(rows.into_iter().map(|(id, count)| (OperationId(id), count)).collect())
}

fn matching(scope: Scope, operations: &[OperationId], filter: &ItemFilter) -> Condition {
    let in_operations = operation_document::Column::OperationId.in_subquery(ids(scope, operations));
    let mut condition = Condition::all().add(in_operations);
    if !filter.outcomes.is_empty() {
        let outcomes = filter.outcomes.iter().map(|outcome| outcome.stored());
        condition = condition.add(operation_document::Column::Outcome.is_in(outcomes));
    }
    if filter.documents != DocumentFilter::default() {
        let documents = document::Entity::find()
            .select_only()
            .column(document::Column::Id)
            .filter(documents::matching(scope, &filter.documents))
            .into_query();
        condition = condition.add(operation_document::Column::DocumentId.in_subquery(documents));
    }
    condition
}

/// Those of the operations that exist for the scope.
fn ids(scope: Scope, operations: &[OperationId]) -> SelectStatement {
    operation::Entity::find()
        .select_only()
        .column(operation::Column::Id)
        .filter(operation::Column::Id.is_in(operations.iter().map(|id| id.0)))
        .filter(visible(scope))
        .into_query()
}
