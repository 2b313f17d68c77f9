//! Concurrent changes of the same rows: they are locked in one order, so that transactions don't deadlock.

use std::time::Duration;

use futures_util::{StreamExt, future::join_all, stream::FuturesUnordered};
use serde_json::{Value, json};

use super::behind::{count, idle};
use crate::support::{
    app::{TestApp, texts},
    caller::Caller,
};

const ROUNDS: usize = 12;

async fn update(caller: &Caller, collection: &str, worker: usize) {
    for round in 0..ROUNDS {
        let documents: Vec<_> = (0..6)
            .map(|n| {
                // Each in another order.
                let n = (n * 5 + worker) % 6;
                (format!("{n}.txt"), format!("The ferry {worker} of {round} and {n}."))
            })
            .collect();
        let documents: Vec<_> = documents.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let ingest = "mutation($input: DocumentsIngestInput!) { documentsIngest(input: $input) { operation { id } } }";
        let input = json!({ "collectionId": collection, "documents": texts(&documents) });
        // The collection may be gone by now.
        let answer = caller.graphql(ingest, json!({ "input": input })).await;
        if round % 3 == 2
            && let Some(operation) = answer["data"]["documentsIngest"]["operation"]["id"].as_str()
        {
            let cancel = "mutation($id: ID!) { operationCancel(input: { operationId: $id }) { operation { id } } }";
            caller.graphql(cancel, json!({ "id": operation })).await;
        }
    }
}

async fn delete(caller: &Caller, collection: &str) {
    let query = "query($id: ID!) { collection(id: $id) { documents { nodes { id } } } }";
    let mutation = "mutation($ids: [ID!]!) { documentsDelete(input: { ids: $ids }) { operation { id } } }";
    for _ in 0..ROUNDS {
        let answer = caller.graphql(query, json!({ "id": collection })).await;
        let ids: Vec<Value> = answer["data"]["collection"]["documents"]["nodes"]
            .as_array()
            .map(|nodes| nodes.iter().rev().take(3).map(|node| node["id"].clone()).collect())
            .unwrap_or_default();
        if !ids.is_empty() {
            caller.graphql(mutation, json!({ "ids": ids })).await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn updates_cancellations_and_removals_at_once_make_no_deadlock() {
    let app = TestApp::on_postgres().await;
    let ada = app.user("ada").await;
    let kept = ada.create_collection("Kept").await;
    let gone = ada.create_collection("Gone").await;
    let mut work = FuturesUnordered::new();
    for worker in 0..3 {
        for collection in [&kept, &gone] {
            let ada = &ada;
            work.push(Box::pin(async move { update(ada, collection, worker).await })
                as std::pin::Pin<Box<dyn Future<Output = ()> + Send>>);
        }
    }
    work.push(Box::pin(delete(&ada, &kept)));
    work.push(Box::pin(delete(&ada, &gone)));
    work.push(Box::pin(async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let delete = "mutation($id: ID!) { collectionDelete(input: { collectionId: $id }) { operation { id } userErrors { code } } }";
        ada.graphql(delete, json!({ "id": gone })).await;
    }));
    while work.next().await.is_some() {}
    drop(work);
    join_all([idle(&app)]).await;
    // The database tells of what happened in a transaction within a second of its end.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(count(&app, deadlocks).await, 0);
    assert_eq!(
        count(&app, "SELECT COUNT(*) FROM chunks WHERE collection_id NOT IN (SELECT id FROM collections)").await,
        0
    );
}
