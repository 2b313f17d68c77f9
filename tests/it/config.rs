//! Settings: where they come from, what is refused and how, and how they are shown.

use std::path::{Path, PathBuf};

use docent::config::{
    Config, LogFormat, Registration,
    load::{ConfigError, Loaded},
    options::options,
};
use tempfile::TempDir;

/// Loads a file with this text, and these environment variables.
fn load(text: &str, environment: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    load_in(&tempfile::tempdir().unwrap(), text, environment)
}

fn load_in(directory: &TempDir, text: &str, environment: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    let file = directory.path().join("docent.toml");
    std::fs::write(&file, text).unwrap();
    load_file(&file, environment)
}

fn load_file(file: &Path, environment: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    Config::load(Some(file), environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

fn config(text: &str, environment: &[(&str, &str)]) -> Config {
    load(text, environment).unwrap().config
}

/// The message of a refusal, with the path of the file cut down to its name.
fn refusal(text: &str, environment: &[(&str, &str)]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let message = load_in(&directory, text, environment).unwrap_err().to_string();
    message.replace(&format!("{}/", directory.path().display()), "")
}

#[test]
fn nothing_set_gives_the_defaults() {
    let loaded = load("", &[]).unwrap();
    assert_eq!(loaded.config, Config::default());
    assert_eq!(loaded.variables, Vec::<String>::new());
}

#[test]
fn the_file_wins_over_defaults_and_the_environment_over_the_file() {
    let text = "data_dir = '/srv/docent'\n[http]\nhost = '::'\nport = 9000\n[auth]\nregistration = 'invite'";
    let loaded = load(text, &[("DOCENT__HTTP__PORT", "9100"), ("HOME", "/root")]).unwrap();
    assert_eq!(loaded.config.data_dir, PathBuf::from("/srv/docent"));
    assert_eq!(loaded.config.http.host, "::");
    assert_eq!(loaded.config.http.port, 9100);
    assert_eq!(loaded.config.auth.registration, Registration::Invite);
    assert_eq!(loaded.config.database, Config::default().database);
    assert_eq!(loaded.variables, ["DOCENT__HTTP__PORT"]);
    assert!(loaded.file.unwrap().ends_with("docent.toml"));
}

#[test]
fn every_setting_can_be_set_from_its_environment_variable() {
    let valid = [
        ("data_dir", "elsewhere"),
        ("http.host", "localhost"),
        ("http.public_hosts", "a.example, b.example"),
        ("http.base_path", "/docent"),
        ("http.allowed_origins", "https://a.example, http://b.example:3000"),
        ("graphql.documents", "off"),
        ("graphql.manifest", "manifest.json"),
        ("database.url", "postgres://docent@db/docent"),
        ("vector.url", "http://qdrant:6334"),
        ("vector.api_key", "12345"),
        ("embedding.model", "other"),
        ("embedding.models", "[{ name = \"e5\", url = \"https://models.example/v1\", dimension = 384 }]"),
        ("embedding.model_dir", "/models"),
        ("embedding.precision", "int8"),
        ("embedding.hub_url", "https://mirror.example"),
        ("extraction.library_dir", "/libraries"),
        ("extraction.ocr_command", "/usr/bin/recognise, -"),
        ("extraction.library_url", "https://mirror.example"),
        ("auth.registration", "closed"),
        ("auth.signing_secret", "12345678901234567890123456789012"),
        ("auth.previous_signing_secret", "12345678901234567890123456789012"),
        ("limits.document_nesting", "65"),
        ("sources.directories", "/srv/papers"),
        ("sources.web_hosts", "wiki.example.org"),
        ("sources.secret_key", "12345678901234567890123456789012"),
        ("telemetry.log", "debug"),
        ("telemetry.format", "json"),
    ];
    for option in options() {
        let given = valid.iter().find(|(key, _)| *key == option.key).map(|(_, value)| (*value).to_owned());
        let value = given.unwrap_or_else(|| match option.default.as_deref() {
            Some("true") => "false".to_owned(),
            Some("false") => "true".to_owned(),
            Some(number) if number.contains('.') => (number.parse::<f32>().unwrap() * 0.5).to_string(),
            Some(number) => (number.parse::<u64>().unwrap() + 1).to_string(),
            None => panic!("{} has no default and no example here", option.key),
        });
        let changed = config("", &[(&option.env, &value)]);
        assert_ne!(changed, Config::default(), "{} had no effect", option.env);
        let shown = changed.to_toml_redacted();
        let default = Config::default().to_toml_redacted();
        let differences = shown.lines().zip(default.lines()).filter(|(line, default)| line != default).count();
        assert_eq!(differences, 1, "{} changed more than itself", option.env);
    }
}

#[test]
fn texts_that_look_like_numbers_stay_texts() {
    let secret = "00000000000000000000000000000001";
    let config = config("", &[("DOCENT__AUTH__SIGNING_SECRET", secret), ("QDRANT_API_KEY", "true")]);
    assert_eq!(config.auth.signing_secret.as_deref(), Some(secret));
    assert_eq!(config.vector.api_key.as_deref(), Some("true"));
}

#[test]
fn lists_are_separated_by_commas_or_written_as_toml() {
    let name = "DOCENT__HTTP__ALLOWED_ORIGINS";
    let expected = ["https://a.example", "https://b.example"];
    for text in ["https://a.example,https://b.example", r#"["https://a.example", "https://b.example"]"#] {
        assert_eq!(config("", &[(name, text)]).http.allowed_origins, expected);
    }
    let file = "[http]\nallowed_origins = ['https://a.example']";
    assert_eq!(config(file, &[(name, "[]")]).http.allowed_origins, Vec::<String>::new());
}

#[test]
fn switches_take_the_usual_words() {
    for (text, value) in [("true", true), ("1", true), ("Yes", true), ("FALSE", false), ("0", false), ("off", false)] {
        assert_eq!(config("", &[("DOCENT__HTTP__PLAYGROUND", text)]).http.playground, value, "{text}");
    }
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let file = "[http]\nport = 9000";
    assert_eq!(config(file, &[("DATABASE_URL", ""), ("DOCENT__HTTP__PORT", "")]).http.port, 9000);
}

#[test]
fn older_names_are_read_and_the_newer_ones_win() {
    let older = [
        ("DATABASE_URL", "postgresql://docent:pw@db:5432/docent"),
        ("DB_POOL_SIZE", "5"),
        ("DB_MAX_OVERFLOW", "6"),
        ("DB_POOL_TIMEOUT", "7"),
        ("DB_POOL_RECYCLE", "8"),
        ("DB_POOL_PRE_PING", "False"),
        ("QDRANT_URL", "https://qdrant.example:6334"),
        ("QDRANT_API_KEY", "key"),
    ];
    let config = config("[database]\npool_size = 1", &older);
    assert_eq!(config.database.url.as_deref(), Some("postgresql://docent:pw@db:5432/docent"));
    assert_eq!(config.database.pool_size, 5);
    assert_eq!(config.database.max_overflow, 6);
    assert_eq!(config.database.pool_timeout_seconds, 7);
    assert_eq!(config.database.pool_recycle_seconds, 8);
    assert!(!config.database.pool_pre_ping);
    assert_eq!(config.vector.url.as_deref(), Some("https://qdrant.example:6334"));
    assert_eq!(config.vector.api_key.as_deref(), Some("key"));

    let both = load("", &[("DOCENT__DATABASE__POOL_SIZE", "50"), ("DB_POOL_SIZE", "5")]).unwrap();
    assert_eq!(both.config.database.pool_size, 50);
}

#[test]
fn a_named_file_that_is_missing_is_an_error() {
    let error = load_file(Path::new("/nowhere/docent.toml"), &[]).unwrap_err();
    assert_eq!(error.to_string(), "there is no settings file /nowhere/docent.toml");
}

#[test]
fn a_file_that_is_a_directory_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    assert!(matches!(load_file(directory.path(), &[]), Err(ConfigError::Unreadable { .. })));
}

#[test]
fn a_file_that_is_not_toml_is_an_error_with_its_place_but_not_its_text() {
    let message = refusal("[auth]\nsigning_secret = 'tell-nobody\n", &[]);
    let beginning = "the settings file docent.toml is not TOML: TOML parse error at line 2, column 30: ";
    assert!(message.starts_with(beginning), "{message}");
    assert!(!message.contains("tell-nobody"), "{message}");
}

#[test]
fn unknown_keys_are_refused_with_the_nearest_known_one_and_their_place() {
    for (text, environment, message) in [
        (
            "",
            &[("DOCENT__HTTP__PROT", "1")][..],
            "environment variable DOCENT__HTTP__PROT is unknown; did you mean DOCENT__HTTP__PORT?",
        ),
        (
            "",
            &[("DOCENT__DATADIR", "x")],
            "environment variable DOCENT__DATADIR is unknown; did you mean DOCENT__DATA_DIR?",
        ),
        (
            "",
            &[("DOCENT__HTTP_PORT", "1")],
            "environment variable DOCENT__HTTP_PORT is unknown; did you mean DOCENT__HTTP__PORT?",
        ),
        (
            "",
            &[("DOCENT__SEARCH__RRFK", "1"), ("DOCENT__EMBEDING__MODEL", "x")],
            "environment variable DOCENT__EMBEDING__MODEL is unknown; did you mean DOCENT__EMBEDDING__MODEL?\n\
             environment variable DOCENT__SEARCH__RRFK is unknown; did you mean DOCENT__SEARCH__RRF_K?",
        ),
        ("[http]\nprot = 1", &[], "docent.toml: `http.prot` is unknown; did you mean `http.port`?"),
        ("[htttp]\nport = 1", &[], "docent.toml: `htttp` is unknown; did you mean `http`?"),
        ("datadir = 'x'", &[], "docent.toml: `datadir` is unknown; did you mean `data_dir`?"),
        (
            "[http]\nupload_bytes = 1",
            &[],
            "docent.toml: `http.upload_bytes` is unknown; did you mean `limits.upload_bytes`?",
        ),
        ("http = 1", &[], "docent.toml: `http` is a section; write `[http]`"),
    ] {
        assert_eq!(refusal(text, environment), message);
    }
}

#[test]
fn wrong_types_are_refused_with_the_key_its_place_and_what_it_takes() {
    for (text, environment, message) in [
        (
            "[http]\nport = 'eighty'",
            &[][..],
            r#"docent.toml: `http.port` must be a whole number from 0 to 65535, not "eighty""#,
        ),
        ("[http]\nport = 65536", &[], "docent.toml: `http.port` must be a whole number from 0 to 65535, not 65536"),
        ("[http]\nport = 80.5", &[], "docent.toml: `http.port` must be a whole number from 0 to 65535, not 80.5"),
        ("[http]\nplayground = 'yes'", &[], r#"docent.toml: `http.playground` must be `true` or `false`, not "yes""#),
        (
            "[http.port]\nnumber = 1",
            &[],
            "docent.toml: `http.port` must be a whole number from 0 to 65535, not a table",
        ),
        (
            "[http]\nallowed_origins = 'x'",
            &[],
            r#"docent.toml: `http.allowed_origins` must be a list of texts, not "x""#,
        ),
        ("[http]\nallowed_origins = [1]", &[], "docent.toml: `http.allowed_origins` must be a list of texts, not 1"),
        (
            "[auth]\nregistration = 'all'",
            &[],
            r#"docent.toml: `auth.registration` must be `open`, `invite` or `closed`, not "all""#,
        ),
        ("[search]\nbm25_b = true", &[], "docent.toml: `search.bm25_b` must be a number, not true"),
        (
            "[http]\nport = 1",
            &[("DOCENT__HTTP__PORT", "-1")],
            "environment variable DOCENT__HTTP__PORT: `http.port` must be a whole number from 0 to 65535, not -1",
        ),
        (
            "",
            &[("DB_POOL_SIZE", "many")],
            r#"environment variable DB_POOL_SIZE: `database.pool_size` must be a whole number from 0 to 4294967295, not "many""#,
        ),
        (
            "",
            &[("DOCENT__TELEMETRY__FORMAT", "xml")],
            r#"environment variable DOCENT__TELEMETRY__FORMAT: `telemetry.format` must be `text` or `json`, not "xml""#,
        ),
    ] {
        assert_eq!(refusal(text, environment), message);
    }
}

#[test]
fn values_that_make_no_sense_are_refused_with_their_key_and_place() {
    for (text, message) in [
        ("data_dir = ''", "`data_dir` must name a directory"),
        ("[http]\nhost = 'http://x'", "`http.host` must be an address or a host name, such as 127.0.0.1"),
        (
            "[http]\nallowed_origins = ['https://a.example/']",
            "`http.allowed_origins` must list origins, such as https://app.example.org, without a path",
        ),
        (
            "[http]\npublic_hosts = ['docs.example.org', 'http://docs.example.org']",
            "`http.public_hosts` must list host names or addresses, such as docs.example.org, without a scheme, port or path",
        ),
        (
            "[http]\nbase_path = '/docs/'",
            "`http.base_path` must be empty or a path such as /docs, with a slash before it and none behind it",
        ),
        ("[graphql]\ndocuments = 'trusted'", "`graphql.documents` can't be `trusted` without `graphql.manifest`"),
        (
            "[graphql]\ndocuments = 'off'\nmanifest = 'manifest.json'",
            "`graphql.manifest` has no effect if `graphql.documents` is `off`",
        ),
        ("[limits]\nevent_streams = 0", "`limits.event_streams` must be from 1 to 1000000, not 0"),
        ("[database]\npool_size = 0", "`database.pool_size` must be from 1 to 10000, not 0"),
        (
            "[database]\nurl = 'mysql://db/docent'",
            "`database.url` must be a URL that begins with postgres:// or postgresql://",
        ),
        ("[vector]\nurl = 'qdrant:6334'", "`vector.url` must be a URL that begins with http:// or https://"),
        ("[auth]\nsigning_secret = 'short'", "`auth.signing_secret` must have at least 32 characters"),
        ("[auth]\naccess_token_minutes = -1", "`auth.access_token_minutes` must be from 1 to 1440, not -1"),
        (
            "[ingestion]\nheartbeat_seconds = 30",
            "`ingestion.heartbeat_seconds` must be at least 1 and less than `ingestion.lease_seconds`, \
             so that a living worker keeps its jobs",
        ),
        (
            "[ingestion]\nchunk_max_tokens = 15\nchunk_overlap_tokens = 1",
            "`ingestion.chunk_max_tokens` must be from 16 to 32768, not 15",
        ),
        (
            "[ingestion]\nchunk_overlap_tokens = 254",
            "`ingestion.chunk_overlap_tokens` must be less than `ingestion.chunk_max_tokens`",
        ),
        (
            "[sources]\ndirectories = ['papers']",
            "`sources.directories` must list absolute paths, such as /srv/documents",
        ),
        (
            "data_dir = '/srv/docent'\n[sources]\ndirectories = ['/srv']",
            "`sources.directories` must not contain the data directory or lie in it: the server's secrets are there",
        ),
        (
            "[sources]\nweb_hosts = ['http://wiki.internal/']",
            "`sources.web_hosts` must list host names or addresses, such as wiki.example.org, without a scheme, port or path",
        ),
        ("[sources]\nsecret_key = 'short'", "`sources.secret_key` must have at least 32 characters"),
        ("[search]\nsemantic_weight = -0.5", "`search.semantic_weight` must be from 0 to 1000, not -0.5"),
        ("[search]\nbm25_k1 = nan", "`search.bm25_k1` must be from 0 to 100, not NaN"),
        ("[search]\nbm25_b = 1.5", "`search.bm25_b` must be from 0 to 1, not 1.5"),
        (
            "[search]\nsemantic_weight = 0\nlexical_weight = 0",
            "`search.semantic_weight` and `search.lexical_weight` must not both be 0",
        ),
        ("[limits]\nupload_bytes = 0", "`limits.upload_bytes` must be from 1 to 1099511627776, not 0"),
    ] {
        assert_eq!(refusal(text, &[]), format!("docent.toml: {message}"));
    }
    assert_eq!(
        refusal("[database]\npool_size = 0", &[("DATABASE_URL", "db")]),
        "environment variable DATABASE_URL: `database.url` must be a URL that begins with postgres:// or postgresql://\n\
         docent.toml: `database.pool_size` must be from 1 to 10000, not 0"
    );
}

const SECRETS: [(&str, &str); 4] = [
    ("DOCENT__AUTH__SIGNING_SECRET", "tell-nobody-tell-nobody-tell-nobody"),
    ("QDRANT_API_KEY", "tell-nobody"),
    ("DATABASE_URL", "postgres://docent:tell-nobody@db/docent?password=tell-nobody&sslmode=require"),
    ("QDRANT_URL", "https://user:tell-nobody@qdrant.example:6334"),
];

#[test]
fn secrets_are_shown_nowhere() {
    let config = config("", &SECRETS);
    let shown = config.to_toml_redacted();
    assert!(!shown.contains("tell-nobody"), "{shown}");
    assert!(shown.contains("\nsigning_secret = \"***\"\n"), "{shown}");
    assert!(shown.contains("\napi_key = \"***\"\n"), "{shown}");
    assert!(shown.contains("\nurl = \"postgres://docent:***@db/docent?password=***&sslmode=require\"\n"), "{shown}");
    assert!(shown.contains("\nurl = \"https://user:***@qdrant.example:6334/\"\n"), "{shown}");
    assert!(!format!("{config:?} {config:#?}").contains("tell-nobody"));
}

#[test]
fn models_of_other_servers_are_tables_whose_keys_are_shown_nowhere() {
    let text = "[[embedding.models]]\nname = 'e5'\nurl = 'https://me:tell-nobody@models.example/v1'\ndimension = 384\n\
                api_key = 'tell-nobody'\nquery_prefix = 'query: '\n";
    let config = config(text, &[]);
    let model = config.embedding.remote("e5").unwrap();
    assert_eq!((model.dimension, model.batch_size, model.query_prefix.as_str()), (384, 32, "query: "));
    assert_eq!((model.endpoint_name(), model.api_key.as_deref()), ("e5", Some("tell-nobody")));
    let shown = config.to_toml_redacted();
    assert!(!format!("{shown} {config:?} {model:?}").contains("tell-nobody"), "{shown}");
    assert!(shown.contains("api_key = \"***\"") && shown.contains("name = \"e5\""), "{shown}");
    let read_back = load(&shown, &[]).unwrap().config;
    assert_eq!(read_back.embedding.models.len(), 1);
    let message = refusal("[[embedding.models]]\nname = 'e5'\nurl = 'ftp://a'\ndimension = 0\n", &[]);
    assert!(message.contains("`embedding.models` must be a URL"), "{message}");
}

#[test]
fn refusals_do_not_repeat_secrets() {
    for (text, environment) in [
        ("[auth]\nsigning_secret = 4711", vec![]),
        ("[vector]\napi_key = ['4711']", vec![]),
        ("[[embedding.models]]\nname = 'a'\nurl = 'http://a'\ndimension = 1\napi_key = 4711", vec![]),
        ("", vec![("DOCENT__AUTH__SIGNING_SECRET", "4711")]),
        ("", vec![("DATABASE_URL", "mysql://docent:4711@db/docent")]),
        ("", vec![("DATABASE_URL", "docent:4711@db/docent")]),
    ] {
        let message = refusal(text, &environment);
        assert!(!message.contains("4711"), "{message}");
    }
}

#[test]
fn a_url_that_is_not_one_is_hidden_as_a_whole() {
    let mut config = Config::default();
    config.database.url = Some("docent:tell-nobody@db".into());
    config.vector.url = Some("//docent:tell-nobody@db".into());
    let shown = format!("{config:?}");
    assert!(shown.contains("url: \"***\""), "{shown}");
    assert!(!shown.contains("tell-nobody"), "{shown}");
}

#[test]
fn the_effective_settings_can_be_read_back() {
    let text = "[http]\nallowed_origins = ['https://a.example', 'https://b.example']\n[search]\nsemantic_weight = 0.7\n\
                [telemetry]\nformat = 'json'\nlog = \"info,docent[{path=\\\"a\\\\b\\\"}]=debug\"\n";
    let config = config(text, &[("DATABASE_URL", "postgres://docent@db/docent")]);
    assert_eq!(config.telemetry.format, LogFormat::Json);
    let shown = config.to_toml_redacted();
    assert_eq!(load(&shown, &[]).unwrap().config, config);
    assert!(
        shown.starts_with("data_dir = \"data\"\n\n[disk]\nreserve_mib = 1024\n\n[http]\nhost = \"127.0.0.1\"\n"),
        "{shown}"
    );
    assert!(shown.contains("\nsemantic_weight = 0.7\n"), "{shown}");
    assert!(shown.contains("\n# api_key is not set\n"), "{shown}");
}

#[test]
fn every_option_is_documented() {
    let options = options();
    let port = options.iter().find(|option| option.key == "http.port").unwrap();
    assert_eq!(port.env, "DOCENT__HTTP__PORT");
    assert_eq!(port.default.as_deref(), Some("8080"));
    assert_eq!(port.doc, "Port to listen on. 0: any free port.");
    assert_eq!(options[0].key, "data_dir");
    assert_eq!(options[0].env, "DOCENT__DATA_DIR");
    for option in &options {
        assert!(option.doc.ends_with('.') || option.doc.ends_with(')') || option.doc.ends_with('…'), "{option:?}");
    }
}
