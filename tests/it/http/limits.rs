//! Documents that were made to hurt. They run in the profile of the tests, whose stack frames are the largest.

use std::fmt::Write;

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use docent::config::LimitsConfig;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::support::{Answer, Tiny};
use crate::support::{app::PATIENCE, socket::Client};

/// What an attacker gets for a document: not a copy of it.
const MOST_BYTES: usize = 10_000;

/// Sends a document, sees that the answer comes (what unfolds would take years) and is small, and that the server still serves.
async fn attack(tiny: &Tiny, query: &str) -> Answer {
    let answer = timeout(PATIENCE, tiny.query(query)).await.expect("an answer");
    assert!(answer.text.len() < MOST_BYTES, "{} bytes: {:.300}", answer.text.len(), answer.text);
    assert_eq!(tiny.query("{ hello }").await.status, StatusCode::OK);
    answer
}

/// `[code, limit, actual]` of the only error.
fn verdict(answer: &Answer) -> Value {
    let extensions = &answer.errors()[0]["extensions"];
    json!([answer.code(), extensions["limit"], extensions["actual"]])
}

/// Limits so wide that only one of them can be met.
fn wide() -> LimitsConfig {
    LimitsConfig {
        request_bytes: 10_000_000,
        document_bytes: 10_000_000,
        document_tokens: 1_000_000,
        ..LimitsConfig::default()
    }
}

#[tokio::test]
async fn deep_brackets_are_refused_before_they_are_parsed() {
    let tiny = Tiny::new();
    for (open, close, levels) in [("[", "]", 500), ("{a:", "}", 400)] {
        let query = format!("{{ words(list: {}{}) }}", open.repeat(levels), close.repeat(levels));
        assert_eq!(verdict(&attack(&tiny, &query).await), json!(["COST_LIMIT_EXCEEDED", 64, levels + 2]));
    }
    let selections = format!("{}a{}", "{a".repeat(500), "}".repeat(500));
    assert_eq!(verdict(&attack(&tiny, &selections).await), json!(["COST_LIMIT_EXCEEDED", 64, 500]));
    let hidden = format!("{{ words(list: [\"\"\"[[\" {}", "[".repeat(500));
    assert_eq!(attack(&tiny, &hidden).await.code(), "COST_LIMIT_EXCEEDED");
}

#[tokio::test]
async fn the_deepest_brackets_that_are_allowed_fit_the_stack() {
    let tiny = Tiny::new();
    let lists = format!("{{ words(list: {}{}) }}", "[".repeat(62), "]".repeat(62));
    assert_eq!(attack(&tiny, &lists).await.code(), "GRAPHQL_VALIDATION_FAILED");
    let objects = format!("{{ words(list: {}1{}) }}", "{a:".repeat(62), "}".repeat(62));
    assert_eq!(attack(&tiny, &objects).await.code(), "GRAPHQL_VALIDATION_FAILED");
    let selections = format!("{}{}", "{child".repeat(64), "}".repeat(64));
    assert_eq!(attack(&tiny, &selections).await.code(), "COST_LIMIT_EXCEEDED");
    let types = format!("query Q($x: {}Int{}) {{ hello }}", "[".repeat(63), "]".repeat(63));
    attack(&tiny, &types).await;
}

#[tokio::test]
async fn a_flood_of_anything_is_refused_by_its_tokens() {
    let tiny = Tiny::new();
    let directives = format!("{{ hello {} }}", "@aa".repeat(1200));
    assert_eq!(verdict(&attack(&tiny, &directives).await), json!(["COST_LIMIT_EXCEEDED", 2000, 2403]));
    let fields = format!("{{ {} }}", "hello ".repeat(5000));
    assert_eq!(verdict(&attack(&tiny, &fields).await), json!(["COST_LIMIT_EXCEEDED", 2000, 5002]));
}

#[tokio::test]
async fn a_large_document_is_refused_by_its_size() {
    let tiny = Tiny::new();
    let directives = format!("{{ hello {} }}", "@aa".repeat(50_000));
    assert_eq!(verdict(&attack(&tiny, &directives).await), json!(["COST_LIMIT_EXCEEDED", 65_536, 150_010]));
    let fields = format!("{{ {} }}", "hello ".repeat(20_000));
    assert_eq!(attack(&tiny, &fields).await.code(), "COST_LIMIT_EXCEEDED");
    let syntax = format!("{{ hello(name: {}", "x ".repeat(250_000));
    assert_eq!(attack(&tiny, &syntax).await.code(), "COST_LIMIT_EXCEEDED");
}

#[tokio::test]
async fn a_syntax_error_never_quotes_the_source() {
    let tiny = Tiny::with(wide());
    let long = format!("{{ hello(name: \"{}\" }}", "secret ".repeat(70_000));
    for query in [
        &*long,
        "{ secret(",
        "secret",
        "{ hello(secret: \"\u{0}\" }",
        "query secret { \"secret\" }",
        "{ a(secret: 1.secret) }",
    ] {
        let answer = attack(&tiny, query).await;
        assert_eq!(answer.code(), "GRAPHQL_PARSE_FAILED", "{query:.100}");
        assert!(!answer.text.contains("secret"), "{:.300}", answer.text);
        assert!(answer.message().starts_with("Syntax error at line 1, column "), "{}", answer.message());
        assert_eq!(answer.errors()[0]["locations"][0]["line"], 1);
    }
}

#[tokio::test]
async fn a_validation_error_quotes_little_of_the_source() {
    let tiny = Tiny::with(wide());
    let name = "x".repeat(50_000);
    assert_eq!(attack(&tiny, &format!("{{ {name} }}")).await.code(), "GRAPHQL_VALIDATION_FAILED");
    let answer =
        tiny.post(json!({ "query": "query Q($n: Int!) { double(number: $n) }", "variables": { "n": name } })).await;
    assert!(answer.text.len() < MOST_BYTES, "{}", answer.text.len());
    let many: String = (0..40).fold(String::new(), |mut text, number| {
        write!(text, "unknown{number} ").unwrap();
        text
    });
    let answer = attack(&tiny, &format!("{{ item(id: 1) {{ {many} }} }}")).await;
    assert_eq!((answer.errors().len(), &answer.json()["extensions"]["errorsOmitted"]), (10, &json!(30)));
}

#[tokio::test]
async fn a_request_of_very_many_values_is_refused_before_they_are_read() {
    let tiny = Tiny::new();
    let send = async |variables: String| {
        let request = Request::post("/graphql").header("content-type", "application/json");
        let body = format!("{{\"query\":\"{{ hello }}\",\"variables\":{variables}}}");
        tiny.send(request.body(Body::from(body)).unwrap()).await
    };
    // Three characters each, which become hundreds of bytes.
    for value in ["{}", "[]", "0"] {
        let many = vec![value; 60_000].join(",");
        for variables in [format!("{{\"x\":[{many}]}}"), format!("[{many}]")] {
            let answer = timeout(PATIENCE, send(variables)).await.expect("an answer");
            assert_eq!((answer.status, answer.code().as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "COST_LIMIT_EXCEEDED"));
        }
    }
    let text = json!({ "x": ",[{\\\"".repeat(60_000) }).to_string();
    let few = format!("{{\"x\":[{}]}}", vec!["{}"; 10_000].join(","));
    for variables in [text, few] {
        assert_eq!(send(variables).await.json()["data"]["hello"], "Hello, world!");
    }
    let mut socket = Client::initialised(tiny.listen().await).await;
    let many = vec![0; 60_000];
    socket
        .send(
            json!({ "type": "subscribe", "id": "1", "payload": { "query": "{ hello }", "variables": { "x": many } } }),
        )
        .await;
    assert_eq!(socket.closed().await.0, 1009);
}

#[tokio::test]
async fn what_an_operation_asks_for_is_counted() {
    let tiny = Tiny::new();
    let repeat = |text: &str, times: usize| text.repeat(times);
    let aliases = |times: usize| (0..times).fold(String::new(), |text, number| format!("{text} a{number}: __typename"));
    let deep = |levels: usize| {
        format!("{{ item(id: 1) {} id {} }}", "{ child".repeat(levels - 2) + " {", "}".repeat(levels - 1))
    };
    let rows = [
        (deep(15), Value::Null),
        (deep(16), json!(["COST_LIMIT_EXCEEDED", 15, 16])),
        (format!("{{ item(id: 1) {{ {} }} }}", aliases(30)), Value::Null),
        (format!("{{ item(id: 1) {{ {} }} }}", aliases(31)), json!(["COST_LIMIT_EXCEEDED", 30, 31])),
        (format!("{{ {} }}", repeat("hello ", 20)), Value::Null),
        (format!("{{ {} }}", repeat("hello ", 21)), json!(["COST_LIMIT_EXCEEDED", 20, 21])),
        (
            format!("{{ ...F ...F }} fragment F on Query {{ {} }}", repeat("hello ", 11)),
            json!(["COST_LIMIT_EXCEEDED", 20, 22]),
        ),
        (format!("mutation {{ {} }}", repeat("touch ", 5)), Value::Null),
        (format!("mutation {{ {} }}", repeat("touch ", 6)), json!(["COST_LIMIT_EXCEEDED", 5, 6])),
        (
            "mutation { ...F ...F } fragment F on Mutation { touch touch touch }".into(),
            json!(["COST_LIMIT_EXCEEDED", 5, 6]),
        ),
        ("subscription { count(to: 1) open }".into(), json!(["COST_LIMIT_EXCEEDED", 1, 2])),
        (format!("{{ item(id: 1) {{ {} }} }}", repeat("id @skip(if: false) ", 50)), Value::Null),
        (
            format!("{{ item(id: 1) {{ {} }} }}", repeat("id @skip(if: false) ", 51)),
            json!(["COST_LIMIT_EXCEEDED", 50, 51]),
        ),
        (format!("{{ hello {} }}", repeat("@aa ", 60)), json!(["COST_LIMIT_EXCEEDED", 50, 60])),
    ];
    for (query, expected) in rows {
        let answer = attack(&tiny, &query).await;
        let found = if answer.errors().is_empty() { Value::Null } else { verdict(&answer) };
        assert_eq!(found, expected, "{query}: {}", answer.text);
    }
}

#[tokio::test]
async fn every_operation_of_a_document_is_weighed() {
    let tiny = Tiny::new();
    let query = format!("query A {{ hello }} mutation B {{ {} }}", "touch ".repeat(6));
    let answer = tiny.post(json!({ "query": query, "operationName": "A" })).await;
    assert_eq!(verdict(&answer), json!(["COST_LIMIT_EXCEEDED", 5, 6]));
}

#[tokio::test]
async fn fragments_in_a_circle_are_refused() {
    let tiny = Tiny::new();
    let circles = [
        "{ ...A } fragment A on Query { ...A }",
        "{ ...A } fragment A on Query { ...B } fragment B on Query { hello ...C } fragment C on Query { ...A }",
        "{ item(id: 1) { ...A } } fragment A on Item { child { child { ...A } } }",
        "{ hello } fragment A on Query { ...A }",
    ];
    for query in circles {
        let answer = attack(&tiny, query).await;
        assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED", "{query}");
        assert!(answer.message().contains("spreads itself"), "{query}: {}", answer.text);
    }
}

#[tokio::test]
async fn fragments_that_unfold_are_refused_folded() {
    let tiny = Tiny::new();
    // 2^40 selections in 2 KB; used, and lying about.
    for query in ["{ item(id: 1) { ...F0 } }", "{ hello }"] {
        let bomb = (0..40).fold(query.to_owned(), |text, level| {
            let next = level + 1;
            format!("{text} fragment F{level} on Item {{ ...F{next} ...F{next} }}")
        });
        let bomb = format!("{bomb} fragment F40 on Item {{ id }}");
        let answer = attack(&tiny, &bomb).await;
        assert_eq!(answer.code(), "COST_LIMIT_EXCEEDED", "{}", answer.text);
    }
    let wide =
        format!("{{ item(id: 1) {{ {} }} }} fragment F on Item {{ {} }}", "...F ".repeat(100), "id ".repeat(100));
    assert_eq!(verdict(&attack(&tiny, &wide).await), json!(["COST_LIMIT_EXCEEDED", 2000, 10_101]));
    let chain = (0..200).fold("{ item(id: 1) { ...F0 } }".to_owned(), |text, level| {
        format!("{text} fragment F{level} on Item {{ ...F{} }}", level + 1)
    });
    assert_eq!(attack(&tiny, &format!("{chain} fragment F200 on Item {{ id }}")).await.code(), "COST_LIMIT_EXCEEDED");
}

#[tokio::test]
async fn introspection_is_exempt_from_depth_and_has_bounds_of_its_own() {
    let tiny = Tiny::with(LimitsConfig { depth: 2, ..LimitsConfig::default() });
    let of_type = "ofType { ".repeat(9) + "name" + &" }".repeat(9);
    let standard =
        format!("{{ __schema {{ types {{ fields {{ args {{ type {{ {of_type} }} }} }} inputFields {{ name }} }} }} }}");
    assert_eq!(tiny.query(&standard).await.errors(), Vec::<Value>::new());
    let explosive = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }";
    assert_eq!(verdict(&attack(&tiny, explosive).await), json!(["COST_LIMIT_EXCEEDED", 2, 3]));
    let endless = format!("{{ __type(name: \"Item\") {} }}", "{ ofType".repeat(30) + " { name }" + &"}".repeat(30));
    assert_eq!(attack(&tiny, &endless).await.code(), "COST_LIMIT_EXCEEDED");
    let hidden = "{ ...Q } fragment Q on Query { __schema { types { ...T } } } fragment T on __Type { fields { type { fields { type { fields { name } } } } } }";
    assert_eq!(verdict(&attack(&tiny, hidden).await), json!(["COST_LIMIT_EXCEEDED", 2, 3]));
}
