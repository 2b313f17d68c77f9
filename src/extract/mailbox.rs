//! Mailboxes (mbox): a message after the other.

use mail_parser::mailbox::mbox::MessageIterator;

use super::{ExtractError, block::Block, detect, document::Document, mail, reader::Means};

/// Messages of one mailbox that are read.
const MAX_MESSAGES: usize = 20_000;

/// Reads a mailbox. Each message is a part, under its subject.
///
/// # Errors
/// `CorruptFile` if there is no message, `LimitExceeded` if they have too much text.
pub(super) fn read(bytes: &[u8], means: Means<'_>) -> Result<Document, ExtractError> {
    let mut document = Document::default();
    let mut unread = 0;
    let mut size = 0;
    for (index, message) in MessageIterator::new(bytes).map_while(Result::ok).enumerate() {
        if index >= MAX_MESSAGES {
            unread += 1;
            continue;
        }
        match mail::read(message.contents(), means) {
            Ok(inner) => {
                size += inner.blocks.iter().map(Block::size).sum::<usize>();
                if size > means.max_text_bytes {
                    return Err(ExtractError::too_much_text(means.max_text_bytes));
                }
                document.blocks.extend(inner.blocks.into_iter().map(|block| block.below(1)));
                document.warnings.extend(inner.warnings);
                document.lacks_reader |= inner.lacks_reader;
            }
            Err(_) => unread += 1,
        }
    }
    if unread > 0 {
        document.skipped(format!("{unread} messages of the mailbox were left out."));
    }
    if document.blocks.is_empty() { Err(detect::corrupt()) } else { Ok(document) }
}

#[cfg(test)]
mod tests {
    use super::{super::block::render, Means, read};

    #[test]
    fn messages_follow_each_other_under_their_subjects() {
        let mailbox = "From anna@example.org Thu Jul  2 10:00:00 2026\nFrom: anna@example.org\nSubject: First\n\nHello.\n\
             >From here on it is quoted.\n\nFrom bo@example.org Thu Jul  2 11:00:00 2026\nFrom: bo@example.org\n\
             Subject: Second\n\nBye.\n";
        let document = read(mailbox.as_bytes(), Means::new(1000, 1000, None)).unwrap();
        assert_eq!(
            render(&document.blocks, 1000).unwrap().text,
            "## First\n\nFrom: anna@example.org\n\nHello.\nFrom here on it is quoted.\n\n## Second\n\nFrom: bo@example.org\n\nBye."
        );
        assert!(read(b"just text", Means::new(1000, 1000, None)).is_err());
    }
}
