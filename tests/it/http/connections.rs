//! Strangers who hold connections and do nothing with them.

use std::time::Duration;

use axum::{Router, body::Body, http::Request, routing::post};
use docent::{config::LimitsConfig, http::connections::ConnectionLimits};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tower::ServiceExt;

use super::support::Tiny;
use crate::support::{
    app::PATIENCE,
    socket::{Client, SUBPROTOCOL},
};

const ASK: &[u8] = b"GET /health/live HTTP/1.1\r\nhost: docent.test\r\nconnection: close\r\n\r\n";
const HALF: &[u8] = b"GET /health/live HTTP/1.1\r\nhost: doc";

/// A connection from `127.0.0.<host>`.
async fn from(host: u8, address: std::net::SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, host], 0).into()).unwrap();
    socket.connect(address).await.unwrap()
}

/// What comes until the server closes; a reset is an end as well.
async fn read(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let end = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("the server closes the connection");
    let _ = end;
    String::from_utf8(bytes).unwrap()
}

async fn ask(host: u8, address: std::net::SocketAddr) -> String {
    let mut stream = from(host, address).await;
    let _ = stream.write_all(ASK).await;
    read(stream).await
}

fn tiny(connections: usize, per_address: usize) -> (Tiny, ConnectionLimits) {
    let mut tiny = Tiny::new();
    tiny.state.http.header_timeout_seconds = 1;
    tiny.state.http.stall_timeout_seconds = 1;
    (tiny, ConnectionLimits { all: connections, per_address })
}

#[tokio::test]
async fn half_a_request_is_closed_and_so_is_a_connection_without_one() {
    let (tiny, limits) = tiny(100, 100);
    let address = tiny.listen_within(limits).await;
    let mut half = from(1, address).await;
    half.write_all(HALF).await.unwrap();
    let silent = from(1, address).await;
    let mut kept = from(1, address).await;
    kept.write_all(b"GET /health/live HTTP/1.1\r\nhost: docent.test\r\n\r\n").await.unwrap();
    assert!(!read(half).await.starts_with("HTTP/1.1 200"));
    assert_eq!(read(silent).await, "");
    assert!(read(kept).await.starts_with("HTTP/1.1 200 OK"), "and was closed afterwards");
}

#[tokio::test]
async fn an_address_over_its_share_is_refused_while_another_is_served() {
    let (tiny, limits) = tiny(100, 3);
    let address = tiny.listen_within(limits).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(from(1, address).await);
    }
    let refused = ask(1, address).await;
    assert!(refused.is_empty() || refused.starts_with("HTTP/1.1 503"), "{refused}");
    assert!(ask(2, address).await.starts_with("HTTP/1.1 200 OK"));
    // Those that ask for nothing are closed after a while, and their places are free again.
    for stream in held {
        read(stream).await;
    }
    assert!(ask(1, address).await.starts_with("HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn a_body_that_stops_coming_ends_its_request() {
    let (tiny, limits) = tiny(100, 100);
    let take = post(async |body: Body| axum::body::to_bytes(body, 1000).await.map_or("cut off", |_| "whole"));
    let address = tiny.listen_to(tiny.router_with(Router::new().route("/take", take)), limits).await;
    let mut stream = from(1, address).await;
    stream
        .write_all(
            b"POST /take HTTP/1.1\r\nhost: docent.test\r\nconnection: close\r\ncontent-length: 100\r\n\r\nten bytes.",
        )
        .await
        .unwrap();
    assert!(read(stream).await.ends_with("cut off"));
}

#[tokio::test]
async fn an_answer_that_is_not_taken_off_ends_its_connection() {
    let (tiny, limits) = tiny(100, 1);
    let endless = post(async || {
        Body::from_stream(futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![0_u8; 100_000])))
    });
    let address = tiny.listen_to(tiny.router_with(Router::new().route("/endless", endless)), limits).await;
    let mut stream = from(1, address).await;
    stream.write_all(b"POST /endless HTTP/1.1\r\nhost: docent.test\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    // The address has one place; it is free when the server has given the reader up.
    timeout(PATIENCE, async {
        while !ask(1, address).await.starts_with("HTTP/1.1 200 OK") {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .expect("the place is free again");
    drop(stream);
}

#[tokio::test]
async fn behind_a_proxy_an_address_has_its_share_of_open_requests() {
    let (mut tiny, _) = tiny(100, 1);
    tiny.state.requests = Some(docent::auth::share::Shares::new(1));
    tiny.state.http.trust_forwarded_for = true;
    let router = tiny.router_with(Router::new().route("/wait", post(async || std::future::pending::<()>().await)));
    let send = |path: &str, address: &str| {
        let request = Request::post(path).header("x-forwarded-for", address).body(Body::empty()).unwrap();
        router.clone().oneshot(request)
    };
    let mut waiting = Box::pin(send("/wait", "2001:db8::1"));
    assert!(futures_util::poll!(waiting.as_mut()).is_pending());
    assert_eq!(send("/wait", "2001:db8::2").await.unwrap().status(), 429);
    assert_eq!(send("/graphql", "2001:db8:0:1::2").await.unwrap().status(), 415);
    drop(waiting);
    assert_eq!(send("/graphql", "2001:db8::2").await.unwrap().status(), 415);
}

#[tokio::test]
async fn at_shutdown_open_requests_finish_and_idle_connections_close_at_once() {
    let (mut tiny, limits) = tiny(100, 100);
    tiny.state.http.header_timeout_seconds = 3600;
    let slow = post(async || {
        tokio::time::sleep(Duration::from_millis(300)).await;
        "done"
    });
    let address = tiny.listen_to(tiny.router_with(Router::new().route("/slow", slow)), limits).await;
    let (silent, mut half, mut open) = (from(1, address).await, from(1, address).await, from(1, address).await);
    half.write_all(HALF).await.unwrap();
    open.write_all(b"POST /slow HTTP/1.1\r\nhost: docent.test\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    // By its answer the server has accepted all that came before.
    assert!(ask(1, address).await.starts_with("HTTP/1.1 200 OK"));
    tiny.stop.cancel();
    assert!(read(open).await.ends_with("done"));
    assert_eq!((read(silent).await, read(half).await), (String::new(), String::new()));
}

#[tokio::test]
async fn a_server_that_stops_says_so_before_it_can_not_be_found_any_more() {
    let (mut tiny, limits) = tiny(100, 100);
    tiny.state.http.drain_seconds = 2;
    // One signal tells both, as in the program.
    tiny.stop = tiny.state.shutdown.clone();
    let address = tiny.listen_within(limits).await;
    let ready = async || {
        let mut stream = TcpStream::connect(address).await.ok()?;
        stream.write_all(b"GET /health/ready HTTP/1.1\r\nhost: docent.test\r\nconnection: close\r\n\r\n").await.ok()?;
        Some(read(stream).await)
    };
    assert!(ready().await.unwrap().starts_with("HTTP/1.1 200 OK"));
    tiny.stop.cancel();
    let answer = ready().await.expect("the server is still there");
    assert!(answer.starts_with("HTTP/1.1 503") && answer.ends_with("{\"status\":\"stopping\"}"), "{answer}");
    assert!(ask(1, address).await.starts_with("HTTP/1.1 200 OK"), "what comes meanwhile is served");
    timeout(PATIENCE, async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .expect("then the listener closes");
}

#[tokio::test]
async fn sockets_of_one_address_leave_room_for_those_of_another() {
    let tiny = Tiny::with(LimitsConfig { websocket_connections_per_address: 2, ..LimitsConfig::default() });
    let address = tiny.listen().await;
    let first = Client::open(address).await;
    let _second = Client::open(address).await;
    let refused = Client::connect(address, &[SUBPROTOCOL]).await.err();
    assert_eq!(refused, Some((503, "UNAVAILABLE".to_owned(), true)));
    let (socket, _) = tokio_tungstenite::client_async(upgrade(address), from(2, address).await).await.unwrap();
    drop(socket);
    drop(first);
    timeout(PATIENCE, async {
        while Client::connect(address, &[SUBPROTOCOL]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("the place is free again");
}

fn upgrade(address: std::net::SocketAddr) -> tokio_tungstenite::tungstenite::handshake::client::Request {
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;
    let mut request = format!("ws://{address}/graphql").into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", SUBPROTOCOL.1.parse().unwrap());
    request
}

#[tokio::test]
async fn sockets_without_an_account_get_half_of_all() {
    let tiny = Tiny::with(LimitsConfig { websocket_connections: 4, ..LimitsConfig::default() });
    let address = tiny.listen().await;
    let _held = [Client::initialised(address).await, Client::initialised(address).await];
    let mut third = Client::open(address).await;
    third.send(serde_json::json!({ "type": "connection_init" })).await;
    assert_eq!(third.closed().await.0, 1013);
}

#[tokio::test]
async fn a_socket_without_an_account_and_without_an_operation_is_closed_after_a_while() {
    let tiny = Tiny::with(LimitsConfig { websocket_idle_seconds: 1, ..LimitsConfig::default() });
    let address = tiny.listen().await;
    let mut busy = Client::initialised(address).await;
    busy.subscribe("s", "subscription { open }").await;
    assert_eq!(busy.next().await["type"], "next");
    assert_eq!(Client::initialised(address).await.closed().await.0, 1000);
    busy.subscribe("q", "{ hello }").await;
    assert_eq!(busy.next().await["payload"]["data"]["hello"], "Hello, world!");
}
