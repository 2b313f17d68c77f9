/** The explorer in a real browser, used as a person would. The tests build on each other. */
import { existsSync } from "node:fs";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { type Browser, type Page, chromium } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type RunningServer, startServer } from "./server";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const PATIENCE = { timeout: 30_000 };

const WIDE = { width: 1400, height: 900 };

const username = `reader-${Date.now().toString(36)}`;
const password = "correct horse battery staple";

/** A page of another origin that may use the server. */
const NEIGHBOUR = "<!doctype html><title>A neighbour</title>";
/** A name that its owner points at the server. */
const REBOUND = "evil.example";

let neighbour: Server;
let neighbourUrl: string;
/** The tabs of a first visit. */
const FIRST_TABS = [
  "SearchSample",
  "CreateCollection",
  "IngestTexts",
  "WatchOperation",
  "SearchCollection",
  "BrowseCollection",
];

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
  const context = await browser.newContext({ viewport: WIDE });
  const watch = (url: string) => {
    const target = new URL(url);
    if (!["data:", "blob:"].includes(target.protocol) && target.host !== host) faults.push(`request to ${url}`);
  };
  context.on("request", (request) => { watch(request.url()); });
  context.on("console", (message) => {
    if (message.type() === "error") faults.push(`console: ${message.text()}`);
  });
  context.on("weberror", (fault) => faults.push(`uncaught: ${fault.error().message}`));
  page = await context.newPage();
  page.on("websocket", (socket) => {
    watch(socket.url());
    socket.on("framesent", ({ payload }) => framesSent.push(payload.toString()));
  });
  await page.goto(`${server.url}/explorer.html`);
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
async function textOf(area: string, of = page): Promise<string> {
  return (await of.locator(`${area} .view-lines`).first().innerText()).replaceAll("\u00a0", " ");
}

/** Without the line breaks that the editors put into long values. */
const unwrapped = (text: string) => text.replaceAll(/\s/g, "");
const answer = () => textOf(".graphiql-response");
const query = (of = page) => textOf(".graphiql-query-editor", of);
const variables = (of = page) => textOf(".graphiql-editor-tool", of);

async function tabs(of = page): Promise<string[]> {
  await of.getByRole("tab").first().waitFor();
  return (await of.getByRole("tab").allInnerTexts()).map((title) => title.trim());
}

async function openTab(name: string, of = page): Promise<void> {
  await of.getByRole("tab", { name }).click();
  await expect.poll(() => query(of), PATIENCE).toContain(name);
}

/** Pastes text at the end of the first line of the query editor. */
async function paste(text: string): Promise<void> {
  const lines = page.locator(".graphiql-query-editor .view-lines");
  const width = (await lines.boundingBox())?.width ?? 0;
  await lines.click({ position: { x: width - 5, y: 10 } });
  await page.evaluate((pasted) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", pasted);
    const event = new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true });
    document.activeElement?.dispatchEvent(event);
  }, text);
  await expect.poll(async () => unwrapped(await query())).toContain(unwrapped(text));
}

/** Waits until what was done is stored, which takes GraphiQL half a second. */
const pause = (of = page) => of.waitForTimeout(1500);

async function run(): Promise<void> {
  await page.getByRole("button", { name: "Execute query" }).click();
}

const accountButton = () => page.locator("header button[aria-haspopup=dialog]");

async function fillIn(fields: Record<string, string>): Promise<void> {
  for (const [label, value] of Object.entries(fields)) await page.getByLabel(label, { exact: true }).fill(value);
  await page.keyboard.press("Enter");
}

test("a first visitor sees the six operations in order", async () => {
  expect(await tabs()).toEqual(FIRST_TABS);
  await expect.poll(variables, PATIENCE).toContain('"query"');
}, 60_000);

test("a reload brings the same tabs back, with the one in front that was", async () => {
  await pause();
  await page.reload();
  expect(await tabs()).toEqual(FIRST_TABS);
  await expect.poll(query, PATIENCE).toContain("SearchSample");
  await expect.poll(variables, PATIENCE).toContain('"query"');

  await openTab("SearchCollection");
  await pause();
  await page.reload();
  expect(await tabs()).toEqual(FIRST_TABS);
  await expect.poll(query, PATIENCE).toContain("SearchCollection");
  await expect.poll(variables, PATIENCE).toContain('"collectionId"');
}, 60_000);

test("a reload right after a change of tabs and a change of text loses neither", async () => {
  await openTab("SearchSample");
  await paste("\n# Mine");
  await page.reload();
  expect(await tabs()).toEqual(FIRST_TABS);
  await expect.poll(query, PATIENCE).toContain("# Mine");
  await expect.poll(query, PATIENCE).toContain("SearchSample");
}, 60_000);

test("a tab that is chosen before the editors are there is the one that they show", async () => {
  const late = /\/monaco-editor[^/]*\.js/;
  await page.route(late, async (route) => {
    await pause();
    await route.continue();
  });
  await page.reload();
  await page.getByRole("tab", { name: "IngestTexts" }).click();
  await expect.poll(query, PATIENCE).toContain("IngestTexts");
  await expect.poll(variables, PATIENCE).toContain('"collectionId"');
  await page.unroute(late);
  await openTab("SearchSample");
  await pause();
}, 60_000);

test("a second window opens the same tabs, and from then on each keeps its own", async () => {
  const other = await page.context().newPage();
  await other.goto(`${server.url}/explorer.html`);
  expect(await tabs(other)).toEqual(FIRST_TABS);
  await expect.poll(() => query(other), PATIENCE).toContain("SearchSample");

  await openTab("BrowseCollection", other);
  await pause(other);
  await page.reload();
  await expect.poll(query, PATIENCE).toContain("SearchSample");
  await other.reload();
  await expect.poll(() => query(other), PATIENCE).toContain("BrowseCollection");
  expect(await tabs(other)).toEqual(FIRST_TABS);
  expect(await tabs()).toEqual(FIRST_TABS);
  await other.close();
}, 60_000);

/** Drags something from outside over the middle of an element and drops it, as the system does. */
async function drop(what: { files?: string[]; link?: string }, onto: string): Promise<void> {
  const box = await page.locator(onto).first().boundingBox();
  if (!box) throw new Error(`${onto} can't be seen`);
  const session = await page.context().newCDPSession(page);
  const data = {
    items: what.link ? [{ mimeType: "text/uri-list", data: what.link }] : [],
    files: what.files ?? [],
    dragOperationsMask: 1 | 2 | 16,
  };
  for (const type of ["dragEnter", "dragOver", "drop"] as const) {
    await session.send("Input.dispatchDragEvent", { type, x: box.x + box.width / 2, y: box.y + box.height / 2, data });
  }
  await session.detach();
}

test("a file or a link that is dropped does not take the page away", async () => {
  const here = page.url();
  const windows = page.context().pages().length;
  const file = fileURLToPath(import.meta.url);
  const places = [".docent-header h1", ".graphiql-response", ".graphiql-sidebar"];
  // An editor takes a link for text, but no file.
  for (const place of [...places, ".graphiql-query-editor"]) await drop({ files: [file] }, place);
  for (const place of places) await drop({ link: `${server.url}/mark.svg` }, place);
  await pause();
  expect(page.url()).toBe(here);
  expect(page.context().pages()).toHaveLength(windows);
  await expect.poll(query, PATIENCE).toContain("SearchSample");
  expect(await query()).not.toContain("browser.test.ts");
  await page.getByRole("status").filter({ hasText: "uploadCreate" }).waitFor();
  await page.getByRole("button", { name: "Close", exact: true }).click();
  expect(await page.getByRole("status").filter({ hasText: "uploadCreate" }).count()).toBe(0);
}, 60_000);

test("a search works without an account", async () => {
  await run();
  await expect.poll(answer, PATIENCE).toContain('"nodes"');
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

let collectionId: string;

test("a collection is created, and the next tab knows it", async () => {
  await openTab("CreateCollection");
  await run();
  await expect.poll(answer, PATIENCE).toContain('"userErrors": []');
  collectionId = /"id":"([^"]+)"/.exec(unwrapped(await answer()))?.[1] ?? "no id";
  await openTab("IngestTexts");
  await expect.poll(async () => unwrapped(await variables()), PATIENCE).toContain(`"collectionId":"${collectionId}"`);
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
  colourOfSuccess = await barColour();
}, 120_000);

let colourOfSuccess: string;
const barColour = () => page.getByRole("progressbar").evaluate((bar) => getComputedStyle(bar).color);

test("a search by meaning finds the text, highlighted and explained", async () => {
  await openTab("SearchCollection");
  await run();
  await expect.poll(answer, PATIENCE).toContain('"nodes"');
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

test("documents that failed are counted in another colour, and one click shows why", async () => {
  await page.getByRole("button", { name: "New tab" }).click();
  await paste(`mutation Mixed { documentsIngest(input: { collectionId: "${collectionId}", documents: [
    { fileName: "good.md", content: { text: "Salt marshes are flooded by the tide." } }
    { fileName: "empty.md", content: { text: " " } }
  ] }) { operation { id } userErrors { message } } }`);
  await run();
  await expect.poll(answer, PATIENCE).toContain('"operation"');
  await openTab("WatchOperation");
  await run();
  await expect.poll(answer, { timeout: 90_000 }).toContain("OPERATION_COMPLETED");
  const bar = page.locator(".docent-progress");
  expect(await bar.innerText()).toContain("1 of 2 documents failed");
  expect(await barColour()).not.toBe(colourOfSuccess);

  await page.setViewportSize({ width: 390, height: 844 });
  expect((await bar.locator("output").boundingBox())?.width).toBeGreaterThan(150);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  await page.setViewportSize(WIDE);

  await bar.getByRole("button", { name: "See why" }).click();
  await expect.poll(query, PATIENCE).toContain("ListFailures");
  await expect.poll(variables, PATIENCE).not.toContain("<from step 3>");
  await run();
  await expect.poll(answer, PATIENCE).toContain('"empty.md"');
  expect(unwrapped(await answer())).toContain('"code":"NO_TEXT","message":"Notextwasfound');
}, 120_000);

async function openFromGuide(name: string): Promise<void> {
  await page.getByRole("button", { name }).click();
  await expect.poll(query, PATIENCE).toContain(name);
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
