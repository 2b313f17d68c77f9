//! What a reader hands over.

use super::{ExtractError, block::Block};
use crate::domain::document::{About, DocumentWarning, DocumentWarningCode, ProcessingErrorCode};

/// A document as it was read.
#[derive(Default)]
pub(super) struct Document {
    pub blocks: Vec<Block>,
    /// What it says of itself, as it says it.
    pub about: About,
    pub warnings: Vec<DocumentWarning>,
    /// Whether a part was left out because what reads it is not installed.
    pub lacks_reader: bool,
}

impl Document {
    /// Appends a file that is in this one: its text below its name, or a warning that there is none.
    pub(super) fn attach(&mut self, name: &str, inner: Result<Self, ExtractError>, level: u8) {
        self.blocks.push(Block::Heading { level, text: name.to_owned() });
        match inner {
            Ok(inner) => {
                // Its pages are not those of the document.
                let blocks = inner.blocks.into_iter().filter(|block| *block != Block::Page);
                self.blocks.extend(blocks.map(|block| block.below(level)));
                self.warnings.extend(inner.warnings);
                self.lacks_reader |= inner.lacks_reader;
            }
            Err(error) => {
                self.lacks_reader |= error.code == ProcessingErrorCode::ReaderMissing;
                self.skipped(format!("The attachment «{name}» was not read. {}", error.message));
            }
        }
    }

    /// Appends a part.
    pub(super) fn append(&mut self, part: Self) {
        self.blocks.extend(part.blocks);
        self.warnings.extend(part.warnings);
        self.lacks_reader |= part.lacks_reader;
    }

    /// Notes that a part was left out.
    pub(super) fn skipped(&mut self, message: impl Into<String>) {
        self.warnings.push(DocumentWarning::new(DocumentWarningCode::PartSkipped, message));
    }
}
