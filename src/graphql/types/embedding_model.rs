//! Embedding models.

use async_graphql::{Context, Result, SimpleObject};

use super::number;
use crate::graphql::context::ContextExt;

/// A model that turns text into vectors.
#[derive(SimpleObject)]
pub struct EmbeddingModel {
    /// The registered name of the model.
    name: String,
    /// Whether the server has the model in memory. Only a loaded model can embed. The fields that can be null are
    /// null for a model that is not loaded.
    is_loaded: bool,
    /// The dimension of its vectors.
    dimension: Option<i32>,
    /// Maximum number of tokens that the model reads from one text, including its own two special tokens. The rest
    /// is cut off.
    max_tokens: Option<i32>,
    /// The revision to which its files are pinned.
    revision: Option<String>,
}

impl EmbeddingModel {
    /// The models that the server has in memory.
    pub fn loaded(ctx: &Context<'_>) -> Result<Vec<Self>> {
        let model = ctx.services()?.embedder.model();
        Ok(vec![Self {
            name: model.name.clone(),
            is_loaded: true,
            dimension: Some(number(model.dimension)),
            max_tokens: Some(number(model.max_tokens)),
            revision: Some(model.revision.clone()),
        }])
    }

    /// The model of this name.
    pub fn named(ctx: &Context<'_>, name: &str) -> Result<Self> {
        let loaded = Self::loaded(ctx)?.into_iter().find(|model| model.name == name);
        Ok(loaded.unwrap_or_else(|| Self {
            name: name.to_owned(),
            is_loaded: false,
            dimension: None,
            max_tokens: None,
            revision: None,
        }))
    }
}
