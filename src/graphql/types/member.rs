//! Who has a role in a collection.

use async_graphql::{Context, Object, Result};

use super::{Collection, CollectionRole, User};
use crate::{domain::member, error::Error, graphql::scalars::DateTime};

/// A user's role in a collection.
pub struct Member {
    member: member::Member,
}

impl From<member::Member> for Member {
    fn from(member: member::Member) -> Self {
        Self { member }
    }
}

/// A user's role in a collection.
#[Object]
impl Member {
    /// The user.
    async fn user(&self, ctx: &Context<'_>) -> Result<User> {
        Ok(User::load(ctx, self.member.user_id).await?.ok_or(Error::NotFound("user"))?)
    }

    /// The collection.
    async fn collection(&self, ctx: &Context<'_>) -> Result<Collection> {
        Ok(Collection::load(ctx, self.member.collection_id).await?.ok_or(Error::NotFound("collection"))?)
    }

    /// What she is in it.
    async fn role(&self) -> CollectionRole {
        self.member.role.into()
    }

    /// When she first got a role in it.
    async fn created_at(&self) -> DateTime {
        self.member.created_at.into()
    }
}
