//! Every setting of the server, with its default. [`Config::load`] reads them: defaults, then `docent.toml`, then the
//! environment (`DOCENT__SECTION__KEY`).
//!
//! Values only: nothing here opens, connects or starts anything, or reads the environment.

pub mod load;
pub mod options;
mod remote_model;
mod validate;

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

use self::options::{Kind, Setting, SettingValue};
pub use self::remote_model::RemoteModel;

/// Defines a section: the struct, its defaults, a `Debug` that hides secrets, and `settings`, which lists every field
/// with its documentation, so that a setting is written down once.
macro_rules! section {
    ($(#[doc = $doc:literal])* $name:ident {
        $($(#[doc = $field_doc:literal])* $field:ident : $type:ty = $default:expr;)*
    }) => {
        $(#[doc = $doc])*
        #[derive(Clone, PartialEq, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $($(#[doc = $field_doc])* pub $field: $type,)*
        }

        impl $name {
            fn settings(&self) -> Vec<Setting> {
                vec![$(Setting::new(stringify!($field), concat!($($field_doc),*), &self.$field)),*]
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                options::debug(stringify!($name), self.settings(), formatter)
            }
        }
    };
}

/// Defines `Config` itself: the settings outside sections, and the sections.
macro_rules! config {
    ($(#[doc = $doc:literal])* $name:ident {
        $($(#[doc = $field_doc:literal])* $field:ident : $type:ty = $default:expr;)*
        $([$section:ident] $section_type:ty;)*
    }) => {
        $(#[doc = $doc])*
        #[derive(Clone, PartialEq, Debug, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $($(#[doc = $field_doc])* pub $field: $type,)*
            $(pub $section: $section_type,)*
        }

        impl $name {
            /// Every setting with its full key, in the order of declaration.
            fn settings(&self) -> Vec<(String, Setting)> {
                let outside = vec![$(Setting::new(stringify!($field), concat!($($field_doc),*), &self.$field)),*];
                let mut all: Vec<_> = outside.into_iter().map(|setting| (setting.name.to_owned(), setting)).collect();
                $(all.extend(self.$section.settings().into_iter().map(|setting| {
                    (format!("{}.{}", stringify!($section), setting.name), setting)
                }));)*
                all
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* $($section: <$section_type>::default(),)* }
            }
        }
    };
}

config! {
    /// All settings. The table in `docs/settings.md` documents each of them; a test compares the two.
    ///
    /// There is no `Serialize`: [`Config::to_toml_redacted`] is the one way to write settings down, and `Debug` of every
    /// section hides the same secrets.
    Config {
        /// The directory for everything that the server stores: database, vectors, original files, models.
        data_dir: PathBuf = "data".into();
        [disk] DiskConfig;
        [http] HttpConfig;
        [graphql] GraphqlConfig;
        [database] DatabaseConfig;
        [vector] VectorConfig;
        [embedding] EmbeddingConfig;
        [auth] AuthConfig;
        [audit] AuditConfig;
        [collections] CollectionsConfig;
        [ingestion] IngestionConfig;
        [sources] SourcesConfig;
        [extraction] ExtractionConfig;
        [search] SearchConfig;
        [limits] LimitsConfig;
        [telemetry] TelemetryConfig;
    }
}

section! {
    /// The file system of the data directory.
    DiskConfig {
        /// Disk space to keep free, in MiB, or an eighth of the file system if that is less. Below it, no documents are accepted and indexing waits; searching and reading continue. 0: no reserve.
        reserve_mib: u64 = 1024;
    }
}

section! {
    /// Where and how the server listens.
    HttpConfig {
        /// Address to listen on.
        host: String = "127.0.0.1".into();
        /// Port to listen on. 0: any free port.
        port: u16 = 8080;
        /// Host names under which clients reach the server (`docs.example.org`), in addition to `localhost`, loopback addresses and `host`. Requests for other hosts are rejected.
        public_hosts: Vec<String> = Vec::new();
        /// The path under which a proxy publishes the server (`/docs`). URLs that the API returns start with it; requests are accepted with and without it.
        base_path: String = String::new();
        /// Origins (`https://app.example.org`) from which browsers may call the API. The server's own origin is always allowed.
        allowed_origins: Vec<String> = Vec::new();
        /// Whether to trust the last address in `X-Forwarded-For` as the client's, and the last name in `X-Forwarded-Host`, if present, as the server's. Use it only behind a proxy that sets `X-Forwarded-For`.
        trust_forwarded_for: bool = false;
        /// Maximum number of concurrent connections. 0: half of the process's limit of open files, at most 10000.
        connections: usize = 0;
        /// Maximum number of concurrent connections (behind a trusted proxy: requests) from one IPv4 address or IPv6 /64. 0: a tenth of `connections`.
        connections_per_address: usize = 0;
        /// Seconds in which the headers of a request must arrive. A connection without a request is closed after this time.
        header_timeout_seconds: u64 = 20;
        /// Seconds without progress, in either direction, after which a request or response body is given up and its connection closed.
        stall_timeout_seconds: u64 = 30;
        /// Whether `/` serves the playground.
        playground: bool = true;
        /// Seconds at shutdown in which `/health/ready` returns 503 while connections are still accepted, so that load balancers can remove the server first. At most half of `shutdown_grace_seconds`.
        drain_seconds: u64 = 1;
        /// Seconds that open requests and jobs have to finish at shutdown. The process ends at most ten seconds later.
        shutdown_grace_seconds: u64 = 20;
    }
}

section! {
    /// Which GraphQL documents are run.
    GraphqlConfig {
        /// `off`: clients send documents. `apq`: they may send the hash of a document that was sent before (automatic persisted queries), or the id of one in `manifest`. `trusted`: only documents of `manifest`, and those of the playground, are run, except for administrators.
        documents: DocumentPolicy = DocumentPolicy::Apq;
        /// The file with documents and their ids, as `docent documents build` writes it.
        manifest: Option<PathBuf> = None;
    }
}

/// Which documents are run, and whether they may be named by an id.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DocumentPolicy {
    Off,
    Apq,
    Trusted,
}

impl SettingValue for DocumentPolicy {
    const KIND: Kind = Kind::Text;
    const EXPECTED: &'static str = "`off`, `apq` or `trusted`";
}

section! {
    /// The relational database: SQLite inside the data directory, or PostgreSQL by URL.
    DatabaseConfig {
        /// `postgres://…`; unset: SQLite at `<data_dir>/docent.db`. Also read from `DATABASE_URL`.
        url: Option<String> = None;
        /// Statements that read at the same time, each on a connection that is kept open. Also read from `DB_POOL_SIZE`.
        pool_size: u32 = 20;
        /// Connections beyond `pool_size` for transactions (PostgreSQL). Also read from `DB_MAX_OVERFLOW`.
        max_overflow: u32 = 40;
        /// Seconds to wait for a connection. Also read from `DB_POOL_TIMEOUT`.
        pool_timeout_seconds: u64 = 30;
        /// Seconds after which a connection is replaced. Also read from `DB_POOL_RECYCLE`.
        pool_recycle_seconds: u64 = 3600;
        /// Whether a connection that was idle for a second is tested before use. Also read from `DB_POOL_PRE_PING`.
        pool_pre_ping: bool = true;
        /// Seconds after which a statement is cancelled. On SQLite this applies only to statements that read.
        statement_timeout_seconds: u64 = 30;
    }
}

section! {
    /// The vector store: Qdrant Edge inside the data directory, or a Qdrant server by URL.
    VectorConfig {
        /// `http://host:6334` (gRPC); unset: Qdrant Edge in `<data_dir>/vectors`. Also read from `QDRANT_URL`.
        url: Option<String> = None;
        /// The Qdrant server's API key. Also read from `QDRANT_API_KEY`.
        api_key: Option<String> = None;
        /// Seconds after which a call to a Qdrant server times out.
        timeout_seconds: u64 = 10;
        /// Threads that one search may use (embedded engine only).
        search_threads: usize = 1;
        /// Number of chunks in a placement from which an approximate index is built. With fewer chunks, search is exact.
        indexing_threshold: usize = 10_000;
        /// Seconds between checks whether a placement needs to be optimised.
        optimize_interval_seconds: u64 = 60;
        /// Minutes between comparisons of the vector store with the database.
        integrity_check_minutes: u64 = 60;
    }
}

section! {
    /// The embedding model.
    EmbeddingConfig {
        /// The registered name of the model for new collections; unset: the first that `docent model list` names.
        model: Option<String> = None;
        /// Models that other servers run, behind an endpoint that speaks OpenAI's protocol: a list of tables with `name`, `url`, `dimension` and more.
        models: Vec<RemoteModel> = Vec::new();
        /// The directory of the models; unset: `<data_dir>/models`.
        model_dir: Option<PathBuf> = None;
        /// The URL from which models are downloaded.
        hub_url: String = "https://huggingface.co".into();
        /// How exactly the model computes for new collections: `f32`, `int8`, or `auto`, which is `int8` where the processor is faster with it. Collections keep the precision with which they were indexed.
        precision: PrecisionChoice = PrecisionChoice::Auto;
        /// Threads that embed documents. 0: one per core.
        threads: usize = 0;
        /// Tokens of documents that one thread embeds in a batch.
        batch_tokens: usize = 1024;
        /// Number of query embeddings in the cache.
        query_cache_size: usize = 1024;
    }
}

/// How exactly a model computes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PrecisionChoice {
    Auto,
    F32,
    Int8,
}

impl SettingValue for PrecisionChoice {
    const KIND: Kind = Kind::Text;
    const EXPECTED: &'static str = "`auto`, `f32` or `int8`";
}

impl EmbeddingConfig {
    /// The model of that name, if another server runs it.
    #[must_use]
    pub fn remote(&self, name: &str) -> Option<&RemoteModel> {
        self.models.iter().find(|model| model.name == name)
    }
}

section! {
    /// Accounts and sessions.
    AuthConfig {
        /// Who can register: `open`, `invite` or `closed`. The first user can always register and becomes administrator.
        registration: Registration = Registration::Open;
        /// Minutes until an access token expires.
        access_token_minutes: i64 = 15;
        /// Days after which a session ends, even if it is in use.
        session_days: i64 = 30;
        /// Days without use after which a session ends.
        session_idle_days: i64 = 14;
        /// Days until an invitation expires.
        invitation_days: i64 = 7;
        /// Secret that signs access tokens, at least 32 characters; unset: generated once and stored in the data directory.
        signing_secret: Option<String> = None;
        /// The secret before `signing_secret`. Tokens signed with it stay valid until they expire.
        previous_signing_secret: Option<String> = None;
        /// Maximum number of concurrent password hashes. Each needs 19 MiB.
        password_concurrency: usize = 4;
        /// Failed logins per minute on one account. Addresses from which the account was used before each have a limit of their own; all other addresses share one.
        login_attempts_per_account: u32 = 10;
        /// Failed logins and registrations per minute from one address.
        login_attempts_per_address: u32 = 30;
        /// Maximum number of active API keys of one account.
        api_keys_per_account: usize = 50;
    }
}

/// Who can register once the first account exists.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    Open,
    Invite,
    Closed,
}

impl SettingValue for Registration {
    const KIND: Kind = Kind::Text;
    const EXPECTED: &'static str = "`open`, `invite` or `closed`";
}

section! {
    /// The audit log.
    AuditConfig {
        /// Days for which an entry is kept. 0: for ever.
        retention_days: i64 = 365;
    }
}

section! {
    /// Collections and their indexes.
    CollectionsConfig {
        /// Minutes for which the old index of a collection is kept after a new one has replaced it, so that the change can be taken back.
        generation_grace_minutes: i64 = 60;
    }
}

section! {
    /// The processing of documents and its queue.
    IngestionConfig {
        /// Whether this process runs jobs of the queue.
        enabled: bool = true;
        /// Maximum number of documents that are processed concurrently.
        concurrency: usize = 32;
        /// Seconds until the lease of a job expires if its worker does not renew it.
        lease_seconds: i64 = 30;
        /// Seconds between renewals of a lease.
        heartbeat_seconds: u64 = 10;
        /// Seconds between checks for jobs whose worker has died.
        sweep_seconds: u64 = 5;
        /// Milliseconds between checks for new jobs if no notification comes.
        poll_milliseconds: u64 = 1000;
        /// Maximum number of attempts of a job that fails temporarily.
        max_attempts: i32 = 6;
        /// Maximum number of crashes of a job's worker before the document is quarantined.
        max_crashes: i32 = 5;
        /// Maximum number of tokens in a chunk, without the special tokens of the model; at most what the model reads.
        chunk_max_tokens: u32 = 254;
        /// Number of tokens that a chunk repeats from the previous one.
        chunk_overlap_tokens: u32 = 32;
        /// Maximum number of chunks of one document. A text of 32 MiB has about 35,000 chunks of maximum length.
        max_chunks: usize = 50_000;
        /// Maximum size of the text of all documents in progress, in MiB, not counting one MiB for each. Other documents wait.
        max_text_mib: u64 = 128;
        /// Days for which an operation and its events are kept after it has ended. 0: for ever.
        operation_retention_days: i64 = 90;
        /// Hours for which an unused upload is kept.
        upload_hours: i64 = 24;
    }
}

section! {
    /// Places that collections follow.
    SourcesConfig {
        /// Directories below which sources can be created, as absolute paths. Whoever can change a collection can read all files below them that the server can read. Empty: no file on the server's disk can be read through a source.
        directories: Vec<String> = Vec::new();
        /// Maximum number of files in one source.
        max_files: usize = 1_000_000;
        /// Maximum number of sources in one collection.
        per_collection: u32 = 100;
        /// Seconds between checks for sources whose next sync is due.
        check_seconds: u64 = 5;
        /// Seconds without a change after which a directory of a source that is synced at an interval is synced because it has changed; at most twelve times as long while changes go on. 0, or on other systems than Linux: at intervals only.
        watch_seconds: u64 = 5;
        /// Secret that seals the credentials of buckets, at least 32 characters; unset: generated once and stored in the data directory. If it changes, they have to be given again.
        secret_key: Option<String> = None;
        /// Host names and addresses of sites and object stores that sources can read although their addresses are not public (`wiki.internal`). Whoever can change a collection can read what they serve to this server. Other hosts are connected to at public addresses only. Proxies are not used.
        web_hosts: Vec<String> = Vec::new();
        /// Maximum number of pages that one sync of a site requests.
        web_pages: u32 = 10_000;
        /// Maximum number of requests to one host per minute from one source.
        web_requests_per_minute: u32 = 600;
        /// Time limit of one request to a site, in seconds.
        web_timeout_seconds: u64 = 30;
        /// Time limit of one sync of a site or a bucket, in minutes.
        web_minutes: u64 = 120;
    }
}

section! {
    /// Extracting text from files, in a child process.
    ExtractionConfig {
        /// Memory limit of the child process, in MiB.
        memory_mib: u64 = 1024;
        /// Time limit of the child process, in seconds.
        timeout_seconds: u64 = 60;
        /// Maximum size of the text from one file, in MiB.
        max_output_mib: u64 = 32;
        /// Maximum number of files that are extracted and split concurrently. 0: one per core.
        concurrency: usize = 0;
        /// The directory of PDFium, the library that reads PDF files; unset: `<data_dir>/libraries`.
        library_dir: Option<PathBuf> = None;
        /// The program that recognises text in PDF files without any, with its arguments: it reads the file from standard input and writes text with form feeds between pages. Empty: such files are rejected.
        ocr_command: Vec<String> = Vec::new();
        /// Time limit of `ocr_command` for one file, in seconds.
        ocr_timeout_seconds: u64 = 600;
        /// The URL of the package index from which PDFium is downloaded.
        library_url: String = "https://files.pythonhosted.org".into();
    }
}

section! {
    /// Ranking. The defaults were measured on SciFact (ARCHITECTURE.md, «Measured settings»).
    SearchConfig {
        /// Number of candidates from each leg that are fused.
        candidates: usize = 100;
        /// The constant of reciprocal rank fusion.
        rrf_k: u32 = 10;
        /// Weight of the semantic leg.
        semantic_weight: f32 = 1.0;
        /// Weight of the lexical leg.
        lexical_weight: f32 = 1.0;
        /// BM25 parameter: saturation of repeated terms.
        bm25_k1: f32 = 1.2;
        /// BM25 parameter: correction for the length of a chunk, 0 to 1.
        bm25_b: f32 = 0.75;
        /// BM25 parameter: average length of a chunk, in words without stop words. The default is the length of a full chunk.
        bm25_average_length: f32 = 90.0;
        /// Maximum number of collections in a search that names none. If there are more, only the newest are searched, and the result says so.
        max_collections: u32 = 10_000;
        /// The last rank that can be reached by paging.
        max_rank: usize = 1000;
        /// Milliseconds after which a call to the engine times out.
        timeout_milliseconds: u64 = 5000;
    }
}

section! {
    /// Limits of requests, files and connections.
    LimitsConfig {
        /// Maximum size of a GraphQL request, in bytes.
        request_bytes: usize = 1024 * 1024;
        /// Maximum size of a GraphQL document, in bytes.
        document_bytes: usize = 64 * 1024;
        /// Maximum number of tokens in a GraphQL document.
        document_tokens: usize = 2000;
        /// Maximum depth of nested brackets in a GraphQL document.
        document_nesting: usize = 64;
        /// Maximum depth of nested fields in a GraphQL operation.
        depth: usize = 15;
        /// Maximum number of aliases in a GraphQL document.
        aliases: usize = 30;
        /// Maximum number of mutations in one GraphQL operation.
        mutations: usize = 5;
        /// Maximum cost of a request, in points. A field with a selection set costs one point for each row that it is in.
        request_points: u32 = 50_000;
        /// Refill rate in points per minute, for accounts and for API keys without their own limit.
        points_per_minute: u32 = 600_000;
        /// Maximum number of points that an account or API key can spend at once.
        points_burst: u32 = 200_000;
        /// Refill rate in points per minute for callers without an account, for each address.
        anonymous_points_per_minute: u32 = 120_000;
        /// Maximum number of points that callers without an account can spend at once, for each address.
        anonymous_points_burst: u32 = 60_000;
        /// Maximum duration of a GraphQL operation, in seconds.
        execution_seconds: u64 = 30;
        /// Maximum number of concurrent database statements for one account, or for one address without an account.
        statements_per_caller: usize = 4;
        /// Maximum size of an uploaded file, in bytes.
        upload_bytes: u64 = 100 * 1024 * 1024;
        /// Maximum size of the original files in an account's collections and uploads, in bytes. 0: limited by disk space only.
        stored_bytes_per_account: u64 = 0;
        /// Maximum size of the original files in one collection, in bytes. 0: limited by disk space only.
        stored_bytes_per_collection: u64 = 0;
        /// Maximum number of documents in one call of `documentsIngest`.
        ingest_documents: usize = 100;
        /// Maximum length of a search query, in characters.
        query_characters: usize = 2000;
        /// Maximum number of collections named in one search.
        search_collections: usize = 100;
        /// Maximum size of a WebSocket message, in bytes.
        websocket_message_bytes: usize = 256 * 1024;
        /// Maximum number of concurrent operations on one WebSocket.
        websocket_operations: usize = 50;
        /// Maximum number of open WebSockets.
        websocket_connections: usize = 1000;
        /// Maximum number of open WebSockets from one IPv4 address or IPv6 /64.
        websocket_connections_per_address: usize = 100;
        /// Maximum number of open WebSockets of one account. All callers without an account together can use half of `websocket_connections`.
        websocket_connections_per_account: usize = 50;
        /// Seconds after which a WebSocket without an account and without an operation is closed.
        websocket_idle_seconds: u64 = 300;
        /// Seconds in which a client must send `connection_init`.
        websocket_init_seconds: u64 = 5;
        /// Seconds between pings to a WebSocket client.
        websocket_ping_seconds: u64 = 20;
        /// Seconds in which a client must accept a message.
        websocket_send_seconds: u64 = 10;
        /// Maximum number of open event streams (`text/event-stream` and `multipart/mixed`).
        event_streams: usize = 1000;
        /// Maximum number of open event streams from one IPv4 address or IPv6 /64.
        event_streams_per_address: usize = 100;
        /// Maximum number of open event streams of one account. All callers without an account together can use half of `event_streams`.
        event_streams_per_account: usize = 50;
        /// Maximum number of subscriptions of one account at the same time, over all its WebSockets and event streams, or of one address without an account.
        live_operations_per_account: usize = 500;
        /// Seconds of silence after which an event stream sends a sign of life.
        event_stream_heartbeat_seconds: u64 = 12;
    }
}

section! {
    /// Logs.
    TelemetryConfig {
        /// Log filter, in the syntax of `tracing`: `info`, `docent=debug`, …
        log: String = "info,sea_orm_migration=warn".into();
        /// `text` for people, `json` for programs.
        format: LogFormat = LogFormat::Text;
    }
}

/// How a log line is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

impl SettingValue for LogFormat {
    const KIND: Kind = Kind::Text;
    const EXPECTED: &'static str = "`text` or `json`";
}

impl Config {
    /// Where the registry looks for models.
    #[must_use]
    pub fn model_dir(&self) -> PathBuf {
        self.embedding.model_dir.clone().unwrap_or_else(|| self.data_dir.join("models"))
    }

    /// Where the libraries of readers are.
    #[must_use]
    pub fn library_dir(&self) -> PathBuf {
        self.extraction.library_dir.clone().unwrap_or_else(|| self.data_dir.join("libraries"))
    }

    /// Whether several processes can work on one data directory: database and vectors are on servers, which leaves files
    /// that never change.
    #[must_use]
    pub fn can_be_shared(&self) -> bool {
        self.database.url.is_some() && self.vector.url.is_some()
    }

    /// The threads that embed documents.
    #[must_use]
    pub fn embedding_threads(&self) -> usize {
        or_cores(self.embedding.threads)
    }

    /// The files that are read at the same time.
    #[must_use]
    pub fn extraction_concurrency(&self) -> usize {
        or_cores(self.extraction.concurrency)
    }
}

fn or_cores(setting: usize) -> usize {
    if setting > 0 { setting } else { std::thread::available_parallelism().map_or(1, usize::from) }
}
