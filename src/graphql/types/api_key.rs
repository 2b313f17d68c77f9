//! API keys.

use async_graphql::{ID, Object};

use super::Action;
use crate::{
    domain::api_key,
    graphql::{
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

/// A credential for a program, with some of its owner's rights. Its secret is not kept.
#[Object]
impl ApiKey {
    /// The global id.
    async fn id(&self) -> ID {
        global_id::encode(&self.key.id)
    }

    /// What its owner calls it.
    async fn name(&self) -> &str {
        &self.key.name
    }

    /// The beginning of the secret, by which people recognise it.
    async fn prefix(&self) -> &str {
        &self.key.prefix
    }

    /// What it is good for, of what its owner may do at that moment.
    async fn actions(&self) -> Vec<Action> {
        self.key.actions.iter().map(Into::into).collect()
    }

    /// The global ids of the collections that it is good for. Null: all of its owner.
    async fn collection_ids(&self) -> Option<Vec<ID>> {
        self.key.collections.as_ref().map(|ids| ids.iter().map(global_id::encode).collect())
    }

    /// Points that it may spend in a minute. Null: as many as its owner.
    async fn points_per_minute(&self) -> Option<i32> {
        self.key.points_per_minute
    }

    /// Points that it may spend in all. Null: as many as it likes.
    async fn points_budget(&self) -> Option<BigInt> {
        self.key.points_budget.map(BigInt)
    }

    /// Points that it has spent of its budget; without one they are not counted.
    async fn points_spent(&self) -> BigInt {
        BigInt(self.key.points_spent)
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        self.key.created_at.into()
    }

    /// When it stops being good. Null: never.
    async fn expires_at(&self) -> Option<DateTime> {
        self.key.expires_at.map(Into::into)
    }

    /// When it was last used, to the minute.
    async fn last_used_at(&self) -> Option<DateTime> {
        self.key.last_used_at.map(Into::into)
    }

    /// When it was revoked, if it was.
    async fn revoked_at(&self) -> Option<DateTime> {
        self.key.revoked_at.map(Into::into)
    }
}
