//! Small files that real readers got wrong, one for each kind of fault. `fixtures/extract` has them.

use std::{fs, path::PathBuf};

use docent::{domain::document::DocumentWarningCode, extract::ExtractedText};

use super::extract;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/extract")
}

fn bytes(name: &str) -> Vec<u8> {
    fs::read(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

async fn read(name: &str) -> ExtractedText {
    extract(bytes(name), name).await.unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The words of a text in their order, without the marks of Markdown.
fn words(text: &str) -> Vec<String> {
    let is_mark = |word: &&str| !word.chars().all(|character| "|#-\\".contains(character));
    text.split_whitespace().filter(is_mark).map(|word| word.trim_start_matches('\\').to_owned()).collect()
}

async fn assert_words(cases: &[(&str, &str)]) {
    for (name, expected) in cases {
        let found = read(name).await;
        assert_eq!(words(&found.text), words(expected), "{name}: {:?}", found.text);
    }
}

async fn assert_markdown(cases: &[(&str, &str)]) {
    for (name, expected) in cases {
        assert_eq!(read(name).await.text, *expected, "{name}");
    }
}

#[tokio::test]
async fn word_documents_show_what_their_reader_sees() {
    assert_words(&[
        ("docx_altchunk.docx", "Before. Imported html part."),
        ("docx_alternate_content_block.docx", "Modern paragraph. End."),
        ("docx_comment_marker.docx", "The deadline is Friday at noon. Reviewer asks about the deadline."),
        ("docx_inline_equation.docx", "Energy E=mc is famous. On E alone"),
        ("docx_moved_text.docx", "First. Between. Moved sentence. kept row"),
        ("docx_nested_field.docx", "shown result"),
        ("docx_note_marker.docx", "The tariff rose. See annex."),
        ("docx_page_break_in_paragraph.docx", "End of one start of two Oslo Bergen left right"),
        ("docx_picture_name.docx", "Before. A map of the harbour After."),
    ])
    .await;
    assert_markdown(&[
        ("docx_direct_outline_level.docx", "# Chapter by outline level\n\nText."),
        ("docx_link_in_cell.docx", "See the manual.\n\n| the manual | x |\n| --- | --- |"),
        (
            "docx_list_numbers.docx",
            "Steps:\n\n1. Switch off\n2. Wait\n   a) ten seconds\n   b) or twenty\n3. Switch on\n\nInterlude.\n\n4. Check lamp",
        ),
        ("docx_table_emphasis_marks.docx", "| Name | Pay |\n| --- | --- |\n| Anna | 12 old it |"),
    ])
    .await;
}

#[tokio::test]
async fn containers_are_read_however_their_writer_names_their_parts() {
    assert_words(&[
        ("docx_main_part_document2.docx", "Main part is document2.xml, as Microsoft 365 writes."),
        ("docx_backslash_names.docx", "Backslash names."),
        ("docx_other_prefix.docx", "Text under another namespace prefix."),
    ])
    .await;
}

#[tokio::test]
async fn presentations_have_their_words_whole_and_their_slides_in_order() {
    assert_words(&[
        ("pptx_words_split_into_runs.pptx", "Runs Some info, internationally known Norway, here 12345 kr"),
        ("pptx_italic.pptx", "Marks see italic words"),
        ("pptx_notes.pptx", "Plan Bullet Speaker notes explain the plan."),
    ])
    .await;
    assert_markdown(&[
        ("pptx_cell_line_break.pptx", "## T\n\n| Metric | Score |\n| --- | --- |\n| Recall (macro) | 0.91 |"),
        ("pptx_footer_becomes_heading.pptx", "Talk text here"),
    ])
    .await;
    let found = read("pptx_slides_reordered.pptx").await;
    assert_eq!(found.text, "## Shown first\n\nBody B\n\n## Shown second\n\nBody C\n\n## Shown last\n\nBody A");
    let starts = ["## Shown first", "## Shown second", "## Shown last"].map(|title| found.text.find(title).unwrap());
    assert_eq!(found.page_starts, starts);
}

#[tokio::test]
async fn workbooks_have_their_numbers_as_the_sheet_shows_them() {
    let expected =
        "## Rates\n\n| Fringe rate | 47.5% |\n| --- | --- |\n| Postcode | 01234 |\n| Sum | 0.3 |\n| Bad | #DIV/0! |";
    assert_markdown(&[("xlsx_number_formats.xlsx", expected)]).await;
    let found = read("xlsx_long_table.xlsx").await;
    assert!(
        found.text.starts_with("## Peaks\n\n| Peak | Country | Height in m | First climbed |\n| --- |"),
        "{}",
        found.text
    );
}

#[tokio::test]
async fn mail_is_its_header_its_text_and_what_is_attached() {
    let mail = |subject: &str, body: &str| {
        format!(
            "{subject} From: Anna Ek <anna@example.org> To: bo@example.org Date: Thu, 2 Jul 2026 10:00:00 +0200 {body}"
        )
    };
    let carl =
        "Original request From: carl@example.org Date: Wed, 1 Jul 2026 09:00:00 +0200 Please send the inner figures.";
    for (name, expected) in [
        ("eml_alternative_prefers_html_with_css.eml", mail("Alt", "Plain line one. Plain line two.")),
        ("eml_html_style_and_script.eml", mail("Style", "Only this sentence is text.")),
        (
            "eml_digest.eml",
            mail(
                "Digest",
                "First topic From: a@example.org Body of the first. Second topic From: b@example.org Body of the second.",
            ),
        ),
        (
            "eml_docx_attachment.eml",
            mail("Contract", "Contract attached. contract.docx Contract text in the attachment."),
        ),
        ("eml_forwarded.eml", mail("Fwd: Original request", &format!("See the forwarded mail. {carl}"))),
        ("eml_latin1_without_charset.eml", mail("Test", "Grüße aus Köln, 10 €")),
        ("eml_long_references.eml", mail("Thread", "Short body.")),
        (
            "eml_text_attachment.eml",
            mail("Notes", "Notes are attached. minutes.txt The board agreed to move the office to Bergen."),
        ),
        ("eml_bom.eml", "With BOM From: anna@example.org Body after a byte order mark.".to_owned()),
        ("eml_leading_blank_lines.eml", "Leading blank lines From: anna@example.org Body text here.".to_owned()),
        ("eml_utf16.eml", "Saved as Unicode From: anna@example.org Body in sixteen bits.".to_owned()),
    ] {
        assert_words(&[(name, &expected)]).await;
    }
    let japanese = read("eml_iso2022jp_without_charset.eml").await;
    assert!(japanese.text.ends_with("\n\nお問い合わせありがとうございます。"), "{}", japanese.text);
}

#[tokio::test]
async fn pages_have_their_words_once_apart_and_in_order() {
    assert_words(&[
        ("html_block_in_paragraph.html", "Head in p First div. Second div. Intro: one two after Price list Tea 2"),
        (
            "html_blocks_glued.html",
            "Name Anna first paragraph second paragraph Site name Page name City Save Cancel Card one Card two",
        ),
        ("html_nested_tables.html", "Deep sentence stands once."),
        ("html_soft_hyphens.html", "Die Donaudampfschifffahrt und zerowidth."),
        ("html_svg_math.html", "Svg text x=2 End"),
        ("epub_soft_hyphens.epub", "Kapitel 1 Anfang Donaudampfschiff Line two Zwei Text. x"),
    ])
    .await;
    assert_markdown(&[
        ("html_nested_lists.html", "5. fifth\n   - sub of fifth\n6. sixth\n\n- run it: cargo run\n- done"),
        ("html_table_links_and_images.html", "# List\n\n| Annual report | bold Logo |\n| --- | --- |"),
    ])
    .await;
}

#[tokio::test]
async fn pages_are_decoded_as_they_say_wherever_they_say_it() {
    for (name, title, text) in [
        ("html_charset_in_script.html", "Письмо", "Письмо в старой кодировке."),
        ("html_charset_spaces.html", "Т", "Пробелы вокруг знака."),
        ("html_meta_after_1024_bytes.html", "Отчёт", "Отчёт за год."),
        ("html_xml_declaration.html", "Zażółć", "Zażółć gęślą jaźń."),
    ] {
        let found = read(name).await;
        assert_eq!((found.about.title.as_deref(), found.text.as_str()), (Some(title), text), "{name}");
        assert!(found.warnings.is_empty(), "{name}");
    }
}

#[tokio::test]
async fn texts_in_encodings_that_nobody_declares_are_read_with_a_warning() {
    for (name, text) in [
        ("txt_cp1252.csv", "Name Preis Müller 10 €"),
        ("txt_gbk.txt", "这是一个中文文件。"),
        ("txt_latin1.txt", "Grüße aus Köln, très bien."),
        ("txt_shift_jis.csv", "名前 年齢 田中 30"),
    ] {
        let found = read(name).await;
        assert_eq!(words(&found.text), words(text), "{name}");
        let codes: Vec<_> = found.warnings.iter().map(|warning| warning.code).collect();
        assert_eq!(codes, [DocumentWarningCode::EncodingGuessed], "{name}");
    }
    assert_words(&[
        ("txt_one_nul.txt", "Line one with nul Line two"),
        ("txt_ansi_colours.log", "INFO started ERROR disk full"),
    ])
    .await;
}

#[tokio::test]
async fn titles_of_markdown_have_no_marks() {
    for (name, title) in [
        ("md_front_folded.md", "Folded title over lines"),
        ("md_front_toml.md", "Hugo page"),
        ("md_title_anchor.md", "Doc"),
        ("md_title_markup.md", "Bold code and link & more"),
        ("md_title_setext.md", "Main Title"),
    ] {
        assert_eq!(read(name).await.about.title.as_deref(), Some(title), "{name}");
    }
}

#[tokio::test]
async fn pages_of_pdf_have_their_words_whole_and_in_order() {
    for (name, expected) in [
        ("pdf_11k_bytes_after_eof.pdf", "Bytes follow the end mark."),
        ("pdf_bullets.pdf", "Shopping list apples from Norway pears from France plums from Spain"),
        ("pdf_freetext_annotation.pdf", "Body sentence. A typed remark on the page"),
        ("pdf_hidden_layer.pdf", "Shown text."),
        (
            "pdf_placedpdf_marked_content.pdf",
            "Direct text. Placed line one is the body of the page. Placed line two is the body as well.",
        ),
        ("pdf_rtl_glyph_by_glyph.pdf", "שלום עולם זה טקסט"),
        ("pdf_rtl_line_with_latin.pdf", "השפה היא Python שפה של מתכנתים"),
        ("pdf_rtl_word_by_word.pdf", "שלום עולם זה טקסט בעברית לבדיקה של סדר"),
        ("pdf_run_between_arrays.pdf", "within a period of 3 months after conclusion of the agreement."),
        (
            "pdf_superscript_citations.pdf",
            "PDF reader was first made as an addition for a browser[4] and is part of it since the year 2012 (version 15),[5] \
             and on by default since 2013 (version 19).[7] It gives a way of viewing files in the browser.",
        ),
        ("pdf_tight_word_gaps.pdf", "Every word is drawn alone in its own place"),
        ("pdf_type3_bitmap_font.pdf", "Old papers use bitmap fonts."),
        ("pdf_type3_mixed.pdf", "Plain words around it. Old papers use bitmap fonts."),
    ] {
        let found = read(name).await;
        assert_eq!(words(&found.text), words(expected), "{name}: {:?}", found.text);
    }
    for name in ["pdf_three_columns.pdf", "pdf_two_columns_24pt_gutter.pdf", "pdf_two_columns_narrow_gutter.pdf"] {
        let expected = fs::read_to_string(folder().join(name).with_extension("pdf.expected.txt")).unwrap();
        assert_eq!(words(&read(name).await.text), words(&expected), "{name}");
    }
    let german = read("pdf_language.pdf").await;
    assert_eq!(
        (german.about.language.as_deref(), german.text.as_str()),
        (Some("de-DE"), "Ein deutscher Satz steht hier.")
    );
    // The file gives its ligatures no characters, so they are missing; nobody is left to believe that all is there.
    let lost = read("pdf_ligature_tounicode_zero.pdf").await;
    assert_eq!(lost.warnings.iter().map(|warning| warning.page).collect::<Vec<_>>(), [Some(1)]);
}
