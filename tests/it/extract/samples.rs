//! Small files of each kind, written byte by byte, so that a test can make them as wrong as it needs.
#![expect(clippy::format_push_string, reason = "samples are small, and plain to read this way")]

use std::io::{Cursor, Write};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A ZIP container with these entries.
pub fn archive(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(content.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// A Word document with this body, and with more entries beside it.
pub fn docx(body: &str, more: &[(&str, &str)]) -> Vec<u8> {
    docx_with_prolog("", body, more)
}

pub fn docx_with_prolog(prolog: &str, body: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let document =
        format!("<?xml version=\"1.0\"?>{prolog}<w:document xmlns:w=\"{WORD}\"><w:body>{body}</w:body></w:document>");
    let types = content_types("/word/document.xml", "wordprocessingml.document.main");
    let relations = relations("officeDocument", "word/document.xml");
    let mut entries =
        vec![("[Content_Types].xml", types.as_str()), ("_rels/.rels", &relations), ("word/document.xml", &document)];
    entries.extend_from_slice(more);
    archive(&entries)
}

/// A paragraph of a Word document.
pub fn paragraph(text: &str) -> String {
    format!("<w:p><w:r><w:t>{text}</w:t></w:r></w:p>")
}

/// A heading of a Word document.
pub fn heading(level: u8, text: &str) -> String {
    format!("<w:p><w:pPr><w:pStyle w:val=\"Heading{level}\"/></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>")
}

/// A presentation with a slide for each title and text.
pub fn pptx(slides: &[(&str, &str)]) -> Vec<u8> {
    let mut entries = vec![
        ("[Content_Types].xml".to_owned(), content_types("/ppt/presentation.xml", "presentationml.presentation.main")),
        ("_rels/.rels".to_owned(), relations("officeDocument", "ppt/presentation.xml")),
    ];
    let (mut ids, mut targets) = (String::new(), String::new());
    for (index, (title, text)) in slides.iter().enumerate() {
        let number = index + 1;
        ids.push_str(&format!("<p:sldId id=\"{}\" r:id=\"r{number}\"/>", 255 + number));
        targets.push_str(&format!(
            "<Relationship Id=\"r{number}\" Type=\"{OFFICE}/relationships/slide\" Target=\"slides/slide{number}.xml\"/>"
        ));
        let shape = |kind: &str, text: &str| {
            format!(
                "<p:sp><p:nvSpPr><p:cNvPr id=\"2\" name=\"s\"/><p:cNvSpPr/><p:nvPr><p:ph type=\"{kind}\"/></p:nvPr></p:nvSpPr>\
                 <p:spPr/><p:txBody><a:bodyPr/><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"
            )
        };
        let content = format!("{}{}", shape("title", title), shape("body", text));
        entries.push((
            format!("ppt/slides/slide{number}.xml"),
            format!(
                "<?xml version=\"1.0\"?><p:sld xmlns:p=\"{SLIDES}\" xmlns:a=\"{DRAWING}\"><p:cSld><p:spTree>{content}</p:spTree>\
                 </p:cSld></p:sld>"
            ),
        ));
    }
    entries.push((
        "ppt/presentation.xml".to_owned(),
        format!(
            "<?xml version=\"1.0\"?><p:presentation xmlns:p=\"{SLIDES}\" xmlns:r=\"{OFFICE}/relationships\">\
             <p:sldIdLst>{ids}</p:sldIdLst></p:presentation>"
        ),
    ));
    entries.push((
        "ppt/_rels/presentation.xml.rels".to_owned(),
        format!("<?xml version=\"1.0\"?><Relationships xmlns=\"{PACKAGE}/relationships\">{targets}</Relationships>"),
    ));
    let entries: Vec<_> = entries.iter().map(|(name, content)| (name.as_str(), content.as_str())).collect();
    archive(&entries)
}

/// A workbook with one sheet of texts.
pub fn xlsx(sheet: &str, rows: &[&[&str]]) -> Vec<u8> {
    let mut cells = String::new();
    for (row, texts) in rows.iter().enumerate() {
        cells.push_str(&format!("<row r=\"{}\">", row + 1));
        for (column, text) in texts.iter().enumerate() {
            let place = format!("{}{}", char::from(b'A' + u8::try_from(column).unwrap()), row + 1);
            cells.push_str(&format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{text}</t></is></c>"));
        }
        cells.push_str("</row>");
    }
    archive(&[
        ("[Content_Types].xml", &content_types("/xl/workbook.xml", "spreadsheetml.sheet.main")),
        ("_rels/.rels", &relations("officeDocument", "xl/workbook.xml")),
        (
            "xl/workbook.xml",
            &format!(
                "<?xml version=\"1.0\"?><workbook xmlns=\"{SHEETS}\" xmlns:r=\"{OFFICE}/relationships\"><sheets>\
                 <sheet name=\"{sheet}\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
            ),
        ),
        ("xl/_rels/workbook.xml.rels", &relations("worksheet", "worksheets/sheet1.xml")),
        (
            "xl/worksheets/sheet1.xml",
            &format!("<?xml version=\"1.0\"?><worksheet xmlns=\"{SHEETS}\"><sheetData>{cells}</sheetData></worksheet>"),
        ),
    ])
}

/// A book with one chapter.
pub fn epub(title: &str, chapter: &str) -> Vec<u8> {
    archive(&[
        ("mimetype", "application/epub+zip"),
        (
            "META-INF/container.xml",
            "<?xml version=\"1.0\"?><container version=\"1.0\" xmlns=\"urn:oasis:names:tc:opendocument:xmlns:container\">\
             <rootfiles><rootfile full-path=\"book.opf\" media-type=\"application/oebps-package+xml\"/></rootfiles></container>",
        ),
        (
            "book.opf",
            &format!(
                "<?xml version=\"1.0\"?><package xmlns=\"http://www.idpf.org/2007/opf\" version=\"3.0\" unique-identifier=\"id\">\
                 <metadata xmlns:dc=\"http://purl.org/dc/elements/1.1/\"><dc:identifier id=\"id\">x</dc:identifier>\
                 <dc:title>{title}</dc:title><dc:language>en</dc:language></metadata><manifest>\
                 <item id=\"c\" href=\"c.xhtml\" media-type=\"application/xhtml+xml\"/></manifest>\
                 <spine><itemref idref=\"c\"/></spine></package>"
            ),
        ),
        (
            "c.xhtml",
            &format!(
                "<html xmlns=\"http://www.w3.org/1999/xhtml\"><head><title>c</title></head><body>{chapter}</body></html>"
            ),
        ),
    ])
}

/// A message of Outlook with these attachments.
pub fn msg(subject: &str, body: &str, attachments: &[(&str, &[u8])]) -> Vec<u8> {
    let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let mut put = |name: &str, content: &[u8]| file.create_stream(name).unwrap().write_all(content).unwrap();
    put("/__properties_version1.0", &[0; 32]);
    for (property, text) in [("0037", subject), ("0C1A", "Anna Ek"), ("0E04", "Bo"), ("1000", body)] {
        put(&format!("/__substg1.0_{property}001F"), &utf16(text));
    }
    for (index, (name, content)) in attachments.iter().enumerate() {
        let folder = format!("/__attach_version1.0_#{index:08X}");
        file.create_storage(&folder).unwrap();
        let mut put = |name: &str, content: &[u8]| file.create_stream(name).unwrap().write_all(content).unwrap();
        put(&format!("{folder}/__substg1.0_3707001F"), &utf16(name));
        put(&format!("{folder}/__substg1.0_37010102"), content);
    }
    file.flush().unwrap();
    file.into_inner().into_inner()
}

/// A PDF with one line of text on each page.
pub fn pdf(pages: &[&str]) -> Vec<u8> {
    let contents: Vec<String> = pages
        .iter()
        .map(|line| format!("BT /F1 12 Tf 72 700 Td ({line}) Tj ET"))
        .map(|content| format!("<</Length {}>>\nstream\n{content}\nendstream", content.len()))
        .collect();
    let kids: Vec<String> = (0..pages.len()).map(|page| format!("{} 0 R", 4 + 2 * page)).collect();
    let mut objects = vec![
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        format!("<</Type/Pages/Kids[{}]/Count {}>>", kids.join(" "), pages.len()),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned(),
    ];
    for (page, content) in contents.into_iter().enumerate() {
        let reference = 5 + 2 * page;
        objects.push(format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents {reference} 0 R/Resources<</Font<</F1 3 0 R>>>>>>"
        ));
        objects.push(content);
    }
    pdf_of(&objects)
}

/// A PDF with these objects, the first of which is its catalogue.
pub fn pdf_of(objects: &[String]) -> Vec<u8> {
    let mut file = "%PDF-1.4\n".to_owned();
    let mut places = String::new();
    for (index, object) in objects.iter().enumerate() {
        places.push_str(&format!("{:010} 00000 n \n", file.len()));
        file.push_str(&format!("{} 0 obj\n{object}\nendobj\n", index + 1));
    }
    let table = file.len();
    let size = objects.len() + 1;
    file.push_str(&format!("xref\n0 {size}\n0000000000 65535 f \n{places}trailer\n<</Size {size}/Root 1 0 R>>\n"));
    file.push_str(&format!("startxref\n{table}\n%%EOF\n"));
    file.into_bytes()
}

/// Bytes without pattern.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state: u64 = 0x5eed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

fn content_types(part: &str, kind: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><Types xmlns=\"{PACKAGE}/content-types\"><Default Extension=\"xml\" \
         ContentType=\"application/xml\"/><Default Extension=\"rels\" \
         ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/><Override PartName=\"{part}\" \
         ContentType=\"application/vnd.openxmlformats-officedocument.{kind}+xml\"/></Types>"
    )
}

fn relations(kind: &str, target: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><Relationships xmlns=\"{PACKAGE}/relationships\"><Relationship Id=\"r1\" \
         Type=\"{OFFICE}/relationships/{kind}\" Target=\"{target}\"/></Relationships>"
    )
}

const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006";
const WORD: &str = "http://schemas.openxmlformats.org/wordprocessingml/2006/main";
const SLIDES: &str = "http://schemas.openxmlformats.org/presentationml/2006/main";
const DRAWING: &str = "http://schemas.openxmlformats.org/drawingml/2006/main";
const SHEETS: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
