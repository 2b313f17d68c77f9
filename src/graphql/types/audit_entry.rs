//! The audit log.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result};

use super::{Connection, Total, User, filter};
use crate::{
    domain::{audit, id::AuditEntryId},
    error::Error,
    graphql::{
        context::ContextExt,
        global_id,
        loaders::AuditFilter,
        pagination,
        scalars::{Cursor, DateTime},
    },
};

/// An action in the audit log. New values may be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "audit::AuditAction")]
pub enum AuditAction {
    /// Credential presented with a request. Only failures are recorded.
    Authenticate,
    /// Object read. Only denials are recorded.
    Read,
    /// Account registered.
    UserRegister,
    /// User invited.
    UserInvite,
    /// Invitation withdrawn.
    InvitationWithdraw,
    /// Account reactivated.
    UserActivate,
    /// Account deactivated.
    UserDeactivate,
    /// Role of an account on the server changed.
    UserRoleSet,
    /// Account deleted by its user.
    UserDelete,
    /// Password changed by its user.
    PasswordChange,
    /// Token for a new password created.
    PasswordResetCreate,
    /// Password reset, by the server's operator or with a token.
    PasswordReset,
    /// User logged in.
    SessionCreate,
    /// Session renewed with new tokens.
    SessionRefresh,
    /// One session, or all sessions of a user, ended.
    SessionRevoke,
    /// API key created.
    ApiKeyCreate,
    /// API key revoked.
    ApiKeyRevoke,
    /// Collection created.
    CollectionCreate,
    /// Collection changed.
    CollectionUpdate,
    /// Index of a collection begun anew.
    CollectionReindex,
    /// Index of a collection chosen for searches.
    CollectionPromote,
    /// Change of a collection's index taken back.
    CollectionRollback,
    /// Collection deleted.
    CollectionDelete,
    /// Role in a collection granted or changed.
    CollectionMemberSet,
    /// Role in a collection revoked or given up.
    CollectionMemberRemove,
    /// Upload created.
    UploadCreate,
    /// Several uploads created.
    UploadsCreate,
    /// Content of an upload received.
    UploadFill,
    /// Documents accepted.
    DocumentsIngest,
    /// Failed documents accepted again.
    DocumentsRetry,
    /// Name, title or metadata of a document changed.
    DocumentUpdate,
    /// Documents deleted.
    DocumentsDelete,
    /// Operation cancelled.
    OperationCancel,
    /// Source created.
    SourceCreate,
    /// Source changed.
    SourceUpdate,
    /// Sync of a source requested, or previewed.
    SourceSync,
    /// Source removed.
    SourceRemove,
}

/// The result of the action.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "audit::AuditResult")]
pub enum AuditResult {
    /// The action was done.
    Done,
    /// Denied: the caller lacks permission, or the object does not exist or is hidden from them.
    Refused,
}

/// A filter for audit log entries. Omitted fields do not filter.
#[derive(Default, InputObject)]
pub struct AuditLogFilter {
    /// Entries about this user's actions.
    user_id: Option<ID>,
    /// Entries about this collection.
    collection_id: Option<ID>,
    /// Entries with one of these actions. An empty list does not filter.
    actions: Option<Vec<AuditAction>>,
    /// Entries with this result.
    result: Option<AuditResult>,
    /// Entries at this time or later.
    since: Option<DateTime>,
    /// Entries before this time.
    until: Option<DateTime>,
}

impl TryFrom<AuditLogFilter> for AuditFilter {
    type Error = Error;

    fn try_from(filter: AuditLogFilter) -> Result<Self, Error> {
        Ok(Self {
            user: filter::id("userId", filter.user_id.as_ref())?,
            collection: filter::id("collectionId", filter.collection_id.as_ref())?,
            actions: filter::distinct(filter.actions),
            result: filter.result.map(Into::into),
            since: filter.since.map(|time| time.0),
            until: filter.until.map(|time| time.0),
        })
    }
}

/// An entry of the audit log.
pub struct AuditEntry {
    entry: audit::AuditEntry,
}

impl From<audit::AuditEntry> for AuditEntry {
    fn from(entry: audit::AuditEntry) -> Self {
        Self { entry }
    }
}

impl AuditEntry {
    /// The entry, if it is visible to the viewer.
    pub async fn load(ctx: &Context<'_>, id: AuditEntryId) -> Result<Option<Self>> {
        Ok(ctx.loaders()?.load_one(id).await?.map(Into::into))
    }

    /// The page of the log for these arguments.
    pub async fn list(
        ctx: &Context<'_>,
        filter: Option<AuditLogFilter>,
        first: Option<i32>,
        after: Option<&Cursor>,
    ) -> Result<Connection<Self>> {
        let filter: AuditFilter = filter.unwrap_or_default().try_into()?;
        let request = pagination::page(first, after)?;
        let page = ctx.loaders()?.loader().audit_log(&filter, &request).await?;
        Ok(Connection::new(Some(page), request.after.as_ref(), |row| row.id, Total::AuditLog(filter)))
    }
}

/// An entry of the audit log: who did what, to which object, from where, and with which result. Entries never
/// change. They are deleted after the retention time in the server's settings.
#[Object]
impl AuditEntry {
    /// The global id.
    pub async fn id(&self) -> ID {
        global_id::encode(&self.entry.id)
    }

    /// When it happened.
    async fn at(&self) -> DateTime {
        self.entry.at.into()
    }

    /// The action, whether it was done or denied.
    async fn action(&self) -> AuditAction {
        self.entry.action.into()
    }

    /// The result of the action.
    async fn result(&self) -> AuditResult {
        self.entry.result.into()
    }

    /// The global id of the account that acted. Null for callers without an account, and for the server's operator.
    async fn user_id(&self) -> Option<ID> {
        self.entry.user_id.as_ref().map(global_id::encode)
    }

    /// The account that acted. Null if it is not visible to the viewer.
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        match self.entry.user_id {
            Some(id) => User::load(ctx, id).await,
            None => Ok(None),
        }
    }

    /// The global id of the API key that was used, if any.
    async fn api_key_id(&self) -> Option<ID> {
        self.entry.api_key_id.as_ref().map(global_id::encode)
    }

    /// The global id of the object. After a denial, it may be an object that never existed.
    async fn object_id(&self) -> Option<ID> {
        self.entry.object.map(|object| global_id::encode_object(object, self.entry.collection_id))
    }

    /// The global id of the collection concerned, if any.
    async fn collection_id(&self) -> Option<ID> {
        self.entry.collection_id.as_ref().map(global_id::encode)
    }

    /// Details for people. For a denial: what was requested, and the error code.
    async fn message(&self) -> Option<&str> {
        self.entry.message.as_deref()
    }

    /// The network address of the caller.
    async fn address(&self) -> Option<String> {
        self.entry.address.map(|address| address.to_string())
    }

    /// The program that the caller used, as given in its `User-Agent` header.
    async fn user_agent(&self) -> Option<&str> {
        self.entry.user_agent.as_deref()
    }

    /// The request id, as in the response header `x-request-id`.
    async fn request_id(&self) -> Option<String> {
        self.entry.request_id.map(|id| id.to_string())
    }
}
