//! Documents and what can go wrong with them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    content::Content,
    id::{CollectionId, DocumentId, SourceId},
    vocabulary::vocabulary,
};

vocabulary! {
    /// The status of a document.
    pub enum DocumentStatus {
        /// Accepted, waiting for a worker.
        Pending => "PENDING",
        /// A worker is extracting, splitting or embedding it.
        Processing => "PROCESSING",
        /// Searchable, or an archive that was unpacked.
        Completed => "COMPLETED",
        /// Indexing failed. `error` has the reason.
        Failed => "FAILED",
        /// Processing it crashed repeatedly. It is not retried automatically.
        Quarantined => "QUARANTINED",
    }
}

/// The processing step of a document that failed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProcessingStage {
    Store,
    Extract,
    Chunk,
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
    /// The server lacks the program or library that reads files of this kind.
    ReaderMissing,
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

impl ProcessingError {
    /// The error of a document whose original is lost.
    #[must_use]
    pub fn original_missing() -> Self {
        Self {
            stage: ProcessingStage::Store,
            code: ProcessingErrorCode::OriginalMissing,
            message: "The original of this document is no longer stored. Upload it again.".into(),
            attempts: 0,
            retryable: false,
        }
    }

    /// The error of a document that a cancelled operation left out.
    #[must_use]
    pub fn cancelled() -> Self {
        Self {
            stage: ProcessingStage::Store,
            code: ProcessingErrorCode::Cancelled,
            message: "The operation was cancelled before this document was indexed. Ingest it again to index it."
                .into(),
            attempts: 0,
            retryable: true,
        }
    }
}

/// What is doubtful about the text of a document. Part of the public contract: add, never rename.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DocumentWarningCode {
    /// The file does not declare its encoding, and it was guessed.
    EncodingGuessed,
    /// Characters could not be read and are missing or replaced.
    CharactersReplaced,
    /// A part of the file, such as an attachment or a chapter, was left out.
    PartSkipped,
    /// A page was left out.
    PageSkipped,
    /// The text was recognised in pictures of pages.
    TextRecognised,
    /// Source code could not be parsed within the limits, and is split at its lines.
    CodeNotParsed,
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

/// What a file says of itself. Only the language may be what its text shows instead.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct About {
    pub title: Option<String>,
    pub author: Option<String>,
    /// A tag (BCP 47).
    pub language: Option<String>,
    pub created_at: Option<DateTime<Utc>>,
    pub modified_at: Option<DateTime<Utc>>,
    /// Pages or slides, where the format has them.
    pub page_count: Option<u32>,
}

/// A document of a collection, found by its `uri` within it.
#[derive(Clone, PartialEq, Debug)]
pub struct Document {
    pub id: DocumentId,
    pub collection_id: CollectionId,
    /// The source that it comes from, if it comes from one.
    pub source_id: Option<SourceId>,
    /// The content that is searchable; that of its first revision until there is any.
    pub content: Content,
    pub status: DocumentStatus,
    pub error: Option<ProcessingError>,
    pub about: About,
    /// Whether its title was given to it. Such a title stays when the content changes.
    pub is_title_given: bool,
    /// What was left out of the text, or is doubtful in it.
    pub warnings: Vec<DocumentWarning>,
    /// Chunks of it in the active generation.
    pub chunk_count: i32,
    /// Counts replacements of the content; the chunks in the active generation belong to this revision.
    pub revision: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// When it was last accepted, begun, indexed or failed.
    pub processed_at: DateTime<Utc>,
}

impl Document {
    /// Whether no newer content of it is on its way.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        match self.status {
            DocumentStatus::Completed | DocumentStatus::Failed | DocumentStatus::Quarantined => true,
            DocumentStatus::Pending | DocumentStatus::Processing => false,
        }
    }
}
