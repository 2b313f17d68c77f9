//! Files that can't be read: each gets its code and a sentence that helps, and harms nothing.

use bytes::Bytes;
use docent::config::ExtractionConfig;
use docent::domain::document::ProcessingErrorCode as Code;

use super::{extract, extractor, refused, samples};

const LOCKED_PDF: &[u8] = include_bytes!("../fixtures/locked.pdf");

#[tokio::test]
async fn an_empty_file_is_refused() {
    assert_eq!(refused("", "a.txt").await.0, Code::EmptyFile);
    assert_eq!(refused("", "a.pdf").await.0, Code::EmptyFile);
}

#[tokio::test]
async fn a_file_that_is_not_what_its_name_says_is_refused_with_both_facts() {
    let (code, message) = refused(samples::pdf(&["Otters"]), "report.docx").await;

    assert_eq!(code, Code::FormatMismatch);
    assert_eq!(
        message,
        "According to its name, the file is a Word document (DOCX), but its content is a PDF file. \
         Upload the right file or correct its name."
    );
    assert_eq!(refused(samples::docx("", &[]), "a.pdf").await.0, Code::FormatMismatch);
    assert_eq!(refused(samples::pdf(&["x"]), "a.txt").await.0, Code::FormatMismatch);
    assert_eq!(refused("just text", "a.pdf").await.0, Code::FormatMismatch);
    assert_eq!(refused("just text", "a.docx").await.0, Code::FormatMismatch);
    assert_eq!(refused("just text", "a.eml").await.0, Code::FormatMismatch);
    assert_eq!(refused("\x7fELF\x02\x01\x01\0", "a.txt").await.0, Code::FormatMismatch);
}

#[tokio::test]
async fn a_file_that_is_not_what_its_declared_type_says_is_refused() {
    let extractor = extractor(&ExtractionConfig::default());

    let error = extractor.extract(Bytes::from("just text"), "report", Some("application/pdf")).await.unwrap_err();

    assert_eq!(error.code, Code::FormatMismatch);
    assert!(error.message.starts_with("According to its declared type, the file is a PDF file"), "{}", error.message);
    // Types that say nothing are no claim.
    for declared in ["application/octet-stream", "", "application/zip", "nonsense"] {
        assert!(extractor.extract(Bytes::from("just text"), "report", Some(declared)).await.is_ok());
    }
    let found =
        extractor.extract(Bytes::from("# Otters"), "report", Some("Text/Markdown; charset=utf-8")).await.unwrap();
    assert!(found.is_markdown);
}

#[tokio::test]
async fn a_truncated_pdf_is_refused() {
    let pdf = samples::pdf(&["Otters"; 50]);

    for length in [pdf.len() / 2, pdf.len() - 200, 20] {
        assert_eq!(refused(pdf[..length].to_vec(), "a.pdf").await.0, Code::CorruptFile);
    }
}

#[tokio::test]
async fn a_truncated_office_document_is_refused() {
    let docx = samples::docx(&samples::paragraph("Otters"), &[]);

    for length in [docx.len() / 2, docx.len() - 20, 40] {
        assert_eq!(refused(docx[..length].to_vec(), "a.docx").await.0, Code::CorruptFile);
    }
    let damaged = samples::archive(&[("[Content_Types].xml", "<Types/>"), ("xl/workbook.xml", "<x")]);
    assert_eq!(refused(damaged, "a.xlsx").await.0, Code::CorruptFile);
    let damaged = samples::archive(&[("META-INF/container.xml", "")]);
    assert_eq!(refused(damaged, "a.epub").await.0, Code::CorruptFile);
}

#[tokio::test]
async fn a_file_with_a_password_is_refused() {
    let (code, message) = refused(LOCKED_PDF, "a.pdf").await;
    assert_eq!(code, Code::PasswordProtected);
    assert!(message.contains("Save it without one"), "{message}");

    let mut office = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
    office.extend("EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes));
    assert_eq!(refused(office, "a.docx").await.0, Code::PasswordProtected);

    let manifest = "<manifest><file-entry full-path=\"content.xml\"><encryption-data/></file-entry></manifest>";
    let text = samples::archive(&[
        ("mimetype", "application/vnd.oasis.opendocument.text"),
        ("META-INF/manifest.xml", manifest),
        ("content.xml", "\u{1}\u{2} noise"),
    ]);
    assert_eq!(refused(text, "a.odt").await.0, Code::PasswordProtected);
}

#[tokio::test]
async fn binary_noise_is_refused_as_text_and_as_anything() {
    assert_eq!(refused(samples::noise(5000), "a.txt").await.0, Code::FormatMismatch);
    assert_eq!(refused(samples::noise(5000), "a.html").await.0, Code::FormatMismatch);

    let (code, message) = refused(samples::noise(5000), "a.xyz").await;
    assert_eq!(code, Code::UnsupportedFormat);
    assert!(
        message.contains("plain text, Markdown, HTML, PDF, DOCX, PPTX, XLSX, ODT, ODS, ODP, EPUB, RTF"),
        "{message}"
    );
}

#[tokio::test]
async fn a_known_kind_without_a_reader_is_refused_by_its_name() {
    for (bytes, name) in [
        (b"\x89PNG\r\n\x1a\n".to_vec(), "a PNG image"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 old".to_vec(), "an older Office file"),
        (samples::archive(&[("a.txt", "otters")]), "a ZIP archive"),
        (samples::archive(&[("mimetype", "application/vnd.oasis.opendocument.graphics")]), "an OpenDocument file"),
    ] {
        let (code, message) = refused(bytes, "file").await;
        assert_eq!(code, Code::UnsupportedFormat);
        assert!(message.contains(name), "{message}");
    }
    let text = "ID3 is the mark of sound files, RIFF that of others.";
    assert_eq!(extract(text, "file").await.unwrap().text, text);
}

#[tokio::test]
async fn text_that_breaks_the_promise_of_its_mark_is_refused_with_the_place() {
    let (code, message) = refused(b"\xef\xbb\xbfGr\xfc\xdfe".to_vec(), "a.md").await;
    assert_eq!(code, Code::InvalidEncoding);
    assert!(message.contains("byte 5"), "{message}");
    let (code, message) = refused(b"\xff\xfea\0\0\xd8b\0".to_vec(), "a.txt").await;
    assert_eq!((code, message.contains("byte 4")), (Code::InvalidEncoding, true));
    assert_eq!(refused(b"\xfe\xff\0a\0".to_vec(), "a.txt").await.0, Code::InvalidEncoding);
}

#[tokio::test]
async fn only_files_of_pages_may_be_scans() {
    for (bytes, name, may_be) in [
        (samples::pdf(&[""]), "a.pdf", true),
        (samples::docx("<w:p/>", &[]), "a.docx", false),
        (b"<p>".to_vec(), "a.html", false),
    ] {
        let (code, message) = refused(bytes, name).await;
        assert_eq!((code, message.contains("OCR")), (Code::NoText, may_be), "{name}");
    }
}

#[tokio::test]
async fn a_document_without_text_is_refused() {
    assert_eq!(refused(" \n\t *** \u{1f9a6} \n", "a.txt").await.0, Code::NoText);
    assert_eq!(refused(samples::pdf(&["", ""]), "a.pdf").await.0, Code::NoText);
    assert_eq!(refused(samples::docx("<w:p/>", &[]), "a.docx").await.0, Code::NoText);
    assert_eq!(refused("<html><body></body></html>", "a.html").await.0, Code::NoText);
}

#[tokio::test]
async fn more_text_than_allowed_is_refused() {
    let config = ExtractionConfig { max_output_mib: 1, ..ExtractionConfig::default() };
    let extractor = extractor(&config);
    let words = "otter ".repeat(200_000);

    for (bytes, name) in [(words.clone(), "a.txt"), (words.clone(), "a.md"), (format!("<p>{words}"), "a.html")] {
        let error = extractor.extract(Bytes::from(bytes), name, None).await.unwrap_err();
        assert_eq!(error.code, Code::LimitExceeded, "{name}");
        assert!(error.message.contains("more than 1 MiB"), "{}", error.message);
    }
}

#[tokio::test]
async fn strange_names_change_nothing() {
    for name in ["../../etc/passwd.txt", "/etc/passwd.txt", "a\0b.txt", "", ".", "..", "con.txt", &"x".repeat(10_000)] {
        assert_eq!(extract("otters", name).await.unwrap().text, "otters");
    }
}
