//! The callers in the measurement of the scope: an owner with one collection, and a reader who has a role in it and in
//! a thousand others.

use anyhow::Result;
use serde_json::json;

use crate::{
    api::{Account, NewDocument},
    ingest::{check_contents, ingest},
    statistics::Generator,
};

/// Collections that are shared with the reader beside the measured one.
pub const MEMBERSHIPS: usize = 1000;
/// Documents of the measured collection: a page of them.
pub const DOCUMENTS: usize = 20;
/// Chunks of each document that are read.
pub const CHUNKS: usize = 3;

/// Words of a document: enough for more than `CHUNKS` chunks.
const WORDS_OF_A_DOCUMENT: usize = 240;
const WORDS_OF_A_SENTENCE: usize = 12;
/// Tokens of a chunk.
const CHUNK_TOKENS: usize = 48;

/// What the texts are made of, and what is asked for.
pub const WORDS: [&str; 48] = [
    "anchor", "barrel", "beacon", "bridge", "candle", "canvas", "carpet", "castle", "cellar", "chapel", "cotton",
    "desert", "engine", "fabric", "falcon", "forest", "garden", "goblet", "hammer", "harbor", "island", "jacket",
    "kettle", "ladder", "lantern", "marble", "meadow", "mirror", "needle", "orchard", "paddle", "pepper", "pillar",
    "pocket", "quarry", "ribbon", "saddle", "shadow", "silver", "spiral", "statue", "stream", "temple", "timber",
    "tunnel", "valley", "violin", "window",
];

/// The callers and what they read.
pub struct Stage {
    /// Has no membership but in their own collection.
    pub owner: Account,
    /// Has a role in the same collection, and in `MEMBERSHIPS` more.
    pub reader: Account,
    pub collection: String,
}

impl Stage {
    /// Makes accounts, collections and roles on an empty server.
    pub async fn set(base: &str) -> Result<Self> {
        let (owner, reader) = (Account::new(base, "owner")?, Account::new(base, "reader")?);
        let neighbour = Account::new(base, "neighbour")?;
        for account in [&neighbour, &owner, &reader] {
            account.register().await?;
        }
        let chunking = json!({ "maxTokens": CHUNK_TOKENS, "overlapTokens": 0 });
        let collection = owner.create_collection_with(json!({ "name": "Measured", "chunking": chunking })).await?;
        let documents = documents();
        ingest(&owner, &collection, &documents, "measured").await?;
        check_contents(&owner, &collection, &documents).await?;

        for number in 0..MEMBERSHIPS {
            let shared = neighbour.create_collection(&format!("Shared {number}")).await?;
            neighbour.share(&shared, reader.login()).await?;
        }
        owner.share(&collection, reader.login()).await?;
        Ok(Self { owner, reader, collection })
    }
}

/// The same documents in every run.
fn documents() -> Vec<NewDocument> {
    let mut generator = Generator::new(1);
    (0..DOCUMENTS)
        .map(|number| NewDocument {
            uri: format!("generated-{number}"),
            file_name: format!("generated-{number}.txt"),
            text: text(&mut generator),
        })
        .collect()
}

fn text(generator: &mut Generator) -> String {
    let words: Vec<&str> = (0..WORDS_OF_A_DOCUMENT).map(|_| WORDS[generator.below(WORDS.len())]).collect();
    let sentences: Vec<String> =
        words.chunks(WORDS_OF_A_SENTENCE).map(|words| format!("The {}.", words.join(" "))).collect();
    sentences.join(" ")
}
