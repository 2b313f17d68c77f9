//! What reads cost: their own rows, and not those of others.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use docent::config::Config;
use futures_util::TryStreamExt;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, Statement,
    sqlx::{self, Connection, Executor, sqlite::SqliteConnection},
};
use serde_json::{Value, json};

use crate::{
    on_both_databases,
    support::{
        app::{PATIENCE, TestApp, texts},
        caller::{Caller, code},
    },
};

/// Rows of another user, or rows before those of the page.
const MANY: u32 = 100_000;
/// Rows that PostgreSQL may look at for a page.
const MOST_ROWS: f64 = 2_000.0;
/// Steps that SQLite's machine may take for a page: far fewer than for looking at every row once.
const MOST_STEPS: f64 = 60_000.0;

pub async fn connect(app: &TestApp) -> DatabaseConnection {
    let mut options = sea_orm::ConnectOptions::new(app.database_url());
    options.max_connections(1).sqlx_logging(false);
    sea_orm::Database::connect(options).await.unwrap()
}

async fn run(database: &DatabaseConnection, statement: &str) {
    database.execute_unprepared(statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
}

/// Copies one row of a table [`MANY`] times, with some columns changed. `{i}` is the copy's number, `{id}` a new id.
pub async fn multiply(database: &DatabaseConnection, table: &str, which: &str, changes: &[(&str, &str)]) {
    multiply_by(MANY, database, table, which, changes).await;
}

/// Copies one row of a table `many` times.
pub async fn multiply_by(many: u32, database: &DatabaseConnection, table: &str, which: &str, changes: &[(&str, &str)]) {
    let is_sqlite = database.get_database_backend() == DbBackend::Sqlite;
    let columns = if is_sqlite {
        format!("SELECT name FROM pragma_table_info('{table}')")
    } else {
        format!("SELECT column_name::text AS name FROM information_schema.columns WHERE table_name = '{table}'")
    };
    let rows = database.query_all_raw(Statement::from_string(database.get_database_backend(), columns)).await.unwrap();
    let columns: Vec<String> = rows.iter().map(|row| row.try_get("", "name").unwrap()).collect();
    let values: Vec<String> = columns
        .iter()
        .map(|column| {
            changes
                .iter()
                .find(|(name, _)| name == column)
                .map_or(format!("one.{column}"), |(_, value)| (*value).to_owned())
        })
        .collect();
    let numbers = if is_sqlite {
        format!(
            "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {many}) SELECT i FROM n) AS n"
        )
    } else {
        format!("generate_series(1, {many}) AS n(i)")
    };
    let statement = format!(
        "INSERT INTO {table} ({}) SELECT {} FROM (SELECT * FROM {table} {which} LIMIT 1) AS one, {numbers}",
        columns.join(", "),
        values.join(", ")
    );
    let id = if is_sqlite { "randomblob(16)" } else { "gen_random_uuid()" };
    run(database, &statement.replace("{id}", id).replace("{i}", "n.i")).await;
}

/// What a statement cost: SQLite's steps, or the rows that PostgreSQL looked at.
async fn cost(app: &TestApp, database: &DatabaseConnection, statement: &str) -> f64 {
    if database.get_database_backend() == DbBackend::Postgres {
        let explain =
            Statement::from_string(DbBackend::Postgres, format!("EXPLAIN (ANALYZE, FORMAT JSON) {statement}"));
        let row = database.query_one_raw(explain).await.unwrap().unwrap();
        return rows_of(&row.try_get::<Value>("", "QUERY PLAN").unwrap()[0]["Plan"]);
    }
    let path = app.data_dir().join("docent.db");
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    let steps = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&steps);
    connection.lock_handle().await.unwrap().set_progress_handler(1, move || {
        counted.fetch_add(1, Ordering::Relaxed);
        true
    });
    let statement = blobs(statement);
    let rows: Vec<sqlx::sqlite::SqliteRow> =
        connection.fetch(sqlx::raw_sql(sqlx::AssertSqlSafe(statement))).try_collect().await.unwrap();
    drop(rows);
    steps.load(Ordering::Relaxed).into()
}

/// The rows that a part of a plan and the parts below it looked at.
fn rows_of(plan: &Value) -> f64 {
    let number = |name: &str| plan[name].as_f64().unwrap_or(0.0);
    let own = number("Actual Rows") + number("Rows Removed by Filter") + number("Rows Removed by Join Filter");
    let below: f64 = plan["Plans"].as_array().into_iter().flatten().map(rows_of).sum();
    own * number("Actual Loops") + below
}

/// SQLite keeps ids as blobs; a statement with its values written into it has them as text.
fn blobs(statement: &str) -> String {
    let is_id = |text: &str| {
        text.len() == 36
            && text.bytes().enumerate().all(|(place, byte)| match place {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            })
    };
    let quoted = |(place, part): (usize, &str)| match (place % 2 == 1, is_id(part)) {
        (true, true) => format!("x'{}'", part.replace('-', "")),
        (true, false) => format!("'{part}'"),
        (false, _) => part.to_owned(),
    };
    statement.split('\'').enumerate().map(quoted).collect::<Vec<_>>().concat()
}

async fn hold_to_the_limit(
    app: &TestApp,
    database: &DatabaseConnection,
    caller: &Caller,
    lists: &[&str],
    variables: &Value,
) {
    let most = if database.get_database_backend() == DbBackend::Postgres { MOST_ROWS } else { MOST_STEPS };
    let mut dear = Vec::new();
    for list in lists {
        let statements = app.seeing(caller.data(list, variables.clone())).await;
        for statement in statements.iter().filter(|statement| statement.starts_with("SELECT")) {
            let cost = cost(app, database, statement).await;
            if cost > most {
                dear.push(format!("{list}\n  {cost} for {statement}"));
            }
        }
    }
    assert!(dear.is_empty(), "{}", dear.join("\n"));
}

on_both_databases!(a_page_of_any_list_costs_its_own_rows_however_many_there_are_of_others_and_before_it);
async fn a_page_of_any_list_costs_its_own_rows_however_many_there_are_of_others_and_before_it(mut app: TestApp) {
    let root = app.user("root").await;
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let id = ada.create_collection("Letters").await;
    let operation =
        ada.ingest_all(&id, texts(&[("a.txt", "A letter."), ("b.txt", "Another letter.")])).await["id"].clone();
    let hers = eve.create_collection("Hers").await;
    eve.ingest_all(&hers, texts(&[("a.txt", "A letter.")])).await;
    let make_key =
        "mutation { apiKeyCreate(input: { name: \"one\", actions: [COLLECTION_READ] }) { userErrors { code } } }";
    assert_eq!(ada.data(make_key, json!({})).await["apiKeyCreate"]["userErrors"], json!([]));
    app.stop_worker().await;

    let database = connect(&app).await;
    let of_ada = "WHERE collection_id = (SELECT id FROM collections WHERE name = 'Letters')";
    multiply(
        &database,
        "users",
        "WHERE username = 'ada'",
        &[
            ("id", "{id}"),
            ("username", "'user' || {i}"),
            ("username_key", "'user' || {i}"),
            ("email", "'user' || {i} || '@example.org'"),
            ("email_key", "'user' || {i} || '@example.org'"),
        ],
    )
    .await;
    multiply(
        &database,
        "collections",
        "WHERE name = 'Letters'",
        &[("id", "{id}"), ("generation", "{id}"), ("name", "'Other ' || {i}"), ("name_key", "'other ' || {i}")],
    )
    .await;
    let generation = "(SELECT generation FROM collections WHERE name_key = 'other ' || {i})";
    let of_collection = "(SELECT id FROM collections WHERE name_key = 'other ' || {i})";
    multiply(&database, "generations", of_ada, &[("id", generation), ("collection_id", of_collection)]).await;
    multiply(
        &database,
        "documents",
        of_ada,
        &[("id", "{id}"), ("uri", "'copy' || {i}"), ("file_name", "'copy' || {i}"), ("file_name_key", "'copy' || {i}")],
    )
    .await;
    multiply(&database, "operations", of_ada, &[("id", "{id}")]).await;
    multiply(
        &database,
        "operation_documents",
        "WHERE ordinal = 0",
        &[
            ("ordinal", "{i} + 10"),
            ("document_id", "{id}"),
            ("operation_id", "(SELECT operation_id FROM operation_documents WHERE ordinal = 1)"),
        ],
    )
    .await;
    multiply(&database, "audit_log", of_ada, &[("id", "{id}")]).await;
    multiply(
        &database,
        "sessions",
        "WHERE user_id = (SELECT id FROM users WHERE username = 'ada')",
        &[("id", "{id}"), ("revoked_at", "one.created_at")],
    )
    .await;
    multiply(&database, "api_keys", "", &[("id", "{id}"), ("digest", "'digest' || {i}")]).await;
    run(&database, "INSERT INTO collection_members (collection_id, user_id, role, created_at)
        SELECT (SELECT id FROM collections WHERE name = 'Letters'), id, 'VIEWER', created_at FROM users WHERE username LIKE 'user%'").await;
    if database.get_database_backend() == DbBackend::Postgres {
        run(&database, "ANALYZE").await;
    }

    let variables = json!({ "id": id, "operation": operation });
    // Eve has next to nothing: foreign rows alone.
    hold_to_the_limit(&app, &database, &eve, &[
        "{ operations { totalCount nodes { id } } }",
        "{ operations { nodes { documents(filter: { uri: \"a.txt\" }, outcomes: [COMPLETED]) { totalCount nodes { outcome } } } } }",
        "{ auditLog { totalCount nodes { id } } }",
        "{ collections { totalCount nodes { id } } }",
        "{ collections(orderBy: { field: NAME }) { nodes { id documents { totalCount nodes { id } } operations { totalCount nodes { id } } members { totalCount nodes { userId } } } } }",
        "{ search(input: { query: \"letter\", mode: LEXICAL }) { nodes { rank } } }",
        "{ viewer { sessions { totalCount nodes { id } } apiKeys { totalCount nodes { id } } } }",
    ], &variables).await;
    // Ada has everything, and wants a page of it.
    hold_to_the_limit(&app, &database, &ada, &[
        "{ operations(first: 20) { nodes { id } } }",
        "{ auditLog(first: 20) { nodes { id } } }",
        "{ viewer { sessions { nodes { id } } apiKeys { nodes { id } } } }",
        "query($id: ID!) { collection(id: $id) { documents(first: 20) { totalCount nodes { id } } } }",
        "query($id: ID!) { collection(id: $id) { documents(first: 20, orderBy: { field: FILE_NAME, direction: DESC }) { nodes { id } } } }",
        "query($id: ID!) { collection(id: $id) { documents(first: 20, filter: { status: [FAILED] }) { totalCount nodes { id } } } }",
        "query($id: ID!) { collection(id: $id) { operations(first: 20) { nodes { id documents(first: 2) { nodes { outcome } } } } members(first: 20) { nodes { userId } } } }",
        "query($operation: ID!) { operation(id: $operation) { documents(first: 20) { nodes { outcome } } events(first: 20) { nodes { sequence } } } }",
    ], &variables).await;
    hold_to_the_limit(
        &app,
        &database,
        &root,
        &["{ users(first: 20) { nodes { id } } }", "{ auditLog(first: 20) { nodes { id } } }"],
        &variables,
    )
    .await;

    // The pages of all of them, one after the other, are the list.
    let first = ada.data("query($id: ID!) { collection(id: $id) { documents(first: 2, orderBy: { field: FILE_NAME, direction: ASC }) { nodes { fileName } pageInfo { endCursor } } } }", variables.clone()).await["collection"]["documents"].clone();
    assert_eq!(first["nodes"], json!([{ "fileName": "a.txt" }, { "fileName": "b.txt" }]));
    let next = ada.data("query($id: ID!, $after: Cursor) { collection(id: $id) { documents(first: 1, after: $after, orderBy: { field: FILE_NAME, direction: ASC }) { nodes { fileName } } } }", json!({ "id": id, "after": first["pageInfo"]["endCursor"] })).await;
    assert_eq!(next["collection"]["documents"]["nodes"], json!([{ "fileName": "copy1" }]));
}

/// Makes every statement about operations endless. What is returned keeps it so.
async fn make_operations_endless(app: &TestApp) -> DatabaseConnection {
    let database = connect(app).await;
    if database.get_database_backend() == DbBackend::Postgres {
        run(&database, "BEGIN; LOCK TABLE operations IN ACCESS EXCLUSIVE MODE").await;
    } else {
        run(&database, "ALTER TABLE operations RENAME TO hidden").await;
        run(
            &database,
            "CREATE VIEW operations AS
                WITH RECURSIVE forever(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM forever)
                SELECT hidden.* FROM forever LEFT JOIN hidden ON forever.i = 0",
        )
        .await;
    }
    database
}

async fn with_few_connections(is_postgres: bool, change: impl FnOnce(&mut Config)) -> TestApp {
    let mut config = Config::default();
    config.database.max_overflow = 0;
    config.limits.statements_per_caller = 2;
    change(&mut config);
    let mut app = TestApp::with(config, is_postgres).await;
    app.stop_worker().await;
    app
}

async fn a_statement_that_takes_too_long_is_given_up(is_postgres: bool) {
    let app = with_few_connections(is_postgres, |config| config.database.statement_timeout_seconds = 1).await;
    let ada = app.user("ada").await;
    let held = make_operations_endless(&app).await;
    let answer = ada.graphql("{ operations { totalCount } }", json!({})).await;
    assert_eq!(code(&answer), "UNAVAILABLE");
    assert!(ada.data("{ collections { totalCount } }", json!({})).await["collections"]["totalCount"] == 0);
    held.close().await.unwrap();
}

async fn whoever_asks_for_much_at_once_keeps_nobody_else_waiting(is_postgres: bool) {
    let app = with_few_connections(is_postgres, |_| {}).await;
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let held = make_operations_endless(&app).await;
    let aliases: String = (0..20).map(|n| format!("a{n}: operations {{ totalCount }} ")).collect::<Vec<_>>().concat();
    let asking = tokio::spawn(async move { eve.graphql(&format!("{{ {aliases} }}"), json!({})).await });
    for _ in 0..50 {
        let asked = tokio::time::timeout(PATIENCE, ada.data("{ collections { totalCount } }", json!({}))).await;
        assert_eq!(asked.expect("somebody else has every connection")["collections"]["totalCount"], 0);
    }
    assert!(!asking.is_finished(), "what was asked for has an end");
    // No one waits for it any longer: what it held is free again.
    asking.abort();
    held.close().await.unwrap();
    for _ in 0..50 {
        ada.data("{ collections { totalCount } }", json!({})).await;
    }
}

/// How many statements about operations begin within a moment.
async fn begun(app: &TestApp) -> usize {
    let ((), statements) = app.counting(tokio::time::sleep(std::time::Duration::from_millis(500))).await;
    statements.iter().filter(|statement| statement.contains("\"operations\"")).count()
}

async fn whoever_follows_much_keeps_nobody_else_waiting(is_postgres: bool) {
    let app = with_few_connections(is_postgres, |_| {}).await;
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    eve.create_collection("Letters").await;
    let held = make_operations_endless(&app).await;
    let following: Vec<_> = (0..20)
        .map(|_| {
            let (eve, body) =
                (eve.clone(), json!({ "query": "subscription { viewerOperations { kind } }" }).to_string());
            let headers = [("content-type", "application/json"), ("accept", "text/event-stream")];
            tokio::spawn(async move { eve.send("POST", "/graphql", &headers, body).await })
        })
        .collect();
    let deadline = std::time::Instant::now() + PATIENCE;
    let mut looks = 0;
    while looks < 2 {
        looks += begun(&app).await;
        assert!(std::time::Instant::now() < deadline, "{looks} of them look for operations");
    }
    assert_eq!(looks + begun(&app).await, 2, "what is read between two events is in the lane of the caller, too");
    for _ in 0..50 {
        let asked = tokio::time::timeout(PATIENCE, ada.data("{ collections { totalCount } }", json!({}))).await;
        assert_eq!(asked.expect("somebody else has every connection")["collections"]["totalCount"], 0);
    }
    following.iter().for_each(tokio::task::JoinHandle::abort);
    held.close().await.unwrap();
    for _ in 0..50 {
        ada.data("{ collections { totalCount } }", json!({})).await;
    }
}

#[tokio::test]
async fn whoever_follows_much_keeps_nobody_else_waiting_on_sqlite() {
    whoever_follows_much_keeps_nobody_else_waiting(false).await;
}

#[tokio::test]
async fn whoever_follows_much_keeps_nobody_else_waiting_on_postgres() {
    whoever_follows_much_keeps_nobody_else_waiting(true).await;
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_given_up_on_sqlite() {
    a_statement_that_takes_too_long_is_given_up(false).await;
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_given_up_on_postgres() {
    a_statement_that_takes_too_long_is_given_up(true).await;
}

#[tokio::test]
async fn whoever_asks_for_much_at_once_keeps_nobody_else_waiting_on_sqlite() {
    whoever_asks_for_much_at_once_keeps_nobody_else_waiting(false).await;
}

#[tokio::test]
async fn whoever_asks_for_much_at_once_keeps_nobody_else_waiting_on_postgres() {
    whoever_asks_for_much_at_once_keeps_nobody_else_waiting(true).await;
}

on_both_databases!(operations_that_ended_long_ago_are_removed_with_their_story);
async fn operations_that_ended_long_ago_are_removed_with_their_story(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    ada.ingest_all(&id, texts(&[("a.txt", "A letter.")])).await;
    app.clock.advance(91 * 24 * 3600);
    let app = app.restart().await;
    let ada = app.anonymous().log_in("ada").await;
    let deadline = std::time::Instant::now() + PATIENCE;
    while ada.data("{ operations { totalCount } }", json!({})).await["operations"]["totalCount"] != 0 {
        assert!(std::time::Instant::now() < deadline, "the operation stays");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let database = connect(&app).await;
    let left = "SELECT (SELECT COUNT(*) FROM operation_events) + (SELECT COUNT(*) FROM operation_documents) AS rows";
    let row =
        database.query_one_raw(Statement::from_string(database.get_database_backend(), left)).await.unwrap().unwrap();
    assert_eq!(row.try_get::<i64>("", "rows").unwrap(), 0);
    assert_eq!(ada.search(json!({ "query": "letter" })).await["nodes"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_search_over_more_collections_than_it_takes_says_so() {
    let mut config = Config::default();
    config.search.max_collections = 1;
    let app = TestApp::start(config).await;
    let ada = app.user("ada").await;
    for name in ["Older", "Newer"] {
        let id = ada.create_collection(name).await;
        ada.ingest_all(&id, texts(&[("a.txt", "A letter.")])).await;
    }
    let ask = "query($input: SearchInput!) { search(input: $input) { isPartial searchedCollections nodes { document { collection { name } } } } }";
    let found = ada.data(ask, json!({ "input": { "query": "letter" } })).await["search"].clone();
    assert_eq!((&found["isPartial"], &found["searchedCollections"]), (&json!(true), &json!(1)));
    assert_eq!(found["nodes"], json!([{ "document": { "collection": { "name": "Newer" } } }]));
    let strict = json!({ "input": { "query": "letter", "strict": true } });
    assert_eq!(ada.error_code(ask, strict).await, "COST_LIMIT_EXCEEDED");
}
