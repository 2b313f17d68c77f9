/** The app in a real browser against a real server, used as people would. The tests build on each other. */
import { execFile } from "node:child_process";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { promisify } from "node:util";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { NARROW, PATIENCE, WIDE, type Watched, launch } from "./browser";
import { type Folder, HOSTILE, folder, mixedFolder } from "./files";
import { type RunningServer, startServer } from "./server";

const LONG = 240_000;
const username = `ada-${Date.now().toString(36)}`;
const password = "correct horse battery staple";

let server: RunningServer;
let watched: Watched;
let context: BrowserContext;
let page: Page;
let mixed: Folder;
/** The address of the collection that the tests fill. */
let collection: string;

beforeAll(async () => {
  server = await startServer();
  watched = await launch(server.url);
  mixed = await mixedFolder();
  ({ context, page } = await watched.open());
}, LONG);

afterAll(async () => {
  // Absent when the beginning failed.
  await (watched as Watched | undefined)?.browser.close();
  await (server as RunningServer | undefined)?.stop();
  await (mixed as Folder | undefined)?.remove();
}, 60_000);

beforeEach(({ onTestFailed }) => {
  onTestFailed(async () => {
    await page.screenshot({ path: "test-failure.png" });
  });
});

const path = () => new URL(page.url()).pathname + new URL(page.url()).search;
const go = (to: string, of = page) => of.goto(server.url + to);
const job = () => page.locator(".job");

async function signIn(of: Page, name: string): Promise<void> {
  await go("/sign-in", of);
  await of.getByLabel("User name or e-mail").fill(name);
  await of.getByLabel("Password").fill(password);
  await of.getByRole("button", { name: "Sign in", exact: true }).click();
  await of.waitForURL(/\/search/);
}

async function register(of: Page, name: string): Promise<void> {
  await go("/register", of);
  await of.getByLabel("User name").fill(name);
  await of.getByLabel("E-mail").fill(`${name}@example.org`);
  await of.getByLabel("Password").fill(password);
  await of.getByRole("button", { name: "Create the account" }).click();
  await of.waitForURL(/\/collections/);
}

test("a first visitor gets from nothing to an answer from their own file in six clicks", async () => {
  let clicks = 0;
  const click = async (name: string | RegExp) => {
    clicks += 1;
    await page.getByRole("button", { name }).first().click();
  };
  const own = await folder({ "lighthouse.md": "# The lighthouse\n\nThe keeper lights the lamp at dusk and winds the clockwork twice a night." });
  const start = Date.now();
  await go("/");
  await page.waitForURL(/\/welcome/);
  await page.getByLabel("User name").fill(username);
  await page.getByLabel("E-mail").fill(`${username}@example.org`);
  await page.getByLabel("Password").fill(password);
  await click("Create the account");
  await page.getByText("You are signed in as").waitFor();
  const chooser = page.waitForEvent("filechooser");
  await click("Choose files");
  await (await chooser).setFiles(join(own.path, "lighthouse.md"));
  await click("Add 1 file");
  await page.waitForURL(/\/collections\/.*\/documents/);
  await page.getByText("1 searchable").waitFor();
  clicks += 1;
  await page.getByRole("link", { name: "Search", exact: true }).last().click();
  await page.locator("#question").fill("when is the lamp lit?");
  await page.locator(".hit").first().getByText("The keeper lights the lamp").waitFor();
  const seconds = (Date.now() - start) / 1000;
  expect(clicks).toBeLessThanOrEqual(6);
  expect(seconds).toBeLessThan(90);
  await own.remove();
}, LONG);

test("a link to a passage shows it, with all of the question, after a reload too", async () => {
  await page.locator(".hit-link").first().click();
  await page.waitForURL(/hit=/);
  const before = path();
  expect(before).toContain("q=when+is+the+lamp+lit%3F");
  await page.reload();
  await page.getByRole("complementary", { name: "Passage" }).getByText("Why rank 1").waitFor();
  expect(path()).toBe(before);
  expect(await page.locator("#question").inputValue()).toBe("when is the lamp lit?");
  await page.getByRole("button", { name: "Words" }).click();
  await expect.poll(path).toContain("mode=words");
  await page.goBack();
}, LONG);

test("a question about nothing has only weak matches, and says so above the first", async () => {
  await page.locator("#question").fill("quarterly corporate tax revenue");
  await expect.poll(() => page.locator(".hits > li").first().innerText(), PATIENCE).toContain("Weak matches below");
}, LONG);

test("a search is taken along as code that runs", async () => {
  await page.getByRole("button", { name: "Use in code" }).click();
  for (const language of ["GraphQL", "curl", "TypeScript", "Python"]) {
    await page.getByRole("button", { name: language, exact: true }).click();
    await page.getByLabel(`${language} code`).getByText("quarterly corporate").first().waitFor();
  }
  await page.keyboard.press("Escape");
  expect(await page.getByRole("button", { name: "Use in code" }).evaluate((button) => button === document.activeElement)).toBe(true);
}, LONG);

test("a folder of thirty files becomes twenty-four searchable and six with their reasons, in amber", async () => {
  await go("/collections");
  await page.getByRole("button", { name: "New collection" }).first().click();
  await page.getByLabel("Name", { exact: true }).fill("Mixed files");
  await page.getByRole("button", { name: "Create the collection" }).click();
  await page.waitForURL(/\/documents/);
  collection = new URL(page.url()).pathname.replace(/\/documents$/, "");
  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Choose a folder" }).click();
  await (await chooser).setFiles(mixed.path);
  await page.getByRole("button", { name: "Add 30 files" }).click();
  await job().getByText("24 searchable, 6 failed").waitFor();
  expect(await job().getByRole("progressbar").getAttribute("data-tone")).toBe("amber");
  await expect.poll(() => page.getByRole("button", { name: /^Failed/ }).innerText(), PATIENCE).toContain("6");
}, LONG);

test("a reload shows the same picture", async () => {
  await page.reload();
  await job().getByText("24 searchable, 6 failed").waitFor();
  await job().getByRole("button", { name: "Close" }).click();
  await expect.poll(() => job().count()).toBe(0);
}, LONG);

test("each failed file has its reason, and can be tried again", async () => {
  await page.getByRole("link", { name: "See why" }).click();
  await page.waitForURL(/status=failed/);
  await expect.poll(() => page.locator(".rows .doc").count(), PATIENCE).toBe(6);
  await page.getByText("The file is empty").waitFor();
  await page.getByRole("button", { name: "Try the failed again" }).click();
  await job().getByText("6 failed").first().waitFor();
  await page.locator("[data-phase=ended]").waitFor();
  await job().getByRole("button", { name: "Close" }).click();
}, LONG);

test("two files of one name in two folders stay two", async () => {
  await go(`${collection}/documents?q=note-3`);
  await expect.poll(() => page.locator(".rows .doc").count(), PATIENCE).toBe(2);
}, LONG);

test("what is unchanged is not done again", async () => {
  await go(`${collection}/documents`);
  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Add documents" }).click();
  await (await chooser).setFiles(join(mixed.path, "notes/note-0.txt"));
  await page.locator("[data-phase=ended]").waitFor();
  await job().getByRole("button", { name: "Close" }).click();
}, LONG);

test("a hostile page is shown as text, in its document and in its name", async () => {
  await go(`${collection}/documents?q=onerror`);
  await page.getByRole("link", { name: HOSTILE }).click();
  await page.getByText("A lighthouse keeper kept a diary").first().waitFor();
  await page.getByRole("link", { name: "Original" }).click();
  await page.getByLabel("The original as text").getByText("trap.example").waitFor();
  expect(await page.title()).not.toBe("owned");
  expect(await page.locator("main img").count()).toBe(0);
}, LONG);

test("an operation says what happened to every document", async () => {
  await go("/activity");
  // How many operations a folder becomes depends on how fast it is uploaded.
  await page.getByText(/\d failed/).first().waitFor();
  const row = page.locator("tbody tr").filter({ hasText: /\d failed/ }).first();
  await row.getByRole("link", { name: "Adding documents" }).click();
  await page.getByRole("link", { name: /^Failed/ }).click();
  await page.getByRole("region", { name: "Reasons" }).waitFor();
  const saved = page.waitForEvent("download");
  await page.getByRole("button", { name: "CSV" }).click();
  const csv = await readFile(await (await saved).path(), "utf8");
  const [head, ...failures] = csv.split("\r\n");
  expect(head).toBe('"path","code","message","can be retried"');
  expect(failures.length).toBeGreaterThan(0);
  expect(failures.every((line) => /^"Mixed files\/[^"]+","[A-Z_]+"/.test(line))).toBe(true);
  await page.getByRole("link", { name: "Events" }).click();
  await page.getByRole("region", { name: "Events" }).getByText("Accepted").waitFor();
}, LONG);

test("documents that are deleted come back when one regrets it", async () => {
  await go(`${collection}/documents?q=note-3`);
  await page.getByLabel("Select note-3.txt").first().click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await expect.poll(() => page.locator(".rows .doc").count()).toBe(1);
  await page.getByRole("button", { name: "Undo" }).click();
  await expect.poll(() => page.locator(".rows .doc").count()).toBe(2);
}, LONG);

test("the keyboard alone asks, moves, opens and goes elsewhere", async () => {
  await go("/collections");
  await page.getByRole("heading", { name: "Collections" }).waitFor();
  await page.keyboard.press("/");
  await page.waitForURL(/\/search/);
  await expect.poll(() => page.evaluate(() => document.activeElement?.id), PATIENCE).toBe("question");
  await page.keyboard.type("a letter about glaciers");
  await page.keyboard.press("Enter");
  await page.locator(".hit").first().waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForURL(/hit=/);
  await page.keyboard.press("Escape");
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("question");
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill("Activity");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/activity/);
  await expect.poll(() => page.title()).toBe("Activity · Docent");
  expect(await page.evaluate(() => document.activeElement?.tagName)).toBe("H1");
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).waitFor();
  await page.keyboard.press("Escape");
}, LONG);

test("a key is made with its limits, works, and its own curl command finds something", async () => {
  await go("/account/keys/new");
  await page.getByLabel("Only these").check();
  await page.getByLabel("Mixed files").check();
  await page.getByRole("button", { name: "Create the key" }).click();
  const secret = await page.getByLabel("The key").innerText();
  expect(secret).toMatch(/^docent_key_/);
  await page.getByRole("button", { name: "Test it" }).click();
  await page.getByText("It works").waitFor();
  await page.getByRole("button", { name: "curl" }).click();
  const code = await page.getByLabel("curl code").innerText();
  const { stdout } = await promisify(execFile)("sh", ["-c", `${code.trim()} -s`], { env: { ...process.env, DOCENT_KEY: secret } });
  expect(JSON.parse(stdout)).toMatchObject({ data: { search: { hits: [{ rank: 1 }] } } });
  await go("/account/keys");
  await page.getByText("Search box").waitFor();
}, LONG);

test("a collection that is shared is seen by the other, and no longer when it is not", async () => {
  const other = await watched.open();
  const bea = `bea-${Date.now().toString(36)}`;
  await register(other.page, bea);
  await go(`${collection}/members`);
  await page.getByLabel("User name").fill(bea);
  await page.getByRole("button", { name: "Share" }).click();
  await page.getByRole("cell", { name: bea }).waitFor();
  await go("/collections", other.page);
  await other.page.getByRole("link", { name: "Mixed files" }).waitFor();
  await page.getByRole("row", { name: bea }).getByRole("button", { name: "Remove" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expect.poll(() => page.getByRole("row", { name: bea }).count(), PATIENCE).toBe(0);
  await other.page.reload();
  await other.page.getByText("No collections yet").waitFor();

  await go("/admin/users");
  await page.getByRole("row", { name: bea }).getByRole("button", { name: "Deactivate" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Deactivate" }).click();
  await page.getByRole("row", { name: bea }).getByText("Deactivated").waitFor();
  await other.page.reload();
  await other.page.getByText("Your session has ended").waitFor();
  await other.context.close();
}, LONG);

test("two windows are signed in together, and out together", async () => {
  const second = await context.newPage();
  await go("/account", second);
  await second.getByRole("heading", { name: "Account", exact: true }).waitFor();
  await second.getByRole("main").getByRole("button", { name: "Sign out" }).click();
  await go("/account");
  await page.getByText("This page belongs to your account").waitFor();
  await second.close();
  await signIn(page, username);
}, LONG);

const AXE = readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe finds, a line a rule. */
async function violations(of: Page): Promise<string[]> {
  // As a script of the page it would break the policy.
  await of.evaluate(await AXE);
  return of.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run: () => Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> } };
    const found = (await axe.run()).violations;
    return found.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 120)).join(" | ")}`);
  });
}

const SCREENS = [
  { name: "light", colorScheme: "light", viewport: WIDE },
  { name: "dark", colorScheme: "dark", viewport: WIDE },
  { name: "light narrow", colorScheme: "light", viewport: NARROW },
  { name: "dark narrow", colorScheme: "dark", viewport: NARROW },
] as const;

const ROUTES: Record<string, () => string> = {
  welcome: () => "/welcome",
  "sign in": () => "/sign-in",
  register: () => "/register",
  search: () => "/search?q=what+did+somebody+see+about+the+tides",
  "search without a question": () => "/search",
  collections: () => "/collections",
  documents: () => `${collection}/documents`,
  "failed documents": () => `${collection}/documents?status=failed`,
  "activity of a collection": () => `${collection}/activity`,
  members: () => `${collection}/members`,
  settings: () => `${collection}/settings`,
  document: () => documentPath,
  "original of a document": () => `${documentPath}?view=original`,
  "passages of a document": () => `${documentPath}?view=passages`,
  activity: () => "/activity",
  operation: () => operationPath,
  account: () => "/account",
  keys: () => "/account/keys",
  "new key": () => "/account/keys/new",
  users: () => "/admin/users",
  "audit log": () => "/admin/audit",
  server: () => "/admin/server",
  api: () => "/api",
  "no page": () => "/nothing/here",
};

let documentPath: string;
let operationPath: string;

describe.each(SCREENS)("on a screen that is $name", ({ name: screen, colorScheme, viewport }) => {
  let view: { context: BrowserContext; page: Page };

  beforeAll(async () => {
    if (!documentPath) {
      await go(`${collection}/documents?q=page-1`);
      documentPath = (await page.locator(".rows .doc a").first().getAttribute("href")) ?? "";
      await go("/activity");
      operationPath = (await page.locator("tbody tr").filter({ hasText: "failed" }).getByRole("link").first().getAttribute("href")) ?? "";
    }
    view = await watched.open({ colorScheme, viewport, storageState: await context.storageState() });
  }, LONG);
  afterAll(() => view.context.close());

  test.each(Object.keys(ROUTES))("%s has no barrier, and fits", async (route) => {
    await go(ROUTES[route]?.() ?? "/", view.page);
    await view.page.locator("h1").first().waitFor({ state: "attached" });
    await view.page.waitForLoadState("networkidle");
    await view.page.locator(".skeleton").first().waitFor({ state: "detached" });
    const folder = process.env.SCREENSHOTS;
    if (folder) {
      await mkdir(folder, { recursive: true });
      await view.page.screenshot({ path: join(folder, `${route}, ${screen}.png`) });
    }
    expect(await violations(view.page)).toEqual([]);
    expect(await view.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(viewport.width);
  }, LONG);
});

test("nothing went wrong in the console, nothing broke the policy, and nothing was asked of another host", () => {
  expect(watched.faults).toEqual([]);
});
