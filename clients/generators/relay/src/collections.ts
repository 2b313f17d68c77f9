/** One's collections, with a new one put in front. */
import { graphql } from "relay-runtime";

export const collections = graphql`
  query collectionsQuery($filter: CollectionFilter) {
    collections(filter: $filter, first: 20) @connection(key: "collections_collections", filters: ["filter"]) {
      edges {
        node {
          id
          name
        }
      }
    }
  }
`;

export const create = graphql`
  mutation collectionsCreateMutation($input: CollectionCreateInput!, $connections: [ID!]!) {
    collectionCreate(input: $input) {
      collection @prependNode(connections: $connections, edgeTypeName: "CollectionEdge") {
        id
        name
      }
      userErrors {
        message
      }
    }
  }
`;

export const remove = graphql`
  mutation collectionsDeleteMutation($id: ID!) {
    collectionDelete(input: { collectionId: $id }) {
      deletedId @deleteRecord
      userErrors {
        message
      }
    }
  }
`;
