//! Files of all kinds through `Extractor`, with the real child process.

mod archives;
mod bad_input;
mod cases;
mod child;
mod formats;
mod hostile;
mod pdfium;
mod recognition;
pub mod samples;
mod text_formats;

use std::path::PathBuf;

use bytes::Bytes;
use docent::config::ExtractionConfig;
use docent::domain::document::ProcessingErrorCode;
use docent::extract::{ExtractError, ExtractedText, Extractor};

use crate::support::pdfium as library;

fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_docent"))
}

fn extractor(config: &ExtractionConfig) -> Extractor {
    Extractor::new(config, 2, program()).with_libraries(library::directory())
}

async fn extract(bytes: impl Into<Bytes>, file_name: &str) -> Result<ExtractedText, ExtractError> {
    let bytes: Bytes = bytes.into();
    extractor(&ExtractionConfig::default()).extract(bytes, file_name, None).await
}

/// Reads a good file after what went before, and so shows that it left no trace.
async fn refused(bytes: impl Into<Bytes>, file_name: &str) -> (ProcessingErrorCode, String) {
    let bytes: Bytes = bytes.into();
    let extractor = extractor(&ExtractionConfig::default());
    let error = extractor.extract(bytes, file_name, None).await.unwrap_err();
    assert!(!error.retryable, "{error:?}");
    let good = extractor.extract(Bytes::from(samples::docx("<w:p/>", &[])), "good.docx", None);
    assert_eq!(good.await.unwrap_err().code, ProcessingErrorCode::NoText);
    (error.code, error.message)
}
