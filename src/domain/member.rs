//! Roles in a collection.

use chrono::{DateTime, Utc};

use super::{
    collection::CollectionRole,
    id::{CollectionId, UserId},
};

/// An account's role in a collection. Every collection has exactly one owner.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member {
    pub collection_id: CollectionId,
    pub user_id: UserId,
    pub role: CollectionRole,
    pub created_at: DateTime<Utc>,
}
