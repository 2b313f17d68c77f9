// `node generate.mjs FOLDER` does what `graphql-codegen` does in a folder whose `codegen.js` uses the client preset.
//
// The preset is called directly. The command line tool would add 200 packages that load schemas from networks and
// configuration from everywhere.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { preset } from "@graphql-codegen/client-preset";
import { codegen } from "@graphql-codegen/core";
import { buildSchema, parse } from "graphql";

const folder = resolve(process.argv[2] ?? ".");
const { default: configuration } = await import(pathToFileURL(join(folder, "codegen.js")).href);

const schema = readFileSync(join(folder, configuration.schema), "utf8");
// Of all patterns, only `folder/*.graphql` is understood.
const documentFolder = join(folder, dirname(configuration.documents));
const documents = readdirSync(documentFolder).filter((name) => name.endsWith(".graphql")).sort().map((name) => {
  const location = join(documentFolder, name);
  const rawSDL = readFileSync(location, "utf8");
  return { location, rawSDL, document: parse(rawSDL) };
});

for (const [target, output] of Object.entries(configuration.generates)) {
  const files = await preset.buildGeneratesSection({
    baseOutputDir: join(folder, target),
    schema: parse(schema),
    schemaAst: buildSchema(schema),
    documents,
    config: output.config,
    presetConfig: output.presetConfig,
    plugins: [],
    pluginMap: {},
  });
  for (const file of files) {
    mkdirSync(dirname(file.filename), { recursive: true });
    writeFileSync(file.filename, await codegen(file));
  }
}
