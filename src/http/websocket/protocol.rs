//! The `graphql-transport-ws` protocol: messages and close codes.

use std::borrow::Cow;

use axum::extract::ws::{CloseFrame, Message};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The subprotocol, as it is negotiated.
pub const SUBPROTOCOL: &str = "graphql-transport-ws";

/// Bytes that the reason of a close frame may have; a longer one is an invalid frame.
const MAX_REASON_BYTES: usize = 123;

/// Messages from the client.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    ConnectionInit { payload: Option<Map<String, Value>> },
    Subscribe { id: String, payload: Value },
    Complete { id: String },
    Ping { payload: Option<Map<String, Value>> },
    Pong,
}

/// Messages from the server.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage<'a, P: Serialize = ()> {
    ConnectionAck,
    Next {
        id: &'a str,
        payload: P,
    },
    Error {
        id: &'a str,
        payload: P,
    },
    Complete {
        id: &'a str,
    },
    Pong {
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<P>,
    },
}

impl<'a> ServerMessage<'a> {
    pub fn acknowledge() -> Self {
        Self::ConnectionAck
    }

    pub fn complete(id: &'a str) -> Self {
        Self::Complete { id }
    }
}

/// Why the server ends a connection. Clients of npm `graphql-ws` come back after 1001, 1013, 4403 and 4408; the others
/// are mistakes that trying again would repeat.
#[derive(Debug)]
pub struct Close {
    code: u16,
    reason: Cow<'static, str>,
}

impl Close {
    pub const GOING_AWAY: Self = Self::new(1001, "The server is shutting down.");
    pub const SILENT: Self = Self::new(1001, "Nothing was received, not even a pong.");
    pub const IDLE: Self = Self::new(1000, "The connection was idle for too long. Connect again when you need it.");
    pub const ACCOUNT_FULL: Self = Self::new(1013, "This account has the maximum number of WebSockets. Close one.");
    pub const NAMELESS_FULL: Self =
        Self::new(1013, "No more WebSockets without an account. Log in, or try again later.");
    pub const TOO_LARGE: Self = Self::new(1009, "The message is too large.");
    pub const SLOW: Self = Self::new(1013, "Messages were not received in time.");
    pub const INVALID: Self = Self::new(4400, "Invalid message.");
    pub const NOT_INITIALISED: Self = Self::new(4401, "Unauthorized: send connection_init first.");
    pub const EXPIRED: Self = Self::new(4403, "Forbidden: the token expired.");
    pub const REVOKED: Self = Self::new(4403, "Forbidden: this session or key is no longer valid.");
    pub const CHANGED: Self = Self::new(4403, "Forbidden: the role of this account has changed. Connect again.");
    pub const NO_INIT: Self = Self::new(4408, "Connection initialisation timeout.");
    pub const SECOND_INIT: Self = Self::new(4429, "Too many initialisation requests.");

    const fn new(code: u16, reason: &'static str) -> Self {
        Self { code, reason: Cow::Borrowed(reason) }
    }

    /// The message is understood, but its request is not.
    pub fn malformed(reason: &'static str) -> Self {
        Self::new(4400, reason)
    }

    /// The credential is refused.
    pub fn forbidden(reason: &str) -> Self {
        Self { code: 4403, reason: format!("Forbidden: {reason}").into() }
    }

    /// The id has an operation already.
    pub fn duplicate(id: &str) -> Self {
        Self { code: 4409, reason: format!("Subscriber for {id} already exists").into() }
    }

    /// Something that the server needs does not work at the moment.
    pub fn try_again(reason: String) -> Self {
        Self { code: 1013, reason: reason.into() }
    }
}

impl From<Close> for Message {
    fn from(close: Close) -> Self {
        let end = close.reason.floor_char_boundary(MAX_REASON_BYTES);
        Self::Close(Some(CloseFrame { code: close.code, reason: close.reason[..end].into() }))
    }
}
