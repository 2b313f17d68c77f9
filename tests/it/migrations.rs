//! The migrations, on both databases: forward, back, forward again.

use std::path::Path;

use docent::{
    config::DatabaseConfig,
    db::Database,
    domain::id::{CollectionId, DocumentId},
};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::support::{app::TestApp, postgres};

async fn check_way_and_back(database: &Database) {
    database.migrate_up().await.unwrap();
    let applied = database.migrations().await.unwrap();
    assert!(applied.iter().all(|migration| migration.is_applied), "{applied:?}");
    for left in (0..applied.len()).rev() {
        database.migrate_down(Some(1)).await.unwrap();
        let state = database.migrations().await.unwrap();
        assert_eq!(state.iter().filter(|migration| migration.is_applied).count(), left);
    }
    database.migrate_up().await.unwrap();
    assert!(database.migrations().await.unwrap().iter().all(|migration| migration.is_applied));
    // Once more changes nothing.
    database.migrate_up().await.unwrap();
}

#[tokio::test]
async fn sqlite_goes_forward_and_back_and_forward_again() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(&DatabaseConfig::default(), directory.path(), None).await.unwrap();
    check_way_and_back(&database).await;
}

#[tokio::test]
async fn postgres_goes_forward_and_back_and_forward_again() {
    let config = DatabaseConfig { url: Some(postgres::empty_database().await), ..DatabaseConfig::default() };
    let database = Database::open(&config, Path::new("."), None).await.unwrap();
    check_way_and_back(&database).await;
}

#[tokio::test]
async fn two_first_starts_at_once_migrate_one_after_the_other() {
    for _ in 0..3 {
        let config = DatabaseConfig { url: Some(postgres::empty_database().await), ..DatabaseConfig::default() };
        let starts = (0..4).map(|_| async {
            let database = Database::open(&config, Path::new("."), None).await.unwrap();
            database.migrate_up().await.unwrap();
            assert!(database.migrations().await.unwrap().iter().all(|migration| migration.is_applied));
        });
        futures_util::future::join_all(starts).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_with_other_originals_is_refused_and_one_with_the_same_is_not() {
    let app = TestApp::on_postgres().await;
    let other = tempfile::tempdir().unwrap();
    let refused = app.start_beside(other.path()).await.unwrap_err();
    assert!(refused.starts_with("this database belongs to another data directory"), "{refused}");
    let moved = tempfile::tempdir().unwrap();
    std::fs::copy(app.data_dir().join("store.id"), moved.path().join("store.id")).unwrap();
    app.start_beside(moved.path()).await.unwrap();
    // After a restart the server is still its own.
    app.restart().await;
}

#[tokio::test]
async fn a_statement_about_one_collection_reads_one_partition_of_a_hundred() {
    let url = postgres::fresh_database().await;
    let connection = sea_orm::Database::connect(&url).await.unwrap();
    let (collection, document) = (CollectionId::generate(), DocumentId::generate());
    // The shapes of every statement that `db::repo::chunks` makes about one collection.
    let conditions = [
        format!("collection_id IN ('{collection}') AND (collection_id = '{collection}' AND id = '{document}')"),
        format!("collection_id IN ('{collection}') AND document_id IN ('{document}') AND chunk_index BETWEEN 0 AND 20"),
        format!("collection_id = '{collection}' AND document_id IN ('{document}')"),
    ];
    for condition in conditions {
        for statement in
            [format!("SELECT * FROM chunks WHERE {condition}"), format!("DELETE FROM chunks WHERE {condition}")]
        {
            let explain = Statement::from_string(DbBackend::Postgres, format!("EXPLAIN (COSTS OFF) {statement}"));
            let plan: String = connection
                .query_all_raw(explain)
                .await
                .unwrap()
                .iter()
                .map(|row| row.try_get_by_index::<String>(0).unwrap() + "\n")
                .collect();
            let scans = plan.lines().filter(|line| line.contains("Scan") && line.contains(" on chunks_")).count();
            let bitmap_indexes = plan.lines().filter(|line| line.contains("Bitmap Index Scan")).count();
            assert_eq!(scans - bitmap_indexes, 1, "{statement}\n{plan}");
        }
    }
}

#[tokio::test]
async fn sqlite_finds_chunks_by_their_ids_without_reading_a_collection() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(&DatabaseConfig::default(), directory.path(), None).await.unwrap();
    database.migrate_up().await.unwrap();
    let url = format!("sqlite://{}", directory.path().join("docent.db").display());
    let connection = sea_orm::Database::connect(&url).await.unwrap();
    // The shape of `db::repo::chunks::find_many`, with the scope of a caller. Values are bound: where SQLite sees the same
    // collection twice, it takes that out of the pairs.
    let pairs = ["(collection_id = ?1 AND id = ?2)", "(collection_id = ?3 AND id = ?4)"];
    let readable = "EXISTS (SELECT 1 FROM collections WHERE collections.id = chunks.collection_id AND (is_public OR EXISTS
        (SELECT 1 FROM collection_members WHERE collection_id = collections.id AND user_id = ?5 AND role IN (?6, ?7))))";
    let explain = format!("EXPLAIN QUERY PLAN SELECT * FROM chunks WHERE {readable} AND ({})", pairs.join(" OR "));
    let plan: String = connection
        .query_all_raw(Statement::from_string(DbBackend::Sqlite, explain))
        .await
        .unwrap()
        .iter()
        .map(|row| row.try_get::<String>("", "detail").unwrap() + "\n")
        .collect();
    assert_eq!(plan.matches("chunks_collection_id_id_key (collection_id=? AND id=?)").count(), pairs.len(), "{plan}");
    assert!(!plan.contains("SCAN chunks") && !plan.contains("USING PRIMARY KEY (collection_id=?)"), "{plan}");
}
