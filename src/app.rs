//! The composition root: builds everything from the settings, once, for the server, the commands and the tests alike.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use async_trait::async_trait;
use axum::Router;
use futures_util::FutureExt;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

use crate::{
    auth::{
        link::LinkSigner,
        password::PasswordHasher,
        rate_limit::{Buckets, LoginLimiter},
        share::Shares,
        token::{TokenSigner, load_or_create_keys},
        vault::Vault,
        viewer::Viewer,
    },
    blob::BlobStore,
    config::Config,
    data_dir::{Beginning, DataDirLock},
    db::{Backup, Database, Lanes, StatementObserver, Way, repo::stores},
    disk::{Disk, FileSystem, SpaceProbe},
    domain::{
        client::Client,
        clock::{Clock, SystemClock},
        generation::Precision,
        integrity::Findings,
    },
    embedding::{
        self, Embedder, ModelInfo, added, installed::InstalledModels, model, pool::LocalEmbedder, registry::Embedders,
        remote::RemoteEmbedder,
    },
    error::Error,
    extract::{self, Extractor, FileKind},
    graphql::{self, engine::Engine, manifest::Manifest, persisted::Persisted},
    http::{
        self, HttpState,
        authentication::Callers,
        connections::ConnectionLimits,
        health::{self, Dependency, Readiness},
        places::Places,
    },
    service::{
        self, Services, audit::AuditTrail, callers::KnownCallers, last_use::LastUses, search::Searchable, sessions,
    },
    source::{Names, Web},
    vector::{self, VectorError, VectorStore},
    worker::{
        self,
        dependency::{Vectors, agrees, has_all_models},
        integrity::{self, Workers},
    },
};

pub use crate::worker::integrity::Aim;

/// How long to wait for close frames of clients.
const GOODBYE: Duration = Duration::from_secs(4);

/// How long to wait for an unavailable vector store at the start.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8)];

/// What the application is made of. What is `None` is built from the settings.
pub struct Parts {
    pub config: Config,
    pub clock: Arc<dyn Clock>,
    /// The model of new collections.
    pub embedder: Option<Arc<dyn Embedder>>,
    pub vectors: Option<Arc<dyn VectorStore>>,
    /// Reports how much space the data directory has.
    pub space: Option<Arc<dyn SpaceProbe>>,
    /// Looks up the hosts of sources.
    pub names: Option<Arc<dyn Names>>,
    /// Sees every SQL statement.
    pub statement_observer: Option<StatementObserver>,
    /// Whether pending migrations are applied. Otherwise they are an error.
    pub migrates: bool,
    /// The `docent` program, started again for reading files.
    pub program: PathBuf,
    /// Cancelled when sockets and workers must end.
    pub stop: CancellationToken,
}

impl Parts {
    /// Everything as the settings say.
    ///
    /// # Errors
    /// When the path of the running program is unknown.
    pub fn from_config(config: Config) -> std::io::Result<Self> {
        Ok(Self {
            config,
            clock: Arc::new(SystemClock),
            embedder: None,
            vectors: None,
            space: None,
            names: None,
            statement_observer: None,
            migrates: true,
            program: extract::running_program()?,
            stop: CancellationToken::new(),
        })
    }
}

/// The whole server, without its listening socket.
pub struct App {
    services: Arc<Services>,
    vectors: Arc<Vectors>,
    extractor: Arc<Extractor>,
    /// Documents that clients name by their ids.
    manifest: Arc<Manifest>,
    /// Cancelled when the server stops.
    stop: CancellationToken,
    sockets: TaskTracker,
    connections: ConnectionLimits,
    is_alone: bool,
    _lock: DataDirLock,
}

impl App {
    /// Opens every store, migrates the database if that is wanted, and loads the model of new collections.
    ///
    /// # Errors
    /// When the data directory is in use, or a part can't be opened; the error says which.
    pub async fn build(parts: Parts) -> anyhow::Result<Self> {
        let config = Arc::new(parts.config);
        let manifest = read_manifest(&config)?;
        // With servers for the rest, the directory holds only files that any number of processes can use.
        let lock = DataDirLock::acquire(&config.data_dir, config.can_be_shared())?;
        let beginning = {
            let directory = config.data_dir.clone();
            tokio::task::spawn_blocking(move || Beginning::wait(&directory)).await??
        };
        let database = Database::open(&config.database, &config.data_dir, parts.statement_observer).await?;
        if parts.migrates {
            migrate(&database, &config.data_dir, parts.clock.as_ref()).await?;
        } else {
            refuse_pending(&database).await?;
        }
        let blobs = BlobStore::open_local(&config.data_dir)?;
        register(&database, &blobs, &config.data_dir, parts.clock.as_ref()).await?;

        let embedder: Arc<dyn Embedder> = if let Some(embedder) = parts.embedder {
            embedder
        } else {
            let config = Arc::clone(&config);
            tokio::task::spawn_blocking(move || default_embedder(&config)).await??
        };
        let vectors = match parts.vectors {
            Some(vectors) => vectors,
            None => vector::open(&config)?,
        };
        let auth = &config.auth;
        let previous = auth.previous_signing_secret.as_slice();
        let keys = load_or_create_keys(auth.signing_secret.as_deref(), previous, &config.data_dir)?;
        let space = parts.space.unwrap_or_else(|| Arc::new(FileSystem(config.data_dir.clone())));
        let disk = Arc::new(Disk::new(space, config.disk.reserve_mib * 1024 * 1024));
        let extractor = Extractor::new(&config.extraction, config.extraction_concurrency(), parts.program)
            .with_libraries(config.library_dir());
        let extractor = Arc::new(extractor);
        let vault = Vault::load_or_create(config.sources.secret_key.as_deref(), &config.data_dir)?;
        drop(beginning);
        let services = Services {
            extractor: Arc::clone(&extractor),
            passwords: PasswordHasher::new(auth.password_concurrency)?,
            tokens: TokenSigner::new(&keys, chrono::TimeDelta::minutes(auth.access_token_minutes)),
            links: LinkSigner::new(&keys),
            logins: LoginLimiter::new(auth.login_attempts_per_account, auth.login_attempts_per_address),
            points: Buckets::default(),
            lanes: Lanes::new(config.limits.statements_per_caller),
            previews: Lanes::new(1),
            audit: AuditTrail::start(database.clone()),
            callers: KnownCallers::default(),
            searchable: Searchable::default(),
            last_uses: LastUses::start(database.clone()),
            blobs: blobs.within(Arc::clone(&disk)),
            disk,
            web: Web::new(
                &config.sources.web_hosts,
                Duration::from_secs(config.sources.web_timeout_seconds),
                parts.names,
            ),
            vault,
            formats: FileKind::formats(),
            clock: parts.clock,
            database,
            vectors,
            embedders: Embedders::new(embedder, Arc::new(InstalledModels::new(Arc::clone(&config)))),
            config: Arc::clone(&config),
        };
        let services = Arc::new(services);
        let vectors = Vectors::new(Arc::clone(&services));
        wait_for(&vectors).await?;
        Ok(Self {
            services,
            vectors: Arc::new(vectors),
            extractor,
            manifest: Arc::new(manifest),
            stop: parts.stop,
            sockets: TaskTracker::new(),
            connections: ConnectionLimits::of_process(&config.http)?,
            // Several processes can work on one PostgreSQL; SQLite lies in the data directory, which is locked.
            is_alone: config.database.url.is_none(),
            _lock: lock,
        })
    }

    /// The use cases, for commands and tests.
    #[must_use]
    pub fn services(&self) -> &Arc<Services> {
        &self.services
    }

    /// The limits of connections, for the listener.
    #[must_use]
    pub fn connection_limits(&self) -> ConnectionLimits {
        self.connections
    }

    /// Every route.
    pub fn router(&self) -> Router {
        let services = Arc::clone(&self.services);
        let callers: Arc<dyn Callers> = Arc::new(CallersOf(Arc::clone(&services)));
        let limits = services.config.limits.clone();
        let state = HttpState {
            engine: Engine::new(
                graphql::schema(Arc::clone(&services)),
                graphql::input_types(),
                http::document_limits(&limits),
                limits.request_points,
            )
            .with_persisted(Persisted::new(services.config.graphql.documents, Arc::clone(&self.manifest))),
            callers: Arc::clone(&callers),
            clock: Arc::clone(&services.clock),
            readiness: health::once_for_all(readiness(Arc::clone(&services), Arc::clone(&self.vectors))),
            schema: graphql::sdl().into(),
            http: services.config.http.clone(),
            limits,
            places: Places::new(&services.config.limits),
            requests: services.config.http.trust_forwarded_for.then(|| Shares::new(self.connections.per_address)),
            shutdown: self.stop.clone(),
            sockets: self.sockets.clone(),
        };
        http::router(state, http::files::router(services, callers))
    }

    /// Runs jobs of the queue and recurring tasks until `stop` is cancelled.
    pub async fn work(&self, stop: CancellationToken) {
        let (services, extractor) = (Arc::clone(&self.services), Arc::clone(&self.extractor));
        let vectors = Arc::clone(&self.vectors);
        worker::run(services, extractor, vectors, self.is_alone, stop).await;
    }

    /// Looks whether the stores match the database, and repairs what does not if that is wanted. Nothing else may work on
    /// the data directory.
    ///
    /// # Errors
    /// When a store fails. What was repaired until then stays so.
    pub async fn examine(&self, aim: Aim) -> anyhow::Result<Findings> {
        let workers = if self.is_alone { Workers::None } else { Workers::Silent(Duration::ZERO) };
        Ok(integrity::examine(&self.services, aim, workers, &self.stop).await?)
    }

    /// Closes the sockets and then the stores. Call it after the application was told to stop and workers have ended.
    ///
    /// # Errors
    /// When a store can't be closed in good order.
    pub async fn close(&self) -> anyhow::Result<()> {
        self.sockets.close();
        let _ = tokio::time::timeout(GOODBYE, self.sockets.wait()).await;
        tokio::join!(self.services.audit.flush(), self.services.last_uses.flush());
        self.services.vectors.close().await?;
        self.services.database.clone().close().await?;
        Ok(())
    }
}

/// Applies pending migrations, after a backup if one of them loses data.
async fn migrate(database: &Database, data_dir: &Path, clock: &dyn Clock) -> anyhow::Result<()> {
    let way = Way::Up { destroy_data: true };
    if let Some(Backup { place, tables, rows }) = database.migrate(way, data_dir, clock.now()).await? {
        info!(place, tables, rows, "the database was copied before it was migrated");
    }
    Ok(())
}

/// Rejects a database with pending migrations, and leaves it as it is.
async fn refuse_pending(database: &Database) -> anyhow::Result<()> {
    let all = database.migrations().await?;
    let pending = all.iter().filter(|migration| !migration.is_applied).count();
    if pending > 0 {
        bail!(
            "the database is that of an earlier version: {pending} migrations are pending, and nothing was changed. Run \
             `docent migrate up` first, or start the server once: it applies them"
        );
    }
    Ok(())
}

/// Rejects a database that belongs to another store of originals, because workers on its queue need the files.
async fn register(database: &Database, blobs: &BlobStore, data_dir: &Path, clock: &dyn Clock) -> anyhow::Result<()> {
    let (own, now) = (blobs.identity()?, clock.now());
    let registered = database.transaction(|tx| stores::register(tx, own, now).boxed()).await?;
    if registered != own {
        let data_dir = data_dir.display();
        bail!(
            "this database belongs to another data directory (store {registered}); {data_dir} is store {own}. Originals \
             are in the data directory, so two servers with directories of their own can't share a database. Start with \
             the directory that the database was used with, wherever it is now, or give this server a database of its \
             own. Only if that directory is lost for good: write {registered} into {data_dir}/store.id"
        );
    }
    Ok(())
}

/// The documents of the manifest that the settings name, and those of the playground if this server has it.
fn read_manifest(config: &Config) -> anyhow::Result<Manifest> {
    let named = match &config.graphql.manifest {
        Some(path) => {
            let text =
                fs::read_to_string(path).with_context(|| format!("can't read the manifest {}", path.display()))?;
            Manifest::parse(&text).with_context(|| format!("{} is not a manifest of documents", path.display()))?
        }
        None => Manifest::default(),
    };
    let Some(own) = config.http.playground.then(http::assets::documents).flatten() else { return Ok(named) };
    let own = std::str::from_utf8(&own).context("the documents of the playground are not text")?;
    Ok(named.and(Manifest::parse(own).context("the documents of the playground are not a manifest")?))
}

/// Waits for a vector store that is not available, for a limited time. After that the server starts without it, and
/// `/health/ready` says so until the store is available.
///
/// # Errors
/// When the store is there and can't be used.
async fn wait_for(vectors: &Vectors) -> Result<(), VectorError> {
    for pause in PAUSES {
        match vectors.check().await {
            Err(error @ (VectorError::Unreachable { .. } | VectorError::TimedOut { .. })) => {
                warn!(
                    error = &error as &dyn std::error::Error,
                    seconds = pause.as_secs(),
                    "waiting for the vector store"
                );
                tokio::time::sleep(pause).await;
            }
            checked => return checked,
        }
    }
    warn!("the server starts without its vector store: searching and indexing wait for it");
    Ok(())
}

/// The model of new collections: one that another server runs, or one that runs here.
fn default_embedder(config: &Config) -> anyhow::Result<Arc<dyn Embedder>> {
    let settings = &config.embedding;
    let added = settings.model.as_deref().and_then(|name| added::find(&config.model_dir(), name));
    if let Some(model) = added {
        check_chunks(config, &model.info())?;
        let threads = config.embedding_threads();
        return Ok(Arc::new(LocalEmbedder::load_added(&config.model_dir(), &model, settings, threads)?));
    }
    let Some(endpoint) = settings.model.as_deref().and_then(|name| settings.remote(name)) else {
        return Ok(Arc::new(load_embedder(config, embedding::precision(settings.precision))?));
    };
    let embedder = RemoteEmbedder::new(endpoint.clone(), settings.query_cache_size)?;
    check_chunks(config, embedder.model())?;
    Ok(Arc::new(embedder))
}

/// Rejects chunks that the model would not read to their ends.
fn check_chunks(config: &Config, model: &ModelInfo) -> anyhow::Result<()> {
    let (most, chunk) = (model.text_tokens(), config.ingestion.chunk_max_tokens as usize);
    if chunk > most {
        let name = &model.key.name;
        bail!("`ingestion.chunk_max_tokens` must be at most {most}, which is what {name} reads, not {chunk}");
    }
    Ok(())
}

/// Loads the model that the settings choose for new collections. Takes a good part of a second, so call it where blocking
/// is allowed.
///
/// # Errors
/// When there is no such model, it can't be loaded, or it does not read chunks as long as those of the settings.
pub fn load_embedder(config: &Config, precision: Precision) -> anyhow::Result<LocalEmbedder> {
    let settings = &config.embedding;
    let model = model::chosen(settings.model.as_deref())?;
    check_chunks(config, &model.info(precision))?;
    Ok(LocalEmbedder::load(&config.model_dir(), model.name, precision, settings, config.embedding_threads())?)
}

fn readiness(services: Arc<Services>, vectors: Arc<Vectors>) -> Readiness {
    Arc::new(move || {
        let (services, vectors) = (Arc::clone(&services), Arc::clone(&vectors));
        async move {
            let (database, vectors, has_all_models, agrees) =
                tokio::join!(services.database.check(), vectors.check(), has_all_models(&services), agrees(&services));
            if let Err(error) = &database {
                warn!(error = error as &dyn std::error::Error, "the database is not ready");
            }
            vec![
                Dependency::required("database", database.is_ok()),
                Dependency::required("vectors", vectors.is_ok()),
                // The server does not start without the model of new collections.
                Dependency::required("model", true),
                // Collections of another model that is missing are searched by words.
                Dependency { name: "models", ready: has_all_models, is_required: false },
                // Searching and reading continue without it.
                Dependency { name: "disk", ready: services.disk.has_room(), is_required: false },
                // What is lost is not found until it is repaired; the rest is.
                Dependency { name: "integrity", ready: agrees, is_required: false },
            ]
        }
        .boxed()
    })
}

struct CallersOf(Arc<Services>);

#[async_trait]
impl Callers for CallersOf {
    async fn authenticate(&self, authorization: Option<&str>, client: Client) -> Result<Viewer, Error> {
        sessions::authenticate(&self.0, authorization, client).await
    }

    async fn recheck(&self, viewer: &Viewer) -> Result<Viewer, Error> {
        sessions::recheck(&self.0, viewer).await
    }

    async fn charge(&self, viewer: &Viewer, points: u32) -> Result<(), Error> {
        service::limits::charge(&self.0, viewer, points).await
    }
}
