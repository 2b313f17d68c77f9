//! A subscription that goes on after a lost connection, from the last event that it brought.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tokio::time::sleep;

use crate::{client::Client, error::Error, events::EventStream};

/// How long it waits before the second connection, twice as long before the third, and so on.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What a feed says.
#[derive(Debug)]
pub enum News {
    /// There is a connection. What happened before it may be unknown, if no event had come by then.
    Connected,
    /// An event: the value of the subscription's field.
    Event(Value),
    /// There is no connection. The next call waits a moment and tries again.
    Lost(Error),
}

/// Events of one subscription. Its document takes `$after`, and selects `cursor` of each event.
pub struct Feed {
    client: Arc<Client>,
    document: &'static str,
    field: &'static str,
    variables: Value,
    stream: Option<EventStream>,
    /// Connections in a row that brought no event.
    fruitless: u32,
    pause: Duration,
}

impl Feed {
    /// A feed of the events that `field` of the document brings.
    pub fn new(client: Arc<Client>, document: &'static str, field: &'static str, variables: Value) -> Self {
        Self { client, document, field, variables, stream: None, fruitless: 0, pause: Duration::ZERO }
    }

    /// What comes next; `None` after the last event. Nothing is lost when the future is dropped before it is ready. Fails when
    /// the server refuses.
    pub async fn next(&mut self) -> Result<Option<News>, Error> {
        let Some(stream) = &mut self.stream else {
            sleep(self.pause).await;
            return match EventStream::open(&self.client, self.document, self.variables.clone()).await {
                Ok(stream) => {
                    self.stream = Some(stream);
                    Ok(Some(News::Connected))
                }
                Err(error) if error.may_pass() => Ok(Some(self.lose(error))),
                Err(error) => Err(error),
            };
        };
        match stream.next().await {
            Ok(None) => Ok(None),
            Ok(Some(mut data)) => {
                let event = data[self.field].take();
                self.variables["after"] = event["cursor"].clone();
                (self.fruitless, self.pause) = (0, Duration::ZERO);
                Ok(Some(News::Event(event)))
            }
            // A token that has expired is renewed by the next connection; one that was revoked is refused there.
            Err(error) if error.may_pass() || error.code() == Some("UNAUTHENTICATED") => Ok(Some(self.lose(error))),
            Err(error) => Err(error),
        }
    }

    fn lose(&mut self, error: Error) -> News {
        self.stream = None;
        let pause = SHORTEST_PAUSE.saturating_mul(1 << self.fruitless.min(16)).min(LONGEST_PAUSE);
        self.pause = error.retry_after().unwrap_or_default().max(pause);
        self.fruitless += 1;
        News::Lost(error)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    use super::*;

    const DOCUMENT: &str = "subscription Events($after: Cursor) { viewerOperations(after: $after) { cursor } }";
    const HEAD: &str =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nconnection: close\r\n\r\n:\n\n";

    fn event(cursor: &str) -> String {
        format!("event: next\ndata: {{\"data\":{{\"viewerOperations\":{{\"cursor\":\"{cursor}\"}}}}}}\n\n")
    }

    /// Accepts a request, answers it, and returns what it asked for after which event.
    async fn answer(listener: &TcpListener, with: &str) -> (Value, TcpStream) {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        let body = loop {
            let mut bytes = [0; 4096];
            let length = stream.read(&mut bytes).await.unwrap();
            request.extend_from_slice(&bytes[..length]);
            let text = String::from_utf8_lossy(&request);
            let body = text.split_once("\r\n\r\n").and_then(|(_, body)| serde_json::from_str::<Value>(body).ok());
            if let Some(body) = body {
                break body;
            }
        };
        stream.write_all(with.as_bytes()).await.unwrap();
        (body["variables"]["after"].clone(), stream)
    }

    #[tokio::test]
    async fn a_lost_connection_is_replaced_and_the_events_go_on_after_the_last_one() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = Client::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let mut feed = Feed::new(Arc::new(client), DOCUMENT, "viewerOperations", json!({}));
        let server = async {
            let cut = format!("{HEAD}{}{}", event("one"), event("two"));
            let busy = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let rest = format!("{HEAD}{}event: complete\ndata:\n\n", event("three"));
            let mut asked = Vec::new();
            for response in [&cut, busy, &rest] {
                asked.push(answer(&listener, response).await.0);
            }
            asked
        };
        let reader = async {
            let mut heard = Vec::new();
            while let Some(news) = feed.next().await.unwrap() {
                heard.push(match news {
                    News::Connected => "connected".to_owned(),
                    News::Event(event) => event["cursor"].as_str().unwrap().to_owned(),
                    News::Lost(_) => "lost".to_owned(),
                });
            }
            heard
        };
        let (asked, heard) = tokio::join!(server, reader);
        assert_eq!(heard, ["connected", "one", "two", "lost", "lost", "connected", "three"]);
        assert_eq!(asked, [Value::Null, json!("two"), json!("two")]);
    }

    #[tokio::test]
    async fn a_refusal_ends_the_feed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = Client::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let mut feed = Feed::new(Arc::new(client), DOCUMENT, "viewerOperations", json!({}));
        let body = json!({ "errors": [{ "message": "no", "extensions": { "code": "UNAUTHENTICATED" } }] }).to_string();
        let refusal = format!(
            "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let (_, refused) = tokio::join!(answer(&listener, &refusal), feed.next());
        assert_eq!(refused.unwrap_err().code(), Some("UNAUTHENTICATED"));
    }
}
