//! GraphQL over HTTP: one operation in a request, from nobody, with a token, or in a session that renews itself.

use std::{
    io,
    net::IpAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::Stream;
use reqwest::{
    Body, ClientBuilder, RequestBuilder, Response, StatusCode, Url,
    header::{ACCEPT, CONTENT_LENGTH, RETRY_AFTER},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::{
    answer::Answer,
    error::{Error, excerpt},
};

/// Longer than any single request may take (the server gives up an execution after 30 s).
const REQUEST_LIMIT: Duration = Duration::from_secs(40);

/// How many bytes of a file that is uploaded have to arrive in a second, on average.
const SLOWEST_UPLOAD: u64 = 8 * 1024;

/// How the client calls itself: people see it beside their sessions.
const USER_AGENT: &str = concat!("docent-client/", env!("CARGO_PKG_VERSION"));

/// How long before its end an access token is replaced.
const TOKEN_RESERVE: TimeDelta = TimeDelta::seconds(60);

const SESSION_CREATE: &str = include_str!("../operations/session_create.graphql");
const SESSION_REFRESH: &str = include_str!("../operations/session_refresh.graphql");
const SESSION_REVOKE: &str = include_str!("../operations/session_revoke.graphql");
const UPLOADS_CREATE: &str = include_str!("../operations/uploads_create.graphql");
const UPLOAD_CREATE: &str = include_str!("../operations/upload_create.graphql");

/// The wall clock: tokens and events carry times of the server's.
#[expect(clippy::disallowed_methods, reason = "a client has no clock to move")]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// A place for the content of one file: it can be filled once, until the server forgets it.
#[derive(Clone, Debug, Deserialize)]
pub struct Upload {
    /// What `documentsIngest` names it by.
    pub id: String,
    url: String,
}

/// A client of one server. All tasks of a program can share it.
pub struct Client {
    http: reqwest::Client,
    state: Mutex<State>,
}

struct State {
    base: Url,
    credential: Credential,
}

enum Credential {
    Nobody,
    Token(String),
    Session(Session),
}

struct Session {
    login: String,
    password: String,
    tokens: Tokens,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tokens {
    access_token: String,
    refresh_token: String,
    expires_at: DateTime<Utc>,
}

impl Client {
    /// A client of the server at `base`, such as `http://127.0.0.1:8080`, that is not logged in.
    pub fn new(base: &str) -> Result<Self, Error> {
        Self::with(reqwest::Client::builder(), base)
    }

    /// As [`new`](Self::new), with all requests sent from this address of the machine.
    pub fn from_address(base: &str, address: IpAddr) -> Result<Self, Error> {
        Self::with(reqwest::Client::builder().local_address(address), base)
    }

    fn with(builder: ClientBuilder, base: &str) -> Result<Self, Error> {
        // Fails only if the program has chosen an implementation of TLS already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let base = address(base)?;
        // A proxy of the environment can't reach a server on this machine.
        let is_local = matches!(base.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        let builder = if is_local { builder.no_proxy() } else { builder };
        let http = builder
            .user_agent(USER_AGENT)
            .timeout(REQUEST_LIMIT)
            .build()
            .map_err(|error| Error::unreachable(&error))?;
        Ok(Self { http, state: Mutex::new(State { base, credential: Credential::Nobody }) })
    }

    /// From now on talks to the same server at another address. A session stays valid.
    pub async fn move_to(&self, base: &str) -> Result<(), Error> {
        self.state.lock().await.base = address(base)?;
        Ok(())
    }

    /// Opens a session, which renews itself for as long as the client is used.
    pub async fn log_in(&self, login: &str, password: &str) -> Result<(), Error> {
        let mut state = self.state.lock().await;
        let tokens = self.open_session(&state.base, login, password).await?;
        let session = Session { login: login.to_owned(), password: password.to_owned(), tokens };
        state.credential = Credential::Session(session);
        Ok(())
    }

    /// Ends the session, and sends no credential from now on.
    pub async fn log_out(&self) -> Result<(), Error> {
        let ended = self.mutate::<Value>(SESSION_REVOKE, "sessionRevoke", json!({ "input": {} })).await;
        self.state.lock().await.credential = Credential::Nobody;
        ended.map(drop)
    }

    /// Sends this access token or API key from now on.
    pub async fn use_token(&self, token: &str) {
        self.state.lock().await.credential = Credential::Token(token.to_owned());
    }

    /// Sends one operation and returns the answer as it came. An answer that is not JSON, or says that the server wants
    /// fewer requests, is an error.
    pub async fn send(&self, document: &str, variables: Value) -> Result<Answer, Error> {
        let (base, token) = self.access().await?;
        self.post(&base, token.as_deref(), document, variables).await
    }

    /// Sends one query and returns its `field`.
    pub async fn query<T: DeserializeOwned>(&self, document: &str, field: &str, variables: Value) -> Result<T, Error> {
        self.send(document, variables).await?.field(field)
    }

    /// Sends one mutation and returns its payload. The document has to select `userErrors { code message }`.
    pub async fn mutate<T: DeserializeOwned>(
        &self,
        document: &str,
        mutation: &str,
        variables: Value,
    ) -> Result<T, Error> {
        self.send(document, variables).await?.payload(mutation)
    }

    /// Sends a file and returns the id of its upload, for `documentsIngest`.
    pub async fn upload(&self, file_name: &str, bytes: Vec<u8>) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct Payload {
            upload: Upload,
        }
        let variables = json!({ "input": { "fileName": file_name } });
        let Payload { upload } = self.mutate(UPLOAD_CREATE, "uploadCreate", variables).await?;
        let (url, token) = self.resolve(&upload.url).await?;
        transfer(authorised(self.http.put(url).body(bytes), token.as_deref())).await?;
        Ok(upload.id)
    }

    /// Places for the contents of files with these names, in their order: all or none. [`fill`](Self::fill) fills them.
    pub async fn create_uploads(&self, file_names: &[&str]) -> Result<Vec<Upload>, Error> {
        #[derive(Deserialize)]
        struct Payload {
            uploads: Vec<Upload>,
        }
        let files: Vec<_> = file_names.iter().map(|name| json!({ "fileName": name })).collect();
        let variables = json!({ "input": { "files": files } });
        let Payload { uploads } = self.mutate(UPLOADS_CREATE, "uploadsCreate", variables).await?;
        if uploads.len() == file_names.len() {
            Ok(uploads)
        } else {
            Err(Error::Unexpected(format!("{} uploads for {} files", uploads.len(), file_names.len())))
        }
    }

    /// Sends the content of a file as it is read: `length` bytes.
    pub async fn fill<S>(&self, upload: &Upload, length: u64, content: S) -> Result<(), Error>
    where
        S: Stream<Item = io::Result<Bytes>> + Send + 'static,
    {
        let (url, token) = self.resolve(&upload.url).await?;
        let limit = REQUEST_LIMIT + Duration::from_secs(length / SLOWEST_UPLOAD);
        // With its length the server refuses what is too large before it comes, and knows when something is missing.
        let request = self.http.put(url).timeout(limit).header(CONTENT_LENGTH, length).body(Body::wrap_stream(content));
        transfer(authorised(request, token.as_deref())).await.map(drop)
    }

    /// The bytes at `url`, which may be relative to the server, such as the `downloadUrl` of a document.
    pub async fn download(&self, url: &str) -> Result<Vec<u8>, Error> {
        let (url, token) = self.resolve(url).await?;
        transfer(authorised(self.http.get(url), token.as_deref())).await
    }

    /// Where the server is, and an access token that is valid for a while, if there is one.
    pub(crate) async fn access(&self) -> Result<(Url, Option<String>), Error> {
        let mut state = self.state.lock().await;
        let State { base, credential } = &mut *state;
        let token = match credential {
            Credential::Nobody => None,
            Credential::Token(token) => Some(token.clone()),
            Credential::Session(session) => {
                if session.tokens.expires_at - now() < TOKEN_RESERVE {
                    session.tokens = self.renew(base, session).await?;
                }
                Some(session.tokens.access_token.clone())
            }
        };
        Ok((base.clone(), token))
    }

    /// A URL as the server tells it, and the token for it: another server is not shown one.
    async fn resolve(&self, url: &str) -> Result<(Url, Option<String>), Error> {
        let (base, token) = self.access().await?;
        let url = base.join(url).map_err(|error| Error::Unexpected(format!("{url}: {error}")))?;
        let is_ours = url.origin() == base.origin();
        Ok((url, token.filter(|_| is_ours)))
    }

    async fn open_session(&self, base: &Url, login: &str, password: &str) -> Result<Tokens, Error> {
        let variables = json!({ "input": { "login": login, "password": password } });
        self.post(base, None, SESSION_CREATE, variables).await?.payload("sessionCreate")
    }

    /// Refresh tokens are good once: if the answer to an earlier refresh was lost, only a new session helps.
    async fn renew(&self, base: &Url, session: &Session) -> Result<Tokens, Error> {
        let variables = json!({ "input": { "refreshToken": session.tokens.refresh_token } });
        match self.post(base, None, SESSION_REFRESH, variables).await?.payload("sessionRefresh") {
            Err(Error::Refused { .. }) => self.open_session(base, &session.login, &session.password).await,
            renewed => renewed,
        }
    }

    async fn post(&self, base: &Url, token: Option<&str>, document: &str, variables: Value) -> Result<Answer, Error> {
        let accept = "application/graphql-response+json, application/json;q=0.9";
        let sent = Instant::now();
        let (status, bytes) =
            exchange(self.operation(base, token, document, &variables).header(ACCEPT, accept)).await?;
        let elapsed = sent.elapsed();
        match serde_json::from_slice(&bytes) {
            Ok(body) => Ok(Answer { body, elapsed }),
            Err(_) => Err(match refusal(status, &bytes) {
                away @ Error::Unreachable(_) => away,
                _ => Error::Unexpected(format!("{status}, not JSON: {}", text_of(&bytes))),
            }),
        }
    }

    /// A request to run an operation, which lacks only what the client accepts.
    pub(crate) fn operation(
        &self,
        base: &Url,
        token: Option<&str>,
        document: &str,
        variables: &Value,
    ) -> RequestBuilder {
        let body = json!({ "query": document, "variables": variables });
        authorised(self.http.post(format!("{base}graphql")).json(&body), token)
    }
}

/// An address without a last slash, as a URL that others are relative to.
fn address(base: &str) -> Result<Url, Error> {
    let url = Url::parse(&format!("{}/", base.trim_end_matches('/')));
    url.map_err(|error| Error::Unreachable(format!("{base} is not an address: {error}")))
}

fn authorised(request: RequestBuilder, token: Option<&str>) -> RequestBuilder {
    match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    }
}

/// Sends a request and reads its answer to the end.
async fn exchange(request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), Error> {
    read(request.send().await.map_err(|error| Error::unreachable(&error))?).await
}

/// Reads an answer to the end.
pub(crate) async fn read(response: Response) -> Result<(StatusCode, Vec<u8>), Error> {
    let status = response.status();
    let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let bytes = response.bytes().await.map_err(|error| Error::unreachable(&error))?;
    if status == StatusCode::TOO_MANY_REQUESTS {
        let message = match refusal(status, &bytes) {
            Error::Refused { message, .. } | Error::RateLimited { message, .. } => message,
            other => other.to_string(),
        };
        return Err(Error::RateLimited { message, retry_after: seconds.map(Duration::from_secs) });
    }
    Ok((status, bytes.into()))
}

/// As `exchange`, for a request that is not GraphQL: only a success has bytes that are asked for.
async fn transfer(request: RequestBuilder) -> Result<Vec<u8>, Error> {
    let (status, bytes) = exchange(request).await?;
    if status.is_success() { Ok(bytes) } else { Err(refusal(status, &bytes)) }
}

/// What an answer says that brings nothing.
pub(crate) fn refusal(status: StatusCode, bytes: &[u8]) -> Error {
    let answer: Value = serde_json::from_slice(bytes).unwrap_or_default();
    match &answer["errors"] {
        Value::Array(errors) if !errors.is_empty() => Error::of_answer(&answer["errors"]),
        // A proxy whose server is away.
        _ if matches!(status.as_u16(), 502..=504) => Error::Unreachable(format!("{status} {}", text_of(bytes))),
        _ => Error::Refused { code: None, message: format!("{status} {}", text_of(bytes)), retry_after: None },
    }
}

fn text_of(bytes: &[u8]) -> String {
    excerpt(&String::from_utf8_lossy(bytes))
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    #[tokio::test]
    async fn status_429_is_told_apart_whatever_the_body_says() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = Client::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let answer = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await.unwrap();
            stream.write_all(b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 2\r\n\r\nno").await.unwrap();
            stream
        };
        let asked = client.send("{ viewer { id } }", json!({}));
        let (asked, _stream) = tokio::join!(asked, answer);
        assert!(matches!(asked, Err(Error::RateLimited { .. })));
    }

    #[tokio::test]
    async fn closed_port_is_unreachable() {
        let client = Client::new("http://127.0.0.1:1").unwrap();
        assert!(matches!(client.send("{ viewer { id } }", json!({})).await, Err(Error::Unreachable(_))));
    }

    #[tokio::test]
    async fn token_is_sent_to_its_own_server_and_to_no_other() {
        let client = Client::new("http://127.0.0.1:8080/docent/").unwrap();
        client.use_token("secret").await;
        let (url, token) = client.resolve("/docent/uploads/1").await.unwrap();
        assert_eq!((url.as_str(), token.as_deref()), ("http://127.0.0.1:8080/docent/uploads/1", Some("secret")));
        let (url, token) = client.resolve("http://127.0.0.1:80/uploads/1").await.unwrap();
        assert_eq!((url.as_str(), token), ("http://127.0.0.1/uploads/1", None));
    }

    #[test]
    fn address_that_is_none_is_refused() {
        assert!(matches!(Client::new("somewhere"), Err(Error::Unreachable(_))));
    }
}
