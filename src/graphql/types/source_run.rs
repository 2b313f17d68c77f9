//! Syncs of sources.

use async_graphql::{Context, InputObject, Object, Result};

use super::Operation;
use crate::{
    domain::source,
    graphql::{context::ContextExt, loaders, scalars::DateTime},
};

/// A filter for syncs of a source. Omitted fields do not filter.
#[derive(Default, InputObject)]
pub struct SourceRunFilter {
    /// Syncs with an `error`, or without one.
    has_error: Option<bool>,
}

impl From<SourceRunFilter> for loaders::RunFilter {
    fn from(filter: SourceRunFilter) -> Self {
        Self { has_error: filter.has_error }
    }
}

/// A sync of a source.
pub struct SourceRun {
    run: source::SourceRun,
}

impl From<source::SourceRun> for SourceRun {
    fn from(run: source::SourceRun) -> Self {
        Self { run }
    }
}

/// One sync of a source, and what it did with the files.
#[Object]
impl SourceRun {
    /// When it started.
    async fn started_at(&self) -> DateTime {
        self.run.started_at.into()
    }

    /// When it ended. Null if it has not ended.
    async fn completed_at(&self) -> Option<DateTime> {
        self.run.completed_at.map(Into::into)
    }

    /// Number of files that it found.
    async fn found(&self) -> i32 {
        self.run.counts.found
    }

    /// Number of files that became new documents.
    async fn added(&self) -> i32 {
        self.run.counts.added
    }

    /// Number of documents that got newer content, or whose indexing had failed and is tried again.
    async fn changed(&self) -> i32 {
        self.run.counts.changed
    }

    /// Number of files that are as they were.
    async fn unchanged(&self) -> i32 {
        self.run.counts.unchanged
    }

    /// Number of documents that were deleted because their files are gone.
    async fn removed(&self) -> i32 {
        self.run.counts.removed
    }

    /// Number of files that could not be read, or whose uri belongs to a document from elsewhere. The next sync tries
    /// again.
    async fn failed(&self) -> i32 {
        self.run.counts.failed
    }

    /// Number of files and directories that are left out: links, hidden, excluded or too large ones.
    async fn skipped(&self) -> i32 {
        self.run.counts.skipped
    }

    /// What went wrong, or what its owner should know, in a sentence. Null if nothing.
    async fn error(&self) -> Option<&str> {
        self.run.error.as_deref()
    }

    /// The operation that indexes what it found. Null if there was nothing to index.
    async fn operation(&self, ctx: &Context<'_>) -> Result<Option<Operation>> {
        let Some(id) = self.run.operation_id else { return Ok(None) };
        Ok(ctx.loaders()?.load_one(id).await?.map(Into::into))
    }
}
