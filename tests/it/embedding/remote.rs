//! The embedder that asks another server.

use docent::{
    config::RemoteModel,
    embedding::{
        Embedder, EmbeddingError,
        remote::{RemoteEmbedder, info},
    },
};
use serde_json::json;

use crate::support::endpoint::{DIMENSION, Endpoint, KEY};

fn embedder(settings: RemoteModel) -> RemoteEmbedder {
    RemoteEmbedder::new(settings, 16).unwrap()
}

/// The error with all its causes.
fn told(error: &dyn std::error::Error) -> String {
    let cause = error.source().map(told);
    format!("{error} {error:?} {}", cause.unwrap_or_default())
}

#[tokio::test]
async fn chunks_go_in_batches_and_questions_alone_each_with_its_role() {
    let endpoint = Endpoint::start().await;
    let embedder = embedder(RemoteModel {
        batch_size: 2,
        document_prefix: "passage: ".into(),
        query_prefix: "query: ".into(),
        document_input_type: Some("document".into()),
        ..endpoint.model("counter")
    });
    let texts = ["aaa", "zzz", "mmm"].map(str::to_owned);
    let vectors = embedder.embed_documents(texts.into()).await.unwrap();
    let largest = |vector: &[f32]| (0..DIMENSION).max_by(|a, b| vector[*a].total_cmp(&vector[*b])).unwrap();
    assert_eq!(vectors.len(), 3);
    for vector in &vectors {
        assert!((vector.iter().map(|number| number * number).sum::<f32>() - 1.0).abs() < 1e-5);
    }
    assert_eq!(largest(&embedder.embed_query("zzzzzzzz").await.unwrap()), largest(&[0., 0., 0., 0., 0., 0., 0., 1.]));
    embedder.embed_query("zzzzzzzz").await.unwrap();
    let mut asked = endpoint.asked();
    asked.sort_by_key(|body| body["input"].as_array().unwrap()[0].to_string());
    assert_eq!(
        asked,
        [
            json!({ "model": "counter", "input": ["passage: aaa", "passage: zzz"], "input_type": "document", "key": KEY }),
            json!({ "model": "counter", "input": ["passage: mmm"], "input_type": "document", "key": KEY }),
            json!({ "model": "counter", "input": ["query: zzzzzzzz"], "key": KEY }),
        ],
        "the question is remembered"
    );
}

#[tokio::test]
async fn an_endpoint_that_fails_is_asked_again_and_then_left_alone() {
    let endpoint = Endpoint::start().await;
    let embedder = embedder(endpoint.model("counter"));
    endpoint.answer_with(503);
    for _ in 0..4 {
        let error = embedder.embed_documents(vec!["text of somebody".into()]).await.unwrap_err();
        assert!(matches!(error, EmbeddingError::Unavailable { .. }) && error.is_retryable(), "{error}");
        let told = told(&error);
        assert!(!told.contains(KEY) && !told.contains("somebody"), "{told}");
    }
    assert_eq!(endpoint.asked().len(), 5);
    assert!(!embedder.is_available());
    endpoint.answer_with(0);
    assert!(embedder.embed_query("text").await.is_err(), "it is not asked at once again");
    assert_eq!(endpoint.asked().len(), 5);
}

#[tokio::test]
async fn what_an_endpoint_refuses_is_no_reason_to_wait_and_a_wrong_key_is() {
    let endpoint = Endpoint::start().await;
    let refused = embedder(endpoint.model("counter"));
    endpoint.answer_with(400);
    let error = refused.embed_documents(vec!["text".into()]).await.unwrap_err();
    assert!(matches!(error, EmbeddingError::Model { .. }) && !error.is_retryable() && refused.is_available());
    endpoint.answer_with(0);
    let other = embedder(RemoteModel { dimension: DIMENSION + 1, ..endpoint.model("counter") });
    assert!(!other.embed_documents(vec!["text".into()]).await.unwrap_err().is_retryable());
    let denied = embedder(RemoteModel { api_key: Some("another".into()), ..endpoint.model("counter") });
    assert!(denied.embed_documents(vec!["text".into()]).await.unwrap_err().is_retryable());
}

#[tokio::test]
async fn whatever_changes_the_vectors_makes_another_model() {
    let endpoint = Endpoint::start().await;
    let settings = endpoint.model("counter");
    let same = RemoteModel { url: "http://elsewhere/v1".into(), api_key: None, batch_size: 1, ..settings.clone() };
    assert_eq!(info(&same).key, info(&settings).key);
    let others = [
        RemoteModel { model: Some("other".into()), ..settings.clone() },
        RemoteModel { query_prefix: "query: ".into(), ..settings.clone() },
        RemoteModel { query_input_type: Some("query".into()), ..settings.clone() },
    ];
    for other in others {
        assert_ne!(info(&other).key, info(&settings).key);
    }
}
