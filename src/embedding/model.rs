//! The models that can be installed, and whether their files are the ones meant.
//!
//! A model lies in `<model_dir>/<name>/`. Its files are pinned by SHA-256, so that the same text has the same vector on
//! every machine. Must not read settings, nor run a model.

use std::path::{Path, PathBuf};

pub use super::bert::Architecture;
use super::{EmbeddingError, ModelInfo};
use crate::{
    domain::generation::{ModelKey, Pooling, Precision},
    pinned::{PinnedError, PinnedFile},
};

/// The file with the weights.
pub const WEIGHTS: &str = "model.safetensors";
/// The file with the vocabulary and the rules of the tokenizer.
pub const TOKENIZER: &str = "tokenizer.json";

/// A model that Docent knows how to fetch and to run.
#[derive(Debug)]
pub struct RegisteredModel {
    pub name: &'static str,
    /// Where the model hub has it.
    pub repository: &'static str,
    /// The commit of the repository that the files are from.
    pub revision: &'static str,
    pub dimension: usize,
    /// The most tokens of one text, special tokens included.
    pub max_tokens: usize,
    pub files: &'static [PinnedFile],
    pub architecture: Architecture,
}

static REGISTRY: [RegisteredModel; 1] = [RegisteredModel {
    name: "all-MiniLM-L6-v2",
    repository: "sentence-transformers/all-MiniLM-L6-v2",
    revision: "1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
    dimension: 384,
    max_tokens: 256,
    files: &[
        PinnedFile {
            name: TOKENIZER,
            bytes: 466_247,
            sha256: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        },
        PinnedFile {
            name: WEIGHTS,
            bytes: 90_868_376,
            sha256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        },
    ],
    architecture: Architecture { layers: 6, heads: 12, hidden_size: 384, layer_norm_epsilon: 1e-12 },
}];

/// Every model that can be installed.
pub fn registry() -> &'static [RegisteredModel] {
    &REGISTRY
}

/// The model that is chosen by its name, or the first of the registry where none is named.
///
/// # Errors
/// `UnknownModel`.
pub fn chosen(name: Option<&str>) -> Result<&'static RegisteredModel, EmbeddingError> {
    name.map_or(Ok(&REGISTRY[0]), find)
}

/// The model of that name.
///
/// # Errors
/// `UnknownModel`.
pub fn find(name: &str) -> Result<&'static RegisteredModel, EmbeddingError> {
    registry()
        .iter()
        .find(|model| model.name == name)
        .ok_or_else(|| EmbeddingError::UnknownModel { model: name.to_owned() })
}

/// The model with this key.
///
/// # Errors
/// `UnknownModel`: none is registered with that name, or it is pinned to another revision by now.
pub fn with_key(key: &ModelKey) -> Result<&'static RegisteredModel, EmbeddingError> {
    find(&key.name).and_then(|model| {
        if model.info(key.precision).key == *key {
            Ok(model)
        } else {
            Err(EmbeddingError::UnknownModel { model: key.name.clone() })
        }
    })
}

/// Reads every file of the model and compares it with its pin.
///
/// # Errors
/// `NotInstalled` if a file is missing, `WrongHash` if one is another, `Io` if one can't be read.
pub fn verify(model: &RegisteredModel, model_dir: &Path) -> Result<(), EmbeddingError> {
    model.files.iter().try_for_each(|file| read(model, file, model_dir).map(drop))
}

impl RegisteredModel {
    /// What users of the model need to know of it, when it computes this exactly.
    pub fn info(&self, precision: Precision) -> ModelInfo {
        ModelInfo {
            key: ModelKey {
                name: self.name.to_owned(),
                revision: self.revision.to_owned(),
                // What the encoder does with every model.
                pooling: Pooling::Mean,
                document_prefix: String::new(),
                query_prefix: String::new(),
                precision,
            },
            dimension: self.dimension,
            max_tokens: self.max_tokens,
        }
    }

    /// Whether all files are there; their digests are compared when they are read.
    pub fn has_files(&self, model_dir: &Path) -> bool {
        self.files.iter().all(|file| self.path(file, model_dir).exists())
    }

    /// Where a file of this model belongs.
    pub fn path(&self, file: &PinnedFile, model_dir: &Path) -> PathBuf {
        model_dir.join(self.name).join(file.name)
    }

    pub(super) fn file(&self, name: &str) -> Result<&PinnedFile, EmbeddingError> {
        let found = self.files.iter().find(|file| file.name == name);
        found.ok_or_else(|| EmbeddingError::NotInstalled { model: self.name.to_owned() })
    }

    /// What a fault of one of its files means for the model.
    pub(super) fn fault(&self, file: &PinnedFile, error: PinnedError) -> EmbeddingError {
        let model = self.name.to_owned();
        match error {
            PinnedError::Missing => EmbeddingError::NotInstalled { model },
            PinnedError::WrongHash => EmbeddingError::WrongHash { model, file: file.name.to_owned() },
            PinnedError::Download { url, source } => EmbeddingError::Download { model, url, source },
            PinnedError::Io { path, source } => EmbeddingError::Io { path, source },
        }
    }
}

/// The content of an installed file, which is the pinned one.
pub(super) fn read(model: &RegisteredModel, file: &PinnedFile, model_dir: &Path) -> Result<Vec<u8>, EmbeddingError> {
    file.read(&model.path(file, model_dir)).map_err(|error| model.fault(file, error))
}
