//! Plain text and Markdown, and what all readers do to characters: line ends, control characters, titles.

use super::{
    ExtractError, ExtractedText, FileKind, Input,
    block::{self, Block},
    encoding,
    kind::extension,
    markdown, source_code,
};
use crate::domain::{document::About, name::composed};

/// The most line ends in a row that `normalise` leaves: three blank lines.
const MAX_LINE_ENDS: usize = 4;
/// Titles are for lists and headings of results; longer ones are truncated.
const MAX_TITLE_CHARACTERS: usize = 300;

/// Reads plain text, Markdown or source code.
pub(super) fn read(kind: FileKind, input: Input<'_>) -> Result<ExtractedText, ExtractError> {
    let decoded = encoding::decode_or_guess(input.bytes, encoding::declared(input.declared_type))?;
    let text = normalise(&decoded.text);
    let title = if kind == FileKind::Markdown { markdown::title(&text) } else { None };
    let text = if kind == FileKind::SourceCode { block::render(&[code(input, text)], usize::MAX)?.text } else { text };
    Ok(ExtractedText {
        text,
        is_markdown: kind != FileKind::PlainText,
        is_code: kind == FileKind::SourceCode,
        about: About { title, ..About::default() },
        content_type: kind.media_type().to_owned(),
        page_starts: Vec::new(),
        warnings: decoded.warning.into_iter().collect(),
        lacks_reader: false,
    })
}

/// Source code as a block, in the language that its file name says.
pub(super) fn code(input: Input<'_>, text: String) -> Block {
    let language = extension(input.file_name).and_then(|extension| source_code::language(&extension));
    Block::Code { language: language.unwrap_or_default().to_owned(), text }
}

/// The paragraphs that empty lines separate, with the lines that their writer broke.
pub(super) fn paragraphs(text: &str) -> Vec<Block> {
    let text = normalise(text);
    let paragraphs = text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty());
    paragraphs.map(|paragraph| Block::Paragraph(paragraph.to_owned())).collect()
}

/// Makes `\n` the only line end, drops what is not seen (control characters other than tabs, colours of terminals, soft
/// hyphens), leaves at most three blank lines in a row, and puts letters and their accents together (NFC).
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
            '\u{1b}' => skip_escape(&mut characters),
            character if is_unseen(character) => {}
            character => {
                line_ends = 0;
                clean.push(character);
            }
        }
    }
    composed(clean)
}

/// Skips the rest of a terminal's escape sequence: of colours and cursors (`ESC [ … letter`) or of titles (`ESC ] … BEL`).
fn skip_escape(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    let is_end: fn(char) -> bool = match characters.peek() {
        Some('[') => |character| ('@'..='~').contains(&character),
        Some(']') => |character| matches!(character, '\u{7}' | '\u{1b}'),
        _ => return,
    };
    characters.next();
    while let Some(&character) = characters.peek() {
        // A sequence that is not closed ends with its line.
        if character == '\n' || character == '\r' {
            return;
        }
        characters.next();
        if is_end(character) {
            return;
        }
    }
}

/// Control characters other than tabs; hyphens and spaces that are only places where a line may break; marks of direction
/// and of byte order. A word that contains them is not found.
fn is_unseen(character: char) -> bool {
    match character {
        '\t' => false,
        '\u{ad}'
        | '\u{200b}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'
        | '\u{2066}'..='\u{2069}'
        | '\u{feff}' => true,
        character => character.is_control(),
    }
}

/// The words of `text` with one space between them.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let mut pending = false;
    for character in text.chars() {
        if character.is_whitespace() {
            pending = !line.is_empty();
        } else if !is_unseen(character) {
            if std::mem::take(&mut pending) {
                line.push(' ');
            }
            line.push(character);
        }
    }
    line
}

/// A title on one line with a limited length, if anything is left of it.
pub(super) fn tidy_title(title: &str) -> Option<String> {
    let title: String = composed(one_line(title)).chars().take(MAX_TITLE_CHARACTERS).collect();
    title.chars().any(char::is_alphanumeric).then_some(title)
}

/// Whether a title is what a program writes when its user writes none.
pub(super) fn is_made_up_title(title: &str) -> bool {
    const MADE_UP: [&str; 6] = [
        "powerpoint presentation",
        "powerpoint-präsentation",
        "présentation powerpoint",
        "presentación de powerpoint",
        "untitled document",
        "slide 1",
    ];
    let title = title.trim().to_lowercase();
    // Or without a number.
    let is_numbered = ["document", "dokument", "presentation", "book", "workbook", "untitled"]
        .iter()
        .any(|word| title.strip_prefix(word).is_some_and(|rest| rest.trim().bytes().all(|byte| byte.is_ascii_digit())));
    MADE_UP.contains(&title.as_str()) || is_numbered || title.starts_with("microsoft word - ")
}

/// A language tag in the form of BCP 47, from what documents write there.
pub(super) fn language_tag(language: &str) -> Option<String> {
    let tag = language.trim().replace('_', "-");
    let is_tag = (2..=35).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_tag.then_some(tag)
}

#[cfg(test)]
mod tests {
    use super::{is_made_up_title, normalise, one_line};

    #[test]
    fn colours_of_terminals_leave_nothing() {
        let log = "\u{1b}[32mINFO\u{1b}[0m started\r\n\u{1b}[1;31mERROR\u{1b}[0m disk \u{1b}]0;title\u{7}full\u{1b}[";
        assert_eq!(normalise(log), "INFO started\nERROR disk full");
    }

    #[test]
    fn words_are_put_together_where_only_a_line_might_have_broken() {
        assert_eq!(one_line(" Donau\u{ad}dampf \n zero\u{200b}width\u{feff} "), "Donaudampf zerowidth");
        assert_eq!(normalise("Donau\u{ad}dampf"), "Donaudampf");
    }

    #[test]
    fn titles_of_programs_are_not_titles_of_documents() {
        for title in ["PowerPoint Presentation", "Document1", "Presentation", "Microsoft Word - a.doc", "untitled"] {
            assert!(is_made_up_title(title), "{title}");
        }
        assert!(!is_made_up_title("Document handling in ports"));
    }
}
