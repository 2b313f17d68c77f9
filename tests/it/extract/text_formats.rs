//! Formats of text other than plain text and Markdown: which reader gets them, by their names or what is in them.

use bytes::Bytes;
use docent::{config::ExtractionConfig, domain::document::ProcessingErrorCode as Code};

use super::{extract, extractor, refused, samples};

#[tokio::test]
async fn every_kind_of_text_is_read_by_the_reader_of_its_name() {
    for (name, content, content_type, text) in [
        ("a.csv", "Name;Height\nOslo;12,5\n", "text/csv", "| Name | Height |\n| --- | --- |\n| Oslo | 12,5 |"),
        (
            "a.tsv",
            "Name\tHeight\nOslo\t12\n",
            "text/tab-separated-values",
            "| Name | Height |\n| --- | --- |\n| Oslo | 12 |",
        ),
        ("a.json", "{\"city\": {\"name\": \"Oslo\"}}", "application/json", "city.name: Oslo"),
        ("a.jsonl", "{\"id\": 1}\n{\"id\": 2}\n", "application/jsonl", "id: 1\n\nid: 2"),
        ("a.xml", "<r><title>Oslo</title><p>A city.</p></r>", "application/xml", "# Oslo\n\nA city."),
        ("a.rtf", "{\\rtf1\\ansi Oslo is \\b a city\\b0 .\\par}", "application/rtf", "Oslo is a city."),
        ("a.rs", "# [test]\nfn main() {}\n", "text/plain", "```rust\n# [test]\nfn main() {}\n```"),
        ("a.srt", "1\n00:00:01,000 --> 00:00:02,000\nOslo.\n", "application/x-subrip", "Oslo."),
        ("a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\nOslo.\n", "text/vtt", "Oslo."),
        ("a.rst", "Oslo\n====\n\nA *city*.\n", "text/x-rst", "# Oslo\n\nA city."),
        ("a.adoc", "= Oslo\n\nA *city*.\n", "text/asciidoc", "# Oslo\n\nA city."),
        ("a.tex", "\\begin{document}\\section{Oslo}A city.\\end{document}", "application/x-tex", "# Oslo\n\nA city."),
        ("a.ics", "BEGIN:VEVENT\nSUMMARY:Oslo\nEND:VEVENT\n", "text/calendar", "## Oslo"),
        ("a.vcf", "BEGIN:VCARD\nFN:Anna\nTEL:12\nEND:VCARD\n", "text/vcard", "## Anna\n\nTelephone: 12"),
        (
            "a.mbox",
            "From a Thu Jul  2 10:00:00 2026\nSubject: Oslo\n\nA city.\n",
            "application/mbox",
            "## Oslo\n\nA city.",
        ),
        ("a.mht", "From: <Saved>\nContent-Type: text/html\n\n<p>Oslo</p>\n", "multipart/related", "Oslo"),
        (
            "a.ipynb",
            "{\"cells\": [{\"cell_type\": \"markdown\", \"source\": [\"# Oslo\"]}], \"nbformat\": 4}",
            "application/x-ipynb+json",
            "# Oslo",
        ),
    ] {
        let found = extract(content, name).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((found.text.as_str(), found.content_type.as_str()), (text, content_type), "{name}");
        assert!(found.is_markdown, "{name}");
    }
}

#[tokio::test]
async fn a_message_of_outlook_is_its_header_its_text_and_what_is_attached() {
    let message = samples::msg("Minutes", "The board met.\r\n\r\nIt agreed.", &[("plan.txt", b"Move to Bergen.")]);
    let found = extract(message, "a.msg").await.unwrap();
    assert_eq!(
        found.text,
        "# Minutes\n\nFrom: Anna Ek\n\nTo: Bo\n\nThe board met.\n\nIt agreed.\n\n## plan.txt\n\nMove to Bergen."
    );
    assert_eq!(found.about.title.as_deref(), Some("Minutes"));
    let message = samples::msg("Minutes", "See the program.", &[("setup.exe", b"\x7fELF\x02\x01\x01\0")]);
    let found = extract(message, "a.msg").await.unwrap();
    assert!(found.warnings[0].message.contains("setup.exe"), "{:?}", found.warnings);
}

#[tokio::test]
async fn a_message_with_a_locked_attachment_is_not_locked_itself() {
    let mut locked = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
    locked.extend("EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes));
    let found =
        extract(samples::msg("Plan", "See the plan.", &[("plan.xlsx", locked.as_slice())]), "a.msg").await.unwrap();
    assert!(found.text.contains("See the plan."), "{}", found.text);
    assert!(found.warnings[0].message.contains("protected by a password"), "{:?}", found.warnings);
}

#[tokio::test]
async fn a_text_that_is_not_what_its_name_says_is_refused() {
    for name in ["a.rtf", "a.mbox", "a.mht", "a.msg"] {
        assert_eq!(refused("just text", name).await.0, Code::FormatMismatch, "{name}");
    }
    assert_eq!(refused("just text", "a.ipynb").await.0, Code::CorruptFile);
}

#[tokio::test]
async fn rtf_is_known_by_its_beginning_and_named_as_old_word_often_is() {
    let found = extract("{\\rtf1 Oslo\\par}", "letter.doc").await.unwrap();
    assert_eq!((found.text.as_str(), found.content_type.as_str()), ("Oslo", "application/rtf"));
}

#[tokio::test]
async fn a_table_in_another_encoding_is_read_with_its_cells_apart() {
    let bytes = encoding_rs::WINDOWS_1252.encode("Name;Preis\nMüller;10 €\nGrößer;20 €\n").0.into_owned();
    let found = extract(bytes, "a.csv").await.unwrap();
    assert!(found.text.ends_with("| Müller | 10 € |\n| Größer | 20 € |"), "{}", found.text);
    assert_eq!(found.warnings.len(), 1);
}

#[tokio::test]
async fn hostile_text_costs_no_more_than_its_length() {
    let extractor = extractor(&ExtractionConfig { timeout_seconds: 20, ..ExtractionConfig::default() });
    for (name, content) in [
        ("a.json", "[".repeat(1_000_000)),
        ("a.rtf", format!("{{\\rtf1 {}", "{\\b".repeat(300_000))),
        ("a.tex", format!("\\begin{{document}}{}", "\\footnote{[\\textbf[".repeat(50_000))),
        ("a.tex", format!("\\begin{{document}}{}", "\\begin{center}".repeat(50_000))),
        ("a.rst", ".. note:: x\n   ".repeat(50_000)),
        ("a.adoc", "[*_`<<|===\n".repeat(50_000)),
        ("a.csv", "\",;\t|".repeat(200_000)),
        ("a.xml", "<a>".repeat(300_000)),
        ("a.srt", "--> <{\\\n\n".repeat(100_000)),
        ("a.ics", "BEGIN:VEVENT\n =\n".repeat(100_000)),
    ] {
        let read = extractor.extract(Bytes::from(content), name, None).await;
        if let Err(error) = read {
            assert!(matches!(error.code, Code::CorruptFile | Code::NoText | Code::LimitExceeded), "{name}: {error:?}");
            assert!(!error.message.contains("longer than is allowed"), "{name}: {error:?}");
        }
    }
}
