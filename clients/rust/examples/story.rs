//! Adds files to a new collection, follows how they are indexed, and searches them.
//!
//! ```sh
//! DOCENT_URL=http://127.0.0.1:8080 DOCENT_LOGIN=ada DOCENT_PASSWORD=… cargo run -p docent-client --example story -- QUESTION FILE…
//! ```

#![expect(clippy::disallowed_methods, reason = "an example has no settings and no clock")]
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "it tells what it does")]

use std::{env, error::Error, fs, path::Path, sync::Arc, time::Duration};

use chrono::Utc;
use docent_client::{Client, Follower, Record};
use serde::Deserialize;
use serde_json::{Value, json};

const COLLECTION_CREATE: &str = include_str!("operations/collection_create.graphql");
const DOCUMENTS_INGEST: &str = include_str!("operations/documents_ingest.graphql");
const SEARCH: &str = include_str!("operations/search.graphql");

const PAGE_SIZE: u32 = 2;
const INDEXING_LIMIT: Duration = Duration::from_mins(1);

#[derive(Deserialize)]
struct Object {
    id: String,
}

#[derive(Deserialize)]
struct CollectionCreated {
    collection: Object,
}

#[derive(Deserialize)]
struct Ingested {
    operation: Object,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    nodes: Vec<Hit>,
    page_info: PageInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Hit {
    rank: u32,
    document: Document,
    chunk: Chunk,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    file_name: String,
}

#[derive(Deserialize)]
struct Chunk {
    headings: Vec<String>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let question = arguments.next().ok_or("give a question and files")?;
    let paths: Vec<String> = arguments.collect();

    let client = Arc::new(Client::new(&env::var("DOCENT_URL")?)?);
    client.log_in(&env::var("DOCENT_LOGIN")?, &env::var("DOCENT_PASSWORD")?).await?;

    let collection = create_collection(&client).await?;
    let operation = ingest(&client, &collection, &paths).await?;
    // It goes on over another connection when one breaks.
    let follower = Follower::start(Arc::clone(&client), vec![Record::new(&operation)]);
    let (records, _) = follower.finish(INDEXING_LIMIT).await?;
    let events: Vec<Value> = records
        .iter()
        .flat_map(|record| &record.events)
        .inspect(|event| eprintln!("{} {}", event.sequence, event.kind))
        .map(|event| json!({ "sequence": event.sequence, "kind": event.kind }))
        .collect();

    let pages = search(&client, &collection, &question).await?;
    // What the tests look at.
    println!("{}", json!({ "events": events, "pages": pages }));
    Ok(())
}

async fn create_collection(client: &Client) -> Result<String, docent_client::Error> {
    let input = json!({ "name": format!("Rust {}", Utc::now().to_rfc3339()) });
    let created: CollectionCreated =
        client.mutate(COLLECTION_CREATE, "collectionCreate", json!({ "input": input })).await?;
    Ok(created.collection.id)
}

/// Sends the files, starts indexing and returns the id of the operation.
async fn ingest(client: &Client, collection: &str, paths: &[String]) -> Result<String, Box<dyn Error>> {
    let mut documents = Vec::new();
    for path in paths {
        let name = Path::new(path).file_name().ok_or("not a file")?.to_string_lossy();
        let upload = client.upload(&name, fs::read(path)?).await?;
        documents.push(json!({ "content": { "uploadId": upload } }));
    }
    let input = json!({ "collectionId": collection, "documents": documents });
    let ingested: Ingested = client.mutate(DOCUMENTS_INGEST, "documentsIngest", json!({ "input": input })).await?;
    Ok(ingested.operation.id)
}

/// The hits of a search, page by page.
async fn search(client: &Client, collection: &str, question: &str) -> Result<Vec<Vec<Value>>, docent_client::Error> {
    let input = json!({ "query": question, "collectionIds": [collection] });
    let mut pages = Vec::new();
    let mut after = None;
    loop {
        let variables = json!({ "input": input, "first": PAGE_SIZE, "after": after });
        let page: Page = client.query(SEARCH, "search", variables).await?;
        for Hit { rank, document, chunk } in &page.nodes {
            eprintln!("{rank:3}. {}: {}", document.file_name, chunk.headings.join(" › "));
        }
        let hits = page.nodes.iter();
        pages.push(hits.map(|hit| json!({ "rank": hit.rank, "fileName": hit.document.file_name })).collect());
        if !page.page_info.has_next_page {
            return Ok(pages);
        }
        after = page.page_info.end_cursor;
    }
}
