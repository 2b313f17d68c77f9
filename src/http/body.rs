//! Reads the body of a request into memory, as far as it may be, and the JSON in it.

use std::{borrow::Cow, time::Duration};

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, StatusCode, header::CONTENT_LENGTH},
};

use serde_json::Value;

use super::error::HttpError;
use crate::error::ErrorCode;

/// How long a client may take to send its request.
const BODY_DEADLINE: Duration = Duration::from_secs(15);
/// Values in the JSON of one request. One that has three characters takes hundreds of bytes when it is read.
const MOST_VALUES: usize = 50_000;

/// The whole body.
///
/// # Errors
/// 413 for one of more than `limit` bytes, 408 for one that takes too long, 400 for one that ends early.
pub(super) async fn read(body: Body, headers: &HeaderMap, limit: usize) -> Result<bytes::Bytes, HttpError> {
    let too_large = || {
        let message = format!("The request is too large: at most {limit} bytes are allowed.");
        HttpError::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::CostLimitExceeded, message)
    };
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    match tokio::time::timeout(BODY_DEADLINE, to_bytes(body, limit)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        // Without an announced length it was the limit that ended it; otherwise the client broke off.
        Ok(Err(_)) if announced.is_none() => Err(too_large()),
        Ok(Err(_)) => Err(HttpError::bad_request("The body ended before it was complete.")),
        Err(_) => {
            let message = "The request took too long to arrive.";
            Err(HttpError::new(StatusCode::REQUEST_TIMEOUT, ErrorCode::Timeout, message))
        }
    }
}

/// The value of a JSON text.
///
/// # Errors
/// 413 for one that has too many values, 400 with `otherwise` for what is not JSON.
pub(super) fn json(text: &[u8], otherwise: impl Into<Cow<'static, str>>) -> Result<Value, HttpError> {
    if !is_bearable(text) {
        return Err(too_many_values());
    }
    serde_json::from_slice(text).map_err(|_| HttpError::bad_request(otherwise))
}

/// Whether a JSON text has so few values that it can be read.
pub(super) fn is_bearable(text: &[u8]) -> bool {
    values(text) <= MOST_VALUES
}

/// The refusal of a request that is not.
pub(super) fn too_many_values() -> HttpError {
    let message = format!("The request has more than {MOST_VALUES} values: send it in parts.");
    HttpError::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::CostLimitExceeded, message)
}

/// Counts the values of a JSON text without reading them: what begins a list or an object, or follows another value.
fn values(text: &[u8]) -> usize {
    let (mut values, mut is_string, mut is_escaped) = (1, false, false);
    for byte in text {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_string => is_escaped = true,
            b'"' => is_string = !is_string,
            b'[' | b'{' | b',' if !is_string => values += 1,
            _ => {}
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::values;

    #[test]
    fn values_are_counted_outside_strings() {
        let rows = [
            ("1", 1),
            ("[]", 2),
            (r#"{"query":"{ a(b: [1, 2]) }","variables":{"c":[1,2]}}"#, 6),
            (r#"["a\",[","b\\",3]"#, 4),
            ("", 1),
            ("[", 2),
        ];
        for (text, expected) in rows {
            assert_eq!(values(text.as_bytes()), expected, "{text}");
        }
    }
}
