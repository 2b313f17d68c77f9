/** Runs GraphiQL's requests: subscriptions over a WebSocket, the rest over HTTP, both as the signed-in user. */
import type { GraphiQLProps } from "graphiql";
import { type ExecutionResult, OperationTypeNode, getOperationAST, parse } from "graphql";
import type { Session } from "../session/session";
import { type Answer, Unreachable, isTokenRefused, post } from "../api/http";
import { Problem } from "../session/problem";
import type { Observer, Socket } from "../api/socket";

type Fetcher = GraphiQLProps["fetcher"];

/** Receives every response before the user sees it. */
export interface Listener {
  answered: (data: Answer["data"]) => void;
  event: (data: Answer["data"]) => void;
  /** No event follows: all were received, the user stopped, or the connection was lost. */
  ended: () => void;
}

export function createFetcher(session: Session, socket: Socket, listener: Listener): Fetcher {
  return (params, options) => {
    const operation = operationOf(params.query, params.operationName);
    const request = operation ? { ...params, operationName: operation.name?.value } : params;
    if (operation?.operation !== OperationTypeNode.SUBSCRIPTION) return answer(request, options?.headers);

    // An observable and not an async generator, because a generator that waits for an event can't be stopped.
    const subscribe = (observer: Observer) => {
      const unsubscribe = socket.subscribe(request, {
        next(result) {
          listener.event(result.data);
          observer.next(result);
        },
        error(error) {
          listener.ended();
          observer.error(error);
        },
        complete() {
          listener.ended();
          observer.complete();
        },
      });
      return {
        unsubscribe() {
          unsubscribe();
          listener.ended();
        },
      };
    };
    return { subscribe } as ReturnType<Fetcher>;
  };

  async function answer(request: object, headers: HeadersInit | undefined): Promise<ExecutionResult> {
    const typed = new Headers(headers);
    let answer = await send(request, typed);
    // Nothing ran, so it is safe to retry with a new token.
    if (isTokenRefused(answer) && !typed.has("authorization") && session.distrust()) {
      answer = await send(request, typed);
    }
    listener.answered(answer.data);
    return answer as ExecutionResult;
  }

  async function send(request: object, typed: Headers): Promise<Answer> {
    const headers = new Headers(typed);
    try {
      // An Authorization header that the user typed into GraphiQL wins.
      if (!headers.has("authorization")) {
        const token = await session.accessToken();
        if (token) headers.set("authorization", `Bearer ${token}`);
      }
      return (await post(request, headers)).answer;
    } catch (error) {
      // GraphiQL would show a stack trace with it.
      if (error instanceof Unreachable || error instanceof Problem) return { errors: [{ message: error.message }] };
      throw error;
    }
  }
}

/**
 * The name of the operation to run. For a moment after a change of tabs, GraphiQL still passes the operation name of the
 * previous tab, so a name that the document does not have is ignored.
 */
function operationOf(query: string, name: string | null | undefined) {
  try {
    const document = parse(query);
    return getOperationAST(document, name) ?? getOperationAST(document);
  } catch {
    // The server reports best what is wrong with it.
    return undefined;
  }
}
