//! Sessions and their refresh tokens. Tokens are named by digest; their values are not stored.

use std::{collections::HashMap, net::IpAddr};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, SimpleExpr},
};

use super::{
    super::entity::{refresh_token, session, user},
    exists, listed,
    lists::Keyset,
    nothing, to_count,
};
use crate::{
    db::{CredentialReader, DatabaseError, Reader, Transaction, news::Change},
    domain::{
        id::{SessionId, UserId},
        page::{Page, PageRequest},
        scope::Scope,
        session::{Session, TokenNames},
        user::User,
    },
};

/// A refresh token that was issued once, and its session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IssuedToken {
    pub session: Session,
    pub state: TokenState,
}

/// Where a refresh token stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TokenState {
    Unused,
    /// It was exchanged for a newer one then, with this salt.
    Used(DateTime<Utc>, String),
    /// It was exchanged, and so was its successor.
    Forgotten,
}

/// Sessions exist for their user, not for the user's keys.
fn own(scope: Scope) -> Condition {
    match scope {
        Scope::System => Condition::all(),
        Scope::Account(caller) if caller.key.is_none() => {
            Condition::all().add(session::Column::UserId.eq(caller.user.0))
        }
        Scope::Account(_) | Scope::Anonymous => nothing(),
    }
}

fn live(now: DateTime<Utc>, idle: TimeDelta) -> Condition {
    Condition::all()
        .add(session::Column::RevokedAt.is_null())
        .add(session::Column::ExpiresAt.gt(now))
        .add(session::Column::LastUsedAt.is_null().or(session::Column::LastUsedAt.gt(now - idle)))
}

/// One session, for its user.
pub async fn find(reader: &Reader<'_>, id: SessionId) -> Result<Option<Session>, DatabaseError> {
    let row = session::Entity::find_by_id(id.0).filter(own(reader.scope)).one(&reader.executor).await?;
    Ok(row.map(Into::into))
}

/// The given sessions that are visible to the reader and valid at `now`.
pub async fn find_many(
    reader: &Reader<'_>,
    ids: &[SessionId],
    now: DateTime<Utc>,
    idle: TimeDelta,
) -> Result<HashMap<SessionId, Session>, DatabaseError> {
    let rows = session::Entity::find()
        .filter(session::Column::Id.is_in(listed(ids.iter().map(|id| id.0))))
        .filter(own(reader.scope))
        .filter(live(now, idle))
        .all(&reader.executor)
        .await?;
    Ok(rows.into_iter().map(|row| (SessionId(row.id), row.into())).collect())
}

/// One session and its user, for the user.
pub async fn find_with_user(reader: &Reader<'_>, id: SessionId) -> Result<Option<(Session, User)>, DatabaseError> {
    let session = session::Entity::find_by_id(id.0).filter(own(reader.scope));
    let found = session.find_both_related(user::Entity).one(&reader.executor).await?;
    found.map(|(session, user)| Ok((session.into(), user.try_into()?))).transpose()
}

/// A page of a user's sessions that are valid at `now`, newest first.
pub async fn list(
    reader: &Reader<'_>,
    now: DateTime<Utc>,
    idle: TimeDelta,
    page: &PageRequest<SessionId>,
) -> Result<Page<Session>, DatabaseError> {
    let sessions = session::Entity::find().filter(own(reader.scope)).filter(live(now, idle));
    let rows = Keyset::newest_first(session::Column::Id, page).page_of(sessions).all(&reader.executor).await?;
    Ok(Page::from_overfetched(rows.into_iter().map(Into::into).collect(), page.first))
}

/// How many sessions of a user are valid at `now`.
pub async fn count(reader: &Reader<'_>, now: DateTime<Utc>, idle: TimeDelta) -> Result<i64, DatabaseError> {
    let sessions = session::Entity::find().filter(own(reader.scope)).filter(live(now, idle));
    Ok(to_count(sessions.count(&reader.executor).await?))
}

/// The addresses that a user's sessions were used from after `since`.
pub async fn known_addresses(
    reader: &CredentialReader<'_>,
    user: UserId,
    since: DateTime<Utc>,
) -> Result<Vec<IpAddr>, DatabaseError> {
    let addresses: Vec<String> = session::Entity::find()
        .select_only()
        .column(session::Column::Address)
        .distinct()
        .filter(session::Column::UserId.eq(user.0))
        .filter(session::Column::Address.is_not_null())
        .filter(session::Column::LastUsedAt.gt(since))
        .into_tuple()
        .all(&reader.executor)
        .await?;
    Ok(addresses.iter().filter_map(|address| address.parse().ok()).collect())
}

/// Starts a session with its first refresh token.
pub async fn insert(tx: &Transaction<'_>, new: &Session, token: TokenNames) -> Result<(), DatabaseError> {
    let row = session::ActiveModel {
        id: Set(new.id.0),
        user_id: Set(new.user_id.0),
        user_agent: Set(new.user_agent.clone()),
        address: Set(new.address.clone()),
        last_used_at: Set(Some(new.last_used_at)),
        created_at: Set(new.created_at),
        expires_at: Set(new.expires_at),
        revoked_at: Set(new.revoked_at),
    };
    row.insert(&tx.connection).await?;
    insert_token(tx, new.id, token, new.created_at).await
}

/// Removes all but the newest sessions of a user, with their tokens, so that an account that logs in again and again has a
/// limited number.
pub async fn keep_newest(tx: &Transaction<'_>, user: UserId, most: u64) -> Result<(), DatabaseError> {
    let newest = session::Entity::find()
        .select_only()
        .column(session::Column::Id)
        .filter(session::Column::UserId.eq(user.0))
        .order_by_desc(session::Column::CreatedAt)
        .order_by_desc(session::Column::Id)
        .limit(most)
        .into_query();
    let older = session::Entity::delete_many()
        .filter(session::Column::UserId.eq(user.0))
        .filter(session::Column::Id.not_in_subquery(newest));
    if older.exec(&tx.connection).await?.rows_affected > 0 {
        tx.after_commit(Change::Callers);
    }
    Ok(())
}

/// Adds a refresh token to a session.
pub async fn insert_token(
    tx: &Transaction<'_>,
    session: SessionId,
    token: TokenNames,
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    let row = refresh_token::ActiveModel {
        digest: Set(token.digest),
        family: Set(token.family),
        session_id: Set(session.0),
        created_at: Set(now),
        used_at: Set(None),
        salt: Set(None),
    };
    row.insert(&tx.connection).await?;
    Ok(())
}

/// A token that was issued, found by its digest or, if that is no longer stored, by its family. Its session and the
/// session's tokens are locked until the transaction ends.
pub async fn lock_token(tx: &Transaction<'_>, token: &TokenNames) -> Result<Option<IssuedToken>, DatabaseError> {
    let by_digest = || refresh_token::Entity::find_by_id(token.digest.as_str()).one(&tx.connection);
    let relative = match (by_digest().await?, &token.family) {
        (None, Some(family)) => {
            let family = refresh_token::Entity::find().filter(refresh_token::Column::Family.eq(family.as_str()));
            family.one(&tx.connection).await?
        }
        (found, _) => found,
    };
    let Some(relative) = relative else { return Ok(None) };
    let session = session::Entity::find_by_id(relative.session_id).lock_exclusive().one(&tx.connection).await?;
    let Some(session) = session else { return Ok(None) };
    // Now that no other transaction can change it.
    let state = match by_digest().await? {
        None => TokenState::Forgotten,
        Some(token) => match token.used_at.zip(token.salt) {
            None => TokenState::Unused,
            Some((at, salt)) => TokenState::Used(at, salt),
        },
    };
    Ok(Some(IssuedToken { session: session.into(), state }))
}

/// Whether the session of a token, used or not, is valid at `now`.
pub async fn is_live(
    reader: &CredentialReader<'_>,
    token: &TokenNames,
    now: DateTime<Utc>,
    idle: TimeDelta,
) -> Result<bool, DatabaseError> {
    let mut is_meant = Condition::any().add(refresh_token::Column::Digest.eq(token.digest.as_str()));
    if let Some(family) = &token.family {
        is_meant = is_meant.add(refresh_token::Column::Family.eq(family.as_str()));
    }
    let of_token = refresh_token::Entity::find()
        .select_only()
        .column(refresh_token::Column::SessionId)
        .filter(is_meant)
        .into_query();
    let sessions = session::Entity::find().filter(session::Column::Id.in_subquery(of_token)).filter(live(now, idle));
    exists(sessions, &reader.executor).await
}

/// Removes the used tokens of a family but this one, whose session is locked: the family recognises them.
pub async fn forget_used(tx: &Transaction<'_>, but: &TokenNames) -> Result<(), DatabaseError> {
    let Some(family) = &but.family else { return Ok(()) };
    refresh_token::Entity::delete_many()
        .filter(refresh_token::Column::Family.eq(family.as_str()))
        .filter(refresh_token::Column::UsedAt.is_not_null())
        .filter(refresh_token::Column::Digest.ne(but.digest.as_str()))
        .exec(&tx.connection)
        .await?;
    Ok(())
}

/// Records that a token was exchanged for the one that follows from it and `salt`.
pub async fn use_token(
    tx: &Transaction<'_>,
    digest: &str,
    salt: &str,
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    refresh_token::Entity::update_many()
        .col_expr(refresh_token::Column::UsedAt, Expr::value(now))
        .col_expr(refresh_token::Column::Salt, Expr::value(salt))
        .filter(refresh_token::Column::Digest.eq(digest))
        .exec(&tx.connection)
        .await?;
    Ok(())
}

/// Whether a token was issued and waits to be used.
pub async fn is_unused(tx: &Transaction<'_>, digest: &str) -> Result<bool, DatabaseError> {
    let token = refresh_token::Entity::find_by_id(digest).one(&tx.connection).await?;
    Ok(token.is_some_and(|token| token.used_at.is_none()))
}

/// Records when and from where a session was used last, unless that was noted after `since` already.
pub async fn touch(
    tx: &Transaction<'_>,
    id: SessionId,
    address: Option<String>,
    now: DateTime<Utc>,
    since: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    session::Entity::update_many()
        .col_expr(session::Column::LastUsedAt, Expr::value(now))
        .col_expr(session::Column::Address, Expr::value(address))
        .filter(session::Column::Id.eq(id.0))
        .filter(session::Column::LastUsedAt.is_null().or(session::Column::LastUsedAt.lte(since)))
        .exec(&tx.connection)
        .await?;
    Ok(())
}

/// Ends a session and all tokens that descended from it.
pub async fn revoke(tx: &Transaction<'_>, id: SessionId, now: DateTime<Utc>) -> Result<(), DatabaseError> {
    end(tx, session::Column::Id.eq(id.0), now).await?;
    Ok(())
}

/// Ends all sessions of a user. Returns how many.
pub async fn revoke_all(tx: &Transaction<'_>, user: UserId, now: DateTime<Utc>) -> Result<u64, DatabaseError> {
    end(tx, session::Column::UserId.eq(user.0), now).await
}

async fn end(tx: &Transaction<'_>, which: SimpleExpr, now: DateTime<Utc>) -> Result<u64, DatabaseError> {
    tx.after_commit(Change::Callers);
    let ended = session::Entity::update_many()
        .col_expr(session::Column::RevokedAt, Expr::value(now))
        .filter(which)
        .filter(session::Column::RevokedAt.is_null())
        .exec(&tx.connection)
        .await?;
    Ok(ended.rows_affected)
}

/// Deletes all sessions of a user, with their tokens and with where they were used from.
pub async fn delete_of(tx: &Transaction<'_>, user: UserId) -> Result<(), DatabaseError> {
    tx.after_commit(Change::Callers);
    session::Entity::delete_many().filter(session::Column::UserId.eq(user.0)).exec(&tx.connection).await?;
    Ok(())
}

/// Deletes sessions that ended before `moment`, with their tokens, which are all invalid by now.
pub async fn delete_ended(tx: &Transaction<'_>, moment: DateTime<Utc>) -> Result<u64, DatabaseError> {
    let ended = session::Entity::delete_many()
        .filter(session::Column::ExpiresAt.lt(moment).or(session::Column::RevokedAt.lt(moment)));
    Ok(ended.exec(&tx.connection).await?.rows_affected)
}
