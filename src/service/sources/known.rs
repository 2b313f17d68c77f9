//! What is remembered of the files of a source. The state of files whose indexing has failed is forgotten when it is time to
//! try again: then they look different from what is known, and are read.

use std::{collections::HashMap, iter};

use chrono::{DateTime, Utc};

use crate::{
    db::{
        DatabaseError, Reader,
        repo::{documents, sources},
    },
    domain::{
        id::SourceId,
        source::{Failure, KnownFile},
    },
};

/// Files and failures that are read with one statement.
const PAGE: usize = 5000;

/// When files are tried again whose indexing has failed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Retry {
    /// Now, because somebody asks for a sync.
    Asked,
    /// When their pause is over.
    Due(DateTime<Utc>),
}

impl Retry {
    fn includes(self, failure: &Failure) -> bool {
        failure.is_retryable
            && match self {
                Self::Asked => true,
                Self::Due(now) => failure.is_due(now),
            }
    }
}

/// Everything that is remembered of the files of a source.
pub(crate) async fn known_files(
    reader: &Reader<'_>,
    id: SourceId,
    retry: Retry,
) -> Result<Vec<KnownFile>, DatabaseError> {
    let mut known: Vec<KnownFile> = Vec::new();
    loop {
        let after = known.last().map(|file| file.uri.clone());
        let page = sources::files(reader, id, after.as_deref(), PAGE as u64).await?;
        let is_last = page.len() < PAGE;
        known.extend(page);
        if is_last {
            break;
        }
    }
    forget_failed(reader, id, retry, &mut known).await?;
    Ok(known)
}

async fn forget_failed(
    reader: &Reader<'_>,
    id: SourceId,
    retry: Retry,
    known: &mut [KnownFile],
) -> Result<(), DatabaseError> {
    let mut after = None;
    loop {
        let page = sources::failures(reader, id, after, PAGE as u64).await?;
        after = page.last().map(|failure| failure.document_id);
        let due = page.iter().filter(|failure| retry.includes(failure));
        let places: Vec<_> = due.filter_map(|failure| Some((failure, place(known, &failure.uri)?))).collect();
        let unpacked = unpacked_at(reader, known, &places).await?;
        for (failure, index) in places {
            // What failed before its archive was unpacked for the last time is not in it any more.
            if unpacked.get(&index).is_none_or(|at| failure.failed_at >= *at) {
                known[index].forget();
            }
        }
        if page.len() < PAGE {
            return Ok(());
        }
    }
}

/// When the archives were unpacked in which failures are, by their places.
async fn unpacked_at(
    reader: &Reader<'_>,
    known: &[KnownFile],
    failures: &[(&Failure, usize)],
) -> Result<HashMap<usize, DateTime<Utc>>, DatabaseError> {
    let archived = failures.iter().filter(|(failure, index)| known[*index].uri != failure.uri);
    let archives: HashMap<_, _> = archived.map(|(_, index)| (known[*index].document_id, *index)).collect();
    let ids: Vec<_> = archives.keys().copied().collect();
    let found = documents::find_many(reader, &ids).await?;
    Ok(found.into_iter().filter_map(|(id, archive)| Some((*archives.get(&id)?, archive.processed_at))).collect())
}

/// The place of the file that a uri belongs to: its own, or the archive above it. The files are in order of their uris.
fn place(known: &[KnownFile], uri: &str) -> Option<usize> {
    let above = uri.rmatch_indices('/').map(|(at, _)| &uri[..at]);
    iter::once(uri).chain(above).find_map(|uri| known.binary_search_by(|file| file.uri.as_str().cmp(uri)).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        id::DocumentId,
        source::{Fingerprint, Validators},
    };

    #[test]
    fn a_document_belongs_to_its_file_or_to_the_archive_above_it() {
        let known = ["a.zip", "a.zip.txt", "deep/b.zip"].map(|uri| KnownFile {
            uri: uri.into(),
            fingerprint: Fingerprint { size: 1, modified: 0, version: None },
            validators: Validators::default(),
            document_id: DocumentId::generate(),
            missed: 0,
        });
        for (uri, index) in [("a.zip", Some(0)), ("a.zip/x/y", Some(0)), ("deep/b.zip/z", Some(2)), ("deep/c", None)] {
            assert_eq!(place(&known, uri), index, "{uri}");
        }
    }
}
