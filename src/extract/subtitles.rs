//! Subtitles (SRT, WebVTT): what is said, without numbers, times and marks.

use std::borrow::Cow;

use quick_xml::escape::unescape;

use super::{ExtractError, block::Block, document::Document, encoding, text};

/// A paragraph ends with a sentence once it has this many characters.
const PARAGRAPH_CHARACTERS: usize = 400;
/// Tags are not longer.
const MAX_TAG_BYTES: usize = 200;

/// Reads subtitles.
///
/// # Errors
/// `InvalidEncoding`.
pub(super) fn read(bytes: &[u8], declared_type: Option<&str>) -> Result<Document, ExtractError> {
    let decoded = encoding::decode_or_guess(bytes, encoding::declared(declared_type))?;
    let clean = text::normalise(&decoded.text);
    let mut blocks = Vec::new();
    let mut paragraph = String::new();
    let mut last = String::new();
    for cue in clean.split("\n\n") {
        // Cues that are shown while the next line appears repeat what they said.
        for line in lines(cue).filter(|line| !line.is_empty()) {
            if line == last {
                continue;
            }
            paragraph.push_str(&line);
            paragraph.push(' ');
            last = line;
        }
        let ends = paragraph.trim_end().ends_with(['.', '!', '?', '…', '。', '！', '？', '"', '”']);
        if ends && paragraph.chars().count() >= PARAGRAPH_CHARACTERS {
            blocks.push(Block::Paragraph(std::mem::take(&mut paragraph)));
        }
    }
    blocks.push(Block::Paragraph(paragraph));
    Ok(Document { blocks, warnings: decoded.warning.into_iter().collect(), ..Document::default() })
}

/// What a cue says: the lines after its time. Remarks, styles and the header of WebVTT have no time.
fn lines(cue: &str) -> impl Iterator<Item = String> {
    let mut lines = cue.lines().skip_while(|line| !line.contains("-->"));
    lines.next();
    lines.map(without_marks)
}

/// A line without tags, such as `<i>`, `<v Anna>` or `{\an8}`, and with its entities resolved.
fn without_marks(line: &str) -> String {
    let mut bare = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find(['<', '{']) {
        let (before, mark) = rest.split_at(start);
        bare.push_str(before);
        let inside = &mark[1..];
        let (is_tag, end) = if mark.starts_with('<') {
            (inside.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '/'), '>')
        } else {
            (inside.starts_with('\\'), '}')
        };
        let near = &inside[..inside.floor_char_boundary(MAX_TAG_BYTES)];
        if let Some(length) = near.find(end).filter(|_| is_tag) {
            rest = &inside[length + 1..];
        } else {
            bare.push_str(&mark[..1]);
            rest = inside;
        }
    }
    bare.push_str(rest);
    let bare = bare.replace("&nbsp;", " ").replace("&lrm;", "").replace("&rlm;", "");
    text::one_line(&unescape(&bare).unwrap_or(Cow::Borrowed(&bare)))
}

#[cfg(test)]
mod tests {
    use super::{super::block::render, read};

    fn markdown(subtitles: &str) -> String {
        render(&read(subtitles.as_bytes(), None).unwrap().blocks, 1000).unwrap().text
    }

    #[test]
    fn cues_are_what_is_said() {
        let srt = "1\r\n00:00:01,000 --> 00:00:02,500\r\n<i>The harbour</i> was\r\nquiet.\r\n\r\n2\r\n00:00:03,000 --> 00:00:04,000\r\n\
             {\\an8}Nobody &amp; nothing moved.\r\n";
        assert_eq!(markdown(srt), "The harbour was quiet. Nobody & nothing moved.");
        let vtt = "WEBVTT - a title\n\nNOTE a remark\n\nSTYLE\n::cue {}\n\nintro\n00:01.000 --> 00:02.000 align:start\n\
             <v Anna>Hello <00:01.500>there\n\n00:02.000 --> 00:03.000\nHello there\n";
        assert_eq!(markdown(vtt), "Hello there");
    }
}
