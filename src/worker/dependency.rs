//! What jobs need outside this process.

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;

use crate::{
    queue::Dependency,
    vector::{Placement, VectorError, VectorStore},
};

/// As errors of the vector store name it.
pub(super) const VECTORS: &str = "vector store";

/// The vector store, with the placement of new collections, which has to be open before anything is written there.
pub struct Vectors {
    store: Arc<dyn VectorStore>,
    placement: Placement,
    is_open: AtomicBool,
}

impl Vectors {
    /// A store that was not looked at.
    pub fn new(store: Arc<dyn VectorStore>, placement: Placement) -> Self {
        Self { store, placement, is_open: AtomicBool::new(false) }
    }

    /// Opens the placement, where nobody did since the start, and asks whether the store answers.
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
