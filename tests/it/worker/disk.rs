//! A full disk: nothing more is accepted, accepted documents wait, and everything else continues.

use serde_json::json;

use crate::{
    on_both_databases,
    support::{
        app::{TestApp, texts},
        caller::code,
    },
};

const STATE: &str = "query($id: ID!) { server { ingestionState } operation(id: $id) { status waitsForSpace } }";

on_both_databases!(a_full_disk_refuses_what_is_new_lets_the_rest_wait_and_goes_on_by_itself);
async fn a_full_disk_refuses_what_is_new_lets_the_rest_wait_and_goes_on_by_itself(mut app: TestApp) {
    let ada = app.user("ada").await;
    let collection = ada.create_collection("Letters").await;
    ada.ingest_all(&collection, texts(&[("a.txt", "The ferry waits.")])).await;
    let (_, url) = ada.create_upload("c.txt").await;

    // One document is accepted that no worker has begun when the space goes.
    app.stop_worker().await;
    let payload = ada.ingest(&collection, texts(&[("b.txt", "The tram crosses the bridge.")])).await;
    let operation = payload["operation"]["id"].as_str().unwrap().to_owned();
    let state = ada.data(STATE, json!({ "id": operation })).await;
    assert_eq!(state["server"]["ingestionState"], "RUNNING");
    assert_eq!(state["operation"], json!({ "status": "PENDING", "waitsForSpace": false }));
    app.space.set_available(1024 * 1024);
    let token = ada.token().unwrap().to_owned();
    let app = app.restart().await;
    let ada = app.anonymous().with_token(&token);

    let refused = ada
        .graphql(
            "mutation($id: ID!) { documentsIngest(input: { collectionId: $id, documents: [
            { fileName: \"d.txt\", content: { text: \"The bus is late.\" } }
        ] }) { operation { id } userErrors { code } } }",
            json!({ "id": collection }),
        )
        .await;
    assert_eq!(code(&refused), "UNAVAILABLE");
    assert!(refused["errors"][0]["message"].as_str().unwrap().contains("disk is nearly full"), "{refused:#}");
    let put = ada.send("PUT", &url, &[], "The train is early.").await;
    assert_eq!(put.status, 503);
    assert!(put.json()["errors"][0]["message"].as_str().unwrap().contains("disk"), "{:#}", put.json());

    // Searching continues; callers are told what waits.
    let found = ada.search(json!({ "query": "ferry" })).await;
    assert_eq!(found["nodes"].as_array().unwrap().len(), 1);
    let health = ada.send("GET", "/health/ready", &[], "").await;
    assert_eq!((health.status, &health.json()["status"]), (200, &json!("degraded")));
    assert_eq!(health.json()["dependencies"]["disk"], "degraded");
    let state = ada.data(STATE, json!({ "id": operation })).await;
    assert_eq!(state["server"]["ingestionState"], "PAUSED_FOR_SPACE");
    assert_eq!(state["operation"], json!({ "status": "PENDING", "waitsForSpace": true }));

    app.space.set_available(1 << 40);
    assert_eq!(ada.ended(&operation).await["status"], "COMPLETED");
    assert_eq!(ada.send("PUT", &url, &[], "The train is early.").await.status, 201);
    let state = ada.data(STATE, json!({ "id": operation })).await;
    assert_eq!(state["server"]["ingestionState"], "RUNNING");
    assert_eq!(state["operation"]["waitsForSpace"], false);
}
