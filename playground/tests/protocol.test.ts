/** GraphQL over HTTP, over WebSocket and as event streams, the Model Context Protocol, and files, judged by the clients and the audit that others use. */
import { createHash, randomUUID } from "node:crypto";
import { request as httpRequest } from "node:http";
import { Client as McpClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { Client as UrqlClient, fetchExchange, gql as urqlGql } from "@urql/core";
import { persistedExchange } from "@urql/exchange-persisted";
import { serverAudits } from "graphql-http";
import { createClient as createSseClient } from "graphql-sse";
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

const PASSWORD = "correct horse battery staple";
const PATIENCE = { timeout: 60_000 };

/** The data of a response without errors, for the owner of the token. */
async function ask(query: string, variables: object, token?: string): Promise<unknown> {
  const headers = { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) };
  const body = JSON.stringify({ query, variables });
  const response = await fetch(`${server.url}/graphql`, { method: "POST", headers, body });
  const answer = (await response.json()) as { data?: unknown; errors?: unknown };
  expect(answer.errors).toBeUndefined();
  return answer.data;
}

/** A user with a new account. */
async function newAccount(): Promise<{ username: string; token: string }> {
  const username = `reader-${randomUUID().slice(0, 13)}`;
  const account = { username, email: `${username}@example.org`, password: PASSWORD };
  await ask(
    "mutation ($input: UserRegisterInput!) { userRegister(input: $input) { userErrors { message } } }",
    { input: account },
  );
  const data = await ask(
    "mutation ($input: SessionCreateInput!) { sessionCreate(input: $input) { accessToken } }",
    { input: { login: username, password: PASSWORD } },
  );
  return { username, token: (data as { sessionCreate: { accessToken: string } }).sessionCreate.accessToken };
}

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

describe("links for persisted queries", () => {
  interface Sent {
    hasDocument: boolean;
    hasHash: boolean;
  }
  const HASH = { hasDocument: false, hasHash: true };
  const BOTH = { hasDocument: true, hasHash: true };
  /** Documents that the server has not seen yet. */
  let documents = 0;
  const newDocument = () => `query Type${(documents++).toString()} { __typename }`;

  /** A fetch that records what each request carries, in the body or in the address. */
  function noting(sent: Sent[]): typeof fetch {
    return (input, init) => {
      const { searchParams } = new URL(input instanceof Request ? input.url : input);
      const parameters = (
        typeof init?.body === "string" ? JSON.parse(init.body) : Object.fromEntries(searchParams)
      ) as Record<string, unknown>;
      sent.push({
        hasDocument: Boolean(parameters.query),
        hasHash: JSON.stringify(parameters.extensions ?? {}).includes("sha256Hash"),
      });
      return fetch(input, init);
    };
  }

  test.each([false, true])("Apollo's sends the document when the hash is not known (GET: %s)", async (useGet) => {
    const sent: Sent[] = [];
    const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
    const link = ApolloLink.from([
      new PersistedQueryLink({ sha256, useGETForHashedQueries: useGet }),
      new HttpLink({ uri: `${server.url}/graphql`, fetch: noting(sent) }),
    ]);
    const client = new ApolloClient({ link, cache: new InMemoryCache() });
    const query = gql(newDocument());
    for (let round = 0; round < 2; round++) {
      const result = await client.query({ query, fetchPolicy: "no-cache" });
      expect(result.data).toEqual({ __typename: "Query" });
    }
    client.stop();
    // Once is enough: from then on the hash is.
    expect(sent).toEqual([HASH, BOTH, HASH]);
  });

  test.each([false, "force"] as const)("urql's does as well (GET: %s)", async (preferGetForPersistedQueries) => {
    const sent: Sent[] = [];
    const client = new UrqlClient({
      url: `${server.url}/graphql`,
      exchanges: [persistedExchange({ preferGetForPersistedQueries }), fetchExchange],
      fetch: noting(sent),
      preferGetMethod: false,
    });
    const query = newDocument();
    for (let round = 0; round < 2; round++) {
      const result = await client.query(query, {}, { requestPolicy: "network-only" }).toPromise();
      expect(result.error).toBeUndefined();
      expect(result.data).toEqual({ __typename: "Query" });
    }
    expect(sent).toEqual([HASH, BOTH, HASH]);
  });
});

describe("graphql-transport-ws", () => {
  function connect(connectionParams?: Record<string, unknown>) {
    const url = `${server.url.replace(/^http/, "ws")}/graphql`;
    return createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0, connectionParams });
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

  test("a credential counts wherever clients put it", async () => {
    const { username, token } = await newAccount();
    const authorization = `Bearer ${token}`;
    for (const params of [{ authorization }, { headers: { Authorization: authorization } }, { headers: { authorization } }]) {
      const client = connect(params);
      expect(await answers(client, "{ viewer { username } }")).toMatchObject([{ data: { viewer: { username } } }]);
      await client.dispose();
    }
  });

  test("a credential that can't be read ends the socket instead of being passed over", async () => {
    for (const params of [{ headers: { Authorization: 1 } }, { headers: "Bearer x" }, { authToken: "x" }]) {
      const client = connect(params);
      await expect(answers(client, "{ __typename }"), JSON.stringify(params)).rejects.toMatchObject({ code: 4403 });
      await client.dispose();
    }
  });
});

describe("event streams", () => {
  interface Progress {
    operationEvents: { cursor: string; sequence: number; kind: string };
  }
  const FOLLOW = `subscription Follow($id: ID!, $after: Cursor) {
    operationEvents(operationId: $id, after: $after) { cursor sequence kind }
  }`;

  /** An account with an operation that is on its way. */
  async function ingest(): Promise<{ authorization: string; id: string }> {
    const { token } = await newAccount();
    const create = 'mutation { collectionCreate(input: { name: "Letters" }) { collection { id } } }';
    const created = (await ask(create, {}, token)) as { collectionCreate: { collection: { id: string } } };
    const input = {
      collectionId: created.collectionCreate.collection.id,
      documents: [{ fileName: "a.txt", content: { text: "A letter." } }],
    };
    const mutation =
      "mutation ($input: DocumentsIngestInput!) { documentsIngest(input: $input) { operation { id } } }";
    const ingested = (await ask(mutation, { input }, token)) as { documentsIngest: { operation: { id: string } } };
    return { authorization: `Bearer ${token}`, id: ingested.documentsIngest.operation.id };
  }

  function check(events: Progress[]) {
    const sequences = events.map((event) => event.operationEvents.sequence);
    expect(sequences).toEqual(sequences.map((_, index) => index + 1));
    expect(events.at(0)?.operationEvents.kind).toBe("OPERATION_CREATED");
    expect(events.at(-1)?.operationEvents.kind).toBe("OPERATION_COMPLETED");
  }

  test("graphql-sse follows an operation to its end, and goes on after a cursor", async () => {
    const { authorization, id } = await ingest();
    const client = createSseClient({ url: `${server.url}/graphql`, headers: { authorization }, retryAttempts: 0 });
    async function follow(after?: string): Promise<Progress[]> {
      const events = [];
      for await (const result of client.iterate<Progress>({ query: FOLLOW, variables: { id, after } })) {
        expect(result.errors).toBeUndefined();
        if (result.data) events.push(result.data);
      }
      return events;
    }
    const events = await follow();
    check(events);
    expect(await follow(events[0]?.operationEvents.cursor)).toEqual(events.slice(1));
    client.dispose();
  }, 60_000);

  test("graphql-sse gets queries, and errors of requests", async () => {
    const client = createSseClient({ url: `${server.url}/graphql`, retryAttempts: 0 });
    const answers = async (query: string) => {
      const results = [];
      for await (const result of client.iterate({ query })) results.push(result);
      return results;
    };
    expect(await answers("{ __typename }")).toMatchObject([{ data: { __typename: "Query" } }]);
    expect(await answers("{ noSuchField }")).toMatchObject([
      { errors: [{ extensions: { code: "GRAPHQL_VALIDATION_FAILED" } }] },
    ]);
    client.dispose();
  });

  test("graphql-sse is refused with a bad credential", async () => {
    const headers = { authorization: "Bearer nonsense" };
    const client = createSseClient({ url: `${server.url}/graphql`, headers, retryAttempts: 0 });
    const first = client.iterate({ query: "subscription { operationEvents(operationId: \"x\") { kind } }" }).next();
    await expect(first).rejects.toMatchObject({ response: { status: 401 } });
    client.dispose();
  });

  test("urql's fetchSubscriptions follows an operation to its end", async () => {
    const { authorization, id } = await ingest();
    const client = new UrqlClient({
      url: `${server.url}/graphql`,
      exchanges: [fetchExchange],
      fetchSubscriptions: true,
      fetchOptions: { headers: { authorization } },
      preferGetMethod: false,
    });
    const events = await new Promise<Progress[]>((resolve, reject) => {
      const seen: Progress[] = [];
      client.subscription<Progress>(urqlGql(FOLLOW), { id }).subscribe(({ data, error }) => {
        if (error) reject(error);
        if (data) seen.push(data);
        if (data?.operationEvents.kind.startsWith("OPERATION_COMPLETED")) resolve(seen);
      });
    });
    check(events);
  }, 60_000);

  test("Apollo's multipart protocol brings each event when it happens, and completes", async () => {
    const { authorization, id } = await ingest();
    const link = new HttpLink({ uri: `${server.url}/graphql`, headers: { authorization } });
    const client = new ApolloClient({ link, cache: new InMemoryCache() });
    const events = await new Promise<Progress[]>((resolve, reject) => {
      const seen: Progress[] = [];
      client.subscribe<Progress>({ query: gql(FOLLOW), variables: { id } }).subscribe({
        next: ({ data, error }) => {
          if (error) reject(new Error(error.message));
          if (data) seen.push(data);
        },
        error: reject,
        complete: () => { resolve(seen); },
      });
    });
    client.stop();
    check(events);
  }, 60_000);

  test("Apollo is told of a subscription that can't begin", async () => {
    const link = new HttpLink({ uri: `${server.url}/graphql` });
    const client = new ApolloClient({ link, cache: new InMemoryCache() });
    const message = await new Promise<string>((resolve, reject) => {
      client.subscribe({ query: gql(FOLLOW), variables: { id: "nonsense" } }).subscribe({
        next: ({ error }) => { resolve(error?.message ?? ""); },
        error: reject,
      });
    });
    client.stop();
    expect(message).toContain("There is no such operation");
  });
});

describe("the Model Context Protocol", () => {
  async function connect(token?: string): Promise<McpClient> {
    const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
    const transport = new StreamableHTTPClientTransport(new URL(`${server.url}/mcp`), { requestInit: { headers } });
    const client = new McpClient({ name: "protocol-test", version: "1.0.0" });
    await client.connect(transport);
    return client;
  }

  interface Found {
    text: string;
    data: Record<string, unknown>;
    isError: boolean;
  }

  async function call(client: McpClient, name: string, args: Record<string, unknown>): Promise<Found> {
    const result = await client.callTool({ name, arguments: args });
    const [content] = result.content as { type: string; text: string }[];
    const data = result.structuredContent as Record<string, unknown>;
    return { text: content?.text ?? "", data, isError: result.isError === true };
  }

  test("a client adds a text, finds it, and reads around it with its citation", async () => {
    const { token } = await newAccount();
    const create = 'mutation { collectionCreate(input: { name: "Notes" }) { collection { id } } }';
    const created = (await ask(create, {}, token)) as { collectionCreate: { collection: { id: string } } };
    const collectionId = created.collectionCreate.collection.id;
    const client = await connect(token);
    expect(client.getServerVersion()?.name).toBe("docent");
    expect(client.getInstructions()).toContain("Cite");
    const { tools } = await client.listTools();
    expect(tools.map((tool) => tool.name)).toEqual([
      "search",
      "list_collections",
      "get_document",
      "get_chunk_context",
      "ingest_text",
    ]);

    const text = "# Harbour\n\nThe harbour master opens the gates at six.";
    const ingest = { collectionId, fileName: "harbour.md", text, uri: "notes/harbour" };
    expect((await call(client, "ingest_text", ingest)).isError).toBe(false);
    interface Hit {
      uri: string;
      chunkId: string;
      documentId: string;
    }
    const search = async () => {
      const { text: cited, data } = await call(client, "search", { query: "when do the gates open?" });
      return { cited, hit: (data.hits as Hit[])[0] };
    };
    await expect.poll(async () => (await search()).hit?.uri, PATIENCE).toBe("notes/harbour");
    const { cited, hit } = await search();
    expect(cited).toContain("(notes/harbour)");
    expect((await call(client, "get_chunk_context", { chunkId: hit?.chunkId })).text).toContain("gates at six");
    expect((await call(client, "get_document", { documentId: hit?.documentId })).text).toContain("gates at six");
    await client.close();

    const stranger = await connect();
    expect((await stranger.listTools()).tools).toHaveLength(4);
    const refused = await call(stranger, "get_document", { documentId: hit?.documentId });
    expect([refused.isError, refused.text.slice(0, 9)]).toEqual([true, "NOT_FOUND"]);
    await stranger.close();
  }, 120_000);

  test("a bad credential gets no connection", async () => {
    await expect(connect("nonsense")).rejects.toThrow();
  });
});

describe("downloads", () => {
  /** Resumes a download as a browser does after a lost connection: it requests the rest, or starts again. */
  async function resume(url: string, token: string, begun: string, tag: string): Promise<string> {
    const range = { range: `bytes=${begun.length}-`, "if-range": tag };
    const response = await fetch(url, { headers: { authorization: `Bearer ${token}`, ...range } });
    const text = await response.text();
    return response.status === 206 ? begun + text : text;
  }

  test("a resumed download is one version, whatever happened meanwhile", async () => {
    const { token } = await newAccount();
    const headers = { authorization: `Bearer ${token}` };
    const create = 'mutation { collectionCreate(input: { name: "Letters" }) { collection { id } } }';
    const created = (await ask(create, {}, token)) as { collectionCreate: { collection: { id: string } } };
    const collectionId = created.collectionCreate.collection.id;
    const put = async (text: string) => {
      const input = { collectionId, documents: [{ fileName: "a.txt", content: { text } }] };
      const ingest =
        "mutation ($input: DocumentsIngestInput!) { documentsIngest(input: $input) { documents { downloadUrl } } }";
      const ingested = (await ask(ingest, { input }, token)) as {
        documentsIngest: { documents: { downloadUrl: string }[] };
      };
      const url = new URL(ingested.documentsIngest.documents[0]?.downloadUrl ?? "", server.url).href;
      await expect.poll(async () => (await fetch(url, { headers })).text(), PATIENCE).toBe(text);
      return url;
    };
    const [first, second] = ["The first version of the letter.", "Another letter, with nothing in common."];
    const url = await put(first);
    const beginning = await fetch(url, { headers: { ...headers, range: "bytes=0-9" } });
    expect(beginning.status).toBe(206);
    const begun = await beginning.text();
    const tag = beginning.headers.get("etag") ?? "";
    expect(await resume(url, token, begun, tag)).toBe(first);
    expect(await put(second)).toBe(url);
    expect(await resume(url, token, begun, tag)).toBe(second);
    const known = await fetch(url, { headers: { ...headers, "if-none-match": `"other", W/${tag}` } });
    expect(known.status).toBe(200);
    const current = known.headers.get("etag") ?? "";
    const unchanged = await fetch(url, { headers: { ...headers, "if-none-match": `W/${current}` } });
    expect([unchanged.status, unchanged.headers.get("etag")]).toEqual([304, current]);
  }, 120_000);
});

describe("a page that points its own name at the server", () => {
  const host = "evil.example";

  /** Clients in browsers send the name of the page; `fetch` would not let us. */
  function send(method: string, path: string, headers: Record<string, string>): Promise<number | undefined> {
    const { hostname, port } = new URL(server.url);
    return new Promise((resolve, reject) => {
      const request = httpRequest({ hostname, port, method, path, headers: { host, ...headers } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.on("error", reject);
      request.end();
    });
  }

  test("gets nothing over HTTP", async () => {
    expect(await send("GET", "/", {})).toBe(421);
    expect(await send("GET", "/graphql?query=%7B__typename%7D", {})).toBe(421);
    expect(await send("POST", "/graphql", { origin: `http://${host}`, "content-type": "application/json" })).toBe(421);
    expect(await send("GET", "/graphql?query=%7B__typename%7D", { host: new URL(server.url).host })).toBe(200);
  });

  test("gets no socket", async () => {
    const url = `${server.url.replace(/^http/, "ws")}/graphql`;
    const socket = new WebSocket(url, "graphql-transport-ws", { headers: { host }, origin: `http://${host}` });
    const status = await new Promise<number | undefined>((resolve) => {
      socket.on("unexpected-response", (request, response) => {
        request.destroy();
        resolve(response.statusCode);
      });
      socket.on("open", () => { resolve(101); });
      socket.on("error", () => { resolve(undefined); });
    });
    socket.terminate();
    expect(status).toBe(421);
  });
});
