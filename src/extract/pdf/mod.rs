//! PDF to blocks: PDFium tells which characters stand where, and the order in which they are read is found here.

mod blocks;
mod layout;
mod library;

use std::path::Path;

use super::{ExtractError, block::Block, detect, document::Document};
use crate::domain::document::{DocumentWarning, DocumentWarningCode, ProcessingErrorCode};
use blocks::Line;
use library::{OpenError, Page, Pdfium};

/// Reads a PDF with PDFium at this path.
pub(super) fn read(bytes: &[u8], library: Option<&Path>) -> Result<Document, ExtractError> {
    let path = library.ok_or_else(missing)?;
    let pdfium = Pdfium::load(path).map_err(|error| {
        log(&error);
        missing()
    })?;
    let file = pdfium.open(bytes).map_err(|error| match error {
        OpenError::Locked => detect::locked(),
        OpenError::Damaged => detect::corrupt(),
    })?;
    if file.page_count() <= 0 {
        return Err(detect::corrupt());
    }

    let mut document = Document { about: file.about(), ..Document::default() };
    let mut pages = Vec::new();
    for index in 0..file.page_count() {
        let number = u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1);
        if let Some(page) = file.page(index) {
            pages.push(read_page(&page, number, &mut document.warnings));
        } else {
            let message = "The page could not be read and is missing in the text.";
            document.warnings.push(warning(DocumentWarningCode::PageSkipped, message, number));
            pages.push(Content::default());
        }
    }
    let body = blocks::body_size(pages.iter().flat_map(|page| &page.lines));
    for page in pages {
        document.blocks.push(Block::Page);
        document.blocks.extend(blocks::blocks(&page.lines, body));
        document.blocks.extend(page.more.into_iter().map(Block::Paragraph));
    }
    Ok(document)
}

/// What is on a page.
#[derive(Default)]
struct Content {
    lines: Vec<Line>,
    /// What stands beside the text: lines up and down the margin, remarks.
    more: Vec<String>,
}

fn read_page(page: &Page<'_>, number: u32, warnings: &mut Vec<DocumentWarning>) -> Content {
    let glyphs = page.glyphs();
    let lines = layout::rows(&glyphs).iter().filter_map(|row| blocks::line(row)).collect();
    let mut more: Vec<String> = Vec::new();
    let turned: String = glyphs.iter().filter(|glyph| !glyph.is_upright).map(|glyph| glyph.character).collect();
    more.extend((!turned.trim().is_empty()).then_some(turned));
    more.extend(page.remarks());
    let unreadable = page.unreadable_count();
    if unreadable > 0 {
        let message =
            format!("{unreadable} pieces of text on the page have no characters. They are missing in the text.");
        warnings.push(warning(DocumentWarningCode::CharactersReplaced, message, number));
    }
    Content { lines, more }
}

fn warning(code: DocumentWarningCode, message: impl Into<String>, page: u32) -> DocumentWarning {
    DocumentWarning { page: Some(page), ..DocumentWarning::new(code, message) }
}

fn missing() -> ExtractError {
    ExtractError::passing(
        ProcessingErrorCode::ReaderMissing,
        "PDF files can't be read, because PDFium is not installed on the server. Its operator installs it with \
         `docent pdfium pull`.",
    )
}

#[expect(clippy::print_stderr, reason = "standard error of the child is its log; the parent reads it")]
fn log(error: &libloading::Error) {
    eprintln!("PDFium can't be loaded: {error}");
}
