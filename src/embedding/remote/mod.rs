//! A model behind an endpoint that speaks OpenAI's protocol (`POST /embeddings`).
//!
//! Chunks go in batches, a few requests at a time, and are tried again after a pause that grows. A question is asked once,
//! with a short time limit: a search does not wait for a model that is down. An endpoint that keeps failing is left alone
//! for a moment, so that documents wait in the queue and searches go on by words.

mod breaker;
mod pace;
mod request;
mod tokens;

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use lru::LruCache;
use reqwest::{Client, redirect::Policy};
use tokio::{sync::Semaphore, time::sleep};

use self::{
    breaker::Breaker,
    pace::Pace,
    request::{Asked, Fault},
    tokens::EstimatedTokens,
};
use super::{Embedder, EmbeddingError, ModelInfo, Tokenizer};
use crate::{
    config::RemoteModel,
    domain::generation::{ModelKey, Pooling, Precision},
    pinned::download,
};

/// The pause before the second attempt. Each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause, whatever the endpoint asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// An endpoint, ready to be asked.
pub struct RemoteEmbedder {
    info: ModelInfo,
    settings: RemoteModel,
    url: String,
    client: Client,
    breaker: Breaker,
    pace: Pace,
    requests: Semaphore,
    cache: Option<Mutex<LruCache<String, Vec<f32>>>>,
}

/// What the text is for.
#[derive(Clone, Copy)]
enum Role {
    Document,
    Query,
}

/// What is known of a model before it is asked.
#[must_use]
pub fn info(settings: &RemoteModel) -> ModelInfo {
    let inputs = [&settings.document_input_type, &settings.query_input_type].map(|input| input.as_deref());
    let inputs = match inputs {
        [None, None] => String::new(),
        [document, query] => format!(" {}/{}", document.unwrap_or_default(), query.unwrap_or_default()),
    };
    ModelInfo {
        key: ModelKey {
            name: settings.name.clone(),
            // Another model at the endpoint, or another use of it, makes other vectors.
            revision: format!("{}{inputs}", settings.endpoint_name()),
            pooling: Pooling::Remote,
            document_prefix: settings.document_prefix.clone(),
            query_prefix: settings.query_prefix.clone(),
            precision: Precision::Float32,
        },
        dimension: settings.dimension,
        max_tokens: settings.max_tokens,
    }
}

impl RemoteEmbedder {
    /// Prepares an endpoint; it is not asked yet. `cache_size` questions are remembered.
    ///
    /// # Errors
    /// `Model` if no client can be made.
    pub fn new(settings: RemoteModel, cache_size: usize) -> Result<Self, EmbeddingError> {
        let url = format!("{}/embeddings", settings.url.trim_end_matches('/'));
        // A redirect would take the texts elsewhere.
        let client = download::client(&url).redirect(Policy::none()).build();
        let client =
            client.map_err(|source| EmbeddingError::Model { action: "preparing its client", source: source.into() })?;
        Ok(Self {
            info: info(&settings),
            url,
            client,
            breaker: Breaker::default(),
            pace: Pace::new(settings.requests_per_minute),
            requests: Semaphore::new(settings.concurrency),
            cache: NonZeroUsize::new(cache_size).map(|size| Mutex::new(LruCache::new(size))),
            settings,
        })
    }

    /// The vectors of some texts, after up to `attempts` requests.
    async fn embed(&self, role: Role, texts: &[String], attempts: u32) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        let mut attempt = 1;
        loop {
            match self.ask(role, texts).await {
                Ok(vectors) => return Ok(vectors),
                Err(fault) if fault.is_passing() && attempt < attempts => {
                    let own = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(attempt - 1));
                    sleep(fault.pause().unwrap_or(own).min(LONGEST_PAUSE)).await;
                    attempt += 1;
                }
                Err(fault) => return Err(self.error(fault)),
            }
        }
    }

    /// One request.
    async fn ask(&self, role: Role, texts: &[String]) -> Result<Vec<Vec<f32>>, Fault> {
        let settings = &self.settings;
        // Questions do not wait for chunks.
        let _turn = match role {
            Role::Document => self.requests.acquire().await.ok(),
            Role::Query => None,
        };
        if !self.breaker.admits(Instant::now()) {
            return Err(Fault::LeftAlone);
        }
        sleep(self.pace.wait(Instant::now())).await;
        let (input_type, seconds) = match role {
            Role::Document => (&settings.document_input_type, settings.timeout_seconds),
            Role::Query => (&settings.query_input_type, settings.query_timeout_seconds),
        };
        let asked = Asked { model: settings.endpoint_name(), input: texts, input_type: input_type.as_deref() };
        let (key, timeout) = (settings.api_key.as_deref(), Duration::from_secs(seconds));
        let answer = request::embed(&self.client, &self.url, key, &asked, settings.dimension, timeout).await;
        match &answer {
            Err(fault) if fault.is_of_endpoint() => self.breaker.failed(Instant::now()),
            Ok(_) | Err(_) => self.breaker.succeeded(),
        }
        answer
    }

    fn error(&self, fault: Fault) -> EmbeddingError {
        if fault.is_of_endpoint() {
            EmbeddingError::Unavailable { model: self.settings.name.clone(), source: fault.into() }
        } else {
            EmbeddingError::Model { action: "embedding at its endpoint", source: fault.into() }
        }
    }

    fn known(&self, text: &str) -> Option<Vec<f32>> {
        let mut cache = self.cache.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        cache.get(text).cloned()
    }

    fn remember(&self, text: &str, vector: &[f32]) {
        if let Some(cache) = &self.cache {
            cache.lock().unwrap_or_else(PoisonError::into_inner).put(text.to_owned(), vector.to_vec());
        }
    }
}

#[async_trait]
impl Embedder for RemoteEmbedder {
    fn model(&self) -> &ModelInfo {
        &self.info
    }

    fn tokenizer(&self) -> Arc<dyn Tokenizer> {
        Arc::new(EstimatedTokens)
    }

    fn is_available(&self) -> bool {
        !self.breaker.is_resting()
    }

    async fn embed_documents(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        let texts: Vec<_> = texts.iter().map(|text| format!("{}{text}", self.settings.document_prefix)).collect();
        let batches = texts.chunks(self.settings.batch_size);
        let asked = batches.map(|batch| self.embed(Role::Document, batch, self.settings.max_attempts));
        Ok(futures_util::future::try_join_all(asked).await?.concat())
    }

    async fn embed_query(&self, text: &str) -> Result<Vec<f32>, EmbeddingError> {
        if let Some(vector) = self.known(text) {
            return Ok(vector);
        }
        let question = [format!("{}{text}", self.settings.query_prefix)];
        let vector = self.embed(Role::Query, &question, 1).await?.pop().unwrap_or_default();
        self.remember(text, &vector);
        Ok(vector)
    }
}
