/** The app in a real browser against a real server, used as people would. The tests build on each other. */
import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { NARROW, PATIENCE, SMALLEST, WIDE, type Watched, launch } from "./browser";
import { type Folder, HOSTILE, folder, mixedFolder, zip } from "./files";
import { HOST, type Places, openPlaces } from "./places";
import { type RunningServer, startServer } from "./server";
import * as steps from "./steps";

const LONG = 240_000;
const username = `ada-${Date.now().toString(36)}`;
const { password } = steps;

let server: RunningServer;
let watched: Watched;
let context: BrowserContext;
let page: Page;
let mixed: Folder;
/** A directory on the server's disk. */
let papers: Folder;
/** What is elsewhere: a site and a bucket. */
let places: Places;
/** The address of the collection that the tests fill. */
let collection: string;
/** And of the one that follows `papers`. */
let papersCollection: string;

beforeAll(async () => {
  papers = await folder({
    "lighthouse.md": "# The lighthouse\n\nThe keeper lights the lamp at dusk and winds the clockwork twice a night.",
    "bees.md": "# Bees\n\nA forager that found nectar dances on the comb.",
    "old/tides.txt": "The Moon pulls the ocean on the near side more strongly.",
  });
  mixed = await mixedFolder();
  places = await openPlaces();
  server = await startServer({
    DOCENT__SOURCES__DIRECTORIES: JSON.stringify([papers.path]),
    DOCENT__SOURCES__WEB_HOSTS: JSON.stringify([HOST]),
  });
  watched = await launch(server.url);
  ({ context, page } = await watched.open());
}, LONG);

afterAll(async () => {
  // Absent when the beginning failed.
  await (watched as Watched | undefined)?.browser.close();
  await (server as RunningServer | undefined)?.stop();
  await (mixed as Folder | undefined)?.remove();
  await (papers as Folder | undefined)?.remove();
  (places as Places | undefined)?.close();
}, 60_000);

beforeEach(({ onTestFailed }) => {
  onTestFailed(async () => {
    await page.screenshot({ path: "test-failure.png" });
  });
});

const path = () => new URL(page.url()).pathname + new URL(page.url()).search;
const go = (to: string, of = page) => of.goto(server.url + to);
const job = () => steps.job(page);

/** Signs in, also for when the browser is closed. */
async function signInToStay(of: Page, name: string): Promise<void> {
  await go("/sign-in", of);
  await of.getByLabel("User name or e-mail").fill(name);
  await of.getByLabel("Password").fill(password);
  await of.getByLabel("Stay signed in").check();
  await of.getByRole("button", { name: "Sign in", exact: true }).click();
  await of.waitForURL(/\/search/);
}

const register = (of: Page, name: string) => steps.register(of, server.url, name);
const createCollection = (name: string) => steps.createCollection(page, server.url, name);

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
  collection = await createCollection("Mixed files");
  await steps.chooseFolder(page, mixed.path);
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
  await page.getByText("6 documents are tried again").waitFor();
  await go(`${collection}/activity`);
  await expect.poll(() => page.locator("tbody tr").first().innerText(), PATIENCE).toMatch(/6 failed/);
  await go(`${collection}/documents?status=failed`);
  await page.getByRole("link", { name: "broken.pdf" }).click();
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByText("1 document is tried again").waitFor();
}, LONG);

test("two files of one name in two folders stay two", async () => {
  await go(`${collection}/documents?q=note-3`);
  await expect.poll(() => page.locator(".rows .doc").count(), PATIENCE).toBe(2);
}, LONG);

test("what is unchanged is not done again", async () => {
  await go(`${collection}/documents`);
  await steps.chooseFolder(page, mixed.path);
  await page.getByRole("button", { name: "Add 30 files" }).click();
  await job().getByText("24 unchanged, 6 failed").waitFor();
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

test("documents of a folder are shown by themselves, and deleted after their number was told", async () => {
  const letters = await folder({ "drafts/one.md": "A draft about trains.", "drafts/two.md": "A draft about bees." });
  await go(`${collection}/documents`);
  await steps.chooseFolder(page, letters.path);
  await job().getByText("2 searchable").waitFor();
  await job().getByRole("button", { name: "Close" }).click();
  await page.getByRole("link", { name: "Mixed files/drafts", exact: true }).first().click();
  await page.getByText("Under Mixed files/drafts/").waitFor();
  await expect.poll(() => page.locator(".rows .doc").count(), PATIENCE).toBe(2);
  expect(path()).toContain("under=");
  await page.getByRole("button", { name: "Delete several" }).click();
  const dialog = page.getByRole("dialog");
  expect(await dialog.getByLabel("Address begins with").inputValue()).toBe("Mixed files/drafts/");
  await dialog.getByLabel("Failed").check();
  await dialog.getByText("No document is like this").waitFor();
  await dialog.getByLabel("Failed").uncheck();
  await dialog.getByRole("button", { name: "Delete 2 documents" }).click();
  await page.getByRole("heading", { name: "Delete 2 documents of Mixed files?" }).waitFor();
  await dialog.getByRole("button", { name: "Delete 2 documents" }).click();
  await page.getByText("2 documents deleted").waitFor();
  await expect.poll(() => page.locator(".rows .doc").count(), PATIENCE).toBe(0);
  await letters.remove();
}, LONG);

test("a document gets another title, and what is wrong is said beside its field", async () => {
  await go(`${collection}/documents?q=page-2`);
  await page.getByRole("link", { name: "page-2.md" }).click();
  await page.getByRole("button", { name: "Edit" }).click();
  await page.getByLabel("Metadata").fill("not JSON");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("alert").getByText("This is not JSON").waitFor();
  await page.getByLabel("Metadata").fill('{ "project": "north" }');
  await page.getByLabel("File name").fill("page-2.pdf");
  await page.getByRole("button", { name: "Save" }).click();
  await expect.poll(() => page.getByLabel("File name").getAttribute("aria-invalid"), PATIENCE).toBe("true");
  await page.getByLabel("File name").fill("page-two.md");
  await page.getByLabel("Title").fill("Of bridges");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { name: "Of bridges" }).waitFor();
  const facts = page.getByRole("region", { name: "About the document" });
  await facts.getByText("page-two.md").waitFor();
  await facts.getByText("north").waitFor();
}, LONG);

test("a long text is read a part at a time, and a passage at its end is gone to at once", async () => {
  const parts = Array.from({ length: 250 }, (_, index) => `## Part ${index}\n\nKeeper ${index} lights the lamp at dusk 😀 and writes the hour into the book.`);
  const book = await folder({ "book.md": parts.join("\n\n") });
  await go(`${collection}/documents`);
  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Choose files" }).click();
  await (await chooser).setFiles(join(book.path, "book.md"));
  await job().getByText("1 searchable").waitFor();
  await job().getByRole("button", { name: "Close" }).click();
  await page.getByRole("link", { name: "book.md" }).click();
  await page.getByText(/^1 to 20,000 of/).waitFor();
  await page.getByRole("navigation", { name: "Passages" }).getByRole("button").last().click();
  await page.locator(".piece.chosen").getByText("Keeper 249 lights the lamp at dusk 😀").waitFor();
  await page.reload();
  await page.locator(".piece.chosen").getByText("Keeper 249").waitFor();
  await page.getByRole("button", { name: "Read from the beginning" }).click();
  await page.getByText(/^1 to 20,000 of/).waitFor();
  await page.getByRole("button", { name: "Read on" }).click();
  await page.getByText(/^[\d,]+ characters$/).waitFor();
  await book.remove();
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
  await expect.poll(() => page.evaluate(() => document.activeElement?.textContent), PATIENCE).toBe("Activity");
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).waitFor();
  await page.keyboard.press("Escape");
}, LONG);

test("two searches are compared, what moved is told, and marks decide which is better", async () => {
  await go("/search?q=a+letter+about+glaciers");
  await page.getByRole("link", { name: "Compare" }).click();
  await page.waitForURL(/\/lab\?/);
  const answers = (name: string) => page.getByRole("list", { name: `Answers of ${name}` }).getByRole("listitem");
  await answers("B").first().waitFor();
  const card = (name: string) => page.getByRole("region", { name: `Search ${name}` });
  await card("B").getByRole("button", { name: "Words" }).click();
  await expect.poll(path).toContain("b=mode%3Dwords");
  await expect.poll(() => page.locator(".lines > path").count(), PATIENCE).toBeGreaterThan(0);
  await page.getByRole("button", { name: "A 1 helps" }).click();
  await page.getByRole("button", { name: "B 2 does not help" }).click();
  const summary = page.getByRole("region", { name: "Summary" });
  await summary.getByText("A 1.00").waitFor();
  await page.getByLabel("Questions").fill("a letter about glaciers\nwhat do bees do?");
  await page.getByRole("button", { name: "Compare", exact: true }).click();
  await page.getByRole("table", { name: "Questions" }).getByRole("button", { name: "what do bees do?" }).click();
  await expect.poll(path).toContain("show=2");
  const before = path();
  await page.reload();
  await page.getByRole("region", { name: "what do bees do?" }).getByRole("listitem").first().waitFor();
  expect(path()).toBe(before);
  await summary.getByText("A 1.00").waitFor();
  await page.getByRole("button", { name: "2 marks" }).click();
  const saved = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save as qrels.tsv" }).click();
  const [head, ...rows] = (await readFile(await (await saved).path(), "utf8")).trim().split("\n");
  expect(head).toBe("query-id\tcorpus-id\tscore");
  expect(rows.map((row) => row.split("\t")[0])).toEqual(["a letter about glaciers", "a letter about glaciers"]);
  await card("B").getByRole("button", { name: "Group by document" }).click();
  await summary.getByText("Documents are compared").waitFor();
}, LONG);

test("a text is cut in two ways beside each other, and the address brings both back", async () => {
  await go("/lab/chunking");
  const cuts = (name: string) => page.getByRole("list", { name: `Passages of ${name}` }).getByRole("listitem");
  await cuts("A").first().waitFor();
  await page.getByLabel("B cuts by").selectOption("TOKEN");
  const card = page.getByRole("region", { name: "Cut B" });
  await card.getByLabel("Most tokens").fill("32");
  await expect.poll(path).toContain("strategy%3DTOKEN");
  await expect.poll(() => cuts("B").count(), PATIENCE).toBeGreaterThan(await cuts("A").count());
  await card.getByText(/of \d+ to 32 tokens/).waitFor();
  await page.getByLabel("Text", { exact: true }).fill("The first line 😀.\n\nThe second line.");
  await expect.poll(() => cuts("B").count(), PATIENCE).toBe(1);
  await page.reload();
  await cuts("A").getByText("The first line 😀.").waitFor();
  expect(await card.getByLabel("Most tokens").inputValue()).toBe("32");

  await page.getByRole("button", { name: "A document" }).click();
  await page.getByLabel("Find a document by its name").fill("book");
  await page.getByRole("button", { name: "book.md" }).click();
  await expect.poll(path).toContain("doc=");
  await page.getByText("The first 100 of each are shown").waitFor();
  const file = await folder({ "main.rs": "fn main() {\n    println!(\"hello\");\n}\n" });
  await page.getByRole("button", { name: "Another one" }).click();
  await page.getByRole("button", { name: "A file", exact: true }).click();
  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Choose a file" }).click();
  await (await chooser).setFiles(join(file.path, "main.rs"));
  await cuts("A").getByText("println!").waitFor();
  await page.reload();
  await cuts("B").getByText("println!").first().waitFor();
  await file.remove();
}, LONG);

test("a key is made with its limits, works, and its own curl command finds something", async () => {
  await go("/account/keys/new");
  await page.getByLabel("Only these").check();
  await page.getByRole("checkbox", { name: "Mixed files" }).check();
  await page.getByRole("button", { name: "Create the key" }).click();
  const secret = await page.getByLabel("The key").innerText();
  expect(secret).toMatch(/^docent_key_/);
  await page.getByRole("button", { name: "Test it" }).click();
  await page.getByText("It works").waitFor();
  await page.getByRole("button", { name: "curl" }).click();
  const code = await page.getByLabel("curl code").innerText();
  const { stdout } = await promisify(execFile)("sh", ["-c", `${code.trim()} -s`], { env: { ...process.env, DOCENT_KEY: secret } });
  expect(JSON.parse(stdout)).toMatchObject({ data: { search: { nodes: expect.arrayContaining([expect.objectContaining({ rank: 1 })]) as unknown } } });
  await go("/account/keys");
  await page.getByText("Search box").waitFor();
}, LONG);

test("a collection that is shared is seen by the other, and no longer when it is not", async () => {
  const other = await watched.open();
  const bea = `bea-${Date.now().toString(36)}`;
  await register(other.page, bea);
  await go(`${collection}/members`);
  await page.getByLabel("User name").fill(bea.slice(0, 6));
  await page.locator(`datalist > option[value="${bea}"]`).waitFor({ state: "attached" });
  await page.getByLabel("User name").fill(bea);
  await page.getByRole("button", { name: "Share" }).click();
  await page.getByRole("cell", { name: bea }).waitFor();
  await go("/collections", other.page);
  await other.page.getByRole("link", { name: "Mixed files" }).click();
  await other.page.getByRole("heading", { name: "Mixed files" }).waitFor();
  await page.getByRole("row", { name: bea }).getByRole("button", { name: "Remove" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expect.poll(() => page.getByRole("row", { name: bea }).count(), PATIENCE).toBe(0);
  // Without a reload.
  await other.page.getByText("There is no such collection, or you may not see it").or(other.page.getByText("This could not be loaded")).first().waitFor();
  await go("/collections", other.page);
  await other.page.getByText("No collections yet").waitFor();

  await go("/admin/users");
  await page.getByRole("row", { name: bea }).getByRole("button", { name: "Deactivate" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Deactivate" }).click();
  await page.getByRole("row", { name: bea }).getByText("Deactivated").waitFor();
  await other.page.reload();
  await other.page.getByText("Your session has ended").waitFor();
  await other.context.close();
}, LONG);

test("an invitation is withdrawn, and somebody who forgot their password chooses another one", async () => {
  await go("/admin/users");
  await page.getByRole("button", { name: "Invite" }).click();
  await page.getByLabel("E-mail (optional)").fill("dora@example.org");
  await page.getByRole("button", { name: "Make the link" }).click();
  await page.getByRole("button", { name: "Done" }).click();
  const invitation = page.getByRole("table", { name: "Invitations" }).getByRole("row", { name: "dora@example.org" });
  await invitation.getByRole("button", { name: "Withdraw" }).click();
  await expect.poll(() => invitation.getByText("Until").count(), PATIENCE).toBe(0);

  const other = await watched.open();
  const cleo = `cleo-${Date.now().toString(36)}`;
  await register(other.page, cleo);
  await go("/admin/users");
  await page.getByRole("row", { name: cleo }).getByRole("button", { name: "New password" }).click();
  await page.getByRole("button", { name: "Make the link" }).click();
  const link = await page.getByLabel("Link").innerText();
  await page.getByRole("button", { name: "Done" }).click();
  await other.page.goto(link);
  await other.page.getByLabel("New password").fill("short");
  await other.page.getByRole("button", { name: "Set the password" }).click();
  await expect.poll(() => other.page.getByLabel("New password").getAttribute("aria-invalid"), PATIENCE).toBe("true");
  await other.page.getByLabel("New password").fill("another horse battery staple");
  await other.page.getByRole("button", { name: "Set the password" }).click();
  await other.page.getByText(`${cleo} has a new password`).waitFor();
  await other.page.getByRole("link", { name: "Sign in", exact: true }).last().click();
  await other.page.getByLabel("User name or e-mail").fill(cleo);
  await other.page.getByLabel("Password").fill("another horse battery staple");
  await other.page.getByRole("button", { name: "Sign in", exact: true }).click();
  await other.page.waitForURL(/\/search/);
  await other.context.close();
}, LONG);

test("the health of the server tells what works in it", async () => {
  await go("/admin/server");
  const worker = page.getByRole("table", { name: "Workers" }).getByRole("row", { name: "Indexes documents" });
  await worker.getByText(/Waits|Works/).waitFor();
  await page.getByText("Ready for requests").waitFor();
}, LONG);

test("a directory is looked at, followed, and read again when something changed in it", async () => {
  papersCollection = await createCollection("Papers");
  await go(`${papersCollection}/sources`);
  await page.getByRole("button", { name: "Add a source" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Papers");
  await page.getByLabel("Directory on the server").fill("/etc");
  await page.getByRole("button", { name: "Follow the directory" }).click();
  await expect.poll(() => page.getByLabel("Directory on the server").getAttribute("aria-invalid"), PATIENCE).toBe("true");
  await page.getByLabel("Directory on the server").fill(papers.path);
  await page.getByText("Which files").click();
  await page.getByLabel("Without these").fill("old/**");
  await page.getByRole("button", { name: "Preview" }).click();
  await page.getByText("2 files would be added").waitFor();
  await page.getByRole("button", { name: "Follow the directory" }).click();
  await page.getByText(/2 files: 2 added/).waitFor();

  await writeFile(join(papers.path, "glaciers.md"), "# Glaciers\n\nSnow that lasts through many summers is pressed into ice.");
  await page.getByRole("button", { name: "Sync now" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("1 file would be added").waitFor();
  await dialog.getByRole("button", { name: "Sync now" }).click();
  await page.getByText(/3 files: 1 added, 2 unchanged/).waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText("On request only ·").waitFor();
  await page.getByText("Earlier syncs").click();
  await page.getByRole("cell", { name: /2 files: 2 added/ }).waitFor();

  // What is deleted here comes back, and the app says so.
  await page.getByRole("link", { name: "3 documents" }).click();
  await page.getByRole("link", { name: "bees.md" }).click();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByText("What comes from Papers comes back with its next sync").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.waitForURL(/\/documents$/);
  await go(`${papersCollection}/sources`);
  await page.getByRole("button", { name: "Sync now" }).click();
  await dialog.getByText("1 file would be added").waitFor();
  await dialog.getByRole("button", { name: "Sync now" }).click();
  await page.getByRole("link", { name: "3 documents" }).waitFor();
}, LONG);

test("a site is looked at, followed, changed and left", async () => {
  await go(`${papersCollection}/sources`);
  await page.getByRole("button", { name: "Add a source" }).click();
  await page.getByRole("button", { name: "A site" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Handbook");
  await page.getByLabel("Its address").fill(`${places.url}/handbook/`);
  await page.getByText("Which pages", { exact: true }).last().click();
  await page.getByLabel("Only pages like these").fill("handbook/**\n[");
  await page.getByRole("button", { name: "Follow the site" }).click();
  await page.getByRole("alert").getByText("Entry 2:").waitFor();
  await page.getByLabel("Only pages like these").fill("handbook/**");
  await page.getByRole("button", { name: "Preview" }).click();
  await page.getByText("3 pages would be added").waitFor();
  await page.getByRole("button", { name: "Follow the site" }).click();
  const card = page.getByRole("article").filter({ hasText: "/handbook/" });
  await card.getByText(/3 pages: 3 added/).waitFor();
  await card.getByRole("button", { name: "Change" }).click();
  expect(await page.getByLabel("Its address").inputValue()).toBe(`${places.url}/handbook/`);
  await page.getByLabel("Links to follow in a row").fill("1");
  await page.getByRole("button", { name: "Save" }).click();
  await card.getByText("pages up to 1 link away").waitFor();
  await card.getByRole("link", { name: "3 documents" }).click();
  await expect.poll(() => page.locator(".rows .doc").count(), PATIENCE).toBe(3);
  await page.goBack();
  await card.getByRole("button", { name: "Remove" }).click();
  await page.getByText("Delete its 3 documents").waitFor();
  await page.getByRole("button", { name: "Remove the source" }).click();
  await expect.poll(() => card.count(), PATIENCE).toBe(0);
}, LONG);

test("a bucket is followed with a key whose secret stays where it is", async () => {
  await page.getByRole("button", { name: "Add a source" }).click();
  await page.getByRole("button", { name: "A bucket" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Charts");
  await page.getByLabel("Bucket", { exact: true }).fill("papers");
  await page.getByLabel("Folder in it").fill("charts/");
  await page.getByLabel("Store").fill(places.url);
  await page.getByLabel("Access key").fill("AKIDHARBOUR");
  await page.getByRole("button", { name: "Preview" }).click();
  await page.getByRole("alert").getByText("Give the secret").waitFor();
  await page.getByLabel("Its secret").fill("the-secret-of-the-harbour");
  await page.getByRole("button", { name: "Preview" }).click();
  await page.getByText("2 objects would be added").waitFor();
  await page.getByRole("button", { name: "Follow the bucket" }).click();
  const card = page.getByRole("article").filter({ hasText: "s3://papers/charts/" });
  await card.getByText(/2 objects: 2 added/).waitFor();
  // A name is changed without the secret; another folder needs it.
  await card.getByRole("button", { name: "Change" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Sea charts");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { name: "Sea charts" }).waitFor();
  await card.getByRole("button", { name: "Sync now" }).click();
  await page.getByText("All are as they were").waitFor();
  await page.keyboard.press("Escape");
  await card.getByRole("button", { name: "Change" }).click();
  await page.getByLabel("Folder in it").fill("private/");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("alert").getByText("Give the secret").waitFor();
  await page.keyboard.press("Escape");
}, LONG);

test("a new index is built beside the present one, compared with it, and left again", async () => {
  await go(`${papersCollection}/index`);
  const indexes = page.getByRole("table", { name: "Indexes" });
  const state = (tokens: string) => indexes.getByRole("row").filter({ hasText: tokens }).getByRole("cell").first().innerText();
  await page.getByRole("button", { name: "Build a new index" }).click();
  await page.getByLabel("Most tokens in a passage").fill("64");
  await page.getByRole("button", { name: "Build it" }).click();
  await expect.poll(() => state("at most 64 tokens"), PATIENCE).toBe("Active");
  await page.getByLabel("Questions").fill("when is the lamp lit?\nwhat do bees do?");
  await page.getByRole("button", { name: "Compare" }).click();
  await page.getByText(/of the documents are the same/).waitFor();
  expect(path()).toContain("q=when+is+the+lamp+lit");
  await page.getByRole("region", { name: "what do bees do?" }).getByRole("list", { name: "This index" }).getByRole("link", { name: "Bees" }).waitFor();
  await page.getByRole("button", { name: "Go back to the one before" }).click();
  await page.getByRole("button", { name: "Go back", exact: true }).click();
  await expect.poll(() => state("at most 64 tokens"), PATIENCE).toBe("Retired");
}, LONG);

test("the files of an archive become documents of their own", async () => {
  await go(`${papersCollection}/documents`);
  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Add documents" }).click();
  const archive = join(dirname(papers.path), "letters.zip");
  await writeFile(archive, zip({ "letters/one.txt": "A letter about sourdough.", "two.md": "# Two\n\nA note about trains." }));
  await (await chooser).setFiles(archive);
  await job().getByText("3 searchable").waitFor();
  await job().getByRole("button", { name: "Close" }).click();
  await page.getByRole("link", { name: "one.txt" }).waitFor();
  await page.locator(".rows a.break", { hasText: "letters.zip" }).click();
  await page.getByText("This is an archive").waitFor();
}, LONG);

/** The cookies of the browser, of which scripts of pages must know nothing, nor of an access token. */
async function cookiesOf(of: Page): ReturnType<BrowserContext["cookies"]> {
  const known = await of.evaluate(() => JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage), document.cookie]));
  const cookies = await of.context().cookies();
  for (const { value } of cookies) expect(known).not.toContain(value.replace(/^keep\./, ""));
  expect(known).not.toContain("eyJ");
  return cookies;
}

test("all windows of the browser are signed in and out together, and no script can read the session", async () => {
  expect(await cookiesOf(page)).toMatchObject([{ path: "/graphql", httpOnly: true, sameSite: "Strict", secure: false, expires: -1 }]);
  const second = await context.newPage();
  await go("/account", second);
  await second.getByText("This one").waitFor();
  await go("/account");
  await page.getByRole("main").getByRole("button", { name: "Sign out" }).click();
  await page.getByText("This page belongs to your account").waitFor();
  expect(await page.getByLabel("Files on their way").count()).toBe(0);
  await second.getByText("This page belongs to your account").waitFor();
  expect(await cookiesOf(page)).toEqual([]);
  await signInToStay(page, username);
  const [kept] = await cookiesOf(page);
  expect(kept).toMatchObject({ httpOnly: true, sameSite: "Strict" });
  expect(kept?.expires).toBeGreaterThan(Date.now() / 1000 + 13 * 86_400);
  await second.getByText("This one").waitFor();
  // Windows that renew at the same time do not end each other's session.
  const windows = await Promise.all([1, 2, 3].map(() => context.newPage()));
  await Promise.all([page, second, ...windows].map((of) => go("/account", of)));
  await Promise.all([page, second, ...windows].map((of) => of.getByText("This one").waitFor()));
  await Promise.all([second, ...windows].map((of) => of.close()));
}, LONG);

test("tokens that an earlier version has stored are removed", async () => {
  await page.evaluate(() => {
    localStorage.setItem("docent:session", "{}");
    sessionStorage.setItem("docent:session", "{}");
  });
  await page.reload();
  await expect.poll(() => page.evaluate(() => [localStorage, sessionStorage].map((storage) => storage.getItem("docent:session")))).toEqual([null, null]);
}, LONG);

test("an account is deleted by its user, who gives the password once more", async () => {
  const other = await watched.open();
  await register(other.page, "leaver");
  await go("/account", other.page);
  const open = () => other.page.getByRole("main").getByRole("button", { name: "Delete the account" }).click();
  const dialog = other.page.getByRole("dialog");
  await open();
  await dialog.getByLabel("Your password").fill("not my password");
  await dialog.getByRole("button", { name: "Delete for ever" }).click();
  await dialog.getByText("This is not your password.").waitFor();
  await dialog.getByLabel("Your password").fill(password);
  await dialog.getByRole("button", { name: "Delete for ever" }).click();
  await other.page.getByText("The account leaver is deleted").waitFor();
  expect(await other.context.cookies()).toEqual([]);
  await go("/sign-in", other.page);
  await other.page.getByLabel("User name or e-mail").fill("leaver");
  await other.page.getByLabel("Password").fill(password);
  await other.page.getByRole("button", { name: "Sign in", exact: true }).click();
  await other.page.getByText("don't fit an account").waitFor();
  await other.context.close();
}, LONG);

const AXE = readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe finds with these rules, or with all, a line a rule. */
async function violations(rules?: string[]): Promise<string[]> {
  // As a script of the page it would break the policy.
  await page.evaluate(await AXE);
  return page.evaluate(async (only) => {
    type Run = (options: object) => Promise<{ violations: { id: string; nodes: { html: string }[] }[] }>;
    const { axe } = window as unknown as { axe: { run: Run } };
    const found = (await axe.run(only ? { runOnly: only } : {})).violations;
    return found.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 120)).join(" | ")}`);
  }, rules);
}

/** The page is looked at as it is, without another load: only colours depend on the theme. */
const SCREENS = [
  { screen: "wide, light", colorScheme: "light", viewport: WIDE, rules: undefined },
  { screen: "wide, dark", colorScheme: "dark", viewport: WIDE, rules: ["color-contrast"] },
  { screen: "narrow, light", colorScheme: "light", viewport: NARROW, rules: undefined },
] as const;

/** No barrier and nothing beyond the edge, on every screen. */
async function inspect(name: string): Promise<void> {
  const folder = process.env.SCREENSHOTS;
  if (folder) await mkdir(folder, { recursive: true });
  for (const { screen, colorScheme, viewport, rules } of SCREENS) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    if (folder) {
      await page.screenshot({ path: join(folder, `${name}, ${screen}.png`) });
      await page.emulateMedia({ colorScheme: "dark" });
      if (viewport === NARROW) await page.screenshot({ path: join(folder, `${name}, narrow, dark.png`) });
      await page.emulateMedia({ colorScheme });
    }
    expect.soft(await violations(rules && [...rules]), screen).toEqual([]);
    expect.soft(await page.evaluate(() => document.documentElement.scrollWidth), screen).toBeLessThanOrEqual(viewport.width);
  }
  // A small phone, and a page of 640 pixels at twice its size.
  await page.setViewportSize(SMALLEST);
  expect.soft(await page.evaluate(() => document.documentElement.scrollWidth), "smallest").toBeLessThanOrEqual(SMALLEST.width);
  await page.setViewportSize(WIDE);
}

async function isLoaded(): Promise<void> {
  await page.locator("h1").first().waitFor({ state: "attached" });
  await expect.poll(() => page.getByText("Loading", { exact: true }).count(), PATIENCE).toBe(0);
}

const ROUTES: Record<string, () => string> = {
  welcome: () => "/welcome",
  "sign in": () => "/sign-in",
  register: () => "/register",
  search: () => "/search?q=what+did+somebody+see+about+the+tides",
  "search without a question": () => "/search",
  collections: () => "/collections",
  documents: () => `${collection}/documents`,
  "documents of a folder": () => `${collection}/documents?under=Mixed+files%2Fnotes%2F`,
  "failed documents": () => `${collection}/documents?status=failed`,
  sources: () => `${papersCollection}/sources`,
  "no sources": () => `${collection}/sources`,
  index: () => `${papersCollection}/index?q=when+is+the+lamp+lit%3F`,
  "activity of a collection": () => `${collection}/activity`,
  members: () => `${collection}/members`,
  settings: () => `${collection}/settings`,
  document: () => documentPath,
  "failed document": () => failedPath,
  "original of a document": () => `${documentPath}?view=original`,
  "passages of a document": () => `${documentPath}?view=passages`,
  activity: () => "/activity",
  operation: () => operationPath,
  account: () => "/account",
  keys: () => "/account/keys",
  "new key": () => "/account/keys/new",
  "new password": () => "/new-password",
  "lab without a question": () => "/lab",
  lab: () => "/lab?q=a+letter+about+glaciers%0Awhat+do+bees+do%3F",
  "lab, chunking": () => "/lab/chunking?b=strategy%3DTOKEN%26maxTokens%3D32%26overlapTokens%3D8",
  users: () => "/admin/users",
  "audit log": () => "/admin/audit",
  server: () => "/admin/server",
  api: () => "/api",
  "no page": () => "/nothing/here",
};

/** Its name, where it is opened, and by which buttons. */
const DIALOGS: [string, () => string, ...(string | RegExp)[]][] = [
  ["new collection", () => "/collections", "New collection"],
  ["follow a directory", () => `${papersCollection}/sources`, "Add a source"],
  ["follow a site", () => `${papersCollection}/sources`, "Add a source", "A site"],
  ["follow a bucket", () => `${papersCollection}/sources`, "Add a source", "A bucket"],
  ["edit a document", () => documentPath, "Edit"],
  ["delete several", () => `${collection}/documents?status=failed`, "Delete several"],
  ["sync", () => `${papersCollection}/sources`, "Sync now"],
  ["new index", () => `${papersCollection}/index`, "Build a new index"],
  ["invite", () => "/admin/users", "Invite"],
  ["new password", () => "/admin/users", "New password"],
  ["compare in code", () => "/lab?q=a+letter+about+glaciers", "Use in code"],
  ["use in code", () => "/collections", "Use in code"],
  ["delete a collection", () => `${papersCollection}/settings`, "Delete the collection"],
  ["go to", () => "/search", /^Go to/],
];

let documentPath: string;
let failedPath: string;
let operationPath: string;

describe("on every screen", () => {
  beforeAll(async () => {
    await go(`${collection}/documents?q=page-1`);
    documentPath = (await page.locator(".rows .doc a").first().getAttribute("href")) ?? "";
    await go(`${collection}/documents?q=broken`);
    failedPath = (await page.locator(".rows .doc a").first().getAttribute("href")) ?? "";
    await go("/activity");
    operationPath = (await page.locator("tbody tr").filter({ hasText: "failed" }).getByRole("link").first().getAttribute("href")) ?? "";
  }, LONG);

  test.each(Object.keys(ROUTES))("%s has no barrier, fits, and is the same after a reload", async (route) => {
    await go(ROUTES[route]?.() ?? "/");
    await isLoaded();
    await inspect(route);
    const state = async () => [path(), await page.locator("h1").first().innerText(), await page.title()];
    const before = await state();
    await page.reload();
    await isLoaded();
    await expect.poll(state, PATIENCE).toEqual(before);
  }, LONG);

  test("a passage beside its search has no barrier, and fits", async () => {
    await go("/search?q=what+did+somebody+see+about+the+tides");
    await page.locator(".hit-link").first().click();
    await page.getByText("Why rank 1").waitFor();
    await inspect("passage");
  }, LONG);

  test.each(DIALOGS)("the dialog %s has no barrier, and fits", async (name, route, ...buttons) => {
    await go(route());
    for (const button of buttons) await page.getByRole("button", { name: button }).first().click();
    await page.getByRole("dialog").waitFor();
    await isLoaded();
    await inspect(`dialog ${name}`);
  }, LONG);
});

test("nothing went wrong in the console, nothing broke the policy, and nothing was asked of another host", () => {
  expect(watched.faults).toEqual([]);
});
