//! Word documents (DOCX) to blocks: what a reader of the page sees, in its final version.

mod numbering;
mod styles;

use std::collections::HashMap;

use super::{
    ExtractError,
    block::Block,
    document::Document,
    equation::equation,
    html,
    kind::extension,
    package::{Package, Relationship, target_of},
    table::{Cell, Table},
    xml::{Element, Xml},
};
use numbering::Numbering;
use styles::{Place, Styles};

/// Documents in documents.
const MAX_IMPORTS: usize = 3;

/// Reads a Word document.
pub(super) fn read(bytes: &[u8]) -> Result<Document, ExtractError> {
    read_at(bytes, 0)
}

fn read_at(bytes: &[u8], imports: usize) -> Result<Document, ExtractError> {
    let mut package = Package::open(bytes)?;
    let main = package.main_part("word/document.xml")?;
    let body = package.xml(&main)?.ok_or_else(super::detect::corrupt)?;
    let about = package.properties()?;
    let relationships = package.relationships(&main)?;

    let mut reader = Reader {
        package,
        relationships,
        styles: Styles::default(),
        numbering: Numbering::default(),
        notes: HashMap::new(),
        fields: Vec::new(),
        last_list: None,
        imports,
        document: Document { about, ..Document::default() },
    };
    if let Some(part) = reader.related("styles", "word/styles.xml")? {
        reader.styles = Styles::read(&part)?;
    }
    if let Some(part) = reader.related("numbering", "word/numbering.xml")? {
        reader.numbering = Numbering::read(&part)?;
    }
    for (kind, usual) in NOTES {
        if let Some(part) = reader.related(kind, usual)? {
            reader.notes(kind, &part)?;
        }
    }
    let mut blocks = Vec::new();
    reader.blocks(&mut Xml::new(&body), &mut blocks)?;
    Ok(Document { blocks, ..reader.document })
}

/// The parts of notes: the kind of their relationship and their usual name.
const NOTES: [(&str, &str); 3] =
    [("footnotes", "word/footnotes.xml"), ("endnotes", "word/endnotes.xml"), ("comments", "word/comments.xml")];

struct Reader<'a> {
    package: Package<'a>,
    relationships: Vec<Relationship>,
    styles: Styles,
    numbering: Numbering,
    /// Notes by the part that they are in and their id, until they are referred to.
    notes: HashMap<(&'static str, String), Vec<Block>>,
    /// Fields inside each other in this paragraph; whether the result of each is reached.
    fields: Vec<bool>,
    /// The list of the last item.
    last_list: Option<u32>,
    imports: usize,
    document: Document,
}

/// A paragraph while it is read.
#[derive(Default)]
struct Line {
    text: String,
    is_struck: bool,
    style: Option<String>,
    place: Place,
    /// What hangs on it: boxes, notes, descriptions of pictures.
    after: Vec<Block>,
}

impl Reader<'_> {
    /// The part that the document refers to for this purpose.
    fn related(&mut self, kind: &str, usual: &str) -> Result<Option<String>, ExtractError> {
        let target = target_of(&self.relationships, kind).unwrap_or(usual);
        self.package.xml(target)
    }

    fn notes(&mut self, kind: &'static str, part: &str) -> Result<(), ExtractError> {
        Xml::new(part).children(|xml, _| {
            xml.children(|xml, note| {
                let mut blocks = Vec::new();
                self.blocks(xml, &mut blocks)?;
                self.notes.insert((kind, note.attribute("id").unwrap_or_default()), blocks);
                Ok(())
            })
        })
    }

    /// The blocks in the element that was entered last.
    fn blocks(&mut self, xml: &mut Xml<'_>, out: &mut Vec<Block>) -> Result<(), ExtractError> {
        xml.children(|xml, element| match element.name() {
            "p" => self.paragraph(xml, out),
            "tbl" => self.table(xml, out),
            "altChunk" => self.import(element, out),
            "oMath" | "oMathPara" => {
                out.push(Block::Paragraph(equation(xml)?));
                Ok(())
            }
            "document" | "body" | "sdt" | "sdtContent" | "customXml" | "ins" | "moveTo" | "smartTag" => {
                self.blocks(xml, out)
            }
            _ => Ok(()),
        })
    }

    fn paragraph(&mut self, xml: &mut Xml<'_>, out: &mut Vec<Block>) -> Result<(), ExtractError> {
        let mut line = Line::default();
        self.inlines(xml, &mut line)?;
        // A field that is never closed would hide the rest of the document.
        self.fields.clear();

        let Line { text, style, place, after, .. } = line;
        let place = match style {
            Some(style) => place.or(&self.styles.place(&style)),
            None => place,
        };
        let list = place.list.filter(|&list| list > 0);
        let marker = list.and_then(|list| self.numbering.next(list, place.level.unwrap_or(0)));
        if !text.trim().is_empty() {
            out.push(match (place.heading(), marker) {
                (Some(level), Some(number)) if number != "-" => {
                    Block::Heading { level, text: format!("{number} {text}") }
                }
                (Some(level), _) => Block::Heading { level, text },
                (None, Some(marker)) => {
                    let is_first = self.last_list != list;
                    self.last_list = list;
                    Block::Item { depth: place.level.unwrap_or(0), marker, is_first, text }
                }
                (None, None) => Block::Paragraph(text),
            });
        }
        out.extend(after);
        Ok(())
    }

    fn inlines(&mut self, xml: &mut Xml<'_>, line: &mut Line) -> Result<(), ExtractError> {
        xml.children(|xml, element| match element.name() {
            "pPr" => properties(xml, line),
            "r" => self.run(xml, line),
            "oMath" | "oMathPara" => {
                line.text.push_str(&equation(xml)?);
                Ok(())
            }
            "hyperlink" | "ins" | "moveTo" | "smartTag" | "sdt" | "sdtContent" | "fldSimple" | "customXml" | "dir"
            | "bdo" => self.inlines(xml, line),
            _ => Ok(()),
        })
    }

    fn run(&mut self, xml: &mut Xml<'_>, line: &mut Line) -> Result<(), ExtractError> {
        let mut style = RunStyle::default();
        xml.children(|xml, element| {
            let is_shown = !style.is_hidden && self.fields.iter().all(|&has_result| has_result);
            match element.name() {
                "rPr" => {
                    style = run_style(xml)?;
                    // What was struck out and what replaces it are two words.
                    if style.is_struck != line.is_struck {
                        line.is_struck = style.is_struck;
                        line.text.push(' ');
                    }
                }
                "fldChar" => self.field(&element.attribute("fldCharType").unwrap_or_default()),
                "ruby" => self.ruby(xml, line)?,
                _ if !is_shown => {}
                "t" => line.text.push_str(&xml.text()?),
                "tab" | "ptab" => line.text.push('\t'),
                "br" | "cr" => line.text.push('\n'),
                "noBreakHyphen" => line.text.push('-'),
                "sym" => line.text.extend(symbol(element)),
                "drawing" | "pict" | "object" => self.drawing(xml, line)?,
                "footnoteReference" => self.note("footnotes", element, line),
                "endnoteReference" => self.note("endnotes", element, line),
                "commentReference" => self.note("comments", element, line),
                _ => {}
            }
            Ok(())
        })
    }

    fn field(&mut self, kind: &str) {
        match kind {
            "begin" => self.fields.push(false),
            "separate" => {
                if let Some(field) = self.fields.last_mut() {
                    *field = true;
                }
            }
            _ => drop(self.fields.pop()),
        }
    }

    fn note(&mut self, kind: &'static str, reference: &Element<'_>, line: &mut Line) {
        let id = reference.attribute("id").unwrap_or_default();
        line.after.extend(self.notes.remove(&(kind, id)).unwrap_or_default());
    }

    /// The characters, without how they are read aloud.
    fn ruby(&mut self, xml: &mut Xml<'_>, line: &mut Line) -> Result<(), ExtractError> {
        xml.children(|xml, element| if element.name() == "rubyBase" { self.inlines(xml, line) } else { Ok(()) })
    }

    /// Boxes with text, and what their author wrote of pictures. Names such as «Picture 7» come from the program.
    fn drawing(&mut self, xml: &mut Xml<'_>, line: &mut Line) -> Result<(), ExtractError> {
        xml.children(|xml, element| {
            let description = match element.name() {
                "txbxContent" => return self.blocks(xml, &mut line.after),
                "docPr" => element.attribute("descr").or_else(|| element.attribute("title")),
                "shape" => element.attribute("alt"),
                "textpath" => element.attribute("string"),
                _ => None,
            };
            line.after.extend(description.map(Block::Paragraph));
            self.drawing(xml, line)
        })
    }

    fn table(&mut self, xml: &mut Xml<'_>, out: &mut Vec<Block>) -> Result<(), ExtractError> {
        let mut table = Table::default();
        self.rows(xml, &mut table)?;
        out.extend(table.into_blocks());
        Ok(())
    }

    fn rows(&mut self, xml: &mut Xml<'_>, table: &mut Table) -> Result<(), ExtractError> {
        xml.children(|xml, element| match element.name() {
            "tr" => {
                let mut row = Row::default();
                self.cells(xml, &mut row)?;
                table.has_header |= row.is_header;
                if !row.is_deleted {
                    table.rows.push(row.cells);
                }
                Ok(())
            }
            "sdt" | "sdtContent" | "customXml" | "ins" | "moveTo" => self.rows(xml, table),
            _ => Ok(()),
        })
    }

    fn cells(&mut self, xml: &mut Xml<'_>, row: &mut Row) -> Result<(), ExtractError> {
        xml.children(|xml, element| match element.name() {
            "trPr" => xml.children(|_, element| {
                row.is_deleted |= element.name() == "del";
                row.is_header |= element.name() == "tblHeader";
                Ok(())
            }),
            "tc" => {
                let cell = self.cell(xml)?;
                row.cells.push(cell);
                Ok(())
            }
            "sdt" | "sdtContent" | "customXml" | "ins" | "moveTo" => self.cells(xml, row),
            _ => Ok(()),
        })
    }

    fn cell(&mut self, xml: &mut Xml<'_>) -> Result<Cell, ExtractError> {
        let mut cell = Cell { blocks: Vec::new(), columns: 1 };
        xml.children(|xml, element| match element.name() {
            "tcPr" => xml.children(|_, element| {
                if element.name() == "gridSpan" {
                    let columns = element.attribute("val").and_then(|columns| columns.parse().ok());
                    cell.columns = columns.unwrap_or(1).clamp(1, 100);
                }
                Ok(())
            }),
            "p" => self.paragraph(xml, &mut cell.blocks),
            "tbl" => self.table(xml, &mut cell.blocks),
            "sdt" | "sdtContent" | "customXml" | "ins" | "moveTo" => self.blocks(xml, &mut cell.blocks),
            _ => Ok(()),
        })?;
        Ok(cell)
    }

    /// A document of another kind that is shown in this one.
    fn import(&mut self, element: &Element<'_>, out: &mut Vec<Block>) -> Result<(), ExtractError> {
        let id = element.prefixed("id").unwrap_or_default();
        let target = self.relationships.iter().find(|it| it.id == id).map(|it| it.target.clone()).unwrap_or_default();
        let Some(bytes) = self.package.part(&target)? else { return Ok(()) };
        let extension = extension(&target).unwrap_or_default();
        if extension == "docx" && self.imports < MAX_IMPORTS {
            let inner = read_at(&bytes, self.imports + 1)?;
            out.extend(inner.blocks);
            self.document.warnings.extend(inner.warnings);
        } else if matches!(extension.as_str(), "html" | "htm" | "xhtml") {
            let page = html::document(&bytes, None);
            out.extend(page.blocks);
            self.document.warnings.extend(page.warnings);
        } else if extension == "txt" {
            let decoded = super::encoding::decode_or_guess(&bytes, None)?;
            out.push(Block::Paragraph(decoded.text.into_owned()));
            self.document.warnings.extend(decoded.warning);
        } else {
            self.document.skipped(format!(
                "A part of the document was left out, because it is of another kind or nested too deep: {target}."
            ));
        }
        Ok(())
    }
}

#[derive(Default)]
struct Row {
    cells: Vec<Cell>,
    is_deleted: bool,
    is_header: bool,
}

fn properties(xml: &mut Xml<'_>, line: &mut Line) -> Result<(), ExtractError> {
    xml.children(|xml, element| {
        if element.name() == "pStyle" {
            line.style = element.attribute("val");
        }
        styles::place(xml, element, &mut line.place)
    })
}

#[derive(Clone, Copy, Default)]
struct RunStyle {
    is_hidden: bool,
    is_struck: bool,
}

fn run_style(xml: &mut Xml<'_>) -> Result<RunStyle, ExtractError> {
    let mut style = RunStyle::default();
    xml.children(|_, element| {
        let is_on = element.attribute("val").is_none() || element.is_on("val");
        match element.name() {
            "vanish" => style.is_hidden = is_on,
            "strike" | "dstrike" => style.is_struck |= is_on,
            _ => {}
        }
        Ok(())
    })?;
    Ok(style)
}

/// A character by its number. Those of symbol fonts have no meaning elsewhere.
fn symbol(element: &Element<'_>) -> Option<char> {
    let number = u32::from_str_radix(&element.attribute("char")?, 16).ok()?;
    char::from_u32(number).filter(|character| !('\u{e000}'..='\u{f8ff}').contains(character))
}
