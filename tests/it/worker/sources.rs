//! Collections that follow a directory.

use std::{fs, path::Path};

use docent::config::Config;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::behind::{count, idle};
use crate::{
    extract::samples::archive,
    support::{app::TestApp, caller::Caller},
};

const RUN: &str = "found added changed unchanged removed failed skipped error operation { id status }";

/// An application that may read a directory, and what is in it.
pub struct World {
    pub app: TestApp,
    pub ada: Caller,
    pub collection: String,
    pub place: TempDir,
}

impl World {
    /// Nothing is synced because it has changed.
    async fn new(on_postgres: bool) -> Self {
        Self::watching(0, on_postgres).await
    }

    async fn watching(seconds: u64, on_postgres: bool) -> Self {
        let mut config = Config::default();
        config.sources.watch_seconds = seconds;
        Self::with(config, on_postgres).await
    }

    pub async fn with(mut config: Config, on_postgres: bool) -> Self {
        let place = tempfile::tempdir().unwrap();
        config.sources.directories = vec![place.path().to_str().unwrap().to_owned()];
        config.sources.check_seconds = 1;
        let app = TestApp::with(config, on_postgres).await;
        let ada = app.user("ada").await;
        let collection = ada.create_collection("Harbour").await;
        Self { app, ada, collection, place }
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.place.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn remove(&self, path: &str) {
        fs::remove_file(self.place.path().join(path)).unwrap();
    }

    async fn create(&self, more: Value) -> Value {
        let mut input = json!({
            "collectionId": self.collection,
            "name": "Papers",
            "location": { "directory": { "path": self.place.path() } },
        });
        input.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        let create = "mutation($input: SourceCreateInput!) {
            sourceCreate(input: $input) { source { id } operation { id } userErrors { code message path } }
        }";
        self.ada.data(create, json!({ "input": input })).await["sourceCreate"].take()
    }

    /// A source that has been synced once.
    pub async fn synced(&self, more: Value) -> String {
        let created = self.create(more).await;
        self.ended(&created["operation"]["id"]).await;
        created["source"]["id"].as_str().unwrap_or_else(|| panic!("{created:#}")).to_owned()
    }

    async fn ended(&self, operation: &Value) -> Value {
        let ended = self.ada.ended(operation.as_str().unwrap_or_else(|| panic!("{operation:#}"))).await;
        idle(&self.app).await;
        ended
    }

    pub async fn sync(&self, source: &str, confirm: bool) -> Value {
        let sync = "mutation($input: SourceSyncInput!) {
            sourceSync(input: $input) { operation { id } userErrors { code message } }
        }";
        let input = json!({ "id": source, "confirm": confirm });
        let payload = self.ada.data(sync, json!({ "input": input })).await["sourceSync"].take();
        self.ended(&payload["operation"]["id"]).await;
        self.last_run(source).await
    }

    pub async fn last_run(&self, source: &str) -> Value {
        let query = format!("query($id: ID!) {{ node(id: $id) {{ ... on Source {{ lastRun {{ {RUN} }} }} }} }}");
        self.ada.data(&query, json!({ "id": source })).await["node"]["lastRun"].take()
    }

    /// Waits until so many seconds are over and the source has been synced by itself. Returns what that did.
    pub async fn synced_after(&self, seconds: i64, source: &str) -> Value {
        let query = "query($id: ID!) { node(id: $id) { ... on Source { status runs { totalCount } } } }";
        let look = async || self.ada.data(query, json!({ "id": source })).await["node"].take();
        let before = look().await["runs"]["totalCount"].take();
        self.app.clock.advance(seconds);
        let deadline = std::time::Instant::now() + crate::support::app::PATIENCE;
        loop {
            let now = look().await;
            if now["runs"]["totalCount"] != before && now["status"] == "IDLE" {
                break;
            }
            assert!(std::time::Instant::now() < deadline, "the source is not synced: {now:#}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        idle(&self.app).await;
        self.last_run(source).await
    }

    pub async fn uris(&self) -> Vec<String> {
        let query = "query($id: ID!) { collection(id: $id) {
            documents(orderBy: { field: FILE_NAME }, first: 100) { nodes { uri status } }
        } }";
        let found = self.ada.data(query, json!({ "id": self.collection })).await;
        let nodes = found["collection"]["documents"]["nodes"].as_array().unwrap();
        nodes.iter().map(|node| node["uri"].as_str().unwrap().to_owned()).collect()
    }
}

/// The numbers of a run: found, added, changed, unchanged, removed, failed.
pub fn numbers(run: &Value) -> [i64; 6] {
    ["found", "added", "changed", "unchanged", "removed", "failed"].map(|name| run[name].as_i64().unwrap())
}

async fn follows(on_postgres: bool) {
    let world = World::new(on_postgres).await;
    world.write("a.md", "The ferry waits.");
    world.write("deep/down/b.txt", "The tram waits.");
    world.write("deep/c.tmp", "Nobody reads this.");
    let delete_at_once = json!({ "onVanish": { "action": "DELETE" } });
    let mut more = json!({ "location": { "directory": { "path": world.place.path(), "exclude": ["*.tmp"] } } });
    more.as_object_mut().unwrap().extend(delete_at_once.as_object().cloned().unwrap());
    let source = world.synced(more).await;
    assert_eq!(numbers(&world.last_run(&source).await), [2, 2, 0, 0, 0, 0]);
    assert_eq!(world.uris().await, ["a.md", "deep/down/b.txt"]);

    // Nothing is read again, and nothing is written but the run.
    assert_eq!(numbers(&world.sync(&source, false).await), [2, 0, 0, 2, 0, 0]);
    world.write("a.md", "The ferry has left for the islands.");
    world.write("d.txt", "The harbour sleeps.");
    assert_eq!(numbers(&world.sync(&source, false).await), [3, 1, 1, 1, 0, 0]);
    let hits = world.ada.search(json!({ "query": "islands", "mode": "LEXICAL" })).await;
    assert_eq!(hits["nodes"].as_array().unwrap().len(), 1, "{hits:#}");

    world.remove("d.txt");
    assert_eq!(numbers(&world.sync(&source, false).await), [2, 0, 0, 2, 1, 0]);
    assert_eq!(world.uris().await, ["a.md", "deep/down/b.txt"]);
}

mod a_collection_follows_a_directory {
    #[tokio::test(flavor = "multi_thread")]
    async fn on_sqlite() {
        super::follows(false).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn on_postgres() {
        super::follows(true).await;
    }
}

async fn is_careful(on_postgres: bool) {
    let world = World::new(on_postgres).await;
    for name in ["a.txt", "b.txt", "c.txt"] {
        world.write(name, &format!("The text of {name}."));
    }
    let source = world.synced(json!({ "onVanish": { "action": "DELETE_AFTER", "syncs": 2 } })).await;
    world.remove("a.txt");
    assert_eq!(numbers(&world.sync(&source, false).await)[4], 0, "it is missed for the first time");
    assert_eq!(numbers(&world.sync(&source, false).await)[4], 1, "it is missed for the second time");

    world.remove("b.txt");
    world.remove("c.txt");
    for _ in 0..3 {
        let run = world.sync(&source, false).await;
        assert_eq!(run["removed"], 0, "{run:#}");
        assert!(run["error"].as_str().unwrap().contains("confirm"), "{run:#}");
    }
    let runs = "query($id: ID!, $hasError: Boolean) { node(id: $id) { ... on Source {
        runs(filter: { hasError: $hasError }) { totalCount nodes { error } }
    } } }";
    for (has_error, count) in [(json!(true), 3), (json!(false), 3), (Value::Null, 6)] {
        let variables = json!({ "id": source, "hasError": has_error });
        let found = world.ada.data(runs, variables).await["node"]["runs"].take();
        let shown = found["nodes"].as_array().unwrap().len();
        assert_eq!((&found["totalCount"], shown), (&json!(count), count), "{has_error}");
    }
    let sources = "query($id: ID!, $filter: SourceFilter) { collection(id: $id) {
        sources(filter: $filter) { totalCount nodes { id } }
    } }";
    for (filter, count) in [
        (json!({ "hasError": true, "status": ["IDLE", "REMOVING"] }), 1),
        (json!({ "hasError": false }), 0),
        (json!({ "status": ["SYNCING"] }), 0),
        (json!({ "status": [] }), 1),
    ] {
        let variables = json!({ "id": world.collection, "filter": filter });
        let found = world.ada.data(sources, variables).await["collection"]["sources"].take();
        let shown = found["nodes"].as_array().unwrap().len();
        assert_eq!((&found["totalCount"], shown), (&json!(count), count), "{filter}");
    }
    world.sync(&source, true).await;
    assert_eq!(world.sync(&source, true).await["removed"], 2);
    assert_eq!(world.uris().await, Vec::<String>::new());

    // A place that is away deletes nothing.
    world.write("d.txt", "The harbour sleeps.");
    world.sync(&source, false).await;
    fs::rename(world.place.path(), world.place.path().with_extension("away")).unwrap();
    let run = world.sync(&source, true).await;
    fs::rename(world.place.path().with_extension("away"), world.place.path()).unwrap();
    assert_eq!(run["operation"]["status"], "FAILED", "{run:#}");
    assert_eq!(world.uris().await, ["d.txt"]);
}

mod nothing_is_deleted_in_masses_or_because_a_place_is_away {
    #[tokio::test(flavor = "multi_thread")]
    async fn on_sqlite() {
        super::is_careful(false).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn on_postgres() {
        super::is_careful(true).await;
    }
}

async fn unpacks(on_postgres: bool) {
    let world = World::new(on_postgres).await;
    let write = |name: &str, files: &[(&str, &str)]| fs::write(world.place.path().join(name), archive(files)).unwrap();
    write("a.zip", &[("a.txt", "The ferry waits."), ("b.txt", "The tram waits.")]);
    write("A.zip", &[("c.txt", "The harbour sleeps.")]);
    world.write("d.txt", "The islands are far.");
    let source = world.synced(json!({ "onVanish": { "action": "DELETE" } })).await;
    assert_eq!(numbers(&world.last_run(&source).await), [3, 3, 0, 0, 0, 0]);
    let mut uris = world.uris().await;
    uris.sort();
    assert_eq!(uris, ["A.zip", "A.zip/c.txt", "a.zip", "a.zip/a.txt", "a.zip/b.txt", "d.txt"]);
    let of_source = "SELECT COUNT(*) FROM documents WHERE source_id IS NOT NULL";
    assert_eq!(count(&world.app, of_source).await, 6, "the files of an archive come from its source");
    assert_eq!(numbers(&world.sync(&source, false).await), [3, 0, 0, 3, 0, 0]);

    // A folder with the name of an archive has files of its own.
    world.remove("a.zip");
    world.write("a.zip/b.txt", "The tram has left.");
    assert_eq!(numbers(&world.sync(&source, false).await), [3, 1, 0, 2, 1, 0]);
    let mut uris = world.uris().await;
    uris.sort();
    assert_eq!(uris, ["A.zip", "A.zip/c.txt", "a.zip/b.txt", "d.txt"]);
}

mod the_files_of_an_archive_come_and_go_with_it {
    #[tokio::test(flavor = "multi_thread")]
    async fn on_sqlite() {
        super::unpacks(false).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn on_postgres() {
        super::unpacks(true).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn corrupt_files_fail_with_their_reasons_and_the_others_are_indexed() {
    const FILES: usize = 40;
    let world = World::new(false).await;
    for number in 0..FILES {
        world.write(&format!("good/{number}.txt"), &format!("Letter {number} tells of the tram."));
        let (name, text) = match number % 4 {
            0 => ("pdf", "%PDF-1.7\nThis is no PDF file."),
            1 => ("docx", "This is no archive."),
            2 => ("html", ""),
            _ => ("txt", "   \n"),
        };
        world.write(&format!("bad/{number}.{name}"), text);
    }
    rustix::fs::mknodat(
        rustix::fs::CWD,
        world.place.path().join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    let created = world.create(json!({})).await;
    let ended = world.ended(&created["operation"]["id"]).await;
    let totals = ["documents", "completed", "failed"].map(|name| ended["totals"][name].as_u64().unwrap());
    assert_eq!(totals, [2 * FILES as u64, FILES as u64, FILES as u64], "{ended:#}");
    assert_eq!(
        count(&world.app, "SELECT COUNT(*) FROM documents WHERE status = 'FAILED' AND error IS NOT NULL").await,
        40
    );
    let run = world.last_run(created["source"]["id"].as_str().unwrap()).await;
    assert_eq!((numbers(&run), &run["skipped"]), ([80, 80, 0, 0, 0, 0], &json!(1)), "the pipe is left out");
}

async fn can_be_removed(on_postgres: bool) {
    let world = World::new(on_postgres).await;
    world.write("a.txt", "The ferry waits.");
    world.write("b.txt", "The tram waits.");
    let remove = "mutation($input: SourceRemoveInput!) {
        sourceRemove(input: $input) { removedId operation { id type } userErrors { code } }
    }";
    let kept = world.synced(json!({ "name": "Kept" })).await;
    let input = json!({ "id": kept, "keepDocuments": true });
    let payload = world.ada.data(remove, json!({ "input": input })).await["sourceRemove"].take();
    assert_eq!(world.ended(&payload["operation"]["id"]).await["status"], "COMPLETED");
    assert_eq!(world.uris().await, ["a.txt", "b.txt"]);

    // Their uris belong to nobody now, and another source does not take them.
    let other = world.synced(json!({ "name": "Other" })).await;
    assert_eq!(numbers(&world.last_run(&other).await), [2, 0, 0, 0, 0, 2]);
    world.write("c.txt", "The harbour sleeps.");
    assert_eq!(numbers(&world.sync(&other, false).await), [3, 1, 0, 0, 0, 2]);
    let payload = world.ada.data(remove, json!({ "input": { "id": other } })).await["sourceRemove"].take();
    assert_eq!(payload["operation"]["type"], "REMOVE_SOURCE");
    let ended = world.ended(&payload["operation"]["id"]).await;
    assert_eq!((&ended["status"], &ended["totals"]["completed"]), (&json!("COMPLETED"), &json!(1)), "{ended:#}");
    assert_eq!(world.uris().await, ["a.txt", "b.txt"]);
    for table in ["sources", "source_runs", "source_files"] {
        assert_eq!(count(&world.app, &format!("SELECT COUNT(*) FROM {table}")).await, 0, "{table}");
    }
}

mod a_source_is_removed_with_its_documents_or_without {
    #[tokio::test(flavor = "multi_thread")]
    async fn on_sqlite() {
        super::can_be_removed(false).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn on_postgres() {
        super::can_be_removed(true).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_with_an_interval_syncs_by_itself() {
    let world = World::new(false).await;
    world.write("a.txt", "The ferry waits.");
    world.synced(json!({ "syncIntervalMinutes": 5 })).await;
    world.write("b.txt", "The tram waits.");
    world.app.clock.advance(5 * 60 + 1);
    let deadline = std::time::Instant::now() + crate::support::app::PATIENCE;
    while world.uris().await.len() < 2 {
        assert!(std::time::Instant::now() < deadline, "the new file is not found");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    idle(&world.app).await;
}

async fn is_watched(on_postgres: bool) {
    let world = World::watching(1, on_postgres).await;
    world.write("deep/a.txt", "The ferry waits.");
    let source = world.synced(json!({ "syncIntervalMinutes": 1000, "onVanish": { "action": "DELETE" } })).await;
    let becomes = async |expected: &[&str]| {
        let deadline = std::time::Instant::now() + crate::support::app::PATIENCE;
        while world.uris().await != expected {
            assert!(std::time::Instant::now() < deadline, "{expected:?} is not found");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        idle(&world.app).await;
    };
    // It is watched a moment after it was created.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    world.write("deep/b.txt", "The tram waits.");
    becomes(&["deep/a.txt", "deep/b.txt"]).await;
    world.write("new/below/c.txt", "The quay is wet.");
    becomes(&["deep/a.txt", "deep/b.txt", "new/below/c.txt"]).await;
    world.remove("deep/a.txt");
    becomes(&["deep/b.txt", "new/below/c.txt"]).await;

    // Reading is no change: the syncs were no reason for others.
    let query = "query($id: ID!) { node(id: $id) { ... on Source { runs { totalCount } } } }";
    let runs = async || world.ada.data(query, json!({ "id": source })).await["node"]["runs"]["totalCount"].take();
    let before = runs().await;
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    assert_eq!(runs().await, before);
}

mod a_directory_that_changes_is_synced_soon {
    #[tokio::test(flavor = "multi_thread")]
    async fn on_sqlite() {
        super::is_watched(false).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn on_postgres() {
        super::is_watched(true).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_is_not_opened_for_sources_is_refused() {
    let world = World::new(false).await;
    let inside = world.place.path().join("..").join("..");
    for path in [Path::new("/etc"), inside.as_path(), Path::new("")] {
        let created = world.create(json!({ "location": { "directory": { "path": path } } })).await;
        assert_eq!(created["source"], Value::Null, "{path:?}");
        assert_eq!(created["userErrors"][0]["path"], json!(["location", "directory", "path"]), "{created:#}");
    }
    let created =
        world.create(json!({ "location": { "directory": { "path": world.place.path(), "include": ["[a"] } } }));
    assert_eq!(created.await["userErrors"][0]["path"], json!(["location", "directory", "include", "0"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_says_what_a_sync_would_do_and_does_nothing() {
    let world = World::new(false).await;
    world.write("a.txt", "The ferry waits.");
    world.write(".hidden", "Nobody reads this.");
    let preview = "query($input: SourcePreviewInput!) { sourcePreview(input: $input) {
        found added { count uris } changed { uris } removed { uris } unchanged skippedCount skipped { path reason }
    } }";
    let location = json!({ "directory": { "path": world.place.path() } });
    let input = json!({ "location": { "collectionId": world.collection, "location": location } });
    let found = world.ada.data(preview, json!({ "input": input })).await["sourcePreview"].take();
    assert_eq!(found["added"], json!({ "count": 1, "uris": ["a.txt"] }));
    assert_eq!(found["skipped"], json!([{ "path": ".hidden", "reason": "HIDDEN" }]));
    let source = world.synced(json!({ "onVanish": { "action": "DELETE" } })).await;
    world.write("a.txt", "The ferry has left.");
    world.write("b.txt", "The tram waits.");
    let found = world.ada.data(preview, json!({ "input": { "sourceId": source } })).await["sourcePreview"].take();
    assert_eq!((&found["added"]["uris"], &found["changed"]["uris"]), (&json!(["b.txt"]), &json!(["a.txt"])));
    assert_eq!(world.uris().await, ["a.txt"]);
}

async fn goes_with_its_collection(on_postgres: bool) {
    for change in ["sourceSync", "sourceRemove"] {
        let mut world = World::new(on_postgres).await;
        world.write("a.txt", "The ferry waits.");
        let source = world.synced(json!({})).await;
        world.write("b.txt", "The tram waits.");
        world.app.stop_worker().await;
        let request = format!("mutation($id: ID!) {{ {change}(input: {{ id: $id }}) {{ operation {{ id }} }} }}");
        let payload = world.ada.data(&request, json!({ "id": source })).await[change].take();
        let delete = "mutation($id: ID!) { collectionDelete(input: { collectionId: $id }) { operation { id } } }";
        world.ada.data(delete, json!({ "id": world.collection })).await;
        let app = world.app.restart().await;
        let ada = app.anonymous().log_in("ada").await;
        ada.ended(payload["operation"]["id"].as_str().unwrap_or_else(|| panic!("{payload:#}"))).await;
        idle(&app).await;
        for table in ["collections", "documents", "sources", "source_runs", "source_files"] {
            assert_eq!(count(&app, &format!("SELECT COUNT(*) FROM {table}")).await, 0, "{change}: {table}");
        }
    }
}

mod a_source_goes_with_its_collection_whatever_it_does {
    #[tokio::test(flavor = "multi_thread")]
    async fn on_sqlite() {
        Box::pin(super::goes_with_its_collection(false)).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn on_postgres() {
        Box::pin(super::goes_with_its_collection(true)).await;
    }
}
