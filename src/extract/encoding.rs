//! Bytes to characters: what a mark, a sender or the file itself says of the encoding, else a guess.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE};

use super::{ExtractError, detect::invalid_encoding};
use crate::domain::document::{DocumentWarning, DocumentWarningCode};

const UTF8_BOM: [u8; 3] = [0xef, 0xbb, 0xbf];
const UTF16_LE_BOM: [u8; 2] = [0xff, 0xfe];
const UTF16_BE_BOM: [u8; 2] = [0xfe, 0xff];
/// How much of a file is looked at to see whether it is UTF-16.
const SAMPLE_BYTES: usize = 4096;

/// The characters of a file, and what is doubtful about them.
pub(super) struct Decoded<'a> {
    pub text: Cow<'a, str>,
    pub warning: Option<DocumentWarning>,
}

/// The encoding that a media type declares as its `charset`, if it is known and not UTF-8, which is expected anyway.
pub(super) fn declared(media_type: Option<&str>) -> Option<&'static Encoding> {
    let parameters = media_type?.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let mut charsets = parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    let (_, label) = charsets.next()?;
    let label = label.trim().trim_matches('"');
    Encoding::for_label_no_replacement(label.as_bytes()).filter(|encoding| *encoding != UTF_8)
}

/// Whether the file begins with a byte order mark.
pub(super) fn has_mark(bytes: &[u8]) -> bool {
    bytes.starts_with(&UTF8_BOM) || bytes.starts_with(&UTF16_LE_BOM) || bytes.starts_with(&UTF16_BE_BOM)
}

/// The byte order of a file in UTF-16, by its mark or by the zeros between its letters.
pub(super) fn utf16(bytes: &[u8]) -> Option<&'static Encoding> {
    if bytes.starts_with(&UTF16_LE_BOM) {
        return Some(UTF_16LE);
    }
    if bytes.starts_with(&UTF16_BE_BOM) {
        return Some(UTF_16BE);
    }
    let (pairs, rest) = bytes[..bytes.len().min(SAMPLE_BYTES)].as_chunks::<2>();
    let high = pairs.iter().filter(|pair| pair[0] == 0).count();
    let low = pairs.iter().filter(|pair| pair[1] == 0).count();
    let most = pairs.len() / 2;
    match (high, low) {
        _ if !rest.is_empty() || pairs.len() < 4 => None,
        (0, low) if low > most => Some(UTF_16LE),
        (high, 0) if high > most => Some(UTF_16BE),
        _ => None,
    }
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
///
/// # Errors
/// `InvalidEncoding` with the first byte that is wrong.
pub(super) fn decode<'a>(bytes: &'a [u8], declared: Option<&'static Encoding>) -> Result<Cow<'a, str>, ExtractError> {
    if let Some(body) = bytes.strip_prefix(&UTF16_LE_BOM) {
        return decode_utf16(body, u16::from_le_bytes).map(Cow::Owned);
    }
    if let Some(body) = bytes.strip_prefix(&UTF16_BE_BOM) {
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
    let (pairs, rest) = body.as_chunks::<2>();
    let mut text = String::with_capacity(body.len());
    let mut offset = UTF16_LE_BOM.len();
    for character in char::decode_utf16(pairs.iter().map(|&pair| unit(pair))) {
        let character = character.map_err(|_| invalid_encoding(offset))?;
        offset += 2 * character.len_utf16();
        text.push(character);
    }
    if rest.is_empty() { Ok(text) } else { Err(invalid_encoding(offset)) }
}

/// Text in the encoding that is marked or declared, in UTF-8, or else in the most likely one.
///
/// # Errors
/// `InvalidEncoding` where a mark is wrong or no encoding fits.
pub(super) fn decode_or_guess<'a>(
    bytes: &'a [u8],
    declared: Option<&'static Encoding>,
) -> Result<Decoded<'a>, ExtractError> {
    let declared = declared.or_else(|| utf16(bytes)).or_else(|| has_japanese_escapes(bytes).then_some(ISO_2022_JP));
    match decode(bytes, declared) {
        Ok(text) => Ok(Decoded { text, warning: None }),
        Err(error) if has_mark(bytes) => Err(error),
        Err(error) => mostly_utf8(bytes).or_else(|| guess(bytes)).ok_or(error),
    }
}

/// Whether a text in seven bits switches to Japanese characters, as mail does.
fn has_japanese_escapes(bytes: &[u8]) -> bool {
    bytes.is_ascii() && bytes.windows(3).any(|window| matches!(window, b"\x1b$B" | b"\x1b$@"))
}

/// UTF-8 in which a few bytes were damaged. A guess would take all of it for something else.
fn mostly_utf8(bytes: &[u8]) -> Option<Decoded<'_>> {
    let (mut letters, mut broken) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        letters += chunk.valid().chars().filter(|letter| !letter.is_ascii()).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    let message = format!("{broken} places of the text are not valid UTF-8. Their characters are missing.");
    (letters > 4 * broken).then(|| Decoded {
        text: String::from_utf8_lossy(bytes),
        warning: Some(DocumentWarning::new(DocumentWarningCode::CharactersReplaced, message)),
    })
}

fn guess(bytes: &[u8]) -> Option<Decoded<'_>> {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(bytes, true);
    let encoding = detector.guess(None, Utf8Detection::Deny);
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?;
    // Bytes that an encoding does not assign become these; no text has them.
    if text.chars().any(|character| ('\u{80}'..='\u{9f}').contains(&character) && character != '\u{85}') {
        return None;
    }
    let message = format!(
        "The file does not say which encoding it is in. It was read as {}. If that is wrong, save it as UTF-8, or name its \
         encoding in the content type of its upload.",
        encoding.name()
    );
    Some(Decoded { text, warning: Some(DocumentWarning::new(DocumentWarningCode::EncodingGuessed, message)) })
}

#[cfg(test)]
mod tests {
    use encoding_rs::{EUC_KR, GBK, SHIFT_JIS, WINDOWS_1251, WINDOWS_1252};

    use super::{DocumentWarningCode, decode_or_guess};

    #[test]
    fn encodings_that_nobody_declares_are_guessed_with_a_warning() {
        for (encoding, text) in [
            (WINDOWS_1252, "Grüße aus Köln, très bien."),
            (WINDOWS_1251, "Съешь ещё этих мягких французских булок"),
            (GBK, "这是一个中文文件。"),
            (SHIFT_JIS, "名前,年齢\n田中,30\n"),
            (EUC_KR, "한국어로 쓴 짧은 글입니다."),
        ] {
            let bytes = encoding.encode(text).0;
            let decoded = decode_or_guess(&bytes, None).unwrap();
            assert_eq!(decoded.text, text);
            assert_eq!(decoded.warning.unwrap().code, DocumentWarningCode::EncodingGuessed);
        }
    }

    #[test]
    fn one_damaged_byte_does_not_make_another_encoding_of_utf8() {
        let mut bytes = "Съешь ещё этих булок".as_bytes().to_vec();
        bytes.extend(b" \xff end");
        let decoded = decode_or_guess(&bytes, None).unwrap();
        assert_eq!(decoded.text, "Съешь ещё этих булок \u{fffd} end");
        assert_eq!(decoded.warning.unwrap().code, DocumentWarningCode::CharactersReplaced);
    }

    #[test]
    fn sixteen_bits_without_a_mark_are_seen_by_their_zeros() {
        let text = "Plain words, saved as Unicode";
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(decode_or_guess(&bytes, None).unwrap().text, text);
    }
}
