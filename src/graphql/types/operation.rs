//! Operations.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};

use super::{
    Action, Collection, Connection, DocumentFilter, DocumentOutcome, OperationDocument, OperationEvent, Total, User,
    filter,
};
use crate::{
    auth::policy,
    domain::{action, id::OperationId, operation, page::Page},
    error::Error,
    graphql::{
        context::ContextExt,
        global_id,
        loaders::{self, Count, ItemFilter, ItemList, OwnRole, Under},
        pagination::{self, EventPosition, ItemPosition},
        scalars::{Cursor, DateTime, Json},
    },
};

/// What an operation does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "operation::OperationType")]
pub enum OperationType {
    /// The first documents of a collection.
    Index,
    /// More documents for a collection that has some.
    Append,
    /// All documents again, with another model or rule for cutting.
    Reindex,
    /// Documents, or a whole collection, removed.
    Delete,
    /// A source and its documents removed.
    RemoveSource,
}

/// Where an operation stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "operation::OperationStatus")]
pub enum OperationStatus {
    /// Accepted; no worker has begun.
    Pending,
    /// Workers are busy with it.
    Processing,
    /// It is done. Some of its documents may have failed; `totals` says how many.
    Completed,
    /// None of its documents could be done.
    Failed,
    /// Somebody stopped it; what was finished stays.
    Cancelled,
}

/// How many documents an operation has, by outcome.
#[derive(SimpleObject)]
pub struct OperationTotals {
    /// All of them.
    documents: i32,
    /// Those that are done.
    completed: i32,
    /// Those that could not be done.
    failed: i32,
    /// Those with nothing to do: the same content under the same uri as before, or overtaken by a newer one.
    skipped: i32,
    /// Those that were left out because the operation was cancelled.
    cancelled: i32,
    /// Chunks that the documents gave.
    chunks: i32,
}

impl From<operation::OperationTotals> for OperationTotals {
    fn from(totals: operation::OperationTotals) -> Self {
        let operation::OperationTotals { documents, completed, failed, skipped, cancelled, chunks, in_work: _ } =
            totals;
        Self { documents, completed, failed, skipped, cancelled, chunks }
    }
}

/// Which operations to list. What is left out does not restrict.
#[derive(Default, InputObject)]
pub struct OperationFilter {
    /// Those on this collection.
    collection_id: Option<ID>,
    /// Those with one of these statuses. An empty list does not restrict.
    status: Option<Vec<OperationStatus>>,
    /// Those of one of these types. An empty list does not restrict.
    #[graphql(name = "type")]
    operation_type: Option<Vec<OperationType>>,
}

impl TryFrom<OperationFilter> for loaders::OperationFilter {
    type Error = Error;

    fn try_from(filter: OperationFilter) -> Result<Self, Error> {
        Ok(Self {
            collection: filter::id("collectionId", filter.collection_id.as_ref())?,
            status: filter::distinct(filter.status),
            operation_type: filter::distinct(filter.operation_type),
        })
    }
}

/// An operation.
pub struct Operation {
    operation: operation::Operation,
}

impl From<operation::Operation> for Operation {
    fn from(operation: operation::Operation) -> Self {
        Self { operation }
    }
}

impl Operation {
    /// The operation, if it exists for the viewer.
    pub async fn load(ctx: &Context<'_>, id: OperationId) -> Result<Option<Self>> {
        Ok(ctx.loaders()?.load_one(id).await?.map(Into::into))
    }

    /// The page of operations that the arguments ask for.
    pub async fn list(
        ctx: &Context<'_>,
        filter: Option<OperationFilter>,
        first: Option<i32>,
        after: Option<&Cursor>,
    ) -> Result<Connection<Self>> {
        let filter = loaders::OperationFilter::try_from(filter.unwrap_or_default())?;
        let request = pagination::page(first, after)?;
        let page = ctx.loaders()?.loader().operations(&filter, &request).await?;
        Ok(Connection::new(Some(page), request.after.as_ref(), |row| row.id, Total::Operations(filter)))
    }
}

/// A long piece of work. It is answered at once and followed through its events.
#[Object]
impl Operation {
    /// The global id.
    pub async fn id(&self) -> ID {
        global_id::encode(&self.operation.id)
    }

    /// What it does.
    #[graphql(name = "type")]
    async fn operation_type(&self) -> OperationType {
        self.operation.operation_type.into()
    }

    /// Where it stands.
    async fn status(&self) -> OperationStatus {
        self.operation.status.into()
    }

    /// How many of its documents are settled, in percent, 0 to 100.
    async fn progress(&self) -> i32 {
        self.operation.progress()
    }

    /// Whether its documents wait for space on the server's disk. They go on by themselves when there is some.
    async fn waits_for_space(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(self.operation.adds_documents() && !self.operation.status.is_terminal() && !ctx.services()?.disk.has_room())
    }

    /// The collection that it works on. Null when that is gone.
    async fn collection(&self, ctx: &Context<'_>) -> Result<Option<Collection>> {
        match self.operation.collection_id {
            Some(id) => Collection::load(ctx, id).await,
            None => Ok(None),
        }
    }

    /// What the viewer may do with it now.
    async fn viewer_can(&self, ctx: &Context<'_>) -> Result<Vec<Action>> {
        let scope = ctx.viewer()?.scope();
        let role = match self.operation.collection_id {
            Some(id) => ctx.loaders()?.load_one(OwnRole(id)).await?,
            None => None,
        };
        let may = |action| policy::allows(scope, role, false, action);
        let mut actions = Vec::new();
        // Whoever sees it may read it, but for a key that began it.
        if scope.carries(action::Action::OperationRead) {
            actions.push(action::Action::OperationRead.into());
        }
        if self.operation.can_be_cancelled() && may(action::Action::OperationCancel) {
            actions.push(action::Action::OperationCancel.into());
        }
        Ok(actions)
    }

    /// Who asked for it. Null when the server did by itself, or the account is gone.
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        match self.operation.user_id {
            Some(id) => User::load(ctx, id).await,
            None => Ok(None),
        }
    }

    /// The settings that it works with: a JSON object. Empty for an API key that begins operations and may not read
    /// them.
    async fn config(&self, ctx: &Context<'_>) -> Result<Json> {
        let may_read = ctx.viewer()?.scope().carries(action::Action::OperationRead);
        Ok(if may_read { self.operation.config.clone().into() } else { serde_json::json!({}).into() })
    }

    /// What went wrong, in a sentence, if something did.
    async fn error_message(&self) -> Option<&str> {
        self.operation.error_message.as_deref()
    }

    /// How many documents it has, by outcome.
    async fn totals(&self) -> OperationTotals {
        self.operation.totals.into()
    }

    /// Its documents, in the order of the request, with what became of each.
    async fn documents(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Which documents to list, by what they are now; with it, documents that are gone are left out. \
                          Default: all."
        )]
        filter: Option<DocumentFilter>,
        #[graphql(desc = "Only documents with one of these outcomes. Default, and for an empty list: any.")]
        outcomes: Option<Vec<DocumentOutcome>>,
        #[graphql(desc = "How many rows, 1 to 100. Default: 20.")] first: Option<i32>,
        #[graphql(desc = "The cursor to begin behind. Default: the beginning.")] after: Option<Cursor>,
    ) -> Result<Connection<OperationDocument>> {
        let parent = self.operation.id;
        let documents = filter.unwrap_or_default().try_into()?;
        let filter = ItemFilter { outcomes: filter::distinct(outcomes), documents };
        let list = ItemList { filter: filter.clone(), page: ItemPosition::page(first, after.as_ref())? };
        let after = list.page.after.map(ItemPosition);
        let page: Option<Page<_>> = ctx.loaders()?.load_one(Under { parent, list }).await?;
        let total = Total::OperationDocuments(Under { parent, list: filter });
        Ok(Connection::new(page, after.as_ref(), |row| ItemPosition(row.ordinal), total))
    }

    /// What has happened so far, in order. `operationEvents` goes on from any of their cursors.
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many rows, 1 to 100. Default: 20.")] first: Option<i32>,
        #[graphql(desc = "The cursor to begin behind. Default: the beginning.")] after: Option<Cursor>,
    ) -> Result<Connection<OperationEvent>> {
        let (parent, list) = (self.operation.id, EventPosition::page(first, after.as_ref())?);
        let after = list.after.map(EventPosition);
        let page: Option<Page<_>> = ctx.loaders()?.load_one(Under { parent, list }).await?;
        let total = Total::OperationEvents(Under { parent, list: Count });
        Ok(Connection::new(page, after.as_ref(), |row| EventPosition(row.sequence), total))
    }

    /// When it was asked for.
    async fn created_at(&self) -> DateTime {
        self.operation.created_at.into()
    }

    /// When work began, if it has.
    async fn started_at(&self) -> Option<DateTime> {
        self.operation.started_at.map(Into::into)
    }

    /// When it ended, in whatever way, if it has.
    async fn completed_at(&self) -> Option<DateTime> {
        self.operation.completed_at.map(Into::into)
    }
}
