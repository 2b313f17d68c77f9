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
    db::{
        DatabaseError,
        repo::{generations, integrity_differences},
    },
    disk::Disk,
    domain::scope::Scope,
    queue::{Dependency, JobError},
    service::Services,
    vector::{Placement, VectorError},
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

/// The vector store, with its placements: each has to be open before anything is read or written there.
pub struct Vectors {
    services: Arc<Services>,
    is_open: AtomicBool,
}

impl Vectors {
    /// A store that was not checked.
    #[must_use]
    pub fn new(services: Arc<Services>) -> Self {
        Self { services, is_open: AtomicBool::new(false) }
    }

    /// Opens the placements, if they were not opened since the start, and checks whether the store answers.
    ///
    /// # Errors
    /// When it does not, or can't be used.
    pub async fn check(&self) -> Result<(), VectorError> {
        if !self.is_open.load(Ordering::Relaxed) {
            let placements = placements(&self.services).await;
            let placements = placements
                .map_err(|error| VectorError::Failed { action: "looking up its placements", source: error.into() })?;
            for placement in placements {
                self.services.vectors.ensure(&placement).await?;
            }
            self.is_open.store(true, Ordering::Relaxed);
        }
        self.services.vectors.check().await
    }
}

/// The placements in use: those that rows name, and those of new generations, which may hold what the last of them left.
pub(super) async fn placements(services: &Services) -> Result<BTreeSet<Placement>, DatabaseError> {
    let in_use = generations::one_of_each_placement(&services.database.reader(Scope::System)).await?;
    let in_use = in_use.into_iter().map(|generation| generation.placement);
    Ok(in_use.chain(services.embedders.placements()).collect())
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

/// Whether the vector store matches the database in every collection, as far as that is known.
pub async fn agrees(services: &Services) -> bool {
    let differs = integrity_differences::is_any_sure(&services.database.reader(Scope::System)).await;
    !differs.unwrap_or(false)
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
