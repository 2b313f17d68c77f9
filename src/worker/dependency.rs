//! What jobs need outside this process.

use std::{error::Error, sync::Arc};

use async_trait::async_trait;

use crate::{queue::Dependency, vector::VectorStore};

/// As errors of the vector store name it.
pub(super) const VECTORS: &str = "vector store";

pub(super) struct Vectors(pub(super) Arc<dyn VectorStore>);

#[async_trait]
impl Dependency for Vectors {
    fn name(&self) -> &'static str {
        VECTORS
    }

    async fn check(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(self.0.check().await?)
    }
}
