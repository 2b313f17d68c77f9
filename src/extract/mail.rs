//! Mail to blocks: the header that people read, the body, and the text of what is attached or forwarded.

use std::borrow::Cow;

use chrono::DateTime;

use encoding_rs::Encoding;
use mail_parser::{
    Address, ContentType, Encoding as Transfer, Message, MessageParser, MessagePart, MimeHeaders, PartType,
    decoders::{base64::base64_decode, quoted_printable::quoted_printable_decode},
};

use super::{
    ExtractError, Input,
    block::Block,
    detect,
    document::Document,
    encoding, html,
    reader::{self, MAX_ATTACHMENTS, MAX_DEPTH, Means},
    text::paragraphs,
};
use crate::domain::document::About;

/// A plain text with fewer words than this share of the page beside it only says that there is a page.
const MIN_PLAIN_SHARE: usize = 3;

/// Reads a mail.
pub(super) fn read(bytes: &[u8], means: Means<'_>) -> Result<Document, ExtractError> {
    let bytes = tidied(bytes);
    let message = MessageParser::default().parse(&*bytes).ok_or_else(detect::corrupt)?;
    let mut reader = Reader { document: Document::default(), means, attachments: 0 };
    reader.message(&message, 0);
    let written_at = message.date().filter(|date| date.is_valid());
    reader.document.about = About {
        title: message.subject().map(str::to_owned),
        author: message.from().map(people),
        created_at: written_at.and_then(|date| DateTime::from_timestamp_secs(date.to_timestamp())),
        ..About::default()
    };
    Ok(reader.document)
}

/// A mail as it went over the wire: not in 16 bits, without a mark, empty lines or a mailbox's separator before it.
pub(super) fn tidied(bytes: &[u8]) -> Cow<'_, [u8]> {
    if (encoding::has_mark(bytes) || encoding::utf16(bytes).is_some())
        && let Ok(decoded) = encoding::decode_or_guess(bytes, None)
    {
        return Cow::Owned(decoded.text.trim_start().as_bytes().to_vec());
    }
    let bytes = bytes.trim_ascii_start();
    if !bytes.starts_with(b"From ") {
        return Cow::Borrowed(bytes);
    }
    let end = bytes.iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |at| at + 1);
    Cow::Borrowed(&bytes[end..])
}

struct Reader<'a> {
    document: Document,
    means: Means<'a>,
    attachments: usize,
}

impl Reader<'_> {
    fn message(&mut self, message: &Message<'_>, depth: u8) {
        if let Some(subject) = message.subject() {
            self.push(Block::Heading { level: 1 + depth, text: subject.to_owned() });
        }
        for (name, addresses) in [("From", message.from()), ("To", message.to()), ("Cc", message.cc())] {
            if let Some(people) = addresses.map(people).filter(|people| !people.is_empty()) {
                self.push(Block::Paragraph(format!("{name}: {people}")));
            }
        }
        if let Some(date) = message.date().filter(|date| date.is_valid()) {
            self.push(Block::Paragraph(format!("Date: {}", date.to_rfc822())));
        }
        self.part(message, 0, depth);
    }

    fn part(&mut self, message: &Message<'_>, id: u32, depth: u8) {
        let Some(part) = message.part(id) else { return };
        if let PartType::Multipart(children) = &part.body {
            if is_multipart(part, "alternative") {
                self.alternative(message, children, depth);
                return;
            }
            // The parts after the first of «related» are what it shows: pictures and styles.
            let count = if is_multipart(part, "related") { 1 } else { children.len() };
            for &child in children.iter().take(count) {
                self.part(message, child, depth);
            }
            return;
        }
        if is_attached(part) {
            self.attachment(message, part, depth);
            return;
        }
        match &part.body {
            PartType::Html(_) => self.document.append(page(message, part)),
            PartType::Text(_) => {
                let text = self.text(message, part);
                self.extend(paragraphs(&text));
            }
            PartType::Message(inner) if depth < MAX_DEPTH => self.message(inner, depth + 1),
            PartType::Message(_) => self.document.skipped("A mail that is nested too deep was left out."),
            // A picture in the text.
            PartType::Binary(_) | PartType::InlineBinary(_) | PartType::Multipart(_) => {}
        }
    }

    /// One of several forms of the same text: the plain one, unless it says much less than the other.
    fn alternative(&mut self, message: &Message<'_>, children: &[u32], depth: u8) {
        let find = |is: fn(&PartType<'_>) -> bool| {
            children.iter().filter_map(|&id| form(message, id)).find(|part| is(&part.body) && !is_attached(part))
        };
        let plain = find(|body| matches!(body, PartType::Text(_))).map(|part| paragraphs(&self.text(message, part)));
        let page = find(|body| matches!(body, PartType::Html(_))).map(|part| page(message, part));
        let mut others = children;
        match (plain, page) {
            (Some(plain), page) if page.as_ref().is_none_or(|page| says_enough(&plain, &page.blocks)) => {
                self.extend(plain);
            }
            (_, Some(page)) => self.document.append(page),
            // The text is in parts of the last form.
            (_, None) => {
                if let Some((&last, before)) = children.split_last() {
                    self.part(message, last, depth);
                    others = before;
                }
            }
        }
        self.attached(message, others, depth);
    }

    /// What is attached beside the forms of a text or in them, such as invitations.
    fn attached(&mut self, message: &Message<'_>, parts: &[u32], depth: u8) {
        for part in parts.iter().filter_map(|&id| message.part(id)) {
            match &part.body {
                PartType::Multipart(_) if is_multipart(part, "related") => {}
                PartType::Multipart(inner) => self.attached(message, inner, depth),
                _ if is_attached(part) => self.attachment(message, part, depth),
                _ => {}
            }
        }
    }

    fn text(&mut self, message: &Message<'_>, part: &MessagePart<'_>) -> String {
        let known = charset(part).map(|charset| Encoding::for_label(charset.as_bytes()));
        // A charset that only the mail library knows, such as UTF-7.
        if let (Some(None), Some(text)) = (known, part.text_contents()) {
            return text.to_owned();
        }
        let bytes = bytes_of(message, part);
        match encoding::decode_or_guess(&bytes, known.flatten()) {
            Ok(decoded) => {
                self.document.warnings.extend(decoded.warning);
                decoded.text.into_owned()
            }
            Err(_) => String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    /// The name of an attachment with its text, if it is of a kind that has a reader.
    fn attachment(&mut self, message: &Message<'_>, part: &MessagePart<'_>, depth: u8) {
        let name = part.attachment_name().unwrap_or_default().to_owned();
        if let PartType::Message(inner) = &part.body
            && depth < MAX_DEPTH
        {
            self.message(inner, depth + 1);
            return;
        }
        self.attachments += 1;
        if self.attachments > MAX_ATTACHMENTS || depth >= MAX_DEPTH {
            self.document.skipped(format!("The attachment «{name}» was left out, because there are too many."));
            return;
        }
        let bytes = match &part.body {
            PartType::Binary(bytes) | PartType::InlineBinary(bytes) => Cow::Borrowed(&**bytes),
            _ => bytes_of(message, part),
        };
        let declared = media_type(part);
        let inner = reader::read_inner(
            Input { bytes: &bytes, file_name: &name, declared_type: declared.as_deref() },
            self.means.deeper(),
        );
        self.document.attach(&name, inner, 2 + depth);
    }

    fn push(&mut self, block: Block) {
        self.document.blocks.push(block);
    }

    fn extend(&mut self, blocks: Vec<Block>) {
        self.document.blocks.extend(blocks);
    }
}

fn is_multipart(part: &MessagePart<'_>, subtype: &str) -> bool {
    part.content_type().and_then(ContentType::subtype) == Some(subtype)
}

/// One form of a text: a part, or the page that comes with what it shows.
fn form<'m, 'x>(message: &'m Message<'x>, id: u32) -> Option<&'m MessagePart<'x>> {
    let part = message.part(id)?;
    match &part.body {
        PartType::Multipart(children) if is_multipart(part, "related") => message.part(*children.first()?),
        _ => Some(part),
    }
}

fn page(message: &Message<'_>, part: &MessagePart<'_>) -> Document {
    let declared = charset(part).map(|charset| format!("text/html; charset={charset}"));
    html::document(&bytes_of(message, part), declared.as_deref())
}

/// Whether a part is a file beside the text. Pictures in the text have names too.
fn is_attached(part: &MessagePart<'_>) -> bool {
    let is_picture = matches!(part.body, PartType::InlineBinary(_)) && part.content_id().is_some();
    let is_declared = part.content_disposition().is_some_and(ContentType::is_attachment);
    is_declared || (!is_picture && part.attachment_name().is_some()) || matches!(part.body, PartType::Binary(_))
}

fn people(addresses: &Address<'_>) -> String {
    let people = addresses.iter().filter_map(|it| match (it.name(), it.address()) {
        (Some(name), Some(address)) => Some(format!("{name} <{address}>")),
        (Some(one), None) | (None, Some(one)) => Some(one.to_owned()),
        (None, None) => None,
    });
    people.collect::<Vec<_>>().join(", ")
}

pub(super) fn charset<'a>(part: &'a MessagePart<'_>) -> Option<&'a str> {
    part.content_type()?.attribute("charset")
}

fn media_type(part: &MessagePart<'_>) -> Option<String> {
    let declared = part.content_type()?;
    let essence = format!("{}/{}", declared.ctype(), declared.subtype()?);
    Some(charset(part).map_or_else(|| essence.clone(), |charset| format!("{essence}; charset={charset}")))
}

/// The bytes of a text as its sender wrote them. The mail library replaces those that are not in the encoding it expects.
pub(super) fn bytes_of<'a>(message: &'a Message<'_>, part: &'a MessagePart<'_>) -> Cow<'a, [u8]> {
    let range = part.offset_body as usize..part.offset_end as usize;
    let raw = message.raw_message.get(range);
    let decoded = raw.and_then(|raw| match part.encoding {
        Transfer::None => Some(Cow::Borrowed(raw)),
        Transfer::QuotedPrintable => quoted_printable_decode(raw).map(Cow::Owned),
        Transfer::Base64 => base64_decode(raw).map(Cow::Owned),
    });
    decoded.unwrap_or_else(|| Cow::Borrowed(part.contents()))
}

fn says_enough(plain: &[Block], page: &[Block]) -> bool {
    let words = |blocks: &[Block]| {
        let rendered = super::block::render(blocks, usize::MAX);
        rendered.map_or(0, |rendered| rendered.text.split_whitespace().count())
    };
    words(plain) * MIN_PLAIN_SHARE >= words(page)
}

/// Whether a file begins as mail does: with a header field (`From: …`) or the separator of a mailbox (`From …`).
pub(super) fn is_mail(bytes: &[u8]) -> bool {
    let bytes = tidied(&bytes[..bytes.len().min(4096)]);
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let name = line.split(|&byte| byte == b':').next().unwrap_or_default();
    name.len() < line.len() && !name.is_empty() && name.iter().all(|&byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::{super::block::render, Means, is_mail, read};

    const HEADER: &str = "From: Anna Ek <anna@example.org>\r\nTo: bo@example.org\r\nSubject: Test\r\n";

    fn markdown(mail: &[u8]) -> String {
        render(&read(mail, Means::new(1 << 20, 1 << 20, None)).unwrap().blocks, 1 << 20).unwrap().text
    }

    fn body(mail: &[u8]) -> String {
        let text = markdown(mail);
        text.rsplit_once("To: bo@example.org\n\n").map(|(_, body)| body.to_owned()).unwrap()
    }

    #[test]
    fn of_two_forms_the_plain_one_is_read_unless_it_says_nothing() {
        let mail = |plain: &str, page: &str| {
            format!(
                "{HEADER}Content-Type: multipart/alternative; boundary=bb\r\n\r\n--bb\r\nContent-Type: text/plain\r\n\r\n\
                 {plain}\r\n--bb\r\nContent-Type: text/html\r\n\r\n{page}\r\n--bb--\r\n"
            )
        };
        let page = "<style>x{y:z}</style><p>One line.</p><p>And a second line, with words.</p>";
        assert_eq!(
            body(mail("One line.\r\n\r\nAnd a second line.", page).as_bytes()),
            "One line.\n\nAnd a second line."
        );
        assert_eq!(body(mail("HTML only", page).as_bytes()), "One line.\n\nAnd a second line, with words.");
    }

    #[test]
    fn forms_of_a_text_may_have_pictures_and_attachments_of_their_own() {
        let mail = |plain: &str, kind: &str, more: &str| {
            format!(
                "{HEADER}Content-Type: multipart/alternative; boundary=aa\r\n\r\n--aa\r\nContent-Type: text/plain\r\n\r\n\
                 {plain}\r\n--aa\r\nContent-Type: multipart/{kind}; boundary=bb\r\n\r\n--bb\r\nContent-Type: text/html\r\n\
                 \r\n<p>One line.</p><p>And a second line, with words.</p>\r\n{more}--bb--\r\n--aa--\r\n"
            )
        };
        let picture = "--bb\r\nContent-Type: image/png; name=\"a.png\"\r\nContent-ID: <a>\r\n\r\nxx\r\n";
        assert_eq!(
            body(mail("HTML only", "related", picture).as_bytes()),
            "One line.\n\nAnd a second line, with words."
        );
        let attachment = "--bb\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=\"minutes.txt\"\r\n\r\nAgreed.\r\n";
        assert_eq!(
            body(mail("One line, and a second line.", "mixed", attachment).as_bytes()),
            "One line, and a second line.\n\n## minutes.txt\n\nAgreed."
        );
    }

    #[test]
    fn what_is_attached_or_forwarded_is_part_of_the_text() {
        let mail = format!(
            "{HEADER}Content-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\nContent-Type: text/plain\r\n\r\nSee both.\r\n\
             --bb\r\nContent-Type: text/plain; name=\"minutes.txt\"\r\nContent-Disposition: attachment; filename=\"minutes.txt\"\
             \r\n\r\nThe board agreed.\r\n--bb\r\nContent-Type: message/rfc822\r\n\r\nFrom: carl@example.org\r\n\
             Subject: Original\r\nContent-Type: text/plain\r\n\r\nInner words.\r\n--bb--\r\n"
        );
        let expected =
            "See both.\n\n## minutes.txt\n\nThe board agreed.\n\n## Original\n\nFrom: carl@example.org\n\nInner words.";
        assert_eq!(body(mail.as_bytes()), expected);
    }

    #[test]
    fn bodies_without_a_charset_are_guessed() {
        let latin = encoding_rs::WINDOWS_1252.encode("Grüße aus Köln, 10 €").0.into_owned();
        let mail = [HEADER.as_bytes(), b"Content-Type: text/plain\r\n\r\n", &latin].concat();
        assert_eq!(body(&mail), "Grüße aus Köln, 10 €");
        let japanese = encoding_rs::ISO_2022_JP.encode("お問い合わせありがとうございます。").0.into_owned();
        let mail = [HEADER.as_bytes(), b"Content-Type: text/plain\r\n\r\n", &japanese].concat();
        assert_eq!(body(&mail), "お問い合わせありがとうございます。");
    }

    #[test]
    fn mail_that_programs_saved_in_their_own_way_is_still_mail() {
        let mail = "From: anna@example.org\r\nSubject: Saved\r\n\r\nBody.\r\n";
        let utf16: Vec<u8> = std::iter::once(0xfeff).chain(mail.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        for saved in [format!("\u{feff}{mail}"), format!("\r\n\r\n{mail}"), format!("From a@b Mon Jan 1\r\n{mail}")] {
            assert!(is_mail(saved.as_bytes()));
            assert_eq!(markdown(saved.as_bytes()), "# Saved\n\nFrom: anna@example.org\n\nBody.");
        }
        assert!(is_mail(&utf16));
        assert_eq!(markdown(&utf16), "# Saved\n\nFrom: anna@example.org\n\nBody.");
        assert!(!is_mail(b"just text"));
    }
}
