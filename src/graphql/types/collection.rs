//! Collections.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result};

use super::{
    Action, ChunkingConfig, Connection, Document, DocumentFilter, DocumentOrder, EmbeddingModel, Member, Operation,
    OrderDirection, Total, User, filter,
};
use crate::{
    domain::{
        collection,
        id::CollectionId,
        member, operation,
        page::{Page, PageRequest},
        policy::{self, POLICY, Rule},
    },
    error::Error,
    graphql::{
        context::ContextExt,
        global_id,
        loaders::{self, CollectionKey, CollectionSort, Count, Direction, MemberCount, OwnRole, Under},
        pagination,
        scalars::{BigInt, Cursor, DateTime, Json},
    },
};

/// The longest name in a filter, in characters.
const MAX_NAME: usize = 200;

/// Whether a collection can be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "collection::CollectionStatus")]
pub enum CollectionStatus {
    /// Nothing is being indexed.
    Ready,
    /// Documents are being indexed; what is complete can be searched.
    Processing,
    /// Being removed. It no longer exists for readers.
    Deleting,
}

/// What a user is in a collection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "collection::CollectionRole")]
pub enum CollectionRole {
    /// May do everything, removing the collection included.
    Owner,
    /// May change the documents.
    Editor,
    /// May read, even if the collection is not public.
    Viewer,
}

/// How a collection follows the places that its documents come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "collection::SyncMode")]
pub enum SyncMode {
    /// Documents are taken in when somebody asks for it.
    OneTime,
    /// The server looks for changes by itself.
    Continuous,
}

/// Which collections to list. What is left out does not restrict.
#[derive(Default, InputObject)]
pub struct CollectionFilter {
    /// Those of this user.
    owner_id: Option<ID>,
    /// Those whose name contains this text, in whatever case and Unicode form. At most 200 characters.
    name_contains: Option<String>,
    /// Those that everybody may read (true), or those that not everybody may (false).
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

/// By what collections can be ordered. Collections that agree are ordered by the time of their creation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
pub enum CollectionOrderField {
    /// By the time of creation.
    CreatedAt,
    /// By name, by the code points of its characters after case folding, on every database: `a` and `A` are the same,
    /// `z` is before `ä`.
    Name,
}

/// In which order to list collections.
#[derive(InputObject)]
pub struct CollectionOrder {
    /// What is compared.
    field: CollectionOrderField,
    /// Which way the list runs. Default: ASC.
    direction: Option<OrderDirection>,
}

impl CollectionOrder {
    /// The order that was asked for; without one, newest first.
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
    /// The collection, if it exists for the viewer.
    pub async fn load(ctx: &Context<'_>, id: CollectionId) -> Result<Option<Self>> {
        Ok(ctx.loaders()?.load_one(id).await?.map(Into::into))
    }

    async fn role(&self, ctx: &Context<'_>) -> Result<Option<collection::CollectionRole>> {
        Ok(ctx.loaders()?.load_one(OwnRole(self.collection.id)).await?)
    }

    /// The page of collections that the arguments ask for.
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

/// A set of documents under one owner, one embedding model and one rule for cutting texts.
#[Object]
impl Collection {
    /// The global id.
    pub async fn id(&self) -> ID {
        global_id::encode(&self.collection.id)
    }

    /// The name, in whatever case unlike that of any other collection of the same owner.
    async fn name(&self) -> &str {
        &self.collection.name
    }

    /// What the collection is about, if its owner said so.
    async fn description(&self) -> Option<&str> {
        self.collection.description.as_deref()
    }

    /// Whether the collection can be used.
    async fn status(&self) -> CollectionStatus {
        self.collection.status.into()
    }

    /// Whether everybody may read it, with and without an account. Changing it is always the owner's.
    async fn is_public(&self) -> bool {
        self.collection.is_public
    }

    /// The owner's own data: a JSON object.
    async fn meta(&self) -> Json {
        self.collection.meta.clone().into()
    }

    /// Who the collection belongs to.
    async fn owner(&self, ctx: &Context<'_>) -> Result<User> {
        Ok(User::load(ctx, self.collection.owner_id).await?.ok_or(Error::NotFound("user"))?)
    }

    /// What the viewer's account is in this collection; what they may do, `viewerCan` tells, also through a key. Null
    /// for somebody who may read it because it is public.
    async fn viewer_role(&self, ctx: &Context<'_>) -> Result<Option<CollectionRole>> {
        Ok(self.role(ctx).await?.map(Into::into))
    }

    /// What the viewer may do in this collection.
    async fn viewer_can(&self, ctx: &Context<'_>) -> Result<Vec<Action>> {
        let (role, scope) = (self.role(ctx).await?, ctx.viewer()?.scope());
        let is_allowed = |rule: &&Rule| {
            !rule.roles.is_empty()
                && (policy::allows(scope, role, self.collection.is_public, rule.action)
                    || policy::allows_on_server(scope, rule.action))
        };
        Ok(POLICY.iter().filter(is_allowed).map(|rule| rule.action.into()).collect())
    }

    /// Who has a role in it, the owner included. Empty for those who may not see it.
    async fn members(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many rows, 1 to 100. Default: 20.")] first: Option<i32>,
        #[graphql(desc = "The cursor to begin behind. Default: the beginning.")] after: Option<Cursor>,
    ) -> Result<Connection<Member>> {
        let (parent, list) = (self.collection.id, pagination::page(first, after.as_ref())?);
        let page: Option<Page<_>> = ctx.loaders()?.load_one(Under { parent, list: list.clone() }).await?;
        let total = Total::Members(Under { parent, list: MemberCount });
        Ok(Connection::new(page, list.after.as_ref(), |row: &member::Member| row.user_id, total))
    }

    /// The model that embeds its documents, and the questions to them.
    async fn embedding_model(&self, ctx: &Context<'_>) -> Result<EmbeddingModel> {
        EmbeddingModel::named(ctx, &self.collection.embedding_model)
    }

    /// How its documents are cut into chunks.
    async fn chunking(&self) -> ChunkingConfig {
        self.collection.chunking.into()
    }

    /// The place in the vector store where its vectors are. Collections with the same model share one.
    async fn vector_store_name(&self) -> &str {
        &self.collection.vector_store_name
    }

    /// How it follows the places that its documents come from.
    async fn sync_mode(&self) -> SyncMode {
        self.collection.sync_mode.into()
    }

    /// Minutes between two looks for changes, where the mode is CONTINUOUS.
    async fn sync_interval_minutes(&self) -> Option<i32> {
        self.collection.sync_interval_minutes
    }

    /// How many documents it has, whatever their status.
    async fn document_count(&self) -> i32 {
        self.collection.document_count
    }

    /// How many chunks can be searched.
    async fn chunk_count(&self) -> i32 {
        self.collection.chunk_count
    }

    /// The size of all originals together, in bytes.
    async fn total_bytes(&self) -> BigInt {
        BigInt(self.collection.total_bytes)
    }

    /// Its documents.
    async fn documents(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which documents to list. Default: all.")] filter: Option<DocumentFilter>,
        #[graphql(desc = "In which order. Default: newest first.")] order_by: Option<DocumentOrder>,
        #[graphql(desc = "How many rows, 1 to 100. Default: 20.")] first: Option<i32>,
        #[graphql(desc = "The cursor to begin behind. Default: the beginning.")] after: Option<Cursor>,
    ) -> Result<Connection<Document>> {
        Document::list(ctx, self.collection.id, filter, order_by, first, after.as_ref()).await
    }

    /// What was and is being done to it, newest first. Empty for those who may not see it.
    async fn operations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many rows, 1 to 100. Default: 20.")] first: Option<i32>,
        #[graphql(desc = "The cursor to begin behind. Default: the beginning.")] after: Option<Cursor>,
    ) -> Result<Connection<Operation>> {
        let (parent, list) = (self.collection.id, pagination::page(first, after.as_ref())?);
        let page: Option<Page<operation::Operation>> =
            ctx.loaders()?.load_one(Under { parent, list: list.clone() }).await?;
        let total = Total::CollectionOperations(Under { parent, list: Count });
        Ok(Connection::new(page, list.after.as_ref(), |row: &operation::Operation| row.id, total))
    }

    /// When it was created.
    async fn created_at(&self) -> DateTime {
        self.collection.created_at.into()
    }

    /// When its name, description, publicity, metadata or status last changed.
    async fn updated_at(&self) -> DateTime {
        self.collection.updated_at.into()
    }
}
