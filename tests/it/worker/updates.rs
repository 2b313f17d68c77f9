//! Documents that change quickly: what search finds is what the rows say, whatever comes late.

use docent::{
    db::{
        DatabaseError,
        repo::{
            documents::{self, Whole},
            jobs::{self, NewJob},
        },
    },
    domain::{
        clock::Clock,
        id::{CollectionId, DocumentId},
        job::Lane,
        scope::Scope,
    },
};
use futures_util::FutureExt;
use serde_json::{Value, json};

use super::behind::{active, count, execute, found, idle, points, row};
use crate::{
    on_both_databases,
    support::{
        app::{TestApp, texts},
        caller::Caller,
    },
};

/// Enqueues a removal of points as the first version of this program did: all revisions but one.
async fn enqueue_removal_of_the_first_version(app: &TestApp, collection: &str, document: DocumentId, keep: i32) {
    let services = app.app.services();
    let found = active(app, collection).await;
    let payload = json!({
        "placement": found.placement.name,
        "generation": found.id,
        "target": { "other_revisions": { "document": document, "keep": keep } },
        "operation": null,
    });
    let now = app.clock.now();
    let job = NewJob::new("drop_points", Lane::Maintenance, payload, now);
    let job = &job;
    let inserted =
        services.database.transaction(|tx| async move { jobs::insert_many(tx, vec![job.clone()], now).await }.boxed());
    inserted.await.map_err(|error: DatabaseError| error).unwrap();
}

/// The status of the only document.
async fn status(caller: &Caller, collection: &str) -> Value {
    let query = "query($id: ID!) { collection(id: $id) { documents { nodes { status } } } }";
    caller.data(query, json!({ "id": collection })).await["collection"]["documents"]["nodes"][0]["status"].clone()
}

fn everywhere(content: &str) -> [Vec<String>; 3] {
    std::array::from_fn(|_| vec![content.to_owned()])
}

on_both_databases!(a_document_that_is_updated_three_times_in_a_row_is_found);
async fn a_document_that_is_updated_three_times_in_a_row_is_found(mut app: TestApp) {
    let ada = app.user("ada").await;
    let collection = ada.create_collection("Notes").await;
    // All of it waits in the queue when the work begins.
    app.stop_worker().await;
    let mut operations = Vec::new();
    for version in 1..=3 {
        for note in 0..8 {
            let (name, text) = (format!("note{note}.txt"), format!("note {note} giraffe{note}x{version}"));
            operations.push(ada.ingest(&collection, texts(&[(&name, &text)])).await["operation"]["id"].clone());
        }
    }
    let app = app.restart().await;
    let ada = app.anonymous().log_in("ada").await;
    for operation in &operations {
        ada.ended(operation.as_str().unwrap()).await;
    }
    idle(&app).await;
    for note in 0..8 {
        let content = format!("note {note} giraffe{note}x3");
        let [lexical, semantic, _] = found(&ada, &format!("giraffe{note}x3")).await;
        assert_eq!(lexical, std::slice::from_ref(&content));
        assert!(semantic.contains(&content), "{semantic:?}");
    }
    assert_eq!(points(&app, &collection).await, 8, "points of old revisions are gone");
}

on_both_databases!(a_removal_that_comes_late_leaves_the_newest_content);
async fn a_removal_that_comes_late_leaves_the_newest_content(app: TestApp) {
    let ada = app.user("ada").await;
    let collection = ada.create_collection("Notes").await;
    for text in ["The ferry waits.", "The tram waits."] {
        ada.ingest_all(&collection, texts(&[("a.txt", text)])).await;
    }
    idle(&app).await;
    let reader = app.app.services().database.reader(Scope::System);
    let document = documents::some_ids(&reader, Whole::Collection(CollectionId(row(&collection))), 1).await.unwrap()[0];
    for keep in [0, 1] {
        enqueue_removal_of_the_first_version(&app, &collection, document, keep).await;
    }
    idle(&app).await;
    assert_eq!(found(&ada, "tram").await, everywhere("The tram waits."));
}

on_both_databases!(an_old_revision_that_fails_late_says_nothing_of_the_newer_document);
async fn an_old_revision_that_fails_late_says_nothing_of_the_newer_document(mut app: TestApp) {
    let ada = app.user("ada").await;
    let collection = ada.create_collection("Notes").await;
    app.stop_worker().await;
    let broken = json!([{ "fileName": "a.pdf", "uri": "a", "content": { "text": "This is no PDF." } }]);
    let first = ada.ingest(&collection, broken).await["operation"]["id"].clone();
    // The first waits; dead jobs are not claimed.
    execute(&app, "UPDATE jobs SET status = 'DEAD'").await;
    let correction = json!([{ "fileName": "a.txt", "uri": "a", "content": { "text": "The tram waits." } }]);
    let second = ada.ingest(&collection, correction).await["operation"]["id"].clone();
    let app = app.restart().await;
    let ada = app.anonymous().log_in("ada").await;
    assert_eq!(ada.ended(second.as_str().unwrap()).await["status"], "COMPLETED");
    assert_eq!(status(&ada, &collection).await, "COMPLETED");
    execute(&app, "UPDATE jobs SET status = 'READY' WHERE status = 'DEAD'").await;
    ada.ended(first.as_str().unwrap()).await;
    assert_eq!(status(&ada, &collection).await, "COMPLETED");
    assert_eq!(found(&ada, "tram").await, everywhere("The tram waits."));
}

on_both_databases!(cancelling_an_old_revision_leaves_the_newer_one_waiting);
async fn cancelling_an_old_revision_leaves_the_newer_one_waiting(mut app: TestApp) {
    let ada = app.user("ada").await;
    let collection = ada.create_collection("Notes").await;
    app.stop_worker().await;
    app.leave_jobs();
    let first = ada.ingest(&collection, texts(&[("a.txt", "The ferry waits.")])).await["operation"]["id"].clone();
    ada.ingest(&collection, texts(&[("a.txt", "The tram waits.")])).await;
    let cancel = "mutation($id: ID!) { operationCancel(input: { operationId: $id }) { operation { status } } }";
    ada.data(cancel, json!({ "id": first })).await;
    assert_eq!(status(&ada, &collection).await, "PENDING");
}

on_both_databases!(what_waits_in_a_collection_that_is_deleted_ends_and_leaves_nothing);
async fn what_waits_in_a_collection_that_is_deleted_ends_and_leaves_nothing(mut app: TestApp) {
    let ada = app.user("ada").await;
    let collection = ada.create_collection("Notes").await;
    app.stop_worker().await;
    let notes: Vec<_> = (0..20).map(|note| format!("note{note}.txt")).collect();
    let notes: Vec<_> = notes.iter().map(|name| (name.as_str(), "The tram waits.")).collect();
    let operation = ada.ingest(&collection, texts(&notes)).await["operation"]["id"].clone();
    let delete = "mutation($id: ID!) { collectionDelete(input: { collectionId: $id }) { operation { id } userErrors { code } } }";
    let deletion = ada.data(delete, json!({ "id": collection })).await["collectionDelete"]["operation"]["id"].clone();
    let app = app.restart().await;
    let ada = app.anonymous().log_in("ada").await;
    let ended = ada.ended(operation.as_str().unwrap()).await;
    assert_eq!((&ended["status"], &ended["totals"]["completed"]), (&json!("CANCELLED"), &json!(0)), "{ended:#}");
    assert_eq!(ada.ended(deletion.as_str().unwrap()).await["status"], "COMPLETED");
    idle(&app).await;
    assert_eq!(count(&app, "SELECT COUNT(*) FROM chunks").await, 0);
    assert_eq!(count(&app, "SELECT COUNT(*) FROM documents").await, 0);
}
