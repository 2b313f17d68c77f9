//! Presentations (PPTX) to blocks: slides in the order in which they are shown, each with its notes.

use super::{
    ExtractError,
    block::Block,
    document::Document,
    drawing::Body,
    package::{Package, target_of},
    table::{Cell, Table},
    text,
    xml::Xml,
};
use crate::domain::document::About;

/// Slides have a heading of this level; the presentation has the first.
const SLIDE_LEVEL: u8 = 2;

/// Reads a presentation.
pub(super) fn read(bytes: &[u8]) -> Result<Document, ExtractError> {
    let mut package = Package::open(bytes)?;
    let main = package.main_part("ppt/presentation.xml")?;
    let presentation = package.xml(&main)?.ok_or_else(super::detect::corrupt)?;
    let relationships = package.relationships(&main)?;
    let about = package.properties()?;
    let title = about.title.filter(|it| !text::is_made_up_title(it));
    let mut document = Document { about: About { title, ..about }, ..Document::default() };

    for (index, id) in slide_ids(&presentation)?.iter().enumerate() {
        document.blocks.push(Block::Page);
        let name = relationships.iter().find(|it| it.id == *id).map_or("", |it| it.target.as_str());
        let Some(slide) = read_slide(&mut package, name)? else {
            document.skipped(format!("Slide {} is missing in the file.", index + 1));
            continue;
        };
        if let Some(title) = slide.title.filter(|title| !title.trim().is_empty()) {
            if document.about.title.is_none() {
                document.about.title = Some(title.clone());
            }
            document.blocks.push(Block::Heading { level: SLIDE_LEVEL, text: title });
        }
        document.blocks.extend(slide.blocks);
    }
    Ok(document)
}

/// The relationships of the slides, in the order in which they are shown.
fn slide_ids(presentation: &str) -> Result<Vec<String>, ExtractError> {
    let mut ids = Vec::new();
    Xml::new(presentation).children(|xml, _| {
        xml.children(|xml, list| {
            if list.name() != "sldIdLst" {
                return Ok(());
            }
            xml.children(|_, slide| {
                ids.extend(slide.prefixed("id"));
                Ok(())
            })
        })
    })?;
    Ok(ids)
}

#[derive(Default)]
struct Slide {
    title: Option<String>,
    blocks: Vec<Block>,
}

fn read_slide(package: &mut Package<'_>, name: &str) -> Result<Option<Slide>, ExtractError> {
    let Some(part) = package.xml(name)? else { return Ok(None) };
    let relationships = package.relationships(name)?;
    let mut slide = Slide::default();
    slide.shapes(&mut Xml::new(&part))?;
    // Diagrams and charts are parts of their own.
    for drawn in relationships.iter().filter(|it| it.kind == "diagramData" || it.kind == "chart") {
        if let Some(part) = package.xml(&drawn.target)? {
            let mut body = Body::default();
            body.read_all(&mut Xml::new(&part))?;
            slide.blocks.extend(body.blocks);
        }
    }
    if let Some(notes) = target_of(&relationships, "notesSlide")
        && let Some(part) = package.xml(notes)?
    {
        slide.shapes(&mut Xml::new(&part))?;
    }
    Ok(Some(slide))
}

impl Slide {
    /// Reads the shapes in the element that was entered last.
    fn shapes(&mut self, xml: &mut Xml<'_>) -> Result<(), ExtractError> {
        xml.children(|xml, element| match element.name() {
            "sp" => self.shape(xml),
            "pic" => self.picture(xml),
            "tbl" => {
                let table = table(xml)?;
                self.blocks.extend(table.into_blocks());
                Ok(())
            }
            "sld" | "notes" | "cSld" | "spTree" | "grpSp" | "graphicFrame" | "graphic" | "graphicData" => {
                self.shapes(xml)
            }
            _ => Ok(()),
        })
    }

    fn shape(&mut self, xml: &mut Xml<'_>) -> Result<(), ExtractError> {
        let mut kind = None;
        let mut body = Body::default();
        xml.children(|xml, element| match element.name() {
            "nvSpPr" => placeholder(xml, &mut kind),
            "txBody" => body.read(xml),
            _ => Ok(()),
        })?;
        match kind.as_deref() {
            // The same on every slide.
            Some("dt" | "ftr" | "sldNum" | "hdr") => {}
            Some("title" | "ctrTitle") if self.title.is_none() => {
                let lines = body.blocks.into_iter().filter_map(|block| match block {
                    Block::Paragraph(text) | Block::Item { text, .. } => Some(text),
                    _ => None,
                });
                self.title = Some(lines.collect::<Vec<_>>().join(" "));
            }
            _ => self.blocks.append(&mut body.blocks),
        }
        Ok(())
    }

    /// What the author wrote of a picture. Its name comes from the program.
    fn picture(&mut self, xml: &mut Xml<'_>) -> Result<(), ExtractError> {
        xml.children(|xml, element| {
            if element.name() == "cNvPr" {
                self.blocks.extend(element.attribute("descr").map(Block::Paragraph));
            }
            self.picture(xml)
        })
    }
}

/// Finds out what a shape stands for on its slide.
fn placeholder(xml: &mut Xml<'_>, kind: &mut Option<String>) -> Result<(), ExtractError> {
    xml.children(|xml, element| {
        if element.name() == "ph" {
            *kind = element.attribute("type");
        }
        placeholder(xml, kind)
    })
}

fn table(xml: &mut Xml<'_>) -> Result<Table, ExtractError> {
    let mut table = Table { has_header: true, ..Table::default() };
    xml.children(|xml, element| {
        if element.name() == "tr" {
            let mut row = Vec::new();
            xml.children(|xml, element| {
                // A cell that another one covers is empty.
                if element.name() == "tc" {
                    let mut body = Body::default();
                    xml.children(|xml, element| if element.name() == "txBody" { body.read(xml) } else { Ok(()) })?;
                    row.push(Cell { blocks: body.blocks, columns: 1 });
                }
                Ok(())
            })?;
            table.rows.push(row);
        }
        Ok(())
    })?;
    Ok(table)
}
