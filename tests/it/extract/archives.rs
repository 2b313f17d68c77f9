//! ZIP archives of files: what the child hands over, one file at a time.

use bytes::Bytes;
use docent::config::ExtractionConfig;
use docent::domain::document::ProcessingErrorCode as Code;
use futures_util::TryStreamExt;

use super::{extractor, refused, samples};

#[tokio::test]
async fn the_files_of_an_archive_come_whole_and_in_order() {
    let extractor = extractor(&ExtractionConfig::default());
    let slot = extractor.slot().await.unwrap();
    let long = "otter ".repeat(50_000);
    let entries = [("a.txt", "Otters"), ("notes/b.md", long.as_str()), ("empty.txt", ""), ("c.html", "<p>Beavers")];
    let archive = Bytes::from(samples::archive(&entries));

    let error = slot.read(archive.clone().into(), "a.zip", None).await.unwrap_err();
    assert!(error.is_archive && !error.retryable, "{error:?}");
    let mut files = slot.unpack(archive.into(), "a.zip").await.unwrap();
    let mut found = Vec::new();
    while let Some(file) = files.next().await.unwrap() {
        let pieces: Vec<Bytes> = files.content(&file).try_collect().await.unwrap();
        found.push((file.path, String::from_utf8(pieces.concat()).unwrap()));
    }

    let expected = [entries[0], entries[1], entries[3]].map(|(path, text)| (path.to_owned(), text.to_owned()));
    assert_eq!(found, expected);
    let warnings = files.into_warnings();
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].message, "«empty.txt» was left out. The file is empty.");
}

#[tokio::test]
async fn an_archive_that_inflates_a_thousandfold_is_refused_before_it_is_unpacked() {
    let text = "a".repeat(60 << 20);
    let archive = samples::archive(&[("a.txt", text.as_str())]);
    assert!(archive.len() < 100 << 10);

    assert_eq!(refused(archive, "a.zip").await.0, Code::LimitExceeded);
}

#[tokio::test]
async fn only_an_archive_is_taken_for_one() {
    let archive = || samples::archive(&[("a.txt", "Otters")]);
    assert_eq!(refused("just text", "a.zip").await.0, Code::FormatMismatch);
    assert_eq!(refused(samples::docx("", &[]), "a.zip").await.0, Code::FormatMismatch);
    assert_eq!(refused(archive(), "a.docx").await.0, Code::FormatMismatch);
    assert_eq!(refused(archive()[..60].to_vec(), "a.zip").await.0, Code::CorruptFile);
    // Folders that are named as in an Office document do not make one.
    let folders = Bytes::from(samples::archive(&[("Word/a.txt", "Otters"), ("ppt/b.txt", "Beavers")]));
    let error = extractor(&ExtractionConfig::default()).extract(folders, "a.zip", None).await.unwrap_err();
    assert!(error.is_archive, "{error:?}");
    // Documents in ZIP containers are often declared like this.
    let docx = Bytes::from(samples::docx(&samples::paragraph("Otters"), &[]));
    let extractor = extractor(&ExtractionConfig::default());
    assert_eq!(extractor.extract(docx, "report", Some("application/zip")).await.unwrap().text, "Otters");
}
