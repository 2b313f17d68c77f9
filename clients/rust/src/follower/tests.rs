//! The follower against a small server of the protocol.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{SinkExt, StreamExt};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};
use tokio_tungstenite::{
    accept_hdr_async,
    tungstenite::{
        Message as Frame,
        handshake::server::{ErrorResponse, Request, Response},
        http::HeaderValue,
    },
};

use super::*;
use crate::socket::PROTOCOL;

const LIMIT: Duration = Duration::from_secs(20);

/// What the test's server does with one socket after its introduction.
#[derive(Clone, Copy)]
enum Manner {
    /// Sends everything from the cursor on.
    Whole,
    /// As `Whole`, but closes the socket after so many events.
    CutAfter(usize),
    /// Answers a subscription with an error.
    Refuse,
    /// Completes without a terminal event.
    StopShort,
}

#[expect(clippy::result_large_err, clippy::unnecessary_wraps, reason = "the callback's type is the library's")]
fn accept_protocol(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    assert_eq!(request.headers()["sec-websocket-protocol"], PROTOCOL);
    response.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(PROTOCOL));
    Ok(response)
}

fn event(sequence: usize, count: usize) -> Value {
    let kind = if sequence == count { "OPERATION_COMPLETED" } else { "DOCUMENT_COMPLETED" };
    let document = (sequence < count).then(|| json!({ "id": format!("d{sequence}") }));
    json!({ "cursor": sequence.to_string(), "sequence": sequence, "kind": kind, "at": now(), "document": document })
}

async fn serve_socket(stream: TcpStream, manner: Manner, count: usize) {
    let mut socket = accept_hdr_async(stream, accept_protocol).await.unwrap();
    let mut budget = if let Manner::CutAfter(events) = manner { events } else { usize::MAX };
    while let Some(Ok(message)) = socket.next().await {
        let Frame::Text(text) = message else { continue };
        let message: Value = serde_json::from_str(text.as_str()).unwrap();
        let id = message["id"].clone();
        let mut answers = Vec::new();
        match (message["type"].as_str().unwrap(), manner) {
            ("connection_init", _) => {
                answers.push(json!({ "type": "ping" }));
                answers.push(json!({ "type": "connection_ack" }));
            }
            ("subscribe", Manner::Refuse) => {
                answers.push(json!({ "type": "error", "id": id, "payload": [{ "message": "no" }] }));
            }
            ("subscribe", Manner::StopShort) => answers.push(json!({ "type": "complete", "id": id })),
            ("subscribe", _) => {
                let after = message["payload"]["variables"]["after"].as_str();
                let after: usize = after.map_or(0, |cursor| cursor.parse().unwrap());
                for sequence in after + 1..=count {
                    if budget == 0 {
                        break;
                    }
                    budget -= 1;
                    let data = json!({ "data": { "operationEvents": event(sequence, count) } });
                    answers.push(json!({ "type": "next", "id": id, "payload": data }));
                }
                if budget > 0 {
                    answers.push(json!({ "type": "complete", "id": id }));
                }
            }
            _ => {}
        }
        for answer in answers {
            socket.send(Frame::text(answer.to_string())).await.unwrap();
        }
        if budget == 0 {
            return;
        }
    }
}

/// A server whose sockets behave in turn as in `manners`, the last manner for all further ones.
async fn server(manners: Vec<Manner>, count: usize) -> Arc<Client> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let opened = AtomicUsize::new(0);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let number = opened.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(serve_socket(stream, manners[number.min(manners.len() - 1)], count));
        }
    });
    Arc::new(Client::new(&format!("http://{address}")).unwrap())
}

fn sequences(record: &Record) -> Vec<i64> {
    record.events.iter().map(|event| event.sequence).collect()
}

#[tokio::test]
async fn several_operations_are_followed_to_their_ends_over_one_socket() {
    let mut follower = Follower::start(server(vec![Manner::Whole], 3).await, Vec::new());
    follower.follow("first");
    follower.follow("second");
    follower.wait("two ends", LIMIT, |progress| progress.complete == 2).await.unwrap();
    let (records, progress) = follower.finish(LIMIT).await.unwrap();
    assert_eq!(records.iter().map(|record| record.operation.as_str()).collect::<Vec<_>>(), ["first", "second"]);
    assert!(records.iter().all(|record| sequences(record) == [1, 2, 3] && record.is_complete));
    assert_eq!((progress.sockets, progress.documents_settled, progress.events), (1, 4, 6));
    assert!(records[0].events.iter().all(|event| !event.is_replayed && event.received_at >= event.at));
}

#[tokio::test]
async fn lost_socket_is_replaced_and_the_story_goes_on_after_the_last_event() {
    let manners = vec![Manner::CutAfter(2), Manner::CutAfter(1), Manner::Whole];
    let follower = Follower::start(server(manners, 5).await, Vec::new());
    follower.follow("operation");
    let (records, progress) = follower.finish(LIMIT).await.unwrap();
    assert_eq!(sequences(&records[0]), [1, 2, 3, 4, 5]);
    assert_eq!(progress.sockets, 3);
}

#[tokio::test]
async fn follower_goes_on_with_the_records_of_another() {
    let mut first = Follower::start(server(vec![Manner::CutAfter(2)], 4).await, Vec::new());
    first.follow("operation");
    first.wait("two events", LIMIT, |progress| progress.events == 2).await.unwrap();
    let records = first.abandon().await;
    assert_eq!(sequences(&records[0]), [1, 2]);
    let second = Follower::start(server(vec![Manner::Whole], 4).await, records);
    let (records, _) = second.finish(LIMIT).await.unwrap();
    assert_eq!(sequences(&records[0]), [1, 2, 3, 4]);
}

#[tokio::test]
async fn refused_subscription_is_told_to_who_waits() {
    let mut follower = Follower::start(server(vec![Manner::Refuse], 3).await, Vec::new());
    follower.follow("operation");
    let error = follower.wait("an end", LIMIT, |progress| progress.complete == 1).await.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
}

#[tokio::test]
async fn wish_to_be_asked_less_often_ends_the_following_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let answer = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        // A second socket would wait for ever.
        std::future::pending::<()>().await;
    };
    let mut follower = Follower::start(Arc::new(client), Vec::new());
    tokio::select! {
        () = answer => {}
        waited = follower.wait("a WebSocket", LIMIT, |progress| progress.sockets == 1) => {
            assert!(matches!(waited, Err(Error::RateLimited { .. })), "{waited:?}");
        }
    }
}

#[tokio::test]
async fn completion_without_a_terminal_event_is_an_error() {
    let follower = Follower::start(server(vec![Manner::StopShort], 3).await, Vec::new());
    follower.follow("operation");
    assert!(follower.finish(LIMIT).await.is_err());
}

#[tokio::test]
async fn waiting_for_what_does_not_come_ends_with_a_message() {
    let mut follower = Follower::start(server(vec![Manner::Whole], 3).await, Vec::new());
    let waited = follower.wait("a third operation", Duration::from_millis(50), |progress| progress.complete == 3);
    assert!(waited.await.unwrap_err().to_string().starts_with("a third operation"));
}
