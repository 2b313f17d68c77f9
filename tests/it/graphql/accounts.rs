//! Registering, logging in, refreshing, logging out.

use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use crate::{
    on_both_databases,
    support::{
        app::TestApp,
        caller::{Caller, PASSWORD},
    },
};

const VIEWER: &str = "{ viewer { username email role } }";
const LOG_IN: &str = "mutation($login: String!, $password: String!) {
    sessionCreate(input: { login: $login, password: $password }) {
        accessToken refreshToken expiresAt viewer { username } userErrors { code message path }
    }
}";
const REFRESH: &str = "mutation($token: String!) {
    sessionRefresh(input: { refreshToken: $token }) { accessToken refreshToken userErrors { code } }
}";

async fn log_in(caller: &Caller, login: &str, password: &str) -> Value {
    caller.data(LOG_IN, json!({ "login": login, "password": password })).await["sessionCreate"].clone()
}

async fn refresh(caller: &Caller, token: &Value) -> Value {
    caller.graphql(REFRESH, json!({ "token": token })).await
}

on_both_databases!(the_first_account_administers_the_server_and_the_second_does_not);
async fn the_first_account_administers_the_server_and_the_second_does_not(app: TestApp) {
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    assert_eq!(ada.data(VIEWER, json!({})).await["viewer"]["role"], "ADMIN");
    assert_eq!(eve.data(VIEWER, json!({})).await["viewer"]["role"], "MEMBER");
}

on_both_databases!(nobody_is_the_viewer_without_a_token);
async fn nobody_is_the_viewer_without_a_token(app: TestApp) {
    assert_eq!(app.anonymous().data(VIEWER, json!({})).await["viewer"], Value::Null);
}

on_both_databases!(names_and_addresses_are_taken_whatever_their_case);
async fn names_and_addresses_are_taken_whatever_their_case(app: TestApp) {
    app.user("ada").await;
    let payload = app.anonymous().register("ADA").await;
    assert_eq!(payload["user"], Value::Null);
    let errors = payload["userErrors"].as_array().unwrap();
    assert_eq!(errors.iter().map(|error| &error["code"]).collect::<Vec<_>>(), ["TAKEN", "TAKEN"]);
    assert_eq!(errors[0]["path"], json!(["username"]));
}

on_both_databases!(everything_that_is_wrong_with_a_registration_is_told_at_once);
async fn everything_that_is_wrong_with_a_registration_is_told_at_once(app: TestApp) {
    let payload = app
        .anonymous()
        .data(
            "mutation { userRegister(input: { username: \" \", email: \"nowhere\", password: \"short\" }) {
            user { id } userErrors { code path }
        } }",
            json!({}),
        )
        .await;
    let paths: Vec<_> =
        payload["userRegister"]["userErrors"].as_array().unwrap().iter().map(|e| e["path"][0].clone()).collect();
    assert_eq!(paths, ["username", "email", "password"]);
}

on_both_databases!(a_login_works_with_name_or_address_and_fails_the_same_for_whatever_is_wrong);
async fn a_login_works_with_name_or_address_and_fails_the_same_for_whatever_is_wrong(app: TestApp) {
    let nobody = app.anonymous();
    nobody.register("ada").await;
    assert_eq!(log_in(&nobody, "ada", PASSWORD).await["viewer"]["username"], "ada");
    assert_eq!(log_in(&nobody, "Ada@Example.org", PASSWORD).await["viewer"]["username"], "ada");
    let wrong_password = log_in(&nobody, "ada", "wrong horse battery staple").await;
    let unknown_name = log_in(&nobody, "eve", PASSWORD).await;
    assert_eq!(wrong_password["userErrors"][0]["code"], "WRONG_CREDENTIALS");
    assert_eq!(wrong_password, unknown_name);
    assert_eq!(wrong_password, log_in(&nobody, "ada\u{0}", PASSWORD).await);
}

on_both_databases!(a_refresh_token_is_good_once_and_its_later_use_ends_the_login);
async fn a_refresh_token_is_good_once_and_its_later_use_ends_the_login(app: TestApp) {
    let nobody = app.anonymous();
    nobody.register("ada").await;
    let first = log_in(&nobody, "ada", PASSWORD).await;
    let second = refresh(&nobody, &first["refreshToken"]).await["data"]["sessionRefresh"].clone();
    let ada = nobody.with_token(second["accessToken"].as_str().unwrap());
    assert_eq!(ada.data(VIEWER, json!({})).await["viewer"]["username"], "ada");

    app.clock.advance(10);
    let replay = refresh(&nobody, &first["refreshToken"]).await;
    assert_eq!(replay["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    let descendant = refresh(&nobody, &second["refreshToken"]).await;
    assert_eq!(descendant["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    assert_eq!(
        ada.send("POST", "/graphql", &[("content-type", "application/json")], "{\"query\":\"{ viewer { id } }\"}")
            .await
            .status,
        401
    );
}

on_both_databases!(a_refresh_that_is_repeated_at_once_gets_the_same_token_again);
async fn a_refresh_that_is_repeated_at_once_gets_the_same_token_again(app: TestApp) {
    let nobody = app.anonymous();
    nobody.register("ada").await;
    let first = log_in(&nobody, "ada", PASSWORD).await;
    let second = refresh(&nobody, &first["refreshToken"]).await["data"]["sessionRefresh"].clone();
    app.clock.advance(9);
    let again = refresh(&nobody, &first["refreshToken"]).await["data"]["sessionRefresh"].clone();
    assert_eq!(again["refreshToken"], second["refreshToken"]);

    // Only the immediate parent of a token that was not used: a grandparent is a replay, however early it comes.
    let third = refresh(&nobody, &second["refreshToken"]).await["data"]["sessionRefresh"].clone();
    let replay = refresh(&nobody, &first["refreshToken"]).await;
    assert_eq!(replay["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    let late = refresh(&nobody, &third["refreshToken"]).await;
    assert_eq!(late["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
}

on_both_databases!(a_login_in_use_keeps_two_tokens_and_knows_every_one_that_came_before);
async fn a_login_in_use_keeps_two_tokens_and_knows_every_one_that_came_before(app: TestApp) {
    let nobody = app.anonymous();
    nobody.register("ada").await;
    let first = log_in(&nobody, "ada", PASSWORD).await;
    let mut newest = first["refreshToken"].clone();
    for _ in 0..20 {
        newest = refresh(&nobody, &newest).await["data"]["sessionRefresh"]["refreshToken"].clone();
    }
    let database = sea_orm::Database::connect(app.database_url()).await.unwrap();
    let count =
        Statement::from_string(database.get_database_backend(), "SELECT COUNT(*) AS tokens FROM refresh_tokens");
    let row = database.query_one_raw(count).await.unwrap().unwrap();
    assert_eq!(row.try_get::<i64>("", "tokens").unwrap(), 2);

    let replay = refresh(&nobody, &first["refreshToken"]).await;
    assert_eq!(replay["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    let late = refresh(&nobody, &newest).await;
    assert_eq!(late["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "the used token ended the login");
}

on_both_databases!(fifty_parallel_refreshes_of_one_token_leave_one_family_with_one_token);
async fn fifty_parallel_refreshes_of_one_token_leave_one_family_with_one_token(app: TestApp) {
    let nobody = app.anonymous();
    nobody.register("ada").await;
    let first = log_in(&nobody, "ada", PASSWORD).await;
    let answers = futures_util::future::join_all((0..50).map(|_| refresh(&nobody, &first["refreshToken"]))).await;
    let tokens: std::collections::HashSet<_> =
        answers.iter().map(|answer| answer["data"]["sessionRefresh"]["refreshToken"].as_str().unwrap()).collect();
    assert_eq!(tokens.len(), 1);
    let next = refresh(&nobody, &json!(tokens.into_iter().next().unwrap())).await;
    assert!(next.get("errors").is_none(), "{next:#}");
}

on_both_databases!(an_access_token_ends_with_its_time_and_with_its_login);
async fn an_access_token_ends_with_its_time_and_with_its_login(app: TestApp) {
    let nobody = app.anonymous();
    let ada = app.user("ada").await;
    app.clock.advance(16 * 60);
    let answer = ada
        .send("POST", "/graphql", &[("content-type", "application/json")], "{\"query\":\"{ viewer { id } }\"}")
        .await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json()["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");

    let again = nobody.log_in("ada").await;
    again.data("mutation { sessionRevoke(input: {}) { userErrors { code } } }", json!({})).await;
    assert_eq!(
        again
            .send("POST", "/graphql", &[("content-type", "application/json")], "{\"query\":\"{ viewer { id } }\"}")
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn a_closed_server_registers_only_its_first_account() {
    let mut config = docent::config::Config::default();
    config.auth.registration = docent::config::Registration::Closed;
    let app = TestApp::start(config).await;
    app.user("ada").await;
    let answer = app
        .anonymous()
        .graphql(
            "mutation { userRegister(input: { username: \"eve\", email: \"eve@example.org\", password: \"long enough\" }) {
                user { id }
            } }",
            json!({}),
        )
        .await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");
}
