/** A search as a list that grows: `usePaginationFragment(hits, …).loadNext(20)`. */
import { graphql } from "relay-runtime";

export const search = graphql`
  query searchQuery($input: SearchInput!, $first: Int = 20, $after: Cursor) {
    ...search_hits @arguments(input: $input, first: $first, after: $after)
  }
`;

export const hits = graphql`
  fragment search_hits on Query
  @argumentDefinitions(
    input: { type: "SearchInput!" }
    first: { type: "Int", defaultValue: 20 }
    after: { type: "Cursor" }
  )
  @refetchable(queryName: "searchPageQuery") {
    search(input: $input, first: $first, after: $after) @connection(key: "search_search") {
      edges {
        node {
          rank
          score
          document {
            ...document_document
          }
          chunk {
            id
            content
          }
        }
      }
      tookMs
    }
  }
`;
