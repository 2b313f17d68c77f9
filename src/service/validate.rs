//! Validation that several use cases share. Each check adds its errors to a list, so that a caller sees all of them at
//! once.

use crate::{
    domain::name::{self, Flaw},
    error::{Error, InputViolation, ViolationCode},
};

/// The longest name of anything, in characters.
pub(super) const MAX_NAME: usize = 200;
/// The longest description, in characters.
pub(super) const MAX_DESCRIPTION: usize = 4000;
/// The largest metadata object, in bytes of JSON.
pub(super) const MAX_META_BYTES: usize = 16 * 1024;

/// The validation errors found so far.
#[derive(Debug, Default)]
pub(super) struct Violations(Vec<InputViolation>);

impl Violations {
    pub(super) fn add(&mut self, code: ViolationCode, path: &str, message: impl Into<String>) {
        self.0.push(InputViolation::new(code, path, message));
    }

    /// `Ok` if there are no errors.
    pub(super) fn check(self) -> Result<(), Error> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Invalid(self.0)) }
    }

    /// A required text: trimmed, not empty, at most `max` characters, without control characters. `what` is its name in
    /// messages: «the key's name».
    pub(super) fn text(&mut self, path: &str, what: &str, value: &str, max: usize) -> String {
        let value = value.trim();
        if value.is_empty() {
            self.add(ViolationCode::Required, path, format!("Give {what}."));
        } else if value.chars().count() > max {
            self.add(ViolationCode::TooLong, path, format!("Shorten {what} to {max} characters."));
        } else if value.chars().any(char::is_control) {
            self.add(ViolationCode::Invalid, path, format!("Remove the control characters from {what}."));
        }
        value.to_owned()
    }

    /// An optional text; white space only counts as missing.
    pub(super) fn optional_text(&mut self, path: &str, what: &str, value: Option<&str>, max: usize) -> Option<String> {
        let value = value.map(str::trim).filter(|value| !value.is_empty())?;
        if value.chars().count() > max {
            self.add(ViolationCode::TooLong, path, format!("Shorten {what} to {max} characters."));
        } else if value.contains('\0') {
            self.add(ViolationCode::Invalid, path, format!("Remove the NUL characters from {what}."));
        }
        Some(value.to_owned())
    }

    /// A user name: a word that can't be confused with another, in normalised form.
    pub(super) fn identifier(&mut self, path: &str, what: &str, value: &str, max: usize) -> String {
        let name = self.text(path, what, &name::composed(value), max);
        self.flaw(path, what, name::flaw_of_identifier(&name));
        name
    }

    /// A title or an address, in one form.
    pub(super) fn title(&mut self, path: &str, what: &str, value: &str, max: usize) -> String {
        let title = self.text(path, what, &name::composed(value), max);
        self.flaw(path, what, name::flaw_of_title(&title));
        title
    }

    fn flaw(&mut self, path: &str, what: &str, flaw: Option<Flaw>) {
        let message = match flaw {
            // These are already rejected.
            None => return,
            Some(Flaw::Invisible(character)) if character.is_control() => return,
            Some(Flaw::Invisible(character)) => {
                format!("Remove the invisible character U+{:04X} from {what}.", u32::from(character))
            }
            Some(Flaw::Disguised(character)) => {
                format!("Use a plain letter or digit instead of «{character}» in {what}.")
            }
            Some(Flaw::Mixed(word)) => {
                format!("Write «{word}» in {what} in one alphabet, because letters of other alphabets look the same.")
            }
        };
        self.add(ViolationCode::Invalid, path, message);
    }

    /// The uri of a document, in normalised form.
    pub(super) fn uri(&mut self, path: &str, value: &str, max: usize) -> String {
        self.text(path, "the document's uri", &name::composed(value), max)
    }

    /// A file's name: one path component, in one form.
    pub(super) fn file_name(&mut self, path: &str, value: &str) -> String {
        let name = self.text(path, "the file's name", &name::composed(value), MAX_NAME);
        if name.contains(['/', '\\']) || name == "." || name == ".." {
            self.add(
                ViolationCode::Invalid,
                path,
                "Give the file's own name, without folders. Put a path into `uri` if you need one.",
            );
        }
        name
    }

    /// Metadata: a JSON object of bounded size.
    pub(super) fn meta(&mut self, path: &str, value: Option<serde_json::Value>) -> serde_json::Value {
        let Some(value) = value else { return serde_json::Value::Object(serde_json::Map::new()) };
        if !value.is_object() {
            self.add(ViolationCode::Invalid, path, "Metadata must be a JSON object.");
        } else if value.to_string().len() > MAX_META_BYTES {
            self.add(ViolationCode::TooLong, path, format!("Shorten the metadata to {MAX_META_BYTES} bytes of JSON."));
        } else if contains_nul(&value) {
            self.add(ViolationCode::Invalid, path, "Remove the NUL characters from the metadata.");
        }
        value
    }
}

/// PostgreSQL's JSON can't hold U+0000, so both databases reject it.
fn contains_nul(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::String(text) => text.contains('\0'),
        serde_json::Value::Array(values) => values.iter().any(contains_nul),
        serde_json::Value::Object(fields) => {
            fields.iter().any(|(name, value)| name.contains('\0') || contains_nul(value))
        }
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => false,
    }
}
