//! Scalars that GraphQL does not have by itself.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{SecondsFormat, Utc};

/// A point in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DateTime(pub chrono::DateTime<Utc>);

/// A point in time, UTC, as RFC 3339 writes it: `2026-11-21T10:20:30.123456Z`.
#[Scalar(name = "DateTime", specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => Ok(Self(chrono::DateTime::parse_from_rfc3339(text)?.to_utc())),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl From<chrono::DateTime<Utc>> for DateTime {
    fn from(time: chrono::DateTime<Utc>) -> Self {
        Self(time)
    }
}

/// Any JSON value.
#[derive(Clone, PartialEq, Debug)]
pub struct Json(pub serde_json::Value);

/// Any JSON value, written as itself and not as a string. Metadata is always an object.
#[Scalar(name = "JSON", specified_by_url = "https://www.rfc-editor.org/rfc/rfc8259")]
impl ScalarType for Json {
    fn parse(value: Value) -> InputValueResult<Self> {
        Ok(Self(value.into_json()?))
    }

    fn to_value(&self) -> Value {
        Value::from_json(self.0.clone()).unwrap_or_default()
    }
}

impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Self {
        Self(value)
    }
}

/// A whole number of 64 bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BigInt(pub i64);

/// A whole number of up to 64 bits, as a string of decimal digits: `"9007199254740993"`. Clients whose numbers are 64-bit
/// floats would lose digits otherwise.
#[Scalar(name = "BigInt", specified_by_url = "https://www.w3.org/TR/xmlschema-2/#integer")]
impl ScalarType for BigInt {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => Ok(Self(text.parse()?)),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// A place in a list.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Cursor(pub String);

/// A place in a list, as the server gave it out. It says nothing to clients; give it back as it is, to the same list.
#[Scalar(name = "Cursor", specified_by_url = "https://relay.dev/graphql/connections.htm#sec-Cursor")]
impl ScalarType for Cursor {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => Ok(Self(text)),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_big_number_keeps_all_its_digits() {
        assert_eq!(BigInt(i64::MAX).to_value(), Value::String("9223372036854775807".into()));
        assert_eq!(BigInt::parse(Value::String("-9007199254740993".into())).ok(), Some(BigInt(-9_007_199_254_740_993)));
        assert!(BigInt::parse(Value::from(7)).is_err());
    }

    #[test]
    fn a_time_is_written_in_utc() {
        let time = DateTime::parse(Value::String("2026-11-21T10:20:30.5+02:00".into())).ok().unwrap();
        assert_eq!(time.to_value(), Value::String("2026-11-21T08:20:30.500Z".into()));
    }

    #[test]
    fn json_stays_as_it_is() {
        let value = json!({"a b": [1, 2.5, null, {"$": true}]});
        assert_eq!(Json::parse(Json(value.clone()).to_value()).ok(), Some(Json(value)));
    }
}
