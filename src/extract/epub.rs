//! Books (EPUB) to blocks: their chapters in reading order.

use std::collections::{HashMap, HashSet};

use super::{
    ExtractError, detect,
    document::Document,
    html, moment,
    package::{Package, key, resolve},
    xml::Xml,
};
use crate::domain::document::{About, ProcessingErrorCode};

/// Reads a book.
pub(super) fn read(bytes: &[u8]) -> Result<Document, ExtractError> {
    let mut package = Package::open(bytes)?;
    let container = package.xml("META-INF/container.xml")?.ok_or_else(detect::corrupt)?;
    let name = package_document(&container)?.ok_or_else(detect::corrupt)?;
    let opf = package.xml(&name)?.ok_or_else(detect::corrupt)?;
    let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
    let Contents { about, chapters } = contents(&opf, folder)?;
    let locked = locked_parts(&mut package)?;

    let mut document = Document { about, ..Document::default() };
    for chapter in chapters {
        if locked.contains(&key(&chapter)) {
            return Err(ExtractError::permanent(
                ProcessingErrorCode::PasswordProtected,
                "The book is protected against copying (DRM). Upload an edition without protection.",
            ));
        }
        let Some(bytes) = package.part(&chapter)? else {
            document.skipped(format!("A chapter is missing in the file: {chapter}."));
            continue;
        };
        let page = html::document(&bytes, None);
        document.about.language = document.about.language.or_else(|| page.about.language.clone());
        document.append(page);
    }
    Ok(document)
}

/// The name of the part that describes the book.
fn package_document(container: &str) -> Result<Option<String>, ExtractError> {
    let mut name = None;
    Xml::new(container).children(|xml, _| {
        xml.children(|xml, _| {
            xml.children(|_, element| {
                if element.name() == "rootfile" && name.is_none() {
                    name = element.attribute("full-path");
                }
                Ok(())
            })
        })
    })?;
    Ok(name)
}

struct Contents {
    about: About,
    /// Names of parts, in reading order.
    chapters: Vec<String>,
}

fn contents(opf: &str, folder: &str) -> Result<Contents, ExtractError> {
    let mut about = About::default();
    let mut items = HashMap::new();
    let mut in_order = Vec::new();
    let mut spine = Vec::new();
    Xml::new(opf).children(|xml, _| {
        xml.children(|xml, section| match section.name() {
            "metadata" => xml.children(|xml, element| {
                match element.name() {
                    "title" if about.title.is_none() => about.title = Some(xml.text()?),
                    "language" if about.language.is_none() => about.language = Some(xml.text()?),
                    "creator" if about.author.is_none() => about.author = Some(xml.text()?),
                    "date" if about.created_at.is_none() => about.created_at = moment::of_iso(&xml.text()?),
                    "meta" if element.attribute("property").as_deref() == Some("dcterms:modified") => {
                        about.modified_at = moment::of_iso(&xml.text()?);
                    }
                    _ => {}
                }
                Ok(())
            }),
            "manifest" => xml.children(|_, item| {
                let value = |name: &str| item.attribute(name).unwrap_or_default();
                let name = resolve(folder, &percent_decoded(&value("href")));
                if value("media-type").contains("html") {
                    in_order.push(name.clone());
                }
                items.insert(value("id"), name);
                Ok(())
            }),
            "spine" => xml.children(|_, item| {
                spine.extend(item.attribute("idref"));
                Ok(())
            }),
            _ => Ok(()),
        })
    })?;
    let mut chapters: Vec<String> = spine.iter().filter_map(|id| items.remove(id)).collect();
    if chapters.is_empty() {
        chapters = in_order;
    }
    Ok(Contents { about, chapters })
}

/// The parts that are encrypted, most often fonts.
fn locked_parts(package: &mut Package<'_>) -> Result<HashSet<String>, ExtractError> {
    let mut locked = HashSet::new();
    if let Some(part) = package.xml("META-INF/encryption.xml")? {
        find_references(&mut Xml::new(&part), &mut locked)?;
    }
    Ok(locked)
}

fn find_references(xml: &mut Xml<'_>, found: &mut HashSet<String>) -> Result<(), ExtractError> {
    xml.children(|xml, element| {
        if element.name() == "CipherReference" {
            found.extend(element.attribute("URI").map(|uri| key(&percent_decoded(&uri))));
        }
        find_references(xml, found)
    })
}

fn percent_decoded(reference: &str) -> String {
    let mut bytes = Vec::with_capacity(reference.len());
    let mut rest = reference.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = (byte == b'%').then(|| after.get(..2)).flatten();
        let escaped = escaped.and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(escaped) = escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            bytes.push(escaped);
            rest = &after[2..];
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
