//! Documents and what can go wrong with them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::id::{CollectionId, DocumentId};

/// The status of a document.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DocumentStatus {
    /// Accepted, waiting for a worker.
    Pending,
    /// A worker is extracting, splitting or embedding it.
    Processing,
    /// Searchable.
    Completed,
    /// Indexing failed. `error` has the reason.
    Failed,
    /// Processing it crashed repeatedly. It is not retried automatically.
    Quarantined,
}

/// The processing step of a document that failed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProcessingStage {
    Store,
    Extract,
    Chunk,
    Embed,
    Index,
}

/// Why a document could not be indexed. Part of the public contract: add, never rename.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProcessingErrorCode {
    /// The file is empty.
    EmptyFile,
    /// The file contains no text.
    NoText,
    /// The file format is not supported.
    UnsupportedFormat,
    /// The content does not match the file name or the declared type.
    FormatMismatch,
    /// The file is damaged or truncated.
    CorruptFile,
    /// The file is protected by a password.
    PasswordProtected,
    /// The text is not valid in its encoding.
    InvalidEncoding,
    /// Reading the file would exceed a limit on memory, time, text or chunks.
    LimitExceeded,
    /// The process that reads the file crashed.
    ReaderCrashed,
    /// The original is no longer in the blob store.
    OriginalMissing,
    /// A part of the server (model, vector store, database) failed.
    ServiceFailure,
    /// Its operation was cancelled before it was read.
    Cancelled,
}

/// What went wrong with a document, in a form for people and for programs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ProcessingError {
    pub stage: ProcessingStage,
    pub code: ProcessingErrorCode,
    /// A sentence that says what to do; nothing internal.
    pub message: String,
    /// Number of attempts.
    pub attempts: i32,
    /// Whether a retry can help.
    pub retryable: bool,
}

/// What is doubtful about the text of a document. Part of the public contract: add, never rename.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DocumentWarningCode {
    /// The file does not say its encoding, and it was guessed.
    EncodingGuessed,
    /// Characters could not be read and are missing or replaced.
    CharactersReplaced,
    /// A part of the file, such as an attachment or a chapter, was left out.
    PartSkipped,
    /// A page was left out.
    PageSkipped,
}

/// Something that was left out of the text of a document, or is doubtful in it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DocumentWarning {
    pub code: DocumentWarningCode,
    /// A sentence for the owner of the document.
    pub message: String,
    /// The page that it concerns, from 1.
    pub page: Option<u32>,
}

impl DocumentWarning {
    /// A warning that concerns the whole document.
    pub fn new(code: DocumentWarningCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), page: None }
    }
}

/// A document of a collection, found by its `uri` within it.
#[derive(Clone, PartialEq, Debug)]
pub struct Document {
    pub id: DocumentId,
    pub collection_id: CollectionId,
    pub file_name: String,
    pub uri: String,
    pub content_type: String,
    pub file_size: i64,
    /// SHA-256 of the original, which is also its name in the blob store.
    pub content_hash: String,
    pub status: DocumentStatus,
    pub error: Option<ProcessingError>,
    pub meta: serde_json::Value,
    pub language: Option<String>,
    pub title: Option<String>,
    pub chunk_count: i32,
    /// Counts replacements of the content; the chunks that are searchable belong to this revision.
    pub revision: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}
