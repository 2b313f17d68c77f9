//! API keys: credentials for programs, with some of their owner's permissions.

use chrono::{DateTime, Utc};

use super::{
    action::ActionSet,
    id::{ApiKeyId, CollectionId, UserId},
    scope::KeyGrant,
};

/// A key. Its secret is not stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub user_id: UserId,
    pub name: String,
    /// The first characters of the secret, so that people can recognise the key.
    pub prefix: String,
    pub actions: ActionSet,
    /// The collections that the key can access; `None`: all that its owner can.
    pub collections: Option<Vec<CollectionId>>,
    /// The GraphQL documents that the key can run, by their digests or their ids in the server's manifest; `None`: all.
    pub documents: Option<Vec<String>>,
    /// Points that it can spend per minute; `None`: the same rate as its owner.
    pub points_per_minute: Option<i32>,
    /// Points that it can spend in total; `None`: no limit.
    pub points_budget: Option<i64>,
    pub points_spent: i64,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
}

impl ApiKey {
    /// Whether the key is valid at `now`.
    #[must_use]
    pub fn is_good(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// The actions that the key allows, as far as its owner may perform them.
    #[must_use]
    pub fn grant(&self) -> KeyGrant {
        KeyGrant { id: self.id, actions: self.actions, all_collections: self.collections.is_none() }
    }
}
