//! Answers as they come, as Server-Sent Events and as parts of a multipart body: what is written, byte for byte, and when a
//! stream ends.

use axum::{
    body::{Body, BodyDataStream},
    http::{Request, StatusCode},
};
use docent::config::LimitsConfig;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tower::ServiceExt;

use super::support::{SECRET, Tiny};
use crate::support::app::PATIENCE;

const EVENTS: &str = "text/event-stream";
const MULTIPART: &str = "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json";
/// An opening of each, after which a client knows that it is connected.
const OPENINGS: [(&str, &str); 2] = [(EVENTS, ":\n\n"), (MULTIPART, "\r\n--graphql")];

fn request(accept: &str, query: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::post("/graphql").header("content-type", "application/json").header("accept", accept);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(json!({ "query": query }).to_string())).unwrap()
}

/// An open stream, after its opening.
struct Stream(BodyDataStream);

impl Stream {
    async fn open(tiny: &Tiny, (accept, opening): (&str, &str), query: &str) -> Self {
        Self::open_with(tiny, (accept, opening), query, &[]).await
    }

    async fn open_with(tiny: &Tiny, (accept, opening): (&str, &str), query: &str, headers: &[(&str, &str)]) -> Self {
        let response = tiny.router().oneshot(request(accept, query, headers)).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        let mut stream = Self(response.into_body().into_data_stream());
        assert_eq!(stream.next().await.as_deref(), Some(opening));
        stream
    }

    /// The next piece; `None` at the end.
    async fn next(&mut self) -> Option<String> {
        let piece = timeout(PATIENCE, self.0.next()).await.expect("a piece in time")?;
        Some(String::from_utf8(piece.unwrap().to_vec()).unwrap())
    }

    /// The JSON in the next piece.
    async fn json(&mut self) -> Value {
        let piece = self.next().await.expect("a piece");
        let (start, end) = (piece.find('{').unwrap(), piece.rfind('}').unwrap());
        serde_json::from_str(&piece[start..=end]).unwrap()
    }
}

fn part(json: &str) -> String {
    format!("\r\ncontent-type: application/json\r\n\r\n{json}\r\n--graphql")
}

#[tokio::test]
async fn a_subscription_brings_its_events_and_then_completes() {
    let tiny = Tiny::new();
    let answer = tiny.send(request(EVENTS, "subscription { count(to: 2) }", &[])).await;
    assert_eq!(answer.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert_eq!(
        answer.text,
        ":\n\nevent: next\ndata: {\"data\":{\"count\":1}}\n\nevent: next\ndata: {\"data\":{\"count\":2}}\n\n\
         event: complete\ndata:\n\n"
    );
    let answer = tiny.send(request(MULTIPART, "subscription { count(to: 2) }", &[])).await;
    assert_eq!(answer.header("content-type"), Some("multipart/mixed; boundary=\"graphql\"; subscriptionSpec=1.0"));
    let parts = [1, 2].map(|number| part(&format!("{{\"payload\":{{\"data\":{{\"count\":{number}}}}}}}")));
    assert_eq!(answer.text, format!("\r\n--graphql{}--\r\n", parts.concat()));
}

#[tokio::test]
async fn an_event_is_whole_as_soon_as_it_is_there() {
    let tiny = Tiny::new();
    let mut events = Stream::open(&tiny, OPENINGS[0], "subscription { open }").await;
    assert_eq!(events.next().await.unwrap(), "event: next\ndata: {\"data\":{\"open\":true}}\n\n");
    let mut parts = Stream::open(&tiny, OPENINGS[1], "subscription { open }").await;
    // With the delimiter of the next part, without which clients would wait for it.
    assert_eq!(parts.next().await.unwrap(), part("{\"payload\":{\"data\":{\"open\":true}}}"));
}

#[tokio::test]
async fn everything_else_is_a_stream_of_one_answer_for_who_wants_that() {
    let tiny = Tiny::new();
    let rows = [
        ("{ hello }", json!({ "hello": "Hello, world!" }), ""),
        ("mutation { touch }", json!({ "touch": 1 }), ""),
        ("{", Value::Null, "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", Value::Null, "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { nothing }", Value::Null, "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { refused }", Value::Null, "NOT_FOUND"),
        ("subscription { bursting }", Value::Null, "INTERNAL_SERVER_ERROR"),
    ];
    for (query, data, code) in rows {
        let text = tiny.send(request(EVENTS, query, &[])).await.text;
        let answer = text.strip_prefix(":\n\nevent: next\ndata: ");
        let answer = answer.and_then(|rest| rest.strip_suffix("\n\nevent: complete\ndata:\n\n"));
        let answer: Value = serde_json::from_str(answer.expect(&text)).unwrap();
        assert_eq!(answer.get("data").unwrap_or(&Value::Null), &data, "{query}: {answer}");
        let found = answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_default();
        assert_eq!(found, code, "{query}: {answer}");
        assert!(!text.contains(SECRET));
    }
}

#[tokio::test]
async fn an_event_source_gets_its_events_by_get_but_no_mutation() {
    let tiny = Tiny::new();
    let get = |query: &str| {
        Request::get(format!("/graphql?query={query}")).header("accept", EVENTS).body(Body::empty()).unwrap()
    };
    let answer = tiny.send(get("subscription%7Bcount(to:1)%7D")).await;
    assert!(answer.text.contains("data: {\"data\":{\"count\":1}}"), "{}", answer.text);
    let refused = tiny.send(get("mutation%7Btouch%7D")).await;
    assert_eq!((refused.status, refused.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, Some("POST")));
}

#[tokio::test]
async fn a_request_that_is_none_is_refused_as_on_every_route() {
    let tiny = Tiny::new();
    let query = "subscription { open }";
    let rows = [
        (request(EVENTS, query, &[("authorization", "Bearer bad")]), 401, "UNAUTHENTICATED"),
        (request(EVENTS, query, &[("origin", "https://evil.example")]), 403, "FORBIDDEN"),
        (request(MULTIPART, query, &[("origin", "https://evil.example")]), 403, "FORBIDDEN"),
        (request(EVENTS, "", &[]), 400, "BAD_USER_INPUT"),
        (request("text/html", query, &[]), 406, "BAD_USER_INPUT"),
    ];
    for (request, status, code) in rows {
        let shown = format!("{request:?}");
        let answer = tiny.send(request).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{shown}");
        assert!(answer.header("content-type").unwrap().starts_with("application/json"), "{shown}");
    }
    for origin in ["https://app.example.org", "http://docent.test"] {
        let headers = [("origin", origin), ("host", "docent.test")];
        Stream::open_with(&tiny, OPENINGS[0], query, &headers).await;
    }
}

#[tokio::test]
async fn a_quiet_stream_shows_that_it_is_alive() {
    let tiny = Tiny::with(LimitsConfig { event_stream_heartbeat_seconds: 1, ..LimitsConfig::default() });
    for (format, heartbeat) in OPENINGS.into_iter().zip([":\n\n".to_owned(), part("{}")]) {
        let mut stream = Stream::open(&tiny, format, "subscription { open }").await;
        stream.json().await;
        for _ in 0..2 {
            assert_eq!(stream.next().await.unwrap(), heartbeat);
        }
    }
}

#[tokio::test]
async fn the_end_of_a_token_is_the_end_of_its_stream() {
    let tiny = Tiny::new();
    let mut streams = Vec::new();
    for format in OPENINGS {
        let headers = [("authorization", "Bearer short")];
        let mut stream = Stream::open_with(&tiny, format, "subscription { open }", &headers).await;
        stream.json().await;
        streams.push(stream);
    }
    tiny.clock.advance(61);
    let [events, parts] = streams.as_mut_slice() else { panic!("two streams") };
    let last = events.json().await;
    assert_eq!(last["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{last}");
    // Without `complete`: clients come back.
    assert_eq!(events.next().await, None);
    let last = parts.next().await.unwrap();
    assert!(last.contains("{\"payload\":null,\"errors\":[{\"message\":\"The token expired."), "{last}");
    assert!(last.ends_with("\r\n--graphql--\r\n"), "{last}");
    assert_eq!(parts.next().await, None);
}

#[tokio::test]
async fn at_shutdown_every_stream_is_told_and_none_begins() {
    let tiny = Tiny::new();
    let mut stream = Stream::open(&tiny, OPENINGS[0], "subscription { open }").await;
    stream.json().await;
    tiny.state.shutdown.cancel();
    assert_eq!(stream.json().await["errors"][0]["extensions"]["code"], "UNAVAILABLE");
    assert_eq!(stream.next().await, None);
    let refused = tiny.send(request(EVENTS, "subscription { open }", &[])).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (503, "UNAVAILABLE"));
}

#[tokio::test]
async fn the_server_has_a_limited_number_of_streams() {
    let mut tiny = Tiny::with(LimitsConfig { event_streams: 1, ..LimitsConfig::default() });
    let mut stream = Stream::open(&tiny, OPENINGS[0], "subscription { open }").await;
    stream.json().await;
    let refused = tiny.send(request(MULTIPART, "subscription { open }", &[])).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (503, "UNAVAILABLE"));
    assert_eq!(refused.header("retry-after"), Some("5"));
    assert_eq!(refused.errors()[0]["extensions"]["retryAfterMs"], 5000);
    // Single answers take no room.
    assert_eq!(tiny.query("{ hello }").await.status, StatusCode::OK);
    drop(stream);
    assert_eq!(timeout(PATIENCE, tiny.dropped.recv()).await.unwrap(), Some("open"));
    Stream::open(&tiny, OPENINGS[1], "subscription { open }").await;
}

#[tokio::test]
async fn streams_without_an_account_get_half_of_all() {
    let tiny = Tiny::with(LimitsConfig { event_streams: 4, ..LimitsConfig::default() });
    let _first = Stream::open(&tiny, OPENINGS[0], "subscription { open }").await;
    let _second = Stream::open(&tiny, OPENINGS[0], "subscription { open }").await;
    let refused = tiny.send(request(EVENTS, "subscription { open }", &[])).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (503, "UNAVAILABLE"));
}

/// A stream over a connection of its own, of which nothing is read.
async fn ask_for(address: std::net::SocketAddr, query: &str) -> TcpStream {
    let body = json!({ "query": query }).to_string();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: {address}\r\naccept: {EVENTS}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all((head + &body).as_bytes()).await.unwrap();
    connection
}

#[tokio::test]
async fn hanging_up_stops_the_operation() {
    let mut tiny = Tiny::new();
    let mut connection = ask_for(tiny.listen().await, "subscription { open }").await;
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains("event: next") {
        assert!(connection.read_buf(&mut read).await.unwrap() > 0, "{}", String::from_utf8_lossy(&read));
    }
    drop(connection);
    assert_eq!(timeout(PATIENCE, tiny.dropped.recv()).await.unwrap(), Some("open"));
}

#[tokio::test]
async fn a_client_that_does_not_read_is_given_up_and_holds_up_nobody() {
    let mut tiny = Tiny::new();
    tiny.state.http.stall_timeout_seconds = 1;
    let address = tiny.listen().await;
    let _stuck = ask_for(address, "subscription { flood }").await;
    let mut stream = Stream::open(&tiny, OPENINGS[0], "subscription { count(to: 3) }").await;
    for number in 1..=3 {
        assert_eq!(stream.json().await["data"]["count"], number);
    }
    assert_eq!(timeout(PATIENCE, tiny.dropped.recv()).await.expect("given up"), Some("flood"));
}
