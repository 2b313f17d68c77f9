//! A server that speaks OpenAI's protocol for embeddings, on a port of its own.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU16, Ordering},
};

use axum::{Json, Router, extract::State, http::HeaderMap, http::StatusCode, response::IntoResponse, routing::post};
use docent::config::RemoteModel;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Numbers of a vector.
pub const DIMENSION: usize = 8;

/// The key that it wants.
pub const KEY: &str = "tell-nobody";

#[derive(Default)]
struct Inside {
    /// The status of all answers; 0: it works.
    status: AtomicU16,
    asked: Mutex<Vec<Value>>,
}

/// The server. It ends with the test.
pub struct Endpoint {
    url: String,
    inside: Arc<Inside>,
}

impl Endpoint {
    pub async fn start() -> Self {
        let inside = Arc::new(Inside::default());
        let router = Router::new().route("/v1/embeddings", post(embed)).with_state(Arc::clone(&inside));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, inside }
    }

    /// From now on every answer has this status; 0: it works again.
    pub fn answer_with(&self, status: u16) {
        self.inside.status.store(status, Ordering::SeqCst);
    }

    /// The bodies of all requests, with the bearer token as `key`.
    pub fn asked(&self) -> Vec<Value> {
        self.inside.asked.lock().unwrap().clone()
    }

    /// The settings of a model called `name` behind it.
    pub fn model(&self, name: &str) -> RemoteModel {
        let settings = json!({
            "name": name, "url": self.url, "model": "counter", "api_key": KEY, "dimension": DIMENSION,
            "max_tokens": 258, "max_attempts": 2,
        });
        serde_json::from_value(settings).unwrap()
    }
}

async fn embed(
    State(inside): State<Arc<Inside>>,
    headers: HeaderMap,
    Json(mut body): Json<Value>,
) -> axum::response::Response {
    let key = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    body["key"] = json!(key.trim_start_matches("Bearer "));
    inside.asked.lock().unwrap().push(body.clone());
    match inside.status.load(Ordering::SeqCst) {
        0 if body["key"] == KEY => {}
        0 => return StatusCode::UNAUTHORIZED.into_response(),
        status => return StatusCode::from_u16(status).unwrap().into_response(),
    }
    // In another order than that of the texts.
    let texts = body["input"].as_array().unwrap();
    let data: Vec<_> = texts.iter().enumerate().rev().map(|(index, text)| {
        json!({ "object": "embedding", "index": index, "embedding": vector(text.as_str().unwrap()) })
    }).collect();
    Json(json!({ "object": "list", "data": data })).into_response()
}

/// How often letters of each eighth of the alphabet are in a text.
fn vector(text: &str) -> Vec<f32> {
    let mut vector = vec![1.0; DIMENSION];
    for letter in text.bytes().filter(u8::is_ascii_lowercase) {
        vector[usize::from(letter - b'a') * DIMENSION / 26] += 1.0;
    }
    vector
}
