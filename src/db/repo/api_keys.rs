//! API keys. A key is visible only to its owner.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, ExprTrait, SimpleExpr},
};

use super::{listed, lists::Keyset, nothing, to_count};
use crate::{
    db::{
        CredentialReader, DatabaseError, Reader, Transaction,
        entity::{StoredEnum, api_key, api_key_collection, to_json, user},
        news::Change,
        statement::Executor,
    },
    domain::{
        api_key::ApiKey,
        id::{ApiKeyId, CollectionId, UserId},
        page::{Page, PageRequest},
        scope::Scope,
        user::User,
    },
};

/// Keys are listed by their owner, never through a key.
fn own(scope: Scope) -> Condition {
    match scope {
        Scope::System => Condition::all(),
        Scope::Account(caller) if caller.key.is_none() => {
            Condition::all().add(api_key::Column::UserId.eq(caller.user.0))
        }
        Scope::Account(_) | Scope::Anonymous => nothing(),
    }
}

async fn with_collections(executor: &Executor<'_>, rows: Vec<api_key::Model>) -> Result<Vec<ApiKey>, DatabaseError> {
    let mut collections: HashMap<_, Vec<CollectionId>> = HashMap::new();
    let named: Vec<_> = rows.iter().filter(|row| !row.all_collections).map(|row| row.id).collect();
    if !named.is_empty() {
        let pairs = api_key_collection::Entity::find()
            .filter(api_key_collection::Column::ApiKeyId.is_in(named))
            .order_by_asc(api_key_collection::Column::CollectionId)
            .all(executor)
            .await?;
        for pair in pairs {
            collections.entry(pair.api_key_id).or_default().push(CollectionId(pair.collection_id));
        }
    }
    rows.into_iter()
        .map(|row| {
            let collections = collections.remove(&row.id).unwrap_or_default();
            row.into_key(collections)
        })
        .collect()
}

/// The key of this digest, valid or not, and its owner.
pub async fn find_by_digest(
    reader: &CredentialReader<'_>,
    digest: &str,
) -> Result<Option<(ApiKey, User)>, DatabaseError> {
    with_owner(reader, api_key::Column::Digest.eq(digest)).await
}

/// One key, valid or not, and its owner.
pub async fn find(reader: &CredentialReader<'_>, id: ApiKeyId) -> Result<Option<(ApiKey, User)>, DatabaseError> {
    with_owner(reader, api_key::Column::Id.eq(id.0)).await
}

async fn with_owner(reader: &CredentialReader<'_>, which: SimpleExpr) -> Result<Option<(ApiKey, User)>, DatabaseError> {
    let found = api_key::Entity::find().filter(which).find_both_related(user::Entity).one(&reader.executor).await?;
    let Some((key, owner)) = found else { return Ok(None) };
    let key = with_collections(&reader.executor, vec![key]).await?.pop();
    key.map(|key| Ok((key, owner.try_into()?))).transpose()
}

/// The given keys that are visible to the reader, valid or not.
pub async fn find_many(reader: &Reader<'_>, ids: &[ApiKeyId]) -> Result<HashMap<ApiKeyId, ApiKey>, DatabaseError> {
    let rows = api_key::Entity::find()
        .filter(api_key::Column::Id.is_in(listed(ids.iter().map(|id| id.0))))
        .filter(own(reader.scope))
        .all(&reader.executor)
        .await?;
    let keys = with_collections(&reader.executor, rows).await?;
    Ok(keys.into_iter().map(|key| (key.id, key)).collect())
}

/// A page of a user's keys, newest first.
pub async fn list(reader: &Reader<'_>, page: &PageRequest<ApiKeyId>) -> Result<Page<ApiKey>, DatabaseError> {
    let keys = api_key::Entity::find().filter(own(reader.scope));
    let rows = Keyset::newest_first(api_key::Column::Id, page).page_of(keys).all(&reader.executor).await?;
    let keys = with_collections(&reader.executor, rows).await?;
    Ok(Page::from_overfetched(keys, page.first))
}

/// How many keys a user has, revoked ones included.
pub async fn count(reader: &Reader<'_>) -> Result<i64, DatabaseError> {
    Ok(to_count(api_key::Entity::find().filter(own(reader.scope)).count(&reader.executor).await?))
}

/// How many keys of a user are valid at `now`.
pub async fn count_good(tx: &Transaction<'_>, user: UserId, now: DateTime<Utc>) -> Result<i64, DatabaseError> {
    let good = api_key::Entity::find()
        .filter(api_key::Column::UserId.eq(user.0))
        .filter(api_key::Column::RevokedAt.is_null())
        .filter(api_key::Column::ExpiresAt.is_null().or(api_key::Column::ExpiresAt.gt(now)));
    Ok(to_count(good.count(&tx.connection).await?))
}

/// Adds a key.
pub async fn insert(tx: &Transaction<'_>, new: &ApiKey, digest: String) -> Result<(), DatabaseError> {
    let actions: Vec<_> = new.actions.iter().map(StoredEnum::stored).collect();
    let row = api_key::Model {
        id: new.id.0,
        user_id: new.user_id.0,
        name: new.name.clone(),
        prefix: new.prefix.clone(),
        digest,
        actions: to_json("api_keys.actions", &actions)?,
        all_collections: new.collections.is_none(),
        documents: new.documents.as_ref().map(|ids| to_json("api_keys.documents", ids)).transpose()?,
        points_per_minute: new.points_per_minute,
        points_budget: new.points_budget,
        points_spent: new.points_spent,
        created_at: new.created_at,
        expires_at: new.expires_at,
        last_used_at: new.last_used_at,
        revoked_at: new.revoked_at,
    };
    row.into_active_model().insert(&tx.connection).await?;
    let pairs: Vec<_> = new
        .collections
        .iter()
        .flatten()
        .map(|collection| {
            api_key_collection::Model { api_key_id: new.id.0, collection_id: collection.0 }.into_active_model()
        })
        .collect();
    if !pairs.is_empty() {
        api_key_collection::Entity::insert_many(pairs).exec_without_returning(&tx.connection).await?;
    }
    Ok(())
}

/// Revokes a user's key. Returns whether the user has such a key.
pub async fn revoke(
    tx: &Transaction<'_>,
    user: UserId,
    id: ApiKeyId,
    now: DateTime<Utc>,
) -> Result<bool, DatabaseError> {
    tx.after_commit(Change::Callers);
    let result = api_key::Entity::update_many()
        // A key that was revoked before keeps that moment.
        .col_expr(api_key::Column::RevokedAt, Expr::col(api_key::Column::RevokedAt).if_null(now))
        .filter(api_key::Column::Id.eq(id.0))
        .filter(api_key::Column::UserId.eq(user.0))
        .exec(&tx.connection)
        .await?;
    Ok(result.rows_affected == 1)
}

/// Deletes all keys of a user.
pub async fn delete_of(tx: &Transaction<'_>, user: UserId) -> Result<(), DatabaseError> {
    tx.after_commit(Change::Callers);
    api_key::Entity::delete_many().filter(api_key::Column::UserId.eq(user.0)).exec(&tx.connection).await?;
    Ok(())
}

/// Records that a key was used, unless that was noted after `since` already.
pub async fn touch(
    tx: &Transaction<'_>,
    id: ApiKeyId,
    now: DateTime<Utc>,
    since: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    api_key::Entity::update_many()
        .col_expr(api_key::Column::LastUsedAt, Expr::value(now))
        .filter(api_key::Column::Id.eq(id.0))
        .filter(api_key::Column::LastUsedAt.is_null().or(api_key::Column::LastUsedAt.lte(since)))
        .exec(&tx.connection)
        .await?;
    Ok(())
}

/// Takes points from a key's budget. Returns whether there were as many left.
pub async fn spend(tx: &Transaction<'_>, id: ApiKeyId, points: i64) -> Result<bool, DatabaseError> {
    let spent = Expr::col(api_key::Column::PointsSpent).add(points);
    let result = api_key::Entity::update_many()
        .col_expr(api_key::Column::PointsSpent, spent.clone())
        .filter(api_key::Column::Id.eq(id.0))
        .filter(api_key::Column::PointsBudget.is_null().or(spent.lte(Expr::col(api_key::Column::PointsBudget))))
        .exec(&tx.connection)
        .await?;
    Ok(result.rows_affected == 1)
}
