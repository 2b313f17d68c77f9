// Writes src/api/generated/graphql.ts: types of the saved operations and of the playground's own operations, checked
// against ../schema.graphql, by the client preset of graphql-codegen.
//
// The preset is called directly. The command line tool would add 200 packages that load schemas from networks and
// configuration from everywhere, for this one file.
//
// `__typename` is in no type because the documents do not ask for it.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { preset } from "@graphql-codegen/client-preset";
import { codegen } from "@graphql-codegen/core";
import { buildSchema, parse } from "graphql";

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
mkdirSync(dirname(types.filename), { recursive: true });
writeFileSync(types.filename, await codegen(types));
