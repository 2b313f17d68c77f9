//! Sessions in the cookie of a browser: how it is written, who may use it, and that nobody else gets anything of it.

use std::collections::BTreeMap;

use axum::http::header::{CACHE_CONTROL, SET_COOKIE};
use docent::{
    config::{Config, HttpConfig},
    graphql::manifest::digest,
};
use serde_json::{Value, json};

use crate::{
    on_both_databases,
    support::{
        app::TestApp,
        caller::{Answer, Caller, PASSWORD, code},
        socket::{Client, SUBPROTOCOL},
    },
};

const SIGN_IN: &str = "mutation($login: String!, $password: String!, $delivery: TokenDelivery) {
    sessionCreate(input: { login: $login, password: $password, delivery: $delivery }) {
        accessToken refreshToken expiresAt viewer { username } userErrors { code path }
    }
}";
const REFRESH: &str =
    "mutation { sessionRefresh { accessToken refreshToken viewer { username } userErrors { code } } }";
const SIGN_OUT: &str = "mutation { sessionRevoke(input: {}) { revoked userErrors { code } } }";
const VIEWER: &str = "{ viewer { username } }";
const SESSIONS: &str = "{ viewer { sessions { nodes { id isCurrent } totalCount } } }";

const HEADER: &str = "graphql-require-preflight";
const LOCAL: &str = "http://localhost:8080";
const PUBLIC: &str = "https://docs.example.org";

/// A browser with a page of the server: it keeps cookies and sends them back where they belong.
#[derive(Clone)]
struct Browser {
    caller: Caller,
    path: String,
    /// What the page sends, without cookies.
    headers: Vec<(&'static str, String)>,
    /// By their names: value and path.
    jar: BTreeMap<String, (String, String)>,
}

impl Browser {
    fn at(app: &TestApp, origin: &str) -> Self {
        let (_, host) = origin.split_once("://").unwrap();
        let headers = [("content-type", "application/json"), ("host", host), ("origin", origin), (HEADER, "1")];
        Self {
            caller: app.anonymous(),
            path: "/graphql".to_owned(),
            headers: headers.map(|(name, value)| (name, value.to_owned())).to_vec(),
            jar: BTreeMap::new(),
        }
    }

    /// The same browser, whose page sends another header, or does not send one.
    fn sending(&self, name: &'static str, value: Option<&str>) -> Self {
        let mut other = self.clone();
        other.headers.retain(|(known, _)| *known != name);
        other.headers.extend(value.map(|value| (name, value.to_owned())));
        other
    }

    /// The same browser, whose page sends this credential.
    fn with_token(&self, token: &str) -> Self {
        Self { caller: self.caller.with_token(token), ..self.clone() }
    }

    /// Without the cookies.
    async fn send_only(&self, query: &str, variables: Value) -> Answer {
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.caller
            .send("POST", &self.path, &headers, json!({ "query": query, "variables": variables }).to_string())
            .await
    }

    async fn send(&mut self, query: &str, variables: Value) -> Answer {
        let sent = self.jar.iter().filter(|(_, (_, path))| self.path.starts_with(path.as_str()));
        let cookies: Vec<_> = sent.map(|(name, (value, _))| format!("{name}={value}")).collect();
        let page = if cookies.is_empty() { self.clone() } else { self.sending("cookie", Some(&cookies.join("; "))) };
        let answer = page.send_only(query, variables).await;
        for cookie in set_cookies(&answer) {
            let (name, rest) = cookie.split_once('=').unwrap();
            let (value, attributes) = rest.split_once("; ").unwrap();
            let path = attributes.split("; ").find_map(|part| part.strip_prefix("Path=")).unwrap();
            self.jar.insert(name.to_owned(), (value.to_owned(), path.to_owned()));
            if attributes.contains("Max-Age=0") {
                self.jar.remove(name);
            }
        }
        answer
    }

    async fn sign_in(&mut self, name: &str, delivery: &str) -> Answer {
        self.send(SIGN_IN, json!({ "login": name, "password": PASSWORD, "delivery": delivery })).await
    }

    /// The value of the one cookie.
    fn cookie(&self) -> &str {
        assert_eq!(self.jar.len(), 1, "{:?}", self.jar);
        &self.jar.values().next().unwrap().0
    }

    /// A browser that has this cookie in the place of its own.
    fn having(&self, value: &str) -> Self {
        let mut other = self.clone();
        for (kept, _) in other.jar.values_mut() {
            value.clone_into(kept);
        }
        other
    }
}

fn set_cookies(answer: &Answer) -> Vec<&str> {
    answer.headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap()).collect()
}

/// The access token of an answer to `mutation`.
fn token_of(answer: &Answer, mutation: &str) -> String {
    let json = answer.json();
    json["data"][mutation]["accessToken"].as_str().unwrap_or_else(|| panic!("{json:#}")).to_owned()
}

/// Ada's account, and a browser in which she is signed in.
async fn signed_in(app: &TestApp) -> (Browser, String) {
    app.anonymous().register("ada").await;
    let mut browser = Browser::at(app, LOCAL);
    let answer = browser.sign_in("ada", "COOKIE").await;
    let token = token_of(&answer, "sessionCreate");
    (browser, token)
}

async fn username(app: &TestApp, token: &str) -> Value {
    app.anonymous().with_token(token).graphql(VIEWER, json!({})).await["data"]["viewer"]["username"].clone()
}

fn config(http: HttpConfig) -> Config {
    Config { http: HttpConfig { public_hosts: vec!["docs.example.org".to_owned()], ..http }, ..Config::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cookie_is_as_narrow_as_the_connection_and_the_path_allow() {
    let plain = HttpConfig::default;
    let rows = [
        (plain(), LOCAL, None, "docent-refresh-8080=*; Path=/graphql; HttpOnly; SameSite=Strict"),
        (plain(), PUBLIC, None, "__Host-docent-refresh=*; Path=/; HttpOnly; SameSite=Strict; Secure"),
        (
            HttpConfig { trust_forwarded_for: true, ..plain() },
            PUBLIC,
            Some("docs.example.org"),
            "__Host-docent-refresh=*; Path=/; HttpOnly; SameSite=Strict; Secure",
        ),
        (
            HttpConfig { base_path: "/docs".to_owned(), ..plain() },
            PUBLIC,
            None,
            "__Secure-docent-refresh=*; Path=/docs/graphql; HttpOnly; SameSite=Strict; Secure",
        ),
        (
            HttpConfig { base_path: "/docs".to_owned(), ..plain() },
            LOCAL,
            None,
            "docent-refresh-8080=*; Path=/docs/graphql; HttpOnly; SameSite=Strict",
        ),
    ];
    for (http, origin, forwarded, expected) in rows {
        let base_path = http.base_path.clone();
        let app = TestApp::start(config(http)).await;
        app.anonymous().register("ada").await;
        let mut browser = Browser::at(&app, origin);
        browser.path = format!("{base_path}/graphql");
        if let Some(host) = forwarded {
            browser = browser.sending("host", Some("127.0.0.1:8080")).sending("x-forwarded-host", Some(host));
        }
        let answer = browser.sign_in("ada", "COOKIE").await;
        let kept = browser.cookie().to_owned();
        assert_eq!(set_cookies(&answer), [expected.replace('*', &kept)]);
        assert_eq!(answer.headers[CACHE_CONTROL], "no-store");
        let renewed = browser.send(REFRESH, json!({})).await;
        assert_eq!(renewed.json()["data"]["sessionRefresh"]["viewer"]["username"], "ada", "{origin}{base_path}");
        assert_ne!(browser.cookie(), kept);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_proxy_that_nobody_trusts_its_word_does_not_count() {
    let app = TestApp::start(config(HttpConfig::default())).await;
    app.anonymous().register("ada").await;
    let mut page = Browser::at(&app, PUBLIC)
        .sending("host", Some("127.0.0.1:8080"))
        .sending("x-forwarded-host", Some("docs.example.org"));
    let answer = page.sign_in("ada", "COOKIE").await;
    assert_eq!((code(&answer.json()), set_cookies(&answer).len()), ("FORBIDDEN", 0));
}

on_both_databases!(a_session_in_a_cookie_is_renewed_and_no_answer_has_its_token_in_it);
async fn a_session_in_a_cookie_is_renewed_and_no_answer_has_its_token_in_it(app: TestApp) {
    app.anonymous().register("ada").await;
    let mut browser = Browser::at(&app, LOCAL);
    let mut answer = browser.sign_in("ada", "COOKIE").await;
    assert_eq!(answer.json()["data"]["sessionCreate"]["viewer"]["username"], "ada");
    let mut mutation = "sessionCreate";
    let mut seen = Vec::new();
    for _ in 0..3 {
        let cookie = browser.cookie().to_owned();
        assert!(!String::from_utf8(answer.body.clone()).unwrap().contains(&cookie));
        assert_eq!(answer.json()["data"][mutation]["refreshToken"], Value::Null);
        assert_eq!(username(&app, &token_of(&answer, mutation)).await, "ada");
        assert!(!seen.contains(&cookie), "each token is a new one");
        seen.push(cookie);
        app.clock.advance(20);
        answer = browser.send(REFRESH, json!({})).await;
        mutation = "sessionRefresh";
    }
    let shown = app.anonymous().with_token(&token_of(&answer, mutation)).data(SESSIONS, json!({})).await;
    assert_eq!(shown["viewer"]["sessions"]["totalCount"], 1, "it is one session all the time");
}

on_both_databases!(a_cookie_that_was_used_before_ends_the_session);
async fn a_cookie_that_was_used_before_ends_the_session(app: TestApp) {
    let (mut browser, _) = signed_in(&app).await;
    let mut thief = browser.clone();
    let token = token_of(&browser.send(REFRESH, json!({})).await, "sessionRefresh");
    app.clock.advance(20);
    let replay = thief.send(REFRESH, json!({})).await;
    assert_eq!(code(&replay.json()), "UNAUTHENTICATED");
    assert!(thief.jar.is_empty(), "a cookie that is worth nothing is removed");
    let next = browser.send(REFRESH, json!({})).await;
    assert_eq!(code(&next.json()), "UNAUTHENTICATED");
    assert_eq!(code(&app.anonymous().with_token(&token).graphql(VIEWER, json!({})).await), "UNAUTHENTICATED");
}

on_both_databases!(two_windows_that_renew_at_once_go_on_together);
async fn two_windows_that_renew_at_once_go_on_together(app: TestApp) {
    let (mut first, _) = signed_in(&app).await;
    let mut second = first.clone();
    let (one, other) = tokio::join!(first.send(REFRESH, json!({})), second.send(REFRESH, json!({})));
    for answer in [&one, &other] {
        assert_eq!(username(&app, &token_of(answer, "sessionRefresh")).await, "ada");
    }
    assert_eq!(first.cookie(), second.cookie());
    // From now on they share what the one that came last has stored.
    for _ in 0..3 {
        app.clock.advance(60);
        let answer = first.send(REFRESH, json!({})).await;
        token_of(&answer, "sessionRefresh");
        second = second.having(first.cookie());
        let answer = second.send(REFRESH, json!({})).await;
        token_of(&answer, "sessionRefresh");
        first = first.having(second.cookie());
    }
}

on_both_databases!(a_stolen_cookie_without_the_header_does_nothing);
async fn a_stolen_cookie_without_the_header_does_nothing(app: TestApp) {
    let (mut browser, _) = signed_in(&app).await;
    let pages = [
        ("no header", browser.sending(HEADER, None)),
        ("another site", browser.sending("origin", Some("https://evil.example"))),
        ("a sandboxed page", browser.sending("origin", Some("null"))),
        ("another port", browser.sending("origin", Some("http://localhost:9090"))),
        ("no origin", browser.sending("origin", None)),
        ("only the cookie", browser.sending("origin", None).sending(HEADER, None)),
    ];
    for (what, mut page) in pages {
        let refreshed = page.send(REFRESH, json!({})).await;
        assert_eq!((code(&refreshed.json()), set_cookies(&refreshed).len()), ("FORBIDDEN", 0), "{what}");
        let ended = page.send(SIGN_OUT, json!({})).await;
        assert_eq!((code(&ended.json()), set_cookies(&ended).len()), ("UNAUTHENTICATED", 0), "{what}");
    }
    // The cookie is no credential, with the header neither.
    let asked = browser.send(VIEWER, json!({})).await;
    assert_eq!((asked.json()["data"]["viewer"].clone(), set_cookies(&asked).len()), (Value::Null, 0));
    let cookie = format!("docent-refresh-8080={}", browser.cookie());
    let headers = [("cookie", cookie.as_str()), ("host", "localhost:8080"), ("origin", LOCAL), (HEADER, "1")];
    let got = app.anonymous().send("GET", "/graphql?query=%7Bviewer%7Bid%7D%7D", &headers, "").await;
    assert_eq!(got.json()["data"], json!({ "viewer": null }));
    // Nothing of it has used the cookie up.
    app.clock.advance(60);
    token_of(&browser.send(REFRESH, json!({})).await, "sessionRefresh");
}

on_both_databases!(no_other_page_signs_somebody_in);
async fn no_other_page_signs_somebody_in(app: TestApp) {
    let (browser, token) = signed_in(&app).await;
    let pages = [
        browser.sending(HEADER, None),
        browser.sending("origin", None),
        browser.sending("origin", Some("https://evil.example")),
        // What a form can send.
        browser.sending("content-type", Some("text/plain")).sending(HEADER, None),
        browser.sending("content-type", Some("application/x-www-form-urlencoded")),
    ];
    for (number, page) in pages.into_iter().enumerate() {
        for delivery in ["COOKIE", "PERSISTENT_COOKIE"] {
            let answer = page.clone().sign_in("ada", delivery).await;
            assert!(answer.json()["data"]["sessionCreate"].is_null(), "{number}");
            assert_eq!(set_cookies(&answer), Vec::<&str>::new(), "{number}");
        }
    }
    let shown = app.anonymous().with_token(&token).data(SESSIONS, json!({})).await;
    assert_eq!(shown["viewer"]["sessions"]["totalCount"], 1, "what is refused has made no session");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_an_allowed_origin_sends_tokens_and_has_no_cookie() {
    let allowed_origins = vec!["https://app.example.org".to_owned()];
    let app = TestApp::start(config(HttpConfig { allowed_origins, ..HttpConfig::default() })).await;
    app.anonymous().register("ada").await;
    let mut page = Browser::at(&app, LOCAL).sending("origin", Some("https://app.example.org"));
    let refused = page.sign_in("ada", "COOKIE").await;
    assert_eq!((code(&refused.json()), set_cookies(&refused).len()), ("FORBIDDEN", 0));
    assert!(!refused.headers.contains_key("access-control-allow-credentials"));
    let answer = page.sign_in("ada", "BODY").await;
    assert!(answer.json()["data"]["sessionCreate"]["refreshToken"].is_string());
}

on_both_databases!(who_signs_out_has_no_cookie_any_more);
async fn who_signs_out_has_no_cookie_any_more(app: TestApp) {
    let (browser, token) = signed_in(&app).await;
    // With the cookie alone, when the access token may be over.
    let mut alone = browser.clone();
    let answer = alone.send(SIGN_OUT, json!({})).await;
    assert_eq!(answer.json()["data"]["sessionRevoke"]["revoked"], true);
    assert_eq!(set_cookies(&answer), ["docent-refresh-8080=; Path=/graphql; HttpOnly; SameSite=Strict; Max-Age=0"]);
    assert_eq!(answer.headers[CACHE_CONTROL], "no-store");
    assert!(alone.jar.is_empty());
    assert_eq!(code(&app.anonymous().with_token(&token).graphql(VIEWER, json!({})).await), "UNAUTHENTICATED");
    let mut copy = browser.clone();
    assert_eq!(code(&copy.send(REFRESH, json!({})).await.json()), "UNAUTHENTICATED");

    for (mutation, variables) in [
        (SIGN_OUT, json!({})),
        ("mutation { sessionRevoke(input: { all: true }) { revoked } }", json!({})),
        ("mutation($id: ID!) { sessionRevoke(input: { sessionId: $id }) { revoked } }", json!({ "id": "own" })),
    ] {
        let mut browser = Browser::at(&app, LOCAL);
        let token = token_of(&browser.sign_in("ada", "COOKIE").await, "sessionCreate");
        let shown = app.anonymous().with_token(&token).data(SESSIONS, json!({})).await;
        let variables = if variables["id"].is_null() {
            variables
        } else {
            json!({ "id": shown["viewer"]["sessions"]["nodes"][0]["id"] })
        };
        let mut page = browser.with_token(&token);
        page.send(mutation, variables).await;
        assert!(page.jar.is_empty(), "{mutation}");
    }
}

on_both_databases!(the_end_of_another_session_leaves_the_cookie);
async fn the_end_of_another_session_leaves_the_cookie(app: TestApp) {
    let (browser, token) = signed_in(&app).await;
    app.anonymous().log_in("ada").await;
    let other = app.anonymous().with_token(&token).data(SESSIONS, json!({})).await;
    let other = other["viewer"]["sessions"]["nodes"][0].clone();
    assert_eq!(other["isCurrent"], false);
    let mut page = browser.with_token(&token);
    let end = "mutation($id: ID!) { sessionRevoke(input: { sessionId: $id }) { revoked } }";
    let answer = page.send(end, json!({ "id": other["id"] })).await;
    assert_eq!(set_cookies(&answer), Vec::<&str>::new());
    // A page that knows an access token of one session ends that one, whatever the browser has by now.
    let mut elsewhere = Browser::at(&app, LOCAL);
    let token = token_of(&elsewhere.sign_in("ada", "COOKIE").await, "sessionCreate");
    let mut page = browser.with_token(&token);
    assert_eq!(set_cookies(&page.send(SIGN_OUT, json!({})).await), Vec::<&str>::new());
    let mut page = browser.clone();
    token_of(&page.send(REFRESH, json!({})).await, "sessionRefresh");
}

on_both_databases!(a_session_that_is_ended_elsewhere_is_over_and_so_is_its_cookie);
async fn a_session_that_is_ended_elsewhere_is_over_and_so_is_its_cookie(app: TestApp) {
    let (mut browser, token) = signed_in(&app).await;
    let elsewhere = app.anonymous().log_in("ada").await;
    let shown = app.anonymous().with_token(&token).data(SESSIONS, json!({})).await;
    let nodes = shown["viewer"]["sessions"]["nodes"].as_array().unwrap().clone();
    let id = nodes.iter().find(|node| node["isCurrent"] == true).unwrap()["id"].clone();
    let end = "mutation($id: ID!) { sessionRevoke(input: { sessionId: $id }) { revoked } }";
    elsewhere.data(end, json!({ "id": id })).await;
    let answer = browser.send(REFRESH, json!({})).await;
    assert_eq!(code(&answer.json()), "UNAUTHENTICATED");
    assert!(browser.jar.is_empty());
}

on_both_databases!(a_changed_password_gives_the_browser_a_new_session_in_the_place_of_the_old_one);
async fn a_changed_password_gives_the_browser_a_new_session_in_the_place_of_the_old_one(app: TestApp) {
    let (browser, token) = signed_in(&app).await;
    let change = "mutation($current: String!, $delivery: TokenDelivery!) {
        passwordChange(input: { currentPassword: $current, newPassword: \"a new long password\", delivery: $delivery }) {
            accessToken refreshToken userErrors { code path }
        }
    }";
    let old = browser.cookie().to_owned();
    let mut page = browser.with_token(&token);
    let wrong = page.send(change, json!({ "current": "wrong horse", "delivery": "COOKIE" })).await;
    assert_eq!(wrong.json()["data"]["passwordChange"]["userErrors"][0]["path"], json!(["currentPassword"]));
    let refused =
        page.sending(HEADER, None).send_only(change, json!({ "current": PASSWORD, "delivery": "COOKIE" })).await;
    assert_eq!(code(&refused.json()), "FORBIDDEN");
    assert_eq!((page.cookie(), username(&app, &token).await), (old.as_str(), json!("ada")), "nothing has changed");

    let changed = page.send(change, json!({ "current": PASSWORD, "delivery": "PERSISTENT_COOKIE" })).await;
    assert_eq!(changed.json()["data"]["passwordChange"]["refreshToken"], Value::Null);
    assert_eq!(username(&app, &token_of(&changed, "passwordChange")).await, "ada");
    let new = page.cookie().to_owned();
    assert_ne!(new, old);
    let mut browser = browser.having(&new);
    token_of(&browser.send(REFRESH, json!({})).await, "sessionRefresh");
    let mut thief = browser.having(&old);
    assert_eq!(code(&thief.send(REFRESH, json!({})).await.json()), "UNAUTHENTICATED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_persistent_cookie_lasts_as_long_as_its_session_and_stays_persistent() {
    let app = TestApp::start(Config::default()).await;
    app.anonymous().register("ada").await;
    let mut browser = Browser::at(&app, LOCAL);
    let days = |answer: &Answer| {
        let cookie = set_cookies(answer)[0].to_owned();
        let (_, seconds) = cookie.rsplit_once("; Max-Age=").unwrap_or_else(|| panic!("{cookie}"));
        seconds.parse::<f64>().unwrap() / (24.0 * 3600.0)
    };
    let answer = browser.sign_in("ada", "PERSISTENT_COOKIE").await;
    assert!((days(&answer) - 14.0).abs() < 0.01, "unused for so long, the session ends");
    for _ in 0..2 {
        app.clock.advance(10 * 24 * 3600);
        let answer = browser.send(REFRESH, json!({})).await;
        let left = days(&answer);
        assert!((9.9..14.01).contains(&left), "{left}: the session itself ends after 30 days");
    }
    app.clock.advance(6 * 24 * 3600);
    assert!((days(&browser.send(REFRESH, json!({})).await) - 4.0).abs() < 0.01);
}

on_both_databases!(a_request_with_an_api_key_uses_no_cookie);
async fn a_request_with_an_api_key_uses_no_cookie(app: TestApp) {
    let (browser, token) = signed_in(&app).await;
    let create = "mutation($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) { secret userErrors { code } } }";
    let documents = [REFRESH, SIGN_IN, SIGN_OUT].map(|document| format!("sha256:{}", digest(document)));
    for limits in [json!({}), json!({ "documentIds": documents })] {
        let mut input = json!({ "name": "k", "actions": ["COLLECTION_READ"] });
        input.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
        let made = app.anonymous().with_token(&token).data(create, json!({ "input": input })).await;
        let mut page = browser.with_token(made["apiKeyCreate"]["secret"].as_str().unwrap());
        for answer in [
            page.send(REFRESH, json!({})).await,
            page.sign_in("ada", "COOKIE").await,
            page.send(SIGN_OUT, json!({})).await,
        ] {
            assert_eq!((code(&answer.json()), set_cookies(&answer).len()), ("FORBIDDEN", 0), "{limits}");
        }
    }
    let mut browser = browser;
    token_of(&browser.send(REFRESH, json!({})).await, "sessionRefresh");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_set_no_cookie_says_so_and_delivers_into_the_body_as_before() {
    let app = TestApp::start(Config::default()).await;
    app.anonymous().register("ada").await;
    let sign_in = |delivery: &str| json!({ "login": "ada", "password": PASSWORD, "delivery": delivery });
    for accept in ["text/event-stream", "multipart/mixed;subscriptionSpec=1.0"] {
        let page = Browser::at(&app, LOCAL).sending("accept", Some(accept));
        let answer = page.send_only(SIGN_IN, sign_in("COOKIE")).await;
        let text = String::from_utf8(answer.body.clone()).unwrap();
        assert!(text.contains("\"FORBIDDEN\"") && text.contains("one JSON response"), "{accept}: {text}");
        assert_eq!(set_cookies(&answer), Vec::<&str>::new());
        let body = page.send_only(SIGN_IN, sign_in("BODY")).await;
        assert!(String::from_utf8(body.body).unwrap().contains("\"refreshToken\":\""), "{accept}");
    }
    let address = app.listen().await;
    let origin = format!("http://{address}");
    let mut socket =
        Client::connect(address, &[SUBPROTOCOL, ("origin", origin.as_str()), (HEADER, "1")]).await.unwrap();
    socket.initialise(json!({})).await;
    for (id, delivery) in [("a", "COOKIE"), ("b", "BODY")] {
        let payload = json!({ "query": SIGN_IN, "variables": sign_in(delivery) });
        socket.send(json!({ "type": "subscribe", "id": id, "payload": payload })).await;
        let answer = socket.next().await;
        let session = &answer["payload"]["data"]["sessionCreate"];
        if delivery == "BODY" {
            assert!(session["refreshToken"].is_string(), "{answer:#}");
        } else {
            assert_eq!((session, code(&answer["payload"])), (&Value::Null, "FORBIDDEN"));
        }
        assert_eq!(socket.next().await["type"], "complete");
    }
}

on_both_databases!(programs_without_cookies_are_answered_as_before);
async fn programs_without_cookies_are_answered_as_before(app: TestApp) {
    let (browser, _) = signed_in(&app).await;
    let refresh = "mutation($token: String!) {
        sessionRefresh(input: { refreshToken: $token }) { accessToken refreshToken }
    }";
    let end = "mutation($token: String!) { sessionRevoke(input: { refreshToken: $token }) { revoked } }";
    // Whether the browser has a cookie, too, makes no difference.
    for mut client in [browser.sending("origin", None).sending(HEADER, None), browser.clone()] {
        let answer = client.send(SIGN_IN, json!({ "login": "ada", "password": PASSWORD })).await;
        assert_eq!(set_cookies(&answer), Vec::<&str>::new());
        assert_eq!(answer.headers[CACHE_CONTROL], "no-store");
        let token = answer.json()["data"]["sessionCreate"]["refreshToken"].clone();
        let answer = client.send(refresh, json!({ "token": token })).await;
        assert_eq!(set_cookies(&answer), Vec::<&str>::new());
        let next = answer.json()["data"]["sessionRefresh"]["refreshToken"].clone();
        assert!(next.is_string() && next != token);
        let answer = client.send(end, json!({ "token": next })).await;
        assert_eq!(
            (answer.json()["data"]["sessionRevoke"]["revoked"].clone(), set_cookies(&answer).len()),
            (json!(true), 0)
        );
    }
    let nobody = app.anonymous();
    assert_eq!(code(&nobody.graphql(REFRESH, json!({})).await), "FORBIDDEN");
    let mut fresh = Browser::at(&app, LOCAL);
    assert_eq!(code(&fresh.send(REFRESH, json!({})).await.json()), "UNAUTHENTICATED");
}
