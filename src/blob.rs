//! The originals of documents, by the SHA-256 of their bytes. Knows nothing of documents: who refers to which bytes, and
//! when they may be deleted, is for the catalogue to say.
//!
//! When a `put` returns, the bytes survive a power cut: `LocalFileSystem::with_fsync` syncs the file before it gets its
//! name, and every directory that changed after. So `object_store` writes as well as reads, and another of its backends
//! needs no second way to store.

use std::{
    error::Error as StdError,
    io,
    ops::Range,
    path::{Path as FilePath, PathBuf},
    pin::pin,
    sync::Arc,
    time::SystemTime,
};

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use futures_util::{Stream, StreamExt, TryStreamExt, stream, stream::BoxStream};
use object_store::{
    GetOptions, GetRange, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt, local::LocalFileSystem, path::Path,
};
use sha2::{Digest, Sha256};

use crate::{
    disk::Disk,
    domain::{
        content::StoredFile,
        id::{StoreId, UploadId},
    },
};

/// Bytes that are buffered before they are written. If there are no more, the file is written under its final name at
/// once.
const PART_BYTES: usize = 1024 * 1024;

/// Where the store says which one it is.
const IDENTITY: &str = "store.id";

/// Where files are on their way in.
const INCOMING: &str = "incoming";

/// Where complete files are.
const ORIGINALS: &str = "originals";

/// Where files are whose bytes have changed.
const DAMAGED: &str = "damaged";

type BoxError = Box<dyn StdError + Send + Sync>;

/// Why bytes could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    #[error("the file has more than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("the file stopped arriving")]
    Interrupted(#[source] BoxError),
    #[error("the disk is nearly full")]
    NoSpace,
    #[error("there are no bytes with digest {digest}")]
    NotFound { digest: String },
    #[error("the bytes with digest {digest} were removed as unused while they were stored again")]
    Removed { digest: String },
    #[error("a digest is 64 lower-case hexadecimal digits")]
    InvalidDigest,
    #[error("the range lies outside the file")]
    InvalidRange,
    #[error("the blob store failed while {action}")]
    Store {
        action: &'static str,
        #[source]
        source: BoxError,
    },
}

impl BlobError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Store { .. } | Self::Interrupted(_) | Self::NoSpace | Self::Removed { .. } => true,
            Self::TooLarge { .. } | Self::NotFound { .. } | Self::InvalidDigest | Self::InvalidRange => false,
        }
    }
}

/// A store of immutable bytes. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct BlobStore {
    store: Arc<dyn ObjectStore>,
    directory: PathBuf,
    /// Where free space is kept, if it is.
    disk: Option<Arc<Disk>>,
}

impl BlobStore {
    /// Opens, and if need be makes, a store in a local directory.
    ///
    /// # Errors
    /// When the directory can't be made or read.
    pub fn open_local(directory: &FilePath) -> Result<Self, BlobError> {
        let action = "opening its directory";
        std::fs::create_dir_all(directory).map_err(failed(action))?;
        let store = LocalFileSystem::new_with_prefix(directory).map_err(failed(action))?.with_fsync(true);
        Ok(Self { store: Arc::new(store), directory: directory.to_owned(), disk: None })
    }

    /// The same store, which rejects new bytes when the disk is nearly full.
    #[must_use]
    pub fn within(self, disk: Arc<Disk>) -> Self {
        Self { disk: Some(disk), ..self }
    }

    fn check_room(&self) -> Result<(), BlobError> {
        let has_room = self.disk.as_ref().is_none_or(|disk| disk.has_room());
        if has_room { Ok(()) } else { Err(BlobError::NoSpace) }
    }

    /// Which store this is, wherever its directory is moved. A new store takes an id. Blocks.
    ///
    /// # Errors
    /// `Store` when the file can't be read or written, or holds no id.
    pub fn identity(&self) -> Result<StoreId, BlobError> {
        let action = "asking the store for its id";
        let path = self.directory.join(IDENTITY);
        match std::fs::read_to_string(&path) {
            Ok(text) => text.trim().parse().map_err(failed(action)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let id = StoreId::generate();
                write_durably(&self.directory, &path, &format!("{id}\n")).map_err(failed(action))?;
                Ok(id)
            }
            Err(error) => Err(failed(action)(error)),
        }
    }

    /// Stores the content of `stream` if it has at most `limit` bytes. Bytes that exist already are stored again, which
    /// changes nothing and makes sure that they are durable. A failed or dropped call leaves nothing behind.
    ///
    /// # Errors
    /// `TooLarge` as soon as the limit is passed, `NoSpace` as soon as the disk has no room, `Interrupted` when the stream
    /// fails, `Store` when the disk does.
    pub async fn put_stream<E>(
        &self,
        stream: impl Stream<Item = Result<Bytes, E>>,
        limit: u64,
    ) -> Result<StoredFile, BlobError>
    where
        E: Into<BoxError>,
    {
        let mut incoming = None;
        match self.receive(stream, limit, &mut incoming).await {
            Ok((digest, size, rest)) => {
                let target = location(&digest)?;
                match incoming {
                    Some(incoming) => self.publish(incoming, rest, &target).await?,
                    None => _ = self.store.put(&target, rest.into()).await.map_err(failed(WRITING))?,
                }
                Ok(StoredFile { digest, size })
            }
            Err(error) => {
                if let Some(mut incoming) = incoming {
                    // Whatever can't be removed now is found by `sweep_temporary`.
                    _ = incoming.upload.abort().await;
                }
                Err(error)
            }
        }
    }

    /// Stores bytes that are in memory.
    ///
    /// # Errors
    /// `Store` when the disk fails.
    pub async fn put_bytes(&self, bytes: Bytes) -> Result<StoredFile, BlobError> {
        let starts = (0..bytes.len()).step_by(PART_BYTES);
        let parts = starts.map(|start| Ok::<_, io::Error>(bytes.slice(start..bytes.len().min(start + PART_BYTES))));
        self.put_stream(stream::iter(parts), u64::MAX).await
    }

    /// All bytes of a file.
    ///
    /// # Errors
    /// `NotFound`, `InvalidDigest`, or `Store`.
    pub async fn get(&self, digest: &str) -> Result<Bytes, BlobError> {
        let file = self.find(digest).await?;
        let found = self.store.get(&file.location).await.map_err(missing(digest))?;
        found.bytes().await.map_err(failed(READING))
    }

    /// The bytes of a file as they come from the disk, or those in `range` only.
    ///
    /// # Errors
    /// `NotFound`, `InvalidDigest`, `Store`, or `InvalidRange` for a range that the file does not have.
    pub async fn stream(
        &self,
        digest: &str,
        range: Option<Range<u64>>,
    ) -> Result<BoxStream<'static, Result<Bytes, BlobError>>, BlobError> {
        let file = self.find(digest).await?;
        if let Some(range) = &range {
            if range.start > range.end || range.end > file.size {
                return Err(BlobError::InvalidRange);
            }
            if range.is_empty() {
                return Ok(stream::empty().boxed());
            }
        }
        let options = GetOptions { range: range.map(GetRange::Bounded), ..GetOptions::default() };
        let found = self.store.get_opts(&file.location, options).await.map_err(missing(digest))?;
        Ok(found.into_stream().map_err(failed(READING)).boxed())
    }

    /// The size of a file in bytes.
    ///
    /// # Errors
    /// `NotFound`, `InvalidDigest`, or `Store`.
    pub async fn size(&self, digest: &str) -> Result<u64, BlobError> {
        Ok(self.find(digest).await?.size)
    }

    /// The file with this digest, where it is.
    async fn find(&self, digest: &str) -> Result<ObjectMeta, BlobError> {
        match self.store.head(&location(digest)?).await {
            Err(object_store::Error::NotFound { .. }) => {
                self.store.head(&former_location(digest)).await.map_err(missing(digest))
            }
            found => found.map_err(missing(digest)),
        }
    }

    /// Whether a file is there.
    ///
    /// # Errors
    /// `InvalidDigest`, or `Store`.
    pub async fn exists(&self, digest: &str) -> Result<bool, BlobError> {
        match self.size(digest).await {
            Ok(_) => Ok(true),
            Err(BlobError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The first of these digests whose bytes are not there.
    ///
    /// # Errors
    /// `InvalidDigest`, or `Store`.
    pub async fn first_missing<'d>(&self, digests: &'d [String]) -> Result<Option<&'d str>, BlobError> {
        for digest in digests {
            if !self.exists(digest).await? {
                return Ok(Some(digest));
            }
        }
        Ok(None)
    }

    /// Whether a file is there that was last stored before `moment`.
    ///
    /// # Errors
    /// `InvalidDigest`, or `Store`.
    pub async fn is_older(&self, digest: &str, moment: DateTime<Utc>) -> Result<bool, BlobError> {
        match self.find(digest).await {
            Ok(file) => Ok(file.last_modified < moment),
            Err(BlobError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The digests of all files that were last stored before `older_than`.
    pub fn originals(&self, older_than: DateTime<Utc>) -> BoxStream<'_, Result<String, BlobError>> {
        self.store
            .list(Some(&Path::from(ORIGINALS)))
            .map_err(failed("listing files"))
            .try_filter_map(move |file| async move {
                let digest = file.location.filename().filter(|_| file.last_modified < older_than).map(str::to_owned);
                Ok(digest.filter(|digest| location(digest).is_ok()))
            })
            .boxed()
    }

    /// Whether the bytes of a file are those that its digest names.
    ///
    /// # Errors
    /// `NotFound`, `InvalidDigest`, or `Store`.
    pub async fn verify(&self, digest: &str) -> Result<bool, BlobError> {
        self.read(digest, |_| ()).await
    }

    /// All bytes of a file, unless they are not those that its digest names.
    ///
    /// # Errors
    /// `NotFound`, `InvalidDigest`, or `Store`.
    pub async fn get_intact(&self, digest: &str) -> Result<Option<Vec<u8>>, BlobError> {
        let mut bytes = Vec::new();
        let is_intact = self.read(digest, |part| bytes.extend_from_slice(part)).await?;
        Ok(is_intact.then_some(bytes))
    }

    /// Reads a file part by part. Returns whether its bytes are those that its digest names.
    async fn read(&self, digest: &str, mut each: impl FnMut(&[u8]) + Send) -> Result<bool, BlobError> {
        let mut bytes = self.stream(digest, None).await?;
        let mut hash = Sha256::new();
        while let Some(part) = bytes.try_next().await? {
            hash.update(&part);
            each(&part);
        }
        Ok(hex::encode(hash.finalize()) == digest)
    }

    /// Takes a file whose bytes are not those that its digest names out of the store, into the folder `damaged`.
    ///
    /// # Errors
    /// `NotFound`, `InvalidDigest`, or `Store`.
    pub async fn set_aside(&self, digest: &str) -> Result<(), BlobError> {
        let file = self.find(digest).await?;
        let target = Path::from(format!("{DAMAGED}/{digest}"));
        self.store.rename(&file.location, &target).await.map_err(failed(WRITING))
    }

    /// Deletes a file, if it exists. The caller knows that nothing refers to it. A power cut may restore it.
    ///
    /// # Errors
    /// `InvalidDigest`, or `Store`.
    pub async fn delete(&self, digest: &str) -> Result<(), BlobError> {
        for place in [location(digest)?, former_location(digest)] {
            match self.store.delete(&place).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(failed("deleting a file")(error)),
            }
        }
        Ok(())
    }

    /// Removes unfinished files of earlier processes, and returns their number. It walks through the whole store, so
    /// run it in the background. Pass the start of this process as `older_than` to keep files that are arriving now.
    ///
    /// # Errors
    /// `Store` when the disk fails.
    pub async fn sweep_temporary(&self, older_than: DateTime<Utc>) -> Result<usize, BlobError> {
        let action = "removing half-written files";
        let directory = self.directory.clone();
        let older_than = SystemTime::from(older_than);
        let sweep = tokio::task::spawn_blocking(move || {
            let incoming = sweep(&directory.join(INCOMING), older_than, |_| true)?;
            let originals = sweep(&directory.join(ORIGINALS), older_than, |name| name.contains('#'))?;
            Ok::<_, io::Error>(incoming + originals)
        });
        sweep.await.map_err(failed(action))?.map_err(failed(action))
    }

    /// Reads a stream to its end. All but the last, unfinished part is written to `incoming`, which is begun with the
    /// first full part. Returns the digest, the size, and what is not written yet.
    async fn receive<E: Into<BoxError>>(
        &self,
        stream: impl Stream<Item = Result<Bytes, E>>,
        limit: u64,
        incoming: &mut Option<Incoming>,
    ) -> Result<(String, i64, Bytes), BlobError> {
        self.check_room()?;
        let mut stream = pin!(stream);
        let mut hash = Sha256::new();
        let mut size = 0_u64;
        let mut part = BytesMut::new();
        while let Some(bytes) = stream.next().await {
            let bytes = bytes.map_err(|error| BlobError::Interrupted(error.into()))?;
            size += bytes.len() as u64;
            if size > limit {
                return Err(BlobError::TooLarge { limit });
            }
            hash.update(&bytes);
            part.extend_from_slice(&bytes);
            if part.len() >= PART_BYTES {
                self.check_room()?;
                if incoming.is_none() {
                    *incoming = Some(self.begin().await?);
                }
                if let Some(incoming) = incoming {
                    incoming.write(part.split().freeze()).await?;
                }
            }
        }
        let size = i64::try_from(size).map_err(failed("counting bytes"))?;
        Ok((hex::encode(hash.finalize()), size, part.freeze()))
    }

    async fn begin(&self) -> Result<Incoming, BlobError> {
        // The id means nothing; it only has to be free.
        let location = Path::from(format!("{INCOMING}/{}", UploadId::generate()));
        let upload = self.store.put_multipart(&location).await.map_err(failed(WRITING))?;
        Ok(Incoming { location, upload })
    }

    async fn publish(&self, mut incoming: Incoming, rest: Bytes, target: &Path) -> Result<(), BlobError> {
        if !rest.is_empty() {
            incoming.write(rest).await?;
        }
        incoming.upload.complete().await.map_err(failed(WRITING))?;
        self.store.rename(&incoming.location, target).await.map_err(failed(WRITING))
    }
}

/// A file on its way in. Dropping it removes it.
struct Incoming {
    location: Path,
    upload: Box<dyn MultipartUpload>,
}

impl Incoming {
    async fn write(&mut self, bytes: Bytes) -> Result<(), BlobError> {
        self.upload.put_part(bytes.into()).await.map_err(failed(WRITING))
    }
}

const READING: &str = "reading a file";
const WRITING: &str = "writing a file";

/// The place of a digest: one of 256 directories. With two levels of them almost every file had a directory of its own,
/// which takes as much space as a small file and has to be synced. Only a digest has a place, so that no name can lead
/// outside.
fn location(digest: &str) -> Result<Path, BlobError> {
    let is_digest = digest.len() == 64 && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_digest {
        Ok(Path::from(format!("{ORIGINALS}/{}/{digest}", &digest[..2])))
    } else {
        Err(BlobError::InvalidDigest)
    }
}

/// The place of a valid digest in stores that were filled before there was one level of directories.
fn former_location(digest: &str) -> Path {
    Path::from(format!("{ORIGINALS}/{}/{}/{digest}", &digest[..2], &digest[2..4]))
}

fn failed<E: Into<BoxError>>(action: &'static str) -> impl Fn(E) -> BlobError {
    move |source| BlobError::Store { action, source: source.into() }
}

fn missing(digest: &str) -> impl Fn(object_store::Error) -> BlobError {
    move |error| match error {
        object_store::Error::NotFound { .. } => BlobError::NotFound { digest: digest.to_owned() },
        error => failed(READING)(error),
    }
}

/// Removes the files below `directory` that `is_temporary` by name and were last written before `older_than`.
fn sweep(directory: &FilePath, older_than: SystemTime, is_temporary: fn(&str) -> bool) -> io::Result<usize> {
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut removed = 0;
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            removed += sweep(&path, older_than, is_temporary)?;
        } else if is_temporary(&entry.file_name().to_string_lossy()) {
            match entry.metadata().and_then(|metadata| metadata.modified()) {
                Ok(modified) if modified < older_than => {
                    std::fs::remove_file(path)?;
                    removed += 1;
                }
                // It arrived, or was abandoned, in the meantime.
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(removed)
}

/// Writes a small file so that it is there whole or not at all, also after a power cut.
fn write_durably(directory: &FilePath, path: &FilePath, text: &str) -> io::Result<()> {
    let half_written = path.with_extension("new");
    std::fs::write(&half_written, text)?;
    std::fs::File::open(&half_written)?.sync_all()?;
    std::fs::rename(&half_written, path)?;
    std::fs::File::open(directory)?.sync_all()
}
