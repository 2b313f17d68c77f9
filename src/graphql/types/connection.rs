//! A page of a list with its cursors, according to the Relay specification.

use std::borrow::Cow;

use async_graphql::{Context, Object, OutputType, Result, SimpleObject, TypeName};

use super::number;
use crate::{
    domain::{
        id::{CollectionId, OperationId, SourceId},
        page::Page,
    },
    graphql::{
        context::ContextExt,
        loaders::{
            AuditFilter, CollectionFilter, DocumentFilter, EventCount, InvitationFilter, ItemFilter, MemberFilter,
            OperationCount, OperationFilter, RunFilter, SourceFilter, Under, UserFilter,
        },
        pagination::{self, Position},
        scalars::Cursor,
    },
};

/// Paging information.
#[derive(SimpleObject)]
pub struct PageInfo {
    /// Whether there are more rows after this page.
    has_next_page: bool,
    /// Whether this page starts after a cursor. Lists can be paged forwards only.
    has_previous_page: bool,
    /// The cursor of the first row. Null if the page is empty.
    start_cursor: Option<Cursor>,
    /// The cursor of the last row. Pass it as `after` to get the next page. Null if the page is empty.
    end_cursor: Option<Cursor>,
}

impl PageInfo {
    /// Where a page with rows from `start` to `end` stands.
    pub fn new(has_next_page: bool, has_previous_page: bool, start: Option<Cursor>, end: Option<Cursor>) -> Self {
        Self { has_next_page, has_previous_page, start_cursor: start, end_cursor: end }
    }
}

/// A page of a list.
pub struct Connection<T> {
    edges: Vec<Edge<T>>,
    has_next_page: bool,
    has_previous_page: bool,
    total: Total,
}

/// A row with its position in the list.
pub struct Edge<T> {
    cursor: Cursor,
    node: T,
}

impl<T> Edge<T> {
    /// A row at a position.
    pub fn new(cursor: Cursor, node: T) -> Self {
        Self { cursor, node }
    }

    /// The row itself.
    pub fn row(&self) -> &T {
        &self.node
    }

    /// Its position.
    pub fn position(&self) -> Cursor {
        self.cursor.clone()
    }
}

impl<T> Connection<T> {
    /// The page of a list; empty if there is none. `after` is the cursor that the request continues after.
    pub fn new<D: Into<T>, K: Position>(
        page: Option<Page<D>>,
        after: Option<&K>,
        position: impl Fn(&D) -> K,
        total: Total,
    ) -> Self {
        let page = page.unwrap_or(Page { items: Vec::new(), has_next_page: false });
        let edge = |row: D| Edge::new(pagination::cursor(&position(&row)), row.into());
        Self {
            has_next_page: page.has_next_page,
            has_previous_page: after.is_some(),
            edges: page.items.into_iter().map(edge).collect(),
            total,
        }
    }
}

impl<T: OutputType> TypeName for Connection<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", T::type_name()).into()
    }
}

impl<T: OutputType> TypeName for Edge<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", T::type_name()).into()
    }
}

/// A page of a list.
#[Object(name_type)]
impl<T: OutputType> Connection<T> {
    /// The rows of this page with their cursors.
    async fn edges(&self) -> &[Edge<T>] {
        &self.edges
    }

    /// The rows of this page.
    async fn nodes(&self) -> Vec<&T> {
        self.edges.iter().map(Edge::row).collect()
    }

    /// Paging information.
    async fn page_info(&self) -> PageInfo {
        let (start, end) = (self.edges.first().map(Edge::position), self.edges.last().map(Edge::position));
        PageInfo::new(self.has_next_page, self.has_previous_page, start, end)
    }

    /// Number of rows in the whole list. They are counted only if this field is selected.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i32> {
        self.total.count(ctx).await
    }
}

/// A row of a list with its cursor.
#[Object(name_type)]
impl<T: OutputType> Edge<T> {
    /// The row's position in the list.
    async fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// The row.
    async fn node(&self) -> &T {
        &self.node
    }
}

/// What a connection is a page of, as far as counting it needs.
pub enum Total {
    Known(i32),
    Collections(CollectionFilter),
    Documents(Under<CollectionId, DocumentFilter>),
    Operations(OperationFilter),
    CollectionOperations(Under<CollectionId, OperationCount>),
    CollectionSources(Under<CollectionId, SourceFilter>),
    SourceRuns(Under<SourceId, RunFilter>),
    OperationDocuments(Under<OperationId, ItemFilter>),
    OperationEvents(Under<OperationId, EventCount>),
    Members(Under<CollectionId, MemberFilter>),
    Users(UserFilter),
    Sessions,
    ApiKeys,
    Invitations(InvitationFilter),
    AuditLog(AuditFilter),
}

impl Total {
    async fn count(&self, ctx: &Context<'_>) -> Result<i32> {
        let loaders = ctx.loaders()?;
        let count = match self {
            Self::Known(count) => return Ok(*count),
            Self::Collections(filter) => Some(loaders.loader().count_collections(filter).await?),
            Self::Operations(filter) => Some(loaders.loader().count_operations(filter).await?),
            Self::Documents(key) => loaders.load_one(key.clone()).await?,
            Self::CollectionOperations(key) => loaders.load_one(*key).await?,
            Self::CollectionSources(key) => loaders.load_one(key.clone()).await?,
            Self::SourceRuns(key) => loaders.load_one(key.clone()).await?,
            Self::OperationDocuments(key) => loaders.load_one(key.clone()).await?,
            Self::OperationEvents(key) => loaders.load_one(*key).await?,
            Self::Members(key) => loaders.load_one(key.clone()).await?,
            Self::Users(filter) => Some(loaders.loader().count_users(filter).await?),
            Self::Sessions => Some(loaders.loader().count_sessions().await?),
            Self::ApiKeys => Some(loaders.loader().count_api_keys().await?),
            Self::Invitations(filter) => Some(loaders.loader().count_invitations(filter).await?),
            Self::AuditLog(filter) => Some(loaders.loader().count_audit_log(filter).await?),
        };
        Ok(number(count.unwrap_or(0)))
    }
}
