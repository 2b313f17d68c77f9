//! The order in which a page is read: pieces of lines, put into columns and rows by where they stand.
//!
//! The library gives characters in the order of the page's description, with the spaces between words and with lines from
//! right to left in the order in which they are read. That order is kept inside a piece. Pieces are ordered by their places,
//! because many programs describe a page across its columns.

use std::collections::BTreeMap;

use super::library::{Glyph, Rect};

/// A gap between characters that is wider than this many heights of a line separates columns or cells.
const PIECE_GAP: f32 = 1.2;
/// The library ends lines in the middle of pages that it takes for vertical. A gap that is narrower than this goes on with
/// the line, and one that is hardly there with the word.
const LINE_END_GAP: f32 = 0.4;
const WORD_GAP: f32 = 0.1;
/// Edges this close are one edge.
const EDGE_WIDTH: f32 = 3.0;
/// A border is also tried this far before a left edge, in points: a page number may stand in the middle of a gutter.
const INTO_GUTTER: f32 = 5.0;
/// The most edges that are tried as the border of a column.
const MAX_EDGES: usize = 90;
/// Columns inside each other; more are a drawing.
const MAX_DEPTH: usize = 40;
/// Columns have at least this many lines, with this many characters on average.
const MIN_COLUMN_LINES: usize = 3;
const MIN_COLUMN_CHARACTERS: usize = 10;
/// As many lines, where lines go on over a gutter that is hardly wider than a space.
const MIN_NARROW_LINES: usize = 5;
/// Lines of a column are at least this share of its longest. Cells of a table are not.
const MIN_FILL: f32 = 0.4;
/// The share of its characters that stand in such lines.
const MIN_SHARE: (usize, usize) = (3, 5);
/// The narrowest gutter, in heights of a line.
const MIN_GUTTER: f32 = 0.3;
/// A gutter inside a piece is this much wider than the spaces of its line.
const GUTTER_OVER_SPACE: f32 = 1.5;
/// In a line whose spaces were stretched, a gutter is known by its width in heights of the line.
const WIDE_GUTTER: f32 = 0.75;
/// How far something may reach over a border, in points.
const TOLERANCE: f32 = 1.0;

#[derive(Clone, Debug)]
struct Word {
    text: String,
    place: Rect,
}

/// Words that follow each other on one line.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    words: Vec<Word>,
    pub place: Rect,
}

impl Piece {
    fn new(words: Vec<Word>) -> Option<Self> {
        let place = words.iter().map(|word| word.place).reduce(union)?;
        Some(Self { words, place })
    }

    pub(super) fn text(&self) -> String {
        self.words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    fn length(&self) -> usize {
        self.words.iter().map(|word| word.text.chars().count() + 1).sum()
    }

    fn width(&self) -> f32 {
        self.place.right - self.place.left
    }

    /// The height of most of its words.
    pub(super) fn height(&self) -> f32 {
        median(self.words.iter().map(|word| word.place.top - word.place.bottom).collect())
    }

    pub(super) fn middle(&self) -> f32 {
        f32::midpoint(self.place.top, self.place.bottom)
    }

    fn spans(&self, x: f32) -> bool {
        self.place.left < x - TOLERANCE && self.place.right > x + TOLERANCE
    }

    /// Whether it goes on over `x` as words of one line do.
    fn crosses(&self, x: f32) -> bool {
        self.spans(x) && !self.has_gutter(x)
    }

    /// Whether there is a gap at `x` that is wider than the spaces beside it.
    fn has_gutter(&self, x: f32) -> bool {
        let mut places: Vec<Rect> = self.words.iter().map(|word| word.place).collect();
        places.sort_by(|one, other| one.left.total_cmp(&other.left));
        let gaps: Vec<f32> = places.windows(2).map(|pair| pair[1].left - pair[0].right).collect();
        let here =
            places.windows(2).zip(&gaps).find(|(pair, _)| is_left_of(pair[0], x) && pair[1].left >= x - TOLERANCE);
        here.is_some_and(|(_, gap)| {
            let space = median(gaps.clone());
            let height = self.height();
            let is_wide = *gap >= WIDE_GUTTER * height && *gap > space;
            *gap >= MIN_GUTTER * height && (*gap >= GUTTER_OVER_SPACE * space || is_wide)
        })
    }

    /// Its parts on both sides of `x`.
    fn cut(self, x: f32) -> Vec<Self> {
        if !self.spans(x) {
            return vec![self];
        }
        let (left, right): (Vec<_>, Vec<_>) = self.words.into_iter().partition(|word| is_left_of(word.place, x));
        [left, right].into_iter().filter_map(Self::new).collect()
    }
}

fn is_left_of(place: Rect, x: f32) -> bool {
    place.right <= x + TOLERANCE
}

/// Pieces side by side.
pub(super) type Row = Vec<Piece>;

/// The rows of a page in reading order.
pub(super) fn rows(glyphs: &[Glyph]) -> Vec<Row> {
    let pieces = pieces(glyphs);
    let from_right = reads_from_right(&pieces);
    let mut rows = Vec::new();
    order(pieces, from_right, 0, &mut rows);
    rows
}

fn pieces(glyphs: &[Glyph]) -> Vec<Piece> {
    let mut pieces: Vec<Vec<Word>> = Vec::new();
    let mut last: Option<Rect> = None;
    let mut is_in_word = false;
    let mut is_line_end = false;
    for glyph in glyphs.iter().filter(|glyph| glyph.is_upright) {
        if glyph.is_generated {
            is_in_word = false;
            is_line_end |= matches!(glyph.character, '\r' | '\n');
            continue;
        }
        let place = glyph.place;
        let has_box = place.top > place.bottom;
        let after_end = has_box && std::mem::take(&mut is_line_end);
        let most = if after_end { LINE_END_GAP } else { PIECE_GAP };
        if !last.is_some_and(|last| !has_box || follows(last, place, most)) {
            pieces.push(Vec::new());
            is_in_word = false;
        } else if after_end {
            is_in_word = last.is_some_and(|last| follows(last, place, WORD_GAP));
        }
        if has_box {
            last = Some(place);
        }
        let Some(words) = pieces.last_mut() else { continue };
        if glyph.character.is_whitespace() {
            is_in_word = false;
            continue;
        }
        if let Some(word) = words.last_mut().filter(|_| is_in_word) {
            push(&mut word.text, glyph.character);
            word.place = union(word.place, place);
        } else {
            let mut text = String::new();
            push(&mut text, glyph.character);
            words.push(Word { text, place });
        }
        is_in_word = true;
    }
    pieces.into_iter().filter_map(Piece::new).collect()
}

/// Appends a character; of letters that are set as one, each.
fn push(text: &mut String, character: char) {
    match character {
        '\u{fb00}' => text.push_str("ff"),
        '\u{fb01}' => text.push_str("fi"),
        '\u{fb02}' => text.push_str("fl"),
        '\u{fb03}' => text.push_str("ffi"),
        '\u{fb04}' => text.push_str("ffl"),
        '\u{fb05}' | '\u{fb06}' => text.push_str("st"),
        character => text.push(character),
    }
}

/// Whether a character stands on the line of the one before it, at most so many heights of the line away.
fn follows(last: Rect, next: Rect, most: f32) -> bool {
    let (height, last_height) = (next.top - next.bottom, last.top - last.bottom);
    let overlap = next.top.min(last.top) - next.bottom.max(last.bottom);
    let gap = (next.left - last.right).max(last.left - next.right);
    overlap >= 0.3 * height.min(last_height) && gap <= most * height.max(last_height)
}

fn union(one: Rect, other: Rect) -> Rect {
    Rect {
        left: one.left.min(other.left),
        top: one.top.max(other.top),
        right: one.right.max(other.right),
        bottom: one.bottom.min(other.bottom),
    }
}

/// Whether most letters are of a script that is read from right to left.
pub(super) fn reads_from_right(pieces: &[Piece]) -> bool {
    let (mut right, mut all) = (0, 0);
    let words = pieces.iter().flat_map(|piece| &piece.words);
    for letter in words.flat_map(|word| word.text.chars()).filter(|letter| letter.is_alphabetic()) {
        all += 1;
        right += usize::from(matches!(letter, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fefc}'));
    }
    right * 2 > all
}

/// Two columns beside each other, with what is above and below them.
struct Columns {
    above: Vec<Piece>,
    left: Vec<Piece>,
    right: Vec<Piece>,
    below: Vec<Piece>,
}

fn order(mut pieces: Vec<Piece>, from_right: bool, depth: usize, out: &mut Vec<Row>) {
    pieces.sort_by(|one, other| other.middle().total_cmp(&one.middle()));
    let border = if depth < MAX_DEPTH { find_border(&pieces) } else { None };
    let Some(border) = border else {
        out.extend(side_by_side(pieces, from_right));
        return;
    };
    let Columns { above, left, right, below } = border.split(pieces);
    let (first, second) = if from_right { (right, left) } else { (left, right) };
    for part in [above, first, second, below] {
        order(part, from_right, depth + 1, out);
    }
}

/// Where words begin or end most often, and so a column may.
fn edges(pieces: &[Piece]) -> Vec<f32> {
    let mut edges: BTreeMap<(bool, i64), (usize, f32)> = BTreeMap::new();
    for word in pieces.iter().flat_map(|piece| &piece.words) {
        for (is_left, x) in [(true, word.place.left), (false, word.place.right)] {
            #[expect(clippy::cast_possible_truncation, reason = "places on a page")]
            let slot = (x / EDGE_WIDTH).round() as i64;
            let (count, outermost) = edges.entry((is_left, slot)).or_insert((0, x));
            *count += 1;
            *outermost = if is_left { outermost.min(x) } else { outermost.max(x) };
        }
    }
    let mut common: Vec<(usize, f32)> = edges
        .into_iter()
        .filter(|(_, (count, _))| *count >= MIN_COLUMN_LINES)
        .flat_map(|((is_left, _), (count, x))| {
            let beside = if is_left { x - 0.5 } else { x + 0.5 };
            [Some((count, beside)), is_left.then_some((count, x - INTO_GUTTER))]
        })
        .flatten()
        .collect();
    common.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    common.into_iter().take(MAX_EDGES).map(|(_, x)| x).collect()
}

/// The border of two columns: between `top` and `bottom`, nothing goes over `x`.
struct Border {
    x: f32,
    top: f32,
    bottom: f32,
    /// How many pieces it orders.
    count: usize,
    gutter: f32,
}

impl Border {
    fn has_inside(&self, piece: &Piece) -> bool {
        piece.middle() < self.top && piece.middle() > self.bottom && !piece.crosses(self.x)
    }

    fn split(&self, pieces: Vec<Piece>) -> Columns {
        let mut columns = Columns { above: Vec::new(), left: Vec::new(), right: Vec::new(), below: Vec::new() };
        for piece in pieces {
            if self.has_inside(&piece) {
                let (left, right): (Vec<_>, Vec<_>) =
                    piece.cut(self.x).into_iter().partition(|part| is_left_of(part.place, self.x));
                columns.left.extend(left);
                columns.right.extend(right);
            } else if piece.middle() >= self.top {
                columns.above.push(piece);
            } else {
                columns.below.push(piece);
            }
        }
        columns
    }

    /// Counts what it orders of these pieces, if they are columns of prose beside each other and not cells of a table.
    fn weigh(mut self, pieces: &[Piece]) -> Option<Self> {
        let inside: Vec<Piece> = pieces.iter().filter(|piece| self.has_inside(piece)).cloned().collect();
        if inside.len() < MIN_COLUMN_LINES {
            return None;
        }
        let before = inside.len();
        let Columns { left, right, .. } = self.split(inside);
        self.count = left.len() + right.len();
        let least = if self.count > before { MIN_NARROW_LINES } else { MIN_COLUMN_LINES };
        if !is_column(&left, least) || !is_column(&right, least) {
            return None;
        }
        let top = |side: &[Piece]| side.iter().map(|piece| piece.place.top).fold(f32::NEG_INFINITY, f32::max);
        let bottom = |side: &[Piece]| side.iter().map(|piece| piece.place.bottom).fold(f32::INFINITY, f32::min);
        if top(&left).min(top(&right)) <= bottom(&left).max(bottom(&right)) {
            return None;
        }
        let begin = left.iter().map(|piece| piece.place.right).fold(f32::NEG_INFINITY, f32::max);
        let end = right.iter().map(|piece| piece.place.left).fold(f32::INFINITY, f32::min);
        self.gutter = end - begin;
        let height = median(left.iter().chain(&right).map(Piece::height).collect());
        (self.gutter > MIN_GUTTER * height).then_some(self)
    }
}

/// The border that orders the most pieces; of equal ones that with the widest gutter. The pieces come from top to bottom.
fn find_border(pieces: &[Piece]) -> Option<Border> {
    if pieces.len() < MIN_COLUMN_LINES {
        return None;
    }
    let mut best: Option<Border> = None;
    for x in edges(pieces) {
        // What crosses the border ends the columns above and below it.
        let mut at = 0;
        for band in pieces.split(|piece| piece.crosses(x)) {
            let end = at + band.len();
            let top = at.checked_sub(1).map_or(f32::INFINITY, |above| pieces[above].middle());
            let bottom = pieces.get(end).map_or(f32::NEG_INFINITY, Piece::middle);
            at = end + 1;
            let border = Border { x, top, bottom, count: 0, gutter: 0.0 };
            let Some(border) = border.weigh(band) else { continue };
            let is_better = best.as_ref().is_none_or(|best| {
                border.count > best.count || (border.count == best.count && border.gutter > best.gutter)
            });
            if is_better {
                best = Some(border);
            }
        }
    }
    best
}

/// Whether most characters of a side stand in lines that fill it. A table in a column has few of them.
fn is_column(side: &[Piece], least: usize) -> bool {
    let widest = side.iter().map(Piece::width).fold(0.0, f32::max);
    let lines: Vec<&Piece> = side.iter().filter(|piece| piece.width() >= MIN_FILL * widest).collect();
    let all: usize = side.iter().map(Piece::length).sum();
    let characters: usize = lines.iter().map(|piece| piece.length()).sum();
    line_count(&lines) >= least
        && characters >= MIN_COLUMN_CHARACTERS * lines.len()
        && characters * MIN_SHARE.1 >= all * MIN_SHARE.0
}

fn line_count(side: &[&Piece]) -> usize {
    let mut middles: Vec<f32> = side.iter().map(|piece| piece.middle()).collect();
    middles.sort_by(f32::total_cmp);
    let height = median(side.iter().map(|piece| piece.height()).collect());
    usize::from(!side.is_empty()) + middles.windows(2).filter(|pair| pair[1] - pair[0] > 0.5 * height).count()
}

pub(super) fn median(mut values: Vec<f32>) -> f32 {
    let middle = values.len() / 2;
    values.sort_by(f32::total_cmp);
    values.get(middle).copied().unwrap_or(0.0)
}

/// Pieces that come from top to bottom in rows, those of one line from left to right, or from right to left.
fn side_by_side(pieces: Vec<Piece>, from_right: bool) -> Vec<Row> {
    /// Small letters above a line come before it.
    const ROWS_BACK: usize = 3;
    let mut rows: Vec<Row> = Vec::new();
    for piece in pieces {
        let at = rows.len().saturating_sub(ROWS_BACK);
        match rows[at..].iter_mut().rev().find(|row| row.first().is_some_and(|first| is_beside(first, &piece))) {
            Some(row) => row.push(piece),
            None => rows.push(vec![piece]),
        }
    }
    for row in &mut rows {
        row.sort_by(|one, other| one.place.left.total_cmp(&other.place.left));
        if from_right {
            row.reverse();
        }
    }
    rows
}

fn is_beside(one: &Piece, other: &Piece) -> bool {
    let overlap = one.place.top.min(other.place.top) - one.place.bottom.max(other.place.bottom);
    let height = |piece: &Piece| piece.place.top - piece.place.bottom;
    overlap > 0.5 * height(one).min(height(other))
}

#[cfg(test)]
mod tests {
    use super::{Glyph, Rect, rows};

    /// A line of ten points with letters of five points.
    fn line(left: u16, bottom: u16, text: &str) -> Vec<Glyph> {
        let glyph = |(index, character)| {
            let left = f32::from(left) + 5.0 * f32::from(index);
            let bottom = f32::from(bottom);
            let place = Rect { left, top: bottom + 10.0, right: left + 5.0, bottom };
            Glyph { character, is_generated: false, is_upright: true, place }
        };
        (0_u16..).zip(text.chars()).map(glyph).collect()
    }

    fn text(glyphs: &[Glyph]) -> Vec<String> {
        let join = |row: Vec<super::Piece>| row.iter().map(super::Piece::text).collect::<Vec<_>>().join(" | ");
        rows(glyphs).into_iter().map(join).collect()
    }

    #[test]
    fn columns_that_are_described_across_are_read_one_after_the_other() {
        let mut glyphs = line(50, 700, "a title across the columns of this page, wider than both");
        for (row, number) in ["one", "two", "six"].into_iter().enumerate() {
            let bottom = 680 - 12 * u16::try_from(row).unwrap();
            glyphs.extend(line(50, bottom, &format!("left column {number}")));
            glyphs.extend(line(150, bottom, &format!("mid column {number}")));
            glyphs.extend(line(250, bottom, &format!("far column {number}")));
        }
        glyphs.extend(line(50, 600, "a footer line that goes below all of it, as wide as it"));
        let expected = [
            "a title across the columns of this page, wider than both",
            "left column one",
            "left column two",
            "left column six",
            "mid column one",
            "mid column two",
            "mid column six",
            "far column one",
            "far column two",
            "far column six",
            "a footer line that goes below all of it, as wide as it",
        ];
        assert_eq!(text(&glyphs), expected);
    }

    #[test]
    fn cells_of_a_table_are_read_row_by_row() {
        let rows = [["Name", "Height"], ["Everest", "8849"], ["Lhotse", "8516"], ["Makalu", "8485"]];
        let mut glyphs = Vec::new();
        for column in 0..2 {
            for (row, cells) in rows.iter().enumerate() {
                let bottom = 700 - 14 * u16::try_from(row).unwrap();
                glyphs.extend(line(50 + 100 * u16::try_from(column).unwrap(), bottom, cells[column]));
            }
        }
        assert_eq!(text(&glyphs), ["Name | Height", "Everest | 8849", "Lhotse | 8516", "Makalu | 8485"]);
    }

    #[test]
    fn a_column_may_hold_a_table() {
        let (mut glyphs, mut left, mut right) = (Vec::new(), Vec::new(), Vec::new());
        for row in 0..9_u16 {
            let bottom = 700 - 12 * row;
            if (4..7).contains(&row) {
                glyphs.extend(line(50, bottom, "Oslo"));
                glyphs.extend(line(100, bottom, "big"));
                left.push("Oslo | big".to_owned());
            } else {
                let prose = format!("a line of prose in column {row}");
                glyphs.extend(line(50, bottom, &prose));
                left.push(prose);
            }
            let prose = format!("the other column has line {row}");
            glyphs.extend(line(250, bottom, &prose));
            right.push(prose);
        }
        assert_eq!(text(&glyphs), [left, right].concat());
    }

    #[test]
    fn a_line_that_the_library_ends_after_each_character_is_still_one() {
        let ends = |glyph: Glyph| ['\r', '\n'].map(|character| Glyph { character, is_generated: true, ..glyph });
        let glyphs = line(50, 700, "tram").into_iter().chain(line(73, 700, "line")).chain(line(120, 700, "far"));
        let glyphs: Vec<Glyph> = glyphs.flat_map(|glyph| std::iter::once(glyph).chain(ends(glyph))).collect();
        assert_eq!(text(&glyphs), ["tram line | far"]);
    }

    #[test]
    fn a_line_from_right_to_left_begins_at_its_right() {
        let mut glyphs = line(50, 700, "אבג");
        glyphs.extend(line(150, 700, "דהו"));
        assert_eq!(text(&glyphs), ["דהו | אבג"]);
    }
}
