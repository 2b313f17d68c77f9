//! Accounts, and who did what.

use async_graphql::{Context, Object, Result};

use crate::graphql::{
    context::ContextExt,
    scalars::Cursor,
    types::{AuditEntry, AuditLogFilter, Connection, User, UserFilter},
};

#[derive(Default)]
pub struct AccountQuery;

#[Object]
impl AccountQuery {
    /// Who is asking. Null without an access token or API key.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        let viewer = ctx.viewer()?;
        Ok(viewer.user.as_deref().map(|user| User::seen_by(viewer, user.clone())))
    }

    /// All accounts, newest first. Needs SERVER_MANAGE.
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which accounts to list. Default: all.")] filter: Option<UserFilter>,
        #[graphql(desc = "How many rows, 1 to 100. Default: 20.")] first: Option<i32>,
        #[graphql(desc = "The cursor to begin behind. Default: the beginning.")] after: Option<Cursor>,
    ) -> Result<Option<Connection<User>>> {
        User::list(ctx, filter, first, after.as_ref()).await.map(Some)
    }

    /// Who did what, newest first: on the whole server for administrators, for others in the collections that they own.
    async fn audit_log(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which lines to list. Default: all.")] filter: Option<AuditLogFilter>,
        #[graphql(desc = "How many rows, 1 to 100. Default: 20.")] first: Option<i32>,
        #[graphql(desc = "The cursor to begin behind. Default: the beginning.")] after: Option<Cursor>,
    ) -> Result<Option<Connection<AuditEntry>>> {
        ctx.viewer()?.require_user()?;
        AuditEntry::list(ctx, filter, first, after.as_ref()).await.map(Some)
    }
}
