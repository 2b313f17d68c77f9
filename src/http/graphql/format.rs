//! How a stream of answers is written: as Server-Sent Events or as parts of a multipart body.

use axum::http::HeaderValue;
use serde::Serialize;

use crate::{graphql::engine::Answer, http::negotiation::StreamType};

/// The pieces of which a body consists: an opening; then answers and, while there are none, heartbeats; then a closing.
impl StreamType {
    /// The value of `Content-Type`.
    pub(super) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Events => "text/event-stream; charset=utf-8",
            Self::Multipart => "multipart/mixed; boundary=\"graphql\"; subscriptionSpec=1.0",
        })
    }

    /// Sent at once, so that the client knows that it is connected.
    pub(super) fn opening(self) -> &'static str {
        match self {
            Self::Events => ":\n\n",
            Self::Multipart => "\r\n--graphql",
        }
    }

    /// One answer. A part ends with the delimiter of the next one: clients show it only when they have read that.
    pub(super) fn answer(self, answer: &Answer) -> serde_json::Result<String> {
        Ok(match self {
            Self::Events => format!("event: next\ndata: {}\n\n", serde_json::to_string(answer)?),
            Self::Multipart => part(&serde_json::to_string(&Payload { payload: answer })?),
        })
    }

    /// Shows client and proxies that the stream is alive.
    pub(super) fn heartbeat(self) -> String {
        match self {
            Self::Events => ":\n\n".to_owned(),
            Self::Multipart => part("{}"),
        }
    }

    /// Sent when the operation is complete.
    pub(super) fn closing(self) -> &'static str {
        match self {
            // Without a space after the colon: some clients would take it for data.
            Self::Events => "event: complete\ndata:\n\n",
            Self::Multipart => "--\r\n",
        }
    }

    /// Sent when the server ends an operation that is not complete, with the reason in `answer`. Clients of Server-Sent Events
    /// see from the missing `complete` that they may come back; Apollo's has a form of its own for this.
    pub(super) fn breaking_off(self, answer: &Answer) -> serde_json::Result<String> {
        match self {
            Self::Events => self.answer(answer),
            Self::Multipart => {
                let fatal = Fatal { payload: (), errors: answer.errors() };
                Ok(part(&serde_json::to_string(&fatal)?) + self.closing())
            }
        }
    }
}

/// What a part of a multipart body says of the operation.
#[derive(Serialize)]
struct Payload<'a> {
    payload: &'a Answer,
}

/// What a part says when the server ends an operation. Its payload is null.
#[derive(Serialize)]
struct Fatal<E> {
    payload: (),
    errors: E,
}

/// A part of a multipart body, with the delimiter after it.
fn part(json: &str) -> String {
    format!("\r\ncontent-type: application/json\r\n\r\n{json}\r\n--graphql")
}
