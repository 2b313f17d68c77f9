//! New passwords for users who forgot theirs: an administrator makes a token, the user sets the password with it.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;

use super::{
    Services,
    audit::Deed,
    frame::{Done, attempt, change},
};
use crate::{
    auth::{
        password::check_password,
        secret::{Secret, SecretKind},
        viewer::Viewer,
    },
    db::{
        Transaction,
        repo::{password_resets, sessions, users},
    },
    domain::{action::Action, audit::AuditAction, id::UserId, password_reset::PasswordReset, user::User},
    error::{Error, ViolationCode},
};

/// How long a token is valid.
const VALIDITY: TimeDelta = TimeDelta::days(1);

/// A new token, and whose it is.
pub struct NewReset {
    pub user: User,
    pub token: Secret,
    pub expires_at: DateTime<Utc>,
}

/// Makes a token with which the user of an account can set a new password, once. Earlier ones are no longer valid.
///
/// # Errors
/// `Unauthenticated`, `Forbidden` except for administrators, `NotFound`.
pub async fn create(services: &Services, viewer: &Viewer, user: UserId) -> Result<NewReset, Error> {
    let tried = Deed::new(AuditAction::PasswordResetCreate).to(user);
    attempt(services, viewer, &tried, async {
        viewer.require(Action::ServerManage)?;
        let now = services.clock.now();
        let (new, token) = (
            PasswordReset { user_id: user, created_at: now, expires_at: now + VALIDITY },
            Secret::generate(SecretKind::PasswordReset),
        );
        let user = change(services, viewer, &tried, now, |tx| insert(tx, viewer, &new, &token).boxed()).await?;
        Ok(NewReset { user, token, expires_at: new.expires_at })
    })
    .await
}

async fn insert(
    tx: &Transaction<'_>,
    viewer: &Viewer,
    new: &PasswordReset,
    token: &Secret,
) -> Result<Done<User>, Error> {
    let user = users::find(&tx.reader(viewer.scope()), new.user_id).await?.ok_or(Error::NotFound("user"))?;
    password_resets::insert(tx, new, token.digest()).await?;
    Ok(Done::AsTried(user))
}

/// Sets a new password with a token. All sessions of the account end.
///
/// # Errors
/// `Invalid` for the token or the password, `RateLimited`.
pub async fn redeem(services: &Services, viewer: &Viewer, token: &str, password: &str) -> Result<User, Error> {
    let tried = Deed::new(AuditAction::PasswordReset);
    attempt(services, viewer, &tried, async {
        let now = services.clock.now();
        services.logins.admit_registration(viewer.client.subnet(), now)?;
        if let Err(message) = check_password(password) {
            return Err(Error::invalid(ViolationCode::Invalid, "newPassword", message));
        }
        let digest = Secret::parse(SecretKind::PasswordReset, token).ok_or_else(bad_token)?.digest();
        // Only who has a token makes the server compute a hash.
        let found = password_resets::find(&services.database.credentials(), &digest).await?;
        let reset = found.filter(|reset| now < reset.expires_at).ok_or_else(bad_token)?;
        let hash = services.passwords.hash(password).await.map_err(Error::internal)?;
        change(services, viewer, &tried, now, |tx| set_password(tx, reset.user_id, &digest, &hash, now).boxed()).await
    })
    .await
}

async fn set_password(
    tx: &Transaction<'_>,
    user: UserId,
    digest: &str,
    hash: &str,
    now: DateTime<Utc>,
) -> Result<Done<User>, Error> {
    let found = users::lock(tx, user).await?;
    let (user, _) = found.filter(|(user, _)| user.is_active).ok_or_else(bad_token)?;
    // Of two at the same time, one is first.
    if !password_resets::delete(tx, user.id, digest).await? {
        return Err(bad_token());
    }
    users::set_password_hash(tx, user.id, hash, now).await?;
    sessions::revoke_all(tx, user.id, now).await?;
    let deed = Deed::new(AuditAction::PasswordReset).by(user.id).to(user.id).saying("with a token");
    Ok(Done::This(user, deed))
}

fn bad_token() -> Error {
    let message = "This token is invalid, used or expired. Ask an administrator for a new one.";
    Error::invalid(ViolationCode::Invalid, "token", message)
}
