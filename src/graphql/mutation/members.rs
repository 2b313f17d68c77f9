//! Roles in collections.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use crate::{
    domain::id::{CollectionId, UserId},
    error::{Error, ViolationCode},
    graphql::{
        context::ContextExt,
        global_id,
        loaders::MemberKey,
        types::{CollectionRole, Member, Outcome, UserError},
    },
    service::members::{self, NamedUser},
};

/// A role to grant.
#[derive(InputObject)]
pub struct CollectionMemberSetInput {
    /// The global id of the collection.
    collection_id: ID,
    /// The global id of the user. Give this or `username`.
    user_id: Option<ID>,
    /// The user name, compared regardless of case. Give this or `userId`.
    username: Option<String>,
    /// The new role. OWNER transfers the collection: the previous owner becomes an editor.
    role: CollectionRole,
}

/// The result of `collectionMemberSet`.
#[derive(SimpleObject)]
pub struct CollectionMemberSetPayload {
    /// The user with the new role. Null if validation fails.
    member: Option<Member>,
    /// Validation errors. Empty on success.
    user_errors: Vec<UserError>,
}

/// A role to revoke.
#[derive(InputObject)]
pub struct CollectionMemberRemoveInput {
    /// The global id of the collection.
    collection_id: ID,
    /// The global id of the user. Use your own to leave the collection.
    user_id: ID,
}

/// The result of `collectionMemberRemove`.
#[derive(SimpleObject)]
pub struct CollectionMemberRemovePayload {
    /// The global id of the role, a `Member`, that is gone. Null if validation fails.
    removed_id: Option<ID>,
    /// The global id of the user, who no longer has a role. Null if validation fails.
    removed_user_id: Option<ID>,
    /// Validation errors. Empty on success.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct MemberMutation;

#[Object]
impl MemberMutation {
    /// Grants a user a role in a collection, or changes their role. Needs MEMBER_MANAGE.
    async fn collection_member_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The collection, the user and the role.")] input: CollectionMemberSetInput,
    ) -> Result<Option<CollectionMemberSetPayload>> {
        let id: CollectionId = global_id::decode(&input.collection_id);
        let user = match (input.user_id, input.username) {
            (Some(id), None) => Ok(NamedUser::Id(global_id::decode(&id))),
            (None, Some(name)) => Ok(NamedUser::Username(name)),
            _ => Err(Error::invalid(ViolationCode::Required, "userId", "Set either `userId` or `username`.")),
        };
        let set = match user {
            Ok(user) => members::set(ctx.services()?, ctx.viewer()?, id, user, input.role.into()).await,
            Err(error) => Err(error),
        };
        let Outcome { value, user_errors } = Outcome::naming("collectionId", set)?;
        Ok(Some(CollectionMemberSetPayload { member: value.map(Into::into), user_errors }))
    }

    /// Revokes a user's role in a collection. Their subscriptions to it end within seconds. Everyone except the
    /// owner can give up their own role; revoking the role of another user needs MEMBER_MANAGE. Revoking it again
    /// succeeds.
    async fn collection_member_remove(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The collection and the user.")] input: CollectionMemberRemoveInput,
    ) -> Result<Option<CollectionMemberRemovePayload>> {
        let id: CollectionId = global_id::decode(&input.collection_id);
        let user: UserId = global_id::decode(&input.user_id);
        let removed = members::remove(ctx.services()?, ctx.viewer()?, id, user).await;
        let Outcome { value, user_errors } = Outcome::naming("collectionId", removed)?;
        let removed_id = value.map(|()| global_id::encode(&MemberKey { collection: id, user }));
        let removed_user_id = removed_id.is_some().then_some(input.user_id);
        Ok(Some(CollectionMemberRemovePayload { removed_id, removed_user_id, user_errors }))
    }
}
