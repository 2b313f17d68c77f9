import { execFile } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { type Language, snippet } from "./snippets";

const request = {
  query: "query Find($input: SearchInput!) {\n  search(input: $input) {\n    tookMs\n  }\n}",
  variables: { input: { query: "what's “new” in `docs` for ${me}? \\n '''", first: 3 } },
};

test("the query is shown with its variables", () => {
  expect(snippet("GraphQL", request, "")).toContain('#     "first": 3');
});

test("the query is indented by its brackets", () => {
  const query = "\n    query Find(\n  $input: SearchInput!\n) {\n  search(input: $input) {\n    ...All\n  }\n}\n    \n    fragment All on Hit {\n  rank\n}";
  const [shown] = snippet("GraphQL", { query, variables: {} }, "").split("\n\n# Variables");
  expect(shown).toBe("query Find(\n  $input: SearchInput!\n) {\n  search(input: $input) {\n    ...All\n  }\n}\n\nfragment All on Hit {\n  rank\n}");
});

/** Runs the code against a server that keeps what it is sent. */
async function sentBy(language: Language): Promise<unknown> {
  let received = "";
  let authorization: string | undefined;
  const server = createServer((incoming, response) => {
    authorization = incoming.headers.authorization;
    incoming.on("data", (chunk: Buffer) => { received += chunk.toString(); });
    incoming.on("end", () => response.setHeader("content-type", "application/json").end('{"data":{"ok":true}}'));
  });
  await new Promise<void>((resolve) => { server.listen(0, "127.0.0.1", resolve); });
  const code = snippet(language, request, `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`);
  try {
    await runnerOf(language)(code);
  } finally {
    server.close();
  }
  expect(authorization).toBe("Bearer docent_key_x");
  return JSON.parse(received) as unknown;
}

function runnerOf(language: Language): (code: string) => Promise<void> {
  const [command, ...args] = { curl: ["sh", "-c"], TypeScript: ["node", "--input-type=module", "-e"], Python: ["python3", "-c"], GraphQL: ["true"] }[language];
  return (code) =>
    new Promise((resolve, reject) => {
      // Not synchronously: the server that it asks is in this process.
      execFile(command ?? "true", [...args, code], { env: { ...process.env, DOCENT_KEY: "docent_key_x" } }, (error) => {
        if (error) reject(new Error(error.message));
        else resolve();
      });
    });
}

test.each(["curl", "TypeScript", "Python"] as const)("the code in %s sends what the page sends", async (language) => {
  const sent = (await sentBy(language)) as typeof request;
  expect(sent.variables).toEqual(request.variables);
  expect(sent.query.replace(/\s+/g, " ").trim()).toBe(request.query.replace(/\s+/g, " "));
}, 20_000);
