//! Uploads.

use chrono::{DateTime, Utc};

use super::{
    content::StoredFile,
    id::{ApiKeyId, UploadId, UserId},
};

/// A place to put the bytes of one file. It can be filled once, by its owner, until it expires.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Upload {
    pub id: UploadId,
    pub user_id: UserId,
    /// The key that made it, if one did; no other key fills or uses it.
    pub api_key_id: Option<ApiKeyId>,
    pub file_name: String,
    pub content_type: Option<String>,
    /// What arrived, once it has.
    pub stored: Option<StoredFile>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}
