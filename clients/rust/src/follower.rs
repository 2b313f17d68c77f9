//! Follows operations to their ends over one WebSocket at a time. When the socket ends (a token expired, the server was
//! restarted) it opens another and goes on after the last event that it has.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::{
    answer::typed,
    client::{Client, now},
    error::Error,
    socket::{Message, Socket},
};

const OPERATION_EVENTS: &str = include_str!("../operations/operation_events.graphql");

/// Sockets in a row that may end without having brought an event.
const FRUITLESS_SOCKETS: u32 = 20;
const RECONNECT_PAUSE: Duration = Duration::from_millis(250);

/// An event of an operation as it arrived.
#[derive(Clone, Debug)]
pub struct Event {
    pub sequence: i64,
    pub kind: String,
    /// The id of the document that it is about, if it is about one.
    pub document: Option<String>,
    /// When it happened, by the server's clock.
    pub at: DateTime<Utc>,
    /// When it arrived, by the client's clock.
    pub received_at: DateTime<Utc>,
    /// It happened before its subscription.
    pub is_replayed: bool,
}

impl Event {
    /// Whether no event can follow this one.
    pub fn is_terminal(&self) -> bool {
        matches!(self.kind.as_str(), "OPERATION_COMPLETED" | "OPERATION_FAILED" | "OPERATION_CANCELLED")
    }

    /// Whether it settles its document.
    pub fn is_outcome(&self) -> bool {
        let outcomes = ["DOCUMENT_COMPLETED", "DOCUMENT_FAILED", "DOCUMENT_SKIPPED", "DOCUMENT_CANCELLED"];
        outcomes.contains(&self.kind.as_str())
    }
}

/// What was heard of one operation, in the order of arrival.
#[derive(Clone, Debug, Default)]
pub struct Record {
    pub operation: String,
    pub events: Vec<Event>,
    /// The server ended the subscription after the terminal event.
    pub is_complete: bool,
    cursor: Option<String>,
    subscribed_at: Option<DateTime<Utc>>,
}

impl Record {
    /// A record of nothing yet.
    pub fn new(operation: &str) -> Self {
        Self { operation: operation.to_owned(), ..Self::default() }
    }
}

/// How far a follower is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Operations with a subscription.
    pub followed: usize,
    /// Operations that have ended.
    pub complete: usize,
    pub documents_settled: usize,
    pub events: usize,
    pub sockets: usize,
}

impl Progress {
    /// Operations that are followed and have not ended.
    pub fn open(&self) -> usize {
        self.followed - self.complete
    }

    /// Where a follower starts that goes on with these records.
    fn of(records: &[Record]) -> Self {
        let events = || records.iter().flat_map(|record| &record.events);
        Self {
            followed: records.len(),
            complete: records.iter().filter(|record| record.is_complete).count(),
            documents_settled: events().filter(|event| event.is_outcome()).count(),
            events: events().count(),
            sockets: 0,
        }
    }
}

type Records = Arc<Mutex<Vec<Record>>>;

fn lock(records: &Records) -> MutexGuard<'_, Vec<Record>> {
    records.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A task that follows operations until all of them have ended. Dropping it ends the task.
pub struct Follower {
    records: Records,
    news: Option<mpsc::UnboundedSender<()>>,
    progress: watch::Receiver<Progress>,
    task: JoinHandle<Result<(), Error>>,
}

impl Follower {
    /// Follows the operations of `records` that have not ended, each after the last event that its record has.
    pub fn start(client: Arc<Client>, records: Vec<Record>) -> Self {
        let (report, progress) = watch::channel(Progress::of(&records));
        let records = Arc::new(Mutex::new(records));
        let (news, heard) = mpsc::unbounded_channel();
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

    /// Waits until `condition` holds. `what` says in the error what did not happen.
    pub async fn wait(
        &mut self,
        what: &str,
        limit: Duration,
        condition: impl Fn(&Progress) -> bool,
    ) -> Result<(), Error> {
        let outcome =
            timeout(limit, self.progress.wait_for(|progress| condition(progress))).await.map(|held| held.is_ok());
        match outcome {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.failure().await),
            Err(_) => Err(self.too_late(what, limit)),
        }
    }

    /// Waits until all operations have ended and returns what was heard.
    pub async fn finish(mut self, limit: Duration) -> Result<(Vec<Record>, Progress), Error> {
        self.news = None;
        match timeout(limit, &mut self.task).await {
            Ok(ended) => ended.map_err(|error| Error::Unexpected(error.to_string()))??,
            Err(_) => return Err(self.too_late("the end of all operations", limit)),
        }
        let progress = *self.progress.borrow();
        Ok((std::mem::take(&mut *lock(&self.records)), progress))
    }

    /// Stops at once and returns what was heard, for another follower to go on with.
    pub async fn abandon(mut self) -> Vec<Record> {
        self.task.abort();
        let _ = (&mut self.task).await;
        std::mem::take(&mut *lock(&self.records))
    }

    /// A view of the progress for others.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    async fn failure(&mut self) -> Error {
        match (&mut self.task).await {
            Ok(Ok(())) => Error::Unexpected("the follower ended early".to_owned()),
            Ok(Err(error)) => error,
            Err(error) => Error::Unexpected(error.to_string()),
        }
    }

    fn too_late(&self, what: &str, limit: Duration) -> Error {
        Error::TimedOut(format!("{what}: not within {limit:?}; {:?}", *self.progress.borrow()))
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(
    client: Arc<Client>,
    records: Records,
    mut news: mpsc::UnboundedReceiver<()>,
    report: watch::Sender<Progress>,
) -> Result<(), Error> {
    let mut fruitless = 0;
    loop {
        let before = report.borrow().events;
        let lost = match Socket::open(&client).await {
            Ok(socket) => match listen(socket, &records, &mut news, &report).await {
                Ok(()) => return Ok(()),
                Err(error @ (Error::Unreachable(_) | Error::TimedOut(_))) => error,
                Err(error) => return Err(error),
            },
            // Asking again would hide it.
            Err(error @ Error::RateLimited { .. }) => return Err(error),
            Err(error) => error,
        };
        fruitless = if report.borrow().events > before { 0 } else { fruitless + 1 };
        if fruitless == FRUITLESS_SOCKETS {
            return Err(Error::Unreachable(format!("no event over {fruitless} sockets in a row; the last: {lost}")));
        }
        sleep(RECONNECT_PAUSE).await;
    }
}

/// Listens to one socket until all operations have ended and no more will be asked for.
async fn listen(
    mut socket: Socket,
    records: &Records,
    news: &mut mpsc::UnboundedReceiver<()>,
    report: &watch::Sender<Progress>,
) -> Result<(), Error> {
    report.send_modify(|progress| progress.sockets += 1);
    // Records below have their subscription on this socket, or need none.
    let mut subscribed = 0;
    let mut is_closing = false;
    loop {
        let waiting = unfinished(&lock(records), subscribed);
        for index in waiting {
            subscribe(&mut socket, records, index).await?;
            subscribed = index + 1;
        }
        report.send_if_modified(|progress| {
            let has_grown = subscribed > progress.followed;
            progress.followed = progress.followed.max(subscribed);
            has_grown
        });
        if is_closing && report.borrow().open() == 0 {
            return Ok(());
        }
        tokio::select! {
            more = news.recv(), if !is_closing => is_closing = more.is_none(),
            message = socket.next() => {
                let news = note(&mut lock(records), message?)?;
                report.send_modify(|progress| news.add_to(progress));
            }
        }
    }
}

/// The records from `from` on that need a subscription.
fn unfinished(records: &[Record], from: usize) -> Vec<usize> {
    (from..records.len()).filter(|index| !records[*index].is_complete).collect()
}

async fn subscribe(socket: &mut Socket, records: &Records, index: usize) -> Result<(), Error> {
    let variables = {
        let record = &mut lock(records)[index];
        record.subscribed_at = Some(now());
        json!({ "operationId": record.operation, "after": record.cursor })
    };
    socket.subscribe(&index.to_string(), OPERATION_EVENTS, variables).await
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
fn note(records: &mut [Record], message: Message) -> Result<News, Error> {
    match message {
        Message::Next { id, data } => add_event(record_of(records, &id)?, data),
        Message::Complete { id } => {
            let record = record_of(records, &id)?;
            if !record.events.last().is_some_and(Event::is_terminal) {
                let operation = &record.operation;
                return Err(Error::Unexpected(format!("the events of {operation} completed without a terminal one")));
            }
            record.is_complete = true;
            Ok(News::Complete)
        }
        Message::Failed { error, .. } => Err(error),
    }
}

fn record_of<'a>(records: &'a mut [Record], id: &str) -> Result<&'a mut Record, Error> {
    let record = records.get_mut(id.parse().unwrap_or(usize::MAX));
    record.ok_or_else(|| Error::Unexpected(format!("a message for an unknown subscription {id:?}")))
}

fn add_event(record: &mut Record, data: Value) -> Result<News, Error> {
    #[derive(Deserialize)]
    struct Data {
        #[serde(rename = "operationEvents")]
        event: Incoming,
    }
    #[derive(Deserialize)]
    struct Incoming {
        cursor: String,
        sequence: i64,
        kind: String,
        at: DateTime<Utc>,
        document: Option<Document>,
    }
    #[derive(Deserialize)]
    struct Document {
        id: String,
    }
    let received_at = now();
    let Data { event: Incoming { cursor, sequence, kind, at, document } } = typed(data)?;
    let document = document.map(|document| document.id);
    let is_replayed = record.subscribed_at.is_none_or(|subscribed| at < subscribed);
    let event = Event { sequence, kind, document, at, received_at, is_replayed };
    let news = if event.is_outcome() { News::Outcome } else { News::Event };
    record.cursor = Some(cursor);
    record.events.push(event);
    Ok(news)
}

#[cfg(test)]
mod tests;
