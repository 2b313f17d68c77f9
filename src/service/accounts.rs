//! Accounts and logins.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;

use super::{Services, validate::Violations};
use crate::{
    auth::{
        password::check_password,
        token::{RefreshToken, TokenError},
        viewer::Viewer,
    },
    config::Registration,
    db::repo::{sessions, users},
    domain::{
        id::{SessionId, UserId},
        scope::Scope,
        session::Session,
        user::{ServerRole, User},
    },
    error::{Error, ViolationCode},
};

/// What is needed to open an account.
#[derive(Clone)]
pub struct NewAccount {
    pub username: String,
    pub email: String,
    pub password: String,
    pub full_name: Option<String>,
}

/// A login's tokens. The refresh token is good once.
#[derive(Clone)]
pub struct SessionTokens {
    pub access_token: String,
    pub refresh_token: String,
    /// When the access token stops being good.
    pub expires_at: DateTime<Utc>,
    pub viewer: User,
}

const MAX_USERNAME: usize = 64;
const MAX_EMAIL: usize = 254;

/// Opens an account. The first one becomes admin; after it, the server's setting says who may.
///
/// # Errors
/// `Forbidden` when registration is closed, `Invalid` for the input.
pub async fn register(services: &Services, input: NewAccount) -> Result<User, Error> {
    let mut violations = Violations::default();
    let username = violations.text("username", "a user name", &input.username, MAX_USERNAME);
    if username.contains('@') || username.contains(char::is_whitespace) {
        violations.add(ViolationCode::Invalid, "username", "Choose a user name without spaces and «@».");
    }
    let email = violations.text("email", "an e-mail address", &input.email, MAX_EMAIL);
    if !is_email(&email) {
        violations.add(ViolationCode::Invalid, "email", "Give an e-mail address, like ada@example.org.");
    }
    if let Err(message) = check_password(&input.password) {
        violations.add(ViolationCode::Invalid, "password", message);
    }
    let full_name = violations.optional_text("fullName", "the full name", input.full_name.as_deref(), 200);
    violations.check()?;

    let hash = services.passwords.hash(&input.password).await.map_err(Error::internal)?;
    let now = services.clock.now();
    let user = User {
        id: UserId::generate(),
        username,
        email,
        full_name,
        role: ServerRole::Member,
        is_active: true,
        created_at: now,
        updated_at: now,
    };
    let (registration, user, hash) = (services.config.auth.registration, &user, &hash);
    services
        .database
        .transaction(|tx| {
            async move {
                let is_first = !users::lock_registration(tx).await?;
                if !is_first && registration != Registration::Open {
                    return Err(Error::Forbidden("Registration is closed on this server. Ask its administrator."));
                }
                let (name_taken, email_taken) = users::taken(tx, &user.username, &user.email).await?;
                let mut violations = Violations::default();
                if name_taken {
                    violations.add(ViolationCode::Taken, "username", "This user name is taken. Choose another.");
                }
                if email_taken {
                    violations.add(ViolationCode::Taken, "email", "There is an account with this e-mail address.");
                }
                violations.check()?;
                let role = if is_first { ServerRole::Admin } else { ServerRole::Member };
                let user = User { role, ..user.clone() };
                users::insert(tx, &user, hash.clone()).await?;
                Ok(user)
            }
            .boxed()
        })
        .await
}

/// Logs in with a user name or e-mail address and a password.
///
/// # Errors
/// `Invalid` with `WrongCredentials`, the same for an unknown name as for a wrong password.
pub async fn create_session(services: &Services, login: &str, password: &str) -> Result<SessionTokens, Error> {
    // PostgreSQL can't hold a NUL, so no account has one in its name.
    let credentials = if login.contains('\0') {
        None
    } else {
        users::find_credentials(&services.database.reader(Scope::Anonymous), login.trim()).await?
    };
    let (user, hash) = credentials.unzip();
    let fits = services.passwords.verify(password, hash.as_deref()).await;
    let Some(user) = user.filter(|user| fits && user.is_active) else {
        return Err(Error::invalid(
            ViolationCode::WrongCredentials,
            "",
            "User name and password don't fit an account. Check both.",
        ));
    };
    let now = services.clock.now();
    let session = Session {
        id: SessionId::generate(),
        user_id: user.id,
        created_at: now,
        expires_at: now + TimeDelta::days(services.config.auth.session_days),
        revoked_at: None,
    };
    let token = RefreshToken::generate();
    let (stored, digest) = (&session, token.digest());
    let digest = digest.as_str();
    services
        .database
        .transaction(|tx| async move { Ok::<_, Error>(sessions::insert(tx, stored, digest.to_owned()).await?) }.boxed())
        .await?;
    tokens(services, user, session.id, &token, now)
}

/// Exchanges a refresh token for new tokens. A token that was exchanged before has leaked: its whole login ends.
///
/// # Errors
/// `Unauthenticated` for a token that is unknown, over, or used before.
pub async fn refresh_session(services: &Services, refresh_token: &str) -> Result<SessionTokens, Error> {
    const REFUSED: Error = Error::Unauthenticated("This refresh token is not good (any more). Log in again.");
    let Ok(presented) = refresh_token.parse::<RefreshToken>() else { return Err(REFUSED) };
    let next = RefreshToken::generate();
    let now = services.clock.now();
    let (presented, next_digest) = (presented.digest(), next.digest());
    let (presented, next_digest) = (presented.as_str(), next_digest.as_str());
    // A replay is not an error inside the transaction: the revocation has to be committed.
    let session = services
        .database
        .transaction(|tx| {
            async move {
                let Some(issued) = sessions::lock_token(tx, presented).await? else { return Ok::<_, Error>(None) };
                let session = issued.session;
                if session.revoked_at.is_some() || session.expires_at <= now {
                    return Ok(None);
                }
                if issued.used_at.is_some() {
                    sessions::revoke(tx, session.id, now).await?;
                    return Ok(None);
                }
                sessions::use_token(tx, presented, now).await?;
                sessions::insert_token(tx, session.id, next_digest.to_owned(), now).await?;
                Ok(Some(session))
            }
            .boxed()
        })
        .await?
        .ok_or(REFUSED)?;
    let reader = services.database.reader(Scope::User(session.user_id));
    let user = users::find(&reader, session.user_id).await?.filter(|user| user.is_active).ok_or(REFUSED)?;
    tokens(services, user, session.id, &next, now)
}

/// Logs out: ends the login behind a refresh token, or the caller's own. Ending one that is over, or was never there,
/// is fine.
///
/// # Errors
/// `Unauthenticated` when there is neither a token nor a caller.
pub async fn revoke_session(services: &Services, viewer: &Viewer, refresh_token: Option<&str>) -> Result<(), Error> {
    let presented = refresh_token.and_then(|text| text.parse::<RefreshToken>().ok()).map(|token| token.digest());
    if refresh_token.is_none() {
        viewer.require_user()?;
    }
    let (presented, own, now) = (presented.as_deref(), viewer.session, services.clock.now());
    let is_own = refresh_token.is_none();
    services
        .database
        .transaction(|tx| {
            async move {
                let session = match presented {
                    Some(digest) => sessions::lock_token(tx, digest).await?.map(|issued| issued.session.id),
                    None => own.filter(|_| is_own),
                };
                if let Some(session) = session {
                    sessions::revoke(tx, session, now).await?;
                }
                Ok::<_, Error>(())
            }
            .boxed()
        })
        .await
}

/// The caller behind an `Authorization` header.
///
/// # Errors
/// `Unauthenticated` for anything but a good token; no header is fine and means nobody.
pub async fn authenticate(services: &Services, authorization: Option<&str>) -> Result<Viewer, Error> {
    const REFUSED: Error = Error::Unauthenticated("This access token is not good. Log in again.");
    let Some(authorization) = authorization else { return Ok(Viewer::anonymous()) };
    let token = authorization
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or(Error::Unauthenticated("Send the access token as «Authorization: Bearer <token>»."))?;
    let claims = services.tokens.verify(token, services.clock.now()).map_err(|error| match error {
        TokenError::Expired => Error::Unauthenticated("This access token has expired. Refresh the session."),
        TokenError::Invalid => REFUSED,
    })?;
    let reader = services.database.reader(Scope::User(claims.user));
    let session = sessions::find(&reader, claims.session).await?.ok_or(REFUSED)?;
    if session.revoked_at.is_some() || session.expires_at <= services.clock.now() {
        return Err(Error::Unauthenticated("This login has ended. Log in again."));
    }
    let user = users::find(&reader, claims.user).await?.filter(|user| user.is_active).ok_or(REFUSED)?;
    Ok(Viewer { user: Some(Arc::new(user)), session: Some(claims.session), expires_at: Some(claims.expires_at) })
}

fn tokens(
    services: &Services,
    viewer: User,
    session: SessionId,
    refresh_token: &RefreshToken,
    now: DateTime<Utc>,
) -> Result<SessionTokens, Error> {
    let (access_token, expires_at) = services.tokens.issue(viewer.id, session, now).map_err(Error::internal)?;
    Ok(SessionTokens { access_token, refresh_token: refresh_token.expose().to_owned(), expires_at, viewer })
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
