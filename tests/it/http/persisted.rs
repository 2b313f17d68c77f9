//! Documents that are named by an id, and which documents are run.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use docent::{
    config::{Config, DocumentPolicy, GraphqlConfig},
    graphql::{
        manifest::{Manifest, digest},
        persisted::Persisted,
    },
};
use serde_json::{Value, json};

use super::support::{Answer, Tiny};
use crate::support::{
    app::TestApp,
    caller::{Caller, PASSWORD, code},
    socket::Client,
};

const HELLO: &str = "query Hello { hello }";
const TOUCH: &str = "mutation Touch { touch }";

fn tiny(policy: DocumentPolicy, manifest: &Value) -> Tiny {
    let manifest = Arc::new(Manifest::parse(&manifest.to_string()).unwrap());
    let mut tiny = Tiny::new();
    tiny.state.engine = tiny.state.engine.with_persisted(Persisted::new(policy, manifest));
    tiny
}

fn hashed(hash: &str) -> Value {
    json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } })
}

async fn get(tiny: &Tiny, query_string: &str) -> Answer {
    let request = Request::get(format!("/graphql?{query_string}")).header("accept", "application/json");
    tiny.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_document_that_came_with_its_hash_is_found_by_it_afterwards() {
    let tiny = tiny(DocumentPolicy::Apq, &json!({}));
    let hash = digest(HELLO);
    let unknown = tiny.post(json!({ "extensions": hashed(&hash) })).await;
    assert_eq!(
        (unknown.code().as_str(), unknown.message().as_str()),
        ("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")
    );
    let sent = tiny.post(json!({ "query": HELLO, "extensions": hashed(&hash) })).await;
    assert_eq!(sent.json()["data"]["hello"], "Hello, world!");

    let link = format!("extensions=%7B%22persistedQuery%22:%7B%22version%22:1,%22sha256Hash%22:%22{hash}%22%7D%7D");
    for query_string in
        [link, format!("documentId=sha256:{hash}"), format!("documentId=sha256:{hash}&operationName=Hello")]
    {
        assert_eq!(get(&tiny, &query_string).await.json()["data"]["hello"], "Hello, world!", "{query_string}");
    }
    let bodies = [
        json!({ "extensions": hashed(&hash) }),
        json!({ "extensions": hashed(&hash.to_uppercase()) }),
        json!({ "query": "", "extensions": hashed(&hash) }),
        json!({ "documentId": format!("sha256:{hash}") }),
        json!({ "documentId": format!("sha256:{hash}"), "query": HELLO, "variables": {} }),
    ];
    for body in bodies {
        assert_eq!(tiny.post(body.clone()).await.json()["data"]["hello"], "Hello, world!", "{body}");
    }
    let mut socket = Client::initialised(tiny.listen().await).await;
    let payload = json!({ "extensions": hashed(&hash) });
    socket.send(json!({ "type": "subscribe", "id": "q", "payload": payload })).await;
    assert_eq!(socket.next().await["payload"]["data"]["hello"], "Hello, world!");
}

#[tokio::test]
async fn what_does_not_fit_its_hash_or_the_limits_is_not_kept() {
    let tiny = tiny(DocumentPolicy::Apq, &json!({}));
    let rows = [(HELLO, digest(TOUCH), "BAD_USER_INPUT"), ("{", digest("{"), "GRAPHQL_PARSE_FAILED")];
    for (query, hash, refusal) in rows {
        let answer = tiny.post(json!({ "query": query, "extensions": hashed(&hash) })).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::BAD_REQUEST, refusal), "{query}");
        let answer = tiny.post(json!({ "extensions": hashed(&hash) })).await;
        assert_eq!(answer.code(), "PERSISTED_QUERY_NOT_FOUND", "{query}");
    }
    let odd = [
        json!({ "extensions": { "persistedQuery": { "version": 2, "sha256Hash": digest(HELLO) } } }),
        json!({ "extensions": { "persistedQuery": { "version": 1 } } }),
        json!({ "documentId": 7 }),
        json!({ "documentId": null }),
    ];
    for body in odd {
        let answer = tiny.post(body.clone()).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::BAD_REQUEST, "BAD_USER_INPUT"), "{body}");
    }
}

#[tokio::test]
async fn a_mutation_is_not_run_by_get_whatever_it_is_named_by() {
    let tiny = tiny(DocumentPolicy::Apq, &json!({ "touch-1": TOUCH }));
    for id in ["touch-1".to_owned(), format!("sha256:{}", digest(TOUCH))] {
        assert_eq!(get(&tiny, &format!("documentId={id}")).await.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(tiny.post(json!({ "documentId": id })).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn only_the_documents_of_the_manifest_are_run_if_only_they_are_trusted() {
    let apollo = json!({
        "format": "apollo-persisted-query-manifest",
        "version": 1,
        "operations": [{ "id": "hello-1", "name": "Hello", "type": "query", "body": HELLO }],
    });
    for manifest in [apollo, json!({ "hello-1": HELLO })] {
        let tiny = tiny(DocumentPolicy::Trusted, &manifest);
        let good = [
            json!({ "query": HELLO }),
            json!({ "documentId": "hello-1" }),
            json!({ "documentId": format!("sha256:{}", digest(HELLO)) }),
            json!({ "extensions": hashed("hello-1") }),
            json!({ "extensions": hashed(&digest(HELLO)) }),
        ];
        for body in good {
            assert_eq!(tiny.post(body.clone()).await.json()["data"]["hello"], "Hello, world!", "{body}");
        }
        let bad = [
            (json!({ "query": "query Hello { hello  }" }), "FORBIDDEN"),
            (json!({ "query": TOUCH, "extensions": hashed(&digest(TOUCH)) }), "FORBIDDEN"),
            (json!({ "query": TOUCH, "documentId": "hello-1" }), "FORBIDDEN"),
            (json!({ "extensions": hashed(&digest(TOUCH)) }), "PERSISTED_QUERY_NOT_FOUND"),
            (json!({ "documentId": "touch-1" }), "PERSISTED_QUERY_NOT_FOUND"),
        ];
        for (body, refusal) in bad {
            assert_eq!(tiny.post(body.clone()).await.code(), refusal, "{body}");
        }
        assert_eq!(tiny.probe.mutations.load(std::sync::atomic::Ordering::SeqCst), 0);
    }
}

#[tokio::test]
async fn a_server_that_takes_no_ids_says_so() {
    let tiny = Tiny::new();
    let answer = tiny.post(json!({ "documentId": format!("sha256:{}", digest(HELLO)) })).await;
    assert_eq!(answer.code(), "PERSISTED_QUERY_NOT_SUPPORTED");
}

const REGISTER: &str =
    "mutation Register($input: UserRegisterInput!) { userRegister(input: $input) { userErrors { code } } }";
const LOG_IN: &str =
    "mutation LogIn($input: SessionCreateInput!) { sessionCreate(input: $input) { accessToken userErrors { code } } }";

async fn account(app: &TestApp, name: &str) -> Caller {
    let anonymous = app.anonymous();
    let account = json!({ "username": name, "email": format!("{name}@example.org"), "password": PASSWORD });
    anonymous.graphql(REGISTER, json!({ "input": account })).await;
    let answer = anonymous.graphql(LOG_IN, json!({ "input": { "login": name, "password": PASSWORD } })).await;
    anonymous.with_token(answer["data"]["sessionCreate"]["accessToken"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn administrators_run_any_document_to_find_out_what_is_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("manifest.json");
    std::fs::write(&path, json!({ "register": REGISTER, "log-in": LOG_IN }).to_string()).unwrap();
    let graphql = GraphqlConfig { documents: DocumentPolicy::Trusted, manifest: Some(path) };
    let app = TestApp::start(Config { graphql, ..Config::default() }).await;
    // The first account is the administrator's.
    let (ada, bob) = (account(&app, "ada").await, account(&app, "bob").await);
    assert_eq!(ada.graphql("{ viewer { username } }", json!({})).await["data"]["viewer"]["username"], "ada");
    assert_eq!(code(&bob.graphql("{ viewer { username } }", json!({})).await), "FORBIDDEN");
}
