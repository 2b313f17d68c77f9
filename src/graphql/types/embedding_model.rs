//! Embedding models.

use async_graphql::{Context, Result, SimpleObject};

use super::number;
use crate::{domain::generation::Generation, graphql::context::ContextExt};

/// A model that turns text into vectors.
#[derive(SimpleObject)]
pub struct EmbeddingModel {
    /// The registered name of the model.
    name: String,
    /// Whether the server has the model in memory. Only a loaded model can embed.
    is_loaded: bool,
    /// The dimension of its vectors.
    dimension: Option<i32>,
    /// Maximum number of tokens that the model reads from one text, including its own two special tokens. The rest
    /// is cut off. Null for a model that is not loaded.
    max_tokens: Option<i32>,
    /// The revision to which its files are pinned.
    revision: Option<String>,
}

impl EmbeddingModel {
    /// The models that the server has in memory.
    pub fn loaded(ctx: &Context<'_>) -> Result<Vec<Self>> {
        let model = ctx.services()?.embedder.model();
        Ok(vec![Self {
            name: model.key.name.clone(),
            is_loaded: true,
            dimension: Some(number(model.dimension)),
            max_tokens: Some(number(model.max_tokens)),
            revision: Some(model.key.revision.clone()),
        }])
    }

    /// The model of a generation.
    pub fn of(ctx: &Context<'_>, generation: &Generation) -> Result<Self> {
        let loaded = ctx.services()?.embedder.model();
        let is_loaded = loaded.key == generation.model;
        Ok(Self {
            name: generation.model.name.clone(),
            is_loaded,
            dimension: Some(number(generation.placement.dimension)),
            max_tokens: is_loaded.then(|| number(loaded.max_tokens)),
            revision: Some(generation.model.revision.clone()),
        })
    }
}
