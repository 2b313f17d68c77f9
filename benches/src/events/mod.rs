//! Follows operations over one WebSocket (`graphql-transport-ws`). When the socket ends (a token ran out, the server was
//! killed) it connects again and goes on after the last event that it has. It judges nothing: see `history`.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use chrono::{DateTime, Utc};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{self, Message, client::IntoClientRequest, http::HeaderValue},
};

use crate::{
    client::{CallError, Client, data, now},
    history::{is_outcome, is_terminal},
};

const OPERATION_EVENTS: &str = include_str!("../../operations/operation_events.graphql");
const PROTOCOL: &str = "graphql-transport-ws";

/// How long the server may take to accept a socket.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Sockets in a row that may end without having brought an event.
const FRUITLESS_CONNECTIONS: u32 = 20;
const RECONNECT_PAUSE: Duration = Duration::from_millis(250);

/// An event as it arrived.
#[derive(Clone, Debug)]
pub struct Event {
    pub sequence: i64,
    pub kind: String,
    pub document: Option<String>,
    /// Milliseconds from the event's own time to its arrival; `None` when it is older than the subscription (replayed).
    pub delay_ms: Option<f64>,
}

/// What was heard of one operation, in the order of arrival.
#[derive(Clone, Debug, Default)]
pub struct Record {
    pub operation: String,
    pub events: Vec<Event>,
    /// The server ended the subscription after the terminal event.
    pub complete: bool,
    cursor: Option<String>,
    subscribed_at: Option<DateTime<Utc>>,
}

impl Record {
    pub fn new(operation: &str) -> Self {
        Self { operation: operation.to_owned(), ..Self::default() }
    }
}

/// How far the follower is, for those who wait.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    pub followed: usize,
    pub complete: usize,
    pub documents_settled: usize,
    pub events: usize,
    pub connections: usize,
}

impl Progress {
    pub fn open(&self) -> usize {
        self.followed - self.complete
    }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;
type Records = Arc<Mutex<Vec<Record>>>;

/// A task that follows operations until all of them have ended.
pub struct Follower {
    records: Records,
    news: Option<mpsc::UnboundedSender<()>>,
    progress: watch::Receiver<Progress>,
    task: JoinHandle<Result<()>>,
}

impl Follower {
    /// Follows the operations of `records` that have not ended, each after the last event that its record has.
    pub fn start(client: Arc<Client>, records: Vec<Record>) -> Self {
        let records = Arc::new(Mutex::new(records));
        let (news, heard) = mpsc::unbounded_channel();
        let (report, progress) = watch::channel(measure(&lock(&records)));
        let task = tokio::spawn(run(client, Arc::clone(&records), heard, report));
        Self { records, news: Some(news), progress, task }
    }

    /// Follows one more operation, from its first event.
    pub fn follow(&self, operation: &str) {
        lock(&self.records).push(Record::new(operation));
        if let Some(news) = &self.news {
            // The task is gone only after a failure, and `wait` and `finish` tell that one.
            let _ = news.send(());
        }
    }

    /// Waits until `condition` holds. `what` says in the error what didn't come about.
    pub async fn wait(&mut self, what: &str, limit: Duration, condition: impl Fn(&Progress) -> bool) -> Result<()> {
        let outcome =
            timeout(limit, self.progress.wait_for(|progress| condition(progress))).await.map(|held| held.is_ok());
        match outcome {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.failure().await),
            Err(_) => bail!("{what}: not within {limit:?}; {:?}", *self.progress.borrow()),
        }
    }

    /// Waits until all operations have ended and returns what was heard.
    pub async fn finish(mut self, limit: Duration) -> Result<(Vec<Record>, Progress)> {
        self.news = None;
        match timeout(limit, &mut self.task).await {
            Ok(ended) => ended.context("the follower of events broke down")??,
            Err(_) => bail!("operations did not end within {limit:?}; {:?}", *self.progress.borrow()),
        }
        let progress = *self.progress.borrow();
        Ok((std::mem::take(&mut *lock(&self.records)), progress))
    }

    /// Stops at once and returns what was heard.
    pub async fn abandon(mut self) -> Vec<Record> {
        self.task.abort();
        let _ = (&mut self.task).await;
        std::mem::take(&mut *lock(&self.records))
    }

    /// A view of the progress for others.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    async fn failure(&mut self) -> anyhow::Error {
        match (&mut self.task).await {
            Ok(Ok(())) => anyhow!("the follower of events ended early"),
            Ok(Err(error)) => error,
            Err(error) => anyhow!(error).context("the follower of events broke down"),
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(records: &Records) -> MutexGuard<'_, Vec<Record>> {
    records.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where a follower starts that goes on with these records.
fn measure(records: &[Record]) -> Progress {
    let events = || records.iter().flat_map(|record| &record.events);
    Progress {
        followed: records.len(),
        complete: records.iter().filter(|record| record.complete).count(),
        documents_settled: events().filter(|event| is_outcome(&event.kind)).count(),
        events: events().count(),
        connections: 0,
    }
}

/// Why listening to one socket ended.
enum End {
    /// All operations ended, and no more will be asked for.
    Done,
    /// The socket is no more; another one may help.
    Lost(String),
}

async fn run(
    client: Arc<Client>,
    records: Records,
    mut news: mpsc::UnboundedReceiver<()>,
    report: watch::Sender<Progress>,
) -> Result<()> {
    let mut fruitless = 0;
    loop {
        let before = report.borrow().events;
        let reason = match connect(&client).await {
            Ok(socket) => match listen(socket, &records, &mut news, &report).await? {
                End::Done => return Ok(()),
                End::Lost(reason) => reason,
            },
            Err(error) if is_rate_limited(&error) => return Err(error),
            Err(error) => format!("{error:#}"),
        };
        fruitless = if report.borrow().events > before { 0 } else { fruitless + 1 };
        ensure!(fruitless < FRUITLESS_CONNECTIONS, "no event over {fruitless} sockets in a row; the last: {reason}");
        sleep(RECONNECT_PAUSE).await;
    }
}

/// Whether the server wants to be asked less often: asking again would hide it.
fn is_rate_limited(error: &anyhow::Error) -> bool {
    let refused =
        |error: &tungstenite::Error| matches!(error, tungstenite::Error::Http(answer) if answer.status() == 429);
    matches!(error.downcast_ref(), Some(CallError::RateLimited(_))) || error.downcast_ref().is_some_and(refused)
}

/// Opens a socket and introduces itself.
async fn connect(client: &Client) -> Result<Socket> {
    let (base, token) = client.access().await?;
    let mut request = format!("{}/graphql", base.replacen("http", "ws", 1)).into_client_request()?;
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(PROTOCOL));
    let introduce = async {
        let (mut socket, _) =
            connect_async_with_config(request, None, true).await.context("cannot open a WebSocket")?;
        let payload = token.map_or(json!({}), |token| json!({ "authorization": format!("Bearer {token}") }));
        send(&mut socket, &json!({ "type": "connection_init", "payload": payload })).await?;
        loop {
            match receive(&mut socket).await? {
                Some(message) if message.kind == "connection_ack" => return Ok(socket),
                Some(message) if message.kind == "ping" => send(&mut socket, &json!({ "type": "pong" })).await?,
                Some(message) => bail!("the server sent {} before connection_ack", message.kind),
                None => {}
            }
        }
    };
    timeout(CONNECT_LIMIT, introduce).await.map_err(|_| anyhow!("no connection_ack within {CONNECT_LIMIT:?}"))?
}

async fn listen(
    mut socket: Socket,
    records: &Records,
    news: &mut mpsc::UnboundedReceiver<()>,
    report: &watch::Sender<Progress>,
) -> Result<End> {
    report.send_modify(|progress| progress.connections += 1);
    // Records below have their subscription on this socket, or need none.
    let mut subscribed = 0;
    let mut closing = false;
    loop {
        let waiting = unfinished(&lock(records), subscribed);
        for index in waiting {
            if let Err(error) = subscribe(&mut socket, records, index).await {
                return Ok(End::Lost(format!("{error:#}")));
            }
            subscribed = index + 1;
        }
        report.send_if_modified(|progress| {
            let grown = subscribed > progress.followed;
            progress.followed = progress.followed.max(subscribed);
            grown
        });
        if closing && report.borrow().open() == 0 {
            return Ok(End::Done);
        }
        tokio::select! {
            more = news.recv(), if !closing => closing = more.is_none(),
            received = receive(&mut socket) => match received {
                Ok(Some(message)) if message.kind == "ping" => {
                    if let Err(error) = send(&mut socket, &json!({ "type": "pong" })).await {
                        return Ok(End::Lost(format!("{error:#}")));
                    }
                }
                Ok(Some(message)) => {
                    let news = note(&mut lock(records), message)?;
                    report.send_modify(|progress| news.add_to(progress));
                }
                Ok(None) => {}
                Err(error) => return Ok(End::Lost(format!("{error:#}"))),
            }
        }
    }
}

/// The records from `from` on that need a subscription.
fn unfinished(records: &[Record], from: usize) -> Vec<usize> {
    (from..records.len()).filter(|index| !records[*index].complete).collect()
}

async fn subscribe(socket: &mut Socket, records: &Records, index: usize) -> Result<()> {
    let variables = {
        let record = &mut lock(records)[index];
        record.subscribed_at = Some(now());
        json!({ "operationId": record.operation, "after": record.cursor })
    };
    let payload = json!({ "query": OPERATION_EVENTS, "variables": variables });
    send(socket, &json!({ "type": "subscribe", "id": index.to_string(), "payload": payload })).await
}

/// What a message brought.
enum News {
    Event,
    Outcome,
    Complete,
}

impl News {
    fn add_to(&self, progress: &mut Progress) {
        match self {
            Self::Event => progress.events += 1,
            Self::Outcome => {
                progress.events += 1;
                progress.documents_settled += 1;
            }
            Self::Complete => progress.complete += 1,
        }
    }
}

/// Puts what a message says into the records. Fails when the server says that something went wrong.
fn note(records: &mut [Record], message: Incoming) -> Result<News> {
    let arrived = now();
    let id = message.id.unwrap_or_default();
    let record = id.parse().ok().and_then(|index: usize| records.get_mut(index));
    let record = record.with_context(|| format!("{} for an unknown subscription {id:?}", message.kind))?;
    match message.kind.as_str() {
        "next" => {
            #[derive(Deserialize)]
            struct Answer {
                #[serde(rename = "operationEvents")]
                event: IncomingEvent,
            }
            let answer: Answer = crate::client::typed(data(message.payload)?)?;
            let event = answer.event;
            let live = record.subscribed_at.is_some_and(|subscribed| event.at >= subscribed);
            let delay = (arrived - event.at).as_seconds_f64() * 1000.0;
            let news = if is_outcome(&event.kind) { News::Outcome } else { News::Event };
            record.cursor = Some(event.cursor);
            record.events.push(Event {
                sequence: event.sequence,
                kind: event.kind,
                document: event.document.map(|document| document.id),
                delay_ms: live.then_some(delay),
            });
            Ok(news)
        }
        "complete" => {
            let ended = record.events.last().is_some_and(|event| is_terminal(&event.kind));
            ensure!(ended, "the events of {} completed without a terminal event", record.operation);
            record.complete = true;
            Ok(News::Complete)
        }
        "error" => bail!("the subscription to {} failed: {}", record.operation, message.payload),
        kind => bail!("the server sent a message of unknown type {kind}"),
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

#[derive(Deserialize)]
struct IncomingEvent {
    cursor: String,
    sequence: i64,
    kind: String,
    at: DateTime<Utc>,
    document: Option<crate::api::Reference>,
}

async fn send(socket: &mut Socket, message: &Value) -> Result<()> {
    socket.send(Message::text(message.to_string())).await.context("cannot send over the WebSocket")
}

/// The next message of the protocol; `None` for a frame that carries none. Fails when the socket ended.
async fn receive(socket: &mut Socket) -> Result<Option<Incoming>> {
    match socket.next().await.context("the WebSocket ended without a close frame")?? {
        Message::Text(text) => {
            serde_json::from_str(text.as_str()).map(Some).context("a message that isn't of graphql-transport-ws")
        }
        Message::Close(Some(frame)) => bail!("the server closed the WebSocket: {} {}", frame.code, frame.reason),
        Message::Close(None) => bail!("the server closed the WebSocket"),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests;
