//! Vectors that were lost or are too many: noticed, shown, and put right by the server itself.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use docent::{
    config::Config,
    db::{Database, repo::generations},
    domain::{
        generation::Generation,
        id::{ChunkId, CollectionId, DocumentId, GenerationId},
        scope::Scope,
    },
    vector::{self, Point, PointSelector},
    worker::integrity,
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    behind::{active, execute, found, idle, points, row},
    doctor::original,
};
use crate::{
    on_both_databases,
    support::{
        app::{PATIENCE, TestApp, texts},
        caller::Caller,
        postgres,
        process::{Process, Server},
    },
    vector::host::Host,
};

const REPORT: &str = "{ server { integrity { checkedAt collections differing missingPoints surplusPoints } } }";

async fn report(caller: &Caller) -> Value {
    caller.data(REPORT, json!({})).await["server"]["integrity"].take()
}

async fn health(app: &TestApp) -> (u16, Value, Value) {
    let health = app.anonymous().send("GET", "/health/ready", &[], "").await;
    let body = health.json();
    (health.status, body["status"].clone(), body["dependencies"]["integrity"].clone())
}

async fn compare(app: &TestApp) {
    integrity::compare(app.app.services(), &CancellationToken::new()).await.unwrap();
}

/// Waits until every collection was compared and nothing differs.
async fn right(app: &TestApp, caller: &Caller) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let report = report(caller).await;
        if report["checkedAt"].is_string() && report["differing"] == 0 {
            break;
        }
        assert!(Instant::now() < deadline, "{report:#}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    idle(app).await;
}

fn point(generation: GenerationId, document: DocumentId, revision: i32, index: u32) -> Point {
    Point {
        id: ChunkId::derive(generation, document, revision, index),
        generation,
        document,
        revision,
        embedding: (0..384).map(|place| if place == 0 { 1.0 } else { 0.0 }).collect(),
        text: "a tram that nobody wrote of".into(),
    }
}

on_both_databases!(vectors_that_were_lost_are_noticed_and_made_again);
async fn vectors_that_were_lost_are_noticed_and_made_again(mut app: TestApp) {
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let collection = ada.create_collection("Notes").await;
    let notes: Vec<_> = (0..12).map(|n| (format!("{n}.txt"), format!("Note {n} tells of giraffe{n}."))).collect();
    let notes: Vec<_> = notes.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    ada.ingest_all(&collection, texts(&notes)).await;
    ada.ingest_all(&collection, texts(&[("0.txt", "Note 0 tells of giraffe0 and zebra.")])).await;
    idle(&app).await;
    app.stop_worker().await;
    compare(&app).await;
    let healthy = json!({ "collections": 1, "differing": 0, "missingPoints": 0, "surplusPoints": 0 });
    let told = report(&ada).await;
    assert!(told["checkedAt"].is_string(), "{told:#}");
    for (name, value) in healthy.as_object().unwrap() {
        assert_eq!(told[name], *value, "{name}");
    }
    assert_eq!(health(&app).await, (200, json!("ok"), json!("ok")));
    // It is read only for those who ask for it and may see it.
    let asked = async |caller: &Caller, query: &str| {
        let (_, statements) = app.counting(caller.data(query, json!({}))).await;
        statements.iter().filter(|statement| statement.contains("integrity_")).count()
    };
    let asked = [asked(&ada, "{ server { version } }").await, asked(&bob, REPORT).await, asked(&ada, REPORT).await];
    assert_eq!(asked, [0, 0, 2]);

    let services = app.app.services();
    let Generation { id, placement, .. } = active(&app, &collection).await;
    services.vectors.delete(&placement, &PointSelector::Generation(id)).await.unwrap();
    services.vectors.flush(&placement).await.unwrap();
    compare(&app).await;
    let told = report(&ada).await;
    assert_eq!((&told["differing"], &told["missingPoints"]), (&json!(1), &json!(12)), "{told:#}");
    assert_eq!(health(&app).await, (200, json!("degraded"), json!("degraded")));
    assert_eq!(report(&bob).await, Value::Null, "only administrators see how the server does");
    assert_eq!(report(&app.anonymous()).await, Value::Null);
    assert_eq!(found(&ada, "giraffe3").await, [const { Vec::<String>::new() }; 3]);

    let app = app.restart().await;
    let ada = app.anonymous().log_in("ada").await;
    right(&app, &ada).await;
    assert_eq!(health(&app).await, (200, json!("ok"), json!("ok")));
    assert_eq!(points(&app, &collection).await, 12);
    for (n, leg) in (0..12).zip(["giraffe"; 12]) {
        let [lexical, semantic, hybrid] = found(&ada, &format!("{leg}{n}")).await;
        assert_eq!((lexical.len(), semantic.len(), hybrid.len()), (1, 12, 12), "{n}");
    }
    assert_eq!(found(&ada, "zebra").await[0], ["Note 0 tells of giraffe0 and zebra."]);
    // A new revision finds the embeddings of what it keeps, and takes the place of what was made again.
    ada.ingest_all(&collection, texts(&[("3.txt", "Nothing.")])).await;
    idle(&app).await;
    assert_eq!((points(&app, &collection).await, found(&ada, "giraffe3").await[0].len()), (12, 0));
}

on_both_databases!(points_that_no_chunk_stands_for_are_removed_and_those_on_their_way_stay);
async fn points_that_no_chunk_stands_for_are_removed_and_those_on_their_way_stay(mut app: TestApp) {
    let ada = app.user("ada").await;
    let collection = ada.create_collection("Notes").await;
    ada.ingest_all(&collection, texts(&[("a.txt", "The ferry waits."), ("b.txt", "The tram waits.")])).await;
    idle(&app).await;
    app.stop_worker().await;
    let payload = ada.ingest(&collection, texts(&[("a.txt", "The ferry has gone.")])).await;
    let (operation, document) = (payload["operation"]["id"].clone(), payload["documents"][0]["id"].clone());
    let document = DocumentId(row(document.as_str().unwrap()));

    let services = app.app.services();
    let Generation { id: generation, placement, .. } = active(&app, &collection).await;
    let strays = vec![
        point(generation, DocumentId::generate(), 1, 0),
        point(generation, document, 0, 0),
        point(generation, document, 1, 1),
        point(generation, document, 9, 0),
    ];
    services.vectors.upsert(&placement, strays).await.unwrap();
    services.vectors.upsert(&placement, vec![point(generation, document, 2, 5)]).await.unwrap();
    services.vectors.flush(&placement).await.unwrap();
    // What is being indexed has its points first, so one look is not enough.
    compare(&app).await;
    assert_eq!(report(&ada).await["differing"], 0);
    compare(&app).await;
    let told = report(&ada).await;
    assert_eq!((&told["differing"], &told["surplusPoints"]), (&json!(1), &json!(5)), "{told:#}");

    // Nothing is indexed while the disk is full, so that the second revision stays on its way.
    app.space.set_available(1024 * 1024);
    let app = app.restart().await;
    let deadline = Instant::now() + PATIENCE;
    while points(&app, &collection).await > 3 {
        assert!(Instant::now() < deadline, "stray points are left");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(points(&app, &collection).await, 3, "both documents and what is on its way");
    app.space.set_available(1 << 40);
    let ada = app.anonymous().log_in("ada").await;
    assert_eq!(ada.ended(operation.as_str().unwrap()).await["status"], "COMPLETED");
    assert_eq!(found(&ada, "ferry").await[0], ["The ferry has gone."]);
}

on_both_databases!(files_are_looked_for_apart_from_the_comparison_of_numbers);
async fn files_are_looked_for_apart_from_the_comparison_of_numbers(mut app: TestApp) {
    let ada = app.user("ada").await;
    let collection = ada.create_collection("Notes").await;
    ada.ingest_all(&collection, texts(&[("a.txt", "The ferry waits.")])).await;
    idle(&app).await;
    app.stop_worker().await;
    let (services, stop) = (app.app.services(), CancellationToken::new());
    integrity::walk(services, &stop).await.unwrap();
    compare(&app).await;
    let query = "{ server { integrity { checkedAt filesCheckedAt findings { kind count } } } }";
    let told = async || ada.data(query, json!({})).await["server"]["integrity"].take();
    let found = |report: &Value| -> Vec<Value> {
        let findings = report["findings"].as_array().unwrap();
        findings.iter().filter(|finding| finding["count"] != 0).cloned().collect()
    };
    let before = told().await;
    assert_eq!(found(&before), Vec::<Value>::new());
    std::fs::remove_file(original(&app, "The ferry waits.")).unwrap();
    execute(&app, "UPDATE collections SET document_count = 9").await;

    app.clock.advance(60);
    compare(&app).await;
    let compared = told().await;
    assert_eq!(found(&compared), Vec::<Value>::new());
    let times = |report: &Value| [report["checkedAt"].clone(), report["filesCheckedAt"].clone()];
    let [[_, files], [at, same_files]] = [times(&before), times(&compared)];
    assert!(times(&before)[0] != at && files == same_files && files.is_string(), "{compared:#}");

    app.clock.advance(60);
    integrity::walk(services, &stop).await.unwrap();
    let walked = told().await;
    let damage = |kind: &str| json!({ "kind": kind, "count": 1 });
    assert_eq!(found(&walked), [damage("WRONG_TOTALS"), damage("MISSING_ORIGINAL")]);
    assert!(times(&walked)[0] == at && times(&walked)[1] != files, "{walked:#}");
    // What the other check finds stays.
    compare(&app).await;
    assert_eq!(found(&told().await), found(&walked));
}

/// The report of the server, as soon as it is as expected.
async fn told(server: &Server, is_expected: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let report = server.data(REPORT, json!({})).await["server"]["integrity"].take();
        if is_expected(&report) {
            return report;
        }
        assert!(Instant::now() < deadline, "{report:#}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What the server says to those who watch it: as a whole, and of its vectors.
async fn readiness(server: &Server) -> [Value; 2] {
    let body = server.client.download("/health/ready").await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    [body["status"].clone(), body["dependencies"]["integrity"].clone()]
}

/// Removes all points of a collection from a vector server.
async fn lose_points(data_dir: &Path, url: &str, vector_url: &str, collection: &Value) {
    let mut config = Config { data_dir: data_dir.to_owned(), ..Config::default() };
    config.database.url = Some(url.to_owned());
    config.vector.url = Some(vector_url.to_owned());
    let database = Database::open(&config.database, data_dir, None).await.unwrap();
    let id = CollectionId(row(collection.as_str().unwrap()));
    let all = generations::of_collection(&database.reader(Scope::System), id).await.unwrap();
    let vectors = vector::open(&config).unwrap();
    for Generation { id, placement, .. } in &all {
        vectors.ensure(placement).await.unwrap();
        vectors.delete(placement, &PointSelector::Generation(*id)).await.unwrap();
        vectors.flush(placement).await.unwrap();
    }
    database.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_tells_what_a_process_apart_has_found_and_repaired() {
    let (url, vectors, directory) =
        (postgres::fresh_database().await, Host::start().await, tempfile::tempdir().unwrap());
    let vector_url = vectors.url();
    let environment = vec![
        ("DATABASE_URL", url.as_str()),
        ("QDRANT_URL", vector_url.as_str()),
        ("DOCENT__INGESTION__ENABLED", "false"),
        ("DOCENT__INGESTION__HEARTBEAT_SECONDS", "1"),
        ("DOCENT__INGESTION__MAX_ATTEMPTS", "1000"),
    ];
    let server = Server::start(directory.path(), &environment).await;
    server.log_in("ada").await;
    let collection = server.create_collection(json!({ "name": "Notes" })).await;
    let operation = server.ingest(&collection, texts(&[("a.txt", "The ferry waits.")])).await;
    let nothing =
        json!({ "checkedAt": null, "collections": 0, "differing": 0, "missingPoints": 0, "surplusPoints": 0 });
    assert_eq!(told(&server, |_| true).await, nothing, "the server does not look itself");
    let mut worker = Process::start("worker", directory.path(), &environment).await;
    assert_eq!(server.ended(&operation).await["status"], "COMPLETED");
    let first = told(&server, |report| report["checkedAt"].is_string()).await;
    assert_eq!((&first["collections"], &first["differing"]), (&json!(1), &json!(0)), "{first:#}");
    assert_eq!(readiness(&server).await, ["ok", "ok"]);
    worker.signal("TERM").await;
    assert!(worker.died().await.success());

    lose_points(directory.path(), &url, &vector_url, &collection).await;
    let failing = [environment.clone(), vec![("FAILPOINTS", "reconcile-begun=return(fail)")]].concat();
    let mut worker = Process::start("worker", directory.path(), &failing).await;
    let second = told(&server, |report| report["differing"] == 1 && report["checkedAt"] != first["checkedAt"]).await;
    assert_eq!((&second["missingPoints"], &second["surplusPoints"]), (&json!(1), &json!(0)), "{second:#}");
    assert_eq!(readiness(&server).await, ["degraded", "degraded"]);
    worker.signal("TERM").await;
    assert!(worker.died().await.success());
    assert_eq!(readiness(&server).await, ["degraded", "degraded"], "nobody works, and nothing is forgotten");

    let _worker = Process::start("worker", directory.path(), &environment).await;
    told(&server, |report| report["differing"] == 0 && report["missingPoints"] == 0).await;
    assert_eq!(readiness(&server).await, ["ok", "ok"]);
}
