//! Embedding models.

use std::collections::HashSet;

use async_graphql::{Context, Enum, Result, SimpleObject};

use super::number;
use crate::{
    domain::generation::{Generation, Pooling},
    embedding::{ModelInfo, registry::ModelState},
    graphql::context::ContextExt,
    service::Services,
};

/// Whether an embedding model can be used.
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
}

impl EmbeddingModel {
    /// The models that new collections can have, that of new collections first, and others that are in use.
    pub fn all(ctx: &Context<'_>) -> Result<Vec<Self>> {
        let services = ctx.services()?;
        let mut seen = HashSet::new();
        let all = services.embedders.choices().into_iter().chain(services.embedders.open_models());
        Ok(all.filter(|model| seen.insert(model.key.clone())).map(|model| Self::new(services, &model)).collect())
    }

    fn new(services: &Services, model: &ModelInfo) -> Self {
        let state = services.embedders.state(&model.key);
        Self {
            name: model.key.name.clone(),
            state: state.into(),
            is_loaded: is_loaded(state),
            is_remote: model.key.pooling == Pooling::Remote,
            dimension: Some(number(model.dimension)),
            max_tokens: Some(number(model.max_tokens)),
            revision: Some(model.key.revision.clone()),
        }
    }

    /// The model of a generation.
    pub fn of(ctx: &Context<'_>, generation: &Generation) -> Result<Self> {
        let (embedders, key) = (&ctx.services()?.embedders, &generation.model);
        let state = embedders.state(key);
        Ok(Self {
            name: key.name.clone(),
            state: state.into(),
            is_loaded: is_loaded(state),
            is_remote: key.pooling == Pooling::Remote,
            dimension: Some(number(generation.placement.dimension)),
            max_tokens: embedders.get_open(key).map(|embedder| number(embedder.model().max_tokens)),
            revision: Some(key.revision.clone()),
        })
    }
}

fn is_loaded(state: ModelState) -> bool {
    match state {
        ModelState::Loaded | ModelState::Unavailable => true,
        ModelState::Installed | ModelState::Missing => false,
    }
}
