//! Requests to web servers, none of which reaches an address that is not public.
//!
//! The resolver gives the connection only addresses that it may have, so what is checked is what is connected to: a name
//! that has another address a moment later has it too late. Addresses in URLs need no resolver and are checked before each
//! request. Redirects are not followed here, so each one is a request of its own. A proxy would connect on its own
//! account, so none is used.

use std::{
    error::Error as StdError,
    io, iter,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use reqwest::{
    Response, StatusCode,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{
        ACCEPT, CONTENT_TYPE, ETAG, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION, RETRY_AFTER,
    },
    redirect::Policy,
};
use tokio::time::Instant;
use url::{Host, Url};

use super::{SourceError, address::is_public};
use crate::domain::source::Validators;

/// How sites know this program.
pub(super) const PROGRAM: &str = "Docent";
const USER_AGENT: &str = concat!("Docent/", env!("CARGO_PKG_VERSION"));
const ACCEPTED: &str = "text/html, application/xhtml+xml, application/pdf, text/*;q=0.9, */*;q=0.8";
/// The longest validator that is remembered.
const MAX_VALIDATOR: usize = 500;

/// Finds the addresses of hosts.
#[async_trait]
pub trait Names: Send + Sync {
    /// All addresses of a host.
    async fn look_up(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// As the operating system finds them.
pub(super) struct SystemNames;

#[async_trait]
impl Names for SystemNames {
    async fn look_up(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// Which addresses may be connected to.
#[derive(Clone)]
pub(super) struct Guard {
    /// Hosts that may have any address.
    pub(super) hosts: Arc<[String]>,
    pub(super) names: Arc<dyn Names>,
}

impl Guard {
    /// Whether a URL names no address that is refused. What a host name leads to is decided when it is looked up.
    pub(super) fn may_request(&self, url: &Url) -> bool {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(_)) => return true,
            None => return false,
        };
        self.may_connect(url.host_str().unwrap_or_default(), address)
    }

    fn may_connect(&self, host: &str, address: IpAddr) -> bool {
        let host = host.trim_matches(['[', ']']).trim_end_matches('.');
        is_public(address) || self.hosts.iter().any(|open| open.eq_ignore_ascii_case(host))
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let host = name.as_str();
            let found = guard.names.look_up(host).await?;
            let open = found.into_iter().filter(|address| guard.may_connect(host, *address));
            let open: Vec<_> = open.map(|address| SocketAddr::new(address, 0)).collect();
            if open.is_empty() {
                return Err(InternalAddress.into());
            }
            Ok::<Addrs, Box<dyn StdError + Send + Sync>>(Box::new(open.into_iter()))
        })
    }
}

/// Why a host is not connected to.
#[derive(Debug, thiserror::Error)]
#[error("the host has no public address")]
struct InternalAddress;

/// What a server answers.
pub(super) enum Answer {
    Content(Received),
    /// It is as the validators say.
    Unmodified,
    Redirect {
        target: Url,
        /// Whether the page is there for good.
        is_final: bool,
    },
    /// There is no such page.
    Missing,
}

/// A page.
pub(super) struct Received {
    pub(super) bytes: Bytes,
    pub(super) content_type: Option<String>,
    pub(super) validators: Validators,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The host may not be connected to.
    Internal,
    TooLarge,
    /// The server does not give the page to this program.
    Refused(StatusCode),
    /// It may succeed later, after this time if the server says so.
    Temporary(String, Option<Duration>),
}

impl Failure {
    /// As part of a sentence about a page.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Internal => "its host has an internal address, and the operator has not allowed it \
                 (`sources.web_hosts`)"
                .to_owned(),
            Self::TooLarge => "it is too large".to_owned(),
            Self::Refused(status) => format!("the server answers {status}"),
            Self::Temporary(reason, _) => reason.clone(),
        }
    }
}

/// Makes requests for one crawl.
pub(super) struct Client {
    http: reqwest::Client,
    guard: Guard,
    timeout: Duration,
    /// When the crawl ends.
    deadline: Instant,
}

/// A client that connects to no address that is refused, follows no redirect and uses no proxy. Addresses in URLs have to
/// be checked before.
pub(super) fn guarded(guard: &Guard, timeout: Duration) -> reqwest::ClientBuilder {
    // Fails if the process has a provider of cryptography already, which does as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .referer(false)
        .dns_resolver(Arc::new(guard.clone()))
        .user_agent(USER_AGENT)
        .connect_timeout(timeout)
        .read_timeout(timeout)
}

impl Client {
    pub(super) fn new(guard: &Guard, timeout: Duration, deadline: Instant) -> Result<Self, SourceError> {
        let http = guarded(guard, timeout)
            .pool_max_idle_per_host(1)
            .build()
            .map_err(|error| SourceError::Site(format!("no connection is possible: {}", causes(&error))))?;
        Ok(Self { http, guard: guard.clone(), timeout, deadline })
    }

    /// Asks once for a page of at most `limit` bytes, or whether it is still what the validators say.
    pub(super) async fn get(&self, url: &Url, known: &Validators, limit: u64) -> Result<Answer, Failure> {
        if !self.guard.may_request(url) {
            return Err(Failure::Internal);
        }
        let left = self.deadline.saturating_duration_since(Instant::now());
        let mut request = self.http.get(url.clone()).timeout(self.timeout.min(left)).header(ACCEPT, ACCEPTED);
        for (name, value) in [(IF_NONE_MATCH, &known.etag), (IF_MODIFIED_SINCE, &known.last_modified)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        match status {
            StatusCode::NOT_MODIFIED if *known != Validators::default() => Ok(Answer::Unmodified),
            _ if status.is_success() => Ok(Answer::Content(receive(response, limit).await?)),
            _ if status.is_redirection() => {
                let target = header(&response, LOCATION).and_then(|target| url.join(&target).ok());
                let nowhere = || Failure::Temporary(format!("the server answers {status} without a target"), None);
                let is_final = matches!(status, StatusCode::MOVED_PERMANENTLY | StatusCode::PERMANENT_REDIRECT);
                target.map(|target| Answer::Redirect { target, is_final }).ok_or_else(nowhere)
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(Answer::Missing),
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
                Err(temporary(&response))
            }
            _ if status.is_client_error() => Err(Failure::Refused(status)),
            _ => Err(temporary(&response)),
        }
    }
}

async fn receive(mut response: Response, limit: u64) -> Result<Received, Failure> {
    if response.content_length().is_some_and(|length| length > limit) {
        return Err(Failure::TooLarge);
    }
    let content_type = header(&response, CONTENT_TYPE);
    let validator = |name| header(&response, name).filter(|value| value.len() <= MAX_VALIDATOR);
    let validators = Validators { etag: validator(ETAG), last_modified: validator(LAST_MODIFIED) };
    let mut bytes = BytesMut::new();
    while let Some(part) = response.chunk().await.map_err(failed)? {
        if (bytes.len() + part.len()) as u64 > limit {
            return Err(Failure::TooLarge);
        }
        bytes.extend_from_slice(&part);
    }
    Ok(Received { bytes: bytes.freeze(), content_type, validators })
}

fn temporary(response: &Response) -> Failure {
    // A date instead of a number is rare, and its clock is not ours.
    let after = header(response, RETRY_AFTER).and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
    Failure::Temporary(format!("the server answers {}", response.status()), after)
}

fn header(response: &Response, name: HeaderName) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}

fn failed(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    if is_internal(&error) {
        return Failure::Internal;
    }
    let reason = if error.is_timeout() { "it takes too long".to_owned() } else { causes(&error) };
    Failure::Temporary(reason, None)
}

/// Whether a request failed because its host may not be connected to.
pub(in crate::source) fn is_internal(error: &(dyn StdError + 'static)) -> bool {
    chain(error).any(<dyn StdError>::is::<InternalAddress>)
}

/// An error with its causes, which say more than it does.
pub(in crate::source) fn causes(error: &(dyn StdError + 'static)) -> String {
    chain(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn chain<'e>(error: &'e (dyn StdError + 'static)) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    iter::successors(Some(error), |&error| error.source())
}
