//! OpenDocument (ODT, ODS, ODP) to blocks.
//!
//! Cells hold their values as they are shown, so numbers need no format here.

use super::{
    ExtractError,
    block::Block,
    detect,
    document::Document,
    moment,
    package::Package,
    table::{Cell, Table},
    xml::{Element, Xml},
};

/// A cell with text is repeated at most so often. Empty ones fill the sheet.
const MAX_REPEATED: usize = 100;

/// Reads a text, a spreadsheet or a presentation.
pub(super) fn read(bytes: &[u8]) -> Result<Document, ExtractError> {
    let mut package = Package::open(bytes)?;
    if package.xml("META-INF/manifest.xml")?.is_some_and(|manifest| manifest.contains("encryption-data")) {
        return Err(detect::locked());
    }
    let content = package.xml("content.xml")?.ok_or_else(detect::corrupt)?;
    let mut document = Document::default();
    if let Some(meta) = package.xml("meta.xml")? {
        // A damaged description is no reason to refuse the document.
        let _ = describe(&mut Xml::new(&meta), &mut document);
    }
    let mut reader = Reader { lists: Vec::new(), is_sheet: false };
    reader.blocks(&mut Xml::new(&content), &mut document.blocks)?;
    Ok(document)
}

fn describe(xml: &mut Xml<'_>, document: &mut Document) -> Result<(), ExtractError> {
    xml.children(|xml, element| {
        match element.name() {
            "title" => document.about.title = Some(xml.text()?),
            "language" => document.about.language = Some(xml.text()?),
            "initial-creator" => document.about.author = Some(xml.text()?),
            "creation-date" => document.about.created_at = moment::of_iso(&xml.text()?),
            "date" => document.about.modified_at = moment::of_iso(&xml.text()?),
            _ => describe(xml, document)?,
        }
        Ok(())
    })
}

struct Reader {
    /// Items so far in each of the lists that are open.
    lists: Vec<usize>,
    is_sheet: bool,
}

/// A paragraph while it is read.
#[derive(Default)]
struct Line {
    text: String,
    /// Notes and boxes that hang on it.
    after: Vec<Block>,
}

impl Reader {
    /// The blocks in the element that was entered last.
    fn blocks(&mut self, xml: &mut Xml<'_>, out: &mut Vec<Block>) -> Result<(), ExtractError> {
        xml.children(|xml, element| self.block(xml, element, out))
    }

    fn block(&mut self, xml: &mut Xml<'_>, element: &Element<'_>, out: &mut Vec<Block>) -> Result<(), ExtractError> {
        match element.name() {
            "h" => {
                let level = element.attribute("outline-level").and_then(|level| level.parse().ok()).unwrap_or(1);
                let line = self.line(xml)?;
                out.push(Block::Heading { level, text: line.text });
                out.extend(line.after);
            }
            "p" => {
                let line = self.line(xml)?;
                out.push(self.paragraph(line.text));
                out.extend(line.after);
            }
            "list" => {
                self.lists.push(0);
                self.blocks(xml, out)?;
                self.lists.pop();
            }
            "page" => {
                out.push(Block::Page);
                self.blocks(xml, out)?;
            }
            "frame" if element.attribute("class").is_some_and(|class| class == "title") => self.title(xml, out)?,
            "spreadsheet" => {
                self.is_sheet = true;
                self.blocks(xml, out)?;
            }
            "table" => {
                if let Some(name) = element.attribute("name").filter(|_| self.is_sheet) {
                    out.push(Block::Heading { level: 2, text: name });
                }
                let mut table = Table { has_header: self.is_sheet, ..Table::default() };
                self.rows(xml, &mut table)?;
                out.extend(table.into_blocks());
            }
            // Old versions, names for programs, furniture of every page.
            "tracked-changes" | "annotation" | "scripts" | "font-face-decls" | "automatic-styles" | "forms"
            | "sequence-decls" | "footer" | "header" | "date-time" | "desc" => {}
            _ => self.blocks(xml, out)?,
        }
        Ok(())
    }

    /// A paragraph, or the first of an item.
    fn paragraph(&mut self, text: String) -> Block {
        let depth = self.lists.len().saturating_sub(1);
        let Some(count) = self.lists.last_mut() else { return Block::Paragraph(text) };
        *count += 1;
        Block::Item { depth, marker: "-".to_owned(), is_first: *count == 1, text }
    }

    /// The title of a slide.
    fn title(&mut self, xml: &mut Xml<'_>, out: &mut Vec<Block>) -> Result<(), ExtractError> {
        let mut blocks = Vec::new();
        self.blocks(xml, &mut blocks)?;
        let lines =
            blocks.into_iter().filter_map(|block| if let Block::Paragraph(text) = block { Some(text) } else { None });
        out.push(Block::Heading { level: 2, text: lines.collect::<Vec<_>>().join(" ") });
        Ok(())
    }

    fn line(&mut self, xml: &mut Xml<'_>) -> Result<Line, ExtractError> {
        let mut line = Line::default();
        self.inlines(xml, &mut line)?;
        Ok(line)
    }

    fn inlines(&mut self, xml: &mut Xml<'_>, line: &mut Line) -> Result<(), ExtractError> {
        xml.content(|xml, element, text| {
            let Some(element) = element else {
                line.text.push_str(&text.replace(['\n', '\r', '\t'], " "));
                return Ok(());
            };
            match element.name() {
                "s" => line.text.push(' '),
                "tab" => line.text.push('\t'),
                "line-break" => line.text.push('\n'),
                "note-body" | "frame" => {
                    let lists = std::mem::take(&mut self.lists);
                    self.blocks(xml, &mut line.after)?;
                    self.lists = lists;
                }
                "annotation" | "note-citation" | "ruby-text" => {}
                _ => self.inlines(xml, line)?,
            }
            Ok(())
        })
    }

    fn rows(&mut self, xml: &mut Xml<'_>, table: &mut Table) -> Result<(), ExtractError> {
        xml.children(|xml, element| {
            if element.name() != "table-row" {
                table.has_header |= element.name() == "table-header-rows";
                return self.rows(xml, table);
            }
            let mut row = Vec::new();
            xml.children(|xml, element| {
                if !matches!(element.name(), "table-cell" | "covered-table-cell") {
                    return Ok(());
                }
                let mut blocks = Vec::new();
                let lists = std::mem::take(&mut self.lists);
                self.blocks(xml, &mut blocks)?;
                self.lists = lists;
                row.extend(repeated(element, blocks).map(|blocks| Cell { blocks, columns: 1 }));
                Ok(())
            })?;
            if row.iter().any(|cell| !cell.blocks.is_empty()) {
                table.rows.push(row);
            }
            Ok(())
        })
    }
}

/// The contents of a cell and of those beside it that are the same.
fn repeated(element: &Element<'_>, blocks: Vec<Block>) -> impl Iterator<Item = Vec<Block>> {
    let times = element.attribute("number-columns-repeated").and_then(|times| times.parse().ok()).unwrap_or(1_usize);
    let (shown, empty) = match blocks.as_slice() {
        // The last empty cell is repeated to the edge of the sheet.
        [] if times > MAX_REPEATED => (1, 0),
        [] | [Block::Paragraph(_)] => (times.min(MAX_REPEATED), 0),
        // Tables in such cells would multiply with each table around them.
        _ => (1, times.min(MAX_REPEATED).saturating_sub(1)),
    };
    std::iter::repeat_n(blocks, shown).chain(std::iter::repeat_n(Vec::new(), empty))
}
