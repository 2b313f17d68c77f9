//! What was extracted from the original of a document before. It is taken again, unless readers would make something else of
//! the file by now, or the text is lost or damaged.

use crate::{
    blob::{BlobError, BlobStore},
    db::{DatabaseError, Reader, repo::extractions},
    domain::{content::Content, extraction::Extraction, id::DocumentId},
    extract::{ExtractedText, is_up_to_date},
};

/// A former extraction.
pub(crate) struct Former {
    extraction: Extraction,
    /// Without its text.
    details: ExtractedText,
}

/// What was extracted for a document from the original of this content.
pub(crate) async fn find_former(
    reader: &Reader<'_>,
    document: DocumentId,
    content: &Content,
) -> Result<Option<Former>, DatabaseError> {
    let Some(extraction) = extractions::find(reader, document, &content.file.digest).await? else { return Ok(None) };
    let details = ExtractedText::from_details(&extraction.details);
    Ok(details.map(|details| Former { extraction, details }))
}

impl Former {
    /// The media type that the sender of the content declared. A document has the one that was found, in its place.
    pub(crate) fn declared_type<'a>(&'a self, content: &'a Content) -> &'a str {
        let is_found = content.content_type == self.details.content_type;
        if is_found { &self.extraction.declared_type } else { &content.content_type }
    }

    /// Whether readers would make the same of the content now.
    pub(crate) fn is_current(&self, content: &Content) -> bool {
        let Extraction { version, file_name, declared_type, .. } = &self.extraction;
        self.declared_type(content) == declared_type && is_up_to_date(*version, file_name, &content.file_name)
    }

    /// The bytes of the text, if it is there.
    pub(crate) async fn size(&self, blobs: &BlobStore) -> Option<u64> {
        let digest = &self.extraction.text.digest;
        blobs.size(digest).await.map_err(|error| lost(digest, &error)).ok()
    }

    /// The text, if it is there and as it was.
    pub(crate) async fn text(self, blobs: &BlobStore) -> Option<(ExtractedText, Extraction)> {
        let Self { extraction, details } = self;
        let digest = &extraction.text.digest;
        let bytes = blobs.get_intact(digest).await.map_err(|error| lost(digest, &error)).ok()?;
        let Some(text) = bytes.and_then(|bytes| String::from_utf8(bytes).ok()) else {
            tracing::warn!(digest, "a kept text is damaged; its document is read again");
            return None;
        };
        Some((ExtractedText { text, ..details }, extraction))
    }
}

fn lost(digest: &str, error: &BlobError) {
    tracing::warn!(digest, error = error as &dyn std::error::Error, "a kept text is lost; its document is read again");
}
