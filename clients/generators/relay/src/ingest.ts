/** Adding documents, and following their operation. Each event brings the operation up to date in the store, by its id. */
import { graphql } from "relay-runtime";

export const ingest = graphql`
  mutation ingestMutation($input: DocumentsIngestInput!) {
    documentsIngest(input: $input) {
      operation {
        id
      }
      userErrors {
        code
        message
        path
      }
    }
  }
`;

export const events = graphql`
  subscription ingestEventsSubscription($operationId: ID!, $after: Cursor) {
    operationEvents(operationId: $operationId, after: $after) {
      cursor
      kind
      operation {
        id
        status
        progress
      }
    }
  }
`;
