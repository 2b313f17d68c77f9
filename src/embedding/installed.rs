//! The models whose files lie in the model directory.

use std::{path::PathBuf, sync::Arc};

use super::{Embedder, EmbeddingError, ModelInfo, model, pool::LocalEmbedder, registry::ModelSource};
use crate::{
    config::Config,
    domain::generation::{ModelKey, Precision},
};

/// The installed models, each opened with the same settings.
pub struct InstalledModels {
    config: Arc<Config>,
    model_dir: PathBuf,
}

impl InstalledModels {
    pub fn new(config: Arc<Config>) -> Self {
        Self { model_dir: config.model_dir(), config }
    }
}

impl ModelSource for InstalledModels {
    fn has(&self, key: &ModelKey) -> bool {
        model::with_key(key).is_ok_and(|model| model.has_files(&self.model_dir))
    }

    fn models(&self) -> Vec<ModelInfo> {
        let installed = model::registry().iter().filter(|model| model.has_files(&self.model_dir));
        installed.map(|model| model.info(Precision::Float32)).collect()
    }

    fn open(&self, key: &ModelKey) -> Result<Arc<dyn Embedder>, EmbeddingError> {
        let (settings, threads) = (&self.config.embedding, self.config.embedding_threads());
        let name = model::with_key(key)?.name;
        Ok(Arc::new(LocalEmbedder::load(&self.model_dir, name, key.precision, settings, threads)?))
    }
}
