//! Collections that follow a site.

use std::{sync::Arc, time::Duration};

use docent::config::Config;
use serde_json::{Value, json};

use super::behind::{count, execute, idle};
use crate::support::{
    app::{PATIENCE, TestApp},
    caller::Caller,
    process::Server,
    site::{Reply, Site, TestNames, Trap},
};

const RUN: &str = "found added changed unchanged removed failed skipped error operation { id status errorMessage }";

/// An application that may read a site on this machine.
struct World {
    app: TestApp,
    ada: Caller,
    collection: String,
    site: Site,
}

impl World {
    async fn new(on_postgres: bool) -> Self {
        let mut config = Config::default();
        config.sources.web_hosts = vec!["localhost".to_owned()];
        config.sources.web_requests_per_minute = 60_000;
        config.sources.web_timeout_seconds = 2;
        let app = TestApp::with_names(config, on_postgres, Arc::new(TestNames::default())).await;
        let ada = app.user("ada").await;
        let collection = ada.create_collection("Harbour").await;
        Self { app, ada, collection, site: Site::open().await }
    }

    /// Sets pages of the site, whose links are given.
    fn pages(&self, pages: &[(&str, &str, &[&str])]) {
        for (path, text, links) in pages {
            let links: Vec<_> = links.iter().map(|link| format!("<a href='{link}'>more</a>")).collect();
            self.site.set(path, Reply::page(&format!("<!doctype html><p>{text}</p>{}", links.concat())));
        }
    }

    fn input(&self, start: &Value, more: &Value) -> Value {
        let mut web = json!({ "start": start, "requestsPerMinute": 60_000 });
        let mut input = json!({ "collectionId": self.collection, "name": "Pages", "onVanish": { "action": "DELETE" } });
        for (name, value) in more.as_object().cloned().unwrap_or_default() {
            let place = if input.get(&name).is_some() || name.starts_with("sync") { &mut input } else { &mut web };
            place[name] = value;
        }
        input["location"] = json!({ "web": web });
        input
    }

    async fn create(&self, start: Value, more: Value) -> Value {
        let create = "mutation($input: SourceCreateInput!) {
            sourceCreate(input: $input) { source { id } operation { id } userErrors { code message path } }
        }";
        let input = self.input(&start, &more);
        self.ada.data(create, json!({ "input": input })).await["sourceCreate"].take()
    }

    /// A source that has been synced once.
    async fn synced(&self, start: Value, more: Value) -> String {
        let created = self.create(start, more).await;
        self.ended(&created["operation"]["id"]).await;
        created["source"]["id"].as_str().unwrap_or_else(|| panic!("{created:#}")).to_owned()
    }

    async fn ended(&self, operation: &Value) -> Value {
        let ended = self.ada.ended(operation.as_str().unwrap_or_else(|| panic!("{operation:#}"))).await;
        idle(&self.app).await;
        ended
    }

    async fn sync(&self, source: &str) -> Value {
        let sync = "mutation($input: SourceSyncInput!) {
            sourceSync(input: $input) { operation { id } userErrors { code message } }
        }";
        let payload = self.ada.data(sync, json!({ "input": { "id": source } })).await["sourceSync"].take();
        self.ended(&payload["operation"]["id"]).await;
        self.last_run(source).await
    }

    async fn last_run(&self, source: &str) -> Value {
        let query = format!("query($id: ID!) {{ node(id: $id) {{ ... on Source {{ lastRun {{ {RUN} }} }} }} }}");
        self.ada.data(&query, json!({ "id": source })).await["node"]["lastRun"].take()
    }

    /// The paths of the documents.
    async fn paths(&self) -> Vec<String> {
        let query = "query($id: ID!) { collection(id: $id) { documents(first: 100) { nodes { uri status } } } }";
        let found = self.ada.data(query, json!({ "id": self.collection })).await;
        let nodes = found["collection"]["documents"]["nodes"].as_array().unwrap();
        let path = |node: &Value| node["uri"].as_str().unwrap().replace(&self.site.url(""), "");
        let mut paths: Vec<_> = nodes.iter().map(path).collect();
        paths.sort();
        paths
    }

    async fn preview(&self, start: Value, more: Value) -> Value {
        let preview = "query($input: SourcePreviewInput!) { sourcePreview(input: $input) {
            found added { count uris } removed { count } skipped { path reason } isComplete
        } }";
        let location = self.input(&start, &more)["location"].take();
        let input = json!({ "location": { "collectionId": self.collection, "location": location } });
        self.ada.data(preview, json!({ "input": input })).await["sourcePreview"].take()
    }
}

/// The numbers of a run: found, added, changed, unchanged, removed, failed.
fn numbers(run: &Value) -> [i64; 6] {
    ["found", "added", "changed", "unchanged", "removed", "failed"].map(|name| run[name].as_i64().unwrap())
}

fn statuses(answered: &[(String, u16)]) -> Vec<(&str, u16)> {
    answered.iter().map(|(path, status)| (path.as_str(), *status)).collect()
}

async fn follows(on_postgres: bool) {
    let world = World::new(on_postgres).await;
    world.site.set("/robots.txt", Reply::of("text/plain", b"User-agent: docent\nDisallow: /docs/secret".to_vec()));
    world.pages(&[
        (
            "/docs/",
            "The ferry waits.",
            &["tram.html#here", "secret.html", "/elsewhere", "http://other.test/", "mailto:x"],
        ),
        ("/docs/tram.html", "The tram waits.", &["/docs/", "deep/quay.html"]),
        ("/docs/deep/quay.html", "The quay is wet.", &["too/deep.html"]),
        ("/docs/deep/too/deep.html", "Nobody reads this.", &[]),
        ("/docs/secret.html", "Nobody reads this.", &[]),
        ("/elsewhere", "Nobody reads this.", &[]),
    ]);
    let start = json!({ "page": { "url": world.site.url("/docs/"), "depth": 2 } });
    let source = world.synced(start, json!({})).await;
    let run = world.last_run(&source).await;
    assert_eq!((numbers(&run), &run["skipped"]), ([3, 3, 0, 0, 0, 0], &json!(1)), "{run:#}");
    assert_eq!(world.paths().await, ["/docs/", "/docs/deep/quay.html", "/docs/tram.html"]);
    let hits = world.ada.search(json!({ "query": "quay", "mode": "LEXICAL" })).await;
    assert_eq!(hits["nodes"].as_array().unwrap().len(), 1, "{hits:#}");
    let answered = world.site.answered();
    let whole = [("/docs/", 200_u16), ("/docs/deep/quay.html", 200), ("/docs/tram.html", 200), ("/robots.txt", 200)];
    assert_eq!(statuses(&answered), whole);

    // Nothing is sent again. The links are those of what is stored.
    let run = world.sync(&source).await;
    assert_eq!(numbers(&run), [3, 0, 0, 3, 0, 0], "{run:#}");
    let answered = world.site.answered();
    let unchanged =
        [("/docs/", 304_u16), ("/docs/deep/quay.html", 304), ("/docs/tram.html", 304), ("/robots.txt", 200)];
    assert_eq!(statuses(&answered), unchanged);

    world.pages(&[
        ("/docs/tram.html", "The tram has left.", &["/docs/", "ferry.html"]),
        ("/docs/ferry.html", "Late.", &[]),
    ]);
    world.site.remove("/docs/deep/quay.html");
    let run = world.sync(&source).await;
    assert_eq!(numbers(&run), [3, 1, 1, 1, 1, 0], "{run:#}");
    assert_eq!(world.paths().await, ["/docs/", "/docs/ferry.html", "/docs/tram.html"]);
}

mod a_collection_follows_a_site {
    #[tokio::test(flavor = "multi_thread")]
    async fn on_sqlite() {
        super::follows(false).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn on_postgres() {
        super::follows(true).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sitemaps_and_lists_of_urls_name_their_pages() {
    let world = World::new(false).await;
    world.pages(&[
        ("/a", "The ferry waits.", &["/c"]),
        ("/b?x=1&y", "The tram waits.", &[]),
        ("/c", "Nobody reads this.", &[]),
    ]);
    let index = format!("<sitemapindex><sitemap><loc>{}</loc></sitemap></sitemapindex>", world.site.url("/deep/1.xml"));
    let pages = ["/a", "/b?x=1&amp;y"].map(|path| format!("<url><loc>{}</loc></url>", world.site.url(path))).concat();
    let other = "<url><loc>http://other.test/</loc></url>";
    world.site.set("/sitemap.xml", Reply::of("application/xml", index.into_bytes()));
    world
        .site
        .set("/deep/1.xml", Reply::of("application/xml", format!("<urlset>{pages}{other}</urlset>").into_bytes()));
    let source = world.synced(json!({ "sitemap": world.site.url("/sitemap.xml") }), json!({ "name": "Map" })).await;
    assert_eq!(numbers(&world.last_run(&source).await), [2, 2, 0, 0, 0, 0]);
    assert_eq!(world.paths().await, ["/a", "/b?x=1&y"]);

    // A page that has moved is known by its new URL.
    world.site.set("/old", Reply::redirect("/new"));
    world.pages(&[("/new", "The harbour sleeps.", &["/c"])]);
    let urls = json!({ "urls": [world.site.url("/old"), world.site.url("/gone")] });
    let source = world.synced(urls, json!({ "name": "List" })).await;
    assert_eq!(numbers(&world.last_run(&source).await), [1, 1, 0, 0, 0, 0]);
    assert_eq!(world.paths().await, ["/a", "/b?x=1&y", "/new"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_connects_to_an_internal_address() {
    let (world, trap) = (World::new(false).await, Trap::set().await);
    let literal = [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0x7f.1",
        "127.1",
        "127.0.0.1.",
        "0.0.0.0",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:7f00:0001]",
        "[64:ff9b::7f00:1]",
        "①②⑦.0.0.1",
    ];
    let named = ["inside.test", "mapped.test", "rebind.test", "INSIDE.test."];
    let at_trap = |host: &str| format!("http://{host}:{}/", trap.port);
    for host in literal {
        for start in [json!({ "urls": [at_trap(host)] }), json!({ "page": { "url": at_trap(host) } })] {
            let created = world.create(start, json!({})).await;
            assert_eq!(created["source"], Value::Null, "{host}");
            assert!(created["userErrors"][0]["message"].as_str().unwrap().contains("sources.web_hosts"), "{created:#}");
        }
    }
    // Redirects, links and sitemaps lead there, for pages and for robots.txt.
    let mut urls = Vec::new();
    for (index, host) in literal.into_iter().chain(named).enumerate() {
        world.site.set(&format!("/{index}"), Reply::redirect(&at_trap(host)));
        urls.push(world.site.url(&format!("/{index}")));
    }
    urls.extend(named.map(at_trap));
    let links: Vec<_> = literal.into_iter().chain(named).map(at_trap).collect();
    let links: Vec<_> = links.iter().map(String::as_str).collect();
    world.pages(&[("/start", "The ferry waits.", &links)]);
    let sitemap = links.iter().map(|link| format!("<sitemap><loc>{link}</loc></sitemap>")).collect::<Vec<_>>().concat();
    world.site.set("/sitemap.xml", Reply::of("application/xml", sitemap.into_bytes()));
    world.site.set("/robots.txt", Reply::redirect(&at_trap("inside.test")));
    let robots = world.synced(json!({ "urls": [world.site.url("/start")] }), json!({ "name": "Robots" })).await;
    assert_eq!(numbers(&world.last_run(&robots).await)[1], 0, "its rules lead to an internal address");
    world.site.remove("/robots.txt");

    let listed = world.synced(json!({ "urls": urls.clone() }), json!({ "name": "Listed" })).await;
    let run = world.last_run(&listed).await;
    assert_eq!(run["found"], 0, "{run:#}");
    // Most of the addresses are one, however they are written: ten are left out. That which is bound anew is there twice, and is
    // first looked for at the public address that its name had before.
    assert_eq!(run["skipped"].as_i64().unwrap() + run["failed"].as_i64().unwrap(), 11, "{run:#}");
    world.synced(json!({ "page": { "url": world.site.url("/start") } }), json!({ "name": "Links" })).await;
    world.synced(json!({ "sitemap": world.site.url("/sitemap.xml") }), json!({ "name": "Map" })).await;
    world.preview(json!({ "urls": urls }), json!({})).await;
    assert_eq!(trap.connections(), 0);
    assert_eq!(world.paths().await, ["/start"]);

    // It counts.
    tokio::net::TcpStream::connect(("127.0.0.1", trap.port)).await.unwrap();
    while trap.connections() == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_does_not_answer_is_not_gone_and_neither_is_a_site() {
    let world = World::new(false).await;
    world.pages(&[
        ("/", "The ferry waits.", &["/a"]),
        ("/a", "The tram waits.", &["/b"]),
        ("/b", "The quay is wet.", &[]),
    ]);
    let source = world.synced(json!({ "page": { "url": world.site.url("/") } }), json!({})).await;
    assert_eq!(world.paths().await, ["/", "/a", "/b"]);

    // What it led to is found through what is stored of it.
    world.site.set("/a", Reply::status(503));
    let run = world.sync(&source).await;
    assert_eq!(numbers(&run), [2, 0, 0, 2, 0, 1], "{run:#}");

    world.site.set("/", Reply::status(500));
    let run = world.sync(&source).await;
    assert_eq!(run["operation"]["status"], "FAILED", "{run:#}");
    assert!(run["error"].as_str().unwrap().contains("500"), "{run:#}");
    world.site.set("/robots.txt", Reply::status(502));
    assert!(world.sync(&source).await["error"].as_str().unwrap().contains("robots.txt"));
    assert_eq!(world.paths().await, ["/", "/a", "/b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_leads_elsewhere_for_now_is_not_gone() {
    let world = World::new(false).await;
    let paths = ["/a", "/b", "/c", "/d"];
    for path in paths {
        world.pages(&[(path, &format!("The ferry waits at {path}."), &[])]);
    }
    let listed = paths.map(|path| format!("<url><loc>{}</loc></url>", world.site.url(path))).concat();
    let sitemap = format!("<urlset>{listed}</urlset>");
    world.site.set("/sitemap.xml", Reply::of("application/xml", sitemap.into_bytes()));
    let source = world.synced(json!({ "sitemap": world.site.url("/sitemap.xml") }), json!({})).await;
    assert_eq!(world.paths().await, paths);

    // To where one logs in, on another host and on the same.
    for target in ["http://other.test/login", "/login"] {
        world.site.set("/a", Reply::redirect(target));
        let run = world.sync(&source).await;
        assert_eq!((&run["found"], &run["removed"]), (&json!(3), &json!(0)), "{run:#}");
        assert_eq!(world.paths().await, paths, "{target}");
    }
    // What it leads to is known from what is stored of it.
    let name = json!({ "name": "Start" });
    world.pages(&[("/start/", "The harbour sleeps.", &["one"]), ("/start/one", "The quay is wet.", &[])]);
    let page = world.synced(json!({ "page": { "url": world.site.url("/start/") } }), name).await;
    world.site.set("/start/", Reply::redirect("/start/login"));
    world.pages(&[("/start/login", "Log in.", &[])]);
    let run = world.sync(&page).await;
    assert_eq!(numbers(&run), [2, 1, 0, 1, 0, 0], "{run:#}");
    // It has moved for good.
    world.site.set("/a", Reply::status(301).with("location", "/b".to_owned()));
    let run = world.sync(&source).await;
    assert_eq!((&run["found"], &run["removed"]), (&json!(3), &json!(1)), "{run:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_urls_whose_hosts_have_internal_addresses_for_now_deletes_nothing() {
    let world = World::new(false).await;
    world.pages(&[("/a", "The ferry waits.", &[]), ("/b", "The tram waits.", &[]), ("/c", "The quay is wet.", &[])]);
    let urls = ["/a", "/b", "/c"].map(|path| world.site.url(path));
    let source = world.synced(json!({ "urls": urls }), json!({})).await;
    // As if the third had been read at a host that was open then.
    let (open, closed) = (format!("localhost:{}/c", world.site.port), format!("inside.test:{}/c", world.site.port));
    for (table, column) in [("documents", "uri"), ("source_files", "uri"), ("sources", "location")] {
        let change = format!("UPDATE {table} SET {column} = replace({column}, '{open}', '{closed}')");
        execute(&world.app, &change).await;
    }
    let run = world.sync(&source).await;
    assert_eq!(numbers(&run), [2, 0, 0, 2, 0, 0], "{run:#}");
    assert_eq!(world.paths().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sitemap_that_was_sent_in_part_deletes_nothing() {
    let world = World::new(false).await;
    let paths = ["/a", "/b", "/c", "/d"];
    for path in paths {
        world.pages(&[(path, &format!("The ferry waits at {path}."), &[])]);
    }
    let listed = |paths: &[&str], end: &str| {
        let pages = paths.iter().map(|path| format!("<url><loc>{}</loc></url>", world.site.url(path)));
        Reply::of("application/xml", format!("<urlset>{}{end}", pages.collect::<String>()).into_bytes())
    };
    world.site.set("/sitemap.xml", listed(&paths, "</urlset>"));
    let source = world.synced(json!({ "sitemap": world.site.url("/sitemap.xml") }), json!({})).await;
    assert_eq!(world.paths().await, paths);

    world.site.set("/sitemap.xml", listed(&paths[..3], "<url><loc>http"));
    let run = world.sync(&source).await;
    assert_eq!(numbers(&run), [3, 0, 0, 3, 0, 1], "{run:#}");
    assert_eq!(world.paths().await, paths);
    world.site.set("/sitemap.xml", listed(&paths[..3], "</urlset>"));
    assert_eq!(numbers(&world.sync(&source).await), [3, 0, 0, 3, 1, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limits_of_a_source_hold() {
    let world = World::new(false).await;
    world.pages(&[
        ("/", "The ferry waits.", &["/big", "/a", "/drafts/b", "/logo", "/c"]),
        ("/a", "The tram waits.", &[]),
    ]);
    world.pages(&[("/drafts/b", "Nobody reads this.", &[]), ("/c", "The quay is wet.", &[])]);
    world.site.set("/big", Reply::page(&"x".repeat(3000)));
    world.site.set("/logo", Reply::of("image/png", vec![1, 2, 3]));
    let start = json!({ "page": { "url": world.site.url("/") } });
    // What is too long to be a page is not even remembered.
    let (base, target) = ("x".repeat(1960), "y".repeat(20));
    let long = format!("<base href='/{base}/'>{}", format!("<a href={target}>").repeat(20));
    world.site.set("/long", Reply::page(&format!("<p>The islands are far.</p>{long}")));
    let found = world.preview(json!({ "page": { "url": world.site.url("/long") } }), json!({})).await;
    assert_eq!((&found["found"], &found["skipped"]), (&json!(1), &json!([])), "{found:#}");
    world.site.answered();
    let limits = json!({ "maxFileBytes": "2000", "exclude": ["drafts"] });
    let found = world.preview(start.clone(), limits.clone()).await;
    let skipped: Vec<_> = found["skipped"].as_array().unwrap().iter().map(|skipped| &skipped["reason"]).collect();
    assert_eq!(skipped, ["EXCLUDED", "TOO_LARGE", "NOT_TEXT"], "{found:#}");
    assert_eq!((&found["found"], &found["isComplete"]), (&json!(3), &json!(true)));
    assert!(!world.site.answered().iter().any(|(path, _)| path == "/drafts/b"), "what is excluded is not requested");
    assert_eq!(count(&world.app, "SELECT COUNT(*) FROM documents").await, 0);

    let mut few = limits;
    few["maxPages"] = json!(3);
    let source = world.synced(start, few).await;
    let run = world.last_run(&source).await;
    assert_eq!(numbers(&run), [2, 2, 0, 0, 0, 0], "{run:#}");
    assert!(run["error"].as_str().unwrap().contains("maxPages"), "{run:#}");
    assert_eq!(run["operation"]["status"], "COMPLETED");

    for (url, words) in [("ftp://a.test/", "http://"), ("http://ada:secret@a.test/", "password"), ("nonsense", "URL")] {
        let created = world.create(json!({ "urls": [url] }), json!({})).await;
        assert_eq!(created["userErrors"][0]["path"], json!(["location", "web", "start", "urls", "0"]), "{created:#}");
        assert!(created["userErrors"][0]["message"].as_str().unwrap().contains(words), "{created:#}");
    }
    for (field, value) in
        [("maxPages", json!(0)), ("requestsPerMinute", json!(60_001)), ("maxFileBytes", json!("99999999"))]
    {
        let created = world.create(json!({ "urls": ["http://a.test/"] }), json!({ field: value })).await;
        assert_eq!(created["userErrors"][0]["path"], json!(["location", "web", field]), "{created:#}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_of_a_site_goes_on_after_the_death_of_the_process() {
    let (site, data) = (Site::open().await, tempfile::tempdir().unwrap());
    site.set("/", Reply::page("<p>The ferry waits.</p><a href=/a>more</a>"));
    site.set("/a", Reply::page("<p>The tram waits.</p>"));
    let settings =
        [("DOCENT__SOURCES__WEB_HOSTS", "[\"localhost\"]"), ("DOCENT__SOURCES__WEB_REQUESTS_PER_MINUTE", "60000")];
    let dying = [settings[0], settings[1], ("FAILPOINTS", "sync-page-accepted=1*return(abort)")];
    let mut server = Server::start(data.path(), &dying).await;
    server.log_in("ada").await;
    let collection = server.create_collection(json!({ "name": "Harbour" })).await;
    let create = "mutation($input: SourceCreateInput!) { sourceCreate(input: $input) { userErrors { message } } }";
    let web = json!({ "start": { "page": { "url": site.url("/") } }, "requestsPerMinute": 60_000 });
    let input = json!({ "collectionId": collection, "name": "Pages", "location": { "web": web } });
    server.graphql(create, json!({ "input": input })).await;
    server.died().await;
    let sent = site.answered();
    assert_eq!(statuses(&sent), [("/", 200_u16), ("/a", 200), ("/robots.txt", 404)]);

    let server = server.restart(data.path(), &settings).await;
    let query = "{ collections(first: 1) { nodes {
        sources(first: 1) { nodes { status lastRun { found added unchanged removed failed operation { status } } } }
    } } }";
    let deadline = std::time::Instant::now() + PATIENCE;
    let run = loop {
        let mut data = server.data(query, json!({})).await;
        let source = &mut data["collections"]["nodes"][0]["sources"]["nodes"][0];
        if source["status"] == "IDLE" && source["lastRun"]["operation"]["status"] == "COMPLETED" {
            break source["lastRun"].take();
        }
        assert!(std::time::Instant::now() < deadline, "the source does not come to rest: {data:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let counts = ["found", "added", "unchanged", "removed", "failed"].map(|name| run[name].as_i64().unwrap());
    assert_eq!(counts, [2, 2, 0, 0, 0], "{run:#}");
    let sent = site.answered();
    assert_eq!(statuses(&sent), [("/", 304_u16), ("/a", 304), ("/robots.txt", 404)]);
    server.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_read_does_not_wait_for_those_that_are_slow_or_missing() {
    let world = World::new(false).await;
    let paths: Vec<_> = (0..100).map(|index| format!("/{index}")).collect();
    let links: Vec<_> = paths.iter().map(String::as_str).collect();
    world.pages(&[("/", "The ferry waits.", &links)]);
    let start = json!({ "page": { "url": world.site.url("/") } });
    let created = world.create(start, json!({ "requestsPerMinute": 60 })).await;
    let deadline = std::time::Instant::now() + Duration::from_secs(40);
    while world.paths().await.is_empty() {
        assert!(std::time::Instant::now() < deadline, "the page is not accepted while others are missing");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(world.site.answered().len() < 60, "the page has waited for all others");
    let cancel = "mutation($id: ID!) { operationCancel(input: { operationId: $id }) { userErrors { code } } }";
    world.ada.data(cancel, json!({ "id": created["operation"]["id"] })).await;
    world.ended(&created["operation"]["id"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_site_can_be_cancelled() {
    let world = World::new(false).await;
    let paths: Vec<_> = (0..100).map(|index| format!("/{index}")).collect();
    let links: Vec<_> = paths.iter().map(String::as_str).collect();
    world.pages(&[("/", "The ferry waits.", &links)]);
    let start = json!({ "page": { "url": world.site.url("/") } });
    let created = world.create(start, json!({ "requestsPerMinute": 60 })).await;
    let operation = &created["operation"]["id"];
    let deadline = std::time::Instant::now() + PATIENCE;
    while world.site.answered().is_empty() {
        assert!(std::time::Instant::now() < deadline, "the site is not read");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let cancel = "mutation($id: ID!) { operationCancel(input: { operationId: $id }) { userErrors { code } } }";
    world.ada.data(cancel, json!({ "id": operation })).await;
    assert_eq!(world.ended(operation).await["status"], "CANCELLED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_previews_of_a_caller_are_made_one_after_the_other() {
    let world = World::new(false).await;
    world.pages(&[("/a", "The ferry waits.", &[]), ("/b", "The tram leaves.", &[])]);
    world.site.be_slow();
    let preview = |path: &str| world.preview(json!({ "urls": [world.site.url(path)] }), json!({}));
    let (first, second) = tokio::join!(preview("/a"), preview("/b"));
    assert_eq!((&first["found"], &second["found"]), (&json!(1), &json!(1)));
    assert_eq!(world.site.most_at_once(), 1);
}
