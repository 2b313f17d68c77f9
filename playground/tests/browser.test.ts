/** The main job in a real browser, done as a person would. The tests build on each other. */
import { existsSync } from "node:fs";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Browser, type Page, chromium } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type RunningServer, startServer } from "./server";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const PATIENCE = { timeout: 30_000 };

const username = `reader-${Date.now().toString(36)}`;
const password = "correct horse battery staple";

/** A page of somebody else, which may use the server. */
const NEIGHBOUR = "<!doctype html><title>A neighbour</title>";
/** A name that its owner points at the server. */
const REBOUND = "evil.example";

let neighbour: Server;
let neighbourUrl: string;
let server: RunningServer;
let browser: Browser;
let page: Page;
/** Console errors, uncaught exceptions, and requests to anywhere but the server. */
const faults: string[] = [];
/** What went to the server over sockets. */
const framesSent: string[] = [];

beforeAll(async () => {
  if (!existsSync(CHROMIUM)) {
    throw new Error(`There is no browser at ${CHROMIUM}. Install one with: apt-get install chromium`);
  }
  neighbour = createServer((_, response) => response.setHeader("content-type", "text/html").end(NEIGHBOUR));
  await new Promise<void>((resolve) => { neighbour.listen(0, "127.0.0.1", resolve); });
  neighbourUrl = `http://127.0.0.1:${(neighbour.address() as AddressInfo).port}`;
  server = await startServer({ DOCENT__HTTP__ALLOWED_ORIGINS: neighbourUrl });
  const { host, hostname } = new URL(server.url);
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      `--host-resolver-rules=MAP ${REBOUND} ${hostname}, MAP * ~NOTFOUND, EXCLUDE ${hostname}`,
    ],
  });
  page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
  const watch = (url: string) => {
    const target = new URL(url);
    if (!["data:", "blob:"].includes(target.protocol) && target.host !== host) faults.push(`request to ${url}`);
  };
  page.on("request", (request) => { watch(request.url()); });
  page.on("websocket", (socket) => {
    watch(socket.url());
    socket.on("framesent", ({ payload }) => framesSent.push(payload.toString()));
  });
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`uncaught: ${error.message}`));
  await page.goto(server.url);
}, 180_000);

afterAll(async () => {
  // Absent when the beginning failed.
  await (browser as Browser | undefined)?.close();
  await (server as RunningServer | undefined)?.stop();
  (neighbour as Server | undefined)?.close();
}, 60_000);

beforeEach(({ onTestFailed }) => {
  onTestFailed(async () => {
    await page.screenshot({ path: "test-failure.png" });
  });
});

/** The visible text of one of GraphiQL's editors; it draws spaces as no-break spaces. */
async function textOf(area: string): Promise<string> {
  return (await page.locator(`${area} .view-lines`).first().innerText()).replaceAll("\u00a0", " ");
}

/** Without the line breaks that the editors put into long values. */
const unwrapped = (text: string) => text.replaceAll(/\s/g, "");
const answer = () => textOf(".graphiql-response");
const variables = () => textOf(".graphiql-editor-tool");

async function openTab(name: string): Promise<void> {
  await page.getByRole("tab", { name }).click();
  await expect.poll(() => textOf(".graphiql-query-editor"), PATIENCE).toContain(name);
}

async function run(): Promise<void> {
  await page.getByRole("button", { name: "Execute query" }).click();
}

const accountButton = () => page.locator("header button[aria-haspopup=dialog]");

async function fillIn(fields: Record<string, string>): Promise<void> {
  for (const [label, value] of Object.entries(fields)) await page.getByLabel(label, { exact: true }).fill(value);
  await page.keyboard.press("Enter");
}

test("a first visitor sees the six operations in order", async () => {
  await page.getByRole("tab").first().waitFor();
  const titles = (await page.getByRole("tab").allInnerTexts()).map((title) => title.trim());
  expect(titles).toEqual([
    "SearchSample",
    "CreateCollection",
    "IngestTexts",
    "WatchOperation",
    "SearchCollection",
    "BrowseCollection",
  ]);
  await expect.poll(variables, PATIENCE).toContain('"query"');
}, 60_000);

test("a search works without an account", async () => {
  await run();
  await expect.poll(answer, PATIENCE).toContain('"hits"');
  expect(await answer()).not.toContain('"errors"');
}, 60_000);

test("a wrong password is explained in the box", async () => {
  await accountButton().click();
  await fillIn({ "User name or e-mail": username, Password: "not this one" });
  const explanation = page.getByRole("dialog").getByRole("alert");
  await explanation.waitFor();
  expect(await explanation.innerText()).toMatch(/password/i);
}, 60_000);

test("an account is created and signed in", async () => {
  await page.getByRole("button", { name: "Create one" }).click();
  await fillIn({ "User name": username, "E-mail": `${username}@example.org`, Password: password });
  await expect.poll(() => accountButton().innerText(), PATIENCE).toMatch(new RegExp(`${username}\\s+until \\d`));
  expect(await page.getByRole("dialog").isVisible()).toBe(false);
}, 60_000);

test("signing out and in again works", async () => {
  await accountButton().click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect.poll(() => accountButton().innerText(), PATIENCE).toBe("Sign in");
  await accountButton().click();
  await fillIn({ "User name or e-mail": username, Password: password });
  await expect.poll(() => accountButton().innerText(), PATIENCE).toContain(username);
}, 60_000);

test("a collection is created, and the next tab knows it", async () => {
  await openTab("CreateCollection");
  await run();
  await expect.poll(answer, PATIENCE).toContain('"userErrors": []');
  const id = /"id":"([^"]+)"/.exec(unwrapped(await answer()))?.[1] ?? "no id";
  await openTab("IngestTexts");
  await expect.poll(async () => unwrapped(await variables()), PATIENCE).toContain(`"collectionId":"${id}"`);
}, 60_000);

test("texts are ingested and the work is watched to its end", async () => {
  await run();
  await expect.poll(answer, PATIENCE).toContain('"operation"');
  await openTab("WatchOperation");
  await expect.poll(variables, PATIENCE).not.toContain("<from step 3>");
  await run();
  await expect.poll(answer, { timeout: 90_000 }).toContain("OPERATION_COMPLETED");
  expect(await answer()).toContain('"progress": 100');
  expect(await page.locator(".docent-progress").innerText()).toContain("100 %");
  expect(await page.getByRole("progressbar").getAttribute("value")).toBe("100");
}, 120_000);

test("a search by meaning finds the text, highlighted and explained", async () => {
  await openTab("SearchCollection");
  await run();
  await expect.poll(answer, PATIENCE).toContain('"hits"');
  const shown = await answer();
  expect(/"fileName": "(.*)"/.exec(shown)?.[1]).toBe("tides.md");
  expect(shown).toContain('"highlights"');
  expect(shown).toContain('"SEMANTIC"');
}, 60_000);

test("the collection is browsed down to its chunks", async () => {
  await openTab("BrowseCollection");
  await run();
  await expect.poll(answer, PATIENCE).toContain('"documentCount": 3');
  expect(await answer()).toContain('"content"');
}, 60_000);

async function openFromGuide(name: string): Promise<void> {
  await page.getByRole("button", { name }).click();
  await expect.poll(() => textOf(".graphiql-query-editor"), PATIENCE).toContain(name);
}

let apiKey: string;

test("the guide opens what the first tabs leave out, for the same collection", async () => {
  await page.getByRole("button", { name: "Show Guide" }).click();
  await openFromGuide("ListMembers");
  await expect.poll(variables, PATIENCE).not.toContain("<from step 2>");
  await run();
  await expect.poll(answer, PATIENCE).toContain('"viewerRole": "OWNER"');
  await openFromGuide("CreateApiKey");
  await expect.poll(variables, PATIENCE).not.toContain("<from step 2>");
  await run();
  await expect.poll(answer, PATIENCE).toContain('"userErrors": []');
  apiKey = /"secret":"([^"]+)"/.exec(unwrapped(await answer()))?.[1] ?? "no key";
}, 60_000);

test("who signs in with an API key may do what the key may, and no more", async () => {
  await accountButton().click();
  await page.getByRole("dialog").getByRole("button", { name: "Sign out" }).click();
  await accountButton().click();
  await page.getByRole("dialog").getByRole("button", { name: "Use an API key" }).click();
  await fillIn({ "API key": apiKey });
  await expect.poll(() => accountButton().innerText(), PATIENCE).toMatch(new RegExp(`${username}\\s+by API key`));
  await openTab("SearchCollection");
  await run();
  await expect.poll(answer, PATIENCE).toContain('"tides.md"');
  await openTab("IngestTexts");
  await run();
  await expect.poll(answer, PATIENCE).toContain('"FORBIDDEN"');
  await openTab("WatchOperation");
  await run();
  await expect.poll(answer, PATIENCE).toContain('"NOT_FOUND"');
  expect(framesSent.join("\n")).toContain(`"authorization":"Bearer ${apiKey}"`);
}, 60_000);

test("nothing went wrong in the console, and nothing was asked of another host", () => {
  expect(faults).toEqual([]);
});

/** What a page at `from` gets from the server when it asks as tools do that follow requests. */
async function askFromPage(from: string, api: string): Promise<unknown> {
  const stranger = await browser.newPage();
  try {
    await stranger.goto(from);
    return await stranger.evaluate(async (url) => {
      const headers = {
        "content-type": "application/json",
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        baggage: "release=1",
        "x-apollo-operation-name": "Type",
      };
      try {
        const body = JSON.stringify({ query: "query Type { __typename }" });
        const response = await fetch(url, { method: "POST", headers, body });
        const answer = (await response.json()) as { data?: unknown };
        return { data: answer.data, requestId: response.headers.get("x-request-id")?.length };
      } catch {
        return "blocked";
      }
    }, api);
  } finally {
    await stranger.close();
  }
}

// A server that runs already has origins of its own.
test.skipIf(process.env.DOCENT_URL)("a page of an allowed origin asks with headers of its own", async () => {
  const answer = await askFromPage(neighbourUrl, `${server.url}/graphql`);
  expect(answer).toEqual({ data: { __typename: "Query" }, requestId: 36 });
  // The same page under another name is another origin.
  const other = neighbourUrl.replace("127.0.0.1", REBOUND);
  expect(await askFromPage(other, `${server.url}/graphql`)).toBe("blocked");
}, 60_000);

test("a page that points its own name at the server gets nothing from it", async () => {
  const { port } = new URL(server.url);
  const stranger = await browser.newPage();
  const response = await stranger.goto(`http://${REBOUND}:${port}/`);
  expect(response?.status()).toBe(421);
  const status = await stranger.evaluate(async () => {
    const body = JSON.stringify({ query: "{ __typename }" });
    const headers = { "content-type": "application/json" };
    return (await fetch("/graphql", { method: "POST", headers, body })).status;
  });
  expect(status).toBe(421);
  await stranger.close();
}, 60_000);
