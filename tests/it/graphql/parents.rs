//! Small chunks in larger parts: the chunks are found, and the parts are what is read.

use serde_json::{Value, json};

use crate::{
    on_both_databases,
    support::{
        app::{TestApp, texts},
        caller::Caller,
    },
};

const SEARCH: &str = "query($id: ID!, $query: String!, $group: SearchGroup) {
    search(input: { collectionIds: [$id], query: $query, groupBy: $group, mode: LEXICAL }) {
        nodes { chunk { content startOffset endOffset parent { content startOffset endOffset } document { text { content } } } }
    }
}";
const REINDEX: &str = "mutation($id: ID!, $chunking: ChunkingInput!) {
    collectionReindex(input: { collectionId: $id, chunking: $chunking }) { operation { id } userErrors { code path } }
}";

/// Three chapters, each of which is a parent of several chunks.
fn chapters() -> String {
    let chapter = |title: &str, sentence: &str| format!("# {title}\n\n{}\n\n", sentence.repeat(8));
    [
        chapter("Night", "The tram crosses the old bridge. "),
        chapter("Day", "Grüße: the ferry waits. "),
        chapter("Morning", "A bus climbs the steep hill. "),
    ]
    .concat()
}

async fn hits(caller: &Caller, id: &str, query: &str, group: &str) -> Vec<Value> {
    let mut data = caller.data(SEARCH, json!({ "id": id, "query": query, "group": group })).await;
    let Value::Array(hits) = data["search"]["nodes"].take() else { panic!("{data:#}") };
    hits.into_iter().map(|mut hit| hit["chunk"].take()).collect()
}

on_both_databases!(the_best_chunk_of_each_parent_is_found_and_leads_to_the_whole_of_it);
async fn the_best_chunk_of_each_parent_is_found_and_leads_to_the_whole_of_it(app: TestApp) {
    let ada = app.user("ada").await;
    let sizes = json!({ "maxTokens": 16, "overlapTokens": 0, "parentMaxTokens": 96 });
    let id = ada.create_collection_with(json!({ "name": "Lines", "chunking": { "hierarchical": sizes } })).await;
    ada.ingest_all(&id, texts(&[("lines.md", &chapters())])).await;
    let query =
        "query($id: ID!) { collection(id: $id) { chunking { strategy maxTokens parentMaxTokens } chunkCount } }";
    let collection = ada.data(query, json!({ "id": id })).await["collection"].take();
    assert_eq!(collection["chunking"], json!({ "strategy": "HIERARCHICAL", "maxTokens": 16, "parentMaxTokens": 96 }));
    assert!(collection["chunkCount"].as_i64().unwrap() > 9, "{collection:#}");

    for (query, first, last) in
        [("tram", "# Night", "bridge."), ("ferry", "# Day", "waits."), ("bus", "# Morning", "hill.")]
    {
        for group in ["CHUNK", "DOCUMENT"] {
            let found = hits(&ada, &id, query, group).await;
            assert_eq!(found.len(), 1, "{query}: {found:#?}");
            let (chunk, parent) = (&found[0], &found[0]["parent"]);
            let content = parent["content"].as_str().unwrap();
            assert!(content.starts_with(first) && content.ends_with(last), "{content}");
            assert!(content.contains(chunk["content"].as_str().unwrap()));
            let place = |field: &str| usize::try_from(parent[field].as_u64().unwrap()).unwrap();
            let text: Vec<char> = chunk["document"]["text"]["content"].as_str().unwrap().chars().collect();
            let part: String = text[place("startOffset")..place("endOffset")].iter().collect();
            assert_eq!(part, content);
        }
    }
    assert_eq!(hits(&ada, &id, "tram ferry bus", "CHUNK").await.len(), 3);

    for (sizes, field) in [
        (json!({ "maxTokens": 32, "parentMaxTokens": 32 }), "parentMaxTokens"),
        (json!({ "parentMaxTokens": 4097 }), "parentMaxTokens"),
        (json!({ "maxTokens": 8 }), "maxTokens"),
    ] {
        let input = json!({ "id": id, "chunking": { "hierarchical": sizes } });
        let refused = ada.data(REINDEX, input).await["collectionReindex"].take();
        let path = json!(["chunking", "hierarchical", field]);
        assert_eq!(refused["userErrors"][0], json!({ "code": "INVALID", "path": path }), "{refused:#}");
    }
    let input = json!({ "id": id, "chunking": { "sentence": { "maxTokens": 16, "overlapTokens": 0 } } });
    let begun = ada.data(REINDEX, input).await["collectionReindex"].take();
    ada.ended(begun["operation"]["id"].as_str().unwrap_or_else(|| panic!("{begun:#}"))).await;
    let found = hits(&ada, &id, "tram", "CHUNK").await;
    assert!(found.len() > 1 && found.iter().all(|chunk| chunk["parent"].is_null()), "{found:#?}");
}

on_both_databases!(a_preview_shows_where_the_parents_are);
async fn a_preview_shows_where_the_parents_are(app: TestApp) {
    let ada = app.user("ada").await;
    let preview = "query($input: ChunkingPreviewInput!) { chunkingPreview(input: $input) { chunkings {
        chunks { startOffset endOffset parentStartOffset parentEndOffset }
    } } }";
    let input = json!({
        "content": { "text": chapters() }, "fileName": "lines.md", "first": 100,
        "chunking": { "hierarchical": { "maxTokens": 16, "overlapTokens": 0, "parentMaxTokens": 96 } }, "other": {},
    });
    let found = ada.data(preview, json!({ "input": input })).await["chunkingPreview"]["chunkings"].take();
    let parents: std::collections::BTreeSet<_> = found[0]["chunks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|chunk| {
            let place = |field: &str| chunk[field].as_u64().unwrap();
            let (start, end) = (place("parentStartOffset"), place("parentEndOffset"));
            assert!(start <= place("startOffset") && place("endOffset") <= end, "{chunk:#}");
            (start, end)
        })
        .collect();
    assert_eq!(parents.len(), 3, "{parents:?}");
    assert_eq!(found[1]["chunks"][0]["parentStartOffset"], Value::Null);
}
