//! What a sync would do.

use async_graphql::{Enum, Object, SimpleObject};

use super::number;
use crate::{domain::source, service::sources::Preview};

/// Files of each kind that a preview names.
const MAX_PATHS: usize = 100;

/// Why a file or a directory is left out. New values may be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "source::SkipReason")]
pub enum SkipReason {
    /// Its name begins with a dot.
    Hidden,
    /// The patterns leave it out.
    Excluded,
    /// It is a symbolic link. Links are never followed.
    Link,
    /// It is neither a file nor a directory, or an object without content, which stands for a folder.
    Special,
    /// It is on another file system.
    OtherFileSystem,
    /// It is larger than `maxFileBytes`.
    TooLarge,
    /// Its name is not UTF-8 or too long, or the same as another one in NFC.
    InvalidName,
    /// The server can't open it, or its site does not answer now.
    Unreadable,
    /// Its site asks programs not to read it.
    Robots,
    /// Its host has an address that is not public.
    InternalAddress,
    /// It is, or leads to, a page that is not part of the source, or it leads to too many others.
    Outside,
    /// Its site says that it does not exist.
    Missing,
    /// It is an image, a sound, a film or a part of the design of pages.
    NotText,
}

/// A file, a directory or a page that is left out.
#[derive(SimpleObject)]
pub struct SkippedFile {
    /// The path below the directory, or the URL.
    path: String,
    /// Why it is left out.
    reason: SkipReason,
}

/// Files that have something in common.
#[derive(SimpleObject)]
pub struct PreviewedFiles {
    /// Number of the files.
    count: i32,
    /// Their uris, at most 100.
    uris: Vec<String>,
}

impl PreviewedFiles {
    fn of<'u>(uris: impl ExactSizeIterator<Item = &'u String>) -> Self {
        Self { count: number(uris.len()), uris: uris.take(MAX_PATHS).cloned().collect() }
    }
}

/// A preview of a sync.
pub struct SourcePreview {
    preview: Preview,
}

impl From<Preview> for SourcePreview {
    fn from(preview: Preview) -> Self {
        Self { preview }
    }
}

/// What a sync would do now. Nothing was changed.
#[Object]
impl SourcePreview {
    /// Number of files that were found.
    async fn found(&self) -> i32 {
        number(self.preview.scan.files.len())
    }

    /// Files that would become new documents.
    async fn added(&self) -> PreviewedFiles {
        PreviewedFiles::of(self.preview.diff.added.iter().map(|file| &file.uri))
    }

    /// Files that would be read again because they look different, or because indexing them failed and may succeed now.
    async fn changed(&self) -> PreviewedFiles {
        PreviewedFiles::of(self.preview.diff.changed.iter().map(|file| &file.uri))
    }

    /// Number of files that are as they were.
    async fn unchanged(&self) -> i32 {
        self.preview.diff.unchanged
    }

    /// Files that are gone, and whose documents would be deleted.
    async fn removed(&self) -> PreviewedFiles {
        PreviewedFiles::of(self.preview.diff.vanished.iter().map(|file| &file.uri))
    }

    /// Whether more than half of the files are gone. Then no document is deleted unless the sync is confirmed.
    async fn needs_confirmation(&self) -> bool {
        self.preview.diff.is_suspicious
    }

    /// Whether everything was found. A preview of a site stops after some pages, and then nothing is removed.
    async fn is_complete(&self) -> bool {
        self.preview.scan.cut.is_none()
    }

    /// Number of files and directories that are left out.
    async fn skipped_count(&self) -> i32 {
        self.preview.scan.skipped_count
    }

    /// Files and directories that are left out, and why: at most 100.
    async fn skipped(&self) -> Vec<SkippedFile> {
        let skipped = self.preview.scan.skipped.iter().take(MAX_PATHS);
        skipped.map(|skipped| SkippedFile { path: skipped.path.clone(), reason: skipped.reason.into() }).collect()
    }
}
