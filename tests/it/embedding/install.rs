//! Getting a model from a hub and from a folder, with a tiny one in place of the real.

use std::{
    collections::HashMap,
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use axum::{Router, extract::Path as UrlPath, http::StatusCode, routing::get};
use docent::{
    embedding::{
        EmbeddingError,
        install::{import, pull},
        model::{self, Architecture, RegisteredModel},
    },
    pinned::PinnedFile,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const TOKENIZER: &str = "alpha";
const WEIGHTS: &str = "the weights of a tiny model";

static TINY: RegisteredModel = RegisteredModel {
    name: "tiny",
    repository: "someone/tiny",
    revision: "abc123",
    dimension: 4,
    max_tokens: 8,
    files: &[
        PinnedFile {
            name: "tokenizer.json",
            bytes: 5,
            sha256: "8ed3f6ad685b959ead7022518e1af76cd816f8e8ec7ccdda1ed4018e8f2223f8",
        },
        PinnedFile {
            name: "model.safetensors",
            bytes: 27,
            sha256: "cc7b341fc3b0f079279b94ea9cffc5b1bea5f177c978da8e14cfafafabd56127",
        },
    ],
    architecture: Architecture { layers: 1, heads: 1, hidden_size: 4, layer_norm_epsilon: 1e-12 },
};

/// Every file in and below `folder`, with its content.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    found.sort();
    found
}

fn both_files() -> Vec<(String, String)> {
    vec![("model.safetensors".into(), WEIGHTS.into()), ("tokenizer.json".into(), TOKENIZER.into())]
}

/// A hub that has `files` of the tiny model; what else is asked for is not found.
async fn hub(files: &[(&'static str, &'static str)]) -> String {
    let files: Arc<HashMap<&str, &str>> = Arc::new(files.iter().copied().collect());
    let serve = move |UrlPath(file): UrlPath<String>| async move {
        files.get(file.as_str()).copied().ok_or(StatusCode::NOT_FOUND)
    };
    let router = Router::new().route("/someone/tiny/resolve/abc123/{file}", get(serve));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

async fn pull_quietly(model_dir: &Path, hub_url: &str) -> Result<(), EmbeddingError> {
    pull(&TINY, model_dir, hub_url, &|_, _, _| ()).await
}

#[tokio::test]
async fn a_model_is_fetched_from_the_hub_with_progress() {
    let hub = hub(&[("tokenizer.json", TOKENIZER), ("model.safetensors", WEIGHTS)]).await;
    let folder = TempDir::new().unwrap();
    let seen = Mutex::new(Vec::new());
    let progress = |file: &str, done: u64, total: u64| seen.lock().unwrap().push((file.to_owned(), done, total));
    pull(&TINY, folder.path(), &format!("{hub}/"), &progress).await.unwrap();

    assert_eq!(files(&folder.path().join("tiny")), both_files());
    model::verify(&TINY, folder.path()).unwrap();
    let seen = seen.into_inner().unwrap();
    assert_eq!(seen.first().unwrap(), &("tokenizer.json".to_owned(), 0, 5));
    assert_eq!(seen.last().unwrap(), &("model.safetensors".to_owned(), 27, 27));
}

#[tokio::test]
async fn what_is_installed_is_not_fetched_again() {
    let folder = TempDir::new().unwrap();
    let full = hub(&[("tokenizer.json", TOKENIZER), ("model.safetensors", WEIGHTS)]).await;
    pull_quietly(folder.path(), &full).await.unwrap();
    pull_quietly(folder.path(), &hub(&[]).await).await.unwrap();
}

#[tokio::test]
async fn a_file_with_another_hash_is_refused_and_replaces_nothing() {
    for wrong in ["the weights of a tinY model", "short", "the weights of a tiny model, and much more"] {
        let hub = hub(&[("tokenizer.json", TOKENIZER), ("model.safetensors", wrong)]).await;
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("tiny")).unwrap();
        fs::write(folder.path().join("tiny/model.safetensors"), "older").unwrap();

        let error = pull_quietly(folder.path(), &hub).await.unwrap_err();
        assert!(matches!(&error, EmbeddingError::WrongHash { file, .. } if file == "model.safetensors"), "{error}");
        let expected = [("model.safetensors".into(), "older".into()), ("tokenizer.json".into(), TOKENIZER.into())];
        assert_eq!(files(folder.path()), expected);
    }
}

#[tokio::test]
async fn a_file_that_the_hub_lacks_fails_the_download() {
    let hub = hub(&[("tokenizer.json", TOKENIZER)]).await;
    let folder = TempDir::new().unwrap();
    let error = pull_quietly(folder.path(), &hub).await.unwrap_err();
    assert!(matches!(&error, EmbeddingError::Download { url, .. } if url.ends_with("/model.safetensors")), "{error}");
    assert!(error.is_retryable());
    assert_eq!(files(folder.path()), [("tokenizer.json".into(), TOKENIZER.into())]);
}

#[tokio::test]
async fn a_connection_that_breaks_off_leaves_nothing_behind() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hub = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let _ = socket.read(&mut [0; 1024]).await.unwrap();
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nal").await.unwrap();
    });
    let folder = TempDir::new().unwrap();
    let error = pull_quietly(folder.path(), &hub).await.unwrap_err();
    assert!(matches!(error, EmbeddingError::Download { .. }), "{error}");
    assert_eq!(files(folder.path()), []);
}

#[tokio::test]
async fn a_hub_that_cannot_be_reached_fails_the_download() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hub = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let folder = TempDir::new().unwrap();
    for hub in [hub.as_str(), "not an address"] {
        let error = pull_quietly(folder.path(), hub).await.unwrap_err();
        assert!(matches!(error, EmbeddingError::Download { .. }), "{error}");
    }
    assert_eq!(files(folder.path()), []);
}

#[test]
fn a_model_is_imported_from_anywhere_below_a_folder() {
    let (source, target) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    fs::create_dir_all(source.path().join("package/model/old")).unwrap();
    fs::write(source.path().join("package/tokenizer.json"), TOKENIZER).unwrap();
    fs::write(source.path().join("package/model/model.safetensors"), WEIGHTS).unwrap();
    fs::write(source.path().join("package/model/old/model.safetensors"), "of another version").unwrap();
    fs::write(source.path().join("package/README.md"), "other things").unwrap();

    import(&TINY, source.path(), target.path()).unwrap();
    assert_eq!(files(&target.path().join("tiny")), both_files());
    import(&TINY, TempDir::new().unwrap().path(), target.path()).expect("all is there already");
}

#[test]
fn an_import_without_the_right_files_is_refused() {
    let (source, target) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    fs::write(source.path().join("tokenizer.json"), TOKENIZER).unwrap();
    let error = import(&TINY, source.path(), target.path()).unwrap_err();
    assert!(matches!(&error, EmbeddingError::MissingFile { file, .. } if file == "model.safetensors"), "{error}");

    fs::write(source.path().join("model.safetensors"), "something else").unwrap();
    let error = import(&TINY, source.path(), target.path()).unwrap_err();
    assert!(matches!(&error, EmbeddingError::WrongHash { file, .. } if file == "model.safetensors"), "{error}");
    assert_eq!(files(target.path()), [("tokenizer.json".into(), TOKENIZER.into())]);

    let error = import(&TINY, Path::new("/no/such/folder"), target.path()).unwrap_err();
    assert!(matches!(error, EmbeddingError::Io { .. }), "{error}");
}

#[test]
fn verification_names_what_is_wrong() {
    let folder = TempDir::new().unwrap();
    let error = model::verify(&TINY, folder.path()).unwrap_err();
    assert!(matches!(error, EmbeddingError::NotInstalled { .. }), "{error}");

    fs::create_dir(folder.path().join("tiny")).unwrap();
    fs::write(folder.path().join("tiny/tokenizer.json"), TOKENIZER).unwrap();
    fs::write(folder.path().join("tiny/model.safetensors"), "changed").unwrap();
    let error = model::verify(&TINY, folder.path()).unwrap_err();
    assert!(matches!(&error, EmbeddingError::WrongHash { file, .. } if file == "model.safetensors"), "{error}");

    let error = model::find("all-MiniLM-L7").unwrap_err();
    assert!(matches!(error, EmbeddingError::UnknownModel { .. }), "{error}");
}
