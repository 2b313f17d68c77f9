//! `docent add`: looks, compares, sends, follows, and says what became of it. Each round is complete in itself: what it
//! knows comes from the folder and the server, so it can be killed at any line and done again.

mod folder;
mod follow;
mod plan;
mod send;
mod watch;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::PathBuf,
    process::ExitCode,
    time::Instant,
};

use anyhow::bail;
use clap::Args;
use serde::Deserialize;
use serde_json::json;

use self::{
    folder::Folder,
    plan::{Known, Plan},
    send::{Kind, Sender},
};
use super::{
    Api,
    collections::{self, Collection},
    terminal,
};
use crate::{
    cli::progress::{self, Unit},
    domain::{source::Fingerprint, vocabulary::Vocabulary},
};

const ADD_BEGIN: &str = include_str!("../graphql/add_begin.graphql");
const COLLECTION_CREATE: &str =
    concat!(include_str!("../graphql/collection_create.graphql"), include_str!("../graphql/collection_line.graphql"));

/// What adding needs: to compare, to send, and to follow.
const NEEDED: [&str; 3] = ["COLLECTION_READ", "DOCUMENT_INGEST", "OPERATION_READ"];

/// What `docent add` takes.
#[derive(Debug, Args)]
pub(in crate::cli) struct Add {
    /// The folder.
    folder: PathBuf,
    /// The collection, by its name or id. One that does not exist is created.
    #[arg(long, value_name = "NAME")]
    collection: String,
    /// Only files that match a pattern, such as '*.md'. It can be given several times. Default: all.
    #[arg(long, value_name = "PATTERN")]
    include: Vec<String>,
    /// No files and folders that match a pattern, such as 'drafts' or 'notes/*.txt'. It can be given several times.
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,
    /// Add files and folders whose names begin with a dot, too.
    #[arg(long)]
    hidden: bool,
    /// Go on when everything is added: add what changes in the folder, until the command is stopped.
    #[arg(long)]
    watch: bool,
    /// Print the counts as one JSON object; with --watch, one each time that something was added.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Limits {
    ingest_documents: usize,
    upload_bytes: String,
}

/// A file that did not become a document.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Failure {
    uri: String,
    reason: String,
}

/// What a round came to.
#[derive(Default)]
struct Summary {
    added: usize,
    changed: usize,
    unchanged: usize,
    /// Documents that came out of archives.
    from_archives: u64,
    failed: Vec<Failure>,
    /// What is no document by its kind or the caller's wish, by its code: in words, and how many.
    left_out: BTreeMap<&'static str, (&'static str, usize)>,
    bytes: u64,
}

impl Summary {
    fn is_news(&self) -> bool {
        self.added + self.changed + self.failed.len() > 0
    }
}

/// What is known from the rounds before.
struct Memory {
    /// The documents of the collection by their uris.
    documents: HashMap<String, Known>,
    /// Files that need no look until they change.
    settled: HashMap<String, Fingerprint>,
    /// What can't be read and was said to be so.
    told: HashSet<String>,
}

impl Add {
    pub(super) async fn run(self, api: &Api) -> anyhow::Result<ExitCode> {
        let server: serde_json::Value = api.query(ADD_BEGIN, "server", json!({})).await?;
        let limits: Limits = api.typed(server["limits"].clone())?;
        let folder = Folder::new(&self, limits.upload_bytes.parse().unwrap_or(i64::MAX))?;
        // Before a collection is created for it.
        folder.check()?;
        let collection = self.find_or_create(api).await?;
        let work = Work { api, folder, collection, most: limits.ingest_documents.max(1), as_json: self.json };
        let mut memory = Memory {
            documents: plan::known(api, &work.collection.id).await?,
            settled: HashMap::new(),
            told: HashSet::new(),
        };
        if self.watch {
            return Box::pin(work.watch(&mut memory)).await;
        }
        let begin = Instant::now();
        let summary = Box::pin(work.round(&mut memory)).await?;
        work.tell(&summary, begin)?;
        Ok(if summary.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// The collection that is meant. Public ones of others are not.
    async fn find_or_create(&self, api: &Api) -> anyhow::Result<Collection> {
        let mut found = collections::find(api, &self.collection).await?;
        found.retain(|collection| collection.viewer_role.is_some());
        if found.is_empty() {
            return self.create(api).await;
        }
        let collection = collections::choose(&self.collection, found)?;
        let name = terminal::line_of(&collection.name);
        let missing: Vec<_> =
            NEEDED.into_iter().filter(|need| !collection.viewer_can.iter().any(|can| can == need)).collect();
        match (missing.as_slice(), collection.viewer_role.as_deref()) {
            ([], _) => Ok(collection),
            (_, Some("VIEWER")) => {
                bail!("you can read «{name}» and not add to it: ask {} for another role", collection.owner.username)
            }
            (missing, _) => bail!(
                "the API key does not allow {} in «{name}»: log in with a key that does (`docent login`)",
                missing.join(" and ")
            ),
        }
    }

    async fn create(&self, api: &Api) -> anyhow::Result<Collection> {
        #[derive(Deserialize)]
        struct Payload {
            collection: Collection,
        }
        let input = json!({ "name": self.collection });
        let made = api.mutate::<Payload>(COLLECTION_CREATE, "collectionCreate", &input).await;
        let collection = match made {
            Ok(made) => made.collection,
            // The answer to an earlier try was lost, or another command was quicker.
            Err(error) if error.code() == Some("TAKEN") => {
                return collections::choose(&self.collection, collections::find_some(api, &self.collection).await?);
            }
            Err(error) => return Err(api.explain(error)),
        };
        if !self.json {
            terminal::print(format_args!("The collection «{}» was created.", terminal::line_of(&collection.name)))?;
        }
        Ok(collection)
    }
}

/// What stays the same from round to round.
struct Work<'a> {
    api: &'a Api,
    folder: Folder,
    collection: Collection,
    /// Files of one operation.
    most: usize,
    as_json: bool,
}

impl Work<'_> {
    /// Adds what is new or has changed, and waits until it is indexed.
    async fn round(&self, memory: &mut Memory) -> anyhow::Result<Summary> {
        let mut summary = Summary::default();
        let (directory, scan) = self.folder.scan().await?;
        let unlisted = usize::try_from(scan.skipped_count).unwrap_or_default().saturating_sub(scan.skipped.len());
        if unlisted > 0 {
            summary.left_out.insert("UNLISTED", ("more that are not listed", unlisted));
        }
        let mut told = Vec::new();
        for skipped in scan.skipped {
            match folder::complaint(skipped.reason) {
                Ok(words) => summary.left_out.entry(skipped.reason.as_str()).or_insert((words, 0)).1 += 1,
                Err(_) if memory.told.contains(&skipped.path) => {}
                Err(reason) => {
                    told.push(skipped.path.clone());
                    summary.failed.push(Failure { uri: skipped.path, reason: reason.to_owned() });
                }
            }
        }
        let files: Vec<_> =
            scan.files.into_iter().filter(|file| memory.settled.get(&file.uri) != Some(&file.fingerprint)).collect();
        let comparing = self.api.board.meter("comparing", Unit::Bytes)?;
        let plan = plan::plan(&directory, files, &memory.documents, &comparing).await;
        comparing.end();
        let Plan { wanted, unchanged, waiting, failed } = plan?;
        summary.unchanged = unchanged.len();
        memory.settled.extend(unchanged.into_iter().map(|file| (file.uri, file.fingerprint)));

        let sender = Sender::new(self.api, &self.collection.id, directory, self.most)?;
        let (sent, followed) = Box::pin(sender.send_and_follow(wanted)).await;
        let followed = followed?;
        let mut failures: Vec<(Failure, Option<Fingerprint>)> = failed;
        failures.extend(sent?);
        for ended in followed {
            summary.from_archives += ended.from_archives;
            let mut reasons: HashMap<_, _> =
                ended.failed.into_iter().map(|failure| (failure.uri.clone(), failure)).collect();
            for file in ended.files {
                let (uri, fingerprint) = (file.wanted.file.uri, file.wanted.file.fingerprint);
                summary.bytes += file.size;
                memory.documents.insert(uri.clone(), Known::just_sent(file.wanted.meta));
                memory.settled.insert(uri.clone(), fingerprint);
                match (reasons.remove(&uri), file.wanted.kind) {
                    (Some(failure), _) => summary.failed.push(failure),
                    (None, Kind::Added) => summary.added += 1,
                    (None, Kind::Changed) => summary.changed += 1,
                }
            }
            // The files of archives.
            summary.failed.extend(reasons.into_values());
        }
        let (files, ids): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
        let refused = follow::settled(self.api, ids).await?;
        summary.unchanged += files.iter().filter(|file| !refused.iter().any(|refused| refused.uri == file.uri)).count();
        memory.settled.extend(files.into_iter().map(|file| (file.uri, file.fingerprint)));
        summary.failed.extend(refused);
        for (failure, fingerprint) in failures {
            if let Some(fingerprint) = fingerprint {
                memory.settled.insert(failure.uri.clone(), fingerprint);
            }
            summary.failed.push(failure);
        }
        memory.told.extend(told);
        summary.failed.sort_by(|a, b| a.uri.cmp(&b.uri));
        Ok(summary)
    }

    /// Prints what a round came to.
    fn tell(&self, summary: &Summary, begin: Instant) -> anyhow::Result<()> {
        let Summary { added, changed, unchanged, from_archives, failed, left_out, bytes } = summary;
        let (name, took) = (&self.collection.name, begin.elapsed());
        if self.as_json {
            let left_out: BTreeMap<_, _> = left_out.iter().map(|(code, (_, count))| (code, count)).collect();
            let failures = failed.iter().map(|Failure { uri, reason }| json!({ "uri": uri, "reason": reason }));
            let summary = json!({
                "collection": { "id": self.collection.id, "name": name },
                "added": added,
                "changed": changed,
                "unchanged": unchanged,
                "fromArchives": from_archives,
                "failed": failures.collect::<Vec<_>>(),
                "leftOut": left_out,
                "bytesSent": bytes,
                "seconds": took.as_secs_f64(),
            });
            return Ok(terminal::print_json(&summary)?);
        }
        for Failure { uri, reason } in failed {
            let (uri, reason) = (terminal::line_of(uri), terminal::line_of(reason));
            terminal::print(format_args!("failed: {uri}: {reason}"))?;
        }
        if !left_out.is_empty() {
            let left_out: Vec<_> = left_out.values().map(|(words, count)| format!("{count} {words}")).collect();
            terminal::print(format_args!("Left out: {}.", left_out.join(", ")))?;
        }
        let archives =
            if *from_archives == 0 { String::new() } else { format!(", {from_archives} more out of archives") };
        terminal::print(format_args!(
            "{}: {added} added, {changed} changed, {unchanged} unchanged, {} failed{archives} ({} in {}).",
            terminal::line_of(name),
            failed.len(),
            progress::bytes(*bytes),
            progress::duration(took),
        ))?;
        Ok(())
    }
}
