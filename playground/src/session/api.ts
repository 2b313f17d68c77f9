/** The account operations of the API, with every error turned into a `Problem`. */
import {
  KeyOwnerDocument,
  RefreshSessionDocument,
  RegisterDocument,
  SignInDocument,
  SignOutDocument,
  type TypedDocumentString,
  type UserRegisterInput,
} from "../api/generated/graphql";
import { post } from "../api/http";
import { Problem, problemOfRequest, problemOfUser } from "./problem";

/** A pair of tokens as the server returns it. */
export interface Grant {
  accessToken: string;
  /** Valid for one refresh. */
  refreshToken: string;
  /** How long the access token is valid from now on, in milliseconds: the two clocks may differ. */
  lifetime: number;
}

export interface AccountApi {
  register(input: UserRegisterInput): Promise<void>;
  signIn(login: string, password: string): Promise<Grant & { username: string }>;
  /** The user name of the owner of a valid API key. */
  keyOwner(apiKey: string): Promise<string>;
  refresh(refreshToken: string): Promise<Grant>;
  signOut(refreshToken: string): Promise<void>;
}

export const accountApi: AccountApi = {
  async register(input) {
    const { data } = await ask(RegisterDocument, { input });
    refuse(data.userRegister);
  },
  async signIn(login, password) {
    const { data, serverTime } = await ask(SignInDocument, { input: { login, password } });
    const payload = refuse(data.sessionCreate);
    return { ...grant(payload, serverTime), username: payload.viewer?.username ?? login };
  },
  async keyOwner(apiKey) {
    if (!/^docent_key_[\w-]+$/.test(apiKey)) {
      throw new Problem([{ message: "An API key begins with docent_key_. Paste the whole key.", field: "apiKey" }]);
    }
    const { data } = await ask(KeyOwnerDocument, {}, { authorization: `Bearer ${apiKey}` });
    if (!data.viewer) throw problemOfRequest();
    return data.viewer.username;
  },
  async refresh(refreshToken) {
    const { data, serverTime } = await ask(RefreshSessionDocument, { input: { refreshToken } });
    return grant(refuse(data.sessionRefresh), serverTime);
  },
  async signOut(refreshToken) {
    const { data } = await ask(SignOutDocument, { input: { refreshToken } });
    refuse(data.sessionRevoke);
  },
};

async function ask<R, V>(
  document: TypedDocumentString<R, V>,
  variables: V,
  headers?: HeadersInit,
): Promise<{ data: R; serverTime: number }> {
  const { answer, serverTime } = await post({ query: document.toString(), variables }, headers);
  // Each of them selects one field, so a response with an error has no other data to use.
  if (!answer.data || answer.errors?.length) throw problemOfRequest(answer.errors);
  return { data: answer.data as R, serverTime };
}

function refuse<P extends { userErrors: { message: string; path: string[] }[] }>(payload: P | null): P {
  if (!payload) throw problemOfRequest();
  const problem = problemOfUser(payload.userErrors);
  if (problem) throw problem;
  return payload;
}

interface Tokens {
  accessToken: string | null;
  refreshToken: string | null;
  expiresAt: string | null;
}

function grant({ accessToken, refreshToken, expiresAt }: Tokens, serverTime: number): Grant {
  if (!accessToken || !refreshToken || !expiresAt) throw problemOfRequest();
  return { accessToken, refreshToken, lifetime: Date.parse(expiresAt) - serverTime };
}
