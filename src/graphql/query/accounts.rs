//! Accounts.

use async_graphql::{Context, Object, Result};

use crate::graphql::{context::ContextExt, types::User};

#[derive(Default)]
pub struct AccountQuery;

#[Object]
impl AccountQuery {
    /// Who is asking. Null without an access token.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        Ok(ctx.viewer()?.user.as_deref().cloned().map(User::own))
    }
}
