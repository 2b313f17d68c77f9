/**
 * Adds files to a new collection, follows how they are indexed, and searches them.
 *
 *     DOCENT_URL=http://127.0.0.1:8080 DOCENT_LOGIN=ada DOCENT_PASSWORD=… node dist/examples/story.js QUESTION FILE…
 */
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { WebSocket } from "ws";
import { Docent } from "../src/index.js";

const [question, ...paths] = process.argv.slice(2);
if (!question || paths.length === 0) throw new Error("give a question and files");

const docent = new Docent({
  url: setting("DOCENT_URL"),
  credential: { login: setting("DOCENT_LOGIN"), password: setting("DOCENT_PASSWORD") },
  webSocket: WebSocket,
});

const collectionId = await docent.createCollection({ name: `TypeScript ${new Date().toISOString()}` });
const files = paths.map(async (path) => ({ name: basename(path), content: new Uint8Array(await readFile(path)) }));
const uploadIds = await docent.upload(await Promise.all(files));
const documents = uploadIds.map((uploadId) => ({ content: { uploadId } }));
const operationId = await docent.ingest({ collectionId, documents });

const events: { sequence: number; kind: string }[] = [];
for await (const { sequence, kind, progress, document } of docent.follow(operationId)) {
  console.error(`${String(progress).padStart(3)} % ${kind} ${document?.fileName ?? ""}`);
  events.push({ sequence, kind });
}

const pages: { rank: number; fileName: string }[][] = [];
for await (const page of docent.search({ query: question, collectionIds: [collectionId] }, 2)) {
  for (const { rank, document, chunk } of page) {
    console.error(`${String(rank).padStart(3)}. ${document.fileName}: ${chunk.headings.join(" › ")}`);
  }
  pages.push(page.map(({ rank, document }) => ({ rank, fileName: document.fileName })));
}
await docent.close();

// What the tests look at.
console.log(JSON.stringify({ events, pages }));

function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`set ${name}`);
  return value;
}
