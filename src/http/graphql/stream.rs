//! Answers as they come, in the body of a response that lasts.
//!
//! The body is made piece by piece as the client takes it, so a slow client holds up only its own operation; its connection
//! is closed when it takes nothing for a time (`http::stall`). A client ends an operation by closing the connection.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{
        HeaderMap, HeaderName, HeaderValue,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use futures_util::{
    Stream, StreamExt, future,
    stream::{self, BoxStream},
};
use tokio::time::{Instant, sleep_until};

use crate::{
    domain::id::RequestId,
    error::{ErrorCode, cause_chain},
    graphql::{engine::Answer, error::PublicError},
    http::{
        HttpState,
        error::HttpError,
        negotiation::StreamType,
        origin,
        places::{CallerPlace, LiveOperation, Place},
        run::Prepared,
        watch::{Lapse, WatchedCaller},
    },
};

/// Tells nginx not to hold events back.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Begins an operation and delivers its answers.
///
/// # Errors
/// 403 for a page that may not use the server, 503 when there is no room; when the caller can't pay.
pub(super) async fn open(
    state: &Arc<HttpState>,
    prepared: Prepared,
    caller: WatchedCaller,
    (headers, request_id): (&HeaderMap, RequestId),
    stream_type: StreamType,
) -> Result<Response, HttpError> {
    origin::require_allowed(headers, &state.http)?;
    let room = &state.places.streams;
    if state.shutdown.is_cancelled() {
        return Err(room.is_full());
    }
    let place = room.enter(caller.viewer().client.subnet())?;
    let seat = room.seat(caller.viewer()).ok_or_else(|| room.is_full_for(caller.viewer()))?;
    let (answers, live) = prepared.start(state).await?.into_answers();
    let body = LiveBody {
        state: Arc::clone(state),
        stream_type,
        request_id,
        caller,
        answers,
        last_written: Instant::now(),
        is_over: false,
        _places: (place, seat, live),
    };
    Ok(response(stream_type, Body::from_stream(body.pieces().map(Ok::<_, Infallible>))))
}

/// A stream with one answer, which is there already.
///
/// # Errors
/// When it can't be written as JSON, which is a fault.
pub(super) fn of_one(answer: &Answer, stream_type: StreamType) -> Result<Response, HttpError> {
    let answer = stream_type.answer(answer).map_err(|error| HttpError::internal(error.to_string()))?;
    Ok(response(stream_type, Body::from([stream_type.opening(), answer.as_str(), stream_type.closing()].concat())))
}

fn response(stream_type: StreamType, body: Body) -> Response {
    let headers = [
        (CONTENT_TYPE, stream_type.content_type()),
        (CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform")),
        (X_ACCEL_BUFFERING, HeaderValue::from_static("no")),
    ];
    (headers, body).into_response()
}

/// An operation whose answers are being delivered.
struct LiveBody {
    state: Arc<HttpState>,
    stream_type: StreamType,
    request_id: RequestId,
    caller: WatchedCaller,
    answers: BoxStream<'static, Answer>,
    last_written: Instant,
    is_over: bool,
    _places: (Place, CallerPlace, Option<LiveOperation>),
}

impl LiveBody {
    fn pieces(self) -> impl Stream<Item = String> + Send {
        let opening = stream::once(future::ready(self.stream_type.opening().to_owned()));
        let rest = stream::unfold(self, |mut body| async move {
            let piece = body.next().await?;
            body.last_written = Instant::now();
            Some((piece, body))
        });
        opening.chain(rest)
    }

    /// The next piece of the body; `None` after the last.
    async fn next(&mut self) -> Option<String> {
        let heartbeat = Duration::from_secs(self.state.limits.event_stream_heartbeat_seconds);
        while !self.is_over {
            let due = self.caller.due(&*self.state.clock);
            let news = tokio::select! {
                () = self.state.shutdown.cancelled() => return self.break_off(going_away()),
                () = sleep_until(due) => None,
                () = sleep_until(self.last_written + heartbeat) => return Some(self.stream_type.heartbeat()),
                answer = self.answers.next() => Some(answer),
            };
            // Nothing is sent to who may not see it any more. A client that reads slowly holds up the look that is due.
            if let Err(lapse) = self.caller.look(&*self.state.clock).await {
                return self.break_off(lapsed(lapse));
            }
            match news {
                None => {}
                Some(Some(answer)) => return self.write(self.stream_type.answer(&answer)),
                Some(None) => {
                    self.is_over = true;
                    return Some(self.stream_type.closing().to_owned());
                }
            }
        }
        None
    }

    /// Ends an operation that is not complete.
    fn break_off(&mut self, reason: PublicError) -> Option<String> {
        self.is_over = true;
        let answer = Answer::refused(reason, self.request_id);
        self.write(self.stream_type.breaking_off(&answer))
    }

    fn write(&mut self, piece: serde_json::Result<String>) -> Option<String> {
        let written = piece.inspect_err(|error| {
            tracing::error!(error = cause_chain(error), "an answer cannot be written");
        });
        self.is_over |= written.is_err();
        written.ok()
    }
}

fn going_away() -> PublicError {
    PublicError::new(ErrorCode::Unavailable, "The server is shutting down. Subscribe again in a moment.")
}

fn lapsed(lapse: Lapse) -> PublicError {
    let message = match lapse {
        Lapse::Expired => "The token expired. Subscribe again with a new one.",
        Lapse::Revoked => "This session or key is no longer valid.",
        Lapse::Changed => "The role of this account has changed. Subscribe again.",
    };
    PublicError::new(ErrorCode::Unauthenticated, message)
}
