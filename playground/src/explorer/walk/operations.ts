/** The saved operations of `playground/operations`, in the order of their numbers. */

export interface SavedOperation {
  /** The operation's name in GraphQL, which is also its tab's title. */
  name: string;
  /** The comment on top of the file as plain text, without its number. */
  description: string;
  query: string;
  variables: string;
}

// The options are written twice because Vite reads them without running the code.
const queries = import.meta.glob<string>("../../../operations/*.graphql", { query: "?raw", import: "default", eager: true });
const variables = import.meta.glob<string>("../../../operations/*.json", { query: "?raw", import: "default", eager: true });

export const savedOperations: SavedOperation[] = Object.keys(queries)
  .sort((a, b) => numberOf(a) - numberOf(b))
  .map((path) => {
    const query = queries[path] ?? "";
    return {
      name: /^(?:query|mutation|subscription) (\w+)/m.exec(query)?.[1] ?? path,
      description: Array.from(query.matchAll(/^# (?:\d+\. )?(.*)$/gm), (line) => line[1]).join(" ").replaceAll("`", ""),
      query,
      variables: (variables[path.replace(/graphql$/, "json")] ?? "{}").trim(),
    };
  });

/** The operations as the guide shows them. Those of the first chapter are the tabs of a first visit. */
export const chapters = [
  { title: "From a search to your own collection", operations: savedOperations.slice(0, 6) },
  { title: "Sharing, keys and accounts", operations: savedOperations.slice(6, 13) },
  { title: "When something is wrong", operations: savedOperations.slice(13, 16) },
  { title: "Documents and where they come from", operations: savedOperations.slice(16) },
] as const;

function numberOf(path: string): number {
  return Number(/(\d+)-[^/]*$/.exec(path)?.[1]);
}
