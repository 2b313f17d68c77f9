//! Rows, one table a file, and how they become domain values. Private to `db`.

pub(super) mod api_key;
pub(super) mod api_key_collection;
pub(super) mod audit_entry;
pub(super) mod chunk;
pub(super) mod collection;
pub(super) mod collection_member;
pub(super) mod document;
pub(super) mod extraction;
pub(super) mod generation;
pub(super) mod indexed_document;
pub(super) mod integrity_check;
pub(super) mod integrity_difference;
pub(super) mod invitation;
pub(super) mod job;
pub(super) mod operation;
pub(super) mod operation_document;
pub(super) mod operation_event;
pub(super) mod password_reset;
pub(super) mod refresh_token;
pub(super) mod schedule;
pub(super) mod session;
pub(super) mod source;
pub(super) mod source_file;
pub(super) mod source_run;
pub(super) mod store;
pub(super) mod upload;
pub(super) mod user;
pub(super) mod worker;

use super::DatabaseError;
use crate::domain::vocabulary::Vocabulary;

/// A value that is stored by its name.
pub(super) trait StoredEnum: Vocabulary {
    /// The text that stands for the value.
    fn stored(self) -> String {
        self.as_str().to_owned()
    }

    /// The value for a stored text; `place` names table and column for the error.
    fn restore(place: &'static str, text: &str) -> Result<Self, DatabaseError> {
        let value = Self::ALL.iter().copied().find(|value| value.as_str() == text);
        value.ok_or_else(|| DatabaseError::BadRow { place, detail: format!("unknown value {text:?}") })
    }
}

impl<T: Vocabulary> StoredEnum for T {}

/// A JSON column as a typed value.
pub(super) fn from_json<T: serde::de::DeserializeOwned>(
    place: &'static str,
    value: serde_json::Value,
) -> Result<T, DatabaseError> {
    serde_json::from_value(value).map_err(|error| DatabaseError::BadRow { place, detail: error.to_string() })
}

/// A typed value as a JSON column.
pub(super) fn to_json<T: serde::Serialize>(place: &'static str, value: &T) -> Result<serde_json::Value, DatabaseError> {
    serde_json::to_value(value).map_err(|error| DatabaseError::BadRow { place, detail: error.to_string() })
}
