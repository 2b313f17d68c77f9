//! Embedding models.

use std::collections::HashSet;

use async_graphql::{Context, Enum, Result, SimpleObject};

use super::number;
use crate::{
    domain::generation::{Generation, ModelKey, ModelState, Pooling, Precision},
    graphql::context::ContextExt,
    service::Services,
};

/// How exactly a model computes. New values may be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "Precision")]
pub enum EmbeddingPrecision {
    /// In 32-bit floats.
    Float32,
    /// Its layers in 8-bit integers, which is faster and finds the same.
    Int8,
}

/// Whether an embedding model can be used. New values may be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "ModelState")]
pub enum EmbeddingModelState {
    /// In use.
    Loaded,
    /// Not in use. It is loaded when it is first needed.
    Installed,
    /// It runs on another server, which does not answer. New documents wait for it, and its collections are searched by
    /// words.
    Unavailable,
    /// Not there. Its collections are searched by words, until one that is there replaces it (`collectionReindex`).
    Missing,
}

/// A model that turns text into vectors.
#[derive(SimpleObject)]
pub struct EmbeddingModel {
    /// The registered name of the model.
    name: String,
    /// Whether the model can be used.
    state: EmbeddingModelState,
    /// Whether the server has the model in memory. A model other than that of new collections is loaded when it is
    /// first needed.
    is_loaded: bool,
    /// Whether another server runs the model.
    is_remote: bool,
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
    /// The models that new collections can have, that of new collections first, and others that are in use.
    pub fn all(ctx: &Context<'_>) -> Result<Vec<Self>> {
        let services = ctx.services()?;
        let mut seen = HashSet::new();
        let all = services.embedders.choices().into_iter().chain(services.embedders.open_models());
        let all = all.filter(|model| seen.insert(model.key.clone()));
        Ok(all.map(|model| Self::new(services, &model.key, model.dimension, Some(model.max_tokens))).collect())
    }

    /// The model of a generation.
    pub fn of(ctx: &Context<'_>, generation: &Generation) -> Result<Self> {
        let (services, key) = (ctx.services()?, &generation.model);
        let max_tokens = services.embedders.get_open(key).map(|embedder| embedder.model().max_tokens);
        Ok(Self::new(services, key, generation.placement.dimension, max_tokens))
    }

    fn new(services: &Services, key: &ModelKey, dimension: usize, max_tokens: Option<usize>) -> Self {
        let state = services.embedders.state(key);
        Self {
            name: key.name.clone(),
            state: state.into(),
            is_loaded: is_loaded(state),
            is_remote: key.pooling == Pooling::Remote,
            dimension: Some(number(dimension)),
            max_tokens: max_tokens.map(number),
            revision: Some(key.revision.clone()),
            precision: key.precision.into(),
        }
    }
}

fn is_loaded(state: ModelState) -> bool {
    match state {
        ModelState::Loaded | ModelState::Unavailable => true,
        ModelState::Installed | ModelState::Missing => false,
    }
}
