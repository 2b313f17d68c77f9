//! The lock of the data directory: one process at a time uses it, or several that all share it.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
};

/// The right to use a data directory, held until it is dropped. The operating system takes it back when the process dies.
#[derive(Debug)]
pub struct DataDirLock {
    _file: File,
}

/// Why a data directory can't be used.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error(
        "the data directory {} is used by another docent process{}; stop it first",
        directory.display(),
        in_brackets(*pid)
    )]
    Held { directory: PathBuf, pid: Option<u32> },
    #[error("the data directory {} can't be used", directory.display())]
    Io {
        directory: PathBuf,
        #[source]
        source: io::Error,
    },
}

fn in_brackets(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
}

impl DataDirLock {
    /// Creates the directory if it does not exist, and locks it through the file `docent.lock` in it, alone or together
    /// with other processes that share it. The file stays, because deleting it would let two processes lock two files of
    /// the same name.
    ///
    /// # Errors
    /// `Held` when another process has it, `Io` when the directory or the file can't be made.
    pub fn acquire(directory: &Path, is_shared: bool) -> Result<Self, LockError> {
        let failed = |source| LockError::Io { directory: directory.to_owned(), source };
        std::fs::create_dir_all(directory).map_err(failed)?;
        let path = directory.join("docent.lock");
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        let locked = if is_shared { file.try_lock_shared() } else { file.try_lock() };
        match locked {
            Ok(()) => {
                write_process_id(&mut file).map_err(failed)?;
                Ok(Self { _file: file })
            }
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                Err(LockError::Held { directory: directory.to_owned(), pid })
            }
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

/// The turn to begin on a data directory, held until it is dropped.
#[derive(Debug)]
pub struct Beginning {
    _file: File,
}

impl Beginning {
    /// Waits for the turn, through the file `docent.begin` of a directory that is locked: processes that share it and are
    /// started at the same moment would each make its keys and its id. Blocks.
    ///
    /// # Errors
    /// `Io` when the file can't be made or locked.
    pub fn wait(directory: &Path) -> Result<Self, LockError> {
        let failed = |source| LockError::Io { directory: directory.to_owned(), source };
        let path = directory.join("docent.begin");
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path).map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(Self { _file: file })
    }
}

fn write_process_id(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_directory_has_one_user() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("made/here");
        let lock = DataDirLock::acquire(&directory, false).unwrap();
        let refused = DataDirLock::acquire(&directory, false).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!(
                "the data directory {} is used by another docent process (pid {}); stop it first",
                directory.display(),
                std::process::id()
            )
        );
        drop(lock);
        DataDirLock::acquire(&directory, false).unwrap();
    }

    #[test]
    fn processes_that_share_a_data_directory_keep_others_out() {
        let directory = tempfile::tempdir().unwrap();
        let first = DataDirLock::acquire(directory.path(), true).unwrap();
        let second = DataDirLock::acquire(directory.path(), true).unwrap();
        assert!(DataDirLock::acquire(directory.path(), false).is_err());
        drop(first);
        assert!(DataDirLock::acquire(directory.path(), false).is_err());
        drop(second);
        DataDirLock::acquire(directory.path(), false).unwrap();
    }

    #[test]
    fn a_data_directory_that_can_not_be_made_is_named() {
        let parent = tempfile::tempdir().unwrap();
        let file = parent.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = DataDirLock::acquire(&file, false).unwrap_err();
        assert_eq!(error.to_string(), format!("the data directory {} can't be used", file.display()));
    }
}
