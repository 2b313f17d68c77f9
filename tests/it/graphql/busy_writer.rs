//! What continues while another process keeps the database from being written.

use std::time::Duration;

use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend};
use serde_json::{Value, json};

use crate::{
    on_both_databases,
    support::{
        app::{TestApp, texts},
        caller::PASSWORD,
    },
};

/// Less than the database waits for a lock.
const PROMPT: Duration = Duration::from_secs(8);
/// A request that took longer looks its caller up again before it answers.
const LONG: Duration = Duration::from_millis(3500);

const CREATE_KEY: &str = "mutation {
    apiKeyCreate(input: { name: \"reader\", actions: [COLLECTION_READ] }) { secret apiKey { id } userErrors { message } }
}";
const LAST_USES: &str = "{ viewer { sessions { nodes { lastUsedAt } } apiKeys { nodes { lastUsedAt } } } }";

/// A connection that holds what every note of a use needs, until it is told to let go.
async fn hold_writes(app: &TestApp) -> DatabaseConnection {
    let mut options = ConnectOptions::new(app.database_url());
    options.max_connections(1);
    let connection = sea_orm::Database::connect(options).await.unwrap();
    let statements: &[&str] = match connection.get_database_backend() {
        DbBackend::Postgres => &["BEGIN", "LOCK TABLE sessions, api_keys IN EXCLUSIVE MODE"],
        _ => &["BEGIN IMMEDIATE"],
    };
    for statement in statements {
        connection.execute_unprepared(statement).await.unwrap();
    }
    connection
}

on_both_databases!(reading_goes_on_while_nothing_can_be_written);
async fn reading_goes_on_while_nothing_can_be_written(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    ada.ingest_all(&id, texts(&[("a.txt", "The tram is red.")])).await;
    let found = ada.search(json!({ "query": "tram" })).await;
    let document = found["nodes"][0]["document"]["id"].as_str().unwrap().to_owned();
    let created = ada.data(CREATE_KEY, json!({})).await["apiKeyCreate"].clone();
    let key = ada.with_token(created["secret"].as_str().unwrap());
    let query = "query($id: ID!) { node(id: $id) { ... on Document { downloadUrl } } }";
    let url = ada.data(query, json!({ "id": document })).await["node"]["downloadUrl"].as_str().unwrap().to_owned();
    let before = ada.data(LAST_USES, json!({})).await["viewer"].clone();

    // The last note is old, so that each of these makes a new one.
    app.clock.advance(120);
    let hold = hold_writes(&app).await;
    let reading = async {
        for caller in [&ada, &key] {
            caller.data("{ collections { nodes { name } } }", json!({})).await;
            assert_eq!(caller.search(json!({ "query": "tram" })).await["nodes"].as_array().unwrap().len(), 1);
            assert_eq!(caller.send("GET", &url, &[], "").await.status, 200);
        }
    };
    let read = tokio::time::timeout(PROMPT, reading).await;
    hold.execute_unprepared("ROLLBACK").await.unwrap();
    hold.close().await.unwrap();
    read.expect("answers while nothing can be written");

    app.app.services().last_uses.flush().await;
    let after = ada.data(LAST_USES, json!({})).await["viewer"].clone();
    let moment =
        |viewer: &Value, list: &str| viewer[list]["nodes"][0]["lastUsedAt"].as_str().unwrap_or_default().to_owned();
    for list in ["sessions", "apiKeys"] {
        assert!(moment(&after, list) > moment(&before, list), "{list}: {before:#} {after:#}");
    }
}

on_both_databases!(a_new_password_is_answered_with_its_tokens_however_long_it_took);
async fn a_new_password_is_answered_with_its_tokens_however_long_it_took(app: TestApp) {
    let ada = app.user("ada").await;
    let change = "mutation($current: String!, $new: String!) {
        passwordChange(input: { currentPassword: $current, newPassword: $new }) { accessToken userErrors { code } }
    }";
    let hold = hold_writes(&app).await;
    let letting_go = async {
        tokio::time::sleep(LONG).await;
        hold.execute_unprepared("ROLLBACK").await.unwrap();
    };
    // It ends the session with which it was asked for.
    let new = json!({ "current": PASSWORD, "new": "a new long password" });
    let (changed, ()) = tokio::join!(ada.data(change, new), letting_go);
    hold.close().await.unwrap();
    let renewed = ada.with_token(changed["passwordChange"]["accessToken"].as_str().unwrap());
    assert_eq!(renewed.data("{ viewer { username } }", json!({})).await["viewer"]["username"], "ada");
}
