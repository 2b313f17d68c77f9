//! Accounts.

use async_graphql::{Context, Enum, ID, Object, Result};

use crate::{
    auth::viewer::Viewer,
    domain::{id::UserId, user},
    graphql::{context::ContextExt, global_id, scalars::DateTime},
};

/// What an account may do on the server as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "user::ServerRole")]
pub enum ServerRole {
    /// Runs the server. The first account is one.
    Admin,
    /// Uses the server.
    Member,
}

/// An account, and what it is to the viewer.
pub struct User {
    user: user::User,
    is_viewer: bool,
}

impl User {
    /// An account as its own user sees it.
    pub fn own(user: user::User) -> Self {
        Self { user, is_viewer: true }
    }

    fn seen_by(viewer: &Viewer, user: user::User) -> Self {
        let is_viewer = viewer.user.as_ref().is_some_and(|viewer| viewer.id == user.id);
        Self { user, is_viewer }
    }

    /// The account, if it exists for the viewer.
    pub async fn load(ctx: &Context<'_>, id: UserId) -> Result<Option<Self>> {
        let user = ctx.loaders()?.load_one(id).await?;
        let viewer = ctx.viewer()?;
        Ok(user.map(|user| Self::seen_by(viewer, user)))
    }
}

/// An account. Others see its names; the rest only the user herself sees.
#[Object]
impl User {
    /// The global id.
    pub async fn id(&self) -> ID {
        global_id::encode(&self.user.id)
    }

    /// The name to log in with, without regard to case unlike any other's.
    async fn username(&self) -> &str {
        &self.user.username
    }

    /// The e-mail address. Null for everybody but the user herself.
    async fn email(&self) -> Option<&str> {
        self.is_viewer.then_some(self.user.email.as_str())
    }

    /// The name as people write it, if one was given.
    async fn full_name(&self) -> Option<&str> {
        self.user.full_name.as_deref()
    }

    /// What the account may do on the server. Null for everybody but the user herself.
    async fn role(&self) -> Option<ServerRole> {
        self.is_viewer.then_some(self.user.role.into())
    }

    /// When the account was opened.
    async fn created_at(&self) -> DateTime {
        self.user.created_at.into()
    }
}
