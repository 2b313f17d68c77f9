//! The process dies during a reindexing, or while an old index is removed: the work goes on where it was.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    app::{PATIENCE, texts},
    process::Server,
};

/// A server with a collection that has one index.
async fn start(directory: &TempDir) -> (Server, Value) {
    let server = Server::start(directory.path(), &[]).await;
    server.log_in("ada").await;
    let collection = server.create_collection(json!({ "name": "Letters" })).await;
    let long = "The tram crosses the bridge and waits at the market. ".repeat(20);
    let operation = server.ingest(&collection, texts(&[("a.txt", &long), ("b.txt", "The ferry waits.")])).await;
    assert_eq!(server.ended(&operation).await["status"], "COMPLETED");
    (server, collection)
}

/// Asks for smaller chunks. The server may die before it answers.
async fn reindex(server: &Server, collection: &Value) {
    let reindex = "mutation($id: ID!) {
        collectionReindex(input: { collectionId: $id, chunking: { maxTokens: 16, overlapTokens: 0 } }) {
            userErrors { message }
        }
    }";
    server.graphql(reindex, json!({ "id": collection })).await;
}

/// The states and the chunks of the generations, when there are so many and no operation goes on.
async fn rested(server: &Server, generations: usize) -> Vec<(String, i64)> {
    let query = "{ collections(first: 1) { nodes {
        chunkCount generations { state chunkCount } operations(first: 10) { nodes { status } }
    } } }";
    let deadline = Instant::now() + PATIENCE;
    loop {
        let data = server.data(query, json!({})).await;
        let collection = &data["collections"]["nodes"][0];
        let operations = collection["operations"]["nodes"].as_array().unwrap();
        let found = collection["generations"].as_array().unwrap();
        // One answer is made of several reads, and an operation may end between them.
        let is_built = found.iter().all(|generation| generation["state"] != "BUILDING");
        let has_ended = operations.iter().all(|operation| operation["status"] == "COMPLETED");
        if found.len() == generations && is_built && has_ended {
            let found = found.iter().map(|generation| {
                (generation["state"].as_str().unwrap().to_owned(), generation["chunkCount"].as_i64().unwrap())
            });
            let found: Vec<_> = found.collect();
            assert_eq!(collection["chunkCount"].as_i64(), found.last().map(|(_, chunks)| *chunks), "{data:#}");
            return found;
        }
        assert!(Instant::now() < deadline, "the collection does not come to rest: {data:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn check_found(server: &Server, chunks: i64) {
    let search = "{ search(input: { query: \"tram\", mode: LEXICAL }, first: 100) { nodes { chunk { id } } } }";
    let hits = server.data(search, json!({})).await["search"]["nodes"].as_array().unwrap().len();
    assert_eq!(i64::try_from(hits).unwrap(), chunks - 1, "all but the chunk about the ferry");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reindexing_survives_the_death_of_the_process_after_each_of_its_steps() {
    for step in ["reindex-begun", "ingest-upserted", "reindex-indexed", "reindex-settled", "reindex-promoted"] {
        let directory = tempfile::tempdir().unwrap();
        let (server, collection) = start(&directory).await;
        let before = rested(&server, 1).await;
        let failpoints = format!("{step}=1*return(abort)");
        let mut server = server.restart(directory.path(), &[("FAILPOINTS", &failpoints)]).await;
        reindex(&server, &collection).await;
        server.died().await;
        let server = server.restart(directory.path(), &[]).await;
        let after = rested(&server, 2).await;
        assert_eq!((after[0].0.as_str(), after[1].0.as_str()), ("RETIRED", "ACTIVE"), "{step}");
        assert!(after[1].1 > before[0].1, "{step}: {after:?}");
        check_found(&server, after[1].1).await;
        server.kill();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_index_is_removed_although_the_process_dies_meanwhile() {
    let directory = tempfile::tempdir().unwrap();
    let (server, collection) = start(&directory).await;
    reindex(&server, &collection).await;
    let with_old = rested(&server, 2).await;
    // Old indexes are looked for at the start.
    let over = ("DOCENT__COLLECTIONS__GENERATION_GRACE_MINUTES", "0");
    let dies = ("FAILPOINTS", "generation-points-dropped=1*return(abort)");
    let mut server = server.restart(directory.path(), &[over, dies]).await;
    server.died().await;
    let server = server.restart(directory.path(), &[over]).await;
    let alone = rested(&server, 1).await;
    assert_eq!(alone, with_old[1..]);
    check_found(&server, alone[0].1).await;
    server.kill();
}
