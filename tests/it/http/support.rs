//! A tiny schema with one field for each way in which a field can behave, and a server around it.

#![expect(clippy::unused_async, reason = "the engine wants every resolver to be async")]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_graphql::{
    Context, Data, ID, Object, Schema, Subscription,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute},
};
use async_trait::async_trait;
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode},
};
use chrono::{DateTime, TimeDelta, Utc};
use docent::{
    auth::viewer::{Credential, Viewer},
    config::{HttpConfig, LimitsConfig},
    domain::{
        client::Client,
        clock::Clock,
        id::{RequestId, SessionId},
    },
    error::Error,
    graphql::{engine::Engine, extension::Execution, variables::InputTypes},
    http::{
        HttpState,
        authentication::Callers,
        connections::{self, ConnectionLimits},
        document_limits,
        health::Dependency,
        places::Places,
        router,
    },
};
use futures_util::{
    FutureExt, Stream, StreamExt,
    future::{BoxFuture, pending},
    stream,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

pub const SECRET: &str = "password=hunter2 at /srv/private";

/// What the schema lets a test see.
#[derive(Clone)]
pub struct Probe {
    pub mutations: Arc<AtomicUsize>,
    executions: Arc<AtomicUsize>,
    dropped: mpsc::UnboundedSender<&'static str>,
}

/// Data of one execution.
struct ExecutionNumber(usize);

/// Reports that the stream that owns it is gone.
struct Guard(mpsc::UnboundedSender<&'static str>, &'static str);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.send(self.1).ok();
    }
}

fn burst() -> String {
    panic!("{SECRET}")
}

pub struct Query;

#[Object]
impl Query {
    async fn hello(&self, name: Option<String>) -> String {
        format!("Hello, {}!", name.as_deref().unwrap_or("world"))
    }

    async fn double(&self, number: i32) -> i32 {
        number * 2
    }

    async fn words(&self, list: Vec<String>) -> usize {
        list.len()
    }

    async fn item(&self, id: ID) -> Item {
        Item { id }
    }

    async fn items(&self, ids: Vec<ID>) -> Vec<Item> {
        ids.into_iter().map(|id| Item { id }).collect()
    }

    async fn optional_items(&self, ids: Vec<ID>) -> Vec<Option<Item>> {
        ids.into_iter().map(|id| Some(Item { id })).collect()
    }

    async fn missing(&self) -> Result<Option<Item>, Error> {
        Err(Error::NotFound("item"))
    }

    async fn shared_error(&self) -> Result<Option<Item>, Arc<Error>> {
        Err(Arc::new(Error::RateLimited { retry_after_seconds: 7 }))
    }

    async fn fault(&self) -> Result<Option<String>, Error> {
        Err(Error::internal(std::io::Error::other(SECRET)))
    }

    async fn stray(&self) -> async_graphql::Result<Option<String>> {
        Err(std::io::Error::other(SECRET))?
    }

    async fn forgotten<'a>(&self, context: &'a Context<'_>) -> async_graphql::Result<Option<&'a String>> {
        context.data::<String>().map(Some)
    }

    async fn panic(&self) -> String {
        burst()
    }

    async fn endless(&self) -> Option<String> {
        pending().await
    }

    async fn viewer(&self, context: &Context<'_>) -> Option<String> {
        context.data_unchecked::<Viewer>().session().map(|session| session.to_string())
    }

    async fn request_id(&self, context: &Context<'_>) -> String {
        context.data_unchecked::<RequestId>().to_string()
    }

    async fn execution(&self, context: &Context<'_>) -> usize {
        context.data_unchecked::<ExecutionNumber>().0
    }
}

pub struct Item {
    id: ID,
}

/// `name` fails for the id `bad`, `note` fails always.
#[Object]
impl Item {
    async fn id(&self) -> &ID {
        &self.id
    }

    async fn name(&self) -> Result<String, Error> {
        if *self.id == "bad" { Err(Error::Conflict("This item has no name.".into())) } else { Ok(self.id.to_string()) }
    }

    async fn note(&self) -> Result<Option<String>, Error> {
        Err(Error::NotFound("note"))
    }

    async fn child(&self) -> Option<Item> {
        Some(Item { id: self.id.clone() })
    }

    async fn certain_child(&self) -> Item {
        Item { id: self.id.clone() }
    }
}

pub struct Mutation;

#[Object]
impl Mutation {
    async fn touch(&self, context: &Context<'_>) -> usize {
        context.data_unchecked::<Probe>().mutations.fetch_add(1, Ordering::SeqCst) + 1
    }
}

pub struct Subscription;

#[Subscription]
impl Subscription {
    async fn count(&self, to: i32) -> impl Stream<Item = i32> {
        stream::iter(1..=to)
    }

    /// One event, then silence until a test ends it.
    async fn open(&self, context: &Context<'_>) -> impl Stream<Item = bool> {
        let guard = Guard(context.data_unchecked::<Probe>().dropped.clone(), "open");
        stream::once(async { true }).chain(stream::once(async move {
            let _guard = guard;
            pending().await
        }))
    }

    /// As much as the client takes.
    async fn flood(&self, context: &Context<'_>) -> impl Stream<Item = String> {
        let guard = Guard(context.data_unchecked::<Probe>().dropped.clone(), "flood");
        let text = "x".repeat(100_000);
        stream::repeat_with(move || {
            let _ = &guard;
            text.clone()
        })
    }

    async fn refused(&self) -> Result<stream::Empty<bool>, Error> {
        Err(Error::NotFound("stream"))
    }

    async fn faulty(&self) -> impl Stream<Item = Result<i32, Arc<Error>>> {
        stream::iter([Ok(1), Err(Arc::new(Error::internal(std::io::Error::other(SECRET)))), Ok(3)])
    }

    async fn bursting(&self) -> impl Stream<Item = i32> {
        stream::once(async { burst() }).map(|text| i32::try_from(text.len()).unwrap_or_default())
    }

    async fn execution(&self) -> impl Stream<Item = ShownExecution> {
        stream::iter([ShownExecution, ShownExecution])
    }
}

/// Shows the data of the execution that an event got.
#[derive(Clone, Copy)]
pub struct ShownExecution;

#[Object(name = "Execution")]
impl ShownExecution {
    async fn number(&self, context: &Context<'_>) -> usize {
        context.data_unchecked::<ExecutionNumber>().0
    }
}

/// A clock that stands still until it is moved.
pub struct StillClock(Mutex<DateTime<Utc>>);

impl StillClock {
    pub fn advance(&self, seconds: i64) {
        *self.0.lock().unwrap() += TimeDelta::seconds(seconds);
    }
}

impl Clock for StillClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

/// Knows some tokens: `good`, `short` (valid for a minute), `brief` (valid for almost no time), `stuck` (never answers)
/// and `down` (can't be checked at the moment).
struct Tokens(Arc<StillClock>);

#[async_trait]
impl Callers for Tokens {
    async fn authenticate(&self, authorization: Option<&str>, client: Client) -> Result<Viewer, Error> {
        let anonymous = Viewer::anonymous(client);
        let credential = Credential::Session(SessionId(uuid::Uuid::nil()));
        let known = |expires_at| Viewer { credential: credential.clone(), expires_at, ..anonymous.clone() };
        match authorization {
            None => Ok(anonymous),
            Some("Bearer good") => Ok(known(None)),
            Some("Bearer short") => Ok(known(Some(self.0.now() + TimeDelta::seconds(60)))),
            Some("Bearer brief") => Ok(known(Some(self.0.now() + TimeDelta::milliseconds(10)))),
            Some("Bearer stuck") => pending().await,
            Some("Bearer down") => {
                Err(Error::Unavailable { dependency: "database", retry_after_seconds: 2, source: None })
            }
            Some(_) => Err(Error::Unauthenticated("The token is not valid. Log in again.")),
        }
    }

    async fn recheck(&self, viewer: &Viewer) -> Result<Viewer, Error> {
        Ok(viewer.clone())
    }

    /// Everybody may spend 500 points on a request, however often.
    async fn charge(&self, _: &Viewer, points: u32) -> Result<(), Error> {
        if points > 500 { Err(Error::RateLimited { retry_after_seconds: 7 }) } else { Ok(()) }
    }
}

/// Numbers the executions, and checks that each knows its caller.
struct Numbering(Arc<AtomicUsize>);

impl ExtensionFactory for Numbering {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self(Arc::clone(&self.0)))
    }
}

#[async_trait]
impl Extension for Numbering {
    async fn execute(
        &self,
        context: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> async_graphql::Response {
        assert!(context.data_opt::<Viewer>().is_some(), "the viewer is in the context");
        let mut data = Data::default();
        data.insert(ExecutionNumber(self.0.fetch_add(1, Ordering::SeqCst) + 1));
        next.run_with_data(context, operation_name, data).await
    }
}

/// A server over the tiny schema, and what a test may turn in it.
pub struct Tiny {
    pub state: HttpState,
    pub probe: Probe,
    pub clock: Arc<StillClock>,
    pub dropped: mpsc::UnboundedReceiver<&'static str>,
    /// Ends what `listen` began.
    pub stop: CancellationToken,
}

impl Tiny {
    pub fn new() -> Self {
        Self::with(LimitsConfig::default())
    }

    pub fn with(limits: LimitsConfig) -> Self {
        let (sender, dropped) = mpsc::unbounded_channel();
        let probe = Probe { mutations: Arc::default(), executions: Arc::default(), dropped: sender };
        let executions = Arc::clone(&probe.executions);
        let execution = Execution::new(Duration::from_secs(limits.execution_seconds));
        let schema = Schema::build(Query, Mutation, Subscription)
            .extension(execution)
            .extension(Numbering(executions))
            .data(probe.clone())
            .finish();
        let clock = Arc::new(StillClock(Mutex::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap())));
        let sdl = schema.sdl();
        let state = HttpState {
            engine: Engine::new(schema, InputTypes::of(&sdl), document_limits(&limits), limits.request_points),
            callers: Arc::new(Tokens(Arc::clone(&clock))),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            readiness: Arc::new(|| ready(&[("database", true)])),
            schema: sdl.into(),
            http: HttpConfig {
                allowed_origins: vec!["https://app.example.org".into()],
                public_hosts: vec!["docent.test".into()],
                drain_seconds: 0,
                ..HttpConfig::default()
            },
            places: Places::new(&limits),
            limits,
            requests: None,
            shutdown: CancellationToken::new(),
            sockets: TaskTracker::new(),
        };
        Self { state, probe, clock, dropped, stop: CancellationToken::new() }
    }

    pub fn router(&self) -> Router {
        self.router_with(Router::new())
    }

    /// The server with more routes.
    pub fn router_with(&self, more: Router) -> Router {
        router(self.state.clone(), more)
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    /// A POST as a current client sends it.
    pub async fn post(&self, body: Value) -> Answer {
        let request = Request::post("/graphql")
            .header("content-type", "application/json")
            .header("accept", "application/graphql-response+json")
            .body(Body::from(body.to_string()))
            .unwrap();
        self.send(request).await
    }

    pub async fn query(&self, query: &str) -> Answer {
        self.post(json!({ "query": query })).await
    }

    /// Listens on a free port of the loopback interface until the test ends.
    pub async fn listen(&self) -> std::net::SocketAddr {
        self.listen_within(ConnectionLimits { all: 1000, per_address: 1000 }).await
    }

    /// Listens with room for so many connections.
    pub async fn listen_within(&self, limits: ConnectionLimits) -> std::net::SocketAddr {
        self.listen_to(self.router(), limits).await
    }

    /// Listens with these routes.
    pub async fn listen_to(&self, router: Router, limits: ConnectionLimits) -> std::net::SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (settings, stop) = (self.state.http.clone(), self.stop.clone());
        tokio::spawn(connections::serve(listener, router, settings, limits, stop));
        address
    }
}

pub fn ready(dependencies: &[(&'static str, bool)]) -> BoxFuture<'static, Vec<Dependency>> {
    let dependencies = dependencies.iter().map(|(name, ready)| Dependency::required(name, *ready)).collect();
    async move { dependencies }.boxed()
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn errors(&self) -> Vec<Value> {
        self.json()["errors"].as_array().cloned().unwrap_or_default()
    }

    /// The code of the only error.
    pub fn code(&self) -> String {
        let errors = self.errors();
        assert_eq!(errors.len(), 1, "{}", self.text);
        errors[0]["extensions"]["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn message(&self) -> String {
        self.errors()[0]["message"].as_str().unwrap_or_default().to_owned()
    }
}
