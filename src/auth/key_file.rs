//! Keys in files of the data directory that only their owner may read.

use std::{
    io::{self, Write},
    path::Path,
};

/// Bytes of a key.
const LENGTH: usize = 32;

/// Makes a new key.
pub(super) fn create(path: &Path) -> io::Result<Vec<u8>> {
    let key = rand::random::<[u8; LENGTH]>();
    write(path, &key)?;
    Ok(key.to_vec())
}

/// The key in a file, if there is one.
pub(super) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let key = match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read?,
    };
    if key.len() == LENGTH {
        return Ok(Some(key));
    }
    let message = format!(
        "{} is damaged: it holds {} bytes, not {LENGTH}; restore it, or delete it to have a new one made",
        path.display(),
        key.len()
    );
    Err(io::Error::new(io::ErrorKind::InvalidData, message))
}

/// Writes a file that only its owner may read: complete under its name, or not at all.
pub(super) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    // Left by a start that did not get to the end.
    match std::fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    #[cfg(unix)]
    if let Some(directory) = path.parent() {
        std::fs::File::open(directory)?.sync_all()?;
    }
    Ok(())
}
