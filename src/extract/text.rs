//! Bytes to clean characters: encodings, line ends, control characters, and what Markdown says of itself.

use std::borrow::Cow;

use encoding_rs::Encoding;

use crate::domain::name::composed;

use super::detect::{UTF16_BE, UTF16_LE, invalid_encoding};
use super::{ExtractError, ExtractedText, FileKind};

const UTF8_BOM: [u8; 3] = [0xef, 0xbb, 0xbf];
/// The most line ends in a row that `normalise` leaves: three blank lines.
const MAX_LINE_ENDS: usize = 4;
/// Titles are for lists and headings of results; longer ones are truncated.
const MAX_TITLE_CHARACTERS: usize = 300;

/// Reads plain text or Markdown. `declared_type` is the media type that its sender declared.
pub(super) fn read(kind: FileKind, bytes: &[u8], declared_type: Option<&str>) -> Result<ExtractedText, ExtractError> {
    let text = normalise(&decode(bytes, declared_encoding(declared_type))?);
    let is_markdown = kind == FileKind::Markdown;
    let title = if is_markdown { markdown_title(&text) } else { None };
    Ok(ExtractedText {
        text,
        is_markdown,
        title,
        language: None,
        content_type: kind.media_type().to_owned(),
        page_starts: Vec::new(),
    })
}

/// The encoding that a media type declares as its `charset`, if it is known and not UTF-8, which is expected anyway.
pub(super) fn declared_encoding(media_type: Option<&str>) -> Option<&'static Encoding> {
    let parameters = media_type?.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let mut charsets = parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    let (_, label) = charsets.next()?;
    let label = label.trim().trim_matches('"');
    Encoding::for_label_no_replacement(label.as_bytes()).filter(|encoding| *encoding != encoding_rs::UTF_8)
}

/// Text in a declared encoding; `None` where the bytes are not in it.
///
/// Encodings of one byte a character fit any bytes. Senders declare them blindly, and what is UTF-8 beyond ASCII is UTF-8.
pub(super) fn decode_as<'a>(bytes: &'a [u8], encoding: &'static Encoding) -> Option<Cow<'a, str>> {
    if encoding.is_single_byte() && !bytes.is_ascii() && std::str::from_utf8(bytes).is_ok() {
        return None;
    }
    encoding.decode_without_bom_handling_and_without_replacement(bytes)
}

/// Text in what its byte order mark says (UTF-8 or UTF-16), in the declared encoding, or in UTF-8.
pub(super) fn decode<'a>(bytes: &'a [u8], declared: Option<&'static Encoding>) -> Result<Cow<'a, str>, ExtractError> {
    if let Some(body) = bytes.strip_prefix(&UTF16_LE) {
        return decode_utf16(body, u16::from_le_bytes).map(Cow::Owned);
    }
    if let Some(body) = bytes.strip_prefix(&UTF16_BE) {
        return decode_utf16(body, u16::from_be_bytes).map(Cow::Owned);
    }
    let marked = bytes.strip_prefix(&UTF8_BOM);
    if marked.is_none()
        && let Some(text) = declared.and_then(|encoding| decode_as(bytes, encoding))
    {
        return Ok(text);
    }
    let body = marked.unwrap_or(bytes);
    let skipped = bytes.len() - body.len();
    std::str::from_utf8(body).map(Cow::Borrowed).map_err(|error| invalid_encoding(skipped + error.valid_up_to()))
}

fn decode_utf16(body: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, ExtractError> {
    let mark = UTF16_LE.len();
    let (pairs, rest) = body.as_chunks::<2>();
    let mut text = String::with_capacity(body.len());
    let mut offset = mark;
    for character in char::decode_utf16(pairs.iter().map(|&pair| unit(pair))) {
        let character = character.map_err(|_| invalid_encoding(offset))?;
        offset += 2 * character.len_utf16();
        text.push(character);
    }
    if rest.is_empty() { Ok(text) } else { Err(invalid_encoding(offset)) }
}

/// An HTML page in the encoding that its sender declares, or it does itself; without a declaration windows-1252, as
/// browsers do.
pub(super) fn decode_html<'a>(bytes: &'a [u8], declared_type: Option<&str>) -> Cow<'a, str> {
    if let Ok(text) = decode(bytes, declared_encoding(declared_type)) {
        return text;
    }
    let declared = declared_charset(bytes).and_then(Encoding::for_label);
    declared.unwrap_or(encoding_rs::WINDOWS_1252).decode(bytes).0
}

/// The value of the first `charset=` in the first KiB.
fn declared_charset(bytes: &[u8]) -> Option<&[u8]> {
    const KEY: &[u8] = b"charset=";
    let head = &bytes[..bytes.len().min(1024)];
    let at = head.windows(KEY.len()).position(|window| window.eq_ignore_ascii_case(KEY))?;
    let value = head[at + KEY.len()..].trim_ascii_start();
    let value = value.strip_prefix(b"\"").or_else(|| value.strip_prefix(b"'")).unwrap_or(value);
    let end = value.iter().position(|byte| !byte.is_ascii_alphanumeric() && !b"-_:.".contains(byte))?;
    Some(&value[..end])
}

/// Makes `\n` the only line end, drops control characters other than tabs, leaves at most three blank lines in a row, and
/// puts letters and their accents together (NFC).
pub(super) fn normalise(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut line_ends = 0;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' if characters.peek() == Some(&'\n') => {}
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                line_ends += 1;
                if line_ends <= MAX_LINE_ENDS {
                    clean.push('\n');
                }
            }
            '\u{feff}' => {}
            character if character.is_control() && character != '\t' => {}
            character => {
                line_ends = 0;
                clean.push(character);
            }
        }
    }
    composed(clean)
}

/// A title on one line with a limited length, if anything is left of it.
pub(super) fn tidy_title(title: &str) -> Option<String> {
    let words: Vec<&str> =
        title.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    let title: String = composed(words.join(" ")).chars().take(MAX_TITLE_CHARACTERS).collect();
    title.chars().any(char::is_alphanumeric).then_some(title)
}

/// The title of a Markdown document: `title:` in its front matter, or the first level-1 heading outside code.
pub(super) fn markdown_title(text: &str) -> Option<String> {
    let mut lines = text.lines();
    if text.starts_with("---\n") {
        let mut front = lines.by_ref().skip(1).take_while(|line| line.trim_end() != "---" && line.trim_end() != "...");
        let title = front.find_map(|line| line.strip_prefix("title:"));
        if let Some(title) = title.and_then(|title| tidy_title(title.trim().trim_matches(['"', '\'']))) {
            return Some(title);
        }
        lines = text.lines();
    }
    let mut in_code = false;
    let heading = lines.find_map(|line| {
        in_code ^= line.starts_with("```") || line.starts_with("~~~");
        if in_code { None } else { line.strip_prefix("# ") }
    })?;
    tidy_title(heading.trim_end_matches(['#', ' ']))
}
