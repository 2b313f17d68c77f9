//! Uploads. An upload is visible only to its owner.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, LockBehavior, LockType},
};

use super::super::entity::upload;
use super::{INSERT_ROWS, nothing};
use crate::{
    db::{DatabaseError, Reader, Transaction},
    domain::{
        action::Action,
        content::StoredFile,
        id::{UploadId, UserId},
        scope::Scope,
        upload::Upload,
    },
};

/// Uploads are visible to their user, and to the API key that created them.
fn own(scope: Scope) -> Condition {
    let Scope::Account(caller) = scope else {
        return if scope == Scope::System { Condition::all() } else { nothing() };
    };
    let own = Condition::all().add(upload::Column::UserId.eq(caller.user.0));
    match caller.key {
        None => own,
        Some(key) if key.actions.contains(Action::DocumentIngest) => own.add(upload::Column::ApiKeyId.eq(key.id.0)),
        Some(_) => nothing(),
    }
}

/// One upload.
pub async fn find(reader: &Reader<'_>, id: UploadId) -> Result<Option<Upload>, DatabaseError> {
    Ok(find_many(reader, &[id]).await?.remove(&id))
}

/// The given uploads that are visible to the reader.
pub async fn find_many(reader: &Reader<'_>, ids: &[UploadId]) -> Result<HashMap<UploadId, Upload>, DatabaseError> {
    let rows = upload::Entity::find()
        .filter(upload::Column::Id.is_in(ids.iter().map(|id| id.0)))
        .filter(own(reader.scope))
        .all(&reader.executor)
        .await?;
    Ok(rows.into_iter().map(|row| (UploadId(row.id), row.into())).collect())
}

/// Adds uploads that are not filled yet.
pub async fn insert_many(tx: &Transaction<'_>, new: &[Upload]) -> Result<(), DatabaseError> {
    let row = |new: &Upload| upload::ActiveModel {
        id: Set(new.id.0),
        user_id: Set(new.user_id.0),
        api_key_id: Set(new.api_key_id.map(|id| id.0)),
        file_name: Set(new.file_name.clone()),
        content_type: Set(new.content_type.clone()),
        file_size: Set(None),
        content_hash: Set(None),
        created_at: Set(new.created_at),
        expires_at: Set(new.expires_at),
    };
    for part in new.chunks(INSERT_ROWS) {
        upload::Entity::insert_many(part.iter().map(row)).exec_without_returning(&tx.connection).await?;
    }
    Ok(())
}

/// Records the content that arrived. Returns whether the upload was still waiting for it.
pub async fn set_stored(tx: &Transaction<'_>, id: UploadId, stored: &StoredFile) -> Result<bool, DatabaseError> {
    let result = upload::Entity::update_many()
        .col_expr(upload::Column::FileSize, Expr::value(stored.size))
        .col_expr(upload::Column::ContentHash, Expr::value(stored.digest.clone()))
        .filter(upload::Column::Id.eq(id.0))
        .filter(upload::Column::ContentHash.is_null())
        .exec(&tx.connection)
        .await?;
    Ok(result.rows_affected == 1)
}

/// The given uploads that are visible to the scope, locked until the transaction ends, so that none expires meanwhile.
pub async fn lock_many(
    tx: &Transaction<'_>,
    scope: Scope,
    ids: &[UploadId],
) -> Result<HashMap<UploadId, Upload>, DatabaseError> {
    let rows = upload::Entity::find()
        .filter(upload::Column::Id.is_in(ids.iter().map(|id| id.0)))
        .filter(own(scope))
        .order_by_asc(upload::Column::Id)
        .lock_exclusive()
        .all(&tx.connection)
        .await?;
    Ok(rows.into_iter().map(|row| (UploadId(row.id), row.into())).collect())
}

/// Deletes all uploads of a user. Documents keep their files.
pub async fn delete_of(tx: &Transaction<'_>, user: UserId) -> Result<(), DatabaseError> {
    upload::Entity::delete_many().filter(upload::Column::UserId.eq(user.0)).exec(&tx.connection).await?;
    Ok(())
}

/// Deletes expired uploads, except those that a transaction is using.
pub async fn delete_expired(tx: &Transaction<'_>, now: DateTime<Utc>) -> Result<u64, DatabaseError> {
    let expired = upload::Entity::find()
        .select_only()
        .column(upload::Column::Id)
        .filter(upload::Column::ExpiresAt.lt(now))
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .into_query();
    let result =
        upload::Entity::delete_many().filter(upload::Column::Id.in_subquery(expired)).exec(&tx.connection).await?;
    Ok(result.rows_affected)
}
