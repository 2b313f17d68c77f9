//! Accounts.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result};

use super::{ApiKey, Connection, RateLimit, Session, Total, filter};
use crate::{
    auth::viewer::Viewer,
    domain::{action::Action, id::UserId, policy, user},
    error::{Error, ViolationCode},
    graphql::{
        context::ContextExt,
        global_id, loaders, pagination,
        scalars::{Cursor, DateTime},
    },
    service::limits,
};

/// A role on the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "user::ServerRole")]
pub enum ServerRole {
    /// Administers the server. The first account has this role.
    Admin,
    /// Uses the server.
    Member,
}

/// A filter for accounts. Omitted fields do not filter.
#[derive(Default, InputObject)]
pub struct UserFilter {
    /// Accounts with this role on the server.
    role: Option<ServerRole>,
    /// True: active accounts only. False: deactivated accounts only.
    is_active: Option<bool>,
    /// Accounts whose user name or e-mail address contains this text, compared regardless of case and Unicode form.
    /// At most 200 characters.
    text: Option<String>,
}

impl TryFrom<UserFilter> for loaders::UserFilter {
    type Error = Error;

    fn try_from(filter: UserFilter) -> Result<Self, Error> {
        let text = filter::text("text", filter.text, MAX_TEXT)?;
        Ok(Self { role: filter.role.map(Into::into), is_active: filter.is_active, text })
    }
}

/// The longest text in a filter, in characters.
const MAX_TEXT: usize = 200;
/// Accounts that are suggested at once.
const MOST_SUGGESTED: u64 = 10;

/// An account and its relation to the viewer.
pub struct User {
    user: user::User,
    /// Whether the viewer sees more of it than its names: it is their own, or they administer it.
    is_open: bool,
}

impl User {
    /// An account as its own user sees it.
    pub fn own(user: user::User) -> Self {
        Self { user, is_open: true }
    }

    /// An account as the viewer sees it.
    pub fn seen_by(viewer: &Viewer, user: user::User) -> Self {
        let is_open = viewer.is_self(user.id) || policy::allows_on_server(viewer.scope(), Action::ServerManage);
        Self { user, is_open }
    }

    /// Whether it is the account of the viewer, who may have asked with an API key.
    fn asks(&self, viewer: &Viewer) -> bool {
        viewer.user.as_ref().is_some_and(|user| user.id == self.user.id)
    }

    /// The account, if it is visible to the viewer.
    pub async fn load(ctx: &Context<'_>, id: UserId) -> Result<Option<Self>> {
        let user = ctx.loaders()?.load_one(id).await?;
        let viewer = ctx.viewer()?;
        Ok(user.map(|user| Self::seen_by(viewer, user)))
    }

    /// The accounts that are visible to the viewer and whose user name begins with a text.
    pub async fn suggest(ctx: &Context<'_>, text: &str) -> Result<Vec<Self>> {
        let viewer = ctx.viewer()?;
        viewer.require_user()?;
        let text = text.trim();
        if text.is_empty() || text.chars().count() > MAX_TEXT || text.contains('\0') {
            let message = format!("Give the beginning of a user name: 1 to {MAX_TEXT} characters.");
            return Err(Error::invalid(ViolationCode::Invalid, "text", message).into());
        }
        let users = ctx.loaders()?.loader().users_named_like(text, MOST_SUGGESTED).await?;
        Ok(users.into_iter().map(|user| Self::seen_by(viewer, user)).collect())
    }

    /// The page of accounts for these arguments.
    pub async fn list(
        ctx: &Context<'_>,
        filter: Option<UserFilter>,
        first: Option<i32>,
        after: Option<&Cursor>,
    ) -> Result<Connection<Self>> {
        let viewer = ctx.viewer()?;
        viewer.require(Action::ServerManage)?;
        let filter: loaders::UserFilter = filter.unwrap_or_default().try_into()?;
        let request = pagination::page(first, after)?;
        let page = ctx.loaders()?.loader().users(&filter, &request).await?;
        let page = page.map(|user| Self::seen_by(viewer, user));
        let place = |row: &Self| row.user.id;
        Ok(Connection::new(Some(page), request.after.as_ref(), place, Total::Users(filter)))
    }
}

/// An account. Its names are visible to others. The other fields are visible to its user only, or also to
/// administrators where the field says so.
#[Object]
impl User {
    /// The global id.
    pub async fn id(&self) -> ID {
        global_id::encode(&self.user.id)
    }

    /// The user name. It is unique regardless of case and Unicode form.
    async fn username(&self) -> &str {
        &self.user.username
    }

    /// The e-mail address. Null for everyone except the user and administrators.
    async fn email(&self) -> Option<&str> {
        self.is_open.then_some(self.user.email.as_str())
    }

    /// The full name, if the user gave one.
    async fn full_name(&self) -> Option<&str> {
        self.user.full_name.as_deref()
    }

    /// The role on the server. Null for everyone except the user and administrators.
    async fn role(&self) -> Option<ServerRole> {
        self.is_open.then_some(self.user.role.into())
    }

    /// Whether the account is active. Null for everyone except the user and administrators.
    async fn is_active(&self) -> Option<bool> {
        self.is_open.then_some(self.user.is_active)
    }

    /// The sessions that have not ended, newest first. Null for everyone except the user, and null if the user asks
    /// with an API key.
    async fn sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Number of rows to return, 1 to 100.", default = 20)] first: Option<i32>,
        #[graphql(desc = "Return rows after this cursor. Default: from the start.")] after: Option<Cursor>,
    ) -> Result<Option<Connection<Session>>> {
        let request = pagination::page(first, after.as_ref())?;
        if !ctx.viewer()?.is_self(self.user.id) {
            return Ok(None);
        }
        let page = ctx.loaders()?.loader().sessions(&request).await?;
        Ok(Some(Connection::new(Some(page), request.after.as_ref(), |row| row.id, Total::Sessions)))
    }

    /// The API keys, newest first. Null for everyone except the user, and null if the user asks with an API key.
    async fn api_keys(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Number of rows to return, 1 to 100.", default = 20)] first: Option<i32>,
        #[graphql(desc = "Return rows after this cursor. Default: from the start.")] after: Option<Cursor>,
    ) -> Result<Option<Connection<ApiKey>>> {
        let request = pagination::page(first, after.as_ref())?;
        if !ctx.viewer()?.is_self(self.user.id) {
            return Ok(None);
        }
        let page = ctx.loaders()?.loader().api_keys(&request).await?;
        Ok(Some(Connection::new(Some(page), request.after.as_ref(), |row| row.id, Total::ApiKeys)))
    }

    /// The viewer's rate limit: that of the user, or of the API key in the request. Null for everyone else.
    async fn rate_limit(&self, ctx: &Context<'_>) -> Result<Option<RateLimit>> {
        let viewer = ctx.viewer()?;
        Ok(if self.asks(viewer) { Some(limits::balance(ctx.services()?, viewer).into()) } else { None })
    }

    /// The API key in the request: what it allows. Null for everyone except the viewer, and null if the request has no
    /// API key.
    async fn api_key(&self, ctx: &Context<'_>) -> Result<Option<ApiKey>> {
        let viewer = ctx.viewer()?;
        Ok(viewer.key().filter(|_| self.asks(viewer)).cloned().map(Into::into))
    }

    /// When the account was registered.
    async fn created_at(&self) -> DateTime {
        self.user.created_at.into()
    }
}
