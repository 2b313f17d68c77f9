//! JSON-RPC 2.0, as far as a server needs it that only answers.

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Error codes of JSON-RPC.
pub(super) const PARSE_ERROR: i32 = -32700;
pub(super) const INVALID_REQUEST: i32 = -32600;
pub(super) const METHOD_NOT_FOUND: i32 = -32601;
pub(super) const INVALID_PARAMS: i32 = -32602;
/// Error codes of the protocol.
pub(super) const HEADER_MISMATCH: i32 = -32020;
pub(super) const UNSUPPORTED_VERSION: i32 = -32022;

/// A refusal of a message.
#[derive(Debug)]
pub(super) struct RpcError {
    pub(super) code: i32,
    message: String,
    data: Option<Value>,
}

impl RpcError {
    pub(super) fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    pub(super) fn with_data(self, data: Value) -> Self {
        Self { data: Some(data), ..self }
    }
}

/// A message of a client.
pub(super) enum Message {
    /// It has to be answered.
    Request { id: Value, method: String, params: Map<String, Value> },
    /// A notification, or a response to something that was never asked: nothing has to be done.
    Notice,
}

#[derive(Deserialize)]
struct Envelope {
    jsonrpc: String,
    id: Option<Value>,
    method: Option<String>,
    params: Option<Map<String, Value>>,
}

impl Message {
    /// Reads a message.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, RpcError> {
        let value: Value =
            serde_json::from_slice(bytes).map_err(|_| RpcError::new(PARSE_ERROR, "The body is not valid JSON."))?;
        if value.is_array() {
            return Err(RpcError::new(INVALID_REQUEST, "Batches are not supported: send one message at a time."));
        }
        let Ok(Envelope { jsonrpc, id, method, params }) = serde_json::from_value(value) else {
            return Err(RpcError::new(INVALID_REQUEST, "The body is not a JSON-RPC message."));
        };
        if jsonrpc != "2.0" {
            return Err(RpcError::new(INVALID_REQUEST, "`jsonrpc` must be \"2.0\"."));
        }
        match (id, method) {
            (Some(id @ (Value::String(_) | Value::Number(_))), Some(method)) => {
                Ok(Self::Request { id, method, params: params.unwrap_or_default() })
            }
            (Some(_), Some(_)) => Err(RpcError::new(INVALID_REQUEST, "`id` must be a string or a number.")),
            (None, _) | (Some(_), None) => Ok(Self::Notice),
        }
    }
}

/// The answer to a request; that to a message that can't be read has no id.
pub(super) fn answer(id: Option<&Value>, result: Result<Value, RpcError>) -> Value {
    match result {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(RpcError { code, message, data }) => {
            let mut error = json!({ "code": code, "message": message });
            if let Some(data) = data {
                error["data"] = data;
            }
            json!({ "jsonrpc": "2.0", "id": id, "error": error })
        }
    }
}
