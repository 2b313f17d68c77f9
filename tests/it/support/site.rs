//! A web site for sources to read, a trap that nobody may connect to, and names that lead to both.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::Response,
};
use docent::source::Names;
use tokio::{net::TcpListener, task::JoinHandle};

/// What the site answers for a path.
#[derive(Clone)]
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Reply {
    /// A page. Its validator follows from its content.
    pub fn page(body: &str) -> Self {
        let etag = format!(
            "\"{:x}\"",
            body.bytes().fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)))
        );
        Self::of("text/html; charset=utf-8", body.as_bytes().to_vec()).with("etag", etag)
    }

    pub fn of(content_type: &str, body: Vec<u8>) -> Self {
        Self { status: 200, headers: vec![("content-type", content_type.to_owned())], body }
    }

    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    pub fn redirect(target: &str) -> Self {
        Self::status(302).with("location", target.to_owned())
    }

    pub fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

#[derive(Default)]
struct Content {
    replies: Mutex<HashMap<String, Reply>>,
    /// The path and the status of each answer.
    answers: Mutex<Vec<(String, u16)>>,
    is_slow: AtomicBool,
    /// Requests that are being answered, and the most that there were at a time.
    open: AtomicUsize,
    most_open: AtomicUsize,
}

/// A site at `http://localhost` and a port of its own. What it does not have is missing.
pub struct Site {
    pub port: u16,
    content: Arc<Content>,
    task: JoinHandle<()>,
}

impl Site {
    pub async fn open() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let content = Arc::new(Content::default());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&content));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { port, content, task }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.port)
    }

    pub fn set(&self, path: &str, reply: Reply) {
        self.content.replies.lock().unwrap().insert(path.to_owned(), reply);
    }

    pub fn remove(&self, path: &str) {
        self.content.replies.lock().unwrap().remove(path);
    }

    /// From now on an answer takes long enough that another request is there meanwhile, if it is made.
    pub fn be_slow(&self) {
        self.content.is_slow.store(true, Ordering::SeqCst);
    }

    /// The most requests that were made at the same time.
    pub fn most_at_once(&self) -> usize {
        self.content.most_open.load(Ordering::SeqCst)
    }

    /// The paths that were requested since the last call, with the status of each, in order of the paths.
    pub fn answered(&self) -> Vec<(String, u16)> {
        let mut answers = std::mem::take(&mut *self.content.answers.lock().unwrap());
        answers.sort();
        answers
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(content): State<Arc<Content>>, request: Request) -> Response<Body> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    content.most_open.fetch_max(content.open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
    if content.is_slow.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    content.open.fetch_sub(1, Ordering::SeqCst);
    let asked = request.headers().get("if-none-match").map(|etag| etag.to_str().unwrap().to_owned());
    let reply = content.replies.lock().unwrap().get(&path).cloned().unwrap_or_else(|| Reply::status(404));
    let etag = reply.headers.iter().find(|(name, _)| *name == "etag").map(|(_, etag)| etag.clone());
    let reply = if etag.is_some() && etag == asked { Reply::status(304) } else { reply };
    content.answers.lock().unwrap().push((path, reply.status));
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(reply.body)).unwrap()
}

/// A port of this machine that counts who connects to it.
pub struct Trap {
    pub port: u16,
    connections: Arc<AtomicUsize>,
    tasks: Vec<JoinHandle<()>>,
}

impl Trap {
    pub async fn set() -> Self {
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = first.local_addr().unwrap().port();
        let mut listeners = vec![first];
        // Not every machine has IPv6.
        listeners.extend(TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await.ok());
        let connections = Arc::new(AtomicUsize::new(0));
        let tasks = listeners.into_iter().map(|listener| tokio::spawn(count(listener, Arc::clone(&connections))));
        let tasks = tasks.collect();
        Self { port, connections, tasks }
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Trap {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn count(listener: TcpListener, connections: Arc<AtomicUsize>) {
    while listener.accept().await.is_ok() {
        connections.fetch_add(1, Ordering::SeqCst);
    }
}

/// The names of tests. `localhost` and `inside.test` are this machine, `mapped.test` is it in IPv6, and `rebind.test` is a
/// public address that no host has, and this machine when it is looked up again.
#[derive(Default)]
pub struct TestNames {
    looked_up: AtomicUsize,
}

#[async_trait]
impl Names for TestNames {
    async fn look_up(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let this_machine = IpAddr::V4(Ipv4Addr::LOCALHOST);
        match host.trim_end_matches('.') {
            "mapped.test" => Ok(vec![IpAddr::V6(Ipv4Addr::LOCALHOST.to_ipv6_mapped())]),
            "rebind.test" if self.looked_up.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) => {
                Ok(vec!["2fff:ffff::1".parse().unwrap()])
            }
            "localhost" | "inside.test" | "rebind.test" => Ok(vec![this_machine]),
            _ => Err(io::Error::other("there is no such host")),
        }
    }
}
