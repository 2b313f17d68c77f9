//! Programs in the place of the one that reads files.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

/// Writes a program that does `lines`, in the place of what is at `path`. Another process writes it: a file that this one has
/// open can't be run while a child that it starts elsewhere has not closed it yet.
pub fn script(path: &Path, lines: &str) {
    let mut install = Command::new("install");
    let mut child = install.args(["-m", "755", "/dev/stdin"]).arg(path).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("#!/bin/sh\n{lines}\n").as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
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
