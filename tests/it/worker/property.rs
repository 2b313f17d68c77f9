//! Whatever happens to a few documents, and in whatever order: search finds what the rows say.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};

use super::behind::{found, idle, points};
use crate::{
    on_both_databases,
    support::app::{TestApp, texts},
};

const STEPS: usize = 60;
const NAMES: [&str; 4] = ["a", "b", "c", "d"];

on_both_databases!(after_updates_failures_deletions_and_restarts_search_finds_what_the_rows_say);
async fn after_updates_failures_deletions_and_restarts_search_finds_what_the_rows_say(mut app: TestApp) {
    let mut ada = app.user("ada").await;
    let collection = ada.create_collection("Notes").await;
    let seed = rand::random::<u64>();
    let mut dice = StdRng::seed_from_u64(seed);
    // The last content that can be read, and what was asked for since.
    let mut expected: BTreeMap<&str, String> = BTreeMap::new();
    for step in 0..STEPS {
        let name = *NAMES.choose(&mut dice).unwrap();
        match dice.random_range(0..12) {
            0..7 => {
                let text = format!("note {name} of pangolin{step}x");
                ada.ingest(&collection, texts(&[(&format!("{name}.txt"), &text)])).await;
                expected.insert(name, text);
            }
            7..9 => {
                // It can't be read, so what there was before stays.
                let broken = json!([{
                    "fileName": "broken.pdf", "uri": format!("{name}.txt"), "content": { "text": format!("%PDF-{step}") }
                }]);
                ada.ingest(&collection, broken).await;
            }
            9..11 => {
                let query = "query($id: ID!, $uri: String!) { collection(id: $id) {
                    documents(filter: { uri: $uri }) { nodes { id } }
                } }";
                let variables = json!({ "id": collection, "uri": format!("{name}.txt") });
                let nodes = ada.data(query, variables).await["collection"]["documents"]["nodes"].take();
                let ids: Vec<&Value> = nodes.as_array().unwrap().iter().map(|node| &node["id"]).collect();
                if !ids.is_empty() {
                    let delete = "mutation($ids: [ID!]!) { documentsDelete(input: { ids: $ids }) {
                        operation { id } userErrors { code }
                    } }";
                    ada.data(delete, json!({ "ids": ids })).await;
                }
                expected.remove(name);
            }
            _ => {
                if dice.random() {
                    app.abandon_work();
                }
                app = app.restart().await;
                ada = app.anonymous().log_in("ada").await;
            }
        }
        if dice.random_range(0..6) == 0 {
            idle(&app).await;
        }
    }
    idle(&app).await;
    let [mut lexical, mut semantic, mut hybrid] = found(&ada, "note").await;
    let expected: Vec<_> = expected.into_values().collect();
    for leg in [&mut lexical, &mut semantic, &mut hybrid] {
        leg.sort();
    }
    let mut wanted = expected.clone();
    wanted.sort();
    assert_eq!([&lexical, &semantic, &hybrid], [&wanted; 3], "seed {seed}");
    assert_eq!(points(&app, &collection).await, wanted.len(), "seed {seed}");
}
