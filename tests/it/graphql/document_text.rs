//! The extracted text of documents, to which the offsets of their chunks refer, and what files say of themselves.

use serde_json::{Value, json};

use super::documents::upload;
use crate::{
    extract::samples,
    on_both_databases,
    support::{
        app::{PATIENCE, TestApp, texts},
        caller::Caller,
    },
};

const TEXT: &str = "query($id: ID!, $first: Int, $after: Cursor, $from: Int) { document(id: $id) {
    text(first: $first, after: $after, from: $from) {
        content startOffset endOffset length pageInfo { hasNextPage hasPreviousPage endCursor }
    }
} }";
const ABOUT: &str = "query($id: ID!) { collection(id: $id) { documents { nodes {
    id title author language pageCount contentCreatedAt contentModifiedAt text { content }
    chunks { nodes { content startOffset endOffset } }
} } } }";

async fn documents(caller: &Caller, collection: &str) -> Vec<Value> {
    let found = caller.data(ABOUT, json!({ "id": collection })).await;
    found["collection"]["documents"]["nodes"].as_array().unwrap().clone()
}

async fn only(caller: &Caller, collection: &str) -> Value {
    let mut all = documents(caller, collection).await;
    assert_eq!(all.len(), 1, "{all:#?}");
    all.remove(0)
}

async fn page(caller: &Caller, mut variables: Value, document: &Value) -> Value {
    variables["id"] = document["id"].clone();
    caller.data(TEXT, variables).await["document"]["text"].clone()
}

fn part(text: &str, start: &Value, end: &Value) -> String {
    let place = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    text.chars().skip(place(start)).take(place(end) - place(start)).collect()
}

on_both_databases!(the_text_comes_back_page_by_page_and_holds_every_chunk_at_its_offsets);
async fn the_text_comes_back_page_by_page_and_holds_every_chunk_at_its_offsets(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    let sentence = "The ferry «Ærø» carries 漢字 and 🚋 across the sound. ";
    let html = format!("<html><body><h1>Crossing</h1><p>{}</p></body></html>", sentence.repeat(60));
    let file = upload(&ada, "crossing.html", html.as_bytes()).await;
    ada.ingest_all(&id, json!([{ "content": { "uploadId": file } }])).await;
    let document = only(&ada, &id).await;
    let whole = document["text"]["content"].as_str().unwrap();
    let length = whole.chars().count();
    assert!(whole.starts_with("# Crossing\n\n") && whole.matches("漢字").count() == 60, "{whole}");

    let (mut text, mut after, mut pages) = (String::new(), Value::Null, 0);
    loop {
        let page = page(&ada, json!({ "first": 997, "after": after }), &document).await;
        assert_eq!(page["startOffset"], text.chars().count());
        assert_eq!((&page["length"], &page["pageInfo"]["hasPreviousPage"]), (&json!(length), &json!(pages > 0)));
        text.push_str(page["content"].as_str().unwrap());
        assert_eq!(page["endOffset"], text.chars().count());
        (after, pages) = (page["pageInfo"]["endCursor"].clone(), pages + 1);
        if page["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
    }
    assert_eq!((text.as_str(), pages), (whole, length.div_ceil(997)));
    for chunk in document["chunks"]["nodes"].as_array().unwrap() {
        let (start, end) = (&chunk["startOffset"], &chunk["endOffset"]);
        assert_eq!(part(whole, start, end), chunk["content"].as_str().unwrap());
        let first = end.as_u64().unwrap() - start.as_u64().unwrap();
        let found = page(&ada, json!({ "from": start, "first": first }), &document).await;
        assert_eq!(found["content"], chunk["content"]);
    }
    let end = page(&ada, json!({ "from": length }), &document).await;
    assert_eq!((&end["content"], &end["pageInfo"]["hasNextPage"]), (&json!(""), &json!(false)));
}

on_both_databases!(a_page_of_text_outside_its_bounds_or_after_a_cursor_of_other_content_is_refused);
async fn a_page_of_text_outside_its_bounds_or_after_a_cursor_of_other_content_is_refused(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    ada.ingest_all(&id, texts(&[("a.txt", "The tram is red.")])).await;
    let document = only(&ada, &id).await;
    let cursor = page(&ada, json!({ "first": 3 }), &document).await["pageInfo"]["endCursor"].clone();
    let refused = async |mut variables: Value| {
        variables["id"] = document["id"].clone();
        let answer = ada.graphql(TEXT, variables).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{answer:#}");
    };
    for variables in [
        json!({ "first": 0 }),
        json!({ "first": 100_001 }),
        json!({ "from": -1 }),
        json!({ "from": 17 }),
        json!({ "from": 1, "after": cursor }),
        json!({ "after": "nonsense" }),
    ] {
        refused(variables).await;
    }
    ada.ingest_all(&id, texts(&[("a.txt", "The ferry is blue.")])).await;
    refused(json!({ "after": cursor })).await;
    assert_eq!(page(&ada, json!({}), &document).await["content"], "The ferry is blue.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_costs_what_is_asked_of_it_and_the_way_to_it() {
    let app = TestApp::on_sqlite().await;
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    ada.ingest_all(&id, texts(&[("a.txt", "The tram is red.")])).await;
    let document = only(&ada, &id).await;
    let points = async |mut variables: Value| {
        variables["id"] = document["id"].clone();
        ada.graphql(TEXT, variables).await["extensions"]["cost"]["points"].as_u64().unwrap()
    };
    let short = points(json!({ "first": 1000 })).await;
    assert_eq!(points(json!({})).await - short, 9);
    assert_eq!(points(json!({ "first": 100_000 })).await - short, 99);
    assert_eq!(points(json!({ "first": 1000, "from": 4 })).await - short, 100);
    let all =
        "{ collections(first: 50) { nodes { documents(first: 100) { nodes { text(first: 100000) { content } } } } } }";
    assert_eq!(ada.error_code(all, json!({})).await, "COST_LIMIT_EXCEEDED");
}

on_both_databases!(the_text_of_a_document_stays_as_long_as_the_document_and_no_longer);
async fn the_text_of_a_document_stays_as_long_as_the_document_and_no_longer(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    let file = upload(&ada, "page.html", b"<p>The tram is red.</p>").await;
    ada.ingest_all(&id, json!([{ "content": { "uploadId": file } }])).await;
    let document = only(&ada, &id).await;
    let digest = hex::encode(<sha2::Sha256 as sha2::Digest>::digest("The tram is red."));
    assert!(app.app.services().blobs.exists(&digest).await.unwrap());

    // The clean-up at the start finds it old enough, and needed.
    app.clock.advance(3600);
    let app = app.restart().await;
    let ada = app.anonymous().log_in("ada").await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(page(&ada, json!({}), &document).await["content"], "The tram is red.");

    let delete = "mutation($ids: [ID!]!) { documentsDelete(input: { ids: $ids }) { operation { id } } }";
    let deleted = ada.data(delete, json!({ "ids": [document["id"]] })).await["documentsDelete"].clone();
    ada.ended(deleted["operation"]["id"].as_str().unwrap()).await;
    app.clock.advance(3600);
    let app = app.restart().await;
    let deadline = std::time::Instant::now() + PATIENCE;
    while app.app.services().blobs.exists(&digest).await.unwrap() {
        assert!(std::time::Instant::now() < deadline, "the text stays");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

on_both_databases!(reindexing_keeps_the_text_that_offsets_refer_to);
async fn reindexing_keeps_the_text_that_offsets_refer_to(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    let file = upload(&ada, "page.html", b"<p>The tram is red.</p>").await;
    ada.ingest_all(&id, json!([{ "content": { "uploadId": file } }])).await;
    let before = only(&ada, &id).await;
    let reindex =
        "mutation($id: ID!) { collectionReindex(input: { collectionId: $id, force: true }) { operation { id } } }";
    let begun = ada.data(reindex, json!({ "id": id })).await["collectionReindex"].clone();
    ada.ended(begun["operation"]["id"].as_str().unwrap()).await;
    assert_eq!(only(&ada, &id).await, before);
}

on_both_databases!(a_document_says_what_its_file_says_of_itself);
async fn a_document_says_what_its_file_says_of_itself(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    let html = "<html lang='de'><head><title>Fahrplan</title><meta name='author' content='Anna Ek'>
        <meta property='article:published_time' content='2026-01-02T03:04:05+01:00'></head><body><p>Die Bahn.</p></body></html>";
    let mail = "From: Anna Ek <anna@example.org>\r\nTo: bob@example.org\r\nSubject: Tram\r\n\
        Date: Fri, 2 Jan 2026 03:04:05 +0100\r\n\r\nThe tram is late today, and nobody knows when it will come.\r\n";
    let files = [
        ("a.html", html.as_bytes().to_vec()),
        ("b.eml", mail.as_bytes().to_vec()),
        ("c.docx", samples::docx("<w:p><w:r><w:t>Text.</w:t></w:r></w:p>", &[("docProps/core.xml", CORE)])),
        ("d.txt", "Le bac quitte le port chaque matin, et en hiver il attend que la glace soit brisée.".into()),
        ("e.rs", b"fn main() { println!(\"The ferry leaves the harbour every morning.\"); }".to_vec()),
    ];
    for (name, bytes) in &files {
        let file = upload(&ada, name, bytes).await;
        let operation = ada.ingest_all(&id, json!([{ "content": { "uploadId": file } }])).await;
        assert_eq!(operation["totals"]["completed"], 1, "{name}: {operation:#}");
    }
    let mut found = documents(&ada, &id).await;
    // Newest first.
    found.reverse();
    let told = |field: &str| found.iter().map(|document| document[field].clone()).collect::<Vec<_>>();
    let written = "2026-01-02T02:04:05+00:00";
    assert_eq!(told("title"), [json!("Fahrplan"), json!("Tram"), json!("Minutes"), Value::Null, Value::Null]);
    let authors = [json!("Anna Ek"), json!("Anna Ek <anna@example.org>"), json!("Bo Berg"), Value::Null, Value::Null];
    assert_eq!(told("author"), authors);
    assert_eq!(told("language"), [json!("de"), json!("en"), json!("sv"), json!("fr"), Value::Null]);
    let at = |moment: &Value| moment.as_str().map(|text| chrono::DateTime::parse_from_rfc3339(text).unwrap());
    let moments: Vec<_> = told("contentCreatedAt").iter().map(at).collect();
    let expected = at(&json!(written));
    assert_eq!(moments, [expected, expected, expected, None, None]);
    assert_eq!(at(&told("contentModifiedAt")[2]), at(&json!("2026-02-03T00:00:00Z")));
}

const CORE: &str = r#"<cp:coreProperties xmlns:cp="c" xmlns:dc="d" xmlns:dcterms="t"><dc:title>Minutes</dc:title>
    <dc:creator>Bo Berg</dc:creator><dc:language>sv</dc:language><dcterms:created>2026-01-02T02:04:05Z</dcterms:created>
    <dcterms:modified>2026-02-03</dcterms:modified></cp:coreProperties>"#;
