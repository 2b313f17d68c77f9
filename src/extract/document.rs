//! What a reader hands over.

use super::block::Block;
use crate::domain::document::{DocumentWarning, DocumentWarningCode};

/// A document as it was read.
#[derive(Default)]
pub(super) struct Document {
    pub blocks: Vec<Block>,
    /// The title that it says it has.
    pub title: Option<String>,
    /// The language that it says it is in.
    pub language: Option<String>,
    pub warnings: Vec<DocumentWarning>,
}

impl Document {
    /// Notes that a part was left out.
    pub(super) fn skipped(&mut self, message: impl Into<String>) {
        self.warnings.push(DocumentWarning::new(DocumentWarningCode::PartSkipped, message));
    }
}
