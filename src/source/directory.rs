//! A directory on the server's disk.
//!
//! Nothing outside it can be reached: each name is opened below the directory before it, and a name that is a symbolic
//! link, or that leads to another file system, is not opened at all. This is decided by opening, not by looking at a
//! path first, so it holds while someone moves files and links about. Two calls that the project has anyway (`openat`,
//! `statat`) do it; a crate with a file system of its own would also follow links that stay inside.

use std::{
    collections::HashSet,
    fs::File,
    io,
    os::{fd::OwnedFd, unix::fs::MetadataExt},
    path::{Component, Path, PathBuf},
};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, open, openat, statat};

use super::{Patterns, SourceError};
use crate::domain::{
    name,
    source::{DirectoryLocation, Fingerprint, FoundFile, Scan, SkipReason},
};

/// The longest uri, in characters.
const MAX_URI: usize = 2000;
/// The longest file name, in characters.
const MAX_NAME: usize = 200;
/// Directories inside one another. Each level holds a file descriptor.
const MAX_DEPTH: usize = 100;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// Without blocking: opening a pipe would otherwise wait for its writer.
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// An open directory, and which of its files count.
#[derive(Debug)]
pub struct Directory {
    root: OwnedFd,
    stat: Stat,
    patterns: Patterns,
    hidden: bool,
    max_file_bytes: i64,
}

impl Directory {
    /// Opens the directory of a source, which lies below one of the roots. Blocks.
    ///
    /// # Errors
    /// `Outside`, `Unreachable`, or `Pattern`.
    pub fn open(location: &DirectoryLocation, roots: &[PathBuf]) -> Result<Self, SourceError> {
        let patterns = Patterns::new(&location.include, &location.exclude)?;
        let (root, rest) = below(&location.path, roots).ok_or(SourceError::Outside)?;
        let root = open_below(root, rest).map_err(SourceError::Unreachable)?;
        let stat = fstat(&root).map_err(|error| SourceError::Unreachable(error.into()))?;
        let (hidden, max_file_bytes) = (location.hidden, location.max_file_bytes);
        Ok(Self { root, stat, patterns, hidden, max_file_bytes })
    }

    /// Lists its files, in the order of their uris, without reading them. Blocks.
    ///
    /// # Errors
    /// `TooMany` for more than `limit` files, `Stopped`, or `Unreachable` if the directory itself can't be listed.
    pub fn scan(&self, limit: usize, is_stopped: impl Fn() -> bool) -> Result<Scan, SourceError> {
        let mut walk = Walk { directory: self, limit, is_stopped: &is_stopped, scan: Scan::default() };
        let mut root = Dir::read_from(&self.root).map_err(|error| SourceError::Unreachable(error.into()))?;
        walk.enter(&self.root, &mut root, "", 0)?;
        let mut scan = walk.scan;
        scan.files.sort_by(|a, b| a.uri.cmp(&b.uri));
        let mut uris = HashSet::new();
        let (files, twice): (Vec<_>, Vec<_>) =
            std::mem::take(&mut scan.files).into_iter().partition(|file| uris.insert(file.uri.clone()));
        scan.files = files;
        for file in twice {
            scan.skip(&file.path, SkipReason::InvalidName);
        }
        Ok(scan)
    }

    /// Opens a file that a scan found. Blocks.
    ///
    /// # Errors
    /// `Unreadable`, or `Changed` if it is no regular file any more or has become too large.
    pub fn read(&self, file: &FoundFile) -> Result<OpenedFile, SourceError> {
        let unreadable = |error: rustix::io::Errno| SourceError::Unreadable(error.into());
        let mut names: Vec<&str> = file.path.split('/').collect();
        let Some(name) = names.pop() else { return Err(SourceError::Changed) };
        let mut parent = None;
        for name in names {
            let opened =
                openat(parent.as_ref().unwrap_or(&self.root), name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty());
            parent = Some(opened.map_err(unreadable)?);
        }
        let opened = openat(parent.as_ref().unwrap_or(&self.root), name, FILE, Mode::empty()).map_err(unreadable)?;
        let stat = fstat(&opened).map_err(unreadable)?;
        let is_good = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
            && stat.st_dev == self.stat.st_dev
            && stat.st_size <= self.max_file_bytes;
        if is_good { OpenedFile::new(File::from(opened)) } else { Err(SourceError::Changed) }
    }
}

/// A file that is being read.
#[derive(Debug)]
pub struct OpenedFile {
    file: File,
    fingerprint: Fingerprint,
}

impl OpenedFile {
    fn new(file: File) -> Result<Self, SourceError> {
        let fingerprint = fingerprint(&file).map_err(SourceError::Unreadable)?;
        Ok(Self { file, fingerprint })
    }

    /// Its state when it was opened.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint.clone()
    }

    /// What to read it from.
    ///
    /// # Errors
    /// `Unreadable` when the process has no file descriptor left.
    pub fn bytes(&self) -> Result<File, SourceError> {
        self.file.try_clone().map_err(SourceError::Unreadable)
    }

    /// Makes sure that what was read is one state of the file, and not parts of two.
    ///
    /// # Errors
    /// `Changed`, or `Unreadable`.
    pub fn check_unchanged(&self) -> Result<(), SourceError> {
        let now = fingerprint(&self.file).map_err(SourceError::Unreadable)?;
        if now == self.fingerprint { Ok(()) } else { Err(SourceError::Changed) }
    }
}

fn fingerprint(file: &File) -> io::Result<Fingerprint> {
    let found = file.metadata()?;
    let size = i64::try_from(found.size()).unwrap_or(i64::MAX);
    Ok(Fingerprint { size, modified: nanoseconds(found.mtime(), found.mtime_nsec()), version: None })
}

fn nanoseconds(seconds: i64, rest: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(rest)
}

/// The longest root that a path lies below, and the way from there. Only names lead further down: no `..`.
fn below<'p>(path: &'p str, roots: &'p [PathBuf]) -> Option<(&'p Path, &'p Path)> {
    let path = Path::new(path);
    let ways = roots.iter().filter_map(|root| Some((root.as_path(), path.strip_prefix(root).ok()?)));
    ways.max_by_key(|(root, _)| root.components().count())
        .filter(|(_, rest)| rest.components().all(|part| matches!(part, Component::Normal(_))))
}

/// The operator's own path may contain links; what callers add to it may not.
fn open_below(root: &Path, rest: &Path) -> io::Result<OwnedFd> {
    let mut opened = open(root, DIRECTORY, Mode::empty())?;
    let device = fstat(&opened)?.st_dev;
    for part in rest.components() {
        opened = openat(&opened, part.as_os_str(), DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?;
    }
    if fstat(&opened)?.st_dev == device { Ok(opened) } else { Err(io::ErrorKind::CrossesDevices.into()) }
}

/// A scan in progress.
struct Walk<'d> {
    directory: &'d Directory,
    limit: usize,
    is_stopped: &'d dyn Fn() -> bool,
    scan: Scan,
}

impl Walk<'_> {
    fn enter(&mut self, fd: &OwnedFd, entries: &mut Dir, path: &str, depth: usize) -> Result<(), SourceError> {
        while let Some(entry) = entries.read() {
            if (self.is_stopped)() {
                return Err(SourceError::Stopped);
            }
            let Ok(entry) = entry else {
                self.scan.unread.push(name::composed(path));
                break;
            };
            let bytes = entry.file_name().to_bytes();
            if matches!(bytes, b"." | b"..") {
                continue;
            }
            if let Ok(name) = std::str::from_utf8(bytes) {
                self.see(fd, name, &joined(path, name), depth)?;
            } else {
                let path = joined(path, &String::from_utf8_lossy(bytes));
                self.scan.skip(&path, SkipReason::InvalidName);
            }
        }
        Ok(())
    }

    fn see(&mut self, parent: &OwnedFd, name: &str, path: &str, depth: usize) -> Result<(), SourceError> {
        let patterns = &self.directory.patterns;
        let reason = match statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            _ if name.starts_with('.') && !self.directory.hidden => SkipReason::Hidden,
            // It was removed in between.
            Err(rustix::io::Errno::NOENT) => return Ok(()),
            Err(_) => {
                // The disk may answer again.
                self.scan.unread.push(name::composed(path));
                SkipReason::Unreadable
            }
            Ok(stat) => match FileType::from_raw_mode(stat.st_mode) {
                FileType::Symlink => SkipReason::Link,
                _ if stat.st_dev != self.directory.stat.st_dev => SkipReason::OtherFileSystem,
                FileType::Directory if patterns.leave_out_directory(path) => SkipReason::Excluded,
                FileType::Directory => return self.descend(parent, name, path, depth),
                FileType::RegularFile if patterns.leave_out_file(path) => SkipReason::Excluded,
                FileType::RegularFile if stat.st_size > self.directory.max_file_bytes => SkipReason::TooLarge,
                FileType::RegularFile if !is_valid(path, name) => SkipReason::InvalidName,
                FileType::RegularFile => return self.add(path, &stat),
                _ => SkipReason::Special,
            },
        };
        self.scan.skip(path, reason);
        Ok(())
    }

    fn descend(&mut self, parent: &OwnedFd, name: &str, path: &str, depth: usize) -> Result<(), SourceError> {
        let opened = openat(parent, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty());
        let opened = opened.and_then(|fd| Dir::read_from(&fd).map(|entries| (fd, entries)));
        match opened {
            Ok((fd, mut entries)) if depth < MAX_DEPTH => self.enter(&fd, &mut entries, path, depth + 1),
            _ => {
                self.scan.skip(path, SkipReason::Unreadable);
                self.scan.unread.push(name::composed(path));
                Ok(())
            }
        }
    }

    fn add(&mut self, path: &str, stat: &Stat) -> Result<(), SourceError> {
        if self.scan.files.len() == self.limit {
            return Err(SourceError::TooMany { limit: self.limit });
        }
        let rest = i64::try_from(stat.st_mtime_nsec).unwrap_or(0);
        let modified = nanoseconds(stat.st_mtime, rest);
        let fingerprint = Fingerprint { size: stat.st_size, modified, version: None };
        self.scan.files.push(FoundFile { uri: name::composed(path), path: path.to_owned(), fingerprint });
        Ok(())
    }
}

/// Whether a file with this path and name can be a document.
pub(super) fn is_valid(path: &str, name: &str) -> bool {
    path.chars().count() <= MAX_URI && name.chars().count() <= MAX_NAME && !path.chars().any(char::is_control)
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        io::Read,
        os::unix::fs::symlink,
        sync::atomic::{AtomicBool, Ordering},
    };

    use rustix::fs::{CWD, mknodat};

    use super::*;

    fn place(path: &Path) -> DirectoryLocation {
        DirectoryLocation {
            path: path.to_str().unwrap().to_owned(),
            include: Vec::new(),
            exclude: vec!["*.tmp".into()],
            hidden: false,
            max_file_bytes: 100,
        }
    }

    fn pipe(path: &Path) {
        mknodat(CWD, path, FileType::Fifo, Mode::RWXU, 0).unwrap();
    }

    fn scanned(root: &Path) -> Scan {
        Directory::open(&place(root), &[root.to_owned()]).unwrap().scan(100, || false).unwrap()
    }

    #[test]
    fn files_are_found_and_everything_else_has_a_reason() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("deep/down")).unwrap();
        fs::write(at("deep/down/a.txt"), "a").unwrap();
        fs::write(at("b.tmp"), "b").unwrap();
        fs::write(at(".hidden"), "c").unwrap();
        fs::write(at("large"), vec![0; 101]).unwrap();
        symlink("/etc", at("link")).unwrap();
        pipe(&at("pipe"));
        let scan = scanned(root.path());
        let files: Vec<_> = scan.files.iter().map(|file| (file.uri.as_str(), file.fingerprint.size)).collect();
        assert_eq!(files, [("deep/down/a.txt", 1)]);
        let mut skipped: Vec<_> = scan.skipped.iter().map(|skipped| (skipped.path.as_str(), skipped.reason)).collect();
        skipped.sort_by_key(|(path, _)| *path);
        let expected = [
            (".hidden", SkipReason::Hidden),
            ("b.tmp", SkipReason::Excluded),
            ("large", SkipReason::TooLarge),
            ("link", SkipReason::Link),
            ("pipe", SkipReason::Special),
        ];
        assert_eq!(skipped, expected);
    }

    #[test]
    fn a_file_that_the_disk_says_nothing_of_is_not_gone() {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::open(&place(root.path()), &[root.path().to_owned()]).unwrap();
        let mut walk = Walk { directory: &directory, limit: 10, is_stopped: &|| false, scan: Scan::default() };
        // No disk has a name of this length.
        let name = "x".repeat(300);
        walk.see(&directory.root, &name, &format!("deep/{name}"), 1).unwrap();
        assert_eq!(walk.scan.skipped[0].reason, SkipReason::Unreadable);
        assert_eq!(walk.scan.unread, [format!("deep/{name}")]);
    }

    #[test]
    fn only_directories_below_a_root_can_be_opened() {
        let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(root.path().join("inside")).unwrap();
        symlink(other.path(), root.path().join("link")).unwrap();
        let open = |path: &Path| Directory::open(&place(path), &[root.path().to_owned()]);
        assert!(open(&root.path().join("inside")).is_ok());
        assert!(matches!(open(other.path()), Err(SourceError::Outside)));
        assert!(matches!(open(&root.path().join("inside/../..")), Err(SourceError::Outside)));
        assert!(matches!(open(&root.path().join("link")), Err(SourceError::Unreachable(_))));
        assert!(matches!(Directory::open(&place(root.path()), &[]), Err(SourceError::Outside)));
    }

    #[test]
    fn a_file_that_became_something_else_is_not_read() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir(at("deep")).unwrap();
        fs::write(at("deep/a"), "a").unwrap();
        let directory = Directory::open(&place(root.path()), &[root.path().to_owned()]).unwrap();
        let found = directory.scan(100, || false).unwrap().files.remove(0);
        let opened = directory.read(&found).unwrap();
        assert!(opened.check_unchanged().is_ok());
        fs::write(at("deep/a"), "longer").unwrap();
        assert!(matches!(opened.check_unchanged(), Err(SourceError::Changed)));
        fs::remove_file(at("deep/a")).unwrap();
        pipe(&at("deep/a"));
        assert!(matches!(directory.read(&found), Err(SourceError::Changed)));
        fs::remove_file(at("deep/a")).unwrap();
        symlink("/etc/passwd", at("deep/a")).unwrap();
        assert!(matches!(directory.read(&found), Err(SourceError::Unreadable(_))));
        fs::remove_dir_all(at("deep")).unwrap();
        symlink("/etc", at("deep")).unwrap();
        let passwd = FoundFile { path: "deep/passwd".into(), ..found };
        assert!(matches!(directory.read(&passwd), Err(SourceError::Unreadable(_))));
    }

    /// Exchanges what is inside for links to the outside and back, as fast as it can.
    fn exchange(root: &Path, outside: &Path, is_over: &AtomicBool) {
        let at = |name: &str| root.join(name);
        while !is_over.load(Ordering::Relaxed) {
            fs::rename(at("deep"), at("aside")).unwrap();
            symlink(outside, at("deep")).unwrap();
            fs::remove_file(at("deep")).unwrap();
            fs::rename(at("aside"), at("deep")).unwrap();
            fs::rename(at("deep/a"), at("deep/b")).unwrap();
            symlink(outside.join("a"), at("deep/a")).unwrap();
            fs::remove_file(at("deep/a")).unwrap();
            fs::rename(at("deep/b"), at("deep/a")).unwrap();
        }
    }

    #[test]
    fn ten_thousand_races_never_lead_outside() {
        let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(root.path().join("deep")).unwrap();
        fs::write(root.path().join("deep/a"), "inside").unwrap();
        fs::write(outside.path().join("a"), "secret").unwrap();
        let directory = Directory::open(&place(root.path()), &[root.path().to_owned()]).unwrap();
        let found = directory.scan(100, || false).unwrap().files.remove(0);
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| exchange(root.path(), outside.path(), &is_over));
            let mut texts = Vec::new();
            for _ in 0..10_000 {
                let Ok(opened) = directory.read(&found) else { continue };
                let mut text = String::new();
                opened.bytes().unwrap().read_to_string(&mut text).unwrap();
                texts.push(text);
            }
            is_over.store(true, Ordering::Relaxed);
            assert!(!texts.is_empty() && texts.iter().all(|text| text == "inside"), "{} reads", texts.len());
        });
    }
}
