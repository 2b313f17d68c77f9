//! From the connection and the headers of a request to a viewer.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use async_trait::async_trait;
use axum::{
    extract::{ConnectInfo, Request, State},
    http::{
        Extensions, HeaderMap, HeaderName,
        header::{AUTHORIZATION, USER_AGENT},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{HttpState, error::HttpError};
use crate::{
    auth::viewer::Viewer,
    domain::{client::Client, id::RequestId},
    error::Error,
};

/// The header in which proxies name the original client.
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// What is kept of a client's own name, in characters.
const MAX_USER_AGENT: usize = 200;

/// Authenticates callers and charges their rate limit.
#[async_trait]
pub trait Callers: Send + Sync {
    /// The caller with this `authorization` header (`Bearer …`, as received); anonymous without one.
    ///
    /// # Errors
    /// `Unauthenticated` for a credential that is malformed, unknown, expired or revoked.
    async fn authenticate(&self, authorization: Option<&str>, client: Client) -> Result<Viewer, Error>;

    /// The same caller as they are now, for connections that outlast a request.
    ///
    /// # Errors
    /// `Unauthenticated` when their login, key or account has ended.
    async fn recheck(&self, viewer: &Viewer) -> Result<Viewer, Error>;

    /// Takes the price of a request.
    ///
    /// # Errors
    /// `RateLimited`, or `LimitExceeded` for a key whose budget is spent.
    async fn charge(&self, viewer: &Viewer, points: u32) -> Result<(), Error>;
}

/// The viewer of a request.
///
/// # Errors
/// Those of [`Callers::authenticate`].
pub async fn viewer(callers: &dyn Callers, headers: &HeaderMap, client: Client) -> Result<Viewer, Error> {
    callers.authenticate(authorization(headers)?.as_deref(), client).await
}

/// The `Authorization` header, if there is one.
///
/// # Errors
/// `Unauthenticated` when it is not text.
pub(super) fn authorization(headers: &HeaderMap) -> Result<Option<String>, Error> {
    let Some(value) = headers.get(AUTHORIZATION) else { return Ok(None) };
    let text = value.to_str().map_err(|_| Error::Unauthenticated("The Authorization header is not text."))?;
    Ok(Some(text.to_owned()))
}

/// Records on every request where it came from. Handlers find it as `Extension<Client>`. An address that has its share of
/// open requests gets no further.
pub async fn identify(State(state): State<Arc<HttpState>>, mut request: Request, next: Next) -> Response {
    let client = client(request.extensions(), request.headers(), state.http.trust_forwarded_for);
    let _share = match state.requests.as_ref().map(|requests| requests.take(client.subnet())) {
        Some(None) => return HttpError::from(Error::RateLimited { retry_after_seconds: 1 }).into_response(),
        share => share,
    };
    request.extensions_mut().insert(client);
    next.run(request).await
}

/// The client program. Behind a trusted proxy, the address is the last one that it forwards.
fn client(extensions: &Extensions, headers: &HeaderMap, trusts_proxy: bool) -> Client {
    let forwarded = || -> Option<IpAddr> {
        let value = headers.get_all(X_FORWARDED_FOR).iter().next_back()?.to_str().ok()?;
        address_in(value.rsplit(',').next()?.trim())
    };
    let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip().to_canonical());
    let user_agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
    Client {
        address: if trusts_proxy { forwarded().or(peer) } else { peer },
        user_agent: user_agent.map(|text| text.chars().take(MAX_USER_AGENT).collect()),
        request: extensions.get::<RequestId>().copied(),
    }
}

/// An address as proxies write it: some add the port, and brackets around one of IPv6.
fn address_in(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(forwarded: &[&str], trusts_proxy: bool) -> Option<String> {
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::from(([10, 0, 0, 1], 4711))));
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(X_FORWARDED_FOR, value.parse().unwrap());
        }
        client(&extensions, &headers, trusts_proxy).address.map(|address| address.to_string())
    }

    #[test]
    fn only_a_trusted_proxy_says_whom_it_speaks_for_and_only_its_own_word_counts() {
        assert_eq!(address(&["192.0.2.7"], false).unwrap(), "10.0.0.1");
        assert_eq!(address(&["192.0.2.7"], true).unwrap(), "192.0.2.7");
        // What the client itself put there comes first.
        assert_eq!(address(&["198.51.100.1, 192.0.2.7"], true).unwrap(), "192.0.2.7");
        assert_eq!(address(&["198.51.100.1", "192.0.2.7"], true).unwrap(), "192.0.2.7");
        // Some write the port, too.
        assert_eq!(address(&["192.0.2.7:4711"], true).unwrap(), "192.0.2.7");
        assert_eq!(address(&["198.51.100.1, [2001:db8::7]:4711"], true).unwrap(), "2001:db8::7");
        assert_eq!(address(&["[2001:db8::7]"], true).unwrap(), "2001:db8::7");
        assert_eq!(address(&["nonsense"], true).unwrap(), "10.0.0.1");
        assert_eq!(address(&[], true).unwrap(), "10.0.0.1");
    }

    #[test]
    fn a_long_name_of_a_client_is_cut() {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, "x".repeat(1000).parse().unwrap());
        let named = client(&Extensions::new(), &headers, false);
        assert_eq!((named.user_agent.unwrap().len(), named.address), (MAX_USER_AGENT, None));
    }
}
