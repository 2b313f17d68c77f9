//! The Model Context Protocol: `POST /mcp`, for assistants that search and read documents.
//!
//! It is the stateless part of «Streamable HTTP»: each message is answered by one JSON object, and nothing is remembered
//! between two. Callers, scopes, budgets and limits are those of GraphQL, because a tool is an operation of the schema.

mod finding;
mod revision;
mod rpc;
mod tools;

use std::sync::Arc;

use axum::{
    Extension, Json,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header::ALLOW},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};

use self::{
    finding::Finding,
    revision::Revision,
    rpc::{INVALID_PARAMS, METHOD_NOT_FOUND, Message, RpcError},
    tools::Tool,
};
use super::{
    HttpState, authentication, body, cookie::NO_COOKIE, error::HttpError, negotiation, origin, run::Prepared,
    watch::WatchedCaller,
};
use crate::{
    auth::cookie::TokenCookie,
    domain::{client::Client, id::RequestId},
    error::ErrorCode,
    graphql::engine::Parameters,
};

/// One message of a client.
///
/// # Errors
/// What concerns the request and not the message: a page that may not use the server, a bad credential, too large a body.
pub async fn post(
    State(state): State<Arc<HttpState>>,
    Extension(request_id): Extension<RequestId>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, HttpError> {
    origin::require_allowed(&headers, &state.http)?;
    negotiation::require_json(&headers)?;
    negotiation::require_identity(&headers)?;
    let body = body::read(body, &headers, state.limits.request_bytes).await?;
    let viewer = authentication::viewer(&*state.callers, &headers, client).await?;
    let caller = WatchedCaller::new(&state.callers, viewer);
    if !body::is_bearable(&body) {
        return Err(body::too_many_values());
    }
    let message = match Message::parse(&body) {
        Ok(message) => message,
        Err(error) => return Ok(refused(None, error, None)),
    };
    let revision = Revision::of(&headers, &message);
    match (message, revision) {
        (Message::Request { id, method, params }, Ok(revision)) => {
            let result = answer(&state, caller, request_id, revision, &method, params).await?;
            Ok(match result {
                Ok(result) => Json(rpc::answer(Some(&id), Ok(revision.dress(result)))).into_response(),
                Err(error) => refused(Some(&id), error, Some(revision)),
            })
        }
        (Message::Request { id, .. }, Err(error)) => Ok(refused(Some(&id), error, None)),
        (Message::Notice, Ok(_)) => Ok(StatusCode::ACCEPTED.into_response()),
        (Message::Notice, Err(error)) => Ok(refused(None, error, None)),
    }
}

/// What a method returns.
async fn answer(
    state: &HttpState,
    caller: WatchedCaller,
    request_id: RequestId,
    revision: Revision,
    method: &str,
    params: Map<String, Value>,
) -> Result<Result<Value, RpcError>, HttpError> {
    Ok(match (method, revision) {
        ("initialize", Revision::WithHandshake) => Ok(revision::initialize(&params)),
        ("ping", Revision::WithHandshake) => Ok(json!({})),
        ("server/discover", Revision::Current) => Ok(revision.dress_list(revision::discover())),
        ("tools/list", _) => Ok(revision.dress_list(json!({ "tools": tools::list(caller.viewer()) }))),
        ("tools/call", _) => match wanted(params) {
            Ok((tool, arguments)) => Ok(call(state, caller, request_id, tool, arguments).await?),
            Err(error) => Err(error),
        },
        _ => Err(RpcError::new(METHOD_NOT_FOUND, format!("There is no method {method}."))),
    })
}

/// The answer to a message that is refused. With a handshake, the message that is understood has the status 200.
fn refused(id: Option<&Value>, error: RpcError, revision: Option<Revision>) -> Response {
    let status = match (revision, error.code) {
        (Some(Revision::WithHandshake), _) => StatusCode::OK,
        (Some(Revision::Current), METHOD_NOT_FOUND) => StatusCode::NOT_FOUND,
        (Some(Revision::Current) | None, _) => StatusCode::BAD_REQUEST,
    };
    (status, Json(rpc::answer(id, Err(error)))).into_response()
}

/// There is no stream to open and no session to end.
pub async fn refuse_method() -> HttpError {
    let message = "Use POST to send a message.";
    HttpError::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::BadUserInput, message)
        .with_header(ALLOW, HeaderValue::from_static("POST"))
}

fn wanted(mut params: Map<String, Value>) -> Result<(&'static Tool, Map<String, Value>), RpcError> {
    let name = params.get("name").and_then(Value::as_str).unwrap_or_default();
    let tool = tools::find(name).ok_or_else(|| RpcError::new(INVALID_PARAMS, format!("There is no tool {name}.")))?;
    match params.remove("arguments") {
        None | Some(Value::Null) => Ok((tool, Map::new())),
        Some(Value::Object(arguments)) => Ok((tool, arguments)),
        Some(_) => Err(RpcError::new(INVALID_PARAMS, "`arguments` must be an object.")),
    }
}

/// Runs the operation of a tool. What it can't do is told to the assistant, which may try it differently.
async fn call(
    state: &HttpState,
    mut caller: WatchedCaller,
    request_id: RequestId,
    tool: &Tool,
    arguments: Map<String, Value>,
) -> Result<Value, HttpError> {
    let variables = match tool.variables(arguments) {
        Ok(variables) => variables,
        Err(message) => return Ok(Finding::refused(ErrorCode::BadUserInput.as_str(), &message).result()),
    };
    let parameters = Parameters::embedded(tool.operation, variables);
    let cookie = TokenCookie::closed(NO_COOKIE);
    let prepared = match Prepared::new(state, parameters, (caller.viewer(), cookie), request_id) {
        Ok(prepared) => prepared,
        Err(error) => return Ok(Finding::refused(error.code().as_str(), &error.to_string()).result()),
    };
    let answer = prepared.answer(state, &mut caller).await?;
    let answer = serde_json::to_value(&answer).map_err(|error| HttpError::internal(error.to_string()))?;
    Ok(Finding::of(&answer, tool.present).result())
}
