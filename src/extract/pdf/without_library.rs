//! PDF to blocks where PDFium is not installed, with the structure that xberg finds.

use xberg::{
    ContentFilterConfig, ExtractInput, ExtractionConfig, OutputFormat, SecurityLimits, XbergError,
    types::{ContentLayer, DocumentNode, DocumentStructure, NodeContent, TableGrid},
};

use super::super::{ExtractError, block::Block, detect, document::Document, reader::STACK_BYTES};
use crate::domain::document::ProcessingErrorCode;

/// Reads a PDF.
pub(super) fn read(bytes: &[u8]) -> Result<Document, ExtractError> {
    if !has_trailer(bytes) {
        return Err(detect::corrupt());
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .thread_stack_size(STACK_BYTES)
        .build()
        .map_err(|error| refuse(&XbergError::Io(error)))?;
    let input = ExtractInput::from_bytes(bytes.to_vec(), "application/pdf", None);
    let output = runtime.block_on(xberg::extract(input, &settings())).map_err(|error| refuse(&error))?;
    let mut document = output.results.into_iter().next().ok_or_else(detect::corrupt)?;
    let structure = document.document.take().ok_or_else(detect::corrupt)?;
    Ok(Document {
        blocks: blocks_of(&structure),
        title: document.metadata.title,
        language: document.metadata.language,
        ..Document::default()
    })
}

fn blocks_of(structure: &DocumentStructure) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut pages = 0;
    let mut list = None;
    for node in &structure.nodes {
        if !matches!(node.content_layer, ContentLayer::Body | ContentLayer::Footnote) {
            continue;
        }
        let Some(block) = block_of(structure, node, &mut list) else { continue };
        let page = node.page.unwrap_or(pages);
        blocks.extend((pages..page).map(|_| Block::Page));
        pages = pages.max(page);
        blocks.push(block);
    }
    blocks
}

/// `list` is the list of the last item and how many it has had.
fn block_of(structure: &DocumentStructure, node: &DocumentNode, list: &mut Option<(u32, usize)>) -> Option<Block> {
    Some(match &node.content {
        NodeContent::Title { text } => Block::Heading { level: 1, text: text.clone() },
        NodeContent::Heading { level, text } => Block::Heading { level: *level, text: text.clone() },
        NodeContent::ListItem { text } => item(structure, node, text, list),
        // A table that the library can't place stands at the end, also where its words are in the text already; below
        // eight words it doesn't check.
        NodeContent::Table { grid } if node.page.is_none() && word_count(grid) < 8 => return None,
        NodeContent::Table { grid } => Block::Table(rows(grid)),
        NodeContent::Code { text, language } => {
            Block::Code { language: language.clone().unwrap_or_default(), text: text.clone() }
        }
        NodeContent::Paragraph { text }
        | NodeContent::Formula { text }
        | NodeContent::Footnote { text }
        | NodeContent::Citation { text, .. }
        | NodeContent::RawBlock { content: text, .. }
        | NodeContent::Image { description: Some(text), .. } => {
            // A line ends where the page was narrow.
            Block::Paragraph(text.split_whitespace().collect::<Vec<_>>().join(" "))
        }
        NodeContent::DefinitionItem { term, definition } => Block::Paragraph(format!("{term}: {definition}")),
        _ => return None,
    })
}

fn item(structure: &DocumentStructure, node: &DocumentNode, text: &str, list: &mut Option<(u32, usize)>) -> Block {
    let parent = node.parent.map_or(u32::MAX, |parent| parent.0);
    let number = list.filter(|(last, _)| *last == parent).map_or(1, |(_, count)| count + 1);
    *list = Some((parent, number));
    let is_ordered = structure
        .nodes
        .get(parent as usize)
        .is_some_and(|parent| matches!(parent.content, NodeContent::List { ordered: true }));
    let marker = if is_ordered { format!("{number}.") } else { "-".to_owned() };
    Block::Item { depth: 0, marker, is_first: number == 1, text: text.to_owned() }
}

fn word_count(grid: &TableGrid) -> usize {
    grid.cells.iter().map(|cell| cell.content.split_whitespace().count()).sum()
}

fn rows(grid: &TableGrid) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for cell in &grid.cells {
        let (row, column) = (cell.row as usize, cell.col as usize);
        rows.resize(rows.len().max(row + 1), Vec::new());
        let row = &mut rows[row];
        row.resize(row.len().max(column + 1), String::new());
        // Cells that share a place, which a damaged grid may have, share it here too.
        row[column].push(' ');
        row[column].push_str(&cell.content);
    }
    rows
}

/// Only the text: no cache, no recognition of images, no embedded files, no second thread.
fn settings() -> ExtractionConfig {
    ExtractionConfig {
        use_cache: false,
        enable_quality_processing: false,
        disable_ocr: true,
        max_archive_depth: 0,
        extraction_timeout_secs: None,
        include_document_structure: true,
        output_format: OutputFormat::Markdown,
        content_filter: Some(ContentFilterConfig { include_footnotes: true, ..ContentFilterConfig::default() }),
        images: Some(xberg::ImageExtractionConfig {
            extract_images: false,
            run_ocr_on_images: false,
            ..xberg::ImageExtractionConfig::default()
        }),
        postprocessor: Some(xberg::core::config::PostProcessorConfig { enabled: false, ..Default::default() }),
        concurrency: Some(xberg::ConcurrencyConfig { max_threads: Some(1), max_concurrent_ocr: None }),
        security_limits: Some(SecurityLimits { max_table_cells: 5_000_000, ..SecurityLimits::default() }),
        ..ExtractionConfig::default()
    }
}

/// Whether the end of the file is there. The library repairs a truncated PDF and would index half of it.
fn has_trailer(bytes: &[u8]) -> bool {
    let tail = &bytes[bytes.len().saturating_sub(8 << 10)..];
    [&b"%%EOF"[..], b"startxref"].iter().any(|mark| tail.windows(mark.len()).any(|window| window == *mark))
}

/// Translates the library's error into the API's words. Its details go to the log of the parent.
#[expect(clippy::print_stderr, reason = "standard error of the child is its log; the parent reads it")]
fn refuse(error: &XbergError) -> ExtractError {
    eprintln!("{error}");
    let detail = error.to_string().to_ascii_lowercase();
    match error {
        _ if detail.contains("password") || detail.contains("encrypted") => ExtractError::permanent(
            ProcessingErrorCode::PasswordProtected,
            "The file is protected by a password. Save it without one and upload it again.",
        ),
        // Some readers wrap this error in a parse error.
        _ if matches!(error, XbergError::Security { .. }) || detail.contains("security limit") => {
            ExtractError::permanent(
                ProcessingErrorCode::LimitExceeded,
                "Reading the file would take more time or memory than is allowed. Save it again in the program it came \
             from, or split it.",
            )
        }
        _ => detect::corrupt(),
    }
}
