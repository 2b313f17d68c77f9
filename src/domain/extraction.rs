//! What was found out about the original of a document before it was split. It is kept, so that it is found out once.

use serde::{Deserialize, Serialize};

use super::{
    generation::{ModelKey, StoredText},
    id::DocumentId,
};

/// What readers made of an original, for a document.
#[derive(Clone, PartialEq, Debug)]
pub struct Extraction {
    pub document_id: DocumentId,
    /// The SHA-256 of the original.
    pub original: String,
    /// The version of the readers.
    pub version: i32,
    /// What the file was called.
    pub file_name: String,
    /// The media type that its sender declared.
    pub declared_type: String,
    pub text: StoredText,
    /// All else that the readers told, as they wrote it.
    pub details: serde_json::Value,
    /// Where the text drifts, once that was looked for.
    pub drifts: Option<Drifts>,
}

/// Where a text drifts by the measure of a model.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Drifts {
    pub model: ModelKey,
    pub percentile: u32,
    /// In bytes, in order.
    pub places: Vec<usize>,
}
