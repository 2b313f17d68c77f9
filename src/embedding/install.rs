//! Gets the files of a model from a folder or from a model hub.

use std::path::Path;

use super::{EmbeddingError, model::RegisteredModel};
use crate::pinned::{PinnedError, download::Progress};

/// Installs the model from files that lie in `folder` or anywhere below it. What is installed already stays.
///
/// # Errors
/// `MissingFile` if `folder` lacks a file, `WrongHash` if it only has others of that name, `Io`. Files that are installed
/// keep their content.
pub fn import(model: &RegisteredModel, folder: &Path, model_dir: &Path) -> Result<(), EmbeddingError> {
    model.files.iter().try_for_each(|file| {
        file.import(folder, &model.path(file, model_dir)).map_err(|error| match error {
            PinnedError::Missing => EmbeddingError::MissingFile {
                model: model.name.to_owned(),
                file: file.name.to_owned(),
                folder: folder.to_owned(),
            },
            error => model.fault(file, error),
        })
    })
}

/// Installs the model from `hub_url`, through the proxy that the environment names. What is installed already stays.
///
/// # Errors
/// `Download` if the hub can't be reached or disconnects, `WrongHash` if it sends another file, `Io`. Files that are
/// installed keep their content.
pub async fn pull(
    model: &RegisteredModel,
    model_dir: &Path,
    hub_url: &str,
    progress: Progress<'_>,
) -> Result<(), EmbeddingError> {
    let hub_url = hub_url.trim_end_matches('/');
    for file in model.files {
        let url = format!("{hub_url}/{}/resolve/{}/{}", model.repository, model.revision, file.name);
        let pulled = file.pull(&url, &model.path(file, model_dir), progress).await;
        pulled.map_err(|error| model.fault(file, error))?;
    }
    Ok(())
}
