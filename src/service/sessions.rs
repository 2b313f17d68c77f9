//! Sessions: started with a password, renewed with refresh tokens, ended.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;

use super::{
    Services,
    audit::Deed,
    callers::KeyName,
    frame::{Done, attempt, change},
};
use crate::{
    auth::{
        cookie::{CookieChange, TokenCookie, TokenDelivery},
        password::check_password,
        secret::{Secret, SecretKind},
        token::{RefreshToken, TokenError},
        viewer::{Credential, Viewer},
    },
    db::{
        Transaction,
        repo::{
            sessions::{self, TokenState},
            users,
        },
    },
    domain::{
        action::Action,
        audit::{AuditAction, AuditObject},
        client::{Client, Subnet},
        id::{SessionId, UserId},
        scope::Scope,
        session::Session,
        user::User,
    },
    error::{Error, ViolationCode, cause_chain},
};

/// The tokens of a session. The refresh token can be used once.
#[derive(Clone)]
pub struct SessionTokens {
    pub access_token: String,
    /// `None` if it is in the cookie.
    pub refresh_token: Option<String>,
    /// When the access token expires.
    pub expires_at: DateTime<Utc>,
    pub viewer: User,
}

/// Where the refresh token of a request is.
#[derive(Clone)]
pub enum PresentedToken {
    Body(String),
    Cookie(TokenCookie),
}

/// Which sessions to end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EndedSessions {
    /// The session of the request: that of its access token or, without one, that of its cookie.
    Own,
    /// The session of a refresh token, whoever presents it.
    OfToken(String),
    /// One of the caller's.
    One(SessionId),
    /// All of the caller's.
    All,
}

/// Sessions of one account, those included that have ended. Programs that log in for each call don't log out.
const MOST_SESSIONS: u64 = 1000;
/// How long an exchanged refresh token gives the same result again while its successor is unused: the first response
/// may have been lost, or two windows may have called at once.
const GRACE: TimeDelta = TimeDelta::seconds(10);

/// Logs in with a user name or e-mail address and a password.
///
/// # Errors
/// `Invalid` with `WrongCredentials`, the same for an unknown name as for a wrong password; `RateLimited` for too many
/// attempts; `Forbidden` for a cookie that the request may not use.
pub async fn create(
    services: &Services,
    viewer: &Viewer,
    login: &str,
    password: &str,
    delivery: &TokenDelivery,
) -> Result<SessionTokens, Error> {
    let tried = Deed::new(AuditAction::SessionCreate);
    attempt(services, viewer, &tried, async {
        delivery.check()?;
        let user = check_credentials(services, viewer, login, password).await?;
        let now = services.clock.now();
        let (session, token) = new_session(services, &user, &viewer.client, now);
        change(services, viewer, &tried, now, |tx| insert(tx, &session, &token).boxed()).await?;
        tokens(services, user, &session, (&token, delivery), now)
    })
    .await
}

async fn insert(tx: &Transaction<'_>, new: &Session, token: &RefreshToken) -> Result<Done<()>, Error> {
    sessions::insert(tx, new, token.names()).await?;
    sessions::keep_newest(tx, new.user_id, MOST_SESSIONS).await?;
    Ok(Done::This((), Deed::new(AuditAction::SessionCreate).by(new.user_id).to(new.id)))
}

/// The account with this name and password, after the same amount of work as for a mismatch.
async fn check_credentials(services: &Services, viewer: &Viewer, login: &str, password: &str) -> Result<User, Error> {
    let now = services.clock.now();
    let reader = services.database.credentials();
    // PostgreSQL can't hold a NUL, so no account has one in its name.
    let credentials = if login.contains('\0') { None } else { users::find_credentials(&reader, login.trim()).await? };
    let (user, hash) = credentials.unzip();
    let id = user.as_ref().map_or_else(UserId::generate, |user| user.id);
    let subnet = viewer.client.subnet();
    let since = now - TimeDelta::days(services.config.auth.session_days);
    let known = sessions::known_addresses(&reader, id, since).await?;
    let is_known = known.into_iter().any(|address| Some(Subnet::of(address)) == subnet);
    let attempt = services.logins.admit_login(login, subnet, is_known, now)?;
    let fits = services.passwords.verify(password, hash.as_deref()).await;
    match user.filter(|user| fits && user.is_active) {
        Some(user) => {
            services.logins.succeeded(attempt);
            Ok(user)
        }
        None => Err(wrong_credentials("", "User name and password don't fit an account. Check both.")),
    }
}

fn wrong_credentials(path: &str, message: &str) -> Error {
    Error::invalid(ViolationCode::WrongCredentials, path, message)
}

fn new_session(services: &Services, user: &User, client: &Client, now: DateTime<Utc>) -> (Session, RefreshToken) {
    let session = Session {
        id: SessionId::generate(),
        user_id: user.id,
        user_agent: client.user_agent.clone(),
        address: client.address.map(|address| address.to_string()),
        created_at: now,
        last_used_at: now,
        expires_at: now + TimeDelta::days(services.config.auth.session_days),
        revoked_at: None,
    };
    (session, RefreshToken::generate())
}

/// How long a session may be unused.
#[must_use]
pub fn idle_limit(services: &Services) -> TimeDelta {
    TimeDelta::days(services.config.auth.session_idle_days)
}

/// The result of checking a presented refresh token.
enum Exchange {
    /// Its session continues with this token.
    Continued(Session, RefreshToken),
    /// It was exchanged before: its session has ended now.
    Replayed(Session),
    Refused,
}

/// Exchanges a refresh token for new tokens. For ten seconds, and until its successor is used, an exchanged token gives
/// the same successor again. If it is used later, it must have leaked: its whole session ends.
///
/// The new token goes where the old one was. A cookie whose token is refused is removed.
///
/// # Errors
/// `Unauthenticated` for a token that is missing, unknown, expired, or used before; `Forbidden` for a cookie that the
/// request may not use.
pub async fn refresh(services: &Services, viewer: &Viewer, presented: &PresentedToken) -> Result<SessionTokens, Error> {
    let renewed = renew(services, viewer, presented).await;
    if let (PresentedToken::Cookie(cookie), Err(Error::Unauthenticated(_))) = (presented, &renewed) {
        cookie.set(CookieChange::Remove);
    }
    renewed
}

async fn renew(services: &Services, viewer: &Viewer, presented: &PresentedToken) -> Result<SessionTokens, Error> {
    const REFUSED: Error = Error::Unauthenticated("This refresh token is not good (any more). Log in again.");
    const MISSING: Error = Error::Unauthenticated("The request has no refresh token. Log in.");
    let tried = Deed::new(AuditAction::SessionRefresh);
    attempt(services, viewer, &tried, async {
        let (text, delivery) = match presented {
            PresentedToken::Body(text) => (text, TokenDelivery::Body),
            PresentedToken::Cookie(cookie) => {
                let received = cookie.received()?.ok_or(MISSING)?;
                let (cookie, is_persistent) = (cookie.clone(), received.is_persistent);
                (&received.text, TokenDelivery::Cookie { cookie, is_persistent })
            }
        };
        let Ok(presented) = text.parse::<RefreshToken>() else { return Err(REFUSED) };
        let (now, idle) = (services.clock.now(), idle_limit(services));
        // A replay is not an error inside the transaction: the revocation has to be committed.
        let exchanged = change(services, viewer, &tried, now, |tx| exchange(tx, viewer, &presented, now, idle).boxed());
        match exchanged.await? {
            Exchange::Continued(session, next) => {
                let reader = services.database.reader(Scope::user(session.user_id));
                let user = users::find(&reader, session.user_id).await?.filter(|user| user.is_active).ok_or(REFUSED)?;
                tokens(services, user, &session, (&next, &delivery), now)
            }
            Exchange::Replayed(session) => {
                let deed = tried.clone().by(session.user_id).to(session.id).saying("a used token came back");
                services.audit.refused(viewer, deed, &REFUSED, now);
                Err(REFUSED)
            }
            Exchange::Refused => Err(REFUSED),
        }
    })
    .await
}

async fn exchange(
    tx: &Transaction<'_>,
    viewer: &Viewer,
    presented: &RefreshToken,
    now: DateTime<Utc>,
    idle: TimeDelta,
) -> Result<Done<Exchange>, Error> {
    let names = presented.names();
    let Some(issued) = sessions::lock_token(tx, &names).await? else { return Ok(Done::Nothing(Exchange::Refused)) };
    let session = issued.session;
    if !session.is_live(now, idle) {
        return Ok(Done::Nothing(Exchange::Refused));
    }
    match issued.state {
        TokenState::Unused => {}
        TokenState::Used(at, salt) => {
            let next = presented.successor(&salt);
            if now < at + GRACE && sessions::is_unused(tx, &next.digest()).await? {
                return Ok(Done::Nothing(Exchange::Continued(session, next)));
            }
            sessions::revoke(tx, session.id, now).await?;
            return Ok(Done::Nothing(Exchange::Replayed(session)));
        }
        TokenState::Forgotten => {
            sessions::revoke(tx, session.id, now).await?;
            return Ok(Done::Nothing(Exchange::Replayed(session)));
        }
    }
    let salt = RefreshToken::salt();
    let next = presented.successor(&salt);
    sessions::use_token(tx, &names.digest, &salt, now).await?;
    sessions::forget_used(tx, &names).await?;
    sessions::insert_token(tx, session.id, next.names(), now).await?;
    let address = viewer.client.address.map(|address| address.to_string());
    sessions::touch(tx, session.id, address, now, now).await?;
    let deed = Deed::new(AuditAction::SessionRefresh).by(session.user_id).to(session.id);
    Ok(Done::This(Exchange::Continued(session, next), deed))
}

/// Ends sessions. Ending a session that has ended succeeds. A cookie whose session has ended is removed. Returns the session,
/// the caller's own if all end; `None` if the caller has no token for it that is still good.
///
/// # Errors
/// `Unauthenticated` without a token and without a session, `Forbidden` for an API key, `NotFound` for a session by its id.
pub async fn revoke(
    services: &Services,
    viewer: &Viewer,
    which: EndedSessions,
    cookie: &TokenCookie,
) -> Result<Option<Session>, Error> {
    let which = match cookie.received() {
        Ok(Some(received)) if which == EndedSessions::Own && viewer.user.is_none() => {
            EndedSessions::OfToken(received.text.clone())
        }
        _ => which,
    };
    let object = match which {
        EndedSessions::One(id) => Some(AuditObject::from(id)),
        EndedSessions::Own | EndedSessions::OfToken(_) | EndedSessions::All => None,
    };
    let tried = Deed::new(AuditAction::SessionRevoke).to(object);
    attempt(services, viewer, &tried, async {
        if !matches!(which, EndedSessions::OfToken(_)) {
            viewer.require(Action::AccountManage)?;
        }
        let now = services.clock.now();
        let ended = change(services, viewer, &tried, now, |tx| end(tx, viewer, &which, now).boxed()).await?;
        forget_ended(services, cookie).await;
        Ok(ended)
    })
    .await
}

/// Removes the cookie if its session has ended. What was done before stays done if that can't be found out: the cookie of a
/// session that has ended is removed when it is used next.
pub(super) async fn forget_ended(services: &Services, cookie: &TokenCookie) {
    let Ok(Some(received)) = cookie.received() else { return };
    let (reader, now) = (services.database.credentials(), services.clock.now());
    let is_live = match received.text.parse::<RefreshToken>() {
        Ok(token) => sessions::is_live(&reader, &token.names(), now, idle_limit(services)).await,
        Err(_) => Ok(false),
    };
    match is_live {
        Ok(true) => {}
        Ok(false) => cookie.set(CookieChange::Remove),
        Err(error) => tracing::warn!(error = cause_chain(&error), "the session of a cookie could not be looked up"),
    }
}

async fn end(
    tx: &Transaction<'_>,
    viewer: &Viewer,
    which: &EndedSessions,
    now: DateTime<Utc>,
) -> Result<Done<Option<Session>>, Error> {
    let deed = Deed::new(AuditAction::SessionRevoke);
    let reader = tx.reader(viewer.scope());
    let own = match (which, viewer.session()) {
        (EndedSessions::All | EndedSessions::Own, Some(id)) => sessions::find(&reader, id).await?,
        _ => None,
    };
    let session = match which {
        EndedSessions::All => {
            let user = viewer.require_user_id()?;
            sessions::revoke_all(tx, user, now).await?;
            return Ok(Done::This(own, deed.to(user).saying("all of them")));
        }
        EndedSessions::Own => own,
        EndedSessions::OfToken(text) => {
            let Ok(token) = text.parse::<RefreshToken>() else { return Ok(Done::Nothing(None)) };
            let Some(issued) = sessions::lock_token(tx, &token.names()).await? else { return Ok(Done::Nothing(None)) };
            let id = issued.session.id;
            sessions::revoke(tx, id, now).await?;
            // Whoever has a token that was used may have stolen it: they end the session, and learn nothing about it.
            let is_good = issued.state == TokenState::Unused;
            return Ok(Done::This(Some(issued.session).filter(|_| is_good), deed.to(id)));
        }
        EndedSessions::One(id) => Some(sessions::find(&reader, *id).await?.ok_or(Error::NotFound("session"))?),
    };
    let Some(session) = session else { return Ok(Done::Nothing(None)) };
    let id = session.id;
    sessions::revoke(tx, id, now).await?;
    Ok(Done::This(Some(session), deed.to(id)))
}

/// Changes the caller's password. All their sessions end; the tokens are those of a new one. API keys stay.
///
/// # Errors
/// `Unauthenticated`, `Forbidden` for an API key and for a cookie that the request may not use, `Invalid` for the input,
/// `RateLimited` for too many guesses.
pub async fn change_password(
    services: &Services,
    viewer: &Viewer,
    current: &str,
    new: &str,
    delivery: &TokenDelivery,
) -> Result<SessionTokens, Error> {
    let tried = Deed::new(AuditAction::PasswordChange);
    attempt(services, viewer, &tried, async {
        viewer.require(Action::AccountManage)?;
        delivery.check()?;
        if let Err(message) = check_password(new) {
            return Err(Error::invalid(ViolationCode::Invalid, "newPassword", message));
        }
        let user = confirm_password(services, viewer, current, "currentPassword").await?;
        let hash = services.passwords.hash(new).await.map_err(Error::internal)?;
        let now = services.clock.now();
        let (session, token) = new_session(services, &user, &viewer.client, now);
        change(services, viewer, &tried, now, |tx| replace_password(tx, &hash, &session, &token).boxed()).await?;
        tokens(services, user, &session, (&token, delivery), now)
    })
    .await
}

/// Asks the caller for their password again. Returns their account.
///
/// # Errors
/// `Invalid` with `WrongCredentials` at `path`, `RateLimited` for too many guesses, `Unauthenticated` without an account.
pub(super) async fn confirm_password(
    services: &Services,
    viewer: &Viewer,
    password: &str,
    path: &str,
) -> Result<User, Error> {
    let login = &viewer.require_user()?.username;
    check_credentials(services, viewer, login, password).await.map_err(|error| match error {
        Error::Invalid(_) => wrong_credentials(path, "This is not your password. Try again."),
        error => error,
    })
}

/// `session` is the only one that its user has afterwards.
async fn replace_password(
    tx: &Transaction<'_>,
    hash: &str,
    session: &Session,
    token: &RefreshToken,
) -> Result<Done<()>, Error> {
    let (user, now) = (session.user_id, session.created_at);
    users::set_password_hash(tx, user, hash, now).await?;
    sessions::revoke_all(tx, user, now).await?;
    sessions::insert(tx, session, token.names()).await?;
    Ok(Done::This((), Deed::new(AuditAction::PasswordChange).to(user)))
}

/// The caller of an `Authorization` header.
///
/// # Errors
/// `Unauthenticated` for an invalid token or key. A missing header means an anonymous caller.
pub async fn authenticate(services: &Services, authorization: Option<&str>, client: Client) -> Result<Viewer, Error> {
    let anonymous = Viewer::anonymous(client);
    let Some(authorization) = authorization else { return Ok(anonymous) };
    let viewer = match bearer(authorization) {
        Ok(credential) if Secret::is_meant(SecretKind::ApiKey, credential) => {
            with_key(services, credential, &anonymous).await
        }
        Ok(credential) => with_token(services, credential, &anonymous).await,
        Err(error) => Err(error),
    };
    if let Err(error) = &viewer {
        services.audit.refused(&anonymous, Deed::new(AuditAction::Authenticate), error, services.clock.now());
    }
    viewer
}

fn bearer(authorization: &str) -> Result<&str, Error> {
    authorization
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, credential)| credential.trim())
        .ok_or(Error::Unauthenticated("Send the access token or API key as «Authorization: Bearer <token>»."))
}

async fn with_token(services: &Services, token: &str, anonymous: &Viewer) -> Result<Viewer, Error> {
    const REFUSED: Error = Error::Unauthenticated("This access token is not good. Log in again.");
    let now = services.clock.now();
    let claims = services.tokens.verify(token, now).map_err(|error| match error {
        TokenError::Expired => Error::Unauthenticated("This access token has expired. Refresh the session."),
        TokenError::Invalid => REFUSED,
    })?;
    let claimed = Claimed { user: claims.user, session: claims.session, expires_at: Some(claims.expires_at) };
    let (viewer, session) = of_session(services, claimed, &anonymous.client).await?;
    if services.last_uses.of_session(&session, &anonymous.client, now) {
        services.callers.forget_session(&session);
    }
    Ok(viewer)
}

async fn with_key(services: &Services, secret: &str, anonymous: &Viewer) -> Result<Viewer, Error> {
    let now = services.clock.now();
    let name = KeyName::Digest(Secret::parse(SecretKind::ApiKey, secret).ok_or(BAD_KEY)?.digest());
    let viewer = of_key(services, &name, &anonymous.client).await?;
    if viewer.key().is_some_and(|key| services.last_uses.of_key(key, now)) {
        services.callers.forget_key(&name);
    }
    Ok(viewer)
}

/// The same caller in their current state: for long-lived requests.
///
/// # Errors
/// `Unauthenticated` when their session, key or account has ended.
pub async fn recheck(services: &Services, viewer: &Viewer) -> Result<Viewer, Error> {
    match (&viewer.credential, &viewer.user) {
        (Credential::Session(session), Some(user)) => {
            let claimed = Claimed { user: user.id, session: *session, expires_at: viewer.expires_at };
            Ok(of_session(services, claimed, &viewer.client).await?.0)
        }
        (Credential::Key(key), _) => of_key(services, &KeyName::Id(key.id), &viewer.client).await,
        (Credential::Session(_) | Credential::None | Credential::Console, _) => Ok(viewer.clone()),
    }
}

const BAD_KEY: Error = Error::Unauthenticated("This API key is not good (any more). Ask its owner for another.");

/// The content of a valid access token.
struct Claimed {
    user: UserId,
    session: SessionId,
    expires_at: Option<DateTime<Utc>>,
}

/// The session or the account of the caller has ended.
pub(super) const ENDED: Error = Error::Unauthenticated("This login has ended. Log in again.");

async fn of_session(services: &Services, claimed: Claimed, client: &Client) -> Result<(Viewer, Arc<Session>), Error> {
    let found = services.callers.session(&services.database, claimed.user, claimed.session).await?;
    let (session, user) = found.ok_or(ENDED)?;
    if !session.is_live(services.clock.now(), idle_limit(services)) || !user.is_active {
        return Err(ENDED);
    }
    let viewer = Viewer {
        user: Some(user),
        credential: Credential::Session(session.id),
        expires_at: claimed.expires_at,
        client: client.clone(),
    };
    Ok((viewer, session))
}

/// The caller of a session whose access token is not asked for again.
pub(super) async fn of_known(
    services: &Services,
    user: UserId,
    session: SessionId,
    client: &Client,
) -> Result<Viewer, Error> {
    Ok(of_session(services, Claimed { user, session, expires_at: None }, client).await?.0)
}

/// The caller of a key.
pub(super) async fn of_key(services: &Services, name: &KeyName, client: &Client) -> Result<Viewer, Error> {
    let (key, user) = services.callers.key(&services.database, name).await?.ok_or(BAD_KEY)?;
    if !key.is_good(services.clock.now()) || !user.is_active {
        return Err(BAD_KEY);
    }
    Ok(Viewer {
        user: Some(user),
        expires_at: key.expires_at,
        credential: Credential::Key(key),
        client: client.clone(),
    })
}

fn tokens(
    services: &Services,
    viewer: User,
    session: &Session,
    (refresh_token, delivery): (&RefreshToken, &TokenDelivery),
    now: DateTime<Utc>,
) -> Result<SessionTokens, Error> {
    let (access_token, expires_at) = services.tokens.issue(viewer.id, session.id, now).map_err(Error::internal)?;
    let lifetime = idle_limit(services).min(session.expires_at - now);
    Ok(SessionTokens { access_token, refresh_token: delivery.deliver(refresh_token, lifetime), expires_at, viewer })
}
