//! Sessions and passwords.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};

use crate::{
    auth::cookie,
    error::{Error, ViolationCode},
    graphql::{
        context::ContextExt,
        global_id,
        scalars::DateTime,
        types::{Outcome, Session, User, UserError},
    },
    service::sessions::{self, EndedSessions, PresentedToken, SessionTokens},
};

/// Where a refresh token goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
pub enum TokenDelivery {
    /// Into the payload, as `refreshToken`: for programs.
    Body,
    /// Into a cookie that no script can read, until the browser is closed: for pages of this server. `refreshToken` is
    /// null. The request needs the header `GraphQL-Require-Preflight: 1`, must accept one JSON response, and can't have
    /// an API key; otherwise it fails with FORBIDDEN.
    Cookie,
    /// As COOKIE, but the browser keeps the cookie when it is closed, until the session ends.
    PersistentCookie,
}

impl TokenDelivery {
    /// How the token of this request is delivered.
    fn of(ctx: &Context<'_>, requested: Option<Self>) -> Result<cookie::TokenDelivery> {
        let is_persistent = match requested {
            None | Some(Self::Body) => return Ok(cookie::TokenDelivery::Body),
            Some(Self::Cookie) => false,
            Some(Self::PersistentCookie) => true,
        };
        Ok(cookie::TokenDelivery::Cookie { cookie: ctx.cookie()?.clone(), is_persistent })
    }
}

/// Credentials for logging in.
#[derive(InputObject)]
pub struct SessionCreateInput {
    /// The user name or the e-mail address, regardless of case.
    login: String,
    /// The password.
    #[graphql(secret)]
    password: String,
    /// Where the refresh token goes. Default: BODY.
    delivery: Option<TokenDelivery>,
}

/// A session to renew.
#[derive(Default, InputObject)]
pub struct SessionRefreshInput {
    /// The newest refresh token of the session. A lost response can be requested again: for ten seconds, and until
    /// the new token is used, the call returns the same tokens. Using the old token later ends the session, because
    /// the token must have leaked. Default: the token in the cookie, under the conditions of `TokenDelivery.COOKIE`.
    #[graphql(secret)]
    refresh_token: Option<String>,
}

/// Which sessions to end. Set one of these fields, or none to end the session of the access token in the
/// request or, without one, that of its cookie, under the conditions of `TokenDelivery.COOKIE`.
#[derive(InputObject)]
pub struct SessionRevokeInput {
    /// A refresh token of the session. No other credential is needed.
    #[graphql(secret)]
    refresh_token: Option<String>,
    /// The global id of one of your sessions.
    session_id: Option<ID>,
    /// True: all your sessions.
    all: Option<bool>,
}

impl TryFrom<SessionRevokeInput> for EndedSessions {
    type Error = Error;

    fn try_from(input: SessionRevokeInput) -> Result<Self, Error> {
        match (input.refresh_token, input.session_id, input.all.unwrap_or(false)) {
            (None, None, false) => Ok(Self::Own),
            (Some(token), None, false) => Ok(Self::OfToken(token)),
            (None, Some(id), false) => Ok(Self::One(global_id::decode(&id))),
            (None, None, true) => Ok(Self::All),
            _ => Err(Error::invalid(
                ViolationCode::Invalid,
                "",
                "Set one of `refreshToken`, `sessionId` and `all`, or none.",
            )),
        }
    }
}

/// A change of the viewer's password.
#[derive(InputObject)]
pub struct PasswordChangeInput {
    /// The current password.
    #[graphql(secret)]
    current_password: String,
    /// The new password: 8 to 128 characters, and not one of the most common passwords.
    #[graphql(secret)]
    new_password: String,
    /// Where the refresh token of the new session goes. Default: BODY.
    delivery: Option<TokenDelivery>,
}

/// Defines a payload that carries tokens.
macro_rules! tokens_payload {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(SimpleObject)]
        pub struct $name {
            /// The access token: send it as `Authorization: Bearer <token>`. Null if validation fails.
            access_token: Option<String>,
            /// The refresh token: `sessionRefresh` exchanges it once for new tokens. Null if it is in the cookie, and if
            /// validation fails.
            refresh_token: Option<String>,
            /// When the access token expires. Null if validation fails.
            expires_at: Option<DateTime>,
            /// The user of the session. Null if validation fails.
            viewer: Option<User>,
            /// Validation errors. Empty on success.
            user_errors: Vec<UserError>,
        }

        impl From<Outcome<SessionTokens>> for $name {
            fn from(outcome: Outcome<SessionTokens>) -> Self {
                let Outcome { value, user_errors } = outcome;
                let Some(tokens) = value else {
                    return Self { access_token: None, refresh_token: None, expires_at: None, viewer: None, user_errors };
                };
                Self {
                    access_token: Some(tokens.access_token),
                    refresh_token: tokens.refresh_token,
                    expires_at: Some(tokens.expires_at.into()),
                    viewer: Some(User::own(tokens.viewer)),
                    user_errors,
                }
            }
        }
    };
}

tokens_payload! {
    /// The result of `sessionCreate`.
    SessionCreatePayload
}

tokens_payload! {
    /// The result of `sessionRefresh`.
    SessionRefreshPayload
}

tokens_payload! {
    /// The result of `passwordChange`.
    PasswordChangePayload
}

/// The result of `sessionRevoke`.
#[derive(SimpleObject)]
pub struct SessionRevokePayload {
    /// Whether the session has ended, by this call or before.
    revoked: bool,
    /// The session that has ended; with `all`, the one of the request. Null for a refresh token that is unknown or is not
    /// the newest of its session, and if validation fails.
    session: Option<Session>,
    /// Validation errors. Empty on success.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct SessionMutation;

#[Object]
impl SessionMutation {
    /// Logs in. A wrong user name or password is a validation error in `userErrors`. Too many attempts fail with
    /// RATE_LIMITED.
    async fn session_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The credentials.")] input: SessionCreateInput,
    ) -> Result<Option<SessionCreatePayload>> {
        let delivery = TokenDelivery::of(ctx, input.delivery)?;
        let session = sessions::create(ctx.services()?, ctx.viewer()?, &input.login, &input.password, &delivery).await;
        Ok(Some(Outcome::of(session)?.into()))
    }

    /// Exchanges a refresh token for new tokens. The new refresh token goes where the old one was: into the payload or
    /// into the cookie. Fails with UNAUTHENTICATED if the token is missing, unknown, expired, or used before.
    async fn session_refresh(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session to renew. Default: that of the cookie.")] input: Option<SessionRefreshInput>,
    ) -> Result<Option<SessionRefreshPayload>> {
        let presented = match input.unwrap_or_default().refresh_token {
            Some(token) => PresentedToken::Body(token),
            None => PresentedToken::Cookie(ctx.cookie()?.clone()),
        };
        let session = sessions::refresh(ctx.services()?, ctx.viewer()?, &presented).await;
        Ok(Some(Outcome::of(session)?.into()))
    }

    /// Logs out: ends one session, or all, revokes their tokens and closes their WebSocket connections. A cookie whose
    /// session has ended is removed. Ending a session again succeeds.
    async fn session_revoke(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session to end.")] input: SessionRevokeInput,
    ) -> Result<Option<SessionRevokePayload>> {
        let revoked = match input.try_into() {
            Ok(which) => sessions::revoke(ctx.services()?, ctx.viewer()?, which, ctx.cookie()?).await,
            Err(error) => Err(error),
        };
        let Outcome { value, user_errors } = Outcome::naming("sessionId", revoked)?;
        let revoked = value.is_some();
        Ok(Some(SessionRevokePayload { revoked, session: value.flatten().map(Into::into), user_errors }))
    }

    /// Changes the viewer's password. All their sessions end, and a new session starts with the returned tokens.
    /// API keys stay valid.
    async fn password_change(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The old and the new password.")] input: PasswordChangeInput,
    ) -> Result<Option<PasswordChangePayload>> {
        let PasswordChangeInput { current_password, new_password, delivery } = input;
        let (services, viewer, delivery) = (ctx.services()?, ctx.viewer()?, TokenDelivery::of(ctx, delivery)?);
        let changed = sessions::change_password(services, viewer, &current_password, &new_password, &delivery).await;
        Ok(Some(Outcome::of(changed)?.into()))
    }
}
