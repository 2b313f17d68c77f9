//! Sources.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, OneofObject, Result, SimpleObject};

use crate::{
    config::SourcesConfig,
    domain::{
        id::SourceId,
        source::{BucketLocation, DirectoryLocation, Location, StartPage, VanishPolicy, WebLocation, WebStart},
    },
    error::{Error, ViolationCode},
    graphql::{
        context::ContextExt,
        global_id,
        scalars::BigInt,
        types::{Operation, Outcome, Source, SyncMode, UserError, VanishAction},
    },
    service::sources::{self, NewSource, SourcePatch},
};

/// The largest file that is read by default, in bytes.
const MAX_FILE_BYTES: i64 = 100 * 1024 * 1024;
/// The region of buckets by default.
const REGION: &str = "us-east-1";
/// The largest page that is read by default, in bytes.
const MAX_PAGE_BYTES: i64 = 10 * 1024 * 1024;
/// Pages that a sync requests by default.
const MAX_PAGES: i32 = 1000;
/// Requests to one host per minute by default.
const REQUESTS_PER_MINUTE: i32 = 60;
/// Links that lead to the farthest page by default.
const DEPTH: i32 = 3;
/// Minutes between two syncs by default.
const INTERVAL_MINUTES: i32 = 60;

/// A directory on the server's disk.
#[derive(InputObject)]
pub struct DirectoryLocationInput {
    /// The absolute path, in or below one of the directories that the server's operator has opened for sources
    /// (setting `sources.directories`). It contains no `..` and leads through no symbolic link.
    path: String,
    /// Patterns of which a file has to match one: at most 100. `*` stands for characters of a name, `**` for any number
    /// of directories, `{a,b}` for either. A pattern without `/` is compared with names at any depth. Default: all
    /// files.
    include: Option<Vec<String>>,
    /// Patterns that leave files, and directories with all their content, out: at most 100. Default: none.
    exclude: Option<Vec<String>>,
    /// Whether to read files and directories whose names begin with a dot. Default: false.
    hidden: Option<bool>,
    /// The size of the largest file to read, in bytes. Default: 100 MiB, or `server.limits.uploadBytes` if that is
    /// less.
    max_file_bytes: Option<BigInt>,
}

impl DirectoryLocationInput {
    fn location(self, largest: i64) -> DirectoryLocation {
        DirectoryLocation {
            path: self.path,
            include: self.include.unwrap_or_default(),
            exclude: self.exclude.unwrap_or_default(),
            hidden: self.hidden.unwrap_or(false),
            max_file_bytes: self.max_file_bytes.map_or(MAX_FILE_BYTES.min(largest), |BigInt(bytes)| bytes),
        }
    }
}

/// A page from which links are followed.
#[derive(InputObject)]
pub struct StartPageInput {
    /// Its URL.
    url: String,
    /// The number of links that lead to the farthest page, 0 to 100. Default: 3.
    depth: Option<i32>,
    /// What the URLs of all pages begin with, the start page included. Default: its URL up to the last `/`.
    prefix: Option<String>,
}

impl StartPageInput {
    fn page(self) -> StartPage {
        let Self { url, depth, prefix } = self;
        let url = url.trim().to_owned();
        let prefix = prefix.unwrap_or_else(|| folder(&url));
        StartPage { url, depth: depth.unwrap_or(DEPTH), prefix }
    }
}

/// A URL up to the last `/` of its path.
fn folder(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let after_host = path.find("://").map_or(0, |at| at + 3);
    let end = path.rfind('/').filter(|at| *at >= after_host).map_or(path.len(), |at| at + 1);
    path[..end].to_owned()
}

/// Where the pages of a web source are found.
#[derive(OneofObject)]
pub enum WebStartInput {
    /// URLs of pages, 1 to 1000. No links are followed.
    Urls(Vec<String>),
    /// The URL of a sitemap: XML or one URL per line, also in gzip. Pages of other sites are left out.
    Sitemap(String),
    /// A page whose links lead to the others.
    Page(StartPageInput),
}

/// Pages of the web. Their `robots.txt` is respected for the program `Docent`. Only public addresses are connected to,
/// unless the server's operator allows a host in setting `sources.web_hosts`.
#[derive(InputObject)]
pub struct WebLocationInput {
    /// Where the pages are found. URLs begin with `http://` or `https://` and contain no user name or password.
    start: WebStartInput,
    /// Patterns of which the path of a URL, without its first `/`, has to match one: at most 100, with the same meaning
    /// as for directories. The links of other pages are followed nevertheless. Default: all pages.
    include: Option<Vec<String>>,
    /// Patterns of paths that are never requested, with all that is below them: at most 100. Default: none.
    exclude: Option<Vec<String>>,
    /// Maximum number of pages that a sync requests. Default: 1000. The server's operator limits it.
    max_pages: Option<i32>,
    /// The size of the largest page to read, in bytes, at most 32 MiB. Default: 10 MiB, or `server.limits.uploadBytes` if
    /// that is less.
    max_file_bytes: Option<BigInt>,
    /// Maximum number of requests to one host per minute. Default: 60. The site and the server's operator limit it.
    requests_per_minute: Option<i32>,
}

impl WebLocationInput {
    fn location(self, sources: &SourcesConfig, largest: i64) -> WebLocation {
        let start = match self.start {
            WebStartInput::Urls(urls) => WebStart::Urls(urls),
            WebStartInput::Sitemap(url) => WebStart::Sitemap(url),
            WebStartInput::Page(page) => WebStart::Page(page.page()),
        };
        let at_most = |limit: u32| i32::try_from(limit).unwrap_or(i32::MAX);
        let requests = REQUESTS_PER_MINUTE.min(at_most(sources.web_requests_per_minute));
        WebLocation {
            start,
            include: self.include.unwrap_or_default(),
            exclude: self.exclude.unwrap_or_default(),
            max_pages: self.max_pages.unwrap_or(MAX_PAGES.min(at_most(sources.web_pages))),
            max_file_bytes: self.max_file_bytes.map_or(MAX_PAGE_BYTES.min(largest), |BigInt(bytes)| bytes),
            requests_per_minute: self.requests_per_minute.unwrap_or(requests),
        }
    }
}

/// An access key of a bucket. It needs permission to list the bucket and to read its objects.
#[derive(InputObject)]
pub struct BucketCredentialsInput {
    /// The id of the key.
    access_key_id: String,
    /// The secret of the key. It is stored encrypted, and can't be read through the API.
    secret_access_key: String,
}

/// A bucket of S3 or of a store that speaks its protocol.
#[derive(InputObject)]
pub struct BucketLocationInput {
    /// The URL of the store, without a path. Only public addresses are connected to, unless the server's operator allows the
    /// host in setting `sources.web_hosts`. Default: AWS.
    endpoint: Option<String>,
    /// The region. Default: us-east-1.
    region: Option<String>,
    /// The name of the bucket.
    bucket: String,
    /// The folder in the bucket. Default: all of it.
    prefix: Option<String>,
    /// Patterns of which the path of an object below the prefix has to match one: at most 100, with the same meaning as for
    /// directories. Default: all objects.
    include: Option<Vec<String>>,
    /// Patterns that leave objects, and folders with all their content, out: at most 100. Default: none.
    exclude: Option<Vec<String>>,
    /// The size of the largest object to read, in bytes. Default: 100 MiB, or `server.limits.uploadBytes` if that is less.
    max_file_bytes: Option<BigInt>,
    /// The access key. Give it again with each change of the location. Default: requests are not signed.
    credentials: Option<BucketCredentialsInput>,
}

impl BucketLocationInput {
    fn location(self, ctx: &Context<'_>, largest: i64) -> Result<BucketLocation> {
        let location = BucketLocation {
            endpoint: self.endpoint.map(|endpoint| endpoint.trim().trim_end_matches('/').to_owned()),
            region: self.region.unwrap_or_else(|| REGION.to_owned()),
            bucket: self.bucket,
            prefix: self.prefix.unwrap_or_default(),
            include: self.include.unwrap_or_default(),
            exclude: self.exclude.unwrap_or_default(),
            max_file_bytes: self.max_file_bytes.map_or(MAX_FILE_BYTES.min(largest), |BigInt(bytes)| bytes),
            credentials: None,
        };
        match self.credentials {
            None => Ok(location),
            Some(BucketCredentialsInput { access_key_id, secret_access_key }) => {
                Ok(sources::seal(ctx.services()?, location, &access_key_id, &secret_access_key)?)
            }
        }
    }
}

/// Where documents come from.
#[derive(OneofObject)]
pub enum SourceLocationInput {
    /// A directory on the server's disk.
    Directory(DirectoryLocationInput),
    /// Pages of the web.
    Web(WebLocationInput),
    /// A bucket of an object store.
    Bucket(BucketLocationInput),
}

impl SourceLocationInput {
    /// The location; what is omitted follows the limits of the server.
    pub fn into_location(self, ctx: &Context<'_>) -> Result<Location> {
        let config = &ctx.services()?.config;
        let largest = i64::try_from(config.limits.upload_bytes).unwrap_or(i64::MAX);
        Ok(match self {
            Self::Directory(input) => Location::Directory(input.location(largest)),
            Self::Web(input) => Location::Web(input.location(&config.sources, largest)),
            Self::Bucket(input) => Location::Bucket(input.location(ctx, largest)?),
        })
    }
}

/// What happens to documents of files that are gone.
#[derive(InputObject)]
pub struct VanishPolicyInput {
    /// What happens to them.
    action: VanishAction,
    /// For DELETE_AFTER: how many syncs in a row have to miss a file, 1 to 1000.
    syncs: Option<i32>,
}

impl VanishPolicyInput {
    fn policy(&self) -> Result<VanishPolicy, Error> {
        match (self.action, self.syncs) {
            (VanishAction::Keep, None) => Ok(VanishPolicy::Keep),
            (VanishAction::Delete, None) => Ok(VanishPolicy::DeleteAfter(1)),
            (VanishAction::DeleteAfter, Some(syncs)) => Ok(VanishPolicy::DeleteAfter(syncs)),
            (VanishAction::DeleteAfter, None) => Err(wrong_syncs("Say after how many syncs.")),
            (VanishAction::Keep | VanishAction::Delete, Some(_)) => {
                Err(wrong_syncs("Leave `syncs` out, or choose DELETE_AFTER."))
            }
        }
    }
}

fn wrong_syncs(message: &str) -> Error {
    Error::invalid(ViolationCode::Invalid, "onVanish.syncs", message)
}

/// The interval of a mode. A mode that is omitted follows from the interval.
fn interval(mode: Option<SyncMode>, minutes: Option<i32>) -> Result<Option<i32>, Error> {
    match (mode, minutes) {
        (Some(SyncMode::OneTime) | None, None) => Ok(None),
        (Some(SyncMode::Continuous), None) => Ok(Some(INTERVAL_MINUTES)),
        (Some(SyncMode::Continuous) | None, Some(minutes)) => Ok(Some(minutes)),
        (Some(SyncMode::OneTime), Some(_)) => Err(Error::invalid(
            ViolationCode::Invalid,
            "syncIntervalMinutes",
            "Leave the interval out, or choose CONTINUOUS.",
        )),
    }
}

/// A source to create.
#[derive(InputObject)]
pub struct SourceCreateInput {
    /// The global id of the collection that follows it.
    collection_id: ID,
    /// The name: at most 200 characters, unique among the sources of the collection.
    name: String,
    /// Where the documents come from.
    location: SourceLocationInput,
    /// When to sync it. Default: CONTINUOUS if `syncIntervalMinutes` is given, otherwise ONE_TIME.
    sync_mode: Option<SyncMode>,
    /// Minutes from the end of a sync to the start of the next, 1 to 44640. Default for CONTINUOUS: 60.
    sync_interval_minutes: Option<i32>,
    /// What happens to documents of files that are gone. Default: KEEP.
    on_vanish: Option<VanishPolicyInput>,
    /// Whether to sync it at once. Default: true.
    sync_now: Option<bool>,
}

impl SourceCreateInput {
    fn request(self, ctx: &Context<'_>) -> Result<Result<NewSource, Error>> {
        let policy = self.on_vanish.map_or(Ok(VanishPolicy::Keep), |input| input.policy());
        let interval = interval(self.sync_mode, self.sync_interval_minutes);
        let location = self.location.into_location(ctx)?;
        let (on_vanish, interval_minutes) = match (policy, interval) {
            (Ok(policy), Ok(interval)) => (policy, interval),
            (Err(error), _) | (_, Err(error)) => return Ok(Err(error)),
        };
        Ok(Ok(NewSource {
            collection: global_id::decode(&self.collection_id),
            name: self.name,
            location,
            interval_minutes,
            on_vanish,
            sync_now: self.sync_now.unwrap_or(true),
        }))
    }
}

/// The result of `sourceCreate`.
#[derive(Default, SimpleObject)]
pub struct SourceCreatePayload {
    /// The new source. Null if validation fails.
    source: Option<Source>,
    /// The operation that indexes its documents. Null if validation fails or `syncNow` is false.
    operation: Option<Operation>,
    /// Validation errors. Empty on success.
    user_errors: Vec<UserError>,
}

/// Changes to a source. Omitted fields stay as they are.
#[derive(InputObject)]
pub struct SourceUpdateInput {
    /// The global id of the source.
    id: ID,
    /// The name, with the same rules as in `sourceCreate`.
    name: Option<String>,
    /// Where the documents come from, replaced as a whole.
    location: Option<SourceLocationInput>,
    /// Minutes from the end of a sync to the start of the next. Null: it is synced on request only.
    sync_interval_minutes: MaybeUndefined<i32>,
    /// What happens to documents of files that are gone.
    on_vanish: Option<VanishPolicyInput>,
}

impl SourceUpdateInput {
    fn patch(self, ctx: &Context<'_>) -> Result<Result<SourcePatch, Error>> {
        let location = self.location.map(|location| location.into_location(ctx)).transpose()?;
        let on_vanish = match self.on_vanish.map(|input| input.policy()).transpose() {
            Ok(policy) => policy,
            Err(error) => return Ok(Err(error)),
        };
        let interval_minutes = match self.sync_interval_minutes {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(None),
            MaybeUndefined::Value(minutes) => Some(Some(minutes)),
        };
        Ok(Ok(SourcePatch { name: self.name, location, interval_minutes, on_vanish }))
    }
}

/// The result of `sourceUpdate`.
#[derive(SimpleObject)]
pub struct SourceUpdatePayload {
    /// The changed source. Null if validation fails.
    source: Option<Source>,
    /// Validation errors. Empty on success.
    user_errors: Vec<UserError>,
}

/// A source to sync.
#[derive(InputObject)]
pub struct SourceSyncInput {
    /// The global id of the source.
    id: ID,
    /// Whether documents may be deleted although more than half of the files are gone. This also needs DOCUMENT_DELETE.
    /// Default: false.
    confirm: Option<bool>,
}

/// The result of `sourceSync`.
#[derive(Default, SimpleObject)]
pub struct SourceSyncPayload {
    /// The source. Null if validation fails.
    source: Option<Source>,
    /// The operation that indexes what is new or changed. Null if validation fails.
    operation: Option<Operation>,
    /// Validation errors. Empty on success.
    user_errors: Vec<UserError>,
}

/// A source to remove.
#[derive(InputObject)]
pub struct SourceRemoveInput {
    /// The global id of the source.
    id: ID,
    /// Whether its documents stay in the collection. Default: false, they are deleted.
    keep_documents: Option<bool>,
}

/// The result of `sourceRemove`.
#[derive(SimpleObject)]
pub struct SourceRemovePayload {
    /// The global id of the source. Null if validation fails.
    removed_id: Option<ID>,
    /// The operation that removes it. Null if validation fails.
    operation: Option<Operation>,
    /// Validation errors. Empty on success.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct SourceMutation;

#[Object]
impl SourceMutation {
    /// Lets a collection follow a place: its files become documents, with their path or URL as uri. Needs
    /// COLLECTION_UPDATE and DOCUMENT_INGEST.
    async fn source_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The source to create.")] input: SourceCreateInput,
    ) -> Result<Option<SourceCreatePayload>> {
        let created = match input.request(ctx)? {
            Ok(request) => sources::create(ctx.services()?, ctx.viewer()?, request).await,
            Err(error) => Err(error),
        };
        let Outcome { value, user_errors } = Outcome::naming("collectionId", created)?;
        let Some(created) = value else { return Ok(Some(SourceCreatePayload { user_errors, ..Default::default() })) };
        let operation = created.operation.map(Into::into);
        Ok(Some(SourceCreatePayload { source: Some(created.source.into()), operation, user_errors }))
    }

    /// Changes a source. The next sync considers it. Needs COLLECTION_UPDATE, DOCUMENT_INGEST and OPERATION_READ.
    async fn source_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The source and the changes.")] input: SourceUpdateInput,
    ) -> Result<Option<SourceUpdatePayload>> {
        let id: SourceId = global_id::decode(&input.id);
        let updated = match input.patch(ctx)? {
            Ok(patch) => sources::update(ctx.services()?, ctx.viewer()?, id, patch).await,
            Err(error) => Err(error),
        };
        let Outcome { value, user_errors } = Outcome::naming("id", updated)?;
        Ok(Some(SourceUpdatePayload { source: value.map(Into::into), user_errors }))
    }

    /// Syncs a source now: what is new or changed is indexed, what is gone is treated as `onVanish` says. Needs
    /// DOCUMENT_INGEST and OPERATION_READ.
    async fn source_sync(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The source.")] input: SourceSyncInput,
    ) -> Result<Option<SourceSyncPayload>> {
        let id: SourceId = global_id::decode(&input.id);
        let confirm = input.confirm.unwrap_or(false);
        let started = sources::sync(ctx.services()?, ctx.viewer()?, id, confirm).await;
        let Outcome { value, user_errors } = Outcome::naming("id", started)?;
        let Some(started) = value else { return Ok(Some(SourceSyncPayload { user_errors, ..Default::default() })) };
        let operation = started.operation.map(Into::into);
        Ok(Some(SourceSyncPayload { source: Some(started.source.into()), operation, user_errors }))
    }

    /// Removes a source, with its documents or without. Needs COLLECTION_UPDATE, DOCUMENT_DELETE and OPERATION_READ.
    async fn source_remove(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The source.")] input: SourceRemoveInput,
    ) -> Result<Option<SourceRemovePayload>> {
        let id: SourceId = global_id::decode(&input.id);
        let keep = input.keep_documents.unwrap_or(false);
        let removed = sources::remove(ctx.services()?, ctx.viewer()?, id, keep).await;
        let Outcome { value, user_errors } = Outcome::naming("id", removed)?;
        let removed_id = value.is_some().then_some(input.id);
        Ok(Some(SourceRemovePayload { removed_id, operation: value.map(Into::into), user_errors }))
    }
}

#[cfg(test)]
mod tests {
    use super::folder;

    #[test]
    fn a_page_lies_in_the_folder_of_its_url() {
        for (url, expected) in [
            ("https://a.test", "https://a.test"),
            ("https://a.test/docs", "https://a.test/"),
            ("https://a.test/docs/intro.html?from=/x/#y/z", "https://a.test/docs/"),
        ] {
            assert_eq!(folder(url), expected);
        }
    }
}
