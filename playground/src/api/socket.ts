/** Subscriptions over one WebSocket, opened when the first begins and closed when the last ends. */
import { type Client, createClient } from "graphql-ws";
import type { Session } from "../session/session";
import { type Store, createStore } from "../store";
import { type Answer, UNREACHABLE } from "./http";

/** The server rejects the token, or no longer accepts it. */
const FORBIDDEN = 4403;
/** Nobody needs it any longer. */
const NORMAL = 1000;

/** The interface of a subscription's observer. */
export interface Observer {
  next: (result: Answer) => void;
  error: (error: unknown) => void;
  complete: () => void;
}

export interface Socket {
  /** Whether the connection was lost and is being made again. */
  isLost: Store<boolean>;
  subscribe: (request: { query: string }, observer: Observer) => () => void;
}

export function createSocket(session: Session): Socket {
  const isLost = createStore(false);
  let client: Client | undefined;
  let username = session.state.get().username;

  // A socket belongs to the user who opened it.
  session.state.subscribe(() => {
    const now = session.state.get().username;
    if (now === username) return;
    username = now;
    void client?.dispose();
    client = undefined;
    isLost.set(false);
  });

  function connect(): Client {
    const url = new URL("graphql", document.baseURI);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    let wasConnected = false;
    let isRefused = false;
    return createClient({
      url: url.href,
      // A server may be down for minutes.
      retryAttempts: Infinity,
      retryWait: (retries) => new Promise((resolve) => setTimeout(resolve, Math.min(500 * 2 ** retries, 5_000))),
      async connectionParams() {
        for (;;) {
          try {
            const token = await session.accessToken();
            return token ? { authorization: `Bearer ${token}` } : {};
          } catch {
            // Without a token it would be the socket of nobody. The server gives one up that waits for too long.
            await new Promise((resolve) => setTimeout(resolve, 1_000));
          }
        }
      },
      // Wait for a server that restarts. Report a server that was never there, or a rejected key, at once.
      shouldRetry: (error) => !isRefused && (wasConnected || error instanceof CloseEvent),
      on: {
        connected() {
          wasConnected = true;
          isLost.set(false);
        },
        // The client reconnects automatically, with a new token if there can be one.
        closed(event) {
          if (!(event instanceof CloseEvent)) return;
          if (event.code === FORBIDDEN) isRefused = !session.distrust();
          isLost.set(event.code !== NORMAL && wasConnected && !isRefused);
        },
      },
    });
  }

  return {
    isLost,
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
