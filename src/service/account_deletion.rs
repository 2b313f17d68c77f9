//! The end of an account, by its user.

use chrono::{DateTime, Utc};
use futures_util::FutureExt;

use super::{
    Services, accounts,
    audit::{self, Deed},
    collections::begin_deletion,
    frame::{Done, attempt, change},
    sessions::{self, confirm_password, forget_ended},
};
use crate::{
    auth::{cookie::TokenCookie, viewer::Viewer},
    db::{
        Transaction,
        repo::{self, api_keys, members, uploads, users},
    },
    domain::{
        action::Action,
        audit::AuditAction,
        collection::Collection,
        id::{CollectionId, UserId},
    },
    error::Error,
};

/// How many collections a refusal names.
const NAMED: usize = 3;

/// Deletes the caller's account with everything that belongs to nobody else: sessions, API keys, uploads, roles, and the
/// collections that they share with nobody. What they did for others stays, and the audit log keeps their id.
///
/// # Errors
/// `Unauthenticated`, `Forbidden` for an API key, `Invalid` for the password, `RateLimited` for too many guesses, `Conflict`
/// while others have a role in a collection of theirs, and for the last administrator.
pub async fn delete(
    services: &Services,
    viewer: &Viewer,
    password: &str,
    cookie: &TokenCookie,
) -> Result<UserId, Error> {
    let tried = Deed::new(AuditAction::UserDelete);
    attempt(services, viewer, &tried, async {
        let id = viewer.require(Action::AccountManage)?;
        confirm_password(services, viewer, password, "password").await?;
        let now = services.clock.now();
        change(services, viewer, &tried, now, |tx| delete_all(tx, viewer, id, now).boxed()).await?;
        forget_ended(services, cookie).await;
        Ok(id)
    })
    .await
}

async fn delete_all(tx: &Transaction<'_>, viewer: &Viewer, id: UserId, now: DateTime<Utc>) -> Result<Done<()>, Error> {
    // Two administrators must not leave at the same time.
    users::lock_registration(tx).await?;
    // Who writes into a collection locks it before the account.
    repo::collections::lock_owned(tx, id).await?;
    let (user, _) = users::lock(tx, id).await?.ok_or(sessions::ENDED)?;
    // Now no other collection can become theirs.
    let owned = repo::collections::lock_owned(tx, id).await?;
    check_unshared(tx, id, &owned).await?;
    for collection in owned {
        let (_, deed) = begin_deletion(tx, collection, id, now).await?;
        audit::done(tx, viewer, deed, now).await?;
    }
    members::delete_of(tx, id).await?;
    uploads::delete_of(tx, id).await?;
    api_keys::delete_of(tx, id).await?;
    repo::sessions::delete_of(tx, id).await?;
    users::delete(tx, id, now).await?;
    accounts::check_administrator_is_left(tx, &user).await?;
    Ok(Done::This((), Deed::new(AuditAction::UserDelete).to(id)))
}

/// Refuses while others would lose what they use.
async fn check_unshared(tx: &Transaction<'_>, owner: UserId, owned: &[Collection]) -> Result<(), Error> {
    let ids: Vec<CollectionId> = owned.iter().map(|collection| collection.id).collect();
    let shared = members::shared(tx, &ids, owner).await?;
    if shared.is_empty() {
        return Ok(());
    }
    let is_shared = |collection: &&Collection| shared.contains(&collection.id);
    let names = owned.iter().filter(is_shared).take(NAMED).map(|collection| format!("«{}»", collection.name));
    let names = names.collect::<Vec<_>>().join(", ");
    let more = match shared.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Err(Error::Conflict(format!(
        "Others have a role in collections of yours: {names}{more}. Make one of them the owner, remove them, or delete the \
         collection first."
    )))
}
