//! Documents that were made to do harm. None does, and the next file is read as ever.

use std::path::Path;

use bytes::Bytes;
use docent::config::ExtractionConfig;
use docent::domain::document::ProcessingErrorCode as Code;

use super::{extract, extractor, refused, samples};

#[tokio::test]
async fn a_document_that_inflates_a_thousandfold_is_refused_before_it_is_unpacked() {
    let docx = samples::docx(&samples::paragraph(&"a".repeat(60 << 20)), &[]);
    assert!(docx.len() < 100 << 10);

    assert_eq!(refused(docx, "a.docx").await.0, Code::LimitExceeded);
}

#[tokio::test]
async fn a_document_that_lies_about_its_size_is_refused() {
    let body = samples::paragraph(&"a".repeat(60 << 20));
    let mut docx = samples::docx(&body, &[]);
    // The size stands in the entry and in the directory.
    let document = docx.windows(17).position(|window| window == b"word/document.xml").unwrap();
    let true_size: [u8; 4] = docx[document - 8..document - 4].try_into().unwrap();
    while let Some(place) = docx.windows(4).position(|window| window == true_size) {
        docx[place..place + 4].copy_from_slice(&1000_u32.to_le_bytes());
    }

    assert_eq!(refused(docx, "a.docx").await.0, Code::CorruptFile);
}

#[tokio::test]
async fn a_document_that_takes_too_much_memory_ends_its_reader_only() {
    let paragraphs: String = (0..60_000).map(|number| samples::paragraph(&format!("Otter number {number}."))).collect();
    let docx = samples::docx(&paragraphs, &[]);
    let config = ExtractionConfig { memory_mib: 8, ..ExtractionConfig::default() };
    let extractor = extractor(&config);

    let error = extractor.extract(Bytes::from(docx), "a.docx", None).await.unwrap_err();

    assert_eq!((error.code, error.retryable), (Code::LimitExceeded, false));
    assert!(error.message.contains("more memory"), "{}", error.message);
    let good = samples::docx(&samples::paragraph("Otters"), &[]);
    assert_eq!(extractor.extract(Bytes::from(good), "a.docx", None).await.unwrap().text, "Otters");
}

#[tokio::test]
async fn a_document_that_takes_too_long_ends_its_reader_only() {
    // Each form draws the next one twice.
    let form = |content: &str, next: usize| {
        format!(
            "<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</Font<</F1 3 0 R>>/XObject<</X {next} 0 R>>>>\
             /Length {}>>\nstream\n{content}\nendstream",
            content.len()
        )
    };
    let mut objects = vec![
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[4 0 R]/Count 1>>".to_owned(),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 5 0 R/Resources<</XObject<</X 6 0 R>>>>>>".to_owned(),
        "<</Length 5>>\nstream\n/X Do\nendstream".to_owned(),
    ];
    objects.extend((7..36).map(|next| form("/X Do /X Do", next)));
    objects.push(form("BT /F1 12 Tf (leaf) Tj ET", 36));
    let config = ExtractionConfig { timeout_seconds: 1, ..ExtractionConfig::default() };

    let error = extractor(&config).extract(Bytes::from(samples::pdf_of(&objects)), "a.pdf", None).await.unwrap_err();

    assert_eq!((error.code, error.retryable), (Code::LimitExceeded, false));
    assert!(error.message.contains("longer than is allowed"), "{}", error.message);
}

#[tokio::test]
async fn entities_are_neither_fetched_nor_multiplied() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "stolen").unwrap();
    let fetch = format!("<!DOCTYPE d [<!ENTITY x SYSTEM \"file://{}\">]>", secret.path().display());
    let entity = |level: usize| format!("<!ENTITY l{level} \"{}\">", format!("&l{};", level - 1).repeat(10));
    let laughs: String = (1..12).map(entity).collect();
    let laughs = format!("<!DOCTYPE d [<!ENTITY l0 \"lol\">{laughs}]>");

    for (prolog, entity) in [(fetch, "&x;"), (laughs, "&l11;")] {
        let docx = samples::docx_with_prolog(&prolog, &samples::paragraph(&format!("before {entity} after")), &[]);
        let text = extract(docx, "a.docx").await.unwrap().text;
        assert_eq!(text, "before after");
    }
}

#[tokio::test]
async fn repeated_cells_do_not_multiply_with_the_tables_around_them() {
    let cell = "<table:table-row><table:table-cell table:number-columns-repeated=\"100\">";
    let levels = 8;
    let content = format!(
        "<office:document-content xmlns:office=\"o\" xmlns:table=\"t\" xmlns:text=\"x\"><office:body><office:text>{}\
         <text:p>otters</text:p>{}</office:text></office:body></office:document-content>",
        format!("<table:table>{cell}").repeat(levels),
        "</table:table-cell></table:table-row></table:table>".repeat(levels)
    );
    let entries = [("mimetype", "application/vnd.oasis.opendocument.text"), ("content.xml", content.as_str())];

    let text = extract(samples::archive(&entries), "a.odt").await.unwrap().text;

    let count = text.matches("otters").count();
    assert!((1..=100).contains(&count), "{count}");
}

#[tokio::test]
async fn names_that_climb_out_of_an_archive_write_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let absolute = folder.path().join("absolute");
    let climbing = format!("../../../../../../../../..{}", folder.path().join("climbing").display());
    let docx = samples::docx(
        &samples::paragraph("Otters"),
        &[(absolute.to_str().unwrap(), "x"), (&climbing, "x"), ("word/../../x", "x")],
    );

    assert_eq!(extract(docx, "a.docx").await.unwrap().text, "Otters");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    assert!(!Path::new("/x").exists());
}

#[tokio::test]
async fn an_archive_of_too_many_entries_is_refused() {
    let names: Vec<String> = (0..20_001).map(|number| number.to_string()).collect();
    let entries: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();

    assert_eq!(refused(samples::docx("", &entries), "a.docx").await.0, Code::LimitExceeded);
}

#[tokio::test]
async fn deep_nesting_breaks_no_stack() {
    let table = format!(
        "{}{}{}",
        "<w:tbl><w:tr><w:tc>".repeat(20_000),
        samples::paragraph("deep"),
        "</w:tc></w:tr></w:tbl>".repeat(20_000)
    );
    assert_eq!(refused(samples::docx(&table, &[]), "a.docx").await.0, Code::LimitExceeded);

    for (opening, depth) in [("<div>", 50_000), ("<b>", 50_000), ("<ul><li>", 10_000), ("<table><tr><td>", 5_000)] {
        let page = format!("<p>otters</p>{}deep", opening.repeat(depth));
        let found = extract(page, "a.html").await.unwrap();
        assert!(found.text.starts_with("otters"), "{opening}: {:?}", &found.text[..100]);
    }
}

#[tokio::test]
async fn a_pdf_that_leads_in_circles_ends() {
    let circle = ["<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[2 0 R 2 0 R]/Count 2>>"].map(str::to_owned);

    assert_eq!(refused(samples::pdf_of(&circle), "a.pdf").await.0, Code::NoText);
}
