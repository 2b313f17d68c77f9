//! Finds out what a file is: from its bytes first, then from its name and declared type.
//!
//! Bytes decide, the name must agree. A file that is not what its name says is refused with both facts, because guessing
//! would index noise or hide a mistake of the sender.

use encoding_rs::Encoding;

use crate::domain::document::ProcessingErrorCode as Code;

use super::archive::{self, Archive};
use super::content::HEAD_BYTES;
use super::{ExtractError, FileKind, Input, encoding, mail, outlook};

const SUPPORTED: &str = "Supported formats are plain text, Markdown, HTML, PDF, DOCX, PPTX, XLSX, ODT, ODS, ODP, EPUB, RTF, \
     mail (EML, MSG, MBOX), saved pages (MHTML), CSV, TSV, JSON, XML, notebooks (IPYNB), subtitles (SRT, VTT), calendars \
     (ICS), contacts (VCF), reStructuredText, AsciiDoc, LaTeX, source code and ZIP archives of such files.";

/// What the bytes alone show.
enum Content {
    /// One of the kinds with an unmistakable beginning.
    Document(FileKind),
    /// Characters; which kind of text is up to the name.
    Text,
    /// Perhaps text, in an encoding that its bytes do not show.
    UnclearText,
    /// A known kind without a reader.
    Foreign(&'static str),
    /// Neither text nor a known format.
    Noise,
    /// An Office document inside an encrypted container.
    Locked,
    DamagedArchive,
    Bomb,
}

/// The kind of the file with these bytes.
///
/// `max_unpacked` bounds the sum of the sizes that a ZIP container declares for its parts.
///
/// # Errors
/// `EmptyFile`, `FormatMismatch`, `UnsupportedFormat`, `InvalidEncoding`, `CorruptFile`, `PasswordProtected` or
/// `LimitExceeded`, none of which trying again can change.
pub(super) fn detect(input: Input<'_>, max_unpacked: u64) -> Result<FileKind, ExtractError> {
    let Input { bytes, file_name, declared_type } = input;
    if bytes.is_empty() {
        return Err(ExtractError::permanent(Code::EmptyFile, "The file is empty. Check it and upload it again."));
    }
    let claim = Claim::of(file_name, declared_type);
    match look(bytes, encoding::declared(declared_type), max_unpacked) {
        Content::Document(found) => match claim {
            Some(claim) if claim.kind != found => Err(claim.mismatch(found.label())),
            _ => Ok(found),
        },
        Content::Text | Content::UnclearText => match claim {
            None if looks_like_html(bytes) => Ok(FileKind::Html),
            None => Ok(FileKind::PlainText),
            Some(claim) => claim.check_text(bytes),
        },
        Content::Foreign(what) => Err(match claim {
            Some(claim) => claim.mismatch(what),
            None => ExtractError::permanent(
                Code::UnsupportedFormat,
                format!("The file is {what}, which is not supported. {SUPPORTED}"),
            ),
        }),
        Content::Noise => Err(match claim {
            Some(claim) => claim.mismatch("binary data of an unknown kind"),
            None => ExtractError::permanent(
                Code::UnsupportedFormat,
                format!("The file is neither text nor in a known format. {SUPPORTED}"),
            ),
        }),
        Content::Locked => Err(locked()),
        Content::DamagedArchive => Err(corrupt()),
        Content::Bomb => Err(ExtractError::permanent(
            Code::LimitExceeded,
            "The file unpacks to far more data than a document of its size should. Save it again in the program it \
             came from, or split it.",
        )),
    }
}

/// Whether a file that begins with `head` is plain text or Markdown, or nothing that has a reader: what [`detect`] says of
/// the whole of it is then one of the two, or a refusal.
pub(super) fn is_plainly_text(head: &[u8], file_name: &str, declared_type: Option<&str>) -> bool {
    let is_claimed = match Claim::of(file_name, declared_type) {
        Some(claim) => claim.kind.is_plain(),
        None => !looks_like_html(head),
    };
    let is_utf16 = encoding::utf16(head).is_some();
    let is_binary =
        is_archive(head) || head.starts_with(&OLE) || head.starts_with(RTF) || (head.contains(&0) && !is_utf16);
    is_claimed && !is_binary && !contains(head, b"%PDF-")
}

fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

/// The refusal of a file that its reader can't make sense of.
pub(super) fn corrupt() -> ExtractError {
    ExtractError::permanent(
        Code::CorruptFile,
        "The file is damaged or truncated. Open it in the program it came from, save it and upload it again.",
    )
}

/// The refusal of a file that needs a password.
pub(super) fn locked() -> ExtractError {
    ExtractError::permanent(
        Code::PasswordProtected,
        "The document is protected by a password. Save it without one and upload it again.",
    )
}

/// The refusal of text with an impossible byte.
pub(super) fn invalid_encoding(offset: usize) -> ExtractError {
    ExtractError::permanent(
        Code::InvalidEncoding,
        format!(
            "The text is not valid in its encoding: byte {offset} is not part of any character. Save it as UTF-8, or \
             name its encoding in the content type of its upload, like `text/plain; charset=windows-1251`."
        ),
    )
}

/// What name or declared type say that the file is.
struct Claim {
    kind: FileKind,
    by_name: bool,
}

impl Claim {
    /// The extension speaks before the declared type, which senders often fill in blindly.
    fn of(file_name: &str, declared_type: Option<&str>) -> Option<Self> {
        let named = FileKind::from_name(file_name).map(|kind| Self { kind, by_name: true });
        named.or_else(|| {
            let kind = declared_type.and_then(FileKind::from_media_type)?;
            Some(Self { kind, by_name: false })
        })
    }

    fn check_text(self, bytes: &[u8]) -> Result<FileKind, ExtractError> {
        match self.kind {
            FileKind::Eml | FileKind::Mbox | FileKind::Mhtml if !mail::is_mail(bytes) => {
                Err(self.mismatch("plain text"))
            }
            FileKind::Eml => Ok(self.kind),
            kind if kind.is_text() => Ok(kind),
            _ => Err(self.mismatch("plain text")),
        }
    }

    fn mismatch(self, found: &str) -> ExtractError {
        let source = if self.by_name { "name" } else { "declared type" };
        ExtractError::permanent(
            Code::FormatMismatch,
            format!(
                "According to its {source}, the file is {}, but its content is {found}. Upload the right file or \
                 correct its {source}.",
                self.kind.label()
            ),
        )
    }
}

fn look(bytes: &[u8], declared: Option<&'static Encoding>, max_unpacked: u64) -> Content {
    if is_archive(bytes) {
        return match archive::inspect(bytes, max_unpacked) {
            Archive::Document(kind) => Content::Document(kind),
            Archive::Other(what) => Content::Foreign(what),
            Archive::Damaged => Content::DamagedArchive,
            Archive::Bomb => Content::Bomb,
        };
    }
    if bytes.starts_with(&OLE) {
        // A message may have a locked document attached.
        return if outlook::is_message(bytes) {
            Content::Document(FileKind::Msg)
        } else if contains(bytes, &utf16("EncryptedPackage")) {
            Content::Locked
        } else {
            Content::Foreign("an older Office file (DOC, XLS or PPT)")
        };
    }
    if bytes.starts_with(b"%PDF-") {
        return Content::Document(FileKind::Pdf);
    }
    if bytes.starts_with(RTF) {
        return Content::Document(FileKind::Rtf);
    }
    match look_at_text(bytes, declared) {
        Content::Text => Content::Text,
        // Some writers put a few bytes before the header.
        _ if contains(head(bytes, HEAD_BYTES), b"%PDF-") => Content::Document(FileKind::Pdf),
        // Only now: a text may well begin with «ID3» or «RIFF».
        content => FOREIGN
            .iter()
            .find(|(magic, _)| bytes.starts_with(magic))
            .map_or(content, |(_, what)| Content::Foreign(what)),
    }
}

fn look_at_text(bytes: &[u8], declared: Option<&'static Encoding>) -> Content {
    // UTF-16 is full of NULs.
    let is_declared_utf16 = declared.is_some_and(|it| it == encoding_rs::UTF_16LE || it == encoding_rs::UTF_16BE);
    if encoding::utf16(bytes).is_some() || (is_declared_utf16 && encoding::decode(bytes, declared).is_ok()) {
        return Content::Text;
    }
    // A few stray control characters occur in real text; a fair share of them does not.
    let controls = bytes.iter().filter(|&&byte| is_foreign_to_text(byte)).count();
    if controls > 4 + bytes.len() / 50 {
        return Content::Noise;
    }
    if encoding::decode(bytes, declared).is_ok() { Content::Text } else { Content::UnclearText }
}

fn is_foreign_to_text(byte: u8) -> bool {
    const ESCAPE: u8 = 0x1b;
    const BACKSPACE: u8 = 0x08;
    byte.is_ascii_control() && !byte.is_ascii_whitespace() && byte != ESCAPE && byte != BACKSPACE
}

fn looks_like_html(bytes: &[u8]) -> bool {
    let head = head(bytes, 512);
    let start = head.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(0);
    let begins = |tag: &[u8]| head[start..].get(..tag.len()).is_some_and(|found| found.eq_ignore_ascii_case(tag));
    begins(b"<!doctype html") || begins(b"<html")
}

fn head(bytes: &[u8], length: usize) -> &[u8] {
    &bytes[..bytes.len().min(length)]
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

const RTF: &[u8] = b"{\\rtf";

const OLE: [u8; 8] = [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];

/// Beginnings of common files without a reader, so that the refusal can name them.
const FOREIGN: [(&[u8], &str); 16] = [
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"RIFF", "an image, sound or video"),
    (b"ID3", "a sound file"),
    (b"OggS", "a sound or video file"),
    (b"\0\0\0\x18ftyp", "a video file"),
    (b"\0\0\0\x20ftyp", "a video file"),
    (b"\x1f\x8b", "a GZIP archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\xfd7zXZ", "an XZ archive"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3\0", "an SQLite database"),
];
