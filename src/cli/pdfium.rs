//! `docent pdfium`.

use std::path::PathBuf;

use anyhow::Context;
use clap::Subcommand;

use super::progress::Bar;
use crate::{
    config::Config,
    extract::pdfium::{Build, PdfiumError},
    pinned::PinnedError,
};

#[derive(Debug, Subcommand)]
pub(super) enum Pdfium {
    /// Download PDFium, the library that reads PDF files.
    Pull,
    /// Install PDFium from a folder that contains it or its Python package, at any depth.
    Import {
        /// The folder.
        folder: PathBuf,
    },
    /// Verify that the installed PDFium matches its pinned digest.
    Verify,
}

impl Pdfium {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<()> {
        let build = Build::of_this_platform()?;
        let folder = config.library_dir();
        match self {
            Self::Pull => {
                pull(build, &config).await?;
                println!("PDFium is installed in {}.", folder.display());
            }
            Self::Import { folder: source } => {
                build.import(&source, &folder)?;
                println!("PDFium is installed in {}.", folder.display());
            }
            Self::Verify => {
                build.verify(&folder)?;
                println!("PDFium in {} is the pinned one.", folder.display());
            }
        }
        Ok(())
    }
}

/// Downloads PDFium if it is missing. Without it the server does all but read PDF files, so nothing waits for it, and it is
/// found as soon as it is there.
pub(super) async fn ensure_installed(config: Config) {
    let installed = match Build::of_this_platform() {
        Ok(build) if build.path(&config.library_dir()).exists() => Ok(()),
        Ok(build) => build.pull(&config.library_dir(), &config.extraction.library_url, &|_, _, _| ()).await,
        Err(error) => Err(error),
    };
    if let Err(error) = installed {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "PDF files can't be read, because PDFium is not installed; see `docent pdfium --help`");
    }
}

async fn pull(build: &Build, config: &Config) -> anyhow::Result<()> {
    let folder = config.library_dir();
    let bar = Bar::new()?;
    let pulled =
        build.pull(&folder, &config.extraction.library_url, &|file, done, total| bar.show(file, done, total)).await;
    if let Err(PdfiumError::File(PinnedError::Download { .. })) = pulled {
        return pulled.with_context(|| {
            format!(
                "PDFium is not installed in {} and could not be fetched. Two ways to get it:\n  \
                 1. on a machine that reaches the package index: docent pdfium pull (extraction.library_url names another one)\n  \
                 2. pip download --no-deps pypdfium2==5.15.2, and docent pdfium import <folder>",
                folder.display(),
            )
        });
    }
    Ok(pulled?)
}
