//! `docent documents`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::Subcommand;

use crate::{
    config::Config,
    graphql::manifest::{self, SourceFile},
    http,
};

#[derive(Debug, Subcommand)]
pub(super) enum Documents {
    /// Check the operations in a folder against the schema, and write a manifest of them for `graphql.manifest`.
    Build {
        /// The folder. Its `.graphql` and `.gql` files are read, at any depth.
        folder: PathBuf,
        /// The file to write. Default: standard output.
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

impl Documents {
    pub(super) async fn run(self, config: &Config) -> anyhow::Result<()> {
        match self {
            Self::Build { folder, output } => build(&folder, output.as_deref(), config).await,
        }
    }
}

async fn build(folder: &Path, output: Option<&Path>, config: &Config) -> anyhow::Result<()> {
    let mut files = Vec::new();
    collect(folder, &mut files).with_context(|| format!("can't read {}", folder.display()))?;
    if files.is_empty() {
        bail!("{} has no .graphql and no .gql files", folder.display());
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let manifest = match manifest::build(&files, &http::document_limits(&config.limits)).await {
        Ok(manifest) => manifest,
        Err(refusals) => bail!("the operations don't fit the server:\n  {}", refusals.join("\n  ")),
    };
    match output {
        None => print!("{manifest}"),
        Some(output) => {
            fs::write(output, manifest).with_context(|| format!("can't write {}", output.display()))?;
            println!("{} has the operations of {} files.", output.display(), files.len());
        }
    }
    Ok(())
}

/// Adds the files with documents below a folder. Hidden folders and those of packages are passed over.
fn collect(folder: &Path, files: &mut Vec<SourceFile>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        if entry.file_type()?.is_dir() {
            let name = name.to_string_lossy();
            if !name.starts_with('.') && name != "node_modules" {
                collect(&path, files)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "graphql" || extension == "gql") {
            files.push(SourceFile { name: path.display().to_string(), text: fs::read_to_string(&path)? });
        }
    }
    Ok(())
}
