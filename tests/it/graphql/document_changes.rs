//! Documents that are tried again, changed without being indexed, and deleted by what is true of them.

use serde_json::{Value, json};

use super::documents::upload;
use crate::{
    on_both_databases,
    support::{
        app::{TestApp, texts},
        caller::Caller,
    },
};

const RETRY: &str = "mutation($input: DocumentsRetryInput!) {
    documentsRetry(input: $input) { operation { id type } hasMore userErrors { code path } }
}";
const UPDATE: &str = "mutation($input: DocumentUpdateInput!) {
    documentUpdate(input: $input) { document { fileName title meta uri } userErrors { code path } }
}";
const DELETE: &str = "mutation($input: DocumentsDeleteInput!) {
    documentsDelete(input: $input) { deletedIds hasMore operation { id type } userErrors { code path } }
}";
const LIST: &str = "query($id: ID!, $filter: DocumentFilter) { collection(id: $id) { documents(filter: $filter) {
    nodes { id uri status fileName title meta chunkCount updatedAt chunks { nodes { id } } }
} } }";

async fn list(caller: &Caller, collection: &str, filter: Value) -> Vec<Value> {
    let mut found = caller.data(LIST, json!({ "id": collection, "filter": filter })).await;
    found["collection"]["documents"]["nodes"].as_array_mut().unwrap().drain(..).rev().collect()
}

fn told(documents: &[Value], field: &str) -> Vec<Value> {
    documents.iter().map(|document| document[field].clone()).collect()
}

async fn retry(caller: &Caller, input: Value) -> Value {
    caller.data(RETRY, json!({ "input": input })).await["documentsRetry"].take()
}

/// A text that can't be indexed.
const LOST: &str = "\u{fffd}\u{fffd}\u{fffd}";

on_both_databases!(all_that_failed_in_a_collection_or_an_operation_is_tried_again_and_nothing_else);
async fn all_that_failed_in_a_collection_or_an_operation_is_tried_again_and_nothing_else(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    let first = ada.ingest_all(&id, texts(&[("a.txt", LOST), ("b.txt", "Good.")])).await;
    ada.ingest_all(&id, texts(&[("c.txt", LOST)])).await;

    for (input, uris) in [
        (json!({ "operationId": first["id"] }), vec!["a.txt"]),
        (json!({ "collectionId": id }), vec!["a.txt", "c.txt"]),
        (json!({ "ids": [first["documents"]["nodes"][0]["document"]["id"]] }), vec!["a.txt"]),
    ] {
        let payload = retry(&ada, input).await;
        assert_eq!((&payload["userErrors"], &payload["hasMore"]), (&json!([]), &json!(false)), "{payload:#}");
        assert_eq!(payload["operation"]["type"], "APPEND");
        let ended = ada.ended(payload["operation"]["id"].as_str().unwrap()).await;
        let tried: Vec<_> = ended["documents"]["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|node| node["document"]["uri"].clone())
            .collect();
        assert_eq!(tried, uris);
        assert_eq!((&ended["totals"]["failed"], &ended["status"]), (&json!(uris.len()), &json!("FAILED")));
    }
    let good = &first["documents"]["nodes"][1]["document"]["id"];
    let refused = retry(&ada, json!({ "ids": [good] })).await;
    assert_eq!(refused["userErrors"], json!([{ "code": "CONFLICT", "path": ["ids", "0"] }]));
    let empty = ada.create_collection("Empty").await;
    let refused = retry(&ada, json!({ "collectionId": empty })).await;
    assert_eq!(refused["userErrors"], json!([{ "code": "CONFLICT", "path": ["collectionId"] }]));
}

on_both_databases!(a_retry_takes_the_content_that_failed_and_not_that_before_it);
async fn a_retry_takes_the_content_that_failed_and_not_that_before_it(mut app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    ada.ingest_all(&id, texts(&[("a.txt", "The tram is red.")])).await;
    app.stop_worker().await;
    app.leave_jobs();
    let newer = ada.ingest(&id, texts(&[("a.txt", "The ferry is blue.")])).await["operation"]["id"].clone();
    let cancel = "mutation($id: ID!) { operationCancel(input: { operationId: $id }) { userErrors { code } } }";
    ada.data(cancel, json!({ "id": newer })).await;
    let app = app.restart().await;
    let ada = app.anonymous().log_in("ada").await;
    let document = list(&ada, &id, json!({})).await.remove(0);
    assert_eq!((&document["status"], &document["chunkCount"]), (&json!("FAILED"), &json!(1)));
    let payload = retry(&ada, json!({ "operationId": newer })).await;
    let ended = ada.ended(payload["operation"]["id"].as_str().unwrap()).await;
    assert_eq!(ended["status"], "COMPLETED", "{payload:#} {ended:#}");
    let hits = ada.search(json!({ "query": "ferry", "mode": "LEXICAL" })).await["nodes"].clone();
    assert_eq!(hits[0]["chunk"]["content"], "The ferry is blue.");
}

on_both_databases!(a_document_is_changed_without_being_indexed_again);
async fn a_document_is_changed_without_being_indexed_again(mut app: TestApp) {
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let id = ada.create_collection("Letters").await;
    ada.ingest_all(&id, texts(&[("trams.md", "# Trams\n\nLine nine.")])).await;
    app.stop_worker().await;
    let before = list(&ada, &id, json!({})).await.remove(0);
    let update = async |caller: &Caller, mut input: Value| {
        input["id"] = before["id"].clone();
        caller.data(UPDATE, json!({ "input": input })).await["documentUpdate"].take()
    };
    app.clock.advance(60);
    let changed = update(&ada, json!({ "title": "Lines", "meta": { "year": 2026 } })).await;
    let expected = json!({ "fileName": "trams.md", "title": "Lines", "meta": { "year": 2026 }, "uri": "trams.md" });
    assert_eq!(changed, json!({ "document": expected, "userErrors": [] }));
    let changed = update(&ada, json!({ "fileName": "lines.md", "title": null, "meta": null })).await;
    let expected = json!({ "fileName": "lines.md", "title": null, "meta": {}, "uri": "trams.md" });
    assert_eq!(changed["document"], expected);
    let after = list(&ada, &id, json!({ "fileNameContains": "LINES" })).await.remove(0);
    assert_eq!((&after["chunks"], &after["status"]), (&before["chunks"], &before["status"]));
    assert_ne!(after["updatedAt"], before["updatedAt"]);

    for (input, path) in [
        (json!({ "fileName": null }), "fileName"),
        (json!({ "fileName": "a/b.md" }), "fileName"),
        (json!({ "title": "x".repeat(301) }), "title"),
        (json!({ "meta": [1] }), "meta"),
    ] {
        let refused = update(&ada, input.clone()).await;
        assert_eq!(refused["userErrors"][0]["path"], json!([path]), "{input}");
    }
    let foreign = json!({ "input": { "id": before["id"], "title": "Mine" } });
    assert_eq!(eve.user_error_code(UPDATE, foreign).await, "NOT_FOUND");
    assert_eq!(list(&ada, &id, json!({})).await, [after]);
}

async fn update(caller: &Caller, document: &Value, mut input: Value) -> Value {
    input["id"] = document["id"].clone();
    let payload = caller.data(UPDATE, json!({ "input": input })).await["documentUpdate"].take();
    assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
    payload["document"].clone()
}

on_both_databases!(a_change_of_a_document_stays_when_content_that_was_on_its_way_is_indexed);
async fn a_change_of_a_document_stays_when_content_that_was_on_its_way_is_indexed(mut app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    let ferries = |text: &str, number: i32| json!([{ "fileName": "ferries.txt", "content": { "text": text }, "meta": { "number": number } }]);
    ada.ingest_all(&id, ferries("The ferry is red.", 1)).await;
    app.stop_worker().await;
    app.leave_jobs();
    let newer = ada.ingest(&id, ferries("The ferry is blue.", 2)).await["operation"]["id"].clone();
    let first = ada.ingest(&id, texts(&[("trams.md", "# Trams\n\nLine nine.")])).await["operation"]["id"].clone();
    let waiting = list(&ada, &id, json!({})).await;
    assert_eq!(told(&waiting, "status"), ["PENDING", "PENDING"]);
    update(&ada, &waiting[0], json!({ "title": "Given" })).await;
    update(&ada, &waiting[1], json!({ "fileName": "lines.md", "title": "Lines", "meta": { "year": 2026 } })).await;

    let app = app.restart().await;
    let ada = app.anonymous().log_in("ada").await;
    for operation in [newer, first] {
        assert_eq!(ada.ended(operation.as_str().unwrap()).await["status"], "COMPLETED");
    }
    let after = list(&ada, &id, json!({})).await;
    // What was not changed is that of the newer content.
    assert_eq!(told(&after, "meta"), [json!({ "number": 2 }), json!({ "year": 2026 })]);
    assert_eq!(told(&after, "title"), ["Given", "Lines"]);
    assert_eq!(told(&after, "fileName"), ["ferries.txt", "lines.md"]);

    // A title that was given stays until it is cleared; the rest is that of the content.
    ada.ingest_all(&id, texts(&[("trams.md", "# Trains\n\nLine ten.")])).await;
    let newest = list(&ada, &id, json!({})).await.remove(1);
    assert_eq!((&newest["title"], &newest["meta"]), (&json!("Lines"), &json!({})));
    assert_eq!(newest["fileName"], "trams.md");
    assert_eq!(update(&ada, &newest, json!({ "title": null })).await["title"], Value::Null);
    ada.ingest_all(&id, texts(&[("trams.md", "# Buses\n\nLine eleven.")])).await;
    assert_eq!(list(&ada, &id, json!({})).await.remove(1)["title"], "Buses");
}

on_both_databases!(a_change_of_a_document_that_failed_stays_when_it_is_tried_again);
async fn a_change_of_a_document_that_failed_stays_when_it_is_tried_again(mut app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    app.stop_worker().await;
    app.leave_jobs();
    let operation = ada.ingest(&id, texts(&[("a.txt", "The tram is red.")])).await["operation"]["id"].clone();
    let cancel = "mutation($id: ID!) { operationCancel(input: { operationId: $id }) { userErrors { code } } }";
    ada.data(cancel, json!({ "id": operation })).await;
    let app = app.restart().await;
    let ada = app.anonymous().log_in("ada").await;
    ada.ended(operation.as_str().unwrap()).await;
    let document = list(&ada, &id, json!({})).await.remove(0);
    assert_eq!(document["status"], "FAILED");
    update(&ada, &document, json!({ "fileName": "tram.txt", "meta": { "year": 2026 } })).await;
    let retried = retry(&ada, json!({ "ids": [document["id"]] })).await;
    ada.ended(retried["operation"]["id"].as_str().unwrap()).await;
    let document = list(&ada, &id, json!({})).await.remove(0);
    assert_eq!((&document["status"], &document["fileName"]), (&json!("COMPLETED"), &json!("tram.txt")));
    assert_eq!(document["meta"], json!({ "year": 2026 }));
}

on_both_databases!(a_name_of_another_kind_of_file_is_refused_and_all_others_let_a_collection_be_reindexed);
async fn a_name_of_another_kind_of_file_is_refused_and_all_others_let_a_collection_be_reindexed(mut app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    for (name, bytes) in [("a.txt", "The tram is red."), ("b.html", "<p>The ferry is blue."), ("c.pdf", "No PDF file.")]
    {
        let file = upload(&ada, name, bytes.as_bytes()).await;
        ada.ingest_all(&id, json!([{ "content": { "uploadId": file } }])).await;
    }
    let documents = list(&ada, &id, json!({})).await;
    assert_eq!(told(&documents, "status"), ["COMPLETED", "COMPLETED", "FAILED"]);
    let refused = async |caller: &Caller, document: &Value, name: &str| {
        let input = json!({ "input": { "id": document["id"], "fileName": name } });
        let payload = caller.data(UPDATE, input).await["documentUpdate"].take();
        assert_eq!(
            (&payload["document"], &payload["userErrors"][0]["path"]),
            (&Value::Null, &json!(["fileName"])),
            "{name}"
        );
    };
    for (document, names) in [(0, ["a.pdf", "a.md", "a.csv"]), (1, ["b.txt", "b.HTM.docx", "b.json"])] {
        for name in names {
            refused(&ada, &documents[document], name).await;
        }
    }
    assert_eq!(list(&ada, &id, json!({})).await, documents);
    for (document, names) in [(0, ["tram", "tram.log"]), (1, ["ferry", "ferry.htm"]), (2, ["none.md", "none.txt"])] {
        for name in names {
            assert_eq!(update(&ada, &documents[document], json!({ "fileName": name })).await["fileName"], name);
        }
    }
    let retried = retry(&ada, json!({ "collectionId": id })).await;
    assert_eq!(ada.ended(retried["operation"]["id"].as_str().unwrap()).await["status"], "COMPLETED");

    let reindex =
        "mutation($id: ID!) { collectionReindex(input: { collectionId: $id, force: true }) { operation { id } } }";
    let begun = ada.data(reindex, json!({ "id": id })).await["collectionReindex"].take();
    let ended = ada.ended(begun["operation"]["id"].as_str().unwrap()).await;
    assert_eq!((&ended["status"], &ended["totals"]["completed"]), (&json!("COMPLETED"), &json!(3)), "{ended:#}");

    // What waits is read by its name, too.
    app.stop_worker().await;
    app.leave_jobs();
    ada.ingest(&id, texts(&[("d.md", "# Trams")])).await;
    let waiting = list(&ada, &id, json!({})).await.remove(3);
    refused(&ada, &waiting, "d.json").await;
    assert_eq!(update(&ada, &waiting, json!({ "fileName": "e.md" })).await["fileName"], "e.md");
}

on_both_databases!(documents_are_deleted_by_status_and_by_the_beginning_of_their_uri);
async fn documents_are_deleted_by_status_and_by_the_beginning_of_their_uri(app: TestApp) {
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let id = ada.create_collection("Letters").await;
    let names = ["north/a.txt", "north/b.txt", "North/c.txt", "north_d.txt", "south/e.txt"];
    let files = names.map(|uri| json!({ "fileName": "x.txt", "uri": uri, "content": { "text": uri } }));
    ada.ingest_all(&id, json!(files)).await;
    ada.ingest_all(&id, texts(&[("lost.txt", LOST)])).await;
    let delete = async |caller: &Caller, mut filter: Value| {
        filter["collectionId"] = json!(id);
        caller.data(DELETE, json!({ "input": { "filter": filter } })).await["documentsDelete"].take()
    };
    assert_eq!(told(&list(&ada, &id, json!({ "uriPrefix": "north/" })).await, "uri"), ["north/a.txt", "north/b.txt"]);
    let nothing = json!({ "deletedIds": [], "hasMore": false, "operation": null });
    for (filter, code) in [
        (json!({}), "REQUIRED"),
        (json!({ "status": [] }), "REQUIRED"),
        (json!({ "uriPrefix": "east/" }), "CONFLICT"),
        (json!({ "status": ["FAILED"], "uriPrefix": "north/" }), "CONFLICT"),
    ] {
        let mut refused = delete(&ada, filter.clone()).await;
        let errors = refused.as_object_mut().unwrap().remove("userErrors").unwrap();
        assert_eq!((refused, errors), (nothing.clone(), json!([{ "code": code, "path": ["filter"] }])), "{filter}");
    }
    let foreign = json!({ "input": { "filter": { "collectionId": id, "uriPrefix": "north/" } } });
    assert_eq!(eve.user_error_code(DELETE, foreign).await, "NOT_FOUND");
    assert_eq!(list(&ada, &id, json!({})).await.len(), 6);

    let deleted = delete(&ada, json!({ "uriPrefix": "north/" })).await;
    assert_eq!((&deleted["operation"]["type"], &deleted["hasMore"]), (&json!("DELETE"), &json!(false)), "{deleted:#}");
    assert_eq!(deleted["deletedIds"].as_array().unwrap().len(), 2);
    let left = told(&list(&ada, &id, json!({})).await, "uri");
    assert_eq!(left, ["North/c.txt", "north_d.txt", "south/e.txt", "lost.txt"]);
    let ended = ada.ended(deleted["operation"]["id"].as_str().unwrap()).await;
    assert_eq!((&ended["status"], &ended["totals"]["completed"]), (&json!("COMPLETED"), &json!(2)));
    let deleted = delete(&ada, json!({ "status": ["FAILED"] })).await;
    ada.ended(deleted["operation"]["id"].as_str().unwrap()).await;
    assert_eq!(told(&list(&ada, &id, json!({})).await, "uri"), ["North/c.txt", "north_d.txt", "south/e.txt"]);
}

on_both_databases!(progress_never_goes_back_when_an_archive_brings_documents);
async fn progress_never_goes_back_when_an_archive_brings_documents(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    let names: Vec<_> = (0..12).map(|number| format!("{number}.txt")).collect();
    let entries: Vec<_> = names.iter().map(|name| (name.as_str(), "The tram.")).collect();
    let archive = upload(&ada, "z.zip", &crate::extract::samples::archive(&entries)).await;
    let mut documents = texts(&[("a.txt", "One."), ("b.txt", "Two."), ("c.txt", "Three.")]);
    documents.as_array_mut().unwrap().push(json!({ "content": { "uploadId": archive } }));
    let ended = ada.ingest_all(&id, documents).await;
    assert_eq!((&ended["totals"]["documents"], &ended["progress"]), (&json!(16), &json!(100)), "{ended:#}");
    let events = "query($id: ID!) { operation(id: $id) { events(first: 100) { nodes { progress } } } }";
    let events = ada.data(events, json!({ "id": ended["id"] })).await["operation"]["events"]["nodes"].take();
    let progress: Vec<_> = events.as_array().unwrap().iter().map(|event| event["progress"].as_i64().unwrap()).collect();
    assert!(progress.is_sorted(), "{progress:?}");
    assert_eq!(progress.last(), Some(&100));
}

on_both_databases!(operations_that_wait_have_a_place_among_those_of_their_account);
async fn operations_that_wait_have_a_place_among_those_of_their_account(mut app: TestApp) {
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let (letters, other) = (ada.create_collection("Letters").await, bob.create_collection("Other").await);
    let query = "query($id: ID!) { operation(id: $id) { status queuePosition estimatedCompletionAt } }";
    let state = async |caller: &Caller, id: &Value| {
        let operation = caller.data(query, json!({ "id": id })).await["operation"].clone();
        (operation["queuePosition"].clone(), operation["estimatedCompletionAt"].clone())
    };
    let done = ada.ingest_all(&letters, texts(&[("a.txt", "One.")])).await;
    app.stop_worker().await;
    let mut waiting = Vec::new();
    for name in ["b.txt", "c.txt"] {
        waiting.push(ada.ingest(&letters, texts(&[(name, "Two.")])).await["operation"]["id"].clone());
        waiting.push(bob.ingest(&other, texts(&[(name, "Two.")])).await["operation"]["id"].clone());
    }
    assert_eq!(state(&ada, &done["id"]).await, (Value::Null, Value::Null));
    for (caller, operation, place) in [(&ada, 0, 1), (&bob, 1, 1), (&ada, 2, 2), (&bob, 3, 2)] {
        assert_eq!(state(caller, &waiting[operation]).await, (json!(place), Value::Null));
    }
    let app = app.restart().await;
    let ada = app.anonymous().log_in("ada").await;
    ada.ended(waiting[2].as_str().unwrap()).await;
    assert_eq!(state(&ada, &waiting[2]).await, (Value::Null, Value::Null));
}
