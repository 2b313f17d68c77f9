/** A cache that knows the lists of the schema. */
import { type FieldPolicy, InMemoryCache, type TypePolicies } from "@apollo/client";
import { relayStylePagination } from "@apollo/client/utilities";

const byId = (typename: string): FieldPolicy => ({
  // What is asked for by its id may be there already, from a list.
  read: (_, { args, toReference }) => toReference({ __typename: typename, id: args?.id as string }),
});

export const typePolicies: TypePolicies = {
  Query: {
    fields: {
      // Pages of one list are those with the same other arguments.
      search: relayStylePagination(["input"]),
      collections: relayStylePagination(["filter", "orderBy"]),
      operations: relayStylePagination(["filter"]),
      auditLog: relayStylePagination(["filter"]),
      users: relayStylePagination(["filter"]),
      invitations: relayStylePagination(["filter"]),
      collection: byId("Collection"),
      document: byId("Document"),
      operation: byId("Operation"),
    },
  },
  Collection: {
    fields: {
      documents: relayStylePagination(["filter", "orderBy"]),
      members: relayStylePagination(["filter"]),
      operations: relayStylePagination(),
      sources: relayStylePagination(["filter"]),
    },
  },
  Document: { fields: { chunks: relayStylePagination() } },
  Operation: { fields: { documents: relayStylePagination(["filter", "outcomes"]), events: relayStylePagination() } },
  Source: { fields: { documents: relayStylePagination(["filter"]), runs: relayStylePagination(["filter"]) } },
  User: { fields: { apiKeys: relayStylePagination(), sessions: relayStylePagination() } },
};

export function createCache(): InMemoryCache {
  return new InMemoryCache({ typePolicies });
}
