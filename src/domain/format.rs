//! Formats of files that can be read.

/// A format, as clients and people name it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileFormat {
    /// What people call it, with its article.
    pub label: &'static str,
    /// Its media types, the usual one first.
    pub media_types: Vec<&'static str>,
    /// The extensions of its files, in lower case and without a dot.
    pub extensions: Vec<&'static str>,
}
