/**
 * Who is signed in: with a password, and then with tokens that are renewed, or with an API key. A key lives in this object
 * only. Tokens are kept over a reload of their window (`kept.ts`). If their user asks to stay signed in, all windows share
 * them, and one of them renews them for all.
 */
import type { UserRegisterInput } from "../api/generated/graphql";
import { createStore } from "../store";
import type { AccountApi, Grant } from "./api";
import type { Change, Kept, KeptSession } from "./kept";
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
  /** Whether all windows of the browser are signed in, until their user signs out. */
  isShared?: boolean;
  /** The beginning of the API key that is used instead of tokens. */
  keyPrefix?: string;
  /** Why the user was signed out without asking for it. */
  notice?: string;
}

export class Session {
  readonly state = createStore<SessionState>({});
  #grant: Grant | undefined;
  #apiKey: string | undefined;
  #renewAt = 0;
  #renewing: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether other windows share the tokens. */
  #isShared = false;

  constructor(
    private readonly api: AccountApi,
    private readonly kept?: KeptSession,
  ) {
    this.#adopt(kept?.read());
    kept?.onChange((change) => { this.#hear(change); });
  }

  async register(input: UserRegisterInput, staySignedIn = false): Promise<void> {
    await this.api.register(input);
    await this.signIn(input.username, input.password, staySignedIn);
  }

  async signIn(login: string, password: string, staySignedIn = false): Promise<void> {
    const { username, ...grant } = await this.api.signIn(login, password);
    this.#isShared = staySignedIn;
    this.#accept(grant, username);
  }

  /** Takes the tokens that the server gave in exchange for a new password. */
  replace(grant: Grant): void {
    const { username } = this.state.get();
    if (username) this.#accept(grant, username);
  }

  async useKey(text: string): Promise<void> {
    const apiKey = text.trim();
    const username = await this.api.keyOwner(apiKey);
    this.#forget();
    this.#apiKey = apiKey;
    this.state.set({ username, keyPrefix: apiKey.slice(0, SHOWN_OF_KEY) });
  }

  async signOut(): Promise<void> {
    const grant = this.#grant;
    this.kept?.remove(this.#isShared);
    this.#forget();
    if (grant) await this.api.signOut(grant.refreshToken);
  }

  /** The token to send now, renewed first if it is about to end, or the API key; nothing if no user is signed in. */
  async accessToken(): Promise<string | undefined> {
    if (this.#apiKey) return this.#apiKey;
    if (this.#grant && Date.now() >= this.#renewAt) await this.#renew();
    return this.#grant?.accessToken;
  }

  /**
   * The server rejected the token: the next request renews it first. An API key can't be renewed and is forgotten.
   * Returns whether a retry has a credential.
   */
  distrust(): boolean {
    if (this.#apiKey) this.#forget("This API key is no longer valid. Please sign in again.");
    this.#renewAt = 0;
    return this.#grant !== undefined;
  }

  #renew(): Promise<void> {
    // A refresh token can be used once, so all requests wait for the same renewal.
    const renewal = () => this.#requestRenewal();
    this.#renewing ??= (this.kept ? this.kept.alone(renewal) : renewal()).finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #requestRenewal(): Promise<void> {
    // Another window may have done it while this one waited for its turn.
    const newest = this.kept?.read();
    if (newest?.isShared && this.#isShared && newest.grant.refreshToken !== this.#grant?.refreshToken) {
      this.#adopt(newest);
      return;
    }
    const old = this.#grant;
    const username = this.state.get().username;
    if (!old || !username) return;
    try {
      const grant = await this.api.refresh(old.refreshToken);
      if (this.#grant === old) this.#accept(grant, username, old.refreshToken);
    } catch (error) {
      if (this.#grant !== old) return;
      if (error instanceof Problem && !error.isPassing) this.#forget("Your session has ended. Please sign in again.", true);
      else this.#renewIn(RETRY_PAUSE);
    }
  }

  /** Another window signed in, renewed the tokens, or signed out. */
  #hear({ kept, replaced }: Change): void {
    if (this.#apiKey) return;
    if (replaced !== undefined) {
      if (!kept || this.#grant?.refreshToken !== replaced) return;
      this.kept?.write(kept);
      this.#adopt(kept);
    } else if (!this.#grant || this.#isShared) {
      if (kept) this.#adopt(kept);
      else this.#forget();
    }
  }

  #adopt(kept: Kept | undefined): void {
    if (!kept) return;
    const { username, grant, endsAt, isShared } = kept;
    this.#isShared = isShared;
    const lifetime = endsAt - Date.now();
    this.#hold({ ...grant, lifetime }, username);
    // Nobody renewed it for a while: the next request does.
    if (lifetime < RENEW_PAUSE) this.#renewIn(0);
  }

  #accept(grant: Grant, username: string, replaced?: string): void {
    this.kept?.write({ username, grant, endsAt: Date.now() + grant.lifetime, isShared: this.#isShared }, replaced);
    this.#hold(grant, username);
  }

  #hold(grant: Grant, username: string): void {
    this.#grant = grant;
    this.#apiKey = undefined;
    this.#renewIn(Math.max(grant.lifetime - RENEW_AHEAD, grant.lifetime / 2, RENEW_PAUSE));
    this.state.set({ username, validUntil: Date.now() + grant.lifetime, ...(this.#isShared && { isShared: true }) });
  }

  #forget(notice?: string, isOver = false): void {
    if (isOver) this.kept?.remove(this.#isShared);
    this.#isShared = false;
    this.#grant = undefined;
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
