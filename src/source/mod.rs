//! Reads the places that sources name. It knows nothing of documents: it lists files, and opens one of them.
//!
//! A directory is opened anew for each scan and stays the same one while it is used, whatever is moved or linked
//! meanwhile. Pages of the web are read while they are found.

mod bucket;
mod directory;
mod patterns;
#[cfg_attr(not(target_os = "linux"), path = "unwatched.rs")]
mod watcher;
mod web;

use std::io;

pub use self::{
    bucket::Bucket,
    directory::{Directory, OpenedFile},
    patterns::{Patterns, check},
    watcher::Watcher,
    web::{Crawl, Names, Page, Visit, Web},
};

/// Why a place, or a file in it, could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("the directory is not below one that the server's operator has opened for sources")]
    Outside,
    #[error("the directory can't be read: {0}")]
    Unreachable(#[source] io::Error),
    #[error("the pattern {pattern:?} is not valid: {reason}")]
    Pattern { pattern: String, reason: String },
    #[error("there are more than {limit} files")]
    TooMany { limit: usize },
    #[error("the file can't be read: {0}")]
    Unreadable(#[source] io::Error),
    #[error("the file changed while it was read")]
    Changed,
    #[error("the scan was stopped")]
    Stopped,
    #[error("the URL is not valid: {0}")]
    Url(String),
    #[error("the site can't be read: {0}")]
    Site(String),
    #[error("the bucket can't be read: {0}")]
    Bucket(String),
    #[error("the secret of the bucket can't be opened")]
    Secret,
    #[error("directories can't be watched: {0}")]
    Watch(String),
}
