//! Which files of the folder are meant: those that a source of the server would find there.

use std::{fs, path::PathBuf, sync::Arc};

use anyhow::{Context, bail};

use super::Add;
use crate::{
    domain::source::{DirectoryLocation, Scan, SkipReason},
    source::{Directory, SourceError},
};

/// What systems and tools leave in folders, and nobody wants to search.
const CLUTTER: [&str; 4] = ["node_modules", "__MACOSX", "Thumbs.db", "desktop.ini"];

/// The folder.
#[derive(Clone)]
pub(super) struct Folder {
    /// The absolute path.
    pub(super) path: PathBuf,
    location: DirectoryLocation,
}

impl Folder {
    /// The folder that is named, with the files that are small enough.
    pub(super) fn new(add: &Add, max_file_bytes: i64) -> anyhow::Result<Self> {
        let shown = add.folder.display();
        let path = fs::canonicalize(&add.folder).with_context(|| format!("{shown} can't be read"))?;
        if !path.is_dir() {
            bail!("{shown} is not a folder: name its folder, and the file with --include");
        }
        let Some(text) = path.to_str().map(str::to_owned) else {
            bail!("the path {} is not UTF-8", path.display());
        };
        let exclude = add.exclude.iter().cloned().chain(CLUTTER.map(str::to_owned)).collect();
        let (include, hidden) = (add.include.clone(), add.hidden);
        Ok(Self { path, location: DirectoryLocation { path: text, include, exclude, hidden, max_file_bytes } })
    }

    /// Fails if it can't be read.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        self.open().map(drop)
    }

    /// The folder as it is now, and its files.
    pub(super) async fn scan(&self) -> anyhow::Result<(Arc<Directory>, Scan)> {
        let folder = self.clone();
        let scanned = tokio::task::spawn_blocking(move || {
            let directory = folder.open()?;
            let scan = directory.scan(usize::MAX, || false)?;
            Ok::<_, anyhow::Error>((Arc::new(directory), scan))
        });
        scanned.await?
    }

    fn open(&self) -> anyhow::Result<Directory> {
        let opened = Directory::open(&self.location, std::slice::from_ref(&self.path));
        opened.map_err(|error| match error {
            SourceError::Pattern { .. } => error.into(),
            error => anyhow::Error::new(error).context(format!("{} can't be read", self.path.display())),
        })
    }
}

/// What is said of something that is no document: how it is counted, or why it failed.
pub(super) fn complaint(reason: SkipReason) -> Result<&'static str, &'static str> {
    match reason {
        SkipReason::Hidden => Ok("hidden"),
        SkipReason::Excluded => Ok("excluded by patterns"),
        SkipReason::Link => Ok("symbolic links"),
        SkipReason::OtherFileSystem => Ok("on other file systems"),
        SkipReason::TooLarge => Err("It is larger than the server takes."),
        SkipReason::InvalidName => {
            Err("Its name is not UTF-8, is too long, or looks the same as another one. Give it another name.")
        }
        SkipReason::Unreadable => Err("It can't be read. Check its permissions."),
        _ => Ok("neither files nor folders"),
    }
}
