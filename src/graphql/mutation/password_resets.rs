//! New passwords for users who forgot theirs.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use crate::{
    graphql::{
        context::ContextExt,
        global_id,
        scalars::DateTime,
        types::{Outcome, User, UserError},
    },
    service::password_resets,
};

/// Whose password is forgotten.
#[derive(InputObject)]
pub struct PasswordResetCreateInput {
    /// The global id of the account.
    user_id: ID,
}

/// The result of `passwordResetCreate`.
#[derive(Default, SimpleObject)]
pub struct PasswordResetCreatePayload {
    /// The token to give to `passwordReset`. It is shown only once and can be used only once. Null if validation fails.
    token: Option<String>,
    /// When the token expires. Null if validation fails.
    expires_at: Option<DateTime>,
    /// The account whose user can use it. Null if validation fails.
    user: Option<User>,
    /// Validation errors. Empty on success.
    user_errors: Vec<UserError>,
}

/// A new password for an account.
#[derive(InputObject)]
pub struct PasswordResetInput {
    /// The token that an administrator created. No other credential is needed.
    #[graphql(secret)]
    token: String,
    /// The new password: 8 to 128 characters, and not one of the most common passwords.
    #[graphql(secret)]
    new_password: String,
}

/// The result of `passwordReset`.
#[derive(SimpleObject)]
pub struct PasswordResetPayload {
    /// The account with the new password. Null if validation fails.
    user: Option<User>,
    /// Validation errors. Empty on success.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct PasswordResetMutation;

#[Object]
impl PasswordResetMutation {
    /// Creates a token with which the user of an account can set a new password once, within a day. Earlier tokens for the
    /// account are no longer valid. Needs SERVER_MANAGE.
    async fn password_reset_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose password is forgotten.")] input: PasswordResetCreateInput,
    ) -> Result<Option<PasswordResetCreatePayload>> {
        let user = global_id::decode(&input.user_id);
        let created = password_resets::create(ctx.services()?, ctx.viewer()?, user).await;
        let Outcome { value, user_errors } = Outcome::naming("userId", created)?;
        let Some(reset) = value else {
            return Ok(Some(PasswordResetCreatePayload { user_errors, ..Default::default() }));
        };
        Ok(Some(PasswordResetCreatePayload {
            token: Some(reset.token.expose().to_owned()),
            expires_at: Some(reset.expires_at.into()),
            user: Some(User::seen_by(ctx.viewer()?, reset.user)),
            user_errors,
        }))
    }

    /// Sets a new password with a token of `passwordResetCreate`. All sessions of the account end; API keys stay valid.
    /// Too many attempts fail with RATE_LIMITED.
    async fn password_reset(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token and the new password.")] input: PasswordResetInput,
    ) -> Result<Option<PasswordResetPayload>> {
        let reset = password_resets::redeem(ctx.services()?, ctx.viewer()?, &input.token, &input.new_password).await;
        let Outcome { value, user_errors } = Outcome::of(reset)?;
        Ok(Some(PasswordResetPayload { user: value.map(User::own), user_errors }))
    }
}
