//! What the server does without being asked.

use docent::domain::clock::Clock;
use futures_util::TryStreamExt;
use sea_orm::{ConnectionTrait, Statement};

use crate::{
    on_both_databases,
    support::app::{TestApp, texts},
};

async fn originals(app: &TestApp) -> usize {
    let services = app.app.services();
    let later = app.clock.now() + chrono::TimeDelta::hours(1);
    services.blobs.originals(later).try_collect::<Vec<_>>().await.unwrap().len()
}

on_both_databases!(originals_of_removed_documents_go_and_those_of_others_stay);
async fn originals_of_removed_documents_go_and_those_of_others_stay(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    let operation = ada.ingest_all(&id, texts(&[("a.txt", "One."), ("b.txt", "Two.")])).await;
    let first = operation["documents"]["nodes"][0]["document"]["id"].clone();
    let delete = "mutation($id: ID!) { documentsDelete(input: { ids: [$id] }) { operation { id } } }";
    let payload = ada.data(delete, serde_json::json!({ "id": first })).await;
    ada.ended(payload["documentsDelete"]["operation"]["id"].as_str().unwrap()).await;
    assert_eq!(originals(&app).await, 2);
    // A day later the server starts again, and looks around.
    app.clock.advance(24 * 3600);
    let app = app.restart().await;
    let ada = app.anonymous().log_in("ada").await;
    let deadline = std::time::Instant::now() + crate::support::app::PATIENCE;
    while originals(&app).await != 1 {
        assert!(std::time::Instant::now() < deadline, "the unused original stays");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let found = ada.search(serde_json::json!({ "query": "two", "mode": "LEXICAL" })).await;
    assert_eq!(found["nodes"].as_array().unwrap().len(), 1);
}

on_both_databases!(sessions_that_ended_long_ago_go_with_their_tokens);
async fn sessions_that_ended_long_ago_go_with_their_tokens(app: TestApp) {
    app.user("ada").await;
    let left = async |app: &TestApp| {
        let connection = sea_orm::Database::connect(app.database_url()).await.unwrap();
        let count = "SELECT COUNT(*) FROM refresh_tokens";
        let statement = Statement::from_string(connection.get_database_backend(), count);
        let row = connection.query_one_raw(statement).await.unwrap().unwrap();
        row.try_get_by_index::<i64>(0).unwrap()
    };
    assert_eq!(left(&app).await, 1);
    app.clock.advance(61 * 24 * 3600);
    let app = app.restart().await;
    let deadline = std::time::Instant::now() + crate::support::app::PATIENCE;
    while left(&app).await > 0 {
        assert!(std::time::Instant::now() < deadline, "the old session stays");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
