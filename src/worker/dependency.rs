//! External dependencies of jobs.

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;

use crate::{
    disk::Disk,
    queue::{Dependency, JobError},
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

/// The vector store, with the placement of new collections, which has to be open before anything is written there.
pub struct Vectors {
    store: Arc<dyn VectorStore>,
    placement: Placement,
    is_open: AtomicBool,
}

impl Vectors {
    /// A store that was not checked.
    pub fn new(store: Arc<dyn VectorStore>, placement: Placement) -> Self {
        Self { store, placement, is_open: AtomicBool::new(false) }
    }

    /// Opens the placement, if it was not opened since the start, and checks whether the store answers.
    ///
    /// # Errors
    /// When it does not, or can't be used.
    pub async fn check(&self) -> Result<(), VectorError> {
        if !self.is_open.load(Ordering::Relaxed) {
            self.store.ensure(&self.placement).await?;
            self.is_open.store(true, Ordering::Relaxed);
        }
        self.store.check().await
    }
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
