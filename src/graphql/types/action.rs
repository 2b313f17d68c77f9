//! What can be done.

use async_graphql::Enum;

use crate::domain::action;

/// Something that somebody may or may not do. More may come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "action::Action")]
pub enum Action {
    /// See and search a collection, its documents, their chunks and originals.
    CollectionRead,
    /// Change a collection's name, description, publicity and metadata.
    CollectionUpdate,
    /// Remove a collection with all that is in it.
    CollectionDelete,
    /// Give up one's own role in a collection.
    CollectionLeave,
    /// See who has a role in a collection.
    MemberRead,
    /// Give and take roles in a collection, its ownership included.
    MemberManage,
    /// Add and replace documents.
    DocumentIngest,
    /// Remove documents.
    DocumentDelete,
    /// See and follow what is done to a collection.
    OperationRead,
    /// Stop an operation.
    OperationCancel,
    /// See who did what to a collection.
    AuditRead,
    /// Create a collection of one's own.
    CollectionCreate,
    /// See and change one's own sessions, API keys and password.
    AccountManage,
    /// See, invite, activate, deactivate and promote accounts, and see who did what on the whole server.
    ServerManage,
}
