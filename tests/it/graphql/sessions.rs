//! Logins seen, ended and expired, passwords changed, tokens forged.

use docent::{auth::token::load_or_create_keys, config::Config};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::reads::{connect, multiply};
use crate::{
    on_both_databases,
    support::{
        app::TestApp,
        caller::{Caller, PASSWORD},
    },
};

const SESSIONS: &str = "{ viewer { sessions { nodes { id isCurrent userAgent lastUsedAt } totalCount } } }";
const LOG_IN: &str = "mutation { sessionCreate(input: { login: \"ada\", password: \"correct horse battery staple\" }) {
    accessToken refreshToken
} }";

const END: &str = "mutation($id: ID!) { sessionRevoke(input: { sessionId: $id }) {
    revoked session { id isCurrent } userErrors { code }
} }";

async fn log_in(app: &TestApp) -> (Caller, String) {
    let session = app.anonymous().data(LOG_IN, json!({})).await["sessionCreate"].clone();
    let caller = app.anonymous().with_token(session["accessToken"].as_str().unwrap());
    (caller, session["refreshToken"].as_str().unwrap().to_owned())
}

async fn refresh(app: &TestApp, token: &str) -> Value {
    let query =
        "mutation($token: String!) { sessionRefresh(input: { refreshToken: $token }) { accessToken refreshToken } }";
    app.anonymous().graphql(query, json!({ "token": token })).await
}

async fn status(caller: &Caller) -> u16 {
    let body = "{\"query\":\"{ viewer { id } }\"}";
    caller.send("POST", "/graphql", &[("content-type", "application/json")], body).await.status
}

on_both_databases!(a_user_sees_their_sessions_and_ends_one_or_all);
async fn a_user_sees_their_sessions_and_ends_one_or_all(app: TestApp) {
    let ada = app.user("ada").await;
    let (other, _) = log_in(&app).await;
    let (third, refresh_token) = log_in(&app).await;
    let sessions = ada.data(SESSIONS, json!({})).await["viewer"]["sessions"].clone();
    assert_eq!(sessions["totalCount"], 3);
    let current: Vec<_> =
        sessions["nodes"].as_array().unwrap().iter().filter(|session| session["isCurrent"] == true).collect();
    assert_eq!(current.len(), 1);

    let newest = &sessions["nodes"][0]["id"];
    let end = async |id: &Value| ada.data(END, json!({ "id": id })).await["sessionRevoke"].clone();
    let ended = json!({ "revoked": true, "session": { "id": newest, "isCurrent": false }, "userErrors": [] });
    assert_eq!(end(newest).await, ended);
    assert_eq!(end(newest).await, ended, "again");
    assert_eq!((status(&third).await, status(&other).await, status(&ada).await), (401, 200, 200));
    assert!(refresh(&app, &refresh_token).await.get("errors").is_some());

    let all = ada.data("mutation { sessionRevoke(input: { all: true }) { session { isCurrent } } }", json!({})).await;
    assert_eq!(all["sessionRevoke"]["session"]["isCurrent"], true);
    assert_eq!((status(&other).await, status(&ada).await), (401, 401));
}

on_both_databases!(an_account_that_logs_in_again_and_again_keeps_its_newest_sessions);
async fn an_account_that_logs_in_again_and_again_keeps_its_newest_sessions(app: TestApp) {
    app.user("ada").await;
    let bob = app.user("bob").await;
    let of_ada = "WHERE user_id = (SELECT id FROM users WHERE username = 'ada')";
    let database = connect(&app).await;
    multiply(&database, "sessions", of_ada, &[("id", "{id}")]).await;
    database.close().await.unwrap();
    let (newest, refresh_token) = log_in(&app).await;
    assert_eq!(newest.data(SESSIONS, json!({})).await["viewer"]["sessions"]["totalCount"], 1000);
    assert!(refresh(&app, &refresh_token).await.get("errors").is_none());
    assert_eq!(status(&bob).await, 200, "another account keeps its own");
}

on_both_databases!(a_session_of_somebody_else_is_not_ended);
async fn a_session_of_somebody_else_is_not_ended(app: TestApp) {
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let id = ada.data(SESSIONS, json!({})).await["viewer"]["sessions"]["nodes"][0]["id"].clone();
    assert_eq!(bob.user_error_code(END, json!({ "id": id })).await, "NOT_FOUND");
    assert_eq!(status(&ada).await, 200);
}

on_both_databases!(a_refresh_token_ends_its_session_and_only_the_newest_one_shows_which);
async fn a_refresh_token_ends_its_session_and_only_the_newest_one_shows_which(app: TestApp) {
    app.user("ada").await;
    let end =
        "mutation($token: String!) { sessionRevoke(input: { refreshToken: $token }) { revoked session { address } } }";
    let ended = async |token: &str| app.anonymous().data(end, json!({ "token": token })).await["sessionRevoke"].take();
    let (caller, newest) = log_in(&app).await;
    let told = ended(&newest).await;
    assert_eq!((&told["revoked"], told["session"].is_object()), (&json!(true), true), "{told:#}");
    assert_eq!(status(&caller).await, 401);

    let (caller, used) = log_in(&app).await;
    assert!(refresh(&app, &used).await.get("errors").is_none());
    assert_eq!(ended(&used).await, json!({ "revoked": true, "session": null }));
    assert_eq!(status(&caller).await, 401);
    assert_eq!(ended("nonsense").await, json!({ "revoked": true, "session": null }));
}

on_both_databases!(a_session_ends_when_it_lies_idle_and_at_its_last_day_however_often_it_is_used);
async fn a_session_ends_when_it_lies_idle_and_at_its_last_day_however_often_it_is_used(app: TestApp) {
    let day = 24 * 3600;
    app.user("ada").await;
    let (_, idle) = log_in(&app).await;
    let (_, mut busy) = log_in(&app).await;
    for _ in 0..4 {
        app.clock.advance(7 * day);
        let answer = refresh(&app, &busy).await;
        let token = answer["data"]["sessionRefresh"]["refreshToken"].as_str();
        busy = String::from(token.unwrap_or_else(|| panic!("{answer:#}")));
    }
    assert!(refresh(&app, &idle).await.get("errors").is_some(), "idle for 28 days");
    app.clock.advance(3 * day);
    assert!(refresh(&app, &busy).await.get("errors").is_some(), "31 days old");
}

on_both_databases!(a_changed_password_ends_every_session_and_begins_a_new_one);
async fn a_changed_password_ends_every_session_and_begins_a_new_one(app: TestApp) {
    let ada = app.user("ada").await;
    let (other, refresh_token) = log_in(&app).await;
    let change = "mutation($current: String!, $new: String!) {
        passwordChange(input: { currentPassword: $current, newPassword: $new }) { accessToken userErrors { code path } }
    }";
    let wrong = ada.data(change, json!({ "current": "wrong horse", "new": "a new long password" })).await;
    assert_eq!(
        wrong["passwordChange"]["userErrors"][0],
        json!({ "code": "WRONG_CREDENTIALS", "path": ["currentPassword"] })
    );
    let common = ada.data(change, json!({ "current": PASSWORD, "new": "iloveyou" })).await;
    assert_eq!(common["passwordChange"]["userErrors"][0]["path"], json!(["newPassword"]));
    assert_eq!(status(&ada).await, 200);

    let changed = ada.data(change, json!({ "current": PASSWORD, "new": "a new long password" })).await;
    let renewed = ada.with_token(changed["passwordChange"]["accessToken"].as_str().unwrap());
    assert_eq!((status(&ada).await, status(&other).await, status(&renewed).await), (401, 401, 200));
    assert!(refresh(&app, &refresh_token).await.get("errors").is_some());
    let old = app.anonymous().data(LOG_IN, json!({})).await;
    assert_eq!(old["sessionCreate"]["accessToken"], Value::Null);
}

on_both_databases!(forged_tokens_are_refused_whatever_is_wrong_with_them);
async fn forged_tokens_are_refused_whatever_is_wrong_with_them(app: TestApp) {
    let ada = app.user("ada").await;
    let good = ada.token().unwrap().to_owned();
    let parts: Vec<&str> = good.split('.').collect();
    let json_of = |part: &str| -> Value {
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    let (header, claims) = (json_of(parts[0]), json_of(parts[1]));
    let raw = |header: &Value, claims: &Value, signature: &str| {
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
        format!(
            "{}.{}.{signature}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        )
    };
    // Signed with the server's own key, so that only what is changed can be wrong.
    let keys = load_or_create_keys(None, &[], app.data_dir()).unwrap();
    let signed = |change: &dyn Fn(&mut Header, &mut Value)| {
        let mut head: Header = serde_json::from_value(header.clone()).unwrap();
        let mut body = claims.clone();
        change(&mut head, &mut body);
        jsonwebtoken::encode(&head, &body, &EncodingKey::from_secret(&keys.current)).unwrap()
    };
    assert_eq!(status(&ada.with_token(&signed(&|_, _| {}))).await, 200, "the forgery itself works");

    let mut none = header.clone();
    none["alg"] = json!("none");
    let mut other_kid = header.clone();
    other_kid["kid"] = json!("00000000");
    let mut stranger = claims.clone();
    stranger["sub"] = json!("01890000-0000-7000-8000-000000000000");
    let forged = [
        ("alg none, unsigned", raw(&none, &claims, "")),
        ("alg none, signed", raw(&none, &claims, parts[2])),
        ("an unknown kid", raw(&other_kid, &claims, parts[2])),
        ("another subject", raw(&header, &stranger, parts[2])),
        ("HS512", signed(&|head, _| head.alg = Algorithm::HS512)),
        ("no kid", signed(&|head, _| head.kid = None)),
        ("a kid that is a path", signed(&|head, _| head.kid = Some("../../dev/null".to_owned()))),
        ("typ JWT", signed(&|head, _| head.typ = Some("JWT".to_owned()))),
        ("no typ", signed(&|head, _| head.typ = None)),
        ("another audience", signed(&|_, body| body["aud"] = json!("elsewhere"))),
        (
            "no audience",
            signed(&|_, body| {
                body.as_object_mut().unwrap().remove("aud");
            }),
        ),
        ("another issuer", signed(&|_, body| body["iss"] = json!("elsewhere"))),
        ("expired", signed(&|_, body| body["exp"] = json!(body["iat"].as_i64().unwrap() - 1))),
        (
            "no end",
            signed(&|_, body| {
                body.as_object_mut().unwrap().remove("exp");
            }),
        ),
        ("a session that never was", signed(&|_, body| body["sid"] = json!("01890000-0000-7000-8000-000000000000"))),
        ("a session of somebody else", signed(&|_, body| body["sub"] = json!("01890000-0000-7000-8000-000000000000"))),
        ("a key's prefix", "docent_key_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned()),
        ("half a token", good[..good.len() / 2].to_owned()),
    ];
    let mut accepted = Vec::new();
    for (what, token) in &forged {
        if status(&ada.with_token(token)).await != 401 {
            accepted.push(*what);
        }
    }
    assert_eq!(accepted, Vec::<&str>::new());
}

on_both_databases!(tokens_outlive_a_rotation_of_the_signing_key);
async fn tokens_outlive_a_rotation_of_the_signing_key(app: TestApp) {
    let ada = app.user("ada").await;
    let app = app.restart_after(|data_dir| docent::auth::token::rotate_key(data_dir).unwrap()).await;
    let ada = app.anonymous().with_token(ada.token().unwrap());
    assert_eq!(status(&ada).await, 200);
    let renewed = app.anonymous().log_in("ada").await;
    assert_eq!(status(&renewed).await, 200);
    let kid = |caller: &Caller| caller.token().unwrap().split('.').next().unwrap().to_owned();
    assert_ne!(kid(&ada), kid(&renewed));
}

#[tokio::test]
async fn guessing_one_account_is_stopped_and_says_how_long_to_wait() {
    let mut config = Config::default();
    config.auth.login_attempts_per_account = 3;
    let app = TestApp::start(config).await;
    app.user("ada").await;
    let guess =
        "mutation { sessionCreate(input: { login: \"ada\", password: \"a wrong guess\" }) { userErrors { code } } }";
    let ask = async || {
        let body = json!({ "query": guess }).to_string();
        app.anonymous().send("POST", "/graphql", &[("content-type", "application/json")], body).await
    };
    for _ in 0..3 {
        assert_eq!(ask().await.json()["data"]["sessionCreate"]["userErrors"][0]["code"], "WRONG_CREDENTIALS");
    }
    let refused = ask().await;
    assert_eq!(
        (refused.status, refused.json()["errors"][0]["extensions"]["code"].clone()),
        (429, json!("RATE_LIMITED"))
    );
    assert_eq!(refused.headers["retry-after"], "20");
    // An account that does not exist is guessed no better.
    let unknown = guess.replace("ada", "eve");
    for _ in 0..3 {
        app.anonymous().data(&unknown, json!({})).await;
    }
    assert_eq!(app.anonymous().error_code(&unknown, json!({})).await, "RATE_LIMITED");
    app.clock.advance(20);
    assert_eq!(ask().await.status, 200);
}

#[tokio::test]
async fn a_bucket_that_is_empty_refuses_until_it_has_filled_again() {
    let mut config = Config::default();
    config.limits.request_points = 200;
    config.limits.anonymous_points_burst = 1000;
    config.limits.points_burst = 250;
    config.limits.points_per_minute = 60;
    let app = TestApp::start(config).await;
    let ada = app.user("ada").await;
    let balance = "{ viewer { rateLimit { pointsPerMinute pointsBurst pointsRemaining } } }";
    let before = ada.data(balance, json!({})).await["viewer"]["rateLimit"]["pointsRemaining"].as_i64().unwrap();
    assert!((245..250).contains(&before), "{before}");
    let dear = "{ collections(first: 90) { nodes { name } } }";
    let mut answered = 0;
    let refused = loop {
        let body = json!({ "query": dear }).to_string();
        let answer = ada.send("POST", "/graphql", &[("content-type", "application/json")], body).await;
        if answer.status != 200 {
            break answer;
        }
        assert_eq!(answer.json()["extensions"]["cost"]["points"], 92);
        answered += 1;
    };
    assert_eq!((answered, refused.status), (2, 429));
    let wait: i64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    app.clock.advance(wait);
    ada.data(dear, json!({})).await;
    let limits =
        app.anonymous().data("{ server { limits { pointsBurst pointsPerMinute requestPoints } } }", json!({})).await;
    assert_eq!(limits["server"]["limits"], json!({ "pointsBurst": 250, "pointsPerMinute": 60, "requestPoints": 200 }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_of_ipv6_guesses_as_often_as_one_address() {
    let mut config = Config::default();
    config.http.trust_forwarded_for = true;
    config.auth.login_attempts_per_address = 3;
    let app = TestApp::start(config).await;
    let guess = async |address: &str| {
        let body = json!({ "query": "mutation { sessionCreate(input: { login: \"ada\", password: \"a guess\" }) { userErrors { code } } }" });
        let headers = [("content-type", "application/json"), ("x-forwarded-for", address)];
        let answer = app.anonymous().send("POST", "/graphql", &headers, body.to_string()).await.json();
        answer["data"]["sessionCreate"]["userErrors"][0]["code"].as_str().map(ToOwned::to_owned)
    };
    let wrong = Some("WRONG_CREDENTIALS".to_owned());
    for host in 1..=3 {
        assert_eq!(guess(&format!("2001:db8:0:1::{host}")).await, wrong);
    }
    assert_eq!(guess("2001:db8:0:1:ffff::4").await, None, "the network has used its attempts up");
    assert_eq!(guess("2001:db8:0:2::1").await, wrong, "another network has its own");
}
