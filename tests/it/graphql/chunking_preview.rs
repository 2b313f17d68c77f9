//! How texts would be split, without storing anything.

use serde_json::{Value, json};

use super::documents::upload;
use crate::{
    on_both_databases,
    support::{
        app::{TestApp, texts},
        caller::Caller,
    },
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

on_both_databases!(a_chunk_ends_where_the_text_drifts_from_one_subject_to_another);
async fn a_chunk_ends_where_the_text_drifts_from_one_subject_to_another(app: TestApp) {
    const TRAMS: &str = "The tram crosses the old bridge at night. The tram driver sells tickets at every stop. \
        The last tram of the day leaves the station late. At night the tram line has fewer stops. \
        The driver of the tram waits at the last station. Tickets for the tram are cheaper at night. ";
    const OTTERS: &str = "Otters are mammals that eat fish and crabs. Young otters learn to swim from their mother. \
        The fur of otters is thicker than that of other mammals. Sea otters open crabs and shells with stones. \
        Otters sleep on their backs in the water. Fish is what most otters eat all year.";
    let ada = app.user("ada").await;
    let semantic = json!({ "semantic": { "maxTokens": 200, "overlapTokens": 20 } });
    let id = ada.create_collection_with(json!({ "name": "Letters", "chunking": semantic })).await;
    let text = format!("{TRAMS}{OTTERS}");
    let input = json!({ "content": { "text": text }, "chunking": semantic, "other": { "maxTokens": 200 } });
    let found = preview(&ada, input).await;
    let contents = |chunks: &Value| -> Vec<String> {
        chunks.as_array().unwrap().iter().map(|chunk| chunk["content"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(contents(&found["chunkings"][0]["chunks"]), [TRAMS.trim_end(), OTTERS]);
    assert_eq!(contents(&found["chunkings"][1]["chunks"]), [text.as_str()]);

    ada.ingest_all(&id, texts(&[("a.txt", &text)])).await;
    let query = "query($id: ID!) { collection(id: $id) {
        chunking { strategy driftPercentile } documents { nodes { chunks { nodes { content } } } }
    } }";
    let collection = ada.data(query, json!({ "id": id })).await["collection"].take();
    assert_eq!(collection["chunking"], json!({ "strategy": "SEMANTIC", "driftPercentile": 90 }));
    assert_eq!(contents(&collection["documents"]["nodes"][0]["chunks"]["nodes"]), [TRAMS.trim_end(), OTTERS]);
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
        json!({ "content": text, "chunking": { "semantic": { "driftPercentile": 100 } } }),
        json!({ "content": text, "chunking": { "semantic": { "driftPercentile": 49 } } }),
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
