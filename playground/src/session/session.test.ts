import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { AccountApi } from "./api";
import type { Kept, KeptSession } from "./kept";
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

/** An API that hands out `access-1`, `access-2`, … */
function api(lifetime = FIFTEEN.lifetime) {
  let count = 0;
  let username = "ada";
  const grant = () => {
    count += 1;
    return Promise.resolve({ username, accessToken: `access-${count}`, lifetime });
  };
  return {
    register: vi.fn<AccountApi["register"]>(() => Promise.resolve()),
    signIn: vi.fn<AccountApi["signIn"]>((login) => {
      username = login;
      return grant();
    }),
    keyOwner: vi.fn<AccountApi["keyOwner"]>(() => Promise.resolve("ada")),
    refresh: vi.fn<AccountApi["refresh"]>(grant),
    signOut: vi.fn<AccountApi["signOut"]>(() => Promise.resolve()),
    changePassword: vi.fn<AccountApi["changePassword"]>(grant),
    deleteAccount: vi.fn<AccountApi["deleteAccount"]>(() => Promise.resolve()),
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
  expect(session.state.get()).toEqual({ username: "ada", validUntil: Date.now() + 15 * MINUTE, isPersistent: false });
  expect(await session.accessToken()).toBe("access-1");
});

test("registering signs in with the same name and password", async () => {
  const server = api();
  const session = new Session(server);
  await session.register({ username: "ada", email: "ada@example.org", password: "secret" });
  expect(server.signIn).toHaveBeenCalledExactlyOnceWith("ada", "secret", false);
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
  expect(server.refresh).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(14 * MINUTE);
  expect(server.refresh).toHaveBeenCalledTimes(2);
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
  expect(server.refresh).toHaveBeenCalledTimes(2);
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

test("signing out forgets the token at once and ends the session", async () => {
  const server = api();
  const session = await signedIn(server);
  const done = session.signOut();
  expect(session.state.get()).toEqual({});
  await done;
  expect(server.signOut).toHaveBeenCalledOnce();
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

/** A browser: what its windows know together, and the lock that they share. */
function browser() {
  let shared: Kept | undefined;
  const windows: object[] = [];
  const listeners = new Map<object, (kept: Kept | undefined) => void>();
  let turn: Promise<unknown> = Promise.resolve();
  let atOnce = 0;
  const busiest = vi.fn<(atOnce: number) => void>();
  const tell = (here: object) => {
    for (const other of windows) if (other !== here) listeners.get(other)?.(shared);
  };
  const window = (): KeptSession => {
    const here = {};
    windows.push(here);
    return {
      read: () => shared,
      write(kept) {
        shared = kept;
        tell(here);
      },
      remove() {
        shared = undefined;
        tell(here);
      },
      onChange(listener) { listeners.set(here, listener); },
      async alone(work) {
        const mine = turn.then(async () => {
          busiest(++atOnce);
          try {
            return await work();
          } finally {
            atOnce -= 1;
          }
        });
        turn = mine.catch(() => undefined);
        return mine;
      },
    };
  };
  return { window, shared: () => shared, busiest };
}

test("who is signed in in one window is in all, with a token for each", async () => {
  const storage = browser();
  const server = api();
  const earlier = new Session(server, storage.window());
  await new Session(server, storage.window()).signIn("ada", "secret", true);
  const later = new Session(server, storage.window());
  expect([earlier, later].map(({ state }) => state.get())).toEqual([1, 2].map(() => ({ username: "ada", isPersistent: true })));
  expect(await Promise.all([earlier.accessToken(), later.accessToken()])).toEqual(["access-2", "access-3"]);
});

test("what windows know of each other has no token in it", async () => {
  const storage = browser();
  await new Session(api(), storage.window()).signIn("ada", "secret");
  expect(storage.shared()).toEqual({ username: "ada", isPersistent: false });
});

test("windows renew one after the other, for a refresh token is good once", async () => {
  const storage = browser();
  const server = api();
  const sessions = [1, 2, 3].map(() => new Session(server, storage.window()));
  await sessions[0]?.signIn("ada", "secret");
  await vi.advanceTimersByTimeAsync(60 * MINUTE);
  expect(server.refresh.mock.calls.length).toBeGreaterThan(9);
  expect(storage.busiest).not.toHaveBeenCalledWith(2);
});

test("signing out in one window signs out in the others", async () => {
  const storage = browser();
  const server = api();
  const first = new Session(server, storage.window());
  await first.signIn("ada", "secret", true);
  const second = new Session(server, storage.window());
  await first.signOut();
  expect(second.state.get()).toEqual({});
  expect(await second.accessToken()).toBeUndefined();
  expect(storage.shared()).toBeUndefined();
  expect(server.signOut).toHaveBeenCalledOnce();
});

test("who signs in with another account does so in all windows, but not where an API key is used", async () => {
  const storage = browser();
  const server = api();
  const [first, second, withKey] = [1, 2, 3].map(() => new Session(server, storage.window())) as [Session, Session, Session];
  await first.signIn("ada", "secret");
  await withKey.useKey("docent_key_abcdefghijkl");
  await second.signIn("bea", "secret");
  expect(first.state.get().username).toBe("bea");
  expect(await withKey.accessToken()).toBe("docent_key_abcdefghijkl");
});

test("who signs out of an API key leaves no session behind in the browser", async () => {
  const storage = browser();
  const server = api();
  const session = new Session(server, storage.window());
  await session.signIn("ada", "secret");
  await session.useKey("docent_key_abcdefghijkl");
  await session.signOut();
  expect(storage.shared()).toBeUndefined();
  expect(server.signOut).toHaveBeenCalledOnce();
});

test("a session that ended while the browser was closed is said to have", async () => {
  const storage = browser();
  const server = api();
  await new Session(server, storage.window()).signIn("ada", "secret");
  server.refresh.mockRejectedValue(new Problem([{ message: "There is no refresh token." }]));
  const session = new Session(server, storage.window());
  expect(await session.accessToken()).toBeUndefined();
  expect(session.state.get()).toEqual({ notice: "Your session has ended. Please sign in again." });
  expect(storage.shared()).toBeUndefined();
});

test("nothing is asked for as nobody while the server does not answer", async () => {
  const storage = browser();
  const server = api();
  await new Session(server, storage.window()).signIn("ada", "secret");
  server.refresh.mockRejectedValueOnce(new Error("unreachable"));
  const session = new Session(server, storage.window());
  await expect(session.accessToken()).rejects.toThrow("unreachable");
  expect(session.state.get().username).toBe("ada");
  await vi.advanceTimersByTimeAsync(5_000);
  expect(await session.accessToken()).toMatch("access-");
});

test("a request that waits while another window changes the session is not sent as nobody's", async () => {
  const storage = browser();
  const server = api();
  await new Session(server, storage.window()).signIn("ada", "secret");
  let answer: () => void = () => undefined;
  server.refresh.mockImplementationOnce(
    () => new Promise((resolve) => { answer = () => { resolve({ username: "ada", accessToken: "of before", ...FIFTEEN }); }; }),
  );
  const session = new Session(server, storage.window());
  const token = session.accessToken();
  await vi.advanceTimersByTimeAsync(0);
  storage.window().write({ username: "ada", isPersistent: true });
  answer();
  expect(await token).toMatch("access-");
});

test("a changed password gives this browser a new session, as lasting as the one before", async () => {
  const storage = browser();
  const server = api();
  const session = new Session(server, storage.window());
  await session.signIn("ada", "secret", true);
  await session.changePassword("secret", "secrets");
  expect(server.changePassword).toHaveBeenCalledExactlyOnceWith("access-1", "secret", "secrets", true);
  expect(await session.accessToken()).toBe("access-2");
});

test("a deleted account is signed out in all windows, one that is refused is not", async () => {
  const storage = browser();
  const server = api();
  const [first, second] = [1, 2].map(() => new Session(server, storage.window())) as [Session, Session];
  await first.signIn("ada", "secret");
  server.deleteAccount.mockRejectedValueOnce(new Problem([{ message: "This is not your password." }]));
  await expect(first.deleteAccount("wrong")).rejects.toThrow("This is not your password.");
  expect(second.state.get().username).toBe("ada");
  await first.deleteAccount("secret");
  expect([first.state.get(), second.state.get()]).toEqual([{}, {}]);
});
