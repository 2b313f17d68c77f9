//! Previews of how texts are split.

use async_graphql::{Context, ID, InputObject, Object, OneofObject, Result};

use crate::{
    graphql::{context::ContextExt, global_id, mutation::ChunkingInput, pagination, types::ChunkingPreview},
    service::{
        chunk_preview::{self, PreviewContent, PreviewRequest},
        collections::ChunkingRequest,
    },
};

/// What to split.
#[derive(OneofObject)]
pub enum ChunkingPreviewContentInput {
    /// A text: at most 1 MiB.
    Text(String),
    /// The global id of one of your uploads.
    UploadId(ID),
    /// The global id of a document.
    DocumentId(ID),
}

/// What to split, and how.
#[derive(InputObject)]
pub struct ChunkingPreviewInput {
    /// The content to split.
    content: ChunkingPreviewContentInput,
    /// The file name of a text, which decides how it is read (`notes.md`, `main.rs`). Default: `text.txt`.
    file_name: Option<String>,
    /// The name of the embedding model whose tokens count: one that `embeddingModels` lists. Default: the model of the
    /// document's collection, or that of new collections.
    embedding_model: Option<String>,
    /// How to split it. Default: the server's settings.
    chunking: Option<ChunkingInput>,
    /// Another way to split it, for comparison. Default: none.
    other: Option<ChunkingInput>,
    /// Number of chunks to return for each way, 1 to 100. Default: 20.
    first: Option<i32>,
}

#[derive(Default)]
pub struct ChunkingQuery;

#[Object]
impl ChunkingQuery {
    /// How a content would be split into chunks, without storing anything. Of a long text, the first MiB is split; with
    /// SEMANTIC, the first 128 KiB. The previews of a caller are made one after the other. Needs an account; for a document:
    /// COLLECTION_READ.
    async fn chunking_preview(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The content and one or two ways to split it.")] input: ChunkingPreviewInput,
    ) -> Result<Option<ChunkingPreview>> {
        let ChunkingPreviewInput { content, file_name, embedding_model, chunking, other, first } = input;
        let first = pagination::page_size(first)?;
        let content = match content {
            ChunkingPreviewContentInput::Text(text) => {
                PreviewContent::Text { text, file_name: file_name.unwrap_or_else(|| "text.txt".to_owned()) }
            }
            ChunkingPreviewContentInput::UploadId(id) => PreviewContent::Upload(global_id::decode(&id)),
            ChunkingPreviewContentInput::DocumentId(id) => PreviewContent::Document(global_id::decode(&id)),
        };
        let other = other.map(|other| ChunkingRequest { root: "other", ..other.into() });
        let chunkings = [Some(chunking.unwrap_or_default().into()), other].into_iter().flatten().collect();
        let request = PreviewRequest { content, embedding_model, chunkings };
        let previewed = chunk_preview::preview(ctx.services()?, ctx.viewer()?, request).await?;
        Ok(Some(ChunkingPreview::new(previewed, first)))
    }
}
