//! GraphQL over HTTP: `POST /graphql`, and `GET /graphql` for queries.
//!
//! The statuses are those that the audits of npm `graphql-http` require. A request that is not GraphQL at all gets the
//! status of its error, whatever the client accepts.

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::{
    Extension,
    body::{Body, to_bytes},
    extract::{
        Query, State,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::{
        HeaderMap, HeaderValue, StatusCode, Uri,
        header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER},
    },
    response::{IntoResponse, Response},
};
use futures_util::StreamExt;
use serde_json::{Map, Value};

use super::{
    HttpState, authentication, compression,
    error::HttpError,
    negotiation::{self, MediaType},
    watch::WatchedCaller,
    websocket,
};
use crate::{
    domain::{client::Client, id::RequestId},
    error::ErrorCode,
    graphql::{
        engine::{Answer, OperationKind, Parameters},
        error::PublicError,
    },
};

/// How long a client may take to send its request.
const BODY_DEADLINE: Duration = Duration::from_secs(15);

/// Maximum age of the permission check when the response is sent.
const PATIENCE: Duration = Duration::from_secs(3);

const SUBSCRIPTION: &str = "Subscriptions are served over WebSocket: connect to this address with the subprotocol \
                            `graphql-transport-ws`.";

/// The status of an answer.
fn status(answer: &Answer, media_type: MediaType) -> StatusCode {
    match (answer.executed(), media_type) {
        _ if answer.retry_after_seconds().is_some() => StatusCode::TOO_MANY_REQUESTS,
        (true, _) | (false, MediaType::Json) => StatusCode::OK,
        (false, MediaType::GraphqlResponse) => StatusCode::BAD_REQUEST,
    }
}

/// An answer, and whether it may be compressed.
struct Reply {
    answer: Answer,
    may_shrink: bool,
}

impl Reply {
    /// The answer to a request that is not run.
    fn refused(error: PublicError, request_id: RequestId) -> Self {
        Self { answer: Answer::refused(error, request_id), may_shrink: false }
    }
}

/// Any operation, as a JSON object.
pub async fn post(
    State(state): State<Arc<HttpState>>,
    Extension(request_id): Extension<RequestId>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    respond(&headers, async {
        negotiation::require_json(&headers)?;
        negotiation::require_identity(&headers)?;
        let body = read(body, &headers, state.limits.request_bytes).await?;
        let parameters = serde_json::from_slice(&body)
            .map_err(|_| HttpError::bad_request("The body is not valid JSON."))
            .and_then(parameters)?;
        run(&state, parameters, &headers, (request_id, client), Verb::Post).await
    })
    .await
}

/// A query in the query string; or the beginning of a WebSocket.
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
    respond(&headers, async {
        let Query(members) = Query::<HashMap<String, String>>::try_from_uri(&uri)
            .map_err(|_| HttpError::bad_request("The query string is not valid."))?;
        run(&state, parameters(from_query_string(members)?)?, &headers, (request_id, client), Verb::Get).await
    })
    .await
}

/// `HEAD`, `OPTIONS` and the rest.
pub async fn refuse_method() -> HttpError {
    method_not_allowed("GET, POST", "Use GET or POST for GraphQL requests.")
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Get,
    Post,
}

async fn run(
    state: &HttpState,
    parameters: Parameters,
    headers: &HeaderMap,
    (request_id, client): (RequestId, Client),
    verb: Verb,
) -> Result<Reply, HttpError> {
    let viewer = authentication::viewer(&*state.callers, headers, client).await?;
    let mut caller = WatchedCaller::new(&state.callers, viewer);
    let operation = match state.engine.prepare(parameters, caller.viewer().clone(), request_id) {
        Ok(operation) => operation,
        Err(error) => return Ok(Reply::refused(error, request_id)),
    };
    match (operation.kind, verb) {
        (OperationKind::Query, _) | (OperationKind::Mutation, Verb::Post) => {}
        (OperationKind::Mutation, Verb::Get) => {
            return Err(method_not_allowed("POST", "Use POST for mutations."));
        }
        (OperationKind::Subscription, _) => {
            return Ok(Reply::refused(PublicError::new(ErrorCode::BadUserInput, SUBSCRIPTION), request_id));
        }
    }
    let may_shrink = operation.kind == OperationKind::Query;
    state.callers.charge(caller.viewer(), operation.price).await?;
    let answer = state.engine.run(operation).next().await;
    // A slow request may outlast the caller's permission.
    caller.recheck(PATIENCE).await?;
    let answer = answer.ok_or_else(|| HttpError::internal("the engine gave no answer".to_owned()))?;
    Ok(Reply { answer, may_shrink })
}

async fn respond(headers: &HeaderMap, reply: impl Future<Output = Result<Reply, HttpError>>) -> Response {
    let media_type = match MediaType::negotiate(headers) {
        Ok(media_type) => media_type,
        Err(error) => return error.into_response(),
    };
    let mut response = match reply.await {
        Ok(Reply { answer, may_shrink }) => match serde_json::to_vec(&answer) {
            Ok(body) => {
                let mut response =
                    if may_shrink { compression::respond(headers, body).await } else { body.into_response() };
                *response.status_mut() = status(&answer, media_type);
                if let Some(seconds) = answer.retry_after_seconds() {
                    response.headers_mut().insert(RETRY_AFTER, seconds.into());
                }
                response
            }
            Err(error) => HttpError::internal(error.to_string()).into_response(),
        },
        Err(error) => error.into_response(),
    };
    response.headers_mut().insert(CONTENT_TYPE, media_type.content_type());
    response
}

async fn read(body: Body, headers: &HeaderMap, limit: usize) -> Result<bytes::Bytes, HttpError> {
    let too_large = || {
        let message = format!("The request is too large: at most {limit} bytes are allowed.");
        HttpError::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::CostLimitExceeded, message)
    };
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    match tokio::time::timeout(BODY_DEADLINE, to_bytes(body, limit)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        // Without an announced length it was the limit that ended it; otherwise the client broke off.
        Ok(Err(_)) if announced.is_none() => Err(too_large()),
        Ok(Err(_)) => Err(HttpError::bad_request("The body ended before it was complete.")),
        Err(_) => {
            let message = "The request took too long to arrive.";
            Err(HttpError::new(StatusCode::REQUEST_TIMEOUT, ErrorCode::Timeout, message))
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
            "variables" | "extensions" => serde_json::from_str(&text)
                .map_err(|_| HttpError::bad_request(format!("`{name}` is not valid JSON.")))?,
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
