//! Accounts: registration and administration.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use crate::{
    domain::id::{InvitationId, UserId},
    graphql::{
        context::ContextExt,
        global_id,
        scalars::DateTime,
        types::{Invitation, Outcome, ServerRole, User, UserError},
    },
    service::{
        account_deletion,
        accounts::{self, AccountChange, NewAccount},
    },
};

/// An account to register.
#[derive(InputObject)]
pub struct UserRegisterInput {
    /// The user name: at most 64 characters of one alphabet, without spaces and «@».
    username: String,
    /// The e-mail address. It can also be used to log in.
    email: String,
    /// The password: 8 to 128 characters, and not one of the most common passwords.
    #[graphql(secret)]
    password: String,
    /// The full name: at most 200 characters. Default: none.
    full_name: Option<String>,
    /// The token of an invitation, if the server requires one. It can be used only once. Default: none.
    #[graphql(secret)]
    invitation: Option<String>,
}

/// An invitation to create.
#[derive(InputObject)]
pub struct UserInviteInput {
    /// The only e-mail address that can use the invitation. Default: any.
    email: Option<String>,
    /// The role of the new account on the server. Default: MEMBER.
    role: Option<ServerRole>,
}

/// An account to reactivate.
#[derive(InputObject)]
pub struct UserActivateInput {
    /// The global id of the account.
    user_id: ID,
}

/// An account to deactivate.
#[derive(InputObject)]
pub struct UserDeactivateInput {
    /// The global id of the account.
    user_id: ID,
}

/// A new role for an account on the server.
#[derive(InputObject)]
pub struct UserRoleSetInput {
    /// The global id of the account.
    user_id: ID,
    /// The new role.
    role: ServerRole,
}

/// Defines a payload that carries an account.
macro_rules! user_payload {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(SimpleObject)]
        pub struct $name {
            /// The account after the call. Null if validation fails.
            user: Option<User>,
            /// Validation errors. Empty on success.
            user_errors: Vec<UserError>,
        }
    };
}

user_payload! {
    /// The result of `userRegister`.
    UserRegisterPayload
}

user_payload! {
    /// The result of `userActivate`.
    UserActivatePayload
}

user_payload! {
    /// The result of `userDeactivate`.
    UserDeactivatePayload
}

user_payload! {
    /// The result of `userRoleSet`.
    UserRoleSetPayload
}

/// The result of `userInvite`.
#[derive(Default, SimpleObject)]
pub struct UserInvitePayload {
    /// The token to give to `userRegister` as `invitation`. It is shown only once and can be used only once. Null
    /// if validation fails.
    token: Option<String>,
    /// When the invitation expires. Null if validation fails.
    expires_at: Option<DateTime>,
    /// The new invitation. Null if validation fails.
    invitation: Option<Invitation>,
    /// Validation errors. Empty on success.
    user_errors: Vec<UserError>,
}

/// An invitation to withdraw.
#[derive(InputObject)]
pub struct InvitationWithdrawInput {
    /// The global id of the invitation.
    invitation_id: ID,
}

/// The result of `invitationWithdraw`.
#[derive(SimpleObject)]
pub struct InvitationWithdrawPayload {
    /// The invitation as it was. Null if validation fails.
    invitation: Option<Invitation>,
    /// Validation errors. Empty on success.
    user_errors: Vec<UserError>,
}

/// The viewer's account, to delete.
#[derive(InputObject)]
pub struct UserDeleteInput {
    /// The password of the viewer.
    #[graphql(secret)]
    password: String,
}

/// The result of `userDelete`.
#[derive(SimpleObject)]
pub struct UserDeletePayload {
    /// The global id of the deleted account. Null if validation fails.
    deleted_id: Option<ID>,
    /// Validation errors. Empty on success.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct UserMutation;

#[Object]
impl UserMutation {
    /// Registers an account. The first account of a server becomes its administrator. After that, the server's
    /// settings decide who can register.
    async fn user_register(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account to register.")] input: UserRegisterInput,
    ) -> Result<Option<UserRegisterPayload>> {
        let UserRegisterInput { username, email, password, full_name, invitation } = input;
        let account = NewAccount { username, email, password, full_name, invitation };
        let registered = accounts::register(ctx.services()?, ctx.viewer()?, account).await;
        let Outcome { value, user_errors } = Outcome::of(registered)?;
        Ok(Some(UserRegisterPayload { user: value.map(User::own), user_errors }))
    }

    /// Creates an invitation to register. Needs SERVER_MANAGE.
    async fn user_invite(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who is invited, and with which role.")] input: UserInviteInput,
    ) -> Result<Option<UserInvitePayload>> {
        let role = input.role.map_or(crate::domain::user::ServerRole::Member, Into::into);
        let invited = accounts::invite(ctx.services()?, ctx.viewer()?, input.email.as_deref(), role).await;
        let Outcome { value, user_errors } = Outcome::of(invited)?;
        let Some(invited) = value else { return Ok(Some(UserInvitePayload { user_errors, ..Default::default() })) };
        Ok(Some(UserInvitePayload {
            token: Some(invited.token.expose().to_owned()),
            expires_at: Some(invited.invitation.expires_at.into()),
            invitation: Some(invited.invitation.into()),
            user_errors,
        }))
    }

    /// Withdraws an invitation: its token registers no account any more. CONFLICT if it was used. Needs SERVER_MANAGE.
    async fn invitation_withdraw(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The invitation to withdraw.")] input: InvitationWithdrawInput,
    ) -> Result<Option<InvitationWithdrawPayload>> {
        let id: InvitationId = global_id::decode(&input.invitation_id);
        let withdrawn = accounts::withdraw_invitation(ctx.services()?, ctx.viewer()?, id).await;
        let Outcome { value, user_errors } = Outcome::naming("invitationId", withdrawn)?;
        Ok(Some(InvitationWithdrawPayload { invitation: value.map(Into::into), user_errors }))
    }

    /// Reactivates an account. Needs SERVER_MANAGE.
    async fn user_activate(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account to reactivate.")] input: UserActivateInput,
    ) -> Result<Option<UserActivatePayload>> {
        let (user, user_errors) = change(ctx, &input.user_id, AccountChange::Activate).await?;
        Ok(Some(UserActivatePayload { user, user_errors }))
    }

    /// Deactivates an account: its sessions end, its API keys stop working, and its WebSocket connections are
    /// closed. Its collections stay, and stay visible to the users they are shared with. The last administrator
    /// can't be deactivated. Needs SERVER_MANAGE.
    async fn user_deactivate(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account to deactivate.")] input: UserDeactivateInput,
    ) -> Result<Option<UserDeactivatePayload>> {
        let (user, user_errors) = change(ctx, &input.user_id, AccountChange::Deactivate).await?;
        Ok(Some(UserDeactivatePayload { user, user_errors }))
    }

    /// Changes the role of an account on the server. The last administrator can't lose that role. Needs
    /// SERVER_MANAGE.
    async fn user_role_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account and its new role.")] input: UserRoleSetInput,
    ) -> Result<Option<UserRoleSetPayload>> {
        let role = AccountChange::Role(input.role.into());
        let (user, user_errors) = change(ctx, &input.user_id, role).await?;
        Ok(Some(UserRoleSetPayload { user, user_errors }))
    }

    /// Deletes the viewer's account. This can't be undone. The sessions and API keys end at once, and the roles in
    /// collections of other users are given up; the documents that the viewer added there stay. The viewer's own
    /// collections are deleted with everything in them, also public ones. While other users have a role in one of
    /// them, the account can't be deleted: transfer or delete that collection, or remove its members first. The last
    /// administrator can't delete their account. The audit log keeps the id of the account; its names are free again.
    async fn user_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The password of the viewer.")] input: UserDeleteInput,
    ) -> Result<Option<UserDeletePayload>> {
        let deleted = account_deletion::delete(ctx.services()?, ctx.viewer()?, &input.password, ctx.cookie()?).await;
        let Outcome { value, user_errors } = Outcome::of(deleted)?;
        Ok(Some(UserDeletePayload { deleted_id: value.as_ref().map(global_id::encode), user_errors }))
    }
}

async fn change(ctx: &Context<'_>, id: &ID, change: AccountChange) -> Result<(Option<User>, Vec<UserError>)> {
    let id: UserId = global_id::decode(id);
    let changed = accounts::change(ctx.services()?, ctx.viewer()?, id, change).await;
    let Outcome { value, user_errors } = Outcome::naming("userId", changed)?;
    let viewer = ctx.viewer()?;
    Ok((value.map(|user| User::seen_by(viewer, user)), user_errors))
}
