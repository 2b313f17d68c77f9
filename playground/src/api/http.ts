/** One GraphQL request over HTTP. Knows nothing of accounts. */

export interface AnswerError {
  message: string;
  extensions?: Record<string, unknown>;
}

export interface Answer {
  data?: Record<string, unknown> | null;
  errors?: AnswerError[];
}

export const UNREACHABLE = "The server can't be reached. Is it still running?";

/** The server could not be reached, or the response was not from Docent. */
export class Unreachable extends Error {}

export interface Posted {
  answer: Answer;
  /** The server's clock, in milliseconds, if the response has it. */
  serverTime: number;
}

export async function post(request: object, headers?: HeadersInit, signal?: AbortSignal): Promise<Posted> {
  const allHeaders = new Headers(headers);
  allHeaders.set("content-type", "application/json");
  allHeaders.set("accept", "application/graphql-response+json, application/json;q=0.9");
  let response: Response;
  try {
    response = await fetch(new URL("graphql", document.baseURI), {
      method: "POST",
      headers: allHeaders,
      body: JSON.stringify(request),
      ...(signal && { signal }),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Unreachable(UNREACHABLE);
  }
  const serverTime = Date.parse(response.headers.get("date") ?? "") || Date.now();
  try {
    const answer = (await response.json()) as Answer;
    tellWhenToRetry(answer, Number(response.headers.get("retry-after")) * 1000);
    return { answer, serverTime };
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Unreachable(`The server answered with status ${response.status} and no GraphQL response.`);
  }
}

/** The header says when to retry after every error, its extensions only after some. */
function tellWhenToRetry(answer: Answer, retryAfterMs: number): void {
  if (!(retryAfterMs > 0)) return;
  for (const error of answer.errors ?? []) {
    if (error.extensions?.code === "RATE_LIMITED") error.extensions.retryAfterMs ??= retryAfterMs;
  }
}

/** Whether the token was rejected before anything ran: then there is no `data` at all, not even null. */
export function isTokenRefused(answer: Answer): boolean {
  if (answer.data !== undefined) return false;
  return answer.errors?.some((error) => error.extensions?.code === "UNAUTHENTICATED") ?? false;
}
