//! Logins.

use async_graphql::{Context, ID, Object, Result};

use crate::{
    domain::{id::SessionId, session},
    graphql::{context::ContextExt, global_id, scalars::DateTime},
};

/// A login.
pub struct Session {
    session: session::Session,
}

impl From<session::Session> for Session {
    fn from(session: session::Session) -> Self {
        Self { session }
    }
}

impl Session {
    /// The session, if it is visible to the viewer.
    pub async fn load(ctx: &Context<'_>, id: SessionId) -> Result<Option<Self>> {
        Ok(ctx.loaders()?.load_one(id).await?.map(Into::into))
    }
}

/// A login of the viewer. It ends when the viewer ends it, after a time without use, and at `expiresAt`.
#[Object]
impl Session {
    /// The global id.
    pub async fn id(&self) -> ID {
        global_id::encode(&self.session.id)
    }

    /// Whether this request belongs to the session.
    async fn is_current(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(ctx.viewer()?.session() == Some(self.session.id))
    }

    /// The program that logged in, as given in its `User-Agent` header.
    async fn user_agent(&self) -> Option<&str> {
        self.session.user_agent.as_deref()
    }

    /// The network address from which it was last used.
    async fn address(&self) -> Option<&str> {
        self.session.address.as_deref()
    }

    /// When the user logged in.
    async fn created_at(&self) -> DateTime {
        self.session.created_at.into()
    }

    /// When it was last used, with a precision of one minute.
    async fn last_used_at(&self) -> DateTime {
        self.session.last_used_at.into()
    }

    /// When it ends, even if it is in use.
    async fn expires_at(&self) -> DateTime {
        self.session.expires_at.into()
    }
}
