//! Where a run takes place: the binary, a folder that is removed afterwards, the log.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use tempfile::TempDir;

use crate::{
    report::note,
    server::{Launch, Limits},
};

/// What every way of running needs.
#[derive(Args, Clone, Debug)]
pub struct ServerArguments {
    /// The release build of the server.
    #[arg(long, value_name = "FILE")]
    pub server: PathBuf,

    /// The folder with the embedding model, as the server's `embedding.model_dir`.
    #[arg(long, value_name = "FOLDER", default_value = ".model")]
    pub model_dir: PathBuf,

    /// One more environment variable for the server, such as `DOCENT__SEARCH__RRF_K=20`; can be repeated. The server
    /// inherits nothing else from the environment.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub settings: Vec<(String, String)>,

    /// The folder in which the data directories are made. Its disk is part of what is measured.
    #[arg(long, value_name = "FOLDER")]
    pub work_dir: Option<PathBuf>,

    /// Leaves the data directories where they are, for `docent-bench quality` or for a look.
    #[arg(long)]
    pub keep: bool,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".into()),
    }
}

/// A place for one run.
pub struct Setup {
    pub launch: Launch,
    folder: Folder,
}

enum Folder {
    Removed(TempDir),
    Kept(PathBuf),
}

impl Setup {
    pub fn new(arguments: &ServerArguments) -> Result<Self> {
        let binary = arguments.server.canonicalize();
        let binary = binary.with_context(|| format!("no server at {} (--server)", arguments.server.display()))?;
        let model_dir = arguments.model_dir.canonicalize();
        let model_dir = model_dir
            .with_context(|| format!("no folder of models at {} (--model-dir)", arguments.model_dir.display()))?;
        let parent = arguments.work_dir.clone().unwrap_or_else(std::env::temp_dir);
        let parent = parent.canonicalize();
        let parent = parent.context("the working folder doesn't exist (--work-dir)")?;
        let folder = tempfile::Builder::new().prefix("docent-bench-").tempdir_in(&parent)?;
        let name = folder.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let log = parent.join(format!("{name}.log"));
        let folder = if arguments.keep { Folder::Kept(folder.keep()) } else { Folder::Removed(folder) };
        let settings = arguments.settings.clone();
        let launch = Launch { binary, model_dir, limits: Limits::Raised, settings, log };
        let setup = Self { launch, folder };
        note(format!("what the server prints goes to {}", setup.launch.log.display()));
        if arguments.keep {
            note(format!("data directories stay in {}", setup.folder().display()));
        }
        Ok(setup)
    }

    /// The folder of this run.
    pub fn folder(&self) -> &Path {
        match &self.folder {
            Folder::Removed(folder) => folder.path(),
            Folder::Kept(folder) => folder,
        }
    }

    /// A new, empty data directory.
    pub fn data_dir(&self, name: &str) -> Result<PathBuf> {
        let path = self.folder().join(name);
        std::fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(path)
    }

    /// What is set for the server, as a fact of the report.
    pub fn settings_fact(&self) -> String {
        let settings: Vec<String> = self.launch.settings.iter().map(|(name, value)| shown(name, value)).collect();
        let settings = if settings.is_empty() { "the server's defaults".into() } else { settings.join(" ") };
        format!("{settings}; points and logins as good as unlimited, but for guesses")
    }
}

/// A setting as it may be printed: addresses can hold passwords, and some settings are secrets.
fn shown(name: &str, value: &str) -> String {
    let secret = ["SECRET", "KEY", "PASSWORD", "TOKEN", "URL"].iter().any(|word| name.to_uppercase().contains(word));
    format!("{name}={}", if secret { "(hidden)" } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_among_the_settings_are_not_printed() {
        assert_eq!(shown("DOCENT__SEARCH__RRF_K", "20"), "DOCENT__SEARCH__RRF_K=20");
        assert_eq!(shown("DOCENT__AUTH__SIGNING_SECRET", "s"), "DOCENT__AUTH__SIGNING_SECRET=(hidden)");
        assert_eq!(shown("DATABASE_URL", "postgres://u:p@h/d"), "DATABASE_URL=(hidden)");
    }
}
