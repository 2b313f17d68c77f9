/** A server that runs only the documents of a manifest runs those of its own pages, too, for everyone. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getIntrospectionQuery } from "graphql";
import { afterAll, beforeAll, expect, test } from "vitest";
import * as generated from "../src/api/generated/graphql";
import { savedOperations } from "../src/explorer/walk/operations";
import { type RunningServer, startServer } from "./server";

let folder: string;
let server: RunningServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "docent-trusted-"));
  const manifest = join(folder, "manifest.json");
  await writeFile(manifest, "{}");
  server = await startServer({ DOCENT__GRAPHQL__DOCUMENTS: "trusted", DOCENT__GRAPHQL__MANIFEST: manifest });
}, 180_000);

afterAll(async () => {
  // Absent when the beginning failed.
  await (server as RunningServer | undefined)?.stop();
  await rm(folder, { recursive: true, force: true });
}, 60_000);

/** Whether the server refuses a document because it does not know it. */
async function isUnknown(query: string): Promise<boolean> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${server.url}/graphql`, { method: "POST", headers, body: JSON.stringify({ query }) });
  const answer = (await response.json()) as { errors?: { message: string }[] };
  return answer.errors?.some(({ message }) => message.startsWith("This server runs only the documents of its manifest")) ?? false;
}

test("it refuses others", async () => {
  expect(await isUnknown("{ server { version } }")).toBe(true);
});

const own = Object.entries(generated).filter(([name]) => name.endsWith("Document"));

test("it knows what the app sends", async () => {
  expect(own.length).toBeGreaterThan(50);
  for (const [name, document] of own) expect(await isUnknown(document.toString()), name).toBe(false);
});

test("it knows what the explorer sends before anything is written in it", async () => {
  for (const { name, query } of savedOperations) expect(await isUnknown(query), name).toBe(false);
  expect(await isUnknown(getIntrospectionQuery({ schemaDescription: true, inputValueDeprecation: false }))).toBe(false);
});
