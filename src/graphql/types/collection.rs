//! Collections.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result};

use super::{
    Action, ChunkingConfig, Connection, Document, DocumentFilter, DocumentOrder, EmbeddingModel, Member, MemberFilter,
    Operation, OrderDirection, Source, SourceFilter, Total, User, filter, generation,
};
use crate::{
    domain::{
        collection,
        generation::Generation,
        id::CollectionId,
        member, operation,
        page::{Page, PageRequest},
        policy::{self, POLICY, Rule},
        source,
    },
    error::Error,
    graphql::{
        context::ContextExt,
        global_id,
        loaders::{
            self, CollectionKey, CollectionSort, Direction, GenerationList, MemberList, OperationCount, OwnRole,
            SourceList, Under,
        },
        pagination,
        scalars::{BigInt, Cursor, DateTime, Json},
    },
};

/// The longest name in a filter, in characters.
const MAX_NAME: usize = 200;

/// The status of a collection. New values may be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "collection::CollectionStatus")]
pub enum CollectionStatus {
    /// Can be read and searched.
    Ready,
    /// Being deleted. It is no longer visible to readers.
    Deleting,
}

/// A role in a collection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "collection::CollectionRole")]
pub enum CollectionRole {
    /// Can do everything, including deleting the collection.
    Owner,
    /// Can change the documents.
    Editor,
    /// Can read the collection, even if it is not public.
    Viewer,
}

/// A filter for collections. Omitted fields do not filter.
#[derive(Default, InputObject)]
pub struct CollectionFilter {
    /// Collections that this user owns.
    owner_id: Option<ID>,
    /// Collections whose name contains this text, compared regardless of case and Unicode form. At most 200
    /// characters.
    name_contains: Option<String>,
    /// True: public collections only. False: private collections only.
    is_public: Option<bool>,
}

impl TryFrom<CollectionFilter> for loaders::CollectionFilter {
    type Error = Error;

    fn try_from(filter: CollectionFilter) -> Result<Self, Error> {
        Ok(Self {
            owner: filter::id("ownerId", filter.owner_id.as_ref())?,
            is_public: filter.is_public,
            name_contains: filter::text("nameContains", filter.name_contains, MAX_NAME)?,
        })
    }
}

/// What collections can be sorted by. Ties are sorted by creation time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
pub enum CollectionOrderField {
    /// By creation time.
    CreatedAt,
    /// By name, in the order of code points after case folding. The order is the same on every database: `a` equals
    /// `A`, and `z` comes before `ä`.
    Name,
}

/// A sort order of collections.
#[derive(InputObject)]
pub struct CollectionOrder {
    /// The field to sort by.
    field: CollectionOrderField,
    /// The sort direction. Default: ASC.
    direction: Option<OrderDirection>,
}

impl CollectionOrder {
    /// The requested order; by default newest first.
    fn or_default(order: Option<Self>) -> (CollectionSort, Direction) {
        let Some(order) = order else { return (CollectionSort::CreatedAt, Direction::Descending) };
        let sort = match order.field {
            CollectionOrderField::CreatedAt => CollectionSort::CreatedAt,
            CollectionOrderField::Name => CollectionSort::Name,
        };
        (sort, order.direction.unwrap_or(OrderDirection::Asc).into())
    }
}

/// A collection.
pub struct Collection {
    collection: collection::Collection,
}

impl From<collection::Collection> for Collection {
    fn from(collection: collection::Collection) -> Self {
        Self { collection }
    }
}

impl Collection {
    /// The collection, if it is visible to the viewer.
    pub async fn load(ctx: &Context<'_>, id: CollectionId) -> Result<Option<Self>> {
        Ok(ctx.loaders()?.load_one(id).await?.map(Into::into))
    }

    async fn active(&self, ctx: &Context<'_>) -> Result<Generation> {
        let generation = ctx.loaders()?.load_one(self.collection.generation).await?;
        Ok(generation.ok_or(Error::NotFound("collection"))?)
    }

    async fn role(&self, ctx: &Context<'_>) -> Result<Option<collection::CollectionRole>> {
        Ok(ctx.loaders()?.load_one(OwnRole(self.collection.id)).await?)
    }

    /// The page of collections for these arguments.
    pub async fn list(
        ctx: &Context<'_>,
        filter: Option<CollectionFilter>,
        order: Option<CollectionOrder>,
        first: Option<i32>,
        after: Option<&Cursor>,
    ) -> Result<Connection<Self>> {
        let filter = filter.unwrap_or_default().try_into()?;
        let (sort, direction) = CollectionOrder::or_default(order);
        let request: PageRequest<CollectionKey> = pagination::page(first, after)?;
        if request.after.as_ref().is_some_and(|key| key.name.is_some() != (sort == CollectionSort::Name)) {
            return Err(pagination::foreign_cursor().into());
        }
        let page = ctx.loaders()?.loader().collections(&filter, (sort, direction), &request).await?;
        let place = |row: &collection::Collection| CollectionKey {
            id: row.id,
            name: (sort == CollectionSort::Name).then(|| row.name.clone()),
        };
        Ok(Connection::new(Some(page), request.after.as_ref(), place, Total::Collections(filter)))
    }
}

/// A set of documents with one owner, one embedding model and one chunking configuration.
#[Object]
impl Collection {
    /// The global id.
    pub async fn id(&self) -> ID {
        global_id::encode(&self.collection.id)
    }

    /// The name, unique among the owner's collections. Names that differ only in case count as equal.
    async fn name(&self) -> &str {
        &self.collection.name
    }

    /// What the collection is about, if the owner described it.
    async fn description(&self) -> Option<&str> {
        self.collection.description.as_deref()
    }

    /// The status of the collection.
    async fn status(&self) -> CollectionStatus {
        self.collection.status.into()
    }

    /// Whether everyone can read it, with or without an account. Only the owner can change this.
    async fn is_public(&self) -> bool {
        self.collection.is_public
    }

    /// Metadata set by the owner: a JSON object.
    async fn meta(&self) -> Json {
        self.collection.meta.clone().into()
    }

    /// The owner of the collection.
    async fn owner(&self, ctx: &Context<'_>) -> Result<User> {
        Ok(User::load(ctx, self.collection.owner_id).await?.ok_or(Error::NotFound("user"))?)
    }

    /// The viewer's role in this collection. Null if the viewer can read it only because it is public. Use
    /// `viewerCan` for effective permissions (API keys included).
    async fn viewer_role(&self, ctx: &Context<'_>) -> Result<Option<CollectionRole>> {
        Ok(self.role(ctx).await?.map(Into::into))
    }

    /// The actions that the viewer can perform in this collection.
    async fn viewer_can(&self, ctx: &Context<'_>) -> Result<Vec<Action>> {
        let (role, scope) = (self.role(ctx).await?, ctx.viewer()?.scope());
        let is_allowed = |rule: &&Rule| {
            !rule.roles.is_empty()
                && (policy::allows(scope, role, self.collection.is_public, rule.action)
                    || policy::allows_on_server(scope, rule.action))
        };
        Ok(POLICY.iter().filter(is_allowed).map(|rule| rule.action.into()).collect())
    }

    /// The users with a role in the collection, including the owner. Empty for callers who are not allowed to list
    /// them.
    async fn members(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which members to return. Default: all.")] filter: Option<MemberFilter>,
        #[graphql(desc = "Number of rows to return, 1 to 100.", default = 20)] first: Option<i32>,
        #[graphql(desc = "Return rows after this cursor. Default: from the start.")] after: Option<Cursor>,
    ) -> Result<Connection<Member>> {
        let (parent, page) = (self.collection.id, pagination::page(first, after.as_ref())?);
        let list = MemberList { filter: filter.unwrap_or_default().into(), page };
        let total = Total::Members(Under { parent, list: list.filter.clone() });
        let after = list.page.after;
        let page: Option<Page<_>> = ctx.loaders()?.load_one(Under { parent, list }).await?;
        Ok(Connection::new(page, after.as_ref(), |row: &member::Member| row.user_id, total))
    }

    /// The model that embeds its documents and the questions asked of them.
    async fn embedding_model(&self, ctx: &Context<'_>) -> Result<EmbeddingModel> {
        EmbeddingModel::of(ctx, &self.active(ctx).await?)
    }

    /// How its documents are split into chunks.
    async fn chunking(&self, ctx: &Context<'_>) -> Result<ChunkingConfig> {
        Ok(self.active(ctx).await?.chunking.into())
    }

    /// Its indexes, oldest first: the active one, one that is being built, and retired ones until they are removed.
    async fn generations(&self, ctx: &Context<'_>) -> Result<Vec<generation::Generation>> {
        let key = Under { parent: self.collection.id, list: GenerationList };
        let all: Option<Vec<Generation>> = ctx.loaders()?.load_one(key).await?;
        Ok(all.unwrap_or_default().into_iter().map(Into::into).collect())
    }

    /// The physical vector collection that holds its vectors. Collections with the same model share one.
    async fn vector_store_name(&self, ctx: &Context<'_>) -> Result<String> {
        Ok(self.active(ctx).await?.placement.name)
    }

    /// Number of documents, in any status.
    async fn document_count(&self) -> i32 {
        self.collection.document_count
    }

    /// Number of chunks that can be searched.
    async fn chunk_count(&self, ctx: &Context<'_>) -> Result<i32> {
        Ok(self.active(ctx).await?.chunk_count)
    }

    /// Total size of all original files, in bytes.
    async fn total_bytes(&self) -> BigInt {
        BigInt(self.collection.total_bytes)
    }

    /// The documents of the collection.
    async fn documents(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which documents to return. Default: all.")] filter: Option<DocumentFilter>,
        #[graphql(desc = "Sort order. Default: newest first.")] order_by: Option<DocumentOrder>,
        #[graphql(desc = "Number of rows to return, 1 to 100.", default = 20)] first: Option<i32>,
        #[graphql(desc = "Return rows after this cursor. Default: from the start.")] after: Option<Cursor>,
    ) -> Result<Connection<Document>> {
        Document::list(ctx, self.collection.id, filter, order_by, first, after.as_ref()).await
    }

    /// The operations on the collection, newest first. Empty for callers who are not allowed to read them.
    async fn operations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Number of rows to return, 1 to 100.", default = 20)] first: Option<i32>,
        #[graphql(desc = "Return rows after this cursor. Default: from the start.")] after: Option<Cursor>,
    ) -> Result<Connection<Operation>> {
        let (parent, list) = (self.collection.id, pagination::page(first, after.as_ref())?);
        let page: Option<Page<operation::Operation>> =
            ctx.loaders()?.load_one(Under { parent, list: list.clone() }).await?;
        let total = Total::CollectionOperations(Under { parent, list: OperationCount });
        Ok(Connection::new(page, list.after.as_ref(), |row: &operation::Operation| row.id, total))
    }

    /// The places that the collection follows, newest first. Empty for callers who are not allowed to see them
    /// (OPERATION_READ).
    async fn sources(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which sources to return. Default: all.")] filter: Option<SourceFilter>,
        #[graphql(desc = "Number of rows to return, 1 to 100.", default = 20)] first: Option<i32>,
        #[graphql(desc = "Return rows after this cursor. Default: from the start.")] after: Option<Cursor>,
    ) -> Result<Connection<Source>> {
        let (parent, page) = (self.collection.id, pagination::page(first, after.as_ref())?);
        let list = SourceList { filter: filter.unwrap_or_default().into(), page };
        let total = Total::CollectionSources(Under { parent, list: list.filter.clone() });
        let after = list.page.after;
        let page: Option<Page<source::Source>> = ctx.loaders()?.load_one(Under { parent, list }).await?;
        Ok(Connection::new(page, after.as_ref(), |row: &source::Source| row.id, total))
    }

    /// When it was created.
    async fn created_at(&self) -> DateTime {
        self.collection.created_at.into()
    }

    /// When its name, description, visibility, metadata or status last changed.
    async fn updated_at(&self) -> DateTime {
        self.collection.updated_at.into()
    }
}
