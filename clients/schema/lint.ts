/** The rules for `schema.graphql`, and those that are off, each with its reason. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import plugin from "@graphql-eslint/eslint-plugin";
import { ESLint, type Linter } from "eslint";
import {
  type GraphQLNamedType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
} from "graphql";

/** Rules of @graphql-eslint that are off. Of graphql-schema-linter, all are on. */
export const OFF: Record<string, string> = {
  alphabetize: "graphql-schema-linter sorts. This rule has another order: ids first, times last.",
  "no-root-type": "The schema has mutations and subscriptions. The rule is for those that must not.",
  "no-scalar-result-type-on-mutation": "Covered by the rule below: a mutation returns its own payload.",
  "require-deprecation-date": "It wants an argument of `@deprecated` that GraphQL does not have. `deprecations` below wants a date in the reason.",
  "require-field-of-type-query-in-mutation-result": "Payloads carry what they changed. Whoever wants more can ask for it by its id.",
  "strict-id-in-types": "Values have no identity. `nodes` below wants that all that have an id are nodes.",
};

/** Rules of @graphql-eslint with other options than by default. */
const OPTIONS: Linter.RulesRecord = {
  // Lists are paged forwards only: their order is that of keys, and a page before another one is that page again.
  "relay-arguments": ["error", { includeBoth: false }],
  // Connections have `nodes` beside `edges`, and short lists that are not paged are plain.
  "relay-edge-types": ["error", { withEdgeSuffix: true, shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false }],
};

/** What the rules find and we know. An entry that is not found any more has to go. */
export const KNOWN = [
  { rule: "no-typename-prefix", message: 'Field "username" starts with the name of the parent type "User"' },
];

export interface Finding {
  rule: string;
  message: string;
}

/** What @graphql-eslint finds in a file. */
export async function eslint(path: string): Promise<Finding[]> {
  const rules: Linter.RulesRecord = {
    ...plugin.configs["flat/schema-all"].rules,
    ...plugin.configs["flat/schema-relay"].rules,
    ...named(OPTIONS),
    ...named(Object.fromEntries(Object.keys(OFF).map((rule) => [rule, "off" as const]))),
  };
  const linter = new ESLint({
    cwd: join(path, ".."),
    overrideConfigFile: true,
    overrideConfig: {
      files: ["**/*.graphql"],
      plugins: { "@graphql-eslint": plugin as unknown as ESLint.Plugin },
      languageOptions: { parser: plugin.parser, parserOptions: { graphQLConfig: { schema: path } } },
      rules,
    },
  });
  const results = await linter.lintFiles(path);
  return results.flatMap(({ messages }) =>
    messages.map(({ ruleId, message }) => ({ rule: ruleId?.replace("@graphql-eslint/", "") ?? "parser", message })),
  );
}

function named<Value>(rules: Record<string, Value>): Record<string, Value> {
  return Object.fromEntries(Object.entries(rules).map(([rule, value]) => [`@graphql-eslint/${rule}`, value]));
}

/** What graphql-schema-linter finds in a file. */
export function schemaLinter(path: string): Promise<Finding[]> {
  const program = join(import.meta.dirname, "../node_modules/.bin/graphql-schema-linter");
  return new Promise((resolve, reject) => {
    // Its status is 1 if it finds anything.
    execFile(program, ["--format", "json", path], (_, output, complaints) => {
      if (complaints) {
        reject(new Error(complaints));
        return;
      }
      const { errors } = JSON.parse(output) as { errors: Finding[] };
      resolve(errors.map(({ rule, message }) => ({ rule, message })));
    });
  });
}

/** Types with an id that `node` does not find. */
export function nodes(schema: GraphQLSchema): string[] {
  const types = typesOf(schema).filter(isObjectType);
  const hasIdentity = types.filter((type) => type.getFields().id);
  return hasIdentity.filter((type) => !type.getInterfaces().some(({ name }) => name === "Node")).map(({ name }) => name);
}

/** Deprecations that don't say since when. */
export function deprecations(schema: GraphQLSchema): string[] {
  const isDated = (reason: string) => /\bSince \d{4}-\d{2}-\d{2}\.$/.test(reason);
  return typesOf(schema).flatMap((type) =>
    membersOf(type)
      .filter(({ deprecationReason: reason }) => typeof reason === "string" && !isDated(reason))
      .map(({ name }) => `${type.name}.${name}`),
  );
}

interface Member {
  name: string;
  deprecationReason?: string | null | undefined;
}

function membersOf(type: GraphQLNamedType): Member[] {
  if (isEnumType(type)) return [...type.getValues()];
  if (isInputObjectType(type)) return Object.values(type.getFields());
  if (!isObjectType(type) && !isInterfaceType(type)) return [];
  return Object.values(type.getFields()).flatMap((field) => [
    field,
    ...field.args.map((argument) => ({ ...argument, name: `${field.name}.${argument.name}` })),
  ]);
}

function typesOf(schema: GraphQLSchema): GraphQLNamedType[] {
  return Object.values(schema.getTypeMap()).filter((type) => !isIntrospectionType(type));
}
