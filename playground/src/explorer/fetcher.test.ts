import { parse } from "graphql";
import { beforeEach, expect, test, vi } from "vitest";
import { Session } from "../session/session";
import { createFetcher } from "./fetcher";
import type { Observer } from "../api/socket";
import { createStore } from "../store";

const REFUSED = { errors: [{ message: "expired", extensions: { code: "UNAUTHENTICATED" } }] };

/** What the server was sent, and what it answers in turn; the last answer is repeated. */
const requests: { body: { operationName?: string }; authorization: string | null }[] = [];
let answers: object[] = [];

beforeEach(() => {
  requests.length = 0;
  answers = [{ data: { ok: true } }];
  vi.stubGlobal("document", { baseURI: "http://docent.test/" });
  vi.stubGlobal("fetch", (_: URL, { headers, body }: { headers: Headers; body: string }) => {
    requests.push({ body: JSON.parse(body) as object, authorization: headers.get("authorization") });
    return Promise.resolve(Response.json(answers.length > 1 ? answers.shift() : answers[0]));
  });
});

function setUp() {
  let count = 0;
  const grant = () => Promise.resolve({ username: "ada", accessToken: `access-${++count}`, lifetime: 900_000 });
  const session = new Session({
    register: () => Promise.resolve(),
    signIn: grant,
    keyOwner: () => Promise.resolve("ada"),
    refresh: grant,
    signOut: () => Promise.resolve(),
    changePassword: grant,
    deleteAccount: () => Promise.resolve(),
  });
  const socket = { isLost: createStore(false), subscribe: vi.fn(() => () => undefined) };
  const listener = { answered: vi.fn(), event: vi.fn(), ended: vi.fn() };
  return { session, socket, listener, fetcher: createFetcher(session, socket, listener) };
}

const tokens = () => requests.map(({ authorization }) => authorization);

test("nobody's request goes without a token, somebody's with theirs", async () => {
  const { session, fetcher, listener } = setUp();
  await fetcher({ query: "{ viewer { id } }" });
  await session.signIn("ada", "secret");
  await fetcher({ query: "{ viewer { id } }" });
  expect(tokens()).toEqual([null, "Bearer access-1"]);
  expect(listener.answered).toHaveBeenLastCalledWith({ ok: true });
});

test("a header that was typed wins", async () => {
  const { session, fetcher } = setUp();
  await session.signIn("ada", "secret");
  await fetcher({ query: "{ viewer { id } }" }, { headers: { Authorization: "Bearer typed" } });
  expect(tokens()).toEqual(["Bearer typed"]);
});

test("a refused token is renewed and the request sent once more", async () => {
  const { session, fetcher } = setUp();
  await session.signIn("ada", "secret");
  answers = [REFUSED, { data: { ok: true } }];
  expect(await fetcher({ query: "{ viewer { id } }" })).toEqual({ data: { ok: true } });
  expect(tokens()).toEqual(["Bearer access-1", "Bearer access-2"]);
});

test("a refused API key is not followed by a request without one", async () => {
  const { session, fetcher } = setUp();
  await session.useKey("docent_key_abc");
  answers = [REFUSED];
  expect(await fetcher({ query: "{ viewer { id } }" })).toEqual(REFUSED);
  expect(tokens()).toEqual(["Bearer docent_key_abc"]);
  expect(session.state.get().username).toBeUndefined();
});

test("what ran in part is never sent again", async () => {
  const { session, fetcher } = setUp();
  await session.signIn("ada", "secret");
  answers = [{ ...REFUSED, data: null }];
  await fetcher({ query: "mutation { a b }" });
  expect(requests).toHaveLength(1);
});

test("the name of another tab's operation is not sent, nor its kind believed", async () => {
  const { fetcher, socket } = setUp();
  const query = "subscription Watch { operationEvents { kind } }";
  const stale = { documentAST: parse("query Search { search { tookMs } }") };
  const result = await fetcher({ query, operationName: "Search" }, stale);
  (result as unknown as { subscribe: (observer: object) => unknown }).subscribe({});
  expect(requests).toEqual([]);
  expect(socket.subscribe).toHaveBeenCalledWith(expect.objectContaining({ operationName: "Watch" }), expect.anything());
});

test("of several operations the named one is run", async () => {
  const { fetcher } = setUp();
  await fetcher({ query: "query A { a } query B { b }", operationName: "B" });
  expect(requests[0]?.body.operationName).toBe("B");
});

test("an unreachable server is an error in the answer", async () => {
  const { fetcher } = setUp();
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("refused")));
  const answer = await fetcher({ query: "{ viewer { id } }" });
  expect(answer).toEqual({ errors: [{ message: "The server can't be reached. Is it still running?" }] });
});

test.each(["stopped", "complete", "error"] as const)("the end of a subscription is told when it is %s", async (how) => {
  const { fetcher, socket, listener } = setUp();
  const result = await fetcher({ query: "subscription { operationEvents { kind } }" });
  const observer = { next: vi.fn(), error: vi.fn(), complete: vi.fn() };
  const { unsubscribe } = (result as unknown as { subscribe: (to: object) => { unsubscribe: () => void } }).subscribe(observer);
  const inner = (socket.subscribe.mock.calls as unknown as [object, Observer][])[0]?.[1];
  inner?.next({ data: { operationEvents: { kind: "OPERATION_STARTED" } } });
  expect(listener.event).toHaveBeenCalledOnce();
  expect(listener.ended).not.toHaveBeenCalled();
  if (how === "stopped") unsubscribe();
  else if (how === "complete") inner?.complete();
  else inner?.error(new Error("lost"));
  expect(listener.ended).toHaveBeenCalledOnce();
  if (how !== "stopped") expect(observer[how]).toHaveBeenCalledOnce();
});
