//! Calls of the public API: with patience where waiting helps, and with errors that say what to do.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::anyhow;
use docent_client::{Client, Error, Page};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::credentials::{API_KEY, Server, URL};
use crate::cli::progress::Board;

/// How long a call waits in all for a server that has answered before.
const PATIENCE: Duration = Duration::from_mins(2);
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Rows of a page.
const PAGE: usize = 100;

/// A server, as the caller with the key.
pub(super) struct Api {
    pub(super) client: Arc<Client>,
    pub(super) board: Board,
    url: String,
    has_key: bool,
    has_answered: AtomicBool,
}

impl Api {
    pub(super) async fn open(server: &Server, board: Board) -> anyhow::Result<Self> {
        let url = server.url.trim_end_matches('/').to_owned();
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(anyhow!("{url} is not the address of a server: it begins with http:// or https://"));
        }
        let client = Client::new(&url)?;
        if let Some(key) = &server.key {
            client.use_token(key).await;
        }
        let (has_key, has_answered) = (server.key.is_some(), AtomicBool::new(false));
        Ok(Self { client: Arc::new(client), board, url, has_key, has_answered })
    }

    /// Sends one query and returns its `field`.
    pub(super) async fn query<T: DeserializeOwned>(
        &self,
        document: &str,
        field: &str,
        variables: Value,
    ) -> anyhow::Result<T> {
        let asked = self.patiently(async || self.client.query(document, field, variables.clone()).await).await;
        asked.map_err(|error| self.explain(error))
    }

    /// Sends one mutation, which does no harm when it is sent twice, and returns its payload.
    pub(super) async fn mutate<T: DeserializeOwned>(
        &self,
        document: &str,
        mutation: &str,
        input: &Value,
    ) -> Result<T, Error> {
        let variables = json!({ "input": input });
        self.patiently(async || self.client.mutate(document, mutation, variables.clone()).await).await
    }

    /// The rows of a list, page by page, at most so many. Its document takes `$first` and `$after`; `path` leads to it.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        document: &str,
        path: &[&str],
        mut variables: Value,
        most: usize,
    ) -> anyhow::Result<Vec<T>> {
        let mut rows = Vec::new();
        loop {
            variables["first"] = PAGE.min(most - rows.len()).into();
            let (root, below) = path.split_first().map_or(("", path), |(root, below)| (*root, below));
            let mut value: Value = self.query(document, root, variables.clone()).await?;
            for field in below {
                value = value[*field].take();
            }
            let page: Page<T> = self.typed(value)?;
            rows.extend(page.nodes);
            let next = page.page_info.next(variables["after"].as_str()).map_err(|error| self.explain(error))?;
            if next.is_none() || rows.len() >= most {
                return Ok(rows);
            }
            variables["after"] = next.into();
        }
    }

    /// The objects with these ids that are still there. Its document takes `$ids`.
    pub(super) async fn nodes<T: DeserializeOwned>(&self, document: &str, ids: &[String]) -> anyhow::Result<Vec<T>> {
        let asked = self.patiently(async || {
            let mut answer = self.client.send(document, json!({ "ids": ids })).await?;
            let mut errors = answer.body["errors"].as_array().into_iter().flatten();
            // What does not exist any more is null, with this error.
            let is_good = errors.all(|error| error["extensions"]["code"] == "NOT_FOUND");
            match answer.body["data"]["nodes"].take() {
                Value::Array(nodes) if is_good => Ok(nodes.into_iter().filter(|node| !node.is_null()).collect()),
                _ => answer.field("nodes"),
            }
        });
        let nodes: Vec<Value> = asked.await.map_err(|error| self.explain(error))?;
        self.typed(nodes.into())
    }

    /// A part of an answer.
    pub(super) fn typed<T: DeserializeOwned>(&self, value: Value) -> anyhow::Result<T> {
        serde_json::from_value(value).map_err(|error| self.explain(Error::Unexpected(error.to_string())))
    }

    /// Makes a call again while that may help: the server asks to wait, or has answered before and is away for a moment.
    pub(super) async fn patiently<T>(&self, call: impl AsyncFn() -> Result<T, Error>) -> Result<T, Error> {
        let (mut pause, mut waited) = (SHORTEST_PAUSE, Duration::ZERO);
        loop {
            let error = match call().await {
                Ok(answer) => {
                    self.has_answered.store(true, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let is_heard = !matches!(error, Error::Unreachable(_)) || self.has_answered.load(Ordering::Relaxed);
            if !error.may_pass() || !is_heard || waited >= PATIENCE {
                return Err(error);
            }
            if waited.is_zero() {
                self.board.note(&format!("{} is busy or away ({error}). Trying again.", self.url));
            }
            let next = error.retry_after().unwrap_or_default().clamp(pause, PATIENCE);
            sleep(next).await;
            waited += next;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// What a person can do about an error. One that may pass stays known as that.
    pub(super) fn explain(&self, error: Error) -> anyhow::Error {
        let url = &self.url;
        match error {
            Error::Unreachable(_) => anyhow::Error::new(error).context(format!(
                "there is no answer from {url}: is the server running, and is this its address? `docent login` or {URL} \
                 changes it"
            )),
            Error::RateLimited { .. } | Error::TimedOut(_) => {
                anyhow::Error::new(error).context(format!("{url} is busy: try again later"))
            }
            Error::Unexpected(reason) => {
                anyhow!(reason).context(format!("{url} does not answer as Docent does: is this its address?"))
            }
            Error::Absent(_) => anyhow::Error::new(error),
            Error::Refused { code, message, .. } => match code.as_deref() {
                Some("UNAUTHENTICATED") if self.has_key => anyhow!(
                    "{url} does not accept the API key: it is wrong, has expired or was revoked. `docent login` or \
                     {API_KEY} brings another one"
                ),
                Some("UNAUTHENTICATED") => {
                    anyhow!("{url} has to know who asks: run `docent login`, or set {API_KEY}")
                }
                Some("FORBIDDEN") => anyhow!(
                    "{message} Use a key that allows it (`docent login`), or ask the owner of the collection"
                ),
                Some("UNAVAILABLE" | "TIMEOUT") => {
                    let error = Error::Refused { code, message, retry_after: None };
                    anyhow::Error::new(error).context(format!("{url} can't do this now: try again later"))
                }
                _ => anyhow!(message),
            },
        }
    }
}

/// Whether trying again later may help.
pub(super) fn may_pass(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Error>().is_some_and(Error::may_pass)
}
