//! Accounts that their users delete: what goes with them, what stays, and when it is refused.

use docent::config::Config;
use futures_util::future::join_all;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use crate::{
    on_both_databases,
    support::{
        app::{TestApp, texts},
        caller::{Caller, PASSWORD, code},
    },
};

const DELETE: &str = "mutation($password: String!) {
    userDelete(input: { password: $password }) { deletedId userErrors { code path message } }
}";

async fn delete(caller: &Caller) -> Value {
    caller.data(DELETE, json!({ "password": PASSWORD })).await["userDelete"].take()
}

async fn set_role(owner: &Caller, collection: &str, username: &str, role: &str) {
    let set = "mutation($input: CollectionMemberSetInput!) {
        collectionMemberSet(input: $input) { userErrors { code message } }
    }";
    let input = json!({ "collectionId": collection, "username": username, "role": role });
    let set = owner.data(set, json!({ "input": input })).await;
    assert_eq!(set["collectionMemberSet"]["userErrors"], json!([]));
}

async fn collection(caller: &Caller, id: &str) -> Value {
    let read = "query($id: ID!) { collection(id: $id) {
        name documentCount members { nodes { user { username } } totalCount }
    } }";
    caller.graphql(read, json!({ "id": id })).await["data"]["collection"].take()
}

on_both_databases!(a_deleted_account_goes_with_all_that_belongs_to_nobody_else);
async fn a_deleted_account_goes_with_all_that_belongs_to_nobody_else(app: TestApp) {
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let bob_id = bob.user_id().await;
    let shared = ada.create_collection("Letters").await;
    set_role(&ada, &shared, "bob", "EDITOR").await;
    let added = bob.ingest_all(&shared, texts(&[("b.txt", "A letter by Bob about the harbour.")])).await;
    let private = bob.create_collection("Diary").await;
    bob.ingest_all(&private, texts(&[("d.txt", "Nobody reads about the lighthouse.")])).await;
    let public = bob.create_collection_with(json!({ "name": "Pamphlets", "isPublic": true })).await;
    bob.create_upload("unused.txt").await;
    let make = "mutation { apiKeyCreate(input: { name: \"k\", actions: [COLLECTION_READ] }) { secret } }";
    let secret = bob.data(make, json!({})).await["apiKeyCreate"]["secret"].as_str().unwrap().to_owned();
    let others = [app.anonymous().log_in("bob").await, app.anonymous().with_token(&secret)];

    let deleted = delete(&bob).await;
    assert_eq!(deleted, json!({ "deletedId": bob_id, "userErrors": [] }));
    for caller in others.iter().chain([&bob]) {
        assert_eq!(code(&caller.graphql("{ viewer { id } }", json!({})).await), "UNAUTHENTICATED");
    }
    let log_in = "mutation($login: String!, $password: String!) {
        sessionCreate(input: { login: $login, password: $password }) { userErrors { code } }
    }";
    let uuid = crate::support::caller::uuid_of(&bob_id);
    for login in ["bob", "bob@example.org", &uuid] {
        let answer = app.anonymous().data(log_in, json!({ "login": login, "password": PASSWORD })).await;
        assert_eq!(answer["sessionCreate"]["userErrors"][0]["code"], "WRONG_CREDENTIALS", "{login}");
    }
    assert_eq!(collection(&app.anonymous(), &public).await, Value::Null);

    // What others use stays, without a name.
    let seen = collection(&ada, &shared).await;
    assert_eq!((&seen["documentCount"], &seen["members"]["totalCount"]), (&json!(1), &json!(1)));
    let read = "query($id: ID!) {
        operation(id: $id) { status user { username } }
        users { nodes { username } totalCount }
        userSuggest(text: \"b\") { username }
    }";
    let seen = ada.data(read, json!({ "id": added["id"] })).await;
    assert_eq!(
        seen,
        json!({
            "operation": { "status": "COMPLETED", "user": null },
            "users": { "nodes": [{ "username": "ada" }], "totalCount": 1 },
            "userSuggest": [],
        })
    );
    let node = "query($user: ID!) { node(id: $user) { id } }";
    assert_eq!(code(&ada.graphql(node, json!({ "user": bob_id })).await), "NOT_FOUND");
    let activate = "mutation($user: ID!) { userActivate(input: { userId: $user }) { userErrors { code } } }";
    assert_eq!(ada.user_error_code(activate, json!({ "user": bob_id })).await, "NOT_FOUND");

    // The names are free, and whoever takes them is somebody else.
    let other = app.user("bob").await;
    assert_ne!(other.user_id().await, bob_id);
    assert_eq!(other.search(json!({ "query": "lighthouse" })).await["nodes"], json!([]));
}

on_both_databases!(the_audit_log_keeps_who_it_was_by_id);
async fn the_audit_log_keeps_who_it_was_by_id(app: TestApp) {
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let (bob_id, diary) = (bob.user_id().await, bob.create_collection("Diary").await);
    delete(&bob).await;
    let log = "query($user: ID!) { auditLog(filter: { userId: $user }) {
        nodes { action result userId user { username } objectId message }
    } }";
    let entries = ada.data(log, json!({ "user": bob_id })).await["auditLog"]["nodes"].take();
    let entries = entries.as_array().unwrap();
    let line = |action: &str, object: &str, message: Value| {
        json!({
            "action": action, "result": "DONE", "userId": bob_id, "user": null, "objectId": object, "message": message,
        })
    };
    assert!(entries.contains(&line("USER_DELETE", &bob_id, Value::Null)), "{entries:#?}");
    assert!(entries.contains(&line("COLLECTION_DELETE", &diary, json!("Diary"))), "{entries:#?}");
    assert!(!json!(entries).to_string().contains("bob"), "the log has no name of who is gone");
}

on_both_databases!(an_account_stays_while_others_have_a_role_in_a_collection_of_it);
async fn an_account_stays_while_others_have_a_role_in_a_collection_of_it(app: TestApp) {
    let (_ada, bob, eve) = (app.user("ada").await, app.user("bob").await, app.user("eve").await);
    let (letters, diary) = (bob.create_collection("Letters").await, bob.create_collection("Diary").await);
    set_role(&bob, &letters, "eve", "VIEWER").await;
    let refused = delete(&bob).await;
    assert_eq!((&refused["deletedId"], &refused["userErrors"][0]["code"]), (&Value::Null, &json!("CONFLICT")));
    let message = refused["userErrors"][0]["message"].as_str().unwrap();
    assert!(message.contains("«Letters»") && !message.contains("Diary"), "{message}");
    // Nothing was changed.
    assert_eq!(collection(&bob, &diary).await["name"], "Diary");
    assert_eq!(collection(&eve, &letters).await["name"], "Letters");

    set_role(&bob, &letters, "eve", "OWNER").await;
    assert_eq!(delete(&bob).await["userErrors"], json!([]));
    let seen = collection(&eve, &letters).await;
    assert_eq!(seen["members"]["nodes"], json!([{ "user": { "username": "eve" } }]));
}

on_both_databases!(the_last_administrator_stays);
async fn the_last_administrator_stays(app: TestApp) {
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let diary = ada.create_collection("Diary").await;
    assert_eq!(delete(&ada).await["userErrors"][0]["code"], "CONFLICT");
    assert_eq!(collection(&ada, &diary).await["name"], "Diary");
    let promote = "mutation($id: ID!) { userRoleSet(input: { userId: $id, role: ADMIN }) { userErrors { code } } }";
    ada.data(promote, json!({ "id": bob.user_id().await })).await;
    // Of two who leave at the same time, one stays.
    let left = join_all([&ada, &bob].map(delete)).await;
    let refused = left.iter().filter(|payload| payload["userErrors"][0]["code"] == "CONFLICT").count();
    assert_eq!(refused, 1, "{left:#?}");
}

on_both_databases!(an_account_is_deleted_by_its_user_alone_who_knows_the_password);
async fn an_account_is_deleted_by_its_user_alone_who_knows_the_password(app: TestApp) {
    let (_ada, bob) = (app.user("ada").await, app.user("bob").await);
    let wrong = bob.data(DELETE, json!({ "password": "wrong horse battery staple" })).await["userDelete"].take();
    assert_eq!(wrong["deletedId"], Value::Null);
    let error = &wrong["userErrors"][0];
    assert_eq!((&error["code"], &error["path"]), (&json!("WRONG_CREDENTIALS"), &json!(["password"])));
    let make =
        "mutation { apiKeyCreate(input: { name: \"k\", actions: [COLLECTION_READ, COLLECTION_DELETE] }) { secret } }";
    let secret = bob.data(make, json!({})).await["apiKeyCreate"]["secret"].as_str().unwrap().to_owned();
    let password = json!({ "password": PASSWORD });
    assert_eq!(app.anonymous().with_token(&secret).error_code(DELETE, password.clone()).await, "FORBIDDEN");
    assert_eq!(app.anonymous().error_code(DELETE, password).await, "UNAUTHENTICATED");
    assert_eq!(bob.data("{ viewer { username } }", json!({})).await["viewer"]["username"], "bob");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_found_an_open_window_can_not_guess_the_password_for_long() {
    let mut config = Config::default();
    config.auth.login_attempts_per_account = 3;
    let app = TestApp::start(config).await;
    let (_ada, bob) = (app.user("ada").await, app.user("bob").await);
    let guess = json!({ "password": "a guess of somebody else" });
    for _ in 0..3 {
        let wrong = bob.data(DELETE, guess.clone()).await;
        assert_eq!(wrong["userDelete"]["userErrors"][0]["code"], "WRONG_CREDENTIALS");
    }
    assert_eq!(bob.error_code(DELETE, guess).await, "RATE_LIMITED");
}

on_both_databases!(no_collection_is_left_to_an_account_that_is_deleted_meanwhile);
async fn no_collection_is_left_to_an_account_that_is_deleted_meanwhile(app: TestApp) {
    let ada = app.user("ada").await;
    let create = "mutation($name: String!) { collectionCreate(input: { name: $name }) { userErrors { code } } }";
    let hand_over = "mutation($id: ID!, $name: String!) {
        collectionMemberSet(input: { collectionId: $id, username: $name, role: OWNER }) { userErrors { code } }
    }";
    for round in 0..4 {
        let name = format!("user{round}");
        let user = app.user(&name).await;
        let given = ada.create_collection(&format!("Given {round}")).await;
        let creating = async {
            for number in 0..8 {
                user.graphql(create, json!({ "name": format!("Own {number}") })).await;
            }
        };
        let handing = async { ada.graphql(hand_over, json!({ "id": given, "name": name })).await };
        let (deleted, (), _) = tokio::join!(delete(&user), creating, handing);
        // The collection that was handed over in time has a member, who gave it.
        let is_refused = deleted["userErrors"][0]["code"] == "CONFLICT";
        assert!(is_refused || deleted["userErrors"] == json!([]), "{deleted:#}");
    }
    let database = sea_orm::Database::connect(app.database_url()).await.unwrap();
    let left = "SELECT COUNT(*) AS collections FROM collections JOIN users ON users.id = collections.owner_id
        WHERE users.deleted_at IS NOT NULL AND collections.status <> 'DELETING'";
    let row = database.query_one_raw(Statement::from_string(database.get_database_backend(), left)).await.unwrap();
    assert_eq!(row.unwrap().try_get::<i64>("", "collections").unwrap(), 0);
}

on_both_databases!(a_browser_forgets_the_session_of_an_account_that_is_deleted);
async fn a_browser_forgets_the_session_of_an_account_that_is_deleted(app: TestApp) {
    let (_ada, _bob) = (app.user("ada").await, app.anonymous().register("bob").await);
    let page = [
        ("content-type", "application/json"),
        ("host", "localhost"),
        ("origin", "http://localhost"),
        ("graphql-require-preflight", "1"),
    ];
    let body = json!({ "query": "mutation($password: String!) {
        sessionCreate(input: { login: \"bob\", password: $password, delivery: COOKIE }) { accessToken }
    }", "variables": { "password": PASSWORD } });
    let answer = app.anonymous().send("POST", "/graphql", &page, body.to_string()).await;
    let cookie = answer.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let bob = app.anonymous().with_token(answer.json()["data"]["sessionCreate"]["accessToken"].as_str().unwrap());
    let headers: Vec<_> = page.into_iter().chain([("cookie", cookie.as_str())]).collect();
    let body = json!({ "query": DELETE, "variables": { "password": PASSWORD } });
    let answer = bob.send("POST", "/graphql", &headers, body.to_string()).await;
    assert_eq!(answer.json()["data"]["userDelete"]["userErrors"], json!([]));
    let removed = answer.headers["set-cookie"].to_str().unwrap();
    assert!(removed.starts_with("docent-refresh=; ") && removed.ends_with("Max-Age=0"), "{removed}");
}
