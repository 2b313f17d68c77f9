/** The configurations name every scalar and every list of the schema, and none that it does not have. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { buildSchema, getNamedType, isObjectType, isScalarType, isSpecifiedScalarType, parse, validate } from "graphql";
import { describe, expect, test } from "vitest";
import typescript from "../typescript/codegen.js";
import apollo from "./apollo/codegen.js";
import { typePolicies } from "./apollo/src/cache";

const root = join(import.meta.dirname, "..");
const schema = buildSchema(readFileSync(join(root, "../schema.graphql"), "utf8"));
const types = Object.values(schema.getTypeMap());
const scalars = types.filter((type) => isScalarType(type) && !isSpecifiedScalarType(type)).map(({ name }) => name).sort();

const read = (path: string) => readFileSync(join(root, path), "utf8");

/** The names that a pattern finds after `start` in a file. */
function names(path: string, pattern: RegExp, start = ""): string[] {
  const text = read(path);
  return [...text.slice(text.indexOf(start)).matchAll(pattern)].map(([, name]) => name ?? "");
}

describe("every scalar of the schema has a type", () => {
  const ofPreset = (configuration: typeof apollo) => {
    const [output] = Object.values(configuration.generates) as { config: { scalars: object; strictScalars: boolean } }[];
    // `ID` has a type that is too wide otherwise.
    expect(output?.config.strictScalars).toBe(true);
    return Object.keys(output?.config.scalars ?? {}).filter((name) => name !== "ID");
  };
  test.each<[string, () => string[]]>([
    ["the client in TypeScript", () => ofPreset(typescript)],
    ["the client in Python", () => names("python/pyproject.toml", /^\[tool\.ariadne-codegen\.scalars\.(\w+)\]$/gm)],
    ["Apollo", () => ofPreset(apollo)],
    ["Relay", () => Object.keys((JSON.parse(read("generators/relay/relay.config.json")) as { customScalarTypes: object }).customScalarTypes)],
    ["gql.tada", () => names("generators/gql.tada/src/graphql.ts", /^ {4}(\w+): \w+;$/gm, "scalars: {").filter((name) => name !== "ID")],
    ["genqlient", () => names("generators/genqlient/genqlient.yaml", /^ {2}(\w+):$/gm, "bindings:")],
    ["Apollo Kotlin", () => names("generators/apollo-kotlin/build.gradle.kts", /mapScalar\w*\("(\w+)"/g)],
    ["Apollo iOS", () => readdirSync(join(root, "generators/apollo-ios/CustomScalars")).map((name) => name.replace(".swift", ""))],
  ])("for %s", (_, named) => {
    expect(named().sort()).toEqual(scalars);
  });
});

test("Apollo's cache puts the pages of every list together, by all arguments that choose another list", () => {
  const lists = types.filter(isObjectType).flatMap((type) =>
    Object.values(type.getFields())
      .filter((field) => getNamedType(field.type).name.endsWith("Connection"))
      .map((field) => [`${type.name}.${field.name}`, field.args.map(({ name }) => name).filter((name) => !["first", "after"].includes(name))]),
  );
  const known = Object.entries(typePolicies).flatMap(([type, { fields = {} }]) =>
    Object.entries(fields).flatMap(([name, policy]) =>
      typeof policy === "object" && "keyArgs" in policy ? [[`${type}.${name}`, policy.keyArgs || []]] : [],
    ),
  );
  expect(Object.fromEntries(known)).toEqual(Object.fromEntries(lists));
});

test("genqlient's operations are valid", () => {
  expect(validate(schema, parse(read("generators/genqlient/operations.graphql")))).toEqual([]);
});

test("the snippets of the documentation are parts of the files that they name", () => {
  const page = read("../docs/clients.md");
  const snippets = [...page.matchAll(/^<!-- ([^\n]+) -->\n```\w+\n(.*?)^```$/gms)];
  expect(snippets).toHaveLength([...page.matchAll(/^```\w+$/gm)].length);
  for (const [, path = "", text = ""] of snippets) expect(read(`../${path}`), path).toContain(text.trimEnd());
});
