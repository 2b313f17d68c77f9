//! One request: how it is sent, what came back, and whether two answers can be told apart.

use std::{collections::BTreeMap, fmt::Write, sync::Arc, time::Duration};

use async_graphql::Request;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use docent::{
    domain::{client::Client, id::RequestId},
    graphql::Schema,
    service::sessions,
};
use futures_util::{StreamExt, stream::BoxStream};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    rows::{Ask, Row, Shows},
    schema,
    truth::Outcome,
};
use crate::support::{
    app::{PATIENCE, TestApp},
    caller::{Answer, Caller, uuid_of},
};

/// How long nothing comes of a subscription that has nothing to bring.
const SILENCE: Duration = Duration::from_secs(2);

/// What is asked about, by the names that rows use.
#[derive(Clone, Default, Debug)]
pub struct Subject(pub BTreeMap<&'static str, String>);

impl Subject {
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).unwrap_or_else(|| panic!("the subject has no «{name}»"))
    }

    pub fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.insert(name, value.into());
    }

    /// The same, with things that do not exist under these names.
    pub fn without(&self, names: &[&'static str]) -> Self {
        let mut other = self.clone();
        for name in names {
            other.set(name, missing(name, self.get(name)));
        }
        other
    }
}

fn random_uuid() -> String {
    RequestId::generate().to_string()
}

/// The id right behind `id` in a list with the newest first. Pages behind the two are the same for everyone, also for those
/// who see the row of `id` itself: it lies behind every higher place.
fn next_lower(id: &str) -> Uuid {
    Uuid::from_u128(Uuid::parse_str(id).unwrap().as_u128() - 1)
}

/// Something of the same kind and length that does not exist. For a cursor: the place right behind it.
fn missing(name: &str, value: &str) -> String {
    let text = URL_SAFE_NO_PAD.decode(value).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let parts: Vec<_> = text.split([':', '|']).collect();
    let encode = |text: String| URL_SAFE_NO_PAD.encode(text);
    match parts.as_slice() {
        ["1", list, id] => encode(format!("1|{list}|{}", next_lower(id))),
        ["chunk", collection, _] if name == "inner" => encode(format!("chunk:{collection}:{}", random_uuid())),
        ["chunk", ..] => encode(format!("chunk:{}:{}", random_uuid(), random_uuid())),
        ["member", ..] => encode(format!("member:{}:{}", random_uuid(), random_uuid())),
        [kind, _] => encode(format!("{kind}:{}", random_uuid())),
        _ if value.len() == 36 => random_uuid(),
        _ => random_uuid().replace('-', "").chars().rev().take(value.len()).collect(),
    }
}

/// What came back.
pub struct Heard {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
    /// The statements of the request itself.
    pub statements: Vec<String>,
}

impl Heard {
    fn new(answer: Answer) -> Self {
        let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Self {
            status: answer.status,
            headers: answer.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
            body: String::from_utf8(answer.body).unwrap(),
            statements: Vec::new(),
        }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    pub fn has(&self, word: &str) -> bool {
        self.body.contains(word) || self.headers.values().any(|value| value.contains(word))
    }

    /// What it came to.
    pub fn outcome(&self, row: &Row, subject: &Subject) -> Outcome {
        let json = self.json();
        let payload_error = json["data"].as_object().and_then(|data| {
            data.values().find_map(|payload| payload["userErrors"].as_array()?.first()?["code"].as_str())
        });
        // What a tool says: the same codes in another place.
        let tool_error = json["result"]["structuredContent"]["errors"][0]["code"].as_str();
        match json["errors"][0]["extensions"]["code"].as_str().or(payload_error).or(tool_error) {
            Some("UNAUTHENTICATED") => Outcome::Unauthenticated,
            Some("FORBIDDEN") => Outcome::Refused,
            Some("NOT_FOUND" | "WRONG_CREDENTIALS") => Outcome::Hidden,
            Some("CONFLICT") => Outcome::Conflict,
            Some(_) => Outcome::Odd,
            // An answer to HEAD has no body.
            None if self.status == 404 => Outcome::Hidden,
            None if self.status == 401 => Outcome::Unauthenticated,
            None if self.status >= 300 => Outcome::Odd,
            None => match row.shows {
                Shows::Always => Outcome::Done,
                Shows::By(name) if self.has(subject.get(name)) => Outcome::Done,
                Shows::By(_) | Shows::Never => Outcome::Hidden,
            },
        }
    }

    /// Everything that the caller can tell, with placeholders for what they said themselves and for the request's id.
    pub fn told(&self, row: &Row, subject: &Subject) -> String {
        let mut text = format!("{}\n", self.status);
        for (name, value) in self.headers.iter().filter(|(name, _)| *name != "x-request-id" && *name != "date") {
            let _ = writeln!(text, "{name}: {value}");
        }
        text += &self.body;
        if let Some(id) = self.headers.get("x-request-id") {
            text = text.replace(id, "<request>");
        }
        for name in row.ask.names() {
            text = text.replace(subject.get(name), &format!("<{name}>"));
        }
        text
    }
}

/// Sends what a row asks.
pub async fn ask(app: &TestApp, caller: &Caller, row: &Row, subject: &Subject) -> Heard {
    let (mut heard, statements) = app
        .counting(async {
            match row.ask {
                Ask::Graphql(selection) => post(caller, document(row, selection, subject)).await,
                Ask::Change(arguments) => {
                    let (_, mutation) = row.field.split_once('.').expect("a field of a root type");
                    let selection = format!("{mutation}({arguments}) {{ {} }}", schema::payload(mutation));
                    post(caller, document(row, &selection, subject)).await
                }
                Ask::Follow(selection) => follow(app, caller, document(row, selection, subject)).await,
                Ask::Listen(selection) => {
                    let shown = match row.shows {
                        Shows::By(name) => subject.get(name),
                        Shows::Always | Shows::Never => "",
                    };
                    listen(app, caller, document(row, selection, subject), shown).await
                }
                Ask::Http(method, path, body) => {
                    Heard::new(caller.send(method, &filled(row, path, subject), &[], body).await)
                }
                Ask::Tool(name, arguments) => {
                    let arguments: Value = serde_json::from_str(&filled(row, arguments, subject)).unwrap();
                    let params = json!({ "name": name, "arguments": arguments });
                    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
                    let headers = [("content-type", "application/json")];
                    Heard::new(caller.send("POST", "/mcp", &headers, body.to_string()).await)
                }
            }
        })
        .await;
    heard.statements = statements.into_iter().filter(|statement| is_of_request(statement)).collect();
    heard
}

/// A text with what the subject has under its names.
fn filled(row: &Row, text: &str, subject: &Subject) -> String {
    // The longest name first: others begin like it.
    let mut names = row.ask.names();
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    names.iter().fold(text.to_owned(), |text, name| text.replace(&format!("${name}"), subject.get(name)))
}

async fn post(caller: &Caller, (document, variables): (String, Value)) -> Heard {
    let body = json!({ "query": document, "variables": variables }).to_string();
    Heard::new(caller.send("POST", "/graphql", &[("content-type", "application/json")], body).await)
}

/// Refusals are noted in the audit log later, by a task of the server; and once a minute it is noted that a credential
/// is used. The caller, and what they can search, is looked up now and then, whatever they ask for.
fn is_of_request(statement: &str) -> bool {
    let is_note_of_use = statement.starts_with("UPDATE") && statement.contains("\"last_used_at\" =");
    let looks_up = [
        "\"sessions\" INNER JOIN \"users\"",
        "\"api_keys\" INNER JOIN \"users\"",
        "FROM \"api_key_collections\"",
        "\"generations\".\"id\" = \"collections\".\"generation\"",
    ];
    !is_note_of_use && !statement.contains("\"audit_log\"") && !looks_up.iter().any(|words| statement.contains(words))
}

/// The operation around a selection, with the variables that it needs.
fn document(row: &Row, selection: &str, subject: &Subject) -> (String, Value) {
    let (root, _) = row.field.split_once('.').expect("a field of a root type");
    let names = row.ask.names();
    let types: Vec<_> = names.iter().map(|name| format!("${name}: {}", type_of(name))).collect();
    let types = if types.is_empty() { String::new() } else { format!("({})", types.join(", ")) };
    let variables: Map<_, _> = names.iter().map(|name| ((*name).to_owned(), subject.get(name).into())).collect();
    (format!("{}{types} {{ {selection} }}", root.to_lowercase()), variables.into())
}

fn type_of(name: &str) -> &'static str {
    match name {
        "word" | "name" | "unique" | "email" | "login" | "closed" | "memberName" | "password" | "refresh"
        | "resetToken" | "directory" => "String!",
        "collectionCursor" | "operationCursor" | "eventCursor" | "feedCursor" => "Cursor!",
        _ => "ID!",
    }
}

/// A subscription to its end. The socket has tests of its own; here the engine is asked directly.
async fn follow(app: &TestApp, caller: &Caller, (document, variables): (String, Value)) -> Heard {
    let (request_id, answers) = match subscribe(app, caller, document, variables).await {
        Ok(begun) => begun,
        Err(refused) => return refused,
    };
    let answers = tokio::time::timeout(PATIENCE, answers.collect::<Vec<_>>()).await.expect("an end of the events");
    heard_of(request_id, &answers)
}

/// A subscription without an end: until an answer has `shown` in it, or fails, or none comes for a while.
async fn listen(app: &TestApp, caller: &Caller, (document, variables): (String, Value), shown: &str) -> Heard {
    let (request_id, mut answers) = match subscribe(app, caller, document, variables).await {
        Ok(begun) => begun,
        Err(refused) => return refused,
    };
    let mut heard = Vec::new();
    while let Ok(Some(answer)) = tokio::time::timeout(SILENCE, answers.next()).await {
        let is_enough = answer.get("errors").is_some() || answer.to_string().contains(shown);
        heard.push(answer);
        if is_enough {
            break;
        }
    }
    heard_of(request_id, &heard)
}

/// The answers of a subscription, as they come.
async fn subscribe(
    app: &TestApp,
    caller: &Caller,
    document: String,
    variables: Value,
) -> Result<(RequestId, BoxStream<'static, Value>), Heard> {
    let services = Arc::clone(app.app.services());
    let token = caller.token().map(|token| format!("Bearer {token}"));
    let request_id = RequestId::generate();
    let viewer = sessions::authenticate(&services, token.as_deref(), Client::default()).await.map_err(|error| {
        let refused = json!({ "errors": [{ "extensions": { "code": error.code().as_str() } }] });
        heard(401, request_id, &refused)
    })?;
    let engine: Schema = docent::graphql::schema(services);
    let variables = async_graphql::Variables::from_json(variables);
    let request = Request::new(document).variables(variables).data(viewer).data(request_id);
    Ok((request_id, engine.execute_stream(request).map(|answer| serde_json::to_value(answer).unwrap()).boxed()))
}

fn heard_of(request_id: RequestId, answers: &[Value]) -> Heard {
    match answers {
        [only] => heard(200, request_id, only),
        _ => heard(200, request_id, &json!({ "events": answers })),
    }
}

fn heard(status: u16, request_id: RequestId, body: &Value) -> Heard {
    let headers = BTreeMap::from([("x-request-id".to_owned(), request_id.to_string())]);
    Heard { status, headers, body: body.to_string(), statements: Vec::new() }
}

#[test]
fn the_cursor_of_a_missing_row_is_right_behind_that_of_the_hidden_one_whatever_its_id() {
    let id_of = |cursor: &str| Uuid::parse_str(&uuid_of(cursor)).unwrap().as_u128();
    for last in ["0", "1", "9", "f", "00"] {
        let id = RequestId::generate().to_string();
        let id = format!("{}{last}", &id[..id.len() - last.len()]);
        let hidden = URL_SAFE_NO_PAD.encode(format!("1|collection|{id}"));
        let missing = missing("collectionCursor", &hidden);
        assert_eq!(id_of(&missing), id_of(&hidden) - 1, "an id that ends with {last}");
        assert_eq!(missing.len(), hidden.len());
    }
}
