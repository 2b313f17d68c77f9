//! Files to text with structure.
//!
//! `Extractor` is the door: it reads plain text and Markdown itself and hands every other kind to a child process
//! (`child`), which finds out what the file is (`detect`) and reads it under hard limits. Each format has a reader that
//! makes blocks of it (`block`): headings, paragraphs, items, tables. They become Markdown in one place. A hostile file can
//! kill the child, never the server, and what a child reads is never whole in the server's memory. Source code that is to be
//! cut at its items is parsed in a child, too (`code_parts`). Nothing here writes a file, opens a connection or knows of a
//! database.

mod archive;
mod block;
mod cards;
pub mod child;
mod code_parts;
mod content;
mod delimited;
pub mod detect;
mod document;
mod docx;
mod drawing;
mod encoding;
mod epub;
mod equation;
mod extractor;
mod generic_xml;
mod html;
mod json;
mod kind;
mod language;
mod mail;
mod mailbox;
mod markdown;
mod markup;
mod members;
mod moment;
mod notebook;
mod opendocument;
mod outlook;
mod package;
mod pdf;
pub mod pdfium;
mod pptx;
mod quality;
mod reader;
mod recognition;
mod rtf;
mod source_code;
mod subtitles;
mod table;
mod text;
mod web_archive;
mod xlsx;
mod xml;

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::domain::document::{About, DocumentWarning, ProcessingErrorCode};

pub use code_parts::{CodeBlock, CodeLanguage, CodeOutline, CodePart, ParsedCode, PartTitle};
pub use content::Content;
pub use extractor::{Extractor, Slot};
pub use kind::FileKind;
pub use members::{Member, Members};

/// The program that runs now, to be started again for reading files. On Linux it is the running program itself, whatever
/// has become of its file: an upgrade replaces that while the server runs.
///
/// # Errors
/// When the path of the running program is unknown.
pub fn running_program() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") { Ok("/proc/self/exe".into()) } else { std::env::current_exe() }
}

/// A file as a reader gets it.
#[derive(Clone, Copy)]
struct Input<'a> {
    bytes: &'a [u8],
    file_name: &'a str,
    /// The media type that its sender declared.
    declared_type: Option<&'a str>,
}

/// The version of the readers, which every kept text carries. Raise it with each change after which they make another text of a
/// file than before, find other pages or structure in it, or say something else of it; and when `chunking` finds other places
/// where a text drifts. Files whose texts have another version are read again when their documents are indexed again.
const VERSION: i32 = 1;

/// The version of texts that are extracted again each time.
const NO_VERSION: i32 = 0;

/// What a reader made of a file.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ExtractedText {
    /// The text, in Markdown where `is_markdown`, with `\n` line ends.
    pub text: String,
    /// Whether the structure (headings, lists, tables) is in `text` as Markdown.
    pub is_markdown: bool,
    /// Whether the file is source code, a block of code in `text`.
    #[serde(default)]
    pub is_code: bool,
    /// What the file says of itself.
    #[serde(default)]
    pub about: About,
    /// The kind of file that was found, as a media type.
    pub content_type: String,
    /// Where each page starts in `text`, in bytes, for formats with pages.
    pub page_starts: Vec<usize>,
    /// What was left out or is doubtful.
    #[serde(default)]
    pub warnings: Vec<DocumentWarning>,
    /// Whether a part was left out because what reads it is not installed.
    #[serde(default)]
    pub lacks_reader: bool,
}

impl ExtractedText {
    /// The version with which it is kept.
    #[must_use]
    pub fn version(&self) -> i32 {
        if self.lacks_reader { NO_VERSION } else { VERSION }
    }

    /// All but the text, to be kept beside it.
    ///
    /// # Errors
    /// None that is known.
    pub fn details(&self) -> serde_json::Result<serde_json::Value> {
        let Self { text: _, is_markdown, is_code, about, content_type, page_starts, warnings, lacks_reader } = self;
        serde_json::to_value(Self {
            text: String::new(),
            is_markdown: *is_markdown,
            is_code: *is_code,
            about: about.clone(),
            content_type: content_type.clone(),
            page_starts: page_starts.clone(),
            warnings: warnings.clone(),
            lacks_reader: *lacks_reader,
        })
    }

    /// What has these [`details`](Self::details), without its text. `None` if another version of the program wrote them in
    /// another form.
    #[must_use]
    pub fn from_details(details: &serde_json::Value) -> Option<Self> {
        Self::deserialize(details).ok()
    }
}

/// Whether a text of this version, of a file with the name `before`, is what readers would make now of the same bytes with
/// the name `now`, if the same type is declared.
#[must_use]
pub fn is_up_to_date(version: i32, before: &str, now: &str) -> bool {
    version == VERSION && kind::extension(before) == kind::extension(now)
}

/// Why a file could not be read: a permanent fact about the file, or a temporary one about the machine.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ExtractError {
    pub code: ProcessingErrorCode,
    /// A sentence for the owner of the file.
    pub message: String,
    pub retryable: bool,
    /// Its pages may be pictures of text, which can be recognised.
    #[serde(default)]
    pub may_be_scan: bool,
    /// It is an archive, whose files can be read one by one.
    #[serde(default)]
    pub is_archive: bool,
}

impl ExtractError {
    /// A fact about the file: the same file will fail again.
    fn permanent(code: ProcessingErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retryable: false, may_be_scan: false, is_archive: false }
    }

    /// A temporary fact: the same file may succeed later.
    fn passing(code: ProcessingErrorCode, message: impl Into<String>) -> Self {
        Self { retryable: true, ..Self::permanent(code, message) }
    }

    fn no_text() -> Self {
        Self::permanent(ProcessingErrorCode::NoText, "No text was found in the file. Check it and upload it again.")
    }

    fn no_text_in_pages() -> Self {
        let message =
            "No text was found in the file. If it is a scan, run text recognition (OCR) on it and upload the result.";
        Self { may_be_scan: true, ..Self::permanent(ProcessingErrorCode::NoText, message) }
    }

    /// An archive as such has no text.
    fn archive() -> Self {
        let message = "The file is a ZIP archive, which is unpacked only where it is uploaded as a file of its own.";
        Self { is_archive: true, ..Self::permanent(ProcessingErrorCode::UnsupportedFormat, message) }
    }

    fn too_much_text(limit_bytes: usize) -> Self {
        Self::permanent(
            ProcessingErrorCode::LimitExceeded,
            format!("The file holds more than {} MiB of text. Split it into smaller files.", limit_bytes >> 20),
        )
    }
}
