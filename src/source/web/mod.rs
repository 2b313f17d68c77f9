//! What is reached over the web: sites, and the servers of buckets. Which addresses are connected to is decided here.

mod address;
mod client;
mod crawl;
mod escapes;
mod file_name;
mod links;
mod place;
mod robots;

use std::{sync::Arc, time::Duration};

use url::Url;

pub(super) use self::client::{causes, is_internal};
pub use self::{
    client::Names,
    crawl::{Crawl, Page, Visit},
};
use self::{
    client::{Failure, Guard, SystemNames, guarded},
    place::Place,
};
use super::SourceError;
use crate::domain::source::{KnownFile, StartPage, WebLocation};

/// The longest URL, in characters.
const MAX_URL: usize = 2000;

/// What the operator allows, and how names become addresses.
#[derive(Clone)]
pub struct Web {
    guard: Guard,
    timeout: Duration,
}

impl Web {
    /// `hosts` may have internal addresses; one request takes at most `timeout`. Without `names`, the operating system
    /// looks up hosts.
    #[must_use]
    pub fn new(hosts: &[String], timeout: Duration, names: Option<Arc<dyn Names>>) -> Self {
        let hosts = hosts.iter().map(|host| host.trim_matches(['[', ']']).to_owned()).collect();
        Self { guard: Guard { hosts, names: names.unwrap_or_else(|| Arc::new(SystemNames)) }, timeout }
    }

    /// Checks a URL that a caller names, without connecting to anything.
    ///
    /// # Errors
    /// `Url` with the reason.
    pub fn check(&self, url: &str) -> Result<(), SourceError> {
        let url = page_url(url)?;
        if self.guard.may_request(&url) { Ok(()) } else { Err(SourceError::Url(Failure::Internal.reason())) }
    }

    /// Checks the URL of a server, and writes it as it was understood: a scheme, a host and perhaps a port. Nothing else is
    /// to be requested, because another reader could understand the text in another way.
    ///
    /// # Errors
    /// `Url` with the reason.
    pub fn origin(&self, url: &str) -> Result<String, SourceError> {
        self.check(url)?;
        let url = page_url(url)?;
        if url.path() == "/" && url.query().is_none() {
            Ok(url.origin().ascii_serialization())
        } else {
            Err(SourceError::Url("it must have no path".to_owned()))
        }
    }

    /// How long one request may take.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// A client for places that are no sites.
    pub(super) fn client(&self) -> reqwest::ClientBuilder {
        guarded(&self.guard, self.timeout)
    }

    /// Checks a start page: its URL, and that it begins with the prefix.
    ///
    /// # Errors
    /// `Url` with the reason.
    pub fn check_start(&self, page: &StartPage) -> Result<(), SourceError> {
        self.check(&page.url)?;
        Place::below(page).map(drop)
    }

    /// Begins a crawl that requests at most `pages` pages and ends after `time`. What is `known` is requested only if it
    /// has changed.
    ///
    /// # Errors
    /// `Site` if no page can be found, `Url`, or `Pattern`.
    pub async fn crawl(
        &self,
        location: &WebLocation,
        known: &[KnownFile],
        pages: usize,
        time: Duration,
    ) -> Result<Crawl, SourceError> {
        Crawl::begin(self, location, known, pages, time).await
    }
}

/// A page as its URL is written down: without a fragment.
fn page_url(text: &str) -> Result<Url, SourceError> {
    let refused = |reason: &str| SourceError::Url(reason.to_owned());
    let mut url = Url::parse(text.trim()).map_err(|error| refused(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused("it has to begin with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("it must not contain a user name or a password"));
    }
    url.set_fragment(None);
    if url.as_str().len() > MAX_URL {
        return Err(refused("it is too long"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_of_a_server_is_requested_as_it_was_understood() {
        let web = Web::new(&["wiki.internal".to_owned(), "[::1]".to_owned()], Duration::from_secs(1), None);
        for (text, origin) in [
            (" HTTPS://A.test:443/ ", "https://a.test"),
            ("http://a.test#@127.0.0.1", "http://a.test"),
            ("http://[::1]:9000", "http://[::1]:9000"),
            ("http://1.1.1.1", "http://1.1.1.1"),
        ] {
            assert_eq!(web.origin(text).unwrap(), origin, "{text}");
        }
        for text in [
            "http://a.test\\@127.0.0.1/",
            "http://a.test@127.0.0.1/",
            "http://a.test/?x",
            "http://017700000001",
            "http://[::ffff:10.0.0.1]/",
            "file:///etc/passwd",
            "a.test",
        ] {
            assert!(web.origin(text).is_err(), "{text}");
        }
    }
}
