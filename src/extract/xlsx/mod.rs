//! Workbooks (XLSX) to blocks: a table for each sheet, with its values as the cells show them.

mod format;

use std::collections::{BTreeSet, HashMap};

use super::{
    ExtractError,
    block::Block,
    detect,
    document::Document,
    drawing::Body,
    package::{Package, Relationship, target_of},
    xml::{Element, Xml},
};
use format::{Format, general};

/// Columns of the widest sheet.
const MAX_COLUMNS: usize = 16_384;

/// Reads a workbook into at most `max_bytes` of text. A sheet repeats the texts that its cells share, so a small file can
/// hold a great deal.
pub(super) fn read(bytes: &[u8], max_bytes: usize) -> Result<Document, ExtractError> {
    let mut package = Package::open(bytes)?;
    let main = package.main_part("xl/workbook.xml")?;
    let workbook = package.xml(&main)?.ok_or_else(detect::corrupt)?;
    let relationships = package.relationships(&main)?;
    let about = package.properties()?;
    let Workbook { sheets, from_1904 } = workbook_of(&workbook)?;
    let texts = match target_of(&relationships, "sharedStrings") {
        Some(name) => package.xml(name)?.map_or_else(|| Ok(Vec::new()), |part| shared_texts(&part))?,
        None => Vec::new(),
    };
    let formats = match target_of(&relationships, "styles") {
        Some(name) => package.xml(name)?.map_or_else(|| Ok(Vec::new()), |part| formats_of(&part))?,
        None => Vec::new(),
    };

    let mut reader = Reader { texts, formats, from_1904, left: max_bytes, max_bytes };
    let mut document = Document { about, ..Document::default() };
    for sheet in sheets {
        let name = relationships.iter().find(|it| it.id == sheet.relationship).map_or("", |it| it.target.as_str());
        let Some(part) = package.xml(name)? else {
            document.skipped(format!("The sheet «{}» is missing in the file.", sheet.name));
            continue;
        };
        let mut content = reader.sheet(&part)?;
        let related = package.relationships(name)?;
        content.extend(drawn(&mut package, &related)?);
        if !content.is_empty() {
            document.blocks.push(Block::Heading { level: 2, text: sheet.name });
            document.blocks.append(&mut content);
        }
    }
    Ok(document)
}

struct Sheet {
    name: String,
    relationship: String,
}

struct Workbook {
    sheets: Vec<Sheet>,
    /// Whether day 0 is in 1904, as on old Macintoshes.
    from_1904: bool,
}

fn workbook_of(part: &str) -> Result<Workbook, ExtractError> {
    let mut workbook = Workbook { sheets: Vec::new(), from_1904: false };
    Xml::new(part).children(|xml, _| {
        xml.children(|xml, element| match element.name() {
            "workbookPr" => {
                workbook.from_1904 = element.is_on("date1904");
                Ok(())
            }
            "sheets" => xml.children(|_, sheet| {
                // Only a program can show these.
                if sheet.attribute("state").is_none_or(|state| state != "veryHidden") {
                    workbook.sheets.push(Sheet {
                        name: sheet.attribute("name").unwrap_or_default(),
                        relationship: sheet.prefixed("id").unwrap_or_default(),
                    });
                }
                Ok(())
            }),
            _ => Ok(()),
        })
    })?;
    Ok(workbook)
}

fn shared_texts(part: &str) -> Result<Vec<String>, ExtractError> {
    let mut texts = Vec::new();
    Xml::new(part).children(|xml, _| {
        xml.children(|xml, element| {
            if element.name() == "si" {
                texts.push(rich_text(xml)?);
            }
            Ok(())
        })
    })?;
    Ok(texts)
}

/// The text of a cell in its runs, without how it is read aloud (`rPh`).
fn rich_text(xml: &mut Xml<'_>) -> Result<String, ExtractError> {
    let mut text = String::new();
    xml.children(|xml, element| {
        match element.name() {
            "t" => text.push_str(&xml.text()?),
            "r" => text.push_str(&rich_text(xml)?),
            _ => {}
        }
        Ok(())
    })?;
    Ok(text)
}

/// The format of each style of cells.
fn formats_of(part: &str) -> Result<Vec<Format>, ExtractError> {
    let mut own: HashMap<u32, String> = HashMap::new();
    let mut ids: Vec<u32> = Vec::new();
    let number = |element: &Element<'_>| element.attribute("numFmtId").and_then(|id| id.parse().ok()).unwrap_or(0);
    Xml::new(part).children(|xml, _| {
        xml.children(|xml, section| match section.name() {
            "numFmts" => xml.children(|_, element| {
                own.insert(number(element), element.attribute("formatCode").unwrap_or_default());
                Ok(())
            }),
            "cellXfs" => xml.children(|_, element| {
                ids.push(number(element));
                Ok(())
            }),
            _ => Ok(()),
        })
    })?;
    let format = |id: u32| own.get(&id).map_or_else(|| Format::built_in(id), |code| Format::parse(code));
    Ok(ids.into_iter().map(format).collect())
}

struct Reader {
    texts: Vec<String>,
    formats: Vec<Format>,
    from_1904: bool,
    /// Bytes of text that may still come.
    left: usize,
    max_bytes: usize,
}

/// A row with the columns of its texts.
type Row = Vec<(usize, String)>;

impl Reader {
    fn sheet(&mut self, part: &str) -> Result<Vec<Block>, ExtractError> {
        let mut rows: Vec<Row> = Vec::new();
        Xml::new(part).children(|xml, _| {
            xml.children(|xml, section| {
                if section.name() != "sheetData" {
                    return Ok(());
                }
                xml.children(|xml, _| {
                    let row = self.row(xml)?;
                    if !row.is_empty() {
                        rows.push(row);
                    }
                    Ok(())
                })
            })
        })?;
        Ok(blocks_of(rows))
    }

    fn row(&mut self, xml: &mut Xml<'_>) -> Result<Row, ExtractError> {
        let mut row = Row::new();
        let mut next = 0;
        xml.children(|xml, cell| {
            let column = cell.attribute("r").and_then(|place| column_of(&place)).unwrap_or(next).min(MAX_COLUMNS);
            next = column + 1;
            let text = self.cell(xml, cell)?;
            if !text.trim().is_empty() {
                self.left =
                    self.left.checked_sub(text.len()).ok_or_else(|| ExtractError::too_much_text(self.max_bytes))?;
                row.push((column, text));
            }
            Ok(())
        })?;
        Ok(row)
    }

    fn cell(&self, xml: &mut Xml<'_>, cell: &Element<'_>) -> Result<String, ExtractError> {
        let (mut value, mut inline) = (None, None);
        xml.children(|xml, element| {
            match element.name() {
                "v" => value = Some(xml.text()?),
                "is" => inline = Some(rich_text(xml)?),
                _ => {}
            }
            Ok(())
        })?;
        let Some(value) = value else { return Ok(inline.unwrap_or_default()) };
        Ok(match cell.attribute("t").as_deref() {
            Some("s") => {
                value.trim().parse().ok().and_then(|at: usize| self.texts.get(at)).cloned().unwrap_or_default()
            }
            Some("b") => (if value.trim() == "1" { "TRUE" } else { "FALSE" }).to_owned(),
            Some("str" | "inlineStr" | "e" | "d") => value,
            _ => match value.trim().parse::<f64>() {
                Ok(number) => self.number(number, cell),
                Err(_) => value,
            },
        })
    }

    fn number(&self, number: f64, cell: &Element<'_>) -> String {
        let style = cell.attribute("s").and_then(|style| style.parse::<usize>().ok()).unwrap_or(0);
        match self.formats.get(style) {
            Some(format) => format.show(number, self.from_1904),
            None => general(number),
        }
    }
}

/// The column of a place such as `AB12`, from 0.
fn column_of(place: &str) -> Option<usize> {
    let letters = place.bytes().take_while(u8::is_ascii_alphabetic);
    let number = letters.fold(0_usize, |number, letter| {
        number.saturating_mul(26).saturating_add(usize::from(letter.to_ascii_uppercase() - b'A') + 1)
    });
    number.checked_sub(1)
}

/// The rows as a table. What stands alone above it is a title of it and not its header.
fn blocks_of(rows: Vec<Row>) -> Vec<Block> {
    let columns: BTreeSet<usize> = rows.iter().flatten().map(|(column, _)| *column).collect();
    let columns: Vec<usize> = columns.into_iter().collect();
    let mut rows = rows.into_iter().peekable();
    let mut blocks = Vec::new();
    while columns.len() > 1
        && let Some(row) = rows.next_if(|row| row.len() == 1)
    {
        blocks.extend(row.into_iter().map(|(_, text)| Block::Paragraph(text)));
    }
    let table: Vec<Vec<String>> = rows
        .map(|row| {
            let mut cells = vec![String::new(); columns.len()];
            for (column, text) in row {
                if let Ok(place) = columns.binary_search(&column) {
                    cells[place] = text;
                }
            }
            cells
        })
        .collect();
    if !table.is_empty() {
        blocks.push(Block::Table(table));
    }
    blocks
}

/// Texts in boxes, charts and comments of a sheet.
fn drawn(package: &mut Package<'_>, related: &[Relationship]) -> Result<Vec<Block>, ExtractError> {
    let mut blocks = Vec::new();
    for part in related.iter().filter(|it| it.kind == "drawing") {
        let inner = package.relationships(&part.target)?;
        let charts = inner.iter().filter(|it| it.kind == "chart").map(|it| it.target.as_str());
        for name in std::iter::once(part.target.as_str()).chain(charts) {
            if let Some(part) = package.xml(name)? {
                let mut body = Body::default();
                body.read_all(&mut Xml::new(&part))?;
                blocks.append(&mut body.blocks);
            }
        }
    }
    for part in related.iter().filter(|it| it.kind == "comments") {
        if let Some(part) = package.xml(&part.target)? {
            blocks.extend(comments(&part)?);
        }
    }
    Ok(blocks)
}

fn comments(part: &str) -> Result<Vec<Block>, ExtractError> {
    let mut blocks = Vec::new();
    Xml::new(part).children(|xml, _| {
        xml.children(|xml, list| {
            if list.name() != "commentList" {
                return Ok(());
            }
            xml.children(|xml, comment| {
                let place = comment.attribute("ref").unwrap_or_default();
                xml.children(|xml, element| {
                    if element.name() == "text" {
                        blocks.push(Block::Paragraph(format!("{place}: {}", rich_text(xml)?)));
                    }
                    Ok(())
                })
            })
        })
    })?;
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use super::{Block, blocks_of, column_of};

    #[test]
    fn places_have_columns() {
        assert_eq!([column_of("A1"), column_of("Z9"), column_of("AA1")], [Some(0), Some(25), Some(26)]);
        assert_eq!(column_of("12"), None);
    }

    #[test]
    fn a_title_above_a_table_is_not_its_header() {
        let text = |column, text: &str| (column, text.to_owned());
        let rows = vec![vec![text(0, "Peaks")], vec![text(0, "Name"), text(2, "Height")], vec![text(2, "8849")]];
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let expected =
            [Block::Paragraph("Peaks".into()), Block::Table(vec![row(["Name", "Height"]), row(["", "8849"])])];
        assert_eq!(blocks_of(rows), expected);
    }
}
