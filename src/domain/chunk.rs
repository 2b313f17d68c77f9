//! Chunks.

use super::{
    chunking::ParentPart,
    id::{ChunkId, CollectionId, DocumentId, GenerationId},
};

/// A piece of a document, as stored: what is embedded and found.
#[derive(Clone, PartialEq, Debug)]
pub struct Chunk {
    pub id: ChunkId,
    pub collection_id: CollectionId,
    /// The generation that it is in.
    pub generation_id: GenerationId,
    pub document_id: DocumentId,
    /// Its place in the document, from 0.
    pub index: i32,
    pub content: String,
    /// Tokens of the embedding model in `content`.
    pub token_count: i32,
    /// Start in the extracted text, in characters.
    pub start_offset: i32,
    /// End (exclusive) in the extracted text, in characters.
    pub end_offset: i32,
    pub headings: Vec<String>,
    pub page: Option<i32>,
    pub parent: Option<ParentPart>,
    pub meta: serde_json::Value,
}

/// A chunk with the digest of what was embedded for it.
#[derive(Clone, PartialEq, Debug)]
pub struct NewChunk {
    pub chunk: Chunk,
    pub digest: String,
}
