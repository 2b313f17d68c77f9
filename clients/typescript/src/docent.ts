/** A client of one server. */
import { type AnyVariables, Client, type TypedDocumentNode, fetchExchange, subscriptionExchange } from "@urql/core";
import { type Client as Socket, createClient } from "graphql-ws";
import { toAsyncIterable } from "wonka";
import { dataOf, payloadOf, present } from "./answer.js";
import {
  CollectionCreateDocument,
  type CollectionCreateInput,
  DocumentsIngestDocument,
  type DocumentsIngestInput,
  OperationEventsDocument,
  type OperationEventsSubscription,
  SearchDocument,
  type SearchInput,
  type SearchQuery,
  UploadsCreateDocument,
} from "./generated/graphql.js";
import { type Credential, Session } from "./session.js";

export interface Options {
  /** Where the server is: `http://127.0.0.1:8080`, or with the path under which a proxy publishes it. */
  url: string;
  credential: Credential;
  /** For Node before 22, which has no WebSocket of its own: that of package `ws`. */
  webSocket?: unknown;
}

export interface File {
  name: string;
  content: Uint8Array<ArrayBuffer>;
}

export type OperationEvent = NonNullable<OperationEventsSubscription["operationEvents"]>;
export type SearchHit = NonNullable<SearchQuery["search"]>["nodes"][number];

/** Connections in a row that may end without having brought an event. */
const FRUITLESS_CONNECTIONS = 20;
/** The longest pause before a connection is made again, in milliseconds. */
const LONGEST_PAUSE = 5_000;

export class Docent {
  /** For operations of your own. */
  readonly urql: Client;
  readonly #base: string;
  readonly #session: Session;
  readonly #socket: Socket;

  constructor({ url, credential, webSocket }: Options) {
    this.#base = `${url.replace(/\/+$/, "")}/`;
    const endpoint = `${this.#base}graphql`;
    this.#session = new Session(endpoint, credential);
    this.#socket = createClient({
      url: endpoint.replace(/^http/, "ws"),
      webSocketImpl: webSocket,
      // Called for each connection, so a new one has a new token.
      connectionParams: async () => ({ authorization: await this.#authorization() }),
      // It would subscribe again with the cursor of the first time. `follow` knows the newest one.
      retryAttempts: 0,
    });
    this.urql = new Client({
      url: endpoint,
      preferGetMethod: false,
      fetch: this.#fetch,
      exchanges: [
        fetchExchange,
        subscriptionExchange({
          forwardSubscription: ({ query, variables }) => ({
            subscribe: (sink) => ({ unsubscribe: this.#socket.subscribe({ query: query ?? "", variables }, sink) }),
          }),
        }),
      ],
    });
  }

  /** Closes the connection for subscriptions. */
  async close(): Promise<void> {
    await this.#socket.dispose();
  }

  async query<Data, Variables extends AnyVariables>(
    document: TypedDocumentNode<Data, Variables>,
    variables: Variables,
  ): Promise<Data> {
    return dataOf(await this.urql.query(document, variables));
  }

  async mutate<Data, Variables extends AnyVariables>(
    document: TypedDocumentNode<Data, Variables>,
    variables: Variables,
  ): Promise<Data> {
    return dataOf(await this.urql.mutation(document, variables));
  }

  /** Creates a collection and returns its id. */
  async createCollection(input: CollectionCreateInput): Promise<string> {
    const data = await this.mutate(CollectionCreateDocument, { input });
    return present(payloadOf(data.collectionCreate).collection).id;
  }

  /** Sends files and returns the ids of their uploads, in the same order. */
  async upload(files: readonly File[]): Promise<string[]> {
    const input = { files: files.map(({ name }) => ({ fileName: name })) };
    const { uploads } = payloadOf((await this.mutate(UploadsCreateDocument, { input })).uploadsCreate);
    return Promise.all(
      uploads.map(async ({ id, url }, index) => {
        const response = await this.#fetch(new URL(url, this.#base), { method: "PUT", body: present(files[index]).content });
        if (!response.ok) throw new Error(`${String(response.status)} ${await response.text()}`);
        return id;
      }),
    );
  }

  /** Starts indexing and returns the id of the operation, for `follow`. */
  async ingest(input: DocumentsIngestInput): Promise<string> {
    const data = await this.mutate(DocumentsIngestDocument, { input });
    return present(payloadOf(data.documentsIngest).operation).id;
  }

  /** The events of an operation to its end, each once, over as many connections as that takes. */
  async *follow(operationId: string, after?: string): AsyncGenerator<OperationEvent, void> {
    let cursor = after;
    for (let lost = 0; lost < FRUITLESS_CONNECTIONS; lost++) {
      if (lost > 0) await pause(Math.min(125 * 2 ** lost, LONGEST_PAUSE));
      const events = this.urql.subscription(OperationEventsDocument, { operationId, after: cursor ?? null });
      for await (const { data, error } of toAsyncIterable(events)) {
        // Where the server answers with errors, asking again does not help.
        if (error && !error.networkError) throw error;
        if (error) break;
        const event = data?.operationEvents;
        if (!event) continue;
        lost = 0;
        cursor = event.cursor;
        yield event;
        if (isLast(event)) return;
      }
    }
    throw new Error(`no event of ${operationId} over ${String(FRUITLESS_CONNECTIONS)} connections in a row`);
  }

  /** The hits of a search, page by page. The next page is asked for when it is wanted. */
  async *search(input: SearchInput, pageSize = 20): AsyncGenerator<SearchHit[], void> {
    for (let after: string | null | undefined; ; ) {
      const { search } = await this.query(SearchDocument, { input, first: pageSize, after });
      const { nodes, pageInfo } = present(search);
      if (nodes.length > 0) yield nodes;
      if (!pageInfo.hasNextPage) return;
      after = pageInfo.endCursor;
    }
  }

  async #authorization(): Promise<string> {
    return `Bearer ${await this.#session.accessToken()}`;
  }

  readonly #fetch: typeof fetch = async (input, init) => {
    const headers = new Headers(init?.headers);
    headers.set("authorization", await this.#authorization());
    return fetch(input, { ...init, headers });
  };
}

/** Whether no event can follow this one. */
export function isLast({ kind }: OperationEvent): boolean {
  return kind === "OPERATION_COMPLETED" || kind === "OPERATION_FAILED" || kind === "OPERATION_CANCELLED";
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
