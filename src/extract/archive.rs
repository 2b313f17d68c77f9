//! Looks into a ZIP container without unpacking it, to find its document kind and its declared size.

use std::io::{Cursor, Read};

use zip::ZipArchive;

use super::{FileKind, package::key};

/// A document may unpack to this many times its size; prose in XML reaches 20, repetitive sheets 60.
const MAX_RATIO: u64 = 200;
/// Below this unpacked size a high ratio does no harm.
const RATIO_FLOOR: u64 = 8 << 20;
const MAX_ENTRIES: usize = 20_000;

/// What a ZIP container turned out to be.
pub(super) enum Archive {
    Document(FileKind),
    /// A container of something else.
    Other(&'static str),
    /// The directory at its end is missing or wrong.
    Damaged,
    /// Unpacking it would take more than any honest document does.
    Bomb,
}

/// Reads the directory of a ZIP container. `max_unpacked` bounds the sum of the sizes that its entries declare.
///
/// The declared sizes may lie; the limits of the child process hold for those that do.
pub(super) fn inspect(bytes: &[u8], max_unpacked: u64) -> Archive {
    let Ok(mut archive) = ZipArchive::new(Cursor::new(bytes)) else {
        return Archive::Damaged;
    };
    if archive.len() > MAX_ENTRIES {
        return Archive::Bomb;
    }
    let mut unpacked: u64 = 0;
    for index in 0..archive.len() {
        let Ok(entry) = archive.by_index_raw(index) else {
            return Archive::Damaged;
        };
        unpacked = unpacked.saturating_add(entry.size());
    }
    let max_honest = (bytes.len() as u64).saturating_mul(MAX_RATIO).max(RATIO_FLOOR);
    if unpacked > max_unpacked.min(max_honest) {
        return Archive::Bomb;
    }

    let names: Vec<String> = archive.file_names_raw().map(|name| key(&String::from_utf8_lossy(name))).collect();
    let has = |start: &str| names.iter().any(|name| name.starts_with(start));
    // Every Office document has this part. Its folder tells the kind: writers name the main part in it as they like.
    let is_office = has("[content_types].xml");
    if is_office && has("word/") {
        Archive::Document(FileKind::Docx)
    } else if is_office && has("ppt/") {
        Archive::Document(FileKind::Pptx)
    } else if is_office && has("xl/workbook.bin") {
        Archive::Other("a binary Excel workbook (XLSB)")
    } else if is_office && has("xl/") {
        Archive::Document(FileKind::Xlsx)
    } else if has("meta-inf/container.xml") {
        Archive::Document(FileKind::Epub)
    } else {
        let media_type = stored_media_type(&mut archive);
        let essence = media_type.trim().trim_end_matches("-template");
        if !essence.starts_with("application/vnd.oasis.opendocument") {
            return Archive::Document(FileKind::Zip);
        }
        let kind = FileKind::ALL.iter().copied().find(|kind| kind.media_type() == essence);
        kind.map_or(Archive::Other("an OpenDocument file"), Archive::Document)
    }
}

/// The entry `mimetype`, by which OpenDocument names itself; it is stored, never compressed.
fn stored_media_type(archive: &mut ZipArchive<Cursor<&[u8]>>) -> String {
    let mut media_type = String::new();
    if let Ok(entry) = archive.by_name("mimetype") {
        // An unreadable entry leaves the text empty, which names nothing.
        drop(entry.take(100).read_to_string(&mut media_type));
    }
    media_type
}
