//! Models that are added from a folder.

use std::{fs, path::Path};

use docent::{
    config::EmbeddingConfig,
    domain::generation::Pooling,
    embedding::{
        Embedder, EmbeddingError,
        added::{self, AddRequest, AddedModel, all, find},
        pool::LocalEmbedder,
    },
};
use serde_json::json;
use tempfile::TempDir;

use crate::support::model::{directory, embedder};

/// A folder as a model hub has it, with the files of the test's model.
fn folder(model_type: &str, reads_first_token: bool) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in ["tokenizer.json", "model.safetensors"] {
        fs::copy(directory().join("all-MiniLM-L6-v2").join(file), folder.path().join(file)).unwrap();
    }
    let config = json!({
        "model_type": model_type, "num_hidden_layers": 6, "num_attention_heads": 12, "hidden_size": 384,
        "layer_norm_eps": 1e-12, "max_position_embeddings": 512, "vocab_size": 30522,
    });
    fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    fs::create_dir(folder.path().join("1_Pooling")).unwrap();
    let pooling = json!({ "pooling_mode_cls_token": reads_first_token, "word_embedding_dimension": 384 });
    fs::write(folder.path().join("1_Pooling/config.json"), pooling.to_string()).unwrap();
    folder
}

fn request(name: &str) -> AddRequest {
    AddRequest {
        name: name.into(),
        document_prefix: String::new(),
        query_prefix: "query: ".into(),
        max_tokens: Some(256),
    }
}

async fn load(model_dir: &Path, model: &AddedModel) -> LocalEmbedder {
    let (model_dir, model) = (model_dir.to_owned(), model.clone());
    let load = move || LocalEmbedder::load_added(&model_dir, &model, &EmbeddingConfig::default(), 1);
    tokio::task::spawn_blocking(load).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_added_model_gives_the_vectors_of_its_files_with_its_pooling_and_prefixes() {
    let models = tempfile::tempdir().unwrap();
    let mean = added::add(folder("bert", false).path(), request("mean"), models.path()).unwrap();
    let first = added::add(folder("bert", true).path(), request("first"), models.path()).unwrap();
    assert_eq!(all(models.path()), [first.clone(), mean.clone()]);
    assert_eq!(find(models.path(), "mean").unwrap().info(), mean.info());
    assert_eq!((mean.info().key.pooling, first.info().key.pooling), (Pooling::Mean, Pooling::Cls));
    assert_eq!((mean.info().dimension, mean.info().max_tokens), (384, 256));
    assert_ne!(mean.info().placement(), first.info().placement());

    let known = embedder().await;
    let (mean, first) = (load(models.path(), &mean).await, load(models.path(), &first).await);
    let text = "The tram waits.";
    let expected = known.embed_documents(vec![text.into()]).await.unwrap();
    assert_eq!(mean.embed_documents(vec![text.into()]).await.unwrap(), expected);
    assert_ne!(first.embed_documents(vec![text.into()]).await.unwrap(), expected);
    assert_eq!(mean.embed_query(text).await.unwrap(), known.embed_query("query: The tram waits.").await.unwrap());
}

#[test]
fn what_cannot_be_run_is_not_added_and_other_files_are_refused() {
    let models = tempfile::tempdir().unwrap();
    let good = folder("bert", false);
    for name in ["", "..", "a/b", "all-MiniLM-L6-v2"] {
        assert!(matches!(added::add(good.path(), request(name), models.path()), Err(EmbeddingError::Model { .. })));
    }
    let other = added::add(folder("xlm-roberta", false).path(), request("other"), models.path());
    assert!(matches!(other, Err(EmbeddingError::Model { .. })));
    let empty = tempfile::tempdir().unwrap();
    let nothing = added::add(empty.path(), request("nothing"), models.path());
    assert!(matches!(nothing, Err(EmbeddingError::MissingFile { .. })));
    assert!(all(models.path()).is_empty());

    let model = added::add(good.path(), request("mini"), models.path()).unwrap();
    fs::write(models.path().join("mini/tokenizer.json"), "{}").unwrap();
    let loaded = LocalEmbedder::load_added(models.path(), &model, &EmbeddingConfig::default(), 1);
    assert!(matches!(loaded.err(), Some(EmbeddingError::WrongHash { .. })));
}
