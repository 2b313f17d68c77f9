//! Sends files, a few at the same time, and has them accepted in batches, so that the first are indexed while others are on
//! their way. What was sent and not accepted when the command is killed is forgotten by the server.

use std::{
    cell::Cell,
    io,
    pin::pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use docent_client::{Error, Upload};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::{
    fs::File,
    io::AsyncReadExt,
    sync::mpsc::{UnboundedSender, unbounded_channel},
    time::{Instant, sleep_until},
};
use tokio_util::io::ReaderStream;

use super::{
    Failure,
    follow::{self, Ended},
    plan::unread,
};
use crate::{
    cli::{
        progress::{Meter, Unit},
        remote::api::Api,
    },
    domain::source::{Fingerprint, FoundFile},
    source::{Directory, OpenedFile, SourceError},
};

const DOCUMENTS_INGEST: &str = include_str!("../graphql/documents_ingest.graphql");

/// Files that are sent at the same time.
const SENDING: usize = 4;
const PIECE: usize = 128 * 1024;
/// A batch is accepted when it has so many bytes, or its first file has waited so long.
const BATCH_BYTES: u64 = 32 * 1024 * 1024;
const BATCH_TIME: Duration = Duration::from_secs(5);
/// Bytes of uris and metadata in a batch: the server takes requests of a MiB.
const BATCH_REQUEST: usize = 256 * 1024;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Added,
    Changed,
}

/// A file that is to be sent.
#[derive(Clone)]
pub(super) struct Wanted {
    pub(super) file: FoundFile,
    pub(super) kind: Kind,
    /// The metadata that its document has and keeps.
    pub(super) meta: Value,
}

/// A file that the server has, and has not accepted.
pub(super) struct Sent {
    pub(super) wanted: Wanted,
    pub(super) size: u64,
    upload: String,
}

impl Sent {
    fn input(&self) -> Value {
        let mut input = json!({ "uri": self.wanted.file.uri, "content": { "uploadId": self.upload } });
        if !self.wanted.meta.is_null() {
            input["meta"] = self.wanted.meta.clone();
        }
        input
    }
}

/// Files that became an operation.
pub(super) struct Batch {
    pub(super) operation: String,
    pub(super) files: Vec<Sent>,
}

/// A file that could not be sent, and its state if it is of no use to try again before it changes.
type Refused = (Failure, Option<Fingerprint>);

/// What became of a file.
enum Fate {
    Sent(Sent),
    Refused(Refused),
    Gone,
}

pub(super) struct Sender<'a> {
    api: &'a Api,
    collection: &'a str,
    directory: Arc<Directory>,
    /// Files of one batch.
    most: usize,
    meter: Meter,
}

impl<'a> Sender<'a> {
    pub(super) fn new(
        api: &'a Api,
        collection: &'a str,
        directory: Arc<Directory>,
        most: usize,
    ) -> anyhow::Result<Self> {
        let meter = api.board.meter("sending", Unit::Bytes)?;
        Ok(Self { api, collection, directory, most, meter })
    }

    /// Sends all files, and follows their operations to the ends.
    pub(super) async fn send_and_follow(
        self,
        files: Vec<Wanted>,
    ) -> (anyhow::Result<Vec<Refused>>, anyhow::Result<Vec<Ended>>) {
        if files.is_empty() {
            self.meter.end();
            return (Ok(Vec::new()), Ok(Vec::new()));
        }
        let (accepted, batches) = unbounded_channel();
        let (api, collection) = (self.api, self.collection);
        // The channel closes when everything is sent, or nothing more can be.
        let sending = async move {
            let sent = self.send(files, accepted).await;
            self.meter.end();
            sent
        };
        tokio::join!(sending, follow::follow(api, collection, batches))
    }

    async fn send(&self, files: Vec<Wanted>, accepted: UnboundedSender<Batch>) -> anyhow::Result<Vec<Refused>> {
        let sizes = files.iter().map(|wanted| u64::try_from(wanted.file.fingerprint.size).unwrap_or_default());
        self.meter.grow(sizes.sum());
        let mut slices = Vec::new();
        let mut left = files;
        while !left.is_empty() {
            let rest = left.split_off(left.len().min(self.most));
            slices.push(std::mem::replace(&mut left, rest));
        }
        let fates = stream::iter(slices)
            .then(|slice| self.find_places(slice))
            .map_ok(|places| stream::iter(places.into_iter().map(Ok::<_, anyhow::Error>)))
            .try_flatten()
            .map_ok(|(wanted, place)| self.put(wanted, place))
            .try_buffer_unordered(SENDING);
        let mut fates = pin!(fates);
        let mut refused = Vec::new();
        let mut batch = Collecting::default();
        loop {
            let fate = tokio::select! {
                fate = fates.try_next() => Some(fate?),
                () = sleep_until(batch.since + BATCH_TIME), if !batch.files.is_empty() => None,
            };
            match fate {
                Some(Some(Fate::Sent(sent))) => batch.add(sent),
                Some(Some(Fate::Refused(failure))) => refused.push(failure),
                Some(Some(Fate::Gone)) => {}
                Some(None) => break,
                None => refused.extend(self.accept(batch.take(), &accepted).await?),
            }
            if batch.is_full(self.most) {
                refused.extend(self.accept(batch.take(), &accepted).await?);
            }
        }
        refused.extend(self.accept(batch.take(), &accepted).await?);
        Ok(refused)
    }

    /// A place for each file, or why it can't have one.
    async fn find_places(&self, files: Vec<Wanted>) -> anyhow::Result<Vec<(Wanted, Result<Upload, String>)>> {
        let (mut found, mut left) = (Vec::new(), vec![files]);
        while let Some(mut files) = left.pop() {
            let names: Vec<_> = files.iter().map(|wanted| name_of(&wanted.file.uri)).collect();
            match self.api.patiently(async || self.api.client.create_uploads(&names).await).await {
                Ok(places) => found.extend(files.into_iter().zip(places.into_iter().map(Ok))),
                Err(error) if !concerns_input(&error) => return Err(self.api.explain(error)),
                Err(error) if files.len() == 1 => {
                    found.extend(files.into_iter().map(|wanted| (wanted, Err(sentence(&error)))));
                }
                // One bad file refuses all: halves find it.
                Err(_) => {
                    left.push(files.split_off(files.len() / 2));
                    left.push(files);
                }
            }
        }
        Ok(found)
    }

    /// Sends one file, again if the connection is lost.
    async fn put(&self, wanted: Wanted, place: Result<Upload, String>) -> anyhow::Result<Fate> {
        let expected = u64::try_from(wanted.file.fingerprint.size).unwrap_or_default();
        let refuse = |wanted: Wanted, reason| {
            self.meter.shrink(expected);
            let FoundFile { uri, fingerprint, .. } = wanted.file;
            Ok(Fate::Refused((Failure { uri, reason }, Some(fingerprint))))
        };
        let upload = match place {
            Ok(upload) => upload,
            Err(reason) => return refuse(wanted, reason),
        };
        let tries = Cell::new(0);
        let put = self.api.patiently(async || {
            tries.set(tries.get() + 1);
            self.try_put(&wanted.file, &upload).await
        });
        match put.await {
            Ok(Ok(size)) => Ok(Fate::Sent(Sent { wanted, size, upload: upload.id })),
            Ok(Err(error)) => {
                self.meter.shrink(expected);
                Ok(unread(wanted.file, &error).map_or(Fate::Gone, Fate::Refused))
            }
            // It came whole, and the answer to that was lost.
            Err(error) if error.code() == Some("CONFLICT") && tries.get() > 1 => {
                self.meter.advance(expected);
                Ok(Fate::Sent(Sent { wanted, size: expected, upload: upload.id }))
            }
            Err(error @ (Error::Refused { .. } | Error::Unexpected(_)))
                if !matches!(error.code(), Some("UNAUTHENTICATED" | "FORBIDDEN" | "UNAVAILABLE")) =>
            {
                refuse(wanted, sentence(&error))
            }
            Err(error) => Err(self.api.explain(error)),
        }
    }

    /// Sends one file. What is wrong with the file is told apart from what is wrong with the way.
    async fn try_put(&self, file: &FoundFile, upload: &Upload) -> Result<Result<u64, SourceError>, Error> {
        let opened = match self.open(file).await {
            Ok(opened) => opened,
            Err(error) => return Ok(Err(error)),
        };
        let size = u64::try_from(opened.fingerprint().size).unwrap_or_default();
        let bytes = match opened.bytes() {
            Ok(bytes) => File::from_std(bytes).take(size),
            Err(error) => return Ok(Err(error)),
        };
        let reading = Arc::new(Reading::default());
        let (counter, observer, meter) = (Arc::clone(&reading), Arc::clone(&reading), self.meter.clone());
        let pieces = ReaderStream::with_capacity(bytes, PIECE)
            .inspect_ok(move |piece| {
                let length = u64::try_from(piece.len()).unwrap_or_default();
                counter.sent.fetch_add(length, Ordering::Relaxed);
                meter.advance(length);
            })
            .inspect_err(move |error| {
                let _ = observer.failed.set(error.kind());
            });
        let filled = self.api.client.fill(upload, size, pieces).await;
        let unreadable = reading.failed.get().map(|kind| SourceError::Unreadable(io::Error::from(*kind)));
        let problem = unreadable.or_else(|| opened.check_unchanged().err());
        if filled.is_err() || problem.is_some() {
            self.meter.take_back(reading.sent.load(Ordering::Relaxed));
        }
        match problem {
            Some(problem) => Ok(Err(problem)),
            None => filled.map(|()| Ok(size)),
        }
    }

    async fn open(&self, file: &FoundFile) -> Result<OpenedFile, SourceError> {
        let (directory, file) = (Arc::clone(&self.directory), file.clone());
        let opened = tokio::task::spawn_blocking(move || directory.read(&file)).await;
        opened.unwrap_or_else(|error| Err(SourceError::Unreadable(io::Error::other(error))))
    }

    /// Has files accepted, as one operation. Those that the server refuses are told apart from the others.
    async fn accept(&self, files: Vec<Sent>, accepted: &UnboundedSender<Batch>) -> anyhow::Result<Vec<Refused>> {
        #[derive(Deserialize)]
        struct Payload {
            operation: Operation,
        }
        #[derive(Deserialize)]
        struct Operation {
            id: String,
        }
        let (mut refused, mut left) = (Vec::new(), vec![files]);
        while let Some(mut files) = left.pop() {
            if files.is_empty() {
                continue;
            }
            let inputs: Vec<_> = files.iter().map(Sent::input).collect();
            let key = files.iter().fold(Sha256::new(), |hash, sent| hash.chain_update(&sent.upload));
            let input = json!({
                "collectionId": self.collection,
                "documents": inputs,
                // The same call is the same operation, also when the answer to the first try was lost.
                "idempotencyKey": hex::encode(key.finalize()),
            });
            match self.api.mutate::<Payload>(DOCUMENTS_INGEST, "documentsIngest", &input).await {
                // Nobody hears of it only when following has failed, which is told.
                Ok(Payload { operation }) => drop(accepted.send(Batch { operation: operation.id, files })),
                Err(error) if !concerns_input(&error) => return Err(self.api.explain(error)),
                Err(error) if files.len() == 1 => refused.extend(files.into_iter().map(|sent| {
                    let FoundFile { uri, fingerprint, .. } = sent.wanted.file;
                    (Failure { uri, reason: sentence(&error) }, Some(fingerprint))
                })),
                Err(_) => {
                    left.push(files.split_off(files.len() / 2));
                    left.push(files);
                }
            }
        }
        Ok(refused)
    }
}

/// What reading a file came to so far.
#[derive(Default)]
struct Reading {
    sent: AtomicU64,
    failed: OnceLock<io::ErrorKind>,
}

/// Files that wait to be accepted together.
struct Collecting {
    files: Vec<Sent>,
    since: Instant,
    bytes: u64,
    request: usize,
}

impl Default for Collecting {
    fn default() -> Self {
        Self { files: Vec::new(), since: Instant::now(), bytes: 0, request: 0 }
    }
}

impl Collecting {
    fn add(&mut self, sent: Sent) {
        if self.files.is_empty() {
            self.since = Instant::now();
        }
        self.bytes += sent.size;
        self.request += sent.input().to_string().len();
        self.files.push(sent);
    }

    fn is_full(&self, most: usize) -> bool {
        self.files.len() >= most || self.bytes >= BATCH_BYTES || self.request >= BATCH_REQUEST
    }

    fn take(&mut self) -> Vec<Sent> {
        std::mem::take(self).files
    }
}

/// Whether an error says that something is wrong with what was sent, and not with the caller or the server.
fn concerns_input(error: &Error) -> bool {
    let codes = [
        "BAD_USER_INPUT",
        "CONFLICT",
        "COST_LIMIT_EXCEEDED",
        "DUPLICATE",
        "INVALID",
        "LIMIT_EXCEEDED",
        "REQUIRED",
        "TOO_LONG",
    ];
    error.code().is_some_and(|code| codes.contains(&code))
}

/// What the server says, without who says it.
fn sentence(error: &Error) -> String {
    match error {
        Error::Refused { message, .. } => message.clone(),
        error => error.to_string(),
    }
}

/// The name of a file, without its folders.
fn name_of(uri: &str) -> &str {
    uri.rsplit('/').next().unwrap_or(uri)
}
