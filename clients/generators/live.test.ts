/** The caches of Relay and Apollo, with what their compilers have made, against a real server. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ApolloClient, HttpLink } from "@apollo/client";
import { type ConcreteRequest, type ReaderFragment, type Variables, fetchQuery, getSingularSelector } from "relay-runtime";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type RunningServer, startServer } from "../../playground/tests/server";
import { createCache } from "./apollo/src/cache";
import { DocumentDocument, SearchDocument } from "./apollo/src/generated/graphql";
import documentFragment from "./relay/src/__generated__/document_document.graphql";
import documentRefetchQuery from "./relay/src/__generated__/documentRefetchQuery.graphql";
import searchHits from "./relay/src/__generated__/search_hits.graphql";
import searchPageQuery from "./relay/src/__generated__/searchPageQuery.graphql";
import searchQuery from "./relay/src/__generated__/searchQuery.graphql";
import { createEnvironment } from "./relay/src/environment";

const QUESTION = { query: "public transport after midnight" };
/** There are three documents of one chunk each. */
const FIRST = 2;

let server: RunningServer;
let endpoint: string;
let token: string;

async function ask<Payload>(query: string, variables: object): Promise<Payload> {
  const headers = { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) };
  const response = await fetch(endpoint, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
  const answer = (await response.json()) as { data: Record<string, Payload>; errors?: unknown };
  expect(answer.errors).toBeUndefined();
  return Object.values(answer.data)[0] as Payload;
}

beforeAll(async () => {
  server = await startServer();
  endpoint = `${server.url}/graphql`;
  const account = { username: "ada", email: "ada@example.org", password: "correct horse battery staple" };
  await ask("mutation ($input: UserRegisterInput!) { userRegister(input: $input) { user { id } } }", { input: account });
  const login = { login: account.username, password: account.password };
  const session = await ask<{ accessToken: string }>(
    "mutation ($input: SessionCreateInput!) { sessionCreate(input: $input) { accessToken } }",
    { input: login },
  );
  token = session.accessToken;
  const { collection } = await ask<{ collection: { id: string } }>(
    'mutation { collectionCreate(input: { name: "Town" }) { collection { id } } }',
    {},
  );
  const folder = join(import.meta.dirname, "../stories/files");
  const documents = readdirSync(folder).map((fileName) => ({
    fileName,
    content: { text: readFileSync(join(folder, fileName), "utf8") },
  }));
  const { operation } = await ask<{ operation: { id: string } }>(
    "mutation ($input: DocumentsIngestInput!) { documentsIngest(input: $input) { operation { id } } }",
    { input: { collectionId: collection.id, documents } },
  );
  const status = "query ($id: ID!) { operation(id: $id) { status } }";
  await vi.waitFor(async () => { expect(await ask(status, { id: operation.id })).toEqual({ status: "COMPLETED" }); }, { timeout: 60_000 });
}, 240_000);

afterAll(async () => {
  // Absent when the beginning failed.
  await (server as RunningServer | undefined)?.stop();
}, 60_000);

test("Relay puts the pages of a search together, and reads a document again by its id", async () => {
  const environment = createEnvironment(endpoint, () => Promise.resolve(token));
  const load = async (query: unknown, variables: Variables) =>
    (await fetchQuery(environment, query as ConcreteRequest, variables).toPromise()) as Record<string, unknown>;
  const look = (fragment: unknown, data: unknown) =>
    environment.lookup(getSingularSelector(fragment as ReaderFragment, data) as never).data as Record<string, unknown>;

  const data = await load(searchQuery, { input: QUESTION, first: FIRST });
  interface Hits {
    search: { edges: { node: { rank: number; document: object } }[]; pageInfo: { endCursor: string; hasNextPage: boolean } };
  }
  const first = look(searchHits, data) as unknown as Hits;
  expect(first.search.edges.map(({ node }) => node.rank)).toEqual([1, 2]);
  expect(first.search.pageInfo.hasNextPage).toBe(true);

  await load(searchPageQuery, { input: QUESTION, first: FIRST, after: first.search.pageInfo.endCursor });
  const all = look(searchHits, data) as unknown as Hits;
  expect(all.search.edges.map(({ node }) => node.rank)).toEqual([1, 2, 3]);
  expect(all.search.pageInfo.hasNextPage).toBe(false);

  const best = look(documentFragment, all.search.edges[0]?.node.document);
  expect(best.fileName).toBe("trams.md");
  const { node } = await load(documentRefetchQuery, { id: best.id });
  expect(look(documentFragment, node)).toEqual(best);
});

test("Apollo puts the pages of a search together, and finds a document of it by its id without asking", async () => {
  let requests = 0;
  const link = new HttpLink({
    uri: endpoint,
    headers: { authorization: `Bearer ${token}` },
    fetch: (input, init) => {
      requests += 1;
      return fetch(input, init);
    },
  });
  const client = new ApolloClient({ link, cache: createCache() });
  const query = client.watchQuery({ query: SearchDocument, variables: { input: QUESTION, first: FIRST } });
  const first = await query.refetch();
  await query.fetchMore({ variables: { after: first.data?.search?.pageInfo.endCursor } });
  const edges = client.readQuery({ query: SearchDocument, variables: { input: QUESTION } })?.search?.edges ?? [];
  expect(edges.map(({ node }) => node.rank)).toEqual([1, 2, 3]);
  expect(requests).toBe(2);

  const id = edges[0]?.node.document.id ?? "";
  expect(client.cache.readQuery({ query: DocumentDocument, variables: { id } })?.document?.fileName).toBe("trams.md");
  expect(requests).toBe(2);
  client.stop();
});
