//! Looks behind the application's back: at rows, at points, and at what each leg of a search finds.

use docent::{
    db::repo::{collections, generations, jobs},
    domain::{collection::Collection, generation::Generation, id::CollectionId, scope::Scope},
};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::json;

use crate::support::{
    app::{PATIENCE, TestApp},
    caller::Caller,
};

/// The row behind a global id.
pub fn row(global_id: &str) -> uuid::Uuid {
    use base64::Engine;
    let decoded = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(global_id).unwrap();
    String::from_utf8(decoded).unwrap().rsplit(':').next().unwrap().parse().unwrap()
}

/// Waits until the queue is empty.
pub async fn idle(app: &TestApp) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while jobs::count_open(&app.app.services().database.reader(Scope::System)).await.unwrap() > 0 {
        assert!(std::time::Instant::now() < deadline, "the queue does not empty");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

/// The names of what each leg finds, alone and together.
pub async fn found(caller: &Caller, query: &str) -> [Vec<String>; 3] {
    let mut found = Vec::new();
    for mode in ["LEXICAL", "SEMANTIC", "HYBRID"] {
        let result = caller.search(json!({ "query": query, "mode": mode, "first": 50 })).await;
        let contents = result["nodes"].as_array().unwrap().iter().map(|hit| hit["chunk"]["content"].as_str().unwrap());
        found.push(contents.map(str::to_owned).collect());
    }
    found.try_into().unwrap()
}

/// The row of a collection.
pub async fn stored(app: &TestApp, collection: &str) -> Collection {
    let reader = app.app.services().database.reader(Scope::System);
    collections::find(&reader, CollectionId(row(collection))).await.unwrap().unwrap()
}

/// The active generation of a collection.
pub async fn active(app: &TestApp, collection: &str) -> Generation {
    let reader = app.app.services().database.reader(Scope::System);
    generations::find(&reader, stored(app, collection).await.generation).await.unwrap().unwrap()
}

/// How many points the collection has.
pub async fn points(app: &TestApp, collection: &str) -> usize {
    let generation = active(app, collection).await;
    app.app.services().vectors.count(&generation.placement, generation.id).await.unwrap()
}

/// Changes the database behind the application's back.
pub async fn execute(app: &TestApp, statement: &str) {
    let connection = sea_orm::Database::connect(app.database_url()).await.unwrap();
    connection.execute_unprepared(statement).await.unwrap();
    connection.close().await.unwrap();
}

/// The number that a statement gives.
pub async fn count(app: &TestApp, statement: &str) -> i64 {
    let connection = sea_orm::Database::connect(app.database_url()).await.unwrap();
    let statement = Statement::from_string(connection.get_database_backend(), statement);
    let row = connection.query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index::<i64>(0).unwrap()
}
