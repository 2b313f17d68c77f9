//! RTF to blocks, in one walk over its tokens.
//!
//! Text is bytes in the code page of its font, or numbers of characters. What is not text stands in groups that begin with a
//! word for what they are. Groups nest on a list of our own, so their depth costs nothing.

mod fonts;
mod tokens;

use std::collections::HashMap;

use encoding_rs::Encoding;

use super::{ExtractError, block::Block, detect, document::Document};
use fonts::Fonts;
use tokens::{Token, Tokens};

/// Groups that hold no text of the document.
const HIDDEN_GROUPS: [&str; 22] = [
    "colortbl",
    "pict",
    "object",
    "header",
    "headerl",
    "headerr",
    "headerf",
    "footer",
    "footerl",
    "footerr",
    "footerf",
    "fldinst",
    "bkmkstart",
    "bkmkend",
    "atnid",
    "atnauthor",
    "atntime",
    "atndate",
    "atnref",
    "xe",
    "tc",
    "nonshppict",
];

/// Reads an RTF file.
pub(super) fn read(bytes: &[u8]) -> Result<Document, ExtractError> {
    let mut reader = Reader::default();
    let mut tokens = Tokens::new(bytes);
    while let Some(token) = tokens.next() {
        if let Token::Word("bin", Some(length)) = token {
            tokens.skip_bytes(usize::try_from(length).unwrap_or(0));
            continue;
        }
        reader.token(token);
    }
    // A file that was truncated ends inside its groups.
    if reader.groups.is_empty() { Ok(reader.finish()) } else { Err(detect::corrupt()) }
}

/// Where the text of a group goes.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Destination {
    #[default]
    Body,
    Nowhere,
    Fonts,
    Styles,
    Title,
    Author,
    /// The number or bullet of an item.
    Marker,
    /// A footnote or a remark: a paragraph of its own, after the one in which it stands.
    Note,
}

/// What holds until the end of a group.
#[derive(Clone)]
struct Group {
    destination: Destination,
    font: i32,
    /// Characters after each numbered one that stand for it in old readers.
    fallback: usize,
    is_hidden: bool,
    /// The group may be skipped by readers that do not know its first word.
    is_optional: bool,
}

impl Default for Group {
    fn default() -> Self {
        Self { destination: Destination::default(), font: -1, fallback: 1, is_hidden: false, is_optional: false }
    }
}

/// What holds until the end of a paragraph.
#[derive(Default)]
struct Paragraph {
    text: String,
    marker: String,
    style: i32,
    outline: Option<u8>,
    depth: usize,
    is_in_table: bool,
}

#[derive(Default)]
struct Reader {
    document: Document,
    group: Group,
    /// The groups around this one.
    groups: Vec<Group>,
    fonts: Fonts,
    /// The heading level of each style that is one.
    headings: HashMap<i32, u8>,
    /// The name of the style that is being read.
    style: (i32, String),
    paragraph: Paragraph,
    notes: Vec<String>,
    note: String,
    title: String,
    author: String,
    /// Bytes of text that are not decoded yet, and halves of a character.
    bytes: Vec<u8>,
    units: Vec<u16>,
    /// Characters to skip after a numbered one.
    skip: usize,
    row: Vec<String>,
    rows: Vec<Vec<String>>,
    is_in_list: bool,
}

impl Reader {
    fn token(&mut self, token: Token<'_>) {
        match token {
            Token::Byte(_) | Token::Word("u", _) => {}
            _ => self.skip = 0,
        }
        match token {
            Token::Open => {
                self.decode();
                self.groups.push(self.group.clone());
                self.group.is_optional = false;
            }
            Token::Close => self.close(),
            Token::Byte(_) if self.skip > 0 => self.skip -= 1,
            Token::Byte(byte) => {
                self.decode_units();
                self.bytes.push(byte);
            }
            Token::Symbol(symbol) => self.symbol(symbol),
            Token::Word(word, number) => self.word(word, number),
        }
    }

    fn close(&mut self) {
        self.decode();
        let ended = self.group.destination;
        if ended == Destination::Styles {
            self.end_style();
        }
        let Some(outer) = self.groups.pop() else { return };
        self.group = outer;
        if ended == Destination::Note && self.group.destination != Destination::Note {
            self.notes.push(std::mem::take(&mut self.note));
        }
    }

    fn symbol(&mut self, symbol: u8) {
        match symbol {
            b'*' => self.group.is_optional = true,
            b'~' => self.push(" "),
            b'_' => self.push("-"),
            b'\\' | b'{' | b'}' => {
                self.decode_units();
                self.bytes.push(symbol);
            }
            b'\r' | b'\n' => self.word("par", None),
            _ => {}
        }
    }

    fn word(&mut self, word: &str, number: Option<i32>) {
        if word == "u" {
            self.decode_bytes();
            // Numbers above 32,767 are written as negative ones.
            let unit = number.unwrap_or(0) & 0xffff;
            self.units.push(u16::try_from(unit).unwrap_or(0));
            self.skip = self.group.fallback;
            return;
        }
        self.decode();
        let is_optional = std::mem::take(&mut self.group.is_optional);
        if let Some(destination) = destination(word) {
            if self.group.destination != Destination::Nowhere {
                self.group.destination = destination;
            }
            return;
        }
        if is_optional {
            self.group.destination = Destination::Nowhere;
            return;
        }
        let value = number.unwrap_or(0);
        match word {
            "ansicpg" => self.fonts.set_code_page(value),
            "uc" => self.group.fallback = usize::try_from(value).unwrap_or(0),
            "f" | "deff" => {
                self.group.font = value;
                if self.group.destination == Destination::Fonts {
                    self.fonts.define(value);
                }
            }
            "fcharset" if self.group.destination == Destination::Fonts => self.fonts.set_charset(value),
            "v" | "deleted" => self.group.is_hidden = number != Some(0),
            "plain" => self.group.is_hidden = false,
            "s" if self.group.destination == Destination::Styles => self.style.0 = value,
            _ if matches!(self.group.destination, Destination::Body | Destination::Note | Destination::Marker) => {
                self.word_of_text(word, value);
            }
            _ => {}
        }
    }

    fn word_of_text(&mut self, word: &str, value: i32) {
        let is_body = self.group.destination == Destination::Body;
        match word {
            "pard" if is_body => {
                let Paragraph { text, marker, .. } = std::mem::take(&mut self.paragraph);
                self.paragraph = Paragraph { text, marker, ..Paragraph::default() };
            }
            "s" => self.paragraph.style = value,
            "outlinelevel" => self.paragraph.outline = u8::try_from(value).ok().map(|level| level + 1),
            "ilvl" => self.paragraph.depth = usize::try_from(value.clamp(0, 20)).unwrap_or(0),
            "intbl" => self.paragraph.is_in_table = true,
            "par" | "sect" if is_body => self.end_paragraph(),
            "cell" => {
                let text = std::mem::take(&mut self.paragraph.text);
                self.row.push(std::mem::take(&mut self.paragraph.marker) + &text);
            }
            "row" => self.rows.push(std::mem::take(&mut self.row)),
            "par" | "line" | "lbr" | "softline" => self.push("\n"),
            "tab" | "nestcell" | "nestrow" | "emspace" | "enspace" | "qmspace" => self.push(" "),
            "emdash" => self.push("—"),
            "endash" => self.push("–"),
            "bullet" => self.push("•"),
            "lquote" => self.push("‘"),
            "rquote" => self.push("’"),
            "ldblquote" => self.push("“"),
            "rdblquote" => self.push("”"),
            _ => {}
        }
    }

    fn end_paragraph(&mut self) {
        if self.paragraph.is_in_table {
            self.push("\n");
            return;
        }
        self.end_table();
        let text = std::mem::take(&mut self.paragraph.text);
        let marker = std::mem::take(&mut self.paragraph.marker);
        let marker = marker.trim();
        let level = self.paragraph.outline.or_else(|| self.headings.get(&self.paragraph.style).copied());
        let is_item = !marker.is_empty() && level.is_none();
        self.document.blocks.push(match level {
            // Levels below the ninth are those of text.
            Some(level) if level <= 9 => Block::Heading { level, text: format!("{marker} {text}") },
            _ if is_item => Block::Item {
                depth: self.paragraph.depth,
                marker: if marker.chars().any(char::is_alphanumeric) { marker.to_owned() } else { "-".to_owned() },
                is_first: !self.is_in_list,
                text,
            },
            _ => Block::Paragraph(text),
        });
        self.is_in_list = is_item;
        self.document.blocks.extend(self.notes.drain(..).map(Block::Paragraph));
    }

    fn end_table(&mut self) {
        if !self.row.is_empty() {
            self.rows.push(std::mem::take(&mut self.row));
        }
        if !self.rows.is_empty() {
            self.document.blocks.push(Block::Table(std::mem::take(&mut self.rows)));
            self.is_in_list = false;
        }
    }

    /// `{\s1 … heading 1;}`
    fn end_style(&mut self) {
        let (number, name) = std::mem::take(&mut self.style);
        let name = name.trim().trim_end_matches(';').to_lowercase();
        let level = name.strip_prefix("heading ").and_then(|level| level.trim().parse().ok());
        let level = level.or_else(|| (name == "title").then_some(1));
        if let Some(level) = level.filter(|level| (1..=9).contains(level)) {
            self.headings.insert(number, level);
        }
    }

    fn finish(mut self) -> Document {
        self.decode();
        self.paragraph.is_in_table = false;
        self.end_paragraph();
        self.document.about.title = Some(self.title).filter(|title| !title.trim().is_empty());
        self.document.about.author = Some(self.author).filter(|author| !author.trim().is_empty());
        self.document
    }

    fn encoding(&self) -> &'static Encoding {
        self.fonts.encoding(self.group.font)
    }

    fn decode(&mut self) {
        self.decode_bytes();
        self.decode_units();
    }

    fn decode_bytes(&mut self) {
        if !self.bytes.is_empty() {
            let bytes = std::mem::take(&mut self.bytes);
            let text = self.encoding().decode_without_bom_handling(&bytes).0;
            self.push(&text);
        }
    }

    fn decode_units(&mut self) {
        if !self.units.is_empty() {
            let units = std::mem::take(&mut self.units);
            self.push(&String::from_utf16_lossy(&units));
        }
    }

    fn push(&mut self, text: &str) {
        if self.group.is_hidden {
            return;
        }
        match self.group.destination {
            Destination::Body => self.paragraph.text.push_str(text),
            Destination::Marker => self.paragraph.marker.push_str(text),
            Destination::Note => self.note.push_str(text),
            Destination::Title => self.title.push_str(text),
            Destination::Author => self.author.push_str(text),
            Destination::Styles => self.style.1.push_str(text),
            Destination::Fonts | Destination::Nowhere => {}
        }
    }
}

fn destination(word: &str) -> Option<Destination> {
    Some(match word {
        "fonttbl" => Destination::Fonts,
        "stylesheet" => Destination::Styles,
        "title" => Destination::Title,
        "author" => Destination::Author,
        // What else is known of the document.
        "operator" | "company" | "subject" | "keywords" | "doccomm" | "comment" | "manager" | "category"
        | "hlinkbase" => Destination::Nowhere,
        "listtext" | "pntext" => Destination::Marker,
        "footnote" | "annotation" => Destination::Note,
        word if HIDDEN_GROUPS.contains(&word) => Destination::Nowhere,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{super::block::render, read};

    fn markdown(rtf: &str) -> String {
        render(&read(rtf.as_bytes()).unwrap().blocks, 1 << 20).unwrap().text
    }

    #[test]
    fn text_is_decoded_by_its_font_or_its_numbers() {
        let rtf = "{\\rtf1\\ansi\\ansicpg1252{\\fonttbl{\\f0\\fcharset0 A;}{\\f1\\fcharset204 B;}}\\f0 Gr\\'fc\\'dfe \\f1 \\'cf\\'f0\
             \\f0\\u-10179 ?\\u-8638 ? \\u8364\\'80 {\\v hidden}\\emdash  end\\par}";
        assert_eq!(markdown(rtf), "Grüße Пр🙂 € — end");
    }

    #[test]
    fn headings_items_notes_and_tables_are_what_they_look_like() {
        let rtf = "{\\rtf1{\\stylesheet{\\s0 Normal;}{\\s1 heading 1;}}{\\info{\\title A title}{\\author Me}}\
             \\pard\\s1 Chapter\\par\\pard Text{\\footnote a note} goes on.\\par\
             \\pard{\\listtext\\'95\\tab}first\\par{\\listtext\\'95\\tab}second\\par\\pard\\intbl a\\cell b\\cell\\row\
             \\intbl 1\\cell 2\\cell\\row\\pard{\\field{\\*\\fldinst HYPERLINK x}{\\fldrslt a link}}\\par}";
        assert_eq!(
            markdown(rtf),
            "# Chapter\n\nText goes on.\n\na note\n\n- first\n- second\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\na link"
        );
        assert_eq!(read(rtf.as_bytes()).unwrap().about.title.as_deref(), Some("A title"));
    }

    #[test]
    fn a_file_that_breaks_off_is_refused_and_one_that_nests_without_end_is_read() {
        assert!(read(b"{\\rtf1 text").is_err());
        let deep = format!("{{\\rtf1 {}x{}\\par}}", "{".repeat(100_000), "}".repeat(100_000));
        assert_eq!(markdown(&deep), "x");
    }
}
