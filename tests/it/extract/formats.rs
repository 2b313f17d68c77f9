//! Every kind of file gives its text, its headings as Markdown, its title and its pages.

use bytes::Bytes;
use docent::config::ExtractionConfig;

use super::{extract, extractor, samples};

#[tokio::test]
async fn plain_text_is_taken_as_it_is_with_its_line_ends_made_one_kind() {
    let found = extract("one\r\ntwo\rthree\u{b}four\u{7}\n\n\n\n\n\n\nfive", "a.txt").await.unwrap();

    assert_eq!(found.text, "one\ntwo\nthree\nfour\n\n\n\nfive");
    assert_eq!((found.is_markdown, found.content_type.as_str()), (false, "text/plain"));
    assert!(found.page_starts.is_empty());
}

#[tokio::test]
async fn markdown_is_taken_as_it_is_and_its_first_heading_is_the_title() {
    let found = extract("```\n# comment\n```\n\n# Otters #\n\ntext", "a.md").await.unwrap();

    assert!(found.is_markdown);
    assert_eq!(found.about.title.as_deref(), Some("Otters"));
    assert_eq!(found.content_type, "text/markdown");

    let found = extract("---\ntitle: \"In front\"\n---\n\n# Otters", "a.md").await.unwrap();
    assert_eq!(found.about.title.as_deref(), Some("In front"));
}

#[tokio::test]
async fn text_with_a_byte_order_mark_is_decoded() {
    let utf16 = |order: fn(u16) -> [u8; 2]| "\u{feff}Grüße 🦦".encode_utf16().flat_map(order).collect::<Vec<u8>>();

    for bytes in ["\u{feff}Grüße 🦦".as_bytes().to_vec(), utf16(u16::to_le_bytes), utf16(u16::to_be_bytes)] {
        assert_eq!(extract(bytes, "a.txt").await.unwrap().text, "Grüße 🦦");
    }
}

#[tokio::test]
async fn letters_and_their_accents_are_put_together() {
    let decomposed = "Frau Mu\u{308}ller, cafe\u{301}";
    assert_eq!(extract(decomposed, "a.txt").await.unwrap().text, "Frau M\u{fc}ller, caf\u{e9}");
    let page = format!("<p>{decomposed}</p>");
    assert_eq!(extract(page, "a.html").await.unwrap().text, "Frau M\u{fc}ller, caf\u{e9}");
}

#[tokio::test]
async fn text_is_decoded_as_its_sender_declares_unless_it_is_something_else() {
    let extractor = extractor(&ExtractionConfig::default());
    let read = async |bytes: Vec<u8>, name: &str, declared: &str| {
        extractor.extract(Bytes::from(bytes), name, Some(declared)).await.map(|found| found.text)
    };
    let windows_1251 = || encoding_rs::WINDOWS_1251.encode("Съешь ещё этих булок").0.into_owned();
    let utf16 = || "Grüße".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let utf8 = || "Grüße".as_bytes().to_vec();

    for declared in
        ["text/plain; charset=windows-1251", "text/plain;CHARSET=\"Windows-1251\"", "x/y; a=b; charset=cp1251"]
    {
        assert_eq!(read(windows_1251(), "a.txt", declared).await.unwrap(), "Съешь ещё этих булок");
        assert_eq!(read(windows_1251(), "a.md", declared).await.unwrap(), "Съешь ещё этих булок");
    }
    let page = encoding_rs::WINDOWS_1251.encode("<html><p>Съешь ещё").0.into_owned();
    assert_eq!(read(page, "a.html", "text/html; charset=windows-1251").await.unwrap(), "Съешь ещё");
    assert_eq!(read(utf16(), "a.txt", "text/plain; charset=utf-16le").await.unwrap(), "Grüße");
    // Declared blindly: the bytes say otherwise.
    for declared in ["text/plain; charset=iso-8859-1", "text/plain; charset=nonsense", "text/plain; charset=utf-8"] {
        assert_eq!(read(utf8(), "a.txt", declared).await.unwrap(), "Grüße");
    }
    assert_eq!(read("\u{feff}Grüße".as_bytes().to_vec(), "a.txt", "text/plain; charset=gbk").await.unwrap(), "Grüße");
    // In neither.
    assert_eq!(
        read(b"12345 Gr\xfc\xdfe".to_vec(), "a.txt", "text/plain; charset=shift_jis").await.unwrap(),
        "12345 Grüße"
    );
}

#[tokio::test]
async fn html_gives_its_structure_without_menus_scripts_and_pictures() {
    let page = "<!doctype html><html lang=\"de\"><head><title>The  title</title><style>x</style><script>bad()</script></head>\
        <body><nav>menu</nav><header><h1>Otters &amp; more</h1></header><form><p>First <b>bold</b>\n<a href=\"https://x.y\">link</a>.</p></form>\
        <h2>List</h2><ul><li>one</li><li>two</li></ul><ol><li>first</li></ol>\
        <table><tr><th>Name</th><th>Weight</th></tr><tr><td>Giant</td><td>32 | 33</td></tr></table>\
        <pre><code># not a heading</code></pre><p># nor this</p><img alt=\"An otter\" src=\"data:image/png;base64,AAAA\">\
        </body></html>";

    let found = extract(page, "page.html").await.unwrap();

    assert_eq!(
        found.text,
        "# Otters & more\n\nFirst bold link.\n\n## List\n\n- one\n- two\n\n1. first\n\n| Name | Weight |\n| --- | --- |\n\
         | Giant | 32 \\| 33 |\n\n```\n# not a heading\n```\n\n\\# nor this\n\nAn otter"
    );
    assert!(found.is_markdown);
    assert_eq!(found.about.title.as_deref(), Some("The title"));
    assert_eq!(found.about.language.as_deref(), Some("de"));
}

#[tokio::test]
async fn html_without_a_name_is_known_by_its_beginning() {
    let found = extract("\n<!DOCTYPE HTML><p>Otters", "page").await.unwrap();

    assert_eq!((found.text.as_str(), found.content_type.as_str()), ("Otters", "text/html"));
}

#[tokio::test]
async fn html_is_decoded_as_it_says_itself() {
    let latin = b"<meta charset='iso-8859-1'><p>Gr\xfc\xdfe".to_vec();
    let cyrillic =
        b"<meta http-equiv=content-type content=\"text/html; charset=koi8-r\"><p>\xc8\xcf\xd2\xcf\xdb\xcf".to_vec();
    let silent = b"<p>Gr\xfc\xdfe".to_vec();

    assert_eq!(extract(latin, "a.html").await.unwrap().text, "Grüße");
    assert_eq!(extract(cyrillic, "a.html").await.unwrap().text, "хорошо");
    assert_eq!(extract(silent, "a.html").await.unwrap().text, "Grüße");
}

#[tokio::test]
async fn pdf_gives_its_text_and_where_its_pages_begin() {
    let found = extract(samples::pdf(&["First page of otters", "", "Third page of otters"]), "a.pdf").await.unwrap();

    assert_eq!(found.text, "First page of otters\n\nThird page of otters");
    assert_eq!(found.page_starts, [0, 22, 22]);
    assert_eq!(found.content_type, "application/pdf");
}

#[tokio::test]
async fn docx_gives_headings_lists_and_tables_as_markdown() {
    let cell = |text: &str| format!("<w:tc>{}</w:tc>", samples::paragraph(text));
    let table = format!(
        "<w:tbl><w:tr>{}{}</w:tr><w:tr>{}{}</w:tr></w:tbl>",
        cell("Name"),
        cell("Weight"),
        cell("Giant"),
        cell("32")
    );
    let body = [
        samples::heading(1, "Otters"),
        samples::paragraph("Fish &amp; 3 &lt; 4, #06"),
        samples::heading(2, "Table"),
        table,
        samples::paragraph("The end"),
    ];

    let found = extract(samples::docx(&body.concat(), &[]), "a.docx").await.unwrap();

    assert_eq!(
        found.text,
        "# Otters\n\nFish & 3 < 4, #06\n\n## Table\n\n| Name | Weight |\n| --- | --- |\n| Giant | 32 |\n\nThe end"
    );
    assert_eq!(found.about.title.as_deref(), Some("Otters"));
    assert!(found.page_starts.is_empty());
}

#[tokio::test]
async fn pptx_gives_a_heading_and_a_page_for_each_slide() {
    let found = extract(samples::pptx(&[("Otters", "They swim"), ("Food", "Fish")]), "a.pptx").await.unwrap();

    assert_eq!(found.text, "## Otters\n\nThey swim\n\n## Food\n\nFish");
    assert_eq!(found.page_starts, [0, found.text.find("## Food").unwrap()]);
}

#[tokio::test]
async fn xlsx_gives_a_table_for_each_sheet() {
    let rows: [&[&str]; 3] = [&["Name", "Weight"], &["Giant", "32"], &["Sea", ""]];

    let found = extract(samples::xlsx("Otters", &rows), "a.xlsx").await.unwrap();

    assert_eq!(found.text, "## Otters\n\n| Name | Weight |\n| --- | --- |\n| Giant | 32 |\n| Sea | |");
}

#[tokio::test]
async fn epub_gives_its_chapters_title_and_language() {
    let found = extract(samples::epub("A book", "<h1>One</h1><p>Otters swim.</p>"), "a.epub").await.unwrap();

    assert_eq!(found.text, "# One\n\nOtters swim.");
    assert_eq!(found.about.title.as_deref(), Some("A book"));
    assert_eq!(found.about.language.as_deref(), Some("en"));
}

#[tokio::test]
async fn eml_gives_its_subject_as_title_its_header_and_its_body() {
    let mail = "Subject: =?utf-8?q?M=C3=A4rz?= report\r\nFrom: Jane <jane@example.org>\r\nTo: bob@example.org\r\n\
        Content-Type: text/plain; charset=utf-8\r\n\r\nThe otters are well.\r\n";

    let found = extract(mail, "a.eml").await.unwrap();

    assert_eq!(found.about.title.as_deref(), Some("März report"));
    assert_eq!(
        found.text,
        "# März report\n\nFrom: Jane <jane@example.org>\n\nTo: bob@example.org\n\nThe otters are well."
    );
}

#[tokio::test]
async fn the_bytes_tell_the_kind_where_the_name_does_not() {
    let pdf = samples::pdf(&["Otters"]);
    let docx = samples::docx(&samples::paragraph("Otters"), &[]);

    assert_eq!(extract(pdf.clone(), "report").await.unwrap().text, "Otters");
    assert_eq!(extract(docx, "report.2024-05-01").await.unwrap().text, "Otters");
    assert_eq!(extract("fn main() {}", "main.rs").await.unwrap().content_type, "text/plain");
    let extractor = extractor(&ExtractionConfig::default());
    // The name is right, so a careless declared type does no harm.
    assert!(extractor.extract(Bytes::from(pdf), "report.pdf", Some("text/plain")).await.is_ok());
}

#[tokio::test]
async fn opendocument_gives_its_structure_with_values_as_they_are_shown() {
    let file = |kind: &str, body: &str| {
        let content = format!(
            "<office:document-content xmlns:office=\"o\" xmlns:text=\"t\" xmlns:table=\"b\" xmlns:draw=\"d\" \
             xmlns:presentation=\"p\"><office:automatic-styles/><office:body><office:{kind}>{body}</office:{kind}></office:body>\
             </office:document-content>"
        );
        let media_type = format!("application/vnd.oasis.opendocument.{kind}");
        let meta = "<office:document-meta xmlns:office=\"o\" xmlns:dc=\"c\"><office:meta><dc:title>Otter files</dc:title>\
            </office:meta></office:document-meta>";
        samples::archive(&[("mimetype", media_type.as_str()), ("content.xml", content.as_str()), ("meta.xml", meta)])
    };
    let text = "<text:tracked-changes><text:p>old</text:p></text:tracked-changes><text:h text:outline-level=\"1\">Otters</text:h>\
        <text:p>They<text:s/>swim<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>Far.</text:p>\
        </text:note-body></text:note> well.</text:p><text:list><text:list-item><text:p>one</text:p></text:list-item></text:list>";
    let sheet = "<table:table table:name=\"Sizes\"><table:table-row><table:table-cell><text:p>Name</text:p></table:table-cell>\
        <table:table-cell><text:p>Weight</text:p></table:table-cell></table:table-row><table:table-row><table:table-cell \
        office:value=\"0.5\"><text:p>Giant</text:p></table:table-cell><table:table-cell><text:p>50%</text:p></table:table-cell>\
        <table:table-cell table:number-columns-repeated=\"16000\"/></table:table-row></table:table>";
    let slide = "<draw:page><draw:frame presentation:class=\"title\"><draw:text-box><text:p>Otters</text:p></draw:text-box>\
        </draw:frame><draw:frame><draw:text-box><text:p>They swim</text:p></draw:text-box></draw:frame></draw:page>";

    let found = extract(file("text", text), "a.odt").await.unwrap();
    assert_eq!(found.text, "# Otters\n\nThey swim well.\n\nFar.\n\n- one");
    assert_eq!(found.about.title.as_deref(), Some("Otter files"));
    let found = extract(file("spreadsheet", sheet), "a.ods").await.unwrap();
    assert_eq!(found.text, "## Sizes\n\n| Name | Weight |\n| --- | --- |\n| Giant | 50% |");
    let found = extract(file("presentation", slide), "a.odp").await.unwrap();
    assert_eq!((found.text.as_str(), found.page_starts), ("## Otters\n\nThey swim", vec![0]));
}
