//! Puts pinned files in their place: all the way or not at all.

use std::{
    fs::{self, File},
    io::{Read, Write},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{PinnedError, PinnedFile};

/// How much of a file is copied at a time.
const COPY_BYTES: usize = 1 << 20;

impl PinnedFile {
    /// Installs the file at `target` from one of its name that lies in `folder` or anywhere below it. What is installed
    /// already stays.
    ///
    /// # Errors
    /// `Missing` if `folder` lacks the file, `WrongHash` if it only has others of that name, `Io`.
    pub fn import(&self, folder: &Path, target: &Path) -> Result<(), PinnedError> {
        if self.read(target).is_ok() {
            return Ok(());
        }
        let mut candidates = Vec::new();
        find_files(folder, self.name, &mut candidates)?;
        let mut outcome = Err(PinnedError::Missing);
        for path in candidates {
            let source = File::open(&path).map_err(|source| PinnedError::Io { path, source })?;
            outcome = self.copy(source, target);
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    /// Installs the file at `target` with what `source` gives.
    ///
    /// # Errors
    /// `WrongHash` if that is another file, `Io`.
    pub fn copy(&self, mut source: impl Read, target: &Path) -> Result<(), PinnedError> {
        let mut partial = PartialFile::create(self, target)?;
        let mut buffer = vec![0; COPY_BYTES];
        loop {
            match source.read(&mut buffer).map_err(|error| partial.failed(error))? {
                0 => return partial.finish(),
                length => partial.write(&buffer[..length])?,
            }
        }
    }
}

/// Collects the files called `name`, in and below `folder`. Links to files are followed, links to folders are not.
fn find_files(folder: &Path, name: &str, found: &mut Vec<PathBuf>) -> Result<(), PinnedError> {
    let failed = |source| PinnedError::Io { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        if entry.file_type().map_err(failed)?.is_dir() {
            find_files(&path, name, found)?;
        } else if entry.file_name() == name && path.is_file() {
            found.push(path);
        }
    }
    Ok(())
}

/// A file that is being written next to its final place. It is moved there only if it has the pinned digest, and
/// deleted otherwise.
pub(super) struct PartialFile<'a> {
    file: &'a PinnedFile,
    target: PathBuf,
    path: PathBuf,
    output: File,
    digest: Sha256,
    written: u64,
}

impl<'a> PartialFile<'a> {
    pub(super) fn create(file: &'a PinnedFile, target: &Path) -> Result<Self, PinnedError> {
        let path = target.with_file_name(format!("{}.partial-{}", file.name, std::process::id()));
        let folder = target.parent().unwrap_or(Path::new("."));
        let output = fs::create_dir_all(folder).and_then(|()| File::create(&path));
        let output = output.map_err(|source| PinnedError::Io { path: path.clone(), source })?;
        Ok(Self { file, target: target.to_owned(), path, output, digest: Sha256::new(), written: 0 })
    }

    /// Appends `bytes`, and refuses them when they are more than the pinned file has.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), PinnedError> {
        self.written += bytes.len() as u64;
        if self.written > self.file.bytes {
            return Err(PinnedError::WrongHash);
        }
        self.digest.update(bytes);
        self.output.write_all(bytes).map_err(|source| self.failed(source))
    }

    /// The bytes written so far.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Moves the file to its place if it is the pinned one. It need not reach the disk now: its hash is compared again
    /// before it is used.
    pub(super) fn finish(mut self) -> Result<(), PinnedError> {
        if !self.file.has_digest(std::mem::take(&mut self.digest)) {
            return Err(PinnedError::WrongHash);
        }
        fs::rename(&self.path, &self.target).map_err(|source| self.failed(source))
    }

    fn failed(&self, source: std::io::Error) -> PinnedError {
        PinnedError::Io { path: self.path.clone(), source }
    }
}

impl Drop for PartialFile<'_> {
    fn drop(&mut self) {
        // After `finish` there is nothing to remove; a file that can't be removed does no harm.
        let _ = fs::remove_file(&self.path);
    }
}
