//! What can be done.

use async_graphql::Enum;

use crate::domain::action;

/// An action that a caller may be allowed to perform. New values may be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "action::Action")]
pub enum Action {
    /// Read and search a collection, its documents, their chunks and original files.
    CollectionRead,
    /// Change a collection's name, description, visibility and metadata.
    CollectionUpdate,
    /// Delete a collection and everything in it.
    CollectionDelete,
    /// Leave a collection: give up one's own role in it.
    CollectionLeave,
    /// List the members of a collection with their roles.
    MemberRead,
    /// Grant and revoke roles in a collection, including ownership.
    MemberManage,
    /// Add and replace documents.
    DocumentIngest,
    /// Delete documents.
    DocumentDelete,
    /// Read a collection's operations and follow their events.
    OperationRead,
    /// Cancel an operation.
    OperationCancel,
    /// Read the audit log of a collection.
    AuditRead,
    /// Create a collection that the caller owns.
    CollectionCreate,
    /// Manage one's own sessions, API keys and password.
    AccountManage,
    /// Administer accounts (list, invite, activate, deactivate, change roles) and read the audit log of the whole
    /// server.
    ServerManage,
}
