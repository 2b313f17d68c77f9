//! A collection that gets another index while it is searched.

use serde_json::{Value, json};

use super::behind::{count, execute, found, idle};
use crate::{
    extract::samples::archive,
    graphql::documents::upload,
    on_both_databases,
    support::{
        app::{PATIENCE, TestApp, texts},
        caller::Caller,
    },
};

const TRAM: &str = "The tram waits at the stop near the old market hall. Its driver reads the paper of the day before. \
    Nobody gets on, and nobody gets off, because the market is closed on Mondays and the hall is empty.";
const FERRY: &str = "The ferry waits at the pier below the castle. Its captain paints the railing in a bright green. \
    The first guests come at noon, with bicycles and dogs, and want to cross the river to the gardens.";

/// The payload of a mutation with this input.
async fn change(caller: &Caller, mutation: &str, input: Value) -> Value {
    let kind = format!("{}{}Input", mutation[..1].to_uppercase(), &mutation[1..]);
    let text = format!(
        "mutation($input: {kind}!) {{
            {mutation}(input: $input) {{ generation {{ id state }} operation {{ id type }} userErrors {{ code path }} }}
        }}"
    );
    caller.data(&text, json!({ "input": input })).await[mutation].take()
}

/// Begins to index a collection into small chunks. Returns the operation.
async fn reindex(caller: &Caller, collection: &str) -> String {
    let chunking = json!({ "maxTokens": 16, "overlapTokens": 0 });
    let payload =
        change(caller, "collectionReindex", json!({ "collectionId": collection, "chunking": chunking })).await;
    assert_eq!(payload["operation"]["type"], "REINDEX", "{payload:#}");
    assert_eq!(payload["generation"]["state"], "BUILDING");
    payload["operation"]["id"].as_str().unwrap().to_owned()
}

/// The number of chunks, and the generations: id, state, documents, progress.
async fn shown(caller: &Caller, collection: &str) -> (i64, Vec<(String, String, i64, Option<i64>)>) {
    let query = "query($id: ID!) { collection(id: $id) {
        chunkCount generations { id state documentCount progress }
    } }";
    let data = caller.data(query, json!({ "id": collection })).await["collection"].take();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let generations = data["generations"].as_array().unwrap().iter().map(|generation| {
        let documents = generation["documentCount"].as_i64().unwrap();
        (text(&generation["id"]), text(&generation["state"]), documents, generation["progress"].as_i64())
    });
    (data["chunkCount"].as_i64().unwrap(), generations.collect())
}

/// The states of the generations, oldest first.
async fn states(caller: &Caller, collection: &str) -> Vec<String> {
    shown(caller, collection).await.1.into_iter().map(|generation| generation.1).collect()
}

on_both_databases!(a_collection_is_reindexed_and_the_change_is_taken_back_and_made_again);
async fn a_collection_is_reindexed_and_the_change_is_taken_back_and_made_again(app: TestApp) {
    let ada = app.user("ada").await;
    let collection = ada.create_collection("Notes").await;
    ada.ingest_all(&collection, texts(&[("a.txt", TRAM), ("b.txt", FERRY)])).await;
    assert_eq!(shown(&ada, &collection).await.0, 2);

    let same = change(&ada, "collectionReindex", json!({ "collectionId": collection })).await;
    assert_eq!(same["userErrors"], json!([{ "code": "INVALID", "path": ["force"] }]));
    let operation = reindex(&ada, &collection).await;
    let ended = ada.ended(&operation).await;
    assert_eq!((&ended["status"], &ended["progress"]), (&json!("COMPLETED"), &json!(100)), "{ended:#}");
    assert_eq!((&ended["totals"]["documents"], &ended["totals"]["completed"]), (&json!(2), &json!(2)));
    let (chunks, generations) = shown(&ada, &collection).await;
    assert!(chunks > 4, "{chunks}");
    let (old, new) = (&generations[0], &generations[1]);
    assert_eq!((old.1.as_str(), old.2, new.1.as_str(), new.2), ("RETIRED", 2, "ACTIVE", 2));
    assert_eq!(new.3, Some(100));
    assert_eq!(count(&app, "SELECT SUM(chunk_count) FROM documents").await, chunks);
    assert!(found(&ada, "tram").await[0][0].len() < TRAM.len());

    // Back at once, since nothing has changed; whoever may change the collection can still search the other one.
    let back = change(&ada, "collectionRollback", json!({ "collectionId": collection })).await;
    assert_eq!((&back["operation"], &back["generation"]["state"]), (&Value::Null, &json!("ACTIVE")), "{back:#}");
    assert_eq!(shown(&ada, &collection).await.0, 2);
    assert_eq!(found(&ada, "tram").await[0], [TRAM]);
    let other = json!({ "query": "tram", "generationId": new.0, "mode": "LEXICAL" });
    assert!(ada.search(other).await["nodes"][0]["chunk"]["content"].as_str().unwrap().len() < TRAM.len());

    let compare = "query($input: GenerationCompareInput!) {
        generationCompare(input: $input) { overlap queries { overlap hits { rank } otherHits { rank } } }
    }";
    let input = json!({ "generationId": old.0, "otherId": new.0, "queries": ["tram", "ferry"], "mode": "LEXICAL" });
    let compared = ada.data(compare, json!({ "input": input })).await["generationCompare"].take();
    assert_eq!((&compared["overlap"], compared["queries"].as_array().unwrap().len()), (&json!(1.0), 2), "{compared:#}");

    // What has come meanwhile is added first.
    ada.ingest_all(&collection, texts(&[("c.txt", "The train has gone."), ("a.txt", "The tram has gone.")])).await;
    let again = change(&ada, "collectionPromote", json!({ "generationId": new.0 })).await;
    let ended = ada.ended(again["operation"]["id"].as_str().unwrap()).await;
    assert_eq!((&ended["status"], &ended["totals"]["completed"]), (&json!("COMPLETED"), &json!(2)), "{ended:#}");
    let (_, generations) = shown(&ada, &collection).await;
    assert_eq!((generations[1].1.as_str(), generations[1].2), ("ACTIVE", 3));
    assert_eq!(found(&ada, "gone").await[0].len(), 2);
    idle(&app).await;
}

on_both_databases!(one_index_is_built_at_a_time_and_cancelling_keeps_the_active_one);
async fn one_index_is_built_at_a_time_and_cancelling_keeps_the_active_one(mut app: TestApp) {
    let ada = app.user("ada").await;
    let collection = ada.create_collection("Notes").await;
    ada.ingest_all(&collection, texts(&[("a.txt", TRAM)])).await;
    app.stop_worker().await;
    app.leave_jobs();
    let operation = reindex(&ada, &collection).await;
    for (mutation, input) in [
        ("collectionReindex", json!({ "collectionId": collection, "force": true })),
        ("collectionPromote", json!({ "generationId": shown(&ada, &collection).await.1[1].0 })),
    ] {
        assert_eq!(change(&ada, mutation, input).await["userErrors"][0]["code"], "CONFLICT", "{mutation}");
    }
    let cancel = "mutation($id: ID!) { operationCancel(input: { operationId: $id }) { operation { status } } }";
    let cancelled = ada.data(cancel, json!({ "id": operation })).await;
    assert_eq!(cancelled["operationCancel"]["operation"]["status"], "CANCELLED");
    assert_eq!(states(&ada, &collection).await, ["ACTIVE", "RETIRED"]);
    assert_eq!(found(&ada, "tram").await[0], [TRAM]);
    // What was never complete is nothing to go back to.
    let back = change(&ada, "collectionRollback", json!({ "collectionId": collection })).await;
    assert_eq!(back["userErrors"][0]["code"], "CONFLICT");
    reindex(&ada, &collection).await;
}

on_both_databases!(documents_that_come_during_a_reindexing_are_in_both_indexes);
async fn documents_that_come_during_a_reindexing_are_in_both_indexes(mut app: TestApp) {
    let ada = app.user("ada").await;
    let collection = ada.create_collection("Notes").await;
    ada.ingest_all(&collection, texts(&[("a.txt", TRAM)])).await;
    app.stop_worker().await;
    let operation = reindex(&ada, &collection).await;
    ada.ingest(&collection, texts(&[("a.txt", "The tram has gone."), ("b.txt", FERRY)])).await;
    let app = app.restart().await;
    let ada = app.anonymous().log_in("ada").await;
    assert_eq!(ada.ended(&operation).await["status"], "COMPLETED");
    idle(&app).await;
    let lacking = "SELECT COUNT(*) FROM documents WHERE NOT EXISTS (
        SELECT 1 FROM indexed_documents
        JOIN collections ON collections.generation = indexed_documents.generation_id
        WHERE indexed_documents.document_id = documents.id AND indexed_documents.revision = documents.revision
    )";
    assert_eq!(count(&app, lacking).await, 0);
    assert_eq!(found(&ada, "gone").await[0], ["The tram has gone."]);
    assert_eq!(found(&ada, "ferry").await[0].len(), 1);
}

on_both_databases!(a_document_that_cannot_be_indexed_again_keeps_the_collection_as_it_is);
async fn a_document_that_cannot_be_indexed_again_keeps_the_collection_as_it_is(mut app: TestApp) {
    let ada = app.user("ada").await;
    let collection = ada.create_collection("Notes").await;
    ada.ingest_all(&collection, texts(&[("a.txt", TRAM), ("b.txt", FERRY)])).await;
    app.stop_worker().await;
    let lose = format!("UPDATE documents SET content_hash = '{}' WHERE uri = 'b.txt'", "0".repeat(64));
    execute(&app, &lose).await;
    let operation = reindex(&ada, &collection).await;
    let app = app.restart().await;
    let ada = app.anonymous().log_in("ada").await;
    let ended = ada.ended(&operation).await;
    assert_eq!((&ended["status"], &ended["totals"]["failed"]), (&json!("FAILED"), &json!(1)), "{ended:#}");
    let errors: Vec<_> = ended["documents"]["nodes"].as_array().unwrap().iter().map(|node| &node["error"]).collect();
    assert!(errors.iter().any(|error| error["code"] == "ORIGINAL_MISSING"), "{errors:?}");
    assert_eq!(states(&ada, &collection).await, ["ACTIVE", "RETIRED"]);
    assert_eq!(found(&ada, "ferry").await[0], [FERRY]);
    idle(&app).await;
}

on_both_databases!(a_retired_index_goes_when_its_time_of_grace_is_over);
async fn a_retired_index_goes_when_its_time_of_grace_is_over(app: TestApp) {
    let ada = app.user("ada").await;
    let collection = ada.create_collection("Notes").await;
    ada.ingest_all(&collection, texts(&[("a.txt", TRAM)])).await;
    let operation = reindex(&ada, &collection).await;
    assert_eq!(ada.ended(&operation).await["status"], "COMPLETED");
    let chunks = shown(&ada, &collection).await.0;
    // The server looks around when it starts.
    app.clock.advance(61 * 60);
    let app = app.restart().await;
    let ada = app.anonymous().log_in("ada").await;
    let deadline = std::time::Instant::now() + PATIENCE;
    while states(&ada, &collection).await != ["ACTIVE"] {
        assert!(std::time::Instant::now() < deadline, "the old index stays");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(count(&app, "SELECT COUNT(*) FROM chunks").await, chunks);
    assert!(!found(&ada, "tram").await[0].is_empty());
    idle(&app).await;
}

on_both_databases!(archives_have_no_chunks_in_the_new_index_either_and_their_files_have_theirs);
async fn archives_have_no_chunks_in_the_new_index_either_and_their_files_have_theirs(app: TestApp) {
    let ada = app.user("ada").await;
    let collection = ada.create_collection("Notes").await;
    let upload = upload(&ada, "notes.zip", &archive(&[("a.txt", TRAM), ("b.txt", FERRY)])).await;
    ada.ingest_all(&collection, json!([{ "content": { "uploadId": upload } }])).await;
    let operation = reindex(&ada, &collection).await;
    let ended = ada.ended(&operation).await;
    assert_eq!((&ended["status"], &ended["totals"]["completed"]), (&json!("COMPLETED"), &json!(3)), "{ended:#}");
    assert_eq!(states(&ada, &collection).await, ["RETIRED", "ACTIVE"]);
    assert_eq!(count(&app, "SELECT COUNT(*) FROM documents WHERE chunk_count = 0").await, 1);
    assert_eq!(count(&app, "SELECT COUNT(*) FROM documents").await, 3);
    idle(&app).await;
}
