//! Says which directories have changed, as Linux tells it (inotify). That is a reason to scan them, and nothing more: what
//! has changed, the scan finds. So it does no harm if a message is lost, or if a link leads a message here from elsewhere.

use std::{
    collections::{BTreeSet, HashMap},
    ffi::OsStr,
    fs, io,
    mem::MaybeUninit,
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::{
    fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init},
    io::Errno,
};

use super::SourceError;

/// What a change is. Reading is none, or a scan would be the reason for the next one.
const CHANGE: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::ONLYDIR)
    .union(WatchFlags::EXCL_UNLINK);
/// How a directory comes into another one.
const ARRIVAL: ReadFlags = ReadFlags::CREATE.union(ReadFlags::MOVED_TO);
/// Bytes of messages that are read at once: at least fifteen of them.
const BUFFER: usize = 4096;

/// When something in a directory has changed.
#[derive(Clone, Copy, Debug)]
struct Changes {
    first: Instant,
    last: Instant,
}

/// Watches directories with all that is in them. Messages wait in the system until they are taken.
pub struct Watcher {
    inotify: OwnedFd,
    /// What is to be watched.
    roots: BTreeSet<PathBuf>,
    /// What is watched, by the number that the system has given each directory.
    watched: HashMap<i32, PathBuf>,
    failed: Vec<(PathBuf, String)>,
    changed: HashMap<PathBuf, Changes>,
}

impl Watcher {
    /// Watches directories from now on. Blocks, because each directory in them is watched for itself.
    ///
    /// # Errors
    /// `Watch` if nothing can be watched here.
    pub fn start(directories: BTreeSet<PathBuf>) -> Result<Self, SourceError> {
        let inotify = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK);
        let inotify = inotify.map_err(|error| SourceError::Watch(error.to_string()))?;
        let (watched, changed) = (HashMap::new(), HashMap::new());
        let mut watcher = Self { inotify, roots: directories.clone(), watched, failed: Vec::new(), changed };
        for directory in directories {
            watcher.watch(directory);
        }
        Ok(watcher)
    }

    /// What is not watched, each with the reason: mostly that it is not there, or has too many directories in it.
    #[must_use]
    pub fn failed(&self) -> &[(PathBuf, String)] {
        &self.failed
    }

    /// Takes the directories that have changed and where nothing has changed for `quiet`, or whose changes do not end for
    /// `longest`. Blocks.
    #[must_use]
    pub fn take_settled(&mut self, quiet: Duration, longest: Duration) -> Vec<PathBuf> {
        self.take_messages();
        let is_settled =
            |_: &PathBuf, changes: &mut Changes| changes.last.elapsed() >= quiet || changes.first.elapsed() >= longest;
        self.changed.extract_if(is_settled).map(|(path, _)| path).collect()
    }

    /// Watches a directory and all in it. A directory that can't be watched has the reason noted.
    fn watch(&mut self, directory: PathBuf) {
        let mut left = vec![directory];
        while let Some(directory) = left.pop() {
            let is_root = self.roots.contains(&directory);
            match self.watch_one(&directory) {
                Ok(below) => left.extend(below),
                Err(error) if is_root || error.kind() == io::ErrorKind::StorageFull => {
                    // With no number left, no other directory is watched either.
                    self.failed.push((directory, error.to_string()));
                    return;
                }
                // It was removed in between, is a link now, or can't be read by scans either.
                Err(_) => {}
            }
        }
    }

    /// Watches a directory. Returns those in it.
    fn watch_one(&mut self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        // The operator's own path may be a link.
        let how = if self.roots.contains(directory) { CHANGE } else { CHANGE | WatchFlags::DONT_FOLLOW };
        let number = add_watch(&self.inotify, directory, how)?;
        self.watched.insert(number, directory.to_owned());
        let entries = fs::read_dir(directory)?.filter_map(Result::ok);
        let below = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        Ok(below.map(|entry| entry.path()).collect())
    }

    fn take_messages(&mut self) {
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        let mut reader = Reader::new(&self.inotify, &mut buffer);
        let mut messages = Vec::new();
        let is_complete = loop {
            match reader.next() {
                Ok(event) => {
                    let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()).to_owned());
                    messages.push((event.wd(), event.events(), name));
                }
                Err(Errno::INTR) => {}
                Err(error) => break error == Errno::AGAIN,
            }
        };
        let is_complete = is_complete && !messages.iter().any(|(_, what, _)| what.contains(ReadFlags::QUEUE_OVERFLOW));
        for (number, what, name) in messages {
            let Some(directory) = self.watched.get(&number).cloned() else { continue };
            self.note(&directory);
            if what.contains(ReadFlags::IGNORED) {
                self.watched.remove(&number);
                if self.roots.contains(&directory) {
                    self.failed.push((directory, "it was removed".to_owned()));
                }
            } else if let Some(name) = name.filter(|_| what.contains(ReadFlags::ISDIR) && what.intersects(ARRIVAL)) {
                self.watch(directory.join(name));
            }
        }
        if !is_complete {
            // Anything may have changed, and new directories may not be watched.
            for root in self.roots.clone() {
                self.note(&root);
                self.failed.push((root, "messages were lost".to_owned()));
            }
        }
    }

    /// Notes a change in a directory for what is to be watched and holds it.
    fn note(&mut self, directory: &Path) {
        let now = Instant::now();
        for root in directory.ancestors().filter(|path| self.roots.contains(*path)) {
            self.changed.entry(root.to_owned()).or_insert(Changes { first: now, last: now }).last = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(watcher: &mut Watcher) -> Vec<PathBuf> {
        for _ in 0..200 {
            let settled = watcher.take_settled(Duration::from_millis(50), Duration::from_secs(5));
            if !settled.is_empty() {
                return settled;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Vec::new()
    }

    #[test]
    fn changes_at_any_depth_are_seen_and_reading_is_none() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(one.path().join("deep")).unwrap();
        fs::write(one.path().join("deep/a"), "a").unwrap();
        let gone = other.path().join("gone");
        let paths = [one.path(), other.path(), gone.as_path()].map(Path::to_owned);
        let mut watcher = Watcher::start(BTreeSet::from(paths)).unwrap();
        assert_eq!(watcher.failed().iter().map(|(path, _)| path).collect::<Vec<_>>(), [&gone]);
        fs::read(one.path().join("deep/a")).unwrap();
        std::thread::sleep(Duration::from_millis(50));
        assert!(watcher.take_settled(Duration::ZERO, Duration::ZERO).is_empty());
        fs::write(one.path().join("deep/a"), "b").unwrap();
        assert_eq!(settled(&mut watcher), [one.path()]);
        fs::create_dir(other.path().join("new")).unwrap();
        assert_eq!(settled(&mut watcher), [other.path()]);
        fs::write(other.path().join("new/b"), "b").unwrap();
        assert_eq!(settled(&mut watcher), [other.path()], "a new directory is watched too");
        assert_eq!(watcher.failed().len(), 1);
        let path = other.path().to_owned();
        drop(other);
        assert_eq!(settled(&mut watcher), [path.as_path()]);
        assert!(watcher.failed().iter().any(|(failed, reason)| *failed == path && reason == "it was removed"));
    }

    #[test]
    fn changes_without_an_end_are_told_in_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let mut watcher = Watcher::start(BTreeSet::from([directory.path().to_owned()])).unwrap();
        let begin = Instant::now();
        loop {
            fs::write(directory.path().join("a"), "a").unwrap();
            let settled = watcher.take_settled(Duration::from_mins(1), Duration::from_millis(100));
            if settled == [directory.path()] {
                break;
            }
            assert!(begin.elapsed() < Duration::from_secs(10), "it is not told");
        }
        assert!(begin.elapsed() >= Duration::from_millis(100));
    }
}
