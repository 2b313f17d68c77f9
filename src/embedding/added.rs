//! Models that the operator has added to the model directory: BERT encoders with weights in safetensors, as model hubs have
//! them.
//!
//! Adding one copies its files and notes their digests with all that its vectors depend on, in a file beside them. From then
//! on the same text has the same vector, or the model is refused.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use super::{
    EmbeddingError, ModelInfo,
    bert::Architecture,
    model::{TOKENIZER, WEIGHTS, registry},
};
use crate::domain::generation::{ModelKey, Pooling, Precision};

/// What is known of an added model, beside its files.
const MANIFEST: &str = "docent-model.json";

/// An added model.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AddedModel {
    pub name: String,
    pooling: Pooling,
    document_prefix: String,
    query_prefix: String,
    max_tokens: usize,
    pub(super) architecture: Architecture,
    tokenizer_sha256: String,
    weights_sha256: String,
}

/// What the files of a model do not tell.
#[derive(Clone, PartialEq, Debug)]
pub struct AddRequest {
    pub name: String,
    /// What the model reads before a chunk.
    pub document_prefix: String,
    /// What the model reads before a question.
    pub query_prefix: String,
    /// The most tokens of one text, special tokens included; `None`: as many as the model has positions.
    pub max_tokens: Option<usize>,
}

/// The parts of `config.json` that matter.
#[derive(Deserialize)]
struct ModelConfig {
    model_type: String,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    hidden_size: usize,
    layer_norm_eps: f32,
    max_position_embeddings: usize,
}

/// The parts of `1_Pooling/config.json` that matter.
#[derive(Deserialize, Default)]
#[serde(default)]
struct PoolingConfig {
    pooling_mode_cls_token: bool,
}

/// Adds the model that lies in `folder`. One of the same name is replaced; collections that it was made for find it
/// missing if its files or settings are others.
///
/// # Errors
/// `MissingFile`, `Io`; `Model` if it is none that can be run.
pub fn add(folder: &Path, request: AddRequest, model_dir: &Path) -> Result<AddedModel, EmbeddingError> {
    check_name(&request.name)?;
    let name = &request.name;
    let config: ModelConfig = parsed(&needed(folder, "config.json", name)?)?;
    if config.model_type != "bert" {
        return Err(refused(format!("its type is {}, and only bert can be run", config.model_type)));
    }
    let pooling = folder.join("1_Pooling").join("config.json");
    let pooling: PoolingConfig = if pooling.exists() { parsed(&read(&pooling)?)? } else { PoolingConfig::default() };
    let (tokenizer, weights) = (needed(folder, TOKENIZER, name)?, needed(folder, WEIGHTS, name)?);
    let model = AddedModel {
        pooling: if pooling.pooling_mode_cls_token { Pooling::Cls } else { Pooling::Mean },
        document_prefix: request.document_prefix,
        query_prefix: request.query_prefix,
        max_tokens: request.max_tokens.unwrap_or(usize::MAX).min(config.max_position_embeddings),
        architecture: Architecture {
            layers: config.num_hidden_layers,
            heads: config.num_attention_heads,
            hidden_size: config.hidden_size,
            layer_norm_epsilon: config.layer_norm_eps,
        },
        tokenizer_sha256: digest(&tokenizer),
        weights_sha256: digest(&weights),
        name: request.name,
    };
    let home = model_dir.join(&model.name);
    fs::create_dir_all(&home).map_err(|source| EmbeddingError::Io { path: home.clone(), source })?;
    write(&home.join(TOKENIZER), &tokenizer)?;
    write(&home.join(WEIGHTS), &weights)?;
    // Last: a model without it is not there.
    let manifest = serde_json::to_vec_pretty(&model).map_err(|error| refused(error.to_string()))?;
    write(&home.join(MANIFEST), &manifest)?;
    Ok(model)
}

/// The added models of the model directory, by name. One whose manifest can't be read is not there.
#[must_use]
pub fn all(model_dir: &Path) -> Vec<AddedModel> {
    let homes = fs::read_dir(model_dir).into_iter().flatten().flatten();
    let mut models: Vec<AddedModel> =
        homes.filter_map(|home| parsed(&read(&home.path().join(MANIFEST)).ok()?).ok()).collect();
    models.sort_by(|one, other| one.name.cmp(&other.name));
    models
}

/// The added model of that name.
#[must_use]
pub fn find(model_dir: &Path, name: &str) -> Option<AddedModel> {
    all(model_dir).into_iter().find(|model| model.name == name)
}

impl AddedModel {
    /// What users of the model need to know of it.
    #[must_use]
    pub fn info(&self) -> ModelInfo {
        ModelInfo {
            key: ModelKey {
                name: self.name.clone(),
                revision: [&self.weights_sha256, &self.tokenizer_sha256].map(|digest| mark(digest)).join("-"),
                pooling: self.pooling,
                document_prefix: self.document_prefix.clone(),
                query_prefix: self.query_prefix.clone(),
                precision: Precision::Float32,
            },
            dimension: self.architecture.hidden_size,
            max_tokens: self.max_tokens,
        }
    }

    /// Its tokenizer and its weights, which are those that were added.
    pub(super) fn files(&self, model_dir: &Path) -> Result<[Vec<u8>; 2], EmbeddingError> {
        let pinned = |file: &str, sha256: &str| {
            let content = read(&model_dir.join(&self.name).join(file))?;
            if digest(&content) == sha256 {
                Ok(content)
            } else {
                Err(EmbeddingError::WrongHash { model: self.name.clone(), file: file.to_owned() })
            }
        };
        Ok([pinned(TOKENIZER, &self.tokenizer_sha256)?, pinned(WEIGHTS, &self.weights_sha256)?])
    }
}

/// The name is that of a folder, too.
fn check_name(name: &str) -> Result<(), EmbeddingError> {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || ['-', '_', '.'].contains(&character);
    if name.is_empty() || name.starts_with('.') || !name.chars().all(is_plain) {
        return Err(refused("a name consists of letters, digits, `-`, `_` and `.`".into()));
    }
    if registry().iter().any(|model| model.name == name) {
        return Err(refused(format!("{name} is known already: docent model import installs it")));
    }
    Ok(())
}

fn refused(reason: String) -> EmbeddingError {
    EmbeddingError::Model { action: "being added", source: reason.into() }
}

fn parsed<T: DeserializeOwned>(content: &[u8]) -> Result<T, EmbeddingError> {
    serde_json::from_slice(content).map_err(|error| refused(error.to_string()))
}

fn needed(folder: &Path, file: &str, model: &str) -> Result<Vec<u8>, EmbeddingError> {
    let path = folder.join(file);
    if path.exists() {
        return read(&path);
    }
    Err(EmbeddingError::MissingFile { model: model.to_owned(), file: file.to_owned(), folder: folder.to_owned() })
}

fn read(path: &Path) -> Result<Vec<u8>, EmbeddingError> {
    fs::read(path).map_err(|source| EmbeddingError::Io { path: path.to_owned(), source })
}

/// All the way or not at all.
fn write(path: &Path, content: &[u8]) -> Result<(), EmbeddingError> {
    let partial: PathBuf = path.with_extension("partial");
    let written = fs::write(&partial, content).and_then(|()| fs::rename(&partial, path));
    written.map_err(|source| EmbeddingError::Io { path: path.to_owned(), source })
}

/// Enough of a digest to tell files apart.
fn mark(digest: &str) -> &str {
    digest.get(..16).unwrap_or(digest)
}

fn digest(content: &[u8]) -> String {
    hex::encode(Sha256::digest(content))
}
