/** Many files, a server that dies, and how quick the page is meanwhile: what depends on the machine is told, and not judged. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { PATIENCE, type Watched, launch } from "./browser";
import { type Folder, folder, pdf } from "./files";
import { type RunningServer, startServer } from "./server";
import { chooseFolder, createCollection, job, register } from "./steps";

const LONG = 900_000;

let server: RunningServer;
let watched: Watched;
let context: BrowserContext;
let page: Page;

beforeAll(async () => {
  server = await startServer();
  watched = await launch(server.url);
  ({ context, page } = await watched.open());
  await context.addInitScript(watchEvents);
  await register(page, server.url, `max-${Date.now().toString(36)}`);
}, LONG);

afterAll(async () => {
  // Absent when the beginning failed.
  await (watched as Watched | undefined)?.browser.close();
  await (server as RunningServer | undefined)?.stop();
}, 60_000);

beforeEach(({ onTestFailed }) => {
  onTestFailed(async () => {
    await page.screenshot({ path: "test-failure.png" });
  });
});

/** What is measured goes beside the results. */
function tell(what: string): void {
  process.stdout.write(`    figure: ${what}\n`);
}

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0;
}

interface Watching {
  /** When events of documents came. */
  events: number[];
  /** When the figures of a job changed on the page. */
  paints: number[];
}

/** Runs in the page. */
function watchEvents(): void {
  const watching: Watching = { events: [], paints: [] };
  (window as unknown as { watching: Watching }).watching = watching;
  const Plain = WebSocket;
  window.WebSocket = class extends Plain {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      this.addEventListener("message", ({ data }) => {
        if (String(data).includes('"DOCUMENT_COMPLETED"')) watching.events.push(performance.now());
      });
    }
  };
  addEventListener("DOMContentLoaded", () => {
    new MutationObserver((changes) => {
      const isOfJob = changes.some(({ target }) => (target instanceof Element ? target : target.parentElement)?.closest(".job"));
      // Painted in the frame after the next.
      if (isOfJob) requestAnimationFrame(() => setTimeout(() => watching.paints.push(performance.now())));
    }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
  });
}

interface TraceEvent {
  name: string;
  pid: number;
  tid: number;
  /** Time of the processor, in microseconds. */
  tdur?: number;
  args?: { name?: string };
}

/** The time that the processor needed for the longest task of the page, in milliseconds, whatever else runs on the machine. */
async function longestTask(work: () => Promise<unknown>): Promise<number> {
  await watched.browser.startTracing(page, { categories: ["disabled-by-default-devtools.timeline", "__metadata"] });
  let trace: TraceEvent[] = [];
  try {
    await work();
  } finally {
    const text = (await watched.browser.stopTracing()).toString();
    trace = (JSON.parse(text) as { traceEvents: TraceEvent[] }).traceEvents;
  }
  const main = new Set(trace.filter(({ name, args }) => name === "thread_name" && args?.name === "CrRendererMain").map(({ pid, tid }) => `${pid} ${tid}`));
  const tasks = trace.filter(({ name, pid, tid }) => name === "RunTask" && main.has(`${pid} ${tid}`));
  return Math.max(0, ...tasks.map(({ tdur = 0 }) => tdur / 1000));
}

const watching = () => page.evaluate(() => (window as unknown as { watching: Watching }).watching);

async function many(count: number, of: (index: number) => string): Promise<Folder> {
  return folder(Object.fromEntries(Array.from({ length: count }, (_, index) => [of(index), `Note ${index} tells about the lamp of house ${index}.`])));
}

test("all files of a nested folder of 250 are found, and the page is told quickly", async () => {
  const notes = await many(250, (index) => `deep/below/note-${index}.txt`);
  await createCollection(page, server.url, "Notes");
  await chooseFolder(page, notes.path);
  const longest = await longestTask(async () => {
    await page.getByRole("button", { name: "Add 250 files" }).click();
    await job(page).getByText("250 searchable").waitFor({ timeout: LONG });
  });
  const { events, paints } = await watching();
  const delays = events.map((event) => (paints.find((paint) => paint >= event) ?? Infinity) - event);
  expect(events.length).toBeGreaterThan(0);
  tell(`event to pixel: ${quantile(delays, 0.5).toFixed(0)} ms, p95 ${quantile(delays, 0.95).toFixed(0)} ms, of ${events.length} events`);
  tell(`longest task while 250 files were added: ${longest.toFixed(0)} ms`);
  await notes.remove();
}, LONG);

test("a server that is killed while it indexes goes on when it is back, and so does the page", async () => {
  const notes = await many(60, (index) => `a/note-${index}.txt`);
  await createCollection(page, server.url, "Survivors");
  await chooseFolder(page, notes.path);
  await page.getByRole("button", { name: "Add 60 files" }).click();
  await expect.poll(async () => Number(/(\d+)\s*searchable/.exec(await job(page).innerText())?.[1] ?? 0), PATIENCE).toBeGreaterThan(0);
  await server.kill();
  await page.getByText("The connection to the server is lost").waitFor();
  await server.startAgain();
  await job(page).getByText("60 searchable").waitFor({ timeout: LONG });
  expect(await page.getByText("The connection to the server is lost").count()).toBe(0);
  await notes.remove();
}, LONG);

test("what is stopped leaves what is done", async () => {
  const notes = await many(100, (index) => `b/note-${index}.txt`);
  const address = await createCollection(page, server.url, "Stopped");
  await chooseFolder(page, notes.path);
  await page.getByRole("button", { name: "Add 100 files" }).click();
  await expect.poll(async () => Number(/(\d+)\s*searchable/.exec(await job(page).innerText())?.[1] ?? 0), PATIENCE).toBeGreaterThan(0);
  await job(page).getByRole("button", { name: "Stop" }).click();
  await job(page).getByText("Stopped").first().waitFor();
  await page.goto(`${server.url}${address}/documents?status=searchable`);
  await expect.poll(() => page.locator(".rows .doc").count(), PATIENCE).toBeGreaterThan(0);
  await notes.remove();
}, LONG);

/** More than fits into a passage. */
function plan(about: string): string[] {
  return Array.from({ length: 40 }, (_, index) => `${about}, says line ${index} of the plan of the house.`);
}

test("a passage of a PDF is shown on its page of the original", async () => {
  const files = await folder({ "keep.txt": "" });
  await writeFile(join(files.path, "tower.pdf"), pdf(["The tower has ninety steps", "The lamp room is at its top", "In the cellar is the oil"].map(plan), 10_000_000));
  await createCollection(page, server.url, "Plans");
  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Choose files" }).click();
  await (await chooser).setFiles(join(files.path, "tower.pdf"));
  await job(page).getByText("1 searchable").waitFor();
  await page.getByRole("link", { name: "Search", exact: true }).last().click();
  await page.locator("#question").fill("where is the oil?");
  await page.locator(".hit").first().getByText("page 3").waitFor();
  await page.getByRole("link", { name: "Open in its document" }).click();
  await page.getByRole("link", { name: "Original" }).waitFor();
  const start = Date.now();
  await page.getByRole("link", { name: "Original" }).click();
  await expect.poll(() => page.locator(".pdf-page.wanted canvas").evaluate((canvas) => (canvas as HTMLCanvasElement).width), { ...PATIENCE, interval: 20 }).toBeGreaterThan(300);
  await page.getByRole("img", { name: "Page 3 of 3" }).waitFor();
  tell(`from the passage to its page of a PDF of 10 MB: ${Date.now() - start} ms`);
  await files.remove();
}, LONG);

/** Answers as the server would if a collection had so many documents. */
async function pretend(total: number): Promise<void> {
  await context.route("**/graphql", async (route) => {
    const { query, variables } = route.request().postDataJSON() as { query: string; variables: { id: string; after: string | null } };
    if (!query.includes("query Documents(")) return route.fallback();
    const from = Number(variables.after ?? 0);
    const nodes = Array.from({ length: 100 }, (_, index) => ({
      id: `document-${from + index}`,
      fileName: `note-${from + index}.txt`,
      uri: `notes/note-${from + index}.txt`,
      contentType: "text/plain",
      fileSize: "120",
      status: "COMPLETED",
      chunkCount: 1,
      createdAt: "2026-01-01T00:00:00Z",
      updatedAt: "2026-01-01T00:00:00Z",
      downloadUrl: null,
      error: null,
      warnings: [],
      source: null,
    }));
    const documents = { nodes, pageInfo: { hasNextPage: from + 100 < total, endCursor: String(from + 100) } };
    return route.fulfill({ json: { data: { collection: { id: variables.id, documents } } } });
  });
}

test("ten thousand documents are as few rows in the page as a hundred", async () => {
  const notes = await many(3, (index) => `note-${index}.txt`);
  const address = await createCollection(page, server.url, "Thousands");
  await chooseFolder(page, notes.path);
  await job(page).getByText("3 searchable").waitFor();
  await pretend(10_000);
  await page.goto(`${server.url}${address}/documents`);
  await page.getByRole("link", { name: "note-0.txt" }).waitFor();
  const end = page.getByRole("link", { name: "note-9999.txt" });
  const loading = await longestTask(() => expect.poll(async () => {
    await page.evaluate(() => { scrollTo(0, document.documentElement.scrollHeight); });
    return end.count();
  }, { timeout: LONG, interval: 30 }).toBe(1));
  expect(await page.locator(".rows .doc").count()).toBeLessThan(100);
  const scrolling = await longestTask(async () => {
    for (let step = 0; step < 60; step += 1) {
      await page.mouse.wheel(0, step < 30 ? -1_500 : 1_500);
      await page.waitForTimeout(30);
    }
  });
  tell(`longest task with 10,000 documents: ${loading.toFixed(0)} ms while they are loaded, ${scrolling.toFixed(0)} ms while they are scrolled`);
  await context.unroute("**/graphql");
  await notes.remove();
}, LONG);

/** The page, its script and its style, before which the question can't be typed. */
const REQUESTS = 6;

test("the question can be typed after few requests, also on a slow line with a slow processor", async () => {
  const times: number[] = [];
  for (let run = 0; run < 3; run += 1) {
    const visitor = await watched.open();
    const session = await visitor.context.newCDPSession(visitor.page);
    await session.send("Network.enable");
    await session.send("Network.emulateNetworkConditions", { offline: false, latency: 150, downloadThroughput: 200_000, uploadThroughput: 200_000 });
    await session.send("Emulation.setCPUThrottlingRate", { rate: 4 });
    const needed: string[] = [];
    visitor.context.on("request", (request) => {
      if (["document", "script", "stylesheet"].includes(request.resourceType())) needed.push(request.url());
    });
    const start = Date.now();
    await visitor.page.goto(`${server.url}/search`, { waitUntil: "commit" });
    await visitor.page.locator("#question").waitFor();
    times.push(Date.now() - start);
    expect(needed.length).toBeLessThanOrEqual(REQUESTS);
    await visitor.context.close();
  }
  tell(`box usable at 1.6 Mbit/s, 150 ms, CPU ÷ 4: ${times.map((time) => `${(time / 1000).toFixed(1)} s`).join(", ")}`);
}, LONG);

test("a slider of the Lab changes both columns soon", async () => {
  await page.goto(`${server.url}/lab/chunking`);
  const columns = page.locator(".cuts");
  await columns.waitFor();
  const times: number[] = [];
  for (let step = 0; step < 20; step += 1) {
    const tokens = 40 + 8 * step;
    const start = Date.now();
    await page.getByRole("region", { name: "Cut A" }).getByLabel("Most tokens").fill(String(tokens));
    await page.waitForFunction((wanted) => decodeURIComponent(location.search).includes(`maxTokens=${wanted}`) && document.querySelector(".cuts")?.getAttribute("aria-busy") === "false", tokens, { polling: 10 });
    times.push(Date.now() - start);
  }
  tell(`from a slider to both columns: ${quantile(times, 0.5)} ms, p95 ${quantile(times, 0.95)} ms`);
}, LONG);

test("nothing went wrong in the console, nothing broke the policy, and nothing was asked of another host", () => {
  // What is asked of a server that is away fails.
  expect(watched.faults.filter((fault) => !/WebSocket connection to .* failed/.test(fault))).toEqual([]);
});
