//! Accounts and the audit log.

use async_graphql::{Context, Object, Result};

use crate::graphql::{
    context::ContextExt,
    scalars::Cursor,
    types::{AuditEntry, AuditLogFilter, Connection, Invitation, InvitationFilter, User, UserFilter},
};

#[derive(Default)]
pub struct AccountQuery;

#[Object]
impl AccountQuery {
    /// The account of the caller. Null without an access token or API key.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        let viewer = ctx.viewer()?;
        Ok(viewer.user.as_deref().map(|user| User::seen_by(viewer, user.clone())))
    }

    /// All accounts, newest first. Needs SERVER_MANAGE.
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which accounts to return. Default: all.")] filter: Option<UserFilter>,
        #[graphql(desc = "Number of rows to return, 1 to 100.", default = 20)] first: Option<i32>,
        #[graphql(desc = "Return rows after this cursor. Default: from the start.")] after: Option<Cursor>,
    ) -> Result<Option<Connection<User>>> {
        User::list(ctx, filter, first, after.as_ref()).await.map(Some)
    }

    /// Active accounts whose user name begins with a text, in the order of their names: at most ten. Only accounts that the
    /// viewer can see, because they share a collection or the viewer can read one of theirs. Administrators see all.
    async fn user_suggest(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The beginning of a user name, regardless of case and Unicode form: 1 to 200 characters.")]
        text: String,
    ) -> Result<Option<Vec<User>>> {
        User::suggest(ctx, &text).await.map(Some)
    }

    /// Invitations to register, newest first: also those that are used or expired. Needs SERVER_MANAGE.
    async fn invitations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which invitations to return. Default: all.")] filter: Option<InvitationFilter>,
        #[graphql(desc = "Number of rows to return, 1 to 100.", default = 20)] first: Option<i32>,
        #[graphql(desc = "Return rows after this cursor. Default: from the start.")] after: Option<Cursor>,
    ) -> Result<Option<Connection<Invitation>>> {
        Invitation::list(ctx, filter, first, after.as_ref()).await.map(Some)
    }

    /// The audit log, newest first. Administrators see the whole server, others only the collections that they own.
    async fn audit_log(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which entries to return. Default: all.")] filter: Option<AuditLogFilter>,
        #[graphql(desc = "Number of rows to return, 1 to 100.", default = 20)] first: Option<i32>,
        #[graphql(desc = "Return rows after this cursor. Default: from the start.")] after: Option<Cursor>,
    ) -> Result<Option<Connection<AuditEntry>>> {
        ctx.viewer()?.require_user()?;
        AuditEntry::list(ctx, filter, first, after.as_ref()).await.map(Some)
    }
}
