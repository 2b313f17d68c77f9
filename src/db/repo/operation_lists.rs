//! Lists that hang below many parents at once, read in one statement each: operations of collections, documents and
//! events of operations. What loaders call.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
    sea_query::{Expr, SelectStatement},
};

use super::{
    Direction, collections_among, convert, documents,
    documents::DocumentFilter,
    in_readable,
    lists::{Below, Keyset, pages},
    operations::visible,
    same, within,
};
use crate::{
    db::{
        DatabaseError, Reader,
        entity::{StoredEnum, collection, document, operation, operation_document, operation_event},
    },
    domain::{
        action::Action,
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
    let collections = collections_among(collections, reader.scope, Action::OperationRead);
    let below = on_collections(collections, operation::Entity::find(), page);
    let operations: Vec<Operation> = convert(below.of_each(reader).await?)?;
    let under = operations.into_iter().filter_map(|operation| Some((operation.collection_id?, operation)));
    Ok(pages(under, page.first))
}

/// A page of those of the operations that are on collections, newest first.
pub(super) fn on_collections(
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
        .filter(operation_event::Column::OperationId.in_subquery(ids(operations, reader.scope)))
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
        .filter(operation::Column::Id.in_subquery(ids(operations, reader.scope)))
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
    let ordinal = operation_document::Column::Ordinal;
    let below = Below {
        parents: among(operations, reader.scope),
        parent: operation::Column::Id,
        rows: operation_document::Entity::find().filter(matching(reader.scope, &list.filter)),
        link: operation_document::Column::OperationId,
        page: Keyset::new(vec![ordinal], Direction::Ascending, &list.page, |last| vec![(*last).into()]),
    };
    let items: Vec<OperationDocument> = convert(below.of_each(reader).await?)?;
    Ok(pages(items.into_iter().map(|item| (item.operation_id, item)), list.page.first))
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
        .filter(operation_document::Column::OperationId.in_subquery(ids(operations, reader.scope)))
        .filter(matching(reader.scope, filter))
        .group_by(operation_document::Column::OperationId)
        .into_tuple()
        .all(&reader.executor)
        .await?;
    Ok(rows.into_iter().map(|(id, count)| (OperationId(id), count)).collect())
}

/// The documents of operations that match a filter. Documents are looked up one by one: few are an operation's.
fn matching(scope: Scope, filter: &ItemFilter) -> Condition {
    let mut condition = Condition::all();
    if !filter.outcomes.is_empty() {
        let outcomes = filter.outcomes.iter().map(|outcome| outcome.stored());
        condition = condition.add(operation_document::Column::Outcome.is_in(outcomes));
    }
    if filter.documents != DocumentFilter::default() {
        let document = document::Entity::find()
            .select_only()
            .expr(Expr::val(1))
            .filter(same(document::Column::Id, operation_document::Column::DocumentId))
            .filter(in_readable(document::Column::CollectionId, scope))
            .filter(documents::matching(&filter.documents))
            // Looked up for each item: without this, PostgreSQL turns the condition round and reads all documents first.
            .limit(1)
            .offset(0);
        condition = condition.add(Expr::exists(document.into_query()));
    }
    condition
}

/// The given operations that are visible to the scope.
fn among(operations: &[OperationId], scope: Scope) -> Select<operation::Entity> {
    operation::Entity::find()
        .filter(operation::Column::Id.is_in(operations.iter().map(|id| id.0)))
        .filter(visible(scope))
}

fn ids(operations: &[OperationId], scope: Scope) -> SelectStatement {
    among(operations, scope).select_only().column(operation::Column::Id).into_query()
}
