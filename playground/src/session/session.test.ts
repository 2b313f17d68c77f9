import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { AccountApi } from "./api";
import type { Change, Kept, KeptSession } from "./kept";
import { Problem } from "./problem";
import { Session } from "./session";

const MINUTE = 60_000;
const FIFTEEN = { lifetime: 15 * MINUTE };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** An API that hands out `access-1`, `access-2`, … and knows which refresh tokens are valid. */
function api(lifetime = FIFTEEN.lifetime) {
  let count = 0;
  const grant = () => {
    count += 1;
    return { accessToken: `access-${count}`, refreshToken: `refresh-${count}`, lifetime };
  };
  return {
    register: vi.fn<AccountApi["register"]>(() => Promise.resolve()),
    signIn: vi.fn<AccountApi["signIn"]>((username) => Promise.resolve({ ...grant(), username })),
    keyOwner: vi.fn<AccountApi["keyOwner"]>(() => Promise.resolve("ada")),
    refresh: vi.fn<AccountApi["refresh"]>(() => Promise.resolve(grant())),
    signOut: vi.fn<AccountApi["signOut"]>(() => Promise.resolve()),
  };
}

async function signedIn(server: AccountApi): Promise<Session> {
  const session = new Session(server);
  await session.signIn("ada", "secret");
  return session;
}

test("nobody has no token", async () => {
  expect(await new Session(api()).accessToken()).toBeUndefined();
});

test("signing in tells who and until when", async () => {
  const session = await signedIn(api());
  expect(session.state.get()).toEqual({ username: "ada", validUntil: Date.now() + 15 * MINUTE });
  expect(await session.accessToken()).toBe("access-1");
});

test("registering signs in with the same name and password", async () => {
  const server = api();
  const session = new Session(server);
  await session.register({ username: "ada", email: "ada@example.org", password: "secret" });
  expect(server.signIn).toHaveBeenCalledExactlyOnceWith("ada", "secret");
  expect(session.state.get().username).toBe("ada");
});

test("a refused sign-in leaves nobody signed in", async () => {
  const server = api();
  server.signIn.mockRejectedValue(new Problem([{ message: "Wrong." }]));
  const session = new Session(server);
  await expect(session.signIn("ada", "wrong")).rejects.toThrow("Wrong.");
  expect(session.state.get()).toEqual({});
});

test("the token is renewed by itself a minute before it ends, again and again", async () => {
  const server = api();
  const session = await signedIn(server);
  await vi.advanceTimersByTimeAsync(14 * MINUTE - 1);
  expect(server.refresh).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(server.refresh).toHaveBeenLastCalledWith("refresh-1");
  await vi.advanceTimersByTimeAsync(14 * MINUTE);
  expect(server.refresh).toHaveBeenLastCalledWith("refresh-2");
  expect(await session.accessToken()).toBe("access-3");
});

test("after a sleep past the end, the next request waits for a new token", async () => {
  const session = await signedIn(api());
  vi.setSystemTime(Date.now() + 60 * MINUTE);
  expect(await session.accessToken()).toBe("access-2");
});

test("requests at the same time share one renewal, for a refresh token is good once", async () => {
  const server = api();
  const session = await signedIn(server);
  session.distrust();
  const tokens = await Promise.all([session.accessToken(), session.accessToken(), session.accessToken()]);
  expect(tokens).toEqual(["access-2", "access-2", "access-2"]);
  expect(server.refresh).toHaveBeenCalledOnce();
});

test("a refused renewal signs out and says why", async () => {
  const server = api();
  const session = await signedIn(server);
  server.refresh.mockRejectedValue(new Problem([{ message: "revoked" }]));
  session.distrust();
  expect(await session.accessToken()).toBeUndefined();
  expect(session.state.get()).toEqual({ notice: "Your session has ended. Please sign in again." });
});

test.each([
  ["an unreachable server", new TypeError("network")],
  ["a busy server", new Problem([{ message: "Try again in 3 seconds." }], true)],
])("%s does not sign out, and is asked again while it repeats a lost answer", async (_, error) => {
  const server = api();
  const session = await signedIn(server);
  server.refresh.mockRejectedValueOnce(error);
  session.distrust();
  expect(await session.accessToken()).toBe("access-1");
  expect(session.state.get().username).toBe("ada");
  await vi.advanceTimersByTimeAsync(5_000);
  expect(await session.accessToken()).toBe("access-2");
  expect(server.refresh.mock.calls).toEqual([["refresh-1"], ["refresh-1"]]);
});

test("an API key is sent as it is, under its owner's name, and never renewed", async () => {
  const server = api();
  const session = new Session(server);
  await session.useKey(" docent_key_abcdefghijkl\n");
  expect(session.state.get()).toEqual({ username: "ada", keyPrefix: "docent_key_abcdefgh" });
  vi.setSystemTime(Date.now() + 60 * MINUTE);
  expect(await session.accessToken()).toBe("docent_key_abcdefghijkl");
  await session.signOut();
  expect(await session.accessToken()).toBeUndefined();
  expect(server.refresh).not.toHaveBeenCalled();
  expect(server.signOut).not.toHaveBeenCalled();
});

test("an API key that the server refuses is forgotten, and why is said", async () => {
  const session = new Session(api());
  await session.useKey("docent_key_abcdefghijkl");
  expect(session.distrust()).toBe(false);
  expect(await session.accessToken()).toBeUndefined();
  expect(session.state.get()).toEqual({ notice: "This API key is no longer valid. Please sign in again." });
});

test("signing out forgets the tokens at once and revokes them", async () => {
  const server = api();
  const session = await signedIn(server);
  const done = session.signOut();
  expect(session.state.get()).toEqual({});
  await done;
  expect(server.signOut).toHaveBeenCalledExactlyOnceWith("refresh-1");
  await vi.advanceTimersByTimeAsync(60 * MINUTE);
  expect(server.refresh).not.toHaveBeenCalled();
});

test("a renewal that answers after signing out signs nobody in", async () => {
  const session = await signedIn(api());
  session.distrust();
  const token = session.accessToken();
  await session.signOut();
  expect(await token).toBeUndefined();
  expect(session.state.get()).toEqual({});
});

test("tokens that are over at once do not make the browser ask in a loop", async () => {
  const server = api(-5 * MINUTE);
  const session = await signedIn(server);
  await session.accessToken();
  await vi.advanceTimersByTimeAsync(MINUTE);
  expect(server.refresh.mock.calls.length).toBeLessThanOrEqual(6);
});

/** A browser: a storage for all its windows, and one for each, which a duplicate begins with. */
function browser() {
  let shared: Kept | undefined;
  const windows: { own: Kept | undefined; heard?: (change: Change) => void }[] = [];
  let turn: Promise<void> = Promise.resolve();
  const open = (own?: Kept): KeptSession & { reloaded: () => KeptSession; duplicated: () => KeptSession } => {
    const here: (typeof windows)[number] = { own };
    windows.push(here);
    const tell = (change: Change) => {
      for (const other of windows) if (other !== here) other.heard?.(change);
    };
    return {
      read: () => here.own ?? shared,
      write(kept, replaced) {
        if (kept.isShared) [shared, here.own] = [kept, undefined];
        else here.own = kept;
        if (kept.isShared) tell({ kept });
        else if (replaced !== undefined) tell({ kept, replaced });
      },
      remove(isShared) {
        if (!isShared) here.own = undefined;
        else {
          shared = undefined;
          tell({});
        }
      },
      onChange(listener) { here.heard = listener; },
      alone: (work) => (turn = turn.then(work)),
      reloaded() {
        delete here.heard;
        return open(here.own);
      },
      duplicated: () => open(here.own),
    };
  };
  return { window: () => open(), shared: () => shared };
}

test("who wants to stay signed in is, in every window", async () => {
  const storage = browser();
  await new Session(api(), storage.window()).signIn("ada", "secret", true);
  const later = new Session(api(), storage.window());
  expect(later.state.get()).toMatchObject({ username: "ada", isShared: true });
  expect(await later.accessToken()).toBe("access-1");
});

test("who does not is signed in after a reload, and in no other window", async () => {
  const storage = browser();
  const here = storage.window();
  const elsewhere = new Session(api(), storage.window());
  await new Session(api(), here).signIn("ada", "secret");
  expect(await new Session(api(), here.reloaded()).accessToken()).toBe("access-1");
  expect([elsewhere.state.get(), new Session(api(), storage.window()).state.get(), storage.shared()]).toEqual([{}, {}, undefined]);
});

test("a window and its duplicate renew once, and both go on with the new tokens", async () => {
  const storage = browser();
  const server = api();
  const here = storage.window();
  const first = new Session(server, here);
  await first.signIn("ada", "secret");
  await vi.advanceTimersByTimeAsync(13.5 * MINUTE);
  const second = new Session(server, here.duplicated());
  await vi.advanceTimersByTimeAsync(1.4 * MINUTE);
  expect(server.refresh).toHaveBeenCalledExactlyOnceWith("refresh-1");
  expect([await first.accessToken(), await second.accessToken()]).toEqual(["access-2", "access-2"]);
});

test("a window with a session of its own keeps it when another one signs in for all, and out", async () => {
  const storage = browser();
  const first = new Session(api(), storage.window());
  await first.signIn("ada", "secret");
  const second = new Session(api(), storage.window());
  await second.signIn("bea", "secret", true);
  expect(first.state.get().username).toBe("ada");
  await second.signOut();
  expect(first.state.get().username).toBe("ada");
});

test("two windows renew once, and both go on with the new tokens", async () => {
  const storage = browser();
  const server = api();
  const first = new Session(server, storage.window());
  await first.signIn("ada", "secret", true);
  const second = new Session(server, storage.window());
  await vi.advanceTimersByTimeAsync(14 * MINUTE);
  expect(server.refresh).toHaveBeenCalledExactlyOnceWith("refresh-1");
  expect([await first.accessToken(), await second.accessToken()]).toEqual(["access-2", "access-2"]);
});

test("signing out in one window signs out in the other", async () => {
  const storage = browser();
  const server = api();
  const first = new Session(server, storage.window());
  await first.signIn("ada", "secret", true);
  const second = new Session(server, storage.window());
  await first.signOut();
  expect(second.state.get()).toEqual({});
  expect(storage.shared()).toBeUndefined();
});

test("tokens that were over while the browser was closed are renewed by the next request", async () => {
  const storage = browser();
  const server = api();
  await new Session(server, storage.window()).signIn("ada", "secret", true);
  vi.clearAllTimers();
  vi.setSystemTime(Date.now() + 60 * MINUTE);
  const session = new Session(server, storage.window());
  expect(await session.accessToken()).toBe("access-2");
});
