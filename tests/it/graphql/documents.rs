//! Documents: ingested from texts and uploads, replaced, downloaded, deleted.

use serde_json::{Value, json};

use crate::{
    on_both_databases,
    support::{
        app::{TestApp, texts},
        caller::Caller,
    },
};

const DOCUMENTS: &str = "query($id: ID!, $filter: DocumentFilter) {
    collection(id: $id) {
        documentCount chunkCount totalBytes
        documents(filter: $filter) {
            totalCount
            nodes { id uri fileName status contentType fileSize chunkCount title downloadUrl error { code message }
                    chunks { nodes { index content startOffset endOffset headings previous { index } next { index } } } }
        }
    }
}";
const DELETE: &str = "mutation($ids: [ID!]!) {
    documentsDelete(input: { ids: $ids }) { operation { id type } userErrors { code path } }
}";
const UPLOAD: &str = "mutation($name: String!) {
    uploadCreate(input: { fileName: $name }) { upload { id url expiresAt } userErrors { code path } }
}";

const KEYED_INGEST: &str = "mutation($input: DocumentsIngestInput!) {
    documentsIngest(input: $input) { operation { id } documents { id } userErrors { code } }
}";

async fn collection(caller: &Caller, id: &str) -> Value {
    caller.data(DOCUMENTS, json!({ "id": id })).await["collection"].clone()
}

/// The id of an upload that holds `bytes`.
pub async fn upload(caller: &Caller, name: &str, bytes: &[u8]) -> String {
    let payload = caller.data(UPLOAD, json!({ "name": name })).await;
    let upload = &payload["uploadCreate"]["upload"];
    let answer = caller.send("PUT", upload["url"].as_str().unwrap(), &[], bytes.to_vec()).await;
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    upload["id"].as_str().unwrap().to_owned()
}

on_both_databases!(texts_become_documents_and_chunks);
async fn texts_become_documents_and_chunks(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    let markdown = "# Trams\n\nIntroduction.\n\n## Lines\n\nLine nine runs at night. 🚋\n";
    let operation = ada.ingest_all(&id, texts(&[("trams.md", markdown), ("plain.txt", "Just a line.")])).await;
    assert_eq!(operation["status"], "COMPLETED");
    assert_eq!(operation["type"], "INDEX");
    assert_eq!(operation["progress"], 100);
    assert_eq!(operation["totals"]["completed"], 2);

    let collection = collection(&ada, &id).await;
    assert_eq!(collection["documentCount"], 2);
    let documents = collection["documents"]["nodes"].as_array().unwrap();
    let trams = documents.iter().find(|document| document["uri"] == "trams.md").unwrap();
    assert_eq!(trams["title"], "Trams");
    assert_eq!(trams["status"], "COMPLETED");
    let characters: Vec<char> = markdown.chars().collect();
    for chunk in trams["chunks"]["nodes"].as_array().unwrap() {
        let place = |field: &str| usize::try_from(chunk[field].as_u64().unwrap()).unwrap();
        let text: String = characters[place("startOffset")..place("endOffset")].iter().collect();
        assert_eq!(text, chunk["content"].as_str().unwrap());
    }
    let chunks: i64 = documents.iter().map(|document| document["chunkCount"].as_i64().unwrap()).sum();
    assert_eq!(collection["chunkCount"], chunks);
    assert_eq!(collection["totalBytes"], (markdown.len() + "Just a line.".len()).to_string());
}

on_both_databases!(an_upload_becomes_a_document_and_comes_back_byte_by_byte);
async fn an_upload_becomes_a_document_and_comes_back_byte_by_byte(app: TestApp) {
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let id = ada.create_collection("Letters").await;
    let html = b"<html><head><title>Night lines</title></head><body><h1>Night lines</h1><p>The tram runs at night.</p></body></html>";
    let upload = upload(&ada, "night.html", html).await;
    let operation = ada.ingest_all(&id, json!([{ "content": { "uploadId": upload }, "uri": "site/night" }])).await;
    assert_eq!(operation["status"], "COMPLETED", "{operation:#}");

    let document = collection(&ada, &id).await["documents"]["nodes"][0].clone();
    assert_eq!(document["contentType"], "text/html");
    assert_eq!(document["uri"], "site/night");
    assert_eq!(document["fileSize"], html.len().to_string());
    let url = document["downloadUrl"].as_str().unwrap();
    let whole = ada.send("GET", url, &[], "").await;
    assert_eq!((whole.status, whole.body.as_slice()), (200, html.as_slice()));
    assert!(whole.headers["content-disposition"].to_str().unwrap().starts_with("attachment; filename=\"night.html\""));
    let part = ada.send("GET", url, &[("range", "bytes=0-5")], "").await;
    assert_eq!((part.status, part.body.as_slice()), (206, b"<html>".as_slice()));
    for stranger in [&eve, &app.anonymous()] {
        assert_eq!(stranger.send("GET", url, &[], "").await.status, 404);
    }
}

on_both_databases!(the_same_call_twice_under_one_key_is_one_operation);
async fn the_same_call_twice_under_one_key_is_one_operation(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    let input = |text: &str| {
        json!({ "input": {
        "collectionId": id, "idempotencyKey": "monday", "documents": texts(&[("a.txt", text)]),
    } })
    };
    let first = ada.data(KEYED_INGEST, input("One.")).await;
    let second = ada.data(KEYED_INGEST, input("One.")).await;
    assert_eq!(first, second);
    let other = ada.data(KEYED_INGEST, input("Two.")).await;
    assert_eq!(other["documentsIngest"]["userErrors"][0]["code"], "CONFLICT");
    ada.ended(first["documentsIngest"]["operation"]["id"].as_str().unwrap()).await;
    assert_eq!(collection(&ada, &id).await["documentCount"], 1);
}

on_both_databases!(the_key_of_documents_that_were_removed_is_refused);
async fn the_key_of_documents_that_were_removed_is_refused(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    let input = |key: &str| {
        json!({ "input": {
        "collectionId": id, "idempotencyKey": key, "documents": texts(&[("a.txt", "One."), ("b.txt", "Two.")]),
    } })
    };
    let first = ada.data(KEYED_INGEST, input("monday")).await["documentsIngest"].clone();
    ada.ended(first["operation"]["id"].as_str().unwrap()).await;
    let removed = ada.data(DELETE, json!({ "ids": [first["documents"][0]["id"]] })).await["documentsDelete"].clone();
    ada.ended(removed["operation"]["id"].as_str().unwrap()).await;

    let again = ada.data(KEYED_INGEST, input("monday")).await["documentsIngest"].clone();
    assert_eq!(again, json!({ "operation": null, "documents": [], "userErrors": [{ "code": "CONFLICT" }] }));
    let anew = ada.data(KEYED_INGEST, input("tuesday")).await["documentsIngest"].clone();
    assert_eq!(anew["documents"].as_array().unwrap().len(), 2, "{anew:#}");
    assert_eq!(collection(&ada, &id).await["documentCount"], 2);
}

on_both_databases!(a_text_is_read_in_the_character_set_that_its_upload_declares);
async fn a_text_is_read_in_the_character_set_that_its_upload_declares(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    let create = "mutation($input: UploadCreateInput!) { uploadCreate(input: $input) { upload { id url } userErrors { code } } }";
    for (name, text, charset) in [
        ("ru.txt", "Съешь ещё этих булок", "windows-1251"),
        ("ja.txt", "日本の法令を検索する", "Shift_JIS"),
        ("zh.txt", "北京大学的人工智能", "GBK"),
        ("fr.txt", "Le café crème", "iso-8859-1"),
    ] {
        let bytes = encoding_rs::Encoding::for_label(charset.as_bytes()).unwrap().encode(text).0.into_owned();
        let input = json!({ "fileName": name, "contentType": format!("text/plain; charset={charset}") });
        let upload = ada.data(create, json!({ "input": input })).await["uploadCreate"]["upload"].clone();
        assert_eq!(ada.send("PUT", upload["url"].as_str().unwrap(), &[], bytes).await.status, 201);
        let operation = ada.ingest_all(&id, json!([{ "content": { "uploadId": upload["id"] } }])).await;
        assert_eq!(operation["totals"]["completed"], 1, "{operation:#}");
        let found = ada.data(DOCUMENTS, json!({ "id": id, "filter": { "uri": name } })).await;
        assert_eq!(found["collection"]["documents"]["nodes"][0]["chunks"]["nodes"][0]["content"], text);
    }
}

on_both_databases!(what_is_doubtful_about_a_text_is_kept_with_its_document_until_other_content_replaces_it);
async fn what_is_doubtful_about_a_text_is_kept_with_its_document_until_other_content_replaces_it(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    let warnings = async || {
        let query =
            "query($id: ID!) { collection(id: $id) { documents { nodes { status warnings { code message page } } } } }";
        let found = ada.data(query, json!({ "id": id })).await["collection"]["documents"]["nodes"].take();
        assert_eq!(found[0]["status"], "COMPLETED");
        found[0]["warnings"].clone()
    };
    let latin = upload(&ada, "letter.txt", b"Gr\xfc\xdfe aus K\xf6ln, tr\xe8s bien.").await;
    ada.ingest_all(&id, json!([{ "content": { "uploadId": latin } }])).await;
    let doubts = warnings().await;
    assert_eq!((&doubts[0]["code"], &doubts[0]["page"]), (&json!("ENCODING_GUESSED"), &json!(null)));
    assert!(doubts[0]["message"].as_str().unwrap().contains("windows-1252"), "{doubts:#}");

    ada.ingest_all(&id, texts(&[("letter.txt", "Grüße aus Köln.")])).await;
    assert_eq!(warnings().await, json!([]));
}

on_both_databases!(a_text_of_characters_that_could_not_be_read_is_not_completed_in_silence);
async fn a_text_of_characters_that_could_not_be_read_is_not_completed_in_silence(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    let operation = ada.ingest_all(&id, texts(&[("lost.txt", "\u{fffd}\u{fffd}\u{fffd} a \u{fffd}\u{fffd}")])).await;
    assert_eq!(operation["totals"]["failed"], 1);
    let document = collection(&ada, &id).await["documents"]["nodes"][0].clone();
    assert_eq!((&document["status"], &document["error"]["code"]), (&json!("FAILED"), &json!("NO_TEXT")));
}

on_both_databases!(one_key_for_two_collections_at_once_is_used_by_one_of_them);
async fn one_key_for_two_collections_at_once_is_used_by_one_of_them(app: TestApp) {
    let ada = app.user("ada").await;
    let collections = [ada.create_collection("First").await, ada.create_collection("Second").await];
    for round in 0..10 {
        let ingest = async |id: &str| {
            let input = json!({ "collectionId": id, "idempotencyKey": format!("round {round}"), "documents": texts(&[("a.txt", "One.")]) });
            ada.data(KEYED_INGEST, json!({ "input": input })).await["documentsIngest"].clone()
        };
        let (first, second) = tokio::join!(ingest(&collections[0]), ingest(&collections[1]));
        let refused: Vec<_> = [&first, &second].into_iter().filter(|payload| payload["operation"].is_null()).collect();
        assert_eq!(refused.len(), 1, "{first:#} {second:#}");
        assert_eq!(refused[0]["userErrors"][0]["code"], "CONFLICT");
    }
}

on_both_databases!(the_same_call_is_one_operation_when_its_upload_is_gone);
async fn the_same_call_is_one_operation_when_its_upload_is_gone(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    let file = upload(&ada, "a.txt", b"One.").await;
    let input = json!({ "input": {
        "collectionId": id, "idempotencyKey": "monday", "documents": [{ "content": { "uploadId": file } }],
    } });
    let first = ada.data(KEYED_INGEST, input.clone()).await;
    ada.ended(first["documentsIngest"]["operation"]["id"].as_str().unwrap()).await;
    app.clock.advance(25 * 3600);
    let app = app.restart().await;
    let ada = app.anonymous().log_in("ada").await;
    let deadline = std::time::Instant::now() + crate::support::app::PATIENCE;
    let other = |key: &str| {
        json!({ "input": {
        "collectionId": id, "idempotencyKey": key, "documents": [{ "content": { "uploadId": file } }],
    } })
    };
    while ada.data(KEYED_INGEST, other("")).await["documentsIngest"]["userErrors"].as_array().unwrap().len() < 2 {
        assert!(std::time::Instant::now() < deadline, "the upload stays");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(ada.data(KEYED_INGEST, other("tuesday")).await["documentsIngest"]["userErrors"][0]["code"], "NOT_FOUND");
    assert_eq!(ada.data(KEYED_INGEST, input).await, first);
}

on_both_databases!(unchanged_content_is_skipped_and_new_content_replaces_the_old);
async fn unchanged_content_is_skipped_and_new_content_replaces_the_old(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    let first = ada.ingest_all(&id, texts(&[("a.txt", "The tram is red.")])).await;
    let same = ada.ingest_all(&id, texts(&[("a.txt", "The tram is red.")])).await;
    assert_eq!(
        (&same["type"], &same["totals"]["skipped"], &same["status"]),
        (&json!("APPEND"), &json!(1), &json!("COMPLETED"))
    );

    let changed = ada.ingest_all(&id, texts(&[("a.txt", "The ferry is blue.")])).await;
    assert_eq!(changed["documents"]["nodes"][0]["document"]["id"], first["documents"]["nodes"][0]["document"]["id"]);
    let after = collection(&ada, &id).await;
    assert_eq!((&after["documentCount"], &after["chunkCount"]), (&json!(1), &json!(1)));
    let contents = |result: Value| {
        result["nodes"].as_array().unwrap().iter().map(|hit| hit["chunk"]["content"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(contents(ada.search(json!({ "query": "ferry" })).await), ["The ferry is blue."]);
    assert_eq!(contents(ada.search(json!({ "query": "tram", "mode": "LEXICAL" })).await), Vec::<Value>::new());
}

on_both_databases!(removed_documents_are_gone_at_once);
async fn removed_documents_are_gone_at_once(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    let operation = ada.ingest_all(&id, texts(&[("a.txt", "The tram."), ("b.txt", "The ferry.")])).await;
    let first = operation["documents"]["nodes"][0]["document"]["id"].clone();
    let payload = ada.data(DELETE, json!({ "ids": [first] })).await["documentsDelete"].clone();
    assert_eq!(payload["operation"]["type"], "DELETE");
    assert_eq!(ada.search(json!({ "query": "tram", "mode": "LEXICAL" })).await["nodes"], json!([]));
    let after = collection(&ada, &id).await;
    assert_eq!((&after["documentCount"], &after["chunkCount"]), (&json!(1), &json!(1)));
    let ended = ada.ended(payload["operation"]["id"].as_str().unwrap()).await;
    assert_eq!((&ended["status"], &ended["totals"]["completed"]), (&json!("COMPLETED"), &json!(1)));
}

on_both_databases!(a_removal_that_names_what_does_not_exist_removes_nothing);
async fn a_removal_that_names_what_does_not_exist_removes_nothing(app: TestApp) {
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let id = ada.create_collection("Letters").await;
    let operation = ada.ingest_all(&id, texts(&[("a.txt", "The tram.")])).await;
    let document = operation["documents"]["nodes"][0]["document"]["id"].clone();
    let hidden = eve.data(DELETE, json!({ "ids": [document] })).await["documentsDelete"].clone();
    assert_eq!(hidden, json!({ "operation": null, "userErrors": [{ "code": "NOT_FOUND", "path": ["ids", "0"] }] }));
    let mixed = ada.data(DELETE, json!({ "ids": [document, "bm9uc2Vuc2U"] })).await["documentsDelete"].clone();
    assert_eq!(mixed["userErrors"], json!([{ "code": "NOT_FOUND", "path": ["ids", "1"] }]));
    assert_eq!(collection(&ada, &id).await["documentCount"], 1);
}

on_both_databases!(one_bad_file_among_many_fails_alone);
async fn one_bad_file_among_many_fails_alone(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    let noise: Vec<u8> = (0..4096_u32).map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()[1]).collect();
    let bad = upload(&ada, "noise.txt", &noise).await;
    let operation = ada
        .ingest_all(
            &id,
            json!([
                { "fileName": "a.txt", "content": { "text": "The tram." } },
                { "content": { "uploadId": bad } },
                { "fileName": "b.txt", "content": { "text": "The ferry." } },
            ]),
        )
        .await;
    assert_eq!(operation["status"], "COMPLETED");
    let outcomes: Vec<_> =
        operation["documents"]["nodes"].as_array().unwrap().iter().map(|node| node["outcome"].clone()).collect();
    assert_eq!(outcomes, ["COMPLETED", "FAILED", "COMPLETED"]);
    assert!(operation["documents"]["nodes"][1]["error"]["code"].is_string());
    assert_eq!(operation["errorMessage"], "1 of 3 documents could not be indexed. Their errors have the reasons.");
}

on_both_databases!(uploads_for_many_files_are_created_in_one_call_or_not_at_all);
async fn uploads_for_many_files_are_created_in_one_call_or_not_at_all(app: TestApp) {
    let ada = app.user("ada").await;
    let create = "mutation($files: [UploadCreateInput!]!) {
        uploadsCreate(input: { files: $files }) { uploads { id url } userErrors { code path } }
    }";
    let ask = async |files: Value| ada.data(create, json!({ "files": files })).await["uploadsCreate"].take();
    let files: Vec<_> = (0..100).map(|number| json!({ "fileName": format!("{number}.txt") })).collect();
    let payload = ask(json!(files)).await;
    let uploads = payload["uploads"].as_array().unwrap();
    assert_eq!((uploads.len(), &payload["userErrors"]), (100, &json!([])));
    let urls: std::collections::BTreeSet<_> = uploads.iter().map(|upload| upload["url"].as_str().unwrap()).collect();
    assert_eq!(urls.len(), 100);
    assert_eq!(ada.send("PUT", urls.first().unwrap(), &[], "hello").await.status, 201);

    let files: Vec<_> = (0..101).map(|_| json!({ "fileName": "a.txt" })).collect();
    let bad = json!([{ "fileName": "a.txt" }, { "fileName": "a/b.txt" }]);
    for (files, code, path) in [
        (json!([]), "REQUIRED", json!(["files"])),
        (json!(files), "TOO_LONG", json!(["files"])),
        (bad, "INVALID", json!(["files", "1", "fileName"])),
    ] {
        let payload = ask(files).await;
        assert_eq!(payload["uploads"], json!([]));
        assert_eq!(payload["userErrors"], json!([{ "code": code, "path": path }]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_are_filled_once_by_their_owner_and_not_beyond_the_limit() {
    let mut config = docent::config::Config::default();
    config.limits.upload_bytes = 1000;
    let app = TestApp::start(config).await;
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let payload = ada.data(UPLOAD, json!({ "name": "a.txt" })).await;
    let url = payload["uploadCreate"]["upload"]["url"].as_str().unwrap().to_owned();

    assert_eq!(eve.send("PUT", &url, &[], "hello").await.status, 404);
    assert_eq!(app.anonymous().send("PUT", &url, &[], "hello").await.status, 401);
    let announced = ada.send("PUT", &url, &[("content-length", "1001")], vec![b'x'; 1001]).await;
    assert_eq!(announced.status, 413);
    let streamed = futures_util::stream::iter((0..3).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 400])));
    let streamed = ada.send("PUT", &url, &[], axum::body::Body::from_stream(streamed)).await;
    assert_eq!(
        (streamed.status, streamed.json()["errors"][0]["extensions"]["code"].clone()),
        (413, json!("COST_LIMIT_EXCEEDED"))
    );
    assert_eq!(ada.send("PUT", &url, &[], "hello").await.status, 201);
    assert_eq!(ada.send("PUT", &url, &[], "again").await.status, 409);
}
