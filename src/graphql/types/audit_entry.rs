//! The audit log.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result};

use super::{Connection, Total, User, filter};
use crate::{
    domain::audit,
    error::Error,
    graphql::{
        context::ContextExt,
        global_id,
        loaders::AuditFilter,
        pagination,
        scalars::{Cursor, DateTime},
    },
};

/// What was done, or tried. More may come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "audit::AuditAction")]
pub enum AuditAction {
    /// A credential was presented with a request. Only refusals are noted.
    Authenticate,
    /// Something was read. Only refusals are noted.
    Read,
    /// An account was opened.
    UserRegister,
    /// Somebody was invited.
    UserInvite,
    /// An account was opened to its user again.
    UserActivate,
    /// An account was closed to its user.
    UserDeactivate,
    /// An account's role on the server changed.
    UserRoleSet,
    /// A password was changed by its user.
    PasswordChange,
    /// A password was replaced by the server's operator.
    PasswordReset,
    /// Somebody logged in.
    SessionCreate,
    /// A session went on with new tokens.
    SessionRefresh,
    /// A session, or all of a user's, ended.
    SessionRevoke,
    /// An API key was made.
    ApiKeyCreate,
    /// An API key was made useless.
    ApiKeyRevoke,
    /// A collection was created.
    CollectionCreate,
    /// A collection was changed.
    CollectionUpdate,
    /// A collection was removed.
    CollectionDelete,
    /// A role in a collection was given or changed.
    CollectionMemberSet,
    /// A role in a collection was taken or given up.
    CollectionMemberRemove,
    /// A place for a file was made.
    UploadCreate,
    /// The bytes of a file arrived.
    UploadFill,
    /// Documents were accepted.
    DocumentsIngest,
    /// Documents were removed.
    DocumentsDelete,
    /// An operation was stopped.
    OperationCancel,
}

/// How it ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "audit::AuditResult")]
pub enum AuditResult {
    /// It was done.
    Done,
    /// The caller may not, or what they named does not exist for them.
    Refused,
}

/// Which lines of the log to list. What is left out does not restrict.
#[derive(Default, InputObject)]
pub struct AuditLogFilter {
    /// Those of what this user did.
    user_id: Option<ID>,
    /// Those of what was done to this collection.
    collection_id: Option<ID>,
    /// Those of one of these actions. An empty list does not restrict.
    actions: Option<Vec<AuditAction>>,
    /// Those that ended so.
    result: Option<AuditResult>,
    /// From this moment on.
    since: Option<DateTime>,
    /// Before this moment.
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

/// A line of the audit log.
pub struct AuditEntry {
    entry: audit::AuditEntry,
}

impl From<audit::AuditEntry> for AuditEntry {
    fn from(entry: audit::AuditEntry) -> Self {
        Self { entry }
    }
}

impl AuditEntry {
    /// The page of the log that the arguments ask for.
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

/// A line of the audit log: who did what, on which object, from where, and with which result. Lines are never changed;
/// old ones are removed after the time that the server's settings say.
#[Object]
impl AuditEntry {
    /// The global id.
    async fn id(&self) -> ID {
        global_id::encode(&self.entry.id)
    }

    /// When it happened.
    async fn at(&self) -> DateTime {
        self.entry.at.into()
    }

    /// What was done, or tried.
    async fn action(&self) -> AuditAction {
        self.entry.action.into()
    }

    /// How it ended.
    async fn result(&self) -> AuditResult {
        self.entry.result.into()
    }

    /// The global id of the account that did it. Null for callers without an account, and for the server's operator.
    async fn user_id(&self) -> Option<ID> {
        self.entry.user_id.as_ref().map(global_id::encode)
    }

    /// The account that did it, as far as the viewer may see it.
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        match self.entry.user_id {
            Some(id) => User::load(ctx, id).await,
            None => Ok(None),
        }
    }

    /// The global id of the API key that it was done with, if one was.
    async fn api_key_id(&self) -> Option<ID> {
        self.entry.api_key_id.as_ref().map(global_id::encode)
    }

    /// The global id of what it was done to. A refused caller may have named something that never existed.
    async fn object_id(&self) -> Option<ID> {
        self.entry.object.map(|object| global_id::encode_object(object, self.entry.collection_id))
    }

    /// The global id of the collection that it was done to or in, where there is one.
    async fn collection_id(&self) -> Option<ID> {
        self.entry.collection_id.as_ref().map(global_id::encode)
    }

    /// More about it, for people. Of a refusal: what was asked for, and the code of the error.
    async fn message(&self) -> Option<&str> {
        self.entry.message.as_deref()
    }

    /// The address that it came from.
    async fn address(&self) -> Option<String> {
        self.entry.address.map(|address| address.to_string())
    }

    /// The program that asked for it, as it called itself.
    async fn user_agent(&self) -> Option<&str> {
        self.entry.user_agent.as_deref()
    }

    /// The id of the request, as the header `x-request-id` of its answer had it.
    async fn request_id(&self) -> Option<String> {
        self.entry.request_id.map(|id| id.to_string())
    }
}
