//! What is revoked while it is used ends by itself, and delivers nothing afterwards. How soon is a constant of the
//! server, the interval of its checks; no test depends on the speed of the machine.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::{
    on_both_databases,
    support::{
        app::{TestApp, texts},
        caller::{Caller, PASSWORD},
        socket::Client,
    },
};

async fn share(owner: &Caller, collection: &str, username: &str) {
    let set = "mutation($id: ID!, $name: String!) {
        collectionMemberSet(input: { collectionId: $id, username: $name, role: VIEWER }) { userErrors { code } }
    }";
    owner.data(set, json!({ "id": collection, "name": username })).await;
}

async fn unshare(owner: &Caller, collection: &str, user: &str) {
    let remove = "mutation($id: ID!, $user: ID!) {
        collectionMemberRemove(input: { collectionId: $id, userId: $user }) { userErrors { code } }
    }";
    owner.data(remove, json!({ "id": collection, "user": user })).await;
}

/// Ada's collection with an operation that waits for ever, and a socket of Bob on which he follows it.
async fn followed(
    app: &mut TestApp,
    credential: impl AsyncFn(&Caller) -> String,
) -> (Caller, Caller, String, String, Client) {
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let id = ada.create_collection("Letters").await;
    share(&ada, &id, "bob").await;
    app.abandon_work();
    app.leave_jobs();
    let operation =
        ada.ingest(&id, texts(&[("a.txt", "A letter.")])).await["operation"]["id"].as_str().unwrap().to_owned();
    let mut socket = Client::open(app.listen().await).await;
    socket.initialise(json!({ "authorization": format!("Bearer {}", credential(&bob).await) })).await;
    socket
        .subscribe("events", &format!("subscription {{ operationEvents(operationId: \"{operation}\") {{ kind }} }}"))
        .await;
    assert_eq!(socket.next().await["payload"]["data"]["operationEvents"]["kind"], "OPERATION_CREATED");
    (ada, bob, id, operation, socket)
}

async fn token_of(caller: &Caller) -> String {
    caller.token().unwrap().to_owned()
}

async fn cancel(caller: &Caller, operation: &str) {
    caller
        .data(
            "mutation($id: ID!) { operationCancel(input: { operationId: $id }) { userErrors { code } } }",
            json!({ "id": operation }),
        )
        .await;
}

/// The socket is closed as forbidden.
async fn ends(socket: Client) {
    let (code, reason) = socket.closed().await;
    assert_eq!((code, reason.as_str()), (4403, "Forbidden: this session or key is no longer valid."));
}

on_both_databases!(a_stream_ends_when_its_member_is_removed_and_says_nothing_of_what_follows);
async fn a_stream_ends_when_its_member_is_removed_and_says_nothing_of_what_follows(mut app: TestApp) {
    let (ada, bob, id, operation, mut socket) = followed(&mut app, token_of).await;
    unshare(&ada, &id, &bob.user_id().await).await;
    let last = socket.next().await;
    assert_eq!(last["payload"]["errors"][0]["extensions"]["code"], "NOT_FOUND", "{last:#}");
    assert_eq!(socket.next().await["type"], "complete");
    cancel(&ada, &operation).await;
    // The socket itself stays open, and gets no message about it.
    socket.subscribe("again", "{ viewer { username } }").await;
    assert_eq!(socket.next().await["payload"]["data"]["viewer"]["username"], "bob");
}

on_both_databases!(a_socket_ends_with_its_session);
async fn a_socket_ends_with_its_session(mut app: TestApp) {
    let (_, bob, .., socket) = followed(&mut app, token_of).await;
    bob.data("mutation { sessionRevoke(input: {}) { revoked } }", json!({})).await;
    ends(socket).await;
}

on_both_databases!(a_socket_ends_with_its_account);
async fn a_socket_ends_with_its_account(mut app: TestApp) {
    let (ada, bob, .., socket) = followed(&mut app, token_of).await;
    let id = bob.user_id().await;
    ada.data(
        "mutation($id: ID!) { userDeactivate(input: { userId: $id }) { userErrors { code } } }",
        json!({ "id": id }),
    )
    .await;
    ends(socket).await;
}

on_both_databases!(a_socket_ends_when_its_user_deletes_the_account);
async fn a_socket_ends_when_its_user_deletes_the_account(mut app: TestApp) {
    let (_, bob, .., socket) = followed(&mut app, token_of).await;
    let delete = "mutation($password: String!) { userDelete(input: { password: $password }) { userErrors { code } } }";
    let deleted = bob.data(delete, json!({ "password": PASSWORD })).await;
    assert_eq!(deleted["userDelete"]["userErrors"], json!([]));
    ends(socket).await;
}

on_both_databases!(a_socket_ends_with_its_key);
async fn a_socket_ends_with_its_key(mut app: TestApp) {
    let make = async |bob: &Caller| {
        let create =
            "mutation { apiKeyCreate(input: { name: \"k\", actions: [COLLECTION_READ, OPERATION_READ] }) { secret } }";
        bob.data(create, json!({})).await["apiKeyCreate"]["secret"].as_str().unwrap().to_owned()
    };
    let (_, bob, .., socket) = followed(&mut app, make).await;
    let keys = bob.data("{ viewer { apiKeys { nodes { id } } } }", json!({})).await;
    let id = &keys["viewer"]["apiKeys"]["nodes"][0]["id"];
    bob.data("mutation($id: ID!) { apiKeyRevoke(input: { apiKeyId: $id }) { revokedId } }", json!({ "id": id })).await;
    ends(socket).await;
}

on_both_databases!(a_socket_ends_with_the_role_of_its_account);
async fn a_socket_ends_with_the_role_of_its_account(mut app: TestApp) {
    let (ada, bob, .., socket) = followed(&mut app, token_of).await;
    let set = "mutation($id: ID!) { userRoleSet(input: { userId: $id, role: ADMIN }) { userErrors { code } } }";
    ada.data(set, json!({ "id": bob.user_id().await })).await;
    let (code, reason) = socket.closed().await;
    assert_eq!((code, reason.as_str()), (4403, "Forbidden: the role of this account has changed. Connect again."));
}

on_both_databases!(an_event_stream_ends_with_its_session);
async fn an_event_stream_ends_with_its_session(mut app: TestApp) {
    let (_, bob, _, operation, _) = followed(&mut app, token_of).await;
    let query = format!("subscription {{ operationEvents(operationId: \"{operation}\") {{ kind }} }}");
    let request = axum::http::Request::post("/graphql")
        .header("authorization", format!("Bearer {}", bob.token().unwrap()))
        .header("content-type", "application/json")
        .header("accept", "text/event-stream")
        .body(Body::from(json!({ "query": query }).to_string()))
        .unwrap();
    let mut events = app.router.clone().oneshot(request).await.unwrap().into_body().into_data_stream();
    let mut heard = String::new();
    while !heard.contains("OPERATION_CREATED") {
        heard += std::str::from_utf8(&events.next().await.unwrap().unwrap()).unwrap();
    }
    bob.data("mutation { sessionRevoke(input: {}) { revoked } }", json!({})).await;
    let mut rest = String::new();
    while let Some(piece) = events.next().await {
        rest += std::str::from_utf8(&piece.unwrap()).unwrap();
    }
    assert!(rest.contains("UNAUTHENTICATED") && !rest.contains("complete"), "{rest}");
}

on_both_databases!(a_search_finds_nothing_once_the_removal_is_answered);
async fn a_search_finds_nothing_once_the_removal_is_answered(app: TestApp) {
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let id = ada.create_collection("Letters").await;
    ada.ingest_all(&id, texts(&[("a.txt", "A letter about the harbour.")])).await;
    share(&ada, &id, "bob").await;
    let bob_id = bob.user_id().await;
    let searching = bob.clone();
    let (removed, (found, mut finds)) = (CancellationToken::new(), tokio::sync::mpsc::unbounded_channel());
    let removal = removed.clone();
    let searches = tokio::spawn(async move {
        loop {
            let is_removed = removal.is_cancelled();
            let hits = searching.search(json!({ "query": "harbour", "mode": "LEXICAL" })).await["nodes"]
                .as_array()
                .unwrap()
                .len();
            if found.send(hits).is_err() || is_removed {
                return hits;
            }
        }
    });
    assert_eq!(finds.recv().await, Some(1), "there was something to find before");
    unshare(&ada, &id, &bob_id).await;
    removed.cancel();
    assert_eq!(searches.await.unwrap(), 0, "a search after the removal found something");
}

on_both_databases!(an_upload_is_not_taken_when_its_sender_was_deactivated_meanwhile);
async fn an_upload_is_not_taken_when_its_sender_was_deactivated_meanwhile(app: TestApp) {
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let bob_id = bob.user_id().await;
    let created =
        bob.data("mutation { uploadCreate(input: { fileName: \"a.txt\" }) { upload { url } } }", json!({})).await;
    let url = created["uploadCreate"]["upload"]["url"].as_str().unwrap().to_owned();
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    let sending = bob.clone();
    let path = url.clone();
    let upload = tokio::spawn(async move {
        let body = Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(receiver));
        sending.send("PUT", &path, &[], body).await.status
    });
    sender.send(Ok(Bytes::from_static(b"first half, "))).await.unwrap();
    // There is room again when the server has begun to read.
    drop(sender.reserve().await.unwrap());
    ada.data(
        "mutation($id: ID!) { userDeactivate(input: { userId: $id }) { userErrors { code } } }",
        json!({ "id": bob_id }),
    )
    .await;
    sender.send(Ok(Bytes::from_static(b"second half"))).await.unwrap();
    drop(sender);
    assert_eq!(upload.await.unwrap(), 401);

    ada.data(
        "mutation($id: ID!) { userActivate(input: { userId: $id }) { userErrors { code } } }",
        json!({ "id": bob_id }),
    )
    .await;
    let bob = app.anonymous().log_in("bob").await;
    assert_eq!(bob.send("PUT", &url, &[], "the place is still empty").await.status, 201);
}

on_both_databases!(a_slow_download_breaks_off);
async fn a_slow_download_breaks_off(app: TestApp) {
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let id = ada.create_collection("Letters").await;
    share(&ada, &id, "bob").await;
    let text = "A long letter. ".repeat(40_000);
    ada.ingest(&id, texts(&[("a.txt", &text)])).await;
    let document = ada
        .data("query($id: ID!) { collection(id: $id) { documents { nodes { downloadUrl } } } }", json!({ "id": id }))
        .await;
    let path = document["collection"]["documents"]["nodes"][0]["downloadUrl"].as_str().unwrap().to_owned();
    let request = axum::http::Request::get(path)
        .header("authorization", format!("Bearer {}", bob.token().unwrap()))
        .body(Body::empty())
        .unwrap();
    let mut body = app.router.clone().oneshot(request).await.unwrap().into_body().into_data_stream();
    let mut read = body.next().await.unwrap().unwrap().len();
    unshare(&ada, &id, &bob.user_id().await).await;
    tokio::time::sleep(Duration::from_millis(2100)).await;
    let broken = loop {
        match body.next().await {
            Some(Ok(part)) => read += part.len(),
            Some(Err(_)) => break true,
            None => break false,
        }
    };
    assert!(broken && read < text.len(), "{read} of {} bytes", text.len());
}

#[tokio::test]
async fn a_message_that_is_not_sent_is_no_message() {
    // The helper above has to see a frame that closes: a socket that says nothing would pass otherwise.
    let app = TestApp::on_sqlite().await;
    let ada = app.user("ada").await;
    let mut socket = Client::open(app.listen().await).await;
    socket.initialise(json!({ "authorization": format!("Bearer {}", ada.token().unwrap()) })).await;
    let nothing = tokio::time::timeout(Duration::from_secs(3), async {
        while !matches!(socket.frame().await, Message::Close(_)) {}
    });
    assert!(nothing.await.is_err(), "a good session keeps its socket");
}

on_both_databases!(a_known_caller_is_not_looked_up_for_each_request_and_is_refused_as_soon_as_their_session_ends);
async fn a_known_caller_is_not_looked_up_for_each_request_and_is_refused_as_soon_as_their_session_ends(
    mut app: TestApp,
) {
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    app.stop_worker().await;
    let ask = "{ __typename }";
    let (_, statements) = app.counting(bob.data(ask, json!({}))).await;
    assert_eq!(statements.len(), 1, "{statements:#?}");
    let (_, statements) = app.counting(bob.data(ask, json!({}))).await;
    // On PostgreSQL others may write, so what is known is looked up again after a second.
    assert!(statements.len() <= usize::from(app.is_on_postgres()), "{statements:#?}");

    let id = bob.user_id().await;
    ada.data(
        "mutation($id: ID!) { userDeactivate(input: { userId: $id }) { userErrors { code } } }",
        json!({ "id": id }),
    )
    .await;
    assert_eq!(bob.error_code(ask, json!({})).await, "UNAUTHENTICATED");
}
