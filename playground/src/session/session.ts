/**
 * Who is signed in: with a password, and then with a session that all windows of the browser share, or with an API key. A key
 * lives in this object only, and so does the access token of the session, which is renewed with the cookie of the browser.
 */
import type { UserRegisterInput } from "../api/generated/graphql";
import { createStore } from "../store";
import type { AccountApi, Grant } from "./api";
import type { Kept, KeptSession } from "./kept";
import { Problem } from "./problem";

/** A token is renewed this long before it ends, in milliseconds. */
const RENEW_AHEAD = 60_000;
/** At least this long between two renewals, whatever the clocks say. */
const RENEW_PAUSE = 10_000;
/** How long to wait after a renewal that got no answer: the server repeats an answer that was lost for ten seconds. */
const RETRY_PAUSE = 3_000;
/** The prefix of an API key that may be shown, as the server shows it. */
const SHOWN_OF_KEY = "docent_key_".length + 8;

/** The public state of the session. */
export interface SessionState {
  /** Absent if no user is signed in. */
  username?: string;
  /** When the access token ends on this machine's clock. It is renewed before. */
  validUntil?: number;
  /** Whether the browser stays signed in when it is closed. */
  isPersistent?: boolean;
  /** The beginning of the API key that is used instead of tokens. */
  keyPrefix?: string;
  /** Why the user was signed out without asking for it. */
  notice?: string;
}

export class Session {
  readonly state = createStore<SessionState>({});
  /** Whose session the browser has; another object after each sign-in. */
  #owner: Kept | undefined;
  #accessToken: string | undefined;
  #apiKey: string | undefined;
  #renewAt = 0;
  #renewing: Promise<void> | undefined;
  /** Why there is no access token, if a renewal failed that may succeed later. */
  #failure: Error | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly api: AccountApi,
    private readonly kept?: KeptSession,
  ) {
    this.#adopt(kept?.read());
    kept?.onChange((owner) => {
      if (this.#apiKey) return;
      if (owner) this.#adopt(owner);
      else if (this.#owner) this.#forget();
    });
  }

  async register(input: UserRegisterInput, staySignedIn = false): Promise<void> {
    await this.api.register(input);
    await this.signIn(input.username, input.password, staySignedIn);
  }

  async signIn(login: string, password: string, staySignedIn = false): Promise<void> {
    this.#begin(await this.#alone(() => this.api.signIn(login, password, staySignedIn)), staySignedIn);
  }

  async useKey(text: string): Promise<void> {
    const apiKey = text.trim();
    const username = await this.api.keyOwner(apiKey);
    this.#forget();
    this.#apiKey = apiKey;
    this.state.set({ username, keyPrefix: apiKey.slice(0, SHOWN_OF_KEY) });
  }

  /** Changes the password. All sessions of the user end, and this browser has a new one. */
  async changePassword(current: string, next: string): Promise<void> {
    const isPersistent = this.#owner?.isPersistent ?? false;
    const token = await this.accessToken();
    this.#begin(await this.#alone(() => this.api.changePassword(token, current, next, isPersistent)), isPersistent);
  }

  /** Deletes the account of the user, who is asked for their password. */
  async deleteAccount(password: string): Promise<void> {
    const token = await this.accessToken();
    await this.#alone(() => this.api.deleteAccount(token, password));
    this.#end();
  }

  async signOut(): Promise<void> {
    // Also the session beside which an API key was used.
    const isKnown = this.#owner !== undefined || this.kept?.read() !== undefined;
    this.#end();
    if (isKnown) await this.#alone(() => this.api.signOut());
  }

  /**
   * The token to send now, renewed first if it is about to end, or the API key; nothing if no user is signed in. Throws if
   * somebody is signed in and the server gives no token at the moment.
   */
  async accessToken(): Promise<string | undefined> {
    if (this.#apiKey) return this.#apiKey;
    // Once more if another window changed the session meanwhile, because that answer does not count.
    while (this.#owner && Date.now() >= this.#renewAt) await this.#renew();
    if (this.#owner && !this.#accessToken && this.#failure) throw this.#failure;
    return this.#accessToken;
  }

  /**
   * The server rejected the token: the next request renews it first. An API key can't be renewed and is forgotten.
   * Returns whether a retry has a credential.
   */
  distrust(): boolean {
    if (this.#apiKey) this.#forget("This API key is no longer valid. Please sign in again.");
    this.#renewAt = 0;
    return this.#owner !== undefined;
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    return this.kept ? this.kept.alone(work) : work();
  }

  #renew(): Promise<void> {
    // A refresh token can be used once, so all requests wait for the same renewal.
    this.#renewing ??= this.#alone(() => this.#requestRenewal()).finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #requestRenewal(): Promise<void> {
    const owner = this.#owner;
    if (!owner) return;
    try {
      const grant = await this.api.refresh();
      if (this.#owner === owner) this.#hold(grant, owner.isPersistent);
    } catch (error) {
      if (this.#owner !== owner) return;
      if (error instanceof Problem && !error.isPassing) {
        this.#end("Your session has ended. Please sign in again.");
      } else {
        this.#failure = error as Error;
        this.#renewIn(RETRY_PAUSE);
      }
    }
  }

  /** The browser has this session; this window has no token of it yet. */
  #adopt(owner: Kept | undefined): void {
    if (!owner) return;
    const { username, isPersistent } = owner;
    this.#owner = owner;
    this.#accessToken = undefined;
    this.#failure = undefined;
    this.state.set({ username, isPersistent });
    this.#renewIn(0);
  }

  /** A session that this window made. */
  #begin(grant: Grant, isPersistent: boolean): void {
    this.kept?.write({ username: grant.username, isPersistent });
    this.#hold(grant, isPersistent);
  }

  #hold({ username, accessToken, lifetime }: Grant, isPersistent: boolean): void {
    this.#owner = { username, isPersistent };
    this.#accessToken = accessToken;
    this.#failure = undefined;
    this.#apiKey = undefined;
    this.#renewIn(Math.max(lifetime - RENEW_AHEAD, lifetime / 2, RENEW_PAUSE));
    this.state.set({ username, validUntil: Date.now() + lifetime, isPersistent });
  }

  /** The session of the browser is over. */
  #end(notice?: string): void {
    this.kept?.remove();
    this.#forget(notice);
  }

  #forget(notice?: string): void {
    this.#owner = undefined;
    this.#accessToken = undefined;
    this.#failure = undefined;
    this.#apiKey = undefined;
    clearTimeout(this.#timer);
    this.state.set(notice ? { notice } : {});
  }

  #renewIn(delay: number): void {
    this.#renewAt = Date.now() + delay;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#renew(), delay);
  }
}
