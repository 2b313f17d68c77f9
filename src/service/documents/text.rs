//! Pages through the extracted text of a document. A page costs its own length; only one that begins in the middle of a text,
//! rather than after another page, costs the way there.

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;

use crate::{
    domain::{chunking::ParentPart, generation::StoredText},
    error::{Error, ViolationCode},
    service::Services,
};

/// The most bytes of a character in UTF-8.
const MAX_CHARACTER_BYTES: u64 = 4;

/// A place in a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TextPlace {
    /// The text that it is a place in.
    pub digest: String,
    pub character: i32,
    pub byte: u64,
}

/// Where a page begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TextStart {
    /// At this character.
    At(i32),
    /// Where another page ended.
    After(TextPlace),
}

/// A part of a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TextPage {
    pub content: String,
    /// In characters.
    pub start: i32,
    pub end: TextPlace,
}

/// The page of at most `first` characters that begins there.
///
/// # Errors
/// `Invalid` for a place that is not in the text, or is one of another text.
pub async fn text_page(
    services: &Services,
    text: &StoredText,
    start: TextStart,
    first: u32,
) -> Result<TextPage, Error> {
    let place = match start {
        TextStart::After(place) if place.digest == text.digest => place,
        TextStart::After(_) => return Err(foreign()),
        TextStart::At(character) if (0..=text.length).contains(&character) => find(services, text, character).await?,
        TextStart::At(_) => {
            let message = format!("Choose a character of the text: 0 to {}.", text.length);
            return Err(Error::invalid(ViolationCode::Invalid, "from", message));
        }
    };
    let size = services.blobs.size(&text.digest).await?;
    let most = place.byte.saturating_add(u64::from(first) * MAX_CHARACTER_BYTES).min(size);
    if place.byte > most {
        return Err(foreign());
    }
    let pieces = services.blobs.stream(&text.digest, Some(place.byte..most)).await?;
    let bytes: BytesMut = pieces.try_collect().await?;
    // The last character may be cut off here; the page ends before it anyhow.
    let whole = match std::str::from_utf8(&bytes) {
        Ok(whole) => whole,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    };
    if whole.is_empty() && !bytes.is_empty() {
        return Err(foreign());
    }
    let content: String = whole.chars().take(first as usize).collect();
    let character = place.character.saturating_add(i32::try_from(content.chars().count()).unwrap_or(i32::MAX));
    let end = TextPlace { character, byte: place.byte + content.len() as u64, digest: place.digest };
    Ok(TextPage { content, start: place.character, end })
}

/// The text of the parent of a chunk with this content. `None` if the document has another text by now.
///
/// # Errors
/// If the text can't be read.
pub async fn parent_text(
    services: &Services,
    text: &StoredText,
    parent: ParentPart,
    content: &str,
) -> Result<Option<String>, Error> {
    let place = u64::from(parent.start_byte)..u64::from(parent.end_byte);
    if place.end > services.blobs.size(&text.digest).await? {
        return Ok(None);
    }
    let pieces = services.blobs.stream(&text.digest, Some(place)).await?;
    let bytes: BytesMut = pieces.try_collect().await?;
    Ok(String::from_utf8(bytes.to_vec()).ok().filter(|parent| parent.contains(content)))
}

fn foreign() -> Error {
    let message = "after is not a cursor of this text. Its document may have other content now: start again.";
    Error::invalid(ViolationCode::Invalid, "after", message)
}

/// The place of a character.
async fn find(services: &Services, text: &StoredText, character: i32) -> Result<TextPlace, Error> {
    let mut left = usize::try_from(character).unwrap_or(0);
    let mut place = TextPlace { digest: text.digest.clone(), character, byte: 0 };
    if left == 0 {
        return Ok(place);
    }
    let mut pieces = services.blobs.stream(&text.digest, None).await?;
    while let Some(piece) = pieces.try_next().await? {
        match end_of(&piece, left) {
            Ok(bytes) => {
                place.byte += bytes;
                return Ok(place);
            }
            Err(begun) => left -= begun,
        }
        place.byte += piece.len() as u64;
    }
    Ok(place)
}

/// How many bytes of `piece` lie before the character that `left` others begin before; or how many begin in it, if it is not
/// there.
fn end_of(piece: &Bytes, left: usize) -> Result<u64, usize> {
    let is_begin = |byte: &u8| *byte & 0xc0 != 0x80;
    let begun = piece.iter().filter(|byte| is_begin(byte)).count();
    if begun <= left {
        return Err(begun);
    }
    let starts = piece.iter().enumerate().filter(|(_, byte)| is_begin(byte));
    Ok(starts.map(|(place, _)| place as u64).nth(left).unwrap_or(piece.len() as u64))
}

#[cfg(test)]
mod tests {
    use super::{Bytes, end_of};

    #[test]
    fn a_character_is_found_in_the_piece_that_it_begins_in() {
        let piece = Bytes::from_static("aé漢b".as_bytes());
        let places: Vec<_> = (0..5).map(|left| end_of(&piece, left)).collect();
        assert_eq!(places, [Ok(0), Ok(1), Ok(3), Ok(6), Err(4)]);
        // A piece that begins in the middle of a character.
        assert_eq!(end_of(&piece.slice(2..), 0), Ok(1));
    }
}
