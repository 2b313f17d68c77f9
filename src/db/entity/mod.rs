//! Rows, one table a file, and how they become domain values. Private to `db`.

pub(super) mod api_key;
pub(super) mod api_key_collection;
pub(super) mod audit_entry;
pub(super) mod chunk;
pub(super) mod collection;
pub(super) mod collection_member;
pub(super) mod document;
pub(super) mod generation;
pub(super) mod indexed_document;
pub(super) mod invitation;
pub(super) mod job;
pub(super) mod operation;
pub(super) mod operation_document;
pub(super) mod operation_event;
pub(super) mod refresh_token;
pub(super) mod session;
pub(super) mod store;
pub(super) mod upload;
pub(super) mod user;

use super::DatabaseError;

/// An enum that is stored as text.
pub(super) trait StoredEnum: Sized + Copy {
    /// The text that stands for the value.
    fn stored(self) -> String;

    /// The value for a stored text; `place` names table and column for the error.
    fn restore(place: &'static str, text: &str) -> Result<Self, DatabaseError>;
}

macro_rules! stored_enum {
    ($type:ty { $($variant:ident => $text:literal),* $(,)? }) => {
        impl $crate::db::entity::StoredEnum for $type {
            fn stored(self) -> String {
                match self { $(Self::$variant => $text.to_owned()),* }
            }

            fn restore(place: &'static str, text: &str) -> Result<Self, $crate::db::DatabaseError> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    other => Err($crate::db::DatabaseError::BadRow { place, detail: format!("unknown value {other:?}") }),
                }
            }
        }
    };
}
pub(super) use stored_enum;

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
