//! Follows operations to their ends. Events only say that something has happened: what, the state of the operations says. So
//! events that a lost connection has swallowed are missed by nobody.

use std::{collections::HashMap, time::Duration};

use anyhow::bail;
use docent_client::{Feed, News};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    sync::mpsc::UnboundedReceiver,
    time::{Instant, sleep, sleep_until},
};

use super::{
    Failure,
    send::{Batch, Sent},
};
use crate::cli::{
    progress::Unit,
    remote::{
        api::Api,
        operations::{COLLECTION_EVENTS, Totals, is_over},
    },
};

const OPERATIONS_BY_ID: &str = include_str!("../graphql/operations_by_id.graphql");
const OPERATION_FAILURES: &str = include_str!("../graphql/operation_failures.graphql");
const DOCUMENTS_BY_ID: &str = include_str!("../graphql/documents_by_id.graphql");

/// How often the state is read where no event comes.
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);
/// How often documents are looked at that an earlier command has sent.
const BETWEEN_LOOKS_AT_DOCUMENTS: Duration = Duration::from_secs(1);
/// Ids that are asked for at once.
const PAGE: usize = 100;

/// An operation that has ended.
pub(super) struct Ended {
    pub(super) files: Vec<Sent>,
    pub(super) failed: Vec<Failure>,
    /// Documents that were not sent, but came out of archives.
    pub(super) from_archives: u64,
}

/// The state of an operation.
#[derive(Deserialize)]
struct State {
    id: String,
    status: String,
    totals: Totals,
}

/// Operations that are followed, with how far each is.
#[derive(Default)]
struct Followed {
    open: HashMap<String, (Vec<Sent>, Totals)>,
    /// Documents of operations that have ended.
    done: u64,
}

/// Follows the operations of batches until there are no more, and all have ended.
pub(super) async fn follow(
    api: &Api,
    collection: &str,
    mut batches: UnboundedReceiver<Batch>,
) -> anyhow::Result<Vec<Ended>> {
    let meter = api.board.meter("indexing", Unit::Documents)?;
    let variables = json!({ "collectionId": collection });
    let mut feed = Feed::new(api.client.clone(), COLLECTION_EVENTS, "collectionEvents", variables);
    let (mut followed, mut ended) = (Followed::default(), Vec::new());
    let (mut is_closed, mut next_look) = (false, Instant::now() + BETWEEN_LOOKS);
    while !is_closed || !followed.open.is_empty() {
        let states = tokio::select! {
            batch = batches.recv(), if !is_closed => {
                match batch {
                    None => is_closed = true,
                    Some(Batch { operation, files }) => {
                        let totals = Totals { documents: u64::try_from(files.len())?, ..Totals::default() };
                        followed.open.insert(operation, (files, totals));
                        // It may have ended before anybody knew of it.
                        next_look = Instant::now();
                    }
                }
                Vec::new()
            }
            news = feed.next() => match news.map_err(|error| api.explain(error))? {
                Some(News::Event(mut event)) => vec![api.typed(event["operation"].take())?],
                // The looks go on; they say why if nothing answers.
                Some(News::Lost(_)) => Vec::new(),
                Some(News::Connected) => {
                    next_look = Instant::now();
                    Vec::new()
                }
                None => bail!("the events of the collection have ended: it was deleted, or can't be read any more"),
            },
            () = sleep_until(next_look), if !followed.open.is_empty() => {
                next_look = Instant::now() + BETWEEN_LOOKS;
                look(api, &followed.open.keys().cloned().collect::<Vec<_>>()).await?
            }
        };
        for State { id, status, totals } in states {
            let Some((_, known)) = followed.open.get_mut(&id) else { continue };
            *known = totals;
            if let Some((files, _)) = is_over(&status).then(|| followed.open.remove(&id)).flatten() {
                followed.done += totals.documents;
                let from_archives = totals.documents.saturating_sub(u64::try_from(files.len())?);
                ended.push(Ended { files, failed: failures(api, &id).await?, from_archives });
            }
        }
        let open = || followed.open.values().map(|(_, totals)| *totals);
        let settled: u64 = open().map(Totals::settled).sum();
        let documents: u64 = open().map(|totals| totals.documents).sum();
        meter.set(followed.done + settled, followed.done + documents);
    }
    meter.end();
    Ok(ended)
}

/// The states of operations, which have to be there.
async fn look(api: &Api, ids: &[String]) -> anyhow::Result<Vec<State>> {
    let mut states = Vec::new();
    for ids in ids.chunks(PAGE) {
        states.extend(api.nodes(OPERATIONS_BY_ID, ids).await?);
    }
    if states.len() < ids.len() {
        bail!("an operation is gone: the collection was deleted, or can't be read any more");
    }
    Ok(states)
}

/// The documents of an operation that failed, with the reasons.
async fn failures(api: &Api, operation: &str) -> anyhow::Result<Vec<Failure>> {
    let path = ["operation", "documents"];
    let documents: Vec<Value> = api.list(OPERATION_FAILURES, &path, json!({ "id": operation }), usize::MAX).await?;
    let failure = |document: &Value| {
        // A document that was deleted meanwhile is nobody's failure.
        let uri = document["document"]["uri"].as_str()?.to_owned();
        let reason = document["error"]["message"].as_str();
        let reason =
            reason.unwrap_or(if document["outcome"] == "CANCELLED" { "It was cancelled." } else { "It failed." });
        Some(Failure { uri, reason: reason.to_owned() })
    };
    Ok(documents.iter().filter_map(failure).collect())
}

/// Waits for documents that an earlier command has sent, and returns those that failed.
pub(super) async fn settled(api: &Api, ids: Vec<String>) -> anyhow::Result<Vec<Failure>> {
    #[derive(Deserialize)]
    struct Document {
        id: String,
        uri: String,
        status: String,
        error: Option<Reason>,
    }
    #[derive(Deserialize)]
    struct Reason {
        message: String,
    }
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let meter = api.board.meter("indexing", Unit::Documents)?;
    let (total, mut left, mut failed) = (u64::try_from(ids.len())?, ids, Vec::new());
    loop {
        let mut open = Vec::new();
        for ids in left.chunks(PAGE) {
            let found: Vec<Document> = api.nodes(DOCUMENTS_BY_ID, ids).await?;
            for Document { id, uri, status, error } in found {
                match status.as_str() {
                    "PENDING" | "PROCESSING" => open.push(id),
                    "COMPLETED" => {}
                    _ => {
                        let reason = error.map_or_else(|| "It failed.".to_owned(), |error| error.message);
                        failed.push(Failure { uri, reason });
                    }
                }
            }
        }
        meter.set(total - u64::try_from(open.len())?, total);
        if open.is_empty() {
            meter.end();
            return Ok(failed);
        }
        left = open;
        sleep(BETWEEN_LOOKS_AT_DOCUMENTS).await;
    }
}
