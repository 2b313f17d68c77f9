//! Collections that follow a bucket.

use std::{sync::Arc, time::Duration};

use docent::config::Config;
use serde_json::{Value, json};

use super::behind::{execute, idle};
use crate::support::{
    app::TestApp,
    bucket::{self, Bucket, Manner},
    caller::Caller,
    site::{TestNames, Trap},
};

const RUN: &str = "found added changed unchanged removed failed skipped error operation { id status }";

/// An application that may read a store on this machine.
struct World {
    app: TestApp,
    ada: Caller,
    collection: String,
    bucket: Bucket,
}

impl World {
    async fn new(on_postgres: bool) -> Self {
        let mut config = Config::default();
        config.sources.web_timeout_seconds = 2;
        Self::with(config, on_postgres).await
    }

    async fn with(mut config: Config, on_postgres: bool) -> Self {
        config.sources.web_hosts = vec!["localhost".to_owned()];
        let app = TestApp::with_names(config, on_postgres, Arc::new(TestNames::default())).await;
        let ada = app.user("ada").await;
        let collection = ada.create_collection("Harbour").await;
        Self { app, ada, collection, bucket: Bucket::open().await }
    }

    fn location(&self, more: &Value) -> Value {
        let mut location = json!({
            "endpoint": format!("http://localhost:{}", self.bucket.port),
            "bucket": bucket::NAME,
            "prefix": "docs",
            "credentials": { "accessKeyId": bucket::ACCESS_KEY, "secretAccessKey": bucket::SECRET },
        });
        location.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        json!({ "bucket": location })
    }

    async fn create(&self, name: &str, more: Value) -> Value {
        let create = "mutation($input: SourceCreateInput!) {
            sourceCreate(input: $input) { source { id } operation { id } userErrors { code message path } }
        }";
        let input = json!({
            "collectionId": self.collection, "name": name, "onVanish": { "action": "DELETE" },
            "location": self.location(&more),
        });
        self.ada.data(create, json!({ "input": input })).await["sourceCreate"].take()
    }

    /// A source that has been synced once.
    async fn synced(&self, name: &str, more: Value) -> String {
        let created = self.create(name, more).await;
        self.ended(&created["operation"]["id"]).await;
        created["source"]["id"].as_str().unwrap_or_else(|| panic!("{created:#}")).to_owned()
    }

    async fn ended(&self, operation: &Value) {
        self.ada.ended(operation.as_str().unwrap_or_else(|| panic!("{operation:#}"))).await;
        idle(&self.app).await;
    }

    async fn sync(&self, source: &str) -> Value {
        let sync = "mutation($input: SourceSyncInput!) {
            sourceSync(input: $input) { operation { id } userErrors { code message } }
        }";
        let payload = self.ada.data(sync, json!({ "input": { "id": source } })).await["sourceSync"].take();
        self.ended(&payload["operation"]["id"]).await;
        self.last_run(source).await
    }

    async fn last_run(&self, source: &str) -> Value {
        let query = format!("query($id: ID!) {{ node(id: $id) {{ ... on Source {{ lastRun {{ {RUN} }} }} }} }}");
        self.ada.data(&query, json!({ "id": source })).await["node"]["lastRun"].take()
    }

    async fn uris(&self) -> Vec<String> {
        let query = "query($id: ID!) { collection(id: $id) {
            documents(orderBy: { field: FILE_NAME }, first: 100) { nodes { uri } }
        } }";
        let found = self.ada.data(query, json!({ "id": self.collection })).await;
        let nodes = found["collection"]["documents"]["nodes"].as_array().unwrap();
        nodes.iter().map(|node| node["uri"].as_str().unwrap().to_owned()).collect()
    }
}

/// The numbers of a run: found, added, changed, unchanged, removed, failed.
fn numbers(run: &Value) -> [i64; 6] {
    ["found", "added", "changed", "unchanged", "removed", "failed"].map(|name| run[name].as_i64().unwrap())
}

async fn follows(on_postgres: bool) {
    let world = World::new(on_postgres).await;
    for (key, text) in [
        ("docs/a.md", "The ferry waits."),
        ("docs/deep/b.txt", "The tram waits."),
        ("docs/deep/c.txt", "The quay is wet."),
        ("docs/drafts/d.md", "Nobody reads this."),
        ("docs/e", ""),
        ("docsx/f.md", "Nobody reads this."),
    ] {
        world.bucket.put(key, text);
    }
    let source = world.synced("Papers", json!({ "exclude": ["drafts"] })).await;
    let run = world.last_run(&source).await;
    assert_eq!((numbers(&run), &run["skipped"]), ([3, 3, 0, 0, 0, 0], &json!(2)), "{run:#}");
    assert_eq!(world.uris().await, ["a.md", "deep/b.txt", "deep/c.txt"]);
    assert_eq!(world.bucket.sent(), 3);

    assert_eq!(numbers(&world.sync(&source).await), [3, 0, 0, 3, 0, 0]);
    assert_eq!(world.bucket.sent(), 0, "the list tells that nothing has changed");
    world.bucket.put("docs/a.md", "The ferry has left for the islands.");
    world.bucket.delete("docs/deep/b.txt");
    assert_eq!(numbers(&world.sync(&source).await), [2, 0, 1, 1, 1, 0]);
    assert_eq!(world.bucket.sent(), 1);
    let hits = world.ada.search(json!({ "query": "islands", "mode": "LEXICAL" })).await;
    assert_eq!(hits["nodes"].as_array().unwrap().len(), 1, "{hits:#}");
}

mod a_collection_follows_a_bucket {
    #[tokio::test(flavor = "multi_thread")]
    async fn on_sqlite() {
        super::follows(false).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn on_postgres() {
        super::follows(true).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_of_a_bucket_is_sealed_and_of_no_use_elsewhere() {
    let world = World::new(false).await;
    world.bucket.put("docs/a.md", "The ferry waits.");
    let source = world.synced("Papers", json!({})).await;
    let query =
        "query($id: ID!) { node(id: $id) { ... on Source { kind bucket { endpoint bucket prefix accessKeyId } } } }";
    let shown = world.ada.data(query, json!({ "id": source })).await;
    assert_eq!(shown["node"]["bucket"]["accessKeyId"], bucket::ACCESS_KEY);
    // Neither the database nor a file of the data directory has it.
    for entry in std::fs::read_dir(world.app.data_dir()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let secret = bucket::SECRET.as_bytes();
            assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{}", path.display());
        }
    }
    // A row that was written by hand sends it to no other store.
    execute(&world.app, "UPDATE sources SET location = replace(location, 'papers', 'other')").await;
    let run = world.sync(&source).await;
    assert!(run["error"].as_str().unwrap().contains("credentials again"), "{run:#}");
    assert_eq!(world.uris().await, ["a.md"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_no_path_is_named_and_deletes_nothing() {
    let world = World::new(false).await;
    world.bucket.put("docs/a.md", "The ferry waits.");
    world.bucket.put("docs/z.md", "The tram waits.");
    let source = world.synced("Papers", json!({})).await;
    world.bucket.put("docs/b.md", "The quay is wet.");
    world.bucket.put("docs/deep//x.md", "Nobody reads this.");
    let run = world.sync(&source).await;
    assert_eq!((numbers(&run), &run["skipped"]), ([2, 1, 0, 1, 0, 0], &json!(1)), "{run:#}");
    assert!(run["error"].as_str().unwrap().contains("docs/deep//x.md"), "{run:#}");
    assert_eq!(world.uris().await, ["a.md", "b.md", "z.md"]);
    world.bucket.delete("docs/deep//x.md");
    assert_eq!(world.sync(&source).await["error"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_never_ends_is_left() {
    let mut config = Config::default();
    config.sources.max_files = 50;
    let world = World::with(config, false).await;
    world.bucket.put("docs/a.md", "The ferry waits.");
    let source = world.synced("Papers", json!({})).await;
    for (manner, words) in [(Manner::Endless, "more than 50"), (Manner::Lengthy, "too long")] {
        world.bucket.behave(manner);
        let run = world.sync(&source).await;
        assert_eq!(run["operation"]["status"], "FAILED", "{run:#}");
        assert!(run["error"].as_str().unwrap().contains(words), "{run:#}");
    }

    world.bucket.behave(Manner::Stuck);
    world.bucket.put("docs/b.md", "The tram waits.");
    world.bucket.sent();
    let sync = "mutation($input: SourceSyncInput!) { sourceSync(input: $input) { operation { id } } }";
    let payload = world.ada.data(sync, json!({ "input": { "id": source } })).await["sourceSync"].take();
    let operation = &payload["operation"]["id"];
    let soon = async {
        while world.bucket.sent() == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let cancel = "mutation($id: ID!) { operationCancel(input: { operationId: $id }) { userErrors { code } } }";
        world.ada.data(cancel, json!({ "id": operation })).await;
        world.ended(operation).await;
    };
    // One request may take 30 seconds, and is made again.
    tokio::time::timeout(Duration::from_secs(20), soon).await.unwrap();
    assert_eq!(world.last_run(&source).await["operation"]["status"], "CANCELLED");
    assert_eq!(world.uris().await, ["a.md"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_can_not_be_read_deletes_nothing_and_says_why() {
    let (world, trap) = (World::new(false).await, Trap::set().await);
    world.bucket.put("docs/a.md", "The ferry waits.");
    world.synced("Papers", json!({})).await;
    let wrong = |key| json!({ "credentials": { "accessKeyId": key, "secretAccessKey": "wrong" } });
    for (name, more) in
        [("Wrong", wrong("wrong")), ("Nearly", wrong(bucket::ACCESS_KEY)), ("Unsigned", json!({ "credentials": null }))]
    {
        let source = world.synced(name, more).await;
        let run = world.last_run(&source).await;
        assert_eq!(run["operation"]["status"], "FAILED", "{run:#}");
        assert!(run["error"].as_str().unwrap().contains("does not accept the credentials"), "{run:#}");
    }
    // Buckets are a way to internal addresses no more than sites are.
    for host in ["127.0.0.1", "2130706433", "[::ffff:127.0.0.1]", "169.254.169.254"] {
        let created = world.create("Inside", json!({ "endpoint": format!("http://{host}:{}", trap.port) })).await;
        assert_eq!(created["userErrors"][0]["path"], json!(["location", "bucket", "endpoint"]), "{created:#}");
    }
    for host in ["inside.test", "mapped.test"] {
        let source = world.synced(host, json!({ "endpoint": format!("http://{host}:{}", trap.port) })).await;
        let run = world.last_run(&source).await;
        assert!(run["error"].as_str().unwrap().contains("sources.web_hosts"), "{run:#}");
    }
    assert_eq!(trap.connections(), 0);
    for (field, value) in [("bucket", "a/b"), ("region", "x.evil.test/"), ("bucket", "..")] {
        let created = world.create("Inside", json!({ field: value })).await;
        assert_eq!(created["userErrors"][0]["path"], json!(["location", "bucket", field]), "{created:#}");
    }
    assert_eq!(world.uris().await, ["a.md"]);
}
