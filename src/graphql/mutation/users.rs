//! Accounts: opened by their users, administered by administrators.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use crate::{
    domain::{audit::AuditAction, id::UserId},
    graphql::{
        context::ContextExt,
        global_id,
        scalars::DateTime,
        types::{Outcome, ServerRole, User, UserError},
    },
    service::{
        accounts::{self, AccountChange, NewAccount},
        audit::Deed,
    },
};

/// What is needed to open an account.
#[derive(InputObject)]
pub struct UserRegisterInput {
    /// The name to log in with: at most 64 characters of one alphabet, without spaces and «@».
    username: String,
    /// The e-mail address, which can be used to log in as well.
    email: String,
    /// The password: 8 to 128 characters, and none of those that are tried first.
    #[graphql(secret)]
    password: String,
    /// The name as people write it: at most 200 characters. Default: none.
    full_name: Option<String>,
    /// The token of an invitation, where the server asks for one. It can be used once. Default: none.
    #[graphql(secret)]
    invitation: Option<String>,
}

/// An invitation.
#[derive(InputObject)]
pub struct UserInviteInput {
    /// The only e-mail address that may use it. Default: any.
    email: Option<String>,
    /// What the new account will be on the server. Default: MEMBER.
    role: Option<ServerRole>,
}

/// A role on the server.
#[derive(InputObject)]
pub struct UserRoleSetInput {
    /// The global id of the account.
    user_id: ID,
    /// Its role from now on.
    role: ServerRole,
}

/// Defines a payload that carries an account.
macro_rules! user_payload {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(SimpleObject)]
        pub struct $name {
            /// The account, as it is after the call. Null when the input is refused.
            user: Option<User>,
            /// Why the input is refused; empty when it is not.
            user_errors: Vec<UserError>,
        }
    };
}

user_payload! {
    /// The answer to `userRegister`.
    UserRegisterPayload
}

user_payload! {
    /// The answer to `userActivate`.
    UserActivatePayload
}

user_payload! {
    /// The answer to `userDeactivate`.
    UserDeactivatePayload
}

user_payload! {
    /// The answer to `userRoleSet`.
    UserRoleSetPayload
}

/// The answer to `userInvite`.
#[derive(Default, SimpleObject)]
pub struct UserInvitePayload {
    /// What `userRegister` takes as `invitation`. It is shown once and good once. Null when the input is refused.
    token: Option<String>,
    /// When it stops being good. Null when the input is refused.
    expires_at: Option<DateTime>,
    /// Why the input is refused; empty when it is not.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct UserMutation;

#[Object]
impl UserMutation {
    /// Opens an account. The first account of a server becomes its administrator; after it, the server's settings say who
    /// may open one.
    async fn user_register(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account to open.")] input: UserRegisterInput,
    ) -> Result<Option<UserRegisterPayload>> {
        let UserRegisterInput { username, email, password, full_name, invitation } = input;
        let account = NewAccount { username, email, password, full_name, invitation };
        let registered = accounts::register(ctx.services()?, ctx.viewer()?, account).await;
        let Outcome { value, user_errors } = Outcome::of(ctx, Deed::new(AuditAction::UserRegister), registered)?;
        Ok(Some(UserRegisterPayload { user: value.map(User::own), user_errors }))
    }

    /// Makes an invitation to open an account. Needs SERVER_MANAGE.
    async fn user_invite(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who is invited, and as what.")] input: UserInviteInput,
    ) -> Result<Option<UserInvitePayload>> {
        let role = input.role.map_or(crate::domain::user::ServerRole::Member, Into::into);
        let invited = accounts::invite(ctx.services()?, ctx.viewer()?, input.email.as_deref(), role).await;
        let Outcome { value, user_errors } = Outcome::of(ctx, Deed::new(AuditAction::UserInvite), invited)?;
        let Some(invited) = value else { return Ok(Some(UserInvitePayload { user_errors, ..Default::default() })) };
        Ok(Some(UserInvitePayload {
            token: Some(invited.token.expose().to_owned()),
            expires_at: Some(invited.invitation.expires_at.into()),
            user_errors,
        }))
    }

    /// Opens an account to its user again. Needs SERVER_MANAGE.
    async fn user_activate(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account's global id.")] id: ID,
    ) -> Result<Option<UserActivatePayload>> {
        let (user, user_errors) = change(ctx, &id, AccountChange::Activate, AuditAction::UserActivate).await?;
        Ok(Some(UserActivatePayload { user, user_errors }))
    }

    /// Closes an account to its user: their sessions end and their API keys open nothing, live sockets included. What
    /// they own stays, for those with whom they shared it. The last administrator stays active. Needs SERVER_MANAGE.
    async fn user_deactivate(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account's global id.")] id: ID,
    ) -> Result<Option<UserDeactivatePayload>> {
        let (user, user_errors) = change(ctx, &id, AccountChange::Deactivate, AuditAction::UserDeactivate).await?;
        Ok(Some(UserDeactivatePayload { user, user_errors }))
    }

    /// Gives an account another role on the server. The last administrator stays one. Needs SERVER_MANAGE.
    async fn user_role_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account and its role.")] input: UserRoleSetInput,
    ) -> Result<Option<UserRoleSetPayload>> {
        let role = AccountChange::Role(input.role.into());
        let (user, user_errors) = change(ctx, &input.user_id, role, AuditAction::UserRoleSet).await?;
        Ok(Some(UserRoleSetPayload { user, user_errors }))
    }
}

async fn change(
    ctx: &Context<'_>,
    id: &ID,
    change: AccountChange,
    action: AuditAction,
) -> Result<(Option<User>, Vec<UserError>)> {
    let id: UserId = global_id::decode(id);
    let changed = accounts::change(ctx.services()?, ctx.viewer()?, id, change).await;
    let Outcome { value, user_errors } = Outcome::of(ctx, Deed::new(action).to(id), changed)?;
    let viewer = ctx.viewer()?;
    Ok((value.map(|user| User::seen_by(viewer, user)), user_errors))
}
