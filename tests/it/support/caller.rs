//! A client that calls the API, through the router and in the test's own task. So the net under the scopes knows which
//! request makes a statement, which a connection would hide from it; that is why callers are not `docent_client`s.

use axum::{Router, body::Body};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{app::PATIENCE, scope_net};

pub const PASSWORD: &str = "correct horse battery staple";

#[derive(Clone)]
pub struct Caller {
    router: Router,
    token: Option<String>,
}

/// An answer of the server.
pub struct Answer {
    pub status: u16,
    pub headers: axum::http::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }
}

impl Caller {
    pub fn new(router: Router, token: Option<String>) -> Self {
        Self { router, token }
    }

    /// The same router, with this access token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { router: self.router.clone(), token: Some(token.to_owned()) }
    }

    /// The access token, if there is one.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Sends a request as this caller.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut request = axum::http::Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(body.into()).unwrap();
        let (parts, body) = scope_net::over(async {
            let response = self.router.clone().oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            (parts, body.collect().await.unwrap().to_bytes().to_vec())
        })
        .await;
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// The whole GraphQL answer.
    pub async fn graphql(&self, query: &str, variables: Value) -> Value {
        let body = json!({ "query": query, "variables": variables }).to_string();
        self.send("POST", "/graphql", &[("content-type", "application/json")], body).await.json()
    }

    /// The data of an answer without errors.
    pub async fn data(&self, query: &str, variables: Value) -> Value {
        let mut answer = self.graphql(query, variables).await;
        assert!(answer.get("errors").is_none(), "{query}: {answer:#}");
        answer["data"].take()
    }

    /// The code of the one error of an answer.
    pub async fn error_code(&self, query: &str, variables: Value) -> String {
        let answer = self.graphql(query, variables).await;
        assert_eq!(answer["errors"].as_array().map(Vec::len), Some(1), "{answer:#}");
        answer["errors"][0]["extensions"]["code"].as_str().unwrap().to_owned()
    }

    /// The code of the one validation error of the one mutation in an answer.
    pub async fn user_error_code(&self, mutation: &str, variables: Value) -> String {
        let data = self.data(mutation, variables).await;
        let payload = data.as_object().and_then(|data| data.values().next()).unwrap_or(&Value::Null);
        assert_eq!(payload["userErrors"].as_array().map(Vec::len), Some(1), "{data:#}");
        payload["userErrors"][0]["code"].as_str().unwrap().to_owned()
    }

    /// The global id of the caller's own account.
    pub async fn user_id(&self) -> String {
        self.data("{ viewer { id } }", json!({})).await["viewer"]["id"].as_str().unwrap().to_owned()
    }

    pub async fn register(&self, name: &str) -> Value {
        let input = json!({ "username": name, "email": format!("{name}@example.org"), "password": PASSWORD });
        let payload = self
            .data(
                "mutation($input: UserRegisterInput!) {
                    userRegister(input: $input) { user { id username } userErrors { code message path } }
                }",
                json!({ "input": input }),
            )
            .await;
        payload["userRegister"].clone()
    }

    /// The same router, as this user.
    pub async fn log_in(&self, name: &str) -> Self {
        let payload = self
            .data(
                "mutation($login: String!, $password: String!) {
                    sessionCreate(input: { login: $login, password: $password }) {
                        accessToken userErrors { code message }
                    }
                }",
                json!({ "login": name, "password": PASSWORD }),
            )
            .await;
        let token = payload["sessionCreate"]["accessToken"].as_str();
        self.with_token(token.unwrap_or_else(|| panic!("{payload:#}")))
    }

    /// The id of a new collection.
    pub async fn create_collection(&self, name: &str) -> String {
        self.create_collection_with(json!({ "name": name })).await
    }

    pub async fn create_collection_with(&self, input: Value) -> String {
        let payload = self
            .data(
                "mutation($input: CollectionCreateInput!) {
                    collectionCreate(input: $input) { collection { id } userErrors { code message path } }
                }",
                json!({ "input": input }),
            )
            .await;
        let id = payload["collectionCreate"]["collection"]["id"].as_str();
        id.unwrap_or_else(|| panic!("{payload:#}")).to_owned()
    }

    /// The id of a new upload, and where to send its bytes.
    pub async fn create_upload(&self, name: &str) -> (String, String) {
        let create = "mutation($name: String!) { uploadCreate(input: { fileName: $name }) { upload { id url } } }";
        let payload = self.data(create, json!({ "name": name })).await;
        let upload = &payload["uploadCreate"]["upload"];
        (upload["id"].as_str().unwrap().to_owned(), upload["url"].as_str().unwrap().to_owned())
    }

    /// The payload of `documentsIngest`.
    pub async fn ingest(&self, collection: &str, documents: Value) -> Value {
        let input = json!({ "collectionId": collection, "documents": documents });
        let mut data = self
            .data(
                "mutation($input: DocumentsIngestInput!) {
                    documentsIngest(input: $input) {
                        operation { id type status }
                        documents { id uri status }
                        userErrors { code message path }
                    }
                }",
                json!({ "input": input }),
            )
            .await;
        data["documentsIngest"].take()
    }

    /// Ingests and waits for the end. Returns the operation.
    pub async fn ingest_all(&self, collection: &str, documents: Value) -> Value {
        let payload = self.ingest(collection, documents).await;
        let id = payload["operation"]["id"].as_str().unwrap_or_else(|| panic!("{payload:#}")).to_owned();
        self.ended(&id).await
    }

    /// The operation, when it has ended.
    pub async fn ended(&self, operation: &str) -> Value {
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            let mut data = self
                .data(
                    "query($id: ID!) {
                        operation(id: $id) {
                            id type status progress errorMessage
                            totals { documents completed failed skipped cancelled chunks }
                            documents(first: 100) { nodes { outcome chunkCount error { code stage message retryable } document { id uri status } } }
                        }
                    }",
                    json!({ "id": operation }),
                )
                .await;
            if ["COMPLETED", "FAILED", "CANCELLED"].contains(&data["operation"]["status"].as_str().unwrap()) {
                return data["operation"].take();
            }
            assert!(std::time::Instant::now() < deadline, "the operation does not end: {data:#}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// The result of `search` for its arguments: `first`, `after`, and the members of `input`.
    pub async fn search(&self, mut arguments: Value) -> Value {
        let mut take = |name: &str| arguments.as_object_mut().and_then(|members| members.remove(name));
        let (first, after) = (take("first"), take("after"));
        let mut data = self
            .data(
                "query($input: SearchInput!, $first: Int, $after: Cursor) {
                    search(input: $input, first: $first, after: $after) {
                        nodes {
                            rank score
                            document { id fileName }
                            chunk { id content headings }
                            highlights { text ranges { start end } }
                            explanation { legs { leg rank score } }
                        }
                        legs { kind state tookMs candidates message }
                        pageInfo { hasNextPage endCursor }
                        tookMs embeddingMs
                    }
                }",
                json!({ "input": arguments, "first": first, "after": after }),
            )
            .await;
        data["search"].take()
    }
}

/// The uuid in a global id, the last one if there are several.
pub fn uuid_of(id: &str) -> String {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(id).unwrap()).unwrap();
    text.rsplit([':', '|']).next().unwrap().to_owned()
}

/// The code of the first error of an answer.
pub fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_else(|| panic!("{answer:#}"))
}
