//! Those who do harm: each in turns, so that the server has to bear the harm and its end again and again. What they are
//! refused is right, and counted.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use docent_client::{Answer, Error};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    Cast, Scene,
    disk::{self, Disk},
    kind,
    ledger::document,
};
use crate::api::Account;

/// How long connections are held, and how long the strangers stay away.
const HOLD: Duration = Duration::from_secs(30);
const AWAY: Duration = Duration::from_mins(1);
/// How long the disk is full, and how long it is not.
const FULL: Duration = Duration::from_secs(20);
const NOT_FULL: Duration = Duration::from_secs(70);
const FREEZE_PAUSE: Duration = Duration::from_mins(4);
const PROBE_PAUSE: Duration = Duration::from_secs(1);
const BULK_PAUSE: Duration = Duration::from_secs(5);
const BULK_SIZE: usize = 50;
const UPDATE_PAUSE: Duration = Duration::from_millis(300);
const UPDATED: usize = 5;
const DELETE_PAUSE: Duration = Duration::from_secs(15);
/// After a failure.
const PAUSE: Duration = Duration::from_secs(2);

/// The first number of each account's words.
const BULK: usize = 1 << 20;
const UPDATES: usize = 2 << 20;
const DELETES: usize = 3 << 20;

/// Fields that walk through what others did, for an account that may see next to nothing.
const PROBES: [(&str, &str); 3] = [
    ("operations", "operations(first: 1, filter: { status: [FAILED] }) { totalCount }"),
    ("operations", "operations(first: 1) { totalCount }"),
    ("auditLog", "auditLog(first: 1) { totalCount }"),
];
/// The fields at the root of one query: as many as the server takes.
const FIELDS: usize = 20;

/// Starts all of them.
pub fn spawn(tasks: &mut JoinSet<()>, scene: &Arc<Scene>, cast: &Cast, disk: &Disk) {
    let neighbour = |account: &Account| Neighbour { scene: Arc::clone(scene), account: account.clone() };
    let (freezer, prober, bulk) = (neighbour(&cast.freezer), neighbour(&cast.prober), neighbour(&cast.bulk));
    let (updater, deleter) = (neighbour(&cast.updater), neighbour(&cast.deleter));
    tasks.spawn(async move { freezer.freeze().await });
    tasks.spawn(async move { prober.probe().await });
    tasks.spawn(async move { bulk.hand_over_much().await });
    tasks.spawn(async move { updater.update_quickly().await });
    tasks.spawn(async move { deleter.delete_at_once().await });
    tasks.spawn(strangers(Arc::clone(scene), Stranger::HalfRequest));
    tasks.spawn(strangers(Arc::clone(scene), Stranger::Socket));
    tasks.spawn(fill_the_disk(disk.ballast()));
}

async fn fill_the_disk(ballast: std::path::PathBuf) {
    loop {
        sleep(NOT_FULL).await;
        let path = ballast.clone();
        let _ = tokio::task::spawn_blocking(move || disk::fill(&path)).await;
        sleep(FULL).await;
        let _ = tokio::fs::remove_file(&ballast).await;
    }
}

struct Neighbour {
    scene: Arc<Scene>,
    account: Account,
}

impl Neighbour {
    fn count<T>(&self, what: &str, outcome: Result<T, Error>) -> Option<T> {
        let told = outcome.as_ref().map_or_else(kind, |_| "done".to_owned());
        self.scene.tally.count(format!("{what}: {told}"));
        outcome.ok()
    }

    /// A new collection, however long it takes to get one.
    async fn collection(&self, input: Value) -> String {
        loop {
            match self.account.create_collection_with(input.clone()).await {
                Ok(collection) => return collection,
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    /// Texts that are much work for their size: as many chunks as possible, and a very long one.
    async fn freeze(&self) {
        let chunking = json!({ "maxTokens": 16, "overlapTokens": 8 });
        let tiny = self.collection(json!({ "name": "Tiny chunks", "chunking": chunking })).await;
        let plain = self.collection(json!({ "name": "Long texts" })).await;
        for turn in 0_usize.. {
            for file in 0..2 {
                // Never the same text twice: what is unchanged is skipped.
                let text = format!("{turn} {file} {}", "a b c d e f g h ".repeat(2_000_000 / 16));
                self.freeze_with(&tiny, &format!("letters-{file}.txt"), text).await;
            }
            let length = self.scene.arguments.long_text_mib << 20;
            let sentence = "The tram crosses the bridge and the river below it. ";
            let text = format!("{turn}. {}", sentence.repeat(length / sentence.len()));
            self.freeze_with(&plain, "long.txt", text).await;
            sleep(FREEZE_PAUSE).await;
        }
    }

    async fn freeze_with(&self, collection: &str, name: &str, text: String) {
        let Some(upload) = self.count("freezing upload", self.account.client().upload(name, text.into_bytes()).await)
        else {
            return;
        };
        self.count("freezing ingest", self.account.ingest_upload(collection, &upload, name).await);
    }

    /// Cheap queries that are dear.
    async fn probe(&self) {
        for turn in 0.. {
            let (what, field) = PROBES[turn % PROBES.len()];
            let fields: Vec<String> = (0..FIELDS).map(|number| format!("a{number}: {field}")).collect();
            let answer = self.account.client().send(&format!("{{ {} }}", fields.join(" ")), json!({})).await;
            self.count(&format!("dear {what}"), answer.and_then(Answer::data::<Value>));
            sleep(PROBE_PAUSE).await;
        }
    }

    async fn hand_over_much(&self) {
        let collection = self.collection(json!({ "name": "Bulk" })).await;
        for call in 0..self.scene.arguments.bulk_documents / BULK_SIZE {
            let numbers = (call * BULK_SIZE..(call + 1) * BULK_SIZE).map(|number| BULK + number);
            let documents: Vec<_> =
                numbers.map(|number| (document(format!("bulk/{number}"), number), number)).collect();
            let key = format!("bulk-{call}");
            self.scene.deliver(&self.account, ("bulk", &collection, &key), &documents).await;
            sleep(BULK_PAUSE).await;
        }
    }

    /// Replaces the texts of a few uris faster than they can be indexed.
    async fn update_quickly(&self) {
        let collection = self.collection(json!({ "name": "Updates" })).await;
        for turn in 0_usize.. {
            let number = UPDATES + turn;
            let documents = [(document(format!("updated/{}", turn % UPDATED), number), number)];
            let key = format!("update-{turn}");
            self.scene.deliver(&self.account, ("update", &collection, &key), &documents).await;
            // Three in a row of the same uri come now and then as well.
            if turn % 30 < 3 * UPDATED {
                sleep(UPDATE_PAUSE).await;
            }
        }
    }

    /// Deletes collections while their documents are being indexed.
    async fn delete_at_once(&self) {
        for turn in 0_usize.. {
            let collection = self.collection(json!({ "name": format!("Short-lived {turn}") })).await;
            let numbers = (0..20).map(|number| DELETES + turn * 20 + number);
            let documents: Vec<_> = numbers.map(|number| document(format!("deleted/{number}"), number)).collect();
            let key = format!("deleted-{turn}");
            self.count("short-lived ingest", self.account.ingest(&collection, &documents, &key).await);
            self.count("short-lived delete", self.account.delete_collection(&collection).await);
            sleep(DELETE_PAUSE).await;
        }
    }
}

/// Who connects without an account.
#[derive(Clone, Copy)]
enum Stranger {
    HalfRequest,
    Socket,
}

/// Opens as many connections as the arguments say, holds them for a while, goes away and comes again.
async fn strangers(scene: Arc<Scene>, stranger: Stranger) {
    let Ok(server) = scene.base.trim_start_matches("http://").parse() else { return };
    let (count, what) = match stranger {
        Stranger::HalfRequest => (scene.arguments.half_requests, "half requests"),
        Stranger::Socket => (scene.arguments.sockets, "sockets"),
    };
    loop {
        let mut connections = Vec::new();
        for _ in 0..count {
            match timeout(PAUSE, connect(server, stranger)).await {
                Ok(Ok((connection, told))) => {
                    scene.tally.count(format!("{what}: {told}"));
                    connections.push(connection);
                }
                Ok(Err(_)) => scene.tally.count(format!("{what}: refused")),
                Err(_) => scene.tally.count(format!("{what}: no answer")),
            }
            if scene.is_restarting() {
                break;
            }
        }
        sleep(HOLD).await;
        drop(connections);
        sleep(AWAY).await;
    }
}

async fn connect(server: SocketAddr, stranger: Stranger) -> std::io::Result<(TcpStream, String)> {
    let socket = TcpSocket::new_v4()?;
    let address = match stranger {
        Stranger::HalfRequest => [127, 0, 0, 3],
        Stranger::Socket => [127, 0, 0, 4],
    };
    socket.bind((address, 0).into())?;
    let mut connection = socket.connect(server).await?;
    if matches!(stranger, Stranger::HalfRequest) {
        connection.write_all(b"POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-le").await?;
        return Ok((connection, "open".into()));
    }
    let upgrade = "GET /graphql HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        sec-websocket-protocol: graphql-transport-ws\r\n\r\n";
    connection.write_all(upgrade.as_bytes()).await?;
    let mut status = [0; 12];
    connection.read_exact(&mut status).await?;
    Ok((connection, String::from_utf8_lossy(&status[9..]).into_owned()))
}
