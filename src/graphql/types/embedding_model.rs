//! Embedding models.

use async_graphql::{Context, Result, SimpleObject};

use super::number;
use crate::graphql::context::ContextExt;

/// A model that turns text into vectors.
#[derive(SimpleObject)]
pub struct EmbeddingModel {
    /// Its registered name.
    name: String,
    /// Whether the server has it in memory. Only then it can embed, and only then the numbers are known.
    is_loaded: bool,
    /// Numbers in one vector.
    dimension: Option<i32>,
    /// The most tokens of one text that it reads, its own two included; the rest is cut off.
    max_tokens: Option<i32>,
    /// The revision that its files are pinned to.
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
