//! `docent operations`.

use std::collections::{HashMap, hash_map::Entry};

use chrono::{DateTime, Local, Utc};
use clap::Args;
use docent_client::{Feed, News};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Api, collections, terminal};
use crate::{
    cli::progress::{Meter, Unit},
    lifecycle,
};

const OPERATIONS: &str =
    concat!(include_str!("graphql/operations.graphql"), include_str!("graphql/operation_line.graphql"));
const VIEWER_OPERATIONS: &str = concat!(
    include_str!("graphql/viewer_operations.graphql"),
    include_str!("graphql/event_line.graphql"),
    include_str!("graphql/operation_line.graphql")
);
pub(super) const COLLECTION_EVENTS: &str = concat!(
    include_str!("graphql/collection_events.graphql"),
    include_str!("graphql/event_line.graphql"),
    include_str!("graphql/operation_line.graphql")
);

/// What `docent operations` takes.
#[derive(Debug, Args)]
pub(in crate::cli) struct Operations {
    /// Then follow all operations, until the command is stopped. Lost connections are opened again.
    #[arg(long)]
    follow: bool,
    /// Only those on one collection, by its name or id.
    #[arg(long, value_name = "NAME")]
    collection: Option<String>,
    /// How many operations to list.
    #[arg(long, value_name = "NUMBER", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    limit: u16,
    /// Print one JSON object, and with --follow one more for each event.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Operation {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    status: String,
    progress: u32,
    created_at: DateTime<Utc>,
    error_message: Option<String>,
    collection: Option<Collection>,
    totals: Totals,
}

#[derive(Deserialize)]
struct Collection {
    name: String,
}

/// How many of its documents have which outcome.
#[derive(Clone, Copy, Default, Deserialize)]
pub(super) struct Totals {
    pub(super) documents: u64,
    pub(super) completed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
    pub(super) cancelled: u64,
}

impl Totals {
    /// How many have an outcome.
    pub(super) fn settled(self) -> u64 {
        self.completed + self.failed + self.skipped + self.cancelled
    }
}

/// Whether an operation with this status has ended.
pub(super) fn is_over(status: &str) -> bool {
    matches!(status, "COMPLETED" | "FAILED" | "CANCELLED")
}

#[derive(Deserialize)]
struct Event {
    kind: String,
    at: DateTime<Utc>,
    message: Option<String>,
    document: Option<Document>,
    operation: Operation,
}

#[derive(Deserialize)]
struct Document {
    uri: String,
}

impl Operations {
    pub(super) async fn run(self, api: &Api) -> anyhow::Result<()> {
        let collection = match &self.collection {
            None => None,
            Some(wanted) => Some(collections::choose(wanted, collections::find_some(api, wanted).await?)?.id),
        };
        let filter = collection.as_ref().map(|id| json!({ "collectionId": id }));
        let variables = json!({ "filter": filter });
        let operations: Vec<Value> = api.list(OPERATIONS, &["operations"], variables, self.limit.into()).await?;
        if self.json {
            terminal::print_json(&json!({ "operations": operations }))?;
        } else {
            let operations: Vec<Operation> = api.typed(operations.into())?;
            let rows: Vec<_> = operations.iter().map(row).collect();
            for line in terminal::columns(&rows) {
                terminal::print(line)?;
            }
            if operations.is_empty() {
                api.board.note("There is no operation yet.");
            }
        }
        if !self.follow {
            return Ok(());
        }
        tokio::select! {
            followed = follow(api, collection, self.json) => followed,
            stopped = lifecycle::stopped() => Ok(stopped?),
        }
    }
}

/// Shows events as they come.
async fn follow(api: &Api, collection: Option<String>, as_json: bool) -> anyhow::Result<()> {
    let client = api.client.clone();
    let mut feed = match collection {
        None => Feed::new(client, VIEWER_OPERATIONS, "viewerOperations", json!({})),
        Some(id) => Feed::new(client, COLLECTION_EVENTS, "collectionEvents", json!({ "collectionId": id })),
    };
    let mut meters = HashMap::new();
    let mut is_lost = false;
    while let Some(news) = feed.next().await.map_err(|error| api.explain(error))? {
        match news {
            News::Connected => is_lost = false,
            News::Lost(error) => {
                // Once for each time: the next tries say the same.
                if !std::mem::replace(&mut is_lost, true) {
                    api.board.note(&format!("The connection was lost ({error}). Trying again."));
                }
            }
            News::Event(event) if as_json => terminal::print_json(&event)?,
            News::Event(event) => {
                let event: Event = api.typed(event)?;
                if let Some(line) = line(&event) {
                    api.board.above(|| terminal::print(line))?;
                }
                show(api, &event.operation, &mut meters)?;
            }
        }
    }
    Ok(())
}

/// Moves the meter of an operation, for as long as it runs.
fn show(api: &Api, operation: &Operation, meters: &mut HashMap<String, Meter>) -> anyhow::Result<()> {
    if is_over(&operation.status) {
        if let Some(meter) = meters.remove(&operation.id) {
            meter.end();
        }
        return Ok(());
    }
    let meter = match meters.entry(operation.id.clone()) {
        Entry::Occupied(entry) => entry.into_mut(),
        Entry::Vacant(entry) => {
            let name = operation.collection.as_ref().map_or("", |collection| &collection.name);
            entry.insert(api.board.meter(&terminal::line_of(name), Unit::Documents)?)
        }
    };
    meter.set(operation.totals.settled(), operation.totals.documents);
    Ok(())
}

fn row(operation: &Operation) -> Vec<String> {
    let Totals { documents, failed, .. } = operation.totals;
    let failed = if failed == 0 { String::new() } else { format!(", {failed} failed") };
    let collection = operation.collection.as_ref().map_or("-", |collection| &collection.name);
    let reason = operation.error_message.as_deref().unwrap_or_default();
    vec![
        local(operation.created_at),
        words(&operation.kind),
        words(&operation.status),
        format!("{} %", operation.progress),
        format!("{documents} document{}{failed}", if documents == 1 { "" } else { "s" }),
        terminal::line_of(collection),
        terminal::line_of(reason),
    ]
}

/// What an event says; nothing of steps, which the meters show.
fn line(event: &Event) -> Option<String> {
    if matches!(event.kind.as_str(), "DOCUMENT_STARTED" | "DOCUMENT_PROGRESS") {
        return None;
    }
    let Event { kind, at, message, document, operation } = event;
    let collection = operation.collection.as_ref().map_or("-", |collection| &collection.name);
    let mut line = format!("{}  {}  {}", local(*at), terminal::line_of(collection), words(kind));
    if let Some(document) = document {
        line = format!("{line}  {}", terminal::line_of(&document.uri));
    }
    if let Some(message) = message {
        line = format!("{line}: {}", terminal::line_of(message));
    }
    Some(line)
}

/// A value of an enum as words: also of one that this version does not know.
fn words(value: &str) -> String {
    value.to_lowercase().replace('_', " ")
}

fn local(time: DateTime<Utc>) -> String {
    time.with_timezone(&Local).format("%Y-%m-%d %H:%M:%S").to_string()
}
