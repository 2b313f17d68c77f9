//! Scalars that GraphQL does not define.
//!
//! Each can check whether a value is valid (`is_valid`), so that an invalid one is rejected with its path before
//! anything runs.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{SecondsFormat, Utc};

/// A point in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DateTime(pub chrono::DateTime<Utc>);

/// A point in time, in UTC and in RFC 3339 format: `2026-11-21T10:20:30.123456Z`.
#[Scalar(name = "DateTime", specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => Ok(Self(chrono::DateTime::parse_from_rfc3339(text)?.to_utc())),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(text) if chrono::DateTime::parse_from_rfc3339(text).is_ok())
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

/// Any JSON value, written as JSON and not as a string. Metadata is always an object.
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

/// An integer of up to 64 bits, as a string of decimal digits: `"9007199254740993"`. As a JSON number it would
/// lose digits in clients that use 64-bit floats. An integer is also accepted as input.
#[Scalar(name = "BigInt", specified_by_url = "https://www.w3.org/TR/xmlschema-2/#integer")]
impl ScalarType for BigInt {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => Ok(Self(text.parse()?)),
            Value::Number(number) => match number.as_i64() {
                Some(number) => Ok(Self(number)),
                None => Err(InputValueError::expected_type(value)),
            },
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        match value {
            Value::String(text) => text.parse::<i64>().is_ok(),
            Value::Number(number) => number.is_i64(),
            _ => false,
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// A place in a list.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Cursor(pub String);

/// A position in a list. Cursors are opaque: return them unchanged, to the same list.
#[Scalar(name = "Cursor", specified_by_url = "https://relay.dev/graphql/connections.htm#sec-Cursor")]
impl ScalarType for Cursor {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => Ok(Self(text)),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(_))
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
        assert_eq!(BigInt::parse(Value::from(7)).ok(), Some(BigInt(7)));
        assert_eq!(BigInt::parse(Value::from(i64::MIN)).ok(), Some(BigInt(i64::MIN)));
    }

    #[test]
    fn what_is_valid_is_what_can_be_read() {
        let text = |text: &str| Value::String(text.to_owned());
        let big =
            [Value::from(7), text("7"), text("-7"), text(""), text("7.0"), Value::from(7.5), Value::from(u64::MAX)];
        for value in big.into_iter().chain([text("9223372036854775808"), Value::from(true), Value::List(Vec::new())]) {
            assert_eq!(BigInt::is_valid(&value), BigInt::parse(value.clone()).is_ok(), "{value}");
        }
        for value in [text("2026-11-21T10:20:30Z"), text("yesterday"), text("2026-11-21"), Value::from(1)] {
            assert_eq!(DateTime::is_valid(&value), DateTime::parse(value.clone()).is_ok(), "{value}");
        }
        for value in [text("x"), Value::from(1), Value::List(vec![text("x")])] {
            assert_eq!(Cursor::is_valid(&value), Cursor::parse(value.clone()).is_ok(), "{value}");
        }
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
