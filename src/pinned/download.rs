//! Fetches pinned files.

use std::{path::Path, time::Duration};

use reqwest::{Client, ClientBuilder, Response, Url};

use super::{PinnedError, PinnedFile, install::PartialFile};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the other side may send nothing in the middle of a file.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Called with a file's name, the bytes of it that are here, and all its bytes.
pub type Progress<'a> = &'a (dyn Fn(&str, u64, u64) + Sync);

impl PinnedFile {
    /// Installs the file at `target` from `url`, through the proxy that the environment names. What is installed already
    /// stays.
    ///
    /// # Errors
    /// `Download` if the other side can't be reached or disconnects, `WrongHash` if it sends another file, `Io`.
    pub async fn pull(&self, url: &str, target: &Path, progress: Progress<'_>) -> Result<(), PinnedError> {
        if self.read(target).is_ok() {
            return Ok(());
        }
        let failed = |source: reqwest::Error| PinnedError::Download {
            url: url.to_owned(),
            source: Box::new(source.without_url()),
        };
        let mut response = request(url).await.map_err(failed)?;
        let mut partial = PartialFile::create(self, target)?;
        progress(self.name, 0, self.bytes);
        // The pieces are small: hashing and writing one is no longer than a task may keep its thread.
        while let Some(piece) = response.chunk().await.map_err(failed)? {
            partial.write(&piece)?;
            progress(self.name, partial.written(), self.bytes);
        }
        partial.finish()
    }
}

async fn request(url: &str) -> Result<Response, reqwest::Error> {
    client(url).read_timeout(READ_TIMEOUT).build()?.get(url).send().await?.error_for_status()
}

/// A client for this address, through the proxy that the environment names.
pub fn client(url: &str) -> ClientBuilder {
    // Fails if the process has a provider of cryptography already, which does as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().connect_timeout(CONNECT_TIMEOUT);
    if is_this_machine(url) { client.no_proxy() } else { client }
}

/// Whether the address means the machine itself, which a proxy would take for its own.
fn is_this_machine(url: &str) -> bool {
    let url = Url::parse(url).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
