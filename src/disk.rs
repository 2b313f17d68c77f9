//! How much disk space is left for the data directory, and whether that is enough to accept more.
//!
//! The vector store writes through memory maps of sparse files. If a page finds no space, the process is killed. So
//! work has to stop while some space is left: for writes in progress, for logs, and for the code that deletes things.

use std::{
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tracing::{info, warn};

/// The reserve is at most this part of the file system, so that a small one can be used at all.
const LARGEST_PART: u64 = 8;
/// The unit in which file systems count what a file takes.
const BLOCK_BYTES: u64 = 512;
/// Time between two checks while something waits for space.
const PAUSE: Duration = Duration::from_secs(1);

/// The space of a file system, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Space {
    pub available: u64,
    pub total: u64,
}

/// Reports the free space.
pub trait SpaceProbe: Send + Sync {
    /// The current free space.
    ///
    /// # Errors
    /// When the file system can't be asked.
    fn space(&self) -> io::Result<Space>;
}

/// The file system that holds a directory.
#[derive(Debug)]
pub struct FileSystem(pub PathBuf);

impl SpaceProbe for FileSystem {
    fn space(&self) -> io::Result<Space> {
        let found = rustix::fs::statvfs(&self.0)?;
        Ok(Space { available: found.f_bavail * found.f_frsize, total: found.f_blocks * found.f_frsize })
    }
}

impl Space {
    /// Whether `bytes` are free, or an eighth of a file system that is too small for them.
    #[must_use]
    pub fn holds(self, bytes: u64) -> bool {
        self.available >= self.bounded(bytes)
    }

    fn bounded(self, bytes: u64) -> u64 {
        bytes.min(self.total / LARGEST_PART)
    }
}

/// The bytes of the files below a directory, without the holes in them. Files may come and go meanwhile.
///
/// # Errors
/// When the directory can't be read.
pub fn size_of(directory: &Path) -> io::Result<u64> {
    let mut size = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        size += match entry.file_type() {
            Ok(kind) if kind.is_dir() => size_of(&entry.path()).unwrap_or(0),
            _ => entry.metadata().map_or(0, |file| file.blocks() * BLOCK_BYTES),
        };
    }
    Ok(size)
}

/// Watches over a reserve of free space.
pub struct Disk {
    probe: Arc<dyn SpaceProbe>,
    reserve: u64,
    is_short: AtomicBool,
}

impl Disk {
    /// Keeps `reserve` bytes free, or an eighth of the file system if that is less.
    #[must_use]
    pub fn new(probe: Arc<dyn SpaceProbe>, reserve: u64) -> Self {
        Self { probe, reserve, is_short: AtomicBool::new(false) }
    }

    /// Whether there is enough space to accept more. After a shortage, an additional quarter of the reserve must be
    /// free, so that work does not start and stop with every deleted file.
    pub fn has_room(&self) -> bool {
        self.has_room_for(0)
    }

    /// Whether the reserve would still be free after these bytes are written.
    pub fn has_room_for(&self, bytes: u64) -> bool {
        let space = match self.probe.space() {
            Ok(space) => space,
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "the free space on the disk can't be determined");
                return false;
            }
        };
        let reserve = space.bounded(self.reserve);
        let was_short = self.is_short.load(Ordering::Relaxed);
        let is_short = space.available < if was_short { reserve + reserve / 4 } else { reserve };
        if self.is_short.swap(is_short, Ordering::Relaxed) != is_short {
            let available_mib = space.available / (1024 * 1024);
            if is_short {
                warn!(available_mib, reserve_mib = reserve / (1024 * 1024), "the disk is nearly full: ingestion waits");
            } else {
                info!(available_mib, "there is space on the disk again: ingestion resumes");
            }
        }
        !is_short && space.available >= reserve.saturating_add(bytes)
    }

    /// Returns when there is room.
    pub async fn room(&self) {
        while !self.has_room() {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Disk")
            .field("reserve", &self.reserve)
            .field("is_short", &self.is_short)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    #[test]
    fn what_has_to_fit_is_never_more_than_an_eighth_of_the_file_system() {
        let space = |available, total| Space { available, total };
        assert!(space(100, 10_000).holds(100) && !space(99, 10_000).holds(100));
        assert!(space(10, 80).holds(100) && !space(9, 80).holds(100));
    }

    #[derive(Default)]
    struct Fake(AtomicU64);

    impl SpaceProbe for Fake {
        fn space(&self) -> io::Result<Space> {
            Ok(Space { available: self.0.load(Ordering::SeqCst), total: 8_000 })
        }
    }

    #[test]
    fn there_is_room_while_the_reserve_is_free_and_again_when_there_is_a_little_more() {
        // An eighth of the file system is 1,000.
        for reserve in [1_000, u64::MAX] {
            let fake = Arc::new(Fake::default());
            let disk = Disk::new(Arc::clone(&fake) as Arc<dyn SpaceProbe>, reserve);
            let rooms = [(1_000, true), (999, false), (1_000, false), (1_249, false), (1_250, true), (1_000, true)];
            for (available, room) in rooms {
                fake.0.store(available, Ordering::SeqCst);
                assert_eq!(disk.has_room(), room, "{available}");
            }
            fake.0.store(2_000, Ordering::SeqCst);
            assert!(disk.has_room_for(1_000) && !disk.has_room_for(1_001) && disk.has_room());
        }
    }

    #[test]
    fn a_file_system_tells_its_space() {
        let directory = tempfile::tempdir().unwrap();
        let space = FileSystem(directory.path().to_owned()).space().unwrap();
        assert!(space.total >= space.available && space.total > 0, "{space:?}");
    }
}
