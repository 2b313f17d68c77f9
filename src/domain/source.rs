//! Sources: places where documents come from and are kept in step with. A sync scans the place, and [`diff`] decides from
//! the scan alone what has to be read, removed or left as it is.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{
    id::{CollectionId, DocumentId, OperationId, SourceId, SourceRunId, UserId},
    vocabulary::vocabulary,
};

/// Things left out that a scan names one by one.
const MAX_SKIPPED: usize = 1000;
/// Minutes before the indexing of a file is tried again that has failed once. They double with each failure.
const FIRST_PAUSE: i64 = 5;
const LONGEST_PAUSE: i64 = 24 * 60;

vocabulary! {
    /// The kind of a source.
    pub enum SourceKind {
        /// A directory on the server's disk.
        Directory => "DIRECTORY",
        /// Pages of a web site.
        Web => "WEB",
        /// A bucket of an object store.
        Bucket => "BUCKET",
    }
}

vocabulary! {
    /// What a source is doing.
    pub enum SourceStatus {
        Idle => "IDLE",
        /// A sync waits for its turn or runs.
        Syncing => "SYNCING",
        /// Being removed.
        Removing => "REMOVING",
    }
}

/// Where the documents of a source come from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Location {
    Directory(DirectoryLocation),
    Web(WebLocation),
    Bucket(BucketLocation),
}

impl Location {
    #[must_use]
    pub fn kind(&self) -> SourceKind {
        match self {
            Self::Directory(_) => SourceKind::Directory,
            Self::Web(_) => SourceKind::Web,
            Self::Bucket(_) => SourceKind::Bucket,
        }
    }
}

/// A directory, and which of its files are documents.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DirectoryLocation {
    /// The absolute path, below a directory that the operator has named.
    pub path: String,
    /// Patterns of paths below it; a file has to match one. Empty: all files.
    pub include: Vec<String>,
    /// Patterns of paths below it; a file must not match any.
    pub exclude: Vec<String>,
    /// Whether files and directories are read whose names begin with a dot.
    pub hidden: bool,
    /// The size of the largest file that is read.
    pub max_file_bytes: i64,
}

/// Pages of the web, and which of them are documents.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WebLocation {
    pub start: WebStart,
    /// Patterns of the paths of URLs; a page has to match one to become a document. Empty: all pages.
    pub include: Vec<String>,
    /// Patterns of the paths of URLs that are never requested.
    pub exclude: Vec<String>,
    /// How many pages a sync requests at most.
    pub max_pages: i32,
    /// The size of the largest page that is read.
    pub max_file_bytes: i64,
    /// How many requests one host gets in a minute at most.
    pub requests_per_minute: i32,
}

/// Where the pages of a web source are found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WebStart {
    /// These pages and no others.
    Urls(Vec<String>),
    /// The pages that a sitemap lists.
    Sitemap(String),
    /// A page and those that it leads to.
    Page(StartPage),
}

/// A page from which links are followed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StartPage {
    pub url: String,
    /// How many links lead to the farthest page.
    pub depth: i32,
    /// What the URLs of all pages begin with.
    pub prefix: String,
}

/// A bucket of S3 or of a store that speaks its protocol, and which of its objects are documents.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BucketLocation {
    /// The URL of the store; `None`: that of AWS in the region.
    pub endpoint: Option<String>,
    pub region: String,
    pub bucket: String,
    /// The folder in the bucket; empty: all of it.
    pub prefix: String,
    /// Patterns of paths below the prefix; an object has to match one. Empty: all objects.
    pub include: Vec<String>,
    /// Patterns of paths below the prefix; an object must not match any.
    pub exclude: Vec<String>,
    /// The size of the largest object that is read.
    pub max_file_bytes: i64,
    /// `None`: requests are not signed.
    pub credentials: Option<BucketCredentials>,
}

impl BucketLocation {
    /// What the secret of the credentials is sealed for: it can't be used for another place.
    #[must_use]
    pub fn secret_context(&self) -> String {
        let key = self.credentials.as_ref().map_or("", |credentials| credentials.access_key_id.as_str());
        format!("{}\n{}\n{}\n{key}", self.endpoint.as_deref().unwrap_or_default(), self.region, self.bucket)
    }
}

/// An access key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BucketCredentials {
    pub access_key_id: String,
    /// Sealed with a key that is not in the database.
    pub sealed_secret: String,
}

/// What a web server says of the state of a page, so that it can be asked whether it still is the same.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Validators {
    pub etag: Option<String>,
    pub last_modified: Option<String>,
}

/// What happens to the document of a file that is gone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum VanishPolicy {
    Keep,
    /// It is deleted when so many syncs, at least one, in a row have not found its file.
    DeleteAfter(i32),
}

/// A place that a collection follows.
#[derive(Clone, PartialEq, Debug)]
pub struct Source {
    pub id: SourceId,
    pub collection_id: CollectionId,
    /// On whose behalf it is synced; `None` if the account no longer exists.
    pub user_id: Option<UserId>,
    /// Unique among the sources of its collection.
    pub name: String,
    pub location: Location,
    /// Minutes between two syncs; `None`: it is synced only on request.
    pub interval_minutes: Option<i32>,
    pub on_vanish: VanishPolicy,
    pub status: SourceStatus,
    /// Why the last sync failed, if it did.
    pub error: Option<String>,
    pub last_run: Option<SourceRunId>,
    /// When the next sync is due; `None` while one waits or runs, and if it is synced only on request.
    pub next_run_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What a sync did with the files of a source.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RunCounts {
    pub found: i32,
    pub added: i32,
    pub changed: i32,
    pub unchanged: i32,
    pub removed: i32,
    /// Files that could not be read; the next sync tries again.
    pub failed: i32,
    /// What is no document: links, files that are too large or excluded.
    pub skipped: i32,
}

/// One sync of a source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceRun {
    pub id: SourceRunId,
    pub source_id: SourceId,
    /// The operation that indexes what it found; `None` if there was nothing to index.
    pub operation_id: Option<OperationId>,
    pub counts: RunCounts,
    pub error: Option<String>,
    pub started_at: DateTime<Utc>,
    pub completed_at: Option<DateTime<Utc>>,
}

/// What tells two states of a file apart without reading it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Fingerprint {
    pub size: i64,
    /// When it was last changed, in nanoseconds since 1970; 0 where a version says more.
    pub modified: i64,
    /// The name of its state, in places that have one: the digest of a page, the ETag of an object.
    pub version: Option<String>,
}

impl Fingerprint {
    /// That of no file.
    const NONE: Self = Self { size: -1, modified: 0, version: None };
}

/// A file that a scan found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FoundFile {
    /// The path below the place, in normalised form: the uri of its document.
    pub uri: String,
    /// The path as the place writes it.
    pub path: String,
    pub fingerprint: Fingerprint,
}

vocabulary! {
    /// Why something that a scan found is no document.
    pub enum SkipReason {
        /// Its name begins with a dot.
        Hidden => "HIDDEN",
        /// The patterns leave it out.
        Excluded => "EXCLUDED",
        /// It is a symbolic link.
        Link => "LINK",
        /// It is neither a file nor a directory, or stands for a folder.
        Special => "SPECIAL",
        /// It lies on another file system.
        OtherFileSystem => "OTHER_FILE_SYSTEM",
        TooLarge => "TOO_LARGE",
        /// Its name is not UTF-8, too long, or the same as another one in normalised form.
        InvalidName => "INVALID_NAME",
        /// It can't be opened.
        Unreadable => "UNREADABLE",
        /// The site asks programs not to request it.
        Robots => "ROBOTS",
        /// Its host has an address that is not public, and the operator has not allowed the host.
        InternalAddress => "INTERNAL_ADDRESS",
        /// It is, or leads to, a page outside the place, or it leads to too many others.
        Outside => "OUTSIDE",
        /// The site says that it does not exist.
        Missing => "MISSING",
        /// It is an image, a sound, a film or a part of the page's design.
        NotText => "NOT_TEXT",
    }
}

impl SkipReason {
    /// Whether it may be a state of the place that passes: a name that has another address for a while, or a site that leads
    /// to where one logs in. A page that was a document is not gone because of it.
    #[must_use]
    pub fn may_pass(self) -> bool {
        matches!(self, Self::InternalAddress | Self::Outside)
    }
}

/// Something that a scan found and that is no document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Skipped {
    pub path: String,
    pub reason: SkipReason,
}

/// What a scan found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Scan {
    pub files: Vec<FoundFile>,
    /// The first things that were skipped.
    pub skipped: Vec<Skipped>,
    pub skipped_count: i32,
    /// Directories and pages that could not be read: nothing is known of them and of what is in them. Empty path: the place
    /// itself.
    pub unread: Vec<String>,
    /// Pages that could not be read; files fail later, when they are opened.
    pub failed: i32,
    /// Why it ended before everything was found.
    pub cut: Option<Cut>,
}

impl Scan {
    /// Notes something that is no document.
    pub fn skip(&mut self, path: &str, reason: SkipReason) {
        self.skipped_count = self.skipped_count.saturating_add(1);
        self.name_skipped(path, reason);
    }

    /// Notes a page that could not be read and may still be there.
    pub fn fail(&mut self, path: &str) {
        self.failed = self.failed.saturating_add(1);
        self.unread.push(path.to_owned());
        self.name_skipped(path, SkipReason::Unreadable);
    }

    /// Ends it early: what was not found by now may be there.
    pub fn cut(&mut self, cut: Cut) {
        self.cut = Some(cut);
        self.unread.push(String::new());
    }

    fn name_skipped(&mut self, path: &str, reason: SkipReason) {
        if self.skipped.len() < MAX_SKIPPED {
            self.skipped.push(Skipped { path: path.to_owned(), reason });
        }
    }
}

/// Why a scan ended before everything was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cut {
    /// There are more pages than it may request.
    Pages,
    /// It took as long as it may.
    Time,
    /// Too many pages in a row could not be read.
    Failures,
    /// The key of this object is no path, and a list ends there.
    Key(String),
}

/// What is remembered of a file since the last sync.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KnownFile {
    pub uri: String,
    pub fingerprint: Fingerprint,
    /// Empty for anything but pages.
    pub validators: Validators,
    pub document_id: DocumentId,
    /// How many syncs in a row have not found it.
    pub missed: i32,
}

impl KnownFile {
    /// Forgets its state, so that the next sync reads it again.
    pub fn forget(&mut self) {
        (self.fingerprint, self.validators) = (Fingerprint::NONE, Validators::default());
    }
}

/// A document of a source whose indexing has failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    pub document_id: DocumentId,
    pub uri: String,
    /// How often its indexing has failed since it succeeded.
    pub times: i32,
    pub failed_at: DateTime<Utc>,
    /// Whether trying again can help.
    pub is_retryable: bool,
}

impl Failure {
    /// Whether a sync that nobody has asked for tries again.
    #[must_use]
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        let doublings = self.times.saturating_sub(1).clamp(0, 20);
        self.failed_at + TimeDelta::minutes((FIRST_PAUSE << doublings).min(LONGEST_PAUSE)) <= now
    }
}

/// What a sync has to do.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Diff {
    pub added: Vec<FoundFile>,
    pub changed: Vec<FoundFile>,
    pub unchanged: i32,
    /// Files that were missed before and are there again as they were.
    pub returned: Vec<String>,
    /// Files that are gone, and whose documents stay for the time being.
    pub missed: Vec<String>,
    /// Files that are gone, and whose documents are to be deleted.
    pub vanished: Vec<KnownFile>,
    /// Whether so much is gone that the place itself is probably away. Then nothing is missed and nothing vanishes.
    pub is_suspicious: bool,
}

/// Compares what a scan found with what is known. If more than half of the known files are gone and documents would be
/// deleted, nothing is, unless that is `confirmed`.
#[must_use]
pub fn diff(scan: &Scan, known: Vec<KnownFile>, policy: VanishPolicy, is_confirmed: bool) -> Diff {
    let mut diff = Diff::default();
    let total = known.len();
    let mut known: HashMap<String, KnownFile> = known.into_iter().map(|file| (file.uri.clone(), file)).collect();
    for file in &scan.files {
        match known.remove(&file.uri) {
            None => diff.added.push(file.clone()),
            Some(before) if before.fingerprint != file.fingerprint => diff.changed.push(file.clone()),
            Some(before) => {
                diff.unchanged += 1;
                if before.missed > 0 {
                    diff.returned.push(before.uri);
                }
            }
        }
    }
    let VanishPolicy::DeleteAfter(syncs) = policy else { return diff };
    let mut gone: Vec<_> = known.into_values().filter(|file| !is_unread(&scan.unread, &file.uri)).collect();
    gone.sort_by(|a, b| a.uri.cmp(&b.uri));
    if gone.len() * 2 > total && !is_confirmed {
        diff.is_suspicious = true;
        return diff;
    }
    let (vanished, missed): (Vec<_>, Vec<_>) = gone.into_iter().partition(|file| file.missed + 1 >= syncs);
    diff.vanished = vanished;
    diff.missed = missed.into_iter().map(|file| file.uri).collect();
    diff
}

fn is_unread(directories: &[String], uri: &str) -> bool {
    directories.iter().any(|directory| {
        let below = |rest: &str| rest.is_empty() || rest.starts_with('/');
        directory.is_empty() || uri.strip_prefix(directory.as_str()).is_some_and(below)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(size: i64) -> Fingerprint {
        Fingerprint { size, modified: 0, version: None }
    }

    fn found(uri: &str, size: i64) -> FoundFile {
        FoundFile { uri: uri.into(), path: uri.into(), fingerprint: fingerprint(size) }
    }

    fn known(uri: &str, size: i64, missed: i32) -> KnownFile {
        let (fingerprint, validators) = (fingerprint(size), Validators::default());
        KnownFile { uri: uri.into(), fingerprint, validators, document_id: DocumentId::generate(), missed }
    }

    fn scan(files: &[FoundFile]) -> Scan {
        Scan { files: files.to_vec(), ..Scan::default() }
    }

    fn uris(files: &[KnownFile]) -> Vec<&str> {
        files.iter().map(|file| file.uri.as_str()).collect()
    }

    const AT_ONCE: VanishPolicy = VanishPolicy::DeleteAfter(1);

    #[test]
    fn only_what_is_new_or_looks_different_is_read() {
        let scan = scan(&[found("new", 1), found("same", 1), found("other", 2), found("back", 1)]);
        let before = vec![known("same", 1, 0), known("other", 1, 0), known("back", 1, 2)];
        let diff = diff(&scan, before, VanishPolicy::Keep, false);
        assert_eq!(diff.added, [found("new", 1)]);
        assert_eq!(diff.changed, [found("other", 2)]);
        assert_eq!((diff.unchanged, diff.returned), (2, vec!["back".to_owned()]));
    }

    #[test]
    fn a_file_that_is_gone_is_kept_or_deleted_as_the_policy_says() {
        let scan = scan(&[found("a", 1), found("b", 1)]);
        let before = || vec![known("a", 1, 0), known("b", 1, 0), known("gone", 1, 0)];
        assert!(diff(&scan, before(), VanishPolicy::Keep, false).vanished.is_empty());
        assert_eq!(uris(&diff(&scan, before(), AT_ONCE, false).vanished), ["gone"]);
        let later = diff(&scan, before(), VanishPolicy::DeleteAfter(2), false);
        assert_eq!((later.missed, later.vanished), (vec!["gone".to_owned()], vec![]));
    }

    #[test]
    fn documents_are_never_deleted_in_masses_without_confirmation() {
        let before = || vec![known("a", 1, 0), known("b", 1, 0), known("c", 1, 0)];
        let alone = scan(&[found("a", 1)]);
        let careful = diff(&alone, before(), AT_ONCE, false);
        assert!(careful.is_suspicious && careful.vanished.is_empty() && careful.missed.is_empty());
        assert_eq!(uris(&diff(&alone, before(), AT_ONCE, true).vanished), ["b", "c"]);
    }

    #[test]
    fn what_lies_in_an_unread_directory_is_not_gone() {
        let scan = Scan { unread: vec!["docs".into()], ..scan(&[found("a", 1), found("b", 1)]) };
        let before = vec![known("a", 1, 0), known("b", 1, 0), known("docs/c", 1, 0), known("docsx", 1, 0)];
        assert_eq!(uris(&diff(&scan, before, AT_ONCE, false).vanished), ["docsx"]);
    }

    #[test]
    fn a_file_that_was_forgotten_is_read_again() {
        let mut before = known("a", 1, 0);
        before.forget();
        let diff = diff(&scan(&[found("a", 1)]), vec![before], AT_ONCE, false);
        assert_eq!((diff.changed, diff.unchanged), (vec![found("a", 1)], 0));
    }

    #[test]
    fn a_file_that_fails_waits_twice_as_long_each_time_and_a_day_at_most() {
        let begin = DateTime::UNIX_EPOCH;
        let failure = |times| Failure {
            document_id: DocumentId::generate(),
            uri: "a".into(),
            times,
            failed_at: begin,
            is_retryable: true,
        };
        for (times, minutes) in [(0, 5), (1, 5), (2, 10), (3, 20), (9, 1280), (10, 1440), (i32::MAX, 1440)] {
            let due = begin + TimeDelta::minutes(minutes);
            assert!(failure(times).is_due(due) && !failure(times).is_due(due - TimeDelta::seconds(1)), "{times}");
        }
    }

    #[test]
    fn a_page_that_could_not_be_read_is_not_gone_and_nothing_is_if_the_scan_was_cut() {
        let mut scan = scan(&[found("https://a.test/", 1), found("https://a.test/b", 1)]);
        let before = || {
            let pages = ["https://a.test/", "https://a.test/b", "https://a.test/down", "https://a.test/gone"];
            pages.map(|page| known(page, 1, 0)).to_vec()
        };
        scan.fail("https://a.test/down");
        assert_eq!(uris(&diff(&scan, before(), AT_ONCE, false).vanished), ["https://a.test/gone"]);
        scan.cut(Cut::Time);
        assert!(diff(&scan, before(), AT_ONCE, true).vanished.is_empty());
    }
}
