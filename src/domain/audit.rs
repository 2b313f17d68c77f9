//! The audit log: who did what, on which object, from where, and with which result.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    id::{
        ApiKeyId, AuditEntryId, ChunkId, CollectionId, DocumentId, GenerationId, InvitationId, OperationId, RequestId,
        SessionId, SourceId, UploadId, UserId,
    },
    vocabulary::vocabulary,
};

vocabulary! {
    /// The audited action. Part of the public contract: add, never rename.
    pub enum AuditAction {
        /// A credential was presented with a request.
        Authenticate => "AUTHENTICATE",
        /// Something was read, over any transport. Only denials are recorded.
        Read => "READ",
        /// Account registered.
        UserRegister => "USER_REGISTER",
        /// User invited.
        UserInvite => "USER_INVITE",
        /// Invitation withdrawn.
        InvitationWithdraw => "INVITATION_WITHDRAW",
        /// Account reactivated.
        UserActivate => "USER_ACTIVATE",
        /// Account deactivated.
        UserDeactivate => "USER_DEACTIVATE",
        /// Role of an account on the server changed.
        UserRoleSet => "USER_ROLE_SET",
        /// Account deleted by its user.
        UserDelete => "USER_DELETE",
        /// Password changed by its user.
        PasswordChange => "PASSWORD_CHANGE",
        /// Token for a new password created.
        PasswordResetCreate => "PASSWORD_RESET_CREATE",
        /// Password reset, by the server's operator or with a token.
        PasswordReset => "PASSWORD_RESET",
        /// User logged in.
        SessionCreate => "SESSION_CREATE",
        /// Session renewed with new tokens.
        SessionRefresh => "SESSION_REFRESH",
        /// One session, or all sessions of a user, ended.
        SessionRevoke => "SESSION_REVOKE",
        /// API key created.
        ApiKeyCreate => "API_KEY_CREATE",
        /// API key revoked.
        ApiKeyRevoke => "API_KEY_REVOKE",
        /// Collection created.
        CollectionCreate => "COLLECTION_CREATE",
        /// Collection changed.
        CollectionUpdate => "COLLECTION_UPDATE",
        /// Index of a collection begun anew.
        CollectionReindex => "COLLECTION_REINDEX",
        /// Index of a collection chosen for searches.
        CollectionPromote => "COLLECTION_PROMOTE",
        /// Change of a collection's index taken back.
        CollectionRollback => "COLLECTION_ROLLBACK",
        /// Collection deleted.
        CollectionDelete => "COLLECTION_DELETE",
        /// Role in a collection granted or changed.
        CollectionMemberSet => "COLLECTION_MEMBER_SET",
        /// Role in a collection revoked or given up.
        CollectionMemberRemove => "COLLECTION_MEMBER_REMOVE",
        /// Upload created.
        UploadCreate => "UPLOAD_CREATE",
        /// Several uploads created.
        UploadsCreate => "UPLOADS_CREATE",
        /// Content of an upload received.
        UploadFill => "UPLOAD_FILL",
        /// Documents accepted.
        DocumentsIngest => "DOCUMENTS_INGEST",
        /// Failed documents accepted again.
        DocumentsRetry => "DOCUMENTS_RETRY",
        /// Document changed.
        DocumentUpdate => "DOCUMENT_UPDATE",
        /// Documents deleted.
        DocumentsDelete => "DOCUMENTS_DELETE",
        /// Operation cancelled.
        OperationCancel => "OPERATION_CANCEL",
        /// Source created.
        SourceCreate => "SOURCE_CREATE",
        /// Source changed.
        SourceUpdate => "SOURCE_UPDATE",
        /// Sync of a source requested, or previewed.
        SourceSync => "SOURCE_SYNC",
        /// Source removed.
        SourceRemove => "SOURCE_REMOVE",
    }
}

vocabulary! {
    /// The result of the action.
    pub enum AuditResult {
        /// The action was done.
        Done => "DONE",
        /// Denied: the caller lacks permission, or the object does not exist or is hidden from them.
        Refused => "REFUSED",
    }
}

vocabulary! {
    /// The kinds of objects that entries are about.
    pub enum AuditObjectKind {
        User => "USER",
        Session => "SESSION",
        ApiKey => "API_KEY",
        Invitation => "INVITATION",
        Collection => "COLLECTION",
        Document => "DOCUMENT",
        Chunk => "CHUNK",
        Operation => "OPERATION",
        Generation => "GENERATION",
        Upload => "UPLOAD",
        Source => "SOURCE",
    }
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
    GenerationId => Generation,
    UploadId => Upload,
    SourceId => Source,
}

/// An entry of the log. Entries are added and, when they are old, deleted; they never change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditEntry {
    pub id: AuditEntryId,
    pub at: DateTime<Utc>,
    pub action: AuditAction,
    pub result: AuditResult,
    /// The account that acted; `None` for anonymous callers and for the server's operator.
    pub user_id: Option<UserId>,
    /// The API key used, if any.
    pub api_key_id: Option<ApiKeyId>,
    pub object: Option<AuditObject>,
    /// The collection concerned, if any.
    pub collection_id: Option<CollectionId>,
    /// Details for people.
    pub message: Option<String>,
    pub address: Option<IpAddr>,
    pub user_agent: Option<String>,
    pub request_id: Option<RequestId>,
}
