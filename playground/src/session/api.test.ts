import { beforeEach, expect, test, vi } from "vitest";
import { accountApi } from "./api";

let answer: Response;
const fetched = vi.fn();

beforeEach(() => {
  fetched.mockReset();
  vi.stubGlobal("document", { baseURI: "http://docent.test/" });
  vi.stubGlobal("fetch", (_: URL, { headers, body }: { headers: Headers; body: string }) => {
    const { variables } = JSON.parse(body) as { variables: unknown };
    fetched(headers.get("authorization"), headers.get("graphql-require-preflight"), variables);
    return Promise.resolve(answer);
  });
});

test("the owner of an API key is asked for with the key", async () => {
  answer = Response.json({ data: { viewer: { username: "ada" } } });
  expect(await accountApi.keyOwner("docent_key_abc-_1")).toBe("ada");
  expect(fetched).toHaveBeenCalledExactlyOnceWith("Bearer docent_key_abc-_1", null, {});
});

const GRANTED = { accessToken: "access", expiresAt: "2026-01-01T00:15:00Z", viewer: { username: "ada" }, userErrors: [] };

test("the refresh token stays in a cookie, for which each request asks with a header", async () => {
  const withPayload = (name: string) => {
    answer = Response.json({ data: { [name]: GRANTED } }, { headers: { date: "Thu, 01 Jan 2026 00:00:00 GMT" } });
  };
  const granted = { username: "ada", accessToken: "access", lifetime: 900_000 };
  withPayload("sessionCreate");
  expect(await accountApi.signIn("ada", "secret", true)).toEqual(granted);
  expect(fetched).toHaveBeenLastCalledWith(null, "1", { input: { login: "ada", password: "secret", delivery: "PERSISTENT_COOKIE" } });
  withPayload("sessionRefresh");
  expect(await accountApi.refresh()).toEqual(granted);
  expect(fetched).toHaveBeenLastCalledWith(null, "1", {});
  withPayload("sessionRevoke");
  await accountApi.signOut();
  expect(fetched).toHaveBeenLastCalledWith(null, "1", {});
  withPayload("passwordChange");
  expect(await accountApi.changePassword("access", "secret", "secrets", false)).toEqual(granted);
  const input = { currentPassword: "secret", newPassword: "secrets", delivery: "COOKIE" };
  expect(fetched).toHaveBeenLastCalledWith("Bearer access", "1", { input });
  withPayload("userDelete");
  await accountApi.deleteAccount("access", "secrets");
  expect(fetched).toHaveBeenLastCalledWith("Bearer access", "1", { input: { password: "secrets" } });
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
  await expect(accountApi.signIn("ada", "secret", false)).rejects.toThrow("Too many requests. Try again in 14 seconds.");
});

test("a field that failed by itself says why, like a request that failed", async () => {
  const errors = [{ message: "down", extensions: { code: "UNAVAILABLE" } }];
  answer = Response.json({ data: { sessionCreate: null }, errors });
  await expect(accountApi.signIn("ada", "secret", false)).rejects.toMatchObject({
    message: "The server is too busy to answer. Try again in a moment.",
    isPassing: true,
  });
  answer = Response.json({ data: { sessionRevoke: null } });
  await expect(accountApi.signOut()).rejects.toThrow("The server sent an empty response.");
});
