//! The question, as each leg needs it: its text, and a vector for each model.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use tracing::warn;

use super::SearchRequest;
use crate::{
    domain::{
        generation::ModelKey,
        search::{SearchLegFailure, SearchMode},
    },
    embedding::EmbeddingError,
    service::Services,
};

/// A question in the forms in which placements are asked.
pub(super) struct Question<'r> {
    query: &'r str,
    mode: SearchMode,
    /// The question as each model reads it, or why one can't.
    embeddings: HashMap<ModelKey, Result<Vec<f32>, SearchLegFailure>>,
    /// How long embedding it took.
    pub(super) took: Duration,
}

impl<'r> Question<'r> {
    pub(super) fn new(request: &'r SearchRequest) -> Self {
        Self { query: &request.query, mode: request.mode, embeddings: HashMap::new(), took: Duration::ZERO }
    }

    /// The words, if there is a lexical leg.
    pub(super) fn text(&self) -> Option<&'r str> {
        match self.mode {
            SearchMode::Hybrid | SearchMode::Lexical => Some(self.query),
            SearchMode::Semantic => None,
        }
    }

    /// The question as a model reads it, if there is a semantic leg.
    pub(super) fn embedding(&self, model: &ModelKey) -> Option<&Result<Vec<f32>, SearchLegFailure>> {
        self.embeddings.get(model)
    }

    /// Embeds it with those of the models that have not done so yet, if there is a semantic leg.
    pub(super) async fn embed<'k>(&mut self, services: &Services, models: impl IntoIterator<Item = &'k ModelKey>) {
        if self.mode == SearchMode::Lexical {
            return;
        }
        let start = Instant::now();
        let mut new: Vec<_> = models.into_iter().filter(|model| !self.embeddings.contains_key(*model)).collect();
        new.sort_unstable_by_key(|model| model.parts());
        new.dedup();
        let query = self.query;
        let embedded = new.into_iter().map(|model| async move { (model.clone(), embed(services, model, query).await) });
        self.embeddings.extend(join_all(embedded).await);
        self.took += start.elapsed();
    }
}

async fn embed(services: &Services, model: &ModelKey, query: &str) -> Result<Vec<f32>, SearchLegFailure> {
    let embedded = async { services.embedders.get(model).await?.embed_query(query).await };
    embedded.await.map_err(|error| match error {
        // Why is in the log already.
        EmbeddingError::Missing { .. } => SearchLegFailure::ModelMissing,
        error => {
            warn!(model = model.name, error = &error as &dyn std::error::Error, "a question can't be embedded");
            SearchLegFailure::ServiceFailure
        }
    })
}
