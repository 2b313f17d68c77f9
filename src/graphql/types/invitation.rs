//! Invitations to register.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result};

use super::{Connection, ServerRole, Total, User, filter};
use crate::{
    domain::{action::Action, id::InvitationId, invitation},
    graphql::{
        context::ContextExt,
        global_id, loaders, pagination,
        scalars::{Cursor, DateTime},
    },
};

/// Whether an invitation can still be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "invitation::InvitationState")]
pub enum InvitationState {
    /// It can register an account.
    Open,
    /// An account was registered with it.
    Used,
    /// It was not used in time.
    Expired,
}

/// A filter for invitations. Omitted fields do not filter.
#[derive(Default, InputObject)]
pub struct InvitationFilter {
    /// Invitations in one of these states. An empty list does not filter.
    state: Option<Vec<InvitationState>>,
}

impl From<InvitationFilter> for loaders::InvitationFilter {
    fn from(filter: InvitationFilter) -> Self {
        Self { state: filter::distinct(filter.state) }
    }
}

/// An invitation.
pub struct Invitation {
    invitation: invitation::Invitation,
}

impl From<invitation::Invitation> for Invitation {
    fn from(invitation: invitation::Invitation) -> Self {
        Self { invitation }
    }
}

impl Invitation {
    /// The invitation, if it is visible to the viewer.
    pub async fn load(ctx: &Context<'_>, id: InvitationId) -> Result<Option<Self>> {
        Ok(ctx.loaders()?.load_one(id).await?.map(Into::into))
    }

    /// The page of invitations for these arguments.
    pub async fn list(
        ctx: &Context<'_>,
        filter: Option<InvitationFilter>,
        first: Option<i32>,
        after: Option<&Cursor>,
    ) -> Result<Connection<Self>> {
        ctx.viewer()?.require(Action::ServerManage)?;
        let filter = filter.unwrap_or_default().into();
        let request = pagination::page(first, after)?;
        let page = ctx.loaders()?.loader().invitations(&filter, &request).await?;
        Ok(Connection::new(Some(page), request.after.as_ref(), |row| row.id, Total::Invitations(filter)))
    }
}

/// An invitation to register one account. Only administrators see invitations. The token itself is not stored.
#[Object]
impl Invitation {
    /// The global id.
    pub async fn id(&self) -> ID {
        global_id::encode(&self.invitation.id)
    }

    /// The only e-mail address that can use it. Null: any.
    async fn email(&self) -> Option<&str> {
        self.invitation.email.as_deref()
    }

    /// The role on the server that the account gets.
    async fn role(&self) -> ServerRole {
        self.invitation.role.into()
    }

    /// The account that created it.
    async fn invited_by(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        match self.invitation.invited_by {
            Some(id) => User::load(ctx, id).await,
            None => Ok(None),
        }
    }

    /// When it was created.
    async fn created_at(&self) -> DateTime {
        self.invitation.created_at.into()
    }

    /// When it expires, unless it is used before.
    async fn expires_at(&self) -> DateTime {
        self.invitation.expires_at.into()
    }

    /// Whether it can still be used.
    async fn state(&self, ctx: &Context<'_>) -> Result<InvitationState> {
        Ok(self.invitation.state(ctx.services()?.clock.now()).into())
    }

    /// When an account was registered with it. Null if none was.
    async fn used_at(&self) -> Option<DateTime> {
        self.invitation.used_at.map(Into::into)
    }
}
