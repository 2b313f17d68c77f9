//! Puts the files of a model in their place: all the way or not at all.

use std::{
    fs::{self, File},
    io::{Read, Write},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{
    EmbeddingError,
    model::{self, PinnedFile, RegisteredModel},
};

/// How much of a file is copied at a time.
const COPY_BYTES: usize = 1 << 20;

/// Installs the model from files that lie in `folder` or anywhere below it. What is installed already stays.
///
/// # Errors
/// `MissingFile` if `folder` lacks a file, `WrongHash` if it only has others of that name, `Io`. Files that are installed
/// keep their content.
pub fn import(model: &RegisteredModel, folder: &Path, model_dir: &Path) -> Result<(), EmbeddingError> {
    for file in model.files {
        if model::read(model, file, model_dir).is_ok() {
            continue;
        }
        let mut outcome = Err(EmbeddingError::MissingFile {
            model: model.name.to_owned(),
            file: file.name.to_owned(),
            folder: folder.to_owned(),
        });
        let mut candidates = Vec::new();
        find_files(folder, file.name, &mut candidates)?;
        for candidate in candidates {
            outcome = copy(model, file, &candidate, model_dir);
            if outcome.is_ok() {
                break;
            }
        }
        outcome?;
    }
    Ok(())
}

/// Collects the files called `name`, in and below `folder`. Links to files are followed, links to folders are not.
fn find_files(folder: &Path, name: &str, found: &mut Vec<PathBuf>) -> Result<(), EmbeddingError> {
    let failed = |source| EmbeddingError::Io { path: folder.to_owned(), source };
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

fn copy(model: &RegisteredModel, file: &PinnedFile, from: &Path, model_dir: &Path) -> Result<(), EmbeddingError> {
    let failed = |source| EmbeddingError::Io { path: from.to_owned(), source };
    let mut source = File::open(from).map_err(failed)?;
    let mut partial = PartialFile::create(model, file, model_dir)?;
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        match source.read(&mut buffer).map_err(failed)? {
            0 => return partial.finish(),
            length => partial.write(&buffer[..length])?,
        }
    }
}

/// A file that is being written next to its final place. It is moved there only if it has the pinned digest, and
/// deleted otherwise.
pub(super) struct PartialFile<'a> {
    model: &'a RegisteredModel,
    file: &'a PinnedFile,
    target: PathBuf,
    path: PathBuf,
    output: File,
    digest: Sha256,
    written: u64,
}

impl<'a> PartialFile<'a> {
    pub(super) fn create(
        model: &'a RegisteredModel,
        file: &'a PinnedFile,
        model_dir: &Path,
    ) -> Result<Self, EmbeddingError> {
        let target = model.path(file, model_dir);
        let path = target.with_file_name(format!("{}.partial-{}", file.name, std::process::id()));
        let folder = target.parent().unwrap_or(model_dir);
        let output = fs::create_dir_all(folder).and_then(|()| File::create(&path));
        let output = output.map_err(|source| EmbeddingError::Io { path: path.clone(), source })?;
        Ok(Self { model, file, target, path, output, digest: Sha256::new(), written: 0 })
    }

    /// Appends `bytes`, and refuses them when they are more than the pinned file has.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), EmbeddingError> {
        self.written += bytes.len() as u64;
        if self.written > self.file.bytes {
            return Err(self.model.wrong_hash(self.file));
        }
        self.digest.update(bytes);
        self.output.write_all(bytes).map_err(|source| self.failed(source))
    }

    /// The bytes written so far.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Moves the file to its place if it is the pinned one. It need not reach the disk now: its hash is compared again
    /// whenever it is read.
    pub(super) fn finish(mut self) -> Result<(), EmbeddingError> {
        if !self.file.has_digest(std::mem::take(&mut self.digest)) {
            return Err(self.model.wrong_hash(self.file));
        }
        fs::rename(&self.path, &self.target).map_err(|source| self.failed(source))
    }

    fn failed(&self, source: std::io::Error) -> EmbeddingError {
        EmbeddingError::Io { path: self.path.clone(), source }
    }
}

impl Drop for PartialFile<'_> {
    fn drop(&mut self) {
        // After `finish` there is nothing to remove; a file that can't be removed does no harm.
        let _ = fs::remove_file(&self.path);
    }
}
