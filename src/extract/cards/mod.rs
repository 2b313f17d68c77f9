//! Calendars (iCalendar) and contacts (vCard): what people see of each entry.

mod lines;

use super::{ExtractError, block::Block, document::Document, encoding};
use lines::{Line, lines};

/// The fields of an entry that are read, with what they are called. Names, summaries and dates have a place of their own.
const FIELDS: [(&str, &str); 16] = [
    ("ORG", "Organization"),
    ("TITLE", "Title"),
    ("ROLE", "Role"),
    ("LOCATION", "Location"),
    ("ORGANIZER", "Organizer"),
    ("ATTENDEE", "Attendee"),
    ("CATEGORIES", "Categories"),
    ("STATUS", "Status"),
    ("EMAIL", "Email"),
    ("TEL", "Telephone"),
    ("ADR", "Address"),
    ("URL", "URL"),
    ("BDAY", "Birthday"),
    ("NICKNAME", "Nickname"),
    ("COMMENT", "Comment"),
    ("CONTACT", "Contact"),
];

/// Reads a calendar or contacts.
///
/// # Errors
/// `InvalidEncoding`.
pub(super) fn read(bytes: &[u8], declared_type: Option<&str>) -> Result<Document, ExtractError> {
    let decoded = encoding::decode_or_guess(bytes, encoding::declared(declared_type))?;
    let mut document = Document { warnings: decoded.warning.into_iter().collect(), ..Document::default() };
    let mut entry = Entry::default();
    for line in lines(&decoded.text) {
        match line.name.as_str() {
            "BEGIN" if is_entry(&line.value) => entry = Entry::default(),
            "END" if is_entry(&line.value) => document.blocks.extend(std::mem::take(&mut entry).into_blocks()),
            // Alarms and the like inside an entry.
            "BEGIN" => entry.depth += 1,
            "END" => entry.depth = entry.depth.saturating_sub(1),
            "X-WR-CALNAME" => document.about.title = Some(line.text()),
            _ if entry.depth == 0 => entry.line(&line),
            _ => {}
        }
    }
    Ok(document)
}

fn is_entry(component: &str) -> bool {
    ["VEVENT", "VTODO", "VJOURNAL", "VCARD"].iter().any(|name| component.eq_ignore_ascii_case(name))
}

#[derive(Default)]
struct Entry {
    title: String,
    /// The name in parts, in old contacts the only one.
    name: String,
    start: String,
    end: String,
    fields: Vec<String>,
    notes: Vec<String>,
    /// Components inside it, which are not read.
    depth: usize,
}

impl Entry {
    fn line(&mut self, line: &Line) {
        match line.name.as_str() {
            "SUMMARY" | "FN" => self.title = line.text(),
            "N" => self.name = line.parts(" "),
            "DTSTART" => self.start = moment(line),
            "DTEND" | "DUE" => self.end = moment(line),
            "DESCRIPTION" | "NOTE" => self.notes.push(line.text()),
            name => {
                let label = FIELDS.iter().find(|(field, _)| *field == name).map(|(_, label)| *label);
                let value = match name {
                    "ORG" | "ADR" => line.parts(", "),
                    "ORGANIZER" | "ATTENDEE" => person(line),
                    "BDAY" => moment(line),
                    _ => line.text(),
                };
                if let Some(label) = label.filter(|_| !value.trim().is_empty()) {
                    self.fields.push(format!("{label}: {value}"));
                }
            }
        }
    }

    fn into_blocks(self) -> Vec<Block> {
        let title = if self.title.is_empty() { self.name } else { self.title };
        let separator = if self.start.is_empty() || self.end.is_empty() { "" } else { " to " };
        let when = format!("{}{separator}{}", self.start, self.end);
        let dates = (!when.is_empty()).then(|| format!("When: {when}"));
        let facts: Vec<String> = dates.into_iter().chain(self.fields).collect();
        let mut blocks = vec![Block::Heading { level: 2, text: title }, Block::Paragraph(facts.join("\n"))];
        blocks.extend(self.notes.into_iter().map(Block::Paragraph));
        blocks
    }
}

/// A date and time as people write it: `20260702T100000Z` is `2026-07-02 10:00 UTC`.
fn moment(line: &Line) -> String {
    let value = line.value.trim();
    let (date, time) = value.split_once(['T', 't']).unwrap_or((value, ""));
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let (date, clock) = (digits(date), digits(time));
    if !date.is_ascii() || date.len() != 8 {
        return value.to_owned();
    }
    let day = format!("{}-{}-{}", &date[..4], &date[4..6], &date[6..]);
    let hours = clock.get(..2).zip(clock.get(2..4)).map(|(hours, minutes)| format!("{hours}:{minutes}"));
    let zone = if time.ends_with(['Z', 'z']) { Some("UTC") } else { line.parameter("TZID") };
    [Some(day), hours, zone.map(str::to_owned)].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Somebody by name and address.
fn person(line: &Line) -> String {
    let value = line.value.trim();
    let address = value.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("mailto:")).map_or(value, |_| &value[7..]);
    line.parameter("CN").map_or_else(|| address.to_owned(), |name| format!("{name} <{address}>"))
}

#[cfg(test)]
mod tests {
    use super::{super::block::render, read};

    fn markdown(text: &str) -> String {
        render(&read(text.as_bytes(), None).unwrap().blocks, 1000).unwrap().text
    }

    #[test]
    fn events_are_their_summary_time_people_and_description() {
        let calendar = "BEGIN:VCALENDAR\r\nBEGIN:VTIMEZONE\r\nDTSTART:19700101T000000\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\n\
             DTSTART;TZID=Europe/Oslo:20260702T100000\r\nDTEND:20260702T090000Z\r\nSUMMARY:Harbour walk\\, part 2\r\n\
             LOCATION:Pier 4\r\nATTENDEE;CN=\"Ek; Anna\":mailto:anna@example.org\r\nDESCRIPTION:Bring shoes.\\nMeet at \r\n the crane.\r\n\
             BEGIN:VALARM\r\nDESCRIPTION:Reminder\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        assert_eq!(
            markdown(calendar),
            "## Harbour walk, part 2\n\nWhen: 2026-07-02 10:00 Europe/Oslo to 2026-07-02 09:00 UTC\nLocation: Pier 4\n\
             Attendee: Ek; Anna <anna@example.org>\n\nBring shoes.\nMeet at the crane."
        );
    }

    #[test]
    fn contacts_are_their_name_and_how_to_reach_them() {
        let contacts = "BEGIN:VCARD\nVERSION:2.1\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;Eva;;;\n\
             item1.TEL;TYPE=cell:+47 1234\nADR;TYPE=home:;;Main Street 1;Bergen;;5003;Norway\nPHOTO;ENCODING=b:AAAA\n\
             END:VCARD\n";
        assert_eq!(
            markdown(contacts),
            "## Müller Eva\n\nTelephone: +47 1234\nAddress: Main Street 1, Bergen, 5003, Norway"
        );
    }
}
