//! One graph: each level of a nested query is one statement, however many rows it has.

use serde_json::{Value, json};

use crate::{
    on_both_databases,
    support::app::{TestApp, texts},
};

const NESTED: &str = "query($id: ID!, $first: Int) {
    collection(id: $id) {
        documents(first: $first) { nodes {
            uri
            collection { name owner { username } }
            chunks(first: 3) { nodes { index document { uri } previous { index } next { index } } }
        } }
    }
}";

const FROM_HITS: &str = "query($first: Int) {
    search(input: { query: \"letter\", mode: LEXICAL }, first: $first) { nodes {
        chunk { index next { index } }
        document { uri collection { name operations(first: 2) { nodes { type events(first: 3) { nodes { kind } } } } } }
    } }
}";

fn words(statement: &str) -> bool {
    // Transactions are no reads, and every request asks who is asking.
    let is_data = !["BEGIN", "COMMIT", "SAVEPOINT"].iter().any(|word| statement.starts_with(word));
    is_data && !statement.contains("FROM \"sessions\"")
}

on_both_databases!(a_nested_query_makes_one_statement_for_each_level_whatever_the_number_of_rows);
async fn a_nested_query_makes_one_statement_for_each_level_whatever_the_number_of_rows(mut app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada
        .create_collection_with(json!({ "name": "Letters", "chunking": { "maxTokens": 16, "overlapTokens": 0 } }))
        .await;
    let text = "A letter begins. It goes on for a while and says little. Then it ends with a greeting to all at home.";
    let documents: Vec<(String, &str)> = (0..20).map(|n| (format!("{n:02}.txt"), text)).collect();
    let documents: Vec<(&str, &str)> = documents.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    ada.ingest_all(&id, texts(&documents)).await;
    app.stop_worker().await;

    let ask = async |query: &str, variables: Value| {
        let (data, statements) = app.counting(ada.data(query, variables)).await;
        let statements: Vec<_> = statements.into_iter().filter(|statement| words(statement)).collect();
        (data, statements)
    };
    let (one, few) = ask(NESTED, json!({ "id": id, "first": 1 })).await;
    let (all, many) = ask(NESTED, json!({ "id": id, "first": 20 })).await;
    assert_eq!(one["collection"]["documents"]["nodes"].as_array().unwrap().len(), 1);
    let nodes = all["collection"]["documents"]["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 20);
    assert!(nodes.iter().all(|node| node["chunks"]["nodes"][0]["next"]["index"] == 1), "{all:#}");
    assert_eq!(few.len(), many.len(), "{few:#?}\n{many:#?}");
    // Collection, documents, their collection, its owner, chunks, their document, previous and next.
    assert!(many.len() <= 7, "{} statements: {many:#?}", many.len());

    // The first search also finds what there is to search.
    ada.data(FROM_HITS, json!({ "first": 1 })).await;
    let (_, few) = ask(FROM_HITS, json!({ "first": 2 })).await;
    let (hits, many) = ask(FROM_HITS, json!({ "first": 20 })).await;
    assert_eq!(hits["search"]["nodes"].as_array().unwrap().len(), 20);
    assert_eq!(few.len(), many.len(), "{few:#?}\n{many:#?}");
}

on_both_databases!(a_read_makes_one_statement_for_each_level_and_a_search_three);
async fn a_read_makes_one_statement_for_each_level_and_a_search_three(mut app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    ada.ingest_all(&id, texts(&[("a.txt", "A letter."), ("b.txt", "Another letter.")])).await;
    app.stop_worker().await;
    let variables = json!({ "id": id });
    for (query, most) in [
        ("{ __typename }", 0),
        ("query($id: ID!) { collection(id: $id) { documents(first: 20) { nodes { fileName uri fileSize } } } }", 2),
        (
            "{ collections(first: 2) { nodes { documents(first: 5) { nodes { chunks(first: 3) { nodes { content } } } } } } }",
            3,
        ),
        (
            "{ search(input: { query: \"letter\", mode: LEXICAL }) { nodes { rank chunk { content } document { uri } } } }",
            3,
        ),
    ] {
        let (_, statements) = app.counting(ada.data(query, variables.clone())).await;
        let statements: Vec<_> = statements.into_iter().filter(|statement| words(statement)).collect();
        assert!(statements.len() <= most, "{query}: {statements:#?}");
    }
}
