//! XML as a walk from element to element.
//!
//! Names are local names, because prefixes are up to the writer of a file. Of two versions of the same content
//! (`AlternateContent`) only the first is seen. Entities that a document defines itself are ignored, which is what keeps
//! them from multiplying, and nothing is ever fetched.

use std::borrow::Cow;

use encoding_rs::Encoding;
use quick_xml::{
    Reader,
    escape::{resolve_predefined_entity, unescape},
    events::{BytesRef, BytesStart, Event},
};

use super::{ExtractError, detect, encoding};
use crate::domain::document::ProcessingErrorCode;

/// Elements inside each other. Readers recurse, and nesting in a document is up to its author.
const MAX_DEPTH: usize = 1000;

/// An XML document, at some place in it.
pub(super) struct Xml<'a> {
    reader: Reader<&'a [u8]>,
    depth: usize,
}

/// The start of an element.
pub(super) struct Element<'a>(BytesStart<'a>);

/// What is done with each element, or with each text between elements.
type Each<'f, 'a> = dyn FnMut(&mut Xml<'a>, Option<&Element<'a>>, &str) -> Result<(), ExtractError> + 'f;

enum Node<'a> {
    Start(Element<'a>),
    End,
    Text(Cow<'a, str>),
}

impl Element<'_> {
    /// Its name without a prefix.
    pub(super) fn name(&self) -> &str {
        after_colon(self.0.name().into_inner())
    }

    /// The value of an attribute, whatever its prefix.
    pub(super) fn attribute(&self, name: &str) -> Option<String> {
        self.find(|key| after_colon(key) == name)
    }

    /// The value of an attribute that has a prefix, such as `r:id` beside `id`.
    pub(super) fn prefixed(&self, name: &str) -> Option<String> {
        self.find(|key| key.split_once(':').is_some_and(|(prefix, local)| prefix != "xmlns" && local == name))
    }

    /// Whether an attribute is there and is not off.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.attribute(name).is_some_and(|value| !matches!(value.as_str(), "0" | "false" | "off" | "none"))
    }

    fn find(&self, matches: impl Fn(&str) -> bool) -> Option<String> {
        let mut attributes = self.0.attributes();
        // Repeated attributes are a fault that costs the square of their number to find.
        let found = attributes.with_checks(false).flatten().find(|it| matches(it.key.into_inner()))?;
        Some(unescape(&found.value).map_or_else(|_| found.value.to_string(), Cow::into_owned))
    }
}

impl<'a> Xml<'a> {
    pub(super) fn new(document: &'a str) -> Self {
        let mut reader = Reader::from_str(document);
        let config = reader.config_mut();
        config.expand_empty_elements = true;
        config.allow_dangling_amp = true;
        Self { reader, depth: 0 }
    }

    /// Calls `each` for every child of the element that was entered last, or for the outermost one. What `each` leaves of a
    /// child is skipped.
    pub(super) fn children(
        &mut self,
        mut each: impl FnMut(&mut Self, &Element<'a>) -> Result<(), ExtractError>,
    ) -> Result<(), ExtractError> {
        self.walk(&mut |xml, element, _| element.map_or(Ok(()), |element| each(xml, element)))
    }

    /// As [`Self::children`], with the text between them: `each` gets one or the other.
    pub(super) fn content(
        &mut self,
        mut each: impl FnMut(&mut Self, Option<&Element<'a>>, &str) -> Result<(), ExtractError>,
    ) -> Result<(), ExtractError> {
        self.walk(&mut each)
    }

    /// All text in the element that was entered last.
    pub(super) fn text(&mut self) -> Result<String, ExtractError> {
        let floor = self.depth;
        let mut all = String::new();
        while self.depth >= floor
            && let Some(node) = self.next()?
        {
            if let Node::Text(text) = node {
                all.push_str(&text);
            }
        }
        Ok(all)
    }

    fn walk(&mut self, each: &mut Each<'_, 'a>) -> Result<(), ExtractError> {
        let floor = self.depth;
        while let Some(node) = self.next()? {
            match node {
                Node::End => break,
                Node::Text(text) => each(self, None, &text)?,
                Node::Start(element) => {
                    if element.name() == "AlternateContent" {
                        self.first_branch(each)?;
                    } else {
                        each(self, Some(&element), "")?;
                    }
                    self.leave(floor)?;
                }
            }
        }
        Ok(())
    }

    /// The same content follows once for each kind of reader; the first is for the newest.
    fn first_branch(&mut self, each: &mut Each<'_, 'a>) -> Result<(), ExtractError> {
        let floor = self.depth;
        while let Some(node) = self.next()? {
            match node {
                Node::End => break,
                Node::Text(_) => {}
                Node::Start(_) => {
                    self.walk(each)?;
                    return self.leave(floor);
                }
            }
        }
        Ok(())
    }

    /// Skips to where no more than `depth` elements are open.
    fn leave(&mut self, depth: usize) -> Result<(), ExtractError> {
        while self.depth > depth && self.next()?.is_some() {}
        Ok(())
    }

    fn next(&mut self) -> Result<Option<Node<'a>>, ExtractError> {
        loop {
            return Ok(Some(match self.reader.read_event().map_err(|_| detect::corrupt())? {
                Event::Start(start) | Event::Empty(start) => {
                    self.depth += 1;
                    if self.depth > MAX_DEPTH {
                        return Err(too_deep());
                    }
                    Node::Start(Element(start))
                }
                Event::End(_) => {
                    self.depth -= 1;
                    Node::End
                }
                Event::Text(text) => Node::Text(text.into_inner()),
                Event::CData(text) => Node::Text(text.into_inner()),
                Event::GeneralRef(reference) => Node::Text(resolve(&reference)),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => continue,
                Event::Eof if self.depth > 0 => return Err(detect::corrupt()),
                Event::Eof => return Ok(None),
            }));
        }
    }
}

fn resolve(reference: &BytesRef<'_>) -> Cow<'static, str> {
    match reference.resolve_char_ref() {
        Ok(Some(character)) => Cow::Owned(character.to_string()),
        _ => Cow::Borrowed(resolve_predefined_entity(reference).unwrap_or_default()),
    }
}

fn after_colon(name: &str) -> &str {
    name.split_once(':').map_or(name, |(_, local)| local)
}

fn too_deep() -> ExtractError {
    ExtractError::permanent(
        ProcessingErrorCode::LimitExceeded,
        "The file is nested deeper than is allowed. Save it again in the program it came from, or simplify it.",
    )
}

/// The text of an XML file, in the encoding of its byte order mark or its declaration, else in UTF-8.
pub(super) fn decode(bytes: Vec<u8>) -> String {
    let declared = declared_encoding(&bytes).and_then(Encoding::for_label).filter(|it| *it != encoding_rs::UTF_8);
    if (declared.is_some() || encoding::has_mark(&bytes))
        && let Ok(text) = encoding::decode(&bytes, declared)
    {
        return text.into_owned();
    }
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// The encoding that `<?xml … encoding="…"?>` names.
pub(super) fn declared_encoding(bytes: &[u8]) -> Option<&[u8]> {
    const KEY: &[u8] = b"encoding";
    let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace())?;
    let head = &bytes[start..bytes.len().min(start + 200)];
    let end = head.iter().position(|&byte| byte == b'>')?;
    let declaration = head[..end].strip_prefix(b"<?xml")?;
    let at = declaration.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
    let value = declaration[at..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let (&quote, value) = value.split_first()?;
    let length = value.iter().position(|&byte| byte == quote)?;
    Some(&value[..length])
}

#[cfg(test)]
mod tests {
    use super::Xml;

    fn names(document: &str) -> Vec<String> {
        let mut names = Vec::new();
        let mut xml = Xml::new(document);
        xml.children(|xml, _| {
            xml.children(|_, child| {
                names.push(child.name().to_owned());
                Ok(())
            })
        })
        .unwrap();
        names
    }

    #[test]
    fn what_is_left_of_a_child_is_skipped_and_only_the_first_alternative_is_seen() {
        let document = "<r><a><x><y/></x></a><m:AlternateContent><m:Choice><p:b/><c/></m:Choice><m:Fallback><d/>\
             </m:Fallback></m:AlternateContent><e/></r>";
        assert_eq!(names(document), ["a", "b", "c", "e"]);
    }

    #[test]
    fn text_has_its_entities_resolved_and_none_of_its_own() {
        let document = "<!DOCTYPE r [<!ENTITY own \"no\">]><r>a &lt; &#x62;&own; <i>c</i><![CDATA[ & d]]></r>";
        let mut text = String::new();
        Xml::new(document)
            .children(|xml, _| {
                text = xml.text()?;
                Ok(())
            })
            .unwrap();
        assert_eq!(text, "a < b c & d");
    }

    #[test]
    fn what_breaks_off_or_is_nested_without_end_is_refused() {
        assert!(Xml::new("<r><a>").children(|xml, _| xml.text().map(drop)).is_err());
        let deep = "<a>".repeat(100_000);
        assert!(Xml::new(&deep).children(|xml, _| xml.text().map(drop)).is_err());
    }
}
