//! The server itself.

use async_graphql::{Enum, SimpleObject};
use chrono::{DateTime, Utc};

use super::number;
use crate::{
    auth::viewer::Viewer,
    config::{self, Config},
    domain::{
        action::Action,
        page::{DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE},
        policy,
    },
    graphql::scalars::BigInt,
    service::{Services, integrity},
};

/// What the server is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
pub enum ServerMode {
    /// Database and vectors are inside the process, in its data directory.
    Embedded,
    /// The database, the vector store, or both are servers of their own.
    Server,
}

/// Who may open an account on a server that has one already.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "config::Registration")]
pub enum Registration {
    /// Everybody.
    Open,
    /// Whoever has an invitation.
    Invite,
    /// Nobody; the server's operator opens accounts.
    Closed,
}

/// Whether documents are being indexed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
pub enum IngestionState {
    /// They are, as they come.
    Running,
    /// The server's disk is nearly full: nothing is taken in, and what was accepted waits. It goes on by itself when there
    /// is space again.
    PausedForSpace,
}

/// This server.
#[derive(SimpleObject)]
pub struct Server {
    /// The version of Docent, as semantic versioning writes it.
    version: &'static str,
    /// What the server is made of.
    mode: ServerMode,
    /// Who may open an account.
    registration: Registration,
    /// Whether documents are being indexed.
    ingestion_state: IngestionState,
    /// Whether the vector store holds what the database says. Differences are repaired by the server itself. Null for
    /// everybody but administrators.
    integrity: Option<IntegrityReport>,
    /// What one request may ask for.
    limits: ServerLimits,
}

/// What one request may ask for.
#[derive(SimpleObject)]
pub struct ServerLimits {
    /// Rows in a page when `first` is left out.
    default_page_size: i32,
    /// The most rows in a page.
    max_page_size: i32,
    /// Bytes of a request to the API.
    request_bytes: i32,
    /// Bytes of a GraphQL document.
    document_bytes: i32,
    /// Tokens of a GraphQL document.
    document_tokens: i32,
    /// Levels of fields in an operation.
    depth: i32,
    /// Aliases in a document.
    aliases: i32,
    /// Mutations in one operation.
    mutations: i32,
    /// Seconds that an operation may take.
    execution_seconds: i32,
    /// Bytes of one uploaded file.
    upload_bytes: BigInt,
    /// Bytes of files in the collections that an account owns and in its uploads. Null: as many as there is room for.
    stored_bytes_per_account: Option<BigInt>,
    /// Bytes of files in one collection. Null: as many as there is room for.
    stored_bytes_per_collection: Option<BigInt>,
    /// Documents in one call of `documentsIngest` or `documentsDelete`.
    ingest_documents: i32,
    /// Characters of a question in `search`.
    query_characters: i32,
    /// Collections named in one `search`.
    search_collections: i32,
    /// The deepest rank that paging through hits reaches.
    search_rank: i32,
    /// Points that one request may cost. A field with fields below it costs one, for each row that it is in; a search,
    /// a change and a password cost more. `extensions.cost` of every answer tells the price.
    request_points: i32,
    /// Points that flow back to an account in a minute; `viewer.rateLimit` tells what is left.
    points_per_minute: i32,
    /// The most points that an account can spend at once.
    points_burst: i32,
    /// Points that flow back in a minute to callers without an account, for each address.
    anonymous_points_per_minute: i32,
    /// The most points that callers without an account can spend at once, for each address.
    anonymous_points_burst: i32,
    /// Failed logins a minute on one account, from addresses that it was not used from before, and from each other.
    login_attempts_per_account: i32,
    /// Failed logins and new accounts a minute from one address.
    login_attempts_per_address: i32,
}

/// Whether the vector store holds what the database says.
#[derive(SimpleObject)]
pub struct IntegrityReport {
    /// When all collections had been compared the last time. Null before the first comparison since the start has ended.
    checked_at: Option<DateTime<Utc>>,
    /// Collections that were compared.
    collections: i32,
    /// Collections whose chunks and points differ and are not repaired yet.
    differing: i32,
    /// Chunks in those that search can't find, at least.
    missing_points: i32,
    /// Points in those that belong to no chunk, at least. They are never shown.
    surplus_points: i32,
}

impl From<integrity::IntegrityReport> for IntegrityReport {
    fn from(report: integrity::IntegrityReport) -> Self {
        Self {
            checked_at: report.checked_at,
            collections: number(report.collections),
            differing: number(report.differing),
            missing_points: number(report.missing_points),
            surplus_points: number(report.surplus_points),
        }
    }
}

impl Server {
    /// The server as `viewer` may see it.
    pub fn of(services: &Services, viewer: &Viewer) -> Self {
        let config: &Config = &services.config;
        let has_room = services.disk.has_room();
        let is_embedded = config.database.url.is_none() && config.vector.url.is_none();
        let is_administrator = policy::allows_on_server(viewer.scope(), Action::ServerManage);
        let limits = &config.limits;
        Self {
            version: env!("CARGO_PKG_VERSION"),
            registration: config.auth.registration.into(),
            mode: if is_embedded { ServerMode::Embedded } else { ServerMode::Server },
            ingestion_state: if has_room { IngestionState::Running } else { IngestionState::PausedForSpace },
            integrity: is_administrator.then(|| services.integrity.report().into()),
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
