//! Sharing a collection: roles given, changed, taken, given up, and handed over.

use serde_json::{Value, json};

use crate::{
    on_both_databases,
    support::{
        app::{TestApp, texts},
        caller::{Caller, code},
    },
};

const SET: &str = "mutation($input: CollectionMemberSetInput!) {
    collectionMemberSet(input: $input) { member { role user { username } } userErrors { code path message } }
}";
const REMOVE: &str = "mutation($input: CollectionMemberRemoveInput!) {
    collectionMemberRemove(input: $input) { removedId removedUserId userErrors { code message } }
}";
const SEEN: &str = "query($id: ID!) { collection(id: $id) {
    viewerRole viewerCan members { nodes { role user { username } } totalCount }
} }";

async fn share(owner: &Caller, collection: &str, username: &str, role: &str) -> Value {
    let input = json!({ "collectionId": collection, "username": username, "role": role });
    owner.data(SET, json!({ "input": input })).await["collectionMemberSet"].clone()
}

async fn remove(caller: &Caller, collection: &str, user: &str) -> Value {
    let input = json!({ "collectionId": collection, "userId": user });
    caller.graphql(REMOVE, json!({ "input": input })).await
}

async fn ada_and_bob(app: &TestApp) -> (Caller, Caller, String) {
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let id = ada.create_collection("Letters").await;
    ada.ingest_all(&id, texts(&[("a.txt", "A letter about the harbour.")])).await;
    (ada, bob, id)
}

on_both_databases!(a_viewer_reads_and_an_editor_writes_and_neither_manages);
async fn a_viewer_reads_and_an_editor_writes_and_neither_manages(app: TestApp) {
    let (ada, bob, id) = ada_and_bob(&app).await;
    assert_eq!(code(&bob.graphql(SEEN, json!({ "id": id })).await), "NOT_FOUND");

    let member = share(&ada, &id, "Bob", "VIEWER").await["member"].clone();
    assert_eq!(member, json!({ "role": "VIEWER", "user": { "username": "bob" } }));
    let seen = bob.data(SEEN, json!({ "id": id })).await["collection"].clone();
    assert_eq!(seen["viewerRole"], "VIEWER");
    assert_eq!(seen["viewerCan"], json!(["COLLECTION_READ", "COLLECTION_LEAVE", "MEMBER_READ", "OPERATION_READ"]));
    assert_eq!(seen["members"]["totalCount"], 2);
    let of_role = "query($id: ID!, $role: [CollectionRole!]) { collection(id: $id) {
        members(filter: { role: $role }) { nodes { role } totalCount }
    } }";
    for (roles, count) in
        [(json!(["VIEWER"]), 1), (json!(["EDITOR"]), 0), (json!(["OWNER", "VIEWER"]), 2), (json!([]), 2)]
    {
        let found = bob.data(of_role, json!({ "id": id, "role": roles })).await["collection"]["members"].take();
        assert_eq!(found["totalCount"], count, "{roles}");
        assert_eq!(found["nodes"].as_array().unwrap().len(), count, "{roles}");
    }
    let found = bob.search(json!({ "query": "harbour" })).await;
    assert_eq!(found["nodes"].as_array().unwrap().len(), 1);
    let refused = bob.graphql(
        "mutation($id: ID!) { documentsIngest(input: { collectionId: $id, documents: [{ fileName: \"b.txt\", content: { text: \"b\" } }] }) { operation { id } } }",
        json!({ "id": id }),
    ).await;
    assert_eq!(code(&refused), "FORBIDDEN");

    share(&ada, &id, "bob", "EDITOR").await;
    let operation = bob.ingest_all(&id, texts(&[("b.txt", "Another letter.")])).await;
    assert_eq!(operation["status"], "COMPLETED");
    let refused =
        bob.graphql(SET, json!({ "input": { "collectionId": id, "username": "bob", "role": "OWNER" } })).await;
    assert_eq!(code(&refused), "FORBIDDEN");
    let refused = bob
        .graphql(
            "mutation($id: ID!) { collectionDelete(input: { collectionId: $id }) { deletedId } }",
            json!({ "id": id }),
        )
        .await;
    assert_eq!(code(&refused), "FORBIDDEN");
}

on_both_databases!(a_role_that_is_taken_is_gone_at_once_and_taking_it_again_is_fine);
async fn a_role_that_is_taken_is_gone_at_once_and_taking_it_again_is_fine(app: TestApp) {
    let (ada, bob, id) = ada_and_bob(&app).await;
    share(&ada, &id, "bob", "EDITOR").await;
    let bob_id = bob.user_id().await;
    let members = "query($id: ID!) { collection(id: $id) { members { nodes { id userId } } } }";
    let members = ada.data(members, json!({ "id": id })).await["collection"]["members"]["nodes"].take();
    let member = members.as_array().unwrap().iter().find(|member| member["userId"] == *bob_id).unwrap();
    let gone = json!({ "removedId": member["id"], "removedUserId": bob_id, "userErrors": [] });
    for _ in 0..2 {
        let answer = remove(&ada, &id, &bob_id).await;
        assert_eq!(answer["data"]["collectionMemberRemove"], gone);
    }
    assert_eq!(code(&bob.graphql(SEEN, json!({ "id": id })).await), "NOT_FOUND");
    assert_eq!(bob.search(json!({ "query": "harbour" })).await["nodes"], json!([]));
    assert_eq!(bob.data("{ operations { totalCount } }", json!({})).await["operations"]["totalCount"], 0);
}

on_both_databases!(everybody_may_leave_but_the_owner_hands_over_first);
async fn everybody_may_leave_but_the_owner_hands_over_first(app: TestApp) {
    let (ada, bob, id) = ada_and_bob(&app).await;
    share(&ada, &id, "bob", "VIEWER").await;
    let ada_id = ada.user_id().await;
    assert_eq!(code(&remove(&bob, &id, &ada_id).await), "FORBIDDEN");
    let answer = remove(&ada, &id, &ada_id).await;
    assert_eq!(answer["data"]["collectionMemberRemove"]["userErrors"][0]["code"], "CONFLICT");

    share(&ada, &id, "bob", "OWNER").await;
    let seen = ada.data(SEEN, json!({ "id": id })).await["collection"].clone();
    assert_eq!(seen["viewerRole"], "EDITOR");
    let owner = bob
        .data("query($id: ID!) { collection(id: $id) { viewerRole owner { username } } }", json!({ "id": id }))
        .await;
    assert_eq!(owner["collection"], json!({ "viewerRole": "OWNER", "owner": { "username": "bob" } }));

    remove(&ada, &id, &ada_id).await;
    assert_eq!(code(&ada.graphql(SEEN, json!({ "id": id })).await), "NOT_FOUND");
    assert_eq!(ada.data("{ operations { totalCount } }", json!({})).await["operations"]["totalCount"], 0);
}

on_both_databases!(a_collection_is_not_handed_to_somebody_who_has_one_of_its_name);
async fn a_collection_is_not_handed_to_somebody_who_has_one_of_its_name(app: TestApp) {
    let (ada, bob, id) = ada_and_bob(&app).await;
    bob.create_collection("Letters").await;
    let payload = share(&ada, &id, "bob", "OWNER").await;
    assert_eq!(payload["userErrors"][0]["code"], "CONFLICT");
    assert_eq!(ada.data(SEEN, json!({ "id": id })).await["collection"]["viewerRole"], "OWNER");
}

on_both_databases!(a_role_needs_a_user_who_exists_and_one_way_to_name_them);
async fn a_role_needs_a_user_who_exists_and_one_way_to_name_them(app: TestApp) {
    let (ada, _, id) = ada_and_bob(&app).await;
    let unknown = share(&ada, &id, "nobody", "VIEWER").await;
    assert_eq!(
        (&unknown["userErrors"][0]["code"], &unknown["userErrors"][0]["path"]),
        (&json!("NOT_FOUND"), &json!(["username"]))
    );
    let neither = json!({ "input": { "collectionId": id, "role": "VIEWER" } });
    assert_eq!(ada.data(SET, neither).await["collectionMemberSet"]["userErrors"][0]["code"], "REQUIRED");
    let demoted = share(&ada, &id, "ada", "VIEWER").await;
    assert_eq!(demoted["userErrors"][0]["code"], "CONFLICT");
}

on_both_databases!(members_are_told_to_members_alone);
async fn members_are_told_to_members_alone(app: TestApp) {
    let (ada, bob, id) = ada_and_bob(&app).await;
    ada.data(
        "mutation($id: ID!) { collectionUpdate(input: { collectionId: $id, isPublic: true }) { userErrors { code } } }",
        json!({ "id": id }),
    )
    .await;
    let seen = bob.data(SEEN, json!({ "id": id })).await["collection"].clone();
    assert_eq!(
        seen,
        json!({ "viewerRole": null, "viewerCan": ["COLLECTION_READ"], "members": { "nodes": [], "totalCount": 0 } })
    );
}

on_both_databases!(accounts_are_suggested_to_those_who_share_a_collection_with_them);
async fn accounts_are_suggested_to_those_who_share_a_collection_with_them(app: TestApp) {
    let _root = app.user("root").await;
    let (ada, grace, greta) = (app.user("ada").await, app.user("Grace").await, app.user("greta").await);
    let suggest = "query($text: String!) { userSuggest(text: $text) { username email } }";
    let names = async |caller: &Caller, text: &str| {
        let data = caller.data(suggest, json!({ "text": text })).await;
        let found = data["userSuggest"].as_array().unwrap().clone();
        found.iter().map(|user| user["username"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&ada, "gr").await, Vec::<String>::new());
    let collection = ada.create_collection("Letters").await;
    for name in ["Grace", "greta"] {
        share(&ada, &collection, name, "VIEWER").await;
    }
    assert_eq!(names(&ada, "GR").await, ["Grace", "greta"]);
    assert_eq!(names(&grace, "gre").await, ["greta"]);
    assert_eq!(names(&greta, "race").await, Vec::<String>::new(), "from the beginning");
    let seen = ada.data(suggest, json!({ "text": "grace" })).await;
    assert_eq!(seen["userSuggest"], json!([{ "username": "Grace", "email": null }]));
    for text in ["", " ", "\0", &"g".repeat(201)] {
        assert_eq!(code(&ada.graphql(suggest, json!({ "text": text })).await), "BAD_USER_INPUT");
    }
}

on_both_databases!(who_can_read_all_that_there_is_finds_what_is_shared_next_and_nothing_of_strangers);
async fn who_can_read_all_that_there_is_finds_what_is_shared_next_and_nothing_of_strangers(app: TestApp) {
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    // So many that leaving out those of others is not worth it while there are none.
    for number in 0..50 {
        ada.create_collection(&format!("Empty {number}")).await;
    }
    let mine = ada.create_collection("Facts").await;
    ada.ingest_all(&mine, texts(&[("a.txt", "Tram tracks are narrow."), ("b.txt", "The tram is late.")])).await;
    let question = json!({ "query": "tram tracks", "mode": "LEXICAL", "first": 50 });
    let before = ada.search(question.clone()).await["nodes"].clone();
    assert_eq!(before.as_array().unwrap().len(), 2);

    let theirs = eve.create_collection("Trams").await;
    let many: Vec<_> =
        (0..30).map(|number| (format!("{number}.txt"), format!("Tram tracks number {number}."))).collect();
    let many: Vec<_> = many.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    eve.ingest_all(&theirs, texts(&many)).await;
    assert_eq!(ada.search(question.clone()).await["nodes"], before, "a stranger's words don't weigh");

    share(&eve, &theirs, "ada", "VIEWER").await;
    assert_eq!(ada.search(question.clone()).await["nodes"].as_array().unwrap().len(), 32);
    remove(&eve, &theirs, &ada.user_id().await).await;
    assert_eq!(ada.search(question).await["nodes"], before);
}
