//! `docent collections`, and how the other commands find a collection by its name.

use anyhow::bail;
use clap::Args;
use docent_client::Error;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Api, terminal};
use crate::{cli::progress, domain::name};

const COLLECTIONS: &str =
    concat!(include_str!("graphql/collections.graphql"), include_str!("graphql/collection_line.graphql"));
const COLLECTION: &str =
    concat!(include_str!("graphql/collection.graphql"), include_str!("graphql/collection_line.graphql"));

/// What `docent collections` takes.
#[derive(Debug, Args)]
pub(in crate::cli) struct Collections {
    /// Print one JSON object.
    #[arg(long)]
    pub(super) json: bool,
}

/// A collection as the API shows it to the caller.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Collection {
    pub(super) id: String,
    pub(super) name: String,
    /// The role of the caller; none where they read it because it is public.
    pub(super) viewer_role: Option<String>,
    pub(super) viewer_can: Vec<String>,
    pub(super) owner: Owner,
    is_public: bool,
    document_count: u64,
    chunk_count: u64,
    total_bytes: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Owner {
    pub(super) username: String,
}

impl Collections {
    pub(super) async fn run(self, api: &Api) -> anyhow::Result<()> {
        let collections: Vec<Value> = api.list(COLLECTIONS, &["collections"], json!({}), usize::MAX).await?;
        if self.json {
            return Ok(terminal::print_json(&json!({ "collections": collections }))?);
        }
        let collections: Vec<Collection> = api.typed(collections.into())?;
        if collections.is_empty() {
            return Ok(terminal::print("There is no collection yet. `docent add` creates one.")?);
        }
        let heads = ["name", "documents", "chunks", "size", "owner", "role"].map(str::to_owned).to_vec();
        let rows = collections.iter().map(|collection| {
            let role = collection.viewer_role.as_deref().unwrap_or("reader").to_lowercase();
            let access = if collection.is_public { format!("{role}, public") } else { role };
            vec![
                terminal::line_of(&collection.name),
                collection.document_count.to_string(),
                collection.chunk_count.to_string(),
                progress::bytes(collection.total_bytes.parse().unwrap_or_default()),
                terminal::line_of(&collection.owner.username),
                access,
            ]
        });
        for line in terminal::columns(&std::iter::once(heads).chain(rows).collect::<Vec<_>>()) {
            terminal::print(line)?;
        }
        Ok(())
    }
}

/// The collections with this name, as names are compared, or the one with this id. There may be several of one name, with
/// different owners.
pub(super) async fn find(api: &Api, wanted: &str) -> anyhow::Result<Vec<Collection>> {
    let key = name::folded(wanted.trim());
    let filter = json!({ "filter": { "nameContains": wanted.trim() } });
    let mut found: Vec<Collection> = api.list(COLLECTIONS, &["collections"], filter, usize::MAX).await?;
    found.retain(|collection| name::folded(&collection.name) == key);
    if !found.is_empty() {
        return Ok(found);
    }
    let by_id = api.patiently(async || api.client.query(COLLECTION, "collection", json!({ "id": wanted })).await).await;
    match by_id {
        Ok(collection) => Ok(vec![collection]),
        Err(Error::Absent(_)) => Ok(Vec::new()),
        Err(error) if matches!(error.code(), Some("NOT_FOUND" | "BAD_USER_INPUT")) => Ok(Vec::new()),
        Err(error) => Err(api.explain(error)),
    }
}

/// As [`find`], where there has to be one.
pub(super) async fn find_some(api: &Api, wanted: &str) -> anyhow::Result<Vec<Collection>> {
    let found = find(api, wanted).await?;
    if found.is_empty() {
        bail!("there is no collection «{}» that you can read; see `docent collections`", terminal::line_of(wanted));
    }
    Ok(found)
}

/// The one that is meant of several with one name: the caller's own, or the only one.
pub(super) fn choose(wanted: &str, found: Vec<Collection>) -> anyhow::Result<Collection> {
    let own = found.iter().position(|collection| collection.viewer_role.as_deref() == Some("OWNER"));
    let (place, count) = (own.unwrap_or_default(), found.len());
    match found.into_iter().nth(place) {
        Some(collection) if own.is_some() || count == 1 => Ok(collection),
        _ => bail!(
            "{count} collections have the name «{}»: name one by its id, which `docent collections --json` shows",
            terminal::line_of(wanted)
        ),
    }
}
