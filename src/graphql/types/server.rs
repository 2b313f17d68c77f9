//! The server itself.

use async_graphql::{ComplexObject, Context, Enum, Result, SimpleObject};
use chrono::{DateTime, Utc};

use super::{Queue, Worker, number};
use crate::{
    config::{self, Config},
    domain::{
        self, format,
        page::{DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE},
    },
    graphql::{context::ContextExt, scalars::BigInt},
    service::{Services, accounts, integrity, workers},
};

/// How the server is deployed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
pub enum ServerMode {
    /// The database and the vector store run inside the server process and use its data directory.
    Embedded,
    /// The database, the vector store, or both are separate servers.
    Server,
}

/// Who can register on a server that already has an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "config::Registration")]
pub enum Registration {
    /// Everyone.
    Open,
    /// Users with an invitation.
    Invite,
    /// Nobody. Only the server's operator creates accounts.
    Closed,
}

/// The state of ingestion. New values may be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
pub enum IngestionState {
    /// Documents are indexed as they arrive.
    Running,
    /// The server's disk is nearly full. New documents are not accepted, and accepted ones wait. Ingestion resumes
    /// automatically when there is space again.
    PausedForSpace,
}

/// A format of files that can be read.
#[derive(SimpleObject)]
pub struct FileFormat {
    /// What people call it, as in a sentence: `a PDF file`.
    label: &'static str,
    /// The media types of its files, the usual one first. Source code has that of plain text.
    media_types: Vec<&'static str>,
    /// The extensions of its files, in lower case and without a dot.
    extensions: Vec<&'static str>,
}

impl From<&format::FileFormat> for FileFormat {
    fn from(format: &format::FileFormat) -> Self {
        let format::FileFormat { label, media_types, extensions } = format.clone();
        Self { label, media_types, extensions }
    }
}

/// This server.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Server {
    /// The version of Docent, in semantic versioning format.
    version: &'static str,
    /// How the server is deployed.
    mode: ServerMode,
    /// Who can register.
    registration: Registration,
    /// The state of ingestion.
    ingestion_state: IngestionState,
    /// The limits of this server.
    limits: ServerLimits,
    /// The formats of files that can be read. The content of a file decides how it is read, and its name must agree.
    formats: Vec<FileFormat>,
}

/// The limits of this server.
#[derive(SimpleObject)]
pub struct ServerLimits {
    /// Number of rows in a page if `first` is omitted.
    default_page_size: i32,
    /// Maximum number of rows in a page.
    max_page_size: i32,
    /// Maximum size of a request to the API, in bytes.
    request_bytes: i32,
    /// Maximum size of a GraphQL document, in bytes.
    document_bytes: i32,
    /// Maximum number of tokens in a GraphQL document.
    document_tokens: i32,
    /// Maximum depth of nested fields.
    depth: i32,
    /// Maximum number of aliases in a GraphQL document.
    aliases: i32,
    /// Maximum number of mutations in one GraphQL operation.
    mutations: i32,
    /// Maximum duration of a GraphQL operation, in seconds.
    execution_seconds: i32,
    /// Maximum size of an uploaded file, in bytes.
    upload_bytes: BigInt,
    /// Maximum size of the files in an account's collections and uploads, in bytes. Null: limited by disk space
    /// only.
    stored_bytes_per_account: Option<BigInt>,
    /// Maximum size of the files in one collection, in bytes. Null: limited by disk space only.
    stored_bytes_per_collection: Option<BigInt>,
    /// Maximum number of documents in a call of `documentsIngest` or `documentsDelete`.
    ingest_documents: i32,
    /// Maximum length of a question in `search`, in characters.
    query_characters: i32,
    /// Maximum number of collections named in one `search`.
    search_collections: i32,
    /// The last rank that can be reached by paging through hits.
    search_rank: i32,
    /// Maximum cost of a request, in points. A field with a selection set costs one point for each row that it is
    /// in. Searches, mutations and passwords cost more. `extensions.cost` in every response is the cost of its
    /// request.
    request_points: i32,
    /// Refill rate of an account in points per minute. `viewer.rateLimit` has the points that are available now.
    points_per_minute: i32,
    /// Maximum number of points that an account can spend at once.
    points_burst: i32,
    /// Refill rate in points per minute for callers without an account, for each address.
    anonymous_points_per_minute: i32,
    /// Maximum number of points that callers without an account can spend at once, for each address.
    anonymous_points_burst: i32,
    /// Failed logins per minute on one account. Addresses from which the account was used before each have a limit
    /// of their own; all other addresses share one.
    login_attempts_per_account: i32,
    /// Failed logins and registrations per minute from one address.
    login_attempts_per_address: i32,
}

/// The kind of damage. New values may be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "domain::integrity::DamageKind")]
pub enum DamageKind {
    /// A counter differs from the rows that it counts.
    WrongTotals,
    /// A document has more or fewer chunks than were written with it. Only `docent doctor` looks for it.
    WrongChunks,
    /// Chunks have no vector, so that search can't find them. The server repairs them.
    MissingVectors,
    /// Vectors belong to no chunk. They are never returned. The server removes them.
    OrphanVectors,
    /// The original of a document is not stored, and the document does not say so yet.
    MissingOriginal,
    /// The extracted text of a document is not stored, though its original is. `docent doctor --repair` has it extracted again.
    MissingText,
    /// The bytes of an original or of a text have changed. Only `docent doctor` looks for it.
    WrongDigest,
    /// Nothing refers to an original or a text. Only `docent doctor` looks for it; the server deletes them.
    UnreferencedOriginal,
    /// An operation or a sync has not ended, and no job works on it.
    StuckOperation,
    /// A job is held by a worker that is gone. The other workers take it over.
    ExpiredLease,
}

/// Damage of one kind.
#[derive(SimpleObject)]
pub struct IntegrityFinding {
    /// The kind of damage.
    kind: DamageKind,
    /// Number of vectors, documents, originals, counters, operations or jobs that are damaged.
    count: i32,
}

/// The result of comparing the vector store and the original files with the database.
#[derive(SimpleObject)]
pub struct IntegrityReport {
    /// When the vectors of all collections were last compared. Null until the first comparison has ended.
    checked_at: Option<DateTime<Utc>>,
    /// When the files of all documents were last looked for, and counters compared. It takes longer the more documents
    /// there are, and is done less often then. Null until the first time has ended.
    files_checked_at: Option<DateTime<Utc>>,
    /// Number of collections that were compared.
    collections: i32,
    /// Number of collections whose chunks and points differ and are not repaired yet.
    differing: i32,
    /// Number of chunks in them that search can't find, at least.
    missing_points: i32,
    /// Number of points in them that belong to no chunk, at least. They are never returned.
    surplus_points: i32,
    /// What the last checks found, for each kind of damage. `docent doctor --repair` repairs what the server
    /// does not repair itself.
    findings: Vec<IntegrityFinding>,
}

impl From<integrity::IntegrityReport> for IntegrityReport {
    fn from(report: integrity::IntegrityReport) -> Self {
        Self {
            checked_at: report.checked_at,
            files_checked_at: report.files_checked_at,
            collections: number(report.collections),
            differing: number(report.differences.collections),
            missing_points: number(report.differences.missing_points),
            surplus_points: number(report.differences.surplus_points),
            findings: report
                .found
                .into_iter()
                .map(|(kind, count)| IntegrityFinding { kind: kind.into(), count: number(count) })
                .collect(),
        }
    }
}

#[ComplexObject]
impl Server {
    /// Whether the server has an active account. If not, the next account that is registered becomes its administrator.
    async fn is_claimed(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(accounts::is_claimed(ctx.services()?).await?)
    }

    /// Whether the vector store and the original files match the database, as far as the last checks on a schedule
    /// have found (`vector.integrity_check_minutes`). Null for everyone except administrators.
    async fn integrity(&self, ctx: &Context<'_>) -> Result<Option<IntegrityReport>> {
        Ok(integrity::report(ctx.services()?, ctx.viewer()?).await?.map(Into::into))
    }

    /// What works in the processes of the server without being asked, as each process last reported it: the newest
    /// processes first, at most 500 workers. Null for everyone except administrators.
    async fn workers(&self, ctx: &Context<'_>) -> Result<Option<Vec<Worker>>> {
        let found = workers::list(ctx.services()?, ctx.viewer()?).await?;
        Ok(found.map(|found| found.into_iter().map(Into::into).collect()))
    }

    /// The jobs in the queue: one entry for each kind. Null for everyone except administrators.
    async fn queues(&self, ctx: &Context<'_>) -> Result<Option<Vec<Queue>>> {
        let found = workers::queues(ctx.services()?, ctx.viewer()?).await?;
        Ok(found.map(|found| found.into_iter().map(Into::into).collect()))
    }
}

impl Server {
    /// The server, as it is now.
    pub fn of(services: &Services) -> Self {
        let config: &Config = &services.config;
        let has_room = services.disk.has_room();
        let is_embedded = config.database.url.is_none() && config.vector.url.is_none();
        let limits = &config.limits;
        Self {
            version: env!("CARGO_PKG_VERSION"),
            registration: config.auth.registration.into(),
            mode: if is_embedded { ServerMode::Embedded } else { ServerMode::Server },
            ingestion_state: if has_room { IngestionState::Running } else { IngestionState::PausedForSpace },
            formats: services.formats.iter().map(Into::into).collect(),
            limits: ServerLimits {
                default_page_size: number(DEFAULT_PAGE_SIZE),
                max_page_size: number(MAX_PAGE_SIZE),
                request_bytes: number(limits.request_bytes),
                document_bytes: number(limits.document_bytes),
                document_tokens: number(limits.document_tokens),
                depth: number(limits.depth),
                aliases: number(limits.aliases),
                mutations: number(limits.mutations),
                execution_seconds: number(limits.execution_seconds),
                upload_bytes: BigInt(limits.upload_bytes.try_into().unwrap_or(i64::MAX)),
                stored_bytes_per_account: quota(limits.stored_bytes_per_account),
                stored_bytes_per_collection: quota(limits.stored_bytes_per_collection),
                ingest_documents: number(limits.ingest_documents),
                query_characters: number(limits.query_characters),
                search_collections: number(limits.search_collections),
                search_rank: number(config.search.max_rank),
                request_points: number(limits.request_points),
                points_per_minute: number(limits.points_per_minute),
                points_burst: number(limits.points_burst),
                anonymous_points_per_minute: number(limits.anonymous_points_per_minute),
                anonymous_points_burst: number(limits.anonymous_points_burst),
                login_attempts_per_account: number(config.auth.login_attempts_per_account),
                login_attempts_per_address: number(config.auth.login_attempts_per_address),
            },
        }
    }
}

/// A quota of bytes; none is written as 0.
fn quota(bytes: u64) -> Option<BigInt> {
    (bytes > 0).then(|| BigInt(bytes.try_into().unwrap_or(i64::MAX)))
}
