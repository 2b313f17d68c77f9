//! Every setting of the server, with its default. [`Config::load`] reads them: defaults, then `docent.toml`, then the
//! environment (`DOCENT__SECTION__KEY`).
//!
//! Values only: nothing here opens, connects or starts anything, and nothing here looks at the environment by itself.

pub mod load;
pub mod options;
mod validate;

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

use self::options::{Kind, Setting, SettingValue};

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
    /// All settings. Every one is documented in the README's table; a test compares the two.
    ///
    /// There is no `Serialize`: [`Config::to_toml_redacted`] is the one way to write settings down, and `Debug` of every
    /// section hides the same secrets.
    Config {
        /// Where everything that the server keeps is kept: database, vectors, originals, models.
        data_dir: PathBuf = "data".into();
        [disk] DiskConfig;
        [http] HttpConfig;
        [database] DatabaseConfig;
        [vector] VectorConfig;
        [embedding] EmbeddingConfig;
        [auth] AuthConfig;
        [audit] AuditConfig;
        [ingestion] IngestionConfig;
        [extraction] ExtractionConfig;
        [search] SearchConfig;
        [limits] LimitsConfig;
        [telemetry] TelemetryConfig;
    }
}

section! {
    /// The file system of the data directory.
    DiskConfig {
        /// MiB that are kept free, or an eighth of the file system if that is less: below, nothing is taken in and indexing waits, while searching and reading go on. 0: nothing is kept free.
        reserve_mib: u64 = 1024;
    }
}

section! {
    /// Where and how the server listens.
    HttpConfig {
        /// Address to listen on.
        host: String = "127.0.0.1".into();
        /// Port to listen on; 0 takes a free one.
        port: u16 = 8080;
        /// Names by which browsers and others call the server (`docs.example.org`), beside `localhost`, loopback addresses and `host`; requests to another host are refused.
        public_hosts: Vec<String> = Vec::new();
        /// The path of the server where a proxy gives it one (`/docs`), as it is seen from outside: for the addresses that the API gives out. Requests are taken with it and without.
        base_path: String = String::new();
        /// Origins (`https://app.example.org`) that browsers may call the API from; the server's own always may.
        allowed_origins: Vec<String> = Vec::new();
        /// Whether the last address in `X-Forwarded-For` is the client's, and the last name in `X-Forwarded-Host`, if there is one, the server's. Only behind a proxy that sets the first.
        trust_forwarded_for: bool = false;
        /// Connections at the same time; 0: half of the files that the process may have open, 10000 at most.
        connections: usize = 0;
        /// Connections, or requests behind a trusted proxy, at the same time from one IPv4 address or IPv6 /64; 0: a tenth.
        connections_per_address: usize = 0;
        /// Seconds in which the head of a request has to arrive; a connection without a request is closed after them.
        header_timeout_seconds: u64 = 20;
        /// Seconds after which a body of which nothing moves, in either direction, ends its connection.
        stall_timeout_seconds: u64 = 30;
        /// Whether `/` serves the playground.
        playground: bool = true;
        /// Seconds at shutdown in which `/health/ready` says 503 and connections are still accepted, so that a load balancer turns away first; half of the grace at most.
        drain_seconds: u64 = 1;
        /// Seconds that open requests and jobs get to finish at shutdown; the process ends ten seconds later at most.
        shutdown_grace_seconds: u64 = 20;
    }
}

section! {
    /// The relational database: SQLite inside the data directory, or PostgreSQL by URL.
    DatabaseConfig {
        /// `postgres://…`; unset: SQLite at `<data_dir>/docent.db`. Also read from `DATABASE_URL`.
        url: Option<String> = None;
        /// Connections kept open (PostgreSQL), or readers (SQLite). Also read from `DB_POOL_SIZE`.
        pool_size: u32 = 20;
        /// Connections beyond `pool_size` under load (PostgreSQL). Also read from `DB_MAX_OVERFLOW`.
        max_overflow: u32 = 40;
        /// Seconds to wait for a connection. Also read from `DB_POOL_TIMEOUT`.
        pool_timeout_seconds: u64 = 30;
        /// Seconds after which a connection is replaced. Also read from `DB_POOL_RECYCLE`.
        pool_recycle_seconds: u64 = 3600;
        /// Whether an idle connection is tested before use. Also read from `DB_POOL_PRE_PING`.
        pool_pre_ping: bool = true;
        /// Seconds after which a statement is given up; on SQLite a statement that reads.
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
        /// Seconds after which a call to a Qdrant server is given up.
        timeout_seconds: u64 = 10;
        /// Threads that one search may use (embedded).
        search_threads: usize = 1;
        /// Chunks in one placement from which an approximate index is built; below, search is exact.
        indexing_threshold: usize = 10_000;
        /// Seconds between two looks at whether a placement needs optimising.
        optimize_interval_seconds: u64 = 60;
        /// Minutes between two comparisons of what the vector store holds with what the database says.
        integrity_check_minutes: u64 = 60;
    }
}

section! {
    /// The embedding model.
    EmbeddingConfig {
        /// The registered name of the model for new collections; unset: the first that `docent model list` names.
        model: Option<String> = None;
        /// Models are read from here; unset: `<data_dir>/models`.
        model_dir: Option<PathBuf> = None;
        /// Where models are fetched from.
        hub_url: String = "https://huggingface.co".into();
        /// Threads that embed documents; 0: one for each core.
        threads: usize = 0;
        /// Tokens of documents that one thread embeds at a time.
        batch_tokens: usize = 1024;
        /// Embedded queries that are remembered.
        query_cache_size: usize = 1024;
    }
}

section! {
    /// Accounts and sessions.
    AuthConfig {
        /// Who may register: `open`, `invite` or `closed`. The first user always may, and becomes admin.
        registration: Registration = Registration::Open;
        /// Minutes for which an access token is good.
        access_token_minutes: i64 = 15;
        /// Days after which a session ends, however often it is used.
        session_days: i64 = 30;
        /// Days after which a session that is not used ends.
        session_idle_days: i64 = 14;
        /// Days for which an invitation is good.
        invitation_days: i64 = 7;
        /// Secret that signs access tokens, at least 32 characters; unset: made once and kept in the data directory.
        signing_secret: Option<String> = None;
        /// The secret before `signing_secret`: tokens that it signed stay good until they expire.
        previous_signing_secret: Option<String> = None;
        /// Password hashes computed at the same time; each takes 19 MiB.
        password_concurrency: usize = 4;
        /// Failed logins a minute on one account, from addresses that it was not used from before, and from each other.
        login_attempts_per_account: u32 = 10;
        /// Failed logins and new accounts a minute from one address.
        login_attempts_per_address: u32 = 30;
        /// API keys that one account may have at the same time.
        api_keys_per_account: usize = 50;
    }
}

/// Who may open an account, once there is one.
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
    /// The log of who did what.
    AuditConfig {
        /// Days for which a line is kept; 0: for ever.
        retention_days: i64 = 365;
    }
}

section! {
    /// The way of a document, and the queue behind it.
    IngestionConfig {
        /// Whether this process works on the queue.
        enabled: bool = true;
        /// Documents worked on at the same time.
        concurrency: usize = 32;
        /// Seconds for which a worker owns a job without a sign of life.
        lease_seconds: i64 = 30;
        /// Seconds between two signs of life.
        heartbeat_seconds: u64 = 10;
        /// Seconds between two looks for jobs of dead workers.
        sweep_seconds: u64 = 5;
        /// Milliseconds between two looks for work when nobody calls.
        poll_milliseconds: u64 = 1000;
        /// How often a job is tried when it fails for a passing reason.
        max_attempts: i32 = 6;
        /// How often a job may take its worker down before its document is quarantined.
        max_crashes: i32 = 5;
        /// The longest chunk, in tokens of the model beside its special ones; at most what it reads.
        chunk_max_tokens: u32 = 254;
        /// Tokens that a chunk repeats from the one before it.
        chunk_overlap_tokens: u32 = 32;
        /// The most chunks of one document; a text of 32 MiB has about 35,000 of the longest.
        max_chunks: usize = 50_000;
        /// MiB of text, beyond one for each document, that documents in work may have together; others wait.
        max_text_mib: u64 = 128;
        /// Days for which an operation that has ended is kept, with its events; 0: for ever.
        operation_retention_days: i64 = 90;
        /// Hours for which an unused upload is kept.
        upload_hours: i64 = 24;
    }
}

section! {
    /// Reading files, in a child process.
    ExtractionConfig {
        /// Memory that the child may use, in MiB.
        memory_mib: u64 = 1024;
        /// Seconds that the child may take.
        timeout_seconds: u64 = 60;
        /// Text that one file may give, in MiB.
        max_output_mib: u64 = 32;
        /// Files read and cut at the same time; 0: one for each core.
        concurrency: usize = 0;
    }
}

section! {
    /// Ranking. The defaults were measured on SciFact (ARCHITECTURE.md, «Measured settings»).
    SearchConfig {
        /// Candidates that each leg hands to the fusion.
        candidates: usize = 100;
        /// The constant of reciprocal rank fusion.
        rrf_k: u32 = 10;
        /// Weight of the semantic leg.
        semantic_weight: f32 = 1.0;
        /// Weight of the lexical leg.
        lexical_weight: f32 = 1.0;
        /// BM25's saturation of repeated terms.
        bm25_k1: f32 = 1.2;
        /// BM25's correction for the length of a chunk, 0 to 1.
        bm25_b: f32 = 0.75;
        /// The length of a chunk, in words without stop words, that BM25 counts as average: that of a full chunk.
        bm25_average_length: f32 = 90.0;
        /// Collections that one search reads when it names none; the newest win, and the answer says so.
        max_collections: u32 = 10_000;
        /// The deepest rank that paging reaches.
        max_rank: usize = 1000;
        /// Milliseconds for the engine to answer.
        timeout_milliseconds: u64 = 5000;
    }
}

section! {
    /// What one request, one file and one connection may ask for.
    LimitsConfig {
        /// Bytes of a GraphQL request.
        request_bytes: usize = 1024 * 1024;
        /// Bytes of a GraphQL document.
        document_bytes: usize = 64 * 1024;
        /// Tokens of a GraphQL document.
        document_tokens: usize = 2000;
        /// Brackets inside brackets in a GraphQL document.
        document_nesting: usize = 64;
        /// Levels of fields in a GraphQL operation.
        depth: usize = 15;
        /// Aliases in a GraphQL document.
        aliases: usize = 30;
        /// Mutations in one GraphQL operation.
        mutations: usize = 5;
        /// Points that one request may cost; a field with fields below it costs one, for each row that it is in.
        request_points: u32 = 50_000;
        /// Points that flow back to an account, or to a key without a limit of its own, in a minute.
        points_per_minute: u32 = 600_000;
        /// Points that an account or key may spend at once.
        points_burst: u32 = 200_000;
        /// Points that flow back to callers without an account in a minute, for each address.
        anonymous_points_per_minute: u32 = 120_000;
        /// Points that callers without an account may spend at once, for each address.
        anonymous_points_burst: u32 = 60_000;
        /// Seconds that one GraphQL operation may take.
        execution_seconds: u64 = 30;
        /// Statements of one account, or of one address without an account, that the database runs at the same time.
        statements_per_caller: usize = 4;
        /// Bytes of one uploaded file.
        upload_bytes: u64 = 100 * 1024 * 1024;
        /// Bytes of originals in the collections that an account owns and in its uploads; 0: as many as there is room for.
        stored_bytes_per_account: u64 = 0;
        /// Bytes of originals in one collection; 0: as many as there is room for.
        stored_bytes_per_collection: u64 = 0;
        /// Documents in one call of `documentsIngest`.
        ingest_documents: usize = 100;
        /// Characters of a search query.
        query_characters: usize = 2000;
        /// Collections named in one search.
        search_collections: usize = 100;
        /// Bytes of one WebSocket message.
        websocket_message_bytes: usize = 256 * 1024;
        /// Operations at the same time on one WebSocket.
        websocket_operations: usize = 50;
        /// WebSockets at the same time.
        websocket_connections: usize = 1000;
        /// WebSockets at the same time from one IPv4 address or IPv6 /64.
        websocket_connections_per_address: usize = 100;
        /// WebSockets at the same time of one account. Those without an account have half of all together.
        websocket_connections_per_account: usize = 50;
        /// Seconds for which a WebSocket without an account may be open without an operation.
        websocket_idle_seconds: u64 = 300;
        /// Seconds in which a WebSocket has to introduce itself.
        websocket_init_seconds: u64 = 5;
        /// Seconds between two pings to a WebSocket.
        websocket_ping_seconds: u64 = 20;
        /// Seconds that a client may take to accept one message.
        websocket_send_seconds: u64 = 10;
    }
}

section! {
    /// Logs.
    TelemetryConfig {
        /// What is logged, as `tracing` filters: `info`, `docent=debug`, …
        log: String = "info".into();
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
