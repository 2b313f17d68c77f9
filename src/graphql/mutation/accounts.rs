//! Accounts and sessions.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};

use crate::{
    graphql::{
        context::ContextExt,
        scalars::DateTime,
        types::{Outcome, User, UserError},
    },
    service::accounts::{self, NewAccount, SessionTokens},
};

/// What is needed to open an account.
#[derive(InputObject)]
pub struct UserRegisterInput {
    /// The name to log in with: at most 64 characters, without spaces and «@».
    username: String,
    /// The e-mail address, which can be used to log in as well.
    email: String,
    /// The password.
    #[graphql(secret)]
    password: String,
    /// The name as people write it: at most 200 characters. Default: none.
    full_name: Option<String>,
}

/// The answer to `userRegister`.
#[derive(SimpleObject)]
pub struct UserRegisterPayload {
    /// The new account. Null when the input is refused.
    user: Option<User>,
    /// Why the input is refused; empty when it is not.
    user_errors: Vec<UserError>,
}

/// What is needed to log in.
#[derive(InputObject)]
pub struct SessionCreateInput {
    /// The user name or the e-mail address, without regard to case.
    login: String,
    /// The password.
    #[graphql(secret)]
    password: String,
}

/// The answer to `sessionCreate`.
#[derive(SimpleObject)]
pub struct SessionCreatePayload {
    /// What proves who is asking: send it as `Authorization: Bearer <token>`. Null when the input is refused.
    access_token: Option<String>,
    /// What `sessionRefresh` exchanges for new tokens: good once. Null when the input is refused.
    refresh_token: Option<String>,
    /// When the access token stops being good. Null when the input is refused.
    expires_at: Option<DateTime>,
    /// Who has logged in. Null when the input is refused.
    viewer: Option<User>,
    /// Why the input is refused; empty when it is not.
    user_errors: Vec<UserError>,
}

/// What is needed to stay logged in.
#[derive(InputObject)]
pub struct SessionRefreshInput {
    /// The newest refresh token of the session. Using one twice ends the session: it must have leaked.
    #[graphql(secret)]
    refresh_token: String,
}

/// The answer to `sessionRefresh`.
#[derive(SimpleObject)]
pub struct SessionRefreshPayload {
    /// The new access token: send it as `Authorization: Bearer <token>`. Null when the input is refused.
    access_token: Option<String>,
    /// The new refresh token: good once. Null when the input is refused.
    refresh_token: Option<String>,
    /// When the new access token stops being good. Null when the input is refused.
    expires_at: Option<DateTime>,
    /// Whose session it is. Null when the input is refused.
    viewer: Option<User>,
    /// Why the input is refused; empty when it is not.
    user_errors: Vec<UserError>,
}

/// What is needed to log out.
#[derive(InputObject)]
pub struct SessionRevokeInput {
    /// A refresh token of the session to end. Default: the session of the access token that came with the request.
    #[graphql(secret)]
    refresh_token: Option<String>,
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
pub struct AccountMutation;

#[Object]
impl AccountMutation {
    /// Opens an account. The first account of a server becomes its administrator; after it, the server's settings say who
    /// may open one.
    async fn user_register(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account to open.")] input: UserRegisterInput,
    ) -> Result<UserRegisterPayload> {
        let UserRegisterInput { username, email, password, full_name } = input;
        let account = NewAccount { username, email, password, full_name };
        let Outcome { value, user_errors } = Outcome::of(accounts::register(ctx.services()?, account).await)?;
        Ok(UserRegisterPayload { user: value.map(User::own), user_errors })
    }

    /// Logs in. Name and password that do not fit are told in `userErrors`.
    async fn session_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who logs in.")] input: SessionCreateInput,
    ) -> Result<SessionCreatePayload> {
        let session = accounts::create_session(ctx.services()?, &input.login, &input.password).await;
        let Outcome { value, user_errors } = Outcome::of(session)?;
        let Tokens { access_token, refresh_token, expires_at, viewer } = value.into();
        Ok(SessionCreatePayload { access_token, refresh_token, expires_at, viewer, user_errors })
    }

    /// Exchanges a refresh token for new tokens. UNAUTHENTICATED for one that is unknown, over, or used before.
    async fn session_refresh(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session to go on with.")] input: SessionRefreshInput,
    ) -> Result<SessionRefreshPayload> {
        let session = accounts::refresh_session(ctx.services()?, &input.refresh_token).await;
        let Outcome { value, user_errors } = Outcome::of(session)?;
        let Tokens { access_token, refresh_token, expires_at, viewer } = value.into();
        Ok(SessionRefreshPayload { access_token, refresh_token, expires_at, viewer, user_errors })
    }

    /// Logs out: ends a session with all its tokens. Ending one that is over, or never was, is fine.
    async fn session_revoke(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session to end.")] input: SessionRevokeInput,
    ) -> Result<SessionRevokePayload> {
        let token = input.refresh_token.as_deref();
        let revoked = accounts::revoke_session(ctx.services()?, ctx.viewer()?, token).await;
        let Outcome { value, user_errors } = Outcome::of(revoked)?;
        Ok(SessionRevokePayload { revoked: value.is_some(), user_errors })
    }
}

/// A session's tokens, or none.
#[derive(Default)]
struct Tokens {
    access_token: Option<String>,
    refresh_token: Option<String>,
    expires_at: Option<DateTime>,
    viewer: Option<User>,
}

impl From<Option<SessionTokens>> for Tokens {
    fn from(tokens: Option<SessionTokens>) -> Self {
        tokens.map_or_else(Self::default, |tokens| Self {
            access_token: Some(tokens.access_token),
            refresh_token: Some(tokens.refresh_token),
            expires_at: Some(tokens.expires_at.into()),
            viewer: Some(User::own(tokens.viewer)),
        })
    }
}
