//! External dependencies of jobs.

use std::{
    collections::BTreeSet,
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;

use crate::{
    db::{Database, repo::generations},
    disk::Disk,
    domain::scope::Scope,
    queue::{Dependency, JobError},
    service::Services,
    vector::{Placement, VectorError, VectorStore},
};

/// As errors of the vector store name it.
pub(super) const VECTORS: &str = "vector store";

/// Disk space for new documents.
pub(super) const SPACE: &str = "disk";

const NO_SPACE: &str = "the disk is nearly full";

/// The message of a job that needs space when there is none.
pub(super) fn no_space() -> JobError {
    JobError::Away { dependency: SPACE, source: NO_SPACE.into() }
}

/// Room on the disk beyond the reserve.
pub(super) struct Space(pub(super) Arc<Disk>);

#[async_trait]
impl Dependency for Space {
    fn name(&self) -> &'static str {
        SPACE
    }

    async fn check(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        if self.0.has_room() { Ok(()) } else { Err(NO_SPACE.into()) }
    }
}

/// The vector store, with the placements that rows name and that of new collections: each has to be open before anything
/// is read or written there.
pub struct Vectors {
    store: Arc<dyn VectorStore>,
    database: Database,
    new: Placement,
    is_open: AtomicBool,
}

impl Vectors {
    /// A store that was not checked. `new` is the placement of new collections.
    pub fn new(store: Arc<dyn VectorStore>, database: Database, new: Placement) -> Self {
        Self { store, database, new, is_open: AtomicBool::new(false) }
    }

    /// Opens the placements, if they were not opened since the start, and checks whether the store answers.
    ///
    /// # Errors
    /// When it does not, or can't be used.
    pub async fn check(&self) -> Result<(), VectorError> {
        if !self.is_open.load(Ordering::Relaxed) {
            for placement in self.placements().await? {
                self.store.ensure(&placement).await?;
            }
            self.is_open.store(true, Ordering::Relaxed);
        }
        self.store.check().await
    }

    async fn placements(&self) -> Result<BTreeSet<Placement>, VectorError> {
        let generations = generations::one_of_each_placement(&self.database.reader(Scope::System)).await;
        let generations = generations
            .map_err(|error| VectorError::Failed { action: "looking up its placements", source: error.into() })?;
        let in_use = generations.into_iter().map(|generation| generation.placement);
        Ok(in_use.chain([self.new.clone()]).collect())
    }
}

/// Whether every model that collections were indexed with is there, as far as that is known. The collections of one that
/// is missing are searched by words only.
pub async fn has_all_models(services: &Services) -> bool {
    let in_use = generations::one_of_each_placement(&services.database.reader(Scope::System)).await;
    for generation in in_use.into_iter().flatten() {
        if services.embedders.is_missing(&generation.model).await {
            return false;
        }
    }
    true
}

#[async_trait]
impl Dependency for Vectors {
    fn name(&self) -> &'static str {
        VECTORS
    }

    async fn check(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(Self::check(self).await?)
    }
}
