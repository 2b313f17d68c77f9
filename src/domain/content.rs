//! What a revision of a document consists of. An operation holds the content that a document shall get, the document the
//! content that is searchable.

/// The media type of a file of which nothing is known.
pub const UNKNOWN_TYPE: &str = "application/octet-stream";

/// The content of a document.
#[derive(Clone, PartialEq, Debug)]
pub struct Content {
    /// Without folders.
    pub file_name: String,
    /// Identifies the document in its collection.
    pub uri: String,
    /// The media type: as it was declared, and as it was found once the file has been read.
    pub content_type: String,
    pub file: StoredFile,
    /// Set by the owner: a JSON object.
    pub meta: serde_json::Value,
}

impl Content {
    /// Whether `other` would be found by the same words and shown in the same way. Its media type follows from its
    /// bytes and its name.
    #[must_use]
    pub fn equals(&self, other: &Self) -> bool {
        self.file.digest == other.file.digest && self.file_name == other.file_name && self.meta == other.meta
    }
}

/// Bytes in the blob store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredFile {
    /// SHA-256 of the bytes, 64 lower-case hexadecimal digits.
    pub digest: String,
    /// Size in bytes.
    pub size: i64,
}
