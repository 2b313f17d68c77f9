//! The HTTP server: one router, and the layers around all of its routes.
//!
//! Nothing here knows the schema or the database: operations go to the `Engine`, tokens to `Callers`.

pub mod assets;
pub mod authentication;
mod base_path;
mod body;
mod compression;
pub mod conditional;
pub mod connections;
mod cookie;
pub mod error;
pub mod files;
pub mod graphql;
pub mod health;
pub mod host;
mod mcp;
pub mod negotiation;
pub mod origin;
pub mod places;
pub mod request_id;
mod run;
mod stall;
mod watch;
pub mod websocket;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header::CONTENT_TYPE},
    middleware,
    response::Response,
    routing::{get, post},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{authentication::Callers, error::HttpError, health::Readiness, places::Places};
use crate::{
    auth::share::Shares,
    config::{HttpConfig, LimitsConfig},
    domain::{client::Subnet, clock::Clock},
    error::ErrorCode,
    graphql::{engine::Engine, limits::DocumentLimits},
};

/// Root fields of one query. Each is work that starts at once, concurrently with the others.
const MAX_ROOT_FIELDS: usize = 20;

/// What the routes of this module need.
#[derive(Clone)]
pub struct HttpState {
    pub engine: Engine,
    pub callers: Arc<dyn Callers>,
    pub clock: Arc<dyn Clock>,
    /// Checks the parts that the server depends on.
    pub readiness: Readiness,
    /// The schema in its definition language, for `/schema.graphql`.
    pub schema: Arc<str>,
    pub http: HttpConfig,
    pub limits: LimitsConfig,
    /// Cancelled when the server stops: every socket is then closed with 1001, and every event stream ends.
    pub shutdown: CancellationToken,
    /// Who holds how many sockets and event streams.
    pub places: Places,
    /// Open requests per client; only behind a proxy, where connections don't show the client.
    pub requests: Option<Shares<Option<Subnet>>>,
    /// Counts the sockets. After `shutdown`, `close` it and `wait` for the last close frame.
    pub sockets: TaskTracker,
}

/// The whole server: the routes of this module and `more`, which already has its state, behind the same layers, at the
/// root and under the base path of the settings.
pub fn router(state: HttpState, more: Router) -> Router {
    let patience = Duration::from_secs(state.http.stall_timeout_seconds);
    let state = Arc::new(state);
    let settings = Arc::clone(&state);
    let graphql = get(graphql::get).post(graphql::post).head(graphql::refuse_method).fallback(graphql::refuse_method);
    let router = Router::new()
        .route("/graphql", graphql)
        .route("/mcp", post(mcp::post).fallback(mcp::refuse_method))
        .route("/schema.graphql", get(schema))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .fallback(assets::serve)
        .with_state(Arc::clone(&state))
        .merge(more)
        .method_not_allowed_fallback(refuse_method)
        .layer(middleware::from_fn_with_state(patience, stall::bound_body))
        .layer(middleware::from_fn_with_state(Arc::clone(&state), authentication::identify))
        .layer(middleware::from_fn_with_state(Arc::clone(&state), host::require_known))
        .layer(middleware::from_fn(request_id::boundary))
        .layer(middleware::from_fn_with_state(state, origin::cross_origin));
    base_path::serve_below(&settings.http.base_path, router)
}

/// The part of the settings that concerns documents.
#[must_use]
pub fn document_limits(limits: &LimitsConfig) -> DocumentLimits {
    DocumentLimits {
        bytes: limits.document_bytes,
        tokens: limits.document_tokens,
        nesting: limits.document_nesting,
        depth: limits.depth,
        aliases: limits.aliases,
        mutations: limits.mutations,
        root_fields: MAX_ROOT_FIELDS,
    }
}

async fn schema(State(state): State<Arc<HttpState>>, headers: HeaderMap) -> Response {
    let mut response = compression::respond(&headers, state.schema.as_bytes().to_vec()).await;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

async fn refuse_method() -> HttpError {
    HttpError::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::BadUserInput, "This method is not supported here.")
}
