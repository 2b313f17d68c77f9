//! Search, with the real model and the real engine.

use std::collections::HashSet;

use docent::config::Config;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};

use crate::{
    on_both_databases,
    support::{
        app::{TestApp, texts},
        caller::Caller,
    },
};

const CORPUS: &[(&str, &str)] = &[
    ("tram.txt", "Trams are rail vehicles that run on tracks along city streets."),
    ("bread.txt", "Sourdough bread needs flour, water, salt and a lively starter."),
    ("stars.txt", "Astronomers measure the distance of stars by their parallax."),
    ("cats.txt", "A cat purrs when it is content, and sometimes when it is in pain."),
];

fn files(result: &Value) -> Vec<String> {
    result["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hit| hit["document"]["fileName"].as_str().unwrap().to_owned())
        .collect()
}

on_both_databases!(each_mode_finds_what_it_is_made_for);
async fn each_mode_finds_what_it_is_made_for(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Facts").await;
    ada.ingest_all(&id, texts(CORPUS)).await;

    // No word in common: only meaning finds it.
    let semantic = ada.search(json!({ "query": "streetcar public transport", "mode": "SEMANTIC" })).await;
    assert_eq!(files(&semantic)[0], "tram.txt");
    let lexical = ada.search(json!({ "query": "parallax", "mode": "LEXICAL" })).await;
    assert_eq!(files(&lexical), ["stars.txt"]);
    let hybrid = ada.search(json!({ "query": "how do I bake bread" })).await;
    assert_eq!(files(&hybrid)[0], "bread.txt");
    let states: Vec<_> =
        semantic["legs"].as_array().unwrap().iter().map(|leg| (leg["kind"].clone(), leg["state"].clone())).collect();
    assert_eq!(states, [(json!("SEMANTIC"), json!("COMPLETED")), (json!("LEXICAL"), json!("SKIPPED"))]);
}

on_both_databases!(hits_say_where_the_words_are_and_how_the_ranking_came_about);
async fn hits_say_where_the_words_are_and_how_the_ranking_came_about(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Facts").await;
    ada.ingest_all(&id, texts(CORPUS)).await;
    let result = ada.search(json!({ "query": "measuring the stars" })).await;
    let hit = &result["nodes"][0];
    assert_eq!((&hit["rank"], &hit["document"]["fileName"]), (&json!(1), &json!("stars.txt")));
    let highlight = &hit["highlights"][0];
    let text: Vec<char> = highlight["text"].as_str().unwrap().chars().collect();
    let marked: Vec<String> = highlight["ranges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|range| {
            let place = |field: &str| usize::try_from(range[field].as_u64().unwrap()).unwrap();
            text[place("start")..place("end")].iter().collect()
        })
        .collect();
    assert_eq!(marked, ["measure", "stars"]);
    let legs = hit["explanation"]["legs"].as_array().unwrap();
    assert_eq!(legs.iter().map(|leg| &leg["leg"]).collect::<Vec<_>>(), ["SEMANTIC", "LEXICAL"]);
    assert!(legs.iter().all(|leg| leg["rank"] == 1 && leg["score"].as_f64().unwrap() > 0.0));
    // Scores have 32 bits: more digits would be none.
    for score in legs.iter().map(|leg| &leg["score"]).chain([&hit["score"]]) {
        let text = score.as_f64().unwrap().to_string();
        assert_eq!(text.parse::<f32>().unwrap().to_string(), text);
    }
    assert!(
        result["legs"]
            .as_array()
            .unwrap()
            .iter()
            .all(|leg| leg["state"] == "COMPLETED" && leg["candidates"].as_i64().unwrap() >= 1)
    );
}

on_both_databases!(a_stranger_finds_nothing_of_a_private_collection_and_all_of_a_public_one);
async fn a_stranger_finds_nothing_of_a_private_collection_and_all_of_a_public_one(app: TestApp) {
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let private = ada.create_collection("Private").await;
    let public = ada.create_collection_with(json!({ "name": "Public", "isPublic": true })).await;
    ada.ingest_all(&private, texts(&[("secret.txt", "The tram key lies under the mat.")])).await;
    ada.ingest_all(&public, texts(CORPUS)).await;
    for stranger in [&eve, &app.anonymous()] {
        let everywhere = stranger.search(json!({ "query": "tram", "first": 100 })).await;
        assert!(!files(&everywhere).contains(&"secret.txt".to_owned()));
        assert!(files(&everywhere).contains(&"tram.txt".to_owned()));
        let named = "query($ids: [ID!]) { search(input: { query: \"tram\", collectionIds: $ids }) { nodes { rank } } }";
        assert_eq!(stranger.error_code(named, json!({ "ids": [private] })).await, "NOT_FOUND");
        assert_eq!(stranger.error_code(named, json!({ "ids": [public, private] })).await, "NOT_FOUND");
    }
    assert!(files(&ada.search(json!({ "query": "tram", "first": 100 })).await).contains(&"secret.txt".to_owned()));
}

on_both_databases!(words_of_strangers_do_not_weigh_on_the_ranking);
async fn words_of_strangers_do_not_weigh_on_the_ranking(app: TestApp) {
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let mine = ada.create_collection("Facts").await;
    ada.ingest_all(&mine, texts(CORPUS)).await;
    let before = ada.search(json!({ "query": "tram tracks", "mode": "LEXICAL" })).await["nodes"].clone();
    let theirs = eve.create_collection("Trams").await;
    let many: Vec<(String, String)> =
        (0..30).map(|n| (format!("{n}.txt"), format!("tram tracks number {n}"))).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    eve.ingest_all(&theirs, texts(&many)).await;
    assert_eq!(ada.search(json!({ "query": "tram tracks", "mode": "LEXICAL" })).await["nodes"], before);
}

on_both_databases!(grouped_hits_name_each_document_once_and_pages_fit_together);
async fn grouped_hits_name_each_document_once_and_pages_fit_together(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada
        .create_collection_with(json!({ "name": "Facts", "chunking": { "maxTokens": 16, "overlapTokens": 0 } }))
        .await;
    let long = |about: &str| format!("A sentence about {about} and more of it. ").repeat(12);
    let (trams, ferries) = (long("trams"), long("ferries"));
    ada.ingest_all(&id, texts(&[("trams.txt", &trams), ("ferries.txt", &ferries)])).await;
    let grouped = ada.search(json!({ "query": "trams", "groupBy": "DOCUMENT", "first": 10 })).await;
    let mut names = files(&grouped);
    assert_eq!(names[0], "trams.txt");
    names.sort();
    assert_eq!(names, ["ferries.txt", "trams.txt"]);

    let all = ada.search(json!({ "query": "trams", "first": 9 })).await;
    let (mut paged, mut after) = (Vec::new(), Value::Null);
    for _ in 0..3 {
        let page = ada.search(json!({ "query": "trams", "first": 3, "after": after })).await;
        paged.extend(page["nodes"].as_array().unwrap().clone());
        after = page["pageInfo"]["endCursor"].clone();
    }
    let ids =
        |hits: &[Value]| hits.iter().map(|hit| (hit["rank"].clone(), hit["chunk"]["id"].clone())).collect::<Vec<_>>();
    assert_eq!(ids(&paged), ids(all["nodes"].as_array().unwrap()));
}

on_both_databases!(several_collections_are_one_ranking);
async fn several_collections_are_one_ranking(app: TestApp) {
    let ada = app.user("ada").await;
    let (one, two) = (ada.create_collection("One").await, ada.create_collection("Two").await);
    let other = ada.create_collection("Other").await;
    ada.ingest_all(&one, texts(&CORPUS[..2])).await;
    ada.ingest_all(&two, texts(&CORPUS[2..])).await;
    ada.ingest_all(&other, texts(&[("ferry.txt", "A ferry is a tram on water.")])).await;
    let result = ada.search(json!({ "query": "tram or stars", "collectionIds": [one, two] })).await;
    let names = files(&result);
    assert!(names[..2].contains(&"tram.txt".to_owned()) && names[..2].contains(&"stars.txt".to_owned()));
    assert!(!names.contains(&"ferry.txt".to_owned()));
}

on_both_databases!(an_empty_server_answers_with_no_hits);
async fn an_empty_server_answers_with_no_hits(app: TestApp) {
    let result = app.anonymous().search(json!({ "query": "anything" })).await;
    assert_eq!(result["nodes"], json!([]));
    assert_eq!(result["pageInfo"]["hasNextPage"], false);
}

/// A little random corpus, the same for the same seed: words repeat, so that scores tie.
fn corpus(dice: &mut StdRng, documents: usize) -> Vec<(String, String)> {
    const WORDS: [&str; 8] = ["pump", "bridge", "river", "budget", "engine", "school", "harbour", "letter"];
    let text = |dice: &mut StdRng| {
        let length = dice.random_range(1..40);
        (0..length).map(|_| *WORDS.choose(dice).unwrap()).collect::<Vec<_>>().join(" ")
    };
    (0..documents).map(|number| (format!("{number}.txt"), text(dice))).collect()
}

/// All hits of a question, page by page: rank, chunk and score.
async fn walk(caller: &Caller, question: &Value, first: u32) -> Vec<(u64, String, String)> {
    let (mut hits, mut after) = (Vec::new(), Value::Null);
    loop {
        let mut input = question.clone();
        input["first"] = json!(first);
        input["after"] = after;
        let page = caller.search(input).await;
        let found = page["nodes"].as_array().unwrap();
        hits.extend(found.iter().map(|hit| {
            let id = hit["chunk"]["id"].as_str().unwrap().to_owned();
            (hit["rank"].as_u64().unwrap(), id, hit["score"].to_string())
        }));
        if page["pageInfo"]["hasNextPage"] == false {
            return hits;
        }
        assert_eq!(found.len(), first as usize, "a page that is followed by another is full");
        after = page["pageInfo"]["endCursor"].clone();
    }
}

on_both_databases!(every_page_size_gives_the_same_ranking_each_hit_once_and_an_honest_end);
async fn every_page_size_gives_the_same_ranking_each_hit_once_and_an_honest_end(app: TestApp) {
    let ada = app.user("ada").await;
    let seed = rand::random::<u64>();
    let mut dice = StdRng::seed_from_u64(seed);
    let id = ada
        .create_collection_with(json!({ "name": "Words", "chunking": { "maxTokens": 16, "overlapTokens": 0 } }))
        .await;
    let other = ada.create_collection("Other").await;
    for (collection, documents) in [(&id, 90), (&id, 60), (&other, 40)] {
        let documents = corpus(&mut dice, documents);
        let documents: Vec<_> = documents.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        for part in documents.chunks(100) {
            ada.ingest_all(collection, texts(part)).await;
        }
    }
    for mode in ["HYBRID", "LEXICAL", "SEMANTIC"] {
        for group in ["CHUNK", "DOCUMENT"] {
            let question = json!({ "query": "pump bridge", "mode": mode, "groupBy": group });
            let whole = walk(&ada, &question, 100).await;
            let ranks: Vec<_> = whole.iter().map(|hit| hit.0).collect();
            assert_eq!(ranks, (1..=whole.len() as u64).collect::<Vec<_>>(), "{mode} {group} {seed}");
            let different: HashSet<_> = whole.iter().map(|hit| &hit.1).collect();
            assert_eq!(different.len(), whole.len(), "{mode} {group} {seed}: no hit comes twice");
            if mode == "SEMANTIC" && group == "DOCUMENT" {
                assert_eq!(whole.len(), 90 + 40, "every document has its place");
            }
            for first in [dice.random_range(1..20), dice.random_range(20..100)] {
                assert_eq!(walk(&ada, &question, first).await, whole, "{mode} {group} by {first}, seed {seed}");
            }
        }
    }
}

on_both_databases!(a_search_is_a_connection);
async fn a_search_is_a_connection(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Words").await;
    let documents: Vec<_> = (0..5).map(|number| (format!("{number}.txt"), format!("tram number {number}"))).collect();
    let documents: Vec<_> = documents.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    ada.ingest_all(&id, texts(&documents)).await;
    let page = "query($first: Int, $after: Cursor) {
        search(input: { query: \"tram\" }, first: $first, after: $after) {
            edges { cursor node { rank explanation { legs { rank } } } } nodes { rank }
            pageInfo { startCursor endCursor hasNextPage hasPreviousPage }
        }
    }";
    let ranks = |page: &Value, list: &str| -> Vec<u64> {
        page[list].as_array().unwrap().iter().map(|hit| hit["rank"].as_u64().unwrap()).collect()
    };
    let whole = ada.data(page, json!({})).await["search"].clone();
    assert_eq!(ranks(&whole, "nodes"), [1, 2, 3, 4, 5]);
    let edges = whole["edges"].as_array().unwrap();
    assert_eq!(
        (&edges[0]["cursor"], &edges[4]["cursor"]),
        (&whole["pageInfo"]["startCursor"], &whole["pageInfo"]["endCursor"])
    );
    let legs = edges[0]["node"]["explanation"]["legs"].as_array().unwrap();
    assert_eq!(legs.len(), 2, "an explanation below an edge is an explanation");
    let next = ada.data(page, json!({ "first": 2, "after": edges[1]["cursor"] })).await["search"].clone();
    assert_eq!(ranks(&next, "nodes"), [3, 4]);
    assert_eq!(next["edges"][1]["node"]["rank"], 4);
    assert_eq!((&next["pageInfo"]["hasNextPage"], &next["pageInfo"]["hasPreviousPage"]), (&json!(true), &json!(true)));
}

on_both_databases!(a_cursor_of_another_question_is_refused);
async fn a_cursor_of_another_question_is_refused(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Facts").await;
    ada.ingest_all(&id, texts(CORPUS)).await;
    let page = ada.search(json!({ "query": "tram", "first": 1 })).await;
    let after = page["pageInfo"]["endCursor"].clone();
    let same = json!({ "query": "tram", "first": 2, "after": after });
    assert_eq!(ada.search(same).await["nodes"][0]["rank"], 2);
    let query = "query($input: SearchInput!, $after: Cursor) { search(input: $input, after: $after) { tookMs } }";
    for other in [
        json!({ "query": "trams" }),
        json!({ "query": "tram", "mode": "LEXICAL" }),
        json!({ "query": "tram", "groupBy": "DOCUMENT" }),
        json!({ "query": "tram", "collectionIds": [id] }),
        json!({ "query": "tram", "minScore": 0.001 }),
    ] {
        let variables = json!({ "input": other, "after": after });
        assert_eq!(ada.error_code(query, variables).await, "BAD_USER_INPUT", "{other}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ranking_ends_in_order_at_the_deepest_rank() {
    let mut config = Config::default();
    config.search.max_rank = 25;
    let app = TestApp::start(config).await;
    let ada = app.user("ada").await;
    let id = ada.create_collection("Words").await;
    let documents: Vec<_> = (0..40).map(|number| (format!("{number}.txt"), format!("pump {number}"))).collect();
    let documents: Vec<_> = documents.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    ada.ingest_all(&id, texts(&documents)).await;
    for first in [7, 25, 100] {
        let question = json!({ "query": "pump", "mode": "SEMANTIC", "first": first });
        let mut page = ada.search(question.clone()).await;
        let mut hits = page["nodes"].as_array().unwrap().len();
        while page["pageInfo"]["hasNextPage"] == true {
            let mut next = question.clone();
            next["after"] = page["pageInfo"]["endCursor"].clone();
            page = ada.search(next).await;
            hits += page["nodes"].as_array().unwrap().len();
        }
        assert_eq!(hits, 25, "by {first}");
    }
}
