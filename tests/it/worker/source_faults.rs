//! The process dies during a sync, or the directory has things in it that nobody can read: what can be done is done, once.

use std::{
    fs,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{app::PATIENCE, process::Server};

/// A server that follows a directory.
struct World {
    server: Server,
    source: Value,
    data: TempDir,
    place: TempDir,
}

impl World {
    /// The files of the directory are not known yet. The server dies at a step.
    async fn new(step: &str, files: &[&str]) -> Self {
        let (data, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for name in files {
            fs::write(place.path().join(name), format!("The text of {name}.")).unwrap();
        }
        let opened = ("DOCENT__SOURCES__DIRECTORIES", place.path().to_str().unwrap());
        let failpoints = format!("{step}=1*return(abort)");
        let server = Server::start(data.path(), &[opened, ("FAILPOINTS", &failpoints)]).await;
        server.log_in("ada").await;
        let collection = server.create_collection(json!({ "name": "Letters" })).await;
        let create = "mutation($input: SourceCreateInput!) {
            sourceCreate(input: $input) { source { id } userErrors { message } }
        }";
        let input = json!({
            "collectionId": collection,
            "name": "Papers",
            "location": { "directory": { "path": place.path() } },
            "onVanish": { "action": "DELETE" },
            "syncNow": false,
        });
        let mut created = server.data(create, json!({ "input": input })).await;
        let source = created["sourceCreate"]["source"]["id"].take();
        assert!(source.is_string(), "{created:#}");
        Self { server, source, data, place }
    }

    /// Requests a change of the source. The server may die before it answers.
    async fn request(&self, mutation: &str) {
        let text = format!("mutation($id: ID!) {{ {mutation}(input: {{ id: $id }}) {{ userErrors {{ code }} }} }}");
        self.server.graphql(&text, json!({ "id": self.source })).await;
    }

    /// The server dies, and starts again without failpoints.
    async fn revived(mut self) -> Self {
        self.server.died().await;
        let opened = ("DOCENT__SOURCES__DIRECTORIES", self.place.path().to_str().unwrap());
        self.server = self.server.restart(self.data.path(), &[opened]).await;
        self
    }

    /// The last run and the uris, when the source is at rest, or gone.
    async fn rested(&self) -> (Value, Vec<String>) {
        let query = "{ collections(first: 1) { nodes {
            documents(first: 100) { nodes { uri status } }
            operations(first: 100) { nodes { status totals { documents completed } } }
            sources(first: 1) { nodes { status lastRun { found added removed failed } } }
        } } }";
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut data = self.server.data(query, json!({})).await;
            let collection = &mut data["collections"]["nodes"][0];
            let all = |list: &Value, status: &str| list.as_array().unwrap().iter().all(|node| node["status"] == status);
            let is_done = all(&collection["operations"]["nodes"], "COMPLETED")
                && all(&collection["documents"]["nodes"], "COMPLETED")
                && all(&collection["sources"]["nodes"], "IDLE");
            if is_done {
                let nodes = collection["documents"]["nodes"].as_array().unwrap();
                let mut uris: Vec<_> = nodes.iter().map(|node| node["uri"].as_str().unwrap().to_owned()).collect();
                uris.sort();
                for operation in collection["operations"]["nodes"].as_array().unwrap() {
                    assert_eq!(operation["totals"]["documents"], operation["totals"]["completed"], "{operation:#}");
                }
                let run = collection.pointer_mut("/sources/nodes/0/lastRun").map(Value::take);
                return (run.unwrap_or_default(), uris);
            }
            assert!(Instant::now() < deadline, "the source does not come to rest: {data:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_survives_the_death_of_the_process_after_each_of_its_steps() {
    for step in ["sync-begun", "sync-page-read", "sync-page-accepted", "sync-done"] {
        let world = World::new(step, &["a.txt", "b.txt"]).await;
        world.request("sourceSync").await;
        let world = world.revived().await;
        let (run, uris) = world.rested().await;
        let counts = ["found", "added", "removed", "failed"].map(|name| run[name].as_i64().unwrap());
        assert_eq!((counts, uris), ([2, 2, 0, 0], vec!["a.txt".to_owned(), "b.txt".to_owned()]), "{step}");
        world.server.kill();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_that_a_sync_or_a_removal_deletes_are_deleted_once_although_the_process_dies() {
    for (step, left) in [("sync-page-removed", vec!["b.txt", "c.txt"]), ("source-page-removed", vec![])] {
        let world = World::new(step, &["a.txt", "b.txt", "c.txt"]).await;
        world.request("sourceSync").await;
        assert_eq!(world.rested().await.1.len(), 3);
        if step == "sync-page-removed" {
            fs::remove_file(world.place.path().join("a.txt")).unwrap();
            world.request("sourceSync").await;
        } else {
            world.request("sourceRemove").await;
        }
        let world = world.revived().await;
        let (run, uris) = world.rested().await;
        assert_eq!(uris, left, "{step}");
        if step == "sync-page-removed" {
            assert_eq!(run["removed"], 1, "{run:#}");
        }
        world.server.kill();
    }
}
