//! Files to text with structure.

use serde::{Deserialize, Serialize};

use crate::domain::document::ProcessingErrorCode;

/// What a reader made of a file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ExtractedText {
    /// The text, in Markdown where `is_markdown`, with `\n` line ends.
    pub text: String,
    /// Whether the structure (headings, lists, tables) is in `text` as Markdown.
    pub is_markdown: bool,
    /// The document's own title, if it has one.
    pub title: Option<String>,
    /// The language that the document says it is in (BCP 47).
    pub language: Option<String>,
    /// The kind of file that was found, as a media type.
    pub content_type: String,
    /// Where each page starts in `text`, in bytes, for formats with pages.
    pub page_starts: Vec<usize>,
}

/// Why a file could not be read: a permanent fact about the file, or a passing one about the machine.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ExtractError {
    pub code: ProcessingErrorCode,
    /// A sentence for the owner of the file.
    pub message: String,
    pub retryable: bool,
}
