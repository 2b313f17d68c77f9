//! What a server does without being asked: registered, seen by administrators, started again, and run once for all
//! processes.

use std::time::{Duration, Instant};

use docent::{
    app::{App, Parts},
    config::{Config, DatabaseConfig},
    db::{
        Database,
        repo::{self, schedules},
    },
    domain::{
        clock::{Clock, SystemClock},
        id::WorkerId,
        worker::{WorkerName, WorkerState, WorkerStatus},
    },
};
use futures_util::FutureExt;
use serde_json::{Value, json};

use super::behind::{count, idle};
use crate::{
    on_both_databases,
    support::{
        app::{PATIENCE, TestApp, texts},
        caller::Caller,
        model, postgres,
        process::{Process, Server},
    },
    vector::host::Host,
};

const SERVER: &str = "{ server {
    workers { name process state heartbeatAt startedAt running currentJob completed failed restarts lastError lastErrorAt }
    queues { kind depth ready waiting running dead oldestAt }
} }";

const NAMES: [&str; 12] = [
    "AUDIT_RETENTION",
    "CLEAN_UP",
    "FILE_CHECK",
    "INGESTION",
    "INTEGRITY",
    "OPTIMISATION",
    "ORIGINAL_CLEAN_UP",
    "RECONCILE",
    "REINDEX",
    "REMOVAL",
    "SYNC",
    "SYNC_SCHEDULE",
];

async fn workers(caller: &Caller) -> Vec<Value> {
    let mut data = caller.data(SERVER, json!({})).await;
    serde_json::from_value(data["server"]["workers"].take()).unwrap()
}

fn named<'w>(workers: &'w [Value], name: &str) -> &'w Value {
    workers.iter().find(|worker| worker["name"] == name).unwrap_or_else(|| panic!("{name}: {workers:#?}"))
}

fn number(value: &Value) -> i64 {
    value.as_i64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_else(|| panic!("{value}"))
}

on_both_databases!(administrators_see_each_worker_and_what_waits_for_it);
async fn administrators_see_each_worker_and_what_waits_for_it(mut app: TestApp) {
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let collection = ada.create_collection("Notes").await;
    ada.ingest_all(&collection, texts(&[("a.txt", "The ferry waits."), ("b.txt", "The tram waits.")])).await;
    idle(&app).await;
    let found = workers(&ada).await;
    let names: Vec<_> = found.iter().map(|worker| worker["name"].as_str().unwrap()).collect();
    assert_eq!(names, NAMES);
    app.stop_worker().await;
    let found = workers(&ada).await;
    assert!(found.iter().all(|worker| worker["state"] == "STOPPED"), "{found:#?}");
    let ingestion = named(&found, "INGESTION");
    assert_eq!((number(&ingestion["completed"]), number(&ingestion["failed"])), (2, 0), "{ingestion:#}");
    assert!(number(&named(&found, "INTEGRITY")["completed"]) >= 1, "it looks at once: {found:#?}");

    ada.ingest(&collection, texts(&[("c.txt", "A bus."), ("d.txt", "A bike.")])).await;
    let data = ada.data(SERVER, json!({})).await;
    let queues = data["server"]["queues"].as_array().unwrap();
    let waiting = queues.iter().find(|queue| queue["kind"] == "ingest_document").unwrap();
    assert_eq!(
        (&waiting["depth"], &waiting["ready"], &waiting["dead"]),
        (&json!(2), &json!(2), &json!(0)),
        "{waiting:#}"
    );
    assert!(waiting["oldestAt"].is_string(), "{waiting:#}");
    assert_eq!(queues.len(), 8, "{queues:#?}");
    let none = queues.iter().find(|queue| queue["kind"] == "reconcile").unwrap();
    assert_eq!((&none["depth"], &none["oldestAt"]), (&json!(0), &Value::Null));
    for caller in [bob, app.anonymous()] {
        let data = caller.data(SERVER, json!({})).await;
        assert_eq!(data["server"], json!({ "workers": null, "queues": null }));
    }
    app.leave_jobs();
}

async fn administered(server: &Server) -> Vec<Value> {
    let mut data = server.data(SERVER, json!({})).await;
    serde_json::from_value(data["server"]["workers"].take()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_panics_is_started_again_and_so_is_the_queue() {
    let directory = tempfile::tempdir().unwrap();
    let environment = [
        ("FAILPOINTS", "worker-CLEAN_UP=2*panic(injected);queue-claiming=1*off->1*panic(injected)"),
        ("DOCENT__INGESTION__HEARTBEAT_SECONDS", "1"),
    ];
    let server = Server::start(directory.path(), &environment).await;
    server.log_in("ada").await;
    let collection = server.create_collection(json!({ "name": "Notes" })).await;
    let operation = server.ingest(&collection, texts(&[("a.txt", "The ferry waits.")])).await;
    assert_eq!(server.ended(&operation).await["status"], "COMPLETED");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = administered(&server).await;
        let (clean_up, ingestion) = (named(&found, "CLEAN_UP"), named(&found, "INGESTION"));
        if number(&clean_up["completed"]) >= 1 && number(&ingestion["completed"]) == 1 {
            assert_eq!((number(&clean_up["restarts"]), number(&clean_up["failed"])), (2, 2), "{clean_up:#}");
            assert_eq!((&clean_up["state"], &ingestion["restarts"]), (&json!("IDLE"), &json!(1)), "{ingestion:#}");
            assert_eq!(clean_up["lastError"], "The worker panicked.");
            assert_eq!(named(&found, "AUDIT_RETENTION")["restarts"], 0, "others are left alone");
            break;
        }
        assert!(Instant::now() < deadline, "{found:#?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    server.signal("TERM").await;
    let mut server = server;
    assert!(server.died().await.success(), "it stops in good order");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_no_longer_keeps_its_leases_is_started_again() {
    let directory = tempfile::tempdir().unwrap();
    let environment =
        [("FAILPOINTS", "queue-keeping=1*off->1*panic(injected)"), ("DOCENT__INGESTION__HEARTBEAT_SECONDS", "1")];
    let server = Server::start(directory.path(), &environment).await;
    server.log_in("ada").await;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = administered(&server).await;
        let ingestion = named(&found, "INGESTION");
        if number(&ingestion["restarts"]) == 1 && ingestion["state"] == "IDLE" {
            assert_eq!(ingestion["lastError"], "The worker panicked.");
            assert_eq!(named(&found, "CLEAN_UP")["restarts"], 0, "others are left alone");
            break;
        }
        assert!(Instant::now() < deadline, "{found:#?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let collection = server.create_collection(json!({ "name": "Notes" })).await;
    let operation = server.ingest(&collection, texts(&[("a.txt", "The ferry waits.")])).await;
    assert_eq!(server.ended(&operation).await["status"], "COMPLETED");
}

on_both_databases!(a_long_error_of_a_worker_is_cut_off);
async fn a_long_error_of_a_worker_is_cut_off(mut app: TestApp) {
    let ada = app.user("ada").await;
    app.stop_worker().await;
    let now = app.clock.now();
    let status = WorkerStatus {
        process: WorkerId::generate(),
        name: WorkerName::Sync,
        state: WorkerState::Idle,
        heartbeat_at: now,
        started_at: now,
        running: 0,
        current_job: None,
        completed: 0,
        failed: 1,
        restarts: 0,
        error: Some("é".repeat(100_000)),
        failed_at: Some(now),
    };
    let status = &status;
    let database = &app.app.services().database;
    let report = database.transaction(|tx| repo::workers::report(tx, vec![status.clone()]).boxed());
    report.await.unwrap();
    let found = workers(&ada).await;
    let found = found.iter().find(|worker| worker["process"] == status.process.to_string()).unwrap();
    let kept = found["lastError"].as_str().unwrap();
    assert!(kept.starts_with("éé") && kept.ends_with("é…") && kept.len() < 1100, "{} bytes", kept.len());
}

#[tokio::test]
async fn of_many_processes_one_takes_the_turn_of_a_task() {
    let config = DatabaseConfig { url: Some(postgres::fresh_database().await), ..DatabaseConfig::default() };
    let (every, mut now) = (Duration::from_mins(1), SystemClock.now());
    let mut databases = Vec::new();
    for _ in 0..4 {
        databases.push(Database::open(&config, std::path::Path::new("."), None).await.unwrap());
    }
    for round in 0..5 {
        let turns = databases.iter().map(|database| {
            database.transaction(move |tx| schedules::take_turn(tx, WorkerName::CleanUp, every, every, now).boxed())
        });
        let turns: Vec<bool> = futures_util::future::join_all(turns).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(turns.iter().filter(|is_taken| **is_taken).count(), 1, "round {round}: {turns:?}");
        now += chrono::TimeDelta::seconds(60);
    }
    // A clock that was set back does not stop the task.
    let back = now - chrono::TimeDelta::days(1);
    let work = databases[0].transaction(|tx| schedules::take_turn(tx, WorkerName::CleanUp, every, every, back).boxed());
    assert!(work.await.unwrap());
}

on_both_databases!(a_turn_that_is_taken_or_put_off_is_left_alone_by_a_process_with_another_clock);
async fn a_turn_that_is_taken_or_put_off_is_left_alone_by_a_process_with_another_clock(mut app: TestApp) {
    app.stop_worker().await;
    let database = &app.app.services().database;
    let (name, every, longest) = (WorkerName::CleanUp, Duration::from_mins(5), Duration::from_hours(24));
    let now = SystemClock.now() + chrono::TimeDelta::days(3);
    let take = async |seconds: i64| {
        let now = now + chrono::TimeDelta::seconds(seconds);
        database.transaction(|tx| schedules::take_turn(tx, name, every, longest, now).boxed()).await.unwrap()
    };
    assert!(take(0).await);
    assert!(!take(-20).await, "a clock that is late sees a time that is further away");
    let rested = now + chrono::TimeDelta::hours(10);
    database.transaction(|tx| schedules::put_off(tx, name, rested).boxed()).await.unwrap();
    assert!(!take(600).await, "it rests longer than its interval");
    assert!(take(10 * 3600).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_on_one_database_share_the_runs_of_a_schedule() {
    let url = postgres::fresh_database().await;
    let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let environment = [
        ("DATABASE_URL", url.as_str()),
        ("DOCENT__VECTOR__OPTIMIZE_INTERVAL_SECONDS", "1"),
        ("DOCENT__INGESTION__HEARTBEAT_SECONDS", "1"),
    ];
    let begun = Instant::now();
    let first = Server::start(directories[0].path(), &environment).await;
    std::fs::copy(directories[0].path().join("store.id"), directories[1].path().join("store.id")).unwrap();
    let second = Server::start(directories[1].path(), &environment).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    first.signal("TERM").await;
    let mut first = first;
    first.died().await;
    let elapsed = begun.elapsed().as_secs();
    second.kill();

    let connection = sea_orm::Database::connect(&url).await.unwrap();
    let runs = rows(&connection, "SELECT runs FROM schedules WHERE name = 'CLEAN_UP'").await[0];
    let done = rows(&connection, "SELECT completed FROM workers WHERE name = 'CLEAN_UP' ORDER BY process").await;
    assert_eq!(done.len(), 2, "both are registered");
    // The last run of the killed process may not have been reported.
    assert!(runs - done.iter().sum::<i64>() <= 4 && runs >= done.iter().sum(), "{runs} runs, reported {done:?}");
    assert!(runs <= i64::try_from(elapsed).unwrap() + 2, "{runs} runs in {elapsed} s");
}

async fn rows(connection: &sea_orm::DatabaseConnection, statement: &str) -> Vec<i64> {
    use sea_orm::{ConnectionTrait, Statement};

    let statement = Statement::from_string(connection.get_database_backend(), statement);
    let rows = connection.query_all_raw(statement).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_looks_for_files_rests_in_proportion_and_one_that_counts_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let environment = [
        ("FAILPOINTS", "worker-INTEGRITY=1*sleep(3000);worker-FILE_CHECK=1*sleep(3000)"),
        ("DOCENT__VECTOR__INTEGRITY_CHECK_MINUTES", "1"),
        ("DOCENT__INGESTION__HEARTBEAT_SECONDS", "1"),
    ];
    let server = Server::start(directory.path(), &environment).await;
    server.log_in("ada").await;
    let url = format!("sqlite://{}", directory.path().join("docent.db").display());
    let connection = sea_orm::Database::connect(&url).await.unwrap();
    let apart = "SELECT CAST((julianday(files.due_at) - julianday(numbers.due_at)) * 86400 AS integer)
        FROM schedules AS files, schedules AS numbers WHERE files.name = 'FILE_CHECK' AND numbers.name = 'INTEGRITY'";
    let deadline = Instant::now() + PATIENCE;
    // Both take three seconds: one is due again after a minute, the other after fifty times as long.
    while rows(&connection, apart).await.first().is_none_or(|seconds| *seconds < 80) {
        assert!(Instant::now() < deadline, "{:#?}", administered(&server).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let found = administered(&server).await;
    assert!(["INTEGRITY", "FILE_CHECK"].iter().all(|name| number(&named(&found, name)["failed"]) == 0), "{found:#?}");
}

/// Waits until the stores have been checked so often.
async fn looked(app: &TestApp, times: i64) {
    let deadline = Instant::now() + PATIENCE;
    while count(app, "SELECT coalesce(max(runs), 0) FROM schedules WHERE name = 'INTEGRITY'").await < times {
        assert!(Instant::now() < deadline, "it waits for its time");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

on_both_databases!(the_first_process_looks_at_once_and_forgets_none_of_the_others);
async fn the_first_process_looks_at_once_and_forgets_none_of_the_others(app: TestApp) {
    looked(&app, 1).await;
    let app = app.restart().await;
    looked(&app, 2).await;
    assert_eq!(count(&app, "SELECT count(DISTINCT process) FROM workers").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_run_in_a_process_of_their_own_beside_the_server() {
    let (url, vectors, directory) =
        (postgres::fresh_database().await, Host::start().await, tempfile::tempdir().unwrap());
    let vector_url = vectors.url();
    let environment = [
        ("DATABASE_URL", url.as_str()),
        ("QDRANT_URL", vector_url.as_str()),
        ("DOCENT__INGESTION__ENABLED", "false"),
        ("DOCENT__INGESTION__HEARTBEAT_SECONDS", "1"),
    ];
    let server = Server::start(directory.path(), &environment).await;
    server.log_in("ada").await;
    let collection = server.create_collection(json!({ "name": "Notes" })).await;
    let operation = server.ingest(&collection, texts(&[("a.txt", "The ferry waits.")])).await;
    assert_eq!(administered(&server).await, Vec::<Value>::new(), "the server does not work");
    let mut worker = Process::start("worker", directory.path(), &environment).await;
    assert_eq!(server.ended(&operation).await["status"], "COMPLETED");
    let found = administered(&server).await;
    assert_eq!(found.len(), NAMES.len(), "{found:#?}");
    worker.signal("TERM").await;
    assert!(worker.died().await.success());
    let found = administered(&server).await;
    assert!(found.iter().all(|worker| worker["state"] == "STOPPED"), "{found:#?}");
    assert_eq!(number(&named(&found, "INGESTION")["completed"]), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_begin_together_on_a_new_directory_have_the_same_keys() {
    for round in 0..4 {
        let (vectors, directory) = (Host::start().await, tempfile::tempdir().unwrap());
        let mut config = Config { data_dir: directory.path().to_owned(), ..Config::default() };
        config.database.url = Some(postgres::empty_database().await);
        config.vector.url = Some(vectors.url());
        let begin = async |config: Config| {
            let parts = Parts { embedder: Some(model::embedder().await), ..Parts::from_config(config).unwrap() };
            tokio::spawn(App::build(parts)).await.unwrap()
        };
        let (one, other) = tokio::join!(begin(config.clone()), begin(config));
        let (one, other) = (one.unwrap(), other.unwrap_or_else(|error| panic!("round {round}: {error:#}")));
        let sealed = one.services().vault.seal("hush", "a bucket").unwrap();
        let opened = other.services().vault.open(&sealed, "a bucket");
        assert_eq!(opened.unwrap_or_else(|error| panic!("round {round}: {error}")), "hush");
    }
}
