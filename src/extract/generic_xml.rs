//! XML of any vocabulary: the text of its elements, a paragraph for each that has any.

use super::{
    ExtractError,
    block::Block,
    document::Document,
    xml::{self, Element, Xml},
};
use crate::domain::document::ProcessingErrorCode;

/// Attributes that people read.
const ATTRIBUTES: [&str; 5] = ["title", "label", "name", "alt", "summary"];

/// Reads an XML file. Titles are headings. What is not well-formed is read as it is: templates, for example.
///
/// # Errors
/// `LimitExceeded` where it nests too deep.
pub(super) fn read(bytes: &[u8]) -> Result<Document, ExtractError> {
    let text = xml::decode(bytes.to_vec());
    let mut walker = Walker::default();
    let walked = Xml::new(&text).children(|xml, element| {
        walker.document.about.language = element.attribute("lang");
        walker.element(xml, element, 0)
    });
    match walked {
        Ok(()) => {
            walker.end_paragraph();
            Ok(walker.document)
        }
        Err(error) if error.code == ProcessingErrorCode::CorruptFile => {
            Ok(Document { blocks: vec![Block::Code { language: "xml".into(), text }], ..Document::default() })
        }
        Err(error) => Err(error),
    }
}

#[derive(Default)]
struct Walker {
    document: Document,
    paragraph: String,
}

impl Walker {
    fn element(&mut self, xml: &mut Xml<'_>, element: &Element<'_>, depth: u8) -> Result<(), ExtractError> {
        let name = element.name();
        if matches!(name, "title" | "head" | "heading" | "caption") {
            let title = xml.text()?;
            self.end_paragraph();
            self.document.about.title.get_or_insert_with(|| title.clone());
            self.document.blocks.push(Block::Heading { level: depth.clamp(1, 6), text: title });
            return Ok(());
        }
        let spoken = ATTRIBUTES.iter().find_map(|name| element.attribute(name));
        if let Some(spoken) = spoken.filter(|text| text.contains(' ')) {
            self.end_paragraph();
            self.document.blocks.push(Block::Paragraph(spoken));
        }
        // Elements in the middle of a sentence belong to it; others begin something new.
        let is_inline = !self.paragraph.trim().is_empty();
        xml.content(|xml, child, text| {
            if let Some(child) = child {
                return self.element(xml, child, depth.saturating_add(1));
            }
            if text.trim().is_empty() && text.contains('\n') && !is_inline {
                self.end_paragraph();
            } else {
                self.paragraph.push_str(text);
            }
            Ok(())
        })?;
        if !is_inline {
            self.end_paragraph();
        }
        Ok(())
    }

    fn end_paragraph(&mut self) {
        let text = std::mem::take(&mut self.paragraph);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if !text.is_empty() {
            self.document.blocks.push(Block::Paragraph(text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::block::render, read};

    fn markdown(xml: &str) -> String {
        render(&read(xml.as_bytes()).unwrap().blocks, 1000).unwrap().text
    }

    #[test]
    fn each_element_with_text_is_a_paragraph_and_those_in_a_sentence_belong_to_it() {
        let xml = "<?xml version=\"1.0\"?>\n<article xml:lang=\"en\">\n <info><title>Harbours</title><author>Anna</author></info>\n\
             <p>Boats <b>moor</b> here\n every <i>night</i>.</p>\n <item><name>Pier</name><price>5</price></item>\n</article>";
        assert_eq!(markdown(xml), "## Harbours\n\nAnna\n\nBoats moor here every night.\n\nPier\n\n5");
        assert_eq!(read(xml.as_bytes()).unwrap().about.language.as_deref(), Some("en"));
        assert_eq!(markdown("<a><b></a>"), "```xml\n<a><b></a>\n```");
    }
}
