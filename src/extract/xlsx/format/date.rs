//! Days and times of spreadsheets: numbers of days, with the time as a fraction.

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

use super::Piece;

/// The last day of the calendar.
const MAX_DAY: f64 = 2_958_465.0;
const SECONDS: f64 = 86_400.0;
/// The day that Excel believes there was: 29 February 1900.
const LEAP_DAY: u64 = 60;
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// A day and time in the places of a section; `None` for what is no day.
pub(super) fn show(pieces: &[Piece], value: f64, from_1904: bool) -> Option<String> {
    let moment = moment(value, from_1904)?;
    let has_half = pieces.contains(&Piece::Half);
    let mut text = String::new();
    for (at, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Literal(literal) => text.push_str(literal),
            Piece::Point => text.push('.'),
            Piece::Comma => text.push(','),
            Piece::Half => text.push_str(if moment.hour() < 12 { "AM" } else { "PM" }),
            Piece::Elapsed(unit) => text.push_str(&elapsed(*unit, value)),
            Piece::Date('m', count) if *count <= 2 && is_minute(pieces, at) => push(&mut text, moment.minute(), *count),
            Piece::Date(letter, count) => push_date(&mut text, *letter, *count, moment, has_half),
            // Fractions of a second.
            Piece::Digit(_) => text.push('0'),
            Piece::Percent | Piece::Exponent | Piece::General | Piece::Text => {}
        }
    }
    Some(text)
}

fn moment(value: f64, from_1904: bool) -> Option<NaiveDateTime> {
    if !(0.0..=MAX_DAY).contains(&value) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    let (days, seconds) = (value.floor() as u64, (value.fract() * SECONDS).round() as u32);
    let (days, seconds) = if seconds == 86_400 { (days + 1, 0) } else { (days, seconds) };
    let (year, month, day) = match (from_1904, days <= LEAP_DAY) {
        (true, _) => (1904, 1, 1),
        (false, true) => (1899, 12, 31),
        (false, false) => (1899, 12, 30),
    };
    let date = NaiveDate::from_ymd_opt(year, month, day)?.checked_add_days(Days::new(days))?;
    Some(date.and_time(NaiveTime::from_num_seconds_from_midnight_opt(seconds, 0)?))
}

/// Whether `m` here is minutes: after hours or before seconds.
fn is_minute(pieces: &[Piece], at: usize) -> bool {
    let is_unit = |piece: &&Piece| matches!(piece, Piece::Date(..) | Piece::Elapsed(_));
    let before = pieces[..at].iter().rev().find(is_unit);
    let after = pieces[at + 1..].iter().find(is_unit);
    matches!(before, Some(Piece::Date('h', _) | Piece::Elapsed('h'))) || matches!(after, Some(Piece::Date('s', _)))
}

fn elapsed(unit: char, value: f64) -> String {
    let seconds = (value * SECONDS).round();
    let whole = match unit {
        'h' => (seconds / 3600.0).floor(),
        'm' => (seconds / 60.0).floor(),
        _ => seconds,
    };
    format!("{whole:.0}")
}

fn push(text: &mut String, number: u32, width: usize) {
    if width > 1 && number < 10 {
        text.push('0');
    }
    text.push_str(&number.to_string());
}

fn push_date(text: &mut String, letter: char, count: usize, moment: NaiveDateTime, has_half: bool) {
    let month = MONTHS[moment.month0() as usize % MONTHS.len()];
    let weekday = WEEKDAYS[moment.weekday().num_days_from_monday() as usize % WEEKDAYS.len()];
    match (letter, count) {
        ('y', 1 | 2) => push(text, moment.year().unsigned_abs() % 100, 2),
        ('y', _) => text.push_str(&moment.year().to_string()),
        ('m', 1 | 2) => push(text, moment.month(), count),
        ('m', 3) => text.push_str(&month[..3]),
        ('m', 4) => text.push_str(month),
        ('m', _) => text.push_str(&month[..1]),
        ('d', 1 | 2) => push(text, moment.day(), count),
        ('d', 3) => text.push_str(&weekday[..3]),
        ('d', _) => text.push_str(weekday),
        ('h', _) if has_half => push(text, moment.hour12().1, count),
        ('h', _) => push(text, moment.hour(), count),
        _ => push(text, moment.second(), count),
    }
}
