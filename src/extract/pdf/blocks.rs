//! Rows of a page to blocks: lines that belong together, headings by their size, items by their marks.

use super::{
    super::block::Block,
    layout::{Piece, median, reads_from_right},
};

/// A line is a heading if it is this much larger than the text of the document.
const HEADING_SIZE: f32 = 1.2;
/// Longer lines are no headings.
const MAX_HEADING_CHARACTERS: usize = 200;
/// Lines further apart than this many times their usual distance are two paragraphs.
const PARAGRAPH_GAP: f32 = 1.3;
/// A first line is this far inside, in heights of a line.
const INDENT: f32 = 0.8;
/// The library's sign for a hyphen that only the end of a line made.
const LINE_HYPHENS: [char; 3] = ['\u{2}', '\u{fffe}', '\u{ad}'];

/// A line of a page.
pub(super) struct Line {
    text: String,
    size: f32,
    /// Where it begins and ends, along the way in which it is read.
    begin: f32,
    end: f32,
    middle: f32,
}

/// The line that a row is.
pub(super) fn line(row: &[Piece]) -> Option<Line> {
    let text = row.iter().map(Piece::text).collect::<Vec<_>>().join(" ");
    let first = row.first()?;
    let left = row.iter().map(|piece| piece.place.left).fold(f32::INFINITY, f32::min);
    let right = row.iter().map(|piece| piece.place.right).fold(f32::NEG_INFINITY, f32::max);
    let (begin, end) = if reads_from_right(row) { (-right, -left) } else { (left, right) };
    Some(Line { text, size: median(row.iter().map(Piece::height).collect()), begin, end, middle: first.middle() })
}

/// The size of most text in a document.
pub(super) fn body_size<'a>(lines: impl Iterator<Item = &'a Line>) -> f32 {
    // A line counts as often as it has ten letters.
    let sizes = lines.flat_map(|line| std::iter::repeat_n(line.size, 1 + line.text.len() / 10));
    median(sizes.collect())
}

/// The blocks of a page in a document with this size of text.
pub(super) fn blocks(lines: &[Line], body: f32) -> Vec<Block> {
    let distances = lines.windows(2).map(|pair| pair[0].middle - pair[1].middle).filter(|distance| *distance > 0.0);
    // A page of headings has no usual distance.
    let usual = median(distances.collect()).min(1.5 * body);
    let mut blocks = Vec::new();
    let mut paragraph: Vec<&Line> = Vec::new();
    for line in lines {
        let begins = paragraph.last().is_none_or(|last| is_apart(last, line, &paragraph, usual, body));
        if begins {
            blocks.extend(block(&paragraph, body));
            paragraph.clear();
        }
        paragraph.push(line);
    }
    blocks.extend(block(&paragraph, body));
    blocks
}

/// Whether a line begins a new paragraph after `last`, the end of `paragraph`.
fn is_apart(last: &Line, line: &Line, paragraph: &[&Line], usual: f32, body: f32) -> bool {
    let distance = last.middle - line.middle;
    let is_heading = |line: &Line| line.size >= HEADING_SIZE * body;
    if is_heading(last) != is_heading(line) || item(&line.text).is_some() {
        return true;
    }
    if distance <= 0.0 {
        // At the top of the next column a sentence goes on in small letters.
        return !line.text.starts_with(char::is_lowercase);
    }
    let margin = paragraph.iter().map(|line| line.begin).fold(f32::INFINITY, f32::min);
    let is_item = paragraph.first().is_some_and(|first| item(&first.text).is_some());
    let is_indented = !is_item && line.begin - margin > INDENT * line.size;
    let ends_early = last.end < line.end - 3.0 * line.size && last.text.ends_with(['.', '!', '?', ':', '。']);
    distance > PARAGRAPH_GAP * usual.max(line.size) || is_indented || ends_early
}

fn block(lines: &[&Line], body: f32) -> Option<Block> {
    let first = lines.first()?;
    let text = joined(lines);
    if let Some((marker, text)) = item(&text) {
        return Some(Block::Item { depth: 0, marker: marker.to_owned(), is_first: false, text: text.to_owned() });
    }
    let is_heading = first.size >= HEADING_SIZE * body && text.chars().count() <= MAX_HEADING_CHARACTERS;
    let level = if first.size >= 1.6 * body { 1 } else { 2 };
    Some(if is_heading { Block::Heading { level, text } } else { Block::Paragraph(text) })
}

/// Lines as one text, with words that were broken at the end of a line whole again.
fn joined(lines: &[&Line]) -> String {
    let mut text = String::new();
    for line in lines {
        let is_broken =
            text.ends_with(LINE_HYPHENS) || (is_hyphenated(&text) && line.text.starts_with(char::is_lowercase));
        if is_broken {
            text.pop();
        } else if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&line.text);
    }
    text
}

/// Whether a line ends in the middle of a word, with a hyphen that the library takes for a minus.
fn is_hyphenated(line: &str) -> bool {
    line.strip_suffix('-').is_some_and(|word| word.ends_with(char::is_lowercase))
}

/// The mark and the text of an item.
fn item(line: &str) -> Option<(&'static str, &str)> {
    const MARKS: [char; 9] = ['•', '◦', '▪', '●', '○', '■', '‣', '⁃', '\u{f0b7}'];
    let text = line.strip_prefix(MARKS).filter(|text| text.starts_with(' '))?;
    Some(("-", text))
}

#[cfg(test)]
mod tests {
    use super::{Block, Line, blocks};

    fn line(left: f32, middle: f32, size: f32, text: &str) -> Line {
        let width = 5.0 * f32::from(u16::try_from(text.len()).unwrap());
        Line { text: text.into(), size, begin: left, end: left + width, middle }
    }

    #[test]
    fn a_ragged_margin_at_the_end_of_lines_from_right_to_left_begins_no_paragraph() {
        let line =
            |left: f32, middle: f32| Line {
                text: "שלום עולם".into(), size: 12.0, begin: -300.0, end: -left, middle
            };
        let lines = [line(100.0, 700.0), line(160.0, 686.0), line(90.0, 672.0)];
        assert_eq!(blocks(&lines, 12.0).len(), 1);
    }

    #[test]
    fn lines_are_put_together_to_headings_paragraphs_and_items() {
        let lines = [
            line(60.0, 740.0, 20.0, "Shopping"),
            line(60.0, 700.0, 12.0, "A paragraph that is bro\u{2}"),
            line(60.0, 686.0, 12.0, "ken over two lines."),
            line(60.0, 660.0, 12.0, "Another para-"),
            line(60.0, 646.0, 12.0, "graph."),
            line(60.0, 626.0, 12.0, "• apples from Norway"),
            line(60.0, 612.0, 12.0, "• pears"),
        ];
        let item = |text: &str| Block::Item { depth: 0, marker: "-".into(), is_first: false, text: text.into() };
        let expected = [
            Block::Heading { level: 1, text: "Shopping".into() },
            Block::Paragraph("A paragraph that is broken over two lines.".into()),
            Block::Paragraph("Another paragraph.".into()),
            item(" apples from Norway"),
            item(" pears"),
        ];
        assert_eq!(blocks(&lines, 12.0), expected);
    }
}
