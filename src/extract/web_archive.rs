//! Saved web pages (MHTML): the page, without what it shows.

use mail_parser::{MessageParser, PartType};

use super::{ExtractError, detect, document::Document, html, mail};
use crate::domain::document::About;

/// Reads the first page of an archive; the others are its frames.
///
/// # Errors
/// `CorruptFile` if there is no page.
pub(super) fn read(bytes: &[u8]) -> Result<Document, ExtractError> {
    let bytes = mail::tidied(bytes);
    let message = MessageParser::default().parse(&*bytes).ok_or_else(detect::corrupt)?;
    let mut pages = message.parts.iter().filter(|part| matches!(part.body, PartType::Html(_)));
    let part = pages.next().ok_or_else(detect::corrupt)?;
    let declared = mail::charset(part).map(|charset| format!("text/html; charset={charset}"));
    let page = html::document(&mail::bytes_of(&message, part), declared.as_deref());
    let title = page.about.title.or_else(|| message.subject().map(str::to_owned));
    Ok(Document { about: About { title, ..page.about }, ..page })
}

#[cfg(test)]
mod tests {
    use super::{super::block::render, read};

    #[test]
    fn the_page_is_read_and_what_it_shows_is_not() {
        let archive = "From: <Saved by a browser>\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/related; type=\"text/html\"; boundary=bb\r\n\r\n--bb\r\nContent-Type: text/html\r\n\
             Content-Transfer-Encoding: quoted-printable\r\nContent-Location: http://example.org/\r\n\r\n\
             <html><body><p>Gr=C3=BC=C3=9Fe</p></body></html>\r\n--bb\r\nContent-Type: text/css\r\n\r\np { color: red }\r\n--bb--\r\n";
        let document = read(archive.as_bytes()).unwrap();
        assert_eq!(render(&document.blocks, 1000).unwrap().text, "Grüße");
        assert_eq!(document.about.title.as_deref(), Some("Grüße"));
        assert!(read(b"From: a@example.org\r\n\r\ntext").is_err());
    }
}
