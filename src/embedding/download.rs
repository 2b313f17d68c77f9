//! Fetches a model from a model hub.

use std::{path::Path, time::Duration};

use reqwest::{Client, Response, Url};

use super::{
    EmbeddingError,
    install::PartialFile,
    model::{self, PinnedFile, RegisteredModel},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the hub may send nothing in the middle of a file.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Called with a file's name, the bytes of it that are here, and all its bytes.
pub type Progress<'a> = &'a (dyn Fn(&str, u64, u64) + Sync);

/// Installs the model from `hub_url`, through the proxy that the environment names. What is installed already stays.
///
/// # Errors
/// `Download` if the hub can't be reached or disconnects, `WrongHash` if it sends another file, `Io`. Files that are
/// installed keep their content.
pub async fn pull(
    model: &RegisteredModel,
    model_dir: &Path,
    hub_url: &str,
    progress: Progress<'_>,
) -> Result<(), EmbeddingError> {
    for file in model.files {
        if model::read(model, file, model_dir).is_err() {
            fetch(model, file, model_dir, hub_url, progress).await?;
        }
    }
    Ok(())
}

async fn fetch(
    model: &RegisteredModel,
    file: &PinnedFile,
    model_dir: &Path,
    hub_url: &str,
    progress: Progress<'_>,
) -> Result<(), EmbeddingError> {
    let hub_url = hub_url.trim_end_matches('/');
    let url = format!("{hub_url}/{}/resolve/{}/{}", model.repository, model.revision, file.name);
    let failed = |source: reqwest::Error| EmbeddingError::Download {
        model: model.name.to_owned(),
        url: url.clone(),
        source: Box::new(source.without_url()),
    };
    let mut response = request(&url).await.map_err(failed)?;
    let mut partial = PartialFile::create(model, file, model_dir)?;
    progress(file.name, 0, file.bytes);
    // The pieces are small: hashing and writing one is no longer than a task may keep its thread.
    while let Some(piece) = response.chunk().await.map_err(failed)? {
        partial.write(&piece)?;
        progress(file.name, partial.written(), file.bytes);
    }
    partial.finish()
}

async fn request(url: &str) -> Result<Response, reqwest::Error> {
    // Fails if the process has a provider of cryptography already, which does as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(READ_TIMEOUT);
    let client = if is_this_machine(url) { client.no_proxy() } else { client };
    client.build()?.get(url).send().await?.error_for_status()
}

/// Whether the address means the machine itself, which a proxy would take for its own.
fn is_this_machine(url: &str) -> bool {
    let url = Url::parse(url).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
