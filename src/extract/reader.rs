//! Reads one document with the reader of its kind. Runs in the child process only.

use std::path::Path;

use super::{
    ExtractError, ExtractedText, FileKind,
    block::{self, Block, Rendered},
    detect,
    document::Document,
    docx, encoding, epub, html, mail, opendocument, pdf, pptx, text, xlsx,
};
use crate::domain::document::ProcessingErrorCode;

/// Stack of the threads that parse; the parsers recurse, and nesting in a document is up to its author.
pub(super) const STACK_BYTES: usize = 64 << 20;
/// Files inside each other.
const MAX_DEPTH: u8 = 4;

/// How much a document may take, and what reads it.
#[derive(Clone, Copy)]
pub(super) struct Means<'a> {
    pub max_text_bytes: usize,
    /// Bytes that a container may declare for its parts.
    pub max_unpacked: u64,
    /// The path of PDFium, if it is installed.
    pub pdfium: Option<&'a Path>,
    depth: u8,
}

impl<'a> Means<'a> {
    pub(super) fn new(max_text_bytes: usize, max_unpacked: u64, pdfium: Option<&'a Path>) -> Self {
        Self { max_text_bytes, max_unpacked, pdfium, depth: 0 }
    }

    /// What a file in this one may take.
    pub(super) fn deeper(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }
}

/// The text of `bytes`, a document of `kind`. `declared_type` is the media type that its sender declared.
///
/// # Errors
/// As `Slot::read`, save for what only the parent process can see.
pub(super) fn read(
    kind: FileKind,
    bytes: &[u8],
    declared_type: Option<&str>,
    means: Means<'_>,
) -> Result<ExtractedText, ExtractError> {
    if matches!(kind, FileKind::PlainText | FileKind::Markdown) {
        return text::read(kind, bytes, declared_type);
    }
    let Document { blocks, title, language, warnings } = read_document(kind, bytes, declared_type, means)?;
    let Rendered { text, page_starts, heading } = block::render(&blocks, means.max_text_bytes)?;
    let own = title.filter(|title| !text::is_made_up_title(title));
    Ok(ExtractedText {
        text,
        is_markdown: true,
        title: [own, heading].into_iter().flatten().find_map(|title| text::tidy_title(&title)),
        language: language.as_deref().and_then(text::language_tag),
        content_type: kind.media_type().to_owned(),
        page_starts,
        warnings,
    })
}

/// Reads a file that is in another one, such as an attachment.
///
/// # Errors
/// As [`read`], and where its kind is not what its name says.
pub(super) fn read_inner(
    bytes: &[u8],
    file_name: &str,
    declared_type: Option<&str>,
    means: Means<'_>,
) -> Result<Document, ExtractError> {
    if means.depth > MAX_DEPTH {
        return Err(ExtractError::permanent(
            ProcessingErrorCode::LimitExceeded,
            "The file holds files inside each other. Unpack it and upload them one by one.",
        ));
    }
    let kind = detect::detect(bytes, file_name, declared_type, means.max_unpacked)?;
    read_document(kind, bytes, declared_type, means)
}

fn read_document(
    kind: FileKind,
    bytes: &[u8],
    declared_type: Option<&str>,
    means: Means<'_>,
) -> Result<Document, ExtractError> {
    match kind {
        FileKind::PlainText | FileKind::Markdown => read_text(bytes, declared_type),
        FileKind::Html => Ok(read_page(bytes, declared_type)),
        FileKind::Pdf => pdf::read(bytes, means.pdfium),
        FileKind::Docx => docx::read(bytes),
        FileKind::Pptx => pptx::read(bytes),
        FileKind::Xlsx => xlsx::read(bytes, means.max_text_bytes),
        FileKind::Odt | FileKind::Ods | FileKind::Odp => opendocument::read(bytes),
        FileKind::Epub => epub::read(bytes),
        FileKind::Eml => mail::read(bytes, means),
    }
}

fn read_text(bytes: &[u8], declared_type: Option<&str>) -> Result<Document, ExtractError> {
    let decoded = encoding::decode_or_guess(bytes, encoding::declared(declared_type))?;
    let text = text::normalise(&decoded.text);
    let paragraphs = text.split("\n\n").map(|paragraph| Block::Paragraph(paragraph.to_owned()));
    Ok(Document {
        blocks: paragraphs.collect(),
        warnings: decoded.warning.into_iter().collect(),
        ..Document::default()
    })
}

fn read_page(bytes: &[u8], declared_type: Option<&str>) -> Document {
    let decoded = html::decode(bytes, declared_type);
    let html::Page { blocks, title, language } = html::read(&decoded.text);
    Document { blocks, title, language, warnings: decoded.warning.into_iter().collect() }
}
