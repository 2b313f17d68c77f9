//! Subscriptions over one WebSocket (`graphql-transport-ws`). The address has to be `http://`: this crate's WebSockets
//! bring no TLS.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{
        self, Error as SocketError,
        client::IntoClientRequest,
        http::{HeaderValue, StatusCode},
    },
};

use crate::{answer, client::Client, error::Error};

pub(crate) const PROTOCOL: &str = "graphql-transport-ws";

/// How long the server may take to accept a socket.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// One WebSocket. It ends with the access token that it was opened with, so whoever follows something for long opens
/// another one then; [`Follower`](crate::Follower) does.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The server sent a ping that is not answered yet.
    owes_pong: bool,
}

/// What the server says of a subscription, which goes by the id that it was given.
#[derive(Debug)]
pub enum Message {
    /// A result.
    Next { id: String, data: Value },
    /// The subscription was refused, or ended with an error.
    Failed { id: String, error: Error },
    /// There are no more results.
    Complete { id: String },
}

impl Socket {
    /// Opens a socket with the client's token and waits until the server has accepted it.
    pub async fn open(client: &Client) -> Result<Self, Error> {
        let opened = timeout(CONNECT_LIMIT, Self::introduced(client)).await;
        opened.unwrap_or_else(|_| Err(Error::TimedOut(format!("no connection_ack within {CONNECT_LIMIT:?}"))))
    }

    async fn introduced(client: &Client) -> Result<Self, Error> {
        let (base, token) = client.access().await?;
        let url = format!("{}graphql", base.as_str().replacen("http", "ws", 1));
        let mut request = url.into_client_request().map_err(|error| unreachable(&error))?;
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(PROTOCOL));
        let (stream, _) = connect_async_with_config(request, None, true).await.map_err(|error| unreachable(&error))?;
        let mut socket = Self { stream, owes_pong: false };
        let payload = token.map_or(json!({}), |token| json!({ "authorization": format!("Bearer {token}") }));
        socket.send(&json!({ "type": "connection_init", "payload": payload })).await?;
        let first = socket.receive().await?;
        if first.kind == "connection_ack" { Ok(socket) } else { Err(unknown(&first)) }
    }

    /// Starts a subscription under an id of the caller's choice.
    pub async fn subscribe(&mut self, id: &str, document: &str, variables: Value) -> Result<(), Error> {
        let payload = json!({ "query": document, "variables": variables });
        self.send(&json!({ "type": "subscribe", "id": id, "payload": payload })).await
    }

    /// The next message of any subscription. Nothing is lost when the future is dropped before it is ready. Fails when
    /// the socket has ended.
    pub async fn next(&mut self) -> Result<Message, Error> {
        let mut message = self.receive().await?;
        let Some(id) = message.id.take() else { return Err(unknown(&message)) };
        match message.kind.as_str() {
            "next" => Ok(match answer::data(message.payload) {
                Ok(data) => Message::Next { id, data },
                Err(error) => Message::Failed { id, error },
            }),
            "error" => Ok(Message::Failed { id, error: Error::of_answer(&message.payload) }),
            "complete" => Ok(Message::Complete { id }),
            _ => Err(unknown(&message)),
        }
    }

    async fn send(&mut self, message: &Value) -> Result<(), Error> {
        self.stream.send(tungstenite::Message::text(message.to_string())).await.map_err(|error| unreachable(&error))
    }

    /// The next message of the protocol that is not a ping.
    async fn receive(&mut self) -> Result<Incoming, Error> {
        loop {
            if self.owes_pong {
                self.send(&json!({ "type": "pong" })).await?;
                self.owes_pong = false;
            }
            let frame = self.stream.next().await;
            let frame =
                frame.ok_or_else(|| ended("ended without a close frame"))?.map_err(|error| unreachable(&error))?;
            match frame {
                tungstenite::Message::Text(text) => {
                    let message: Incoming = serde_json::from_str(text.as_str())
                        .map_err(|error| Error::Unexpected(format!("a message that is not of {PROTOCOL}: {error}")))?;
                    if message.kind != "ping" {
                        return Ok(message);
                    }
                    self.owes_pong = true;
                }
                tungstenite::Message::Close(Some(frame)) => {
                    return Err(ended(&format!("was closed by the server: {} {}", frame.code, frame.reason)));
                }
                tungstenite::Message::Close(None) => return Err(ended("was closed by the server")),
                _ => {}
            }
        }
    }
}

#[derive(Deserialize)]
struct Incoming {
    #[serde(rename = "type")]
    kind: String,
    id: Option<String>,
    #[serde(default)]
    payload: Value,
}

fn unknown(message: &Incoming) -> Error {
    Error::Unexpected(format!("a WebSocket message of type {}", message.kind))
}

fn ended(how: &str) -> Error {
    Error::Unreachable(format!("the WebSocket {how}"))
}

fn unreachable(error: &SocketError) -> Error {
    match error {
        SocketError::Http(answer) if answer.status() == StatusCode::TOO_MANY_REQUESTS => {
            Error::RateLimited { message: "status 429 for a WebSocket".to_owned(), retry_after: None }
        }
        error => Error::unreachable(error),
    }
}
