/** GraphQL over HTTP and over WebSocket, judged by the clients and the audit that others use. */
import { serverAudits } from "graphql-http";
import { type Client, createClient } from "graphql-ws";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import WebSocket from "ws";
import { type RunningServer, startServer } from "./server";

let server: RunningServer;

beforeAll(async () => {
  server = await startServer();
}, 180_000);

afterAll(async () => {
  // Absent when the beginning failed.
  await (server as RunningServer | undefined)?.stop();
}, 60_000);

describe("GraphQL over HTTP", () => {
  const audits = serverAudits({ url: () => `${server.url}/graphql`, fetchFn: fetch });

  test("the audit has all its cases", () => {
    expect(audits).toHaveLength(61);
  });

  test.each(audits)("$id $name", async (audit) => {
    const result = await audit.fn();
    expect(result.status, "reason" in result ? result.reason : "").toBe("ok");
  });
});

describe("graphql-transport-ws", () => {
  function connect() {
    const url = `${server.url.replace(/^http/, "ws")}/graphql`;
    return createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0 });
  }

  async function answers(client: Client, query: string): Promise<unknown[]> {
    const results = [];
    for await (const result of client.iterate({ query })) results.push(result);
    return results;
  }

  test("a query over the socket is answered and completed", async () => {
    const client = connect();
    const results = await answers(client, "{ __typename }");
    await client.dispose();
    expect(results).toEqual([{ data: { __typename: "Query" }, extensions: { cost: { points: 1 } } }]);
  });

  test("operations share a socket without mixing their answers", async () => {
    const client = connect();
    const names = ["a", "b", "c", "d"];
    const results = await Promise.all(names.map((name) => answers(client, `{ ${name}: __typename }`)));
    await client.dispose();
    expect(results).toMatchObject(names.map((name) => [{ data: { [name]: "Query" } }]));
  });

  test("an invalid operation is refused and leaves the socket usable", async () => {
    const client = connect();
    await expect(answers(client, "{ noSuchField }")).rejects.toMatchObject([
      { message: expect.stringContaining("noSuchField") as string },
    ]);
    expect(await answers(client, "{ __typename }")).toHaveLength(1);
    await client.dispose();
  });
});
