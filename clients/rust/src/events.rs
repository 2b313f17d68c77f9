//! One subscription over HTTP, as an event stream (GraphQL over Server-Sent Events, a connection for each).

use std::time::Duration;

use bytes::Bytes;
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde_json::Value;
use tokio::time::timeout;

use crate::{
    answer,
    client::{self, Client},
    error::Error,
};

const EVENT_STREAM: &str = "text/event-stream";

/// How long the server may take to begin.
const OPENING_LIMIT: Duration = Duration::from_secs(40);
/// The server sends a sign of life every 12 s; a proxy may hold it back for a moment.
const SILENCE_LIMIT: Duration = Duration::from_mins(1);
/// How long one stream may last.
const STREAM_LIMIT: Duration = Duration::from_hours(24);

/// The results of one subscription, as they come.
pub(crate) struct EventStream {
    body: BoxStream<'static, reqwest::Result<Bytes>>,
    parser: Parser,
}

impl EventStream {
    /// Starts a subscription and waits until the server has begun with it.
    pub(crate) async fn open(client: &Client, document: &str, variables: Value) -> Result<Self, Error> {
        let (base, token) = client.access().await?;
        let request = client.operation(&base, token.as_deref(), document, &variables);
        let request = request.header(ACCEPT, EVENT_STREAM).timeout(STREAM_LIMIT);
        let response = match timeout(OPENING_LIMIT, request.send()).await {
            Ok(response) => response.map_err(|error| Error::unreachable(&error))?,
            Err(_) => return Err(Error::Unreachable(format!("no event stream within {OPENING_LIMIT:?}"))),
        };
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if response.status().is_success() && content_type.is_some_and(|name| name.starts_with(EVENT_STREAM)) {
            return Ok(Self { body: bytes_of(response), parser: Parser::default() });
        }
        let (status, bytes) = client::read(response).await?;
        Err(client::refusal(status, &bytes))
    }

    /// The data of the next result, `None` after the last. Nothing is lost when the future is dropped before it is ready.
    /// Fails when the stream has ended and the subscription has not.
    pub(crate) async fn next(&mut self) -> Result<Option<Value>, Error> {
        loop {
            while let Some(event) = self.parser.next() {
                match event.name.as_str() {
                    "next" => {
                        let result = serde_json::from_str(&event.data)
                            .map_err(|error| Error::Unexpected(format!("an event that is not JSON: {error}")))?;
                        return answer::data(result).map(Some);
                    }
                    "complete" => return Ok(None),
                    _ => {}
                }
            }
            match timeout(SILENCE_LIMIT, self.body.next()).await {
                Ok(Some(Ok(bytes))) => self.parser.add(&bytes),
                Ok(Some(Err(error))) => return Err(Error::unreachable(&error)),
                Ok(None) => return Err(Error::Unreachable("the event stream ended early".to_owned())),
                Err(_) => return Err(Error::Unreachable(format!("the event stream was silent for {SILENCE_LIMIT:?}"))),
            }
        }
    }
}

/// The body of a response, piece by piece.
fn bytes_of(response: reqwest::Response) -> BoxStream<'static, reqwest::Result<Bytes>> {
    stream::try_unfold(
        response,
        |mut response| async move { Ok(response.chunk().await?.map(|bytes| (bytes, response))) },
    )
    .boxed()
}

/// Finds the events in the bytes of a stream, which come in any pieces.
#[derive(Default)]
struct Parser {
    /// What came after the last whole line that was read.
    bytes: Vec<u8>,
    event: Event,
}

#[derive(Default)]
struct Event {
    name: String,
    data: String,
}

impl Parser {
    fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next event that is there whole.
    fn next(&mut self) -> Option<Event> {
        let mut read = 0;
        let mut found = None;
        while let Some(length) = self.bytes[read..].iter().position(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(&self.bytes[read..read + length]);
            read += length + 1;
            match line.trim_end_matches('\r').split_once(':') {
                // A line that begins with a colon is a comment.
                Some(("event", name)) => name.trim_start().clone_into(&mut self.event.name),
                Some(("data", data)) => self.event.data.push_str(data.strip_prefix(' ').unwrap_or(data)),
                None if line.trim_end_matches('\r').is_empty() && !self.event.name.is_empty() => {
                    found = Some(std::mem::take(&mut self.event));
                    break;
                }
                _ => {}
            }
        }
        self.bytes.drain(..read);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_found_whatever_the_pieces_in_which_they_come() {
        let stream =
            ":\n\nevent: next\ndata: {\"a\": \"ü\"}\n\n:\n\nevent: next\r\ndata: 2\r\n\r\nevent: complete\ndata:\n\n";
        for size in [1, 2, 7, stream.len()] {
            let mut parser = Parser::default();
            let mut events = Vec::new();
            for piece in stream.as_bytes().chunks(size) {
                parser.add(piece);
                events.extend(std::iter::from_fn(|| parser.next()).map(|event| (event.name, event.data)));
            }
            let expected = [("next", "{\"a\": \"ü\"}"), ("next", "2"), ("complete", "")];
            assert_eq!(events, expected.map(|(name, data)| (name.to_owned(), data.to_owned())), "{size}");
        }
    }
}
