/** A request of the page as code that people can run: the query, curl, TypeScript, Python. */

export interface Request {
  query: string;
  variables: unknown;
}

/** Stands for an API key until there is one. */
export const KEY_VARIABLE = "DOCENT_KEY";

export const LANGUAGES = ["GraphQL", "curl", "TypeScript", "Python"] as const;
export type Language = (typeof LANGUAGES)[number];

export function snippet(language: Language, request: Request, endpoint: string): string {
  switch (language) {
    case "GraphQL": return graphql(request);
    case "curl": return curl(request, endpoint);
    case "TypeScript": return typescript(request, endpoint);
    case "Python": return python(request, endpoint);
  }
}

function graphql({ query, variables }: Request): string {
  return `${tidy(query)}\n\n# Variables\n${commented(JSON.stringify(variables, null, 2))}\n`;
}

function curl({ query, variables }: Request, endpoint: string): string {
  const body = JSON.stringify({ query: oneLine(query), variables }, null, 2);
  return `curl ${endpoint} \\
  -H "authorization: Bearer $${KEY_VARIABLE}" \\
  -H 'content-type: application/json' \\
  -d '${body.replaceAll("'", "'\\''")}'
`;
}

function typescript({ query, variables }: Request, endpoint: string): string {
  return `const response = await fetch(${JSON.stringify(endpoint)}, {
  method: "POST",
  headers: {
    authorization: \`Bearer \${process.env.${KEY_VARIABLE}}\`,
    "content-type": "application/json",
  },
  body: JSON.stringify({
    query: \`
${indented(tidy(query), 6).replaceAll("\\", "\\\\").replaceAll("`", "\\`").replaceAll("${", "\\${")}
    \`,
    variables: ${indented(JSON.stringify(variables, null, 2), 4).trimStart()},
  }),
});
const { data, errors } = await response.json();
console.log(JSON.stringify(errors ?? data, null, 2));
`;
}

function python({ query, variables }: Request, endpoint: string): string {
  return `import json, os, urllib.request

query = """
${tidy(query).replaceAll("\\", "\\\\").replaceAll('"""', '\\"\\"\\"')}
"""
variables = json.loads(r'''${JSON.stringify(variables, null, 2).replaceAll("'''", "\\u0027\\u0027\\u0027")}''')

request = urllib.request.Request(
    ${JSON.stringify(endpoint)},
    data=json.dumps({"query": query, "variables": variables}).encode(),
    headers={
        "authorization": f"Bearer {os.environ['${KEY_VARIABLE}']}",
        "content-type": "application/json",
    },
)
with urllib.request.urlopen(request) as response:
    print(json.dumps(json.load(response), indent=2, ensure_ascii=False))
`;
}

/** Indented by its brackets: the generator leaves its own indentation before fragments. */
function tidy(query: string): string {
  let depth = 0;
  const lines = query.trim().split("\n").map((line) => {
    const text = line.trim();
    const here = /^[})\]]/.test(text) ? depth - 1 : depth;
    depth += text.replaceAll(/[^{([]/g, "").length - text.replaceAll(/[^})\]]/g, "").length;
    return text && "  ".repeat(here) + text;
  });
  return lines.join("\n");
}

function oneLine(query: string): string {
  return query.trim().replace(/\s+/g, " ");
}

function commented(text: string): string {
  return text.split("\n").map((line) => `# ${line}`).join("\n");
}

function indented(text: string, spaces: number): string {
  return text.split("\n").map((line) => " ".repeat(spaces) + line).join("\n");
}

/** The API's address as programs elsewhere use it. */
export function endpoint(): string {
  return new URL("graphql", document.baseURI).href;
}

/** The explorer with a request in its editor. */
export function explorerLink({ query, variables }: Request): string {
  const text = JSON.stringify({ query: tidy(query), variables: JSON.stringify(variables, null, 2) });
  return new URL(`explorer.html#op=${encodeURIComponent(text)}`, document.baseURI).href;
}
