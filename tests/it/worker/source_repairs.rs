//! Files of sources that fail are tried again, those that leave an archive go, and those that are unchanged cost nothing.

use std::{collections::BTreeSet, fs};

use docent::config::Config;
use serde_json::{Value, json};

use super::{
    behind::{count, execute, found, points},
    sources::{World, numbers},
};
use crate::extract::samples::archive;

/// Nothing is synced because it has changed.
fn unwatched() -> Config {
    let mut config = Config::default();
    config.sources.watch_seconds = 0;
    config
}

async fn tries_again(on_postgres: bool) {
    let mut config = unwatched();
    config.limits.stored_bytes_per_collection = 5_000;
    let world = World::with(config, on_postgres).await;
    let letter = "The tram waits. ".repeat(150);
    fs::write(world.place.path().join("a.zip"), archive(&[("a.txt", &letter)])).unwrap();
    world.write("b.txt", &"The ferry waits. ".repeat(200));
    world.write("c.txt", "The harbour sleeps.");
    let source = world.synced(json!({ "onVanish": { "action": "DELETE" }, "syncIntervalMinutes": 1 })).await;
    let failed = "SELECT COUNT(*) FROM documents WHERE status = 'FAILED'";
    assert_eq!(numbers(&world.last_run(&source).await), [3, 3, 0, 0, 0, 0]);
    assert_eq!(count(&world.app, failed).await, 1, "there is no room for the file of the archive");

    // By itself it waits five minutes. Who asks for a sync need not wait.
    assert_eq!(numbers(&world.synced_after(61, &source).await), [3, 0, 0, 3, 0, 0]);
    assert_eq!(numbers(&world.sync(&source, false).await), [3, 0, 1, 2, 0, 0]);
    assert_eq!(count(&world.app, failed).await, 1);

    // Now that there is room, it is ten minutes: it has failed twice.
    world.remove("b.txt");
    assert_eq!(numbers(&world.synced_after(61, &source).await), [2, 0, 0, 2, 1, 0]);
    assert_eq!(numbers(&world.synced_after(400, &source).await), [2, 0, 0, 2, 0, 0]);
    assert_eq!(numbers(&world.synced_after(200, &source).await), [2, 0, 1, 1, 0, 0]);
    let mut uris = world.uris().await;
    uris.sort();
    assert_eq!(uris, ["a.zip", "a.zip/a.txt", "c.txt"]);
    assert_eq!(count(&world.app, failed).await, 0);
    assert_eq!(numbers(&world.sync(&source, false).await), [2, 0, 0, 2, 0, 0]);
}

mod a_file_that_fails_is_tried_again {
    #[tokio::test(flavor = "multi_thread")]
    async fn on_sqlite() {
        Box::pin(super::tries_again(false)).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn on_postgres() {
        Box::pin(super::tries_again(true)).await;
    }
}

async fn files_leave(on_postgres: bool) {
    let all = [
        ("a.txt", "The ferry waits."),
        ("b.txt", "The tram waits."),
        ("c/d.txt", "The otter sleeps."),
        ("e.txt", "It rains."),
    ];
    for (action, rest) in [
        ("DELETE", &["a.zip/a.txt", "a.zip/e.txt"][..]),
        ("KEEP", &["a.zip/a.txt", "a.zip/b.txt", "a.zip/c/d.txt", "a.zip/e.txt"]),
    ] {
        let world = World::with(unwatched(), on_postgres).await;
        let write = |files: &[(&str, &str)]| fs::write(world.place.path().join("a.zip"), archive(files)).unwrap();
        write(&all);
        world.write("a.zip.txt", "The islands are far.");
        let source = world.synced(json!({ "onVanish": { "action": action } })).await;
        write(&[("a.txt", "The ferry has left the harbour."), all[3]]);
        assert_eq!(numbers(&world.sync(&source, false).await), [2, 0, 1, 1, 0, 0]);
        let mut uris = world.uris().await;
        uris.sort();
        let expected: Vec<_> = ["a.zip", "a.zip.txt"].iter().chain(rest).copied().collect();
        assert_eq!(uris, BTreeSet::from_iter(expected).into_iter().collect::<Vec<_>>(), "{action}");
        assert_eq!(found(&world.ada, "otter").await[0].len(), usize::from(action == "KEEP"), "{action}");
        assert_eq!(points(&world.app, &world.collection).await, rest.len() + 1, "{action}");
    }
}

mod what_leaves_an_archive_goes_unless_the_source_keeps_it {
    #[tokio::test(flavor = "multi_thread")]
    async fn on_sqlite() {
        Box::pin(super::files_leave(false)).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn on_postgres() {
        Box::pin(super::files_leave(true)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_is_damaged_or_another_one_removes_no_files() {
    let world = World::with(unwatched(), false).await;
    let put = |bytes: Vec<u8>| fs::write(world.place.path().join("a.zip"), bytes).unwrap();
    let files = [("a.txt", "The ferry waits."), ("b.txt", "The tram waits."), ("c.txt", "The otter sleeps.")];
    put(archive(&files));
    let source = world.synced(json!({ "onVanish": { "action": "DELETE" } })).await;
    let before = world.uris().await;
    assert_eq!(before.len(), 4);
    for (state, bytes) in [
        ("more than half are gone", archive(&files[..1])),
        ("a file is left out", archive(&[files[0], files[1], ("d.txt", "")])),
        ("it is a text", b"The disk was full.".to_vec()),
    ] {
        put(bytes);
        world.sync(&source, false).await;
        assert_eq!(world.uris().await, before, "{state}");
    }
}

async fn costs_nothing(on_postgres: bool) {
    const FILES: usize = 200;
    let world = World::with(unwatched(), on_postgres).await;
    for number in 0..FILES {
        world.write(&format!("{}/{number}.txt", number % 10), "The ferry waits.");
    }
    let source = world.synced(json!({ "onVanish": { "action": "DELETE" }, "syncIntervalMinutes": 1 })).await;

    // Whoever reads this file finds other words in it.
    let path = world.place.path().join("0/0.txt");
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, "The otter waits.").unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    let mut run = json!(null);
    let statements = world.app.seeing(async { run = world.synced_after(61, &source).await }).await;
    assert_eq!(numbers(&run), [200, 0, 0, 200, 0, 0], "{run:#}");
    assert!(found(&world.ada, "otter").await[0].is_empty());

    let writes: Vec<_> = statements.iter().filter(|statement| !statement.starts_with("SELECT")).collect();
    for table in ["documents", "source_files", "chunks", "operations", "operation_documents", "operation_events"] {
        let about = format!("\"{table}\"");
        assert!(!writes.iter().any(|statement| statement.contains(&about)), "{table}: {writes:#?}");
    }
    let about_run =
        |statement: &&&String| ["\"sources\"", "\"source_runs\""].iter().any(|table| statement.contains(table));
    assert!(writes.iter().filter(about_run).count() <= 6, "{writes:#?}");
    let of_source = statements.iter().filter(|statement| statement.contains("source_files")).count();
    assert!(of_source <= 2, "a statement for thousands of files: {of_source}");
}

mod unchanged_files_are_not_read_and_nothing_is_written_of_them {
    #[tokio::test(flavor = "multi_thread")]
    async fn on_sqlite() {
        Box::pin(super::costs_nothing(false)).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn on_postgres() {
        Box::pin(super::costs_nothing(true)).await;
    }
}

async fn keeps_metadata(on_postgres: bool) {
    let world = World::with(unwatched(), on_postgres).await;
    world.write("a.md", "The ferry waits.");
    fs::write(world.place.path().join("z.zip"), archive(&[("b.txt", "The tram waits.")])).unwrap();
    let source = world.synced(json!({})).await;
    let documents = async || {
        let query = "query($id: ID!) { collection(id: $id) {
            documents(orderBy: { field: FILE_NAME }) { nodes { id uri fileName meta } }
        } }";
        let found = world.ada.data(query, json!({ "id": world.collection })).await;
        found["collection"]["documents"]["nodes"].as_array().unwrap().clone()
    };
    let update = "mutation($input: DocumentUpdateInput!) { documentUpdate(input: $input) { userErrors { code } } }";
    for document in documents().await {
        let name = format!("new-{}", document["fileName"].as_str().unwrap());
        let input = json!({ "id": document["id"], "fileName": name, "meta": { "of": document["uri"] } });
        world.ada.data(update, json!({ "input": input })).await;
    }
    let changed = documents().await;
    let told = |documents: &[Value], field: &str| documents.iter().map(|it| it[field].clone()).collect::<Vec<_>>();
    assert_eq!(told(&changed, "fileName"), ["new-a.md", "new-b.txt", "new-z.zip"]);
    assert_eq!(changed[1]["meta"], json!({ "of": "z.zip/b.txt" }));

    // Touched, they are read and found unchanged; an archive is unpacked again.
    for name in ["a.md", "z.zip"] {
        let file = fs::File::options().write(true).open(world.place.path().join(name)).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000)).unwrap();
    }
    assert_eq!(numbers(&world.sync(&source, false).await), [2, 0, 1, 1, 0, 0]);
    assert_eq!(documents().await, changed);
    world.write("a.md", "The ferry has left.");
    assert_eq!(numbers(&world.sync(&source, false).await), [2, 0, 1, 1, 0, 0]);
    let after = documents().await;
    assert_eq!(told(&after, "meta"), told(&changed, "meta"));
    assert_eq!(told(&after, "fileName"), ["a.md", "new-b.txt", "new-z.zip"]);
    assert_eq!(found(&world.ada, "left").await[0].len(), 1);
}

mod metadata_of_files_stays_when_they_are_touched_or_changed {
    #[tokio::test(flavor = "multi_thread")]
    async fn on_sqlite() {
        Box::pin(super::keeps_metadata(false)).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn on_postgres() {
        Box::pin(super::keeps_metadata(true)).await;
    }
}

async fn tries_members_again(on_postgres: bool) {
    let world = World::with(unwatched(), on_postgres).await;
    fs::write(world.place.path().join("a.zip"), archive(&[("b.txt", "The tram waits.")])).unwrap();
    let source = world.synced(json!({})).await;
    let error = json!({
        "stage": "INDEX", "code": "SERVICE_FAILURE", "message": "A fault.", "attempts": 1, "retryable": true
    });
    let fail = format!("UPDATE documents SET status = 'FAILED', error = '{error}' WHERE uri = 'a.zip/b.txt'");
    execute(&world.app, &fail).await;

    // A change of the archive's metadata is no unpacking.
    world.app.clock.advance(10);
    let query = "query($id: ID!) { collection(id: $id) {
        documents(filter: { uri: \"a.zip\" }) { nodes { id updatedAt } }
    } }";
    let look = async || {
        let mut found = world.ada.data(query, json!({ "id": world.collection })).await;
        found["collection"]["documents"]["nodes"][0].take()
    };
    let before = look().await;
    let update = "mutation($input: DocumentUpdateInput!) { documentUpdate(input: $input) { userErrors { code } } }";
    let input = json!({ "id": before["id"], "meta": { "year": 2026 } });
    world.ada.data(update, json!({ "input": input })).await;
    assert_ne!(look().await["updatedAt"], before["updatedAt"]);
    assert_eq!(numbers(&world.sync(&source, false).await), [1, 0, 1, 0, 0, 0]);
    assert_eq!(count(&world.app, "SELECT COUNT(*) FROM documents WHERE status = 'FAILED'").await, 0);
}

mod a_file_of_an_archive_is_tried_again_after_the_archive_was_given_metadata {
    #[tokio::test(flavor = "multi_thread")]
    async fn on_sqlite() {
        Box::pin(super::tries_members_again(false)).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn on_postgres() {
        Box::pin(super::tries_members_again(true)).await;
    }
}
