//! Light markup other than Markdown: what it says, with its headings, lists, code and tables.

mod asciidoc;
mod inline;
mod latex;
mod rst;

use super::{ExtractError, block::Block, document::Document, encoding, text};
use crate::domain::document::About;

/// A markup language.
#[derive(Clone, Copy)]
pub(super) enum Markup {
    AsciiDoc,
    Latex,
    ReStructuredText,
}

/// What a document in markup consists of, with the title that it gives itself other than as a heading.
#[derive(Default)]
struct Written {
    blocks: Vec<Block>,
    title: Option<String>,
}

/// Reads a document.
///
/// # Errors
/// `InvalidEncoding`.
pub(super) fn read(markup: Markup, bytes: &[u8], declared_type: Option<&str>) -> Result<Document, ExtractError> {
    let decoded = encoding::decode_or_guess(bytes, encoding::declared(declared_type))?;
    let clean = text::normalise(&decoded.text);
    let Written { blocks, title } = match markup {
        Markup::AsciiDoc => asciidoc::read(&clean),
        Markup::Latex => latex::read(&clean),
        Markup::ReStructuredText => rst::read(&clean),
    };
    let about = About { title, ..About::default() };
    Ok(Document { blocks, about, warnings: decoded.warning.into_iter().collect(), lacks_reader: false })
}

/// Spaces before the text of a line.
fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Collects the items of lists: how deep each is, by its indentation or mark.
#[derive(Default)]
struct Lists {
    marks: Vec<String>,
}

impl Lists {
    /// An item in the list that has this mark.
    fn item(&mut self, mark: &str, marker: String, text: String) -> Block {
        let known = self.marks.iter().position(|it| it == mark);
        let depth = known.unwrap_or(self.marks.len());
        self.marks.truncate(depth + 1);
        if known.is_none() {
            self.marks.push(mark.to_owned());
        }
        Block::Item { depth, marker, is_first: known.is_none(), text }
    }

    fn end(&mut self) {
        self.marks.clear();
    }
}

/// The number or letter that begins an item (`3.`, `a)`, `#.`), and the text after it.
fn numbered(line: &str) -> Option<(&str, &str)> {
    let end = line.find(['.', ')'])?;
    let number = &line[..end];
    let is_number = !number.is_empty() && number.len() <= 3 && number.bytes().all(|byte| byte.is_ascii_digit());
    let is_letter = number.len() == 1 && number.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'#');
    let text = line[end + 1..].strip_prefix(' ')?;
    (is_number || is_letter).then_some((&line[..=end], text))
}
