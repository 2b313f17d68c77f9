//! Passages.

use async_graphql::{Context, ID, Object, Result};

use super::{Collection, Document};
use crate::{
    domain::chunk,
    error::Error,
    graphql::{
        context::ContextExt,
        global_id,
        loaders::{ChunkKey, ChunkPlace},
        scalars::Json,
    },
};

/// A chunk.
pub struct Chunk {
    chunk: chunk::Chunk,
}

impl From<chunk::Chunk> for Chunk {
    fn from(chunk: chunk::Chunk) -> Self {
        Self { chunk }
    }
}

impl Chunk {
    /// The text of the passage.
    pub fn text(&self) -> &str {
        &self.chunk.content
    }

    /// The chunk, if it exists for the viewer.
    pub async fn load(ctx: &Context<'_>, key: ChunkKey) -> Result<Option<Self>> {
        Ok(ctx.loaders()?.load_one(key).await?.map(Into::into))
    }

    async fn neighbour(&self, ctx: &Context<'_>, index: i32) -> Result<Option<Self>> {
        let (collection, document) = (self.chunk.collection_id, self.chunk.document_id);
        Ok(ctx.loaders()?.load_one(ChunkPlace { collection, document, index }).await?.map(Into::into))
    }
}

/// A passage of a document: what is embedded, searched and found.
#[Object]
impl Chunk {
    /// The global id. It changes when the document's content is replaced.
    pub async fn id(&self) -> ID {
        global_id::encode(&ChunkKey { collection: self.chunk.collection_id, id: self.chunk.id })
    }

    /// The document that it is a part of.
    pub async fn document(&self, ctx: &Context<'_>) -> Result<Document> {
        Ok(Document::load(ctx, self.chunk.document_id).await?.ok_or(Error::NotFound("document"))?)
    }

    /// The collection that it is in.
    async fn collection(&self, ctx: &Context<'_>) -> Result<Collection> {
        Ok(Collection::load(ctx, self.chunk.collection_id).await?.ok_or(Error::NotFound("collection"))?)
    }

    /// Its place in the document, from 0.
    async fn index(&self) -> i32 {
        self.chunk.index
    }

    /// The text.
    async fn content(&self) -> &str {
        &self.chunk.content
    }

    /// Tokens of the embedding model in the text.
    async fn token_count(&self) -> i32 {
        self.chunk.token_count
    }

    /// Where it starts in the document's extracted text, in characters (Unicode scalar values).
    async fn start_offset(&self) -> i32 {
        self.chunk.start_offset
    }

    /// Where it ends in the document's extracted text, in characters; the character there is the first behind it.
    async fn end_offset(&self) -> i32 {
        self.chunk.end_offset
    }

    /// The headings above it, outermost first.
    async fn headings(&self) -> &[String] {
        &self.chunk.headings
    }

    /// The page on which it starts, from 1, where the format has pages.
    async fn page(&self) -> Option<i32> {
        self.chunk.page
    }

    /// Data of its own: a JSON object.
    async fn meta(&self) -> Json {
        self.chunk.meta.clone().into()
    }

    /// The chunk before it. Null for the first one.
    async fn previous(&self, ctx: &Context<'_>) -> Result<Option<Chunk>> {
        match self.chunk.index {
            0 => Ok(None),
            index => self.neighbour(ctx, index - 1).await,
        }
    }

    /// The chunk after it. Null for the last one.
    async fn next(&self, ctx: &Context<'_>) -> Result<Option<Chunk>> {
        self.neighbour(ctx, self.chunk.index.saturating_add(1)).await
    }
}
