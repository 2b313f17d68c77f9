//! Pages of lists: the arguments `first` and `after`, and the content of cursors.
//!
//! A cursor is `base64url(version|list|position)`. The position is the sort key of a row, so a page starts after the row
//! even if the row no longer exists.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::DateTime;

use super::{
    loaders::{CollectionKey, DocumentKey},
    scalars::Cursor,
};
use crate::{
    domain::{
        id::{
            ApiKeyId, AuditEntryId, CollectionId, DocumentId, InvitationId, OperationId, SessionId, SourceId,
            SourceRunId, UserId,
        },
        operation::FeedPosition,
        page::{DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, PageRequest},
    },
    error::{Error, ViolationCode},
    service::documents::TextPlace,
};

/// Raised when the inside of a cursor changes its meaning.
const VERSION: &str = "1";
/// The longest cursor that is worth decoding, in characters. Enough for the longest name, and some room.
const MAX_LENGTH: usize = 2000;

/// A row's position in a list.
pub trait Position: Sized {
    /// The word that distinguishes it from positions in other lists.
    const LIST: &'static str;
    /// The position as text.
    fn write(&self) -> String;

    /// The inverse of [`write`](Self::write).
    fn read(text: &str) -> Option<Self>;
}

/// The cursor of a position.
pub fn cursor(position: &impl Position) -> Cursor {
    fn of<P: Position>(position: &P) -> String {
        URL_SAFE_NO_PAD.encode(format!("{VERSION}|{}|{}", P::LIST, position.write()))
    }
    Cursor(of(position))
}

/// The position in a cursor.
///
/// # Errors
/// `Invalid` for a cursor that is malformed, of another list, or of another version.
pub fn position<P: Position>(cursor: &Cursor) -> Result<P, Error> {
    find(cursor).ok_or_else(foreign_cursor)
}

/// The refusal of a cursor that does not belong to the list.
pub fn foreign_cursor() -> Error {
    Error::invalid(
        ViolationCode::Invalid,
        "after",
        "after is not a cursor of this list. Use a cursor from this list, with the same sort order.",
    )
}

fn find<P: Position>(cursor: &Cursor) -> Option<P> {
    if cursor.0.len() > MAX_LENGTH {
        return None;
    }
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(&cursor.0).ok()?).ok()?;
    let mut parts = text.splitn(3, '|');
    let (version, list, rest) = (parts.next()?, parts.next()?, parts.next()?);
    P::read(rest).filter(|found| version == VERSION && list == P::LIST && found.write() == rest)
}

/// The number of rows from `first`.
///
/// # Errors
/// `Invalid` for a number outside 1 to 100.
pub fn page_size(first: Option<i32>) -> Result<u32, Error> {
    let Some(first) = first else { return Ok(DEFAULT_PAGE_SIZE) };
    u32::try_from(first).ok().filter(|first| (1..=MAX_PAGE_SIZE).contains(first)).ok_or_else(|| {
        let message = format!("first must be between 1 and {MAX_PAGE_SIZE}.");
        Error::invalid(ViolationCode::Invalid, "first", message)
    })
}

/// The page from `first` and `after`.
///
/// # Errors
/// `Invalid` for either.
pub fn page<P: Position>(first: Option<i32>, after: Option<&Cursor>) -> Result<PageRequest<P>, Error> {
    Ok(PageRequest { first: page_size(first)?, after: after.map(position).transpose()? })
}

impl Position for TextPlace {
    const LIST: &'static str = "text";

    fn write(&self) -> String {
        let Self { digest, character, byte } = self;
        format!("{digest}|{character}|{byte}")
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('|');
        let digest = parts.next().filter(|digest| digest.len() == 64)?.to_owned();
        let character = parts.next()?.parse().ok().filter(|number| *number >= 0)?;
        let byte = parts.next()?.parse().ok()?;
        Some(Self { digest, character, byte })
    }
}

macro_rules! numbered_positions {
    ($($(#[$doc:meta])* $name:ident($number:ty) = $list:literal)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub struct $name(pub $number);

        impl Position for $name {
            const LIST: &'static str = $list;

            fn write(&self) -> String {
                self.0.to_string()
            }

            fn read(text: &str) -> Option<Self> {
                text.parse().ok().filter(|number| *number >= 0).map(Self)
            }
        }

        impl $name {
            /// The page with the bare number of the position.
            pub fn page(first: Option<i32>, after: Option<&Cursor>) -> Result<PageRequest<$number>, Error> {
                let PageRequest { first, after } = page::<Self>(first, after)?;
                Ok(PageRequest { first, after: after.map(|position| position.0) })
            }
        }
    )*};
}

numbered_positions! {
    /// A chunk in its document: its index.
    ChunkPosition(i32) = "chunk"
    /// An event in its operation: its sequence number.
    EventPosition(i32) = "event"
    /// A document in an operation: its position in the request.
    ItemPosition(i32) = "item"
}

/// A hit in a search: its rank, and the ranking that it is in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HitPosition {
    pub rank: u32,
    pub ranking: String,
}

impl HitPosition {
    /// The rank in the cursor of a hit.
    ///
    /// # Errors
    /// `Invalid` for a cursor that is none, or of another question.
    pub fn rank(cursor: &Cursor, ranking: &str) -> Result<u32, Error> {
        let found: Option<Self> = find(cursor);
        found.filter(|position| position.ranking == ranking).map(|position| position.rank).ok_or_else(|| {
            Error::invalid(
                ViolationCode::Invalid,
                "after",
                "after is not a cursor of this question. Use a cursor from the same question: the same query, \
                 collections, mode, grouping and minimum score.",
            )
        })
    }
}

impl Position for HitPosition {
    const LIST: &'static str = "hit";

    fn write(&self) -> String {
        format!("{}|{}", self.rank, self.ranking)
    }

    fn read(text: &str) -> Option<Self> {
        let (rank, ranking) = text.split_once('|')?;
        Some(Self { rank: rank.parse().ok()?, ranking: ranking.to_owned() })
    }
}

macro_rules! positions_by_id {
    ($($id:ty = $list:literal)*) => {$(
        impl Position for $id {
            const LIST: &'static str = $list;

            fn write(&self) -> String {
                self.to_string()
            }

            fn read(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        }
    )*};
}

positions_by_id! {
    ApiKeyId = "apikey"
    AuditEntryId = "auditentry"
    InvitationId = "invitation"
    OperationId = "operation"
    SessionId = "session"
    SourceId = "source"
    SourceRunId = "sourcerun"
    UserId = "user"
}

impl Position for CollectionKey {
    const LIST: &'static str = "collection";

    fn write(&self) -> String {
        write_named(&self.id, self.name.as_deref())
    }

    fn read(text: &str) -> Option<Self> {
        let (id, name) = read_named(text)?;
        Some(Self { id: CollectionId(id), name })
    }
}

impl Position for DocumentKey {
    const LIST: &'static str = "document";

    fn write(&self) -> String {
        write_named(&self.id, self.file_name.as_deref())
    }

    fn read(text: &str) -> Option<Self> {
        let (id, file_name) = read_named(text)?;
        Some(Self { id: DocumentId(id), file_name })
    }
}

/// Bytes of the id of an operation, and of that and the number of an event.
const ID_BYTES: usize = 16;
const ENTRY_BYTES: usize = ID_BYTES + 4;

impl Position for FeedPosition {
    const LIST: &'static str = "feed";

    fn write(&self) -> String {
        let entries =
            self.later.iter().flat_map(|(id, sequence)| id.0.into_bytes().into_iter().chain(sequence.to_be_bytes()));
        format!("{}|{}", self.until.timestamp_micros(), URL_SAFE_NO_PAD.encode(entries.collect::<Vec<_>>()))
    }

    fn read(text: &str) -> Option<Self> {
        let (until, later) = text.split_once('|')?;
        let until = DateTime::from_timestamp_micros(until.parse::<i64>().ok()?)?;
        let bytes = URL_SAFE_NO_PAD.decode(later).ok()?;
        let read = |entry: &[u8]| {
            let (id, sequence) = entry.split_first_chunk::<ID_BYTES>()?;
            let sequence = i32::from_be_bytes(sequence.try_into().ok()?);
            (sequence >= 0).then(|| (OperationId(uuid::Uuid::from_bytes(*id)), sequence))
        };
        let later: Vec<_> = bytes.chunks(ENTRY_BYTES).map(read).collect::<Option<_>>()?;
        (later.len() <= Self::MOST_LATER).then_some(Self { until, later })
    }
}

/// `id`, or `id|name` where the list is sorted by name.
fn write_named(id: &impl ToString, name: Option<&str>) -> String {
    let id = id.to_string();
    name.map_or_else(|| id.clone(), |name| format!("{id}|{name}"))
}

fn read_named(text: &str) -> Option<(uuid::Uuid, Option<String>)> {
    let (id, name) = text.split_once('|').map_or((text, None), |(id, name)| (id, Some(name)));
    // No name has it, and PostgreSQL would not take it.
    if name.is_some_and(|name| name.contains('\0')) {
        return None;
    }
    Some((id.parse().ok()?, name.map(str::to_owned)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Cursor {
        Cursor(URL_SAFE_NO_PAD.encode(text))
    }

    #[test]
    fn a_cursor_leads_back_to_its_place() {
        let collection = CollectionKey { id: CollectionId::generate(), name: Some("a|b".into()) };
        let document = DocumentKey { id: DocumentId::generate(), file_name: None };
        let operation = OperationId::generate();
        assert_eq!(position::<CollectionKey>(&cursor(&collection)).unwrap(), collection);
        assert_eq!(position::<DocumentKey>(&cursor(&document)).unwrap(), document);
        assert_eq!(position::<OperationId>(&cursor(&operation)).unwrap(), operation);
        assert_eq!(position::<EventPosition>(&cursor(&EventPosition(41))).unwrap(), EventPosition(41));
        assert_eq!(cursor(&EventPosition(41)), raw("1|event|41"));
        let until = DateTime::from_timestamp_micros(1_800_000_000_000_001).unwrap();
        let feed = FeedPosition { until, later: vec![(operation, 3), (OperationId::generate(), 14)] };
        assert_eq!(position::<FeedPosition>(&cursor(&feed)).unwrap(), feed);
        assert_eq!(position::<FeedPosition>(&cursor(&FeedPosition::at(until))).unwrap(), FeedPosition::at(until));
    }

    #[test]
    fn a_cursor_of_a_feed_is_short_however_many_operations_there_are() {
        let until = DateTime::from_timestamp_micros(1_800_000_000_000_001).unwrap();
        let operations = |count| (0..count).map(|_| (OperationId::generate(), i32::MAX)).collect();
        let full = FeedPosition { until, later: operations(FeedPosition::MOST_LATER) };
        let written = cursor(&full);
        assert!(written.0.len() <= MAX_LENGTH, "{} characters", written.0.len());
        assert_eq!(position::<FeedPosition>(&written).unwrap(), full);
        let too_full = FeedPosition { until, later: operations(FeedPosition::MOST_LATER + 1) };
        assert!(position::<FeedPosition>(&cursor(&too_full)).is_err());
        for later in ["AAAA", "%", "AAAAAAAAAAAAAAAAAAAAAP____8"] {
            assert!(position::<FeedPosition>(&raw(&format!("1|feed|1800000000000001|{later}"))).is_err(), "{later}");
        }
    }

    #[test]
    fn a_cursor_of_another_list_or_version_is_refused() {
        for foreign in [cursor(&ChunkPosition(3)), raw("2|event|3"), raw("event|3"), raw("1|event")] {
            assert!(position::<EventPosition>(&foreign).is_err(), "{foreign:?}");
        }
    }

    #[test]
    fn a_malformed_cursor_is_refused() {
        for text in ["1|event|", "1|event|x", "1|event|-1", "1|event|+1", "1|event|01", "1|event|2147483648", ""] {
            assert!(position::<EventPosition>(&raw(text)).is_err(), "{text}");
        }
        for text in ["", "%", "MXxldmVudHw0MQ==", "ä"] {
            assert!(position::<EventPosition>(&Cursor(text.into())).is_err(), "{text}");
        }
        let id = CollectionId::generate();
        for text in [format!("1|collection|{}", id.0.simple()), format!("1|collection|{id}|a\0b")] {
            assert!(position::<CollectionKey>(&raw(&text)).is_err(), "{text:?}");
        }
        assert!(position::<CollectionKey>(&raw(&format!("1|collection|{id}|{}", "n".repeat(5000)))).is_err());
    }

    #[test]
    fn a_page_has_between_one_and_a_hundred_rows() {
        assert_eq!(page_size(None).unwrap(), 20);
        assert_eq!(page_size(Some(1)).unwrap(), 1);
        assert_eq!(page_size(Some(100)).unwrap(), 100);
        for first in [0, -1, 101, i32::MIN, i32::MAX] {
            let message = page_size(Some(first)).unwrap_err().to_string();
            assert_eq!(message, "first must be between 1 and 100.");
        }
    }
}
