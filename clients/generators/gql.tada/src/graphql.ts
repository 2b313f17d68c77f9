import { initGraphQLTada } from "gql.tada";
import type { introspection } from "./generated";

export const graphql = initGraphQLTada<{
  introspection: introspection;
  scalars: {
    BigInt: string;
    Cursor: string;
    DateTime: string;
    ID: string;
    JSON: unknown;
  };
}>();

export type { FragmentOf, ResultOf, VariablesOf } from "gql.tada";
export { readFragment } from "gql.tada";
