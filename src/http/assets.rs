//! The playground: files built from `playground/`, embedded into the program, served without the network.
//!
//! A build without them has a page in their place that says how to make them.

use std::{borrow::Cow, sync::Arc};

use axum::{
    body::Body,
    extract::State,
    http::{
        HeaderMap, HeaderValue, Method, StatusCode, Uri,
        header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, VARY},
    },
    response::{IntoResponse, Response},
};
use rust_embed::RustEmbed;

use super::{HttpState, conditional::Condition, error::HttpError, negotiation::accepts_encoding};
use crate::error::ErrorCode;

#[derive(RustEmbed)]
#[folder = "playground/dist"]
#[allow_missing = true]
struct Playground;

const INDEX: &str = "index.html";
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const PLACEHOLDER: &str = include_str!("placeholder.html");

/// Monaco needs workers from blobs, inline styles and fonts in data URLs; nothing comes from another host.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     font-src 'self' data:; connect-src 'self' ws: wss:; base-uri 'self'; form-action 'self'; frame-ancestors 'none'",
);

/// Encodings in which a file may exist in addition, best first.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

/// How long browsers cache a file: the page never, files with a hash in their name for ever, others after revalidation.
const CACHING: [(&str, HeaderValue); 3] = [
    (INDEX, HeaderValue::from_static("no-store")),
    ("assets/", HeaderValue::from_static("public, max-age=31536000, immutable")),
    ("", HeaderValue::from_static("no-cache")),
];

/// A file, ready to be sent.
struct File {
    bytes: Cow<'static, [u8]>,
    content_type: String,
    tag: String,
}

impl File {
    fn embedded(path: &str) -> Option<Self> {
        let file = Playground::get(path)?;
        let mime = file.metadata.mimetype();
        let content_type = if mime.starts_with("text/") { format!("{mime}; charset=utf-8") } else { mime.to_owned() };
        let tag = format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..16]));
        Some(Self { bytes: file.data, content_type, tag })
    }
}

/// Handles paths without a route: a file of the playground, or 404.
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
    let found = if is_read && state.http.playground { respond(path, File::embedded, &headers) } else { None };
    found.ok_or_else(|| HttpError::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, "There is nothing at this address."))
}

fn respond(path: &str, find: impl Fn(&str) -> Option<File>, request: &HeaderMap) -> Option<Response> {
    let Some(plain) = find(path) else {
        return (path == INDEX).then(|| {
            let headers = [(CONTENT_TYPE, HTML), (CONTENT_SECURITY_POLICY, POLICY)];
            (headers, PLACEHOLDER).into_response()
        });
    };
    let content_type = plain.content_type.clone();
    let mut accepted = ENCODINGS.iter().filter(|(encoding, _)| accepts_encoding(request, encoding));
    let encoded = accepted.find_map(|(encoding, suffix)| {
        let file = find(&format!("{path}{suffix}"))?;
        Some((Some(*encoding), file))
    });
    let (encoding, file) = encoded.unwrap_or((None, plain));
    let is_known = Condition::of(request, &file.tag) == Condition::Known;

    let mut response =
        if is_known { StatusCode::NOT_MODIFIED.into_response() } else { Body::from(file.bytes).into_response() };
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    headers.extend(HeaderValue::from_str(&content_type).ok().map(|value| (CONTENT_TYPE, value)));
    headers.extend(HeaderValue::from_str(&file.tag).ok().map(|value| (ETAG, value)));
    headers.extend(encoding.map(|encoding| (CONTENT_ENCODING, HeaderValue::from_static(encoding))));
    headers.extend(
        CACHING.into_iter().find(|(prefix, _)| path.starts_with(prefix)).map(|(_, value)| (CACHE_CONTROL, value)),
    );
    Some(response)
}

#[cfg(test)]
mod tests {
    use axum::http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
    };

    use super::{File, respond};

    /// A build in which each file is tagged with its own name.
    fn find(path: &str) -> Option<File> {
        let content_type = match path {
            "index.html" => "text/html; charset=utf-8",
            "icon.svg" => "image/svg+xml",
            "assets/app-1.js" => "text/javascript; charset=utf-8",
            "assets/app-1.js.br" | "assets/app-1.js.gz" => "application/octet-stream",
            _ => return None,
        };
        Some(File { bytes: b"content".into(), content_type: content_type.into(), tag: format!("\"{path}\"") })
    }

    fn ask(path: &str, header: Option<(HeaderName, &'static str)>) -> (StatusCode, impl Fn(HeaderName) -> String) {
        let request: HeaderMap =
            header.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect();
        let response = respond(path, find, &request).unwrap();
        let headers = response.headers().clone();
        (response.status(), move |name| headers.get(name).map_or_else(String::new, |v| v.to_str().unwrap().to_owned()))
    }

    #[test]
    fn what_has_its_hash_in_its_name_is_kept_for_ever_and_the_page_never() {
        let rows = [
            ("index.html", "no-store"),
            ("assets/app-1.js", "public, max-age=31536000, immutable"),
            ("icon.svg", "no-cache"),
        ];
        for (path, caching) in rows {
            assert_eq!(ask(path, None).1(CACHE_CONTROL), caching, "{path}");
        }
        assert!(respond("nothing.js", find, &HeaderMap::new()).is_none());
    }

    #[test]
    fn the_best_encoding_that_is_there_is_sent() {
        let rows = [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("br;q=0, GZIP;q=0.5", "gzip"), ("identity", "")];
        for (accepted, encoding) in rows {
            let (status, header) = ask("assets/app-1.js", Some((ACCEPT_ENCODING, accepted)));
            assert_eq!((status, header(CONTENT_ENCODING).as_str()), (StatusCode::OK, encoding), "{accepted}");
            assert_eq!(header(CONTENT_TYPE), "text/javascript; charset=utf-8");
        }
        assert_eq!(ask("icon.svg", Some((ACCEPT_ENCODING, "br"))).1(CONTENT_ENCODING), "");
    }

    #[test]
    fn what_the_browser_has_is_not_sent_again() {
        let (status, header) = ask("icon.svg", Some((IF_NONE_MATCH, "\"icon.svg\"")));
        assert_eq!((status, header(ETAG).as_str()), (StatusCode::NOT_MODIFIED, "\"icon.svg\""));
        assert_eq!(ask("icon.svg", Some((IF_NONE_MATCH, "\"older\", W/\"icon.svg\""))).0, StatusCode::NOT_MODIFIED);
        assert_eq!(ask("icon.svg", Some((IF_NONE_MATCH, "\"older\""))).0, StatusCode::OK);
    }
}
