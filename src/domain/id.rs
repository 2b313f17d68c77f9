//! Typed identifiers. Rows have time-ordered UUIDv7 ids. A chunk's id is derived from its content and place, so that a
//! repeated step of ingestion writes the same rows and points.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )*};
}

macro_rules! generated {
    ($($name:ident)*) => {$(
        impl $name {
            /// A new, time-ordered identifier (UUIDv7).
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }
        }
    )*};
}

identifiers! {
    /// An account.
    UserId
    /// A login and all refresh tokens that descend from it.
    SessionId
    /// A collection of documents.
    CollectionId
    /// One complete index of one collection; the tenant key inside a vector store.
    GenerationId
    /// A document, stable over replacements of its content.
    DocumentId
    /// A chunk of a document, and its point in the vector store.
    ChunkId
    /// A long-running task that a caller requested.
    OperationId
    /// A place to put the bytes of one file.
    UploadId
    /// A unit of work in the queue.
    JobId
    /// A process that works on the queue.
    WorkerId
    /// One request to the server, for logs and error reports.
    RequestId
    /// A credential for a program.
    ApiKeyId
    /// An invitation to register.
    InvitationId
    /// An entry of the audit log.
    AuditEntryId
    /// A store of originals.
    StoreId
    /// A place that a collection follows.
    SourceId
    /// One sync of a source.
    SourceRunId
}

generated! {
    UserId SessionId CollectionId GenerationId DocumentId OperationId UploadId JobId WorkerId RequestId ApiKeyId
    InvitationId AuditEntryId StoreId SourceId SourceRunId
}

impl ChunkId {
    /// The id of chunk `index` of revision `revision` of `document` in `generation`: a name-based UUIDv5, the same
    /// whenever the step that makes it is done again.
    #[must_use]
    pub fn derive(generation: GenerationId, document: DocumentId, revision: i32, index: u32) -> Self {
        let mut name = [0_u8; 24];
        name[..16].copy_from_slice(document.0.as_bytes());
        name[16..20].copy_from_slice(&revision.to_be_bytes());
        name[20..].copy_from_slice(&index.to_be_bytes());
        Self(Uuid::new_v5(&generation.0, &name))
    }
}
