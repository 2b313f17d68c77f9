//! JSON and JSON Lines to paragraphs: a line for each value, with the path on which it stands.
//!
//! Values are visited while they are parsed, so a file never becomes a tree in memory.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{ExtractError, block::Block, document::Document, encoding};

/// Reads a JSON file, or several values one after the other. What is not JSON is read as it is: settings with remarks, for
/// example.
///
/// # Errors
/// `InvalidEncoding`, or `LimitExceeded` where the paragraphs are longer than `max_text_bytes`.
pub(super) fn read(bytes: &[u8], declared_type: Option<&str>, max_text_bytes: usize) -> Result<Document, ExtractError> {
    let decoded = encoding::decode_or_guess(bytes, encoding::declared(declared_type))?;
    let text = decoded.text.trim_start_matches('\u{feff}');
    let mut walk = Walk { room: max_text_bytes, ..Walk::default() };
    let is_json = walk.all(text);
    if walk.is_full {
        return Err(ExtractError::too_much_text(max_text_bytes));
    }
    let blocks = if is_json { walk.blocks } else { vec![Block::Code { language: "json".into(), text: text.into() }] };
    Ok(Document { blocks, warnings: decoded.warning.into_iter().collect(), ..Document::default() })
}

#[derive(Default)]
struct Walk {
    blocks: Vec<Block>,
    /// The lines of the record that is being read.
    lines: String,
    path: String,
    /// Bytes of text that may still come.
    room: usize,
    is_full: bool,
}

impl Walk {
    /// Whether the whole text is JSON.
    fn all(&mut self, text: &str) -> bool {
        let mut values = serde_json::Deserializer::from_str(text);
        while values.end().is_err() {
            match self.deserialize(&mut values) {
                Ok(value) => {
                    self.line(value.as_deref());
                    self.end_record();
                }
                Err(_) => return false,
            }
        }
        true
    }

    /// Notes a value at the present path.
    fn line(&mut self, value: Option<&str>) {
        let Some(value) = value.map(str::trim).filter(|value| !value.is_empty()) else { return };
        let separator = if self.path.is_empty() { "" } else { ": " };
        let line = format!("{}{separator}{value}\n", self.path);
        match self.room.checked_sub(line.len()) {
            Some(room) => self.room = room,
            None => self.is_full = true,
        }
        self.lines.push_str(&line);
    }

    fn end_record(&mut self) {
        if !self.lines.is_empty() {
            self.blocks.push(Block::Paragraph(std::mem::take(&mut self.lines)));
        }
    }

    /// What `inner` does one step further on the path.
    fn below<T>(&mut self, step: &str, inner: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        self.path.push_str(step);
        let done = inner(self);
        self.path.truncate(length);
        done
    }
}

/// Gives simple values; others have been written down.
impl<'de> DeserializeSeed<'de> for &mut Walk {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<String>, D::Error> {
        if self.is_full {
            return Err(D::Error::custom("too much text"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Walk {
    type Value = Option<String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Option<String>, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Option<String>, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Option<String>, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Option<String>, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Option<String>, E> {
        Ok(Some(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Option<String>, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<String>, A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            let step = if self.path.is_empty() { key } else { format!(".{key}") };
            self.below(&step, |walk| {
                let value = map.next_value_seed(&mut *walk)?;
                walk.line(value.as_deref());
                Ok(())
            })?;
        }
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Option<String>, A::Error> {
        let mut simple: Vec<String> = Vec::new();
        for index in 0.. {
            let is_outermost = self.path.is_empty();
            let step = if is_outermost { String::new() } else { format!("[{index}]") };
            let before = self.lines.len();
            let Some(item) = self.below(&step, |walk| items.next_element_seed(&mut *walk))? else { break };
            simple.extend(item);
            // An object in a list is a record of its own.
            if is_outermost && self.lines.len() > before {
                self.end_record();
            }
        }
        self.line(Some(&simple.join(", ")));
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::block::render, read};

    fn markdown(json: &str) -> String {
        render(&read(json.as_bytes(), None, 1000).unwrap().blocks, 1000).unwrap().text
    }

    #[test]
    fn values_stand_with_their_paths() {
        let json = r#"{"name": "Anna", "address": {"city": "Oslo", "zip": "0150"}, "tags": ["a", "b", 3],
            "pets": [{"name": "Rex"}, {"name": "Tom", "age": 2.5}], "none": null, "ok": true}"#;
        assert_eq!(
            markdown(json),
            "name: Anna\naddress.city: Oslo\naddress.zip: 0150\ntags: a, b, 3\npets[0].name: Rex\npets[1].name: Tom\n\
             pets[1].age: 2.5\nok: true"
        );
    }

    #[test]
    fn records_are_paragraphs_in_a_list_and_in_lines() {
        let expected = "id: 1\ntext: one\n\nid: 2\ntext: two";
        assert_eq!(markdown(r#"[{"id": 1, "text": "one"}, {"id": 2, "text": "two"}]"#), expected);
        assert_eq!(markdown("{\"id\": 1, \"text\": \"one\"}\n{\"id\": 2, \"text\": \"two\"}\n"), expected);
    }

    #[test]
    fn what_is_not_json_is_read_as_it_is_and_too_much_is_refused() {
        assert_eq!(markdown("{\n  // a remark\n  \"a\": 1\n}"), "```json\n{\n  // a remark\n  \"a\": 1\n}\n```");
        assert!(read(format!("[\"{}\"]", "long ".repeat(300)).as_bytes(), None, 1000).is_err());
        let deep = "[".repeat(100_000);
        assert!(markdown(&deep[..500]).starts_with("```json"));
    }
}
