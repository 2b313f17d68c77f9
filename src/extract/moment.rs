//! The moments that files name, in the forms that their formats use.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

/// A date in the form of ISO 8601, in full or its beginning. Without a zone it is taken as UTC.
pub(super) fn of_iso(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.to_utc());
    }
    for form in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"] {
        if let Ok(moment) = NaiveDateTime::parse_from_str(text.trim_end_matches('Z'), form) {
            return Some(moment.and_utc());
        }
    }
    let mut parts = text.split('-');
    let year = parts.next().filter(|year| year.len() == 4)?.parse().ok()?;
    let mut number = || parts.next().map_or(Some(1), |part| part.parse().ok());
    let (month, day) = (number()?, number()?);
    Some(NaiveDate::from_ymd_opt(year, month, day)?.and_time(NaiveTime::MIN).and_utc())
}

/// A date of PDF: `D:20260102030405+01'00'`, in full or its beginning.
pub(super) fn of_pdf(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim().trim_start_matches("D:");
    let length = text.bytes().take_while(u8::is_ascii_digit).count().min(14);
    let (digits, zone) = text.split_at(length);
    let field = |place: std::ops::Range<usize>, default: u32| match digits.get(place) {
        Some(field) => field.parse().ok(),
        None => Some(default),
    };
    let year = digits.get(..4)?.parse().ok()?;
    let date = NaiveDate::from_ymd_opt(year, field(4..6, 1)?, field(6..8, 1)?)?;
    let time = date.and_hms_opt(field(8..10, 0)?, field(10..12, 0)?, field(12..14, 0)?)?;
    let zone: String = zone.chars().filter(|character| *character != '\'').collect();
    let zone = if zone.is_empty() || zone.starts_with('Z') { "+0000" } else { zone.get(..5)? };
    let written = format!("{}{zone}", time.format("%Y-%m-%dT%H:%M:%S"));
    Some(DateTime::parse_from_str(&written, "%Y-%m-%dT%H:%M:%S%z").ok()?.to_utc())
}

#[cfg(test)]
mod tests {
    use super::{of_iso, of_pdf};

    fn written(moment: Option<chrono::DateTime<chrono::Utc>>) -> Option<String> {
        moment.map(|moment| moment.format("%Y-%m-%dT%H:%M:%S").to_string())
    }

    #[test]
    fn dates_are_read_in_full_and_in_part_and_refused_where_they_are_none() {
        for (text, expected) in [
            ("2026-01-02T03:04:05Z", Some("2026-01-02T03:04:05")),
            ("2026-01-02T03:04:05+02:00", Some("2026-01-02T01:04:05")),
            ("2026-01-02T03:04:05.123456", Some("2026-01-02T03:04:05")),
            ("2026-01-02", Some("2026-01-02T00:00:00")),
            ("2026", Some("2026-01-01T00:00:00")),
            ("2026-13-01", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(written(of_iso(text)).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn dates_of_pdf_are_read_with_their_zone() {
        for (text, expected) in [
            ("D:20260102030405+01'00'", Some("2026-01-02T02:04:05")),
            ("D:20260102030405Z", Some("2026-01-02T03:04:05")),
            ("20260102", Some("2026-01-02T00:00:00")),
            ("D:2026", Some("2026-01-01T00:00:00")),
            ("D:20261399", None),
            ("D:20260102030405+\u{e9}", None),
            ("now", None),
        ] {
            assert_eq!(written(of_pdf(text)).as_deref(), expected, "{text}");
        }
    }
}
