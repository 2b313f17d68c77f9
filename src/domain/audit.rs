//! The audit log: who did what, on which object, from where, and with which result.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::id::{
    ApiKeyId, AuditEntryId, ChunkId, CollectionId, DocumentId, InvitationId, OperationId, RequestId, SessionId,
    UploadId, UserId,
};

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident => $name:literal,)*) => {
        /// What was done, or tried. Part of the public contract: add, never rename.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum AuditAction { $($(#[$doc])* $variant,)* }

        impl AuditAction {
            /// Every action.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The action's name, as the API and the database write it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

actions! {
    /// A credential was presented with a request.
    Authenticate => "AUTHENTICATE",
    /// Something was read, over any transport. Only refusals are noted.
    Read => "READ",
    /// An account was opened.
    UserRegister => "USER_REGISTER",
    /// Somebody was invited.
    UserInvite => "USER_INVITE",
    /// An account was opened to its user again.
    UserActivate => "USER_ACTIVATE",
    /// An account was closed to its user.
    UserDeactivate => "USER_DEACTIVATE",
    /// An account's role on the server changed.
    UserRoleSet => "USER_ROLE_SET",
    /// A password was changed by its user.
    PasswordChange => "PASSWORD_CHANGE",
    /// A password was replaced by the server's operator.
    PasswordReset => "PASSWORD_RESET",
    /// Somebody logged in.
    SessionCreate => "SESSION_CREATE",
    /// A session went on with new tokens.
    SessionRefresh => "SESSION_REFRESH",
    /// A session, or all of a user's, ended.
    SessionRevoke => "SESSION_REVOKE",
    /// An API key was made.
    ApiKeyCreate => "API_KEY_CREATE",
    /// An API key was made useless.
    ApiKeyRevoke => "API_KEY_REVOKE",
    /// A collection was created.
    CollectionCreate => "COLLECTION_CREATE",
    /// A collection was changed.
    CollectionUpdate => "COLLECTION_UPDATE",
    /// A collection was removed.
    CollectionDelete => "COLLECTION_DELETE",
    /// A role in a collection was given or changed.
    CollectionMemberSet => "COLLECTION_MEMBER_SET",
    /// A role in a collection was taken or given up.
    CollectionMemberRemove => "COLLECTION_MEMBER_REMOVE",
    /// A place for a file was made.
    UploadCreate => "UPLOAD_CREATE",
    /// The bytes of a file arrived.
    UploadFill => "UPLOAD_FILL",
    /// Documents were accepted.
    DocumentsIngest => "DOCUMENTS_INGEST",
    /// Documents were removed.
    DocumentsDelete => "DOCUMENTS_DELETE",
    /// An operation was stopped.
    OperationCancel => "OPERATION_CANCEL",
}

/// How it ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AuditResult {
    /// It was done.
    Done,
    /// The caller may not, or what they named does not exist for them.
    Refused,
}

/// The kinds of objects that entries are about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AuditObjectKind {
    User,
    Session,
    ApiKey,
    Invitation,
    Collection,
    Document,
    Chunk,
    Operation,
    Upload,
}

/// An object, which may never have existed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct AuditObject {
    pub kind: AuditObjectKind,
    pub id: Uuid,
}

macro_rules! objects {
    ($($id:ty => $kind:ident),* $(,)?) => {$(
        impl From<$id> for AuditObject {
            fn from(id: $id) -> Self {
                Self { kind: AuditObjectKind::$kind, id: id.0 }
            }
        }

        impl From<$id> for Option<AuditObject> {
            fn from(id: $id) -> Self {
                Some(id.into())
            }
        }
    )*};
}

objects! {
    UserId => User,
    SessionId => Session,
    ApiKeyId => ApiKey,
    InvitationId => Invitation,
    CollectionId => Collection,
    DocumentId => Document,
    ChunkId => Chunk,
    OperationId => Operation,
    UploadId => Upload,
}

/// A line of the log. Lines are added and, when they are old, removed; never changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditEntry {
    pub id: AuditEntryId,
    pub at: DateTime<Utc>,
    pub action: AuditAction,
    pub result: AuditResult,
    /// The account that did it; `None` for nobody in particular and for the server's operator.
    pub user_id: Option<UserId>,
    /// The key that it was done with, if one was.
    pub api_key_id: Option<ApiKeyId>,
    pub object: Option<AuditObject>,
    /// The collection that it was done to, where it was done to one.
    pub collection_id: Option<CollectionId>,
    /// More about it, in words, for people.
    pub message: Option<String>,
    pub address: Option<IpAddr>,
    pub user_agent: Option<String>,
    pub request_id: Option<RequestId>,
}
