import {
  AddDocumentsDocument,
  CollectionCreateDocument,
  FollowDocument,
  KeyCollectionsDocument,
  SearchDocument,
} from "../../api/generated/graphql";
import { KEY_VARIABLE, type Request } from "../../code/snippets";

/** From an empty server to an answer. */
export const FIRST_REQUESTS: (Request & { name: string })[] = [
  { name: "List collections", query: KeyCollectionsDocument.toString(), variables: {} },
  { name: "Create a collection", query: CollectionCreateDocument.toString(), variables: { input: { name: "Field notes" } } },
  {
    name: "Add a text",
    query: AddDocumentsDocument.toString(),
    variables: {
      input: {
        collectionId: "<id of the collection>",
        documents: [{ fileName: "tides.md", content: { text: "Most coasts see high water twice a day." } }],
      },
    },
  },
  { name: "Search", query: SearchDocument.toString(), variables: { input: { query: "when is high water?" }, first: 5 } },
  {
    name: "Search one collection",
    query: SearchDocument.toString(),
    variables: { input: { query: "when is high water?", collectionIds: ["<id of the collection>"], groupBy: "DOCUMENT" }, first: 5 },
  },
];

export function uploadSnippet(endpoint: string): string {
  const origin = new URL(endpoint).origin;
  return `# 1. Ask for a place for the file: it has an id and a url.
curl ${endpoint} -H "authorization: Bearer $${KEY_VARIABLE}" -H 'content-type: application/json' \\
  -d '{"query": "mutation { uploadCreate(input: { fileName: \\"report.pdf\\" }) { upload { id url } userErrors { message } } }"}'

# 2. Send its bytes to the url.
curl -T report.pdf "${origin}<url>" -H "authorization: Bearer $${KEY_VARIABLE}"

# 3. Make a document of it.
curl ${endpoint} -H "authorization: Bearer $${KEY_VARIABLE}" -H 'content-type: application/json' \\
  -d '{"query": "mutation { documentsIngest(input: { collectionId: \\"<collection>\\", documents: [{ content: { uploadId: \\"<id>\\" } }] }) { operation { id } userErrors { message path } } }"}'
`;
}

export function subscriptionSnippet(endpoint: string): string {
  return `import { createClient } from "graphql-ws";

const client = createClient({
  url: "${endpoint.replace(/^http/, "ws")}",
  connectionParams: { authorization: \`Bearer \${process.env.${KEY_VARIABLE}}\` },
});
const events = client.iterate({
  query: \`${FollowDocument.toString().trim().replace(/\n {4}/g, "\n")}\`,
  variables: { operationId: "<id of the operation>" },
});
for await (const { data } of events) console.log(data.operationEvents.kind, data.operationEvents.document?.fileName ?? "");
`;
}
