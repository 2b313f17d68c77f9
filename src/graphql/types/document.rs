//! Documents.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result};

use super::{Chunk, Collection, Connection, OrderDirection, ProcessingError, Total, filter};
use crate::{
    domain::{
        document,
        id::{CollectionId, DocumentId},
        page::Page,
    },
    error::Error,
    graphql::{
        context::ContextExt,
        global_id,
        loaders::{self, Direction, DocumentChunks, DocumentKey, DocumentList, DocumentSort, Under},
        pagination::{self, ChunkPosition},
        scalars::{BigInt, Cursor, DateTime, Json},
    },
};

/// The longest file name in a filter, in characters.
const MAX_FILE_NAME: usize = 200;
/// The longest uri, in characters.
const MAX_URI: usize = 2000;

/// Where a document stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "document::DocumentStatus")]
pub enum DocumentStatus {
    /// Accepted; it waits for its turn.
    Pending,
    /// It is being read, cut or embedded.
    Processing,
    /// It can be searched.
    Completed,
    /// It could not be indexed; `error` says why.
    Failed,
    /// It kept crashing its reader and is not tried again by itself.
    Quarantined,
}

/// Which documents to list. What is left out does not restrict.
#[derive(Default, InputObject)]
pub struct DocumentFilter {
    /// Those with one of these statuses. An empty list does not restrict.
    status: Option<Vec<DocumentStatus>>,
    /// The one with exactly this uri, in whatever Unicode form. At most 2000 characters.
    uri: Option<String>,
    /// Those whose file name contains this text, in whatever case and Unicode form. At most 200 characters.
    file_name_contains: Option<String>,
}

impl TryFrom<DocumentFilter> for loaders::DocumentFilter {
    type Error = Error;

    fn try_from(filter: DocumentFilter) -> Result<Self, Error> {
        Ok(Self {
            status: filter::distinct(filter.status),
            uri: filter::text("uri", filter.uri, MAX_URI)?,
            file_name_contains: filter::text("fileNameContains", filter.file_name_contains, MAX_FILE_NAME)?,
        })
    }
}

/// By what documents can be ordered. Documents that agree are ordered by the time of their creation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
pub enum DocumentOrderField {
    /// By the time of creation.
    CreatedAt,
    /// By file name, by the code points of its characters after case folding, on every database: `a` and `A` are the same,
    /// `z` is before `ä`.
    FileName,
}

/// In which order to list documents.
#[derive(InputObject)]
pub struct DocumentOrder {
    /// What is compared.
    field: DocumentOrderField,
    /// Which way the list runs. Default: ASC.
    direction: Option<OrderDirection>,
}

impl DocumentOrder {
    /// The order that was asked for; without one, newest first.
    fn or_default(order: Option<Self>) -> (DocumentSort, Direction) {
        let Some(order) = order else { return (DocumentSort::CreatedAt, Direction::Descending) };
        let sort = match order.field {
            DocumentOrderField::CreatedAt => DocumentSort::CreatedAt,
            DocumentOrderField::FileName => DocumentSort::FileName,
        };
        (sort, order.direction.unwrap_or(OrderDirection::Asc).into())
    }
}

/// A document.
pub struct Document {
    document: document::Document,
}

impl From<document::Document> for Document {
    fn from(document: document::Document) -> Self {
        Self { document }
    }
}

impl Document {
    /// The document, if it exists for the viewer.
    pub async fn load(ctx: &Context<'_>, id: DocumentId) -> Result<Option<Self>> {
        Ok(ctx.loaders()?.load_one(id).await?.map(Into::into))
    }

    /// The page of a collection's documents that the arguments ask for.
    pub async fn list(
        ctx: &Context<'_>,
        collection: CollectionId,
        filter: Option<DocumentFilter>,
        order: Option<DocumentOrder>,
        first: Option<i32>,
        after: Option<&Cursor>,
    ) -> Result<Connection<Self>> {
        let (sort, direction) = DocumentOrder::or_default(order);
        let filter: loaders::DocumentFilter = filter.unwrap_or_default().try_into()?;
        let list = DocumentList { filter, sort, direction, page: pagination::page(first, after)? };
        let after = list.page.after.clone();
        if after.as_ref().is_some_and(|key| key.file_name.is_some() != (sort == DocumentSort::FileName)) {
            return Err(pagination::foreign_cursor().into());
        }
        let total = Total::Documents(Under { parent: collection, list: list.filter.clone() });
        let page: Option<Page<_>> = ctx.loaders()?.load_one(Under { parent: collection, list }).await?;
        let place = |row: &document::Document| DocumentKey {
            id: row.id,
            file_name: (sort == DocumentSort::FileName).then(|| row.file_name.clone()),
        };
        Ok(Connection::new(page, after.as_ref(), place, total))
    }
}

/// A document of a collection: one for each `uri`, the same while its content changes.
#[Object]
impl Document {
    /// The global id.
    pub async fn id(&self) -> ID {
        global_id::encode(&self.document.id)
    }

    /// The collection that it is in.
    async fn collection(&self, ctx: &Context<'_>) -> Result<Collection> {
        Ok(Collection::load(ctx, self.document.collection_id).await?.ok_or(Error::NotFound("collection"))?)
    }

    /// The file's own name, without folders.
    async fn file_name(&self) -> &str {
        &self.document.file_name
    }

    /// What tells it from the other documents of the collection: a path, an address, or just the file name. Ingesting
    /// another content under the same uri replaces this one.
    async fn uri(&self) -> &str {
        &self.document.uri
    }

    /// The kind of file, as a media type: `application/pdf`.
    async fn content_type(&self) -> &str {
        &self.document.content_type
    }

    /// The size of the original, in bytes.
    async fn file_size(&self) -> BigInt {
        BigInt(self.document.file_size)
    }

    /// The SHA-256 of the original, in hexadecimal digits.
    async fn content_hash(&self) -> &str {
        &self.document.content_hash
    }

    /// Where it stands on its way to being searchable.
    async fn status(&self) -> DocumentStatus {
        self.document.status.into()
    }

    /// Why it could not be indexed, if so.
    async fn error(&self) -> Option<ProcessingError> {
        self.document.error.clone().map(Into::into)
    }

    /// The owner's own data: a JSON object.
    async fn meta(&self) -> Json {
        self.document.meta.clone().into()
    }

    /// The language of the text, as an ISO 639 code, where it is known.
    async fn language(&self) -> Option<&str> {
        self.document.language.as_deref()
    }

    /// The title that the file itself gives, where it does.
    async fn title(&self) -> Option<&str> {
        self.document.title.as_deref()
    }

    /// How many chunks it has; 0 until it is indexed.
    async fn chunk_count(&self) -> i32 {
        self.document.chunk_count
    }

    /// Where the original can be fetched with GET, by whoever may read the document: a path on this server. It takes the
    /// same access token as the API.
    async fn download_url(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let base_path = &ctx.services()?.config.http.base_path;
        Ok(Some(format!("{base_path}/documents/{}/content", self.document.id)))
    }

    /// Its chunks, in the order of the text.
    async fn chunks(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many rows, 1 to 100. Default: 20.")] first: Option<i32>,
        #[graphql(desc = "The cursor to begin behind. Default: the beginning.")] after: Option<Cursor>,
    ) -> Result<Connection<Chunk>> {
        let parent = DocumentChunks { collection: self.document.collection_id, document: self.document.id };
        let list = ChunkPosition::page(first, after.as_ref())?;
        let after = list.after.map(ChunkPosition);
        let page: Option<Page<_>> = ctx.loaders()?.load_one(Under { parent, list }).await?;
        let total = Total::Known(self.document.chunk_count);
        Ok(Connection::new(page, after.as_ref(), |row| ChunkPosition(row.index), total))
    }

    /// When it was first accepted.
    async fn created_at(&self) -> DateTime {
        self.document.created_at.into()
    }

    /// When its content, status or metadata last changed.
    async fn updated_at(&self) -> DateTime {
        self.document.updated_at.into()
    }
}
