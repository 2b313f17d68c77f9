//! Text recognition by an external program, for pages that are pictures.

use std::time::{Duration, Instant};

use bytes::Bytes;
use docent::{
    config::ExtractionConfig,
    domain::document::{DocumentWarningCode, ProcessingErrorCode as Code},
    extract::{ExtractError, ExtractedText},
};

use super::{extractor, samples};

/// Reads a PDF without text, with a shell script in the place of the program.
async fn recognise(script: &str, timeout_seconds: u64) -> Result<ExtractedText, ExtractError> {
    let config = ExtractionConfig {
        ocr_command: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
        ocr_timeout_seconds: timeout_seconds,
        ..ExtractionConfig::default()
    };
    let extractor = extractor(&config);
    let scan = Bytes::from(samples::pdf(&["", ""]));
    let slot = extractor.slot().await.unwrap();
    let error = slot.read(scan.clone().into(), "scan.pdf", None).await.unwrap_err();
    assert!(error.may_be_scan && slot.recognises_text());
    slot.recognise(scan.into()).await
}

#[tokio::test]
async fn the_text_of_pages_is_what_the_program_writes_between_form_feeds() {
    let found = recognise("head -c 5 | grep -q %PDF- && printf 'Otters \\f\\n swim.\\n\\f'", 20).await.unwrap();
    assert_eq!((found.text.as_str(), found.page_starts.as_slice()), ("Otters\n\nswim.", [0, 8].as_slice()));
    assert_eq!(found.content_type, "application/pdf");
    assert_eq!(found.warnings[0].code, DocumentWarningCode::TextRecognised);
}

#[tokio::test]
async fn a_program_that_fails_or_finds_nothing_is_told_apart() {
    let error = recognise("echo broken >&2; exit 3", 20).await.unwrap_err();
    assert_eq!((error.code, error.retryable), (Code::ServiceFailure, true));
    assert_eq!(recognise("cat >/dev/null", 20).await.unwrap_err().code, Code::NoText);
}

#[tokio::test]
async fn a_program_that_does_not_end_is_ended_with_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    let started = Instant::now();
    let error = recognise(&format!("(sleep 3; touch {}) & wait", mark.display()), 1).await.unwrap_err();
    assert_eq!(error.code, Code::LimitExceeded);
    assert!(started.elapsed() < Duration::from_secs(3));
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(!mark.exists());
}

#[tokio::test]
async fn without_a_program_pages_without_text_are_refused_and_other_files_are_never_recognised() {
    let extractor = extractor(&ExtractionConfig::default());
    let slot = extractor.slot().await.unwrap();
    assert!(!slot.recognises_text());
    let error = slot.read(Bytes::from("<p>").into(), "a.html", None).await.unwrap_err();
    assert!(!error.may_be_scan);
}
