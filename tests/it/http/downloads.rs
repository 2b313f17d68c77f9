//! Downloads that go on where they broke off, and files that a client has already.

use serde_json::{Value, json};

use crate::{
    on_both_databases,
    support::{
        app::{TestApp, texts},
        caller::Caller,
    },
};

/// Where the document is fetched that now has this text.
async fn put(caller: &Caller, collection: &str, text: &str) -> String {
    let operation = caller.ingest_all(collection, texts(&[("a.txt", text)])).await;
    assert_eq!(operation["status"], "COMPLETED", "{operation:#}");
    let query = "query($id: ID!) { collection(id: $id) { documents { nodes { downloadUrl } } } }";
    let mut data: Value = caller.data(query, json!({ "id": collection })).await;
    let url = data["collection"]["documents"]["nodes"][0]["downloadUrl"].take();
    url.as_str().unwrap().to_owned()
}

on_both_databases!(a_resumed_download_never_splices_two_versions);
async fn a_resumed_download_never_splices_two_versions(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    let url = put(&ada, &id, "The first version of the letter.").await;
    let begun = ada.send("GET", &url, &[("range", "bytes=0-9")], "").await;
    assert_eq!((begun.status, begun.body.as_slice()), (206, b"The first ".as_slice()));
    let tag = begun.headers["etag"].to_str().unwrap().to_owned();

    let go_on = [("range", "bytes=10-"), ("if-range", tag.as_str())];
    let rest = ada.send("GET", &url, &go_on, "").await;
    assert_eq!((rest.status, rest.body.as_slice()), (206, b"version of the letter.".as_slice()));

    let new = "Another letter altogether.";
    assert_eq!(put(&ada, &id, new).await, url);
    let whole = ada.send("GET", &url, &go_on, "").await;
    assert_eq!((whole.status, whole.body.as_slice()), (200, new.as_bytes()));
    assert_ne!(whole.headers["etag"].to_str().unwrap(), tag);
    assert!(!whole.headers.contains_key("content-range"));
    // A date, a weak tag and a range that the new version does not have change nothing.
    for (range, condition) in [
        ("bytes=10-", "Sat, 29 Oct 1994 19:43:31 GMT".to_owned()),
        ("bytes=10-", format!("W/{}", whole.headers["etag"].to_str().unwrap())),
        ("bytes=10000-", tag.clone()),
    ] {
        let answer = ada.send("GET", &url, &[("range", range), ("if-range", condition.as_str())], "").await;
        assert_eq!((answer.status, answer.body.as_slice()), (200, new.as_bytes()), "{range} {condition}");
    }
}

on_both_databases!(what_the_client_has_is_not_sent_again_and_what_it_does_not_expect_is_refused);
async fn what_the_client_has_is_not_sent_again_and_what_it_does_not_expect_is_refused(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    let url = put(&ada, &id, "The letter.").await;
    let first = ada.send("GET", &url, &[], "").await;
    let tag = first.headers["etag"].to_str().unwrap().to_owned();
    for known in [tag.clone(), format!("W/{tag}"), format!("\"older\", {tag}"), "*".to_owned()] {
        for method in ["GET", "HEAD"] {
            let answer = ada.send(method, &url, &[("if-none-match", known.as_str())], "").await;
            assert_eq!((answer.status, answer.body.len()), (304, 0), "{method} {known}");
            assert_eq!(answer.headers["etag"], tag.as_str(), "{method} {known}");
        }
    }
    for other in ["\"older\"", "W/\"older\", \"oldest\""] {
        assert_eq!(ada.send("GET", &url, &[("if-none-match", other)], "").await.status, 200, "{other}");
    }
    for wanted in [tag.clone(), format!("\"older\", {tag}"), "*".to_owned()] {
        assert_eq!(ada.send("GET", &url, &[("if-match", wanted.as_str())], "").await.status, 200, "{wanted}");
    }
    for wanted in ["\"older\"".to_owned(), format!("W/{tag}")] {
        let refused = ada.send("GET", &url, &[("if-match", wanted.as_str()), ("range", "bytes=0-1")], "").await;
        assert_eq!(refused.status, 412, "{wanted}");
        assert_eq!(refused.json()["errors"][0]["extensions"]["code"], "CONFLICT", "{wanted}");
    }
    // A caller without permission learns nothing, whatever they request.
    let stranger = app.anonymous();
    assert_eq!(stranger.send("GET", &url, &[("if-none-match", tag.as_str())], "").await.status, 404);
}

on_both_databases!(a_file_that_is_sent_in_an_encoding_is_refused_and_its_place_stays_free);
async fn a_file_that_is_sent_in_an_encoding_is_refused_and_its_place_stays_free(app: TestApp) {
    let ada = app.user("ada").await;
    let (_, url) = ada.create_upload("a.txt").await;
    let refused = ada.send("PUT", &url, &[("content-encoding", "gzip")], "not what it says").await;
    assert_eq!(refused.status, 415);
    assert_eq!(refused.json()["errors"][0]["extensions"]["code"], json!("BAD_USER_INPUT"));
    assert_eq!(refused.headers["accept-encoding"], "identity");
    assert_eq!(ada.send("PUT", &url, &[], "The letter.").await.status, 201);
}

on_both_databases!(the_head_of_a_download_is_that_of_the_whole);
async fn the_head_of_a_download_is_that_of_the_whole(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    let url = put(&ada, &id, "The letter.").await;
    let head = ada.send("HEAD", &url, &[("range", "bytes=0-1")], "").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.headers["content-length"], "11");
    assert!(!head.headers.contains_key("content-range"));
}
