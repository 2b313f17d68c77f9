//! Files whose content is known beforehand, such as those of a model: copied or downloaded, and put in their place only if
//! they are the ones meant. Knows nothing of what they are for.

pub mod download;
pub mod install;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

/// A file whose content is known beforehand.
#[derive(Debug)]
pub struct PinnedFile {
    pub name: &'static str,
    pub bytes: u64,
    /// In lower-case hexadecimal digits.
    pub sha256: &'static str,
}

/// Why a pinned file is not available.
#[derive(Debug, thiserror::Error)]
pub enum PinnedError {
    #[error("the file is not there")]
    Missing,
    #[error("the file is not the pinned one")]
    WrongHash,
    #[error("the file could not be fetched from {url}")]
    Download {
        url: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("file operation on {path} failed")]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl PinnedFile {
    /// The content of the file at `path`.
    ///
    /// # Errors
    /// `Missing`, `WrongHash`, or `Io` if it can't be read.
    pub fn read(&self, path: &Path) -> Result<Vec<u8>, PinnedError> {
        let content = fs::read(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => PinnedError::Missing,
            _ => PinnedError::Io { path: path.to_owned(), source },
        })?;
        if self.has_digest(Sha256::new_with_prefix(&content)) { Ok(content) } else { Err(PinnedError::WrongHash) }
    }

    fn has_digest(&self, digest: Sha256) -> bool {
        hex::encode(digest.finalize()) == self.sha256
    }
}
