import { beforeEach, expect, test, vi } from "vitest";
import { accountApi } from "./api";

let answer: Response;
const fetched = vi.fn();

beforeEach(() => {
  fetched.mockReset();
  vi.stubGlobal("document", { baseURI: "http://docent.test/" });
  vi.stubGlobal("fetch", (_: URL, { headers }: { headers: Headers }) => {
    fetched(headers.get("authorization"));
    return Promise.resolve(answer);
  });
});

test("the owner of an API key is asked for with the key", async () => {
  answer = Response.json({ data: { viewer: { username: "ada" } } });
  expect(await accountApi.keyOwner("docent_key_abc-_1")).toBe("ada");
  expect(fetched).toHaveBeenCalledExactlyOnceWith("Bearer docent_key_abc-_1");
});

test("what can't be an API key is not sent anywhere", async () => {
  for (const text of ["", "eyJhbGciOi", "docent_key_", "docent_key_é", "docent_invite_abc"]) {
    await expect(accountApi.keyOwner(text)).rejects.toThrow("An API key begins with docent_key_.");
  }
  expect(fetched).not.toHaveBeenCalled();
});

test("a refusal before anything ran tells the time to wait, which only the header has", async () => {
  const errors = [{ message: "Too many requests.", extensions: { code: "RATE_LIMITED" } }];
  answer = Response.json({ errors }, { status: 429, headers: { "retry-after": "14" } });
  await expect(accountApi.signIn("ada", "secret")).rejects.toThrow("Too many requests. Try again in 14 seconds.");
});

test("a field that failed by itself says why, like a request that failed", async () => {
  const errors = [{ message: "down", extensions: { code: "UNAVAILABLE" } }];
  answer = Response.json({ data: { sessionCreate: null }, errors });
  await expect(accountApi.signIn("ada", "secret")).rejects.toMatchObject({
    message: "The server is too busy to answer. Try again in a moment.",
    isPassing: true,
  });
  answer = Response.json({ data: { sessionRevoke: null } });
  await expect(accountApi.signOut("refresh")).rejects.toThrow("The server sent an empty response.");
});
