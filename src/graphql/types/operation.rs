//! Operations.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};

use super::{
    Action, Collection, Connection, DocumentFilter, DocumentOutcome, OperationDocument, OperationEvent, Source, Total,
    User, filter, number,
};
use crate::{
    domain::{action, id::OperationId, operation, page::Page, policy},
    error::Error,
    graphql::{
        context::ContextExt,
        global_id,
        loaders::{self, EventCount, ItemFilter, ItemList, OwnRole, QueuePosition, Under},
        pagination::{self, EventPosition, ItemPosition},
        scalars::{Cursor, DateTime, Json},
    },
};

/// The type of an operation. New values may be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "operation::OperationType")]
pub enum OperationType {
    /// Adds the first documents of a collection.
    Index,
    /// Adds documents to a collection that already has some.
    Append,
    /// Indexes all documents of a collection anew, beside the index that is searched meanwhile.
    Reindex,
    /// Deletes documents, or a whole collection.
    Delete,
    /// Removes a source, with or without its documents.
    RemoveSource,
}

/// The status of an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "operation::OperationStatus")]
pub enum OperationStatus {
    /// Accepted. No worker has started it.
    Pending,
    /// Workers are processing it.
    Processing,
    /// Completed. Some documents may have failed: `totals` has the numbers.
    Completed,
    /// All documents failed. For REINDEX: the new index is not complete, and the collection keeps its present one.
    Failed,
    /// Cancelled by a user. Documents that were finished stay.
    Cancelled,
}

/// Number of documents of an operation by outcome.
#[derive(SimpleObject)]
pub struct OperationTotals {
    /// All documents. The files of an archive are counted when it is unpacked.
    documents: i32,
    /// Documents that completed.
    completed: i32,
    /// Documents that failed.
    failed: i32,
    /// Documents with nothing to do: the content under their uri was unchanged, or newer content has replaced it.
    skipped: i32,
    /// Documents that were skipped because the operation was cancelled.
    cancelled: i32,
    /// Chunks that the operation made of its documents.
    chunks: i32,
}

impl From<operation::OperationTotals> for OperationTotals {
    fn from(totals: operation::OperationTotals) -> Self {
        let operation::OperationTotals {
            documents,
            completed,
            failed,
            skipped,
            cancelled,
            chunks,
            in_work: _,
            least_progress: _,
        } = totals;
        Self { documents, completed, failed, skipped, cancelled, chunks }
    }
}

/// A filter for operations. Omitted fields do not filter.
#[derive(Default, InputObject)]
pub struct OperationFilter {
    /// Operations on this collection.
    collection_id: Option<ID>,
    /// Rows with one of these statuses. An empty list does not filter.
    status: Option<Vec<OperationStatus>>,
    /// Operations of one of these types. An empty list does not filter.
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
    /// The operation, if it is visible to the viewer.
    pub async fn load(ctx: &Context<'_>, id: OperationId) -> Result<Option<Self>> {
        Ok(ctx.loaders()?.load_one(id).await?.map(Into::into))
    }

    /// The page of operations for these arguments.
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

/// A long-running task. The mutation that starts it returns at once, and its events show its progress.
#[Object]
impl Operation {
    /// The global id.
    pub async fn id(&self) -> ID {
        global_id::encode(&self.operation.id)
    }

    /// The type of the operation.
    #[graphql(name = "type")]
    async fn operation_type(&self) -> OperationType {
        self.operation.operation_type.into()
    }

    /// The status of the operation.
    async fn status(&self) -> OperationStatus {
        self.operation.status.into()
    }

    /// Percentage of its documents that have an outcome, 0 to 100. It never falls: while documents come in that were not
    /// counted before, such as those of an archive, it stays where it is.
    async fn progress(&self) -> i32 {
        self.operation.progress()
    }

    /// When it will be complete if it goes on as it did so far. Null before it has done anything, when it has ended, and while
    /// it waits for disk space.
    async fn estimated_completion_at(&self, ctx: &Context<'_>) -> Result<Option<DateTime>> {
        let services = ctx.services()?;
        let is_going_on = services.disk.has_room() || !self.operation.adds_documents();
        let estimate = self.operation.estimated_completion(services.clock.now());
        Ok(estimate.filter(|_| is_going_on).map(Into::into))
    }

    /// Its place among the operations of the same account that wait for a worker, from 1. Accounts take turns, so operations
    /// of others hardly delay it. Operations that the viewer can't see are not counted. Null once a worker has started it.
    async fn queue_position(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
        if self.operation.status != operation::OperationStatus::Pending {
            return Ok(None);
        }
        Ok(ctx.loaders()?.load_one(QueuePosition(self.operation.id)).await?.map(number))
    }

    /// Whether its documents wait for disk space on the server. They continue automatically when there is space
    /// again.
    async fn waits_for_space(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(self.operation.adds_documents() && !self.operation.status.is_terminal() && !ctx.services()?.disk.has_room())
    }

    /// The collection that it works on. Null if the collection no longer exists.
    async fn collection(&self, ctx: &Context<'_>) -> Result<Option<Collection>> {
        match self.operation.collection_id {
            Some(id) => Collection::load(ctx, id).await,
            None => Ok(None),
        }
    }

    /// The source that it syncs or removes. Null for other operations, if the source no longer exists, and for callers who
    /// are not allowed to see sources.
    async fn source(&self, ctx: &Context<'_>) -> Result<Option<Source>> {
        match self.operation.source_id() {
            Some(id) => Source::load(ctx, id).await,
            None => Ok(None),
        }
    }

    /// The actions that the viewer can perform on it now.
    async fn viewer_can(&self, ctx: &Context<'_>) -> Result<Vec<Action>> {
        let scope = ctx.viewer()?.scope();
        let role = match self.operation.collection_id {
            Some(id) => ctx.loaders()?.load_one(OwnRole(id)).await?,
            None => None,
        };
        let may = |action| policy::allows(scope, role, false, action);
        let mut actions = Vec::new();
        // Everyone who can see it can read it, except an API key that started it.
        if scope.carries(action::Action::OperationRead) {
            actions.push(action::Action::OperationRead.into());
        }
        if self.operation.can_be_cancelled() && may(action::Action::OperationCancel) {
            actions.push(action::Action::OperationCancel.into());
        }
        Ok(actions)
    }

    /// Who requested it. Null if the server started it, or the account no longer exists.
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        match self.operation.user_id {
            Some(id) => User::load(ctx, id).await,
            None => Ok(None),
        }
    }

    /// The settings that it works with: a JSON object. Empty for an API key that can start operations but not read
    /// them.
    async fn config(&self, ctx: &Context<'_>) -> Result<Json> {
        let may_read = ctx.viewer()?.scope().carries(action::Action::OperationRead);
        Ok(if may_read { self.operation.config.clone().into() } else { serde_json::json!({}).into() })
    }

    /// What went wrong, in a sentence. Null if nothing did.
    async fn error_message(&self) -> Option<&str> {
        self.operation.error_message.as_deref()
    }

    /// Number of documents by outcome.
    async fn totals(&self) -> OperationTotals {
        self.operation.totals.into()
    }

    /// Its documents and their outcomes, in the order of the request. The files of archives follow.
    async fn documents(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Which documents to return, by their current state. Deleted documents are left out. Default: all."
        )]
        filter: Option<DocumentFilter>,
        #[graphql(desc = "Only documents with one of these outcomes. Default, and for an empty list: any.")]
        outcomes: Option<Vec<DocumentOutcome>>,
        #[graphql(desc = "Number of rows to return, 1 to 100.", default = 20)] first: Option<i32>,
        #[graphql(desc = "Return rows after this cursor. Default: from the start.")] after: Option<Cursor>,
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

    /// Its events so far, in order. `operationEvents` can continue after any of their cursors.
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Number of rows to return, 1 to 100.", default = 20)] first: Option<i32>,
        #[graphql(desc = "Return rows after this cursor. Default: from the start.")] after: Option<Cursor>,
    ) -> Result<Connection<OperationEvent>> {
        let (parent, list) = (self.operation.id, EventPosition::page(first, after.as_ref())?);
        let after = list.after.map(EventPosition);
        let page: Option<Page<_>> = ctx.loaders()?.load_one(Under { parent, list }).await?;
        let total = Total::OperationEvents(Under { parent, list: EventCount });
        Ok(Connection::new(page, after.as_ref(), |row| EventPosition(row.sequence), total))
    }

    /// When it was requested.
    async fn created_at(&self) -> DateTime {
        self.operation.created_at.into()
    }

    /// When the first worker started. Null if none has.
    async fn started_at(&self) -> Option<DateTime> {
        self.operation.started_at.map(Into::into)
    }

    /// When it ended, with any result. Null if it has not ended.
    async fn completed_at(&self) -> Option<DateTime> {
        self.operation.completed_at.map(Into::into)
    }
}
