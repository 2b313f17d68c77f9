//! Processing errors of documents.

use async_graphql::{Enum, SimpleObject};

use crate::domain::document;

/// A step in the processing of a document. New values may be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "document::ProcessingStage")]
pub enum ProcessingStage {
    /// Storing the original file and reading it back.
    Store,
    /// Extracting the text from the file.
    Extract,
    /// Splitting the text into chunks.
    Chunk,
    /// Embedding the chunks and writing them to the search index.
    Index,
}

/// Why a document could not be indexed. New values may be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "document::ProcessingErrorCode")]
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
    /// The original file is missing.
    OriginalMissing,
    /// The server lacks the program or library that reads files of this kind.
    ReaderMissing,
    /// A part of the server (model, vector store, database) failed.
    ServiceFailure,
    /// The operation was cancelled before the document was indexed.
    Cancelled,
}

/// Why a document could not be indexed, for people and programs.
#[derive(SimpleObject)]
pub struct ProcessingError {
    /// The step that failed.
    stage: ProcessingStage,
    /// The error code.
    code: ProcessingErrorCode,
    /// What to do about it, in a sentence.
    message: String,
    /// Number of attempts.
    attempts: i32,
    /// Whether a retry can help.
    retryable: bool,
}

impl From<document::ProcessingError> for ProcessingError {
    fn from(error: document::ProcessingError) -> Self {
        Self {
            stage: error.stage.into(),
            code: error.code.into(),
            message: error.message,
            attempts: error.attempts,
            retryable: error.retryable,
        }
    }
}
