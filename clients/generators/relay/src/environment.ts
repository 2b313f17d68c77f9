/** Relay's way to a server, and its store. */
import { Environment, Network, RecordSource, ROOT_TYPE, Store, type GraphQLResponse } from "relay-runtime";

export function createEnvironment(endpoint: string, accessToken: () => Promise<string>): Environment {
  return new Environment({
    network: Network.create(async ({ text: query }, variables) => {
      const response = await fetch(endpoint, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${await accessToken()}` },
        body: JSON.stringify({ query, variables }),
      });
      return (await response.json()) as GraphQLResponse;
    }),
    store: new Store(new RecordSource()),
    missingFieldHandlers: [
      {
        kind: "linked",
        // What is asked for by its id may be there already, from a list.
        handle(field, record, args) {
          const isById = record?.getType() === ROOT_TYPE && ["node", "document", "collection", "operation"].includes(field.name);
          return isById && typeof args.id === "string" ? args.id : undefined;
        },
      },
    ],
  });
}
