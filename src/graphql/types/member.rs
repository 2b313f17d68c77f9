//! Roles in a collection.

use async_graphql::{Context, ID, InputObject, Object, Result};

use super::{Collection, CollectionRole, User, filter};
use crate::{
    domain::member,
    graphql::{context::ContextExt, global_id, loaders, loaders::MemberKey, scalars::DateTime},
};

/// A filter for members. Omitted fields do not filter.
#[derive(Default, InputObject)]
pub struct MemberFilter {
    /// Members with one of these roles. An empty list does not filter.
    role: Option<Vec<CollectionRole>>,
}

impl From<MemberFilter> for loaders::MemberFilter {
    fn from(filter: MemberFilter) -> Self {
        Self { role: filter::distinct(filter.role) }
    }
}

/// A user's role in a collection.
pub struct Member {
    member: member::Member,
}

impl From<member::Member> for Member {
    fn from(member: member::Member) -> Self {
        Self { member }
    }
}

impl Member {
    /// The role, if it is visible to the viewer.
    pub async fn load(ctx: &Context<'_>, key: MemberKey) -> Result<Option<Self>> {
        Ok(ctx.loaders()?.load_one(key).await?.map(Into::into))
    }
}

/// A user's role in a collection.
#[Object]
impl Member {
    /// The global id.
    pub async fn id(&self) -> ID {
        global_id::encode(&MemberKey::of(&self.member))
    }

    /// The global id of the user.
    async fn user_id(&self) -> ID {
        global_id::encode(&self.member.user_id)
    }

    /// The user. Null for an API key that can grant roles but not list members.
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        User::load(ctx, self.member.user_id).await
    }

    /// The collection. Null for an API key that can grant roles in it but not read it.
    async fn collection(&self, ctx: &Context<'_>) -> Result<Option<Collection>> {
        Collection::load(ctx, self.member.collection_id).await
    }

    /// The user's role.
    async fn role(&self) -> CollectionRole {
        self.member.role.into()
    }

    /// When the user first received a role in it.
    async fn created_at(&self) -> DateTime {
        self.member.created_at.into()
    }
}
