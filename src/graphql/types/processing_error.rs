//! What can go wrong with a document.

use async_graphql::{Enum, SimpleObject};

use crate::domain::document;

/// A step of a document's way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "document::ProcessingStage")]
pub enum ProcessingStage {
    /// Keeping the original and reading it back.
    Store,
    /// Getting the text out of the file.
    Extract,
    /// Cutting the text into chunks.
    Chunk,
    /// Turning the chunks into vectors.
    Embed,
    /// Writing chunks and vectors where they are searched.
    Index,
}

/// Why a document could not be indexed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "document::ProcessingErrorCode")]
pub enum ProcessingErrorCode {
    /// The file has no bytes.
    EmptyFile,
    /// Nothing in the file is text.
    NoText,
    /// No reader knows this kind of file.
    UnsupportedFormat,
    /// The content is not what its name or declared type says.
    FormatMismatch,
    /// The file is damaged or cut short.
    CorruptFile,
    /// The file can't be read without a password.
    PasswordProtected,
    /// The text is not valid in its encoding.
    InvalidEncoding,
    /// Reading it would take more memory, time, text or chunks than allowed.
    LimitExceeded,
    /// The reader crashed.
    ReaderCrashed,
    /// The original is no longer there.
    OriginalMissing,
    /// A part of the server (model, vector store, database) failed.
    ServiceFailure,
    /// Its operation was cancelled before it was indexed.
    Cancelled,
}

/// Why a document could not be indexed, for people and for programs.
#[derive(SimpleObject)]
pub struct ProcessingError {
    /// The step at which it went wrong.
    stage: ProcessingStage,
    /// The kind of error.
    code: ProcessingErrorCode,
    /// A sentence that says what to do.
    message: String,
    /// How often it was tried.
    attempts: i32,
    /// Whether trying again can help.
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
