//! One socket from its upgrade to its close: a single task that reads, runs operations, writes and watches the clock.
//!
//! Operations take turns in the order in which they have messages. Nothing else happens while a message is being
//! written, so a client that does not read blocks only its own operations, for a limited time.

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::extract::ws::{Message, WebSocket};
use futures_util::{
    StreamExt,
    future::{self, AbortHandle},
    stream::{self, Abortable, BoxStream, SelectAll},
};
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout, timeout_at};

use super::{
    credential,
    protocol::{ClientMessage, Close, ServerMessage},
};
use crate::{
    auth::{cookie::TokenCookie, viewer::Viewer},
    domain::{client::Client, id::RequestId},
    error::{ErrorCode, cause_chain},
    graphql::{
        engine::{Answer, Parameters},
        error::PublicError,
    },
    http::{
        HttpState, body,
        cookie::NO_COOKIE,
        places::{CallerPlace, LiveOperation},
        run::{Prepared, Running},
        watch::{Lapse, WatchedCaller},
    },
};

/// How long the client has to read the close frame.
const CLOSE_GRACE: Duration = Duration::from_secs(5);

/// A socket and its operations.
pub struct Session {
    socket: WebSocket,
    state: Arc<HttpState>,
    /// The `Authorization` header of the upgrade, for clients that can send one.
    authorization: Option<String>,
    client: Client,
    /// Who it is, once they sent `connection_init`.
    caller: Option<WatchedCaller>,
    /// Counts the socket as the caller's, once they sent `connection_init`.
    place: Option<CallerPlace>,
    /// When an operation began or ended last.
    last_operation: Instant,
    /// When `connection_init` is due.
    init_due: Instant,
    last_heard: Instant,
    operations: SelectAll<Abortable<BoxStream<'static, Event>>>,
    live: HashMap<Arc<str>, Live>,
}

/// An operation that runs.
struct Live {
    handle: AbortHandle,
    _place: Option<LiveOperation>,
}

/// A message of an operation: an answer, or that it is complete.
struct Event {
    id: Arc<str>,
    answer: Option<Answer>,
}

/// Why a session ends.
enum End {
    /// The server ends it.
    Close(Close),
    /// The client closed it, or is no longer there.
    Gone,
}

type Step = Result<(), End>;

impl From<Close> for End {
    fn from(close: Close) -> Self {
        Self::Close(close)
    }
}

impl From<Lapse> for End {
    fn from(lapse: Lapse) -> Self {
        Self::Close(match lapse {
            Lapse::Expired => Close::EXPIRED,
            Lapse::Revoked => Close::REVOKED,
            Lapse::Changed => Close::CHANGED,
        })
    }
}

impl Session {
    /// A session on a new socket.
    pub fn new(socket: WebSocket, state: Arc<HttpState>, authorization: Option<String>, client: Client) -> Self {
        let now = Instant::now();
        let init_due = now + Duration::from_secs(state.limits.websocket_init_seconds);
        Self {
            socket,
            state,
            authorization,
            client,
            caller: None,
            place: None,
            last_operation: now,
            init_due,
            last_heard: now,
            operations: SelectAll::new(),
            live: HashMap::new(),
        }
    }

    /// Runs until one side ends it.
    pub async fn run(mut self) {
        let end = self.talk().await;
        self.operations.clear();
        self.live.clear();
        // Whichever side sent the close frame first, the other side has to read it before the connection goes. So read
        // until the client hangs up. That also sends the reply to its close frame.
        let goodbye = async {
            if let End::Close(close) = end {
                tracing::debug!(?close, "closing a socket");
                self.socket.send(close.into()).await.ok();
            }
            while let Some(Ok(_)) = self.socket.recv().await {}
        };
        timeout(CLOSE_GRACE, goodbye).await.ok();
    }

    async fn talk(&mut self) -> End {
        let period = Duration::from_secs(self.state.limits.websocket_ping_seconds.max(1));
        // Two pings without a reply, and a tolerance.
        let silence = period * 9 / 4;
        let mut ping = interval_at(Instant::now() + period, period);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let step = tokio::select! {
                () = self.state.shutdown.cancelled() => Err(Close::GOING_AWAY.into()),
                () = sleep_until(self.deadline()) => self.meet_deadline().await,
                () = sleep_until(self.last_heard + silence) => Err(Close::SILENT.into()),
                () = until(self.idle_deadline()) => Err(Close::IDLE.into()),
                _ = ping.tick() => self.ping().await,
                message = self.socket.recv() => self.receive(message).await,
                Some(event) = self.operations.next() => self.deliver(event).await,
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    fn viewer(&self) -> Option<&Viewer> {
        self.caller.as_ref().map(WatchedCaller::viewer)
    }

    /// When a socket without an account has been of no use for too long.
    fn idle_deadline(&self) -> Option<Instant> {
        let is_nameless = self.viewer().is_some_and(|viewer| viewer.user.is_none());
        let patience = Duration::from_secs(self.state.limits.websocket_idle_seconds);
        (is_nameless && self.live.is_empty()).then(|| self.last_operation + patience)
    }

    /// When `connection_init` is due, then when the caller has to be looked up again.
    fn deadline(&self) -> Instant {
        self.caller.as_ref().map_or(self.init_due, |caller| caller.due(&*self.state.clock))
    }

    async fn meet_deadline(&mut self) -> Step {
        if self.caller.is_none() {
            return Err(Close::NO_INIT.into());
        }
        self.check_caller().await
    }

    async fn ping(&mut self) -> Step {
        self.check_caller().await?;
        self.send(Message::Ping(bytes::Bytes::new())).await
    }

    /// The sockets of an expired token and of a revoked session, key or account are closed.
    async fn check_caller(&mut self) -> Step {
        let clock = Arc::clone(&self.state.clock);
        match &mut self.caller {
            Some(caller) => caller.look(&*clock).await.map_err(End::from),
            None => Ok(()),
        }
    }

    async fn receive(&mut self, message: Option<Result<Message, axum::Error>>) -> Step {
        self.last_heard = Instant::now();
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Ok(()),
            Some(Ok(Message::Binary(_)) | Err(_)) => return Err(Close::INVALID.into()),
            Some(Ok(Message::Close(_))) | None => return Err(End::Gone),
        };
        if text.len() > self.state.limits.websocket_message_bytes || !body::is_bearable(text.as_bytes()) {
            return Err(Close::TOO_LARGE.into());
        }
        match serde_json::from_str(&text).map_err(|_| Close::INVALID)? {
            ClientMessage::ConnectionInit { payload } => self.introduce(&payload.unwrap_or_default()).await,
            ClientMessage::Subscribe { id, payload } => self.subscribe(id.into(), payload).await,
            ClientMessage::Complete { id } => {
                self.finish(&id);
                Ok(())
            }
            ClientMessage::Ping { payload } => self.say(ServerMessage::Pong { payload }).await,
            ClientMessage::Pong => Ok(()),
        }
    }

    async fn introduce(&mut self, payload: &Map<String, Value>) -> Step {
        if self.caller.is_some() {
            return Err(Close::SECOND_INIT.into());
        }
        let credential = credential::of(payload)?.or_else(|| self.authorization.take());
        let authentication = self.state.callers.authenticate(credential.as_deref(), self.client.clone());
        let viewer =
            timeout_at(self.init_due, authentication).await.map_err(|_| Close::NO_INIT)?.map_err(
                |error| match error.code() {
                    ErrorCode::Unauthenticated | ErrorCode::Forbidden => Close::forbidden(&error.public_message()),
                    _ => {
                        tracing::error!(error = cause_chain(&error), "authentication failed");
                        Close::try_again(error.public_message())
                    }
                },
            )?;
        self.place = Some(self.state.places.sockets.seat(&viewer).ok_or(match &viewer.user {
            Some(_) => Close::ACCOUNT_FULL,
            None => Close::NAMELESS_FULL,
        })?);
        self.caller = Some(WatchedCaller::new(&self.state.callers, viewer));
        self.check_caller().await?;
        self.say(ServerMessage::acknowledge()).await
    }

    async fn subscribe(&mut self, id: Arc<str>, payload: Value) -> Step {
        self.check_caller().await?;
        let Some(viewer) = self.viewer().cloned() else { return Err(Close::NOT_INITIALISED.into()) };
        if id.is_empty() {
            return Err(Close::malformed("`id` is empty.").into());
        }
        if self.live.contains_key(&id) {
            return Err(Close::duplicate(&id).into());
        }
        let parameters = Parameters::from_json(payload).map_err(Close::malformed)?;
        let request_id = RequestId::generate();
        let limit = self.state.limits.websocket_operations;
        let operation = if self.live.len() < limit {
            admit(Arc::clone(&self.state), parameters, viewer, request_id).await
        } else {
            let message =
                format!("This WebSocket already has {limit} operations: complete one, or open another WebSocket.");
            Err(PublicError::limit_exceeded(message, limit, limit + 1))
        };
        match operation {
            Ok(running) => {
                let (answers, place) = running.into_answers();
                let (events, handle) = stream::abortable(events(Arc::clone(&id), answers));
                self.operations.push(events);
                self.last_operation = Instant::now();
                self.live.insert(id, Live { handle, _place: place });
                Ok(())
            }
            Err(error) => self.refuse(&id, error, request_id).await,
        }
    }

    async fn deliver(&mut self, event: Event) -> Step {
        // A client that reads slowly holds up the look that is due.
        self.check_caller().await?;
        let id = &*event.id;
        match event.answer {
            Some(answer) if answer.executed() => self.say(ServerMessage::Next { id, payload: answer }).await,
            Some(answer) => {
                self.finish(id);
                self.say(ServerMessage::Error { id, payload: answer.errors() }).await
            }
            None => {
                self.finish(id);
                self.say(ServerMessage::complete(id)).await
            }
        }
    }

    async fn refuse(&mut self, id: &str, error: PublicError, request_id: RequestId) -> Step {
        let answer = Answer::refused(error, request_id);
        self.say(ServerMessage::Error { id, payload: answer.errors() }).await
    }

    /// Stops an operation, if it still runs. Nothing of it is said afterwards.
    fn finish(&mut self, id: &str) {
        if let Some(live) = self.live.remove(id) {
            self.last_operation = Instant::now();
            live.handle.abort();
        }
    }

    async fn say<P: Serialize>(&mut self, message: ServerMessage<'_, P>) -> Step {
        let text = serde_json::to_string(&message).map_err(|error| {
            tracing::error!(error = cause_chain(&error), "a message cannot be written");
            End::Gone
        })?;
        self.send(Message::Text(text.into())).await
    }

    async fn send(&mut self, message: Message) -> Step {
        let patience = Duration::from_secs(self.state.limits.websocket_send_seconds);
        match timeout(patience, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(Close::SLOW.into()),
        }
    }
}

/// Prepares an operation and begins it.
async fn admit(
    state: Arc<HttpState>,
    parameters: Parameters,
    viewer: Viewer,
    request_id: RequestId,
) -> Result<Running, PublicError> {
    let prepared = Prepared::new(&state, parameters, (&viewer, TokenCookie::closed(NO_COOKIE)), request_id)?;
    prepared.start(&state).await.map_err(|error| PublicError::from(&error))
}

/// The answers of an operation, then that it is complete.
fn events(id: Arc<str>, answers: BoxStream<'static, Answer>) -> BoxStream<'static, Event> {
    let end = stream::once(future::ready(None));
    answers.map(Some).chain(end).map(move |answer| Event { id: Arc::clone(&id), answer }).boxed()
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => future::pending().await,
    }
}
