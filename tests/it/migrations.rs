//! The migrations, on both databases: forward, back, forward again.

use std::{collections::HashMap, path::Path};

use docent::{
    config::DatabaseConfig,
    db::{
        Database,
        repo::{
            chunks::{self, ChunkKey},
            collections, generations,
        },
    },
    domain::{
        chunking::{ChunkingConfig, ChunkingStrategy},
        generation::{GenerationState, IndexedDocument, Precision},
        id::{ChunkId, CollectionId, DocumentId, GenerationId},
        name::folded,
        scope::Scope,
    },
    embedding::model,
};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

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

/// The first columns of all rows, as text.
async fn rows(connection: &DatabaseConnection, statement: &str) -> Vec<(String, String)> {
    let statement = Statement::from_string(connection.get_database_backend(), statement);
    let rows = connection.query_all_raw(statement).await.unwrap();
    rows.iter().map(|row| (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap())).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(one, other)| ((*one).to_owned(), (*other).to_owned())).collect()
}

/// Names from before there were keys, twins among them: each row gets its key, and the oldest keeps its name.
async fn check_folding(database: &Database, url: &str) {
    database.migrate_up().await.unwrap();
    let migrations = database.migrations().await.unwrap();
    let place = migrations.iter().position(|migration| migration.name.ends_with("_fold_names")).unwrap();
    database.migrate_down(Some(u32::try_from(migrations.len() - place).unwrap())).await.unwrap();

    let connection = sea_orm::Database::connect(url).await.unwrap();
    let is_postgres = connection.get_database_backend() == DbBackend::Postgres;
    let id = |number: u32| {
        if is_postgres { format!("'00000000-0000-0000-0000-{number:012}'") } else { format!("x'{number:032}'") }
    };
    let at = "'2026-01-01 00:00:00+00:00'";
    let user = async |number: u32, name: &str, email: &str| {
        let statement = format!(
            "INSERT INTO users (id, username, email, password_hash, role, is_active, created_at, updated_at)
             VALUES ({}, '{name}', '{email}', '!', 'MEMBER', true, {at}, {at})",
            id(number)
        );
        connection.execute_unprepared(&statement).await.unwrap();
    };
    user(1, "\u{dc}nal", "\u{c9}mile@example.org").await;
    user(2, "U\u{308}nal", "E\u{301}mile@example.org").await;
    user(3, "ADA", "Ada@Example.org").await;
    let collection = async |number: u32, name: &str, status: &str| {
        let statement = format!(
            "INSERT INTO collections (id, owner_id, name, status, is_public, meta, embedding_model, chunking,
                vector_store_name, generation, sync_mode, document_count, chunk_count, total_bytes, created_at, updated_at)
             VALUES ({0}, {1}, '{name}', '{status}', false, '{{}}', 'm', '{{}}', 'v', {0}, 'ONE_TIME', 0, 0, 0, {at}, {at})",
            id(number),
            id(1)
        );
        connection.execute_unprepared(&statement).await.unwrap();
    };
    collection(1, "Letters", "READY").await;
    collection(2, "letters", "READY").await;
    collection(3, "LETTERS", "DELETING").await;
    let document = async |number: u32, name: &str| {
        let statement = format!(
            "INSERT INTO documents (id, collection_id, file_name, uri, content_type, file_size, content_hash, status, meta,
                chunk_count, revision, next_revision, created_at, updated_at)
             VALUES ({}, {}, '{name}', '{name}', 'text/plain', 1, 'h', 'PENDING', '{{}}', 0, 0, 2, {at}, {at})",
            id(number),
            id(1)
        );
        connection.execute_unprepared(&statement).await.unwrap();
    };
    document(1, "Cafe\u{301}.txt").await;
    document(2, "Re\u{301}sume\u{301}.txt").await;
    document(3, "R\u{e9}sum\u{e9}.txt").await;
    let odd = "\u{391}\u{3a3} \u{1e9e}\u{a0}\u{fb01}\u{130}\u{200b}\u{2764}\u{fe0f}.txt";
    document(4, odd).await;

    database.migrate_up().await.unwrap();
    let users = rows(&connection, "SELECT username, username_key FROM users ORDER BY id").await;
    let expected = [("\u{dc}nal", "\u{fc}nal"), ("\u{dc}nal-2", "\u{fc}nal-2"), ("ADA", "ada")];
    assert_eq!(users, pairs(&expected));
    let addresses = rows(&connection, "SELECT email, email_key FROM users ORDER BY id").await;
    assert_eq!(addresses[0].1, "\u{e9}mile@example.org");
    assert!(addresses[1].1.starts_with("\u{e9}mile@example.org "), "{addresses:?}");
    assert_eq!(addresses[2].1, "ada@example.org");
    let collections = rows(&connection, "SELECT name, name_key FROM collections ORDER BY id").await;
    let expected = [("Letters", "letters"), ("letters (2)", "letters (2)"), ("LETTERS", "letters")];
    assert_eq!(collections, pairs(&expected));
    let key = folded(odd);
    let uris = rows(&connection, "SELECT uri, file_name_key FROM documents ORDER BY id").await;
    let expected = [
        ("Caf\u{e9}.txt", "caf\u{e9}.txt"),
        ("Re\u{301}sume\u{301}.txt", "r\u{e9}sum\u{e9}.txt"),
        ("R\u{e9}sum\u{e9}.txt", "r\u{e9}sum\u{e9}.txt"),
        // The migration has a folding of its own, since it describes the past.
        (odd, key.as_str()),
    ];
    assert_eq!(uris, pairs(&expected));
}

#[tokio::test]
async fn names_of_before_get_their_keys_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(&DatabaseConfig::default(), directory.path(), None).await.unwrap();
    check_folding(&database, &format!("sqlite://{}", directory.path().join("docent.db").display())).await;
}

#[tokio::test]
async fn names_of_before_get_their_keys_on_postgres() {
    let url = postgres::empty_database().await;
    let config = DatabaseConfig { url: Some(url.clone()), ..DatabaseConfig::default() };
    let database = Database::open(&config, Path::new("."), None).await.unwrap();
    check_folding(&database, &url).await;
}

/// A collection from before there were generations: what is there becomes its active generation, under the id that its
/// points have, with the model and the placement that it has had.
async fn check_generations(database: &Database, url: &str) {
    database.migrate_up().await.unwrap();
    let migrations = database.migrations().await.unwrap();
    let place = migrations.iter().position(|migration| migration.name.ends_with("_create_generations")).unwrap();
    let steps = u32::try_from(migrations.len() - place).unwrap();
    database.migrate_down(Some(steps)).await.unwrap();

    let connection = sea_orm::Database::connect(url).await.unwrap();
    let is_postgres = connection.get_database_backend() == DbBackend::Postgres;
    let (id, generation) = (CollectionId::generate(), GenerationId::generate());
    let (indexed, waiting, chunk) = (DocumentId::generate(), DocumentId::generate(), DocumentId::generate());
    let written = |id: &dyn std::fmt::Display| {
        if is_postgres { format!("'{id}'") } else { format!("x'{}'", id.to_string().replace('-', "")) }
    };
    let at = "'2026-01-01T00:00:00+00:00'";
    let user = written(&waiting);
    let mut statements = vec![
        format!(
            "INSERT INTO users (id, username, username_key, email, email_key, password_hash, role, is_active,
                created_at, updated_at)
             VALUES ({user}, 'ada', 'ada', 'ada@example.org', 'ada@example.org', '!', 'MEMBER', true, {at}, {at})"
        ),
        format!(
            "INSERT INTO collections (id, owner_id, name, name_key, status, is_public, meta, embedding_model, chunking,
                vector_store_name, generation, sync_mode, document_count, chunk_count, total_bytes, created_at, updated_at)
             VALUES ({}, {user}, 'Notes', 'notes', 'READY', false, '{{}}', 'all-MiniLM-L6-v2',
                '{{\"strategy\":\"MARKDOWN\",\"max_tokens\":99,\"overlap_tokens\":9}}', 'all-minilm-l6-v2-384-cosine',
                {}, 'ONE_TIME', 2, 1, 2, {at}, {at})",
            written(&id),
            written(&generation)
        ),
    ];
    for (document, revision, chunks) in [(indexed, 3, 1), (waiting, 0, 0)] {
        statements.push(format!(
            "INSERT INTO documents (id, collection_id, file_name, file_name_key, uri, content_type, file_size,
                content_hash, status, meta, chunk_count, revision, next_revision, created_at, updated_at)
             VALUES ({}, {}, 'a', 'a', '{document}', 'text/plain', 1, 'h', 'PENDING', '{{}}', {chunks}, {revision},
                {revision} + 1, {at}, {at})",
            written(&document),
            written(&id)
        ));
    }
    statements.push(format!(
        "INSERT INTO chunks (id, collection_id, document_id, chunk_index, content, digest, token_count, start_offset,
            end_offset, headings, meta)
         VALUES ({}, {}, {}, 0, 'Tram', 'd', 1, 0, 4, '[]', '{{}}')",
        written(&chunk),
        written(&id),
        written(&indexed)
    ));
    for statement in &statements {
        connection.execute_unprepared(statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }

    // Forward, back and forward again: nothing is lost.
    database.migrate_up().await.unwrap();
    database.migrate_down(Some(steps)).await.unwrap();
    let old = rows(&connection, "SELECT embedding_model, vector_store_name FROM collections").await;
    assert_eq!(old, pairs(&[("all-MiniLM-L6-v2", "all-minilm-l6-v2-384-cosine")]));
    database.migrate_up().await.unwrap();

    let reader = database.reader(Scope::System);
    let collection = collections::find(&reader, id).await.unwrap().unwrap();
    assert_eq!(collection.generation, generation);
    let found = generations::find(&reader, generation).await.unwrap().unwrap();
    let model = model::find("all-MiniLM-L6-v2").unwrap().info(Precision::Float32);
    assert_eq!((&found.model, &found.placement), (&model.key, &model.placement()), "the model is that of today");
    let strategy = Some(ChunkingStrategy::Markdown);
    let chunking =
        ChunkingConfig { strategy, max_tokens: 99, overlap_tokens: 9, parent_max_tokens: None, drift_percentile: None };
    assert_eq!((found.collection_id, found.chunking, found.state), (id, chunking, GenerationState::Active));
    assert_eq!((found.document_count, found.chunk_count, found.created_at), (1, 1, collection.created_at));
    let held = generations::indexed(&reader, generation, &[indexed, waiting]).await.unwrap();
    let expected =
        IndexedDocument { generation_id: generation, document_id: indexed, revision: 3, chunk_count: 1, text: None };
    assert_eq!(held, HashMap::from([(indexed, expected)]));
    let key = ChunkKey { collection: id, id: ChunkId(chunk.0) };
    let kept = chunks::find_many(&reader, &[key]).await.unwrap().remove(&key).unwrap();
    assert_eq!((kept.generation_id, kept.document_id, kept.content.as_str()), (generation, indexed, "Tram"));

    // Sources of kinds that were not known before are gone on the way back, and their documents stay.
    for kind in ["BUCKET", "DIRECTORY", "WEB"] {
        let source = written(&DocumentId::generate());
        let insert = format!(
            "INSERT INTO sources (id, collection_id, name, location, status, created_at, updated_at)
             VALUES ({source}, {}, '{kind}', '{{\"kind\":\"{kind}\"}}', 'IDLE', {at}, {at})",
            written(&id)
        );
        connection.execute_unprepared(&insert).await.unwrap();
        let update = format!("UPDATE documents SET source_id = {source} WHERE id = {}", written(&indexed));
        connection.execute_unprepared(&update).await.unwrap();
    }
    let place = migrations.iter().position(|migration| migration.name.ends_with("_add_versions_of_source_files"));
    let steps = u32::try_from(migrations.len() - place.unwrap()).unwrap();
    database.migrate_down(Some(steps)).await.unwrap();
    assert_eq!(rows(&connection, "SELECT name, status FROM sources").await, pairs(&[("DIRECTORY", "IDLE")]));
    let left = rows(&connection, "SELECT file_name, content_type FROM documents WHERE source_id IS NULL").await;
    assert_eq!(left, pairs(&[("a", "text/plain"), ("a", "text/plain")]));
    database.migrate_up().await.unwrap();
}

#[tokio::test]
async fn a_collection_of_before_keeps_its_index_as_a_generation_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(&DatabaseConfig::default(), directory.path(), None).await.unwrap();
    check_generations(&database, &format!("sqlite://{}", directory.path().join("docent.db").display())).await;
}

#[tokio::test]
async fn a_collection_of_before_keeps_its_index_as_a_generation_on_postgres() {
    let url = postgres::empty_database().await;
    let config = DatabaseConfig { url: Some(url.clone()), ..DatabaseConfig::default() };
    let database = Database::open(&config, Path::new("."), None).await.unwrap();
    check_generations(&database, &url).await;
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
    let generation = GenerationId::generate();
    // The shapes of every statement that `db::repo::chunks` makes about one collection.
    let conditions = [
        format!("(collection_id, id) IN (('{collection}', '{document}'), ('{collection}', '{generation}'))"),
        format!(
            "(collection_id, generation_id, document_id, chunk_index)
             IN (('{collection}', '{generation}', '{document}', 1), ('{collection}', '{generation}', '{document}', 2))"
        ),
        format!(
            "(collection_id, generation_id, document_id) IN (SELECT documents.collection_id, collections.generation,
             documents.id FROM documents JOIN collections ON collections.id = documents.collection_id
             WHERE documents.id IN ('{document}')) AND collection_id IN ('{collection}') AND chunk_index BETWEEN 0 AND 20"
        ),
        format!("collection_id = '{collection}' AND generation_id = '{generation}' AND document_id = '{document}'"),
        format!(
            "collection_id = '{collection}' AND document_id IN ('{document}')
             AND generation_id IN (SELECT id FROM generations WHERE collection_id = '{collection}')"
        ),
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
            let of_chunks = || plan.lines().filter(|line| line.contains("Scan") && line.contains(" on chunks_"));
            let bitmap_indexes = of_chunks().filter(|line| line.contains("Bitmap Index Scan")).count();
            assert_eq!(of_chunks().count() - bitmap_indexes, 1, "{statement}\n{plan}");
        }
    }
}

#[tokio::test]
async fn postgres_plans_statements_about_chunks_for_their_partition_and_keeps_the_plans_of_others() {
    let mut options = sea_orm::ConnectOptions::new(postgres::fresh_database().await);
    options.max_connections(1).sqlx_logging(false);
    let connection = sea_orm::Database::connect(options).await.unwrap();
    let run = async |statement: &str| connection.execute_unprepared(statement).await.unwrap();
    run("PREPARE of_chunks (uuid, uuid) AS SELECT * FROM chunks WHERE collection_id = $1 AND id = $2").await;
    run("PREPARE of_users (uuid) AS SELECT * FROM users WHERE id = $1 LIMIT 1").await;
    let id = CollectionId::generate();
    // The server decides after five executions.
    for _ in 0..7 {
        run(&format!("EXECUTE of_chunks ('{id}', '{id}')")).await;
        run(&format!("EXECUTE of_users ('{id}')")).await;
    }
    let kept =
        "SELECT generic_plans > 0 AS kept FROM pg_prepared_statements WHERE name LIKE 'of!_%' ESCAPE '!' ORDER BY name";
    let rows = connection.query_all_raw(Statement::from_string(DbBackend::Postgres, kept)).await.unwrap();
    let kept: Vec<bool> = rows.iter().map(|row| row.try_get("", "kept").unwrap()).collect();
    assert_eq!(kept, [false, true]);
}

#[tokio::test]
async fn sqlite_finds_chunks_by_their_ids_without_reading_a_collection() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(&DatabaseConfig::default(), directory.path(), None).await.unwrap();
    database.migrate_up().await.unwrap();
    let url = format!("sqlite://{}", directory.path().join("docent.db").display());
    let connection = sea_orm::Database::connect(&url).await.unwrap();
    // The shape of `db::repo::chunks::find_many`, with the scope of a caller: chunks of two collections, and several of one.
    let readable = "EXISTS (SELECT 1 FROM collections WHERE collections.id = chunks.collection_id AND (is_public OR EXISTS
        (SELECT 1 FROM collection_members WHERE collection_id = collections.id AND user_id = x'05' AND role IN ('OWNER'))))";
    for wanted in ["(x'01', x'02'), (x'03', x'04')", "(x'01', x'02'), (x'01', x'04'), (x'01', x'06')"] {
        let explain = format!(
            "EXPLAIN QUERY PLAN SELECT * FROM chunks WHERE {readable}
             AND (collection_id, id) IN (SELECT * FROM (VALUES {wanted}) AS wanted)"
        );
        let plan: String = connection
            .query_all_raw(Statement::from_string(DbBackend::Sqlite, explain))
            .await
            .unwrap()
            .iter()
            .map(|row| row.try_get::<String>("", "detail").unwrap() + "\n")
            .collect();
        assert!(plan.contains("chunks_collection_id_id_key (collection_id=? AND id=?)"), "{plan}");
        assert!(!plan.contains("SCAN chunks") && !plan.contains("chunks USING PRIMARY KEY"), "{plan}");
    }
}
