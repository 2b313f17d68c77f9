//! The numbers of a Word document's lists, counted as Word counts them: across the whole document.

use std::collections::HashMap;

use super::super::{ExtractError, xml::Xml};

/// Word has nine levels.
const MAX_LEVELS: usize = 9;

#[derive(Clone)]
struct Level {
    start: u32,
    format: String,
    /// The text of the number, with `%1` for the number of the first level.
    text: String,
}

impl Default for Level {
    fn default() -> Self {
        Self { start: 1, format: "decimal".to_owned(), text: String::new() }
    }
}

#[derive(Default)]
struct List {
    /// The definition that it shares with others.
    definition: String,
    /// Levels that begin with another number here.
    starts: HashMap<usize, u32>,
    has_begun: bool,
}

#[derive(Default)]
pub(super) struct Numbering {
    definitions: HashMap<String, Vec<Level>>,
    lists: HashMap<u32, List>,
    /// The last number of each level, by definition.
    counts: HashMap<String, Vec<Option<u32>>>,
}

impl Numbering {
    pub(super) fn read(document: &str) -> Result<Self, ExtractError> {
        let mut numbering = Self::default();
        Xml::new(document).children(|xml, _| {
            xml.children(|xml, element| {
                match element.name() {
                    "abstractNum" => {
                        let id = element.attribute("abstractNumId").unwrap_or_default();
                        numbering.definitions.insert(id, levels(xml)?);
                    }
                    "num" => {
                        let id = element.attribute("numId").and_then(|id| id.parse().ok()).unwrap_or(0);
                        numbering.lists.insert(id, list(xml)?);
                    }
                    _ => {}
                }
                Ok(())
            })
        })?;
        Ok(numbering)
    }

    /// What stands before the next item of a list at this level; nothing where the level has no mark.
    pub(super) fn next(&mut self, list: u32, level: usize) -> Option<String> {
        let level = level.min(MAX_LEVELS - 1);
        let list = self.lists.get_mut(&list)?;
        let counts = self.counts.entry(list.definition.clone()).or_insert_with(|| vec![None; MAX_LEVELS]);
        if !std::mem::replace(&mut list.has_begun, true) {
            for &level in list.starts.keys() {
                if let Some(count) = counts.get_mut(level) {
                    *count = None;
                }
            }
        }
        let levels = self.definitions.get(&list.definition).map(Vec::as_slice).unwrap_or_default();
        let default = Level { text: format!("%{}.", level + 1), ..Level::default() };
        let of = |at: usize| levels.get(at).unwrap_or(&default);
        let start = |at: usize| list.starts.get(&at).copied().unwrap_or(of(at).start);
        for (at, count) in counts.iter_mut().enumerate() {
            match at.cmp(&level) {
                // A level that was passed over counts as its first number.
                std::cmp::Ordering::Less => *count = count.or(Some(start(at))),
                std::cmp::Ordering::Equal => *count = Some(count.map_or(start(at), |count| count.saturating_add(1))),
                std::cmp::Ordering::Greater => *count = None,
            }
        }
        if of(level).format == "bullet" {
            return Some("-".to_owned());
        }
        let mut marker = of(level).text.clone();
        for (at, count) in counts.iter().enumerate().take(level + 1) {
            let number = count.map(|count| format(count, &of(at).format)).unwrap_or_default();
            marker = marker.replace(&format!("%{}", at + 1), &number);
        }
        let marker = marker.trim();
        (!marker.is_empty()).then(|| marker.to_owned())
    }
}

fn levels(xml: &mut Xml<'_>) -> Result<Vec<Level>, ExtractError> {
    let mut levels = Vec::new();
    xml.children(|xml, element| {
        if element.name() == "lvl" {
            let at = element.attribute("ilvl").and_then(|level| level.parse().ok()).unwrap_or(0);
            if at < MAX_LEVELS {
                levels.resize(levels.len().max(at + 1), Level::default());
                levels[at] = level(xml)?;
            }
        }
        Ok(())
    })?;
    Ok(levels)
}

fn level(xml: &mut Xml<'_>) -> Result<Level, ExtractError> {
    let mut level = Level::default();
    xml.children(|_, element| {
        let value = || element.attribute("val").unwrap_or_default();
        match element.name() {
            "start" => level.start = value().parse().unwrap_or(1),
            "numFmt" => level.format = value(),
            "lvlText" => level.text = value(),
            _ => {}
        }
        Ok(())
    })?;
    Ok(level)
}

fn list(xml: &mut Xml<'_>) -> Result<List, ExtractError> {
    let mut list = List::default();
    xml.children(|xml, element| {
        match element.name() {
            "abstractNumId" => list.definition = element.attribute("val").unwrap_or_default(),
            "lvlOverride" => {
                let level = element.attribute("ilvl").and_then(|level| level.parse().ok()).unwrap_or(0);
                xml.children(|_, element| {
                    if element.name() == "startOverride"
                        && let Some(start) = element.attribute("val").and_then(|start| start.parse().ok())
                    {
                        list.starts.insert(level, start);
                    }
                    Ok(())
                })?;
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(list)
}

/// A number as a list writes it.
fn format(number: u32, format: &str) -> String {
    match format {
        "none" => String::new(),
        "decimalZero" => format!("{number:02}"),
        "lowerLetter" => letters(number).to_lowercase(),
        "upperLetter" => letters(number),
        "lowerRoman" => roman(number).to_lowercase(),
        "upperRoman" => roman(number),
        _ => number.to_string(),
    }
}

/// A to Z, then AA to ZZ.
fn letters(number: u32) -> String {
    let Some(index) = number.checked_sub(1) else { return "0".to_owned() };
    let letter = char::from(b'A' + u8::try_from(index % 26).unwrap_or_default());
    let times = usize::try_from(index / 26).unwrap_or_default().min(8) + 1;
    String::from(letter).repeat(times)
}

fn roman(number: u32) -> String {
    const DIGITS: [(u32, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    if number == 0 || number > 3999 {
        return number.to_string();
    }
    let mut rest = number;
    let mut roman = String::new();
    for (value, digits) in DIGITS {
        while rest >= value {
            roman.push_str(digits);
            rest -= value;
        }
    }
    roman
}

#[cfg(test)]
mod tests {
    use super::{Numbering, format};

    #[test]
    fn numbers_go_on_across_the_document_and_inner_levels_begin_again() {
        let document = "<w:numbering><w:abstractNum w:abstractNumId='0'><w:lvl w:ilvl='0'><w:numFmt w:val='decimal'/>\
             <w:lvlText w:val='%1.'/></w:lvl><w:lvl w:ilvl='1'><w:numFmt w:val='lowerLetter'/><w:lvlText w:val='%1.%2)'/></w:lvl>\
             </w:abstractNum><w:num w:numId='1'><w:abstractNumId w:val='0'/></w:num><w:num w:numId='2'><w:abstractNumId \
             w:val='0'/><w:lvlOverride w:ilvl='0'><w:startOverride w:val='7'/></w:lvlOverride></w:num></w:numbering>";
        let mut numbering = Numbering::read(document).unwrap();
        let mut next = |list, level| numbering.next(list, level).unwrap();
        assert_eq!([next(1, 0), next(1, 1), next(1, 1), next(1, 0)], ["1.", "1.a)", "1.b)", "2."]);
        assert_eq!([next(1, 1), next(2, 0), next(2, 0), next(1, 0)], ["2.a)", "7.", "8.", "9."]);
        assert_eq!(numbering.next(99, 0), None);
    }

    #[test]
    fn numbers_are_written_as_letters_and_roman_digits() {
        assert_eq!(format(28, "upperLetter"), "BB");
        assert_eq!(format(1994, "lowerRoman"), "mcmxciv");
    }
}
