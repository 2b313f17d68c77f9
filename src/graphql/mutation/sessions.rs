//! Logins, and the password that begins them.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use crate::{
    domain::{audit::AuditAction, id::SessionId},
    error::{Error, ViolationCode},
    graphql::{
        context::ContextExt,
        global_id,
        scalars::DateTime,
        types::{Outcome, User, UserError},
    },
    service::{
        audit::Deed,
        sessions::{self, EndedSessions, SessionTokens},
    },
};

/// What is needed to log in.
#[derive(InputObject)]
pub struct SessionCreateInput {
    /// The user name or the e-mail address, without regard to case.
    login: String,
    /// The password.
    #[graphql(secret)]
    password: String,
}

/// What is needed to stay logged in.
#[derive(InputObject)]
pub struct SessionRefreshInput {
    /// The newest refresh token of the session. For ten seconds, and until the new one is used, it gives the same answer
    /// again, so a lost answer can be asked for once more. Using it later ends the session: it must have leaked.
    #[graphql(secret)]
    refresh_token: String,
}

/// Which sessions to end: one of these, or, if nothing is given, the session of the access token that came with the
/// request.
#[derive(InputObject)]
pub struct SessionRevokeInput {
    /// A refresh token of the session, whoever presents it.
    #[graphql(secret)]
    refresh_token: Option<String>,
    /// The global id of a session of yours.
    session_id: Option<ID>,
    /// True: all sessions of yours.
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
                "Give one of `refreshToken`, `sessionId` and `all`, or nothing.",
            )),
        }
    }
}

/// What is needed to change one's password.
#[derive(InputObject)]
pub struct PasswordChangeInput {
    /// The password until now.
    #[graphql(secret)]
    current_password: String,
    /// The password from now on: 8 to 128 characters, and none of those that are tried first.
    #[graphql(secret)]
    new_password: String,
}

/// Defines a payload that carries tokens.
macro_rules! tokens_payload {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(SimpleObject)]
        pub struct $name {
            /// What proves who is asking: send it as `Authorization: Bearer <token>`. Null when the input is refused.
            access_token: Option<String>,
            /// What `sessionRefresh` exchanges for new tokens: good once. Null when the input is refused.
            refresh_token: Option<String>,
            /// When the access token stops being good. Null when the input is refused.
            expires_at: Option<DateTime>,
            /// Whose session it is. Null when the input is refused.
            viewer: Option<User>,
            /// Why the input is refused; empty when it is not.
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
                    refresh_token: Some(tokens.refresh_token),
                    expires_at: Some(tokens.expires_at.into()),
                    viewer: Some(User::own(tokens.viewer)),
                    user_errors,
                }
            }
        }
    };
}

tokens_payload! {
    /// The answer to `sessionCreate`.
    SessionCreatePayload
}

tokens_payload! {
    /// The answer to `sessionRefresh`.
    SessionRefreshPayload
}

tokens_payload! {
    /// The answer to `passwordChange`.
    PasswordChangePayload
}

/// The answer to `sessionRevoke`.
#[derive(SimpleObject)]
pub struct SessionRevokePayload {
    /// Whether the session has ended, now or before.
    revoked: bool,
    /// Why the input is refused; empty when it is not.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct SessionMutation;

#[Object]
impl SessionMutation {
    /// Logs in. Name and password that do not fit are told in `userErrors`; too many attempts are RATE_LIMITED.
    async fn session_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who logs in.")] input: SessionCreateInput,
    ) -> Result<Option<SessionCreatePayload>> {
        let session = sessions::create(ctx.services()?, ctx.viewer()?, &input.login, &input.password).await;
        Ok(Some(Outcome::of(ctx, Deed::new(AuditAction::SessionCreate), session)?.into()))
    }

    /// Exchanges a refresh token for new tokens. UNAUTHENTICATED for one that is unknown, over, or used before.
    async fn session_refresh(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session to go on with.")] input: SessionRefreshInput,
    ) -> Result<Option<SessionRefreshPayload>> {
        let session = sessions::refresh(ctx.services()?, ctx.viewer()?, &input.refresh_token).await;
        Ok(Some(Outcome::of(ctx, Deed::new(AuditAction::SessionRefresh), session)?.into()))
    }

    /// Logs out: ends one session, or all, with all their tokens, live sockets included. Ending one that is over, or
    /// never was, is fine.
    async fn session_revoke(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session to end.")] input: SessionRevokeInput,
    ) -> Result<Option<SessionRevokePayload>> {
        let object = input.session_id.as_ref().map(|id| global_id::decode::<SessionId>(id).into());
        let revoked = match input.try_into() {
            Ok(which) => sessions::revoke(ctx.services()?, ctx.viewer()?, which).await,
            Err(error) => Err(error),
        };
        let Outcome { value, user_errors } =
            Outcome::of(ctx, Deed::new(AuditAction::SessionRevoke).to(object), revoked)?;
        Ok(Some(SessionRevokePayload { revoked: value.is_some(), user_errors }))
    }

    /// Changes the viewer's password. All their sessions end; the tokens of the answer are those of a new one. API keys
    /// stay good.
    async fn password_change(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The old and the new password.")] input: PasswordChangeInput,
    ) -> Result<Option<PasswordChangePayload>> {
        let (services, viewer) = (ctx.services()?, ctx.viewer()?);
        let changed = sessions::change_password(services, viewer, &input.current_password, &input.new_password).await;
        Ok(Some(Outcome::of(ctx, Deed::new(AuditAction::PasswordChange), changed)?.into()))
    }
}
