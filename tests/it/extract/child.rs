//! The parent's hold on the child. Where the real program behaves too well, a script plays its part.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use docent::config::ExtractionConfig;
use docent::domain::document::ProcessingErrorCode as Code;
use docent::extract::child::SUBCOMMAND;
use docent::extract::{ExtractError, Extractor};

use bytes::Bytes;
use docent::extract::Content;
use futures_util::{FutureExt, StreamExt, stream};

use super::program;
use crate::support::app::PATIENCE;

fn page() -> Bytes {
    "<p>otters".into()
}

fn script(folder: &Path, lines: &str) -> PathBuf {
    let path = folder.join("reader");
    crate::support::program::script(&path, lines);
    path
}

/// What comes of a page when the reader does `lines`.
async fn with_reader(lines: &str) -> ExtractError {
    with_reader_within(PATIENCE.as_secs(), lines).await
}

/// As [`with_reader`], when it has so many seconds for it.
async fn with_reader_within(timeout_seconds: u64, lines: &str) -> ExtractError {
    let folder = tempfile::tempdir().unwrap();
    let config = ExtractionConfig { timeout_seconds, max_output_mib: 1, ..ExtractionConfig::default() };
    let extractor = Extractor::new(&config, 1, script(folder.path(), lines));
    extractor.extract(page(), "a.html", None).await.unwrap_err()
}

#[tokio::test]
async fn a_reader_that_dies_or_talks_nonsense_is_a_crash_that_may_pass() {
    for lines in [
        "kill -9 $$",
        "kill -11 $$",
        "exit 3",
        "exit 0",
        "echo nonsense",
        "echo '{\"Ok\":{}}'",
        "cat >/dev/null & exit 1",
    ] {
        let error = with_reader(lines).await;
        assert_eq!((error.code, error.retryable), (Code::ReaderCrashed, true), "{lines}");
    }
}

#[tokio::test]
async fn a_reader_that_never_ends_is_ended() {
    for lines in ["exec sleep 600", "exec sleep 600 >&- 2>&-", "while :; do echo >&2 noise; done"] {
        let start = Instant::now();
        let error = with_reader_within(1, lines).await;
        assert_eq!((error.code, error.retryable), (Code::LimitExceeded, false), "{lines}");
        assert!(start.elapsed() < PATIENCE, "{lines}");
    }
}

#[tokio::test]
async fn a_reader_that_never_stops_talking_is_ended() {
    let error = with_reader("exec cat /dev/zero").await;

    assert_eq!((error.code, error.retryable), (Code::LimitExceeded, false));
}

#[tokio::test]
async fn a_reader_that_used_up_its_time_or_memory_says_so() {
    for lines in ["kill -24 $$", "echo 'memory allocation of 99 bytes failed' >&2; kill -6 $$"] {
        let error = with_reader(lines).await;
        assert_eq!((error.code, error.retryable), (Code::LimitExceeded, false), "{lines}");
    }
}

#[tokio::test]
async fn a_reader_that_dies_or_talks_nonsense_while_it_unpacks_fails_like_any_other() {
    for (lines, expected) in [
        ("kill -9 $$", (Code::ReaderCrashed, true)),
        ("exit 0", (Code::ReaderCrashed, true)),
        ("exec cat /dev/zero", (Code::ReaderCrashed, true)),
        ("kill -24 $$", (Code::LimitExceeded, false)),
        ("echo 'memory allocation of 99 bytes failed' >&2; kill -6 $$", (Code::LimitExceeded, false)),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let extractor = Extractor::new(&ExtractionConfig::default(), 1, script(folder.path(), lines));
        let mut files = extractor.slot().await.unwrap().unpack(page().into(), "a.zip").await.unwrap();
        let error = files.next().await.unwrap_err();
        assert_eq!((error.code, error.retryable), expected, "{lines}");
    }
}

#[tokio::test]
async fn a_program_that_is_not_there_is_a_fault_of_the_server() {
    let extractor = Extractor::new(&ExtractionConfig::default(), 1, "/nowhere/docent".into());

    let error = extractor.extract(page(), "a.html", None).await.unwrap_err();

    assert_eq!((error.code, error.retryable), (Code::ServiceFailure, true));
}

#[tokio::test]
async fn a_reader_gets_no_environment_and_none_of_our_files() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    let lines = format!("{{ /usr/bin/env; ls -l /proc/$$/fd; }} >{}", report.display());
    let _open = fs::File::create(folder.path().join("database")).unwrap();
    let extractor = Extractor::new(&ExtractionConfig::default(), 1, script(folder.path(), &lines));

    extractor.extract(page(), "a.html", None).await.unwrap_err();

    let report = fs::read_to_string(report).unwrap();
    assert!(!report.contains("database"), "{report}");
    // The shell adds `PWD`, `OLDPWD`, `SHLVL` and `_` itself.
    let variables = report.lines().take_while(|line| !line.starts_with("total "));
    let own = ["PWD=/", "OLDPWD=", "SHLVL=", "_="];
    let given: Vec<_> = variables.filter(|line| !own.iter().any(|own| line.starts_with(own))).collect();
    assert_eq!(given, ["MALLOC_ARENA_MAX=1"]);
}

#[tokio::test]
async fn no_more_readers_run_than_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let busy = folder.path().join("busy");
    let clash = folder.path().join("clash");
    let lines = format!("mkdir {0} || touch {1}; sleep 0.1; rmdir {0}", busy.display(), clash.display());
    let extractor = Extractor::new(&ExtractionConfig::default(), 1, script(folder.path(), &lines));

    let read = || extractor.extract(page(), "a.html", None);
    let _ = tokio::join!(read(), read(), read(), read());

    assert!(!clash.exists());
}

#[tokio::test]
async fn a_reader_ends_when_nobody_waits_for_it_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let started = folder.path().join("started");
    let lines = format!("echo $$ >{0}.new; mv {0}.new {0}; exec sleep 600", started.display());
    let extractor = Extractor::new(&ExtractionConfig::default(), 1, script(folder.path(), &lines));

    let reading = extractor.extract(page(), "a.html", None);
    let has_started = async {
        while !started.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        _ = reading => panic!("the reader sleeps"),
        () = has_started => {}
    }

    let pid = fs::read_to_string(started).unwrap();
    let status = PathBuf::from(format!("/proc/{}/status", pid.trim()));
    let deadline = Instant::now() + PATIENCE;
    while fs::read_to_string(&status).is_ok_and(|status| !status.contains("State:\tZ")) {
        assert!(Instant::now() < deadline, "the reader lives on");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn the_child_ends_with_an_error_when_its_parent_leaves_or_speaks_nonsense() {
    for words in ["", "nonsense\n", "{\"kind\":\"Pdf\"}\n"] {
        let mut child = Command::new(program())
            .arg(SUBCOMMAND)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(words.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        assert!(output.stdout.is_empty());
    }
}

const PIECES: usize = 1000;
const PIECE: &[u8] = &[b'x'; 64 << 10];

/// A piece of a file, counted while it is in memory.
struct Piece(Arc<AtomicUsize>);

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        PIECE
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_file_goes_to_its_reader_in_pieces_and_waits_outside_memory() {
    let made = Arc::new(AtomicUsize::new(0));
    let held = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let content = || {
        let (made, held, most) = (Arc::clone(&made), Arc::clone(&held), Arc::clone(&most));
        let pieces = stream::iter(0..PIECES).map(move |_| {
            made.fetch_add(1, Ordering::SeqCst);
            most.fetch_max(held.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            Ok::<_, std::io::Error>(Bytes::from_owner(Piece(Arc::clone(&held))))
        });
        Content::new((PIECES * PIECE.len()) as u64, pieces)
    };
    let folder = tempfile::tempdir().unwrap();
    let length = format!("head -c {} >/dev/null; exit 3", PIECES * PIECE.len());
    let extractor = Extractor::new(&ExtractionConfig::default(), 1, script(folder.path(), &length));

    let slot = extractor.slot().await.unwrap();
    assert!(extractor.extract(content(), "a.html", None).now_or_never().is_none());
    assert_eq!(made.load(Ordering::SeqCst), 0, "a file is read that has to wait");
    drop(slot);

    extractor.extract(content(), "a.html", None).await.unwrap_err();
    assert_eq!(made.load(Ordering::SeqCst), PIECES);
    assert_eq!(held.load(Ordering::SeqCst), 0);
    let most = most.load(Ordering::SeqCst);
    assert!(most < 5, "{most} pieces in memory");
}

#[tokio::test]
async fn a_file_that_can_not_be_had_is_a_fault_of_the_server() {
    let extractor = Extractor::new(&ExtractionConfig::default(), 1, program());
    let broken = || stream::iter([Ok(Bytes::from("<p>otters")), Err("the disk is gone")]);
    let short = || stream::iter([Ok::<_, std::io::Error>(Bytes::from("<p>otters"))]);
    for name in ["a.html", "a.txt"] {
        for content in [Content::new(5000, broken()), Content::new(5000, short()), Content::new(5, short())] {
            let error = extractor.extract(content, name, None).await.unwrap_err();
            assert_eq!((error.code, error.retryable), (Code::ServiceFailure, true), "{name}");
        }
    }
}
