import { type FragmentOf, type ResultOf, type VariablesOf, graphql, readFragment } from "./graphql";

const DocumentRow = graphql(`
  fragment DocumentRow on Document {
    id
    fileName
    fileSize
    meta
    status
  }
`);

const Search = graphql(
  `
    query Search($input: SearchInput!, $first: Int, $after: Cursor) {
      search(input: $input, first: $first, after: $after) {
        nodes {
          rank
          document {
            ...DocumentRow
          }
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  `,
  [DocumentRow],
);

export const variables: VariablesOf<typeof Search> = { input: { query: "trams", mode: "HYBRID" }, first: 5 };

/** The size is a string of digits, because it may be larger than a number is exact. */
export function size(row: FragmentOf<typeof DocumentRow>): bigint {
  const { fileSize } = readFragment(DocumentRow, row);
  return BigInt(fileSize satisfies string);
}

export function endCursor({ search }: ResultOf<typeof Search>): string | null {
  return search?.pageInfo.endCursor ?? null;
}

const Ingest = graphql(`
  mutation Ingest($input: DocumentsIngestInput!) {
    documentsIngest(input: $input) {
      operation {
        id
      }
    }
  }
`);

export const ingest: VariablesOf<typeof Ingest> = {
  input: { collectionId: "…", documents: [{ content: { text: "Line nine." }, fileName: "a.txt" }] },
};

export const neither: VariablesOf<typeof Ingest> = {
  // @ts-expect-error A content is a text or an upload. (That it is not both is for the server to say.)
  input: { collectionId: "…", documents: [{ content: {} }] },
};
