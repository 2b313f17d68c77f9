//! The embedder that runs in this process: chunks in batches on their own threads, questions at once.

use std::{
    num::NonZeroUsize,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use lru::LruCache;
use tokio::{sync::Semaphore, task::spawn_blocking};

use super::{
    Embedder, EmbeddingError, ModelInfo, Tokenizer,
    added::AddedModel,
    batches::{self, Batches, Encode},
    bert::Encoder,
    model::{self, TOKENIZER, WEIGHTS},
    tokenizer::ModelTokenizer,
};
use crate::{config::EmbeddingConfig, domain::generation::Precision};

/// A model loaded into this process.
///
/// The process must have been started with `RAYON_NUM_THREADS=1`: the matrix kernels would otherwise bring threads of
/// their own, which is slower than several texts side by side.
pub struct LocalEmbedder {
    info: ModelInfo,
    tokenizer: Arc<ModelTokenizer>,
    encoder: Arc<Encoder>,
    batches: Batches,
    /// Questions embedded at the same time.
    questions: Arc<Semaphore>,
    cache: Option<Mutex<LruCache<String, Vec<f32>>>>,
}

impl LocalEmbedder {
    /// Reads the model called `name` from `model_dir`, compares its files with their pins, and starts `threads` threads.
    /// Takes a good part of a second, so call it where blocking is allowed.
    ///
    /// # Errors
    /// `UnknownModel`, `NotInstalled`, `WrongHash`, `Io`; `Model` if the files can't be used.
    pub fn load(
        model_dir: &Path,
        name: &str,
        precision: Precision,
        settings: &EmbeddingConfig,
        threads: usize,
    ) -> Result<Self, EmbeddingError> {
        let threads = threads.max(1);
        let model = model::find(name)?;
        let tokenizer = model::read(model, model.file(TOKENIZER)?, model_dir)?;
        let tokenizer = ModelTokenizer::load(&tokenizer, model.max_tokens)?;
        let weights = model::read(model, model.file(WEIGHTS)?, model_dir)?;
        let encoder = Encoder::load(&weights, model.architecture, precision)
            .map_err(|source| EmbeddingError::Model { action: "reading its weights", source: source.into() })?;
        Self::start(model.info(precision), tokenizer, encoder, settings, threads)
    }

    /// Reads a model that was added to `model_dir`, as [`load`](Self::load) does.
    ///
    /// # Errors
    /// `WrongHash`, `Io`; `Model` if the files can't be used.
    pub fn load_added(
        model_dir: &Path,
        model: &AddedModel,
        settings: &EmbeddingConfig,
        threads: usize,
    ) -> Result<Self, EmbeddingError> {
        let (info, [tokenizer, weights]) = (model.info(), model.files(model_dir)?);
        let tokenizer = ModelTokenizer::load(&tokenizer, info.max_tokens)?;
        let encoder = Encoder::load(&weights, model.architecture, info.key.precision)
            .map_err(|source| EmbeddingError::Model { action: "reading its weights", source: source.into() })?;
        let encoder = encoder.with_pooling(info.key.pooling);
        Self::start(info, tokenizer, encoder, settings, threads.max(1))
    }

    fn start(
        info: ModelInfo,
        tokenizer: ModelTokenizer,
        encoder: Encoder,
        settings: &EmbeddingConfig,
        threads: usize,
    ) -> Result<Self, EmbeddingError> {
        let encoder = Arc::new(encoder);
        Ok(Self {
            info,
            tokenizer: Arc::new(tokenizer),
            batches: Batches::start(&encoder, threads, settings.batch_tokens)?,
            encoder,
            questions: Arc::new(Semaphore::new(threads)),
            cache: NonZeroUsize::new(settings.query_cache_size).map(|size| Mutex::new(LruCache::new(size))),
        })
    }

    fn cache(&self) -> Option<MutexGuard<'_, LruCache<String, Vec<f32>>>> {
        self.cache.as_ref().map(|cache| cache.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Embedder for LocalEmbedder {
    fn model(&self) -> &ModelInfo {
        &self.info
    }

    fn tokenizer(&self) -> Arc<dyn Tokenizer> {
        self.tokenizer.clone()
    }

    async fn embed_documents(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        let tokenizer = Arc::clone(&self.tokenizer);
        let prefix = self.info.key.document_prefix.clone();
        let ids = move || texts.iter().map(|text| tokenizer.ids(&format!("{prefix}{text}"))).collect();
        let ids = blocking(ids).await?;
        self.batches.embed(ids).await
    }

    async fn embed_query(&self, text: &str) -> Result<Vec<f32>, EmbeddingError> {
        let known = self.cache().and_then(|mut cache| cache.get(text).cloned());
        if let Some(vector) = known {
            return Ok(vector);
        }
        let turn = Arc::clone(&self.questions).acquire_owned().await.map_err(|_| EmbeddingError::Stopped)?;
        let (tokenizer, encoder) = (Arc::clone(&self.tokenizer), Arc::clone(&self.encoder));
        let question = format!("{}{text}", self.info.key.query_prefix);
        let vectors = blocking(move || {
            let _turn = turn;
            batches::encode(encoder.as_ref(), &[&tokenizer.ids(&question)?])
        });
        let vector = vectors.await?.pop().unwrap_or_default();
        if let Some(mut cache) = self.cache() {
            cache.put(text.to_owned(), vector.clone());
        }
        Ok(vector)
    }
}

impl Encode for Encoder {
    fn encode(&self, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.embed(texts)?)
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EmbeddingError> + Send + 'static,
) -> Result<T, EmbeddingError> {
    let joined = spawn_blocking(work).await;
    joined.map_err(|source| EmbeddingError::Model { action: "reading text", source: source.into() })?
}
