//! The host names under which the server may be called.
//!
//! A malicious web page, open in a browser, can point its own name at this machine (DNS rebinding). The browser then
//! treats the server as that page's own origin. The host name in the request reveals this, because it is not one of
//! ours.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, StatusCode, Uri, header::HOST, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{HttpState, error::HttpError};
use crate::{config::HttpConfig, error::ErrorCode};

/// The header in which proxies say how they were called themselves.
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

const UNREADABLE: &str = "The request must name exactly one host.";
const UNKNOWN: &str = "This server does not know the host name of the request. Use a name that it knows, or ask its \
    operator to add this one to the setting `http.public_hosts`.";

/// Rejects requests to unknown hosts before anything else handles them.
pub async fn require_known(State(state): State<Arc<HttpState>>, request: Request, next: Next) -> Response {
    match check(request.uri(), request.headers(), &state.http) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

fn check(uri: &Uri, headers: &HeaderMap, http: &HttpConfig) -> Result<(), HttpError> {
    if headers.get_all(HOST).iter().count() > 1 {
        return Err(HttpError::bad_request(UNREADABLE));
    }
    // What has no Host is no browser: HTTP/1.0, as some health checks speak it.
    let named = uri.authority().map(|authority| Some(authority.as_str())).into_iter().chain(hosts(headers, http));
    for host in named {
        let name = host.and_then(name).ok_or_else(|| HttpError::bad_request(UNREADABLE))?;
        if !is_known(&name, http) {
            return Err(HttpError::new(StatusCode::MISDIRECTED_REQUEST, ErrorCode::Forbidden, UNKNOWN));
        }
    }
    Ok(())
}

/// Whether a page of `authority` is one of the server's own: it comes from a host that the request names, and by which the
/// server may be called.
pub(super) fn is_own(authority: &str, headers: &HeaderMap, http: &HttpConfig) -> bool {
    hosts(headers, http)
        .flatten()
        .any(|host| host.eq_ignore_ascii_case(authority) && name(host).is_some_and(|name| is_known(&name, http)))
}

/// The hosts that a request names; `None` if one is not text. A trusted proxy sends the host name that it was called by
/// in addition to the one that it uses. Both must be known, since a page can send that header as well.
fn hosts<'a>(headers: &'a HeaderMap, http: &HttpConfig) -> impl Iterator<Item = Option<&'a str>> {
    let forwarded = headers.get_all(X_FORWARDED_HOST).iter().next_back().filter(|_| http.trust_forwarded_for);
    let last = |text: &'a str| text.rsplit(',').next().unwrap_or(text).trim();
    let host = headers.get(HOST).map(|value| value.to_str().ok());
    host.into_iter().chain(forwarded.map(|value| value.to_str().ok().map(last)))
}

/// The name or address in the host of a request, without its port.
fn name(host: &str) -> Option<String> {
    let authority: Authority = host.parse().ok()?;
    let name = bare(authority.host());
    (!host.contains('@') && !name.is_empty()).then_some(name)
}

/// A name or address in the form in which it is compared.
fn bare(host: &str) -> String {
    host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase()
}

fn is_known(name: &str, http: &HttpConfig) -> bool {
    let address: Option<IpAddr> = name.parse().ok();
    let is_listed = |known: &String| {
        let known = bare(known);
        known == name || (address.is_some() && known.parse::<IpAddr>().ok() == address)
    };
    let is_ours = match address.map(|address| address.to_canonical()) {
        // Browsers take it for the machine that they run on, so it is nobody's address.
        Some(address) if address.is_unspecified() => return false,
        // An address can't be pointed elsewhere, so a page that has one is where it says. A server that listens on every
        // address of its machine has all of them.
        Some(address) => {
            let is_everywhere = http.host.parse::<IpAddr>().is_ok_and(|host| host.is_unspecified());
            address.is_loopback() || is_everywhere
        }
        None => name == "localhost",
    };
    is_ours || is_listed(&http.host) || http.public_hosts.iter().any(is_listed)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn http(host: &str) -> HttpConfig {
        let public_hosts = vec!["docs.example.org".to_owned(), "2001:db8::1".to_owned()];
        HttpConfig { host: host.to_owned(), public_hosts, ..HttpConfig::default() }
    }

    fn status(host: &str, http: &HttpConfig) -> u16 {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_str(host).unwrap());
        let refused = check(&Uri::from_static("/graphql"), &headers, http).err();
        refused.map_or(200, |error| error.into_response().status().as_u16())
    }

    #[test]
    fn the_server_is_called_by_its_own_names_and_addresses() {
        let own = [
            "localhost",
            "localhost:8080",
            "LOCALHOST.:8080",
            "127.0.0.1:1",
            "127.8.9.1",
            "[::1]:8080",
            "[::ffff:127.0.0.1]",
            "docs.example.org",
            "Docs.Example.Org:443",
            "[2001:db8::1]",
            "[2001:DB8:0::1]:8080",
        ];
        for host in own {
            assert_eq!(status(host, &http("127.0.0.1")), 200, "{host}");
        }
        let foreign =
            ["evil.example", "docs.example.org.evil.example", "evil-localhost", "10.0.0.1", "localhost.evil.example"];
        for host in foreign {
            assert_eq!(status(host, &http("127.0.0.1")), 421, "{host}");
        }
        for host in ["", "a b", "docs.example.org@evil.example", "evil.example@docs.example.org", "http://localhost"] {
            assert_eq!(status(host, &http("127.0.0.1")), 400, "{host}");
        }
    }

    #[test]
    fn where_it_listens_is_a_name_of_it() {
        assert_eq!(status("search.internal:8080", &http("search.internal")), 200);
        assert_eq!(status("10.0.0.1", &http("10.0.0.1")), 200);
        assert_eq!(status("10.0.0.2", &http("10.0.0.1")), 421);
        for everywhere in ["0.0.0.0", "::"] {
            assert_eq!(status("10.0.0.2:8080", &http(everywhere)), 200, "an address is where it says");
            assert_eq!(status("[2001:db8::2]", &http(everywhere)), 200);
            assert_eq!(status("evil.example", &http(everywhere)), 421);
            assert_eq!(status("0.0.0.0", &http(everywhere)), 421, "browsers take it for the machine that they run on");
        }
    }

    #[test]
    fn of_a_trusted_proxy_both_names_have_to_be_right() {
        let forwarded = |host: &'static str, forwarded: &'static str, is_trusted: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static(host));
            headers.insert(X_FORWARDED_HOST, HeaderValue::from_static(forwarded));
            let http = HttpConfig { trust_forwarded_for: is_trusted, ..http("127.0.0.1") };
            let is_right = check(&Uri::from_static("/"), &headers, &http).is_ok();
            (is_right, is_own("docs.example.org", &headers, &http))
        };
        assert_eq!(forwarded("127.0.0.1:8080", "docs.example.org", true), (true, true));
        assert_eq!(forwarded("127.0.0.1:8080", "docs.example.org", false), (true, false));
        assert_eq!(forwarded("127.0.0.1:8080", "evil.example", true), (false, false));
        assert!(!forwarded("evil.example", "docs.example.org", true).0);
        // What the page sent comes before what the proxy adds.
        assert_eq!(forwarded("127.0.0.1:8080", "docs.example.org, evil.example", true), (false, false));
        assert_eq!(forwarded("docs.example.org", "docs.example.org", false), (true, true));
    }

    #[test]
    fn two_hosts_and_that_of_the_address_count_too() {
        let mut headers = HeaderMap::new();
        headers.append(HOST, HeaderValue::from_static("localhost"));
        let evil = Uri::from_static("http://evil.example/graphql");
        assert!(check(&evil, &headers, &http("127.0.0.1")).is_err());
        headers.append(HOST, HeaderValue::from_static("localhost"));
        assert!(check(&Uri::from_static("/"), &headers, &http("127.0.0.1")).is_err());
        assert!(check(&Uri::from_static("/"), &HeaderMap::new(), &http("127.0.0.1")).is_ok(), "no browser");
    }
}
