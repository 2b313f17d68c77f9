//! Errors of HTTP requests: the same `errors` with the same codes as GraphQL's, on every route.

use std::{borrow::Cow, sync::Arc};

use axum::{
    body::Body,
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{
    domain::id::RequestId,
    error::{Error, ErrorCode, cause_chain},
};

/// An error of the HTTP layer. `request_id::boundary` writes its body, which contains the request's id.
#[derive(Debug)]
pub struct HttpError {
    status: StatusCode,
    code: ErrorCode,
    message: Cow<'static, str>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// When it may be worth trying again.
    retry_after_seconds: Option<u64>,
    /// For the log.
    cause: Option<String>,
}

impl HttpError {
    /// An error with a sentence for the client.
    pub fn new(status: StatusCode, code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, message: message.into(), headers: Vec::new(), retry_after_seconds: None, cause: None }
    }

    /// 400 with `BAD_USER_INPUT`.
    pub fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::BadUserInput, message)
    }

    /// A fault of the server, with its cause for the log.
    #[must_use]
    pub fn internal(cause: String) -> Self {
        let message = "Internal server error.";
        let error = Self::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::InternalServerError, message);
        Self { cause: Some(cause), ..error }
    }

    /// The same error with a header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The same error, saying when it may be worth trying again, in its header and in its body.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self.with_header(RETRY_AFTER, seconds.into())
    }

    /// Logs faults of the server and publishes other errors.
    pub(super) fn body(&self, request_id: RequestId) -> Body {
        if let Some(cause) = &self.cause {
            tracing::error!(error = cause, "a request failed");
        }
        let mut extensions = json!({ "code": self.code.as_str(), "requestId": request_id });
        if let Some(seconds) = self.retry_after_seconds {
            extensions["retryAfterMs"] = seconds.saturating_mul(1000).into();
        }
        Body::from(json!({ "errors": [{ "message": self.message, "extensions": extensions }] }).to_string())
    }
}

impl From<Error> for HttpError {
    fn from(error: Error) -> Self {
        let status = StatusCode::from_u16(error.code().http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut http_error = Self::new(status, error.code(), error.public_message());
        if let Some(seconds) = error.retry_after_seconds() {
            http_error = http_error.with_retry_after(seconds);
        }
        if status == StatusCode::UNAUTHORIZED {
            http_error.headers.push((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        }
        if error.is_fault() {
            http_error.cause = Some(cause_chain(&error));
        }
        http_error
    }
}

impl IntoResponse for HttpError {
    fn into_response(mut self) -> Response {
        let mut response = self.status.into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        headers.extend(self.headers.drain(..));
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}
