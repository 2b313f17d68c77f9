//! API keys: credentials for programs, with some of their owner's rights.

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
    /// The beginning of the secret, by which people recognise it.
    pub prefix: String,
    pub actions: ActionSet,
    /// The collections that the key can access; `None`: all that its owner can.
    pub collections: Option<Vec<CollectionId>>,
    /// Points that it may spend in a minute; `None`: what every account may.
    pub points_per_minute: Option<i32>,
    /// Points that it may spend in all; `None`: as many as it likes.
    pub points_budget: Option<i64>,
    pub points_spent: i64,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
}

impl ApiKey {
    /// Whether the key opens anything at `now`.
    #[must_use]
    pub fn is_good(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// What the key may do of what its owner may.
    #[must_use]
    pub fn grant(&self) -> KeyGrant {
        KeyGrant { id: self.id, actions: self.actions, all_collections: self.collections.is_none() }
    }
}
