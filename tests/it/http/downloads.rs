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

/// The address with a link to the only document of a collection.
async fn signed(caller: &Caller, collection: &str) -> String {
    let query = "query($id: ID!) { collection(id: $id) { documents { nodes { downloadUrl(signed: true) } } } }";
    let data = caller.data(query, json!({ "id": collection })).await;
    data["collection"]["documents"]["nodes"][0]["downloadUrl"].as_str().unwrap().to_owned()
}

on_both_databases!(a_link_works_without_a_credential_until_its_session_its_permission_or_its_time_ends);
async fn a_link_works_without_a_credential_until_its_session_its_permission_or_its_time_ends(app: TestApp) {
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let (letters, others) = (ada.create_collection("Letters").await, ada.create_collection("Others").await);
    let (url, other) = (put(&ada, &letters, "The letter.").await, put(&ada, &others, "Another.").await);
    let share = "mutation($id: ID!) {
        collectionMemberSet(input: { collectionId: $id, username: \"bob\", role: VIEWER }) { userErrors { code } }
    }";
    ada.data(share, json!({ "id": letters })).await;
    let page = app.anonymous();
    let status = async |url: &str| page.send("GET", url, &[], "").await.status;
    assert_eq!(status(&url).await, 404);

    let link = signed(&ada, &letters).await;
    assert_eq!(page.send("GET", &link, &[], "").await.body, b"The letter.");
    assert_eq!(page.send("HEAD", &link, &[], "").await.status, 200);
    let (_, ticket) = link.split_once('?').unwrap();
    assert_eq!(status(&format!("{other}?{ticket}")).await, 401, "it is a link to one document");
    assert_eq!(status(&format!("{url}?link=nonsense")).await, 401);
    assert_eq!(status(&format!("{link}A")).await, 401);
    // A credential counts more than a link.
    assert_eq!(bob.send("GET", &format!("{other}?{ticket}"), &[], "").await.status, 404);
    // Nothing else takes one.
    let query = format!("/graphql?query=%7Bviewer%7Bid%7D%7D&{ticket}");
    assert_eq!(page.send("GET", &query, &[], "").await.json()["data"]["viewer"], Value::Null);

    let of_bob = signed(&bob, &letters).await;
    assert_eq!(status(&of_bob).await, 200);
    let remove = "mutation($id: ID!, $user: ID!) {
        collectionMemberRemove(input: { collectionId: $id, userId: $user }) { userErrors { code } }
    }";
    ada.data(remove, json!({ "id": letters, "user": bob.user_id().await })).await;
    assert_eq!(status(&of_bob).await, 404);

    let create =
        "mutation { apiKeyCreate(input: { name: \"k\", actions: [COLLECTION_READ] }) { secret apiKey { id } } }";
    let created = ada.data(create, json!({})).await["apiKeyCreate"].clone();
    let of_key = signed(&ada.with_token(created["secret"].as_str().unwrap()), &letters).await;
    assert_eq!(status(&of_key).await, 200);
    ada.data(
        "mutation($id: ID!) { apiKeyRevoke(input: { apiKeyId: $id }) { userErrors { code } } }",
        json!({ "id": created["apiKey"]["id"] }),
    )
    .await;
    assert_eq!(status(&of_key).await, 401);

    app.clock.advance(200);
    assert_eq!(status(&link).await, 200);
    app.clock.advance(100);
    assert_eq!(status(&link).await, 401);
    let link = signed(&ada, &letters).await;
    assert_eq!(status(&link).await, 200);
    ada.data("mutation { sessionRevoke(input: {}) { revoked } }", json!({})).await;
    assert_eq!(status(&link).await, 401);
}

#[tokio::test]
async fn a_document_that_anyone_may_read_needs_no_link() {
    let app = TestApp::on_sqlite().await;
    let ada = app.user("ada").await;
    let id = ada.create_collection_with(json!({ "name": "Letters", "isPublic": true })).await;
    let url = put(&ada, &id, "The letter.").await;
    assert_eq!(signed(&app.anonymous(), &id).await, url);
    assert_eq!(app.anonymous().send("GET", &url, &[], "").await.status, 200);
}

#[tokio::test]
async fn an_address_that_is_no_id_is_one_that_does_not_exist() {
    let app = TestApp::on_sqlite().await;
    let ada = app.user("ada").await;
    for id in ["x", "%FF", "%20", "00000000-0000-0000-0000-000000000000"] {
        for (method, path) in [("GET", format!("/documents/{id}/content")), ("PUT", format!("/uploads/{id}"))] {
            let answer = ada.send(method, &path, &[], "").await;
            let code = answer.json()["errors"][0]["extensions"]["code"].take();
            assert_eq!((answer.status, code), (404, json!("NOT_FOUND")), "{method} {path}");
        }
    }
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
