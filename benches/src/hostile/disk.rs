//! A small file system in memory, that one neighbour fills.

use std::{
    ffi::CString,
    fs::File,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

/// What is left free when it is full.
const LEFT: u64 = 2 << 20;

/// A mounted file system. It is unmounted when it is dropped.
pub struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// Mounts it on `folder`.
    pub fn mount(folder: &Path, mib: u64) -> Result<Self> {
        let size = CString::new(format!("size={mib}m"))?;
        mount("tmpfs", folder, "tmpfs", MountFlags::empty(), Some(size.as_c_str()))
            .with_context(|| format!("cannot mount a file system on {}: only root can", folder.display()))?;
        Ok(Self { folder: folder.to_owned() })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file that fills it.
    pub fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }

    /// Removes the ballast.
    pub fn free(&self) {
        let _ = std::fs::remove_file(self.ballast());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The server may not have ended yet; then the file system goes when it does.
        let _ = unmount(&self.folder, UnmountFlags::DETACH);
    }
}

/// Writes until nothing more fits, and leaves a little.
pub fn fill(ballast: &Path) -> Result<()> {
    let mut file = File::create(ballast)?;
    let block = vec![1; 1 << 20];
    while file.write_all(&block).is_ok() {}
    let length = file.metadata()?.len();
    file.set_len(length.saturating_sub(LEFT))?;
    Ok(())
}
