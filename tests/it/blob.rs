//! The store of originals on a real file system.

use std::{collections::BTreeSet, convert::Infallible, io, path::Path, time::Instant};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use docent::{
    blob::{BlobError, BlobStore},
    domain::clock::{Clock, SystemClock},
};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use tempfile::TempDir;

use crate::support::app::PATIENCE;

const MIB: usize = 1024 * 1024;
/// SHA-256 of nothing and of `abc`.
const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn open() -> (TempDir, BlobStore) {
    let directory = tempfile::tempdir().unwrap();
    let store = BlobStore::open_local(directory.path()).unwrap();
    (directory, store)
}

fn pieces(pieces: &[&'static str]) -> impl Stream<Item = Result<Bytes, Infallible>> + use<> {
    stream::iter(pieces.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes()))).collect::<Vec<_>>())
}

/// `size` bytes that repeat only after a prime number of them, in pieces of an odd length.
fn large(size: usize) -> (Bytes, impl Stream<Item = Result<Bytes, io::Error>>) {
    let bytes: Bytes = (0..size).map(|index| u8::try_from(index % 251).unwrap()).collect();
    let all = bytes.clone();
    let starts = (0..size).step_by(65_537);
    (bytes, stream::iter(starts.map(move |start| Ok(all.slice(start..size.min(start + 65_537))))))
}

/// Every file below the directory, by its path inside.
fn files(directory: &Path) -> BTreeSet<String> {
    fn walk(root: &Path, directory: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, found);
            } else {
                found.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(directory, directory, &mut found);
    found
}

async fn read(store: &BlobStore, digest: &str, range: Option<std::ops::Range<u64>>) -> Vec<u8> {
    let parts: Vec<Bytes> = store.stream(digest, range).await.unwrap().try_collect().await.unwrap();
    parts.concat()
}

#[tokio::test]
async fn bytes_are_found_by_their_digest() {
    let (directory, store) = open();
    let stored = store.put_stream(pieces(&["a", "", "bc"]), 3).await.unwrap();
    assert_eq!((stored.digest.as_str(), stored.size), (ABC, 3));
    assert_eq!(store.get(ABC).await.unwrap(), "abc");
    assert_eq!(store.size(ABC).await.unwrap(), 3);
    assert!(store.exists(ABC).await.unwrap());
    assert!(!store.exists(NOTHING).await.unwrap());
    assert_eq!(files(directory.path()), BTreeSet::from([format!("originals/ba/{ABC}")]));
}

#[tokio::test]
async fn nothing_is_something_that_can_be_stored() {
    let (_directory, store) = open();
    assert_eq!(store.put_stream(pieces(&[]), 0).await.unwrap().digest, NOTHING);
    assert_eq!(store.put_bytes(Bytes::new()).await.unwrap().size, 0);
    assert_eq!(store.get(NOTHING).await.unwrap(), "");
    assert_eq!(read(&store, NOTHING, None).await, b"");
    assert_eq!(read(&store, NOTHING, Some(0..0)).await, b"");
}

#[tokio::test]
async fn a_large_file_arrives_as_it_was_sent() {
    let (directory, store) = open();
    // Around the border of what is written at once.
    for size in [MIB - 1, MIB, MIB + 1, 5 * MIB + 12_345] {
        let (bytes, stream) = large(size);
        let stored = store.put_stream(stream, size as u64).await.unwrap();
        assert_eq!(stored.size, i64::try_from(size).unwrap());
        assert_eq!(store.get(&stored.digest).await.unwrap(), bytes, "{size}");
        assert_eq!(read(&store, &stored.digest, None).await, bytes, "{size}");
        assert_eq!(store.put_bytes(bytes).await.unwrap(), stored, "{size}");
    }
    assert_eq!(files(directory.path()).len(), 4);
}

#[tokio::test]
async fn the_same_bytes_are_stored_once() {
    let (directory, store) = open();
    let (large, large_stream) = large(2 * MIB);
    let first = store.put_stream(large_stream, u64::MAX).await.unwrap();
    assert_eq!(store.put_bytes(large).await.unwrap(), first);
    for _ in 0..3 {
        store.put_bytes("abc".into()).await.unwrap();
    }
    assert_eq!(files(directory.path()).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_bytes_may_arrive_many_times_at_once() {
    let (directory, store) = open();
    let puts = (0..32).map(|index| {
        let store = store.clone();
        tokio::spawn(async move {
            let (bytes, stream) = large(if index % 2 == 0 { 100 } else { 2 * MIB });
            let stored = store.put_stream(stream, u64::MAX).await.unwrap();
            assert_eq!(store.get(&stored.digest).await.unwrap(), bytes);
        })
    });
    for put in puts.collect::<Vec<_>>() {
        put.await.unwrap();
    }
    assert_eq!(files(directory.path()).len(), 2);
}

#[tokio::test]
async fn a_file_over_the_limit_is_refused_at_once_and_leaves_nothing() {
    let (directory, store) = open();
    let error = store.put_stream(pieces(&["ab", "c"]), 2).await.unwrap_err();
    assert!(matches!(error, BlobError::TooLarge { limit: 2 }), "{error}");
    assert_eq!(error.to_string(), "the file has more than 2 bytes");

    // Endless: it can only be refused while it arrives.
    let endless = stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from(vec![0; 100_000])));
    let error = store.put_stream(endless, 3_500_000).await.unwrap_err();
    assert!(matches!(error, BlobError::TooLarge { limit: 3_500_000 }), "{error}");
    assert_eq!(files(directory.path()), BTreeSet::new());
}

#[tokio::test]
async fn a_file_that_stops_arriving_leaves_nothing() {
    let (directory, store) = open();
    for size in [10, 3 * MIB] {
        let (_, stream) = large(size);
        let broken = stream.chain(stream::once(async { Err(io::Error::other("connection reset")) }));
        let error = store.put_stream(broken, u64::MAX).await.unwrap_err();
        assert!(matches!(error, BlobError::Interrupted(_)), "{error}");
        assert_eq!(files(directory.path()), BTreeSet::new());
    }
}

#[tokio::test]
async fn a_caller_who_leaves_half_way_leaves_nothing() {
    let (directory, store) = open();
    let (_, stream) = large(3 * MIB);
    let (arrived, has_arrived) = tokio::sync::oneshot::channel();
    let stalls = stream.chain(stream::once(async move {
        arrived.send(()).unwrap();
        std::future::pending().await
    }));
    let put = tokio::spawn({
        let store = store.clone();
        async move { store.put_stream(stalls, u64::MAX).await }
    });
    has_arrived.await.unwrap();
    let unfinished = files(directory.path());
    assert!(unfinished.iter().all(|name| name.starts_with("incoming/")) && unfinished.len() == 1, "{unfinished:?}");

    put.abort();
    assert!(put.await.unwrap_err().is_cancelled());
    let deadline = Instant::now() + PATIENCE;
    while !files(directory.path()).is_empty() {
        assert!(Instant::now() < deadline, "{:?}", files(directory.path()));
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_range_gives_exactly_its_bytes() {
    let (_directory, store) = open();
    let (bytes, stream) = large(2 * MIB);
    let digest = store.put_stream(stream, u64::MAX).await.unwrap().digest;
    let size = bytes.len() as u64;
    for range in [0..1, 0..size, 5..5, 1_000_000..1_500_001, size - 1..size, size..size] {
        let expected = &bytes[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()];
        assert_eq!(read(&store, &digest, Some(range.clone())).await, expected, "{range:?}");
    }
    #[expect(clippy::reversed_empty_ranges, reason = "callers compute ranges, and get them wrong")]
    for range in [0..size + 1, size + 1..size + 2, 2..1] {
        let error = store.stream(&digest, Some(range.clone())).await.err().unwrap();
        assert!(matches!(error, BlobError::InvalidRange), "{range:?}: {error}");
    }
}

#[tokio::test]
async fn only_a_digest_names_a_file() {
    let (directory, store) = open();
    std::fs::write(directory.path().join("secret"), "secret").unwrap();
    store.put_bytes("abc".into()).await.unwrap();
    let wrong = [
        "",
        "../secret",
        "../../../secret",
        "/etc/passwd",
        &ABC[1..],
        &format!("{ABC}0"),
        &ABC.to_uppercase(),
        &format!("..{}", &ABC[2..]),
        &format!("{}\0", &ABC[1..]),
        &format!("{}é", &ABC[2..]),
    ];
    for digest in wrong {
        assert!(matches!(store.get(digest).await, Err(BlobError::InvalidDigest)), "{digest}");
        assert!(matches!(store.stream(digest, None).await, Err(BlobError::InvalidDigest)), "{digest}");
        assert!(matches!(store.size(digest).await, Err(BlobError::InvalidDigest)), "{digest}");
        assert!(matches!(store.exists(digest).await, Err(BlobError::InvalidDigest)), "{digest}");
        assert!(matches!(store.delete(digest).await, Err(BlobError::InvalidDigest)), "{digest}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let (_directory, store) = open();
    for error in [
        store.get(ABC).await.err(),
        store.stream(ABC, None).await.err(),
        store.stream(ABC, Some(0..1)).await.err(),
        store.size(ABC).await.err(),
    ] {
        let error = error.unwrap();
        assert!(matches!(&error, BlobError::NotFound { digest } if digest == ABC), "{error}");
        assert!(!error.is_retryable());
    }
}

#[tokio::test]
async fn deleting_can_be_done_again() {
    let (directory, store) = open();
    store.put_bytes("abc".into()).await.unwrap();
    for _ in 0..2 {
        store.delete(ABC).await.unwrap();
    }
    assert!(!store.exists(ABC).await.unwrap());
    assert_eq!(files(directory.path()), BTreeSet::new());
    store.put_bytes("abc".into()).await.unwrap();
    assert!(store.exists(ABC).await.unwrap());
}

#[tokio::test]
async fn what_a_killed_process_left_is_swept_and_nothing_else() {
    let (directory, store) = open();
    store.put_bytes("abc".into()).await.unwrap();
    let digest = format!("originals/ba/{ABC}");
    let left = ["incoming/left#1".to_owned(), "incoming/complete".to_owned(), format!("{digest}#1")];
    std::fs::create_dir_all(directory.path().join("incoming")).unwrap();
    for name in &left {
        std::fs::write(directory.path().join(name), "half").unwrap();
    }
    assert_eq!(store.sweep_temporary(DateTime::UNIX_EPOCH).await.unwrap(), 0, "all are younger");
    let later = SystemClock.now() + chrono::Duration::hours(1);
    assert_eq!(store.sweep_temporary(later).await.unwrap(), 3);
    assert_eq!(files(directory.path()), BTreeSet::from([digest]));
    assert_eq!(store.get(ABC).await.unwrap(), "abc");
}

#[tokio::test]
async fn a_new_store_has_nothing_to_sweep() {
    let (_directory, store) = open();
    assert_eq!(store.sweep_temporary(DateTime::<Utc>::MAX_UTC).await.unwrap(), 0);
}

#[tokio::test]
async fn a_file_that_has_a_directory_of_its_own_from_before_is_read_and_deleted() {
    let (directory, store) = open();
    let former = directory.path().join("originals/ba/78");
    std::fs::create_dir_all(&former).unwrap();
    std::fs::write(former.join(ABC), "abc").unwrap();
    assert_eq!(store.get(ABC).await.unwrap(), "abc");
    assert_eq!(read(&store, ABC, Some(1..3)).await, b"bc");
    assert!(store.is_older(ABC, DateTime::<Utc>::MAX_UTC).await.unwrap());
    let listed: Vec<String> = store.originals(DateTime::<Utc>::MAX_UTC).try_collect().await.unwrap();
    assert_eq!(listed, [ABC]);
    store.delete(ABC).await.unwrap();
    assert!(!store.exists(ABC).await.unwrap());
    assert_eq!(files(directory.path()), BTreeSet::new());
}

#[tokio::test]
async fn a_store_is_opened_again_with_what_it_holds() {
    let (directory, store) = open();
    store.put_bytes("abc".into()).await.unwrap();
    drop(store);
    let store = BlobStore::open_local(directory.path()).unwrap();
    assert_eq!(store.get(ABC).await.unwrap(), "abc");
}

#[cfg(unix)]
#[tokio::test]
async fn a_disk_that_fails_is_reported_as_such() {
    let (directory, store) = open();
    // A file where the directory must be: nothing can be written below it, whoever runs the test.
    std::fs::write(directory.path().join("originals"), "").unwrap();
    let error = store.put_bytes("abc".into()).await.unwrap_err();
    assert!(matches!(error, BlobError::Store { action: "writing a file", .. }) && error.is_retryable(), "{error}");
}
