//! GraphQL over HTTP: `POST /graphql`, and `GET /graphql` for everything but mutations. The client's `Accept` says how it
//! takes the answers: as one response (`single`) or as a stream of events (`stream`).
//!
//! The statuses are those that the audits of npm `graphql-http` require. A request that is not GraphQL at all gets the
//! status of its error, whatever the client accepts.

mod format;
mod single;
mod stream;

use std::{collections::HashMap, sync::Arc};

use axum::{
    Extension,
    body::Body,
    extract::{
        Query, State,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::{
        HeaderMap, HeaderValue, StatusCode, Uri,
        header::{ALLOW, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value};

use super::{
    HttpState, authentication, body,
    cookie::{self, NO_COOKIE},
    error::HttpError,
    negotiation::{self, Accepted, Delivery, MediaType},
    run::Prepared,
    watch::WatchedCaller,
    websocket,
};
use crate::{
    auth::cookie::TokenCookie,
    domain::{client::Client, id::RequestId},
    error::ErrorCode,
    graphql::{
        engine::{Answer, OperationKind, Parameters},
        error::PublicError,
    },
};

const SUBSCRIPTION: &str = "Subscriptions are streams: accept `text/event-stream` or \
                            `multipart/mixed;subscriptionSpec=1.0`, or connect to this address as a WebSocket with the \
                            subprotocol `graphql-transport-ws`.";

/// A request, apart from what it asks for.
struct Asker<'a> {
    state: &'a Arc<HttpState>,
    headers: &'a HeaderMap,
    request_id: RequestId,
    client: Client,
    verb: Verb,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Get,
    Post,
}

/// Any operation, as a JSON object.
pub async fn post(
    State(state): State<Arc<HttpState>>,
    Extension(request_id): Extension<RequestId>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let asker = Asker { state: &state, headers: &headers, request_id, client, verb: Verb::Post };
    asker
        .respond(async {
            negotiation::require_json(&headers)?;
            negotiation::require_identity(&headers)?;
            let body = body::read(body, &headers, state.limits.request_bytes).await?;
            parameters(body::json(&body, "The body is not valid JSON.")?)
        })
        .await
}

/// A query or subscription in the query string; or the beginning of a WebSocket.
pub async fn get(
    State(state): State<Arc<HttpState>>,
    Extension(request_id): Extension<RequestId>,
    Extension(client): Extension<Client>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if websocket::is_upgrade(&headers) {
        return websocket::accept(&state, upgrade, &headers, client).into_response();
    }
    let asker = Asker { state: &state, headers: &headers, request_id, client, verb: Verb::Get };
    asker
        .respond(async {
            let Query(members) = Query::<HashMap<String, String>>::try_from_uri(&uri)
                .map_err(|_| HttpError::bad_request("The query string is not valid."))?;
            parameters(from_query_string(members)?)
        })
        .await
}

/// `HEAD`, `OPTIONS` and the rest.
pub async fn refuse_method() -> HttpError {
    method_not_allowed("GET, POST", "Use GET or POST for GraphQL requests.")
}

impl Asker<'_> {
    async fn respond(self, parameters: impl Future<Output = Result<Parameters, HttpError>>) -> Response {
        let accepted = match Accepted::negotiate(self.headers) {
            Ok(accepted) => accepted,
            Err(error) => return error.into_response(),
        };
        let ran = async { self.run(parameters.await?, accepted).await };
        ran.await.unwrap_or_else(|error| {
            let media_type = match accepted.preferred {
                Delivery::Single(media_type) => media_type,
                Delivery::Stream(_) => MediaType::Json,
            };
            let mut response = error.into_response();
            response.headers_mut().insert(CONTENT_TYPE, media_type.content_type());
            response
        })
    }

    async fn run(self, parameters: Parameters, accepted: Accepted) -> Result<Response, HttpError> {
        let viewer = authentication::viewer(&*self.state.callers, self.headers, self.client.clone()).await?;
        let caller = WatchedCaller::new(&self.state.callers, viewer);
        let cookie = match accepted.preferred {
            Delivery::Single(_) => cookie::of(self.headers, &self.state.http, caller.viewer().key().is_some()),
            Delivery::Stream(_) => TokenCookie::closed(NO_COOKIE),
        };
        let viewer = (caller.viewer(), cookie.clone());
        let prepared = match Prepared::new(self.state, parameters, viewer, self.request_id) {
            Ok(prepared) => prepared,
            Err(error) => return self.refuse(error, accepted.preferred),
        };
        let delivery = match (prepared.kind(), accepted.stream) {
            (OperationKind::Mutation, _) if self.verb == Verb::Get => {
                return Err(method_not_allowed("POST", "Use POST for mutations."));
            }
            (OperationKind::Query | OperationKind::Mutation, _) => accepted.preferred,
            (OperationKind::Subscription, Some(stream)) => Delivery::Stream(stream),
            (OperationKind::Subscription, None) => {
                let error = PublicError::new(ErrorCode::BadUserInput, SUBSCRIPTION);
                return self.refuse(error, accepted.preferred);
            }
        };
        match delivery {
            Delivery::Single(media_type) => {
                let response = single::run(self.state, prepared, caller, self.headers, media_type).await;
                cookie::with_change(response, &cookie, self.headers, &self.state.http)
            }
            Delivery::Stream(stream_type) => {
                stream::open(self.state, prepared, caller, (self.headers, self.request_id), stream_type).await
            }
        }
    }

    /// The answer to a request that is not run.
    fn refuse(&self, error: PublicError, delivery: Delivery) -> Result<Response, HttpError> {
        let answer = Answer::refused(error, self.request_id);
        match delivery {
            Delivery::Single(media_type) => single::plain(&answer, media_type),
            Delivery::Stream(stream_type) => stream::of_one(&answer, stream_type),
        }
    }
}

fn parameters(value: Value) -> Result<Parameters, HttpError> {
    Parameters::from_json(value).map_err(HttpError::bad_request)
}

/// The members of a query string as those of a JSON object. An empty one is an absent one.
fn from_query_string(members: HashMap<String, String>) -> Result<Value, HttpError> {
    let mut object = Map::new();
    for (name, text) in members.into_iter().filter(|(_, text)| !text.is_empty()) {
        let value = match name.as_str() {
            "variables" | "extensions" => body::json(text.as_bytes(), format!("`{name}` is not valid JSON."))?,
            _ => Value::String(text),
        };
        object.insert(name, value);
    }
    Ok(Value::Object(object))
}

fn method_not_allowed(allowed: &'static str, message: &'static str) -> HttpError {
    HttpError::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::BadUserInput, message)
        .with_header(ALLOW, HeaderValue::from_static(allowed))
}
