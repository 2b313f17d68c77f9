//! The composition root: builds everything from the settings, once, for the server, the commands and the tests alike.

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::Router;
use futures_util::FutureExt;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    auth::{
        password::PasswordHasher,
        rate_limit::{Buckets, LoginLimiter},
        token::{TokenSigner, load_or_create_keys},
        viewer::Viewer,
    },
    blob::BlobStore,
    config::Config,
    db::{Database, Lanes, StatementObserver},
    domain::{
        client::Client,
        clock::{Clock, SystemClock},
    },
    embedding::{Embedder, pool::LocalEmbedder},
    error::Error,
    events::EventHub,
    extract::Extractor,
    graphql::{self, engine::Engine},
    http::{
        self, HttpState,
        authentication::Callers,
        health::{Dependency, Readiness},
    },
    lifecycle::DataDirLock,
    service::{self, Services, audit::AuditTrail, sessions},
    vector::{self, VectorStore},
    worker,
};

/// How long sockets get to answer a goodbye.
const GOODBYE: Duration = Duration::from_secs(6);

/// What the application is made of. What is `None` is built from the settings.
pub struct Parts {
    pub config: Config,
    pub clock: Arc<dyn Clock>,
    pub embedder: Option<Arc<dyn Embedder>>,
    pub vectors: Option<Arc<dyn VectorStore>>,
    /// Sees every SQL statement.
    pub statement_observer: Option<StatementObserver>,
    /// The `docent` program, started again for reading files.
    pub program: PathBuf,
    /// Cancelled when sockets and workers are to end.
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
            statement_observer: None,
            program: std::env::current_exe()?,
            stop: CancellationToken::new(),
        })
    }
}

/// The whole server, without its listening socket.
pub struct App {
    services: Arc<Services>,
    extractor: Arc<Extractor>,
    /// Cancelled when the server stops.
    stop: CancellationToken,
    sockets: TaskTracker,
    is_alone: bool,
    _lock: DataDirLock,
}

impl App {
    /// Opens every store, migrates the database, and loads the model.
    ///
    /// # Errors
    /// When the data directory is in use, or a part can't be opened; the error says which.
    pub async fn build(parts: Parts) -> anyhow::Result<Self> {
        let config = Arc::new(parts.config);
        let lock = DataDirLock::acquire(&config.data_dir)?;
        let database = Database::open(&config.database, &config.data_dir, parts.statement_observer).await?;
        database.migrate_up().await?;

        let embedder = match parts.embedder {
            Some(embedder) => embedder,
            None => load_embedder(&config).await?,
        };
        let vectors = match parts.vectors {
            Some(vectors) => vectors,
            None => vector::open(&config)?,
        };
        let auth = &config.auth;
        let previous = auth.previous_signing_secret.as_slice();
        let keys = load_or_create_keys(auth.signing_secret.as_deref(), previous, &config.data_dir)?;
        let services = Services {
            passwords: PasswordHasher::new(auth.password_concurrency)?,
            tokens: TokenSigner::new(&keys, chrono::TimeDelta::minutes(auth.access_token_minutes)),
            logins: LoginLimiter::new(auth.login_attempts_per_account, auth.login_attempts_per_address),
            points: Buckets::default(),
            lanes: Lanes::new(config.limits.statements_per_caller),
            audit: AuditTrail::start(database.clone()),
            blobs: BlobStore::open_local(&config.data_dir)?,
            events: EventHub::default(),
            work: Arc::default(),
            clock: parts.clock,
            database,
            vectors,
            embedder,
            config: Arc::clone(&config),
        };
        services.vectors.ensure(&services.placement()).await?;
        let extractor = Extractor::new(&config.extraction, config.extraction_concurrency(), parts.program);
        Ok(Self {
            services: Arc::new(services),
            extractor: Arc::new(extractor),
            stop: parts.stop,
            sockets: TaskTracker::new(),
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

    /// Every route.
    pub fn router(&self) -> Router {
        let services = Arc::clone(&self.services);
        let callers: Arc<dyn Callers> = Arc::new(KnownCallers(Arc::clone(&services)));
        let limits = services.config.limits.clone();
        let state = HttpState {
            engine: Engine::new(
                graphql::schema(Arc::clone(&services)),
                http::document_limits(&limits),
                limits.request_points,
            ),
            callers: Arc::clone(&callers),
            clock: Arc::clone(&services.clock),
            readiness: readiness(Arc::clone(&services)),
            schema: graphql::sdl().into(),
            http: services.config.http.clone(),
            limits,
            shutdown: self.stop.clone(),
            sockets: self.sockets.clone(),
        };
        http::router(state, http::files::router(services, callers))
    }

    /// Works on the queue until it is told to stop.
    ///
    /// # Errors
    /// When the database fails at the start.
    pub async fn work(&self) -> anyhow::Result<()> {
        let (services, extractor) = (Arc::clone(&self.services), Arc::clone(&self.extractor));
        Ok(worker::run(services, extractor, self.is_alone, self.stop.clone()).await?)
    }

    /// Says goodbye to sockets and closes the stores. Call it when the application was told to stop and workers have ended.
    ///
    /// # Errors
    /// When a store can't be closed in good order.
    pub async fn close(&self) -> anyhow::Result<()> {
        self.sockets.close();
        let _ = tokio::time::timeout(GOODBYE, self.sockets.wait()).await;
        self.services.audit.flush().await;
        self.services.vectors.close().await?;
        self.services.database.clone().close().await?;
        Ok(())
    }
}

/// Loads the model that the settings name, on a thread where that may take its time.
async fn load_embedder(config: &Arc<Config>) -> anyhow::Result<Arc<dyn Embedder>> {
    let config = Arc::clone(config);
    let loaded = tokio::task::spawn_blocking(move || {
        let (settings, threads) = (&config.embedding, config.embedding_threads());
        LocalEmbedder::load(&config.model_dir(), &settings.model, settings, threads)
    });
    Ok(Arc::new(loaded.await??))
}

fn readiness(services: Arc<Services>) -> Readiness {
    Arc::new(move || {
        let services = Arc::clone(&services);
        async move {
            let (database, vectors) = tokio::join!(services.database.check(), services.vectors.check());
            vec![
                Dependency { name: "database", ready: database.is_ok() },
                Dependency { name: "vectors", ready: vectors.is_ok() },
                // The server does not start without its model.
                Dependency { name: "model", ready: true },
            ]
        }
        .boxed()
    })
}

struct KnownCallers(Arc<Services>);

#[async_trait]
impl Callers for KnownCallers {
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
