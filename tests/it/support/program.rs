//! Programs in the place of the one that reads files.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

/// Writes a program that does `lines`, in the place of what is at `path`.
pub fn script(path: &Path, lines: &str) {
    let new = path.with_extension("new");
    fs::write(&new, format!("#!/bin/sh\n{lines}\n")).unwrap();
    fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(new, path).unwrap();
}

/// The real program, whose starts are counted.
pub struct CountedProgram {
    folder: TempDir,
}

impl CountedProgram {
    pub fn new() -> Self {
        let counted = Self { folder: tempfile::tempdir().unwrap() };
        let program = env!("CARGO_BIN_EXE_docent");
        script(&counted.path(), &format!("echo >> {}\nexec {program} \"$@\"", counted.record().display()));
        counted
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("reader")
    }

    /// How often it was started.
    pub fn starts(&self) -> usize {
        fs::read(self.record()).map_or(0, |lines| lines.len())
    }

    fn record(&self) -> PathBuf {
        self.folder.path().join("starts")
    }
}
