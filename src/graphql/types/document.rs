//! Documents.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result};

use super::{
    Chunk, Collection, Connection, DocumentText, DocumentWarning, OrderDirection, ProcessingError, Source, Total,
    filter, number,
};
use crate::{
    domain::{
        document,
        id::{CollectionId, DocumentId, SourceId},
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
    service::links,
};

/// The longest file name in a filter, in characters.
const MAX_FILE_NAME: usize = 200;
/// The longest uri, in characters.
const MAX_URI: usize = 2000;

/// The status of a document.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "document::DocumentStatus")]
pub enum DocumentStatus {
    /// Accepted, and waiting for a worker.
    Pending,
    /// Being extracted, split into chunks or embedded.
    Processing,
    /// Indexed. It can be searched, or is an archive whose files are documents of their own.
    Completed,
    /// Indexing failed. `error` has the reason.
    Failed,
    /// Processing it crashed repeatedly. It is not retried automatically.
    Quarantined,
}

/// A filter for documents. Omitted fields do not filter.
#[derive(Default, InputObject)]
pub struct DocumentFilter {
    /// Rows with one of these statuses. An empty list does not filter.
    status: Option<Vec<DocumentStatus>>,
    /// The document with exactly this uri, compared regardless of Unicode form. At most 2000 characters.
    uri: Option<String>,
    /// Documents whose uri begins with this text, compared regardless of Unicode form. At most 2000 characters.
    uri_prefix: Option<String>,
    /// Documents that come from this source.
    source_id: Option<ID>,
    /// Documents whose file name contains this text, compared regardless of case and Unicode form. At most 200
    /// characters.
    file_name_contains: Option<String>,
}

impl DocumentFilter {
    /// A filter with these conditions.
    pub fn conditions(status: Option<Vec<DocumentStatus>>, uri_prefix: Option<String>, source_id: Option<ID>) -> Self {
        Self { status, uri_prefix, source_id, ..Self::default() }
    }

    /// The same filter, for documents of one source.
    pub fn within(self, source: SourceId) -> Self {
        Self { source_id: Some(global_id::encode(&source)), ..self }
    }
}

impl TryFrom<DocumentFilter> for loaders::DocumentFilter {
    type Error = Error;

    fn try_from(filter: DocumentFilter) -> Result<Self, Error> {
        Ok(Self {
            status: filter::distinct(filter.status),
            source: filter::id("sourceId", filter.source_id.as_ref())?,
            uri: filter::text("uri", filter.uri, MAX_URI)?,
            uri_prefix: filter::text("uriPrefix", filter.uri_prefix, MAX_URI)?,
            file_name_contains: filter::text("fileNameContains", filter.file_name_contains, MAX_FILE_NAME)?,
        })
    }
}

/// What documents can be sorted by. Ties are sorted by creation time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
pub enum DocumentOrderField {
    /// By creation time.
    CreatedAt,
    /// By file name, in the order of code points after case folding. The order is the same on every database: `a`
    /// equals `A`, and `z` comes before `ä`.
    FileName,
}

/// A sort order of documents.
#[derive(InputObject)]
pub struct DocumentOrder {
    /// The field to sort by.
    field: DocumentOrderField,
    /// The sort direction. Default: ASC.
    direction: Option<OrderDirection>,
}

impl DocumentOrder {
    /// The requested order; by default newest first.
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
    /// The document, if it is visible to the viewer.
    pub async fn load(ctx: &Context<'_>, id: DocumentId) -> Result<Option<Self>> {
        Ok(ctx.loaders()?.load_one(id).await?.map(Into::into))
    }

    /// The page of a collection's documents for these arguments.
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
            file_name: (sort == DocumentSort::FileName).then(|| row.content.file_name.clone()),
        };
        Ok(Connection::new(page, after.as_ref(), place, total))
    }
}

/// A document of a collection, identified by its `uri`. It stays the same document when its content changes.
#[Object]
impl Document {
    /// The global id.
    pub async fn id(&self) -> ID {
        global_id::encode(&self.document.id)
    }

    /// The collection that contains it.
    async fn collection(&self, ctx: &Context<'_>) -> Result<Collection> {
        Ok(Collection::load(ctx, self.document.collection_id).await?.ok_or(Error::NotFound("collection"))?)
    }

    /// The file name, without folders.
    async fn file_name(&self) -> &str {
        &self.document.content.file_name
    }

    /// Identifies the document in its collection: a path, a URL, or just the file name. Ingesting other content
    /// under the same uri replaces this content.
    async fn uri(&self) -> &str {
        &self.document.content.uri
    }

    /// The media type of the file: `application/pdf`.
    async fn content_type(&self) -> &str {
        &self.document.content.content_type
    }

    /// The size of the original file, in bytes.
    async fn file_size(&self) -> BigInt {
        BigInt(self.document.content.file.size)
    }

    /// The SHA-256 digest of the original file, in hexadecimal.
    async fn content_hash(&self) -> &str {
        &self.document.content.file.digest
    }

    /// The status of the document.
    async fn status(&self) -> DocumentStatus {
        self.document.status.into()
    }

    /// Why indexing failed. Null if it did not.
    async fn error(&self) -> Option<ProcessingError> {
        self.document.error.clone().map(Into::into)
    }

    /// Metadata set by the owner: a JSON object.
    async fn meta(&self) -> Json {
        self.document.content.meta.clone().into()
    }

    /// The language of the text, as a language tag (BCP 47): the one that the file declares, or else the one that its text
    /// shows. Null if the file declares none and the text leaves a doubt.
    async fn language(&self) -> Option<&str> {
        self.document.about.language.as_deref()
    }

    /// The title that it was given, or else the one that the file contains, if any.
    async fn title(&self) -> Option<&str> {
        self.document.about.title.as_deref()
    }

    /// The author that the file names, if any. For a mail: its sender.
    async fn author(&self) -> Option<&str> {
        self.document.about.author.as_deref()
    }

    /// Number of its pages or slides. Null if the format has none.
    async fn page_count(&self) -> Option<i32> {
        self.document.about.page_count.map(number)
    }

    /// When the content was written, as the file says. For a mail: when it was sent. Null if the file does not say it.
    async fn content_created_at(&self) -> Option<DateTime> {
        self.document.about.created_at.map(Into::into)
    }

    /// When the content was last changed, as the file says. Null if the file does not say it.
    async fn content_modified_at(&self) -> Option<DateTime> {
        self.document.about.modified_at.map(Into::into)
    }

    /// The source that it comes from. Null if it comes from none, and for callers who are not allowed to see sources.
    async fn source(&self, ctx: &Context<'_>) -> Result<Option<Source>> {
        match self.document.source_id {
            Some(id) => Source::load(ctx, id).await,
            None => Ok(None),
        }
    }

    /// What was left out of the text, or is doubtful in it. At most 100.
    async fn warnings(&self) -> Vec<DocumentWarning> {
        self.document.warnings.iter().cloned().map(Into::into).collect()
    }

    /// Number of its chunks. 0 until it is indexed.
    async fn chunk_count(&self) -> i32 {
        self.document.chunk_count
    }

    /// The path on this server where the original file can be downloaded with GET. It needs permission to read the
    /// document, and takes the same access token as the API.
    async fn download_url(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "True: with a signature in place of an access token or API key, for links and pictures of a page. It works \
                    for this document, for five minutes, and ends with the session or the key of this request. Default: false."
        )]
        signed: Option<bool>,
    ) -> Result<Option<String>> {
        let (services, id) = (ctx.services()?, self.document.id);
        let path = format!("{}/documents/{id}/content", services.config.http.base_path);
        let link = if signed.unwrap_or(false) { links::create(services, ctx.viewer()?, id) } else { None };
        Ok(Some(match link {
            Some(link) => format!("{path}?{}={link}", links::PARAMETER),
            None => path,
        }))
    }

    /// The text that was extracted from the file, a part at a time. The offsets of its chunks refer to it. Null until the
    /// document is indexed, for archives, and for documents that were indexed by a version that did not keep texts:
    /// `collectionReindex` makes theirs. It costs a point for each 1000 characters that are asked for, and 100 points more
    /// with a `from` other than 0: the server reads the text up to there.
    async fn text(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Number of characters to return, 1 to 100000.", default = 10000)] first: Option<i32>,
        #[graphql(
            desc = "Return the text after this cursor. Default: from the start. It is refused once the document has other content."
        )]
        after: Option<Cursor>,
        #[graphql(
            desc = "Return the text from this character on, such as the `startOffset` of a chunk. Not together with `after`."
        )]
        from: Option<i32>,
    ) -> Result<Option<DocumentText>> {
        DocumentText::load(ctx, self.document.id, first, after.as_ref(), from).await
    }

    /// Its chunks, in the order of the text.
    async fn chunks(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Number of rows to return, 1 to 100.", default = 20)] first: Option<i32>,
        #[graphql(desc = "Return rows after this cursor. Default: from the start.")] after: Option<Cursor>,
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
