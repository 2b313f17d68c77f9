//! GraphQL over WebSocket, by real sockets: every rule of `graphql-transport-ws`, and what the server adds to it.

use std::collections::HashSet;

use docent::config::LimitsConfig;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::support::{SECRET, Tiny};
use crate::support::{
    app::PATIENCE,
    socket::{Client, SUBPROTOCOL},
};

/// A server with short times, where a test has to wait for one.
fn hasty() -> Tiny {
    Tiny::with(LimitsConfig {
        websocket_init_seconds: 1,
        websocket_ping_seconds: 1,
        websocket_send_seconds: 1,
        ..LimitsConfig::default()
    })
}

#[tokio::test]
async fn a_subscription_brings_its_events_and_then_completes() {
    let tiny = Tiny::new();
    let mut client = Client::initialised(tiny.listen().await).await;
    client.subscribe("one", "subscription { count(to: 3) }").await;
    for number in 1..=3 {
        assert_eq!(
            client.next().await,
            json!({ "type": "next", "id": "one", "payload": { "data": { "count": number } } })
        );
    }
    assert_eq!(client.next().await, json!({ "type": "complete", "id": "one" }));
}

#[tokio::test]
async fn queries_and_mutations_work_as_well() {
    let tiny = Tiny::new();
    let mut client = Client::initialised(tiny.listen().await).await;
    let payload = json!({ "query": "query A { hello } query B($n: Int!) { double(number: $n) }", "operationName": "B", "variables": { "n": 4 }, "extensions": {} });
    client.send(json!({ "type": "subscribe", "id": "q", "payload": payload })).await;
    let payload = json!({ "data": { "double": 8 }, "extensions": { "cost": { "points": 1 } } });
    assert_eq!(client.next().await, json!({ "type": "next", "id": "q", "payload": payload }));
    assert_eq!(client.next().await, json!({ "type": "complete", "id": "q" }));
    client.subscribe("m", "mutation { touch }").await;
    assert_eq!(client.next().await["payload"]["data"], json!({ "touch": 1 }));
    assert_eq!(client.next().await["type"], "complete");
}

#[tokio::test]
async fn every_breach_of_the_protocol_has_its_code() {
    let tiny = Tiny::new();
    let address = tiny.listen().await;
    let init = json!({ "type": "connection_init" }).to_string();
    let open = json!({ "type": "subscribe", "id": "a", "payload": { "query": "subscription { open }" } }).to_string();
    let text = |value: Value| Message::text(value.to_string());
    let subscribe = |id: &str, payload: Value| text(json!({ "type": "subscribe", "id": id, "payload": payload }));
    // Sent after `connection_init` (unless it is the first), and the code that follows.
    let rows = [
        (false, vec![Message::text(open.clone())], 4401),
        (true, vec![Message::text(init)], 4429),
        (true, vec![Message::text(open.clone()), Message::text(open)], 4409),
        (false, vec![Message::text("")], 4400),
        (false, vec![Message::text("no JSON")], 4400),
        (false, vec![Message::binary(b"{}".to_vec())], 4400),
        (false, vec![text(json!([]))], 4400),
        (false, vec![text(json!({ "payload": {} }))], 4400),
        (false, vec![text(json!({ "type": "an_unknown_type_".repeat(20) }))], 4400),
        (false, vec![text(json!({ "type": "start", "id": "a", "payload": {} }))], 4400),
        (false, vec![text(json!({ "type": "connection_init", "payload": "x" }))], 4400),
        (false, vec![text(json!({ "type": "connection_init", "payload": { "authorization": 1 } }))], 4403),
        (false, vec![text(json!({ "type": "connection_init", "payload": { "headers": "Bearer good" } }))], 4403),
        (false, vec![text(json!({ "type": "connection_init", "payload": { "authToken": "good" } }))], 4403),
        (true, vec![text(json!({ "type": "subscribe", "payload": { "query": "{ hello }" } }))], 4400),
        (true, vec![text(json!({ "type": "complete" }))], 4400),
        (true, vec![subscribe("", json!({ "query": "{ hello }" }))], 4400),
        (true, vec![subscribe("a", json!({}))], 4400),
        (true, vec![subscribe("a", json!({ "query": 1 }))], 4400),
        (true, vec![subscribe("a", json!({ "query": "{ hello }", "variables": [] }))], 4400),
        (true, vec![subscribe("a", json!([]))], 4400),
    ];
    for (initialised, messages, code) in rows {
        let mut client = Client::open(address).await;
        if initialised {
            client.initialise(Value::Null).await;
        }
        let shown = format!("{messages:?}");
        for message in messages {
            client.0.send(message).await.unwrap();
        }
        assert_eq!(client.closed().await.0, code, "{shown}");
    }
}

#[tokio::test]
async fn a_long_reason_is_cut_to_what_a_close_frame_holds() {
    let tiny = Tiny::new();
    let mut client = Client::initialised(tiny.listen().await).await;
    let id = "ü".repeat(100);
    for _ in 0..2 {
        client.subscribe(&id, "subscription { open }").await;
    }
    let (code, reason) = client.closed().await;
    assert_eq!(code, 4409);
    assert!(reason.starts_with("Subscriber for üüü") && reason.len() >= 122, "{reason}");
}

#[tokio::test]
async fn who_does_not_introduce_themselves_in_time_is_sent_away() {
    let tiny = hasty();
    let address = tiny.listen().await;
    assert_eq!(Client::open(address).await.closed().await.0, 4408);
    let mut stuck = Client::open(address).await;
    stuck.send(json!({ "type": "connection_init", "payload": { "authorization": "Bearer stuck" } })).await;
    assert_eq!(stuck.closed().await.0, 4408);
}

#[tokio::test]
async fn the_token_comes_in_the_payload_or_in_the_header() {
    let tiny = Tiny::new();
    let address = tiny.listen().await;
    let good = ("authorization", "Bearer good");
    let bad = ("authorization", "Bearer bad");
    // Header, payload, whether it is accepted, whether the viewer is known.
    let rows = [
        (None, json!({}), true, false),
        (None, Value::Null, true, false),
        (None, json!({ "authorization": "Bearer good" }), true, true),
        (None, json!({ "Authorization": "Bearer good" }), true, true),
        (None, json!({ "headers": { "Authorization": "Bearer good" } }), true, true),
        (None, json!({ "headers": { "authorization": "Bearer good", "traceparent": "00-ab" } }), true, true),
        (None, json!({ "headers": {}, "client": "x" }), true, false),
        (Some(bad), json!({ "headers": { "Authorization": "Bearer good" } }), true, true),
        (None, json!({ "headers": { "Authorization": "Bearer bad" } }), false, false),
        (Some(good), json!({}), true, true),
        (Some(bad), json!({ "authorization": "Bearer good" }), true, true),
        (Some(bad), json!({}), false, false),
        (Some(good), json!({ "authorization": "Bearer bad" }), false, false),
        (None, json!({ "authorization": "good" }), false, false),
    ];
    for (header, payload, accepted, known) in rows {
        let headers: Vec<_> = [SUBPROTOCOL].into_iter().chain(header).collect();
        let mut client = Client::connect(address, &headers).await.unwrap();
        if accepted {
            client.initialise(payload.clone()).await;
            client.subscribe("v", "{ viewer }").await;
            assert_eq!(client.next().await["payload"]["data"]["viewer"].is_string(), known, "{header:?} {payload}");
        } else {
            client.send(json!({ "type": "connection_init", "payload": payload })).await;
            let reason = "Forbidden: The token is not valid. Log in again.".to_owned();
            assert_eq!(client.closed().await, (4403, reason), "{header:?} {payload}");
        }
    }
    let mut down = Client::open(address).await;
    down.send(json!({ "type": "connection_init", "payload": { "authorization": "Bearer down" } })).await;
    assert_eq!(down.closed().await.0, 1013);
}

#[tokio::test]
async fn an_operation_that_cannot_begin_gets_one_error_message() {
    let tiny = Tiny::new();
    let mut client = Client::initialised(tiny.listen().await).await;
    let rows = [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query Q($n: Int!) { hello }", "BAD_USER_INPUT"),
        ("subscription { open count(to: 1) }", "COST_LIMIT_EXCEEDED"),
        ("subscription { refused }", "NOT_FOUND"),
    ];
    for (query, code) in rows {
        client.subscribe("e", query).await;
        let message = client.next().await;
        assert_eq!((&message["type"], &message["id"]), (&json!("error"), &json!("e")), "{query}");
        assert_eq!(message["payload"][0]["extensions"]["code"], code, "{query}: {message}");
        assert!(message["payload"][0]["extensions"]["requestId"].is_string());
    }
    let hashed = json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": "ab" } } });
    client.send(json!({ "type": "subscribe", "id": "e", "payload": hashed })).await;
    let message = client.next().await;
    assert_eq!(message["payload"][0]["message"], "PersistedQueryNotSupported");
    assert_eq!(message["payload"][0]["extensions"]["code"], "PERSISTED_QUERY_NOT_SUPPORTED");
    // Nothing came between, no `complete` either, and the id is free.
    client.subscribe("e", "{ hello }").await;
    assert_eq!(client.next().await["type"], "next");
}

#[tokio::test]
async fn an_event_that_fails_does_not_end_the_subscription() {
    let tiny = Tiny::new();
    let mut client = Client::initialised(tiny.listen().await).await;
    client.subscribe("f", "subscription { faulty }").await;
    assert_eq!(client.next().await["payload"]["data"], json!({ "faulty": 1 }));
    let failed = client.next().await;
    assert_eq!((&failed["type"], &failed["payload"]["data"]), (&json!("next"), &Value::Null));
    assert_eq!(failed["payload"]["errors"][0]["extensions"]["code"], "INTERNAL_SERVER_ERROR");
    assert_eq!(failed["payload"]["errors"][0]["path"], json!(["faulty"]));
    assert!(!failed.to_string().contains(SECRET));
    assert_eq!(client.next().await["payload"], json!({ "data": { "faulty": 3 } }));
    assert_eq!(client.next().await["type"], "complete");
}

#[tokio::test]
async fn a_panic_ends_its_operation_and_not_the_socket() {
    let tiny = Tiny::new();
    let mut client = Client::initialised(tiny.listen().await).await;
    client.subscribe("other", "subscription { open }").await;
    assert_eq!(client.next().await["type"], "next");
    for query in ["subscription { bursting }", "{ panic }"] {
        client.subscribe("p", query).await;
        let message = client.next().await;
        assert_eq!((&message["type"], &message["id"]), (&json!("error"), &json!("p")));
        assert_eq!(message["payload"][0]["extensions"]["code"], "INTERNAL_SERVER_ERROR");
        assert!(!message.to_string().contains(SECRET));
    }
    client.subscribe("q", "{ hello }").await;
    assert_eq!(client.next().await["id"], "q");
}

#[tokio::test]
async fn each_event_has_an_execution_of_its_own() {
    let tiny = Tiny::new();
    let mut client = Client::initialised(tiny.listen().await).await;
    client.subscribe("x", "subscription { execution { a: number b: number } }").await;
    for number in 1..=2 {
        assert_eq!(client.next().await["payload"]["data"]["execution"], json!({ "a": number, "b": number }));
    }
}

#[tokio::test]
async fn complete_stops_a_subscription_and_frees_its_id() {
    let mut tiny = Tiny::new();
    let mut client = Client::initialised(tiny.listen().await).await;
    client.subscribe("s", "subscription { open }").await;
    assert_eq!(client.next().await["type"], "next");
    client.send(json!({ "type": "complete", "id": "s" })).await;
    assert_eq!(timeout(PATIENCE, tiny.dropped.recv()).await.unwrap(), Some("open"));
    client.send(json!({ "type": "complete", "id": "unknown" })).await;
    client.subscribe("s", "{ hello }").await;
    assert_eq!(client.next().await["payload"]["data"]["hello"], "Hello, world!");
}

#[tokio::test]
async fn hanging_up_stops_everything() {
    let mut tiny = Tiny::new();
    let address = tiny.listen().await;
    for polite in [true, false] {
        let mut client = Client::initialised(address).await;
        client.subscribe("s", "subscription { open }").await;
        assert_eq!(client.next().await["type"], "next");
        if polite {
            client.0.close(None).await.unwrap();
            // The close frame is answered; without that the stream would end with an error.
            while let Some(frame) = timeout(PATIENCE, client.0.next()).await.unwrap() {
                frame.unwrap();
            }
        }
        drop(client);
        assert_eq!(timeout(PATIENCE, tiny.dropped.recv()).await.unwrap(), Some("open"));
    }
    tiny.state.sockets.close();
    timeout(PATIENCE, tiny.state.sockets.wait()).await.expect("both places are free again");
}

#[tokio::test]
async fn pings_are_answered() {
    let tiny = Tiny::new();
    let mut client = Client::open(tiny.listen().await).await;
    client.send(json!({ "type": "ping" })).await;
    assert_eq!(client.next().await, json!({ "type": "pong" }));
    client.send(json!({ "type": "ping", "payload": { "n": 1 } })).await;
    assert_eq!(client.next().await, json!({ "type": "pong", "payload": { "n": 1 } }));
    client.send(json!({ "type": "pong" })).await;
    client.0.send(Message::Ping("frame".into())).await.unwrap();
    assert_eq!(client.frame().await, Message::Pong("frame".into()));
}

#[tokio::test]
async fn a_quiet_listener_is_pinged_and_kept() {
    let tiny = hasty();
    let mut client = Client::initialised(tiny.listen().await).await;
    // Four pings take longer than silence is borne; reading answers them.
    for _ in 0..4 {
        assert!(matches!(client.frame().await, Message::Ping(_)));
    }
    client.subscribe("q", "{ hello }").await;
    assert_eq!(client.next().await["type"], "next");
}

#[tokio::test]
async fn a_client_that_does_not_answer_pings_is_given_up() {
    let mut tiny = hasty();
    let mut client = Client::initialised(tiny.listen().await).await;
    client.subscribe("s", "subscription { open }").await;
    assert_eq!(client.next().await["type"], "next");
    assert_eq!(timeout(PATIENCE, tiny.dropped.recv()).await.expect("given up"), Some("open"));
    assert_eq!(client.closed().await.0, 1001);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_given_up() {
    let mut tiny = hasty();
    let mut client = Client::initialised(tiny.listen().await).await;
    client.subscribe("s", "subscription { flood }").await;
    assert_eq!(timeout(PATIENCE, tiny.dropped.recv()).await.expect("given up"), Some("flood"));
    assert_eq!(client.closed().await.0, 1013);
}

#[tokio::test]
async fn operations_of_a_socket_take_turns() {
    let tiny = Tiny::new();
    let mut client = Client::initialised(tiny.listen().await).await;
    for id in ["a", "b", "c"] {
        client.subscribe(id, "subscription { flood }").await;
    }
    client.subscribe("q", "{ hello }").await;
    // Four talk at once: within a few rounds each has been heard, though three would fill the line.
    let mut heard = HashSet::new();
    for _ in 0..400 {
        heard.insert(client.next().await["id"].as_str().unwrap().to_owned());
        if heard.len() == 4 {
            return;
        }
    }
    panic!("only {heard:?} were heard");
}

#[tokio::test]
async fn an_address_without_an_account_has_a_limited_number_of_subscriptions() {
    let tiny = Tiny::with(LimitsConfig { live_operations_per_account: 1, ..LimitsConfig::default() });
    let address = tiny.listen().await;
    let mut first = Client::initialised(address).await;
    first.subscribe("a", "subscription { open }").await;
    assert_eq!(first.next().await["type"], "next");
    let mut second = Client::initialised(address).await;
    second.subscribe("b", "subscription { open }").await;
    let extensions = second.next().await["payload"][0]["extensions"].take();
    assert_eq!(extensions["code"], "COST_LIMIT_EXCEEDED");
    assert_eq!((&extensions["limit"], &extensions["actual"]), (&json!(1), &json!(2)));
    // Queries end by themselves, and so does a subscription that has told everything.
    second.subscribe("q", "{ hello }").await;
    assert_eq!(second.next().await["payload"]["data"]["hello"], "Hello, world!");
    assert_eq!(second.next().await["type"], "complete");
    first.send(json!({ "type": "complete", "id": "a" })).await;
    for id in ["c", "d"] {
        first.subscribe(id, "subscription { count(to: 1) }").await;
        assert_eq!(first.next().await["payload"]["data"]["count"], 1);
        assert_eq!(first.next().await["type"], "complete");
    }
}

#[tokio::test]
async fn a_socket_has_a_limited_number_of_operations() {
    let tiny = Tiny::with(LimitsConfig { websocket_operations: 2, ..LimitsConfig::default() });
    let mut client = Client::initialised(tiny.listen().await).await;
    for id in ["a", "b"] {
        client.subscribe(id, "subscription { open }").await;
        assert_eq!(client.next().await["type"], "next");
    }
    client.subscribe("c", "{ hello }").await;
    let refused = client.next().await;
    let extensions = &refused["payload"][0]["extensions"];
    assert_eq!((&refused["type"], &extensions["code"]), (&json!("error"), &json!("COST_LIMIT_EXCEEDED")));
    assert_eq!((&extensions["limit"], &extensions["actual"]), (&json!(2), &json!(3)));
    client.send(json!({ "type": "complete", "id": "a" })).await;
    client.subscribe("c", "{ hello }").await;
    assert_eq!(client.next().await["type"], "next");
}

#[tokio::test]
async fn the_server_has_a_limited_number_of_sockets() {
    let mut tiny = Tiny::with(LimitsConfig { websocket_connections: 1, ..LimitsConfig::default() });
    let address = tiny.listen().await;
    let mut first = Client::initialised(address).await;
    first.subscribe("s", "subscription { open }").await;
    first.next().await;
    let refused = Client::connect(address, &[SUBPROTOCOL]).await.err();
    assert_eq!(refused, Some((503, "UNAVAILABLE".to_owned(), true)));
    first.0.close(None).await.unwrap();
    assert_eq!(tiny.dropped.recv().await, Some("open"));
    tiny.state.sockets.close();
    timeout(PATIENCE, tiny.state.sockets.wait()).await.expect("the place is free again");
    Client::initialised(address).await;
}

#[tokio::test]
async fn a_message_that_is_too_large_ends_the_socket() {
    let tiny = Tiny::with(LimitsConfig { websocket_message_bytes: 1000, ..LimitsConfig::default() });
    let address = tiny.listen().await;
    let sized = |bytes: usize| {
        let empty = json!({ "type": "ping", "payload": { "x": "" } }).to_string().len();
        json!({ "type": "ping", "payload": { "x": "x".repeat(bytes - empty) } })
    };
    let mut client = Client::open(address).await;
    client.send(sized(1000)).await;
    assert_eq!(client.next().await["type"], "pong");
    client.send(sized(1001)).await;
    assert_eq!(client.closed().await.0, 1009);
    let mut client = Client::open(address).await;
    client.send(sized(5000)).await;
    assert_eq!(client.closed().await.0, 4400);
}

#[tokio::test]
async fn the_end_of_a_token_is_the_end_of_its_socket() {
    let tiny = Tiny::new();
    let address = tiny.listen().await;
    // By the timer that was set for the end.
    let mut brief = Client::open(address).await;
    brief.initialise(json!({ "authorization": "Bearer brief" })).await;
    // By the next thing that is asked.
    let mut short = Client::open(address).await;
    short.initialise(json!({ "authorization": "Bearer short" })).await;
    short.subscribe("q", "{ hello }").await;
    assert_eq!(short.next().await["type"], "next");
    assert_eq!(short.next().await["type"], "complete");

    tiny.clock.advance(61);
    assert_eq!(brief.closed().await, (4403, "Forbidden: the token expired.".to_owned()));
    short.subscribe("q", "{ hello }").await;
    assert_eq!(short.closed().await.0, 4403);
}

#[tokio::test]
async fn at_shutdown_every_socket_is_told() {
    let tiny = Tiny::new();
    let address = tiny.listen().await;
    let mut busy = Client::initialised(address).await;
    busy.subscribe("s", "subscription { open }").await;
    busy.next().await;
    let idle = Client::open(address).await;
    tiny.state.shutdown.cancel();
    assert_eq!(busy.closed().await.0, 1001);
    assert_eq!(idle.closed().await.0, 1001);
    tiny.state.sockets.close();
    timeout(PATIENCE, tiny.state.sockets.wait()).await.expect("nobody is left");
    assert_eq!(Client::connect(address, &[SUBPROTOCOL]).await.err().map(|refusal| refusal.0), Some(503));
}

#[tokio::test]
async fn only_the_current_subprotocol_is_spoken() {
    let tiny = Tiny::new();
    let address = tiny.listen().await;
    for offered in ["graphql-ws", "soap, graphql-ws"] {
        let refused = Client::connect(address, &[("sec-websocket-protocol", offered)]).await.err();
        assert_eq!(refused, Some((400, "BAD_USER_INPUT".to_owned(), false)), "{offered}");
    }
    assert_eq!(Client::connect(address, &[]).await.err().map(|refusal| refusal.0), Some(400));
    let both = [("sec-websocket-protocol", "graphql-ws, graphql-transport-ws")];
    Client::connect(address, &both).await.unwrap().initialise(json!({})).await;
}

#[tokio::test]
async fn pages_of_other_origins_get_no_socket() {
    let tiny = Tiny::new();
    let address = tiny.listen().await;
    let own = format!("http://{address}");
    let rows = [
        (&*own, None),
        ("https://app.example.org", None),
        ("https://evil.example", Some(403)),
        ("http://127.0.0.1:1", Some(403)),
        ("null", Some(403)),
    ];
    for (origin, refused) in rows {
        let answer = Client::connect(address, &[SUBPROTOCOL, ("origin", origin)]).await;
        assert_eq!(answer.err().map(|refusal| refusal.0), refused, "{origin}");
    }
}

#[tokio::test]
async fn an_upgrade_that_is_none_is_a_bad_request() {
    let tiny = Tiny::new();
    let request = axum::http::Request::get("/graphql").header("upgrade", "websocket");
    let answer = tiny.send(request.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "BAD_USER_INPUT"));
}
