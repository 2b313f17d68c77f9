//! Logins and their refresh tokens. Tokens are named by digest; their values are not stored.

use chrono::{DateTime, Utc};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use super::super::entity::{refresh_token, session};
use crate::{
    db::{DatabaseError, Reader, Transaction},
    domain::{
        id::{SessionId, UserId},
        scope::Scope,
        session::Session,
    },
};

/// A refresh token that was issued once, and its login.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IssuedToken {
    pub session: Session,
    /// When it was exchanged for a newer one, if it was.
    pub used_at: Option<DateTime<Utc>>,
}

/// One login, for its owner.
pub async fn find(reader: &Reader<'_>, id: SessionId) -> Result<Option<Session>, DatabaseError> {
    let owner = match reader.scope {
        Scope::System => None,
        Scope::User(user) => Some(user),
        Scope::Anonymous => return Ok(None),
    };
    let row = session::Entity::find_by_id(id.0).one(&reader.executor).await?;
    Ok(row.map(Session::from).filter(|session| owner.is_none_or(|owner: UserId| session.user_id == owner)))
}

/// Starts a login with its first refresh token.
pub async fn insert(tx: &Transaction<'_>, new: &Session, token_digest: String) -> Result<(), DatabaseError> {
    let row = session::ActiveModel {
        id: Set(new.id.0),
        user_id: Set(new.user_id.0),
        created_at: Set(new.created_at),
        expires_at: Set(new.expires_at),
        revoked_at: Set(new.revoked_at),
    };
    row.insert(&tx.connection).await?;
    insert_token(tx, new.id, token_digest, new.created_at).await
}

/// Adds a refresh token to a login.
pub async fn insert_token(
    tx: &Transaction<'_>,
    session: SessionId,
    digest: String,
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    let row = refresh_token::ActiveModel {
        digest: Set(digest),
        session_id: Set(session.0),
        created_at: Set(now),
        used_at: Set(None),
    };
    row.insert(&tx.connection).await?;
    Ok(())
}

/// The token of this digest, locked until the transaction ends.
pub async fn lock_token(tx: &Transaction<'_>, digest: &str) -> Result<Option<IssuedToken>, DatabaseError> {
    let Some(token) = refresh_token::Entity::find_by_id(digest).lock_exclusive().one(&tx.connection).await? else {
        return Ok(None);
    };
    let session = session::Entity::find_by_id(token.session_id).lock_exclusive().one(&tx.connection).await?;
    Ok(session.map(|session| IssuedToken { session: session.into(), used_at: token.used_at }))
}

/// Notes that a token was exchanged.
pub async fn use_token(tx: &Transaction<'_>, digest: &str, now: DateTime<Utc>) -> Result<(), DatabaseError> {
    refresh_token::Entity::update_many()
        .col_expr(refresh_token::Column::UsedAt, now.into())
        .filter(refresh_token::Column::Digest.eq(digest))
        .exec(&tx.connection)
        .await?;
    Ok(())
}

/// Ends a login and all tokens that descended from it.
pub async fn revoke(tx: &Transaction<'_>, id: SessionId, now: DateTime<Utc>) -> Result<(), DatabaseError> {
    session::Entity::update_many()
        .col_expr(session::Column::RevokedAt, now.into())
        .filter(session::Column::Id.eq(id.0))
        .filter(session::Column::RevokedAt.is_null())
        .exec(&tx.connection)
        .await?;
    Ok(())
}
