//! Sources.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};

use super::{Collection, Connection, Document, DocumentFilter, SourceRun, Total, filter, source_run::SourceRunFilter};
use crate::{
    domain::{
        id::SourceId,
        page::Page,
        source::{self, Location, WebStart},
    },
    graphql::{
        context::ContextExt,
        global_id,
        loaders::{self, RunList, Under},
        pagination,
        scalars::{BigInt, Cursor, DateTime},
    },
};

/// The kind of a source. New values may be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "source::SourceKind")]
pub enum SourceKind {
    /// A directory on the server's disk.
    Directory,
    /// Pages of a web site.
    Web,
    /// A bucket of an object store.
    Bucket,
}

/// What a source is doing. New values may be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "source::SourceStatus")]
pub enum SourceStatus {
    /// Nothing.
    Idle,
    /// A sync waits for a worker or runs.
    Syncing,
    /// Being removed.
    Removing,
}

/// A filter for sources. Omitted fields do not filter.
#[derive(Default, InputObject)]
pub struct SourceFilter {
    /// Sources with one of these statuses. An empty list does not filter.
    status: Option<Vec<SourceStatus>>,
    /// Sources with an `error`, or without one.
    has_error: Option<bool>,
}

impl From<SourceFilter> for loaders::SourceFilter {
    fn from(filter: SourceFilter) -> Self {
        Self { status: filter::distinct(filter.status), has_error: filter.has_error }
    }
}

/// When a source is synced.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
pub enum SyncMode {
    /// On request only.
    OneTime,
    /// At intervals, on request, and some seconds after something in a directory has changed.
    Continuous,
}

/// What happens to the document of a file that is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
pub enum VanishAction {
    /// It stays.
    Keep,
    /// The sync that misses the file deletes it.
    Delete,
    /// It is deleted when several syncs in a row have missed the file.
    DeleteAfter,
}

/// What happens to documents of files that are gone.
#[derive(SimpleObject)]
pub struct VanishPolicy {
    /// What happens to them.
    action: VanishAction,
    /// How many syncs in a row have to miss a file before its document is deleted. Null for KEEP.
    syncs: Option<i32>,
}

impl From<source::VanishPolicy> for VanishPolicy {
    fn from(policy: source::VanishPolicy) -> Self {
        match policy {
            source::VanishPolicy::Keep => Self { action: VanishAction::Keep, syncs: None },
            source::VanishPolicy::DeleteAfter(1) => Self { action: VanishAction::Delete, syncs: Some(1) },
            source::VanishPolicy::DeleteAfter(syncs) => Self { action: VanishAction::DeleteAfter, syncs: Some(syncs) },
        }
    }
}

/// A directory, and which of its files are documents.
#[derive(SimpleObject)]
pub struct DirectoryLocation {
    /// The absolute path on the server.
    path: String,
    /// Patterns of which a file has to match one. Empty: all files.
    include: Vec<String>,
    /// Patterns that leave files and directories out.
    exclude: Vec<String>,
    /// Whether files and directories are read whose names begin with a dot.
    hidden: bool,
    /// The size of the largest file that is read, in bytes.
    max_file_bytes: BigInt,
}

impl From<source::DirectoryLocation> for DirectoryLocation {
    fn from(location: source::DirectoryLocation) -> Self {
        let source::DirectoryLocation { path, include, exclude, hidden, max_file_bytes } = location;
        Self { path, include, exclude, hidden, max_file_bytes: BigInt(max_file_bytes) }
    }
}

/// A page from which links are followed.
#[derive(SimpleObject)]
pub struct StartPage {
    /// Its URL.
    url: String,
    /// The number of links that lead to the farthest page.
    depth: i32,
    /// What the URLs of all pages begin with.
    prefix: String,
}

/// Pages of the web, and which of them are documents. One of `urls`, `sitemap` and `page` says where they are found.
#[derive(SimpleObject)]
pub struct WebLocation {
    /// The URLs of the pages. Null if others are found.
    urls: Option<Vec<String>>,
    /// The URL of a sitemap that lists the pages. Null if they are found otherwise.
    sitemap: Option<String>,
    /// The page whose links lead to the others. Null if they are found otherwise.
    page: Option<StartPage>,
    /// Patterns of which the path of a URL has to match one. Empty: all pages.
    include: Vec<String>,
    /// Patterns of the paths of URLs that are never requested.
    exclude: Vec<String>,
    /// Maximum number of pages that a sync requests.
    max_pages: i32,
    /// The size of the largest page that is read, in bytes.
    max_file_bytes: BigInt,
    /// Maximum number of requests to one host per minute.
    requests_per_minute: i32,
}

impl From<source::WebLocation> for WebLocation {
    fn from(location: source::WebLocation) -> Self {
        let source::WebLocation { start, include, exclude, max_pages, max_file_bytes, requests_per_minute } = location;
        let (urls, sitemap, page) = match start {
            WebStart::Urls(urls) => (Some(urls), None, None),
            WebStart::Sitemap(url) => (None, Some(url), None),
            WebStart::Page(source::StartPage { url, depth, prefix }) => {
                (None, None, Some(StartPage { url, depth, prefix }))
            }
        };
        let max_file_bytes = BigInt(max_file_bytes);
        Self { urls, sitemap, page, include, exclude, max_pages, max_file_bytes, requests_per_minute }
    }
}

/// A bucket, and which of its objects are documents. Its secret can't be read.
#[derive(SimpleObject)]
pub struct BucketLocation {
    /// The URL of the store. Null for AWS.
    endpoint: Option<String>,
    /// The region.
    region: String,
    /// The name of the bucket.
    bucket: String,
    /// The folder in the bucket. Empty: all of it.
    prefix: String,
    /// Patterns of which an object has to match one. Empty: all objects.
    include: Vec<String>,
    /// Patterns that leave objects out.
    exclude: Vec<String>,
    /// The size of the largest object that is read, in bytes.
    max_file_bytes: BigInt,
    /// The id of the access key. Null if requests are not signed.
    access_key_id: Option<String>,
}

impl From<source::BucketLocation> for BucketLocation {
    fn from(location: source::BucketLocation) -> Self {
        let source::BucketLocation { endpoint, region, bucket, prefix, include, exclude, max_file_bytes, credentials } =
            location;
        let access_key_id = credentials.map(|credentials| credentials.access_key_id);
        let max_file_bytes = BigInt(max_file_bytes);
        Self { endpoint, region, bucket, prefix, include, exclude, max_file_bytes, access_key_id }
    }
}

/// A source.
pub struct Source {
    source: source::Source,
}

impl From<source::Source> for Source {
    fn from(source: source::Source) -> Self {
        Self { source }
    }
}

impl Source {
    /// The source, if it is visible to the viewer.
    pub async fn load(ctx: &Context<'_>, id: SourceId) -> Result<Option<Self>> {
        Ok(ctx.loaders()?.load_one(id).await?.map(Into::into))
    }
}

/// A place where documents of a collection come from. The collection is kept in step with it. Members of the collection
/// see its sources; readers of a public collection don't.
#[Object]
impl Source {
    /// The global id.
    pub async fn id(&self) -> ID {
        global_id::encode(&self.source.id)
    }

    /// The kind of the source.
    async fn kind(&self) -> SourceKind {
        self.source.location.kind().into()
    }

    /// The name, unique among the sources of the collection.
    async fn name(&self) -> &str {
        &self.source.name
    }

    /// The collection that follows it. Null for an API key without COLLECTION_READ.
    async fn collection(&self, ctx: &Context<'_>) -> Result<Option<Collection>> {
        Collection::load(ctx, self.source.collection_id).await
    }

    /// The directory. Null for other kinds.
    async fn directory(&self) -> Option<DirectoryLocation> {
        match &self.source.location {
            Location::Directory(directory) => Some(directory.clone().into()),
            Location::Web(_) | Location::Bucket(_) => None,
        }
    }

    /// The pages. Null for other kinds.
    async fn web(&self) -> Option<WebLocation> {
        match &self.source.location {
            Location::Web(web) => Some(web.clone().into()),
            Location::Directory(_) | Location::Bucket(_) => None,
        }
    }

    /// The bucket. Null for other kinds.
    async fn bucket(&self) -> Option<BucketLocation> {
        match &self.source.location {
            Location::Bucket(bucket) => Some(bucket.clone().into()),
            Location::Directory(_) | Location::Web(_) => None,
        }
    }

    /// When it is synced.
    async fn sync_mode(&self) -> SyncMode {
        if self.source.interval_minutes.is_some() { SyncMode::Continuous } else { SyncMode::OneTime }
    }

    /// Minutes from the end of a sync to the start of the next. Null for ONE_TIME.
    async fn sync_interval_minutes(&self) -> Option<i32> {
        self.source.interval_minutes
    }

    /// What happens to documents of files that are gone.
    async fn on_vanish(&self) -> VanishPolicy {
        self.source.on_vanish.into()
    }

    /// What it is doing.
    async fn status(&self) -> SourceStatus {
        self.source.status.into()
    }

    /// Why the last sync failed, or what its owner should know, in a sentence. Null if nothing.
    async fn error(&self) -> Option<&str> {
        self.source.error.as_deref()
    }

    /// The last sync that has started. Null if there was none.
    async fn last_run(&self, ctx: &Context<'_>) -> Result<Option<SourceRun>> {
        let Some(id) = self.source.last_run else { return Ok(None) };
        Ok(ctx.loaders()?.load_one(id).await?.map(Into::into))
    }

    /// When the next sync is due. Null for ONE_TIME, and while a sync waits or runs.
    async fn next_run_at(&self) -> Option<DateTime> {
        self.source.next_run_at.map(Into::into)
    }

    /// Its syncs, newest first.
    async fn runs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which syncs to return. Default: all.")] filter: Option<SourceRunFilter>,
        #[graphql(desc = "Number of rows to return, 1 to 100.", default = 20)] first: Option<i32>,
        #[graphql(desc = "Return rows after this cursor. Default: from the start.")] after: Option<Cursor>,
    ) -> Result<Connection<SourceRun>> {
        let (parent, page) = (self.source.id, pagination::page(first, after.as_ref())?);
        let list = RunList { filter: filter.unwrap_or_default().into(), page };
        let total = Total::SourceRuns(Under { parent, list: list.filter.clone() });
        let after = list.page.after;
        let page: Option<Page<source::SourceRun>> = ctx.loaders()?.load_one(Under { parent, list }).await?;
        Ok(Connection::new(page, after.as_ref(), |row: &source::SourceRun| row.id, total))
    }

    /// The documents that come from it, newest first.
    async fn documents(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which documents to return. Default: all.")] filter: Option<DocumentFilter>,
        #[graphql(desc = "Number of rows to return, 1 to 100.", default = 20)] first: Option<i32>,
        #[graphql(desc = "Return rows after this cursor. Default: from the start.")] after: Option<Cursor>,
    ) -> Result<Connection<Document>> {
        let filter = filter.unwrap_or_default().within(self.source.id);
        Document::list(ctx, self.source.collection_id, Some(filter), None, first, after.as_ref()).await
    }

    /// When it was created.
    async fn created_at(&self) -> DateTime {
        self.source.created_at.into()
    }

    /// When its settings last changed.
    async fn updated_at(&self) -> DateTime {
        self.source.updated_at.into()
    }
}
