//! How texts would be split, without storing anything.

use serde_json::{Value, json};

use super::documents::upload;
use crate::{
    on_both_databases,
    support::{app::TestApp, caller::Caller},
};

const PREVIEW: &str = "query($input: ChunkingPreviewInput!) { chunkingPreview(input: $input) {
    length isTruncated chunkings {
        chunking { strategy maxTokens overlapTokens } chunkCount tokenCount minTokens maxTokens meanTokens
        chunks { content startOffset endOffset tokenCount headings page }
    }
} }";

async fn preview(caller: &Caller, input: Value) -> Value {
    caller.data(PREVIEW, json!({ "input": input })).await["chunkingPreview"].take()
}

on_both_databases!(two_ways_to_split_a_text_are_shown_side_by_side_with_their_sizes);
async fn two_ways_to_split_a_text_are_shown_side_by_side_with_their_sizes(app: TestApp) {
    let ada = app.user("ada").await;
    let text = format!("# Trams\n\n{}", "The tram is red. ".repeat(30));
    let sizes = json!({ "maxTokens": 24, "overlapTokens": 0 });
    let input = json!({
        "content": { "text": text }, "fileName": "trams.md", "first": 2,
        "chunking": { "sentence": sizes }, "other": { "token": sizes },
    });
    let found = preview(&ada, input).await;
    assert_eq!((&found["length"], &found["isTruncated"]), (&json!(text.trim_end().chars().count() + 1), &json!(false)));
    let ways = found["chunkings"].as_array().unwrap();
    assert_eq!(ways.iter().map(|way| &way["chunking"]["strategy"]).collect::<Vec<_>>(), ["SENTENCE", "TOKEN"]);
    for way in ways {
        assert_eq!(way["chunks"].as_array().unwrap().len(), 2);
        let number = |field: &str| way[field].as_i64().unwrap();
        assert!(number("minTokens") <= number("maxTokens") && number("maxTokens") <= 24, "{way:#}");
        let mean = way["meanTokens"].as_f64().unwrap() * way["chunkCount"].as_f64().unwrap();
        assert!((mean - way["tokenCount"].as_f64().unwrap()).abs() < 0.01, "{way:#}");
        assert_eq!(way["chunks"][1]["headings"], json!(["Trams"]));
    }
    let whole = ways[0]["chunks"][1]["content"].as_str().unwrap();
    assert!(whole.starts_with("The tram") && whole.ends_with("red."), "{whole}");
    assert_eq!(ada.data("{ collections { totalCount } }", json!({})).await["collections"]["totalCount"], 0);
}

on_both_databases!(a_preview_of_a_document_or_an_upload_is_what_indexing_makes_of_it);
async fn a_preview_of_a_document_or_an_upload_is_what_indexing_makes_of_it(app: TestApp) {
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let sizes = json!({ "maxTokens": 16, "overlapTokens": 0 });
    let id = ada.create_collection_with(json!({ "name": "Letters", "chunking": sizes })).await;
    let html = format!("<h1>Trams</h1><p>{}</p>", "The tram is red. ".repeat(10));
    let file = upload(&ada, "trams.html", html.as_bytes()).await;
    ada.ingest_all(&id, json!([{ "content": { "uploadId": file } }])).await;
    let query = "query($id: ID!) { collection(id: $id) { documents { nodes {
        id chunks { nodes { content startOffset endOffset tokenCount headings page } }
    } } } }";
    let document = ada.data(query, json!({ "id": id })).await["collection"]["documents"]["nodes"][0].take();
    for content in [json!({ "documentId": document["id"] }), json!({ "uploadId": file })] {
        let found = preview(&ada, json!({ "content": content, "chunking": sizes })).await;
        assert_eq!(found["chunkings"][0]["chunks"], document["chunks"]["nodes"]);
        assert_eq!(eve.error_code(PREVIEW, json!({ "input": { "content": content } })).await, "NOT_FOUND");
    }
}

on_both_databases!(settings_and_files_that_can_not_be_used_are_refused);
async fn settings_and_files_that_can_not_be_used_are_refused(app: TestApp) {
    let ada = app.user("ada").await;
    let text = json!({ "text": "The tram." });
    let noise = upload(&ada, "noise.docx", b"PK\x03\x04 nothing").await;
    for input in [
        json!({ "content": text, "chunking": { "maxTokens": 3 } }),
        json!({ "content": text, "other": { "token": { "maxTokens": 16, "overlapTokens": 9 } } }),
        json!({ "content": text, "chunking": { "token": {}, "code": {} } }),
        json!({ "content": text, "embeddingModel": "no such model" }),
        json!({ "content": text, "fileName": "a/b.txt" }),
        json!({ "content": text, "first": 101 }),
        json!({ "content": { "text": "\u{fffd}\u{fffd}" } }),
        json!({ "content": { "uploadId": noise } }),
    ] {
        let answer = ada.graphql(PREVIEW, json!({ "input": input })).await;
        let code = &answer["errors"][0]["extensions"]["code"];
        assert_eq!(code, "BAD_USER_INPUT", "{answer:#}");
    }
    let anonymous = app.anonymous().error_code(PREVIEW, json!({ "input": { "content": text } })).await;
    assert_eq!(anonymous, "UNAUTHENTICATED");
}
