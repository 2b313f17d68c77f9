//! The Model Context Protocol: its messages, and what the tools find.

use std::{fs, path::Path};

use docent::{
    config::{Config, DocumentPolicy, GraphqlConfig, LimitsConfig},
    graphql::manifest::{self, SourceFile},
    http::document_limits,
};
use serde_json::{Value, json};

use crate::{
    on_both_databases,
    support::{
        app::{TestApp, texts},
        caller::{Answer, Caller},
    },
};

const JSON: (&str, &str) = ("content-type", "application/json");

async fn post(caller: &Caller, body: &Value) -> Answer {
    caller.send("POST", "/mcp", &[JSON, ("accept", "application/json, text/event-stream")], body.to_string()).await
}

/// The result of a method.
async fn ask(caller: &Caller, method: &str, params: Value) -> Value {
    let answer = post(caller, &json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })).await;
    assert_eq!(answer.status, 200);
    let mut answer = answer.json();
    assert_eq!((&answer["jsonrpc"], &answer["id"]), (&json!("2.0"), &json!(1)));
    assert!(answer.get("error").is_none(), "{answer:#}");
    answer["result"].take()
}

async fn call(caller: &Caller, tool: &str, arguments: Value) -> Value {
    ask(caller, "tools/call", json!({ "name": tool, "arguments": arguments })).await
}

/// The text and the data of what a tool found.
async fn found(caller: &Caller, tool: &str, arguments: Value) -> (String, Value) {
    let mut result = call(caller, tool, arguments).await;
    assert_eq!(result["isError"], false, "{result:#}");
    (result["content"][0]["text"].as_str().unwrap().to_owned(), result["structuredContent"].take())
}

/// The code with which a tool was refused.
async fn refusal(caller: &Caller, tool: &str, arguments: Value) -> String {
    let result = call(caller, tool, arguments).await;
    assert_eq!(result["isError"], true, "{result:#}");
    let code = result["structuredContent"]["errors"][0]["code"].as_str().unwrap().to_owned();
    assert!(result["content"][0]["text"].as_str().unwrap().starts_with(&code), "{result:#}");
    code
}

async fn tools(caller: &Caller) -> Vec<String> {
    let listed = ask(caller, "tools/list", json!({})).await;
    let names = listed["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap().to_owned());
    names.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_message_is_answered_as_the_protocol_says() {
    let app = TestApp::on_sqlite().await;
    let anonymous = app.anonymous();
    for (asked, agreed) in [("2025-06-18", "2025-06-18"), ("1999-01-01", "2025-11-25")] {
        let params =
            json!({ "protocolVersion": asked, "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
        let result = ask(&anonymous, "initialize", params).await;
        assert_eq!(result["protocolVersion"], agreed);
        assert_eq!(result["serverInfo"]["name"], "docent");
        assert!(result["capabilities"]["tools"].is_object());
    }
    assert_eq!(ask(&anonymous, "ping", json!({})).await, json!({}));

    let notice = post(&anonymous, &json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await;
    assert_eq!((notice.status, notice.body.len()), (202, 0));
    let rows = [
        (json!({ "jsonrpc": "2.0", "id": 1, "method": "resources/list" }), 200, -32601),
        (json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "rm" } }), 200, -32602),
        (
            json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "search", "arguments": [] } }),
            200,
            -32602,
        ),
        (json!([{ "jsonrpc": "2.0", "id": 1, "method": "ping" }]), 400, -32600),
        (json!({ "jsonrpc": "1.0", "id": 1, "method": "ping" }), 400, -32600),
        (json!({ "jsonrpc": "2.0", "id": {}, "method": "ping" }), 400, -32600),
        (json!("ping"), 400, -32600),
    ];
    for (body, status, code) in rows {
        let answer = post(&anonymous, &body).await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (status, &json!(code)), "{body}");
    }
    let broken = anonymous.send("POST", "/mcp", &[JSON], "{").await;
    assert_eq!((broken.status, &broken.json()["error"]["code"]), (400, &json!(-32700)));
}

/// A request of the current revision, with these headers beside its version.
async fn post_current(caller: &Caller, method: &str, params: Value, headers: &[(&str, &str)]) -> Answer {
    let mut params = params;
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let body = json!({ "jsonrpc": "2.0", "id": "a", "method": method, "params": params });
    let headers: Vec<_> = [JSON, ("mcp-protocol-version", "2026-07-28")].iter().chain(headers).copied().collect();
    caller.send("POST", "/mcp", &headers, body.to_string()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_current_revision_needs_no_handshake() {
    let app = TestApp::on_sqlite().await;
    let anonymous = app.anonymous();
    let discovered = post_current(&anonymous, "server/discover", json!({}), &[("mcp-method", "server/discover")]).await;
    let result = &discovered.json()["result"];
    assert_eq!((discovered.status, &result["resultType"]), (200, &json!("complete")));
    assert_eq!(result["supportedVersions"][0], "2026-07-28");
    assert_eq!((&result["cacheScope"], result["ttlMs"].is_u64()), (&json!("private"), true));
    let listed = post_current(&anonymous, "tools/list", json!({}), &[("mcp-method", "tools/list")]).await;
    assert_eq!(listed.json()["result"]["tools"].as_array().unwrap().len(), 4);
    let tool = json!({ "name": "list_collections" });
    let names = [("mcp-method", "tools/call"), ("mcp-name", "list_collections")];
    let called = post_current(&anonymous, "tools/call", tool.clone(), &names).await.json();
    assert_eq!((&called["result"]["resultType"], &called["result"]["isError"]), (&json!("complete"), &json!(false)));

    let refusals = [
        (post_current(&anonymous, "ping", json!({}), &[("mcp-method", "ping")]).await, 404, -32601),
        (post_current(&anonymous, "tools/list", json!({}), &[]).await, 400, -32020),
        (post_current(&anonymous, "tools/list", json!({}), &[("mcp-method", "tools/call")]).await, 400, -32020),
        (post_current(&anonymous, "tools/call", tool, &[names[0], ("mcp-name", "search")]).await, 400, -32020),
    ];
    for (answer, status, code) in refusals {
        let body = answer.json();
        assert_eq!((answer.status, &body["error"]["code"], &body["id"]), (status, &json!(code), &json!("a")), "{body}");
    }
    let plain = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }).to_string();
    for (version, code) in [("2026-07-28", -32602), ("2099-01-01", -32022)] {
        let headers = [JSON, ("mcp-protocol-version", version)];
        let answer = anonymous.send("POST", "/mcp", &headers, plain.clone()).await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (400, &json!(code)), "{version}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_none_is_refused() {
    let app = TestApp::on_sqlite().await;
    let anonymous = app.anonymous();
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }).to_string();
    for method in ["GET", "DELETE", "PUT"] {
        let answer = anonymous.send(method, "/mcp", &[], "").await;
        assert_eq!((answer.status, answer.headers["allow"].to_str().unwrap()), (405, "POST"), "{method}");
    }
    let rows = [
        (vec![("content-type", "text/plain")], 415),
        (vec![JSON, ("origin", "https://evil.example")], 403),
        (vec![JSON, ("mcp-protocol-version", "1999-01-01")], 400),
        (vec![JSON, ("mcp-protocol-version", "2025-06-18")], 200),
    ];
    for (headers, status) in rows {
        assert_eq!(anonymous.send("POST", "/mcp", &headers, ping.clone()).await.status, status, "{headers:?}");
    }
    let many = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping", "params": { "x": vec![0; 60_000] } });
    let refused = post(&anonymous, &many).await;
    assert_eq!(
        (refused.status, refused.json()["errors"][0]["extensions"]["code"].as_str()),
        (413, Some("COST_LIMIT_EXCEEDED"))
    );
    let bad = anonymous.with_token("nonsense").send("POST", "/mcp", &[JSON], ping).await;
    assert_eq!((bad.status, bad.headers["www-authenticate"].to_str().unwrap()), (401, "Bearer"));
}

on_both_databases!(an_assistant_finds_reads_and_cites_what_its_user_may_read);
async fn an_assistant_finds_reads_and_cites_what_its_user_may_read(app: TestApp) {
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let letters = ada.create_collection("Letters").await;
    let text = "# Trams\n\nLine nine runs all night.\n\n# Ferries\n\nThe ferry leaves at noon.";
    ada.ingest_all(&letters, texts(&[("transport.md", text)])).await;

    let (listed, data) = found(&ada, "list_collections", json!({})).await;
    assert!(listed.contains("Letters (1 documents, collectionId "), "{listed}");
    assert_eq!(data["collections"][0]["id"], letters);

    let arguments = json!({ "query": "public transport after midnight", "collectionIds": [letters] });
    let (cited, data) = found(&ada, "search", arguments.clone()).await;
    let hit = &data["hits"][0];
    assert_eq!(hit["uri"], "transport.md");
    assert!(cited.starts_with("[1] ") && cited.contains("(transport.md)") && cited.contains("Line nine"), "{cited}");

    let (read, data) = found(&ada, "get_document", json!({ "documentId": hit["documentId"] })).await;
    assert!(read.contains("Line nine") && read.contains("(transport.md)"), "{read}");
    assert_eq!(data["documentId"], hit["documentId"]);
    let (around, data) = found(&ada, "get_chunk_context", json!({ "chunkId": hit["chunkId"] })).await;
    assert!(around.contains("Line nine") && around.contains("(transport.md)"), "{around}");
    assert_eq!(data["chunkId"], hit["chunkId"]);

    for stranger in [&eve, &app.anonymous()] {
        assert_eq!(refusal(stranger, "search", arguments.clone()).await, "NOT_FOUND");
        assert_eq!(refusal(stranger, "get_document", json!({ "documentId": hit["documentId"] })).await, "NOT_FOUND");
        assert_eq!(refusal(stranger, "get_chunk_context", json!({ "chunkId": hit["chunkId"] })).await, "NOT_FOUND");
        let (nothing, _) = found(stranger, "search", json!({ "query": "trams" })).await;
        assert_eq!(nothing, "Nothing was found.");
    }
}

on_both_databases!(a_text_is_added_by_who_may_and_found_afterwards);
async fn a_text_is_added_by_who_may_and_found_afterwards(app: TestApp) {
    let ada = app.user("ada").await;
    let notes = ada.create_collection("Notes").await;
    let key = async |actions: &str| {
        let create =
            format!("mutation {{ apiKeyCreate(input: {{ name: \"k\", actions: [{actions}] }}) {{ secret }} }}");
        let secret = ada.data(&create, json!({})).await["apiKeyCreate"]["secret"].as_str().unwrap().to_owned();
        ada.with_token(&secret)
    };
    let (reader, writer) =
        (key("COLLECTION_READ").await, key("COLLECTION_READ, DOCUMENT_INGEST, OPERATION_READ").await);
    let reading = ["search", "list_collections", "get_document", "get_chunk_context"];
    assert_eq!(tools(&reader).await, reading);
    assert_eq!(tools(&app.anonymous()).await, reading);
    assert_eq!(tools(&writer).await.last().unwrap(), "ingest_text");
    assert_eq!(tools(&ada).await.len(), 5);

    let arguments = json!({
        "collectionId": notes, "fileName": "harbour.md", "text": "The harbour opens at six.", "uri": "notes/harbour",
    });
    assert_eq!(refusal(&reader, "ingest_text", arguments.clone()).await, "FORBIDDEN");
    let (_, data) = found(&writer, "ingest_text", arguments).await;
    writer.ended(data["operation"]["id"].as_str().unwrap()).await;
    let (cited, _) = found(&reader, "search", json!({ "query": "harbour", "mode": "LEXICAL" })).await;
    assert!(cited.contains("(notes/harbour)") && cited.contains("opens at six"), "{cited}");
    let unnamed = json!({ "collectionId": notes, "fileName": "", "text": "x" });
    let code = refusal(&writer, "ingest_text", unnamed).await;
    assert!(["REQUIRED", "INVALID"].contains(&code.as_str()), "{code}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_arguments_are_explained() {
    let app = TestApp::on_sqlite().await;
    let anonymous = app.anonymous();
    let rows = [
        ("search", json!({})),
        ("search", json!({ "query": null })),
        ("search", json!({ "query": "x", "limit": 3 })),
        ("search", json!({ "query": "x", "first": 1000 })),
        ("get_document", json!({ "documentId": "x", "after": "nonsense" })),
    ];
    for (tool, arguments) in rows {
        let code = refusal(&anonymous, tool, arguments.clone()).await;
        assert!(["BAD_USER_INPUT", "NOT_FOUND"].contains(&code.as_str()), "{arguments}: {code}");
    }
    let wrong_type = refusal(&anonymous, "search", json!({ "query": 7 })).await;
    assert!(["BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"].contains(&wrong_type.as_str()), "{wrong_type}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tools_work_where_only_trusted_documents_are_run() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("manifest.json");
    fs::write(&path, "{}").unwrap();
    let graphql = GraphqlConfig { documents: DocumentPolicy::Trusted, manifest: Some(path) };
    let app = TestApp::start(Config { graphql, ..Config::default() }).await;
    let (listed, _) = found(&app.anonymous(), "list_collections", json!({})).await;
    assert_eq!(listed, "There are no collections that you can read.");
}

#[tokio::test]
async fn the_operations_of_the_tools_fit_the_schema() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/mcp/operations");
    let files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            SourceFile { name: path.display().to_string(), text: fs::read_to_string(path).unwrap() }
        })
        .collect();
    assert_eq!(files.len(), 5);
    manifest::build(&files, &document_limits(&LimitsConfig::default())).await.unwrap();
}
