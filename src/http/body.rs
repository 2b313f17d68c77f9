//! Reads the body of a request into memory, as far as it may be.

use std::time::Duration;

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, StatusCode, header::CONTENT_LENGTH},
};

use super::error::HttpError;
use crate::error::ErrorCode;

/// How long a client may take to send its request.
const BODY_DEADLINE: Duration = Duration::from_secs(15);

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
