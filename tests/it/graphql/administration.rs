//! Accounts administered: listed, invited, activated, promoted.

use docent::config::{Config, Registration};
use serde_json::{Value, json};

use crate::{
    on_both_databases,
    support::{
        app::TestApp,
        caller::{Caller, PASSWORD, code},
    },
};

const USERS: &str =
    "query($filter: UserFilter) { users(filter: $filter) { nodes { id username email role isActive } totalCount } }";
const REGISTER: &str = "mutation($input: UserRegisterInput!) {
    userRegister(input: $input) { user { username role } userErrors { code path } }
}";

async fn id_of(admin: &Caller, name: &str) -> Value {
    admin.data(USERS, json!({ "filter": { "text": name } })).await["users"]["nodes"][0]["id"].clone()
}

async fn change(admin: &Caller, mutation: &str, id: &Value) -> Value {
    admin
        .graphql(
            &format!("mutation($id: ID!) {{ {mutation} {{ user {{ isActive role }} userErrors {{ code }} }} }}"),
            json!({ "id": id }),
        )
        .await["data"]
        .clone()
}

on_both_databases!(administrators_list_accounts_and_nobody_else_does);
async fn administrators_list_accounts_and_nobody_else_does(app: TestApp) {
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let users = ada.data(USERS, json!({})).await["users"].clone();
    assert_eq!(users["totalCount"], 2);
    assert_eq!(users["nodes"][0]["email"], "bob@example.org");
    let found = ada.data(USERS, json!({ "filter": { "role": "ADMIN", "isActive": true } })).await["users"].clone();
    assert_eq!((&found["totalCount"], &found["nodes"][0]["username"]), (&json!(1), &json!("ada")));
    assert_eq!(code(&bob.graphql(USERS, json!({})).await), "FORBIDDEN");
    assert_eq!(code(&app.anonymous().graphql(USERS, json!({})).await), "UNAUTHENTICATED");
}

on_both_databases!(the_last_administrator_stays_one_and_stays_active);
async fn the_last_administrator_stays_one_and_stays_active(app: TestApp) {
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let (ada_id, bob_id) = (id_of(&ada, "ada").await, id_of(&ada, "bob").await);
    let demote = "userRoleSet(input: { userId: $id, role: MEMBER })";
    assert_eq!(change(&ada, demote, &ada_id).await["userRoleSet"]["userErrors"][0]["code"], "CONFLICT");
    assert_eq!(
        change(&ada, "userDeactivate(input: { userId: $id })", &ada_id).await["userDeactivate"]["userErrors"][0]["code"],
        "CONFLICT"
    );

    let promoted = change(&ada, "userRoleSet(input: { userId: $id, role: ADMIN })", &bob_id).await;
    assert_eq!(promoted["userRoleSet"]["user"]["role"], "ADMIN");
    assert_eq!(change(&bob, demote, &ada_id).await["userRoleSet"]["user"]["role"], "MEMBER");
    assert_eq!(code(&ada.graphql(USERS, json!({})).await), "FORBIDDEN");
}

on_both_databases!(administrators_who_demote_each_other_at_the_same_time_leave_one);
async fn administrators_who_demote_each_other_at_the_same_time_leave_one(app: TestApp) {
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let (ada_id, bob_id) = (id_of(&ada, "ada").await, id_of(&ada, "bob").await);
    change(&ada, "userRoleSet(input: { userId: $id, role: ADMIN })", &bob_id).await;
    let demote = "userRoleSet(input: { userId: $id, role: MEMBER })";
    tokio::join!(change(&ada, demote, &bob_id), change(&bob, demote, &ada_id));
    let admins = async |caller: &Caller| {
        caller.graphql(USERS, json!({ "filter": { "role": "ADMIN" } })).await["data"]["users"]["totalCount"].clone()
    };
    let seen = [admins(&ada).await, admins(&bob).await];
    assert!(seen.contains(&json!(1)), "{seen:?}");
}

on_both_databases!(a_deactivated_account_is_closed_until_it_is_activated);
async fn a_deactivated_account_is_closed_until_it_is_activated(app: TestApp) {
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let id = id_of(&ada, "bob").await;
    assert_eq!(
        change(&ada, "userDeactivate(input: { userId: $id })", &id).await["userDeactivate"]["user"]["isActive"],
        false
    );
    let body = "{\"query\":\"{ viewer { id } }\"}";
    assert_eq!(bob.send("POST", "/graphql", &[("content-type", "application/json")], body).await.status, 401);
    let log_in = "mutation { sessionCreate(input: { login: \"bob\", password: \"correct horse battery staple\" }) { accessToken userErrors { code } } }";
    let refused = app.anonymous().data(log_in, json!({})).await;
    assert_eq!(refused["sessionCreate"]["userErrors"][0]["code"], "WRONG_CREDENTIALS");
    change(&ada, "userActivate(input: { userId: $id })", &id).await;
    assert!(app.anonymous().data(log_in, json!({})).await["sessionCreate"]["accessToken"].is_string());
    // The session from before stays ended.
    assert_eq!(bob.send("POST", "/graphql", &[("content-type", "application/json")], body).await.status, 401);
}

on_both_databases!(an_administrator_does_not_read_what_others_keep);
async fn an_administrator_does_not_read_what_others_keep(app: TestApp) {
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let id = bob.create_collection("Private").await;
    assert_eq!(
        ada.error_code("query($id: ID!) { collection(id: $id) { name } }", json!({ "id": id })).await,
        "NOT_FOUND"
    );
    assert_eq!(ada.data("{ collections { totalCount } }", json!({})).await["collections"]["totalCount"], 0);
}

on_both_databases!(who_forgot_their_password_sets_a_new_one_with_a_token_of_an_administrator);
async fn who_forgot_their_password_sets_a_new_one_with_a_token_of_an_administrator(app: TestApp) {
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let bob_id = id_of(&ada, "bob").await;
    let create = "mutation($id: ID!) {
        passwordResetCreate(input: { userId: $id }) { token expiresAt user { username } userErrors { code } }
    }";
    let reset = "mutation($token: String!, $password: String!) {
        passwordReset(input: { token: $token, newPassword: $password }) {
            user { username } userErrors { code path }
        }
    }";
    let nobody = app.anonymous();
    let token = async || ada.data(create, json!({ "id": bob_id })).await["passwordResetCreate"]["token"].clone();
    let redeem = async |token: &Value, password: &str| {
        nobody.data(reset, json!({ "token": token, "password": password })).await["passwordReset"].clone()
    };
    let bad_token = json!({ "user": null, "userErrors": [{ "code": "INVALID", "path": ["token"] }] });
    assert_eq!(code(&bob.graphql(create, json!({ "id": bob_id })).await), "FORBIDDEN");
    assert_eq!(ada.user_error_code(create, json!({ "id": "nonsense" })).await, "NOT_FOUND");

    let created = ada.data(create, json!({ "id": bob_id })).await;
    assert_eq!(created["passwordResetCreate"]["user"], json!({ "username": "bob" }));
    let (first, second) = (token().await, token().await);
    let new_password = "a sentence that nobody guesses";
    assert_eq!(redeem(&first, new_password).await, bad_token, "a later one took its place");
    assert_eq!(redeem(&json!("docent_reset_x"), new_password).await, bad_token);
    let weak = redeem(&second, "password").await;
    assert_eq!(weak["userErrors"][0]["path"], json!(["newPassword"]), "{weak:#}");
    assert_eq!(redeem(&second, new_password).await, json!({ "user": { "username": "bob" }, "userErrors": [] }));
    assert_eq!(redeem(&second, new_password).await, bad_token, "once");
    assert_eq!(code(&bob.graphql("{ viewer { id } }", json!({})).await), "UNAUTHENTICATED", "all sessions end");
    let log_in = "mutation($password: String!) {
        sessionCreate(input: { login: \"bob\", password: $password }) { accessToken userErrors { code } }
    }";
    let old = nobody.data(log_in, json!({ "password": PASSWORD })).await["sessionCreate"].clone();
    assert_eq!(old["userErrors"][0]["code"], "WRONG_CREDENTIALS");
    let again = nobody.data(log_in, json!({ "password": new_password })).await["sessionCreate"]["accessToken"].clone();

    let forgotten = token().await;
    let change = "mutation($old: String!, $new: String!) {
        passwordChange(input: { currentPassword: $old, newPassword: $new }) { userErrors { code } }
    }";
    let bob = nobody.with_token(again.as_str().unwrap());
    let changed = bob.data(change, json!({ "old": new_password, "new": PASSWORD })).await;
    assert_eq!(changed["passwordChange"]["userErrors"], json!([]));
    assert_eq!(redeem(&forgotten, new_password).await, bad_token, "it was remembered");

    let late = token().await;
    app.clock.advance(24 * 3600);
    assert_eq!(redeem(&late, new_password).await, bad_token);
}

on_both_databases!(administrators_list_invitations_and_withdraw_those_that_are_not_used);
async fn administrators_list_invitations_and_withdraw_those_that_are_not_used(app: TestApp) {
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let invite = "mutation($email: String) {
        userInvite(input: { email: $email }) { token invitation { id } }
    }";
    let list = "{ invitations { nodes { id email role usedAt invitedBy { username } } totalCount } }";
    let withdraw = "mutation($id: ID!) {
        invitationWithdraw(input: { invitationId: $id }) { invitation { id } userErrors { code } }
    }";
    let first = ada.data(invite, json!({ "email": "carl@example.org" })).await["userInvite"].clone();
    let second = ada.data(invite, json!({})).await["userInvite"].clone();
    let (first_id, second_id) = (&first["invitation"]["id"], &second["invitation"]["id"]);
    let found = ada.data(list, json!({})).await["invitations"].clone();
    let by_ada = json!({ "username": "ada" });
    let nodes = json!([
        { "id": second_id, "email": null, "role": "MEMBER", "usedAt": null, "invitedBy": by_ada },
        { "id": first_id, "email": "carl@example.org", "role": "MEMBER", "usedAt": null, "invitedBy": by_ada },
    ]);
    assert_eq!(found, json!({ "nodes": nodes, "totalCount": 2 }));
    assert_eq!(code(&bob.graphql(list, json!({})).await), "FORBIDDEN");
    assert_eq!(code(&bob.graphql(withdraw, json!({ "id": first_id })).await), "FORBIDDEN");

    let payload = ada.data(withdraw, json!({ "id": first_id })).await["invitationWithdraw"].clone();
    assert_eq!(payload, json!({ "invitation": { "id": first_id }, "userErrors": [] }));
    assert_eq!(ada.user_error_code(withdraw, json!({ "id": first_id })).await, "NOT_FOUND");
    let account = |name: &str, token: &Value| json!({ "input": { "username": name, "email": format!("{name}@example.org"), "password": PASSWORD, "invitation": token } });
    let nobody = app.anonymous();
    let late = nobody.data(REGISTER, account("carl", &first["token"])).await;
    assert_eq!(late["userRegister"]["userErrors"][0]["path"], json!(["invitation"]));
    let good = nobody.data(REGISTER, account("dora", &second["token"])).await;
    assert_eq!(good["userRegister"]["user"]["username"], "dora");
    // One that nobody used in time, and one that waits.
    let third = ada.data(invite, json!({})).await["userInvite"]["invitation"]["id"].clone();
    app.clock.advance(30 * 24 * 3600);
    let ada = app.anonymous().log_in("ada").await;
    let fourth = ada.data(invite, json!({})).await["userInvite"]["invitation"]["id"].clone();
    let filtered = "query($filter: InvitationFilter) { invitations(filter: $filter) { nodes { id } totalCount } }";
    for (states, expected) in [
        (json!(["OPEN"]), vec![&fourth]),
        (json!(["EXPIRED"]), vec![&third]),
        (json!(["USED"]), vec![second_id]),
        (json!(["USED", "OPEN", "OPEN"]), vec![&fourth, second_id]),
        (json!([]), vec![&fourth, &third, second_id]),
    ] {
        let found = ada.data(filtered, json!({ "filter": { "state": states } })).await["invitations"].take();
        let nodes: Vec<_> = expected.iter().map(|id| json!({ "id": id })).collect();
        assert_eq!(found, json!({ "nodes": nodes, "totalCount": expected.len() }), "{states}");
    }
    let states = ada.data("{ invitations { nodes { state } } }", json!({})).await["invitations"]["nodes"].take();
    assert_eq!(states, json!([{ "state": "OPEN" }, { "state": "EXPIRED" }, { "state": "USED" }]));
    let used = ada.data(withdraw, json!({ "id": second_id })).await["invitationWithdraw"].clone();
    assert_eq!(used["userErrors"][0]["code"], "CONFLICT");
    assert!(ada.data(list, json!({})).await["invitations"]["nodes"][2]["usedAt"].is_string());
}

#[tokio::test]
async fn an_invitation_opens_one_account_once_on_a_server_that_asks_for_one() {
    let mut config = Config::default();
    config.auth.registration = Registration::Invite;
    let app = TestApp::start(config).await;
    let ada = app.user("ada").await;
    let account = |name: &str, token: &Value| json!({ "input": { "username": name, "email": format!("{name}@example.org"), "password": PASSWORD, "invitation": token } });
    let nobody = app.anonymous();
    assert_eq!(code(&nobody.graphql(REGISTER, account("eve", &Value::Null)).await), "FORBIDDEN");

    let invite =
        "mutation($input: UserInviteInput!) { userInvite(input: $input) { token expiresAt userErrors { code } } }";
    let token = ada.data(invite, json!({ "input": { "email": "bob@example.org", "role": "ADMIN" } })).await["userInvite"]["token"].clone();
    let other = nobody.data(REGISTER, account("eve", &token)).await;
    assert_eq!(other["userRegister"]["userErrors"][0]["path"], json!(["invitation"]));
    let bob = nobody.data(REGISTER, account("bob", &token)).await;
    assert_eq!(bob["userRegister"]["user"], json!({ "username": "bob", "role": "ADMIN" }));
    let again = nobody.data(REGISTER, account("bob2", &token)).await;
    assert_eq!(again["userRegister"]["userErrors"][0]["path"], json!(["invitation"]));

    let late = ada.data(invite, json!({ "input": {} })).await["userInvite"]["token"].clone();
    app.clock.advance(7 * 24 * 3600);
    let expired = nobody.data(REGISTER, account("carl", &late)).await;
    assert_eq!(expired["userRegister"]["userErrors"][0]["path"], json!(["invitation"]));
    let bob = nobody.log_in("bob").await;
    assert!(bob.data(invite, json!({ "input": {} })).await["userInvite"]["token"].is_string());
}
