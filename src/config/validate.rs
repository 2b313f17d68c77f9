//! Refuses settings that make no sense, before anything is started with them.

use std::{collections::HashSet, fmt::Display, net::IpAddr, ops::RangeInclusive, path::Path};

use url::Url;

use super::{Config, DocumentPolicy};

/// More points than any bucket needs.
const MOST_POINTS: u32 = 1_000_000_000;
/// A pebibyte.
const MOST_BYTES: u64 = 1 << 50;

/// A value that is refused. The message never repeats a value that may be secret.
pub(super) struct Refusal {
    pub(super) key: &'static str,
    pub(super) message: String,
}

/// The longest time that a setting may name: times are added to clocks, which must not overflow.
const YEAR_IN_SECONDS: u64 = 366 * 24 * 3600;

impl Config {
    /// What is wrong with the settings, each for itself and together.
    pub(super) fn refusals(&self) -> Vec<Refusal> {
        let mut check = Check(Vec::new());
        self.check_connections(&mut check);
        self.check_accounts(&mut check);
        self.check_ingestion(&mut check);
        self.check_search(&mut check);
        self.check_limits(&mut check);
        check.0
    }

    fn check_connections(&self, check: &mut Check) {
        check.that("data_dir", !self.data_dir.as_os_str().is_empty(), "must name a directory");

        check.range("disk.reserve_mib", self.disk.reserve_mib, 0..=1024 * 1024 * 1024);

        let http = &self.http;
        check.that(
            "http.host",
            !http.host.is_empty() && !http.host.contains(|c: char| c.is_whitespace() || c == '/'),
            "must be an address or a host name, such as 127.0.0.1",
        );
        check.that(
            "http.public_hosts",
            http.public_hosts.iter().all(|host| is_host(host)),
            "must list host names or addresses, such as docs.example.org, without a scheme, port or path",
        );
        check.that(
            "http.base_path",
            is_base_path(&http.base_path),
            "must be empty or a path such as /docs, with a slash before it and none behind it",
        );
        check.that(
            "http.allowed_origins",
            http.allowed_origins.iter().all(|origin| is_origin(origin)),
            "must list origins, such as https://app.example.org, without a path",
        );
        check.range("http.connections", http.connections, 0..=1_000_000);
        check.range("http.connections_per_address", http.connections_per_address, 0..=1_000_000);
        check.range("http.header_timeout_seconds", http.header_timeout_seconds, 1..=3600);
        check.range("http.stall_timeout_seconds", http.stall_timeout_seconds, 1..=3600);
        check.range("http.drain_seconds", http.drain_seconds, 0..=3600);
        check.range("http.shutdown_grace_seconds", http.shutdown_grace_seconds, 0..=3600);

        let graphql = &self.graphql;
        check.that(
            "graphql.documents",
            graphql.documents != DocumentPolicy::Trusted || graphql.manifest.is_some(),
            "can't be `trusted` without `graphql.manifest`",
        );
        check.that(
            "graphql.manifest",
            graphql.documents != DocumentPolicy::Off || graphql.manifest.is_none(),
            "has no effect if `graphql.documents` is `off`",
        );

        let database = &self.database;
        check.url("database.url", database.url.as_deref(), &["postgres", "postgresql"]);
        check.range("database.pool_size", database.pool_size, 1..=10_000);
        check.range("database.max_overflow", database.max_overflow, 0..=10_000);
        check.range("database.pool_timeout_seconds", database.pool_timeout_seconds, 1..=3600);
        check.range("database.pool_recycle_seconds", database.pool_recycle_seconds, 1..=YEAR_IN_SECONDS);
        check.range("database.statement_timeout_seconds", database.statement_timeout_seconds, 1..=24 * 3600);

        let vector = &self.vector;
        check.url("vector.url", vector.url.as_deref(), &["http", "https"]);
        check.range("vector.timeout_seconds", vector.timeout_seconds, 1..=3600);
        check.range("vector.search_threads", vector.search_threads, 1..=1024);
        check.range("vector.integrity_check_minutes", vector.integrity_check_minutes, 1..=YEAR_IN_SECONDS / 60);
        check.range("vector.optimize_interval_seconds", vector.optimize_interval_seconds, 1..=YEAR_IN_SECONDS);
    }

    fn check_accounts(&self, check: &mut Check) {
        let auth = &self.auth;
        check.range("auth.access_token_minutes", auth.access_token_minutes, 1..=24 * 60);
        check.range("auth.session_days", auth.session_days, 1..=3660);
        check.range("auth.session_idle_days", auth.session_idle_days, 1..=3660);
        check.range("auth.invitation_days", auth.invitation_days, 1..=366);
        let is_long = |secret: &String| secret.chars().count() >= 32;
        let short = "must have at least 32 characters";
        check.that("auth.signing_secret", auth.signing_secret.as_ref().is_none_or(is_long), short);
        let previous = auth.previous_signing_secret.as_ref();
        check.that("auth.previous_signing_secret", previous.is_none_or(is_long), short);
        check.range("auth.login_attempts_per_account", auth.login_attempts_per_account, 1..=1_000_000);
        check.range("auth.login_attempts_per_address", auth.login_attempts_per_address, 1..=1_000_000);
        check.range("auth.api_keys_per_account", auth.api_keys_per_account, 0..=10_000);
        check.range("audit.retention_days", self.audit.retention_days, 0..=36_600);
        check.range("auth.password_concurrency", auth.password_concurrency, 1..=1024);
    }

    fn check_remote_models(&self, check: &mut Check) {
        const KEY: &str = "embedding.models";
        let models = &self.embedding.models;
        let names: HashSet<_> = models.iter().map(|model| model.name.as_str()).collect();
        check.that(KEY, names.len() == models.len(), "must give each model a name of its own");
        for model in models {
            check.that(KEY, !model.name.trim().is_empty(), "must name every model");
            check.url(KEY, Some(&model.url), &["http", "https"]);
            check.range(KEY, model.dimension, 1..=65_536);
            check.range(KEY, model.max_tokens, 18..=1_000_000);
            check.range(KEY, model.batch_size, 1..=10_000);
            check.range(KEY, model.concurrency, 1..=1024);
            check.range(KEY, model.timeout_seconds, 1..=3600);
            check.range(KEY, model.query_timeout_seconds, 1..=3600);
            check.range(KEY, model.max_attempts, 1..=100);
        }
    }

    fn check_ingestion(&self, check: &mut Check) {
        let embedding = &self.embedding;
        check.that("embedding.model", embedding.model.as_deref() != Some(""), "must name a model");
        check.url("embedding.hub_url", Some(&embedding.hub_url), &["http", "https"]);
        check.url("extraction.library_url", Some(&self.extraction.library_url), &["http", "https"]);
        check.range("embedding.threads", embedding.threads, 0..=1024);
        check.range("embedding.query_cache_size", embedding.query_cache_size, 1..=10_000_000);

        self.check_remote_models(check);

        let ingestion = &self.ingestion;
        check.range("ingestion.concurrency", ingestion.concurrency, 1..=4096);
        let grace = self.collections.generation_grace_minutes;
        check.range("collections.generation_grace_minutes", grace, 0..=366 * 24 * 60);
        check.range("ingestion.lease_seconds", ingestion.lease_seconds, 2..=24 * 3600);
        check.that(
            "ingestion.heartbeat_seconds",
            ingestion.heartbeat_seconds >= 1
                && i64::try_from(ingestion.heartbeat_seconds).is_ok_and(|beat| beat < ingestion.lease_seconds),
            "must be at least 1 and less than `ingestion.lease_seconds`, so that a living worker keeps its jobs",
        );
        check.range("ingestion.sweep_seconds", ingestion.sweep_seconds, 1..=24 * 3600);
        check.range("ingestion.poll_milliseconds", ingestion.poll_milliseconds, 10..=3_600_000);
        check.range("ingestion.max_attempts", ingestion.max_attempts, 1..=1000);
        check.range("ingestion.max_crashes", ingestion.max_crashes, 1..=1000);
        // How much the chosen model reads is known where it is loaded.
        check.range("ingestion.chunk_max_tokens", ingestion.chunk_max_tokens, 16..=32_768);
        check.that(
            "ingestion.chunk_overlap_tokens",
            ingestion.chunk_overlap_tokens < ingestion.chunk_max_tokens,
            "must be less than `ingestion.chunk_max_tokens`",
        );
        check.that(
            "embedding.batch_tokens",
            u32::try_from(embedding.batch_tokens).map_or(true, |batch| batch > ingestion.chunk_max_tokens),
            "must be more than `ingestion.chunk_max_tokens`, so that a batch holds the longest chunk",
        );
        let sources = &self.sources;
        check.that(
            "sources.directories",
            sources.directories.iter().all(|path| Path::new(path).is_absolute()),
            "must list absolute paths, such as /srv/documents",
        );
        let holds_data = |path: &String| {
            let path = Path::new(path);
            self.data_dir.starts_with(path) || path.starts_with(&self.data_dir)
        };
        check.that(
            "sources.directories",
            !sources.directories.iter().any(holds_data),
            "must not contain the data directory or lie in it: the server's secrets are there",
        );
        check.range("sources.max_files", sources.max_files, 1..=10_000_000);
        check.range("sources.per_collection", sources.per_collection, 1..=10_000);
        check.range("sources.check_seconds", sources.check_seconds, 1..=24 * 3600);
        check.range("sources.watch_seconds", sources.watch_seconds, 0..=24 * 3600);
        check.that(
            "sources.secret_key",
            sources.secret_key.as_ref().is_none_or(|secret| secret.chars().count() >= 32),
            "must have at least 32 characters",
        );
        check.that(
            "sources.web_hosts",
            sources.web_hosts.iter().all(|host| is_host(host)),
            "must list host names or addresses, such as wiki.example.org, without a scheme, port or path",
        );
        check.range("sources.web_pages", sources.web_pages, 1..=1_000_000);
        check.range("sources.web_requests_per_minute", sources.web_requests_per_minute, 1..=60_000);
        // What is read must become a document before the bytes that no document needs are removed.
        check.range("sources.web_timeout_seconds", sources.web_timeout_seconds, 1..=60);
        check.range("sources.web_minutes", sources.web_minutes, 1..=24 * 60);

        // Places of chunks are 32-bit numbers, and a document must be able to have one.
        check.range("ingestion.max_chunks", ingestion.max_chunks, 1..=10_000_000);
        check.range("ingestion.max_text_mib", ingestion.max_text_mib, 1..=1024 * 1024);
        check.range("ingestion.operation_retention_days", ingestion.operation_retention_days, 0..=36_500);
        check.range("ingestion.upload_hours", ingestion.upload_hours, 1..=24 * 366);

        let extraction = &self.extraction;
        check.range("extraction.memory_mib", extraction.memory_mib, 64..=1024 * 1024);
        check.range("extraction.timeout_seconds", extraction.timeout_seconds, 1..=24 * 3600);
        check.range("extraction.max_output_mib", extraction.max_output_mib, 1..=1024 * 1024);
        check.range("extraction.concurrency", extraction.concurrency, 0..=1024);
    }

    fn check_search(&self, check: &mut Check) {
        let search = &self.search;
        check.range("search.candidates", search.candidates, 1..=100_000);
        check.range("search.rrf_k", search.rrf_k, 1..=100_000);
        check.range("search.semantic_weight", search.semantic_weight, 0.0..=1000.0);
        check.range("search.lexical_weight", search.lexical_weight, 0.0..=1000.0);
        check.that(
            "search.semantic_weight",
            search.semantic_weight != 0.0 || search.lexical_weight != 0.0,
            "and `search.lexical_weight` must not both be 0",
        );
        check.range("search.bm25_k1", search.bm25_k1, 0.0..=100.0);
        check.range("search.bm25_b", search.bm25_b, 0.0..=1.0);
        check.range("search.bm25_average_length", search.bm25_average_length, 1.0..=1_000_000.0);
        check.range("search.max_collections", search.max_collections, 1..=100_000);
        check.range("search.max_rank", search.max_rank, 1..=100_000);
        check.range("search.timeout_milliseconds", search.timeout_milliseconds, 1..=3_600_000);
    }

    fn check_limits(&self, check: &mut Check) {
        let limits = &self.limits;
        check.range("limits.request_bytes", limits.request_bytes, 1024..=1024 * 1024 * 1024);
        check.range("limits.document_bytes", limits.document_bytes, 1024..=1024 * 1024 * 1024);
        // GraphiQL's introspection query has about 400 tokens. A schema that can't be introspected is of no use.
        check.range("limits.document_tokens", limits.document_tokens, 500..=1_000_000);
        // The parser calls itself for each level; deeper than this, it overflows the stack.
        check.range("limits.document_nesting", limits.document_nesting, 16..=128);
        check.range("limits.depth", limits.depth, 1..=128);
        check.range("limits.aliases", limits.aliases, 0..=100_000);
        check.range("limits.mutations", limits.mutations, 1..=1000);
        check.range("limits.request_points", limits.request_points, 1..=MOST_POINTS);
        check.range("limits.points_per_minute", limits.points_per_minute, 1..=MOST_POINTS);
        check.range("limits.points_burst", limits.points_burst, 1..=MOST_POINTS);
        check.range("limits.anonymous_points_per_minute", limits.anonymous_points_per_minute, 1..=MOST_POINTS);
        check.range("limits.anonymous_points_burst", limits.anonymous_points_burst, 1..=MOST_POINTS);
        check.that(
            "limits.request_points",
            limits.request_points <= limits.points_burst.min(limits.anonymous_points_burst),
            "must not be more than what callers may spend at once",
        );
        check.range("limits.execution_seconds", limits.execution_seconds, 1..=3600);
        check.range("limits.statements_per_caller", limits.statements_per_caller, 1..=10_000);
        check.range("limits.upload_bytes", limits.upload_bytes, 1..=1024 * 1024 * 1024 * 1024);
        check.range("limits.stored_bytes_per_account", limits.stored_bytes_per_account, 0..=MOST_BYTES);
        check.range("limits.stored_bytes_per_collection", limits.stored_bytes_per_collection, 0..=MOST_BYTES);
        check.range("limits.ingest_documents", limits.ingest_documents, 1..=10_000);
        check.range("limits.query_characters", limits.query_characters, 1..=1_000_000);
        check.range("limits.search_collections", limits.search_collections, 1..=100_000);
        check.range("limits.websocket_message_bytes", limits.websocket_message_bytes, 1024..=1024 * 1024 * 1024);
        check.range("limits.websocket_operations", limits.websocket_operations, 1..=100_000);
        check.range("limits.websocket_connections", limits.websocket_connections, 1..=1_000_000);
        let per_address = limits.websocket_connections_per_address;
        check.range("limits.websocket_connections_per_address", per_address, 1..=1_000_000);
        let per_account = limits.websocket_connections_per_account;
        check.range("limits.websocket_connections_per_account", per_account, 1..=1_000_000);
        check.range("limits.websocket_idle_seconds", limits.websocket_idle_seconds, 1..=24 * 3600);
        check.range("limits.websocket_init_seconds", limits.websocket_init_seconds, 1..=3600);
        check.range("limits.websocket_ping_seconds", limits.websocket_ping_seconds, 1..=3600);
        check.range("limits.websocket_send_seconds", limits.websocket_send_seconds, 1..=3600);
        check.range("limits.event_streams", limits.event_streams, 1..=1_000_000);
        check.range("limits.event_streams_per_address", limits.event_streams_per_address, 1..=1_000_000);
        check.range("limits.event_streams_per_account", limits.event_streams_per_account, 1..=1_000_000);
        check.range("limits.live_operations_per_account", limits.live_operations_per_account, 1..=10_000_000);
        check.range("limits.event_stream_heartbeat_seconds", limits.event_stream_heartbeat_seconds, 1..=3600);
    }
}

struct Check(Vec<Refusal>);

impl Check {
    fn that(&mut self, key: &'static str, holds: bool, otherwise: &str) {
        if !holds {
            self.0.push(Refusal { key, message: otherwise.to_owned() });
        }
    }

    fn range<N: Copy + PartialOrd + Display>(&mut self, key: &'static str, value: N, range: RangeInclusive<N>) {
        // «Not a number» is in no range.
        let message = format!("must be from {} to {}, not {value}", range.start(), range.end());
        self.that(key, range.contains(&value), &message);
    }

    fn url(&mut self, key: &'static str, value: Option<&str>, schemes: &[&str]) {
        let holds = value.is_none_or(|text| {
            Url::parse(text).is_ok_and(|url| schemes.contains(&url.scheme()) && !url.cannot_be_a_base())
        });
        let starts: Vec<_> = schemes.iter().map(|scheme| format!("{scheme}://")).collect();
        self.that(key, holds, &format!("must be a URL that begins with {}", starts.join(" or ")));
    }
}

fn is_host(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
        || Url::parse(&format!("http://{text}/"))
            .is_ok_and(|url| url.host_str() == Some(text.to_ascii_lowercase().as_str()))
}

fn is_base_path(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    let is_segment = |part: &str| !matches!(part, "" | "." | "..") && part.bytes().all(is_plain);
    text.is_empty() || text.strip_prefix('/').is_some_and(|path| path.split('/').all(is_segment))
}

fn is_origin(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text.to_ascii_lowercase()
    })
}
