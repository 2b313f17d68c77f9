//! Roles in collections.

use std::collections::{HashMap, HashSet};

use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, sea_query::Expr,
};

use super::{
    Direction, collections_among, convert, listed,
    lists::{Below, Keyset, pages},
    within,
};
use crate::{
    db::{
        DatabaseError, Reader, Transaction,
        entity::{StoredEnum, collection, collection_member},
        news::Change,
    },
    domain::{
        action::Action,
        collection::CollectionRole,
        id::{CollectionId, UserId},
        member::Member,
        page::{Page, PageRequest},
    },
};

/// What a member is found by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct MemberKey {
    pub collection: CollectionId,
    pub user: UserId,
}

impl MemberKey {
    /// That of a member.
    #[must_use]
    pub fn of(member: &Member) -> Self {
        Self { collection: member.collection_id, user: member.user_id }
    }
}

/// Which members to list.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct MemberFilter {
    /// Those with one of these roles; empty: all.
    pub role: Vec<CollectionRole>,
}

/// A list of members: the same for many collections at once.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct MemberList {
    pub filter: MemberFilter,
    pub page: PageRequest<UserId>,
}

/// The members that match a filter, regardless of the caller.
fn matching(filter: &MemberFilter) -> Condition {
    let condition = Condition::all();
    if filter.role.is_empty() {
        return condition;
    }
    condition.add(collection_member::Column::Role.is_in(filter.role.iter().map(|role| role.stored())))
}

/// The reader's own roles in those of the collections in which the reader has one.
pub async fn own_roles(
    reader: &Reader<'_>,
    collections: &[CollectionId],
) -> Result<HashMap<CollectionId, CollectionRole>, DatabaseError> {
    let Some(user) = reader.scope.user_id() else { return Ok(HashMap::new()) };
    let rows = collection_member::Entity::find()
        .filter(collection_member::Column::CollectionId.is_in(listed(collections.iter().map(|id| id.0))))
        .filter(collection_member::Column::UserId.eq(user.0))
        .all(&reader.executor)
        .await?;
    let members: Vec<Member> = convert(rows)?;
    Ok(members.into_iter().map(|member| (member.collection_id, member.role)).collect())
}

/// The given members that are visible to the reader.
pub async fn find_many(reader: &Reader<'_>, keys: &[MemberKey]) -> Result<HashMap<MemberKey, Member>, DatabaseError> {
    let collections: Vec<_> = keys.iter().map(|key| key.collection).collect();
    let is_key = |key: &MemberKey| {
        Condition::all()
            .add(collection_member::Column::CollectionId.eq(key.collection.0))
            .add(collection_member::Column::UserId.eq(key.user.0))
    };
    let rows = collection_member::Entity::find()
        .filter(keys.iter().map(is_key).fold(Condition::any(), Condition::add))
        .filter(within(
            collection_member::Column::CollectionId,
            collections_among(&collections, reader.scope, Action::MemberRead),
        ))
        .all(&reader.executor)
        .await?;
    let members: Vec<Member> = convert(rows)?;
    Ok(members.into_iter().map(|member| (MemberKey::of(&member), member)).collect())
}

/// The same page of the members of each of several collections, in the order of their accounts.
pub async fn list(
    reader: &Reader<'_>,
    collections: &[CollectionId],
    list: &MemberList,
) -> Result<HashMap<CollectionId, Page<Member>>, DatabaseError> {
    let MemberList { filter, page } = list;
    let user = collection_member::Column::UserId;
    let below = Below {
        parents: collections_among(collections, reader.scope, Action::MemberRead),
        parent: collection::Column::Id,
        rows: collection_member::Entity::find().filter(matching(filter)),
        link: collection_member::Column::CollectionId,
        page: Keyset::new(vec![user], Direction::Ascending, page, |last| vec![last.0.into()]),
    };
    let members: Vec<Member> = convert(below.of_each(reader).await?)?;
    Ok(pages(members.into_iter().map(|member| (member.collection_id, member)), page.first))
}

/// How many members of a filter each of several collections has.
pub async fn count(
    reader: &Reader<'_>,
    collections: &[CollectionId],
    filter: &MemberFilter,
) -> Result<HashMap<CollectionId, i64>, DatabaseError> {
    let collections = collections_among(collections, reader.scope, Action::MemberRead);
    let rows: Vec<(uuid::Uuid, i64)> = collection_member::Entity::find()
        .select_only()
        .column(collection_member::Column::CollectionId)
        .column_as(collection_member::Column::UserId.count(), "members")
        .filter(within(collection_member::Column::CollectionId, collections))
        .filter(matching(filter))
        .group_by(collection_member::Column::CollectionId)
        .into_tuple()
        .all(&reader.executor)
        .await?;
    Ok(rows.into_iter().map(|(id, count)| (CollectionId(id), count)).collect())
}

/// The role of a user in a collection that the transaction has locked.
pub async fn role_of(
    tx: &Transaction<'_>,
    collection: CollectionId,
    user: UserId,
) -> Result<Option<CollectionRole>, DatabaseError> {
    let row = collection_member::Entity::find_by_id((collection.0, user.0)).one(&tx.connection).await?;
    row.map(|row| Member::try_from(row).map(|member| member.role)).transpose()
}

/// Grants a role to a user who has none in the collection.
pub async fn insert(tx: &Transaction<'_>, new: Member) -> Result<(), DatabaseError> {
    tx.after_commit(Change::Access);
    collection_member::Model::from(new).into_active_model().insert(&tx.connection).await?;
    Ok(())
}

/// Changes the role of a user who already has one in the collection.
pub async fn set_role(
    tx: &Transaction<'_>,
    collection: CollectionId,
    user: UserId,
    role: CollectionRole,
) -> Result<(), DatabaseError> {
    tx.after_commit(Change::Access);
    collection_member::Entity::update_many()
        .col_expr(collection_member::Column::Role, Expr::value(role.stored()))
        .filter(collection_member::Column::CollectionId.eq(collection.0))
        .filter(collection_member::Column::UserId.eq(user.0))
        .exec(&tx.connection)
        .await?;
    Ok(())
}

/// Those of an owner's collections, which the transaction has locked, in which others have a role.
pub async fn shared(
    tx: &Transaction<'_>,
    collections: &[CollectionId],
    owner: UserId,
) -> Result<HashSet<CollectionId>, DatabaseError> {
    let ids: Vec<uuid::Uuid> = collection_member::Entity::find()
        .select_only()
        .column(collection_member::Column::CollectionId)
        .distinct()
        .filter(collection_member::Column::CollectionId.is_in(listed(collections.iter().map(|id| id.0))))
        .filter(collection_member::Column::UserId.ne(owner.0))
        .into_tuple()
        .all(&tx.connection)
        .await?;
    Ok(ids.into_iter().map(CollectionId).collect())
}

/// Revokes all roles of a user.
pub async fn delete_of(tx: &Transaction<'_>, user: UserId) -> Result<(), DatabaseError> {
    tx.after_commit(Change::Access);
    let roles = collection_member::Entity::delete_many().filter(collection_member::Column::UserId.eq(user.0));
    roles.exec(&tx.connection).await?;
    Ok(())
}

/// Revokes a user's role in a collection. Returns whether the user had one.
pub async fn delete(tx: &Transaction<'_>, collection: CollectionId, user: UserId) -> Result<bool, DatabaseError> {
    tx.after_commit(Change::Access);
    let result = collection_member::Entity::delete_by_id((collection.0, user.0)).exec(&tx.connection).await?;
    Ok(result.rows_affected == 1)
}
