//! Roles in collections: granting, changing, revoking, leaving; and the transfer of ownership.

use chrono::{DateTime, Utc};
use futures_util::FutureExt;

use super::{
    Services,
    access::lock_collection,
    audit::Deed,
    collections::check_name_is_free,
    frame::{Done, attempt, change},
};
use crate::{
    auth::viewer::Viewer,
    db::{
        Transaction,
        repo::{collections, members, users},
    },
    domain::{
        action::Action,
        audit::AuditAction,
        collection::{Collection, CollectionRole},
        id::{CollectionId, UserId},
        member::Member,
    },
    error::{Error, ViolationCode},
};

/// The user who gets a role.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NamedUser {
    Id(UserId),
    Username(String),
}

/// How much of an unknown name the audit log keeps, in characters.
const MAX_NAME: usize = 64;

/// Grants a user a role in a collection, or changes their role. Granting ownership transfers the collection: the
/// previous owner becomes an editor.
///
/// # Errors
/// `NotFound`, `Forbidden` except for the owner, `Invalid` for a user that does not exist, `Conflict` if the owner
/// would lose their role without another owner.
pub async fn set(
    services: &Services,
    viewer: &Viewer,
    id: CollectionId,
    user: NamedUser,
    role: CollectionRole,
) -> Result<Member, Error> {
    let tried = Deed::new(AuditAction::CollectionMemberSet).within(id);
    let tried = match &user {
        NamedUser::Id(user) => tried.to(*user),
        NamedUser::Username(name) => tried.saying(format!("for «{}»", name.chars().take(MAX_NAME).collect::<String>())),
    };
    let now = services.clock.now();
    let set = change(services, viewer, &tried, now, |tx| set_role(tx, viewer, id, &user, role, now).boxed());
    attempt(services, viewer, &tried, set).await
}

async fn set_role(
    tx: &Transaction<'_>,
    viewer: &Viewer,
    id: CollectionId,
    user: &NamedUser,
    role: CollectionRole,
    now: DateTime<Utc>,
) -> Result<Done<Member>, Error> {
    let collection = lock_collection(tx, viewer, id, Action::MemberManage).await?;
    let user_id = find_user(tx, viewer, user).await?;
    let before = members::role_of(tx, id, user_id).await?;
    let member = Member { collection_id: id, user_id, role, created_at: now };
    if before == Some(CollectionRole::Owner) && role != CollectionRole::Owner {
        return Err(Error::Conflict(
            "The owner keeps this role until someone else has it. Make another member the owner instead.".into(),
        ));
    }
    if before == Some(role) {
        return Ok(Done::Nothing(member));
    }
    if role == CollectionRole::Owner {
        hand_over(tx, collection, user_id).await?;
    }
    match before {
        Some(_) => members::set_role(tx, id, user_id, role).await?,
        None => members::insert(tx, member).await?,
    }
    let deed = Deed::new(AuditAction::CollectionMemberSet).to(user_id).within(id).saying(match role {
        CollectionRole::Owner => "as owner",
        CollectionRole::Editor => "as editor",
        CollectionRole::Viewer => "as viewer",
    });
    Ok(Done::This(member, deed))
}

async fn find_user(tx: &Transaction<'_>, viewer: &Viewer, named: &NamedUser) -> Result<UserId, Error> {
    let (path, found) = match named {
        NamedUser::Id(id) => ("userId", users::find(&tx.reader(viewer.scope()), *id).await?),
        NamedUser::Username(name) if name.contains('\0') => ("username", None),
        NamedUser::Username(name) => ("username", users::find_by_username(tx, name.trim()).await?),
    };
    let message = if matches!(named, NamedUser::Username(name) if name.contains('@')) {
        "There is no such user. Give the user name, not the e-mail address."
    } else {
        "There is no such user. Check the name."
    };
    match found.filter(|user| user.is_active) {
        Some(user) if users::hold(tx, user.id).await? => Ok(user.id),
        _ => Err(Error::invalid(ViolationCode::NotFound, path, message)),
    }
}

/// Makes a user the owner in every row but their own: the previous owner becomes an editor.
async fn hand_over(tx: &Transaction<'_>, collection: Collection, to: UserId) -> Result<(), Error> {
    let handed = Collection { owner_id: to, ..collection.clone() };
    let has_one_already =
        || Error::Conflict("The new owner already has a collection with this name. Rename this one first.".into());
    check_name_is_free(tx, &handed, Some(collection.id)).await.map_err(|error| match error {
        Error::Invalid(_) => has_one_already(),
        error => error,
    })?;
    members::set_role(tx, collection.id, collection.owner_id, CollectionRole::Editor).await?;
    let written = collections::update(tx, &handed).await;
    written.map_err(|error| if error.is_constraint() { has_one_already() } else { error.into() })?;
    Ok(())
}

/// Revokes a user's role in a collection. Everyone can give up their own role, except the owner, who can transfer the
/// collection instead. Revoking a missing role succeeds.
///
/// # Errors
/// `NotFound`, `Forbidden` for the role of another user, `Conflict` for the owner's.
pub async fn remove(services: &Services, viewer: &Viewer, id: CollectionId, user: UserId) -> Result<(), Error> {
    let tried = Deed::new(AuditAction::CollectionMemberRemove).to(user).within(id);
    let now = services.clock.now();
    let remove = change(services, viewer, &tried, now, |tx| remove_role(tx, viewer, id, user).boxed());
    attempt(services, viewer, &tried, remove).await
}

async fn remove_role(tx: &Transaction<'_>, viewer: &Viewer, id: CollectionId, user: UserId) -> Result<Done<()>, Error> {
    let action = if viewer.is_self(user) { Action::CollectionLeave } else { Action::MemberManage };
    let collection = match lock_collection(tx, viewer, id, action).await {
        // Only the owner can't leave; they manage the members.
        Err(Error::Forbidden(_)) if action == Action::CollectionLeave => {
            lock_collection(tx, viewer, id, Action::MemberManage).await?
        }
        locked => locked?,
    };
    if collection.owner_id == user {
        return Err(Error::Conflict(
            "The owner can't leave the collection. Make someone else the owner first, or delete the collection.".into(),
        ));
    }
    Ok(if members::delete(tx, id, user).await? { Done::AsTried(()) } else { Done::Nothing(()) })
}
