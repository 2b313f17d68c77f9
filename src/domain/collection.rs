//! Collections of documents.

use chrono::{DateTime, Utc};

use super::{
    id::{CollectionId, GenerationId, UserId},
    vocabulary::vocabulary,
};

vocabulary! {
    /// The status of a collection.
    pub enum CollectionStatus {
        /// Can be read and searched.
        Ready => "READY",
        /// Being removed; it no longer exists for readers.
        Deleting => "DELETING",
    }
}

vocabulary! {
    /// A role in a collection.
    pub enum CollectionRole {
        Owner => "OWNER",
        Editor => "EDITOR",
        Viewer => "VIEWER",
    }
}

/// A set of documents under one owner.
#[derive(Clone, PartialEq, Debug)]
pub struct Collection {
    pub id: CollectionId,
    pub owner_id: UserId,
    pub name: String,
    pub description: Option<String>,
    pub status: CollectionStatus,
    pub is_public: bool,
    pub meta: serde_json::Value,
    /// The active generation: the one that searches read.
    pub generation: GenerationId,
    pub document_count: i32,
    /// Bytes of all originals.
    pub total_bytes: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Collection {
    /// Whether it stays: work for a collection that is being deleted is in vain.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.status != CollectionStatus::Deleting
    }
}
