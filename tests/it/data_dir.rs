//! The data directory may have any name.

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::json;

use crate::support::app::{TestApp, texts};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_kept_in_the_directory_that_is_named_whatever_its_name() {
    for name in ["a%20b", "q?x", "h#y", "ü ö", "file:x", "a&b=c;d"] {
        let app = TestApp::in_directory(name).await;
        let ada = app.user("ada").await;
        let collection = ada.create_collection("Letters").await;
        let ended = ada.ingest_all(&collection, texts(&[("a.txt", "The ferry waits.")])).await;
        assert_eq!(ended["status"], "COMPLETED", "{name}: {ended:#}");

        let app = app.restart().await;
        let ada = app.anonymous().log_in("ada").await;
        for mode in ["LEXICAL", "SEMANTIC"] {
            let found = ada.search(json!({ "query": "ferry", "mode": mode })).await;
            assert_eq!(found["nodes"].as_array().unwrap().len(), 1, "{name}: {found:#}");
        }
        let parent = std::fs::read_dir(app.data_dir().parent().unwrap()).unwrap();
        let beside: Vec<_> = parent.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(beside, [name], "something is kept elsewhere");
        for kept in ["docent.db", "docent.lock", "originals", "vectors"] {
            assert!(app.data_dir().join(kept).exists(), "{name}: {kept}");
        }
    }
}

/// How SQLite goes about the statements that read `table` when a chunk is asked for that has the word "ferry".
async fn plans_of_a_chunk(app: &TestApp, table: &str) -> Vec<String> {
    let ada = app.anonymous().log_in("ada").await;
    let hit = ada.search(json!({ "query": "ferry" })).await["nodes"][0].clone();
    let query = "query($id: ID!) { node(id: $id) { ... on Chunk { content } } }";
    let seen = app.seeing(async { ada.data(query, json!({ "id": hit["chunk"]["id"] })).await }).await;
    let database = sea_orm::Database::connect(app.database_url()).await.unwrap();
    let mut plans = Vec::new();
    for statement in seen.iter().filter(|statement| statement.contains(&format!("FROM \"{table}\" WHERE"))) {
        let explain = Statement::from_string(DbBackend::Sqlite, format!("EXPLAIN QUERY PLAN {statement}"));
        let steps = database.query_all_raw(explain).await.unwrap();
        plans.extend(steps.iter().map(|step| step.try_get::<String>("", "detail").unwrap()));
    }
    plans
}

/// Whether the table is read whole, however large it is.
fn is_scanned(plans: &[String], table: &str) -> bool {
    assert!(!plans.is_empty(), "no statement reads {table}");
    plans.iter().any(|step| step.starts_with(&format!("SCAN {table}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statistics_of_a_small_database_do_not_make_a_large_one_slow() {
    let mut app = TestApp::on_sqlite().await;
    let ada = app.user("ada").await;
    let collection = ada.create_collection("Letters").await;
    ada.ingest_all(&collection, texts(&[("a.txt", "The ferry waits.")])).await;
    let database = sea_orm::Database::connect(app.database_url()).await.unwrap();
    database.execute_unprepared("ANALYZE").await.unwrap();
    database.close().await.unwrap();
    ada.ingest_all(&collection, texts(&[("b.txt", "The ferry has gone."), ("c.txt", "A ferry is a boat.")])).await;
    app.stop_worker().await;
    let plans = plans_of_a_chunk(&app, "chunks").await;
    assert!(is_scanned(&plans, "collections"), "statistics do not mislead, so this test proves nothing: {plans:#?}");

    let mut app = app.restart().await;
    app.stop_worker().await;
    let plans = plans_of_a_chunk(&app, "chunks").await;
    assert!(!is_scanned(&plans, "collections"), "{plans:#?}");
}
