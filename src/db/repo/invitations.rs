//! Invitations to register. A token is named by its digest.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QuerySelect,
    sea_query::Expr,
};

use super::{convert, listed, lists::Keyset, nothing, to_count};
use crate::{
    db::{
        CredentialReader, DatabaseError, Reader, Transaction,
        entity::{StoredEnum, invitation},
    },
    domain::{
        action::Action,
        id::InvitationId,
        invitation::{Invitation, InvitationState},
        page::{Page, PageRequest},
        policy,
        scope::Scope,
    },
};

/// Invitations exist for administrators.
fn visible(scope: Scope) -> Condition {
    if scope == Scope::System || policy::allows_on_server(scope, Action::ServerManage) {
        // Says that all of them are meant.
        return Condition::all().add(Condition::all());
    }
    nothing()
}

/// Which invitations to list.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct InvitationFilter {
    /// Those in one of these states; empty: all.
    pub state: Vec<InvitationState>,
}

/// The invitations that match a filter at `now`, regardless of the caller.
fn matching(filter: &InvitationFilter, now: DateTime<Utc>) -> Condition {
    if filter.state.is_empty() {
        return Condition::all();
    }
    let is_unused = || Condition::all().add(invitation::Column::UsedAt.is_null());
    let is_in = |state: &InvitationState| match state {
        InvitationState::Open => is_unused().add(invitation::Column::ExpiresAt.gt(now)),
        InvitationState::Expired => is_unused().add(invitation::Column::ExpiresAt.lte(now)),
        InvitationState::Used => Condition::all().add(invitation::Column::UsedAt.is_not_null()),
    };
    filter.state.iter().map(is_in).fold(Condition::any(), Condition::add)
}

/// The given invitations that are visible to the reader.
pub async fn find_many(
    reader: &Reader<'_>,
    ids: &[InvitationId],
) -> Result<HashMap<InvitationId, Invitation>, DatabaseError> {
    let rows = invitation::Entity::find()
        .filter(invitation::Column::Id.is_in(listed(ids.iter().map(|id| id.0))))
        .filter(visible(reader.scope))
        .all(&reader.executor)
        .await?;
    let found: Vec<Invitation> = convert(rows)?;
    Ok(found.into_iter().map(|invitation| (invitation.id, invitation)).collect())
}

/// A page of invitations, newest first.
pub async fn list(
    reader: &Reader<'_>,
    filter: &InvitationFilter,
    now: DateTime<Utc>,
    page: &PageRequest<InvitationId>,
) -> Result<Page<Invitation>, DatabaseError> {
    let invitations = invitation::Entity::find().filter(visible(reader.scope)).filter(matching(filter, now));
    let rows = Keyset::newest_first(invitation::Column::Id, page).page_of(invitations).all(&reader.executor).await?;
    Ok(Page::from_overfetched(convert(rows)?, page.first))
}

/// How many invitations of a filter there are.
pub async fn count(reader: &Reader<'_>, filter: &InvitationFilter, now: DateTime<Utc>) -> Result<i64, DatabaseError> {
    let invitations = invitation::Entity::find().filter(visible(reader.scope)).filter(matching(filter, now));
    Ok(to_count(invitations.count(&reader.executor).await?))
}

/// Removes an invitation that was not used. Returns whether there was one.
pub async fn delete_unused(tx: &Transaction<'_>, id: InvitationId) -> Result<bool, DatabaseError> {
    let unused = invitation::Entity::delete_many()
        .filter(invitation::Column::Id.eq(id.0))
        .filter(invitation::Column::UsedAt.is_null());
    Ok(unused.exec(&tx.connection).await?.rows_affected == 1)
}

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

/// The invitation of this digest.
pub async fn find(reader: &CredentialReader<'_>, digest: &str) -> Result<Option<Invitation>, DatabaseError> {
    let invitation = invitation::Entity::find().filter(invitation::Column::Digest.eq(digest));
    invitation.one(&reader.executor).await?.map(TryInto::try_into).transpose()
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
