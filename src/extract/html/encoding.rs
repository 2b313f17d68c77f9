//! The encoding of an HTML page: what its sender or its own head says, else UTF-8, else a guess.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use html5gum::{StartTag, Token, Tokenizer, naive_next_state};

use super::super::{
    encoding::{self, Decoded},
    xml,
};

/// How far into a page its encoding is looked for. Browsers look at 1,024 bytes, and authors at none.
const HEAD_BYTES: usize = 64 << 10;

/// The characters of a page. `declared_type` is the media type that its sender declared.
pub(super) fn decode<'a>(bytes: &'a [u8], declared_type: Option<&str>) -> Decoded<'a> {
    if let Ok(text) = encoding::decode(bytes, encoding::declared(declared_type)) {
        return Decoded { text, warning: None };
    }
    let own = own_encoding(bytes).filter(|encoding| *encoding != UTF_8);
    if let Some(text) = own.and_then(|encoding| encoding::decode_as(bytes, encoding)) {
        return Decoded { text, warning: None };
    }
    encoding::decode_or_guess(bytes, None)
        .unwrap_or_else(|_| Decoded { text: own.unwrap_or(WINDOWS_1252).decode(bytes).0, warning: None })
}

/// What `<meta>` or the declaration of XML says, wherever in the head it stands.
fn own_encoding(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    let declared = meta_charset(head).or_else(|| xml::declared_encoding(head).map(<[u8]>::to_vec))?;
    Encoding::for_label(declared.trim_ascii())
}

fn meta_charset(head: &[u8]) -> Option<Vec<u8>> {
    let mut tokens = Tokenizer::new(head);
    while let Some(Ok(token)) = tokens.next() {
        let Token::StartTag(tag) = token else { continue };
        if let Some(state) = naive_next_state(&tag.name) {
            tokens.set_state(state);
        }
        match tag.name.as_slice() {
            b"meta" => {
                if let Some(charset) = charset_of(&tag) {
                    return Some(charset);
                }
            }
            b"body" => return None,
            _ => {}
        }
    }
    None
}

fn charset_of(meta: &StartTag<()>) -> Option<Vec<u8>> {
    if let Some(charset) = meta.attributes.get(b"charset".as_slice()) {
        return Some(charset.to_vec());
    }
    meta.attributes.get(b"http-equiv".as_slice())?;
    charset_in(meta.attributes.get(b"content".as_slice())?)
}

/// The charset in a media type, with white space and quotes as browsers allow them.
fn charset_in(content: &[u8]) -> Option<Vec<u8>> {
    const KEY: &[u8] = b"charset";
    let at = content.windows(KEY.len()).position(|window| window.eq_ignore_ascii_case(KEY))? + KEY.len();
    let value = content[at..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let value: Vec<u8> = value.iter().copied().filter(|byte| !b"\"'".contains(byte)).collect();
    let end = value.iter().position(|byte| !byte.is_ascii_alphanumeric() && !b"-_:.".contains(byte));
    Some(value[..end.unwrap_or(value.len())].to_vec())
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn pages_are_read_in_the_encoding_that_they_name_anywhere_and_anyhow() {
        for (encoding, before, text) in [
            ("koi8-r", "<script>var s=\"charset=utf-8\";</script><meta charset=\"koi8-r\">", "Письмо"),
            ("windows-1251", "<meta http-equiv=Content-Type content=\"text/html; charset = windows-1251\">", "Отчёт"),
            ("iso-8859-2", "<?xml version=\"1.0\" encoding=\"ISO-8859-2\"?>\n<!DOCTYPE html>", "Zażółć gęślą jaźń"),
            ("windows-1251", &format!("<style>{}</style><meta charset=cp1251>", ".a{}".repeat(1000)), "Отчёт"),
        ] {
            let page = format!("{before}<p>{text}");
            let encoding = encoding_rs::Encoding::for_label(encoding.as_bytes()).unwrap();
            let bytes = encoding.encode(&page).0;
            assert_eq!(decode(&bytes, None).text, page);
        }
    }
}
