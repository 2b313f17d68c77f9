//! Collections.

use std::collections::HashMap;

use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, ExprTrait},
};

use super::{Direction, allowed, convert, readable, to_count};
use crate::{
    db::{
        DatabaseError, Reader, Transaction,
        entity::{StoredEnum, collection},
    },
    domain::{
        action::Action,
        collection::{Collection, CollectionStatus},
        id::{CollectionId, GenerationId, UserId},
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
    /// Those whose name contains this, compared without case.
    pub name_contains: Option<String>,
}

/// By what collections are sorted. Ties are broken by id.
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

fn matching(scope: Scope, filter: &CollectionFilter) -> Condition {
    let mut condition = readable(scope);
    if let Some(owner) = filter.owner {
        condition = condition.add(collection::Column::OwnerId.eq(owner.0));
    }
    if let Some(is_public) = filter.is_public {
        condition = condition.add(collection::Column::IsPublic.eq(is_public));
    }
    if let Some(part) = &filter.name_contains {
        condition = condition.add(super::contains(collection::Column::Name, part));
    }
    condition
}

/// One collection.
pub async fn find(reader: &Reader<'_>, id: CollectionId) -> Result<Option<Collection>, DatabaseError> {
    Ok(find_many(reader, &[id]).await?.remove(&id))
}

/// Those of the collections that exist for the reader.
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

/// A page of the collections that exist for the reader.
pub async fn list(
    reader: &Reader<'_>,
    filter: &CollectionFilter,
    (sort, direction): (CollectionSort, Direction),
    page: &PageRequest<CollectionKey>,
) -> Result<Page<Collection>, DatabaseError> {
    let mut query = collection::Entity::find().filter(matching(reader.scope, filter));
    if sort == CollectionSort::Name {
        query = query.order_by(collection::Column::Name, direction.into());
    }
    query = query.order_by(collection::Column::Id, direction.into());
    if let Some(key) = &page.after {
        query = match &key.name {
            Some(name) => query.filter(
                direction.after_pair((collection::Column::Name, collection::Column::Id), (name.clone(), key.id.0)),
            ),
            None => query.filter(direction.after(collection::Column::Id, key.id.0)),
        };
    }
    let rows = query.limit(u64::from(page.first) + 1).all(&reader.executor).await?;
    Ok(Page::from_overfetched(convert(rows)?, page.first))
}

/// How many collections a list has in all.
pub async fn count(reader: &Reader<'_>, filter: &CollectionFilter) -> Result<i64, DatabaseError> {
    Ok(to_count(collection::Entity::find().filter(matching(reader.scope, filter)).count(&reader.executor).await?))
}

/// Where a search finds a collection's vectors.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SearchTarget {
    pub id: CollectionId,
    pub generation: GenerationId,
    /// The placement that they are in.
    pub vector_store_name: String,
}

/// Those of the collections that the reader may search; without names all of them, at most `limit`, newest first.
pub async fn search_targets(
    reader: &Reader<'_>,
    named: Option<&[CollectionId]>,
    limit: u64,
) -> Result<Vec<SearchTarget>, DatabaseError> {
    let mut query = collection::Entity::find()
        .select_only()
        .column(collection::Column::Id)
        .column(collection::Column::Generation)
        .column(collection::Column::VectorStoreName)
        .filter(readable(reader.scope));
    query = match named {
        Some(ids) => query.filter(collection::Column::Id.is_in(ids.iter().map(|id| id.0))),
        None => query.order_by_desc(collection::Column::Id).limit(limit),
    };
    let rows: Vec<(uuid::Uuid, uuid::Uuid, String)> = query.into_tuple().all(&reader.executor).await?;
    let target = |(id, generation, vector_store_name)| SearchTarget {
        id: CollectionId(id),
        generation: GenerationId(generation),
        vector_store_name,
    };
    Ok(rows.into_iter().map(target).collect())
}

/// The names of all placements in use.
pub async fn placements(reader: &Reader<'_>) -> Result<Vec<String>, DatabaseError> {
    Ok(collection::Entity::find()
        .select_only()
        .column(collection::Column::VectorStoreName)
        .distinct()
        .into_tuple()
        .all(&reader.executor)
        .await?)
}

/// Whether the owner has another collection of this name.
pub async fn name_taken(
    tx: &Transaction<'_>,
    owner: UserId,
    name: &str,
    except: Option<CollectionId>,
) -> Result<bool, DatabaseError> {
    let mut query = collection::Entity::find()
        .filter(collection::Column::OwnerId.eq(owner.0))
        .filter(collection::Column::Name.eq(name))
        .filter(collection::Column::Status.ne(CollectionStatus::Deleting.stored()));
    if let Some(id) = except {
        query = query.filter(collection::Column::Id.ne(id.0));
    }
    Ok(query.count(&tx.connection).await? > 0)
}

/// One collection in which the reader may do `action`.
pub async fn find_allowed(
    reader: &Reader<'_>,
    id: CollectionId,
    action: Action,
) -> Result<Option<Collection>, DatabaseError> {
    let row = collection::Entity::find_by_id(id.0).filter(allowed(reader.scope, action)).one(&reader.executor).await?;
    row.map(TryInto::try_into).transpose()
}

/// One collection in which the scope may do `action`, locked until the transaction ends.
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

/// Takes a collection until the transaction ends and tells nothing of it: for the order in which rows are taken (see
/// [`Transaction`]), where the caller's rights are asked of what is taken next.
pub async fn hold(tx: &Transaction<'_>, id: CollectionId) -> Result<(), DatabaseError> {
    let row = collection::Entity::find_by_id(id.0).select_only().column(collection::Column::Id).lock_exclusive();
    row.into_tuple::<uuid::Uuid>().one(&tx.connection).await?;
    Ok(())
}

/// Adds a collection.
pub async fn insert(tx: &Transaction<'_>, new: Collection) -> Result<(), DatabaseError> {
    collection::Model::try_from(new)?.into_active_model().insert(&tx.connection).await?;
    Ok(())
}

/// Writes what can be changed of a collection: owner, name, description, publicity, metadata, status.
pub async fn update(tx: &Transaction<'_>, changed: &Collection) -> Result<(), DatabaseError> {
    collection::Entity::update_many()
        .col_expr(collection::Column::OwnerId, Expr::value(changed.owner_id.0))
        .col_expr(collection::Column::Name, Expr::value(changed.name.clone()))
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

/// By how much the counters of a collection change.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CounterChange {
    pub documents: i32,
    pub chunks: i32,
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
        .col_expr(collection::Column::ChunkCount, plus(collection::Column::ChunkCount, change.chunks.into()))
        .col_expr(collection::Column::TotalBytes, plus(collection::Column::TotalBytes, change.bytes.into()))
        .filter(collection::Column::Id.eq(id.0))
        .exec(&tx.connection)
        .await?;
    Ok(())
}

/// Removes the row; documents go with it.
pub async fn delete(tx: &Transaction<'_>, id: CollectionId) -> Result<(), DatabaseError> {
    collection::Entity::delete_by_id(id.0).exec(&tx.connection).await?;
    Ok(())
}
