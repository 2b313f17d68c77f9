//! Messages of Outlook (MSG): properties in a compound file.

use std::io::{Cursor, Read};

use cfb::CompoundFile;

use super::{
    ExtractError, Input,
    block::Block,
    detect,
    document::Document,
    encoding, html,
    reader::{self, MAX_ATTACHMENTS, MAX_DEPTH, Means},
    rtf, text,
};

type File<'a> = CompoundFile<Cursor<&'a [u8]>>;

/// Properties, by their numbers in the specification of the format.
const SUBJECT: u16 = 0x0037;
const SENDER_NAME: u16 = 0x0c1a;
const SENDER_ADDRESS: u16 = 0x0c1f;
const SENDER_SMTP_ADDRESS: u16 = 0x5d01;
const RECIPIENTS: u16 = 0x0e04;
const COPIES: u16 = 0x0e03;
const BODY: u16 = 0x1000;
const BODY_RTF: u16 = 0x1009;
const BODY_HTML: u16 = 0x1013;
const ATTACHMENT_DATA: u16 = 0x3701;
const ATTACHMENT_SHORT_NAME: u16 = 0x3704;
const ATTACHMENT_NAME: u16 = 0x3707;
const ATTACHMENT_TYPE: u16 = 0x370e;

/// The types of properties that are read.
const UNICODE: &str = "001F";
const TEXT: &str = "001E";
const BINARY: &str = "0102";
const OBJECT: &str = "000D";

/// Whether a compound file is a message.
pub(super) fn is_message(bytes: &[u8]) -> bool {
    CompoundFile::open(Cursor::new(bytes)).is_ok_and(|file| file.exists("/__properties_version1.0"))
}

/// Reads a message.
///
/// # Errors
/// `CorruptFile` if it can't be opened.
pub(super) fn read(bytes: &[u8], means: Means<'_>) -> Result<Document, ExtractError> {
    let file = CompoundFile::open(Cursor::new(bytes)).map_err(|_| detect::corrupt())?;
    let mut reader = Reader { file, document: Document::default(), means, attachments: 0 };
    reader.message("", 0);
    Ok(reader.document)
}

struct Reader<'a> {
    file: File<'a>,
    document: Document,
    means: Means<'a>,
    attachments: usize,
}

impl Reader<'_> {
    /// The message in a folder of the file.
    fn message(&mut self, folder: &str, depth: u8) {
        let subject = self.text(folder, SUBJECT);
        if depth == 0 {
            self.document.about.title.clone_from(&subject);
            self.document.about.author = self.text(folder, SENDER_NAME);
        }
        if let Some(text) = subject {
            self.document.blocks.push(Block::Heading { level: 1 + depth, text });
        }
        let address = self.text(folder, SENDER_SMTP_ADDRESS).or_else(|| self.text(folder, SENDER_ADDRESS));
        let address = address.filter(|address| address.contains('@'));
        let sender = match (self.text(folder, SENDER_NAME), address) {
            (Some(name), Some(address)) if name != address => Some(format!("{name} <{address}>")),
            (name, address) => name.or(address),
        };
        let (recipients, copies) = (self.text(folder, RECIPIENTS), self.text(folder, COPIES));
        for (label, people) in [("From", sender), ("To", recipients), ("Cc", copies)] {
            let people = people.map(|people| people.trim_end_matches('\0').trim().to_owned());
            let people = people.filter(|people| !people.is_empty());
            self.document.blocks.extend(people.map(|people| Block::Paragraph(format!("{label}: {people}"))));
        }
        let body = self.body(folder);
        self.document.blocks.extend(body);
        self.attachments(folder, depth);
    }

    /// The plain text, or else the page, or else the RTF.
    fn body(&mut self, folder: &str) -> Vec<Block> {
        if let Some(body) = self.text(folder, BODY).filter(|body| !body.trim().is_empty()) {
            return text::paragraphs(&body);
        }
        if let Some(page) = self.text(folder, BODY_HTML) {
            return html::read(&page).blocks;
        }
        if let Some(page) = self.bytes(folder, BODY_HTML, BINARY) {
            let page = html::document(&page, None);
            self.document.warnings.extend(page.warnings);
            return page.blocks;
        }
        let packed = self.bytes(folder, BODY_RTF, BINARY).unwrap_or_default();
        // The size that it unpacks to stands before it.
        let unpacked = packed.get(4..8).and_then(|size| size.try_into().ok()).map_or(0, u32::from_le_bytes);
        if usize::try_from(unpacked).unwrap_or(usize::MAX) > self.means.max_text_bytes {
            self.document.skipped("The text of a message was left out, because it is too long.");
            return Vec::new();
        }
        let body = compressed_rtf::decompress_rtf(&packed).ok().and_then(|rtf| rtf::read(rtf.as_bytes()).ok());
        body.map(|body| body.blocks).unwrap_or_default()
    }

    fn attachments(&mut self, folder: &str, depth: u8) {
        let Ok(entries) = self.file.read_storage(if folder.is_empty() { "/" } else { folder }) else { return };
        let names: Vec<_> = entries.map(|entry| entry.name().to_owned()).collect();
        for name in names.into_iter().filter(|name| name.starts_with("__attach_version1.0_")) {
            self.attachment(&format!("{folder}/{name}"), depth);
        }
    }

    fn attachment(&mut self, folder: &str, depth: u8) {
        let inner = format!("{folder}/__substg1.0_{ATTACHMENT_DATA:04X}{OBJECT}");
        if self.file.is_storage(&inner) && depth < MAX_DEPTH {
            self.message(&inner, depth + 1);
            return;
        }
        let name = self.text(folder, ATTACHMENT_NAME).or_else(|| self.text(folder, ATTACHMENT_SHORT_NAME));
        let name = name.unwrap_or_default();
        self.attachments += 1;
        if self.attachments > MAX_ATTACHMENTS || depth >= MAX_DEPTH {
            self.document.skipped(format!("The attachment «{name}» was left out, because there are too many."));
            return;
        }
        let Some(bytes) = self.bytes(folder, ATTACHMENT_DATA, BINARY) else { return };
        let declared = self.text(folder, ATTACHMENT_TYPE);
        let inner = reader::read_inner(
            Input { bytes: &bytes, file_name: &name, declared_type: declared.as_deref() },
            self.means.deeper(),
        );
        self.document.attach(&name, inner, 2 + depth);
    }

    /// A property that is a text.
    fn text(&mut self, folder: &str, number: u16) -> Option<String> {
        if let Some(bytes) = self.bytes(folder, number, UNICODE) {
            let units = bytes.as_chunks::<2>().0.iter().map(|&pair| u16::from_le_bytes(pair));
            return Some(String::from_utf16_lossy(&units.collect::<Vec<_>>())).filter(|text| !text.is_empty());
        }
        let bytes = self.bytes(folder, number, TEXT)?;
        let text = encoding::decode_or_guess(&bytes, None).map(|decoded| decoded.text.into_owned());
        Some(text.unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn bytes(&mut self, folder: &str, number: u16, kind: &str) -> Option<Vec<u8>> {
        let stream = self.file.open_stream(format!("{folder}/__substg1.0_{number:04X}{kind}")).ok()?;
        let mut bytes = Vec::new();
        stream.take(self.means.max_unpacked).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }
}
