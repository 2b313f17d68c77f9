//! Which web pages may call the server: its own and those of the configured origins.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
        header::{
            ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
            ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
        },
    },
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{HttpState, error::HttpError, host};
use crate::{config::HttpConfig, error::ErrorCode};

/// What a preflight learns about an allowed origin's requests. No credentials: only the server's own pages have a cookie
/// (`http::cookie`), others send tokens.
const PREFLIGHT: [(HeaderName, HeaderValue); 2] = [
    (ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, PUT")),
    (ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("3600")),
];
/// What a page of an allowed origin may send if its preflight names no headers. Otherwise it may send what it names: no
/// header is dangerous here, and tracing tools add their own.
const ALLOWED_HEADERS: HeaderValue = HeaderValue::from_static(
    "accept, authorization, content-type, if-match, if-none-match, if-range, range, traceparent, tracestate",
);
/// What such a page may read of an answer.
const EXPOSED: HeaderValue =
    HeaderValue::from_static("content-disposition, content-range, etag, retry-after, x-request-id");

/// Whether the page that sent these headers may use the server. What is not a page sends no `Origin`. A page that calls the
/// server by a name that it does not have is not one of its own.
#[must_use]
pub fn is_allowed(headers: &HeaderMap, http: &HttpConfig) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let is_own = origin.split_once("://").is_some_and(|(_, authority)| host::is_own(authority, headers, http));
    is_own || http.allowed_origins.iter().any(|allowed| allowed.trim_end_matches('/').eq_ignore_ascii_case(origin))
}

/// Keeps pages that may not use the server from holding what stays open: they could not read it, but it takes room.
///
/// # Errors
/// 403 for such a page.
pub(super) fn require_allowed(headers: &HeaderMap, http: &HttpConfig) -> Result<(), HttpError> {
    if is_allowed(headers, http) {
        return Ok(());
    }
    let message = "Pages of this origin are not allowed to use the server.";
    Err(HttpError::new(StatusCode::FORBIDDEN, ErrorCode::Forbidden, message))
}

/// Cross-origin resource sharing. Pages that are not allowed get the response without the headers that would let them
/// read it. Only preflights are answered here.
pub async fn cross_origin(State(state): State<Arc<HttpState>>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(ORIGIN).cloned();
    let wanted = request.headers().get(ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let allowed = origin.filter(|_| is_allowed(request.headers(), &state.http));
    let is_preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);

    let mut response = if is_preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = allowed {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        if is_preflight {
            headers.extend(PREFLIGHT);
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.unwrap_or(ALLOWED_HEADERS));
            headers.append(VARY, HeaderValue::from_static("access-control-request-headers"));
        }
    }
    response
}
