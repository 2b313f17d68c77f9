//! Reads files of a place and stores their bytes.

use std::{io, sync::Arc, time::Duration};

use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use tokio_util::io::ReaderStream;
use tracing::debug;

use super::Place;
use crate::{
    blob::BlobError,
    domain::{
        content::{Content, StoredFile, UNKNOWN_TYPE},
        source::{Fingerprint, FoundFile, Validators},
    },
    error::Error,
    queue::JobError,
    service::Services,
    source::{Bucket, Directory, SourceError},
    worker::dependency::no_space,
};

/// Files that are read at the same time.
const READING: usize = 8;
/// How often a file is read that changes meanwhile. After that it is left for the next sync.
const ATTEMPTS: u32 = 3;
/// Time for a writer to finish.
const PAUSE: Duration = Duration::from_millis(100);

/// A file as it was read.
#[derive(Clone, Debug)]
pub(super) struct Read {
    /// Its place among those that are read.
    pub(super) index: usize,
    pub(super) content: Content,
    pub(super) fingerprint: Fingerprint,
    pub(super) validators: Validators,
}

/// Reads files, some of them at the same time. One that can't be read is `None`: it blocks no others.
pub(super) fn read_all<'r>(
    services: &'r Services,
    place: &'r Place,
    files: &'r [FoundFile],
) -> BoxStream<'r, Result<Option<Read>, JobError>> {
    let read_one = move |(index, file): (usize, FoundFile)| async move {
        match read(services, place, &file).await {
            Ok((stored, fingerprint)) => {
                let (content, validators) = (content(&file, stored), Validators::default());
                Ok(Some(Read { index, content, fingerprint, validators }))
            }
            Err(Failure::Server(Error::DiskFull)) => Err(no_space()),
            Err(Failure::Server(error)) => Err(error.into()),
            Err(Failure::File(error)) => {
                debug!(path = file.path, error = &error as &dyn std::error::Error, "not read");
                Ok(None)
            }
        }
    };
    stream::iter(files.iter().cloned().enumerate()).map(read_one).buffer_unordered(READING).boxed()
}

enum Failure {
    File(SourceError),
    Server(Error),
}

async fn read(services: &Services, place: &Place, file: &FoundFile) -> Result<(StoredFile, Fingerprint), Failure> {
    let mut attempt = 1;
    loop {
        let result = match place {
            Place::Directory(directory) => read_file(services, directory, file).await,
            Place::Bucket(bucket) => read_object(services, bucket, file).await,
        };
        match result {
            Err(Failure::File(SourceError::Changed)) if attempt < ATTEMPTS => {
                tokio::time::sleep(PAUSE * attempt).await;
                attempt += 1;
            }
            result => return result,
        }
    }
}

async fn read_file(
    services: &Services,
    directory: &Arc<Directory>,
    file: &FoundFile,
) -> Result<(StoredFile, Fingerprint), Failure> {
    let (place, found) = (Arc::clone(directory), file.clone());
    let opened = blocking(move || place.read(&found)).await?;
    let bytes = opened.bytes().map_err(Failure::File)?;
    let bytes = ReaderStream::new(tokio::fs::File::from_std(bytes));
    let size = opened.fingerprint().size;
    let limit = u64::try_from(size).unwrap_or(0);
    let stored = services.blobs.put_stream(bytes, limit).await.map_err(not_stored)?;
    let fingerprint = opened.fingerprint();
    blocking(move || opened.check_unchanged()).await?;
    if stored.size == size { Ok((stored, fingerprint)) } else { Err(Failure::File(SourceError::Changed)) }
}

async fn read_object(
    services: &Services,
    bucket: &Bucket,
    file: &FoundFile,
) -> Result<(StoredFile, Fingerprint), Failure> {
    let bytes = bucket.read(file).await.map_err(Failure::File)?;
    let size = file.fingerprint.size;
    let stored = services.blobs.put_stream(bytes, u64::try_from(size).unwrap_or(0)).await.map_err(not_stored)?;
    if stored.size == size { Ok((stored, file.fingerprint.clone())) } else { Err(Failure::File(SourceError::Changed)) }
}

fn not_stored(error: BlobError) -> Failure {
    match error {
        // It has grown.
        BlobError::TooLarge { .. } => Failure::File(SourceError::Changed),
        BlobError::Interrupted(cause) => Failure::File(SourceError::Unreadable(io::Error::other(cause))),
        error => Failure::Server(error.into()),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Failure::Server(Error::internal(error)))?.map_err(Failure::File)
}

fn content(file: &FoundFile, stored: StoredFile) -> Content {
    let name = file.uri.rsplit('/').next().unwrap_or_default();
    Content {
        file_name: name.to_owned(),
        uri: file.uri.clone(),
        content_type: UNKNOWN_TYPE.to_owned(),
        file: stored,
        meta: serde_json::json!({}),
    }
}
