//! Damage of every kind: found exactly, repaired, and then no longer found.

use std::path::PathBuf;

use docent::{
    app::Aim,
    domain::{
        clock::{Clock, SystemClock},
        generation::Generation,
        id::{ChunkId, DocumentId, GenerationId},
        integrity::{DamageKind, Finding},
    },
    vector::{Point, PointSelector},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::behind::{active, count, execute, found, idle, points, row};
use crate::{
    graphql::reads::{connect, multiply_by},
    on_both_databases,
    support::{
        app::{TestApp, texts},
        caller::Caller,
        pause::Pause,
    },
};

/// Damage by kind: how much was found, and how much of it was repaired.
type Damage = Vec<(DamageKind, usize, usize)>;

async fn examine(app: &TestApp, aim: Aim) -> Damage {
    let findings = app.app.examine(aim).await.unwrap();
    findings.in_order().iter().map(|finding| (finding.kind, finding.count, finding.repaired)).collect()
}

/// Finds exactly this, changes nothing, repairs it, and finds nothing more.
async fn finds_and_repairs(app: &TestApp, expected: &[(DamageKind, usize)]) {
    let reported: Damage = expected.iter().map(|(kind, count)| (*kind, *count, 0)).collect();
    assert_eq!(examine(app, Aim::Report).await, reported);
    assert_eq!(examine(app, Aim::Report).await, reported, "looking changes nothing");
    let repaired: Damage = expected.iter().map(|(kind, count)| (*kind, *count, *count)).collect();
    assert_eq!(examine(app, Aim::Repair).await, repaired);
    assert_eq!(examine(app, Aim::Report).await, []);
}

/// An application without its worker, with one collection of two notes.
async fn two_notes(app: &mut TestApp) -> (Caller, String, Value) {
    let ada = app.user("ada").await;
    let collection = ada.create_collection("Notes").await;
    let notes = texts(&[("a.txt", "The ferry waits."), ("b.txt", "The tram waits.")]);
    let operation = ada.ingest_all(&collection, notes).await;
    idle(app).await;
    app.stop_worker().await;
    (ada, collection, operation)
}

/// A row's id in a statement.
fn literal(app: &TestApp, id: uuid::Uuid) -> String {
    if app.is_on_postgres() { format!("'{id}'") } else { format!("x'{}'", id.simple()) }
}

/// Where the original of a text is.
pub fn original(app: &TestApp, text: &str) -> PathBuf {
    let digest = hex::encode(Sha256::digest(text));
    app.data_dir().join(format!("originals/{}/{digest}", &digest[..2]))
}

on_both_databases!(a_directory_in_order_has_no_damage);
async fn a_directory_in_order_has_no_damage(mut app: TestApp) {
    let ada = app.user("ada").await;
    let collection = ada.create_collection("Notes").await;
    let notes = texts(&[("a.txt", "The ferry waits."), ("b.txt", "The tram waits."), ("c.txt", "Gone.")]);
    let operation = ada.ingest_all(&collection, notes).await;
    ada.ingest_all(&collection, texts(&[("a.txt", "The ferry has gone.")])).await;
    let gone = operation["documents"]["nodes"][2]["document"]["id"].clone();
    let delete = "mutation($id: ID!) { documentsDelete(input: { ids: [$id] }) { operation { id } } }";
    let payload = ada.data(delete, json!({ "id": gone })).await;
    ada.ended(payload["documentsDelete"]["operation"]["id"].as_str().unwrap()).await;
    let reindex = "mutation($id: ID!) {
        collectionReindex(input: { collectionId: $id, chunking: { maxTokens: 32, overlapTokens: 8 } }) {
            operation { id } userErrors { message }
        }
    }";
    let payload = ada.data(reindex, json!({ "id": collection })).await;
    ada.ended(payload["collectionReindex"]["operation"]["id"].as_str().unwrap_or_else(|| panic!("{payload:#}"))).await;
    let removed = ada.create_collection("Old").await;
    ada.ingest_all(&removed, texts(&[("a.txt", "Nothing.")])).await;
    let delete = "mutation($id: ID!) { collectionDelete(input: { collectionId: $id }) { operation { id } } }";
    let payload = ada.data(delete, json!({ "id": removed })).await;
    ada.ended(payload["collectionDelete"]["operation"]["id"].as_str().unwrap()).await;
    // What waits is no damage either.
    idle(&app).await;
    app.stop_worker().await;
    ada.ingest(&collection, texts(&[("e.txt", "Later.")])).await;
    assert_eq!(examine(&app, Aim::Report).await, []);
    assert_eq!(examine(&app, Aim::Repair).await, []);
    app.leave_jobs();
}

on_both_databases!(counters_are_counted_again);
async fn counters_are_counted_again(mut app: TestApp) {
    let (ada, collection, _) = two_notes(&mut app).await;
    execute(&app, "UPDATE collections SET document_count = 9, total_bytes = 1").await;
    execute(&app, "UPDATE generations SET chunk_count = 5, document_count = 0").await;
    execute(&app, "UPDATE documents SET chunk_count = 7 WHERE uri = 'a.txt'").await;
    execute(&app, "UPDATE operations SET completed_total = 0, failed_total = 2").await;
    finds_and_repairs(&app, &[(DamageKind::WrongTotals, 4)]).await;
    let query = "query($id: ID!) { collection(id: $id) {
        documentCount totalBytes chunkCount documents { nodes { chunkCount } } operations { nodes { totals { completed failed } } }
    } }";
    let told = ada.data(query, json!({ "id": collection })).await["collection"].take();
    assert_eq!((&told["documentCount"], &told["chunkCount"]), (&json!(2), &json!(2)), "{told:#}");
    assert_eq!(
        told["totalBytes"].as_str().map_or_else(|| told["totalBytes"].as_i64(), |text| text.parse().ok()),
        Some(31)
    );
    assert_eq!(told["documents"]["nodes"], json!([{ "chunkCount": 1 }, { "chunkCount": 1 }]));
    assert_eq!(told["operations"]["nodes"], json!([{ "totals": { "completed": 2, "failed": 0 } }]));
}

/// More rows than an examination counts with one statement.
const MORE: u32 = 12_000;

on_both_databases!(counters_of_many_rows_are_counted_page_by_page);
async fn counters_of_many_rows_are_counted_page_by_page(mut app: TestApp) {
    let (ada, collection, _) = two_notes(&mut app).await;
    let database = connect(&app).await;
    let documents = [("id", "{id}"), ("uri", "'copy-' || {i}"), ("status", "'PENDING'")];
    multiply_by(MORE, &database, "documents", "", &documents).await;
    let outcomes = [("ordinal", "{i} + 9"), ("document_id", "{id}")];
    multiply_by(MORE, &database, "operation_documents", "", &outcomes).await;
    database.close().await.unwrap();
    let held = "INSERT INTO indexed_documents (generation_id, document_id, revision, chunk_count)
        SELECT (SELECT id FROM generations), id, 1, 0 FROM documents WHERE uri LIKE 'copy-%'";
    execute(&app, held).await;
    // Each document, and the collection, the generation and the operation.
    finds_and_repairs(&app, &[(DamageKind::WrongTotals, MORE as usize + 3)]).await;
    let query = "query($id: ID!) { collection(id: $id) {
        documentCount chunkCount operations { nodes { totals { completed failed } } }
    } }";
    let told = ada.data(query, json!({ "id": collection })).await["collection"].take();
    let all = MORE + 2;
    let operations = json!({ "nodes": [{ "totals": { "completed": all, "failed": 0 } }] });
    assert_eq!(told, json!({ "documentCount": all, "chunkCount": 2, "operations": operations }));

    let (_, statements) = app.counting(app.app.examine(Aim::Report)).await;
    let large = ["chunks", "documents", "indexed_documents", "jobs", "operation_documents", "operations"];
    let reads = |statement: &str| large.iter().any(|table| statement.contains(&format!(r#"FROM "{table}""#)));
    // A page, references to the files of a slice, jobs that workers hold.
    let bounds = ["LIMIT", r#""content_hash" IN"#, r#""jobs"."status" = "#];
    let is_bounded = |statement: &str| bounds.iter().any(|bound| statement.contains(bound));
    for statement in statements.iter().filter(|statement| reads(statement)) {
        assert!(is_bounded(statement), "this goes over everything: {statement}");
    }
}

on_both_databases!(counters_that_change_while_they_are_compared_are_no_damage);
async fn counters_that_change_while_they_are_compared_are_no_damage(app: TestApp) {
    let ada = app.user("ada").await;
    let collection = ada.create_collection("Notes").await;
    let notes: Vec<_> = (0..40).map(|n| (format!("{n}.txt"), format!("Note {n} tells of giraffe{n}."))).collect();
    let notes: Vec<_> = notes.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let payload = ada.ingest(&collection, texts(&notes)).await;
    let (operation, mut looks) = (payload["operation"]["id"].as_str().unwrap(), 0);
    let ended = tokio::select! {
        ended = ada.ended(operation) => ended,
        never = async {
            loop {
                let found = examine(&app, Aim::Report).await;
                assert!(found.iter().all(|(kind, ..)| *kind != DamageKind::WrongTotals), "{found:?}");
                looks += 1;
            }
        } => never,
    };
    assert_eq!((&ended["totals"]["completed"], looks > 0), (&json!(40), true), "{ended:#}");
    idle(&app).await;
}

on_both_databases!(vectors_that_are_missing_are_made_and_strays_are_removed);
async fn vectors_that_are_missing_are_made_and_strays_are_removed(mut app: TestApp) {
    let (ada, collection, _) = two_notes(&mut app).await;
    let services = app.app.services();
    let Generation { id, placement, .. } = active(&app, &collection).await;
    let kept = services.vectors.scroll(&placement, id, None, 9).await.unwrap();
    // One is missing and one too many, so that their numbers are equal.
    let lost = PointSelector::Chunks { generation: id, chunks: vec![kept[0].id] };
    services.vectors.delete(&placement, &lost).await.unwrap();
    services.vectors.upsert(&placement, vec![stray(id)]).await.unwrap();
    services.vectors.flush(&placement).await.unwrap();
    finds_and_repairs(&app, &[(DamageKind::MissingVectors, 1), (DamageKind::OrphanVectors, 1)]).await;
    assert_eq!(points(&app, &collection).await, 2);
    let [lexical, semantic, _] = found(&ada, "ferry").await;
    assert_eq!((lexical.len(), semantic.len()), (1, 2));
}

fn stray(generation: GenerationId) -> Point {
    let document = DocumentId::generate();
    Point {
        id: ChunkId::derive(generation, document, 1, 0),
        generation,
        document,
        revision: 1,
        embedding: (0..384).map(|place| if place == 0 { 1.0 } else { 0.0 }).collect(),
        text: "a tram that nobody wrote of".into(),
    }
}

on_both_databases!(documents_whose_chunks_are_lost_are_indexed_again);
async fn documents_whose_chunks_are_lost_are_indexed_again(mut app: TestApp) {
    let (_, collection, operation) = two_notes(&mut app).await;
    let document = row(operation["documents"]["nodes"][0]["document"]["id"].as_str().unwrap());
    execute(&app, &format!("DELETE FROM chunks WHERE document_id = {}", literal(&app, document))).await;
    finds_and_repairs(&app, &[(DamageKind::WrongChunks, 1), (DamageKind::OrphanVectors, 1)]).await;

    let mut app = app.restart().await;
    idle(&app).await;
    app.stop_worker().await;
    assert_eq!(count(&app, "SELECT count(*) FROM chunks").await, 2);
    assert_eq!((examine(&app, Aim::Report).await, points(&app, &collection).await), (vec![], 2));
    let ada = app.anonymous().log_in("ada").await;
    assert_eq!(found(&ada, "ferry").await[0], ["The ferry waits."]);
}

on_both_databases!(a_document_whose_original_is_lost_says_so_and_can_be_ingested_again);
async fn a_document_whose_original_is_lost_says_so_and_can_be_ingested_again(mut app: TestApp) {
    let (_, collection, operation) = two_notes(&mut app).await;
    let id = operation["documents"]["nodes"][0]["document"]["id"].clone();
    let path = original(&app, "The ferry waits.");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(examine(&app, Aim::Report).await, [(DamageKind::MissingOriginal, 1, 0)]);
    assert_eq!(examine(&app, Aim::Repair).await, [(DamageKind::MissingOriginal, 1, 0)], "it can't be made again");
    assert_eq!(examine(&app, Aim::Report).await, [], "its owner has been told");

    let app = app.restart().await;
    let ada = app.anonymous().log_in("ada").await;
    assert_eq!(error_of(&ada, &id).await, json!({ "status": "FAILED", "error": { "code": "ORIGINAL_MISSING" } }));
    assert_eq!(found(&ada, "ferry").await[0], ["The ferry waits."], "its chunks stay");
    let ended = ada.ingest_all(&collection, texts(&[("a.txt", "The ferry waits.")])).await;
    assert_eq!(ended["totals"]["completed"], 1, "{ended:#}");
    assert!(path.exists());
    assert_eq!(error_of(&ada, &id).await, json!({ "status": "COMPLETED", "error": null }));
}

on_both_databases!(of_what_can_not_be_made_again_the_rest_is_kept_in_every_generation);
async fn of_what_can_not_be_made_again_the_rest_is_kept_in_every_generation(mut app: TestApp) {
    let ada = app.user("ada").await;
    let collection = ada.create_collection("Notes").await;
    let sentences = (0..200).map(|pier| format!("The ferry waits at pier {pier} until the tide turns. "));
    let text = sentences.collect::<Vec<_>>().concat();
    ada.ingest_all(&collection, texts(&[("a.txt", &text), ("b.txt", "The tram waits.")])).await;
    let reindex = "mutation($id: ID!) {
        collectionReindex(input: { collectionId: $id, chunking: { maxTokens: 64, overlapTokens: 8 } }) { operation { id } }
    }";
    let anew = ada.data(reindex, json!({ "id": collection })).await["collectionReindex"].take();
    ada.ended(anew["operation"]["id"].as_str().unwrap()).await;
    idle(&app).await;
    app.stop_worker().await;
    std::fs::remove_file(original(&app, &text)).unwrap();
    let first = "chunk_index = 0 AND document_id IN (SELECT id FROM documents WHERE uri = 'a.txt')";
    execute(&app, &format!("DELETE FROM chunks WHERE {first}")).await;
    let left = count(&app, "SELECT count(*) FROM chunks").await;
    let damage = |[original, chunks, vectors]: [usize; 3]| {
        vec![
            (DamageKind::WrongChunks, 2, chunks),
            (DamageKind::OrphanVectors, 2, vectors),
            (DamageKind::MissingOriginal, 1, original),
        ]
    };
    assert_eq!(examine(&app, Aim::Report).await, damage([0, 0, 0]));
    assert_eq!(examine(&app, Aim::Repair).await, damage([0, 2, 2]));
    assert_eq!(examine(&app, Aim::Report).await, []);
    assert_eq!(count(&app, "SELECT count(*) FROM chunks").await, left);
    assert_eq!(count(&app, "SELECT CAST(sum(chunk_count) AS bigint) FROM generations").await, left);
    let id = literal(&app, row(&collection));
    let of_documents = format!("SELECT CAST(sum(chunk_count) AS bigint) FROM documents WHERE collection_id = {id}");
    let of_active = format!(
        "SELECT count(*) FROM chunks WHERE generation_id IN (SELECT generation FROM collections WHERE id = {id})"
    );
    assert_eq!(count(&app, &of_documents).await, count(&app, &of_active).await);
    assert!(!found(&ada, "pier").await[0].is_empty());
}

async fn error_of(caller: &Caller, document: &Value) -> Value {
    let query = "query($id: ID!) { document(id: $id) { status error { code } } }";
    caller.data(query, json!({ "id": document })).await["document"].take()
}

on_both_databases!(a_text_that_is_lost_or_changed_is_extracted_again);
async fn a_text_that_is_lost_or_changed_is_extracted_again(mut app: TestApp) {
    let ada = app.user("ada").await;
    let collection = ada.create_collection("Pages").await;
    let page = |text: &str| format!("<html><body><h1>Crossing</h1><p>{text}</p></body></html>");
    let pages = [("a.html", page("The ferry waits.")), ("b.html", page("The tram waits."))];
    let pages: Vec<_> = pages.iter().map(|(name, content)| (*name, content.as_str())).collect();
    ada.ingest_all(&collection, texts(&pages)).await;
    let query = "query($id: ID!) { collection(id: $id) { documents { nodes { status text { content } } } } }";
    let before = ada.data(query, json!({ "id": collection })).await;
    let of = |place: usize| before["collection"]["documents"]["nodes"][place]["text"]["content"].as_str().unwrap();
    assert!(of(0) != pages[0].1 && of(0).contains("Crossing"), "{before:#}");
    idle(&app).await;
    app.stop_worker().await;

    std::fs::remove_file(original(&app, of(0))).unwrap();
    finds_and_repairs(&app, &[(DamageKind::MissingText, 1)]).await;
    std::fs::write(original(&app, of(1)), "# Crossing\n\nSomething else.").unwrap();
    assert_eq!(examine(&app, Aim::Report).await, [(DamageKind::WrongDigest, 1, 0)]);
    let repaired = [(DamageKind::MissingText, 1, 1), (DamageKind::WrongDigest, 1, 1)];
    assert_eq!(examine(&app, Aim::Repair).await, repaired, "it is missing once it was set aside");
    assert_eq!(examine(&app, Aim::Report).await, []);

    let mut app = app.restart().await;
    idle(&app).await;
    app.stop_worker().await;
    assert_eq!(examine(&app, Aim::Report).await, []);
    let ada = app.anonymous().log_in("ada").await;
    assert_eq!(ada.data(query, json!({ "id": collection })).await, before);
}

on_both_databases!(a_text_that_is_lost_is_made_again_for_all_generations_that_have_it);
async fn a_text_that_is_lost_is_made_again_for_all_generations_that_have_it(mut app: TestApp) {
    let ada = app.user("ada").await;
    let collection = ada.create_collection("Pages").await;
    let page = "<html><body><h1>Crossing</h1><p>The ferry waits.</p></body></html>";
    ada.ingest_all(&collection, texts(&[("a.html", page)])).await;
    let reindex = "mutation($id: ID!) {
        collectionReindex(input: { collectionId: $id, chunking: { maxTokens: 32, overlapTokens: 8 } }) { operation { id } }
    }";
    let anew = ada.data(reindex, json!({ "id": collection })).await["collectionReindex"].take();
    ada.ended(anew["operation"]["id"].as_str().unwrap()).await;
    let query = "query($id: ID!) { collection(id: $id) { documents { nodes { text { content } } } } }";
    let told = ada.data(query, json!({ "id": collection })).await;
    let text = told["collection"]["documents"]["nodes"][0]["text"]["content"].as_str().unwrap();
    idle(&app).await;
    app.stop_worker().await;
    std::fs::remove_file(original(&app, text)).unwrap();
    finds_and_repairs(&app, &[(DamageKind::MissingText, 1)]).await;
    assert_eq!(count(&app, "SELECT count(*) FROM indexed_documents").await, 2, "the former index keeps the document");
    let mut app = app.restart().await;
    idle(&app).await;
    app.stop_worker().await;
    assert_eq!(examine(&app, Aim::Report).await, []);
}

on_both_databases!(bytes_that_have_changed_are_set_aside);
async fn bytes_that_have_changed_are_set_aside(mut app: TestApp) {
    let (ada, _, operation) = two_notes(&mut app).await;
    let id = operation["documents"]["nodes"][1]["document"]["id"].clone();
    let path = original(&app, "The tram waits.");
    std::fs::write(&path, "The tram wails.").unwrap();
    assert_eq!(examine(&app, Aim::Report).await, [(DamageKind::WrongDigest, 1, 0)]);
    assert!(path.exists());
    assert_eq!(examine(&app, Aim::Repair).await, [(DamageKind::WrongDigest, 1, 0)]);
    assert_eq!(examine(&app, Aim::Report).await, []);
    let aside = app.data_dir().join("damaged").join(path.file_name().unwrap());
    assert_eq!((path.exists(), std::fs::read_to_string(aside).unwrap().as_str()), (false, "The tram wails."));
    assert_eq!(error_of(&ada, &id).await, json!({ "status": "FAILED", "error": { "code": "ORIGINAL_MISSING" } }));
}

on_both_databases!(bytes_that_are_stored_again_while_they_are_examined_stay);
async fn bytes_that_are_stored_again_while_they_are_examined_stay(mut app: TestApp) {
    let text = format!("The tram waits at {}.", uuid::Uuid::now_v7());
    let (ada, collection, _) = two_notes(&mut app).await;
    let payload = ada.ingest(&collection, texts(&[("c.txt", &text)])).await;
    let app = app.restart().await;
    let ada = app.anonymous().with_token(ada.token().unwrap());
    ada.ended(payload["operation"]["id"].as_str().unwrap()).await;
    idle(&app).await;
    let path = original(&app, &text);
    std::fs::write(&path, "Something else.").unwrap();
    let mut pause = Pause::at(format!("bytes-changed-{}", path.file_name().unwrap().to_str().unwrap()));
    let examined = tokio::spawn({
        let app = std::sync::Arc::clone(&app.app);
        async move { app.examine(Aim::Repair).await.unwrap() }
    });
    pause.reached().await;
    app.app.services().blobs.put_bytes(text.clone().into()).await.unwrap();
    pause.release();
    assert_eq!(examined.await.unwrap().in_order(), Vec::<&Finding>::new());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    let id = payload["documents"][0]["id"].clone();
    assert_eq!(error_of(&ada, &id).await, json!({ "status": "COMPLETED", "error": null }));
}

on_both_databases!(originals_that_nothing_needs_are_deleted_unless_they_are_new);
async fn originals_that_nothing_needs_are_deleted_unless_they_are_new(mut app: TestApp) {
    two_notes(&mut app).await;
    let blobs = &app.app.services().blobs;
    blobs.put_bytes("Old.".into()).await.unwrap();
    blobs.put_bytes("New.".into()).await.unwrap();
    let file = std::fs::File::options().write(true).open(original(&app, "Old.")).unwrap();
    file.set_modified((SystemClock.now() - chrono::TimeDelta::minutes(10)).into()).unwrap();
    finds_and_repairs(&app, &[(DamageKind::UnreferencedOriginal, 1)]).await;
    assert_eq!((original(&app, "Old.").exists(), original(&app, "New.").exists()), (false, true));
}

on_both_databases!(operations_whose_jobs_are_lost_get_them_again);
async fn operations_whose_jobs_are_lost_get_them_again(mut app: TestApp) {
    let (ada, collection, operation) = two_notes(&mut app).await;
    let removed = operation["documents"]["nodes"][0]["document"]["id"].clone();
    let more = ada.ingest(&collection, texts(&[("c.txt", "A bus."), ("d.txt", "A bike.")])).await;
    let delete = "mutation($id: ID!) { documentsDelete(input: { ids: [$id] }) { operation { id } } }";
    let less = ada.data(delete, json!({ "id": removed })).await["documentsDelete"].take();
    let reindex = "mutation($id: ID!) {
        collectionReindex(input: { collectionId: $id, chunking: { maxTokens: 32, overlapTokens: 8 } }) { operation { id } }
    }";
    let anew = ada.data(reindex, json!({ "id": collection })).await["collectionReindex"].take();
    let old = ada.create_collection("Old").await;
    let delete = "mutation($id: ID!) { collectionDelete(input: { collectionId: $id }) { operation { id } } }";
    let none = ada.data(delete, json!({ "id": old })).await["collectionDelete"].take();
    assert_eq!(examine(&app, Aim::Report).await, [], "they wait");

    execute(&app, "DELETE FROM jobs").await;
    finds_and_repairs(&app, &[(DamageKind::OrphanVectors, 1), (DamageKind::StuckOperation, 4)]).await;
    let app = app.restart().await;
    let ada = app.anonymous().log_in("ada").await;
    for payload in [more, less, anew, none] {
        let id = payload["operation"]["id"].as_str().unwrap_or_else(|| panic!("{payload:#}"));
        assert_eq!(ada.ended(id).await["status"], "COMPLETED");
    }
    idle(&app).await;
    assert_eq!(points(&app, &collection).await, 3);
}

on_both_databases!(an_operation_with_nothing_left_to_do_ends);
async fn an_operation_with_nothing_left_to_do_ends(mut app: TestApp) {
    let (ada, _, operation) = two_notes(&mut app).await;
    execute(&app, "UPDATE operations SET status = 'PROCESSING', completed_at = NULL, document_total = 3").await;
    finds_and_repairs(&app, &[(DamageKind::StuckOperation, 1)]).await;
    let ended = ada.ended(operation["id"].as_str().unwrap()).await;
    assert_eq!((&ended["status"], &ended["totals"]["documents"]), (&json!("COMPLETED"), &json!(2)), "{ended:#}");
}

on_both_databases!(jobs_of_workers_that_are_gone_can_be_claimed_again);
async fn jobs_of_workers_that_are_gone_can_be_claimed_again(mut app: TestApp) {
    let (ada, collection, _) = two_notes(&mut app).await;
    let payload = ada.ingest(&collection, texts(&[("c.txt", "A bus.")])).await;
    let worker = literal(&app, uuid::Uuid::nil());
    execute(
        &app,
        &format!(
            "UPDATE jobs SET status = 'LEASED', leased_by = {worker}, lease_epoch = 1,
             lease_until = '2026-01-01 00:00:00+00:00'"
        ),
    )
    .await;
    finds_and_repairs(&app, &[(DamageKind::ExpiredLease, 1)]).await;
    let app = app.restart().await;
    let ada = app.anonymous().log_in("ada").await;
    let ended = ada.ended(payload["operation"]["id"].as_str().unwrap()).await;
    assert_eq!(ended["status"], "COMPLETED", "{ended:#}");
}
