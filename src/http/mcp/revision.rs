//! Revisions of the protocol: the current one, in which each request says what it is, and those that begin with a handshake.
//! What is used of them is the same; requests and results are dressed differently.

use axum::http::HeaderMap;
use serde_json::{Map, Value, json};

use super::rpc::{HEADER_MISMATCH, INVALID_PARAMS, Message, RpcError, UNSUPPORTED_VERSION};

const CURRENT: &str = "2026-07-28";
/// The newest first.
const WITH_HANDSHAKE: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];

/// Headers of a request.
const MCP_PROTOCOL_VERSION: &str = "mcp-protocol-version";
const MCP_METHOD: &str = "mcp-method";
const MCP_NAME: &str = "mcp-name";

/// What a request of the current revision says about itself.
const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// What a result says about the server.
const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";

/// How long a client may keep what the server says about itself and its tools. These change with the caller's key.
const KEPT_MILLISECONDS: u32 = 300_000;

const INSTRUCTIONS: &str = "Docent searches collections of documents. Search first, with a question or with words: the hits are \
                            chunks of documents. Cite what you use with its title, page and uri. Read around a chunk with \
                            get_chunk_context, and a whole document with get_document.";

/// How a message is to be understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Revision {
    Current,
    WithHandshake,
}

impl Revision {
    /// The revision of a message. The headers repeat what it says, for those who route it, and have to agree.
    ///
    /// # Errors
    /// When it is unknown, or headers and message differ.
    pub(super) fn of(headers: &HeaderMap, message: &Message) -> Result<Self, RpcError> {
        let header = text(headers, MCP_PROTOCOL_VERSION);
        let Message::Request { method, params, .. } = message else {
            return match header {
                Some(version) if version != CURRENT && !WITH_HANDSHAKE.contains(&version) => Err(unsupported(version)),
                Some(CURRENT) => Ok(Self::Current),
                Some(_) | None => Ok(Self::WithHandshake),
            };
        };
        let meta = params.get("_meta");
        let declared = meta.and_then(|meta| meta.get(PROTOCOL_VERSION)).and_then(Value::as_str);
        match (header, declared) {
            (None, None) => Ok(Self::WithHandshake),
            (Some(version), None) if WITH_HANDSHAKE.contains(&version) => Ok(Self::WithHandshake),
            (header, Some(declared)) if header != Some(declared) => Err(mismatch(MCP_PROTOCOL_VERSION)),
            (Some(CURRENT), Some(_)) => {
                let is_complete = meta.is_some_and(|meta| meta[CLIENT_CAPABILITIES].is_object());
                let name = params.get("name").and_then(Value::as_str).filter(|_| method == "tools/call");
                if !is_complete {
                    Err(RpcError::new(INVALID_PARAMS, format!("`_meta` must have `{CLIENT_CAPABILITIES}`.")))
                } else if text(headers, MCP_METHOD) != Some(method.as_str()) {
                    Err(mismatch(MCP_METHOD))
                } else if name.is_some() && text(headers, MCP_NAME) != name {
                    Err(mismatch(MCP_NAME))
                } else {
                    Ok(Self::Current)
                }
            }
            (Some(CURRENT), None) => {
                Err(RpcError::new(INVALID_PARAMS, format!("`_meta` must have `{PROTOCOL_VERSION}`.")))
            }
            (Some(version), _) => Err(unsupported(version)),
            (None, Some(_)) => Err(mismatch(MCP_PROTOCOL_VERSION)),
        }
    }

    /// A result as the revision has it.
    pub(super) fn dress(self, mut result: Value) -> Value {
        match self {
            Self::WithHandshake => {}
            Self::Current => {
                result["resultType"] = "complete".into();
                result["_meta"] = json!({ SERVER_INFO: server_info() });
            }
        }
        result
    }

    /// What the server says about its tools, which a client may keep.
    pub(super) fn dress_list(self, mut result: Value) -> Value {
        match self {
            Self::WithHandshake => {}
            Self::Current => {
                result["ttlMs"] = KEPT_MILLISECONDS.into();
                result["cacheScope"] = "private".into();
            }
        }
        result
    }
}

/// The handshake: agrees on a revision, the one of the client if it is known.
pub(super) fn initialize(params: &Map<String, Value>) -> Value {
    let asked = params.get("protocolVersion").and_then(Value::as_str);
    let version = WITH_HANDSHAKE.into_iter().find(|known| Some(*known) == asked).unwrap_or(WITH_HANDSHAKE[0]);
    json!({
        "protocolVersion": version,
        "capabilities": { "tools": {} },
        "serverInfo": server_info(),
        "instructions": INSTRUCTIONS,
    })
}

/// What the current revision has instead of a handshake.
pub(super) fn discover() -> Value {
    json!({ "supportedVersions": supported(), "capabilities": { "tools": {} }, "instructions": INSTRUCTIONS })
}

fn server_info() -> Value {
    json!({ "name": "docent", "title": "Docent", "version": env!("CARGO_PKG_VERSION") })
}

fn supported() -> Vec<&'static str> {
    [CURRENT].into_iter().chain(WITH_HANDSHAKE).collect()
}

fn unsupported(version: &str) -> RpcError {
    let data = json!({ "supported": supported(), "requested": version });
    RpcError::new(UNSUPPORTED_VERSION, "Unsupported protocol version.").with_data(data)
}

fn mismatch(name: &str) -> RpcError {
    RpcError::new(HEADER_MISMATCH, format!("The header `{name}` does not say what the message says."))
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).map(|value| value.to_str().unwrap_or_default())
}
