//! An object store with one bucket, that speaks as much of S3's protocol as reading it needs.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    fmt::Write,
    net::Ipv4Addr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::Response,
};
use futures_util::stream;
use ring::hmac;
use sha2::{Digest, Sha256};
use tokio::{net::TcpListener, task::JoinHandle};
use url::Url;

pub const NAME: &str = "papers";
pub const ACCESS_KEY: &str = "AKIDHARBOUR";
pub const SECRET: &str = "the-secret-of-the-harbour";

/// How a store behaves.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub enum Manner {
    #[default]
    Honest,
    /// Its list has no end, and no file.
    Endless,
    /// A page of its list has.
    Lengthy,
    /// It never sends what is in an object.
    Stuck,
}

/// Objects of one page of a list.
const PAGE: usize = 2;

#[derive(Default)]
struct Content {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    /// Objects that were sent.
    sent: AtomicUsize,
    manner: Mutex<Manner>,
}

/// A store at `http://localhost` and a port of its own.
pub struct Bucket {
    pub port: u16,
    content: Arc<Content>,
    task: JoinHandle<()>,
}

impl Bucket {
    pub async fn open() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let content = Arc::new(Content::default());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&content));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { port, content, task }
    }

    pub fn put(&self, key: &str, body: &str) {
        self.content.objects.lock().unwrap().insert(key.to_owned(), body.as_bytes().to_vec());
    }

    pub fn delete(&self, key: &str) {
        self.content.objects.lock().unwrap().remove(key);
    }

    pub fn behave(&self, manner: Manner) {
        *self.content.manner.lock().unwrap() = manner;
    }

    /// How many objects were sent since the last call.
    pub fn sent(&self) -> usize {
        self.content.sent.swap(0, Ordering::SeqCst)
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn etag(body: &[u8]) -> String {
    let sum = body.iter().fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    format!("\"{sum:016x}\"")
}

async fn answer(State(content): State<Arc<Content>>, request: Request) -> Response<Body> {
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let url = Url::parse(&format!("http://localhost{}", request.uri())).unwrap();
    let bucket = format!("/{NAME}");
    let (status, body, tag): (u16, _, _) = if !is_signed(&request, &url) {
        (403, b"<Error><Code>AccessDenied</Code></Error>".to_vec(), None)
    } else if url.path().trim_end_matches('/') == bucket {
        (200, list(&content, &url).into_bytes(), None)
    } else {
        let key = url.path().strip_prefix(&format!("{bucket}/")).unwrap_or_default();
        match content.objects.lock().unwrap().get(key) {
            None => (404, b"<Error><Code>NoSuchKey</Code></Error>".to_vec(), None),
            Some(body) if header("if-match").is_some_and(|tag| tag != etag(body)) => (412, Vec::new(), None),
            Some(body) => {
                content.sent.fetch_add(1, Ordering::SeqCst);
                (200, body.clone(), Some(etag(body)))
            }
        }
    };
    let mut response = Response::builder().status(status);
    let is_object = tag.is_some();
    if let Some(tag) = tag {
        response = response.header("etag", tag);
    }
    if is_object && *content.manner.lock().unwrap() == Manner::Stuck {
        let nothing = stream::pending::<Result<Vec<u8>, Infallible>>();
        return response.header("content-length", body.len()).body(Body::from_stream(nothing)).unwrap();
    }
    response.body(Body::from(body)).unwrap()
}

/// Whether a request is signed with the secret (AWS Signature Version 4).
fn is_signed(request: &Request, url: &Url) -> bool {
    let header = |name: &str| request.headers().get(name).map_or("", |value| value.to_str().unwrap().trim());
    let part = |name: &str| {
        let mut parts = header("authorization").split([' ', ',']);
        parts.find_map(|part| part.strip_prefix(name)).unwrap_or_default()
    };
    let Some((key, scope)) = part("Credential=").split_once('/') else { return false };
    let names = part("SignedHeaders=");
    let headers: Vec<_> = names.split(';').map(|name| format!("{name}:{}\n", header(name))).collect();
    let headers = headers.concat();
    let mut query: Vec<_> =
        url.query_pairs().map(|(name, value)| format!("{}={}", escaped(&name), escaped(&value))).collect();
    query.sort();
    let (method, path, query, digest) = (request.method(), url.path(), query.join("&"), header("x-amz-content-sha256"));
    let canonical = format!("{method}\n{path}\n{query}\n{headers}\n{names}\n{digest}");
    let canonical = hex::encode(Sha256::digest(canonical));
    let text = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{canonical}", header("x-amz-date"));
    let sign =
        |key: &[u8], text: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec();
    let secret = format!("AWS4{SECRET}").into_bytes();
    let secret = scope.split('/').fold(secret, |secret, part| sign(&secret, part));
    key == ACCESS_KEY && hex::encode(sign(&secret, &text)) == part("Signature=")
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "%{byte:02X}").unwrap();
        }
    }
    escaped
}

/// A page of the list: the token of the next one is the last key.
fn list(content: &Content, url: &Url) -> String {
    let query: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    let manner = *content.manner.lock().unwrap();
    if manner == Manner::Lengthy {
        return " ".repeat(16 << 20);
    }
    if manner == Manner::Endless {
        let number = query.get("continuation-token").map_or(0, |token| token.parse::<u64>().unwrap()) + 1;
        return format!(
            "<ListBucketResult><Contents><Key>docs/{number}/</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>\
             <Size>0</Size></Contents><IsTruncated>true</IsTruncated>\
             <NextContinuationToken>{number}</NextContinuationToken></ListBucketResult>"
        );
    }
    let prefix = query.get("prefix").cloned().unwrap_or_default();
    let after = query.get("continuation-token").cloned().unwrap_or_default();
    let objects = content.objects.lock().unwrap();
    let found: Vec<_> = objects.iter().filter(|(key, _)| key.starts_with(&prefix) && **key > after).collect();
    let mut list = String::from("<ListBucketResult>");
    for (key, body) in found.iter().take(PAGE) {
        let (size, tag) = (body.len(), etag(body).replace('"', "&quot;"));
        write!(
            list,
            "<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>{tag}</ETag>\
             <Size>{size}</Size></Contents>"
        )
        .unwrap();
    }
    let more = found.len() > PAGE;
    write!(list, "<IsTruncated>{more}</IsTruncated>").unwrap();
    if let Some((last, _)) = found.get(PAGE - 1).filter(|_| more) {
        write!(list, "<NextContinuationToken>{last}</NextContinuationToken>").unwrap();
    }
    list + "</ListBucketResult>"
}
