// Writes src/api/generated/graphql.ts: types of the saved operations and of the playground's own operations, checked
// against ../schema.graphql, by the client preset of graphql-codegen. And src/api/generated/documents.json: what the app
// and the explorer send, by digest, for servers that run only documents that they know.
//
// The preset is called directly. The command line tool would add 200 packages that load schemas from networks and
// configuration from everywhere, for this one file.
//
// `__typename` is in no type because the documents do not ask for it.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { preset } from "@graphql-codegen/client-preset";
import { codegen } from "@graphql-codegen/core";
import { buildSchema, getIntrospectionQuery, parse } from "graphql";

const root = fileURLToPath(new URL("..", import.meta.url));
const schema = readFileSync(join(root, "../schema.graphql"), "utf8");

const documents = ["operations", "src"]
  .flatMap((folder) => readdirSync(join(root, folder), { recursive: true }).map((name) => join(folder, name)))
  .filter((path) => path.endsWith(".graphql"))
  .sort()
  .map((location) => {
    const rawSDL = readFileSync(join(root, location), "utf8");
    return { location, rawSDL, document: parse(rawSDL) };
  });

const files = await preset.buildGeneratesSection({
  baseOutputDir: join(root, "src/api/generated/"),
  schema: parse(schema),
  schemaAst: buildSchema(schema),
  documents,
  config: {
    scalars: { BigInt: "string", Cursor: "string", DateTime: "string", ID: "string", JSON: "unknown" },
    strictScalars: true,
    useTypeImports: true,
    documentMode: "string",
  },
  presetConfig: { fragmentMasking: false },
  plugins: [],
  pluginMap: {},
});

// The preset's other files look operations up by their source text, which nothing here does.
const types = files.find((file) => file.filename.endsWith("/graphql.ts"));
const text = await codegen(types);
mkdirSync(dirname(types.filename), { recursive: true });
writeFileSync(types.filename, text);

/** The texts as the app has them: the preset writes them as templates without escapes. */
const own = Array.from(text.matchAll(/^export const \w+Document = new TypedDocumentString\(`([^`]*)`/gm), ([, document]) => document);
if (own.length === 0 || own.some((document) => /\\|\$\{/.test(document))) throw new Error("The texts of the documents can't be read.");
const saved = documents.filter(({ location }) => dirname(location) === "operations").map(({ rawSDL }) => rawSDL);
// As GraphiQL asks with the settings of the explorer.
const introspection = getIntrospectionQuery({ schemaDescription: true, inputValueDeprecation: false });
const digest = (document) => createHash("sha256").update(document).digest("hex");
const manifest = Object.fromEntries([...own, ...saved, introspection].map((document) => [digest(document), document]));
writeFileSync(join(dirname(types.filename), "documents.json"), JSON.stringify(manifest));
