//! GraphQL over HTTP with one account, as any client of Docent speaks it. It knows sessions and errors, but no single
//! operation: those are in `api`.

use std::{
    fmt,
    net::IpAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::StatusCode;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

/// The account of the benchmark. Its server listens on the loopback interface and lives for one run.
pub const LOGIN: &str = "benchmark";
pub const PASSWORD: &str = "an account that lives for one run";

/// Longer than any single request may take (the server gives up an execution after 30 s).
const REQUEST_LIMIT: Duration = Duration::from_secs(40);

/// How long before its end an access token is replaced.
const TOKEN_RESERVE: TimeDelta = TimeDelta::seconds(60);

const SESSION_CREATE: &str = include_str!("../operations/session_create.graphql");
const SESSION_REFRESH: &str = include_str!("../operations/session_refresh.graphql");

/// Why a call brought no data.
#[derive(Debug)]
pub enum CallError {
    /// No complete answer came: the request may have been carried out or not.
    Unreachable(String),
    /// The server answered, and the answer is an error.
    Refused(String),
    /// The server wants to be asked less often. What is measured then is the limit, so no caller goes on after it.
    RateLimited(String),
}

impl fmt::Display for CallError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(reason) => write!(formatter, "the server didn't answer: {reason}"),
            Self::Refused(reason) => write!(formatter, "the server refused: {reason}"),
            Self::RateLimited(reason) => write!(
                formatter,
                "the server answered 429 RATE_LIMITED, so what was measured is its limits (raise them with --set): {reason}"
            ),
        }
    }
}

impl std::error::Error for CallError {}

/// A value with the time from sending the request to the last byte of the answer.
pub struct Timed<T> {
    pub value: T,
    pub elapsed: Duration,
}

/// The wall clock. Used where a moment is compared with one that the server wrote; durations use `Instant`.
#[expect(clippy::disallowed_methods, reason = "this program measures; it has no clock to move")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}

/// A client with one session. The server may move (a restart takes another port); the session stays good.
pub struct Client {
    http: reqwest::Client,
    login: String,
    state: Mutex<State>,
}

struct State {
    base: String,
    session: Option<Session>,
}

#[derive(Deserialize, Clone)]
#[serde(rename_all = "camelCase")]
struct Session {
    access_token: String,
    refresh_token: String,
    expires_at: DateTime<Utc>,
}

impl Client {
    /// A client of the server at `base` (`http://127.0.0.1:1234`) with the account `LOGIN`, not yet logged in.
    pub fn new(base: &str) -> Result<Self> {
        Self::of(base, LOGIN)
    }

    /// As `new`, with another account. All accounts have the same password.
    pub fn of(base: &str, login: &str) -> Result<Self> {
        Self::with(reqwest::Client::builder(), base, login)
    }

    /// As `of`, from this address of the machine.
    pub fn from_address(base: &str, login: &str, address: IpAddr) -> Result<Self> {
        Self::with(reqwest::Client::builder().local_address(address), base, login)
    }

    fn with(http: reqwest::ClientBuilder, base: &str, login: &str) -> Result<Self> {
        // A proxy in the environment must not come between us and a server on this machine.
        let http = http.no_proxy().timeout(REQUEST_LIMIT).build().context("cannot build an HTTP client")?;
        let login = login.to_owned();
        Ok(Self { http, login, state: Mutex::new(State { base: base.to_owned(), session: None }) })
    }

    /// From now on talks to the same installation at another address.
    pub async fn move_to(&self, base: &str) {
        base.clone_into(&mut self.state.lock().await.base);
    }

    /// The name that the account logs in with.
    pub fn login(&self) -> &str {
        &self.login
    }

    /// Opens a session with `PASSWORD`.
    pub async fn log_in(&self) -> Result<(), CallError> {
        let mut state = self.state.lock().await;
        state.session = Some(self.open_session(&state.base, &self.login, PASSWORD).await?.value);
        Ok(())
    }

    /// Opens a session of any account and forgets it. Returns how long it took.
    pub async fn try_password(&self, login: &str, password: &str) -> Result<Duration, CallError> {
        let base = self.state.lock().await.base.clone();
        Ok(self.open_session(&base, login, password).await?.elapsed)
    }

    /// Where the server is, and an access token that is valid for at least a minute, if there is a session.
    pub async fn access(&self) -> Result<(String, Option<String>), CallError> {
        let mut state = self.state.lock().await;
        if let Some(session) = &state.session
            && session.expires_at - now() < TOKEN_RESERVE
        {
            state.session = Some(self.renew_session(&state.base, session).await?);
        }
        Ok((state.base.clone(), state.session.as_ref().map(|session| session.access_token.clone())))
    }

    /// Sends one operation and returns its `data`. Any entry in `errors` is a refusal.
    pub async fn call<T: DeserializeOwned>(&self, document: &str, variables: Value) -> Result<T, CallError> {
        Ok(self.call_timed(document, variables).await?.value)
    }

    /// As `call`, with the time that it took.
    pub async fn call_timed<T: DeserializeOwned>(
        &self,
        document: &str,
        variables: Value,
    ) -> Result<Timed<T>, CallError> {
        let (base, token) = self.access().await?;
        let Timed { value: data, elapsed } = self.post(&base, token.as_deref(), document, variables).await?;
        Ok(Timed { value: typed(data)?, elapsed })
    }

    /// Sends one mutation and returns its payload `field`. Any entry in `userErrors` is a refusal.
    pub async fn mutate<T: DeserializeOwned>(
        &self,
        document: &str,
        field: &str,
        variables: Value,
    ) -> Result<Timed<T>, CallError> {
        let Timed { value: mut data, elapsed } = self.call_timed(document, variables).await?;
        Ok(Timed { value: payload(&mut data, field)?, elapsed })
    }

    /// Sends several mutations in one document; each has the name of its input's variable as its alias. Any entry in the
    /// `userErrors` of one is a refusal.
    pub async fn mutate_each<T: DeserializeOwned>(
        &self,
        document: &str,
        inputs: impl IntoIterator<Item = (&str, Value)>,
    ) -> Result<Vec<T>, CallError> {
        let variables: Map<String, Value> =
            inputs.into_iter().map(|(alias, input)| (alias.to_owned(), input)).collect();
        let aliases: Vec<String> = variables.keys().cloned().collect();
        let mut data: Value = self.call(document, Value::Object(variables)).await?;
        aliases.iter().map(|alias| payload(&mut data, alias)).collect()
    }

    /// The bytes at `url`, which may be relative to the server.
    pub async fn download(&self, url: &str) -> Result<Vec<u8>, CallError> {
        let (base, token) = self.access().await?;
        let url = if url.starts_with('/') { format!("{base}{url}") } else { url.to_owned() };
        let mut request = self.http.get(&url);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.map_err(|error| unreachable(&error))?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(|error| unreachable(&error))?;
        match status {
            StatusCode::TOO_MANY_REQUESTS => Err(CallError::RateLimited(format!("GET {url}"))),
            status if status.is_success() => Ok(bytes.to_vec()),
            status => Err(CallError::Refused(format!("GET {url}: {status}"))),
        }
    }

    /// Sends bytes to `url` on the server.
    pub async fn put(&self, url: &str, bytes: Vec<u8>) -> Result<(), CallError> {
        let (base, token) = self.access().await?;
        let url = if url.starts_with('/') { format!("{base}{url}") } else { url.to_owned() };
        let request = self.http.put(&url).bearer_auth(token.unwrap_or_default()).body(bytes);
        let response = request.send().await.map_err(|error| unreachable(&error))?;
        let status = response.status();
        let text = response.text().await.map_err(|error| unreachable(&error))?;
        match status {
            StatusCode::TOO_MANY_REQUESTS => Err(CallError::RateLimited(format!("PUT {url}"))),
            status if status.is_success() => Ok(()),
            status => Err(CallError::Refused(format!("PUT: {status} {}", excerpt(&text)))),
        }
    }

    async fn open_session(&self, base: &str, login: &str, password: &str) -> Result<Timed<Session>, CallError> {
        let variables = json!({ "input": { "login": login, "password": password } });
        let Timed { value: mut data, elapsed } = self.post(base, None, SESSION_CREATE, variables).await?;
        Ok(Timed { value: payload(&mut data, "sessionCreate")?, elapsed })
    }

    /// Refresh tokens are good once: if the answer to an earlier refresh was lost, only a new session helps.
    async fn renew_session(&self, base: &str, session: &Session) -> Result<Session, CallError> {
        let variables = json!({ "input": { "refreshToken": session.refresh_token } });
        let renewed = self.post(base, None, SESSION_REFRESH, variables).await;
        match renewed.and_then(|mut answer| payload(&mut answer.value, "sessionRefresh")) {
            Err(CallError::Refused(_)) => Ok(self.open_session(base, &self.login, PASSWORD).await?.value),
            renewed => renewed,
        }
    }

    async fn post(
        &self,
        base: &str,
        token: Option<&str>,
        document: &str,
        variables: Value,
    ) -> Result<Timed<Value>, CallError> {
        let body = json!({ "query": document, "variables": variables });
        let mut request = self.http.post(format!("{base}/graphql")).json(&body);
        request = request.header("accept", "application/graphql-response+json, application/json;q=0.9");
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let sent = Instant::now();
        let response = request.send().await.map_err(|error| unreachable(&error))?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(|error| unreachable(&error))?;
        let elapsed = sent.elapsed();
        if status == StatusCode::TOO_MANY_REQUESTS {
            return Err(CallError::RateLimited(excerpt(&String::from_utf8_lossy(&bytes))));
        }
        let answer: Value = serde_json::from_slice(&bytes).map_err(|_| {
            CallError::Refused(format!("{status}, not JSON: {}", excerpt(&String::from_utf8_lossy(&bytes))))
        })?;
        Ok(Timed { value: data(answer)?, elapsed })
    }
}

/// With its causes: the outermost message alone ("error sending request") says nothing.
fn unreachable(error: &reqwest::Error) -> CallError {
    let mut reason = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        reason = format!("{reason}: {error}");
        cause = error.source();
    }
    CallError::Unreachable(reason)
}

/// The `data` of a GraphQL answer without `errors`.
pub fn data(mut answer: Value) -> Result<Value, CallError> {
    let errors = answer.get("errors").and_then(Value::as_array).filter(|errors| !errors.is_empty());
    if let Some(errors) = errors {
        let limited = errors.iter().any(|error| error["extensions"]["code"] == "RATE_LIMITED");
        let reason = excerpt(&answer["errors"].to_string());
        return Err(if limited { CallError::RateLimited(reason) } else { CallError::Refused(reason) });
    }
    match answer.get_mut("data").map(Value::take) {
        Some(data) if !data.is_null() => Ok(data),
        _ => Err(CallError::Refused(format!("neither data nor errors: {}", excerpt(&answer.to_string())))),
    }
}

/// The payload of a mutation without `userErrors`.
fn payload<T: DeserializeOwned>(data: &mut Value, field: &str) -> Result<T, CallError> {
    let payload = data[field].take();
    let refused = payload["userErrors"].as_array().is_some_and(|errors| !errors.is_empty());
    if refused {
        return Err(CallError::Refused(format!("{field}: {}", excerpt(&payload["userErrors"].to_string()))));
    }
    typed(payload)
}

/// The answer in the form that the caller knows. The answer itself may hold tokens, so it is not quoted.
pub fn typed<T: DeserializeOwned>(value: Value) -> Result<T, CallError> {
    serde_json::from_value(value).map_err(|error| CallError::Refused(format!("an answer of another form: {error}")))
}

fn excerpt(text: &str) -> String {
    const LENGTH: usize = 600;
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_an_answer_are_refusals() {
        let answer = json!({ "data": null, "errors": [{ "message": "no", "extensions": { "code": "FORBIDDEN" } }] });
        let Err(CallError::Refused(reason)) = data(answer) else { panic!("not refused") };
        assert!(reason.contains("FORBIDDEN"), "{reason}");
    }

    #[test]
    fn too_many_requests_are_told_apart_from_refusals() {
        let answer = json!({ "data": null, "errors": [{ "message": "", "extensions": { "code": "RATE_LIMITED" } }] });
        assert!(matches!(data(answer), Err(CallError::RateLimited(_))));
    }

    #[test]
    fn answer_without_data_and_errors_is_a_refusal() {
        assert!(matches!(data(json!({ "data": null })), Err(CallError::Refused(_))));
        assert!(matches!(data(json!([])), Err(CallError::Refused(_))));
    }

    #[test]
    fn user_errors_of_a_payload_are_refusals() {
        let mut data = json!({ "collectionCreate": { "collection": null, "userErrors": [{ "code": "TAKEN" }] } });
        let Err(CallError::Refused(reason)) = payload::<Value>(&mut data, "collectionCreate") else {
            panic!("not refused")
        };
        assert!(reason.contains("TAKEN"), "{reason}");
    }

    #[test]
    fn payload_without_user_errors_is_read() {
        #[derive(Deserialize)]
        struct Answer {
            number: u32,
        }
        let mut data = json!({ "add": { "number": 3, "userErrors": [] } });
        assert_eq!(payload::<Answer>(&mut data, "add").unwrap().number, 3);
    }

    #[test]
    fn long_errors_are_cut_between_characters() {
        assert_eq!(excerpt(&"ä".repeat(700)).chars().count(), 601);
        assert_eq!(excerpt("short"), "short");
    }

    #[tokio::test]
    async fn status_429_is_told_apart_whatever_the_body_says() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        crate::install_tls_provider();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = Client::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let answer = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await.unwrap();
            stream.write_all(b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 2\r\n\r\nno").await.unwrap();
            stream
        };
        let asked = client.call::<Value>("{ viewer { id } }", json!({}));
        let (asked, _stream) = tokio::join!(asked, answer);
        assert!(matches!(asked, Err(CallError::RateLimited(_))));
    }

    #[tokio::test]
    async fn closed_port_is_unreachable() {
        crate::install_tls_provider();
        let client = Client::new("http://127.0.0.1:1").unwrap();
        let answer: Result<Value, CallError> = client.call("{ viewer { id } }", json!({})).await;
        assert!(matches!(answer, Err(CallError::Unreachable(_))));
    }
}
