//! Reads one document with the reader of its kind. Runs in the child process only.

use std::path::Path;

use super::{
    ExtractError, ExtractedText, FileKind, Input,
    block::{self, Block, Rendered},
    cards, delimited, detect,
    document::Document,
    docx, encoding, epub, generic_xml, html, json, mail, mailbox,
    markup::{self, Markup},
    notebook, opendocument, outlook, pdf, pptx, quality, rtf, subtitles, text, web_archive, xlsx,
};
use crate::domain::document::{About, ProcessingErrorCode};

/// Stack of the threads that parse; the parsers recurse, and nesting in a document is up to its author.
pub(super) const STACK_BYTES: usize = 64 << 20;
/// Files or messages inside each other.
pub(super) const MAX_DEPTH: u8 = 4;
/// Attachments of one message that are read.
pub(super) const MAX_ATTACHMENTS: usize = 100;

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

/// The text of `input`, a document of `kind`.
///
/// # Errors
/// As `Slot::read`, save for what only the parent process can see.
pub(super) fn read(kind: FileKind, input: Input<'_>, means: Means<'_>) -> Result<ExtractedText, ExtractError> {
    if kind.is_plain() {
        return text::read(kind, input);
    }
    let Document { blocks, about, warnings, lacks_reader } = read_document(kind, input, means)?;
    let Rendered { text, page_starts, heading } = block::render(&blocks, means.max_text_bytes)?;
    let own = about.title.filter(|title| !text::is_made_up_title(title));
    let about = About {
        title: [own, heading].into_iter().flatten().find_map(|title| text::tidy_title(&title)),
        author: about.author.as_deref().and_then(text::tidy_title),
        language: about.language.as_deref().and_then(text::language_tag),
        page_count: (!page_starts.is_empty()).then(|| u32::try_from(page_starts.len()).unwrap_or(u32::MAX)),
        ..about
    };
    Ok(ExtractedText {
        text,
        is_markdown: true,
        is_code: false,
        about,
        content_type: kind.media_type().to_owned(),
        page_starts,
        warnings: quality::first(warnings),
        lacks_reader,
    })
}

/// Reads a file that is in another one, such as an attachment.
///
/// # Errors
/// As [`read`], and where its kind is not what its name says.
pub(super) fn read_inner(input: Input<'_>, means: Means<'_>) -> Result<Document, ExtractError> {
    if means.depth > MAX_DEPTH {
        return Err(ExtractError::permanent(
            ProcessingErrorCode::LimitExceeded,
            "The file holds files inside each other. Unpack it and upload them one by one.",
        ));
    }
    let kind = detect::detect(input, means.max_unpacked)?;
    read_document(kind, input, means)
}

fn read_document(kind: FileKind, input: Input<'_>, means: Means<'_>) -> Result<Document, ExtractError> {
    let Input { bytes, declared_type, .. } = input;
    match kind {
        FileKind::PlainText | FileKind::Markdown | FileKind::SourceCode => read_text(kind, input),
        FileKind::Html => Ok(html::document(bytes, declared_type)),
        FileKind::Pdf => pdf::read(bytes, means.pdfium),
        FileKind::Docx => docx::read(bytes),
        FileKind::Pptx => pptx::read(bytes),
        FileKind::Xlsx => xlsx::read(bytes, means.max_text_bytes),
        FileKind::Odt | FileKind::Ods | FileKind::Odp => opendocument::read(bytes),
        FileKind::Rtf => rtf::read(bytes),
        FileKind::Epub => epub::read(bytes),
        FileKind::Eml => mail::read(bytes, means),
        FileKind::Msg => outlook::read(bytes, means),
        FileKind::Mbox => mailbox::read(bytes, means),
        FileKind::Mhtml => web_archive::read(bytes),
        FileKind::Calendar | FileKind::Contacts => cards::read(bytes, declared_type),
        FileKind::Csv => delimited::read(bytes, declared_type, b',', means.max_text_bytes),
        FileKind::Tsv => delimited::read(bytes, declared_type, b'\t', means.max_text_bytes),
        FileKind::Json | FileKind::JsonLines => json::read(bytes, declared_type, means.max_text_bytes),
        FileKind::Notebook => notebook::read(bytes),
        FileKind::Xml => generic_xml::read(bytes),
        FileKind::ReStructuredText => markup::read(Markup::ReStructuredText, bytes, declared_type),
        FileKind::AsciiDoc => markup::read(Markup::AsciiDoc, bytes, declared_type),
        FileKind::Latex => markup::read(Markup::Latex, bytes, declared_type),
        FileKind::SubRip | FileKind::WebVtt => subtitles::read(bytes, declared_type),
        FileKind::Zip => Err(ExtractError::archive()),
    }
}

fn read_text(kind: FileKind, input: Input<'_>) -> Result<Document, ExtractError> {
    let decoded = encoding::decode_or_guess(input.bytes, encoding::declared(input.declared_type))?;
    let blocks = match kind {
        FileKind::Markdown => vec![Block::Markdown(text::normalise(&decoded.text))],
        FileKind::SourceCode => vec![text::code(input, decoded.text.into_owned())],
        _ => text::paragraphs(&decoded.text),
    };
    Ok(Document { blocks, warnings: decoded.warning.into_iter().collect(), ..Document::default() })
}
