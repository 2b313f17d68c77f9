//! Embedding models.

use async_graphql::{Context, Enum, Result, SimpleObject};

use super::number;
use crate::{
    domain::generation::{Generation, ModelKey, Precision},
    graphql::context::ContextExt,
};

/// How exactly a model computes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "Precision")]
pub enum EmbeddingPrecision {
    /// In 32-bit floats.
    Float32,
    /// Its layers in 8-bit integers, which is faster and finds the same.
    Int8,
}

/// A model that turns text into vectors.
#[derive(SimpleObject)]
pub struct EmbeddingModel {
    /// The registered name of the model.
    name: String,
    /// Whether the server has the model in memory. A model other than that of new collections is loaded when it is
    /// first needed.
    is_loaded: bool,
    /// The dimension of its vectors.
    dimension: Option<i32>,
    /// Maximum number of tokens that the model reads from one text, including its own two special tokens. The rest
    /// is cut off. Null for a model that is not loaded.
    max_tokens: Option<i32>,
    /// The revision to which its files are pinned.
    revision: Option<String>,
    /// How exactly it computes. Vectors of two precisions are not compared.
    precision: EmbeddingPrecision,
}

impl EmbeddingModel {
    /// The models that the server has in memory.
    pub fn loaded(ctx: &Context<'_>) -> Result<Vec<Self>> {
        let models = ctx.services()?.embedders.open_models().into_iter();
        let loaded = |key: ModelKey, dimension, max_tokens| Self {
            name: key.name,
            is_loaded: true,
            dimension: Some(number(dimension)),
            max_tokens: Some(number(max_tokens)),
            revision: Some(key.revision),
            precision: key.precision.into(),
        };
        Ok(models.map(|model| loaded(model.key, model.dimension, model.max_tokens)).collect())
    }

    /// The model of a generation.
    pub fn of(ctx: &Context<'_>, generation: &Generation) -> Result<Self> {
        let open = ctx.services()?.embedders.get_open(&generation.model);
        Ok(Self {
            name: generation.model.name.clone(),
            is_loaded: open.is_some(),
            dimension: Some(number(generation.placement.dimension)),
            max_tokens: open.map(|embedder| number(embedder.model().max_tokens)),
            revision: Some(generation.model.revision.clone()),
            precision: generation.model.precision.into(),
        })
    }
}
