//! GraphQL over HTTP, and what every route has in common.

use std::{io::Read, sync::atomic::Ordering};

use axum::{
    body::{Body, to_bytes},
    http::{Method, Request, StatusCode},
};
use docent::config::LimitsConfig;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::support::{SECRET, Tiny};

const GRAPHQL_RESPONSE: &str = "application/graphql-response+json";
const JSON: &str = "application/json";

fn post(accept: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post("/graphql").header("content-type", JSON).header("accept", accept).body(body.into()).unwrap()
}

fn get(accept: &str, query_string: &str) -> Request<Body> {
    Request::get(format!("/graphql?{query_string}")).header("accept", accept).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn statuses_are_those_of_the_audits() {
    let tiny = Tiny::new();
    let parse = json!({ "query": "{" });
    let validation = json!({ "query": "{ nothing }" });
    let variables = json!({ "query": "query Q($id: ID!) { __typename }", "variables": { "id": null } });
    let fine = json!({ "query": "{ __typename }" });
    let partial = json!({ "query": "{ missing { id } }" });
    // Body, status as application/graphql-response+json, status as application/json, whether there is `data`.
    let rows = [
        (&fine, 200, 200, true),
        (&partial, 200, 200, true),
        (&parse, 400, 200, false),
        (&validation, 400, 200, false),
        (&variables, 400, 200, false),
        (&json!({ "qeury": "{ __typename }" }), 400, 400, false),
        (&json!({ "query": "" }), 400, 400, false),
        (&json!([fine]), 400, 400, false),
        (&json!("{ __typename }"), 400, 400, false),
    ];
    for (body, as_graphql, as_json, has_data) in rows {
        for (accept, expected) in [(GRAPHQL_RESPONSE, as_graphql), (JSON, as_json), ("*/*", as_json)] {
            let answer = tiny.send(post(accept, body.to_string())).await;
            assert_eq!(answer.status.as_u16(), expected, "{accept} {body}: {}", answer.text);
            assert_eq!(answer.json().get("data").is_some(), has_data, "{body}: {}", answer.text);
            let content_type = if accept == GRAPHQL_RESPONSE { GRAPHQL_RESPONSE } else { JSON };
            assert_eq!(answer.header("content-type"), Some(&*format!("{content_type}; charset=utf-8")));
        }
    }
    let broken = tiny.send(post(JSON, "{ \"not a JSON")).await;
    assert_eq!((broken.status, broken.code().as_str()), (StatusCode::BAD_REQUEST, "BAD_USER_INPUT"));
}

#[tokio::test]
async fn every_parameter_has_its_type() {
    let tiny = Tiny::new();
    let wrong = [json!({}), json!(0), json!(false), json!(["array"]), json!("string")];
    for (parameter, right) in [("query", 4), ("operationName", 4), ("variables", 0), ("extensions", 0)] {
        for (index, value) in wrong.iter().enumerate() {
            let mut body = json!({ "query": "query string { __typename }" });
            body[parameter] =
                if parameter == "query" && index == right { json!("{ __typename }") } else { value.clone() };
            let answer = tiny.post(body).await;
            let expected = if index == right { StatusCode::OK } else { StatusCode::BAD_REQUEST };
            assert_eq!(answer.status, expected, "{parameter} = {value}: {}", answer.text);
        }
        if parameter != "query" {
            let mut body = json!({ "query": "{ __typename }", "unknown": [1] });
            body[parameter] = Value::Null;
            assert_eq!(tiny.post(body).await.status, StatusCode::OK, "{parameter} = null");
        }
    }
}

#[tokio::test]
async fn what_is_no_graphql_request_is_refused_with_its_own_status() {
    let tiny = Tiny::with(LimitsConfig { request_bytes: 1000, ..LimitsConfig::default() });
    let fine = r#"{"query":"{ __typename }"}"#;
    let typed = |content_type: &str| Request::post("/graphql").header("content-type", content_type).body(fine.into());
    let encoded = |encoding: &'static str| {
        let mut request = post(JSON, fine);
        request.headers_mut().insert("content-encoding", encoding.parse().unwrap());
        request
    };
    let sized = |length: usize| post(JSON, format!(r#"{{"query":"{{ __typename }}","x":"{}"}}"#, "x".repeat(length)));
    let streamed = |length: usize| {
        let pieces = std::iter::repeat_with(|| Ok::<_, std::io::Error>("          ")).take(length / 10);
        post(JSON, Body::from_stream(futures_util::stream::iter(pieces)))
    };
    let rows = [
        (post("text/html", fine), 406),
        (typed("text/plain").unwrap(), 415),
        (typed("application/x-www-form-urlencoded").unwrap(), 415),
        (typed("application/json; charset=latin1").unwrap(), 415),
        (typed("application/json; charset=UTF-8").unwrap(), 200),
        (Request::post("/graphql").body(fine.into()).unwrap(), 415),
        (encoded("gzip"), 415),
        (encoded("identity, br"), 415),
        (encoded("identity"), 200),
        (sized(10), 200),
        (sized(1000), 413),
        (streamed(2000), 413),
        (post(JSON, ""), 400),
        (post(JSON, b"{\"query\":\"\xff\"}".to_vec()), 400),
    ];
    for (number, (request, status)) in rows.into_iter().enumerate() {
        let answer = tiny.send(request).await;
        assert_eq!(answer.status.as_u16(), status, "row {number}: {}", answer.text);
        if status != 200 {
            assert!(!answer.code().is_empty(), "row {number}");
        }
    }
}

#[tokio::test]
async fn large_answers_are_compressed_for_who_takes_it_but_never_those_of_mutations() {
    let tiny = Tiny::new();
    let large = json!({ "query": "{ __schema { types { name description fields { name type { name kind } } } } }" });
    let secret = json!({ "query": format!("mutation {{ {}: touch }}", "secret".repeat(300)) });
    let small = json!({ "query": "{ hello }" });
    let rows = [
        (&large, Some("gzip, deflate, br"), true),
        (&large, Some("br, gzip;q=0"), false),
        (&large, None, false),
        (&small, Some("gzip"), false),
        (&secret, Some("gzip"), false),
    ];
    for (body, accepted, is_compressed) in rows {
        let mut request = post(GRAPHQL_RESPONSE, body.to_string());
        if let Some(accepted) = accepted {
            request.headers_mut().insert("accept-encoding", accepted.parse().unwrap());
        }
        let response = tiny.router().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{body}");
        let encoding = response.headers().get("content-encoding").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(encoding.as_deref(), is_compressed.then_some("gzip"), "{accepted:?} {body}");
        let content_type = format!("{GRAPHQL_RESPONSE}; charset=utf-8");
        assert_eq!(response.headers()["content-type"], content_type.as_str());
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let mut text = String::new();
        if is_compressed {
            flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
            assert!(bytes.len() * 3 < text.len(), "{} of {} bytes", bytes.len(), text.len());
        } else {
            text = String::from_utf8(bytes.to_vec()).unwrap();
        }
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert!(answer["data"].is_object(), "{text:.300}");
    }
}

#[tokio::test]
async fn other_methods_are_refused_and_the_right_ones_named() {
    let tiny = Tiny::new();
    for method in [Method::HEAD, Method::OPTIONS, Method::PUT, Method::DELETE, Method::PATCH] {
        let request = Request::builder().method(&method).uri("/graphql").body(Body::empty()).unwrap();
        let answer = tiny.send(request).await;
        assert_eq!(
            (answer.status, answer.header("allow")),
            (StatusCode::METHOD_NOT_ALLOWED, Some("GET, POST")),
            "{method}"
        );
    }
    let answer = tiny.send(Request::post("/health/live").body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status, answer.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, Some("GET,HEAD")));
    assert_eq!(answer.code(), "BAD_USER_INPUT");
}

#[tokio::test]
async fn a_query_can_be_a_link() {
    let tiny = Tiny::new();
    let rows = [
        ("query=%7Bhello%7D", r#"{"hello":"Hello, world!"}"#),
        ("query=%7Bhello%7D&variables=&operationName=&extensions=", r#"{"hello":"Hello, world!"}"#),
        (
            "query=query+Q(%24n:String)%7Bhello(name:%24n)%7D&variables=%7B%22n%22:%22you%22%7D&operationName=Q&other=1",
            r#"{"hello":"Hello, you!"}"#,
        ),
        ("query=query+A%7Bhello%7Dquery+B%7Bdouble(number:2)%7D&operationName=B", r#"{"double":4}"#),
    ];
    for (query_string, data) in rows {
        let answer = tiny.send(get(GRAPHQL_RESPONSE, query_string)).await;
        assert_eq!(answer.json()["data"].to_string(), data, "{query_string}: {}", answer.text);
    }
    for query_string in ["", "query=", "query=%7Bhello%7D&variables=x", "query=%7Bhello%7D&variables=1"] {
        assert_eq!(tiny.send(get(JSON, query_string)).await.status, StatusCode::BAD_REQUEST, "{query_string}");
    }
}

#[tokio::test]
async fn a_hash_without_its_document_is_answered_so_that_the_document_comes() {
    let tiny = Tiny::new();
    let hashed =
        json!({ "persistedQuery": { "version": 1, "sha256Hash": "ecf4edb46db40b5132295c0291d62fb65d6759a9" } });
    let rows = [
        json!({ "extensions": hashed }),
        json!({ "query": null, "extensions": hashed, "variables": {}, "operationName": "Q" }),
        json!({ "query": "", "extensions": hashed }),
    ];
    let link = "operationName=Q&extensions=%7B%22persistedQuery%22:%7B%22version%22:1,%22sha256Hash%22:%22ab%22%7D%7D";
    for (accept, status) in [(GRAPHQL_RESPONSE, 400), (JSON, 200)] {
        let requests = rows.iter().map(|row| post(accept, row.to_string())).chain([get(accept, link)]);
        for request in requests {
            let answer = tiny.send(request).await;
            assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
            let (code, message) = (answer.code(), answer.message());
            assert_eq!((&*code, &*message), ("PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported"));
        }
    }
    let both = tiny.post(json!({ "query": "{ hello }", "extensions": hashed })).await;
    assert_eq!(both.json()["data"]["hello"], "Hello, world!", "{}", both.text);
    for extensions in [json!({}), json!({ "persistedQuery": null }), json!({ "persistedQuery": "ab" })] {
        let answer = tiny.post(json!({ "extensions": extensions })).await;
        assert_eq!((answer.status.as_u16(), &*answer.code()), (400, "BAD_USER_INPUT"), "{extensions}");
    }
}

#[tokio::test]
async fn a_mutation_over_get_is_refused_and_not_run() {
    let tiny = Tiny::new();
    for query_string in ["query=mutation%7Btouch%7D", "query=query+Q%7Bhello%7Dmutation+M%7Btouch%7D&operationName=M"] {
        let answer = tiny.send(get(JSON, query_string)).await;
        assert_eq!((answer.status, answer.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, Some("POST")));
    }
    assert_eq!(tiny.probe.mutations.load(Ordering::SeqCst), 0);
    assert_eq!(tiny.query("mutation { touch }").await.json()["data"], json!({ "touch": 1 }));
}

#[tokio::test]
async fn an_answer_tells_its_price_and_what_is_too_dear_is_429_with_the_time_to_wait() {
    let tiny = Tiny::new();
    let answer = tiny.query("{ hello }").await.json();
    assert_eq!(answer["extensions"]["cost"]["points"], 1);

    // Sixty mutations would cost 600 points; the caller may spend 500.
    let mut limits = LimitsConfig { mutations: 100, aliases: 100, ..LimitsConfig::default() };
    limits.request_points = 10_000;
    let tiny = Tiny::with(limits);
    let many: Vec<_> = (0..60).map(|number| format!("a{number}: touch")).collect();
    let answer = tiny.query(&format!("mutation {{ {} }}", many.join(" "))).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED"));
    assert_eq!(answer.header("retry-after"), Some("7"));
    assert_eq!(tiny.probe.mutations.load(Ordering::SeqCst), 0);

    let tiny = Tiny::with(LimitsConfig { request_points: 5, ..LimitsConfig::default() });
    let answer = tiny.query("mutation { touch }").await;
    assert_eq!(answer.code(), "COST_LIMIT_EXCEEDED");
    assert_eq!(tiny.probe.mutations.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_operation_is_chosen_by_name() {
    let tiny = Tiny::new();
    let two = "query A { hello } query B { double(number: 1) }";
    let rows = [
        (json!({ "query": two, "operationName": "B" }), "", r#"{"double":2}"#),
        (json!({ "query": "query A { hello }" }), "", r#"{"hello":"Hello, world!"}"#),
        (json!({ "query": "{ hello }", "operationName": "" }), "", r#"{"hello":"Hello, world!"}"#),
        (json!({ "query": two }), "BAD_USER_INPUT", "null"),
        (json!({ "query": two, "operationName": "C" }), "BAD_USER_INPUT", "null"),
        (json!({ "query": "{ hello }", "operationName": "A" }), "BAD_USER_INPUT", "null"),
        (json!({ "query": "query A { hello } query A { hello }" }), "GRAPHQL_VALIDATION_FAILED", "null"),
        (json!({ "query": "{ hello } query A { hello }" }), "GRAPHQL_VALIDATION_FAILED", "null"),
        (json!({ "query": "fragment F on Query { hello }" }), "GRAPHQL_VALIDATION_FAILED", "null"),
    ];
    for (body, code, data) in rows {
        let answer = tiny.post(body.clone()).await;
        let found = if code.is_empty() { String::new() } else { answer.code() };
        assert_eq!((found.as_str(), answer.json()["data"].to_string().as_str()), (code, data), "{body}");
    }
}

#[tokio::test]
async fn a_required_variable_has_to_have_a_value() {
    let tiny = Tiny::new();
    let used = "query Q($n: Int!) { double(number: $n) }";
    let unused = "query Q($n: Int!) { hello }";
    for query in [used, unused] {
        for variables in [json!({}), json!({ "n": null }), Value::Null] {
            let answer = tiny.post(json!({ "query": query, "variables": variables })).await;
            assert_eq!((answer.status, answer.code().as_str()), (StatusCode::BAD_REQUEST, "BAD_USER_INPUT"), "{query}");
            assert_eq!(answer.message(), "The variable `$n` is required and has no value.");
        }
    }
    let defaulted = tiny.query("query Q($n: Int! = 4) { double(number: $n) }").await;
    assert_eq!(defaulted.json()["data"]["double"], 8, "{}", defaulted.text);
    let wrong = tiny.post(json!({ "query": used, "variables": { "n": "four" } })).await;
    assert_eq!((wrong.status, wrong.code().as_str()), (StatusCode::BAD_REQUEST, "GRAPHQL_VALIDATION_FAILED"));
}

#[tokio::test]
async fn a_subscription_for_who_takes_no_stream_is_refused_with_the_ways_that_there_are() {
    let tiny = Tiny::new();
    for request in [
        post(GRAPHQL_RESPONSE, json!({ "query": "subscription { count(to: 3) }" }).to_string()),
        get(GRAPHQL_RESPONSE, "query=subscription%7Bcount(to:3)%7D"),
    ] {
        let answer = tiny.send(request).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::BAD_REQUEST, "BAD_USER_INPUT"));
        for way in ["text/event-stream", "multipart/mixed", "graphql-transport-ws"] {
            assert!(answer.message().contains(way), "{}", answer.text);
        }
    }
    // Who takes anything expects one answer.
    let anything = tiny.send(post("*/*", json!({ "query": "subscription { count(to: 3) }" }).to_string())).await;
    assert_eq!((anything.status, anything.code().as_str()), (StatusCode::OK, "BAD_USER_INPUT"));
}

#[tokio::test]
async fn an_operation_that_takes_too_long_is_given_up() {
    let tiny = Tiny::with(LimitsConfig { execution_seconds: 1, ..LimitsConfig::default() });
    let answer = tiny.query("{ hello endless }").await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::OK, "TIMEOUT"));
    assert_eq!(answer.json()["data"], Value::Null);
}

#[tokio::test]
async fn an_error_says_only_what_its_source_may_say() {
    let tiny = Tiny::new();
    let rows = [
        ("{ missing { id } }", "NOT_FOUND", "There is no such item, or you may not see it."),
        ("{ sharedError { id } }", "RATE_LIMITED", "Too many requests. Try again in 7 s."),
        ("{ fault }", "INTERNAL_SERVER_ERROR", "Internal server error."),
        ("{ stray }", "INTERNAL_SERVER_ERROR", "Internal server error."),
        ("{ forgotten }", "INTERNAL_SERVER_ERROR", "Internal server error."),
        (
            "{ a: hello",
            "GRAPHQL_PARSE_FAILED",
            "Syntax error at line 1, column 11: expected selection set, selection, directive, or arguments.",
        ),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED", "Unknown field \"nothing\" on type \"Query\"."),
    ];
    for (query, code, message) in rows {
        let answer = tiny.query(query).await;
        assert_eq!((answer.code().as_str(), answer.message().as_str()), (code, message), "{query}");
        assert!(!answer.text.contains(SECRET), "{}", answer.text);
    }
    assert_eq!(tiny.query("{ sharedError { id } }").await.errors()[0]["extensions"]["retryAfterMs"], 7000);
}

#[tokio::test]
async fn a_failed_field_nulls_what_may_be_null_and_nothing_above() {
    let tiny = Tiny::new();
    let rows = [
        ("{ missing { id } double(number: 1) }", json!({ "missing": null, "double": 2 }), json!([["missing"]])),
        ("{ item(id: 1) { id note } }", json!({ "item": { "id": "1", "note": null } }), json!([["item", "note"]])),
        (
            "{ item(id: 1) { child { note id } } }",
            json!({ "item": { "child": { "note": null, "id": "1" } } }),
            json!([["item", "child", "note"]]),
        ),
        (
            "{ item(id: \"bad\") { id child { id name } } }",
            json!({ "item": { "id": "bad", "child": null } }),
            json!([["item", "child", "name"]]),
        ),
        (
            "{ item(id: \"bad\") { child { certainChild { name } } } }",
            json!({ "item": { "child": null } }),
            json!([["item", "child", "certainChild", "name"]]),
        ),
        ("{ item(id: \"bad\") { alias: name } hello }", Value::Null, json!([["item", "alias"]])),
        ("{ items(ids: [1, \"bad\"]) { name } hello }", Value::Null, json!([["items", 1, "name"]])),
        (
            "{ optionalItems(ids: [1, \"bad\"]) { name note } }",
            json!({ "optionalItems": [{ "name": "1", "note": null }, null] }),
            json!([["optionalItems", 0, "note"], ["optionalItems", 1, "name"]]),
        ),
    ];
    for (query, data, paths) in rows {
        let answer = tiny.query(query).await;
        let found: Value = answer.errors().iter().map(|error| error["path"].clone()).collect();
        assert_eq!((&answer.json()["data"], found), (&data, paths), "{query}");
    }
}

#[tokio::test]
async fn every_error_names_its_request() {
    let tiny = Tiny::new();
    let missing = Request::get("/nowhere").body(Body::empty()).unwrap();
    let requests = [
        post(JSON, json!({ "query": "{ missing { id } }" }).to_string()),
        post(JSON, json!({ "query": "{" }).to_string()),
        post(JSON, json!({ "query": "{ panic }" }).to_string()),
        post(JSON, "nonsense"),
        post("text/html", "{}"),
        missing,
    ];
    let mut seen = std::collections::HashSet::new();
    for request in requests {
        let answer = tiny.send(request).await;
        let id = answer.header("x-request-id").expect("a request id").to_owned();
        assert_eq!(answer.errors()[0]["extensions"]["requestId"], id, "{}", answer.text);
        assert!(seen.insert(id), "each request has its own");
    }
    let answer = tiny.query("{ requestId }").await;
    assert_eq!(answer.json()["data"]["requestId"], answer.header("x-request-id").unwrap());
}

#[tokio::test]
async fn an_answer_has_at_most_ten_errors_and_says_how_many_it_left_out() {
    let tiny = Tiny::new();
    let ids: Vec<_> = (0..25).collect();
    let answer = tiny.query(&format!("{{ items(ids: {ids:?}) {{ note }} }}")).await;
    assert_eq!(answer.errors().len(), 10);
    assert_eq!(answer.json()["extensions"]["errorsOmitted"], 15);
    assert_eq!(answer.json()["data"]["items"].as_array().unwrap().len(), 25);
}

#[tokio::test]
async fn each_execution_has_data_of_its_own() {
    let tiny = Tiny::new();
    for number in 1..=3 {
        let answer = tiny.query("{ a: execution b: execution }").await;
        assert_eq!(answer.json()["data"], json!({ "a": number, "b": number }));
    }
}

#[tokio::test]
async fn a_panic_fails_one_request_and_not_the_server() {
    let tiny = Tiny::new();
    let answer = tiny.query("{ panic }").await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_SERVER_ERROR"));
    assert!(!answer.text.contains(SECRET));
    assert_eq!(answer.header("content-length").map_or(answer.text.len(), |n| n.parse().unwrap()), answer.text.len());
    assert_eq!(tiny.query("{ hello }").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_token_says_who_it_is_and_a_bad_one_is_refused() {
    let tiny = Tiny::new();
    let ask = |token: Option<&str>| {
        let mut request = post(JSON, json!({ "query": "{ viewer }" }).to_string());
        if let Some(token) = token {
            request.headers_mut().insert("authorization", token.parse().unwrap());
        }
        request
    };
    assert_eq!(tiny.send(ask(None)).await.json()["data"], json!({ "viewer": null }));
    let known = tiny.send(ask(Some("Bearer good"))).await;
    assert_eq!(known.json()["data"]["viewer"], "00000000-0000-0000-0000-000000000000");
    for token in ["Bearer bad", "Basic Zm9v", "Bearer"] {
        let answer = tiny.send(ask(Some(token))).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"), "{token}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    let down = tiny.send(ask(Some("Bearer down"))).await;
    assert_eq!((down.status, down.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"));
    assert_eq!(down.header("retry-after"), Some("2"));
}

#[tokio::test]
async fn unknown_addresses_are_not_found() {
    let mut tiny = Tiny::new();
    for (method, path) in [(Method::GET, "/nowhere"), (Method::POST, "/"), (Method::GET, "/../Cargo.toml")] {
        let answer = tiny.send(Request::builder().method(method).uri(path).body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::NOT_FOUND, "NOT_FOUND"), "{path}");
    }
    tiny.state.http.playground = false;
    assert_eq!(tiny.send(Request::get("/").body(Body::empty()).unwrap()).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_front_page_is_a_page_with_or_without_the_playground() {
    let answer = Tiny::new().send(Request::get("/").body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, Some("text/html; charset=utf-8")));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.header("content-security-policy").unwrap().starts_with("default-src 'none'; "));
    assert!(answer.text.contains("<title>"));
}

#[tokio::test]
async fn the_pages_of_the_playground_have_addresses_that_a_browser_can_open() {
    let tiny = Tiny::new();
    let open = |path: &str, accept: &str| Request::get(path).header("accept", accept).body(Body::empty()).unwrap();
    let page = tiny.send(open("/collections/abc/documents", "text/html, */*;q=0.8")).await;
    assert_eq!((page.status, page.header("content-type")), (StatusCode::OK, Some("text/html; charset=utf-8")));
    for (path, accept) in [("/collections/abc", "application/json"), ("/assets/none.js", "text/html, */*;q=0.8")] {
        assert_eq!(tiny.send(open(path, accept)).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn every_response_has_the_security_headers() {
    let tiny = Tiny::new();
    for path in ["/", "/nowhere", "/graphql?query=%7Bhello%7D", "/health/live", "/schema.graphql"] {
        let answer = tiny.send(Request::get(path).body(Body::empty()).unwrap()).await;
        let rows =
            [("x-content-type-options", "nosniff"), ("x-frame-options", "DENY"), ("referrer-policy", "no-referrer")];
        for (name, value) in rows {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        assert_eq!(answer.header("server"), None);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[tokio::test]
async fn pages_of_other_origins_may_call_only_if_they_are_allowed() {
    let tiny = Tiny::new();
    let rows = [
        ("https://app.example.org", Some("https://app.example.org")),
        ("http://docent.test:8080", Some("http://docent.test:8080")),
        ("https://evil.example", None),
        ("null", None),
    ];
    let failing = Request::get("/graphql?query=%7Bpanic%7D").header("origin", "https://app.example.org");
    let answer = tiny.send(failing.body(Body::empty()).unwrap()).await;
    assert!(answer.headers.contains_key("access-control-allow-origin"), "a page can read why it failed");
    for (origin, allowed) in rows {
        let simple =
            Request::get("/graphql?query=%7Bhello%7D").header("origin", origin).header("host", "docent.test:8080");
        let answer = tiny.send(simple.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.header("access-control-allow-origin"), allowed, "{origin}");
        assert_eq!(answer.header("vary"), Some("origin"));
        let preflight = Request::options("/graphql")
            .header("origin", origin)
            .header("host", "docent.test:8080")
            .header("access-control-request-method", "POST");
        let answer = tiny.send(preflight.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
        assert_eq!(answer.header("access-control-allow-origin"), allowed, "{origin}");
        assert_eq!(answer.headers.contains_key("access-control-allow-headers"), allowed.is_some());
    }
}

#[tokio::test]
async fn pages_of_allowed_origins_may_send_any_header_and_read_what_they_need() {
    let tiny = Tiny::new();
    let preflight = |origin: &str, wanted: Option<&str>| {
        let mut request =
            Request::options("/graphql").header("origin", origin).header("access-control-request-method", "POST");
        if let Some(wanted) = wanted {
            request = request.header("access-control-request-headers", wanted);
        }
        request.body(Body::empty()).unwrap()
    };
    let traced = "authorization,baggage,content-type,sentry-trace,x-apollo-operation-name";
    let answer = tiny.send(preflight("https://app.example.org", Some(traced))).await;
    assert_eq!(answer.header("access-control-allow-headers"), Some(traced));
    let plain = tiny.send(preflight("https://app.example.org", None)).await;
    assert!(plain.header("access-control-allow-headers").unwrap().contains("authorization"));
    let evil = tiny.send(preflight("https://evil.example", Some(traced))).await;
    assert_eq!(evil.header("access-control-allow-headers"), None);

    let simple = Request::get("/graphql?query=%7Bhello%7D").header("origin", "https://app.example.org");
    let answer = tiny.send(simple.body(Body::empty()).unwrap()).await;
    let exposed: Vec<_> = answer.header("access-control-expose-headers").unwrap().split(", ").collect();
    for name in ["content-disposition", "content-range", "etag", "retry-after", "x-request-id"] {
        assert!(exposed.contains(&name), "{name}");
    }
    assert_eq!(answer.header("access-control-allow-credentials"), None);
}

#[tokio::test]
async fn the_schema_is_served_as_text() {
    let tiny = Tiny::new();
    let answer = tiny.send(Request::get("/schema.graphql").body(Body::empty()).unwrap()).await;
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.text, &*tiny.state.schema);
}
