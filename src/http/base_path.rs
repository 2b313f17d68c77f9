//! The server below a path of a host that has more: `https://example.org/docs/`.
//!
//! A proxy may pass the path on or take it off: what is below it and what is at the root are the same.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::{Method, Uri},
    response::{IntoResponse, Redirect, Response},
};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

#[derive(Clone)]
struct Below {
    base_path: Arc<str>,
    service: TowerToHyperService<Router>,
}

/// `router`, at the root and below `base_path`, which begins with a slash and does not end with one, or is empty.
pub(super) fn serve_below(base_path: &str, router: Router) -> Router {
    if base_path.is_empty() {
        return router;
    }
    let below = Below { base_path: base_path.into(), service: TowerToHyperService::new(router) };
    Router::new().fallback(serve).with_state(below)
}

async fn serve(State(below): State<Below>, mut request: Request) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    if is_read && request.uri().path() == &*below.base_path {
        // Files of a page are named relative to it, so its address has to end with a slash.
        return Redirect::temporary(&format!("{}/", below.base_path)).into_response();
    }
    if let Some(uri) = without(request.uri(), &below.base_path) {
        *request.uri_mut() = uri;
    }
    below.service.call(request).await.unwrap_or_else(|never| match never {})
}

/// The address without the path that it begins with; `None` when it begins with another.
fn without(uri: &Uri, base_path: &str) -> Option<Uri> {
    let rest = uri.path_and_query()?.as_str().strip_prefix(base_path)?;
    let rest = if rest.starts_with('/') { rest.parse().ok()? } else { return None };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(rest);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_path_is_taken_off() {
        let rest = |uri: &'static str| without(&Uri::from_static(uri), "/docs").map(|uri| uri.to_string());
        assert_eq!(rest("/docs/graphql?query=%7Ba%7D").as_deref(), Some("/graphql?query=%7Ba%7D"));
        assert_eq!(rest("/docs/").as_deref(), Some("/"));
        assert_eq!(rest("http://localhost/docs/docs/x").as_deref(), Some("http://localhost/docs/x"));
        for other in ["/docs", "/docs?x", "/documents/1/content", "/graphql", "/Docs/graphql", "/a/docs/graphql"] {
            assert_eq!(rest(other), None, "{other}");
        }
    }
}
