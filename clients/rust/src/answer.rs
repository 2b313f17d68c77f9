//! What the server answered, and how it becomes data or an error.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, excerpt};

/// A GraphQL answer to one operation.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The whole answer, with `data` and `errors` as they came.
    pub body: Value,
    /// From sending the request to the last byte of the answer.
    pub elapsed: Duration,
}

impl Answer {
    /// The data. Any entry in `errors` is an error.
    pub fn data<T: DeserializeOwned>(self) -> Result<T, Error> {
        typed(data(self.body)?)
    }

    /// One field of the data. A field that is null is an error.
    pub fn field<T: DeserializeOwned>(self, name: &str) -> Result<T, Error> {
        let value = data(self.body)?[name].take();
        if value.is_null() { Err(Error::Absent(name.to_owned())) } else { typed(value) }
    }

    /// The payload of a mutation. Any entry in its `userErrors` is an error.
    pub fn payload<T: DeserializeOwned>(self, mutation: &str) -> Result<T, Error> {
        let payload: Value = self.field(mutation)?;
        let errors = &payload["userErrors"];
        if has_entries(errors) { Err(Error::of_payload(errors)) } else { typed(payload) }
    }
}

/// The `data` of an answer without `errors`.
pub(crate) fn data(mut answer: Value) -> Result<Value, Error> {
    if has_entries(&answer["errors"]) {
        return Err(Error::of_answer(&answer["errors"]));
    }
    match answer.get_mut("data").map(Value::take) {
        Some(data) if data.is_object() => Ok(data),
        _ => Err(Error::Unexpected(format!("neither data nor errors: {}", excerpt(&answer.to_string())))),
    }
}

/// The answer may hold tokens, so it is not quoted.
pub(crate) fn typed<T: DeserializeOwned>(value: Value) -> Result<T, Error> {
    serde_json::from_value(value).map_err(|error| Error::Unexpected(error.to_string()))
}

fn has_entries(errors: &Value) -> bool {
    errors.as_array().is_some_and(|errors| !errors.is_empty())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    fn answer(body: Value) -> Answer {
        Answer { body, elapsed: Duration::ZERO }
    }

    #[test]
    fn errors_of_an_answer_are_refusals_with_a_code() {
        let body = json!({ "data": null, "errors": [{ "message": "no", "extensions": { "code": "FORBIDDEN" } }] });
        assert_eq!(answer(body).data::<Value>().unwrap_err().code(), Some("FORBIDDEN"));
    }

    #[test]
    fn too_many_requests_are_told_apart_from_refusals() {
        let body = json!({ "data": null, "errors": [{ "message": "", "extensions": { "code": "RATE_LIMITED" } }] });
        assert!(matches!(answer(body).data::<Value>(), Err(Error::RateLimited { .. })));
    }

    #[test]
    fn answer_without_data_and_errors_is_unexpected() {
        assert!(matches!(answer(json!({ "data": null })).data::<Value>(), Err(Error::Unexpected(_))));
        assert!(matches!(answer(json!({})).data::<Value>(), Err(Error::Unexpected(_))));
        assert!(matches!(answer(json!([])).data::<Value>(), Err(Error::Unexpected(_))));
    }

    #[test]
    fn field_that_is_null_is_absent() {
        let body = json!({ "data": { "operation": null } });
        assert_eq!(answer(body).field::<Value>("operation"), Err(Error::Absent("operation".into())));
    }

    #[test]
    fn user_errors_of_a_payload_are_refusals_with_a_code() {
        let payload = json!({ "collection": null, "userErrors": [{ "code": "TAKEN" }] });
        let body = json!({ "data": { "collectionCreate": payload } });
        let error = answer(body).payload::<Value>("collectionCreate").unwrap_err();
        assert_eq!(error.code(), Some("TAKEN"));
    }

    #[test]
    fn payload_without_user_errors_is_read() {
        #[derive(Deserialize)]
        struct Payload {
            number: u32,
        }
        let body = json!({ "data": { "add": { "number": 3, "userErrors": [] } } });
        assert_eq!(answer(body).payload::<Payload>("add").unwrap().number, 3);
    }
}
