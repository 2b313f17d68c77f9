//! A client of GraphQL over WebSocket that says whatever a test wants, wrong things too, and sees every frame. A client
//! that only does it right is `docent_client::Socket`.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};

use super::app::PATIENCE;

pub const SUBPROTOCOL: (&str, &str) = ("sec-websocket-protocol", "graphql-transport-ws");

/// A socket that speaks the protocol.
pub struct Client(pub WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    /// Upgrades with these headers; or the status, the code and the `Retry-After` of the refusal.
    pub async fn connect(address: SocketAddr, headers: &[(&str, &str)]) -> Result<Self, (u16, String, bool)> {
        Self::connect_below("", address, headers).await
    }

    /// As [`connect`](Self::connect), where the API is below a path.
    pub async fn connect_below(
        base_path: &str,
        address: SocketAddr,
        headers: &[(&str, &str)],
    ) -> Result<Self, (u16, String, bool)> {
        Self::upgrade(&format!("ws://{address}{base_path}/graphql"), headers).await
    }

    /// As [`connect`](Self::connect), by another name than the address.
    pub async fn connect_as(
        host: &str,
        address: SocketAddr,
        headers: &[(&str, &str)],
    ) -> Result<Self, (u16, String, bool)> {
        let headers: Vec<_> = [("host", host)].into_iter().chain(headers.iter().copied()).collect();
        Self::connect(address, &headers).await
    }

    async fn upgrade(url: &str, headers: &[(&str, &str)]) -> Result<Self, (u16, String, bool)> {
        let mut request = url.into_client_request().unwrap();
        // A request has one host.
        if headers.iter().any(|(name, _)| *name == "host") {
            request.headers_mut().remove("host");
        }
        for (name, value) in headers {
            request.headers_mut().append(name.parse::<axum::http::HeaderName>().unwrap(), value.parse().unwrap());
        }
        match connect_async(request).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(response)) => {
                let body: Value = serde_json::from_slice(response.body().as_deref().unwrap_or_default()).unwrap();
                let code = body["errors"][0]["extensions"]["code"].as_str().unwrap().to_owned();
                Err((response.status().as_u16(), code, response.headers().contains_key("retry-after")))
            }
            Err(error) => panic!("{error}"),
        }
    }

    pub async fn open(address: SocketAddr) -> Self {
        Self::connect(address, &[SUBPROTOCOL]).await.unwrap()
    }

    /// An anonymous socket that has sent `connection_init`.
    pub async fn initialised(address: SocketAddr) -> Self {
        let mut client = Self::open(address).await;
        client.initialise(json!({})).await;
        client
    }

    pub async fn initialise(&mut self, payload: Value) {
        self.send(json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(self.next().await, json!({ "type": "connection_ack" }));
    }

    pub async fn send(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    pub async fn subscribe(&mut self, id: &str, query: &str) {
        self.send(json!({ "type": "subscribe", "id": id, "payload": { "query": query } })).await;
    }

    pub async fn frame(&mut self) -> Message {
        timeout(PATIENCE, self.0.next()).await.expect("a frame in time").expect("an open socket").unwrap()
    }

    /// The next message of the protocol; pings of the server are passed over.
    pub async fn next(&mut self) -> Value {
        loop {
            match self.frame().await {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Reads to the end; the code and the reason that the server gave.
    pub async fn closed(mut self) -> (u16, String) {
        loop {
            if let Message::Close(frame) = self.frame().await {
                let frame = frame.expect("a close frame with a code");
                assert!(frame.reason.len() <= 123, "{}", frame.reason);
                return (frame.code.into(), frame.reason.to_string());
            }
        }
    }
}
