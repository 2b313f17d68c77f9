//! The models that the settings and the model directory offer.

use std::{path::PathBuf, sync::Arc};

use super::{
    Embedder, EmbeddingError, ModelInfo,
    added::{self, AddedModel},
    model,
    pool::LocalEmbedder,
    registry::ModelSource,
    remote::{self, RemoteEmbedder},
};
use crate::{
    config::{Config, RemoteModel},
    domain::generation::ModelKey,
};

/// The models whose files lie in the model directory, and those that other servers run. Each is opened with the same
/// settings.
pub struct InstalledModels {
    config: Arc<Config>,
    model_dir: PathBuf,
}

impl InstalledModels {
    pub fn new(config: Arc<Config>) -> Self {
        Self { model_dir: config.model_dir(), config }
    }

    /// An added model, as it was when the key was made.
    fn added(&self, key: &ModelKey) -> Option<AddedModel> {
        added::find(&self.model_dir, &key.name).filter(|model| model.info().key == *key)
    }

    /// The endpoint of a model, as it was when the key was made.
    fn remote(&self, key: &ModelKey) -> Option<&RemoteModel> {
        self.config.embedding.remote(&key.name).filter(|settings| remote::info(settings).key == *key)
    }
}

impl ModelSource for InstalledModels {
    fn has(&self, key: &ModelKey) -> bool {
        self.remote(key).is_some()
            || self.added(key).is_some()
            || model::with_key(key).is_ok_and(|model| model.has_files(&self.model_dir))
    }

    fn models(&self) -> Vec<ModelInfo> {
        let installed = model::registry().iter().filter(|model| model.has_files(&self.model_dir));
        let precision = super::precision(self.config.embedding.precision);
        let installed = installed.map(|model| model.info(precision));
        let added = added::all(&self.model_dir);
        let added = added.iter().map(AddedModel::info);
        installed.chain(added).chain(self.config.embedding.models.iter().map(remote::info)).collect()
    }

    fn open(&self, key: &ModelKey) -> Result<Arc<dyn Embedder>, EmbeddingError> {
        let (settings, threads) = (&self.config.embedding, self.config.embedding_threads());
        if let Some(endpoint) = self.remote(key) {
            return Ok(Arc::new(RemoteEmbedder::new(endpoint.clone(), settings.query_cache_size)?));
        }
        if let Some(model) = self.added(key) {
            return Ok(Arc::new(LocalEmbedder::load_added(&self.model_dir, &model, settings, threads)?));
        }
        let name = model::with_key(key)?.name;
        Ok(Arc::new(LocalEmbedder::load(&self.model_dir, name, key.precision, settings, threads)?))
    }
}
