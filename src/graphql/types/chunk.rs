//! Chunks.

use async_graphql::{Context, ID, Object, Result, SimpleObject};

use super::{Collection, Document, number};
use crate::{
    domain::chunk,
    error::Error,
    graphql::{
        context::ContextExt,
        global_id,
        loaders::{ChunkKey, ChunkPlace, TextIn},
        scalars::Json,
    },
    service::documents::parent_text,
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
    /// The text of the chunk.
    pub fn text(&self) -> &str {
        &self.chunk.content
    }

    /// The chunk, if it is visible to the viewer.
    pub async fn load(ctx: &Context<'_>, key: ChunkKey) -> Result<Option<Self>> {
        Ok(ctx.loaders()?.load_one(key).await?.map(Into::into))
    }

    async fn neighbour(&self, ctx: &Context<'_>, index: i32) -> Result<Option<Self>> {
        let chunk::Chunk { collection_id: collection, generation_id: generation, document_id: document, .. } =
            self.chunk;
        Ok(ctx.loaders()?.load_one(ChunkPlace { collection, generation, document, index }).await?.map(Into::into))
    }
}

/// A part of a document that holds several chunks.
#[derive(SimpleObject)]
pub struct ChunkParent {
    /// The text.
    content: String,
    /// Where it starts in the document's extracted text, in characters (Unicode scalar values).
    start_offset: i32,
    /// Where it ends. The character at this position is the first one after it.
    end_offset: i32,
}

/// A piece of a document. Chunks are what is embedded, searched and found.
#[Object]
impl Chunk {
    /// The global id. It changes when the document's content is replaced.
    pub async fn id(&self) -> ID {
        global_id::encode(&ChunkKey { collection: self.chunk.collection_id, id: self.chunk.id })
    }

    /// The document that contains it.
    pub async fn document(&self, ctx: &Context<'_>) -> Result<Document> {
        Ok(Document::load(ctx, self.chunk.document_id).await?.ok_or(Error::NotFound("document"))?)
    }

    /// The collection that contains it.
    async fn collection(&self, ctx: &Context<'_>) -> Result<Collection> {
        Ok(Collection::load(ctx, self.chunk.collection_id).await?.ok_or(Error::NotFound("collection"))?)
    }

    /// Its position among the chunks of the document, from 0.
    async fn index(&self) -> i32 {
        self.chunk.index
    }

    /// The text.
    async fn content(&self) -> &str {
        &self.chunk.content
    }

    /// Number of tokens in the text, counted with the embedding model's tokenizer.
    async fn token_count(&self) -> i32 {
        self.chunk.token_count
    }

    /// Where the chunk starts in the document's extracted text, in characters (Unicode scalar values).
    async fn start_offset(&self) -> i32 {
        self.chunk.start_offset
    }

    /// Where the chunk ends in the document's extracted text, in characters (Unicode scalar values). The character
    /// at this position is the first one after the chunk.
    async fn end_offset(&self) -> i32 {
        self.chunk.end_offset
    }

    /// The headings above it, outermost first, and the header row of the table that it begins in.
    async fn headings(&self) -> &[String] {
        &self.chunk.headings
    }

    /// The page on which the chunk starts, from 1. Null if the format has no pages.
    async fn page(&self) -> Option<i32> {
        self.chunk.page
    }

    /// The larger part of the document that it is in. Null unless the strategy of the collection is HIERARCHICAL.
    async fn parent(&self, ctx: &Context<'_>) -> Result<Option<ChunkParent>> {
        let chunk::Chunk { generation_id: generation, document_id: document, parent, .. } = self.chunk;
        let Some(part) = parent else { return Ok(None) };
        let Some(text) = ctx.loaders()?.load_one(TextIn { generation, document }).await? else { return Ok(None) };
        let content = parent_text(ctx.services()?, &text, part, &self.chunk.content).await?;
        let (start_offset, end_offset) = (number(part.start), number(part.end));
        Ok(content.map(|content| ChunkParent { content, start_offset, end_offset }))
    }

    /// Metadata of the chunk: a JSON object.
    async fn meta(&self) -> Json {
        self.chunk.meta.clone().into()
    }

    /// The previous chunk of the document. Null for the first one.
    async fn previous(&self, ctx: &Context<'_>) -> Result<Option<Chunk>> {
        match self.chunk.index {
            0 => Ok(None),
            index => self.neighbour(ctx, index - 1).await,
        }
    }

    /// The next chunk of the document. Null for the last one.
    async fn next(&self, ctx: &Context<'_>) -> Result<Option<Chunk>> {
        self.neighbour(ctx, self.chunk.index.saturating_add(1)).await
    }
}
