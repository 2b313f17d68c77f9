//! Text in DrawingML, which presentations are made of and other Office documents contain.

use super::{
    ExtractError,
    block::Block,
    equation::equation,
    xml::{Element, Xml},
};

/// The paragraphs of one body of text.
#[derive(Default)]
pub(super) struct Body {
    pub blocks: Vec<Block>,
    /// The last number of the list at each level.
    counts: Vec<u32>,
}

#[derive(Default)]
struct Paragraph {
    text: String,
    level: usize,
    mark: Mark,
}

/// What stands before a paragraph.
#[derive(Clone, Copy, Default)]
enum Mark {
    #[default]
    Nothing,
    Point,
    /// Its number, if it is the first.
    Number(u32),
}

impl Body {
    /// Reads the paragraphs in the element that was entered last.
    pub(super) fn read(&mut self, xml: &mut Xml<'_>) -> Result<(), ExtractError> {
        xml.children(|xml, element| if element.name() == "p" { self.paragraph(xml) } else { Ok(()) })
    }

    /// Reads the paragraphs anywhere in the element that was entered last.
    pub(super) fn read_all(&mut self, xml: &mut Xml<'_>) -> Result<(), ExtractError> {
        xml.children(|xml, element| if element.name() == "p" { self.paragraph(xml) } else { self.read_all(xml) })
    }

    fn paragraph(&mut self, xml: &mut Xml<'_>) -> Result<(), ExtractError> {
        let mut paragraph = Paragraph::default();
        xml.children(|xml, element| inline(xml, element, &mut paragraph))?;
        let Paragraph { text, level, mark } = paragraph;
        if text.trim().is_empty() {
            return Ok(());
        }
        let before = self.counts.get(level).copied();
        self.counts.truncate(level);
        let marker = match mark {
            Mark::Nothing => {
                self.blocks.push(Block::Paragraph(text));
                return Ok(());
            }
            Mark::Point => "-".to_owned(),
            Mark::Number(first) => {
                let number = before.filter(|&count| count > 0).map_or(first, |count| count.saturating_add(1));
                self.counts.resize(level, 0);
                self.counts.push(number);
                format!("{number}.")
            }
        };
        self.blocks.push(Block::Item { depth: level, marker, is_first: false, text });
        Ok(())
    }
}

fn inline(xml: &mut Xml<'_>, element: &Element<'_>, paragraph: &mut Paragraph) -> Result<(), ExtractError> {
    match element.name() {
        "pPr" => {
            paragraph.level = element.attribute("lvl").and_then(|level| level.parse().ok()).unwrap_or(0).min(8);
            xml.children(|_, element| {
                match element.name() {
                    "buChar" | "buBlip" => paragraph.mark = Mark::Point,
                    "buAutoNum" => {
                        let first = element.attribute("startAt").and_then(|first| first.parse().ok());
                        paragraph.mark = Mark::Number(first.unwrap_or(1));
                    }
                    _ => {}
                }
                Ok(())
            })
        }
        "fld" if element.attribute("type").is_some_and(|kind| kind == "slidenum") => Ok(()),
        "r" | "fld" => xml.children(|xml, element| {
            if element.name() == "t" {
                paragraph.text.push_str(&xml.text()?);
            }
            Ok(())
        }),
        "br" => {
            paragraph.text.push('\n');
            Ok(())
        }
        "m" | "oMath" | "oMathPara" => {
            paragraph.text.push_str(&equation(xml)?);
            Ok(())
        }
        _ => Ok(()),
    }
}
