//! Invitations to register. A token is named by its digest.

use chrono::{DateTime, Utc};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, sea_query::Expr};

use crate::{
    db::{
        DatabaseError, Transaction,
        entity::{StoredEnum, invitation},
    },
    domain::{id::InvitationId, invitation::Invitation},
};

/// Adds an invitation.
pub async fn insert(tx: &Transaction<'_>, new: &Invitation, digest: String) -> Result<(), DatabaseError> {
    let row = invitation::Model {
        id: new.id.0,
        digest,
        email: new.email.clone(),
        role: new.role.stored(),
        invited_by: new.invited_by.map(|id| id.0),
        created_at: new.created_at,
        expires_at: new.expires_at,
        used_at: new.used_at,
    };
    row.into_active_model().insert(&tx.connection).await?;
    Ok(())
}

/// The invitation of this digest, locked until the transaction ends.
pub async fn lock(tx: &Transaction<'_>, digest: &str) -> Result<Option<Invitation>, DatabaseError> {
    let row = invitation::Entity::find()
        .filter(invitation::Column::Digest.eq(digest))
        .lock_exclusive()
        .one(&tx.connection)
        .await?;
    row.map(TryInto::try_into).transpose()
}

/// Records that an invitation was used.
pub async fn set_used(tx: &Transaction<'_>, id: InvitationId, now: DateTime<Utc>) -> Result<(), DatabaseError> {
    invitation::Entity::update_many()
        .col_expr(invitation::Column::UsedAt, Expr::value(now))
        .filter(invitation::Column::Id.eq(id.0))
        .exec(&tx.connection)
        .await?;
    Ok(())
}
