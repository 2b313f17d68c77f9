//! Generations: the indexes of a collection.

use async_graphql::{Context, Enum, ID, Object, Result};

use super::{ChunkingConfig, EmbeddingModel, Operation};
use crate::{
    domain::{generation, id::GenerationId, vocabulary::Vocabulary},
    graphql::{context::ContextExt, global_id, scalars::DateTime},
};

/// The state of a generation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "generation::GenerationState")]
pub enum GenerationState {
    /// Being filled, while searches read the active one.
    Building,
    /// The one that searches read.
    Active,
    /// Replaced, or cancelled while it was filled. It is removed after `collections.generation_grace_minutes`; until
    /// then `collectionPromote` can choose it.
    Retired,
}

/// A generation.
pub struct Generation {
    generation: generation::Generation,
}

impl From<generation::Generation> for Generation {
    fn from(generation: generation::Generation) -> Self {
        Self { generation }
    }
}

impl Generation {
    /// The generation, if its collection is visible to the viewer.
    pub async fn load(ctx: &Context<'_>, id: GenerationId) -> Result<Option<Self>> {
        Ok(ctx.loaders()?.load_one(id).await?.map(Into::into))
    }
}

/// One complete index of a collection, made with one embedding model and one chunking configuration.
#[Object]
impl Generation {
    /// The global id.
    pub async fn id(&self) -> ID {
        global_id::encode(&self.generation.id)
    }

    /// The state of the generation.
    async fn state(&self) -> GenerationState {
        self.generation.state.into()
    }

    /// The model that embeds its chunks and the questions asked of them.
    async fn embedding_model(&self, ctx: &Context<'_>) -> Result<EmbeddingModel> {
        EmbeddingModel::of(ctx, &self.generation)
    }

    /// How its documents are split into chunks.
    async fn chunking(&self) -> ChunkingConfig {
        self.generation.chunking.into()
    }

    /// The language whose stop words and stems the search by words knows.
    async fn language(&self) -> String {
        self.generation.lexical_language.as_str().to_owned()
    }

    /// Number of documents that are in it.
    async fn document_count(&self) -> i32 {
        self.generation.document_count
    }

    /// Number of chunks that are in it.
    async fn chunk_count(&self) -> i32 {
        self.generation.chunk_count
    }

    /// Percentage of the documents that are in it, 0 to 100, while it is built. 100 when it is active. Null when it is
    /// retired, and for callers who are not allowed to read operations.
    async fn progress(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
        match (self.generation.state, self.generation.operation) {
            (generation::GenerationState::Active, _) => Ok(Some(100)),
            (generation::GenerationState::Building, Some(id)) => {
                Ok(ctx.loaders()?.load_one(id).await?.map(|operation| operation.progress()))
            }
            (generation::GenerationState::Building, None) | (generation::GenerationState::Retired, _) => Ok(None),
        }
    }

    /// The operation that fills it, or last did. Null for the first generation of a collection, and for callers who are
    /// not allowed to read operations.
    async fn operation(&self, ctx: &Context<'_>) -> Result<Option<Operation>> {
        match self.generation.operation {
            Some(id) => Operation::load(ctx, id).await,
            None => Ok(None),
        }
    }

    /// When it was begun.
    async fn created_at(&self) -> DateTime {
        self.generation.created_at.into()
    }

    /// When searches last began to read it. Null if they never did.
    async fn promoted_at(&self) -> Option<DateTime> {
        self.generation.promoted_at.map(Into::into)
    }

    /// Since when it is retired. Null in the other states.
    async fn retired_at(&self) -> Option<DateTime> {
        self.generation.retired_at.map(Into::into)
    }
}
