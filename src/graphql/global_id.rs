//! Global ids: `base64url(kind:id)`, opaque to clients.
//!
//! An id that is malformed, or that belongs to another kind of object, is read as the nil id, which no object has. So it
//! gets the same answer as an id that does not exist. Filters of lists reject it, because an empty list would look like a
//! valid answer.

use async_graphql::ID;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

use super::loaders::{ChunkKey, MemberKey};
use crate::domain::{
    audit::{AuditObject, AuditObjectKind},
    id::{
        ApiKeyId, AuditEntryId, ChunkId, CollectionId, DocumentId, GenerationId, InvitationId, OperationId, SessionId,
        SourceId, UploadId, UserId,
    },
};

/// The longest id that is worth decoding, in characters.
const MAX_LENGTH: usize = 200;

/// An id of the domain that clients see.
pub trait GlobalId: Sized {
    /// The word that distinguishes it from ids of other kinds. Part of the public contract: never change it.
    const KIND: &'static str;
    /// The id that nothing has.
    const NIL: Self;

    /// The id without its kind.
    fn write(&self) -> String;

    /// The inverse of [`write`](Self::write).
    fn read(text: &str) -> Option<Self>;
}

macro_rules! global_ids {
    ($($name:ident = $kind:literal)*) => {$(
        impl GlobalId for $name {
            const KIND: &'static str = $kind;
            const NIL: Self = Self(Uuid::nil());

            fn write(&self) -> String {
                self.to_string()
            }

            fn read(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        }
    )*};
}

global_ids! {
    UserId = "user"
    CollectionId = "collection"
    DocumentId = "document"
    OperationId = "operation"
    GenerationId = "generation"
    UploadId = "upload"
    SessionId = "session"
    ApiKeyId = "apikey"
    InvitationId = "invitation"
    AuditEntryId = "auditentry"
    SourceId = "source"
}

/// A chunk's id names its collection: every statement about chunks does.
impl GlobalId for ChunkKey {
    const KIND: &'static str = "chunk";
    const NIL: Self = Self { collection: CollectionId::NIL, id: ChunkId(Uuid::nil()) };

    fn write(&self) -> String {
        format!("{}:{}", self.collection, self.id)
    }

    fn read(text: &str) -> Option<Self> {
        let (collection, id) = text.split_once(':')?;
        Some(Self { collection: collection.parse().ok()?, id: id.parse().ok()? })
    }
}

/// A member's id names the collection and the user.
impl GlobalId for MemberKey {
    const KIND: &'static str = "member";
    const NIL: Self = Self { collection: CollectionId::NIL, user: UserId::NIL };

    fn write(&self) -> String {
        format!("{}:{}", self.collection, self.user)
    }

    fn read(text: &str) -> Option<Self> {
        let (collection, user) = text.split_once(':')?;
        Some(Self { collection: collection.parse().ok()?, user: user.parse().ok()? })
    }
}

/// The global id of something.
pub fn encode<T: GlobalId>(id: &T) -> ID {
    URL_SAFE_NO_PAD.encode(format!("{}:{}", T::KIND, id.write())).into()
}

/// The id inside a global id; [`GlobalId::NIL`] if it is not of this kind.
pub fn decode<T: GlobalId>(id: &ID) -> T {
    find(id).unwrap_or(T::NIL)
}

/// The ids inside global ids, as [`decode`] returns them.
pub fn decode_all<T: GlobalId>(ids: &[ID]) -> Vec<T> {
    ids.iter().map(decode).collect()
}

/// The id inside a global id, if it is of this kind and written as [`encode`] writes it.
pub fn find<T: GlobalId>(id: &ID) -> Option<T> {
    if id.len() > MAX_LENGTH {
        return None;
    }
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(id.as_bytes()).ok()?).ok()?;
    let (kind, rest) = text.split_once(':')?;
    T::read(rest).filter(|found| kind == T::KIND && found.write() == rest)
}

macro_rules! node_ids {
    ($($kind:ident($id:ty))*) => {
        /// The id of anything that is a node.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum NodeId {
            $($kind($id),)*
        }

        impl NodeId {
            /// The id inside a global id, of any kind.
            pub fn find(id: &ID) -> Option<Self> {
                None$(.or_else(|| find(id).map(Self::$kind)))*
            }
        }
    };
}

node_ids! {
    User(UserId)
    Session(SessionId)
    ApiKey(ApiKeyId)
    Collection(CollectionId)
    Member(MemberKey)
    Document(DocumentId)
    Chunk(ChunkKey)
    Operation(OperationId)
    Source(SourceId)
    Generation(GenerationId)
    Invitation(InvitationId)
    AuditEntry(AuditEntryId)
}

impl NodeId {
    /// What an entry of the audit log is about when the node is denied. The log says nothing of its own entries.
    pub fn audited(self) -> Option<AuditObject> {
        match self {
            Self::User(id) => id.into(),
            Self::Session(id) => id.into(),
            Self::ApiKey(id) => id.into(),
            Self::Collection(id) => id.into(),
            Self::Member(key) => key.user.into(),
            Self::Document(id) => id.into(),
            Self::Chunk(key) => key.id.into(),
            Self::Operation(id) => id.into(),
            Self::Source(id) => id.into(),
            Self::Generation(id) => id.into(),
            Self::Invitation(id) => id.into(),
            Self::AuditEntry(_) => None,
        }
    }

    /// The collection that its id names.
    pub fn collection(self) -> Option<CollectionId> {
        match self {
            Self::Collection(id) => Some(id),
            Self::Member(key) => Some(key.collection),
            Self::Chunk(key) => Some(key.collection),
            Self::User(_)
            | Self::Session(_)
            | Self::ApiKey(_)
            | Self::Document(_)
            | Self::Operation(_)
            | Self::Source(_)
            | Self::Generation(_)
            | Self::Invitation(_)
            | Self::AuditEntry(_) => None,
        }
    }
}

/// The global id of the object of an audit log entry.
pub fn encode_object(object: AuditObject, collection: Option<CollectionId>) -> ID {
    let id = object.id;
    match object.kind {
        AuditObjectKind::User => encode(&UserId(id)),
        AuditObjectKind::Session => encode(&SessionId(id)),
        AuditObjectKind::ApiKey => encode(&ApiKeyId(id)),
        AuditObjectKind::Invitation => encode(&InvitationId(id)),
        AuditObjectKind::Collection => encode(&CollectionId(id)),
        AuditObjectKind::Document => encode(&DocumentId(id)),
        AuditObjectKind::Chunk => {
            encode(&ChunkKey { collection: collection.unwrap_or(CollectionId::NIL), id: ChunkId(id) })
        }
        AuditObjectKind::Operation => encode(&OperationId(id)),
        AuditObjectKind::Generation => encode(&GenerationId(id)),
        AuditObjectKind::Upload => encode(&UploadId(id)),
        AuditObjectKind::Source => encode(&SourceId(id)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> ID {
        URL_SAFE_NO_PAD.encode(text).into()
    }

    #[test]
    fn an_id_survives_the_way_to_the_client_and_back() {
        let collection = CollectionId::generate();
        let chunk = ChunkKey { collection, id: ChunkId(Uuid::from_u128(7)) };
        assert_eq!(decode::<CollectionId>(&encode(&collection)), collection);
        assert_eq!(decode::<ChunkKey>(&encode(&chunk)), chunk);
        assert_eq!(NodeId::find(&encode(&chunk)), Some(NodeId::Chunk(chunk)));
        let member = MemberKey { collection, user: UserId::generate() };
        assert_eq!(NodeId::find(&encode(&member)), Some(NodeId::Member(member)));
        assert_eq!(encode(&collection), raw(&format!("collection:{collection}")));
        assert_eq!(encode(&chunk), raw(&format!("chunk:{collection}:{}", chunk.id)));
    }

    #[test]
    fn an_id_of_another_kind_stands_for_nothing() {
        let id = Uuid::now_v7();
        assert_eq!(decode::<DocumentId>(&encode(&CollectionId(id))), DocumentId::NIL);
        assert_eq!(decode::<ChunkKey>(&encode(&DocumentId(id))), ChunkKey::NIL);
        assert_eq!(NodeId::find(&encode(&UploadId(id))), None);
    }

    #[test]
    fn a_malformed_id_stands_for_nothing() {
        let id = Uuid::now_v7();
        let canonical = encode(&CollectionId(id));
        let malformed = [
            ID::from(""),
            ID::from("018f"),
            ID::from("ä"),
            ID::from("A".repeat(100_000)),
            ID::from(id.to_string()),
            ID::from(format!("collection:{id}")),
            ID::from(format!("{}=", *canonical)),
            raw("collection:"),
            raw("collection"),
            raw(&format!("Collection:{id}")),
            raw(&format!("collection:{}", id.simple())),
            raw(&format!("collection:{}", id.to_string().to_uppercase())),
            raw(&format!("collection:{id}:{id}")),
            raw(&format!(" collection:{id}")),
            URL_SAFE_NO_PAD.encode([0xff, 0xfe]).into(),
        ];
        for id in malformed {
            assert_eq!(decode::<CollectionId>(&id), CollectionId::NIL, "{}", *id);
            assert_eq!(NodeId::find(&id), None, "{}", *id);
        }
    }
}
