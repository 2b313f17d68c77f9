//! API keys.

use async_graphql::{Context, ID, Object, Result};

use super::Action;
use crate::{
    domain::{api_key, id::ApiKeyId},
    graphql::{
        context::ContextExt,
        global_id,
        scalars::{BigInt, DateTime},
    },
};

/// An API key.
pub struct ApiKey {
    key: api_key::ApiKey,
}

impl From<api_key::ApiKey> for ApiKey {
    fn from(key: api_key::ApiKey) -> Self {
        Self { key }
    }
}

impl ApiKey {
    /// The key, if it is visible to the viewer.
    pub async fn load(ctx: &Context<'_>, id: ApiKeyId) -> Result<Option<Self>> {
        Ok(ctx.loaders()?.load_one(id).await?.map(Into::into))
    }
}

/// A credential for a program, with some of its owner's permissions. The secret itself is not stored.
#[Object]
impl ApiKey {
    /// The global id.
    pub async fn id(&self) -> ID {
        global_id::encode(&self.key.id)
    }

    /// The name that its owner gave it.
    async fn name(&self) -> &str {
        &self.key.name
    }

    /// The first characters of the secret, so that people can recognise the key.
    async fn prefix(&self) -> &str {
        &self.key.prefix
    }

    /// The actions that the key allows. The owner must also be allowed to perform them at the time of the request.
    async fn actions(&self) -> Vec<Action> {
        self.key.actions.iter().map(Into::into).collect()
    }

    /// Global ids of the collections that the key can access. Null: all that its owner can access.
    async fn collection_ids(&self) -> Option<Vec<ID>> {
        self.key.collections.as_ref().map(|ids| ids.iter().map(global_id::encode).collect())
    }

    /// Ids of the GraphQL documents that the key can run. Null: all.
    async fn document_ids(&self) -> Option<&[String]> {
        self.key.documents.as_deref()
    }

    /// Points that the key can spend per minute. Null: the same rate as its owner.
    async fn points_per_minute(&self) -> Option<i32> {
        self.key.points_per_minute
    }

    /// Points that the key can spend in total. Null: no limit.
    async fn points_budget(&self) -> Option<BigInt> {
        self.key.points_budget.map(BigInt)
    }

    /// Points of the budget that are spent. They are counted only for keys with a budget.
    async fn points_spent(&self) -> BigInt {
        BigInt(self.key.points_spent)
    }

    /// When it was created.
    async fn created_at(&self) -> DateTime {
        self.key.created_at.into()
    }

    /// When it expires. Null: never.
    async fn expires_at(&self) -> Option<DateTime> {
        self.key.expires_at.map(Into::into)
    }

    /// When it was last used, with a precision of one minute.
    async fn last_used_at(&self) -> Option<DateTime> {
        self.key.last_used_at.map(Into::into)
    }

    /// When it was revoked. Null if it was not.
    async fn revoked_at(&self) -> Option<DateTime> {
        self.key.revoked_at.map(Into::into)
    }
}
