/** The account operations of the API, with every error turned into a `Problem`. */
import {
  ChangePasswordDocument,
  DeleteAccountDocument,
  KeyOwnerDocument,
  RefreshSessionDocument,
  RegisterDocument,
  SignInDocument,
  SignOutDocument,
  type TokenDelivery,
  type TypedDocumentString,
  type UserRegisterInput,
} from "../api/generated/graphql";
import { post } from "../api/http";
import { Problem, problemOfRequest, problemOfUser } from "./problem";

/** An access token as the server returns it. The refresh token that comes with it is in a cookie that no script can read. */
export interface Grant {
  username: string;
  accessToken: string;
  /** How long the access token is valid from now on, in milliseconds: the two clocks may differ. */
  lifetime: number;
}

export interface AccountApi {
  register(input: UserRegisterInput): Promise<void>;
  /** `isPersistent`: the browser keeps the session when it is closed. */
  signIn(login: string, password: string, isPersistent: boolean): Promise<Grant>;
  /** The user name of the owner of a valid API key. */
  keyOwner(apiKey: string): Promise<string>;
  refresh(): Promise<Grant>;
  signOut(): Promise<void>;
  changePassword(accessToken: string | undefined, currentPassword: string, newPassword: string, isPersistent: boolean): Promise<Grant>;
  deleteAccount(accessToken: string | undefined, password: string): Promise<void>;
}

/** Cookies count only in requests that have this header, which no other site can have a browser send. */
const WITH_COOKIE = { "graphql-require-preflight": "1" };

export const accountApi: AccountApi = {
  async register(input) {
    const { data } = await ask(RegisterDocument, { input });
    refuse(data.userRegister);
  },
  async signIn(login, password, isPersistent) {
    const input = { login, password, delivery: delivery(isPersistent) };
    const { data, serverTime } = await ask(SignInDocument, { input }, WITH_COOKIE);
    return grant(refuse(data.sessionCreate), serverTime);
  },
  async keyOwner(apiKey) {
    if (!/^docent_key_[\w-]+$/.test(apiKey)) {
      throw new Problem([{ message: "An API key begins with docent_key_. Paste the whole key.", field: "apiKey" }]);
    }
    const { data } = await ask(KeyOwnerDocument, {}, { authorization: `Bearer ${apiKey}` });
    if (!data.viewer) throw problemOfRequest();
    return data.viewer.username;
  },
  async refresh() {
    const { data, serverTime } = await ask(RefreshSessionDocument, {}, WITH_COOKIE);
    return grant(refuse(data.sessionRefresh), serverTime);
  },
  async signOut() {
    const { data } = await ask(SignOutDocument, {}, WITH_COOKIE);
    refuse(data.sessionRevoke);
  },
  async changePassword(accessToken, currentPassword, newPassword, isPersistent) {
    const input = { currentPassword, newPassword, delivery: delivery(isPersistent) };
    const { data, serverTime } = await ask(ChangePasswordDocument, { input }, signed(accessToken));
    return grant(refuse(data.passwordChange), serverTime);
  },
  async deleteAccount(accessToken, password) {
    const { data } = await ask(DeleteAccountDocument, { input: { password } }, signed(accessToken));
    refuse(data.userDelete);
  },
};

function delivery(isPersistent: boolean): TokenDelivery {
  return isPersistent ? "PERSISTENT_COOKIE" : "COOKIE";
}

function signed(accessToken: string | undefined): HeadersInit {
  return accessToken ? { ...WITH_COOKIE, authorization: `Bearer ${accessToken}` } : WITH_COOKIE;
}

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

interface Granted {
  accessToken: string | null;
  expiresAt: string | null;
  viewer: { username: string } | null;
}

function grant({ accessToken, expiresAt, viewer }: Granted, serverTime: number): Grant {
  if (!accessToken || !expiresAt || !viewer) throw problemOfRequest();
  return { username: viewer.username, accessToken, lifetime: Date.parse(expiresAt) - serverTime };
}
