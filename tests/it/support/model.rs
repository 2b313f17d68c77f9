//! The real embedding model, loaded once for all tests of this process.

use std::{path::PathBuf, sync::Arc};

use docent::{
    config::EmbeddingConfig,
    domain::generation::Precision,
    embedding::{Embedder, model, pool::LocalEmbedder},
};
use tokio::sync::OnceCell;

static EMBEDDER: OnceCell<Arc<dyn Embedder>> = OnceCell::const_new();

/// Where the model lies: `DOCENT_TEST_MODEL_DIR`, or `.model` in the project.
pub fn directory() -> PathBuf {
    std::env::var_os("DOCENT_TEST_MODEL_DIR")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.model")), PathBuf::from)
}

/// The model.
pub async fn embedder() -> Arc<dyn Embedder> {
    Arc::clone(EMBEDDER.get_or_init(|| load(Precision::Float32)).await)
}

/// The model in a precision, loaded anew.
pub async fn load(precision: Precision) -> Arc<dyn Embedder> {
    let (model, settings) = (model::chosen(None).unwrap(), EmbeddingConfig::default());
    let load = move || LocalEmbedder::load(&directory(), model.name, precision, &settings, 2);
    let loaded = tokio::task::spawn_blocking(load).await.unwrap();
    Arc::new(loaded.unwrap_or_else(|error| panic!("{error}: run «make model» first")))
}
