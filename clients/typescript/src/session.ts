/** Who asks: an account, whose session renews itself, or an API key. */
import { Client, CombinedError, fetchExchange } from "@urql/core";
import { InputError, dataOf, payloadOf, present } from "./answer.js";
import { SessionCreateDocument, SessionRefreshDocument } from "./generated/graphql.js";

export type Credential = { login: string; password: string } | { apiKey: string };

interface Tokens {
  access: string;
  refresh: string;
  /** In milliseconds since 1970. */
  expiresAt: number;
}

/** How long before its end an access token is replaced, in milliseconds. */
const RESERVE = 60_000;

export class Session {
  readonly #client: Client;
  readonly #credential: Credential;
  #tokens: Tokens | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(endpoint: string, credential: Credential) {
    this.#client = new Client({ url: endpoint, exchanges: [fetchExchange], preferGetMethod: false });
    this.#credential = credential;
  }

  /** What to send as `Authorization: Bearer …`. The first call signs in. */
  accessToken(): Promise<string> {
    // One after the other, because a refresh token can be used once.
    const token = this.#turn.then(() => this.#validToken());
    this.#turn = token.catch(() => undefined);
    return token;
  }

  async #validToken(): Promise<string> {
    if ("apiKey" in this.#credential) return this.#credential.apiKey;
    if (!this.#tokens) this.#tokens = await this.#open(this.#credential);
    else if (this.#tokens.expiresAt - Date.now() < RESERVE) {
      this.#tokens = await this.#renew(this.#tokens).catch((error: unknown) => {
        // The session has ended; only a new one helps. A server that can't be reached is another matter.
        if (isRefusal(error)) return undefined;
        throw error;
      });
      this.#tokens ??= await this.#open(this.#credential);
    }
    return this.#tokens.access;
  }

  async #open(input: { login: string; password: string }): Promise<Tokens> {
    const data = dataOf(await this.#client.mutation(SessionCreateDocument, { input }));
    return tokensOf(payloadOf(data.sessionCreate));
  }

  async #renew({ refresh }: Tokens): Promise<Tokens> {
    const data = dataOf(await this.#client.mutation(SessionRefreshDocument, { input: { refreshToken: refresh } }));
    return tokensOf(payloadOf(data.sessionRefresh));
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof InputError || (error instanceof CombinedError && !error.networkError);
}

function tokensOf(payload: { accessToken: string | null; refreshToken: string | null; expiresAt: string | null }): Tokens {
  return {
    access: present(payload.accessToken),
    refresh: present(payload.refreshToken),
    expiresAt: Date.parse(present(payload.expiresAt)),
  };
}
