//! By which names the server may be called, and what a page gets that has pointed its own at it.

use axum::{body::Body, http::Request};
use serde_json::json;

use super::support::{Answer, Tiny};
use crate::support::socket::{Client, SUBPROTOCOL};

/// A query as the page of `host` sends it, which takes the server for its own origin.
async fn ask_as_page_of(tiny: &Tiny, host: &str) -> Answer {
    let request = Request::post("/graphql")
        .header("host", host)
        .header("origin", format!("http://{host}"))
        .header("content-type", "application/json")
        .body(Body::from(json!({ "query": "mutation { touch }" }).to_string()));
    tiny.send(request.unwrap()).await
}

#[tokio::test]
async fn a_page_that_points_its_name_at_the_server_gets_nothing_from_it() {
    let tiny = Tiny::new();
    for host in ["evil.example", "evil.example:8080", "docent.test.evil.example", "10.0.0.1:8080"] {
        let answer = ask_as_page_of(&tiny, host).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (421, "FORBIDDEN"), "{host}");
        assert!(answer.message().contains("http.public_hosts"), "{}", answer.text);
        assert_eq!(answer.header("access-control-allow-origin"), None, "{host}");
        for path in ["/", "/graphql?query=%7Bhello%7D", "/schema.graphql", "/health/ready", "/nowhere"] {
            let request = Request::get(path).header("host", host).body(Body::empty()).unwrap();
            assert_eq!(tiny.send(request).await.status.as_u16(), 421, "{host} {path}");
        }
    }
    assert_eq!(tiny.probe.mutations.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn pages_of_the_servers_own_names_are_served() {
    let tiny = Tiny::new();
    for host in ["docent.test", "docent.test:8443", "localhost:8080", "127.0.0.1:8080", "[::1]:8080"] {
        let answer = ask_as_page_of(&tiny, host).await;
        assert_eq!(answer.status.as_u16(), 200, "{host}: {}", answer.text);
        assert_eq!(answer.header("access-control-allow-origin"), Some(&*format!("http://{host}")));
    }
}

#[tokio::test]
async fn a_host_that_is_none_is_a_bad_request() {
    let tiny = Tiny::new();
    for host in ["", "evil.example@docent.test", "docent.test/", "doc ent"] {
        let request = Request::get("/health/live").header("host", host).body(Body::empty()).unwrap();
        let answer = tiny.send(request).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "BAD_USER_INPUT"), "{host:?}");
    }
    let twice = Request::get("/health/live").header("host", "docent.test").header("host", "evil.example");
    assert_eq!(tiny.send(twice.body(Body::empty()).unwrap()).await.status.as_u16(), 400);
    let none = Request::get("/health/live").body(Body::empty()).unwrap();
    assert_eq!(tiny.send(none).await.status.as_u16(), 200, "no browser leaves it out");
}

#[tokio::test]
async fn a_page_that_points_its_name_at_the_server_gets_no_socket() {
    let tiny = Tiny::new();
    let address = tiny.listen().await;
    let own = format!("http://{address}");
    assert!(Client::connect(address, &[SUBPROTOCOL, ("origin", own.as_str())]).await.is_ok());
    let origin = format!("http://evil.example:{}", address.port());
    let evil = format!("evil.example:{}", address.port());
    let refused = Client::connect_as(&evil, address, &[SUBPROTOCOL, ("origin", origin.as_str())]).await.err();
    assert_eq!(refused.map(|(status, code, _)| (status, code)), Some((421, "FORBIDDEN".to_owned())));
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_name_that_it_was_called_by_counts_as_well() {
    let mut tiny = Tiny::new();
    let forwarded = |host: &str, forwarded: &str| {
        Request::get("/graphql?query=%7Bhello%7D")
            .header("host", host)
            .header("x-forwarded-host", forwarded)
            .header("origin", "https://docent.test")
            .body(Body::empty())
            .unwrap()
    };
    let rows = [
        ("127.0.0.1:8080", "docent.test", 200, true),
        ("127.0.0.1:8080", "evil.example", 421, false),
        ("127.0.0.1:8080", "docent.test, evil.example", 421, false),
        ("evil.example", "docent.test", 421, true),
    ];
    // A page can send that header too, so it is ignored from untrusted clients.
    let answer = tiny.send(forwarded("127.0.0.1:8080", "docent.test")).await;
    assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (200, None));
    tiny.state.http.trust_forwarded_for = true;
    for (host, name, status, is_own) in rows {
        let answer = tiny.send(forwarded(host, name)).await;
        assert_eq!(answer.status.as_u16(), status, "{host} {name}");
        assert_eq!(answer.headers.contains_key("access-control-allow-origin"), is_own, "{host} {name}");
    }
}
