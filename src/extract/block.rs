//! What every reader makes of a document, a list of blocks, and how it becomes Markdown.
//!
//! Headings, lists, tables and code become Markdown; everything else is bare text. There are no link targets, no marks of
//! emphasis and no escapes that search would have to see through.

use super::{ExtractError, markdown, text};
use crate::domain::name::composed;

/// A piece of a document. Texts are as they were found; rendering cleans them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Block {
    /// A page or slide begins.
    Page,
    Heading {
        /// From 1, the outermost.
        level: u8,
        text: String,
    },
    /// Its line ends are those that the author put there.
    Paragraph(String),
    Item {
        /// Lists around the list of this item.
        depth: usize,
        /// What stands before it: `-`, `1.`, `a)`.
        marker: String,
        is_first: bool,
        text: String,
    },
    Code {
        language: String,
        text: String,
    },
    /// The cells of each row; the first row is the header.
    Table(Vec<Vec<String>>),
    /// What its author wrote in Markdown.
    Markdown(String),
}

impl Block {
    /// The same in a part of a document, so many levels below.
    pub(super) fn below(self, levels: u8) -> Self {
        match self {
            Self::Heading { level, text } => Self::Heading { level: level.saturating_add(levels), text },
            block => block,
        }
    }

    /// Bytes of its text.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Page => 0,
            Self::Heading { text, .. }
            | Self::Paragraph(text)
            | Self::Item { text, .. }
            | Self::Code { text, .. }
            | Self::Markdown(text) => text.len(),
            Self::Table(rows) => rows.iter().flatten().map(String::len).sum(),
        }
    }
}

/// The Markdown of a document.
#[derive(Default)]
pub(super) struct Rendered {
    pub text: String,
    /// Where each page begins in `text`, in bytes.
    pub page_starts: Vec<usize>,
    /// The first heading of level 1.
    pub heading: Option<String>,
}

/// Writes `blocks` in their order.
///
/// # Errors
/// `LimitExceeded` once the text is longer than `max_bytes`.
pub(super) fn render(blocks: &[Block], max_bytes: usize) -> Result<Rendered, ExtractError> {
    let mut renderer = Renderer::default();
    for block in blocks {
        renderer.block(block);
        if renderer.out.text.len() > max_bytes {
            return Err(ExtractError::too_much_text(max_bytes));
        }
    }
    Ok(renderer.out)
}

#[derive(Default)]
struct Renderer {
    out: Rendered,
    /// Pages that began since the last text.
    new_pages: usize,
    /// Columns before the text of the items around the next one, outermost first. Empty outside lists.
    indents: Vec<usize>,
}

impl Renderer {
    fn block(&mut self, block: &Block) {
        match block {
            Block::Page => self.new_pages += 1,
            Block::Heading { level, text } => self.heading(*level, text),
            Block::Paragraph(text) => self.push(&paragraph(text)),
            Block::Item { depth, marker, is_first, text } => self.item(*depth, marker, *is_first, text),
            Block::Code { language, text } => self.push(&code(language, text)),
            Block::Table(rows) => self.push(&table(rows)),
            Block::Markdown(text) => {
                self.push(text::normalise(text).trim());
                if self.out.heading.is_none() {
                    self.out.heading = markdown::title(text);
                }
            }
        }
    }

    fn heading(&mut self, level: u8, text: &str) {
        let text = text::one_line(text);
        if text.is_empty() {
            return;
        }
        self.push(&format!("{} {text}", "#".repeat(usize::from(level.clamp(1, 6)))));
        if level <= 1 && self.out.heading.is_none() {
            self.out.heading = Some(text);
        }
    }

    fn item(&mut self, depth: usize, marker: &str, is_first: bool, text: &str) {
        let text = text::one_line(text);
        if text.is_empty() {
            return;
        }
        let opens_list = self.indents.is_empty() || (is_first && depth == 0);
        self.indents.truncate(depth);
        let indent = self.indents.last().copied().unwrap_or(0);
        self.indents.push(indent + marker.chars().count() + 1);
        let separator = if opens_list { "\n\n" } else { "\n" };
        self.append(separator, &format!("{}{marker} {text}", " ".repeat(indent)));
    }

    fn push(&mut self, content: &str) {
        if !content.is_empty() {
            self.append("\n\n", content);
            self.indents.clear();
        }
    }

    fn append(&mut self, separator: &str, content: &str) {
        let Rendered { text, page_starts, .. } = &mut self.out;
        if !text.is_empty() {
            text.push_str(separator);
        }
        // Pages without text begin where the next one does.
        page_starts.resize(page_starts.len() + std::mem::take(&mut self.new_pages), text.len());
        text.push_str(&composed(content));
    }
}

/// Bare text that Markdown can't mistake for a heading, a fence or a rule.
fn paragraph(text: &str) -> String {
    let lines = text.lines().map(text::one_line).filter(|line| !line.is_empty());
    lines.map(escape_start).collect::<Vec<_>>().join("\n")
}

fn escape_start(line: String) -> String {
    let after_hashes = line.trim_start_matches('#');
    let is_heading = after_hashes.len() < line.len() && (after_hashes.is_empty() || after_hashes.starts_with(' '));
    let is_fence = line.starts_with("```") || line.starts_with("~~~");
    let is_rule = line.bytes().all(|byte| byte == b'=') || line.bytes().all(|byte| byte == b'-');
    if is_heading || is_fence || is_rule { format!("\\{line}") } else { line }
}

fn code(language: &str, text: &str) -> String {
    let text = text::normalise(text);
    let text = text.trim_matches('\n').trim_end();
    if text.is_empty() {
        return String::new();
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{}\n{text}\n{fence}", text::one_line(language))
}

/// A table in Markdown, without the rows and columns that have no text. One cell alone is a paragraph.
fn table(rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| text::one_line(cell)).collect::<Vec<_>>())
        .filter(|row| row.iter().any(|cell| !cell.is_empty()))
        .collect();
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut is_filled = vec![false; width];
    for row in &rows {
        for (filled, cell) in is_filled.iter_mut().zip(row) {
            *filled |= !cell.is_empty();
        }
    }
    let columns: Vec<usize> = (0..width).filter(|&column| is_filled[column]).collect();
    if let ([row], [column]) = (rows.as_slice(), columns.as_slice()) {
        return escape_start(row[*column].clone());
    }

    let mut out = String::new();
    for (index, row) in rows.iter().enumerate() {
        out.push('|');
        for &column in &columns {
            let cell = row.get(column).map_or("", String::as_str);
            if !cell.is_empty() {
                out.push(' ');
                out.push_str(&cell.replace('|', "\\|"));
            }
            out.push_str(" |");
        }
        out.push('\n');
        if index == 0 {
            out.push('|');
            out.push_str(&" --- |".repeat(columns.len()));
            out.push('\n');
        }
    }
    out.truncate(out.trim_end().len());
    out
}

#[cfg(test)]
mod tests {
    use super::{Block, render};

    fn markdown(blocks: &[Block]) -> String {
        render(blocks, 1 << 20).unwrap().text
    }

    fn item(depth: usize, marker: &str, is_first: bool, text: &str) -> Block {
        Block::Item { depth, marker: marker.into(), is_first, text: text.into() }
    }

    #[test]
    fn items_of_nested_lists_stand_under_the_text_of_their_parents() {
        let list = [
            item(0, "9.", true, "nine"),
            item(1, "-", true, "inner"),
            item(2, "-", true, "innermost"),
            item(0, "10.", false, "ten"),
            item(1, "a)", true, "letter"),
            item(0, "-", true, "another list"),
        ];
        let expected = "9. nine\n   - inner\n     - innermost\n10. ten\n    a) letter\n\n- another list";
        assert_eq!(markdown(&list), expected);
    }

    #[test]
    fn pages_without_text_begin_where_the_next_one_does() {
        let page = |text: &str| [Block::Page, Block::Paragraph(text.into())];
        let blocks = [page("one"), page(""), page("three")].concat();

        let rendered = render(&blocks, 100).unwrap();

        assert_eq!((rendered.text.as_str(), rendered.page_starts), ("one\n\nthree", vec![0, 5, 5]));
    }

    #[test]
    fn tables_lose_what_is_empty_and_escape_what_separates_cells() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let table = Block::Table(vec![row(["a", "", "b"]), row(["", "", ""]), row(["1 | 2", "", ""])]);
        assert_eq!(markdown(&[table]), "| a | b |\n| --- | --- |\n| 1 \\| 2 | |");
    }
}
