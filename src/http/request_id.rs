//! The layer around every route: a request gets an id, a span and the security headers; every error names the id; a panic
//! is one request's failure, not the server's.

use std::{any::Any, panic::AssertUnwindSafe, sync::Arc, time::Instant};

use axum::{
    extract::Request,
    http::{
        HeaderName, HeaderValue,
        header::{CACHE_CONTROL, CONTENT_LENGTH, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use tracing::Instrument;

use super::error::HttpError;
use crate::domain::id::RequestId;

/// The header that carries the request's id back.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Headers of every response that does not say otherwise itself.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
];

/// Runs a request under a new id. Handlers find it as `Extension<RequestId>`. A client's own `x-request-id` is ignored: it
/// could pretend to be another request in the log.
pub async fn boundary(mut request: Request, next: Next) -> Response {
    let id = RequestId::generate();
    request.extensions_mut().insert(id);
    let span = tracing::info_span!("request", request.id = %id, http.method = %request.method(), http.path = request.uri().path());
    async {
        let begun = Instant::now();
        let mut response = AssertUnwindSafe(next.run(request))
            .catch_unwind()
            .await
            .unwrap_or_else(|panic| HttpError::internal(panic_message(&*panic)).into_response());
        if let Some(error) = response.extensions_mut().remove::<Arc<HttpError>>() {
            *response.body_mut() = error.body(id);
            response.headers_mut().remove(CONTENT_LENGTH);
        }
        let headers = response.headers_mut();
        for (name, value) in HEADERS {
            headers.entry(name).or_insert(value);
        }
        if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
            headers.insert(X_REQUEST_ID, id);
        }
        tracing::debug!(http.status = response.status().as_u16(), elapsed_ms = begun.elapsed().as_millis(), "answered");
        response
    }
    .instrument(span)
    .await
}

/// The message of a panic, for the log.
pub(super) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panic: {}", text.unwrap_or("without a message"))
}
