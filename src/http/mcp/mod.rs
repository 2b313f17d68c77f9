//! The Model Context Protocol: `POST /mcp`, for assistants that search and read documents.
//!
//! It is the stateless part of «Streamable HTTP»: each message is answered by one JSON object, and nothing is remembered
//! between two. Callers, scopes, budgets and limits are those of GraphQL, because a tool is an operation of the schema.

mod finding;
mod rpc;
mod tools;

use std::sync::Arc;

use axum::{
    Extension, Json,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header::ALLOW},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};

use self::{
    finding::Finding,
    rpc::{INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, Message, RpcError},
    tools::Tool,
};
use super::{
    HttpState, authentication, body, error::HttpError, negotiation, origin, run::Prepared, watch::WatchedCaller,
};
use crate::{
    domain::{client::Client, id::RequestId},
    error::ErrorCode,
    graphql::engine::Parameters,
};

const MCP_PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");

/// Revisions of the protocol, the newest first. What is used of it is the same in all of them.
const VERSIONS: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];

const INSTRUCTIONS: &str = "Docent finds passages in document collections. Search first, with a question or with words. Cite \
                            what you use with its title, page and uri. Read around a passage with get_chunk_context, and a \
                            whole document with get_document.";

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
    let message = match require_version(&headers).and_then(|()| Message::parse(&body)) {
        Ok(message) => message,
        Err(error) => return Ok((StatusCode::BAD_REQUEST, Json(rpc::answer(None, Err(error)))).into_response()),
    };
    let Message::Request { id, method, params } = message else {
        return Ok(StatusCode::ACCEPTED.into_response());
    };
    let caller = WatchedCaller::new(&state.callers, viewer);
    let result = match method.as_str() {
        "initialize" => Ok(initialize(&params)),
        "ping" => Ok(json!({})),
        "tools/list" => Ok(json!({ "tools": tools::list(caller.viewer()) })),
        "tools/call" => match wanted(params) {
            Ok((tool, arguments)) => Ok(call(&state, caller, request_id, tool, arguments).await?),
            Err(error) => Err(error),
        },
        _ => Err(RpcError::new(METHOD_NOT_FOUND, format!("There is no method {method}."))),
    };
    Ok(Json(rpc::answer(Some(id), result)).into_response())
}

/// There is no stream to open and no session to end.
pub async fn refuse_method() -> HttpError {
    let message = "Use POST to send a message.";
    HttpError::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::BadUserInput, message)
        .with_header(ALLOW, HeaderValue::from_static("POST"))
}

fn require_version(headers: &HeaderMap) -> Result<(), RpcError> {
    let Some(version) = headers.get(MCP_PROTOCOL_VERSION) else { return Ok(()) };
    if VERSIONS.iter().any(|known| version.as_bytes() == known.as_bytes()) {
        return Ok(());
    }
    let message = format!("Unsupported protocol version: this server knows {}.", VERSIONS.join(", "));
    Err(RpcError::new(INVALID_REQUEST, message))
}

/// Agrees on a revision: the one of the client if it is known.
fn initialize(params: &Map<String, Value>) -> Value {
    let asked = params.get("protocolVersion").and_then(Value::as_str);
    let version = VERSIONS.into_iter().find(|known| Some(*known) == asked).unwrap_or(VERSIONS[0]);
    json!({
        "protocolVersion": version,
        "capabilities": { "tools": {} },
        "serverInfo": { "name": "docent", "title": "Docent", "version": env!("CARGO_PKG_VERSION") },
        "instructions": INSTRUCTIONS,
    })
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
    let prepared = match Prepared::new(state, parameters, caller.viewer(), request_id) {
        Ok(prepared) => prepared,
        Err(error) => return Ok(Finding::refused(error.code().as_str(), &error.to_string()).result()),
    };
    let answer = prepared.answer(state, &mut caller).await?;
    let answer = serde_json::to_value(&answer).map_err(|error| HttpError::internal(error.to_string()))?;
    Ok(Finding::of(&answer, tool.present).result())
}
