//! The data directory may have any name.

use serde_json::json;

use crate::support::app::{TestApp, texts};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_kept_in_the_directory_that_is_named_whatever_its_name() {
    for name in ["a%20b", "q?x", "h#y", "ü ö", "file:x", "a&b=c;d"] {
        let app = TestApp::in_directory(name).await;
        let ada = app.user("ada").await;
        let collection = ada.create_collection("Letters").await;
        let ended = ada.ingest_all(&collection, texts(&[("a.txt", "The ferry waits.")])).await;
        assert_eq!(ended["status"], "COMPLETED", "{name}: {ended:#}");

        let app = app.restart().await;
        let ada = app.anonymous().log_in("ada").await;
        for mode in ["LEXICAL", "SEMANTIC"] {
            let found = ada.search(json!({ "query": "ferry", "mode": mode })).await;
            assert_eq!(found["hits"].as_array().unwrap().len(), 1, "{name}: {found:#}");
        }
        let parent = std::fs::read_dir(app.data_dir().parent().unwrap()).unwrap();
        let beside: Vec<_> = parent.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(beside, [name], "something is kept elsewhere");
        for kept in ["docent.db", "docent.lock", "originals", "vectors"] {
            assert!(app.data_dir().join(kept).exists(), "{name}: {kept}");
        }
    }
}
