/** Subscriptions over one WebSocket, opened when the first begins and closed when the last ends. */
import { type Client, createClient } from "graphql-ws";
import type { Session } from "../account/session";
import type { Answer } from "./http";

/** The server refuses the token, or takes it no longer. */
const FORBIDDEN = 4403;

/** What a subscription's observer has to offer. */
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

  // A socket belongs to who opened it.
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
    return createClient({
      url: url.href,
      async connectionParams() {
        const token = await session.accessToken();
        return token ? { authorization: `Bearer ${token}` } : {};
      },
      on: {
        // The client connects again by itself, then with a new token.
        closed(event) {
          if (event instanceof CloseEvent && event.code === FORBIDDEN) session.distrust();
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

function readable(error: unknown): unknown {
  if (!(error instanceof CloseEvent)) return error;
  return new Error(`The connection was closed: ${error.reason || "the server can't be reached"} (${error.code}).`);
}
