//! Permissions to set a new password. A token is named by its digest.

use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};

use crate::{
    db::{CredentialReader, DatabaseError, Transaction, entity::password_reset},
    domain::{id::UserId, password_reset::PasswordReset},
};

/// What the token of this digest permits.
pub async fn find(reader: &CredentialReader<'_>, digest: &str) -> Result<Option<PasswordReset>, DatabaseError> {
    let reset = password_reset::Entity::find().filter(password_reset::Column::Digest.eq(digest));
    Ok(reset.one(&reader.executor).await?.map(Into::into))
}

/// Adds a permission, in place of an earlier one for the account.
pub async fn insert(tx: &Transaction<'_>, new: &PasswordReset, digest: String) -> Result<(), DatabaseError> {
    delete_of(tx, new.user_id).await?;
    let row = password_reset::Model {
        user_id: new.user_id.0,
        digest,
        created_at: new.created_at,
        expires_at: new.expires_at,
    };
    row.into_active_model().insert(&tx.connection).await?;
    Ok(())
}

/// Ends the permission for an account, if there is one.
pub(super) async fn delete_of(tx: &Transaction<'_>, user: UserId) -> Result<(), DatabaseError> {
    password_reset::Entity::delete_by_id(user.0).exec(&tx.connection).await?;
    Ok(())
}

/// Uses up a permission. Returns whether it was there.
pub async fn delete(tx: &Transaction<'_>, user: UserId, digest: &str) -> Result<bool, DatabaseError> {
    let used = password_reset::Entity::delete_many()
        .filter(password_reset::Column::UserId.eq(user.0))
        .filter(password_reset::Column::Digest.eq(digest));
    Ok(used.exec(&tx.connection).await?.rows_affected == 1)
}
