//! Collections of documents.

use chrono::{DateTime, Utc};

use super::id::{CollectionId, GenerationId, UserId};

/// The status of a collection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CollectionStatus {
    /// Nothing is being indexed.
    Ready,
    /// Documents are being indexed. What is indexed already can be searched.
    Processing,
    /// Being removed; it no longer exists for readers.
    Deleting,
}

/// A role in a collection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CollectionRole {
    Owner,
    Editor,
    Viewer,
}

/// How a collection follows its sources.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SyncMode {
    OneTime,
    Continuous,
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
    pub sync_mode: SyncMode,
    pub sync_interval_minutes: Option<i32>,
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
