/** A document, read again through `node`: `useRefetchableFragment(document, …)`. */
import { graphql } from "relay-runtime";

export const document = graphql`
  fragment document_document on Document @refetchable(queryName: "documentRefetchQuery") {
    id
    fileName
    fileSize
    status
    meta
    createdAt
  }
`;

/** The chunks of a document: a connection below a node. */
export const chunks = graphql`
  fragment document_chunks on Document
  @argumentDefinitions(first: { type: "Int", defaultValue: 20 }, after: { type: "Cursor" })
  @refetchable(queryName: "documentChunksPageQuery") {
    chunks(first: $first, after: $after) @connection(key: "document_chunks") {
      edges {
        node {
          id
          content
        }
      }
    }
  }
`;
