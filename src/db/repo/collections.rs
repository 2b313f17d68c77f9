//! Collections.

use std::collections::HashMap;

use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, EntityTrait, FromQueryResult, IntoActiveModel, JoinType, Order,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
    sea_query::{Expr, ExprTrait},
};

use super::{
    Direction, allowed, collections_among, collections_of, convert, exists,
    lists::{Keyset, all, count_of_all, first_of_all},
    readable, same,
};
use crate::{
    db::{
        DatabaseError, Reader, Transaction,
        entity::{StoredEnum, collection, from_json, generation},
        news::Change,
    },
    domain::{
        action::Action,
        collection::{Collection, CollectionStatus},
        generation::{ModelKey, Placement},
        id::{CollectionId, GenerationId, UserId},
        name,
        page::{Page, PageRequest},
        scope::Scope,
    },
};

/// Which collections to list.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct CollectionFilter {
    /// Those of one owner.
    pub owner: Option<UserId>,
    /// Those that are public, or not.
    pub is_public: Option<bool>,
    /// Those whose name contains this, compared by their keys.
    pub name_contains: Option<String>,
}

/// By what collections are sorted: names by their keys. Ties are broken by id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum CollectionSort {
    #[default]
    CreatedAt,
    Name,
}

/// The place of a collection in a list.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct CollectionKey {
    /// The name, where the list is sorted by it.
    pub name: Option<String>,
    pub id: CollectionId,
}

/// The collections that match a filter, regardless of the caller.
fn matching(filter: &CollectionFilter) -> Condition {
    let mut condition = Condition::all();
    if let Some(owner) = filter.owner {
        condition = condition.add(collection::Column::OwnerId.eq(owner.0));
    }
    if let Some(is_public) = filter.is_public {
        condition = condition.add(collection::Column::IsPublic.eq(is_public));
    }
    if let Some(part) = &filter.name_contains {
        condition = condition.add(super::contains(collection::Column::NameKey, part));
    }
    condition
}

/// One collection.
pub async fn find(reader: &Reader<'_>, id: CollectionId) -> Result<Option<Collection>, DatabaseError> {
    Ok(find_many(reader, &[id]).await?.remove(&id))
}

/// The given collections that are visible to the reader.
pub async fn find_many(
    reader: &Reader<'_>,
    ids: &[CollectionId],
) -> Result<HashMap<CollectionId, Collection>, DatabaseError> {
    let rows = collection::Entity::find()
        .filter(collection::Column::Id.is_in(ids.iter().map(|id| id.0)))
        .filter(readable(reader.scope))
        .all(&reader.executor)
        .await?;
    rows.into_iter().map(|row| Ok((CollectionId(row.id), row.try_into()?))).collect()
}

/// A page of the collections that are visible to the reader.
pub async fn list(
    reader: &Reader<'_>,
    filter: &CollectionFilter,
    (sort, direction): (CollectionSort, Direction),
    page: &PageRequest<CollectionKey>,
) -> Result<Page<Collection>, DatabaseError> {
    let columns = match sort {
        CollectionSort::CreatedAt => vec![collection::Column::Id],
        CollectionSort::Name => vec![collection::Column::NameKey, collection::Column::Id],
    };
    let keyset = Keyset::new(columns, direction, page, |key| match &key.name {
        Some(last) => vec![name::folded(last).into(), key.id.0.into()],
        None => vec![key.id.0.into()],
    });
    let first = |part: Select<collection::Entity>| keyset.page_of(part.filter(matching(filter))).into_query();
    let lists = collections_of(reader.scope, Action::CollectionRead).into_iter().map(first).collect();
    let rows: Vec<collection::Model> = all(reader, &first_of_all(lists, &keyset.order(), page.first)).await?;
    Ok(Page::from_overfetched(convert(rows)?, page.first))
}

/// How many collections a list has in all.
pub async fn count(reader: &Reader<'_>, filter: &CollectionFilter) -> Result<i64, DatabaseError> {
    let ids = |query: Select<collection::Entity>| {
        query.filter(matching(filter)).select_only().column(collection::Column::Id).into_query()
    };
    count_of_all(reader, collections_of(reader.scope, Action::CollectionRead).into_iter().map(ids).collect()).await
}

/// Where a search finds a collection's vectors, and what they are made with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SearchTarget {
    pub id: CollectionId,
    pub generation: GenerationId,
    pub placement: Placement,
    pub model: ModelKey,
}

#[derive(FromQueryResult)]
struct TargetRow {
    id: uuid::Uuid,
    generation: uuid::Uuid,
    placement: String,
    dimension: i32,
    embedding_model: serde_json::Value,
}

impl TryFrom<TargetRow> for SearchTarget {
    type Error = DatabaseError;

    fn try_from(row: TargetRow) -> Result<Self, DatabaseError> {
        Ok(Self {
            id: CollectionId(row.id),
            generation: GenerationId(row.generation),
            placement: generation::placement(row.placement, row.dimension)?,
            model: from_json("generations.embedding_model", row.embedding_model)?,
        })
    }
}

/// The columns of a [`TargetRow`].
fn targets(mut collections: Select<collection::Entity>) -> Select<collection::Entity> {
    let active = same(generation::Column::Id, collection::Column::Generation);
    QueryTrait::query(&mut collections).join(JoinType::InnerJoin, generation::Entity, active);
    collections.select_only().columns([collection::Column::Id, collection::Column::Generation]).columns([
        generation::Column::Placement,
        generation::Column::Dimension,
        generation::Column::EmbeddingModel,
    ])
}

/// Those of the named collections that the reader may search.
pub async fn named_targets(reader: &Reader<'_>, ids: &[CollectionId]) -> Result<Page<SearchTarget>, DatabaseError> {
    let collections = targets(collections_among(ids, reader.scope, Action::CollectionRead));
    let rows: Vec<TargetRow> = collections.into_model().all(&reader.executor).await?;
    Ok(Page { items: convert(rows)?, has_next_page: false })
}

/// One generation, whatever its state, if the reader may perform all of `actions` on its collection.
pub async fn generation_target(
    reader: &Reader<'_>,
    id: GenerationId,
    actions: &[Action],
) -> Result<Option<SearchTarget>, DatabaseError> {
    let may = actions.iter().fold(Condition::all(), |may, action| may.add(allowed(reader.scope, *action)));
    let mut rows = collection::Entity::find().filter(may);
    let of_collection = same(generation::Column::CollectionId, collection::Column::Id);
    QueryTrait::query(&mut rows).join(JoinType::InnerJoin, generation::Entity, of_collection);
    let rows = rows
        .filter(generation::Column::Id.eq(id.0))
        .select_only()
        .column(collection::Column::Id)
        .column_as(generation::Column::Id, "generation")
        .columns([generation::Column::Placement, generation::Column::Dimension, generation::Column::EmbeddingModel]);
    let row: Option<TargetRow> = rows.into_model().one(&reader.executor).await?;
    row.map(TryInto::try_into).transpose()
}

/// The collections that the reader may search, newest first, and whether there are more than `most`.
pub async fn all_targets(reader: &Reader<'_>, most: u32) -> Result<Page<SearchTarget>, DatabaseError> {
    let newest = |collections: Select<collection::Entity>| {
        targets(collections).order_by_desc(collection::Column::Id).limit(u64::from(most) + 1).into_query()
    };
    let lists = collections_of(reader.scope, Action::CollectionRead).into_iter().map(newest).collect();
    let rows: Vec<TargetRow> =
        all(reader, &first_of_all(lists, &[(collection::Column::Id, Order::Desc)], most)).await?;
    Ok(Page::from_overfetched(convert(rows)?, most))
}

/// Whether a placement has no generations but those with which the reader can search collections.
///
/// Generations are looked at until one is found that the reader can't search, so it costs no more than what they can.
pub async fn can_search_all_of(reader: &Reader<'_>, placement: &str) -> Result<bool, DatabaseError> {
    let searched = collection::Entity::find()
        .filter(same(collection::Column::Id, generation::Column::CollectionId))
        .filter(same(collection::Column::Generation, generation::Column::Id))
        .filter(readable(reader.scope))
        .select_only()
        .expr(Expr::val(1))
        .into_query();
    let others = generation::Entity::find()
        .filter(generation::Column::Placement.eq(placement))
        .filter(Expr::exists(searched).not());
    Ok(!exists(others, &reader.executor).await?)
}

/// Whether the owner has another collection of this name, compared by their keys.
pub async fn name_taken(
    tx: &Transaction<'_>,
    owner: UserId,
    wanted: &str,
    except: Option<CollectionId>,
) -> Result<bool, DatabaseError> {
    let mut query = collection::Entity::find()
        .filter(collection::Column::OwnerId.eq(owner.0))
        .filter(collection::Column::NameKey.eq(name::folded(wanted)))
        .filter(collection::Column::Status.ne(CollectionStatus::Deleting.stored()));
    if let Some(id) = except {
        query = query.filter(collection::Column::Id.ne(id.0));
    }
    exists(query, &tx.connection).await
}

/// One collection in which the reader may perform `action`.
pub async fn find_allowed(
    reader: &Reader<'_>,
    id: CollectionId,
    action: Action,
) -> Result<Option<Collection>, DatabaseError> {
    let row = collection::Entity::find_by_id(id.0).filter(allowed(reader.scope, action)).one(&reader.executor).await?;
    row.map(TryInto::try_into).transpose()
}

/// One collection in which the scope may perform `action`, locked until the transaction ends.
pub async fn lock(
    tx: &Transaction<'_>,
    scope: Scope,
    id: CollectionId,
    action: Action,
) -> Result<Option<Collection>, DatabaseError> {
    let allowed = allowed(scope, action);
    let row = collection::Entity::find_by_id(id.0).filter(allowed).lock_exclusive().one(&tx.connection).await?;
    row.map(TryInto::try_into).transpose()
}

/// The collections of an owner that are not being deleted, locked until the transaction ends.
pub async fn lock_owned(tx: &Transaction<'_>, owner: UserId) -> Result<Vec<Collection>, DatabaseError> {
    let rows = collection::Entity::find()
        .filter(collection::Column::OwnerId.eq(owner.0))
        .filter(collection::Column::Status.ne(CollectionStatus::Deleting.stored()))
        .order_by_asc(collection::Column::Id)
        .lock_exclusive()
        .all(&tx.connection)
        .await?;
    convert(rows)
}

/// Locks a collection until the transaction ends, if the scope may perform `action` on it, and does not report whether
/// it did. It keeps the lock order (see [`Transaction`]) when the target row is locked later.
pub async fn hold(tx: &Transaction<'_>, scope: Scope, id: CollectionId, action: Action) -> Result<(), DatabaseError> {
    let row = collection::Entity::find_by_id(id.0).filter(allowed(scope, action)).lock_exclusive();
    let row = row.select_only().column(collection::Column::Id);
    row.into_tuple::<uuid::Uuid>().one(&tx.connection).await?;
    Ok(())
}

/// Adds a collection.
pub async fn insert(tx: &Transaction<'_>, new: Collection) -> Result<(), DatabaseError> {
    collection::Model::from(new).into_active_model().insert(&tx.connection).await?;
    Ok(())
}

/// Writes what can be changed of a collection: owner, name, description, visibility, metadata, status.
pub async fn update(tx: &Transaction<'_>, changed: &Collection) -> Result<(), DatabaseError> {
    tx.after_commit(Change::Access);
    collection::Entity::update_many()
        .col_expr(collection::Column::OwnerId, Expr::value(changed.owner_id.0))
        .col_expr(collection::Column::Name, Expr::value(changed.name.clone()))
        .col_expr(collection::Column::NameKey, Expr::value(name::folded(&changed.name)))
        .col_expr(collection::Column::Description, Expr::value(changed.description.clone()))
        .col_expr(collection::Column::IsPublic, Expr::value(changed.is_public))
        .col_expr(collection::Column::Meta, Expr::value(changed.meta.clone()))
        .col_expr(collection::Column::Status, Expr::value(changed.status.stored()))
        .col_expr(collection::Column::UpdatedAt, Expr::value(changed.updated_at))
        .filter(collection::Column::Id.eq(changed.id.0))
        .exec(&tx.connection)
        .await?;
    Ok(())
}

/// Searches read this generation from now on.
pub async fn set_generation(
    tx: &Transaction<'_>,
    id: CollectionId,
    generation: GenerationId,
) -> Result<(), DatabaseError> {
    tx.after_commit(Change::Generations);
    collection::Entity::update_many()
        .col_expr(collection::Column::Generation, Expr::value(generation.0))
        .filter(collection::Column::Id.eq(id.0))
        .exec(&tx.connection)
        .await?;
    Ok(())
}

/// By how much the counters of a collection change.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CounterChange {
    pub documents: i32,
    pub bytes: i64,
}

/// Adds to the counters of a collection.
pub async fn add_to_counters(
    tx: &Transaction<'_>,
    id: CollectionId,
    change: CounterChange,
) -> Result<(), DatabaseError> {
    if change == CounterChange::default() {
        return Ok(());
    }
    let plus = |column: collection::Column, value: sea_orm::Value| Expr::col(column).add(value);
    collection::Entity::update_many()
        .col_expr(collection::Column::DocumentCount, plus(collection::Column::DocumentCount, change.documents.into()))
        .col_expr(collection::Column::TotalBytes, plus(collection::Column::TotalBytes, change.bytes.into()))
        .filter(collection::Column::Id.eq(id.0))
        .exec(&tx.connection)
        .await?;
    Ok(())
}

/// Removes the row; documents go with it.
pub async fn delete(tx: &Transaction<'_>, id: CollectionId) -> Result<(), DatabaseError> {
    tx.after_commit(Change::Access);
    collection::Entity::delete_by_id(id.0).exec(&tx.connection).await?;
    Ok(())
}
