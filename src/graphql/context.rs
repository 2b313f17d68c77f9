//! What a resolver finds in its context.

use std::sync::Arc;

use async_graphql::{Context, Result};

use super::loaders::Loaders;
use crate::{
    auth::{cookie::TokenCookie, viewer::Viewer},
    service::Services,
};

/// What resolvers work with.
pub trait ContextExt {
    /// Who the caller is.
    fn viewer(&self) -> Result<&Viewer>;

    /// The cookie of the request, which it may use or not.
    fn cookie(&self) -> Result<&TokenCookie>;

    /// The use cases' parts.
    fn services(&self) -> Result<&Services>;

    /// Rows, read in batches in the scope of the viewer. They live for one execution.
    fn loaders(&self) -> Result<&Loaders>;
}

impl ContextExt for Context<'_> {
    fn viewer(&self) -> Result<&Viewer> {
        self.data()
    }

    fn cookie(&self) -> Result<&TokenCookie> {
        self.data()
    }

    fn services(&self) -> Result<&Services> {
        self.data::<Arc<Services>>().map(AsRef::as_ref)
    }

    fn loaders(&self) -> Result<&Loaders> {
        self.data()
    }
}
