/** Requests of the app, sent as the signed-in user. Every error is a `Problem`, and no answer has half of its data. */
import { accountApi } from "../session/api";
import { keptSession } from "../session/kept";
import { Problem, problemOfRequest, problemOfUser } from "../session/problem";
import { Session } from "../session/session";
import type { TypedDocumentString } from "./generated/graphql";
import { isTokenRefused, post } from "./http";
import { createSocket } from "./socket";

export const session = new Session(accountApi, keptSession);
export const socket = createSocket(session);

export async function ask<R, V>(document: TypedDocumentString<R, V>, variables: V, signal?: AbortSignal): Promise<R> {
  const request = { query: document.toString(), variables };
  let { answer } = await post(request, await authorization(), signal);
  // Nothing ran, so it is safe to retry with a new token.
  if (isTokenRefused(answer) && session.distrust()) ({ answer } = await post(request, await authorization(), signal));
  if (!answer.data || answer.errors?.length) throw problemOfRequest(answer.errors);
  return answer.data as R;
}

interface Payload {
  userErrors: { message: string; path: string[]; code?: string }[];
}

/** Runs a mutation with one root field and returns what it returns. What the server rejects is a `Problem`. */
export async function change<R extends Record<string, Payload | null>, V>(
  document: TypedDocumentString<R, V>,
  variables: V,
): Promise<NonNullable<R[keyof R]>> {
  const data = await ask(document, variables);
  const payload = Object.values(data)[0];
  if (!payload) throw problemOfRequest();
  const problem = problemOfUser(payload.userErrors);
  if (problem) throw problem;
  return payload as NonNullable<R[keyof R]>;
}

/** The header of a request that is not GraphQL: an upload or a download. */
export async function authorization(): Promise<Record<string, string>> {
  const token = await session.accessToken();
  return token ? { authorization: `Bearer ${token}` } : {};
}

/** The bytes of an original file. */
export async function download(url: string, signal?: AbortSignal): Promise<Blob> {
  const response = await fetch(new URL(url, document.baseURI), {
    headers: await authorization(),
    ...(signal && { signal }),
  });
  if (!response.ok) throw new Problem([{ message: `The server did not send the file (status ${response.status}).` }]);
  return response.blob();
}
