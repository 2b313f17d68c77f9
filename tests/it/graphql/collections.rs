//! Collections: who sees them, how they are listed, changed and removed.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    on_both_databases,
    support::{
        app::{TestApp, texts},
        caller::{Caller, uuid_of},
    },
};

const FIND: &str = "query($id: ID!) { collection(id: $id) { id name description isPublic viewerRole documentCount } }";
const UPDATE: &str = "mutation($input: CollectionUpdateInput!) {
    collectionUpdate(input: $input) { collection { name description isPublic meta } userErrors { code path } }
}";
const DELETE: &str = "mutation($id: ID!) {
    collectionDelete(input: { collectionId: $id }) { operation { id type } userErrors { code } }
}";
const LIST: &str = "query($first: Int, $after: Cursor, $orderBy: CollectionOrder, $filter: CollectionFilter) {
    collections(first: $first, after: $after, orderBy: $orderBy, filter: $filter) {
        nodes { name } totalCount pageInfo { hasNextPage endCursor }
    }
}";

on_both_databases!(a_collection_is_split_by_the_strategy_that_it_was_given_and_reindexing_can_change_it);
async fn a_collection_is_split_by_the_strategy_that_it_was_given_and_reindexing_can_change_it(app: TestApp) {
    let ada = app.user("ada").await;
    let sentence = json!({ "sentence": { "maxTokens": 16, "overlapTokens": 0 } });
    let id = ada.create_collection_with(json!({ "name": "Letters", "chunking": sentence })).await;
    let text = "The tram is red.\n\nThe ferry is blue.\n\nThe bus is green, and it is late.";
    ada.ingest_all(&id, texts(&[("a.txt", text)])).await;
    let state = async || {
        let query = "query($id: ID!) { collection(id: $id) {
            chunking { strategy maxTokens overlapTokens } documents { nodes { chunks { nodes { content } } } }
        } }";
        let collection = ada.data(query, json!({ "id": id })).await["collection"].clone();
        (collection["chunking"].clone(), collection["documents"]["nodes"][0]["chunks"]["nodes"].clone())
    };
    let (chunking, chunks) = state().await;
    assert_eq!(chunking, json!({ "strategy": "SENTENCE", "maxTokens": 16, "overlapTokens": 0 }));
    assert_eq!(chunks[0]["content"], "The tram is red.\n\nThe ferry is blue.");

    let reindex = "mutation($id: ID!, $chunking: ChunkingInput!) {
        collectionReindex(input: { collectionId: $id, chunking: $chunking }) { operation { id } userErrors { code path } }
    }";
    let change = async |chunking: Value| {
        ada.data(reindex, json!({ "id": id, "chunking": chunking })).await["collectionReindex"].clone()
    };
    for (chunking, path) in [
        (json!({ "sentence": { "maxTokens": 8 } }), json!(["chunking", "sentence", "maxTokens"])),
        (json!({ "token": { "maxTokens": 20, "overlapTokens": 11 } }), json!(["chunking", "token", "overlapTokens"])),
        (json!({ "overlapTokens": -1 }), json!(["chunking", "overlapTokens"])),
        (json!({ "token": {}, "code": {} }), json!(["chunking"])),
        (json!({ "token": {}, "maxTokens": 20 }), json!(["chunking"])),
    ] {
        let refused = change(chunking.clone()).await;
        assert_eq!(refused["userErrors"], json!([{ "code": "INVALID", "path": path }]), "{chunking}");
    }
    let begun = change(json!({ "token": { "maxTokens": 16, "overlapTokens": 0 } })).await;
    ada.ended(begun["operation"]["id"].as_str().unwrap()).await;
    let (chunking, chunks) = state().await;
    assert_eq!(chunking["strategy"], "TOKEN");
    let first = chunks[0]["content"].as_str().unwrap();
    assert!(first.starts_with("The tram is red.\n\nThe ferry is blue.\n\nThe bus is"), "{first}");
}

on_both_databases!(a_private_collection_exists_for_its_owner_alone);
async fn a_private_collection_exists_for_its_owner_alone(app: TestApp) {
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let id = ada.create_collection("Letters").await;
    assert_eq!(ada.data(FIND, json!({ "id": id })).await["collection"]["viewerRole"], "OWNER");
    for stranger in [eve, app.anonymous()] {
        assert_eq!(stranger.error_code(FIND, json!({ "id": id })).await, "NOT_FOUND");
        assert_eq!(stranger.data(LIST, json!({})).await["collections"]["totalCount"], 0);
    }
}

on_both_databases!(a_public_collection_is_read_by_all_and_changed_by_its_owner);
async fn a_public_collection_is_read_by_all_and_changed_by_its_owner(app: TestApp) {
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let id = ada.create_collection_with(json!({ "name": "Letters", "isPublic": true })).await;
    for reader in [&eve, &app.anonymous()] {
        let seen = reader.data(FIND, json!({ "id": id })).await;
        assert_eq!((&seen["collection"]["name"], &seen["collection"]["viewerRole"]), (&json!("Letters"), &Value::Null));
    }
    let variables = json!({ "input": { "collectionId": id, "name": "Mine" } });
    assert_eq!(eve.error_code(UPDATE, variables.clone()).await, "FORBIDDEN");
    assert_eq!(app.anonymous().error_code(UPDATE, variables).await, "UNAUTHENTICATED");
    assert_eq!(eve.error_code(DELETE, json!({ "id": id })).await, "FORBIDDEN");
}

on_both_databases!(the_answer_for_a_hidden_collection_is_that_for_one_that_does_not_exist);
async fn the_answer_for_a_hidden_collection_is_that_for_one_that_does_not_exist(app: TestApp) {
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let hidden = ada.create_collection("Letters").await;
    let gone = ada.create_collection("Gone").await;
    let operation = ada.data(DELETE, json!({ "id": gone })).await["collectionDelete"]["operation"]["id"].clone();
    ada.ended(operation.as_str().unwrap()).await;
    for document in [FIND, UPDATE, DELETE] {
        let answer = async |id: &str| {
            let input = json!({ "collectionId": id, "name": "x" });
            let mut answer = eve.graphql(document, json!({ "id": id, "input": input })).await;
            answer.pointer_mut("/errors/0/extensions/requestId").map(Value::take);
            answer
        };
        assert_eq!(answer(&hidden).await, answer(&gone).await);
        assert_eq!(answer(&hidden).await, answer("bm9uc2Vuc2U").await);
    }
}

on_both_databases!(a_page_behind_a_cursor_depends_on_its_position_alone);
async fn a_page_behind_a_cursor_depends_on_its_position_alone(app: TestApp) {
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    ada.create_collection_with(json!({ "name": "Older", "isPublic": true })).await;
    let hidden = ada.create_collection("Hidden").await;
    ada.create_collection_with(json!({ "name": "Newer", "isPublic": true })).await;
    let id = Uuid::parse_str(&uuid_of(&hidden)).unwrap().as_u128();
    let behind = async |caller: &Caller, id: u128| {
        let cursor = URL_SAFE_NO_PAD.encode(format!("1|collection|{}", Uuid::from_u128(id)));
        caller.data(LIST, json!({ "after": cursor })).await["collections"].take()
    };
    for stranger in [&eve, &app.anonymous()] {
        let page = behind(stranger, id).await;
        assert_eq!(page["nodes"], json!([{ "name": "Older" }]));
        for missing in [id - 1, id + 1] {
            assert_eq!(behind(stranger, missing).await, page, "the place of a missing row tells that one is hidden");
        }
    }
    // For its owner the row itself lies behind the next higher place.
    assert_eq!(behind(&ada, id - 1).await, behind(&ada, id).await);
    assert_eq!(behind(&ada, id + 1).await["nodes"], json!([{ "name": "Hidden" }, { "name": "Older" }]));
}

on_both_databases!(a_patch_keeps_what_it_omits_and_clears_what_it_nulls);
async fn a_patch_keeps_what_it_omits_and_clears_what_it_nulls(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection_with(json!({ "name": "Letters", "description": "old", "meta": { "a": 1 } })).await;
    let patched = ada.data(UPDATE, json!({ "input": { "collectionId": id, "isPublic": true } })).await;
    let expected = json!({ "name": "Letters", "description": "old", "isPublic": true, "meta": { "a": 1 } });
    assert_eq!(patched["collectionUpdate"]["collection"], expected);
    let patched = ada.data(UPDATE, json!({ "input": { "collectionId": id, "description": null } })).await;
    assert_eq!(patched["collectionUpdate"]["collection"]["description"], Value::Null);
}

on_both_databases!(a_name_is_taken_once_for_each_owner);
async fn a_name_is_taken_once_for_each_owner(app: TestApp) {
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    ada.create_collection("Letters").await;
    eve.create_collection("Letters").await;
    let create =
        "mutation { collectionCreate(input: { name: \"Letters\" }) { collection { id } userErrors { code path } } }";
    let payload = ada.data(create, json!({})).await;
    assert_eq!(
        payload["collectionCreate"],
        json!({ "collection": null, "userErrors": [{ "code": "TAKEN", "path": ["name"] }] })
    );
}

on_both_databases!(pages_by_name_meet_every_collection_once);
async fn pages_by_name_meet_every_collection_once(app: TestApp) {
    let ada = app.user("ada").await;
    for name in ["delta", "alpha", "echo", "bravo", "charlie"] {
        ada.create_collection(name).await;
    }
    for (direction, expected) in [
        ("ASC", ["alpha", "bravo", "charlie", "delta", "echo"]),
        ("DESC", ["echo", "delta", "charlie", "bravo", "alpha"]),
    ] {
        let (mut names, mut after) = (Vec::new(), Value::Null);
        loop {
            let order = json!({ "field": "NAME", "direction": direction });
            let page =
                ada.data(LIST, json!({ "first": 2, "after": after, "orderBy": order })).await["collections"].clone();
            names
                .extend(page["nodes"].as_array().unwrap().iter().map(|node| node["name"].as_str().unwrap().to_owned()));
            after = page["pageInfo"]["endCursor"].clone();
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
        }
        assert_eq!(names, expected);
    }
}

on_both_databases!(a_removed_collection_is_gone_at_once_and_its_name_is_free);
async fn a_removed_collection_is_gone_at_once_and_its_name_is_free(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection_with(json!({ "name": "Letters", "isPublic": true })).await;
    ada.ingest_all(&id, texts(&[("a.txt", "A tram crosses the bridge.")])).await;
    let payload = ada.data(DELETE, json!({ "id": id })).await;
    assert_eq!(payload["collectionDelete"]["operation"]["type"], "DELETE");
    assert_eq!(ada.error_code(FIND, json!({ "id": id })).await, "NOT_FOUND");
    assert_eq!(ada.search(json!({ "query": "tram" })).await["nodes"], json!([]));
    ada.create_collection("Letters").await;
    let operation = ada.ended(payload["collectionDelete"]["operation"]["id"].as_str().unwrap()).await;
    assert_eq!(operation["status"], "COMPLETED");
}
