//! The playground: files built from `playground/`, embedded into the program, served without the network.
//!
//! A build without them has a page in their place that says how to make them.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{
        HeaderMap, HeaderValue, Method, StatusCode, Uri,
        header::{
            ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
            IF_NONE_MATCH, VARY,
        },
    },
    response::{IntoResponse, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::{HttpState, error::HttpError};
use crate::error::ErrorCode;

#[derive(RustEmbed)]
#[folder = "playground/dist"]
#[allow_missing = true]
struct Playground;

const INDEX: &str = "index.html";
const PLACEHOLDER: &str = include_str!("placeholder.html");

/// Monaco needs workers from blobs, inline styles and fonts in data URLs; nothing comes from another host.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     font-src 'self' data:; connect-src 'self' ws: wss:; base-uri 'self'; form-action 'self'; frame-ancestors 'none'",
);

/// Encodings in which a file may lie beside itself, best first.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

/// How long browsers keep a file: the page never, files that have their hash in their name for ever, others after asking.
const CACHING: [(&str, HeaderValue); 3] = [
    (INDEX, HeaderValue::from_static("no-store")),
    ("assets/", HeaderValue::from_static("public, max-age=31536000, immutable")),
    ("", HeaderValue::from_static("no-cache")),
];

/// Answers what no route knows: a file of the playground, or 404.
pub async fn serve(
    State(state): State<Arc<HttpState>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let path = match uri.path().trim_start_matches('/') {
        "" => INDEX,
        path => path,
    };
    let is_read = method == Method::GET || method == Method::HEAD;
    if !is_read || !state.http.playground {
        return Err(not_found());
    }
    match Playground::get(path) {
        Some(file) => Ok(respond(path, file, &headers)),
        None if path == INDEX => Ok(page(PLACEHOLDER)),
        None => Err(not_found()),
    }
}

fn page(html: &'static str) -> Response {
    ([(CONTENT_TYPE, "text/html; charset=utf-8")], [(CONTENT_SECURITY_POLICY, POLICY)], html).into_response()
}

fn respond(path: &str, plain: EmbeddedFile, request: &HeaderMap) -> Response {
    let content_type = content_type(plain.metadata.mimetype());
    let encoded = ENCODINGS
        .iter()
        .filter(|(encoding, _)| accepts(request, encoding))
        .find_map(|(encoding, suffix)| Playground::get(&format!("{path}{suffix}")).map(|file| (Some(*encoding), file)));
    let (encoding, file) = encoded.unwrap_or((None, plain));
    let tag = format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..16]));
    let is_known = request.get_all(IF_NONE_MATCH).iter().any(|tags| tags.as_bytes() == tag.as_bytes());

    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(CONTENT_TYPE, content_type)], Body::from(file.data)).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Some((_, caching)) = CACHING.into_iter().find(|(prefix, _)| path.starts_with(prefix)) {
        headers.insert(CACHE_CONTROL, caching);
    }
    if let Some(encoding) = encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(ETAG, tag);
    }
    response
}

fn content_type(mime: &str) -> String {
    if mime.starts_with("text/") { format!("{mime}; charset=utf-8") } else { mime.to_owned() }
}

fn accepts(request: &HeaderMap, encoding: &str) -> bool {
    let values = request.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|item| {
        let (name, parameter) = item.split_once(';').unwrap_or((item, ""));
        name.trim().eq_ignore_ascii_case(encoding)
            && !matches!(parameter.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

fn not_found() -> HttpError {
    HttpError::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, "There is nothing at this address.")
}
