//! The models that are open, found by what tells them apart. The model of new collections is open from the start; others
//! are opened when they are first needed, and stay open.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use tokio::task::spawn_blocking;
use tracing::warn;

use super::{Embedder, EmbeddingError, ModelInfo};
use crate::domain::generation::{ModelKey, ModelState, Placement};

/// How long a model that could not be opened counts as missing before it is tried again: reading and comparing its files
/// takes a while.
const RETRY: Duration = Duration::from_mins(1);

/// Where models come from.
pub trait ModelSource: Send + Sync {
    /// Whether the model can probably be opened.
    fn has(&self, key: &ModelKey) -> bool;

    /// The models that new generations can be made with.
    fn models(&self) -> Vec<ModelInfo>;

    /// Opens a model. Takes a good part of a second, and is called where blocking is allowed.
    ///
    /// # Errors
    /// When it is not there, or can't be used.
    fn open(&self, key: &ModelKey) -> Result<Arc<dyn Embedder>, EmbeddingError>;
}

/// The open models.
pub struct Embedders {
    default: Arc<dyn Embedder>,
    others: Mutex<HashMap<ModelKey, Arc<Slot>>>,
    source: Arc<dyn ModelSource>,
}

/// A model other than the default.
#[derive(Default)]
struct Slot {
    embedder: OnceLock<Arc<dyn Embedder>>,
    /// When it last could not be opened. Locked while it is being opened, so that it is opened once.
    failed_at: tokio::sync::Mutex<Option<Instant>>,
}

impl Slot {
    fn embedder(&self) -> Option<Arc<dyn Embedder>> {
        self.embedder.get().cloned()
    }
}

impl Embedders {
    /// `default` is the model of new collections.
    pub fn new(default: Arc<dyn Embedder>, source: Arc<dyn ModelSource>) -> Self {
        Self { default, others: Mutex::default(), source }
    }

    /// The model of new collections.
    pub fn default_model(&self) -> &ModelInfo {
        self.default.model()
    }

    /// The models that new generations can be made with, that of new collections first.
    pub fn choices(&self) -> Vec<ModelInfo> {
        let default = self.default.model();
        let others = self.source.models().into_iter().filter(|model| model.key.name != default.key.name);
        [default.clone()].into_iter().chain(others).collect()
    }

    /// The placements that new generations can get.
    pub fn placements(&self) -> Vec<Placement> {
        self.choices().iter().map(ModelInfo::placement).collect()
    }

    /// The model of that name, if new generations can be made with it.
    pub fn choice(&self, name: &str) -> Option<ModelInfo> {
        self.choices().into_iter().find(|model| model.key.name == name)
    }

    /// The model with this key, opened if it is not.
    ///
    /// # Errors
    /// `Missing`. The cause is logged when opening it fails.
    pub async fn get(&self, key: &ModelKey) -> Result<Arc<dyn Embedder>, EmbeddingError> {
        if let Some(embedder) = self.get_open(key) {
            return Ok(embedder);
        }
        let slot = self.slot(key);
        let mut failed_at = slot.failed_at.lock().await;
        // It may have been opened meanwhile.
        if let Some(embedder) = slot.embedder() {
            return Ok(embedder);
        }
        let missing = || EmbeddingError::Missing { model: key.name.clone() };
        if is_recent(*failed_at) {
            return Err(missing());
        }
        let (source, wanted) = (Arc::clone(&self.source), key.clone());
        let opened = spawn_blocking(move || source.open(&wanted)).await;
        let opened =
            opened.unwrap_or_else(|panic| Err(EmbeddingError::Model { action: "being opened", source: panic.into() }));
        match opened {
            Ok(embedder) => Ok(Arc::clone(slot.embedder.get_or_init(|| embedder))),
            Err(error) => {
                let (model, revision) = (&key.name, &key.revision);
                warn!(model, revision, error = &error as &dyn std::error::Error, "an embedding model can't be opened");
                *failed_at = Some(Instant::now());
                Err(missing())
            }
        }
    }

    /// The model with this key, if it is open.
    pub fn get_open(&self, key: &ModelKey) -> Option<Arc<dyn Embedder>> {
        if self.default.model().key == *key { Some(Arc::clone(&self.default)) } else { self.slot(key).embedder() }
    }

    /// What is known of a model without asking it.
    pub fn state(&self, key: &ModelKey) -> ModelState {
        match self.get_open(key) {
            Some(embedder) if embedder.is_available() => ModelState::Loaded,
            Some(_) => ModelState::Unavailable,
            None if self.choices().iter().any(|model| model.key == *key) => ModelState::Installed,
            None => ModelState::Missing,
        }
    }

    /// All open models, that of new collections first.
    pub fn open_models(&self) -> Vec<ModelInfo> {
        let others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let mut others: Vec<_> =
            others.values().filter_map(|slot| slot.embedder()).map(|embedder| embedder.model().clone()).collect();
        others.sort_by_cached_key(|model| model.key.parts().map(str::to_owned));
        [self.default.model().clone()].into_iter().chain(others).collect()
    }

    /// Whether a model is missing, as far as that is known without opening it.
    pub async fn is_missing(&self, key: &ModelKey) -> bool {
        if self.get_open(key).is_some() {
            return false;
        }
        let has_failed = self.slot(key).failed_at.try_lock().is_ok_and(|failed_at| is_recent(*failed_at));
        let (source, wanted) = (Arc::clone(&self.source), key.clone());
        has_failed || !spawn_blocking(move || source.has(&wanted)).await.unwrap_or(false)
    }

    fn slot(&self, key: &ModelKey) -> Arc<Slot> {
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(others.entry(key.clone()).or_default())
    }
}

fn is_recent(failed_at: Option<Instant>) -> bool {
    failed_at.is_some_and(|at| at.elapsed() < RETRY)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use futures_util::future::join_all;

    use super::*;
    use crate::{
        domain::generation::{Pooling, Precision},
        embedding::Tokenizer,
    };

    fn key(name: &str) -> ModelKey {
        ModelKey {
            name: name.into(),
            revision: "1".into(),
            pooling: Pooling::Mean,
            document_prefix: String::new(),
            query_prefix: String::new(),
            precision: Precision::Float32,
        }
    }

    /// A model that only says which one it is.
    struct Named(ModelInfo);

    impl Named {
        fn of(key: ModelKey) -> Arc<dyn Embedder> {
            Arc::new(Self(ModelInfo { key, dimension: 4, max_tokens: 16 }))
        }
    }

    #[async_trait]
    impl Embedder for Named {
        fn model(&self) -> &ModelInfo {
            &self.0
        }

        fn tokenizer(&self) -> Arc<dyn Tokenizer> {
            unreachable!("nothing is tokenised here")
        }

        async fn embed_documents(&self, _: Vec<String>) -> Result<Vec<Vec<f32>>, EmbeddingError> {
            Err(EmbeddingError::Stopped)
        }

        async fn embed_query(&self, _: &str) -> Result<Vec<f32>, EmbeddingError> {
            Err(EmbeddingError::Stopped)
        }
    }

    /// Has one model beside the default, and counts how often any is opened.
    #[derive(Default)]
    struct Shelf {
        opened: AtomicUsize,
    }

    impl ModelSource for Shelf {
        fn has(&self, key: &ModelKey) -> bool {
            key.name != "lost"
        }

        fn models(&self) -> Vec<ModelInfo> {
            ["new", "old"].map(|name| ModelInfo { key: key(name), dimension: 4, max_tokens: 16 }).into()
        }

        fn open(&self, key: &ModelKey) -> Result<Arc<dyn Embedder>, EmbeddingError> {
            self.opened.fetch_add(1, Ordering::SeqCst);
            if key.name == "old" {
                Ok(Named::of(key.clone()))
            } else {
                Err(EmbeddingError::NotInstalled { model: key.name.clone() })
            }
        }
    }

    fn shelf() -> (Arc<Shelf>, Embedders) {
        let shelf = Arc::new(Shelf::default());
        (Arc::clone(&shelf), Embedders::new(Named::of(key("new")), shelf))
    }

    #[tokio::test]
    async fn a_model_is_opened_when_it_is_needed_and_once_for_all_who_ask() {
        let (shelf, embedders) = shelf();
        let choices: Vec<_> = embedders.choices().into_iter().map(|model| model.key.name).collect();
        assert_eq!(choices, ["new", "old"]);
        let names = || embedders.open_models().into_iter().map(|model| model.key.name).collect::<Vec<_>>();
        embedders.get(&key("new")).await.unwrap();
        assert!(!embedders.is_missing(&key("old")).await);
        assert_eq!((names(), shelf.opened.load(Ordering::SeqCst)), (vec!["new".to_owned()], 0));
        let (old, new) = (key("old"), key("new"));
        for embedder in join_all((0..9).map(|_| embedders.get(&old))).await {
            assert_eq!(embedder.unwrap().model().key, old);
        }
        assert_eq!(embedders.get(&new).await.unwrap().model().key, new);
        assert_eq!((names(), shelf.opened.load(Ordering::SeqCst)), (vec!["new".to_owned(), "old".to_owned()], 1));
    }

    #[tokio::test]
    async fn a_model_that_cannot_be_opened_is_missing_and_not_tried_at_once_again() {
        let (shelf, embedders) = shelf();
        let broken = key("broken");
        assert!(!embedders.is_missing(&broken).await && embedders.is_missing(&key("lost")).await);
        for _ in 0..3 {
            let refused = embedders.get(&broken).await.err().unwrap();
            assert!(matches!(refused, EmbeddingError::Missing { .. }), "{refused}");
        }
        assert_eq!(shelf.opened.load(Ordering::SeqCst), 1);
        assert!(embedders.is_missing(&broken).await);
        // Another revision is another model.
        let other = ModelKey { revision: "2".into(), ..key("new") };
        assert!(embedders.get(&other).await.is_err());
        assert!(embedders.get(&key("new")).await.is_ok());
    }
}
