//! Reads one document with the extraction library. Runs in the child process only.

use xberg::{
    ContentFilterConfig, ConversionOptions, ExtractInput, ExtractionConfig, OutputFormat, SecurityLimits, XbergError,
};

use crate::domain::document::ProcessingErrorCode;

use super::render::{self, Rendered};
use super::{ExtractError, ExtractedText, FileKind, detect, text};

/// Stack of the threads that parse; the parsers recurse, and nesting in a document is up to its author.
pub(super) const STACK_BYTES: usize = 64 << 20;

/// The text of `bytes`, a document of `kind`, in at most `max_text_bytes`. `declared_type` is the media type that its
/// sender declared.
///
/// # Errors
/// As `Slot::read`, save for what only the parent process can see.
pub(super) fn read(
    kind: FileKind,
    bytes: Vec<u8>,
    declared_type: Option<&str>,
    max_text_bytes: usize,
) -> Result<ExtractedText, ExtractError> {
    let bytes = match kind {
        FileKind::PlainText | FileKind::Markdown => return text::read(kind, &bytes, declared_type),
        FileKind::Pdf if !has_pdf_trailer(&bytes) => return Err(detect::corrupt()),
        FileKind::Html => text::decode_html(&bytes, declared_type).into_owned().into_bytes(),
        FileKind::Pdf | FileKind::Docx | FileKind::Pptx | FileKind::Xlsx | FileKind::Epub | FileKind::Eml => bytes,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .thread_stack_size(STACK_BYTES)
        .build()
        .map_err(|error| refuse(&XbergError::Io(error)))?;
    let input = ExtractInput::from_bytes(bytes, kind.media_type(), None);
    let output = runtime.block_on(xberg::extract(input, &settings())).map_err(|error| refuse(&error))?;
    let mut document = output.results.into_iter().next().ok_or_else(detect::corrupt)?;
    let structure = document.document.take().ok_or_else(detect::corrupt)?;

    let Rendered { text, page_starts, heading, subject } = render::render(&structure, kind, max_text_bytes)?;
    let title = [document.metadata.title, subject, heading].into_iter().flatten().find_map(|it| text::tidy_title(&it));
    Ok(ExtractedText {
        text,
        is_markdown: true,
        title,
        language: document.metadata.language.as_deref().and_then(language_tag),
        content_type: kind.media_type().to_owned(),
        page_starts,
    })
}

/// A language tag in the form of BCP 47, from what documents write there.
fn language_tag(language: &str) -> Option<String> {
    let tag = language.trim().replace('_', "-");
    let is_tag = (2..=35).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_tag.then_some(tag)
}

/// Only the text: no cache, no recognition of images, no embedded files, no second thread.
fn settings() -> ExtractionConfig {
    let mut html = ConversionOptions { extract_metadata: true, extract_images: false, ..ConversionOptions::default() };
    // The preset would drop `<header>` with the title of the page, and `<form>`, into which some sites put all of it.
    html.preprocessing.remove_navigation = false;
    html.preprocessing.remove_forms = false;
    html.exclude_selectors = ["nav", "[role=navigation]", "select", "iframe"].map(str::to_owned).to_vec();
    ExtractionConfig {
        use_cache: false,
        enable_quality_processing: false,
        disable_ocr: true,
        max_archive_depth: 0,
        extraction_timeout_secs: None,
        include_document_structure: true,
        // The structure of slides comes with this format only.
        output_format: OutputFormat::Markdown,
        html_options: Some(html),
        content_filter: Some(ContentFilterConfig { include_footnotes: true, ..ContentFilterConfig::default() }),
        images: Some(xberg::ImageExtractionConfig {
            extract_images: false,
            // They carry the descriptions of images.
            inject_placeholders: true,
            run_ocr_on_images: false,
            ..xberg::ImageExtractionConfig::default()
        }),
        postprocessor: Some(xberg::core::config::PostProcessorConfig { enabled: false, ..Default::default() }),
        concurrency: Some(xberg::ConcurrencyConfig { max_threads: Some(1), max_concurrent_ocr: None }),
        security_limits: Some(SecurityLimits {
            // `archive` has checked the ratio, which it does not do for small documents.
            max_compression_ratio: usize::MAX,
            max_table_cells: 5_000_000,
            ..SecurityLimits::default()
        }),
        ..ExtractionConfig::default()
    }
}

/// Whether the end of the file is there. The library repairs a truncated PDF and would index half of it.
fn has_pdf_trailer(bytes: &[u8]) -> bool {
    let tail = &bytes[bytes.len().saturating_sub(8 << 10)..];
    [&b"%%EOF"[..], b"startxref"].iter().any(|mark| tail.windows(mark.len()).any(|window| window == *mark))
}

/// Translates the library's error into the API's words. Its details go to the log of the parent.
#[expect(clippy::print_stderr, reason = "standard error of the child is its log; the parent reads it")]
fn refuse(error: &XbergError) -> ExtractError {
    eprintln!("{error}");
    let detail = error.to_string().to_ascii_lowercase();
    match error {
        _ if detail.contains("password") || detail.contains("encrypted") => ExtractError::permanent(
            ProcessingErrorCode::PasswordProtected,
            "The file is protected by a password. Save it without one and upload it again.",
        ),
        // Some readers wrap this error in a parse error.
        _ if matches!(error, XbergError::Security { .. }) || detail.contains("security limit") => {
            ExtractError::permanent(
                ProcessingErrorCode::LimitExceeded,
                "Reading the file would take more time or memory than is allowed. Save it again in the program it came \
             from, or split it.",
            )
        }
        _ => detect::corrupt(),
    }
}
