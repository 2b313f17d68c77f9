//! What has to be sent: what the server does not have yet, or has with another digest.

use std::{collections::HashMap, io::Read, sync::Arc};

use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    Failure,
    send::{Kind, Wanted},
};
use crate::{
    cli::{progress::Meter, remote::api::Api},
    domain::source::{Fingerprint, FoundFile},
    source::{Directory, SourceError},
};

const COLLECTION_DOCUMENTS: &str = include_str!("../graphql/collection_documents.graphql");

/// Files that are read at the same time.
const READING: usize = 4;
const PIECE: usize = 256 * 1024;

/// A document as the server knows it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Known {
    id: String,
    uri: String,
    content_hash: String,
    file_size: String,
    status: String,
    chunk_count: u64,
    meta: Value,
    error: Option<KnownError>,
}

#[derive(Clone, Debug, Deserialize)]
struct KnownError {
    message: String,
    retryable: bool,
}

impl Known {
    /// A document that was sent by this command. No file is like it: the server decides when it is sent again.
    pub(super) fn just_sent(meta: Value) -> Self {
        Self {
            id: String::new(),
            uri: String::new(),
            content_hash: String::new(),
            file_size: String::new(),
            status: String::new(),
            chunk_count: 1,
            meta,
            error: None,
        }
    }
}

/// All documents of a collection by their uris.
pub(super) async fn known(api: &Api, collection: &str) -> anyhow::Result<HashMap<String, Known>> {
    let path = ["collection", "documents"];
    let variables = json!({ "id": collection });
    let documents: Vec<Known> = api.list(COLLECTION_DOCUMENTS, &path, variables, usize::MAX).await?;
    Ok(documents.into_iter().map(|document| (document.uri.clone(), document)).collect())
}

/// What becomes of the files.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) wanted: Vec<Wanted>,
    pub(super) unchanged: Vec<FoundFile>,
    /// Sent before, and not settled yet: with the id of the document.
    pub(super) waiting: Vec<(FoundFile, String)>,
    /// With the state of the file, if it is of no use to look again before it changes.
    pub(super) failed: Vec<(Failure, Option<Fingerprint>)>,
}

enum Fate {
    Wanted(Wanted),
    Unchanged(FoundFile),
    Waiting(FoundFile, String),
    Failed(Failure, Option<Fingerprint>),
    Gone,
}

/// Compares files with documents. Only those of the same size have to be read.
pub(super) async fn plan(
    directory: &Arc<Directory>,
    files: Vec<FoundFile>,
    documents: &HashMap<String, Known>,
    meter: &Meter,
) -> anyhow::Result<Plan> {
    let fates = stream::iter(files).map(|file| {
        let known = documents.get(&file.uri);
        async move {
            match known {
                None => Ok(Fate::Wanted(Wanted { file, kind: Kind::Added, meta: Value::Null })),
                Some(known) if known.file_size != file.fingerprint.size.to_string() => {
                    Ok(Fate::Wanted(changed(file, known)))
                }
                Some(known) => compare(directory, file, known, meter).await,
            }
        }
    });
    let mut plan = Plan::default();
    let mut fates = std::pin::pin!(fates.buffered(READING));
    while let Some(fate) = fates.try_next().await? {
        match fate {
            Fate::Wanted(wanted) => plan.wanted.push(wanted),
            Fate::Unchanged(file) => plan.unchanged.push(file),
            Fate::Waiting(file, id) => plan.waiting.push((file, id)),
            Fate::Failed(failure, fingerprint) => plan.failed.push((failure, fingerprint)),
            Fate::Gone => {}
        }
    }
    Ok(plan)
}

fn changed(file: FoundFile, known: &Known) -> Wanted {
    // A document that could never be found is not changed, but added at last.
    let kind = if known.chunk_count == 0 { Kind::Added } else { Kind::Changed };
    Wanted { file, kind, meta: known.meta.clone() }
}

/// Reads a file, and compares it with the document of its uri.
async fn compare(directory: &Arc<Directory>, file: FoundFile, known: &Known, meter: &Meter) -> anyhow::Result<Fate> {
    meter.grow(u64::try_from(file.fingerprint.size).unwrap_or_default());
    let (reading, found, counter) = (Arc::clone(directory), file.clone(), meter.clone());
    let digest = match tokio::task::spawn_blocking(move || digest(&reading, &found, &counter)).await? {
        Ok(digest) => digest,
        Err(error) => return Ok(unread(file, &error).map_or(Fate::Gone, |(failure, when)| Fate::Failed(failure, when))),
    };
    if digest != known.content_hash {
        return Ok(Fate::Wanted(changed(file, known)));
    }
    Ok(match (known.status.as_str(), &known.error) {
        ("PENDING" | "PROCESSING", _) => Fate::Waiting(file, known.id.clone()),
        // Sending it again would fail again, unless the document holds older content.
        ("FAILED" | "QUARANTINED", Some(error)) if !error.retryable && known.chunk_count == 0 => {
            let failure = Failure { uri: file.uri, reason: error.message.clone() };
            Fate::Failed(failure, Some(file.fingerprint))
        }
        ("FAILED" | "QUARANTINED", _) => Fate::Wanted(changed(file, known)),
        _ => Fate::Unchanged(file),
    })
}

/// Why a file can't be read, and its state if that will not change by itself; nothing of a file that is gone.
pub(super) fn unread(file: FoundFile, error: &SourceError) -> Option<(Failure, Option<Fingerprint>)> {
    let FoundFile { uri, fingerprint, .. } = file;
    match error {
        SourceError::Unreadable(cause) if cause.kind() == std::io::ErrorKind::NotFound => None,
        SourceError::Changed => {
            let reason = "It changed while it was read. Run the command again.".to_owned();
            Some((Failure { uri, reason }, None))
        }
        SourceError::Unreadable(cause) => {
            Some((Failure { uri, reason: format!("It can't be read: {cause}.") }, Some(fingerprint)))
        }
        error => Some((Failure { uri, reason: format!("It can't be read: {error}.") }, Some(fingerprint))),
    }
}

/// The SHA-256 digest of a file. Blocks.
fn digest(directory: &Directory, file: &FoundFile, meter: &Meter) -> Result<String, SourceError> {
    let opened = directory.read(file)?;
    let mut bytes = opened.bytes()?;
    let (mut hash, mut piece) = (Sha256::new(), vec![0; PIECE]);
    loop {
        match bytes.read(&mut piece).map_err(SourceError::Unreadable)? {
            0 => break,
            length => {
                hash.update(&piece[..length]);
                meter.advance(u64::try_from(length).unwrap_or_default());
            }
        }
    }
    opened.check_unchanged()?;
    Ok(hex::encode(hash.finalize()))
}
