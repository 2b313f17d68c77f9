//! Reads the places that sources name. It knows nothing of documents: it lists files, and opens one of them.
//!
//! A place is opened anew for each scan and stays the same directory while it is used, whatever is moved or linked
//! meanwhile.

mod directory;
mod patterns;

use std::io;

pub use self::{
    directory::{Directory, OpenedFile},
    patterns::{Patterns, check},
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
}
