//! The styles of a Word document: which are headings, and which are items of lists.

use std::collections::HashMap;

use super::super::{
    ExtractError,
    xml::{Element, Xml},
};

/// Styles that stand on each other; more are a circle.
const MAX_ANCESTORS: usize = 20;

/// What a paragraph says of its place in the document, itself or by its style.
#[derive(Clone, Default, Debug)]
pub(super) struct Place {
    /// The level of its outline, from 0; 9 is text.
    pub outline: Option<u8>,
    /// Its list; 0 is none.
    pub list: Option<u32>,
    /// Its level in that list, from 0.
    pub level: Option<usize>,
}

impl Place {
    /// What is not said here, as `below` says it.
    pub(super) fn or(self, below: &Self) -> Self {
        Self {
            outline: self.outline.or(below.outline),
            list: self.list.or(below.list),
            level: self.level.or(below.level),
        }
    }

    /// The level of the heading that it is, from 1.
    pub(super) fn heading(&self) -> Option<u8> {
        self.outline.filter(|&level| level < 9).map(|level| level + 1)
    }
}

#[derive(Default)]
struct Style {
    place: Place,
    parent: Option<String>,
}

#[derive(Default)]
pub(super) struct Styles(HashMap<String, Style>);

impl Styles {
    pub(super) fn read(document: &str) -> Result<Self, ExtractError> {
        let mut styles = HashMap::new();
        Xml::new(document).children(|xml, _| {
            xml.children(|xml, element| {
                if element.name() == "style" && element.attribute("type").is_none_or(|kind| kind == "paragraph") {
                    styles.insert(element.attribute("styleId").unwrap_or_default(), style(xml)?);
                }
                Ok(())
            })
        })?;
        Ok(Self(styles))
    }

    /// The place of paragraphs in this style.
    pub(super) fn place(&self, id: &str) -> Place {
        let mut place = Place::default();
        let mut next = Some(id);
        for _ in 0..MAX_ANCESTORS {
            let Some(style) = next.and_then(|id| self.0.get(id)) else { break };
            place = place.or(&style.place);
            next = style.parent.as_deref();
        }
        if !self.0.contains_key(id) {
            // The file does not describe it; its id is most often its name.
            place.outline = outline_of(id);
        }
        place
    }
}

fn style(xml: &mut Xml<'_>) -> Result<Style, ExtractError> {
    let mut style = Style::default();
    let mut named = None;
    xml.children(|xml, element| {
        match element.name() {
            "name" => named = element.attribute("val").and_then(|name| outline_of(&name)),
            "basedOn" => style.parent = element.attribute("val"),
            "pPr" => xml.children(|xml, element| place(xml, element, &mut style.place))?,
            _ => {}
        }
        Ok(())
    })?;
    style.place.outline = style.place.outline.or(named);
    Ok(style)
}

/// Reads a property of a paragraph that says something of its place.
pub(super) fn place(xml: &mut Xml<'_>, element: &Element<'_>, place: &mut Place) -> Result<(), ExtractError> {
    match element.name() {
        "outlineLvl" => place.outline = number(element),
        "numPr" => xml.children(|_, element| {
            match element.name() {
                "ilvl" => place.level = number(element),
                "numId" => place.list = number(element),
                _ => {}
            }
            Ok(())
        })?,
        _ => {}
    }
    Ok(())
}

fn number<T: std::str::FromStr>(element: &Element<'_>) -> Option<T> {
    element.attribute("val")?.trim().parse().ok()
}

/// The outline level that the name of a style stands for, in every language of Word: `heading 1`, `Title`.
fn outline_of(name: &str) -> Option<u8> {
    let name = name.to_lowercase();
    if name == "title" {
        return Some(0);
    }
    let level: u8 = name.strip_prefix("heading")?.trim().parse().ok()?;
    (1..=9).contains(&level).then(|| level - 1)
}
