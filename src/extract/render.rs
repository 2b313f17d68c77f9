//! The structure that the extraction library found, as plain Markdown.
//!
//! The library's own Markdown is not used: it carries link targets, `data:` images, emphasis marks and escapes, all of
//! which are noise for search. Here headings, lists, tables and code become Markdown; everything else is bare text.

use xberg::types::{ContentLayer, DocumentNode, DocumentStructure, NodeContent, TableGrid};

use super::{ExtractError, FileKind};
use crate::domain::name::composed;

/// The text of a document with the places where its pages begin.
pub(super) struct Rendered {
    pub text: String,
    pub page_starts: Vec<usize>,
    /// The first heading of level 1.
    pub heading: Option<String>,
    /// The subject of an e-mail.
    pub subject: Option<String>,
}

/// Writes `document` in reading order, stopping with an error once the text is longer than `max_bytes`.
pub(super) fn render(document: &DocumentStructure, kind: FileKind, max_bytes: usize) -> Result<Rendered, ExtractError> {
    let mut writer = Writer {
        kind,
        out: Rendered { text: String::new(), page_starts: Vec::new(), heading: None, subject: None },
        list: None,
    };
    for node in &document.nodes {
        if matches!(node.content_layer, ContentLayer::Body | ContentLayer::Footnote) {
            writer.node(document, node);
        }
        if writer.out.text.len() > max_bytes {
            return Err(ExtractError::too_much_text(max_bytes));
        }
    }
    Ok(writer.out)
}

struct Writer {
    kind: FileKind,
    out: Rendered,
    /// The list that the last block belongs to, and how many items of it are written.
    list: Option<(u32, usize)>,
}

impl Writer {
    fn node(&mut self, document: &DocumentStructure, node: &DocumentNode) {
        let page = node.page.filter(|_| self.kind.has_pages());
        match &node.content {
            NodeContent::Title { text } => self.heading(1, text, page),
            NodeContent::Heading { level, text } => self.heading(*level, text, page),
            NodeContent::Slide { title: Some(title), .. } => self.heading(2, title, page),
            NodeContent::ListItem { text } => self.list_item(document, node, text, page),
            NodeContent::Table { grid } => {
                // The reader puts a table that it can't place at the end, also where its words are in the text already;
                // below eight words it doesn't check.
                let unplaced = self.kind == FileKind::Pdf && page.is_none();
                if !unplaced || word_count(grid) >= 8 {
                    self.block(&table(grid), page);
                }
            }
            NodeContent::Code { text, language } => self.block(&code(text, language.as_deref()), page),
            NodeContent::Paragraph { text }
            | NodeContent::Formula { text }
            | NodeContent::Footnote { text }
            | NodeContent::Citation { text, .. }
            | NodeContent::RawBlock { content: text, .. }
            | NodeContent::Image { description: Some(text), .. }
            | NodeContent::Admonition { title: Some(text), .. } => self.block(&self.paragraph(text), page),
            NodeContent::DefinitionItem { term, definition } => {
                self.block(&self.paragraph(&format!("{term}: {definition}")), page);
            }
            NodeContent::MetadataBlock { entries } if self.kind == FileKind::Eml => {
                for entry in entries {
                    if entry.key == "Subject" {
                        self.out.subject = Some(entry.value.clone());
                        self.heading(1, &entry.value, page);
                    } else {
                        self.block(&self.paragraph(&format!("{}: {}", entry.key, entry.value)), page);
                    }
                }
            }
            // Containers, whose content follows as nodes of its own, and what is not part of the text.
            NodeContent::List { .. }
            | NodeContent::Quote
            | NodeContent::Group { .. }
            | NodeContent::Slide { title: None, .. }
            | NodeContent::DefinitionList
            | NodeContent::Image { description: None, .. }
            | NodeContent::Admonition { title: None, .. }
            | NodeContent::MetadataBlock { .. }
            | NodeContent::Comment { .. }
            | NodeContent::PageBreak => {}
        }
    }

    fn heading(&mut self, level: u8, text: &str, page: Option<u32>) {
        let text = one_line(&self.unmarked(text));
        if text.is_empty() {
            return;
        }
        let level = usize::from(level.clamp(1, 6));
        self.block(&format!("{} {text}", "#".repeat(level)), page);
        if level == 1 && self.out.heading.is_none() {
            self.out.heading = Some(text);
        }
    }

    fn list_item(&mut self, document: &DocumentStructure, node: &DocumentNode, text: &str, page: Option<u32>) {
        let text = self.paragraph(text);
        if text.is_empty() {
            return;
        }
        let list = node.parent.map_or(u32::MAX, |parent| parent.0);
        let number = match self.list {
            Some((current, written)) if current == list => written + 1,
            _ => 1,
        };
        let ordered = document
            .nodes
            .get(list as usize)
            .is_some_and(|parent| matches!(parent.content, NodeContent::List { ordered: true }));
        let marker = node.attributes.as_ref().and_then(|attributes| attributes.get("list_marker"));
        let item = match (marker, ordered) {
            (Some(marker), _) if marker.starts_with(|c: char| c.is_ascii_digit()) => format!("{marker} {text}"),
            (_, true) => format!("{number}. {text}"),
            _ => format!("- {text}"),
        };
        let separator = if number > 1 { "\n" } else { "\n\n" };
        self.push(&item, separator, page);
        self.list = Some((list, number));
    }

    fn block(&mut self, content: &str, page: Option<u32>) {
        if !content.is_empty() {
            self.push(content, "\n\n", page);
            self.list = None;
        }
    }

    fn push(&mut self, content: &str, separator: &str, page: Option<u32>) {
        let out = &mut self.out;
        if !out.text.is_empty() {
            out.text.push_str(separator);
        }
        if let Some(page) = page {
            // Pages without text begin where the next one does.
            let pages = (page as usize).max(out.page_starts.len());
            out.page_starts.resize(pages, out.text.len());
        }
        out.text.push_str(&composed(content));
    }

    /// Bare text that Markdown can't mistake for a heading or a fence.
    fn paragraph(&self, text: &str) -> String {
        let text = self.unmarked(image_description(text).unwrap_or(text));
        // In pages and books a line end is only where the window was narrow; in other formats the author put it there.
        if matches!(self.kind, FileKind::Html | FileKind::Epub | FileKind::Pdf) {
            return escape_block_start(one_line(&text));
        }
        let lines = text.lines().map(one_line).filter(|line| !line.is_empty());
        lines.map(escape_block_start).collect::<Vec<_>>().join("\n")
    }

    /// Slides come with the marks of bold and underlined text inside, often unpaired.
    fn unmarked(&self, text: &str) -> String {
        if self.kind == FileKind::Pptx {
            text.replace("**", "").replace("<u>", "").replace("</u>", "")
        } else {
            text.to_owned()
        }
    }
}

/// The description in `![description](target)`, by which the reader stands for an image.
fn image_description(text: &str) -> Option<&str> {
    let (description, _) = text.strip_prefix("![")?.strip_suffix(')')?.split_once("](")?;
    Some(description)
}

/// The words of `text` with one space between them.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}').filter(|w| !w.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

fn escape_block_start(line: String) -> String {
    let after_hashes = line.trim_start_matches('#');
    let is_heading = after_hashes.len() < line.len() && (after_hashes.is_empty() || after_hashes.starts_with(' '));
    let is_fence = line.starts_with("```") || line.starts_with("~~~");
    let is_rule = !line.is_empty() && (line.bytes().all(|b| b == b'=') || line.bytes().all(|b| b == b'-'));
    if is_heading || is_fence || is_rule { format!("\\{line}") } else { line }
}

/// Some readers have done so already.
fn escape_pipes(cell: &str) -> String {
    cell.replace("\\|", "|").replace('|', "\\|")
}

fn code(text: &str, language: Option<&str>) -> String {
    let text = super::text::normalise(text);
    let text = text.trim_matches('\n').trim_end();
    if text.is_empty() {
        return String::new();
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let language = one_line(language.unwrap_or_default());
    format!("{fence}{language}\n{text}\n{fence}")
}

fn word_count(grid: &TableGrid) -> usize {
    grid.cells.iter().map(|cell| cell.content.split_whitespace().count()).sum()
}

/// A table in Markdown; its first row is the header, rows and columns without text are left out.
fn table(grid: &TableGrid) -> String {
    let filled: Vec<(u32, u32, String)> = grid
        .cells
        .iter()
        .map(|cell| (cell.row, cell.col, escape_pipes(&one_line(&cell.content))))
        .filter(|(_, _, content)| !content.is_empty())
        .collect();
    let mut columns: Vec<u32> = filled.iter().map(|(_, column, _)| *column).collect();
    columns.sort_unstable();
    columns.dedup();

    let mut text = String::new();
    for row in filled.chunk_by(|(a, ..), (b, ..)| a == b) {
        let is_header = text.is_empty();
        let mut cells = row.iter().peekable();
        text.push('|');
        for column in &columns {
            text.push(' ');
            // Cells that share a place, which a damaged grid may have, share it here too.
            while let Some((.., content)) = cells.next_if(|(_, at, _)| at <= column) {
                text.push_str(content);
                text.push(' ');
            }
            text.push('|');
        }
        text.push('\n');
        if is_header {
            text.push('|');
            text.push_str(&" --- |".repeat(columns.len()));
            text.push('\n');
        }
    }
    text.truncate(text.trim_end().len());
    text
}
