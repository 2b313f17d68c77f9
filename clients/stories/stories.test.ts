/** Each client adds files, follows their operation over a connection that breaks, and searches, against a real server. */
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RunningServer, startServer } from "../../playground/tests/server";
import { startProxy } from "./proxy";

const run = promisify(execFile);
const folder = join(import.meta.dirname, "..");
const files = readdirSync(join(folder, "stories/files")).map((name) => join(folder, "stories/files", name));

const ACCOUNT = { username: "ada", email: "ada@example.org", password: "correct horse battery staple" };

/** The program of each story, with its arguments. */
const STORIES = {
  TypeScript: ["node", "typescript/dist/examples/story.js"],
  Python: ["python/.venv/bin/python", "python/examples/story.py"],
  // `make rust-test` builds it.
  Rust: [process.env.DOCENT_STORY ?? join(folder, "../target/debug/examples/story")],
};

interface Story {
  events: { sequence: number; kind: string }[];
  pages: { rank: number; fileName: string }[][];
}

let server: RunningServer;
let token: string;

async function ask(query: string, variables: object): Promise<Record<string, unknown>> {
  const headers = { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) };
  const response = await fetch(`${server.url}/graphql`, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
  const answer = (await response.json()) as { data: Record<string, unknown>; errors?: unknown };
  expect(answer.errors).toBeUndefined();
  return answer.data;
}

beforeAll(async () => {
  // Tokens are valid for as long as the clients want to have in reserve. So they renew their sessions all the time.
  server = await startServer({ DOCENT__AUTH__ACCESS_TOKEN_MINUTES: "1" });
  await ask("mutation ($input: UserRegisterInput!) { userRegister(input: $input) { user { id } } }", { input: ACCOUNT });
  const input = { login: ACCOUNT.username, password: ACCOUNT.password };
  const data = await ask("mutation ($input: SessionCreateInput!) { sessionCreate(input: $input) { accessToken } }", { input });
  token = (data.sessionCreate as { accessToken: string }).accessToken;
}, 180_000);

afterAll(async () => {
  // Absent when the beginning failed.
  await (server as RunningServer | undefined)?.stop();
}, 60_000);

/** How often sessions were renewed so far. */
async function renewals(): Promise<number> {
  const data = await ask("{ auditLog(filter: { actions: [SESSION_REFRESH] }) { totalCount } }", {});
  return (data.auditLog as { totalCount: number }).totalCount;
}

test.for(Object.entries(STORIES))("the client in %s goes from files to hits", { timeout: 60_000 }, async ([, [program = "", ...options]]) => {
  const before = await renewals();
  const proxy = await startProxy(server.url);
  const env = { ...process.env, PYTHONPATH: "python", DOCENT_URL: proxy.url, DOCENT_LOGIN: ACCOUNT.username, DOCENT_PASSWORD: ACCOUNT.password };
  const { stdout } = await run(program, [...options, "public transport after midnight", ...files], { cwd: folder, env });
  await proxy.close();
  const { events, pages } = JSON.parse(stdout) as Story;

  // Each event once, though the first connection broke.
  expect(proxy.webSockets()).toBe(2);
  expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1));
  expect(events.at(0)?.kind).toBe("OPERATION_CREATED");
  expect(events.at(-1)?.kind).toBe("OPERATION_COMPLETED");
  expect(events.filter(({ kind }) => kind === "DOCUMENT_COMPLETED")).toHaveLength(files.length);

  // Each hit once, over more than one page.
  expect(pages.map((page) => page.length)).toEqual([2, 1]);
  expect(pages.flat().map(({ rank }) => rank)).toEqual([1, 2, 3]);
  expect(pages[0]?.[0]?.fileName).toBe("trams.md");

  expect(await renewals()).toBeGreaterThan(before);
});
