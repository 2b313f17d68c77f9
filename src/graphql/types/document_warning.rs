//! What is doubtful about the text of a document.

use async_graphql::{Enum, SimpleObject};

use crate::domain::document;

/// What is doubtful about the text of a document. New values may be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "document::DocumentWarningCode")]
pub enum DocumentWarningCode {
    /// The file does not declare its encoding, and it was guessed.
    EncodingGuessed,
    /// Characters could not be read and are missing or replaced.
    CharactersReplaced,
    /// A part of the file, such as an attachment or a chapter, was left out.
    PartSkipped,
    /// A page was left out.
    PageSkipped,
    /// The text was recognised in pictures of pages (OCR) and may have errors.
    TextRecognised,
    /// Source code could not be parsed within the limits of the server, and is split at its lines.
    CodeNotParsed,
}

/// Something that was left out of the text of a document, or is doubtful in it.
#[derive(SimpleObject)]
pub struct DocumentWarning {
    /// The warning code.
    code: DocumentWarningCode,
    /// What is doubtful, in a sentence.
    message: String,
    /// The page that it concerns, from 1. Null if it concerns the whole document.
    page: Option<i32>,
}

impl From<document::DocumentWarning> for DocumentWarning {
    fn from(warning: document::DocumentWarning) -> Self {
        let page = warning.page.map(|page| i32::try_from(page).unwrap_or(i32::MAX));
        Self { code: warning.code.into(), message: warning.message, page }
    }
}
