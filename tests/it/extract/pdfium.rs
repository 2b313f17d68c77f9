//! The library that reads PDF: what happens without it, and how it is installed.

use std::fs;

use bytes::Bytes;
use docent::{
    config::ExtractionConfig,
    domain::document::ProcessingErrorCode,
    extract::{
        Extractor,
        pdfium::{Build, PdfiumError},
    },
    pinned::PinnedError,
};
use tempfile::TempDir;

use super::{program, samples};
use crate::support::pdfium;

#[tokio::test]
async fn without_the_library_only_pdf_waits_for_it() {
    let library_dir = TempDir::new().unwrap();
    let extractor =
        Extractor::new(&ExtractionConfig::default(), 1, program()).with_libraries(library_dir.path().to_owned());
    let read = async || extractor.extract(Bytes::from(samples::pdf(&["Otters"])), "a.pdf", None).await;
    let error = read().await.unwrap_err();
    assert_eq!((error.code, error.retryable), (ProcessingErrorCode::ReaderMissing, true));
    assert!(error.message.contains("docent pdfium pull"), "{}", error.message);
    assert_eq!(extractor.extract(Bytes::from("<p>Otters"), "a.html", None).await.unwrap().text, "Otters");

    let build = Build::of_this_platform().unwrap();
    fs::write(build.path(library_dir.path()), "not the library").unwrap();
    assert_eq!(read().await.unwrap_err().code, ProcessingErrorCode::ReaderMissing);

    build.import(&pdfium::directory(), library_dir.path()).unwrap();
    assert_eq!(read().await.unwrap().text, "Otters");
}

#[tokio::test]
async fn a_text_that_lacks_an_attached_pdf_is_made_again_each_time() {
    let message = samples::msg("Otters", "They are attached.", &[("otters.pdf", &samples::pdf(&["Otters swim."]))]);
    let extractor = || Extractor::new(&ExtractionConfig::default(), 1, program());
    for (extractor, is_whole) in [(extractor(), false), (extractor().with_libraries(pdfium::directory()), true)] {
        let found = extractor.extract(Bytes::from(message.clone()), "a.msg", None).await.unwrap();
        assert_eq!((found.text.contains("Otters swim."), found.version() > 0), (is_whole, is_whole), "{found:?}");
    }
}

#[test]
fn a_folder_is_imported_only_with_the_pinned_library() {
    let build = Build::of_this_platform().unwrap();
    let (folder, library_dir) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let missing = build.import(folder.path(), library_dir.path()).unwrap_err();
    assert!(matches!(missing, PdfiumError::File(PinnedError::Missing)), "{missing:?}");

    fs::create_dir(folder.path().join("inner")).unwrap();
    fs::write(build.path(&folder.path().join("inner")), "another").unwrap();
    let wrong = build.import(folder.path(), library_dir.path()).unwrap_err();
    assert!(matches!(wrong, PdfiumError::File(PinnedError::WrongHash)), "{wrong:?}");
    assert_eq!(fs::read_dir(library_dir.path()).unwrap().count(), 0);

    fs::copy(build.path(&pdfium::directory()), build.path(&folder.path().join("inner"))).unwrap();
    build.import(folder.path(), library_dir.path()).unwrap();
    build.verify(library_dir.path()).unwrap();
}

#[tokio::test]
async fn an_index_that_lacks_the_package_leaves_nothing_behind() {
    let library_dir = TempDir::new().unwrap();
    let build = Build::of_this_platform().unwrap();
    let pulled = build.pull(library_dir.path(), "http://127.0.0.1:1", &|_, _, _| ()).await;
    assert!(matches!(pulled, Err(PdfiumError::File(PinnedError::Download { .. }))), "{pulled:?}");
    assert_eq!(fs::read_dir(library_dir.path()).unwrap().count(), 0);
    // What is installed is not fetched again.
    build.import(&pdfium::directory(), library_dir.path()).unwrap();
    build.pull(library_dir.path(), "http://127.0.0.1:1", &|_, _, _| ()).await.unwrap();
}
