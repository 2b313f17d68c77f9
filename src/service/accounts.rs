//! Accounts: registration, invitations and administration.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;

use super::{
    Services,
    audit::Deed,
    frame::{self, Done},
    validate::Violations,
};
use crate::{
    auth::{
        password::check_password,
        secret::{Secret, SecretKind},
        viewer::{Credential, Viewer},
    },
    config::Registration,
    db::{
        DatabaseError, Transaction,
        repo::{invitations, sessions, users},
    },
    domain::{
        action::Action,
        audit::AuditAction,
        id::{InvitationId, UserId},
        invitation::{Invitation, InvitationState},
        name,
        user::{ServerRole, User},
    },
    error::{Error, ViolationCode},
};

/// A registration.
#[derive(Clone)]
pub struct NewAccount {
    pub username: String,
    pub email: String,
    pub password: String,
    pub full_name: Option<String>,
    /// The token of an invitation, if there is one.
    pub invitation: Option<String>,
}

/// A new invitation. Its token is shown only once.
#[derive(Clone, Debug)]
pub struct NewInvitation {
    pub invitation: Invitation,
    pub token: Secret,
}

/// What an administrator can change in an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AccountChange {
    Activate,
    /// Ends all sessions of the account at once, and disables its keys until it is active again.
    Deactivate,
    Role(ServerRole),
}

impl AccountChange {
    fn action(self) -> AuditAction {
        match self {
            Self::Activate => AuditAction::UserActivate,
            Self::Deactivate => AuditAction::UserDeactivate,
            Self::Role(_) => AuditAction::UserRoleSet,
        }
    }
}

const MAX_USERNAME: usize = 64;
const MAX_EMAIL: usize = 254;

/// Whether the server has an account that a user can use. Until then, whoever registers becomes its administrator.
///
/// # Errors
/// The database's.
pub async fn is_claimed(services: &Services) -> Result<bool, Error> {
    Ok(users::exist(&services.database.credentials()).await?)
}

/// Registers an account. The first one becomes administrator; after that, the server's setting decides who can
/// register. The operator on the server's machine always can.
///
/// # Errors
/// `Forbidden` when registration is closed or needs an invitation, `Invalid` for the input, `RateLimited`.
pub async fn register(services: &Services, viewer: &Viewer, input: NewAccount) -> Result<User, Error> {
    let tried = Deed::new(AuditAction::UserRegister);
    frame::attempt(services, viewer, &tried, async {
        let now = services.clock.now();
        let user = new_user(&input, now)?;
        services.logins.admit_registration(viewer.client.subnet(), now)?;
        let admission = Admission {
            // The operator on the server's machine needs none.
            registration: (viewer.credential != Credential::Console).then_some(services.config.auth.registration),
            invitation: input.invitation.as_deref().map(str::trim).filter(|text| !text.is_empty()),
        };
        check_admission(services, admission, &user.email, now).await?;
        let hash = services.passwords.hash(&input.password).await.map_err(Error::internal)?;
        frame::change(services, viewer, &tried, now, |tx| insert(tx, admission, &user, &hash, now).boxed()).await
    })
    .await
}

/// The account that the input describes, as a member.
fn new_user(input: &NewAccount, now: DateTime<Utc>) -> Result<User, Error> {
    let mut violations = Violations::default();
    let username = violations.identifier("username", "the user name", &input.username, MAX_USERNAME);
    if username.contains('@') || username.contains(char::is_whitespace) {
        violations.add(ViolationCode::Invalid, "username", "Choose a user name without spaces and «@».");
    }
    let email = violations.title("email", "the e-mail address", &input.email, MAX_EMAIL);
    if !is_email(&email) {
        violations.add(ViolationCode::Invalid, "email", "Give an e-mail address, like ada@example.org.");
    }
    if let Err(message) = check_password(&input.password) {
        violations.add(ViolationCode::Invalid, "password", message);
    }
    let full_name = violations.optional_text("fullName", "the full name", input.full_name.as_deref(), 200);
    violations.check()?;
    Ok(User {
        id: UserId::generate(),
        username,
        email,
        full_name,
        role: ServerRole::Member,
        is_active: true,
        created_at: now,
        updated_at: now,
    })
}

/// What admits a new account, after the first one.
#[derive(Clone, Copy)]
struct Admission<'a> {
    /// The server's setting, where it applies.
    registration: Option<Registration>,
    invitation: Option<&'a str>,
}

/// Refuses who can't register before a hash is computed for them. What counts is what the transaction finds.
async fn check_admission(
    services: &Services,
    admission: Admission<'_>,
    email: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let reader = services.database.credentials();
    if let Some(token) = admission.invitation {
        let found = match digest_of(token) {
            Some(digest) => invitations::find(&reader, &digest).await?,
            None => None,
        };
        return valid(found, email, now).map(drop);
    }
    match admission.registration {
        Some(registration) if users::exist(&reader).await? => check_registration(registration),
        Some(_) | None => Ok(()),
    }
}

async fn insert(
    tx: &Transaction<'_>,
    admission: Admission<'_>,
    user: &User,
    hash: &str,
    now: DateTime<Utc>,
) -> Result<Done<User>, Error> {
    let is_first = !users::lock_registration(tx).await?;
    let invited = match admission.invitation {
        Some(token) => Some(use_invitation(tx, token, &user.email, now).await?),
        None => None,
    };
    if let Some(registration) = admission.registration.filter(|_| !is_first && invited.is_none()) {
        check_registration(registration)?;
    }
    let (name_taken, email_taken) = users::taken(tx, &user.username, &user.email).await?;
    let mut violations = Violations::default();
    if name_taken {
        violations.add(ViolationCode::Taken, "username", "This user name is taken. Choose another.");
    }
    if email_taken {
        violations.add(ViolationCode::Taken, "email", "An account with this e-mail address already exists.");
    }
    violations.check()?;
    let role = if is_first { ServerRole::Admin } else { invited.unwrap_or(ServerRole::Member) };
    let user = User { role, ..user.clone() };
    users::insert(tx, &user, hash.to_owned()).await.map_err(taken)?;
    let deed = Deed::new(AuditAction::UserRegister).by(user.id).to(user.id);
    Ok(Done::This(user, deed))
}

/// The only unique keys that a new account can violate after its id are its name and its address.
fn taken(error: DatabaseError) -> Error {
    if error.is_constraint() {
        Error::invalid(ViolationCode::Taken, "username", "This user name or e-mail address is taken. Choose another.")
    } else {
        error.into()
    }
}

fn check_registration(registration: Registration) -> Result<(), Error> {
    match registration {
        Registration::Open => Ok(()),
        Registration::Invite => {
            Err(Error::Forbidden("Registration on this server needs an invitation. Ask its administrator for one."))
        }
        Registration::Closed => Err(Error::Forbidden("Registration is closed on this server. Ask its administrator.")),
    }
}

/// Uses up an invitation. Returns its role.
async fn use_invitation(
    tx: &Transaction<'_>,
    token: &str,
    email: &str,
    now: DateTime<Utc>,
) -> Result<ServerRole, Error> {
    let found = match digest_of(token) {
        Some(digest) => invitations::lock(tx, &digest).await?,
        None => None,
    };
    let invitation = valid(found, email, now)?;
    invitations::set_used(tx, invitation.id, now).await?;
    Ok(invitation.role)
}

fn digest_of(token: &str) -> Option<String> {
    Secret::parse(SecretKind::Invitation, token).map(|token| token.digest())
}

/// The invitation, if an account with this address can be registered with it.
fn valid(found: Option<Invitation>, email: &str, now: DateTime<Utc>) -> Result<Invitation, Error> {
    let is_good = |invitation: &Invitation| {
        invitation.state(now) == InvitationState::Open
            && invitation.email.as_ref().is_none_or(|only| name::folded(only) == name::folded(email))
    };
    found.filter(is_good).ok_or_else(|| {
        let message =
            "This invitation is invalid, used or expired, or it is for another e-mail address. Ask for a new one.";
        Error::invalid(ViolationCode::Invalid, "invitation", message)
    })
}

/// Creates an invitation: its token can register one account with this role.
///
/// # Errors
/// `Unauthenticated`, `Forbidden` except for administrators, `Invalid` for the input.
pub async fn invite(
    services: &Services,
    viewer: &Viewer,
    email: Option<&str>,
    role: ServerRole,
) -> Result<NewInvitation, Error> {
    let tried = Deed::new(AuditAction::UserInvite);
    frame::attempt(services, viewer, &tried, async {
        let by = viewer.require(Action::ServerManage)?;
        let mut violations = Violations::default();
        let email = violations.optional_text("email", "the e-mail address", email, MAX_EMAIL);
        if email.as_deref().is_some_and(|email| !is_email(email)) {
            violations.add(ViolationCode::Invalid, "email", "Give an e-mail address, like ada@example.org.");
        }
        violations.check()?;
        let now = services.clock.now();
        let invitation = Invitation {
            id: InvitationId::generate(),
            email,
            role,
            invited_by: Some(by),
            created_at: now,
            expires_at: now + TimeDelta::days(services.config.auth.invitation_days),
            used_at: None,
        };
        let token = Secret::generate(SecretKind::Invitation);
        frame::change(services, viewer, &tried, now, |tx| insert_invitation(tx, &invitation, &token).boxed()).await?;
        Ok(NewInvitation { invitation, token })
    })
    .await
}

async fn insert_invitation(tx: &Transaction<'_>, new: &Invitation, token: &Secret) -> Result<Done<()>, Error> {
    invitations::insert(tx, new, token.digest()).await?;
    Ok(Done::This((), Deed::new(AuditAction::UserInvite).to(new.id)))
}

/// Withdraws an invitation that was not used: its token registers nobody any more.
///
/// # Errors
/// `Unauthenticated`, `Forbidden` except for administrators, `NotFound`, `Conflict` for one that was used.
pub async fn withdraw_invitation(services: &Services, viewer: &Viewer, id: InvitationId) -> Result<Invitation, Error> {
    let tried = Deed::new(AuditAction::InvitationWithdraw).to(id);
    frame::attempt(services, viewer, &tried, async {
        viewer.require(Action::ServerManage)?;
        let now = services.clock.now();
        frame::change(services, viewer, &tried, now, |tx| withdraw(tx, viewer, id).boxed()).await
    })
    .await
}

async fn withdraw(tx: &Transaction<'_>, viewer: &Viewer, id: InvitationId) -> Result<Done<Invitation>, Error> {
    let found = invitations::find_many(&tx.reader(viewer.scope()), &[id]).await?.remove(&id);
    let invitation = found.ok_or(Error::NotFound("invitation"))?;
    if !invitations::delete_unused(tx, id).await? {
        return Err(Error::Conflict("This invitation has been used. Deactivate the account instead.".into()));
    }
    Ok(Done::AsTried(invitation))
}

/// Changes an account, for an administrator.
///
/// # Errors
/// `Unauthenticated`, `Forbidden` for anybody but administrators, `NotFound`, `Conflict` for the last administrator.
pub async fn change(services: &Services, viewer: &Viewer, id: UserId, change: AccountChange) -> Result<User, Error> {
    let tried = Deed::new(change.action()).to(id);
    frame::attempt(services, viewer, &tried, async {
        viewer.require(Action::ServerManage)?;
        let now = services.clock.now();
        frame::change(services, viewer, &tried, now, |tx| apply(tx, id, change, now).boxed()).await
    })
    .await
}

async fn apply(
    tx: &Transaction<'_>,
    id: UserId,
    change: AccountChange,
    now: DateTime<Utc>,
) -> Result<Done<User>, Error> {
    // Two administrators must not demote each other at the same time.
    users::lock_registration(tx).await?;
    let (mut user, _) = users::lock(tx, id).await?.ok_or(Error::NotFound("user"))?;
    let before = user.clone();
    match change {
        AccountChange::Activate => user.is_active = true,
        AccountChange::Deactivate => {
            user.is_active = false;
            sessions::revoke_all(tx, id, now).await?;
        }
        AccountChange::Role(role) => user.role = role,
    }
    user.updated_at = now;
    users::update(tx, &user).await?;
    check_administrator_is_left(tx, &before).await?;
    let deed = Deed::new(change.action()).to(id).saying(match user.role {
        ServerRole::Admin => "as administrator",
        ServerRole::Member => "as member",
    });
    Ok(Done::This(user, deed))
}

/// Refuses the change of an account that leaves the server without an administrator. Call it with the registration locked,
/// after the change, with the account as it was.
pub(super) async fn check_administrator_is_left(tx: &Transaction<'_>, before: &User) -> Result<(), Error> {
    let was_admin = before.is_active && before.role == ServerRole::Admin;
    if was_admin && users::count_active_admins(tx).await? == 0 {
        return Err(Error::Conflict(
            "This is the last administrator of the server. Make someone else an administrator first.".into(),
        ));
    }
    Ok(())
}

/// Sets a new password for an account, for the operator on the server's machine. All its sessions end.
///
/// # Errors
/// `NotFound`, or `Invalid` for the password.
pub async fn reset_password(services: &Services, login: &str, password: &str) -> Result<User, Error> {
    let (viewer, tried) = (Viewer::console(), Deed::new(AuditAction::PasswordReset));
    frame::attempt(services, &viewer, &tried, async {
        if let Err(message) = check_password(password) {
            return Err(Error::invalid(ViolationCode::Invalid, "password", message));
        }
        let hash = services.passwords.hash(password).await.map_err(Error::internal)?;
        let now = services.clock.now();
        frame::change(services, &viewer, &tried, now, |tx| set_password(tx, login, &hash, now).boxed()).await
    })
    .await
}

async fn set_password(tx: &Transaction<'_>, login: &str, hash: &str, now: DateTime<Utc>) -> Result<Done<User>, Error> {
    let found = users::find_credentials(&tx.credentials(), login.trim()).await?;
    let (user, _) = found.ok_or(Error::NotFound("user"))?;
    users::set_password_hash(tx, user.id, hash, now).await?;
    sessions::revoke_all(tx, user.id, now).await?;
    let deed = Deed::new(AuditAction::PasswordReset).to(user.id);
    Ok(Done::This(user, deed))
}

/// Something before and after one «@», with a dot after it, and no white space: enough to catch a slip.
fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty()
            && host.contains('.')
            && !host.starts_with('.')
            && !host.ends_with('.')
            && !text.contains(char::is_whitespace)
            && !host.contains('@')
    })
}
