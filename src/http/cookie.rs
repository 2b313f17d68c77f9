//! The cookie of a session: which requests may use it, and how it is written.
//!
//! A browser sends a cookie with every request to its server, whichever page made it. So it counts only in requests of the
//! server's own pages, as their `Origin` says, which have a header that no link and no form can send. `SameSite` and the
//! media type of requests alone would keep others out; each of the four is enough.

use axum::{
    http::{
        HeaderMap, HeaderName, HeaderValue,
        header::{COOKIE, ORIGIN, SET_COOKIE},
    },
    response::{IntoResponse, Response},
};

use super::{error::HttpError, host};
use crate::{
    auth::cookie::{CookieChange, ReceivedToken, TokenCookie},
    config::HttpConfig,
};

/// What requests that use the cookie have to have, with any value. A page of another origin can't send it without asking.
const REQUIRED: HeaderName = HeaderName::from_static("graphql-require-preflight");

const ELSEWHERE: &str = "Only pages of this server can use the cookie of a session, and the `Origin` of this request is none of \
    its own. A proxy in front of it has to pass `Host` on.";
const NOT_ASKED: &str = "Requests that use the cookie of a session need the header `GraphQL-Require-Preflight: 1`.";
const WITH_KEY: &str = "Requests with an API key can't use the cookie of a session.";

/// Why other deliveries than one JSON response have no cookie.
pub(super) const NO_COOKIE: &str =
    "Cookies are used only in a POST request that accepts one JSON response. Send it that way, or without a cookie.";

/// What the value of a cookie begins with that the browser keeps when it is closed. No token has a dot in it.
const PERSISTENT: &str = "keep.";

/// How the cookie of a page is written.
struct Form {
    name: String,
    path: String,
    is_secure: bool,
}

impl Form {
    /// For the page that sent these headers, if it is one of the server's own. Whether it came over TLS, its origin says:
    /// the server itself speaks plain HTTP, and not every proxy says what it speaks.
    fn of(headers: &HeaderMap, http: &HttpConfig) -> Option<Self> {
        let (scheme, authority) = headers.get(ORIGIN)?.to_str().ok()?.split_once("://")?;
        if !host::is_own(authority, headers, http) {
            return None;
        }
        let is_secure = scheme == "https";
        let (prefix, path) = match (is_secure, http.base_path.as_str()) {
            // Browsers take it from nobody but this host, over TLS, for the whole of it.
            (true, "") => ("__Host-", "/".to_owned()),
            (true, base_path) => ("__Secure-", format!("{base_path}/graphql")),
            (false, base_path) => ("", format!("{base_path}/graphql")),
        };
        // Cookies of one host are sent to all its ports, where other servers may be.
        let port = authority.rsplit_once(':').map(|(_, port)| port);
        let port = port.filter(|port| !port.is_empty() && port.bytes().all(|digit| digit.is_ascii_digit()));
        let port = port.map(|port| format!("-{port}")).unwrap_or_default();
        Some(Self { name: format!("{prefix}docent-refresh{port}"), path, is_secure })
    }

    /// What the browser sent. Of two cookies of this name, one is not the server's, so neither counts.
    fn received(&self, headers: &HeaderMap) -> Option<ReceivedToken> {
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pairs = cookies.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut values = pairs.filter(|(name, _)| *name == self.name).map(|(_, value)| value);
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        let persistent = value.strip_prefix(PERSISTENT);
        Some(ReceivedToken { text: persistent.unwrap_or(value).to_owned(), is_persistent: persistent.is_some() })
    }

    fn written(&self, change: CookieChange) -> String {
        let Self { name, path, is_secure } = self;
        let secure = if *is_secure { "; Secure" } else { "" };
        let (value, age) = match change {
            CookieChange::Keep { token, lifetime: None } => (token, String::new()),
            CookieChange::Keep { token, lifetime: Some(lifetime) } => {
                (format!("{PERSISTENT}{token}"), format!("; Max-Age={}", lifetime.num_seconds()))
            }
            CookieChange::Remove => (String::new(), "; Max-Age=0".to_owned()),
        };
        format!("{name}={value}; Path={path}; HttpOnly; SameSite=Strict{secure}{age}")
    }
}

/// The cookie of a request that gets one JSON response.
pub(super) fn of(headers: &HeaderMap, http: &HttpConfig, has_key: bool) -> TokenCookie {
    if has_key {
        return TokenCookie::closed(WITH_KEY);
    }
    let Some(form) = Form::of(headers, http) else { return TokenCookie::closed(ELSEWHERE) };
    if !headers.contains_key(REQUIRED) {
        return TokenCookie::closed(NOT_ASKED);
    }
    TokenCookie::open(form.received(headers))
}

/// The response to a request with these headers, after it was run with `cookie`. It changes the cookie also when the answer
/// is refused, because what was done is done.
pub(super) fn with_change(
    response: Result<Response, HttpError>,
    cookie: &TokenCookie,
    headers: &HeaderMap,
    http: &HttpConfig,
) -> Result<Response, HttpError> {
    let written = || HeaderValue::from_str(&Form::of(headers, http)?.written(cookie.take_change()?)).ok();
    let Some(written) = written() else { return response };
    match response {
        Ok(response) => Ok(([(SET_COOKIE, written)], response).into_response()),
        Err(error) => Err(error.with_header(SET_COOKIE, written)),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn http(base_path: &str) -> HttpConfig {
        let public_hosts = vec!["docs.example.org".to_owned()];
        HttpConfig { base_path: base_path.to_owned(), public_hosts, ..HttpConfig::default() }
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let mut headers = HeaderMap::new();
        for (name, value) in pairs.iter().map(pair) {
            headers.append(name, value);
        }
        headers
    }

    fn page(origin: &'static str, cookies: &[&'static str]) -> HeaderMap {
        let host = origin.split_once("://").map_or("localhost", |(_, authority)| authority);
        let mut pairs = vec![("origin", origin), ("host", host), ("graphql-require-preflight", "1")];
        pairs.extend(cookies.iter().map(|cookie| ("cookie", *cookie)));
        headers(&pairs)
    }

    fn received(headers: &HeaderMap, http: &HttpConfig) -> Option<(String, bool)> {
        let cookie = of(headers, http, false);
        cookie.received().unwrap().map(|received| (received.text.clone(), received.is_persistent))
    }

    #[test]
    fn a_cookie_is_as_narrow_as_the_connection_and_the_path_allow() {
        let secure = "https://docs.example.org";
        let rows = [
            (secure, "", "__Host-docent-refresh=t; Path=/; HttpOnly; SameSite=Strict; Secure"),
            (secure, "/docs", "__Secure-docent-refresh=t; Path=/docs/graphql; HttpOnly; SameSite=Strict; Secure"),
            ("http://localhost", "", "docent-refresh=t; Path=/graphql; HttpOnly; SameSite=Strict"),
            ("http://localhost:8080", "/docs", "docent-refresh-8080=t; Path=/docs/graphql; HttpOnly; SameSite=Strict"),
        ];
        for (origin, base_path, expected) in rows {
            let form = Form::of(&page(origin, &[]), &http(base_path)).unwrap();
            assert_eq!(form.written(CookieChange::Keep { token: "t".into(), lifetime: None }), expected);
        }
        let form = Form::of(&page("http://localhost", &[]), &http("")).unwrap();
        let lifetime = Some(TimeDelta::days(1));
        let kept = form.written(CookieChange::Keep { token: "t".into(), lifetime });
        assert!(kept.starts_with("docent-refresh=keep.t; ") && kept.ends_with("; Max-Age=86400"), "{kept}");
        let removed = form.written(CookieChange::Remove);
        assert!(removed.starts_with("docent-refresh=; ") && removed.ends_with("; Max-Age=0"), "{removed}");
    }

    #[test]
    fn a_cookie_is_found_among_others_and_only_if_there_is_one() {
        let found = |cookies: &[&'static str]| received(&page("http://localhost", cookies), &http(""));
        assert_eq!(found(&["a=b; docent-refresh=t;c=d"]), Some(("t".to_owned(), false)));
        assert_eq!(found(&["a=b", "docent-refresh=keep.t"]), Some(("t".to_owned(), true)));
        let none: [&[&str]; 4] = [
            &[],
            &["docent-refreshed=t; xdocent-refresh=t"],
            &["docent-refresh=t; docent-refresh=u"],
            &["docent-refresh"],
        ];
        for cookies in none {
            assert_eq!(found(cookies), None, "{cookies:?}");
        }
        // A server on another port of the host has its own.
        let others = page("http://localhost:8080", &["docent-refresh=t; docent-refresh-9090=u; docent-refresh-8080=v"]);
        assert_eq!(received(&others, &http("")), Some(("v".to_owned(), false)));
        // One that a page without TLS could have set does not count with it.
        let plain = page("https://docs.example.org", &["docent-refresh=t; __Secure-docent-refresh=t"]);
        assert_eq!(received(&plain, &http("")), None);
    }

    #[test]
    fn only_a_page_of_the_server_that_asks_for_it_uses_the_cookie() {
        let own = page("https://docs.example.org", &[]);
        assert!(of(&own, &http(""), false).received().is_ok());
        assert!(of(&own, &http(""), true).received().is_err(), "with an API key");
        let changed = |name: &'static str, value: Option<&'static str>| {
            let mut headers = own.clone();
            match value {
                Some(value) => headers.insert(name, HeaderValue::from_static(value)),
                None => headers.remove(name),
            };
            let http = HttpConfig { allowed_origins: vec!["https://app.example.org".to_owned()], ..http("") };
            of(&headers, &http, false).received().is_ok()
        };
        assert!(!changed("graphql-require-preflight", None));
        assert!(!changed("origin", None));
        for origin in ["null", "https://evil.example", "https://app.example.org", "docs.example.org"] {
            assert!(!changed("origin", Some(origin)), "{origin}");
        }
    }
}
