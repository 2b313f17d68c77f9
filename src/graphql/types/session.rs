//! Logins.

use async_graphql::{Context, ID, Object, Result};

use crate::{
    domain::session,
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

/// A login of the viewer. It ends when they end it, when it is not used for long, and at `expiresAt`.
#[Object]
impl Session {
    /// The global id.
    async fn id(&self) -> ID {
        global_id::encode(&self.session.id)
    }

    /// Whether it is the one behind this request.
    async fn is_current(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(ctx.viewer()?.session() == Some(self.session.id))
    }

    /// The program that logged in, as it called itself.
    async fn user_agent(&self) -> Option<&str> {
        self.session.user_agent.as_deref()
    }

    /// The address that it was last used from.
    async fn address(&self) -> Option<&str> {
        self.session.address.as_deref()
    }

    /// When it began.
    async fn created_at(&self) -> DateTime {
        self.session.created_at.into()
    }

    /// When it was last used, to the minute.
    async fn last_used_at(&self) -> DateTime {
        self.session.last_used_at.into()
    }

    /// When it ends, however often it is used.
    async fn expires_at(&self) -> DateTime {
        self.session.expires_at.into()
    }
}
