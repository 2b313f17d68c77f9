/** Subscriptions over one WebSocket, opened when the first begins and closed when the last ends. */
import { type Client, createClient } from "graphql-ws";
import type { Session } from "../account/session";
import { type Answer, UNREACHABLE } from "./http";

/** The server rejects the token, or no longer accepts it. */
const FORBIDDEN = 4403;

/** The interface of a subscription's observer. */
export interface Observer {
  next: (result: Answer) => void;
  error: (error: unknown) => void;
  complete: () => void;
}

export interface Socket {
  subscribe: (request: { query: string }, observer: Observer) => () => void;
}

export function createSocket(session: Session): Socket {
  let client: Client | undefined;
  let username = session.state.get().username;

  // A socket belongs to the user who opened it.
  session.state.subscribe(() => {
    const now = session.state.get().username;
    if (now === username) return;
    username = now;
    void client?.dispose();
    client = undefined;
  });

  function connect(): Client {
    const url = new URL("graphql", document.baseURI);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    let wasConnected = false;
    let isRefused = false;
    return createClient({
      url: url.href,
      async connectionParams() {
        const token = await session.accessToken();
        return token ? { authorization: `Bearer ${token}` } : {};
      },
      // Wait for a server that restarts. Report a server that was never there, or a rejected key, at once.
      shouldRetry: (error) => !isRefused && (wasConnected || error instanceof CloseEvent),
      on: {
        connected() {
          wasConnected = true;
        },
        // The client reconnects automatically, with a new token if there can be one.
        closed(event) {
          if (event instanceof CloseEvent && event.code === FORBIDDEN) isRefused = !session.distrust();
        },
      },
    });
  }

  return {
    subscribe(request, observer) {
      client ??= connect();
      return client.subscribe(request, {
        next: (result) => { observer.next(result as Answer); },
        error: (error) => { observer.error(readable(error)); },
        complete: observer.complete,
      });
    },
  };
}

/** What the client reports, as a list of errors for people: GraphQL errors as they are, the rest in words. */
function readable(error: unknown): unknown {
  if (error instanceof CloseEvent && error.reason) return [{ message: `The server closed the connection: ${error.reason}` }];
  if (error instanceof Event) return [{ message: UNREACHABLE }];
  return error;
}
