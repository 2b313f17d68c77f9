//! Number formats of spreadsheets: a value as its cell shows it.

mod date;

/// A format, one of its up to four sections chosen for each value.
pub(super) struct Format {
    sections: Vec<Section>,
}

struct Section {
    pieces: Vec<Piece>,
    /// `[>100]`: the values that it is for.
    condition: Option<(Comparison, f64)>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    Unequal,
}

#[derive(Clone, PartialEq, Debug)]
enum Piece {
    Literal(String),
    /// `0`, `#` or `?`.
    Digit(char),
    Point,
    Comma,
    Percent,
    /// `E+` or `E-`.
    Exponent,
    General,
    /// The text of the cell.
    Text,
    /// A letter of a date and how often it stands there.
    Date(char, usize),
    /// Hours, minutes or seconds that do not end at 24 or 60.
    Elapsed(char),
    /// `AM/PM`.
    Half,
}

impl Format {
    /// Reads a format as a workbook writes it.
    pub(super) fn parse(code: &str) -> Self {
        let mut sections = vec![Section { pieces: Vec::new(), condition: None }];
        let mut rest = code;
        while let Some(character) = rest.chars().next() {
            if character == ';' {
                sections.push(Section { pieces: Vec::new(), condition: None });
                rest = &rest[1..];
            } else if let Some(section) = sections.last_mut() {
                rest = section.take_piece(rest);
            }
        }
        Self { sections }
    }

    /// A built-in format by its number.
    pub(super) fn built_in(id: u32) -> Self {
        Self::parse(match id {
            1 => "0",
            2 => "0.00",
            3 | 37 | 38 => "#,##0",
            4 | 39 | 40 => "#,##0.00",
            9 => "0%",
            10 => "0.00%",
            11 => "0.00E+00",
            48 => "##0.0E+0",
            // Written by each program in the order of its country, so here in the one that all read alike.
            14 => "yyyy-mm-dd",
            15 => "d-mmm-yy",
            16 => "d-mmm",
            17 => "mmm-yy",
            18 => "h:mm AM/PM",
            19 => "h:mm:ss AM/PM",
            20 => "h:mm",
            21 => "h:mm:ss",
            22 => "yyyy-mm-dd h:mm",
            45 => "mm:ss",
            46 => "[h]:mm:ss",
            47 => "mm:ss.0",
            _ => "General",
        })
    }

    /// A number as the cell shows it. `from_1904` tells which day is the first.
    pub(super) fn show(&self, value: f64, from_1904: bool) -> String {
        let (section, magnitude) = self.section(value);
        let pieces = &section.pieces;
        if pieces.iter().any(|piece| matches!(piece, Piece::Date(..) | Piece::Elapsed(_))) {
            return date::show(pieces, value, from_1904).unwrap_or_else(|| general(value));
        }
        let is_number = pieces.iter().any(|piece| matches!(piece, Piece::Digit(_)));
        let is_fraction = pieces.iter().any(|piece| *piece == Piece::Literal("/".to_owned()));
        if is_number && is_fraction {
            return general(value);
        }
        if is_number {
            return number(pieces, magnitude);
        }
        let texts = pieces.iter().map(|piece| match piece {
            Piece::Literal(text) => text.clone(),
            Piece::General | Piece::Text => general(magnitude),
            Piece::Percent => "%".to_owned(),
            _ => String::new(),
        });
        texts.collect()
    }

    /// The section for a value, and the value without the sign that the section itself shows.
    fn section(&self, value: f64) -> (&Section, f64) {
        let conditional = self.sections.iter().find(|it| it.condition.is_some_and(|condition| holds(condition, value)));
        if let Some(section) = conditional {
            return (section, value);
        }
        let plain: Vec<&Section> = self.sections.iter().filter(|it| it.condition.is_none()).collect();
        match plain.as_slice() {
            [_, negative, ..] if value < 0.0 => (negative, -value),
            [_, _, zero, ..] if value == 0.0 => (zero, value),
            [first, ..] => (first, value),
            [] => (&self.sections[0], value),
        }
    }
}

fn holds((comparison, limit): (Comparison, f64), value: f64) -> bool {
    match comparison {
        Comparison::Less => value < limit,
        Comparison::LessOrEqual => value <= limit,
        Comparison::Greater => value > limit,
        Comparison::GreaterOrEqual => value >= limit,
        Comparison::Equal => (value - limit).abs() < f64::EPSILON,
        Comparison::Unequal => (value - limit).abs() >= f64::EPSILON,
    }
}

impl Section {
    /// Takes the next piece off `code`, which is not empty, and returns what is left.
    fn take_piece<'a>(&mut self, code: &'a str) -> &'a str {
        for (word, piece) in [("General", Piece::General), ("AM/PM", Piece::Half), ("A/P", Piece::Half)] {
            if code.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)) {
                self.pieces.push(piece);
                return &code[word.len()..];
            }
        }
        let mut characters = code.chars();
        let Some(character) = characters.next() else { return "" };
        let after = characters.as_str();
        match character {
            '"' => {
                let (text, rest) = after.split_once('"').unwrap_or((after, ""));
                self.pieces.push(Piece::Literal(text.to_owned()));
                rest
            }
            '[' => {
                let (inside, rest) = after.split_once(']').unwrap_or((after, ""));
                self.take_bracket(inside);
                rest
            }
            // An escaped character; a space as wide as a character; a character that fills the cell.
            '\\' | '_' | '*' => {
                let mut characters = after.chars();
                let next = characters.next();
                match character {
                    '\\' => self.pieces.extend(next.map(|next| Piece::Literal(next.to_string()))),
                    '_' => self.pieces.push(Piece::Literal(" ".to_owned())),
                    _ => {}
                }
                characters.as_str()
            }
            'E' | 'e' if after.starts_with(['+', '-']) => {
                self.pieces.push(Piece::Exponent);
                &after[1..]
            }
            'y' | 'm' | 'd' | 'h' | 's' | 'Y' | 'M' | 'D' | 'H' | 'S' => {
                let count = code.chars().take_while(|it| it.eq_ignore_ascii_case(&character)).count();
                self.pieces.push(Piece::Date(character.to_ascii_lowercase(), count));
                &code[count..]
            }
            _ => {
                self.pieces.push(match character {
                    '0' | '#' | '?' => Piece::Digit(character),
                    '.' => Piece::Point,
                    ',' => Piece::Comma,
                    '%' => Piece::Percent,
                    '@' => Piece::Text,
                    character => Piece::Literal(character.to_string()),
                });
                after
            }
        }
    }

    /// `[h]`, `[$€-407]`, `[>100]`; colours and countries change nothing.
    fn take_bracket(&mut self, inside: &str) {
        const COMPARISONS: [(&str, Comparison); 6] = [
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<>", Comparison::Unequal),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
            ("=", Comparison::Equal),
        ];
        if let Some(currency) = inside.strip_prefix('$') {
            let (sign, _) = currency.split_once('-').unwrap_or((currency, ""));
            self.pieces.push(Piece::Literal(sign.to_owned()));
            return;
        }
        let first = inside.chars().next().unwrap_or_default().to_ascii_lowercase();
        if matches!(first, 'h' | 'm' | 's') && inside.chars().all(|it| it.eq_ignore_ascii_case(&first)) {
            self.pieces.push(Piece::Elapsed(first));
            return;
        }
        let condition = COMPARISONS.into_iter().find_map(|(sign, comparison)| {
            let limit = inside.strip_prefix(sign)?.trim().parse().ok()?;
            Some((comparison, limit))
        });
        self.condition = self.condition.or(condition);
    }
}

/// A number without a format, as far as a cell has room for it.
pub(super) fn general(value: f64) -> String {
    if !value.is_finite() {
        return value.to_string();
    }
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-9..1e15).contains(&magnitude) {
        return format!("{value:E}");
    }
    let digits = magnitude.max(1.0).log10().floor();
    // Eleven digits, as a wide cell shows them; the rest is how binary numbers miss decimal ones.
    let decimals = (10.0 - digits).clamp(0.0, 10.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 10")]
    let text = format!("{value:.*}", decimals as usize);
    without_zeros(&text).to_owned()
}

fn without_zeros(number: &str) -> &str {
    let number = if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
    if number == "-0" { "0" } else { number }
}

/// A number in the places of a section.
fn number(pieces: &[Piece], value: f64) -> String {
    let is_digit = |piece: &Piece| matches!(piece, Piece::Digit(_));
    let percents = pieces.iter().filter(|piece| **piece == Piece::Percent).count();
    let first = pieces.iter().position(is_digit).unwrap_or(0);
    let last = pieces.iter().rposition(is_digit).unwrap_or(0);
    let exponent = pieces.iter().position(|piece| *piece == Piece::Exponent);
    let point = pieces.iter().position(|piece| *piece == Piece::Point);
    // Commas after the last digit divide by a thousand each; those between digits group them.
    let thousands = pieces[last + 1..].iter().take_while(|piece| **piece == Piece::Comma).count();
    let whole_end = point.or(exponent).unwrap_or(last + 1);
    let is_grouped = pieces[first..whole_end.max(first)].contains(&Piece::Comma);
    let fraction_end = exponent.unwrap_or(pieces.len());
    let fraction: Vec<char> = point.map_or_else(Vec::new, |point| digits(&pieces[point..fraction_end.max(point)]));
    let whole: Vec<char> = digits(&pieces[first.min(whole_end)..whole_end]);

    let powers = i32::try_from(2 * percents).unwrap_or(0) - i32::try_from(3 * thousands).unwrap_or(0);
    let mut value = value * 10_f64.powi(powers);
    let mut power = 0;
    if exponent.is_some() && value != 0.0 {
        #[expect(clippy::cast_possible_truncation, reason = "the logarithm of a number is below 309")]
        let found = value.abs().log10().floor() as i32;
        power = found;
        value /= 10_f64.powi(power);
    }
    let rounded = format!("{:.*}", fraction.len().min(30), value.abs());
    let (integer, decimals) = rounded.split_once('.').unwrap_or((&rounded, ""));
    let optional = fraction.iter().rev().take_while(|digit| **digit != '0').count();
    let least = decimals.len().saturating_sub(optional);
    let kept = decimals.trim_end_matches('0').len().max(least);
    let mut shown = in_places(integer, &whole, is_grouped);
    if kept > 0 {
        shown.push('.');
        shown.push_str(&decimals[..kept]);
    }
    let scientific = exponent.map_or_else(String::new, |at| {
        let width = digits(&pieces[at..]).len();
        format!("E{}{:0width$}", if power < 0 { '-' } else { '+' }, power.unsigned_abs())
    });
    let is_negative = value < 0.0 && rounded.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
    let sign = if is_negative { "-" } else { "" };
    format!("{sign}{}{shown}{scientific}{}", literals(&pieces[..first]), literals(&pieces[last + 1..]))
}

fn digits(pieces: &[Piece]) -> Vec<char> {
    pieces.iter().filter_map(|piece| if let Piece::Digit(digit) = piece { Some(*digit) } else { None }).collect()
}

fn literals(pieces: &[Piece]) -> String {
    let texts = pieces.iter().map(|piece| match piece {
        Piece::Literal(text) => text.as_str(),
        Piece::Percent => "%",
        _ => "",
    });
    texts.collect()
}

/// The digits of a whole number, with zeros where the format asks for them.
fn in_places(integer: &str, places: &[char], is_grouped: bool) -> String {
    let least = places.iter().filter(|place| **place == '0').count();
    let integer = if integer == "0" && least == 0 { "" } else { integer };
    let padded = format!("{}{integer}", "0".repeat(least.saturating_sub(integer.len())));
    if !is_grouped {
        return padded;
    }
    let mut grouped = String::with_capacity(padded.len() * 4 / 3);
    for (index, digit) in padded.chars().enumerate() {
        if index > 0 && (padded.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::{Format, general};

    #[test]
    fn numbers_are_shown_as_their_cells_show_them() {
        for (code, value, shown) in [
            ("General", 0.300_000_000_000_000_04, "0.3"),
            ("General", 1234.0, "1234"),
            ("0.0%", 0.475, "47.5%"),
            ("0%", 0.07, "7%"),
            ("00000", 1234.0, "01234"),
            ("\"$\"#,##0.00", 1_234_567.891, "$1,234,567.89"),
            ("#,##0", 999.5, "1,000"),
            ("[Red]0.00", -1.005, "-1.00"),
            ("0.00E+00", 12345.0, "1.23E+04"),
            ("0.00E+00", 0.000_12, "1.20E-04"),
            ("#,##0.00;(#,##0.00);\"-\"", -12.5, "(12.50)"),
            ("#,##0.00;(#,##0.00);\"-\"", 0.0, "-"),
            ("0.##", 2.5, "2.5"),
            ("#,##0.0,,\" M\"", 12_345_678.0, "12.3 M"),
            ("#,##0.00\\ [$€-407]", 10.0, "10.00 €"),
            ("[<100]0;[>=100]0.0", 7.25, "7"),
        ] {
            assert_eq!(Format::parse(code).show(value, false), shown, "{code}");
        }
    }

    #[test]
    fn dates_and_times_are_shown_as_their_cells_show_them() {
        for (code, value, shown) in [
            ("yyyy\\-mm\\-dd", 45_292.0, "2024-01-01"),
            ("dd/mm/yyyy\\ hh:mm", 45_292.5, "01/01/2024 12:00"),
            ("mmm\\-yy", 45_292.0, "Jan-24"),
            ("d. mmmm yyyy", 45_292.0, "1. January 2024"),
            ("[h]:mm", 1.5, "36:00"),
            ("h:mm AM/PM", 0.75, "6:00 PM"),
            ("mm:ss", 0.000_694_444_444, "01:00"),
            ("yyyy-mm-dd", 59.0, "1900-02-28"),
            ("yyyy-mm-dd", 61.0, "1900-03-01"),
        ] {
            assert_eq!(Format::parse(code).show(value, false), shown, "{code}");
        }
        assert_eq!(Format::built_in(14).show(0.0, true), "1904-01-01");
        assert_eq!(Format::built_in(14).show(1e300, false), general(1e300));
    }
}
