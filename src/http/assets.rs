//! The playground: files built from `playground/`, embedded into the program, served without the network.
//!
//! It has two documents: the app, whose addresses are the paths that a person sees, and the explorer of the API. A build
//! without them has a page in their place that says how to make them.

use std::{borrow::Cow, sync::Arc};

use axum::{
    body::Body,
    extract::State,
    http::{
        HeaderMap, HeaderValue, Method, StatusCode, Uri,
        header::{ACCEPT, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, VARY},
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

/// The documents that the playground sends, by their digests. Its build makes the file.
const DOCUMENTS: &str = "documents.json";
/// The app.
const INDEX: &str = "index.html";
/// GraphiQL, with an editor that needs a weaker policy.
const EXPLORER: &str = "explorer.html";
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const PLACEHOLDER: &str = include_str!("placeholder.html");

/// Nothing runs, is shown or is asked for unless it comes from this server as a file. The one policy of trusted types makes
/// the addresses of the app's own workers.
const STRICT: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; \
     connect-src 'self'; worker-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types docent",
);

/// Monaco needs workers from blobs, inline styles and fonts in data URLs; nothing comes from another host.
const WITH_EDITOR: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     font-src 'self' data:; connect-src 'self' ws: wss:; base-uri 'self'; form-action 'self'; frame-ancestors 'none'",
);

/// The placeholder has its style inside.
const WITH_INLINE_STYLE: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'");

/// What both documents say about their own address, for a server at the root of its host.
const BASE: &str = "<base href=\"/\"";

/// Encodings in which a file may exist in addition, best first.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

/// How long browsers cache a file: the documents never, files with a hash in their name for ever, others after revalidation.
const CACHING: [(&str, HeaderValue); 4] = [
    (INDEX, HeaderValue::from_static("no-store")),
    (EXPLORER, HeaderValue::from_static("no-store")),
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

/// The manifest of the documents that the playground sends; `None` in a build without it.
#[must_use]
pub fn documents() -> Option<Cow<'static, [u8]>> {
    Some(Playground::get(DOCUMENTS)?.data)
}

/// Handles paths without a route: a file of the playground, one of the app's pages, or 404.
pub async fn serve(
    State(state): State<Arc<HttpState>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let path = match uri.path().trim_start_matches('/') {
        path if is_page(path, &headers) => INDEX,
        path => path,
    };
    let is_read = method == Method::GET || method == Method::HEAD;
    let find = |path: &str| placed(path, File::embedded(path)?, &state.http.base_path);
    let found = if is_read && state.http.playground { respond(path, find, &headers) } else { None };
    found.ok_or_else(|| HttpError::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, "There is nothing at this address."))
}

/// Whether a person follows a link to a page of the app, which reads the path itself. Files have a dot in their names.
fn is_page(path: &str, request: &HeaderMap) -> bool {
    let accepted = request.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let is_navigation = accepted.flat_map(|value| value.split(',')).any(|range| range.trim().starts_with("text/html"));
    path.is_empty() || (is_navigation && !path.contains('.'))
}

/// A document with the path under which the server is published, so that it finds its files and the API from any page.
/// Its compressed copies are without that path, so they are left out.
fn placed(path: &str, file: File, base_path: &str) -> Option<File> {
    let is_document = |document: &str| path.starts_with(document);
    if base_path.is_empty() || ![INDEX, EXPLORER].into_iter().any(is_document) {
        return Some(file);
    }
    if path != INDEX && path != EXPLORER {
        return None;
    }
    let text = std::str::from_utf8(&file.bytes).ok()?;
    let bytes = text.replacen(BASE, &format!("<base href=\"{base_path}/\""), 1).into_bytes().into();
    Some(File { bytes, ..file })
}

fn respond(path: &str, find: impl Fn(&str) -> Option<File>, request: &HeaderMap) -> Option<Response> {
    let Some(plain) = find(path) else {
        return (path == INDEX).then(|| {
            let headers = [(CONTENT_TYPE, HTML), (CONTENT_SECURITY_POLICY, WITH_INLINE_STYLE)];
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
    headers.insert(CONTENT_SECURITY_POLICY, if path == EXPLORER { WITH_EDITOR } else { STRICT });
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
        header::{
            ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
            IF_NONE_MATCH,
        },
    };

    use super::{File, is_page, placed, respond};

    /// A build in which each file is tagged with its own name.
    fn find(path: &str) -> Option<File> {
        let content_type = match path {
            "index.html" | "explorer.html" => "text/html; charset=utf-8",
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
    fn what_has_its_hash_in_its_name_is_kept_for_ever_and_the_documents_never() {
        let rows = [
            ("index.html", "no-store"),
            ("explorer.html", "no-store"),
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

    #[test]
    fn only_the_explorer_may_have_styles_inside() {
        for path in ["index.html", "explorer.html", "icon.svg", "assets/app-1.js"] {
            let policy = ask(path, None).1(CONTENT_SECURITY_POLICY);
            assert_eq!(policy.contains("unsafe-inline"), path == "explorer.html", "{path}");
            assert_eq!(policy.contains("require-trusted-types-for 'script'"), path != "explorer.html", "{path}");
        }
    }

    #[test]
    fn a_path_that_a_person_follows_is_a_page_of_the_app() {
        let accepting = |types: &'static str| HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(types))]);
        let browser = accepting("text/html,application/xhtml+xml,*/*;q=0.8");
        for path in ["", "search", "collections/abc=/documents"] {
            assert!(is_page(path, &browser), "{path}");
        }
        assert!(!is_page("assets/app-0.js", &browser) && !is_page("explorer.html", &browser));
        assert!(!is_page("search", &accepting("*/*")) && !is_page("search", &HeaderMap::new()));
        assert!(is_page("", &HeaderMap::new()));
    }

    #[test]
    fn a_document_names_the_path_under_which_the_server_is_published() {
        let file = |text: &'static str| File { bytes: text.as_bytes().into(), ..find("index.html").unwrap() };
        let text = |path, base_path| {
            placed(path, file("<base href=\"/\" /><a href=\"/\">"), base_path)
                .map(|file| String::from_utf8(file.bytes.into_owned()).unwrap())
        };
        let plain = Some("<base href=\"/\" /><a href=\"/\">".to_owned());
        assert_eq!(text("index.html", ""), plain);
        assert_eq!(text("index.html", "/docs").as_deref(), Some("<base href=\"/docs/\" /><a href=\"/\">"));
        assert_eq!(text("explorer.html.br", "/docs"), None);
        assert_eq!(text("assets/app-1.js", "/docs"), plain);
    }
}
