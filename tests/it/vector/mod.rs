//! What every vector store does, told once and held by both: the engine in the process, and a server over gRPC (the one
//! that [`host`] runs, or the one at `QDRANT_URL`).

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod durability;
pub mod host;
mod searching;
mod server;
mod wire;
mod writing;

use std::{sync::Arc, time::Duration};

use docent::{
    config::{SearchConfig, VectorConfig},
    domain::{
        id::{ChunkId, DocumentId, GenerationId},
        search::FusionSettings,
    },
    vector::{
        Placement, Point, VectorAnswer, VectorHit, VectorQuery, VectorStore, edge::EdgeStore, qdrant::QdrantStore,
    },
};
use uuid::Uuid;

use host::Host;

/// Runs each test, a function of a [`Stage`], on both stores.
macro_rules! on_both_stores {
    ($($test:ident)*) => {
        mod on_edge {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(&crate::vector::Stage::on_edge().await).await;
            })*
        }

        mod on_qdrant {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(&crate::vector::Stage::on_qdrant().await).await;
            })*
        }
    };
}
pub(crate) use on_both_stores;

/// The dimension of the embeddings in these tests.
const DIMENSION: usize = 4;

/// An empty placement of a store.
pub struct Stage {
    pub store: Arc<dyn VectorStore>,
    pub placement: Placement,
    _home: Home,
}

/// What has to live as long as the store.
#[expect(dead_code, reason = "kept for what happens when it is dropped")]
enum Home {
    Directory(tempfile::TempDir),
    Host(Host),
    Elsewhere,
}

impl Stage {
    pub async fn on_edge() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = EdgeStore::open(directory.path(), &VectorConfig::default(), &SearchConfig::default()).unwrap();
        Self::new(Arc::new(store), Home::Directory(directory)).await
    }

    pub async fn on_qdrant() -> Self {
        #[expect(clippy::disallowed_methods, reason = "tests may be pointed at a real server")]
        let elsewhere = std::env::var("QDRANT_URL");
        let (url, home) = if let Ok(url) = elsewhere {
            (url, Home::Elsewhere)
        } else {
            let host = Host::start().await;
            (host.url(), Home::Host(host))
        };
        let settings = VectorConfig { url: Some(url), ..VectorConfig::default() };
        Self::new(Arc::new(QdrantStore::connect(&settings, &SearchConfig::default()).unwrap()), home).await
    }

    async fn new(store: Arc<dyn VectorStore>, home: Home) -> Self {
        let name = format!("test-{}", GenerationId::generate());
        let placement = Placement { name, dimension: DIMENSION };
        store.ensure(&placement).await.unwrap();
        Self { store, placement, _home: home }
    }

    pub async fn write(&self, points: &[Point]) {
        self.store.upsert(&self.placement, points.to_vec()).await.unwrap();
    }

    pub async fn count(&self, generation: GenerationId) -> usize {
        self.store.count(&self.placement, generation).await.unwrap()
    }

    pub async fn search(&self, query: &VectorQuery) -> VectorAnswer {
        self.store.search(&self.placement, query).await.unwrap()
    }

    /// The chunks that a query finds, best first.
    pub async fn found(&self, query: &VectorQuery) -> Vec<ChunkId> {
        ids(&self.search(query).await.hits)
    }
}

pub fn ids(hits: &[VectorHit]) -> Vec<ChunkId> {
    hits.iter().map(|hit| hit.id).collect()
}

/// The document with this number.
pub fn document(number: u128) -> DocumentId {
    DocumentId(Uuid::from_u128(number))
}

/// The only chunk of the document with this number.
pub fn chunk(generation: GenerationId, number: u128) -> ChunkId {
    ChunkId::derive(generation, document(number), 1, 0)
}

/// An embedding at an angle, in degrees. The similarity of two is the cosine of the angle between them.
pub fn at(degrees: f32) -> Vec<f32> {
    vec![degrees.to_radians().cos(), degrees.to_radians().sin(), 0.0, 0.0]
}

/// The only chunk of the first revision of a document.
pub fn point(generation: GenerationId, number: u128, degrees: f32, text: &str) -> Point {
    Point {
        id: chunk(generation, number),
        generation,
        document: document(number),
        revision: 1,
        embedding: at(degrees),
        text: text.into(),
    }
}

/// A question with no leg yet.
fn question(generation: GenerationId) -> VectorQuery {
    VectorQuery {
        generations: [generation].into(),
        is_whole: false,
        embedding: None,
        text: None,
        limit: 10,
        candidates: 20,
        fusion: None,
        whole_ties: false,
        explain: false,
        timeout: Duration::from_secs(30),
    }
}

pub fn semantic(generation: GenerationId, degrees: f32) -> VectorQuery {
    VectorQuery { embedding: Some(at(degrees)), ..question(generation) }
}

pub fn lexical(generation: GenerationId, text: &str) -> VectorQuery {
    VectorQuery { text: Some(text.into()), ..question(generation) }
}

pub fn hybrid(generation: GenerationId, degrees: f32, text: &str) -> VectorQuery {
    let fusion = FusionSettings { k: 10, semantic_weight: 1.0, lexical_weight: 1.0 };
    VectorQuery { text: Some(text.into()), fusion: Some(fusion), ..semantic(generation, degrees) }
}
