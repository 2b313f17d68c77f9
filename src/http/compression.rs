//! Compresses responses for clients that accept it.
//!
//! Only responses of queries are compressed: a mutation may return a secret, and the length of compressed data reveals
//! something about its content (BREACH). Original files are sent as they are.

use std::io::Write;

use axum::{
    body::{Body, Bytes},
    http::{
        HeaderMap, HeaderValue,
        header::{CONTENT_ENCODING, VARY},
    },
    response::{IntoResponse, Response},
};
use flate2::{Compression, write::GzEncoder};

use super::negotiation;

/// From this size on it is worth it: less fits into one packet anyway.
const MIN_BYTES: usize = 1024;
/// What takes longer than a moment is done on a thread that may be busy.
const MAX_BYTES_AT_ONCE: usize = 64 * 1024;

const GZIP: &str = "gzip";

/// A response with this body, compressed if the client that sent `headers` takes gzip and it is worth it.
pub(super) async fn respond(headers: &HeaderMap, body: Vec<u8>) -> Response {
    if body.len() < MIN_BYTES {
        return Body::from(body).into_response();
    }
    let plain = Bytes::from(body);
    let compressed = if negotiation::accepts_encoding(headers, GZIP) { compress(plain.clone()).await } else { None };
    let encoding = compressed.is_some().then_some((CONTENT_ENCODING, HeaderValue::from_static(GZIP)));
    let mut response = Body::from(compressed.unwrap_or(plain)).into_response();
    response.headers_mut().append(VARY, HeaderValue::from_static("accept-encoding"));
    response.headers_mut().extend(encoding);
    response
}

async fn compress(plain: Bytes) -> Option<Bytes> {
    if plain.len() <= MAX_BYTES_AT_ONCE {
        return gzip(&plain);
    }
    tokio::task::spawn_blocking(move || gzip(&plain)).await.ok().flatten()
}

fn gzip(plain: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::fast());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok().map(Bytes::from)
}
