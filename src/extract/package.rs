//! A ZIP container of parts: Office Open XML, OpenDocument, EPUB.

use std::{
    collections::HashMap,
    io::{Cursor, Read},
};

use zip::ZipArchive;

use super::{
    ExtractError, detect, moment,
    xml::{self, Xml},
};
use crate::domain::document::About;

/// Bytes that are set aside for an entry before any of it was seen.
const MAX_AT_ONCE: usize = 16 << 20;

/// The parts of a container, by their names as they should be.
pub(super) struct Package<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    places: HashMap<String, usize>,
}

/// A reference from one part to another.
pub(super) struct Relationship {
    pub id: String,
    /// The last word of its type, such as `slide`.
    pub kind: String,
    /// The name of the part; empty for what is outside the container.
    pub target: String,
}

impl<'a> Package<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, ExtractError> {
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| detect::corrupt())?;
        let names = archive.file_names_raw().map(|name| key(&String::from_utf8_lossy(name)));
        let places = names.enumerate().map(|(place, name)| (name, place)).collect();
        Ok(Self { archive, places })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.places.contains_key(&key(name))
    }

    /// The bytes of a part, if there is one of this name.
    ///
    /// # Errors
    /// `CorruptFile` where it can't be unpacked or is longer than it says, `PasswordProtected` where it is encrypted.
    pub(super) fn part(&mut self, name: &str) -> Result<Option<Vec<u8>>, ExtractError> {
        let Some(&place) = self.places.get(&key(name)) else { return Ok(None) };
        unpack(&mut self.archive, place).map(Some)
    }

    /// A part in XML.
    pub(super) fn xml(&mut self, name: &str) -> Result<Option<String>, ExtractError> {
        Ok(self.part(name)?.map(xml::decode))
    }

    /// Where the part of this name refers to. An empty name stands for the container.
    pub(super) fn relationships(&mut self, part: &str) -> Result<Vec<Relationship>, ExtractError> {
        let (folder, file) = part.rsplit_once('/').unwrap_or(("", part));
        let name = format!("{folder}/_rels/{file}.rels");
        let Some(document) = self.xml(&name)? else { return Ok(Vec::new()) };
        let mut relationships = Vec::new();
        Xml::new(&document).children(|xml, _| {
            xml.children(|_, element| {
                let value = |name: &str| element.attribute(name).unwrap_or_default();
                let kind = value("Type");
                let is_outside = value("TargetMode").eq_ignore_ascii_case("external");
                relationships.push(Relationship {
                    id: value("Id"),
                    kind: kind.rsplit_once('/').map_or(kind.as_str(), |(_, kind)| kind).to_owned(),
                    target: if is_outside { String::new() } else { resolve(folder, &value("Target")) },
                });
                Ok(())
            })
        })?;
        Ok(relationships)
    }

    /// The main part of an Office document, whatever its name is; `usual` is what most writers call it.
    pub(super) fn main_part(&mut self, usual: &str) -> Result<String, ExtractError> {
        let roots = self.relationships("")?;
        let main = roots.into_iter().find(|it| it.kind == "officeDocument" && self.has(&it.target));
        Ok(main.map_or_else(|| usual.to_owned(), |it| it.target))
    }

    /// What an Office document says of itself.
    pub(super) fn properties(&mut self) -> Result<About, ExtractError> {
        let roots = self.relationships("")?;
        let name = roots.into_iter().find(|it| it.kind == "core-properties").map(|it| it.target);
        let Some(document) = self.xml(name.as_deref().unwrap_or("docProps/core.xml"))? else {
            return Ok(About::default());
        };
        let mut about = About::default();
        // A damaged description is no reason to refuse the document.
        let _ = Xml::new(&document).children(|xml, _| {
            xml.children(|xml, element| {
                match element.name() {
                    "title" => about.title = Some(xml.text()?),
                    "language" => about.language = Some(xml.text()?),
                    "creator" => about.author = Some(xml.text()?),
                    "created" => about.created_at = moment::of_iso(&xml.text()?),
                    "modified" => about.modified_at = moment::of_iso(&xml.text()?),
                    _ => {}
                }
                Ok(())
            })
        });
        Ok(about)
    }
}

/// The bytes of an entry of a ZIP container. The declared sizes of the file were checked, those of a container in it were not.
///
/// # Errors
/// `CorruptFile` where it can't be unpacked or is longer than it says, `PasswordProtected` where it is encrypted.
pub(super) fn unpack(archive: &mut ZipArchive<Cursor<&[u8]>>, place: usize) -> Result<Vec<u8>, ExtractError> {
    if archive.by_index_raw(place).is_ok_and(|entry| entry.encrypted()) {
        return Err(detect::locked());
    }
    let entry = archive.by_index(place).map_err(|_| detect::corrupt())?;
    let size = entry.size();
    let mut bytes = Vec::with_capacity(usize::try_from(size).map_or(MAX_AT_ONCE, |size| size.min(MAX_AT_ONCE)));
    // What lies about its size is read no further.
    entry.take(size.saturating_add(1)).read_to_end(&mut bytes).map_err(|_| detect::corrupt())?;
    if bytes.len() as u64 == size { Ok(bytes) } else { Err(detect::corrupt()) }
}

/// The part of a kind that `relationships` name.
pub(super) fn target_of<'a>(relationships: &'a [Relationship], kind: &str) -> Option<&'a str> {
    relationships.iter().find(|it| it.kind == kind && !it.target.is_empty()).map(|it| it.target.as_str())
}

/// A name as containers should write it: with slashes between folders, none before them, and no difference of case.
pub(super) fn key(name: &str) -> String {
    name.replace('\\', "/").trim_start_matches('/').to_lowercase()
}

/// The name that a reference from a part in `folder` means.
pub(super) fn resolve(folder: &str, reference: &str) -> String {
    let reference = reference.replace('\\', "/");
    let reference = reference.split(['#', '?']).next().unwrap_or_default();
    let mut folders: Vec<&str> =
        if reference.starts_with('/') { Vec::new() } else { folder.split('/').filter(|it| !it.is_empty()).collect() };
    for step in reference.split('/') {
        match step {
            "" | "." => {}
            ".." => drop(folders.pop()),
            step => folders.push(step),
        }
    }
    folders.join("/")
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn references_are_relative_to_the_folder_of_their_part() {
        assert_eq!(resolve("ppt/slides", "../notesSlides/n.xml"), "ppt/notesSlides/n.xml");
        assert_eq!(resolve("word", "/word/document2.xml"), "word/document2.xml");
        assert_eq!(resolve("word", "media\\image1.png"), "word/media/image1.png");
        assert_eq!(resolve("", "../../etc/passwd"), "etc/passwd");
        assert_eq!(resolve("OEBPS", "a.xhtml#part"), "OEBPS/a.xhtml");
    }
}
